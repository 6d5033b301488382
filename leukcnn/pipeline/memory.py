"""Memory of batches, which is used again when nobody holds the batch any more."""

import ctypes
import math
import weakref
from collections.abc import Sequence

import numpy as np

# Bytes. TensorFlow and JAX take an array on the processor as it is if it begins at a multiple of it.
_ALIGNMENT = 64


class BatchMemory:
    """Arrays for batches, in memory that earlier batches had.

    New memory of several megabytes is empty: the system fills in each page when it is first written to, which
    can take longer than an augmentation. Several threads may call it.
    """

    def __init__(self) -> None:
        self._free: list[np.ndarray] = []

    def array(self, shape: Sequence[int]) -> np.ndarray:
        """Returns an array, uint8, with any values, that backends don't copy on the processor.

        Its memory is given to another one when this array, its views and tensors in it are gone.
        """
        size = math.prod(shape)
        try:
            block = self._free.pop()
        except IndexError:
            block = np.empty(size + _ALIGNMENT, np.uint8)
        if len(block) < size + _ALIGNMENT:
            block = np.empty(size + _ALIGNMENT, np.uint8)
        # Views of views hold the owner, not each other: it ends with the last of them.
        owner = (ctypes.c_uint8 * len(block)).from_buffer(block.data)
        weakref.finalize(owner, self._free.append, block).atexit = False
        start = -block.ctypes.data % _ALIGNMENT
        return np.frombuffer(memoryview(owner), np.uint8, count=size, offset=start).reshape(shape)
