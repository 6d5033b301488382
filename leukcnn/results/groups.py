"""Accuracy of each subject."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from leukcnn.errors import ArgumentError
from leukcnn.labels import check_classes


@dataclass(frozen=True)
class GroupAccuracy:
    """Accuracy on the images of one subject.

    Attributes:
        group: Name of the subject; "" for the images of unknown subjects.
        n: Number of images.
        correct: Number of correctly classified images.
        accuracy: `correct` / `n`, 0 to 1.
    """

    group: str
    n: int
    correct: int
    accuracy: float


def accuracy_per_group(
    labels: ArrayLike, predicted: ArrayLike, groups: Sequence[str] | np.ndarray
) -> list[GroupAccuracy]:
    """Counts the correctly classified images of each subject, as the C-NMC 2019 challenge asks.

    Args:
        labels: (N,) integers >= 0, the true classes.
        predicted: (N,) integers >= 0, the predicted classes.
        groups: (N,) str, subject of each image.

    Returns:
        One entry per subject, in the natural order of their names (2 before 10, 10 before H2).

    Raises:
        ArgumentError: The arrays differ in length, or labels or predictions aren't class numbers.
    """
    highest = max((int(np.max(a)) for a in (labels, predicted) if np.size(a)), default=0)
    labels, predicted = check_classes(labels, predicted, n_classes=max(highest + 1, 2))
    names, member = check_groups(groups, n=len(labels))
    n = np.bincount(member, minlength=len(names))
    correct = np.bincount(member, weights=labels == predicted, minlength=len(names)).astype(np.int64)
    rows = [
        GroupAccuracy(str(name), int(total), int(right), float(right / total))
        for name, total, right in zip(names, n, correct, strict=True)
    ]
    return sorted(rows, key=lambda row: _natural_key(row.group))


def check_groups(groups: Sequence[str] | np.ndarray, *, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the sorted names of the groups, and for each image the position of its group among them.

    Raises:
        ArgumentError: There isn't one group for each of the `n` images.
    """
    groups = np.asarray(groups, dtype=np.str_)
    if groups.shape != (n,):
        raise ArgumentError(
            f"The groups have the shape {groups.shape} for {n} labels.",
            expected="the name of one subject for every image",
        )
    return np.unique(groups, return_inverse=True)


def _natural_key(name: str) -> list[str | int]:
    # re.split with a group alternates text and numbers: text is only compared with text.
    return [int(piece) if piece.isdecimal() else piece for piece in re.split(r"([0-9]+)", name)]
