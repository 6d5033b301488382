"""The images of an epoch and their variants."""

import numpy as np
import pytest

from leukcnn.errors import ArgumentError
from leukcnn.pipeline import Entries, balanced, multiplied, originals

N = 11
IDS = [f"UID_{i}_1_1_all.bmp" for i in range(N)]
LABELS = np.array([0, 1, 1, 0, 1, 1, 0, 1, 1, 1, 1])


def test_originals_are_every_image_once_as_it_is():
    entries = originals([4, 2, 7])
    assert entries.rows.tolist() == [4, 2, 7]
    assert entries.variants.tolist() == [0, 0, 0]
    assert len(entries) == 3


@pytest.mark.parametrize("per_class", [8, 9, 16, 17, 50])
def test_balanced_reaches_the_count_and_keeps_every_original(per_class):
    entries = balanced(np.arange(N), LABELS, IDS, per_class=per_class, seed=0)
    assert np.bincount(LABELS[entries.rows]).tolist() == [per_class, per_class]
    assert entries.rows[entries.variants == 0].tolist() == list(range(N))
    pairs = set(zip(entries.rows.tolist(), entries.variants.tolist(), strict=True))
    assert len(pairs) == len(entries)


@pytest.mark.parametrize("per_class", [9, 20, 50])
def test_balanced_spreads_the_variants_evenly(per_class):
    entries = balanced(np.arange(N), LABELS, IDS, per_class=per_class, seed=0)
    for label in (0, 1):
        counts = np.bincount(entries.rows, minlength=N)[label == LABELS]
        assert counts.max() - counts.min() <= 1
    # Each image's variants are numbered without gaps.
    for row in range(N):
        assert sorted(entries.variants[entries.rows == row]) == list(range((entries.rows == row).sum()))


def test_balanced_as_the_paper_counts():
    labels = np.repeat([0, 1], [2034, 4364])
    ids = [str(i) for i in range(len(labels))]
    entries = balanced(np.arange(len(labels)), labels, ids, per_class=10_000, seed=0)
    assert np.bincount(labels[entries.rows]).tolist() == [10_000, 10_000]
    # 7966 variants of 2034 cells: 3 or 4 each; 5636 of 4364: 1 or 2 each.
    assert np.unique(np.bincount(entries.rows)[:2034], return_counts=True)[1].tolist() == [170, 1864]
    assert np.unique(np.bincount(entries.rows)[2034:], return_counts=True)[1].tolist() == [3092, 1272]


def test_class_with_enough_images_is_not_changed():
    entries = balanced(np.arange(N), LABELS, IDS, per_class=5, seed=0)
    assert np.bincount(LABELS[entries.rows]).tolist() == [5, 8]
    assert not entries.variants[LABELS[entries.rows] == 1].any()


def test_balanced_takes_no_other_rows():
    entries = balanced(np.array([0, 1, 2]), LABELS, IDS, per_class=7, seed=0)
    assert set(entries.rows.tolist()) == {0, 1, 2}


def test_multiplied_replaces_each_image_by_new_ones():
    entries = multiplied(np.array([4, 7]), variants=3)
    assert entries.rows.tolist() == [4, 4, 4, 7, 7, 7]
    assert entries.variants.tolist() == [1, 2, 3, 1, 2, 3]


def named(entries: Entries, ids) -> set[tuple[str, int]]:
    return {(ids[row], variant) for row, variant in zip(entries.rows, entries.variants.tolist(), strict=True)}


def test_balanced_does_not_depend_on_the_order_of_rows_and_index():
    expected = named(balanced(np.arange(N), LABELS, IDS, per_class=13, seed=5), IDS)
    order = np.random.default_rng(2).permutation(N)
    assert named(balanced(order, LABELS, IDS, per_class=13, seed=5), IDS) == expected
    ids = [IDS[i] for i in order]
    assert named(balanced(np.arange(N), LABELS[order], ids, per_class=13, seed=5), ids) == expected


def test_images_with_one_more_variant_depend_on_the_seed():
    found = {
        frozenset(named(balanced(np.arange(N), LABELS, IDS, per_class=13, seed=s), IDS)) for s in range(9)
    }
    assert len(found) > 1


def test_balancing_no_images_is_refused():
    with pytest.raises(ArgumentError, match="No images"):
        balanced(np.array([], dtype=int), LABELS, IDS, per_class=5, seed=0)
