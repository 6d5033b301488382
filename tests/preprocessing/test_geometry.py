import cv2
import numpy as np
import pytest
from PIL import Image

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


# Weights of the four nearest pixels halfway between their centres and edges: Keys' kernel with a = -3/4.
QUARTER = np.array([-27, 225, 67, -9]) / 256


def enlarged_by_hand(levels):
    """Returns a row of grey levels at twice its length; new pixels are a quarter of a pixel off old ones."""
    padded = np.pad(np.asarray(levels, np.float64), 3, mode="edge")
    doubled = []
    for centre in range(3, 3 + len(levels)):
        before, after = padded[centre - 2 : centre + 2], padded[centre - 1 : centre + 3]
        doubled += [before @ QUARTER[::-1], after @ QUARTER]
    return np.array(doubled)


def test_enlarging_to_twice_the_size_is_cubic_by_hand():
    levels = [0, 100, 100, 20]
    row = np.array([levels], np.float32)[..., None]
    np.testing.assert_allclose(resize(row, (1, 8)).ravel(), enlarged_by_hand(levels), atol=1e-4)
    np.testing.assert_allclose(
        resize(row.reshape(4, 1, 1), (8, 1)).ravel(), enlarged_by_hand(levels), atol=1e-4
    )
    # By hand, the first pixel is 0 - 27 / 256 * 100.
    assert resize(row, (1, 8)).ravel()[0] == pytest.approx(-10.546875)


def test_cubic_overshoots_and_uint8_is_clipped():
    step = np.repeat([0, 0, 255, 255], 3).reshape(1, 4, 3).astype(np.uint8)
    as_float = resize(step.astype(np.float32), (1, 16))
    assert as_float.min() < -1 and as_float.max() > 256
    clipped = resize(step, (1, 16))
    np.testing.assert_allclose(clipped, np.clip(as_float, 0, 255), atol=1)


def has_blocks(image, factor=2):
    """Returns whether an image consists of equal squares of `factor` pixels."""
    small = image[::factor, ::factor]
    return np.array_equal(small.repeat(factor, axis=0).repeat(factor, axis=1), image)


@pytest.mark.parametrize("interpolation", [("area", "cubic"), ("area", "linear"), "cubic", "linear"])
@pytest.mark.parametrize("factor", [2, 3])
def test_no_blocks_appear(interpolation, factor):
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    assert has_blocks(resize(image, (20 * factor, 30 * factor), interpolation="nearest"), factor)
    assert not has_blocks(resize(image, (20 * factor, 30 * factor), interpolation=interpolation), factor)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("size", [(20, 30), (7, 30), (20, 11), (7, 11), (1, 1)])
def test_shrinking_is_that_of_opencv_bit_for_bit(dtype, size):
    image = np.random.default_rng(1).integers(0, 256, (20, 30, 3)).astype(dtype)
    expected = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(resize(image, size), expected)


@pytest.mark.parametrize(("name", "flag"), [("cubic", cv2.INTER_CUBIC), ("linear", cv2.INTER_LINEAR)])
@pytest.mark.parametrize("size", [(40, 60), (23, 31), (20, 31), (224, 224)])
def test_enlarging_is_that_of_opencv(name, flag, size):
    image = np.random.default_rng(2).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    expected = cv2.resize(image, size[::-1], interpolation=flag)
    np.testing.assert_array_equal(resize(image, size, interpolation=("area", name)), expected)


def test_linear_enlarging_is_that_of_pillow():
    image = np.random.default_rng(3).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    expected = np.asarray(Image.fromarray(image).resize((77, 45), Image.Resampling.BILINEAR))
    found = resize(image, (45, 77), interpolation=("area", "linear"))
    assert np.abs(found.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("size", [(10, 60), (40, 15)])
def test_an_image_that_shrinks_along_one_axis_and_grows_along_the_other_shrinks_first(size):
    image = np.random.default_rng(4).integers(0, 256, (20, 30, 3)).astype(np.float32)
    halved = (
        image.reshape(10, 2, 30, 3).mean(axis=1) if size[0] == 10 else image.reshape(20, 15, 2, 3).mean(2)
    )
    found = resize(image, size)
    for channel in range(3):
        lines = halved[..., channel] if size[0] == 10 else halved[..., channel].T
        result = found[..., channel] if size[0] == 10 else found[..., channel].T
        expected = [enlarged_by_hand(line) for line in lines]
        np.testing.assert_allclose(result, expected, atol=1e-2)


@pytest.mark.parametrize("size", [(21, 30), (10, 31), (40, 60)])
@pytest.mark.parametrize("interpolation", ["area", ("area", "area"), ("linear", "area")])
def test_area_never_enlarges(size, interpolation):
    with pytest.raises(ArgumentError, match=r"(?s)20x30 pixels is enlarged to .* with 'area'.*cubic"):
        resize(numbered(20, 30), size, interpolation=interpolation)


@pytest.mark.parametrize(
    "interpolation", [None, 3, (), ("area",), ("area", "cubic", "cubic"), ("area", 1), "Cubic"]
)
def test_interpolation_is_a_known_name_or_two(interpolation):
    with pytest.raises(ArgumentError, match=r"(?s)The interpolation is .*a pair"):
        resize(numbered(4, 4), 2, interpolation=interpolation)


def test_the_same_size_gives_a_copy():
    image = numbered(4, 6)
    same = resize(image, (4, 6))
    assert np.array_equal(same, image)
    assert not np.shares_memory(same, image)
