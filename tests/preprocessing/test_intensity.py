import numpy as np
import pytest

from leukcnn.errors import ArgumentError
from leukcnn.preprocessing import rescale, subtract_channel_mean


def test_rescale_multiplies_and_returns_float32():
    image = np.array([[[0, 51, 255]]], np.uint8)
    scaled = rescale(image, 1 / 255)
    assert scaled.dtype == np.float32
    assert np.allclose(scaled, [[[0, 0.2, 1]]], atol=1e-7)
    assert image.ravel().tolist() == [0, 51, 255]


@pytest.mark.parametrize("scale", [float("nan"), float("inf"), "1/255", None, True])
def test_rescale_refuses_factors_that_are_not_numbers(scale):
    with pytest.raises(ArgumentError, match="scale is"):
        rescale(np.zeros((1, 1, 3), np.uint8), scale)


def test_channel_means_equal_those_by_hand():
    image = np.array([[[0, 10], [4, 30]]], np.uint8)
    assert subtract_channel_mean(image).tolist() == [[[-2, -10], [2, 10]]]


def test_each_image_has_its_own_means():
    batch = np.random.default_rng(0).integers(0, 256, (3, 20, 30, 3), dtype=np.uint8)
    before = batch.copy()
    centred = subtract_channel_mean(batch)
    assert centred.dtype == np.float32
    assert np.abs(centred.mean(axis=(1, 2), dtype=np.float64)).max() < 1e-5
    assert np.array_equal(centred[2], subtract_channel_mean(batch[2]))
    assert np.array_equal(batch, before)


def test_a_large_plain_image_becomes_zero():
    assert not subtract_channel_mean(np.full((400, 400, 3), 0.1, np.float32)).any()
