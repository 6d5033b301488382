"""Checks that the splits of images and groups have in common."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from leukcnn.errors import ArgumentError, DataError
from leukcnn.splits.grouping import require_known_groups

TOO_FEW = "use more data, another kind of split, or fewer folds"
"""What to do if there are too few images or groups."""


def prepare(labels: ArrayLike, ids: ArrayLike | None) -> tuple[np.ndarray, np.ndarray]:
    """Returns the labels as an array, and the positions in the order of the ids."""
    labels = np.asarray(labels)
    if labels.ndim != 1 or not len(labels):
        raise ArgumentError(f"The labels have the shape {labels.shape}.", expected="(N,), N at least 1")
    if labels.dtype.kind not in "iub":
        raise ArgumentError(f"The labels are {labels.dtype}.", expected="classes 0, 1, ..., whole numbers")
    if labels.min() < 0:
        raise ArgumentError(
            f"{np.count_nonzero(labels < 0):,} of {len(labels):,} images have no label.",
            expected="classes 0, 1, ...",
            remedy="select the labelled rows of the index first",
        )
    if ids is None:
        return labels, np.arange(len(labels))
    return labels, np.argsort(column(ids, len(labels), "ids"), kind="stable")


def column(values: ArrayLike, length: int, name: str) -> np.ndarray:
    """Returns values as an array after checking that there is one for each image."""
    values = np.asarray(values)
    if values.shape != (length,):
        raise ArgumentError(f"{name} has the shape {values.shape}.", expected=f"({length},), like the labels")
    return values


def known_groups(values: ArrayLike, length: int) -> np.ndarray:
    """Returns the groups as an array after checking that each image has one."""
    groups = column(values, length, "groups")
    require_known_groups(values)
    return groups


def require_all_classes(splits: Sequence[np.ndarray], labels: np.ndarray, *, minimum: str) -> None:
    """Checks that each split has images of every class; `minimum` says in the error what would do."""
    classes = np.unique(labels)
    counts = [[np.count_nonzero(labels[split] == label) for label in classes] for split in splits]
    if not np.all(counts):
        each = ", ".join(" + ".join(map(str, row)) for row in counts)
        all_ = " + ".join(str(np.count_nonzero(labels == label)) for label in classes)
        raise too_few(
            f"A split would lack a class: {all_} images (by class) would be split into {each}.", minimum
        )


class TooManyFoldsError(DataError):
    """A class has fewer images, or groups, than there are folds.

    Args:
        found: As for `DataError`.
        expected: As for `DataError`.
        remedy: As for `DataError`.
        label: The number of the class.
        units: Number of its images or groups.
    """

    def __init__(self, found: str, *, expected: str = "", remedy: str = "", label: int, units: int):
        super().__init__(found, expected=expected, remedy=remedy)
        self.label, self.units = label, units


def too_few(found: str, minimum: str) -> DataError:
    """Returns the error for too few images or groups."""
    return DataError(found, expected=minimum, remedy=TOO_FEW)
