"""Who trains and who is predicted, on indices made by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leukcnn.datasets import ImageIndex
from leukcnn.errors import DataError
from leukcnn.partition import partition
from leukcnn.spec import Split

# Dataset -> pictures of class 0 and of class 1.
HELD = {"allidb1": (6, 5), "allidb1_crop": (0, 7), "allidb2": (8, 8), "jtsc": (9, 0), "ufg": (4, 6)}
NO_PAIRS = np.empty((0, 2), dtype=np.int64)


@pytest.fixture
def index() -> ImageIndex:
    dataset = np.concatenate([np.repeat(name, sum(counts)) for name, counts in HELD.items()])
    labels = np.concatenate([np.repeat([0, 1], counts) for counts in HELD.values()])
    n = len(labels)
    return ImageIndex(
        paths=[Path(f"{i}.png") for i in range(n)],
        ids=np.array([f"{name}/{i}.png" for i, name in enumerate(dataset)]),
        labels=labels,
        class_names=("non-pathological", "pathological"),
        dataset=dataset,
        group=np.full(n, "", dtype=np.str_),
        part=dataset,
        fold=np.full(n, -1),
        sha256=np.array([f"{i:064x}" for i in range(n)]),
    )


def datasets_of(index, rows):
    return set(index.dataset[rows].tolist())


def test_every_dataset_of_both_classes_is_left_out_once(index):
    folds = partition(Split(kind="lodocv"), index, seed=0, pairs=NO_PAIRS)
    assert [fold.tested for fold in folds] == [("allidb1",), ("allidb2",), ("ufg",)]
    assert [fold.number for fold in folds] == [0, 1, 2]
    for fold in folds:
        assert datasets_of(index, fold.parts.predicted["test"]) == set(fold.tested)
        assert datasets_of(index, fold.parts.train) == HELD.keys() - set(fold.tested)
        assert len(fold.parts.train) + len(fold.parts.predicted["test"]) == len(index)
        assert len(fold.parts.validation) == 0


def test_strict_relatives_share_one_trial_and_none_of_them_is_learnt_from(index):
    folds = partition(Split(kind="lodocv_strict"), index, seed=0, pairs=NO_PAIRS)
    assert [fold.tested for fold in folds] == [("allidb1", "allidb2"), ("ufg",)]
    assert datasets_of(index, folds[0].parts.train) == {"jtsc", "ufg"}
    assert datasets_of(index, folds[0].parts.predicted["test"]) == {"allidb1", "allidb2"}
    assert datasets_of(index, folds[1].parts.train) == HELD.keys() - {"ufg"}


def test_strict_drops_a_dataset_that_shares_a_picture(index):
    jtsc, ufg = (int(np.flatnonzero(index.dataset == name)[0]) for name in ("jtsc", "ufg"))
    pairs = np.array([sorted((jtsc, ufg))])
    (of_ufg,) = [
        fold
        for fold in partition(Split(kind="lodocv_strict"), index, seed=0, pairs=pairs)
        if fold.tested == ("ufg",)
    ]
    assert "jtsc" not in datasets_of(index, of_ufg.parts.train)


def test_datasets_of_one_class_are_tested_apart(index):
    folds = partition(Split(kind="lodocv_single_class"), index, seed=0, pairs=NO_PAIRS)
    assert [fold.tested for fold in folds] == [("allidb1_crop",), ("jtsc",)]
    assert datasets_of(index, folds[0].parts.train) == {"jtsc", "ufg"}


def test_a_dataset_that_is_never_tested_is_still_learnt_from(index):
    split = Split(kind="lodocv", never_tested=("ufg",))
    folds = partition(split, index, seed=0, pairs=NO_PAIRS)
    assert [fold.tested for fold in folds] == [("allidb1",), ("allidb2",)]
    assert "ufg" in datasets_of(index, folds[0].parts.train)
    with pytest.raises(DataError, match="only learnt from: allidb1, allidb2, ufg"):
        partition(replace(split, never_tested=("allidb1", "allidb2", "ufg")), index, seed=0, pairs=NO_PAIRS)


def test_a_limit_takes_pictures_from_every_dataset_in_turn(index):
    split = Split(kind="lodocv", limit_per_class=8)
    folds = partition(split, index, seed=0, pairs=NO_PAIRS)
    train = folds[0].parts.train
    for label, spread in ((0, [3, 3, 2]), (1, [3, 3, 2])):
        of_class = train[index.labels[train] == label]
        _, counts = np.unique(index.dataset[of_class], return_counts=True)
        assert sorted(counts.tolist(), reverse=True) == spread
    # What is tested isn't limited.
    assert len(folds[0].parts.predicted["test"]) == sum(HELD["allidb1"])
    again = partition(split, index, seed=0, pairs=NO_PAIRS)
    np.testing.assert_array_equal(folds[0].parts.train, again[0].parts.train)
    other = partition(split, index, seed=1, pairs=NO_PAIRS)
    assert folds[0].parts.train.tolist() != other[0].parts.train.tolist()


@pytest.mark.parametrize("kind", ["kfold", "grouped_kfold"])
def test_kfold_tests_every_picture_once(index, kind):
    folds = partition(Split(kind=kind, n_splits=4), index, seed=0, pairs=NO_PAIRS)
    tested = np.concatenate([fold.parts.predicted["test"] for fold in folds])
    assert sorted(tested) == list(range(len(index)))
    assert {fold.tested for fold in folds} == {()}
    for fold in folds:
        assert set(fold.parts.train).isdisjoint(fold.parts.predicted["test"])
