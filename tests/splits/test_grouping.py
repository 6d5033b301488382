import hashlib

import numpy as np

from leukcnn.datasets.duplicates import joined_groups
from leukcnn.datasets.indexing import index_from_manifest
from leukcnn.splits.grouping import assign_groups
from leukcnn.splits.splitters import holdout, predefined_folds

FRACTIONS = (0.6, 0.3, 0.1)


def assigned(labels, groups, *, seed=0):
    return assign_groups(labels, groups, FRACTIONS, rng=np.random.default_rng(seed))


def test_each_group_is_in_one_split():
    groups = np.arange(300) // 7
    splits = assigned(np.arange(300) % 3, groups)
    assert all(len(set(splits[groups == group])) == 1 for group in np.unique(groups))


def test_groups_of_one_image_meet_the_fractions_exactly():
    labels = np.repeat([0, 1], [2000, 1000])
    splits = assigned(labels, np.arange(3000))
    for label, expected in ((0, [1200, 600, 200]), (1, [600, 300, 100])):
        assert np.bincount(splits[labels == label]).tolist() == expected


def test_the_best_assignment_of_few_groups_is_found():
    # Groups of 6, 3 and 1 images of one class can meet 6:3:1 in one way only.
    groups = np.repeat(["a", "b", "c"], [3, 6, 1])
    splits = assigned(np.zeros(10, dtype=int), groups)
    assert splits.tolist() == [1] * 3 + [0] * 6 + [2]


def test_groups_of_one_size_are_assigned_at_random():
    labels, groups = np.zeros(40, dtype=int), np.arange(40)
    one, same, other = (assigned(labels, groups, seed=seed) for seed in (0, 0, 1))
    assert one.tolist() == same.tolist() != other.tolist()


def test_splits_of_the_challenge_s_cells_stay_the_same():
    """Published results depend on these splits: a faster search must find the same ones."""
    index = index_from_manifest("cnmc2019")
    index = index.select(index.subset == "training")
    groups, digest = joined_groups(index), hashlib.sha256()
    splits = [holdout(index.labels, seed=seed, groups=groups, ids=index.ids) for seed in range(3)]
    splits += predefined_folds(index.fold, index.labels, groups=groups, seed=0)
    for split in splits:
        for rows in (split.train, split.validation, split.test):
            digest.update(rows.astype("<i8").tobytes())
    assert digest.hexdigest() == "45d32ec3db6410508979afb8faf5c17b568759809265ad6edc0eb534390b7fa7"
