from dataclasses import replace
from pathlib import PurePath

import numpy as np
import pytest

from leukcnn.datasets.duplicates import (
    duplicate_pairs,
    has_unknown_subject,
    joined_groups,
    named_copies,
    pairs_between,
)
from leukcnn.datasets.index import ImageIndex
from leukcnn.datasets.indexing import index_from_manifest
from leukcnn.errors import ArgumentError
from tests.indices import index_of


def make_index(groups, contents, dataset="a"):
    n = len(groups)
    return ImageIndex(
        paths=[None] * n,
        ids=np.array([f"id{i}" for i in range(n)]),
        labels=np.zeros(n, np.int64),
        class_names=("healthy", "malignant"),
        dataset=np.broadcast_to(dataset, n),
        group=np.array(list(groups)),
        subset=np.full(n, "training"),
        fold=np.full(n, -1),
        sha256=np.array(list(contents)),
    )


@pytest.fixture(scope="module")
def training():
    index = index_from_manifest("cnmc2019")
    return index.select(index.subset == "training")


def test_pairs_of_a_small_index_are_found():
    assert duplicate_pairs(make_index("ABCDE", "xyxzx")).tolist() == [[0, 2], [0, 4], [2, 4]]
    assert duplicate_pairs(make_index("AB", "xy")).shape == (0, 2)


def test_subjects_are_joined_through_a_third_one():
    index = make_index(["10", "9", "9", "H1", "H1", "2"], ["x", "x", "y", "y", "z", "q"])
    assert joined_groups(index).tolist() == ["9+10+H1"] * 5 + ["2"]


def test_images_without_a_subject_are_separate_groups_unless_identical():
    assert joined_groups(make_index(["", "", "", "7"], "xyyz")).tolist() == ["id0", "id1+id2", "id1+id2", "7"]


def test_equal_numbers_of_two_datasets_are_two_subjects():
    index = make_index(["1", "1", "2"], "xyz", dataset=["a", "b", "b"])
    assert joined_groups(index).tolist() == ["a/1", "b/1", "b/2"]


def test_group_shared_by_two_datasets_joins_their_images():
    index = make_index(["f/1", "f/1", "1", ""], "xyzw", dataset=["a", "b", "b", "b"])
    assert joined_groups(index).tolist() == ["f/1", "f/1", "b/1", "id3"]


def test_pairs_between_two_sets():
    pairs = np.array([[0, 1], [2, 3], [4, 5]])
    assert pairs_between(pairs, np.array([0, 2, 3]), np.array([1, 4, 5])) == 1
    assert pairs_between(np.empty((0, 2), int), np.array([0]), np.array([1])) == 0


def test_duplicates_of_the_published_training_data(training):
    first, second = duplicate_pairs(training).T
    assert len(first) == 104
    assert np.count_nonzero(training.labels[first] != training.labels[second]) == 0
    assert np.count_nonzero(training.group[first] != training.group[second]) == 99
    assert np.count_nonzero(training.fold[first] != training.fold[second]) == 94


def test_subject_20_is_nearly_subject_21(training):
    pairs = duplicate_pairs(training)
    twenty, other = (np.flatnonzero(training.group == subject) for subject in ("20", "21"))
    assert len(twenty) == 76
    assert pairs_between(pairs, twenty, other) == 71


def test_joined_subjects_of_the_published_training_data(training):
    joined = joined_groups(training)
    assert {group for group in joined if "+" in group} == {"20+21", "51+75+78", "H2+H4+H5+H6", "H3+H10"}
    assert len(np.unique(training.group)) == 73
    assert len(np.unique(joined)) == 73 - 1 - 2 - 3 - 1


def test_final_phase_has_two_pairs_and_no_pair_is_across_subsets():
    index = index_from_manifest("cnmc2019")
    pairs = duplicate_pairs(index)
    assert len(pairs) == 106
    assert np.count_nonzero((index.subset[pairs] == "final").all(axis=1)) == 2


@pytest.mark.parametrize("prefix", ["", "cnmc2019/"])
def test_a_partial_copy_has_the_subjects_of_the_whole_dataset(prefix):
    """H2 and H6 share images with H4, which isn't there; 20 and 21 are there without the shared images."""
    dataset = ["cnmc2019"] * 4 + ([] if not prefix else ["jtsc"])
    groups = [prefix + name for name in ("H2", "H6", "20", "21")] + ([] if not prefix else ["H2"])
    labels = [0] * len(groups)
    index = index_of(labels, class_names=("a",), dataset=dataset, group=np.array(groups))
    joined = [f"{prefix}H2+{prefix}H6"] * 2 + [f"{prefix}20+{prefix}21"] * 2
    assert joined_groups(index).tolist() == joined + ([] if not prefix else ["jtsc/H2"])
    # Synthetic images bear the names of published subjects and share none of their images.
    assert joined_groups(replace(index, synthetic=True)).tolist()[0] == f"{prefix}H2"


def test_images_of_unknown_subject_are_groups_of_their_own_or_one_group():
    index = make_index(["", "", "", "7", "", ""], "xyyzzw")
    assert has_unknown_subject(index).tolist() == [True, True, True, False, False, True]
    each = ["id0", "id1+id2", "id1+id2", "7+id4", "7+id4", "id5"]
    assert joined_groups(index).tolist() == joined_groups(index, unknown="each").tolist() == each
    one = "unknown subjects of a"
    assert joined_groups(index, unknown="one-group").tolist() == [one, one, one, "7+id4", "7+id4", one]
    with pytest.raises(ArgumentError, match="'each' or 'one-group'"):
        joined_groups(index, unknown="refuse")


def test_each_dataset_has_one_group_of_unknown_subjects_unless_they_share_a_copy():
    index = make_index(["", "", "", "", "f/1"], "uvwxy", dataset=["a", "a", "b", "b", "b"])
    a, b = "unknown subjects of a", "unknown subjects of b"
    assert joined_groups(index, unknown="one-group").tolist() == [a, a, b, b, "f/1"]
    both = joined_groups(index, unknown="one-group", pairs=np.array([[1, 2]]))
    assert both.tolist() == ["unknown subjects of a and b"] * 4 + ["f/1"]
    known = joined_groups(index, unknown="one-group", pairs=np.array([[1, 4]]))
    assert known.tolist() == [a, "f/1+id1", b, b, "f/1+id1"]


def test_copies_by_name_are_joined_with_their_original():
    paths = [PurePath(f"a/{name}.png") for name in ("x", "x_rot90", "y", "x_flip", "y (1)")]
    index = index_of(
        [0] * 5, class_names=("a", "b"), dataset="own", paths=paths, sha256=np.arange(5).astype(str)
    )
    assert named_copies(index).tolist() == [[0, 1], [0, 3], [2, 4]]
    groups = joined_groups(index)
    assert groups[0] == groups[1] == groups[3] != groups[2] == groups[4]
    assert named_copies(index.select([0, 2])).shape == (0, 2)
