"""Networks whose form alone is asked for: layers, shapes and numbers of parameters, without values."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras


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
