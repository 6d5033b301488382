"""Calling an augmenter, in NumPy and in tf.data."""

import numpy as np
import pytest

from leukcnn.augmentation import ImageAugmenter
from leukcnn.errors import ArgumentError
from leukcnn.seeding import child_seed

ARGUMENTS = {
    "rotation_range": 40,
    "width_shift_range": 0.2,
    "zoom_range": (0.8, 1.3),
    "horizontal_flip": True,
    "fill_mode": "reflect",
    "one_of": ({}, {"salt_and_pepper": 0.1}, {"gaussian_blur": 3}),
}
AUGMENTER = ImageAugmenter(**ARGUMENTS)
SEED = 7


def images_of(dtype=np.uint8, count=11):
    return np.random.default_rng(3).integers(0, 256, (count, 20, 16, 3)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_root_seed_gives_each_image_a_child_seed_by_its_number(dtype):
    images = images_of(dtype)
    before = images.copy()
    augmented = AUGMENTER(images, seed=SEED)
    seeds = [child_seed(SEED, "augmentation", i) for i in range(len(images))]
    assert augmented.dtype == dtype
    assert np.array_equal(augmented, AUGMENTER.apply_batch(images, seeds))
    assert np.array_equal(images, before)
    assert not np.array_equal(augmented, AUGMENTER(images, seed=SEED + 1))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("size", [1, 3, 4, 11])
@pytest.mark.parametrize("threads", [1, 3])
def test_batches_of_any_size_and_any_threads_give_the_same_images(dtype, size, threads):
    images = images_of(dtype)
    batches = [
        AUGMENTER(images[first : first + size], seed=SEED, start=first, threads=threads)
        for first in range(0, len(images), size)
    ]
    assert np.array_equal(np.concatenate(batches), AUGMENTER(images, seed=SEED))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_single_image_is_a_batch_of_one(dtype):
    image = images_of(dtype)[0]
    augmented = AUGMENTER(image, seed=SEED, start=4)
    assert augmented.shape == image.shape
    assert augmented.dtype == dtype
    assert np.array_equal(augmented, AUGMENTER(image[None], seed=SEED, start=4)[0])
    assert np.array_equal(AUGMENTER(image, seed=[9]), AUGMENTER.random_transform(image, 9))


@pytest.mark.parametrize("seeds", [range(11), tuple(range(11)), np.arange(11), list(np.arange(11))], ids=repr)
def test_a_sequence_has_a_seed_for_each_image(seeds):
    images = images_of()
    assert np.array_equal(AUGMENTER(images, seed=seeds), AUGMENTER.apply_batch(images, range(11)))


def test_numpy_numbers_are_seeds_too():
    images = images_of()
    expected = AUGMENTER(images, seed=SEED, start=2)
    assert np.array_equal(AUGMENTER(images, seed=np.int64(SEED), start=np.int32(2)), expected)
    assert np.array_equal(AUGMENTER(images, seed=np.array(SEED), start=2), expected)


def test_an_empty_batch_stays_empty():
    assert AUGMENTER(images_of(count=0), seed=SEED).shape == (0, 20, 16, 3)


def test_a_call_without_a_seed_is_refused():
    with pytest.raises(ArgumentError, match=r"(?s)There is no seed.*one seed for each image.*seed=0"):
        AUGMENTER(images_of())


@pytest.mark.parametrize(
    "seed", [-1, True, 1.5, "7", [1.5] * 11, [-1] * 11, [[1]] * 11, np.zeros((11, 1))], ids=repr
)
def test_seeds_that_are_not_whole_numbers_are_refused(seed):
    with pytest.raises(ArgumentError, match="seed is"):
        AUGMENTER(images_of(), seed=seed)


def test_a_sequence_of_another_length_is_refused():
    with pytest.raises(ArgumentError, match=r"(?s)There are 3 seeds.*one seed for each image"):
        AUGMENTER(images_of(), seed=[1, 2, 3])


@pytest.mark.parametrize("start", [-1, 1.0, True, None])
def test_a_start_that_is_not_a_whole_number_is_refused(start):
    with pytest.raises(ArgumentError, match="start is"):
        AUGMENTER(images_of(), seed=SEED, start=start)


@pytest.mark.parametrize(
    "images", [None, np.zeros((4, 5), np.uint8), np.zeros((4, 5, 3)), np.zeros((2, 4, 5, 3), np.int64)]
)
def test_other_arrays_are_refused(images):
    with pytest.raises(ArgumentError, match="What to do"):
        AUGMENTER(images, seed=SEED)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_the_lines_for_tf_data_give_the_images_of_a_call(dtype):
    """As the class's docstring has them; parallel calls and batches don't change the result."""
    import tensorflow as tf

    images, labels = images_of(dtype), np.arange(11)

    def augment(i, image):
        return AUGMENTER(image, seed=SEED, start=i)

    def augment_element(i, element):
        image, label = element
        augmented = tf.numpy_function(augment, [i, image], image.dtype)
        return tf.ensure_shape(augmented, image.shape), label

    ds = tf.data.Dataset.from_tensor_slices((images, labels))
    ds = ds.repeat(2).enumerate().map(augment_element, num_parallel_calls=4).batch(4)
    assert ds.element_spec[0].shape == (None, 20, 16, 3)
    batches = list(ds.as_numpy_iterator())
    expected = AUGMENTER(np.concatenate([images, images]), seed=SEED)
    assert np.array_equal(np.concatenate([batch for batch, _ in batches]), expected)
    assert np.array_equal(np.concatenate([label for _, label in batches]), np.tile(labels, 2))
    # `repeat` before `enumerate` numbers on: the second epoch has transforms of its own.
    assert not np.array_equal(expected[:11], expected[11:])
