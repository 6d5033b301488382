import itertools

import keras
import numpy as np
import pytest

from leukcnn.augmentation import FILL_MODES, ImageAugmenter
from leukcnn.augmentation.on_device import OnDevice
from leukcnn.augmentation.transforms import NEUTRAL
from leukcnn.errors import ArgumentError

GEOMETRY = {
    "rotation_range": 180,
    "width_shift_range": 0.4,
    "height_shift_range": 0.4,
    "shear_range": 20,
    "zoom_range": 0.5,
    "flips": "any_of",
    "quarter_turns": True,
}
EFFECTS = (
    {},
    {"shear_factor": (0.1, 0.35)},
    {"salt_and_pepper": 0.02},
    {"salt_and_pepper": 0.1},
    {"gaussian_blur": 5},
    {"gaussian_blur": 9},
)


class Given(ImageAugmenter):
    """Gives the parameters at a seed's position in a list."""

    def __init__(self, params, **arguments):
        super().__init__(rotation_range=90, **arguments)
        self.params = params

    def get_random_transform(self, image_shape, rng):
        return self.params[rng]


def random_images(count, height, width, channels=3):
    return np.random.default_rng(0).integers(0, 256, (count, height, width, channels)).astype(np.uint8)


def on_both(augmenter, images, seeds):
    """Returns the host's result and the device's, as int64."""
    on_device = OnDevice(augmenter, images.shape[1:])
    inputs = {"images": images, **on_device.transforms(seeds)}
    if keras.backend.backend() == "jax":
        import jax

        device = jax.jit(on_device.apply)(inputs)
    else:
        device = on_device.apply(inputs)
    assert keras.backend.standardize_dtype(device.dtype) == "float32"
    host = images.copy()
    changed = [i for i, seed in enumerate(seeds) if seed is not None]
    host[changed] = augmenter.apply_batch(images[changed], [seeds[i] for i in changed])
    return host.astype(np.int64), np.asarray(keras.ops.convert_to_numpy(device)).astype(np.int64)


@pytest.mark.backend
@pytest.mark.parametrize("fill_mode", FILL_MODES)
def test_the_device_gives_what_the_host_gives_to_one_grey_level(fill_mode):
    augmenter = ImageAugmenter(**GEOMETRY, one_of=EFFECTS, fill_mode=fill_mode, cval=200)
    images = random_images(64, 24, 24)
    seeds = [None if i % 8 == 0 else i for i in range(64)]
    host, device = on_both(augmenter, images, seeds)
    assert np.abs(device - host).max() <= 1
    assert (device != host).mean() < 0.001
    assert np.array_equal(device[::8], images[::8])


@pytest.mark.backend
@pytest.mark.parametrize("fill_mode", ["constant", "wrap"])
def test_the_last_bit_of_a_coordinate_decides_as_on_the_host(fill_mode):
    angles = (0.0, 45.0, 90.0, 135.0, 180.0, 270.0, 90.00000000000001, -450.0)
    zooms = (1.0, 0.5, 1 / 3, 3.0, 1.0000000000000002, 0.9999999999999999)
    shifts = (0.0, 1.0, -9.0, 1 / 3, 28.0)
    params = [
        {**NEUTRAL, "theta": theta, "zx": zoom, "zy": zoom, "tx": shift, "ty": -shift, "flip_vertical": True}
        for theta, zoom, shift in itertools.product(angles, zooms, shifts)
    ]
    augmenter = Given(params, fill_mode=fill_mode, cval=200)
    host, device = on_both(augmenter, random_images(len(params), 9, 14), range(len(params)))
    assert np.abs(device - host).max() <= 1


@pytest.mark.parametrize("size", [1, 3, 7, 11, 31])
def test_the_blur_is_exactly_the_hosts(size):
    for shape in ((20, 9), (3, 1)):
        host, device = on_both(ImageAugmenter(gaussian_blur=size), random_images(3, *shape), range(3))
        assert np.array_equal(device, host)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_images_have_one_to_four_channels(channels):
    augmenter = ImageAugmenter(**GEOMETRY, one_of=EFFECTS, salt_value=1)
    host, device = on_both(augmenter, random_images(12, 10, 10, channels), range(12))
    assert np.abs(device - host).max() <= 1


def test_whole_pixels_are_moved_exactly():
    augmenter = ImageAugmenter(width_shift_range=9, height_shift_range=[40], flips="one_of", fill_mode="wrap")
    host, device = on_both(augmenter, random_images(20, 11, 7), range(20))
    assert np.array_equal(device, host)


def test_an_augmenter_that_changes_nothing_sends_no_transforms():
    on_device = OnDevice(ImageAugmenter(), (5, 6, 3))
    images = random_images(2, 5, 6)
    assert on_device.transforms([1, 2]).keys() == {"changed"}
    assert np.array_equal(on_device.apply({"images": images}), images)


def test_the_arrays_have_the_shapes_that_are_given():
    on_device = OnDevice(ImageAugmenter(**GEOMETRY, one_of=EFFECTS), (8, 8, 3))
    arrays = on_device.transforms([None, 0, 1])
    assert {name: array.shape[1:] for name, array in arrays.items()} == on_device.shapes()
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.int32)}


def test_images_that_do_not_fit_are_refused():
    with pytest.raises(ArgumentError, match="5 channels"):
        OnDevice(ImageAugmenter(), (8, 8, 5))
    with pytest.raises(ArgumentError, match="8x9"):
        OnDevice(ImageAugmenter(quarter_turns=True), (8, 9, 3))
