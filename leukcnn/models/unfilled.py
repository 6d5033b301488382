"""Networks whose form alone is asked for: layers, shapes and numbers of parameters, without values."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import keras

from leukcnn.models import arguments_of
from leukcnn.spec import Model


@contextmanager
def unfilled() -> Iterator[None]:
    """Has the networks that are built within it go without values, which saves time and memory.

    Their variables have shapes and can be counted, but not read; what is assigned to them is kept within the
    scope alone. A kernel initializer other than "glorot_uniform" may draw values all the same. Keras' session
    is cleared at the end, so names of layers are counted from the beginning again.
    """
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        # Variables without a value would be filled at the end of the next such scope.
        keras.utils.clear_session(free_memory=False)


def drawing_nothing(model: Model) -> Model:
    """Returns a network with the one kernel initializer that draws no values within `unfilled`."""
    if "kernel_initializer" not in arguments_of(model.name).names:
        return model
    return replace(model, arguments={**model.arguments, "kernel_initializer": "glorot_uniform"})
