import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leukcnn import spec
from leukcnn.datasets import index_from_manifest, joined_groups
from leukcnn.errors import ArgumentError, DataError
from leukcnn.splits import block_kfold, partition

NO_PAIRS = np.empty((0, 2), dtype=np.int64)


def folds_of(pairs, n):
    """Returns the fold of each image, after checking that the test sets are disjoint and complete."""
    fold = np.full(n, -1)
    for number, (train, test) in enumerate(pairs):
        assert (fold[test] == -1).all()
        assert np.sort(np.concatenate([train, test])).tolist() == list(range(n))
        assert np.all(np.diff(train) > 0) and np.all(np.diff(test) > 0)
        fold[test] = number
    assert (fold >= 0).all()
    return fold


def test_blocks_follow_the_numbers_of_each_class():
    ids = [f"Im{i}_1.tif" for i in range(1, 12)] + [f"Im{i}_0.tif" for i in range(12, 20)]
    labels = np.repeat([1, 0], [11, 8])
    fold = folds_of(block_kfold(labels, n_splits=3, ids=ids), 19)
    # Im10 and Im11 come after Im9, not after Im1.
    assert fold.tolist() == [0] * 4 + [1] * 4 + [2] * 3 + [0] * 3 + [1] * 3 + [2] * 2


def test_a_group_on_a_cut_moves_as_a_whole_to_the_fold_with_most_of_it():
    ids = [f"{i}.png" for i in range(8)]
    groups = ["a", "b", "c", "field", "field", "field", "d", "e"]
    fold = folds_of(block_kfold(np.zeros(8, int), n_splits=2, ids=ids, groups=groups), 8)
    assert fold.tolist() == [0, 0, 0, 1, 1, 1, 1, 1]
    groups = ["a", "b", "c", "field", "field", "d", "e", "f"]
    fold = folds_of(block_kfold(np.zeros(8, int), n_splits=2, ids=ids, groups=groups), 8)
    assert fold.tolist() == [0, 0, 0, 0, 0, 1, 1, 1]


def test_a_group_of_two_classes_is_in_one_fold():
    ids, labels = [f"{i}.png" for i in range(8)], [0, 0, 0, 0, 1, 1, 1, 1]
    groups = ["a", "b", "c", "x", "x", "x", "d", "e"]
    fold = folds_of(block_kfold(labels, n_splits=2, ids=ids, groups=groups), 8)
    assert fold.tolist() == [0, 0, 1, 0, 0, 0, 1, 1]


def test_each_dataset_is_cut_by_itself():
    ids = [f"{name}/{i}.png" for name in ("a", "b") for i in range(6)]
    fold = folds_of(block_kfold(np.zeros(12, int), n_splits=3, ids=ids, within=np.repeat(["a", "b"], 6)), 12)
    assert fold.tolist() == [0, 0, 1, 1, 2, 2] * 2


@given(
    sizes=st.lists(st.integers(5, 40), min_size=1, max_size=3),
    n_splits=st.integers(2, 5),
    order=st.randoms(use_true_random=False),
)
def test_blocks_are_contiguous_balanced_and_independent_of_the_order(sizes, n_splits, order):
    labels, n = np.repeat(np.arange(len(sizes)), sizes), sum(sizes)
    ids = np.array([f"image {i}" for i in range(n)])
    fold = folds_of(block_kfold(labels, n_splits=n_splits, ids=ids), n)
    for label, size in enumerate(sizes):
        of_class = fold[labels == label]
        assert np.all(np.diff(of_class) >= 0)
        assert set(np.bincount(of_class, minlength=n_splits)) <= {size // n_splits, -(-size // n_splits)}
    shuffled = np.array(order.sample(range(n), n))
    again = folds_of(block_kfold(labels[shuffled], n_splits=n_splits, ids=ids[shuffled]), n)
    assert again.tolist() == fold[shuffled].tolist()


@given(group=st.lists(st.integers(0, 30), min_size=40, max_size=40))
def test_groups_are_whole_and_other_images_stay_in_their_block(group):
    labels, ids = np.zeros(40, int), [f"{i:02}.png" for i in range(40)]
    try:
        fold = folds_of(block_kfold(labels, n_splits=4, ids=ids, groups=group), 40)
    except DataError:
        return
    for one in set(group):
        assert len(set(fold[np.array(group) == one])) == 1
    alone = np.bincount(group, minlength=31)[group] == 1
    assert fold[alone].tolist() == (np.arange(40) // 10)[alone].tolist()


def test_faults_are_named():
    labels, ids = np.repeat([0, 1], 6), [f"{i}.png" for i in range(12)]
    for n_splits in (1, 0, True, 2.0, None):
        with pytest.raises(ArgumentError, match="n_splits"):
            block_kfold(labels, n_splits=n_splits, ids=ids)
    with pytest.raises(ArgumentError, match="ids has the shape"):
        block_kfold(labels, n_splits=2, ids=ids[:-1])
    with pytest.raises(ArgumentError, match="groups has the shape"):
        block_kfold(labels, n_splits=2, ids=ids, groups=ids[:-1])
    with pytest.raises(ArgumentError, match="within has the shape"):
        block_kfold(labels, n_splits=2, ids=ids, within=ids[:-1])
    with pytest.raises(ArgumentError, match="3 of 12 images have no group"):
        block_kfold(labels, n_splits=2, ids=ids, groups=[*ids[:9], "", "", ""])
    with pytest.raises(DataError, match="would lack a class: 6 \\+ 6 images"):
        block_kfold(labels, n_splits=7, ids=ids)
    with pytest.raises(DataError, match="none of them large"):
        block_kfold(labels, n_splits=2, ids=ids, groups=["one"] * 12)


def test_all_idb_2_in_blocks_keeps_fields_whole_and_neighbours_together():
    index = index_from_manifest("allidb2")
    split = spec.Split("block_kfold", n_splits=4, per_dataset=("allidb1", "allidb2"))
    pairs = [(f.split_rows.train, f.split_rows.predicted["test"]) for f in _folds(split, index)]
    fold, groups = folds_of(pairs, 260), joined_groups(index)
    for one in set(groups.tolist()):
        assert len(set(fold[groups == one])) == 1
    for label in (0, 1):
        of_class = fold[index.labels == label]
        assert np.bincount(of_class).min() >= 25
    # Crops without a known field stay in their block: the order of the numbers is that of the folds.
    unknown = (index.group == "") & (index.labels == 1)
    assert np.all(np.diff(fold[unknown]) >= 0)
    # Random folds separate about 75 % of neighbours.
    separated = np.mean(np.diff(fold[index.labels == 1]) != 0)
    assert separated < 0.1


def test_where_fields_are_unknown_a_grouped_split_offers_blocks_and_counts_the_crops_by_class():
    index = index_from_manifest("allidb2")
    with pytest.raises(
        DataError, match=r"of 75 of 260 images is unknown(.|\n)*They are 1 healthy, 74 ALL"
    ) as refused:
        _folds(spec.Split("grouped_kfold", n_splits=4), index)
    assert "block_kfold keeps images with neighbouring numbers together" in refused.value.remedy
    with pytest.raises(DataError) as refused:
        _folds(spec.Split("grouped"), index)
    assert "block_kfold" not in refused.value.remedy


@pytest.mark.parametrize("choice", ["refuse", "each", "one-group"])
def test_blocks_need_no_subjects_whatever_is_chosen_for_unknown_ones(choice):
    index = index_from_manifest("allidb2")
    split = spec.Split("block_kfold", n_splits=4, unknown_subjects=choice)
    tests = [fold.split_rows.predicted["test"] for fold in _folds(split, index)]
    # One group of all 75 crops would be in one fold.
    assert max(np.count_nonzero(index.group[test] == "") for test in tests) < 75
    plain = [
        fold.split_rows.predicted["test"] for fold in _folds(spec.Split("block_kfold", n_splits=4), index)
    ]
    assert all(np.array_equal(one, other) for one, other in zip(tests, plain, strict=True))


def test_blocks_are_the_same_for_every_seed_and_unlike_grouped_folds():
    index = index_from_manifest("allidb2")
    blocks = spec.Split("block_kfold", n_splits=4)
    grouped = spec.Split("grouped_kfold", n_splits=4, unknown_subjects="each")

    def tests(split, seed):
        return [fold.split_rows.predicted["test"].tolist() for fold in _folds(split, index, seed=seed)]

    assert tests(blocks, 0) == tests(blocks, 1) != tests(grouped, 0)
    assert tests(grouped, 0) != tests(grouped, 1)


def test_validation_images_of_blocks_share_no_group_with_training():
    index = index_from_manifest("allidb2")
    split = spec.Split("block_kfold", n_splits=4, validation_fraction=0.2)
    groups = joined_groups(index)
    for fold in _folds(split, index):
        rows = fold.split_rows
        assert len(rows.validation)
        assert set(groups[rows.validation]).isdisjoint(groups[rows.train])


def _folds(split, index, seed=0):
    return partition(split, index, seed=seed, pairs=NO_PAIRS)
