"""The split that folders train, val and test make: kept as it is, or refused by name."""

from dataclasses import replace

import numpy as np
import pytest

from leukcnn.errors import DataError
from leukcnn.experiment.plan import data_digest
from leukcnn.spec import Split
from leukcnn.splits import partition
from tests.indices import index_of

NO_PAIRS = np.empty((0, 2), dtype=np.int64)
GIVEN = np.array(["train"] * 8 + ["validation"] * 2 + ["test"] * 2)


def made(given=GIVEN, **columns):
    labels = [0, 1] * 6
    return index_of(labels, class_names=("a", "b"), dataset="allidb1", given=np.array(given), **columns)


def rows_of(index, *, pairs=NO_PAIRS, **options):
    (fold,) = partition(Split(kind="given", **options), index, seed=0, pairs=pairs)
    rows = fold.split_rows
    return [part.tolist() for part in (rows.train, rows.validation, rows.predicted["test"])]


def test_folders_are_the_split():
    assert rows_of(made()) == [[0, 1, 2, 3, 4, 5, 6, 7], [8, 9], [10, 11]]


def test_validation_is_held_out_if_there_is_no_folder_for_it():
    index = made(["train"] * 10 + ["test"] * 2)
    train, validation, test = rows_of(index, fractions=(0.6, 0.2, 0.2))
    # A quarter of 5 images of each class, rounded.
    assert sorted(train + validation) == [*range(10)]
    assert [index.labels[row] for row in sorted(validation)].count(0) == 1
    assert len(validation) == 2
    assert test == [10, 11]


def test_limit_holds_in_each_folder():
    assert [len(part) for part in rows_of(made(), limit_per_class=1)] == [2, 2, 2]


def test_byte_identical_images_in_two_folders_are_refused_by_name():
    sha = np.array([f"{i:064x}" for i in range(12)])
    sha[10] = sha[0]
    with pytest.raises(DataError) as caught:
        rows_of(made(sha256=sha), pairs=np.array([[0, 10]]))
    assert str(caught.value).startswith("2 images have a subject, or a copy, that is in two of the splits.")
    assert "allidb1/0.png (train), allidb1/10.png (test)" in str(caught.value)


def test_near_copies_in_two_folders_are_refused():
    with pytest.raises(DataError, match=r"allidb1/3\.png \(train\), allidb1/9\.png \(validation\)"):
        rows_of(made(), pairs=np.array([[3, 9]]))


def test_a_subject_in_two_folders_is_refused_with_all_its_images():
    group = np.array(["s1", "s1", "s1", "", "", "", "", "", "", "", "s1", ""])
    with pytest.raises(DataError, match="4 images have a subject"):
        rows_of(made(group=group))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([""] * 12, "folders of allidb1 make no split"),
        (
            ["train"] * 9 + [""] + ["test"] * 2,
            r"1 of 12 images of allidb1 are in no folder of a split, e.g. allidb1/9\.png",
        ),
        (["train"] * 12, "No image of allidb1 is in a folder test"),
        (["test"] * 12, "No image of allidb1 is in a folder train"),
        (["train"] * 11 + ["test"], "The folder test holds no image of a"),
    ],
)
def test_folders_that_make_no_split_are_refused(given, said):
    with pytest.raises(DataError, match=said):
        rows_of(made(given))


def test_another_split_of_the_same_images_is_another_trial():
    other = made(["train"] * 6 + ["validation"] * 4 + ["test"] * 2)
    assert len({data_digest(one) for one in (made(), other, replace(made(), given=np.full(12, "")))}) == 3


def test_other_kinds_of_split_pass_the_folders_over():
    index = made()
    for kind in ("cell", "kfold"):
        split = Split(kind=kind, n_splits=2, fractions=(0.5, 0.25, 0.25))
        plain = partition(split, replace(index, given=np.full(12, "")), seed=0, pairs=NO_PAIRS)
        for one, other in zip(partition(split, index, seed=0, pairs=NO_PAIRS), plain, strict=True):
            np.testing.assert_array_equal(one.split_rows.train, other.split_rows.train)
