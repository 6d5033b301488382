"""Images of unknown group: the splitters refuse them, and `joined_groups` makes each a group of its own."""

import inspect

import cv2
import numpy as np
import pytest

from leukcnn import splits
from leukcnn.datasets import ImageIndex, duplicate_pairs, joined_groups
from leukcnn.datasets.duplicates import pairs_between
from leukcnn.errors import ArgumentError
from leukcnn.splits import (
    block_kfold,
    grouped_kfold,
    hold_out_validation,
    holdout,
    predefined_folds,
    stratified_kfold,
)

LABELS = np.repeat([0, 1], [40, 60])
GROUPS = np.arange(100) // 4


def calls(labels, groups):
    """Returns a call of each public splitter that takes groups."""
    rows = np.arange(len(labels))
    return {
        "holdout": lambda: holdout(labels, seed=0, groups=groups),
        "stratified_kfold": lambda: stratified_kfold(labels, n_splits=2, seed=0, groups=groups),
        "grouped_kfold": lambda: grouped_kfold(labels, groups, n_splits=2, seed=0),
        "block_kfold": lambda: block_kfold(labels, n_splits=2, ids=rows.astype(str), groups=groups),
        "hold_out_validation": lambda: hold_out_validation(
            labels, rows, fraction=0.25, seed=0, groups=groups
        ),
        "predefined_folds": lambda: predefined_folds(rows % 2, labels, groups=groups, seed=0),
    }


def test_every_public_splitter_of_groups_is_in_this_suite():
    public = {name: getattr(splits, name) for name in splits.__all__ if not name[0].isupper()}
    grouped = {name for name, f in public.items() if "groups" in inspect.signature(f).parameters}
    assert grouped == set(calls(LABELS, GROUPS))


@pytest.mark.parametrize("splitter", calls(LABELS, GROUPS))
@pytest.mark.parametrize(
    "unknown", ["", None, float("nan"), np.nan, np.str_("")], ids=["text", "none", "nan", "numpy", "str"]
)
def test_unknown_groups_are_refused_with_the_remedy(splitter, unknown):
    groups = [f"patient {group}" for group in GROUPS]
    calls(LABELS, groups)[splitter]()
    for values in ([*groups[:98], unknown, unknown], np.array([*groups[:98], unknown, unknown], object)):
        with pytest.raises(
            ArgumentError, match=r"2 of 100 images have no group(.|\n)*joined_groups\(index\)"
        ):
            calls(LABELS, values)[splitter]()


def test_groups_may_be_numbers_or_have_the_name_of_a_missing_value():
    for groups in (GROUPS, GROUPS.astype(float), np.char.add("nan", GROUPS.astype(str))):
        calls(LABELS, groups)["holdout"]()
    named = np.where(GROUPS == 0, "None", GROUPS.astype(str))
    calls(LABELS, named)["holdout"]()


def folder_with_a_copy(root):
    """Returns the index of 24 images in two classes without known groups; two of them are identical."""
    for number in range(24):
        path = root / f"class {number % 2}/{number:02}.png"
        path.parent.mkdir(exist_ok=True)
        grey = 0 if number == 2 else 10 * number
        assert cv2.imwrite(str(path), np.full((8, 8, 3), grey, np.uint8))
    return ImageIndex.from_folder(root)


def test_a_folder_without_groups_is_refused_and_its_joined_groups_are_single_images(tmp_path):
    index = folder_with_a_copy(tmp_path)
    groups = joined_groups(index)
    assert len(set(groups)) == 23
    for name, call in calls(index.labels, index.group).items():
        with pytest.raises(ArgumentError, match="24 of 24 images have no group"):
            call()
        calls(index.labels, groups)[name]()
    for train, test in grouped_kfold(index.labels, groups, n_splits=3, seed=0):
        assert pairs_between(duplicate_pairs(index), train, test) == 0


def test_real_smears_without_groups_are_refused_and_their_joined_groups_are_single_images(real_data):
    index = ImageIndex.from_folder(real_data / "taleghani" / "Original")
    with pytest.raises(ArgumentError, match="3,256 of 3,256 images have no group"):
        grouped_kfold(index.labels, index.group, n_splits=5, seed=0, ids=index.ids)
    groups = joined_groups(index)
    folds = grouped_kfold(index.labels, groups, n_splits=5, seed=0, ids=index.ids)
    assert len(set(groups)) == len(set(index.sha256)) > 3200
    for train, test in folds:
        assert np.sort(np.concatenate([train, test])).tolist() == list(range(3256))
        assert pairs_between(duplicate_pairs(index), train, test) == 0
