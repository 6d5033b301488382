from collections import Counter

import numpy as np
import pytest

from leukcnn.augmentation import ImageAugmenter, gaussian_blur, salt_and_pepper
from leukcnn.errors import ArgumentError
from leukcnn.seeding import child_seed

SHAPE = (24, 30, 3)
EVERYTHING = {
    "rotation_range": 40,
    "width_shift_range": 0.2,
    "height_shift_range": 0.1,
    "shear_range": 15,
    "zoom_range": (0.8, 1.3),
    "horizontal_flip": True,
    "vertical_flip": True,
    "fill_mode": "reflect",
}
CNMC = {
    "rotation_range": (20, 339),
    "flips": "one_of",
    "fill_mode": "constant",
    "one_of": ({}, {"shear_factor": (0.1, 0.35)}, {"salt_and_pepper": 0.02}, {"gaussian_blur": 5}),
}


def batch_of(count=6, dtype=np.uint8):
    return np.random.default_rng(11).integers(0, 256, (count, *SHAPE)).astype(dtype)


def transforms_of(augmenter, count=4000, shape=SHAPE):
    rng = np.random.default_rng(0)
    return [augmenter.get_random_transform(shape, rng) for _ in range(count)]


def spread(transforms, key):
    values = [params[key] for params in transforms]
    return min(values), max(values), sum(values) / len(values)


@pytest.mark.parametrize(
    ("key", "lower", "upper"),
    [
        ("theta", -40, 40),
        ("tx", -2.4, 2.4),
        ("ty", -6, 6),
        ("shear", -15, 15),
        ("zx", 0.8, 1.3),
        ("zy", 0.8, 1.3),
    ],
)
def test_sampled_values_fill_their_intervals_evenly(key, lower, upper):
    smallest, largest, mean = spread(transforms_of(ImageAugmenter(**EVERYTHING)), key)
    width = upper - lower
    assert lower <= smallest < lower + 0.01 * width
    assert upper - 0.01 * width < largest <= upper
    assert mean == pytest.approx((lower + upper) / 2, abs=0.02 * width)


def test_flips_are_independent_and_each_has_probability_one_half():
    flips = Counter(
        (p["flip_horizontal"], p["flip_vertical"]) for p in transforms_of(ImageAugmenter(**EVERYTHING))
    )
    assert len(flips) == 4
    assert all(abs(count - 1000) < 120 for count in flips.values())


def test_any_of_the_flips_is_the_two_arguments():
    words = transforms_of(ImageAugmenter(**{**CNMC, "flips": "any_of"}))
    given = {**CNMC, "flips": None, "horizontal_flip": True, "vertical_flip": True}
    assert words == transforms_of(ImageAugmenter(**given))


def test_one_of_the_three_flips_is_chosen():
    flips = Counter((p["flip_horizontal"], p["flip_vertical"]) for p in transforms_of(ImageAugmenter(**CNMC)))
    assert set(flips) == {(True, False), (False, True), (True, True)}
    assert all(abs(count - 4000 / 3) < 130 for count in flips.values())


def test_a_rotation_can_be_an_interval():
    smallest, largest, mean = spread(transforms_of(ImageAugmenter(**CNMC)), "theta")
    assert 20 <= smallest < 22
    assert 337 < largest <= 339
    assert mean == pytest.approx(179.5, abs=6)


def test_each_of_four_choices_has_probability_one_quarter_and_its_own_effect_only():
    transforms = transforms_of(ImageAugmenter(**CNMC))
    counts = Counter(params["choice"] for params in transforms)
    assert sorted(counts) == [0, 1, 2, 3]
    assert all(abs(count - 1000) < 120 for count in counts.values())
    for params in transforms:
        sheared = bool(params["shear_factor_x"] or params["shear_factor_y"])
        assert sheared == (params["choice"] == 1)
        assert params["salt_and_pepper"] == (0.02 if params["choice"] == 2 else 0)
        assert params["gaussian_blur"] == (5 if params["choice"] == 3 else 0)


def test_shear_factors_are_along_x_along_y_or_along_both():
    factors = [
        (p["shear_factor_x"], p["shear_factor_y"])
        for p in transforms_of(ImageAugmenter(shear_factor=(0.1, 0.35)))
    ]
    axes = Counter((x > 0, y > 0) for x, y in factors)
    assert set(axes) == {(True, False), (False, True), (True, True)}
    assert all(abs(count - 4000 / 3) < 130 for count in axes.values())
    assert all(0.1 <= factor <= 0.35 for pair in factors for factor in pair if factor)


def test_a_seed_and_its_generator_sample_the_same():
    augmenter = ImageAugmenter(**EVERYTHING)
    assert augmenter.get_random_transform(SHAPE, 5) == augmenter.get_random_transform(
        SHAPE, np.random.default_rng(5)
    )


def test_another_argument_leaves_the_other_parameters():
    fewer = ImageAugmenter(rotation_range=30, horizontal_flip=True).get_random_transform(SHAPE, 8)
    more = ImageAugmenter(rotation_range=30, horizontal_flip=True, zoom_range=0.2, shear_range=5)
    params = more.get_random_transform(SHAPE, 8)
    assert {key for key in fewer if fewer[key] != params[key]} == {"zx", "zy", "shear"}


def test_without_arguments_images_are_unchanged():
    images = batch_of()
    augmented = ImageAugmenter().apply_batch(images, range(len(images)))
    assert np.array_equal(augmented, images)
    assert not np.shares_memory(augmented, images)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("arguments", [EVERYTHING, CNMC], ids=["everything", "cnmc"])
def test_results_do_not_depend_on_order_threads_or_neighbours(arguments, dtype):
    images = batch_of(12, dtype)
    seeds = [child_seed(0, "augmentation", i) for i in range(12)]
    augmenter = ImageAugmenter(**arguments)
    before = images.copy()
    expected = augmenter.apply_batch(images, seeds)
    assert expected.dtype == dtype
    assert np.array_equal(images, before)
    order = np.random.default_rng(0).permutation(12)
    shuffled = augmenter.apply_batch(images[order], [seeds[i] for i in order], threads=3)
    assert np.array_equal(shuffled, expected[order])
    assert np.array_equal(augmenter.random_transform(images[4], seeds[4]), expected[4])
    out = np.empty_like(images)
    assert augmenter.apply_batch(images, seeds, out=out, threads=2) is out
    assert np.array_equal(out, expected)


def test_one_generator_for_all_images_gives_the_same_on_any_number_of_threads():
    images = batch_of(7)
    augmenter = ImageAugmenter(**EVERYTHING)
    one, three = (
        augmenter.apply_batch(images, [rng] * 7, threads=threads)
        for rng, threads in ((np.random.default_rng(2), 1), (np.random.default_rng(2), 3))
    )
    assert np.array_equal(one, three)


def test_there_may_be_more_threads_than_images():
    images = batch_of(2)
    augmenter = ImageAugmenter(**EVERYTHING)
    expected = augmenter.apply_batch(images, [1, 2])
    assert np.array_equal(augmenter.apply_batch(images, [1, 2], threads=5), expected)


def test_different_seeds_give_different_images():
    same = np.repeat(batch_of(1), 2, axis=0)
    one, other = ImageAugmenter(**EVERYTHING).apply_batch(same, [1, 2])
    assert not np.array_equal(one, other)


def test_blur_comes_before_noise_and_both_after_the_warp():
    image = batch_of(1)[0]
    augmenter = ImageAugmenter(gaussian_blur=5, salt_and_pepper=0.1)
    params = augmenter.get_random_transform(SHAPE, 4) | {"flip_horizontal": True}
    flipped = np.ascontiguousarray(image[:, ::-1])
    expected = salt_and_pepper(gaussian_blur(flipped, 5), 0.1, params["noise_seed"])
    assert np.array_equal(augmenter.apply_transform(image, params), expected)


def test_white_can_be_one():
    image = np.full(SHAPE, 0.5, np.float32)
    noisy = ImageAugmenter(salt_and_pepper=0.5, salt_value=1.0).random_transform(image, 0)
    assert sorted(np.unique(noisy)) == [0, 0.5, 1]


def test_missing_parameters_have_no_effect():
    image = batch_of(1)[0]
    flipped = ImageAugmenter().apply_transform(image, {"flip_vertical": True, "brightness": None})
    assert np.array_equal(flipped, image[::-1])


def test_unknown_parameters_are_refused():
    with pytest.raises(ArgumentError, match=r"(?s)'brightness'.*theta"):
        ImageAugmenter().apply_transform(batch_of(1)[0], {"brightness": 0.5})


@pytest.mark.parametrize(
    "arguments",
    [
        {"rotation_range": -1},
        {"zoom_range": 1.5},
        {"shear_range": "10"},
        {"width_shift_range": []},
        {"height_shift_range": -0.1},
        {"fill_mode": "mirror"},
        {"cval": None},
        {"flips": "both"},
        {"flips": "one_of", "vertical_flip": True},
        {"flips": "any_of", "horizontal_flip": True},
        {"shear_factor": 0.3},
        {"gaussian_blur": 4},
        {"salt_and_pepper": 2},
        {"one_of": ({"zoom_range": 0.2},)},
        {"salt_value": "white"},
    ],
    ids=str,
)
def test_arguments_outside_their_range_are_refused(arguments):
    with pytest.raises(ArgumentError) as error:
        ImageAugmenter(**arguments)
    assert error.value.expected
    assert error.value.remedy


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, None])
def test_other_numbers_of_threads_are_refused(threads):
    with pytest.raises(ArgumentError, match="threads is"):
        ImageAugmenter().apply_batch(batch_of(), range(6), threads=threads)


def test_each_image_needs_a_seed():
    with pytest.raises(ArgumentError, match="5 seeds"):
        ImageAugmenter().apply_batch(batch_of(), range(5))


def test_a_fill_value_that_the_batch_cannot_hold_is_refused():
    with pytest.raises(ArgumentError, match="cval is 300"):
        ImageAugmenter(rotation_range=5, cval=300).apply_batch(batch_of(), range(6))


def test_an_empty_batch_stays_empty():
    assert ImageAugmenter(**EVERYTHING).apply_batch(batch_of(0), []).shape == (0, *SHAPE)


SQUARE = (24, 24, 3)


def square_images(count=6, dtype=np.uint8):
    return np.random.default_rng(11).integers(0, 256, (count, *SQUARE)).astype(dtype)


def test_each_quarter_turn_has_probability_one_quarter():
    turns = Counter(
        p["quarter_turns"] for p in transforms_of(ImageAugmenter(quarter_turns=True), shape=SQUARE)
    )
    assert sorted(turns) == [0, 1, 2, 3]
    assert all(abs(count - 1000) < 120 for count in turns.values())


@pytest.mark.parametrize("arguments", [EVERYTHING, CNMC], ids=["everything", "cnmc"])
def test_quarter_turns_leave_the_other_parameters(arguments):
    without, turning = ImageAugmenter(**arguments), ImageAugmenter(**arguments, quarter_turns=True)
    for seed in range(20):
        fewer, more = (augmenter.get_random_transform(SQUARE, seed) for augmenter in (without, turning))
        assert fewer.pop("quarter_turns") == 0
        assert more.pop("quarter_turns") in range(4)
        assert fewer == more


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_turns_and_flips_only_move_pixels(dtype):
    augmenter = ImageAugmenter(quarter_turns=True, horizontal_flip=True, vertical_flip=True)
    image, seen = square_images(1, dtype)[0], set()
    for seed in range(60):
        params = augmenter.get_random_transform(SQUARE, seed)
        expected = np.rot90(image, params["quarter_turns"])
        if params["flip_horizontal"]:
            expected = expected[:, ::-1]
        if params["flip_vertical"]:
            expected = expected[::-1]
        assert np.array_equal(augmenter.random_transform(image, seed), expected)
        seen.add(expected.tobytes())
    # A square has eight symmetries: four turns, each flipped or not.
    assert len(seen) == 8


def test_all_other_effects_follow_the_turn():
    image = square_images(1)[0]
    augmenter = ImageAugmenter(**EVERYTHING)
    params = augmenter.get_random_transform(SQUARE, 3)
    turned = np.ascontiguousarray(np.rot90(image, 3))
    expected = augmenter.apply_transform(turned, params)
    assert np.array_equal(augmenter.apply_transform(image, params | {"quarter_turns": 3}), expected)
    noisy = {"quarter_turns": 1, "salt_and_pepper": 0.1, "noise_seed": 5}
    expected = salt_and_pepper(np.ascontiguousarray(np.rot90(image)), 0.1, 5)
    assert np.array_equal(augmenter.apply_transform(image, noisy), expected)


def test_turned_batches_depend_on_the_seeds_alone():
    images = square_images(8)
    augmenter = ImageAugmenter(quarter_turns=True, gaussian_blur=3)
    expected = np.stack([augmenter.random_transform(image, i) for i, image in enumerate(images)])
    assert np.array_equal(augmenter.apply_batch(images, range(8), threads=3), expected)


def test_quarter_turns_of_images_that_are_not_square_are_refused():
    augmenter = ImageAugmenter(quarter_turns=True)
    for seed in range(4):
        with pytest.raises(ArgumentError, match=r"(?s)24x30 pixels.*square_crop"):
            augmenter.get_random_transform(SHAPE, seed)
    with pytest.raises(ArgumentError, match="24x30 pixels"):
        augmenter.apply_batch(batch_of(), range(6))
    with pytest.raises(ArgumentError, match="24x30 pixels"):
        ImageAugmenter().apply_transform(batch_of(1)[0], {"quarter_turns": 2})
