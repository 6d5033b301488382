import cv2
import numpy as np
import pytest

from leukcnn.augmentation import gaussian_blur, salt_and_pepper
from leukcnn.errors import ArgumentError


def random_image(shape=(50, 40, 3), dtype=np.uint8):
    return np.random.default_rng(3).integers(1, 255, shape).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize(("amount", "count"), [(0.02, 40), (0.0, 0), (1.0, 2000), (0.0026, 5)])
def test_the_count_is_exact_and_half_of_it_is_salt(dtype, amount, count):
    image = random_image(dtype=dtype)
    noisy = salt_and_pepper(image, amount, np.random.default_rng(0))
    changed = (noisy != image).any(axis=-1)
    assert noisy.dtype == dtype
    assert changed.sum() == count
    assert (noisy == 255).all(axis=-1).sum() == count // 2
    assert (noisy == 0).all(axis=-1).sum() == count - count // 2


def test_every_position_and_both_colours_are_equally_likely():
    image = np.full((4, 5, 1), 128, np.uint8)
    rng = np.random.default_rng(1)
    noisy = np.stack([salt_and_pepper(image, 0.2, rng) for _ in range(4000)])
    for value in (0, 255):
        # 2 of 20 positions in each image: 400 +- 19 of 4,000.
        assert np.abs((noisy == value).sum(axis=0) - 400).max() < 90


def test_the_generator_determines_the_result():
    image = random_image()
    one, same, other = (salt_and_pepper(image, 0.1, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_white_can_be_one():
    noisy = salt_and_pepper(np.full((10, 10, 3), 0.5, np.float32), 0.5, np.random.default_rng(0), salt=1.0)
    assert sorted(np.unique(noisy)) == [0, 0.5, 1]


def test_the_blur_of_a_point_equals_one_by_hand():
    image = np.zeros((7, 7, 1), np.float32)
    image[3, 3] = 256
    kernel = np.array([1, 4, 6, 4, 1]) / 16
    expected = np.zeros((7, 7))
    expected[1:6, 1:6] = 256 * np.outer(kernel, kernel)
    assert np.allclose(gaussian_blur(image, 5)[..., 0], expected)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_the_blur_is_that_of_opencv(dtype, channels):
    image = random_image((20, 30, channels), dtype)
    blurred = gaussian_blur(image, 17)
    assert blurred.shape == image.shape
    assert blurred.dtype == dtype
    assert np.array_equal(blurred, cv2.GaussianBlur(image, (17, 17), 0).reshape(image.shape))


@pytest.mark.parametrize("kernel", [lambda *a, **k: gaussian_blur(a[0], 5, **k), salt_and_pepper])
def test_the_image_changes_only_if_it_is_the_output(kernel):
    image = random_image()
    before = image.copy()
    result = kernel(image, 0.1, 5)
    assert np.array_equal(image, before)
    assert not np.array_equal(result, before)
    assert kernel(image, 0.1, 5, out=image) is image
    assert np.array_equal(image, result)


@pytest.mark.parametrize("size", [0, 4, -3, 2.5, "5", True])
def test_other_kernel_sizes_are_refused(size):
    with pytest.raises(ArgumentError, match=r"(?s)size is.*odd"):
        gaussian_blur(random_image(), size)


@pytest.mark.parametrize("amount", [-0.1, 1.1, float("nan"), "much"])
def test_amounts_that_are_not_fractions_are_refused(amount):
    with pytest.raises(ArgumentError, match="amount is"):
        salt_and_pepper(random_image(), amount, np.random.default_rng(0))
