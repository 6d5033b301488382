"""Memory of batches: aligned, and used again as soon as, but not before, nobody holds it."""

import keras
import numpy as np
import pytest

from leukcnn.pipeline.memory import BatchMemory


def address(array):
    return array.__array_interface__["data"][0]


def test_memory_is_used_again_when_the_last_view_is_gone():
    memory = BatchMemory()
    first = memory.array((4, 8, 8, 3))
    begins, view = address(first), first[1:, ::2][1:]
    del first
    view[:] = 7
    second = memory.array((4, 8, 8, 3))
    second[:] = 1
    assert address(second) != begins and (view == 7).all()
    del view
    smaller = memory.array((2, 8, 8, 3))
    assert address(smaller) == begins and smaller.shape == (2, 8, 8, 3) and smaller.dtype == np.uint8


def test_arrays_begin_where_backends_take_them_as_they_are():
    memory = BatchMemory()
    held = [memory.array((n, 5, 5, 3)) for n in range(1, 6)]
    assert [address(one) % 64 for one in held] == [0] * 5


@pytest.mark.backend
def test_a_tensor_keeps_its_memory():
    memory = BatchMemory()
    array = memory.array((64, 64))
    array[:] = 3
    tensor = keras.ops.convert_to_tensor(array)
    del array
    others = [memory.array((64, 64)) for _ in range(3)]
    for one in others:
        one[:] = 9
    assert (keras.ops.convert_to_numpy(tensor) == 3).all()
