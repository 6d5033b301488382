import hashlib

import numpy as np

from leukcnn.datasets.duplicates import joined_groups
from leukcnn.datasets.index import index_from_manifest
from leukcnn.splits.grouping import assign_groups
from leukcnn.splits.splitters import holdout, predefined_folds

SHARES = (0.6, 0.3, 0.1)


def assigned(labels, groups, shares=SHARES, *, seed=0):
    return assign_groups(labels, groups, shares, rng=np.random.default_rng(seed))


def test_no_group_stands_in_two_parts():
    groups = np.arange(300) // 7
    parts = assigned(np.arange(300) % 3, groups)
    assert all(len(set(parts[groups == group])) == 1 for group in np.unique(groups))


def test_images_that_stand_alone_meet_the_shares_exactly():
    labels = np.repeat([0, 1], [2000, 1000])
    parts = assigned(labels, np.arange(3000))
    for label, expected in ((0, [1200, 600, 200]), (1, [600, 300, 100])):
        assert np.bincount(parts[labels == label]).tolist() == expected


def test_the_best_of_few_groups_is_found():
    # Of one class: 6 + 3 + 1 images can meet 6:3:1 in one way alone.
    groups = np.repeat(["a", "b", "c"], [3, 6, 1])
    parts = assigned(np.zeros(10, dtype=int), groups)
    assert parts.tolist() == [1] * 3 + [0] * 6 + [2]


def test_groups_of_one_size_are_told_apart_by_chance_alone():
    labels, groups = np.zeros(40, dtype=int), np.arange(40)
    one, same, other = (assigned(labels, groups, seed=seed) for seed in (0, 0, 1))
    assert one.tolist() == same.tolist() != other.tolist()


def test_cells_of_the_challenge_are_parted_as_ever():
    """Published figures rest on these parts: a faster search must find the same ones."""
    index = index_from_manifest("cnmc2019")
    index = index.select(index.subset == "training")
    groups, digest = joined_groups(index), hashlib.sha256()
    splits = [holdout(index.labels, seed=seed, groups=groups, ids=index.ids) for seed in range(3)]
    splits += predefined_folds(index.fold, index.labels, groups=groups, seed=0)
    for split in splits:
        for part in (split.train, split.validation, split.test):
            digest.update(part.astype("<i8").tobytes())
    assert digest.hexdigest() == "45d32ec3db6410508979afb8faf5c17b568759809265ad6edc0eb534390b7fa7"
