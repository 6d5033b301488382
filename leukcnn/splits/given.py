"""The split that the folders of a dataset make: train, val and test."""

from collections.abc import Sequence

import numpy as np

from leukcnn import spec
from leukcnn.datasets import ImageIndex
from leukcnn.errors import DataError
from leukcnn.splits.splitters import Split, hold_out_validation

_SPLITS = ("train", "validation", "test")
_EXAMPLES = 5
_REMEDY = "or use a kind of split of leukcnn's own, such as --split grouped_kfold"


def given_split(
    split: spec.Split, index: ImageIndex, rows: np.ndarray, *, groups: np.ndarray, seed: int
) -> Split:
    """Returns the split that the images' folders make.

    If no image is in a folder for validation, some of the training images are held out instead.

    Args:
        split: Description of the split.
        index: The images.
        rows: (M,) int64, positions of the images that are split.
        groups: (M,) str, groups that must not be in two splits: subjects, joined where they share an image or
            a near copy.
        seed: Root seed.

    Returns:
        Positions in `rows`.

    Raises:
        DataError: Images are in no folder of a split, none is for training or for testing, a group is in two
            splits, or a split lacks a class.
    """
    given, labels, ids = index.given[rows], index.labels[rows], index.ids[rows]
    _require_given(given, ids, " and ".join(np.unique(index.dataset[rows]).tolist()))
    _require_disjoint(given, groups, ids)
    train, validation, test = (np.flatnonzero(given == name) for name in _SPLITS)
    _require_classes(index, [labels[positions] for positions in (train, validation, test)])
    if not len(validation):
        trained, held_out, _ = split.fractions
        train, validation = hold_out_validation(
            labels, train, fraction=held_out / (trained + held_out), seed=seed, groups=groups, ids=ids
        )
    return Split(train, validation, test)


def _require_given(given: np.ndarray, ids: np.ndarray, datasets: str) -> None:
    outside = np.flatnonzero(~np.isin(given, _SPLITS))
    if len(outside) == len(given):
        raise DataError(
            f"The folders of {datasets} make no split.",
            expected="folders named train, val and test, right above or right inside the class folders",
            remedy=f"sort the images into such folders, {_REMEDY}",
        )
    if len(outside):
        some = ", ".join(ids[outside[:_EXAMPLES]].tolist())
        raise DataError(
            f"{len(outside):,} of {len(given):,} images of {datasets} are in no folder of a split, e.g. "
            f"{some}.",
            expected="each image in a folder train, val or test",
            remedy=f"move or remove them, {_REMEDY}",
        )
    for name in ("train", "test"):
        if name not in given:
            raise DataError(
                f"No image of {datasets} is in a folder {name}.",
                expected="images in train and in test, and perhaps in val",
                remedy=f"add the folder, {_REMEDY}",
            )


def _require_disjoint(given: np.ndarray, groups: np.ndarray, ids: np.ndarray) -> None:
    names, unit = np.unique(groups, return_inverse=True)
    held = [np.bincount(unit[given == name], minlength=len(names)) > 0 for name in _SPLITS]
    shared = np.flatnonzero(np.sum(held, axis=0) > 1)
    if not len(shared):
        return
    lines = []
    for number in shared[:_EXAMPLES]:
        rows = np.flatnonzero(unit == number)
        firsts = [rows[given[rows] == name][0] for name in _SPLITS if (given[rows] == name).any()]
        lines.append("  " + ", ".join(f"{ids[row]} ({given[row]})" for row in firsts))
    more = [f"  and {len(shared) - _EXAMPLES:,} more"] if len(shared) > _EXAMPLES else []
    raise DataError(
        f"{np.isin(unit, shared).sum():,} images have a subject, or a copy, that is in two of the splits. "
        f"They are of {len(shared):,} group{'s' * (len(shared) > 1)}, e.g.:\n" + "\n".join([*lines, *more]),
        expected="train, val and test without a common subject, identical image or near copy",
        remedy=f"move the images of each group into one of the folders, {_REMEDY}",
    )


def _require_classes(index: ImageIndex, labels: Sequence[np.ndarray]) -> None:
    wanted = np.unique(np.concatenate(labels))
    for name, held in zip(_SPLITS, labels, strict=True):
        if len(held) and len(absent := np.setdiff1d(wanted, held)):
            raise DataError(
                f"The folder {name} holds no image of {' and '.join(index.class_names[i] for i in absent)}.",
                expected="images of every class in each folder of the split",
                remedy=f"add some, {_REMEDY}",
            )
