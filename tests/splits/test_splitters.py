import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leukcnn.datasets.duplicates import duplicate_pairs, joined_groups, pairs_between
from leukcnn.datasets.indexing import index_from_manifest, load
from leukcnn.errors import ArgumentError, DataError
from leukcnn.splits.kfold import grouped_kfold, random_kfold, stratified_kfold
from leukcnn.splits.splitters import (
    hold_out_validation,
    holdout,
    predefined_folds,
)

LABELS = np.repeat([0, 1], [40, 60])
IDS = np.array([f"image {i:03}" for i in range(100)])
GROUPS = np.arange(100) // 4


@pytest.fixture(scope="module")
def training():
    index = index_from_manifest("cnmc2019")
    return index.select(index.subset == "training")


@pytest.fixture(scope="module")
def taleghani():
    return index_from_manifest("taleghani")


def split_rows_of(split):
    return split.train, split.validation, split.test


def counts(labels, rows):
    return np.bincount(labels[rows], minlength=2).tolist()


def assert_disjoint_and_complete(splits, n):
    assert np.sort(np.concatenate(splits)).tolist() == list(range(n))
    for rows in splits:
        assert np.all(np.diff(rows) > 0)


def assert_groups_are_whole(splits, groups):
    sets = [set(groups[rows]) for rows in splits]
    assert sum(map(len, sets)) == len(set().union(*sets))


def test_holdout_has_the_papers_counts(training):
    split = holdout(training.labels, seed=0, ids=training.ids)
    assert counts(training.labels, split.train) == [2034, 4364]
    assert counts(training.labels, split.validation) == [1016, 2181]
    assert counts(training.labels, split.test) == [339, 727]
    assert_disjoint_and_complete(split_rows_of(split), 10_661)


@pytest.mark.parametrize(
    ("n", "expected"), [(5, (3, 1, 1)), (8, (5, 2, 1)), (10, (6, 3, 1)), (15, (9, 4, 2)), (100, (60, 30, 10))]
)
def test_holdout_rounds_train_up_and_validation_down(n, expected):
    split = holdout(np.repeat([0, 1], n), seed=1)
    assert tuple(len(rows) // 2 for rows in split_rows_of(split)) == expected


@pytest.mark.parametrize("groups", [None, GROUPS], ids=["cells", "groups"])
def test_holdout_depends_on_the_seed_alone(groups):
    once, again, other = (holdout(LABELS, seed=seed, groups=groups, ids=IDS) for seed in (3, 3, 4))
    for name in ("train", "validation", "test"):
        np.testing.assert_array_equal(getattr(once, name), getattr(again, name))
    assert once.train.tolist() != other.train.tolist()


@st.composite
def listings(draw):
    """Returns labels of two or three classes, groups of up to four images of a class, and another order."""
    groups, labels = [], []
    for label in range(draw(st.integers(2, 3))):
        for size in draw(st.lists(st.integers(1, 4), min_size=12, max_size=24)):
            groups += [f"g{len(set(groups))}"] * size
            labels += [label] * size
    order = draw(st.randoms(use_true_random=False)).sample(range(len(labels)), len(labels))
    return np.array(labels), np.array(groups), np.array(order)


def every_split(labels, groups, ids, *, seed):
    """Returns the splits of each splitter, train first."""
    options = {"seed": seed, "groups": groups, "ids": ids}
    folds = stratified_kfold(labels, n_splits=4, **options)
    made = [split_rows_of(holdout(labels, **options)), *folds]
    made += [
        (*hold_out_validation(labels, rest, fraction=0.25, fold=f, **options), test)
        for f, (rest, test) in enumerate(folds)
    ]
    if groups is not None:
        own = np.unique(groups, return_inverse=True)[1] % 3
        made += [split_rows_of(split) for split in predefined_folds(own, labels, groups=groups, seed=seed)]
    return made


@pytest.mark.parametrize("is_grouped", [False, True], ids=["cells", "groups"])
@given(listing=listings(), seed=st.integers(0, 2**31))
def test_every_split_keeps_its_promises(listing, seed, is_grouped):
    """Splits are disjoint, complete, have whole groups and all classes, and depend on the seed alone."""
    labels, groups, order = listing
    n, ids = len(labels), np.array([f"image {i:03}" for i in range(len(labels))])
    made = every_split(labels, groups if is_grouped else None, ids, seed=seed)
    for splits in made:
        assert_disjoint_and_complete(splits, n)
        assert all(set(labels[rows]) == set(labels) for rows in splits)
        if is_grouped:
            assert_groups_are_whole(splits, groups)
    # The order of the images doesn't matter.
    again = every_split(labels[order], groups[order] if is_grouped else None, ids[order], seed=seed)
    for splits, others in zip(made, again, strict=True):
        assert [set(ids[rows]) for rows in splits] == [set(ids[order][rows]) for rows in others]


@given(seed=st.integers(0, 2**31), order=st.permutations(range(100)))
def test_random_holdout_does_not_depend_on_the_order(seed, order):
    # One class, because a test split of ten images may lack one of two.
    labels = np.zeros(100, dtype=int)
    one = holdout(labels, seed=seed, stratified=False, ids=IDS)
    other = holdout(labels, seed=seed, stratified=False, ids=IDS[order])
    for a, b in zip(split_rows_of(one), split_rows_of(other), strict=True):
        assert set(IDS[a]) == set(IDS[order][b])


@pytest.mark.parametrize("seed", range(3))
def test_random_holdout_has_the_counts_of_taleghani(taleghani, seed):
    split = holdout(
        taleghani.labels, fractions=(0.7, 0.1, 0.2), seed=seed, stratified=False, ids=taleghani.ids
    )
    assert [len(rows) for rows in split_rows_of(split)] == [2279, 326, 651]
    assert_disjoint_and_complete(split_rows_of(split), 3256)
    # A stratified test set would have a fifth of each class.
    by_class = np.bincount(taleghani.labels[split.test])
    assert by_class.tolist() != [101, 197, 192, 161]
    np.testing.assert_allclose(by_class, [100.8, 197, 192.6, 160.8], atol=35)


@pytest.mark.parametrize(("n", "expected"), [(10, (6, 3, 1)), (25, (15, 8, 2)), (26, (16, 8, 2))])
def test_random_holdout_rounds_to_the_nearest(n, expected):
    split = holdout(np.zeros(n, dtype=int), seed=0, stratified=False)
    assert tuple(len(rows) for rows in split_rows_of(split)) == expected


def test_random_holdout_depends_on_the_seed_alone():
    tests = [holdout(LABELS, seed=seed, stratified=False, ids=IDS).test.tolist() for seed in (0, 0, 1)]
    assert tests[0] == tests[1] != tests[2]


def test_random_holdout_refuses_groups_and_missing_classes():
    with pytest.raises(ArgumentError, match="stratified=False"):
        holdout(LABELS, seed=0, stratified=False, groups=GROUPS)
    with pytest.raises(DataError, match="would lack a class"):
        holdout(np.repeat([0, 1], [2, 98]), seed=0, stratified=False)


@pytest.mark.parametrize("seed", range(3))
def test_holdout_by_near_duplicates_has_whole_groups_and_meets_the_fractions(taleghani, seed):
    groups = joined_groups(taleghani)
    split = holdout(taleghani.labels, fractions=(0.7, 0.1, 0.2), seed=seed, groups=groups, ids=taleghani.ids)
    assert_disjoint_and_complete(split_rows_of(split), 3256)
    assert_groups_are_whole(split_rows_of(split), groups)
    for rows, fraction in zip(split_rows_of(split), (0.7, 0.1, 0.2), strict=True):
        measured = np.bincount(taleghani.labels[rows]) / [504, 985, 963, 804]
        np.testing.assert_allclose(measured, fraction, atol=0.005)


@pytest.mark.parametrize("grouped", [False, True])
def test_folds_of_taleghani_with_an_eighth_held_out_are_70_10_20(taleghani, grouped):
    groups = joined_groups(taleghani) if grouped else None
    options = {"seed": 0, "groups": groups, "ids": taleghani.ids}
    validations = []
    for fold, (rest, test) in enumerate(stratified_kfold(taleghani.labels, n_splits=5, **options)):
        train, validation = hold_out_validation(taleghani.labels, rest, fraction=1 / 8, fold=fold, **options)
        assert_disjoint_and_complete((train, validation, test), 3256)
        if grouped:
            assert_groups_are_whole((train, validation, test), groups)
        for rows, fraction in zip((train, validation, test), (0.7, 0.1, 0.2), strict=True):
            measured = np.bincount(taleghani.labels[rows]) / [504, 985, 963, 804]
            np.testing.assert_allclose(measured, fraction, atol=0.005)
        validations.append(validation.tolist())
    assert len(set(map(tuple, validations))) == 5


@pytest.mark.parametrize("seed", range(3))
def test_holdout_by_subject_has_whole_subjects_and_meets_the_fractions(training, seed):
    groups = joined_groups(training)
    split = holdout(training.labels, seed=seed, groups=groups)
    assert_disjoint_and_complete(split_rows_of(split), 10_661)
    assert_groups_are_whole(split_rows_of(split), groups)
    assert_groups_are_whole(split_rows_of(split), training.group)
    for rows, fraction in zip(split_rows_of(split), (0.6, 0.3, 0.1), strict=True):
        measured = np.array(counts(training.labels, rows)) / [3389, 7272]
        np.testing.assert_allclose(measured, fraction, atol=0.01)


def test_holdout_by_subject_separates_no_byte_identical_pair(training):
    pairs = duplicate_pairs(training)
    by_subject = holdout(training.labels, seed=0, groups=joined_groups(training))
    by_cell = holdout(training.labels, seed=0, ids=training.ids)
    fitted, leaky = (np.concatenate([split.train, split.validation]) for split in (by_subject, by_cell))
    assert pairs_between(pairs, fitted, by_subject.test) == 0
    assert pairs_between(pairs, leaky, by_cell.test) > 0


def test_three_groups_of_each_class_are_enough():
    labels = np.repeat([0, 0, 0, 1, 1, 1], [50, 30, 2, 90, 9, 1])
    groups = np.repeat(["a", "b", "c", "d", "e", "f"], [50, 30, 2, 90, 9, 1])
    split = holdout(labels, seed=0, groups=groups)
    assert_groups_are_whole(split_rows_of(split), groups)
    assert set(groups[split.train]) == {"a", "d"}
    assert set(groups[split.test]) == {"c", "f"}
    with pytest.raises(DataError, match="at least 3 groups"):
        holdout(labels, seed=0, groups=np.where(groups == "f", "e", groups))


def test_groups_may_have_both_classes():
    labels = np.tile([0, 1, 1], 60)
    groups = np.arange(180) // 6
    split = holdout(labels, seed=0, groups=groups)
    assert [counts(labels, rows) for rows in split_rows_of(split)] == [[36, 72], [18, 36], [6, 12]]
    assert_groups_are_whole(split_rows_of(split), groups)


def test_too_few_images_for_a_holdout_are_refused_with_the_smallest_number():
    with pytest.raises(DataError, match=r"7 \+ 60 images(.|\n)*at least 8 images of each class"):
        holdout(np.repeat([0, 1], [7, 60]), seed=0)
    for n in range(8, 200):
        holdout(np.repeat([0, 1], n), seed=0)


@pytest.mark.parametrize("fractions", [(0.6, 0.3), (0.6, 0.3, 0.2), (1.0, 0.1, -0.1), (0.7, 0.3, 0.0)])
def test_fractions_must_be_three_positive_numbers_with_a_sum_of_one(fractions):
    with pytest.raises(ArgumentError):
        holdout(LABELS, seed=0, fractions=fractions)


@pytest.mark.parametrize("groups", [None, GROUPS], ids=["cells", "groups"])
def test_kfold_tests_each_image_once(groups):
    folds = stratified_kfold(LABELS, n_splits=5, seed=0, groups=groups)
    assert len(folds) == 5
    assert_disjoint_and_complete([test for _, test in folds], 100)
    for train, test in folds:
        assert_disjoint_and_complete([train, test], 100)
        assert counts(LABELS, test) == [8, 12]
        if groups is not None:
            assert_groups_are_whole([train, test], groups)


def test_kfold_depends_on_the_seed_alone():
    tests = [stratified_kfold(LABELS, n_splits=5, seed=seed)[0][1].tolist() for seed in (0, 0, 1)]
    assert tests[0] == tests[1] != tests[2]


def test_random_kfold_tests_each_image_once_in_folds_of_equal_size_without_strata():
    folds = random_kfold(LABELS, n_splits=5, seed=0)
    assert sorted(np.concatenate([test for _, test in folds]).tolist()) == [*range(len(LABELS))]
    sizes = [len(test) for _, test in folds]
    assert max(sizes) - min(sizes) <= 1
    for train, test in folds:
        assert sorted([*train, *test]) == [*range(len(LABELS))]
    # The number of a class differs between folds, unlike in stratified folds.
    spread = {
        splitter: np.ptp(
            [np.count_nonzero(LABELS[test] == 0) for _, test in splitter(LABELS, n_splits=5, seed=0)]
        )
        for splitter in (random_kfold, stratified_kfold)
    }
    assert spread[stratified_kfold] <= 1 < spread[random_kfold]


def test_random_kfold_depends_on_the_seed_and_the_ids_alone():
    tests = [random_kfold(LABELS, n_splits=5, seed=seed, ids=IDS)[0][1].tolist() for seed in (0, 0, 1)]
    assert tests[0] == tests[1] != tests[2]
    order = np.random.default_rng(0).permutation(len(LABELS))
    shuffled = random_kfold(LABELS[order], n_splits=5, seed=0, ids=np.array(IDS)[order])
    assert sorted(order[shuffled[0][1]].tolist()) == tests[0]


def test_random_kfold_refuses_too_few_images():
    with pytest.raises(DataError, match="5 folds can't be made of 4 images"):
        random_kfold([0, 1, 0, 1], n_splits=5, seed=0)
    with pytest.raises(DataError, match="would lack a class"):
        random_kfold([0, 0, 0, 0, 1], n_splits=5, seed=0)
    with pytest.raises(ArgumentError, match="n_splits"):
        random_kfold(LABELS, n_splits=1, seed=0)


def test_grouped_kfold_is_stratified_kfold_with_groups():
    folds = grouped_kfold(LABELS, GROUPS, n_splits=5, seed=3, ids=IDS)
    same = stratified_kfold(LABELS, n_splits=5, seed=3, groups=GROUPS, ids=IDS)
    for pair, other in zip(folds, same, strict=True):
        assert_groups_are_whole(pair, GROUPS)
        assert [rows.tolist() for rows in pair] == [rows.tolist() for rows in other]
    with pytest.raises(ArgumentError, match=r"groups has the shape \(3,\)"):
        grouped_kfold(LABELS, GROUPS[:3], n_splits=5, seed=3)


def test_too_few_images_or_groups_for_a_kfold_are_refused():
    with pytest.raises(DataError, match=r"class 0 has 4(.|\n)*at least 5 images"):
        stratified_kfold(np.repeat([0, 1], [4, 50]), n_splits=5, seed=0)
    with pytest.raises(DataError, match=r"class 0 has 10(.|\n)*at least 11 groups"):
        stratified_kfold(LABELS, n_splits=11, seed=0, groups=GROUPS)
    with pytest.raises(ArgumentError, match="n_splits is 1"):
        stratified_kfold(LABELS, n_splits=1, seed=0)


def test_predefined_folds_have_the_challenge_s_counts(training):
    groups = joined_groups(training)
    splits = predefined_folds(training.fold, training.labels, groups=groups, seed=0)
    assert [counts(training.labels, split.test) for split in splits] == [
        [1130, 2397],
        [1163, 2418],
        [1096, 2457],
    ]
    for number, split in enumerate(splits):
        assert_disjoint_and_complete(split_rows_of(split), 10_661)
        assert set(training.fold[split.test]) == {number}
        assert_groups_are_whole((split.train, split.validation), groups)
        assert len(split.validation) / (10_661 - len(split.test)) == pytest.approx(1 / 3, abs=0.01)


def test_pairs_that_cross_the_challenges_folds_can_be_counted(training):
    pairs = duplicate_pairs(training)
    splits = predefined_folds(training.fold, training.labels, groups=joined_groups(training), seed=0)
    crossing = [
        pairs_between(pairs, np.concatenate([split.train, split.validation]), split.test) for split in splits
    ]
    # Each of the 94 pairs that cross the folds counts in both of its folds.
    assert sum(crossing) == 2 * 94
    assert all(pairs_between(pairs, split.train, split.validation) == 0 for split in splits)


def test_the_validation_fraction_can_be_chosen():
    splits = predefined_folds(GROUPS % 5, LABELS, groups=GROUPS, seed=0, validation_fraction=0.25)
    assert {len(split.validation) for split in splits} == {20}


def test_validation_rows_are_a_fraction_of_each_class_in_the_given_rows():
    rows = np.arange(20, 80)
    train, validation = hold_out_validation(LABELS, rows, fraction=0.25, seed=0, ids=IDS)
    assert np.sort(np.concatenate([train, validation])).tolist() == rows.tolist()
    # A quarter of 20 and of 40, and of 22 (5.5, rounded up) and of 41 (10.25, rounded down).
    assert counts(LABELS, validation) == [5, 10]
    assert counts(LABELS, hold_out_validation(LABELS, np.arange(18, 81), fraction=0.25, seed=0)[1]) == [6, 10]


@pytest.mark.parametrize("groups", [None, GROUPS], ids=["cells", "groups"])
def test_validation_rows_depend_on_seed_and_fold(groups):
    def validation(seed, fold):
        return hold_out_validation(LABELS, np.arange(100), fraction=0.2, seed=seed, fold=fold, groups=groups)[
            1
        ]

    validations = [validation(*key).tolist() for key in ((0, 0), (0, 0), (0, 1), (1, 0))]
    assert validations[0] == validations[1]
    assert len({tuple(rows) for rows in validations}) == 3


def test_too_few_images_to_hold_out_are_refused():
    labels = np.repeat([0, 1], [3, 40])
    with pytest.raises(DataError, match=r"at least 4 images of each class that aren't tested"):
        hold_out_validation(labels, np.arange(43), fraction=1 / 8, seed=0)
    hold_out_validation(np.repeat([0, 1], [4, 40]), np.arange(44), fraction=1 / 8, seed=0)
    with pytest.raises(ArgumentError, match="validation fraction is 0"):
        hold_out_validation(labels, np.arange(43), fraction=0, seed=0)


def test_other_folds_are_refused():
    with pytest.raises(ArgumentError, match="4 images have no fold"):
        predefined_folds(np.where(GROUPS == 0, -1, GROUPS % 3), LABELS, groups=GROUPS, seed=0)
    with pytest.raises(DataError, match="All images are in fold 0"):
        predefined_folds(np.zeros(100, int), LABELS, groups=GROUPS, seed=0)
    with pytest.raises(DataError, match="would lack a class"):
        predefined_folds(LABELS, LABELS, groups=GROUPS, seed=0)
    with pytest.raises(ArgumentError, match="validation fraction is 1"):
        predefined_folds(GROUPS % 3, LABELS, groups=GROUPS, seed=0, validation_fraction=1)


@pytest.mark.parametrize(
    "split",
    [lambda y, **k: holdout(y, seed=0, **k), lambda y, **k: stratified_kfold(y, n_splits=2, seed=0, **k)],
)
def test_arguments_that_do_not_fit_are_refused(split):
    with pytest.raises(ArgumentError, match="2 of 100 images have no label"):
        split(np.where(np.arange(100) < 2, -1, LABELS))
    with pytest.raises(ArgumentError, match=r"ids has the shape \(3,\)"):
        split(LABELS, ids=IDS[:3])
    with pytest.raises(ArgumentError, match=r"groups has the shape \(3,\)"):
        split(LABELS, groups=GROUPS[:3])
    with pytest.raises(ArgumentError, match=r"shape \(0,\)"):
        split([])


def test_real_cells_can_be_split_by_cell_and_by_subject(real_data):
    index = load("cnmc2019", real_data)
    for groups in (None, joined_groups(index)):
        split = holdout(index.labels, seed=0, groups=groups, ids=index.ids)
        assert_disjoint_and_complete(split_rows_of(split), len(index))
        assert all(set(index.labels[rows]) == {0, 1} for rows in split_rows_of(split))
