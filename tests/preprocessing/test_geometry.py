import numpy as np
import pytest

from leukcnn.errors import ArgumentError
from leukcnn.preprocessing import center_crop, resize, square_crop


def numbered(height, width, dtype=np.uint8):
    """Returns an image with 10 row + column in all channels of each pixel."""
    grid = 10 * np.arange(height)[:, None] + np.arange(width)
    return np.repeat(grid[..., None], 3, axis=2).astype(dtype)


def test_center_crop_equals_one_by_hand():
    assert center_crop(numbered(5, 5), 3)[..., 0].tolist() == [[11, 12, 13], [21, 22, 23], [31, 32, 33]]


def test_an_odd_margin_is_larger_at_the_bottom_and_on_the_right():
    assert center_crop(numbered(4, 5), (1, 2))[..., 0].tolist() == [[11, 12]]


def test_center_crop_crops_each_image_of_a_batch():
    batch = np.stack([numbered(6, 8), numbered(6, 8) + 100])
    cropped = center_crop(batch, (2, 4))
    assert cropped.shape == (2, 2, 4, 3)
    assert np.array_equal(cropped[1], center_crop(batch[1], (2, 4)))


def test_center_crop_to_the_same_size_is_the_image():
    assert np.array_equal(center_crop(numbered(4, 6), (4, 6)), numbered(4, 6))


@pytest.mark.parametrize("size", [6, (6, 5), (5, 6)])
def test_center_crop_refuses_sizes_above_the_image_s(size):
    with pytest.raises(ArgumentError, match=r"(?s)image of 5x5.*at most 5x5.*resize"):
        center_crop(numbered(5, 5), size)


@pytest.mark.parametrize("size", [0, -1, 2.5, True, (1, 2, 3), "big", None, (0, 3)])
def test_other_sizes_are_refused(size):
    with pytest.raises(ArgumentError, match="size is"):
        center_crop(numbered(5, 5), size)


@pytest.mark.parametrize(("height", "width", "columns"), [(2, 6, [2, 3]), (2, 5, [1, 2])])
def test_square_crop_is_central(height, width, columns):
    assert square_crop(numbered(height, width))[0, :, 0].tolist() == columns


def test_square_crop_of_a_tall_batch():
    assert square_crop(np.zeros((3, 9, 4, 1), np.float32)).shape == (3, 4, 4, 1)


def test_area_is_the_mean_of_the_covered_pixels():
    image = np.array([[0, 10, 100, 100], [20, 30, 100, 100]], np.float32)[..., None]
    assert resize(image, (1, 2)).ravel().tolist() == [15, 100]


def test_linear_equals_interpolation_by_hand():
    image = np.array([[0, 100]], np.float32)[..., None]
    assert resize(image, (1, 4), interpolation="linear").ravel().tolist() == [0, 25, 75, 100]


@pytest.mark.parametrize("interpolation", ["area", "linear", "nearest", "cubic", "lanczos"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_resize_keeps_dtype_channels_and_plain_colour(interpolation, dtype, channels):
    image = np.full((2, 20, 30, channels), 77, dtype)
    resized = resize(image, (7, 5), interpolation=interpolation)
    assert resized.shape == (2, 7, 5, channels)
    assert resized.dtype == dtype
    assert np.allclose(resized, 77, atol=1e-4)


def test_resize_resizes_each_image_of_a_batch():
    batch = np.random.default_rng(0).integers(0, 256, (2, 12, 9, 3), dtype=np.uint8)
    assert np.array_equal(resize(batch, 6)[1], resize(batch[1], 6))


def test_resize_of_a_crop_leaves_the_image_unchanged():
    image = numbered(9, 9)
    before = image.copy()
    resize(center_crop(image, 5), 3)
    assert np.array_equal(image, before)


def test_an_unknown_interpolation_is_refused():
    with pytest.raises(ArgumentError, match=r"(?s)'bilinear'.*'linear'"):
        resize(numbered(4, 4), 2, interpolation="bilinear")
