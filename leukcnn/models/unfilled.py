"""Build networks without values, to check their layers, shapes and numbers of parameters."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import keras

from leukcnn.models import arguments_of
from leukcnn.spec import Model


@contextmanager
def unfilled() -> Iterator[None]:
    """Context in which networks are built without values, which saves time and memory.

    Their variables have shapes and can be counted, but not read. Values that are assigned to them exist only
    within the context. A kernel initializer other than "glorot_uniform" may still sample values; see
    `without_sampling`. Keras' session is cleared at the end, so the numbers in names of layers start again.
    """
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        # Otherwise the variables would be initialized at the end of the next such scope.
        keras.utils.clear_session(free_memory=False)


def without_sampling(model: Model) -> Model:
    """Returns the model with the initializer "glorot_uniform", which samples no values within `unfilled`."""
    if "kernel_initializer" not in arguments_of(model.name).names:
        return model
    return replace(model, arguments={**model.arguments, "kernel_initializer": "glorot_uniform"})
