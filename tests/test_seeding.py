import hashlib
import itertools

import numpy as np
import pytest

from leukcnn.errors import ArgumentError
from leukcnn.seeding import child_seed, generator, seed_sequence

KEY = ("augmentation", "training_data/fold_0/all/UID_1_1_1_all.bmp", 3)


def test_same_key_gives_the_same_numbers_after_any_other_call():
    alone = generator(7, *KEY).random(5)
    generator(7, "other").random(1000)
    np.random.default_rng().random(3)
    np.testing.assert_array_equal(generator(7, *KEY).random(5), alone)


@pytest.mark.parametrize(
    ("seed", "key"),
    [
        (8, KEY),
        (7, ("order", *KEY[1:])),
        (7, (KEY[0], "training_data/fold_0/all/UID_1_1_2_all.bmp", 3)),
        (7, (*KEY[:2], 4)),
        (7, KEY[:2]),
        (7, (*KEY, 0)),
    ],
    ids=["root", "purpose", "image", "variant", "shorter", "longer"],
)
def test_other_seed_or_key_gives_other_numbers(seed, key):
    assert not np.intersect1d(generator(seed, *key).random(100), generator(7, *KEY).random(100)).size


def test_parts_of_a_key_are_not_concatenated():
    keys = [
        ("a", "b"),
        ("ab",),
        ("a", "", "b"),
        ("b", "a"),
        ("a", 1),
        ("a1",),
        ("a", "1"),
        ("s", "a", "b"),
        (),
    ]
    seeds = [child_seed(0, *key) for key in keys]
    for (one, first), (other, second) in itertools.combinations(zip(keys, seeds, strict=True), 2):
        assert first != second, (one, other)


def test_child_seed_equals_a_hash_by_hand():
    # Each part of the key is its length in four bytes, the first letter of its type, and its text.
    words = b"\x02\0\0\0i5" + b"\x06\0\0\0sorder" + b"\x03\0\0\0i12"
    expected = int.from_bytes(hashlib.blake2b(words, digest_size=16).digest(), "little")
    assert child_seed(5, "order", 12) == expected


def test_generator_is_pcg64_on_the_child_seed():
    assert seed_sequence(5, "order").entropy == child_seed(5, "order")
    expected = np.random.Generator(np.random.PCG64(child_seed(5, "order"))).integers(0, 2**62, 4)
    np.testing.assert_array_equal(generator(5, "order").integers(0, 2**62, 4), expected)


def test_numpy_types_are_the_same_key():
    assert child_seed(np.int64(5), np.str_("a"), np.int32(3)) == child_seed(5, "a", 3)


def test_neighbouring_roots_are_uncorrelated():
    samples = np.array([generator(seed, "network").random(500) for seed in range(20)])
    correlation = np.corrcoef(samples) - np.eye(20)
    assert np.abs(correlation).max() < 0.2
    assert abs(samples.mean() - 0.5) < 0.015


@pytest.mark.parametrize("seed", [-1, np.int64(-3), 1.0, "0", None, True])
@pytest.mark.parametrize("function", [child_seed, seed_sequence, generator])
def test_bad_root_seed_is_refused(function, seed):
    with pytest.raises(ArgumentError, match="at least 0") as caught:
        function(seed, "order")
    assert repr(seed) in caught.value.found
