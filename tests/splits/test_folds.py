"""Folds of indices made by hand and of the datasets' manifests."""

from dataclasses import replace

import numpy as np
import pytest

from leukcnn.datasets import ImageIndex, joined_groups, load_many
from leukcnn.datasets.duplicates import pairs_between
from leukcnn.datasets.indexing import index_from_manifest
from leukcnn.errors import DataError
from leukcnn.spec import Split
from leukcnn.splits import partition, random_kfold
from tests.indices import index_of_counts

# Dataset -> images of class 0 and of class 1.
HELD = {"allidb1": (6, 5), "allidb1_crop": (0, 7), "allidb2": (8, 8), "jtsc": (9, 0), "ufg": (4, 6)}
NO_PAIRS = np.empty((0, 2), dtype=np.int64)


@pytest.fixture
def index() -> ImageIndex:
    return index_of_counts(HELD)


def datasets_of(index, rows):
    return set(index.dataset[rows].tolist())


def test_every_dataset_of_both_classes_is_left_out_once(index):
    folds = partition(Split(kind="lodocv"), index, seed=0, pairs=NO_PAIRS)
    assert [fold.tested for fold in folds] == [("allidb1",), ("allidb2",), ("ufg",)]
    assert [fold.number for fold in folds] == [0, 1, 2]
    for fold in folds:
        assert datasets_of(index, fold.split_rows.predicted["test"]) == set(fold.tested)
        assert datasets_of(index, fold.split_rows.train) == HELD.keys() - set(fold.tested)
        assert len(fold.split_rows.train) + len(fold.split_rows.predicted["test"]) == len(index)
        assert len(fold.split_rows.validation) == 0


def test_strict_relatives_share_one_fold_and_none_of_them_is_trained_on(index):
    folds = partition(Split(kind="lodocv_strict"), index, seed=0, pairs=NO_PAIRS)
    assert [fold.tested for fold in folds] == [("allidb1", "allidb2"), ("ufg",)]
    assert datasets_of(index, folds[0].split_rows.train) == {"jtsc", "ufg"}
    assert datasets_of(index, folds[0].split_rows.predicted["test"]) == {"allidb1", "allidb2"}
    assert datasets_of(index, folds[1].split_rows.train) == HELD.keys() - {"ufg"}


def test_strict_leaves_out_a_dataset_that_shares_an_image(index):
    jtsc, ufg = (int(np.flatnonzero(index.dataset == name)[0]) for name in ("jtsc", "ufg"))
    pairs = np.array([sorted((jtsc, ufg))])
    (of_ufg,) = [
        fold
        for fold in partition(Split(kind="lodocv_strict"), index, seed=0, pairs=pairs)
        if fold.tested == ("ufg",)
    ]
    assert "jtsc" not in datasets_of(index, of_ufg.split_rows.train)


def test_datasets_of_a_single_class_have_a_split_of_their_own(index):
    folds = partition(Split(kind="lodocv_single_class"), index, seed=0, pairs=NO_PAIRS)
    assert [fold.tested for fold in folds] == [("allidb1_crop",), ("jtsc",)]
    assert datasets_of(index, folds[0].split_rows.train) == {"jtsc", "ufg"}


def test_a_dataset_that_is_never_tested_is_trained_on(index):
    split = Split(kind="lodocv", never_tested=("ufg",))
    folds = partition(split, index, seed=0, pairs=NO_PAIRS)
    assert [fold.tested for fold in folds] == [("allidb1",), ("allidb2",)]
    assert "ufg" in datasets_of(index, folds[0].split_rows.train)
    with pytest.raises(DataError, match="for training only: allidb1, allidb2, ufg"):
        partition(replace(split, never_tested=("allidb1", "allidb2", "ufg")), index, seed=0, pairs=NO_PAIRS)


@pytest.mark.parametrize("kind", ["lodocv", "lodocv_strict", "lodocv_single_class"])
def test_a_performance_set_can_be_left_out_of_every_training(kind):
    index = index_of_counts({**HELD, "atlas": (0, 5)})
    split = Split(kind=kind, performance_sets=("ufg",))
    for trained_on in (True, False):
        chosen = replace(split, train_on_performance_sets=trained_on)
        folds = partition(chosen, index, seed=0, pairs=NO_PAIRS)
        others = [fold for fold in folds if fold.tested != ("ufg",)]
        assert others
        for fold in others:
            assert ("ufg" in datasets_of(index, fold.split_rows.train)) == trained_on
        # It is tested all the same, unless only datasets of one class are.
        assert (len(folds) > len(others)) == (kind != "lodocv_single_class")


def test_leaving_out_the_only_dataset_with_a_class_is_refused(index):
    split = Split(kind="lodocv", performance_sets=("jtsc", "ufg", "allidb2"), train_on_performance_sets=False)
    with pytest.raises(DataError, match="without jtsc, ufg, allidb2"):
        partition(split, index, seed=0, pairs=NO_PAIRS)


def test_folds_without_strata_are_random_ones(index):
    split = Split(kind="kfold", n_splits=3, stratified=False)
    folds = partition(split, index, seed=4, pairs=NO_PAIRS)
    expected = random_kfold(index.labels, n_splits=3, seed=4, ids=index.ids)
    for fold, (train, test) in zip(folds, expected, strict=True):
        np.testing.assert_array_equal(fold.split_rows.train, train)
        np.testing.assert_array_equal(fold.split_rows.predicted["test"], test)


def test_a_limit_takes_images_from_every_dataset_in_turn(index):
    split = Split(kind="lodocv", limit_per_class=8)
    folds = partition(split, index, seed=0, pairs=NO_PAIRS)
    train = folds[0].split_rows.train
    for label, spread in ((0, [3, 3, 2]), (1, [3, 3, 2])):
        of_class = train[index.labels[train] == label]
        _, counts = np.unique(index.dataset[of_class], return_counts=True)
        assert sorted(counts.tolist(), reverse=True) == spread
    # The test split isn't limited.
    assert len(folds[0].split_rows.predicted["test"]) == sum(HELD["allidb1"])
    again = partition(split, index, seed=0, pairs=NO_PAIRS)
    np.testing.assert_array_equal(folds[0].split_rows.train, again[0].split_rows.train)
    other = partition(split, index, seed=1, pairs=NO_PAIRS)
    assert folds[0].split_rows.train.tolist() != other[0].split_rows.train.tolist()


@pytest.mark.parametrize("kind", ["kfold", "grouped_kfold"])
def test_kfold_tests_every_image_once(index, kind):
    split = Split(kind=kind, n_splits=4, unknown_subjects="each")
    folds = partition(split, index, seed=0, pairs=NO_PAIRS)
    tested = np.concatenate([fold.split_rows.predicted["test"] for fold in folds])
    assert sorted(tested) == list(range(len(index)))
    assert {fold.tested for fold in folds} == {()}
    for fold in folds:
        assert set(fold.split_rows.train).isdisjoint(fold.split_rows.predicted["test"])


@pytest.fixture(scope="module")
def taleghani() -> ImageIndex:
    """The whole dataset, named as `load_many` names it."""
    index = index_from_manifest("taleghani")
    return replace(index, ids=np.array([f"taleghani/{name}" for name in index.ids]))


def near_duplicates(index):
    """Returns the pairs of images that the manifest has in one group."""
    order = np.argsort(index.group, kind="stable")
    runs = np.split(order, np.flatnonzero(index.group[order][1:] != index.group[order][:-1]) + 1)
    return np.array([(a, b) for run in runs for i, a in enumerate(run) for b in run[i + 1 :]])


def split_rows_of(fold):
    return fold.split_rows.train, fold.split_rows.validation, fold.split_rows.predicted["test"]


def crossing(index, fold):
    """Counts the near-duplicates that are in two splits."""
    pairs, split_rows = near_duplicates(index), split_rows_of(fold)
    return sum(pairs_between(pairs, split_rows[i], split_rows[j]) for i, j in ((0, 1), (0, 2), (1, 2)))


def test_taleghani_has_90_near_duplicate_pairs(taleghani):
    assert len(near_duplicates(taleghani)) == 90


def test_a_random_split_of_taleghani_has_the_paper_s_counts(taleghani):
    split = Split(kind="random", fractions=(0.7, 0.1, 0.2))
    (fold,) = partition(split, taleghani, seed=0, pairs=NO_PAIRS)
    assert [len(rows) for rows in split_rows_of(fold)] == [2279, 326, 651]
    assert (fold.number, fold.tested, set(fold.split_rows.predicted)) == (-1, (), {"test"})
    assert crossing(taleghani, fold) > 0


@pytest.mark.parametrize("kind", ["grouped", "subject"])
def test_a_grouped_split_of_taleghani_separates_no_near_duplicates(taleghani, kind):
    split = Split(kind=kind, fractions=(0.7, 0.1, 0.2))
    (fold,) = partition(split, taleghani, seed=0, pairs=NO_PAIRS)
    assert crossing(taleghani, fold) == 0
    np.testing.assert_allclose([len(rows) for rows in split_rows_of(fold)], [2279, 326, 651], atol=3)


@pytest.mark.parametrize("kind", ["kfold", "grouped_kfold"])
def test_folds_with_validation_are_70_10_20(taleghani, kind):
    split = Split(kind=kind, n_splits=5, validation_fraction=0.125)
    folds = partition(split, taleghani, seed=0, pairs=NO_PAIRS)
    assert [fold.number for fold in folds] == [0, 1, 2, 3, 4]
    tested = np.concatenate([fold.split_rows.predicted["test"] for fold in folds])
    assert sorted(tested) == list(range(3256))
    for fold in folds:
        assert sorted(np.concatenate(split_rows_of(fold))) == list(range(3256))
        np.testing.assert_allclose([len(rows) for rows in split_rows_of(fold)], [2279, 326, 651], atol=5)
        assert (crossing(taleghani, fold) == 0) == (kind == "grouped_kfold")


def test_folds_without_validation_train_on_all_other_images(taleghani):
    for kind in ("kfold", "grouped_kfold"):
        with_validation, without = (
            partition(
                Split(kind=kind, n_splits=2, validation_fraction=fraction), taleghani, seed=0, pairs=NO_PAIRS
            )
            for fraction in (0.125, 0.0)
        )
        for one, other in zip(with_validation, without, strict=True):
            np.testing.assert_array_equal(
                one.split_rows.predicted["test"], other.split_rows.predicted["test"]
            )
            trained_on = np.sort(np.concatenate([one.split_rows.train, one.split_rows.validation]))
            np.testing.assert_array_equal(trained_on, other.split_rows.train)
            assert len(other.split_rows.validation) == 0


def test_a_split_does_not_depend_on_the_order_of_the_images(taleghani):
    mixed = taleghani.select(np.random.default_rng(0).permutation(len(taleghani)))
    for kind in ("random", "grouped", "kfold", "grouped_kfold"):
        split = Split(kind=kind, fractions=(0.7, 0.1, 0.2), n_splits=2, validation_fraction=0.125)
        pairs = zip(
            *(partition(split, one, seed=3, pairs=NO_PAIRS) for one in (taleghani, mixed)), strict=True
        )
        for one, other in pairs:
            for a, b in zip(split_rows_of(one), split_rows_of(other), strict=True):
                assert set(taleghani.ids[a]) == set(mixed.ids[b]), kind


@pytest.mark.parametrize("kind", ["cell", "random", "subject", "grouped", "kfold", "grouped_kfold"])
def test_the_challenge_s_test_subsets_are_never_trained_on(kind):
    index = index_from_manifest("cnmc2019")
    # Labels for all, as with the published labels of the preliminary phase.
    index = replace(index, labels=np.where(index.labels < 0, 0, index.labels))
    split = Split(kind=kind, n_splits=2, validation_fraction=0.2)
    for fold in partition(split, index, seed=0, pairs=NO_PAIRS):
        assert set(index.subset[np.concatenate(split_rows_of(fold))]) == {"training"}
        assert set(index.subset[fold.split_rows.predicted["external"]]) == {"preliminary"}
        assert set(index.subset[fold.split_rows.predicted["final"]]) == {"final"}
        assert [len(fold.split_rows.predicted[name]) for name in ("external", "final")] == [1867, 2586]


@pytest.mark.parametrize("kind", ["cell", "random", "grouped"])
def test_images_of_all_datasets_are_used_whatever_their_subset_is_called(index, kind):
    split = Split(kind=kind, fractions=(0.6, 0.2, 0.2), unknown_subjects="each")
    (fold,) = partition(split, index, seed=1, pairs=NO_PAIRS)
    assert sorted(np.concatenate(split_rows_of(fold))) == list(range(len(index)))


def test_a_grouped_split_of_real_smears_separates_no_near_duplicates(real_data):
    names = {name: name for name in ("benign", "early", "pre", "pro")}
    index = load_many(["taleghani"], real_data, class_names=tuple(names), class_of=names)
    groups = joined_groups(index)
    for kind in ("grouped", "grouped_kfold"):
        split = Split(kind=kind, fractions=(0.7, 0.1, 0.2), validation_fraction=0.125)
        for fold in partition(split, index, seed=0, pairs=NO_PAIRS):
            held = [set(groups[rows]) for rows in split_rows_of(fold)]
            assert sum(map(len, held)) == len(set().union(*held))
            assert crossing(index, fold) == 0


@pytest.mark.parametrize("kind", ["kfold", "grouped_kfold"])
def test_each_named_dataset_has_folds_of_its_own(index, kind):
    split = Split(kind=kind, n_splits=4, per_dataset=("allidb2", "allidb1", "lisc"), unknown_subjects="each")
    folds = partition(split, index, seed=0, pairs=NO_PAIRS)
    # A dataset without images has no folds, and those that aren't named have folds together.
    rest = ("allidb1_crop", "jtsc", "ufg")
    tasks = [("allidb2",), ("allidb1",), rest]
    assert [fold.tested for fold in folds] == [task for task in tasks for _ in range(4)]
    assert [fold.number for fold in folds] == [0, 1, 2, 3] * 3
    for task in tasks:
        own = [fold.split_rows for fold in folds if fold.tested == task]
        rows = np.flatnonzero(np.isin(index.dataset, task))
        np.testing.assert_array_equal(np.sort(np.concatenate([p.predicted["test"] for p in own])), rows)
        for split_rows in own:
            np.testing.assert_array_equal(
                np.sort(np.concatenate([split_rows.train, split_rows.predicted["test"]])), rows
            )


def test_without_named_datasets_all_have_folds_together(index):
    folds = partition(Split(kind="kfold", n_splits=4), index, seed=0, pairs=NO_PAIRS)
    assert [fold.tested for fold in folds] == [()] * 4
    assert datasets_of(index, np.concatenate([f.split_rows.predicted["test"] for f in folds])) == HELD.keys()


def test_crops_of_one_field_stay_in_one_fold():
    """All of ALL-IDB 2, with the fields of ALL-IDB 1 that the shipped manifest names."""
    index = index_from_manifest("allidb2")
    groups = joined_groups(index)
    separated = {}
    for kind in ("kfold", "grouped_kfold"):
        split = Split(kind=kind, n_splits=4, per_dataset=("allidb2",), unknown_subjects="each")
        folds = [fold.split_rows for fold in partition(split, index, seed=0, pairs=NO_PAIRS)]
        in_folds = [set(groups[split_rows.predicted["test"]]) for split_rows in folds]
        separated[kind] = {
            field for one in in_folds for field in one if sum(field in o for o in in_folds) > 1
        }
        assert all(len(split_rows.predicted["test"]) == pytest.approx(65, abs=3) for split_rows in folds)
    assert not separated["grouped_kfold"]
    # 49 fields have more than one crop; few of them are in one fold by chance.
    assert len(separated["kfold"]) > 35


def test_folds_of_a_dataset_with_one_class_are_refused(index):
    split = Split(kind="kfold", n_splits=4, per_dataset=("jtsc",))
    with pytest.raises(
        DataError, match="other datasets, jtsc would only have images of non-pathological"
    ) as caught:
        partition(split, index, seed=0, pairs=NO_PAIRS)
    assert "--datasets" in caught.value.remedy
