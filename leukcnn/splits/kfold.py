"""K-fold splits of images or groups: each fold is tested once."""

from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike
from sklearn.model_selection import KFold, StratifiedGroupKFold, StratifiedKFold

from leukcnn.datasets.walk import natural
from leukcnn.errors import ArgumentError
from leukcnn.seeding import child_seed
from leukcnn.splits.checks import (
    TOO_FEW,
    TooManyFoldsError,
    column,
    known_groups,
    prepare,
    require_all_classes,
    too_few,
)


def stratified_kfold(
    labels: ArrayLike,
    *,
    n_splits: int,
    seed: int,
    groups: ArrayLike | None = None,
    ids: ArrayLike | None = None,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Splits images into k folds with similar fractions of each class; each fold is tested once.

    The splitters are scikit-learn's `StratifiedKFold` and, with groups, `StratifiedGroupKFold`.

    Args:
        labels: (N,) int, classes 0, 1, ...
        n_splits: Number of folds, at least 2.
        seed: Root seed.
        groups: (N,) str or int, group of each image, as in `grouped_kfold`.
        ids: (N,) str, ids of the images.

    Returns:
        A pair (train, test) for each fold, ascending int64 positions.

    Raises:
        ArgumentError: `n_splits` is below 2, labels are negative, arrays differ in length, or a group is
            unknown.
        DataError: A class has fewer images, or groups, than there are folds.
    """
    _check_n_splits(n_splits)
    labels, order = prepare(labels, ids)
    groups = None if groups is None else known_groups(groups, len(labels))
    minimum = f"at least {n_splits} {'images' if groups is None else 'groups'} of each class"
    for label in np.unique(labels):
        members = labels == label
        units = np.count_nonzero(members) if groups is None else len(np.unique(groups[members]))
        if units < n_splits:
            raise TooManyFoldsError(
                f"{n_splits} folds can't be made: class {label} has {units}.",
                expected=minimum,
                remedy=TOO_FEW,
                label=int(label),
                units=int(units),
            )
    splitter = StratifiedKFold if groups is None else StratifiedGroupKFold
    folds = splitter(n_splits, shuffle=True, random_state=child_seed(seed, "stratified_kfold") % 2**32)
    ordered = None if groups is None else groups[order]
    pairs = [
        (np.sort(order[train]), np.sort(order[test]))
        for train, test in folds.split(order, labels[order], ordered)
    ]
    for train, test in pairs:
        require_all_classes((train, test), labels, minimum=minimum)
    return pairs


def random_kfold(
    labels: ArrayLike, *, n_splits: int, seed: int, ids: ArrayLike | None = None
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Splits images into k folds at random, without regard to their class; each fold is tested once.

    The splitter is scikit-learn's `KFold`.

    Args:
        labels: (N,) int, classes 0, 1, ...
        n_splits: Number of folds, at least 2.
        seed: Root seed.
        ids: (N,) str, ids of the images.

    Returns:
        A pair (train, test) for each fold, ascending int64 positions.

    Raises:
        ArgumentError: `n_splits` is below 2, labels are negative or arrays differ in length.
        DataError: There are fewer images than folds, or a class is missing in the training images of a fold.
    """
    _check_n_splits(n_splits)
    labels, order = prepare(labels, ids)
    minimum = f"at least {n_splits} images of each class"
    if len(labels) < n_splits:
        raise too_few(f"{n_splits} folds can't be made of {len(labels)} images.", minimum)
    splitter = KFold(n_splits, shuffle=True, random_state=child_seed(seed, "random_kfold") % 2**32)
    pairs = [(np.sort(order[train]), np.sort(order[test])) for train, test in splitter.split(order)]
    for train, _ in pairs:
        require_all_classes((train,), labels, minimum=minimum)
    return pairs


def grouped_kfold(
    labels: ArrayLike, groups: ArrayLike, *, n_splits: int, seed: int, ids: ArrayLike | None = None
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Splits groups of images into k folds: `stratified_kfold` with groups.

    Args:
        labels: (N,) int, classes 0, 1, ...
        groups: (N,) str or int, group of each image, e.g. its subject; a group isn't divided.
        n_splits: Number of folds, at least 2.
        seed: Root seed.
        ids: (N,) str, ids of the images.

    Returns:
        A pair (train, test) for each fold, ascending int64 positions.

    Raises:
        ArgumentError: `n_splits` is below 2, labels are negative, arrays differ in length, or a group is
            unknown.
        DataError: A class has fewer groups than there are folds.
    """
    return stratified_kfold(labels, n_splits=n_splits, seed=seed, groups=groups, ids=ids)


def block_kfold(
    labels: ArrayLike,
    *,
    n_splits: int,
    ids: ArrayLike,
    groups: ArrayLike | None = None,
    within: ArrayLike | None = None,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Splits images into k folds of contiguous numbers, for images whose groups are unknown.

    Crops and fields are mostly numbered in the order in which they were made, so neighbouring numbers are
    likely to show the same smear or patient. The images of each class are sorted by id, numbers by value,
    and cut into k blocks whose sizes differ by at most one; fold i tests block i of every class. A group that
    a cut would divide is moved as a whole to the fold that has most of its images, the lowest one if several
    have as many. Nothing is random: there is no seed, and several runs have the same folds.

    Args:
        labels: (N,) int, classes 0, 1, ...
        n_splits: Number of folds, at least 2.
        ids: (N,) str, ids of the images, such as "Im001_1.tif".
        groups: (N,) str or int, group of each image, e.g. its field of view if known, otherwise a name of its
            own; a group isn't divided. None keeps no groups together.
        within: (N,) str or int, e.g. the dataset of each image: each class of each of them is cut by itself,
            since their numbers don't continue each other. None if all images are numbered together.

    Returns:
        A pair (train, test) for each fold, ascending int64 positions.

    Raises:
        ArgumentError: `n_splits` is below 2, labels are negative, arrays differ in length, or a group is
            unknown.
        DataError: A fold would lack a class, because there are too few images or groups.
    """
    _check_n_splits(n_splits)
    labels, _ = prepare(labels, ids)
    n = len(labels)
    stratum = np.zeros(n, dtype=np.int64)
    if within is not None:
        stratum = np.unique(column(within, n, "within"), return_inverse=True)[1]
    names = np.asarray(ids).astype(str).tolist()
    order = np.array(sorted(range(n), key=lambda row: (natural(names[row]), names[row])), dtype=np.int64)
    fold = np.empty(n, dtype=np.int64)
    for one, label in np.unique(np.stack([stratum, labels], axis=1), axis=0).tolist():
        rows = order[(stratum[order] == one) & (labels[order] == label)]
        for number, block in enumerate(np.array_split(rows, n_splits)):
            fold[block] = number
    if groups is not None:
        member = np.unique(known_groups(groups, n).astype(str), return_inverse=True)[1]
        held = np.zeros((member.max() + 1, n_splits), dtype=np.int64)
        np.add.at(held, (member, fold), 1)
        fold = held.argmax(axis=1)[member]
    tests = [np.flatnonzero(fold == number) for number in range(n_splits)]
    units = "images" if groups is None else "groups"
    require_all_classes(
        tests, labels, minimum=f"at least {n_splits} {units} of each class, none of them large"
    )
    return [(np.flatnonzero(fold != number), test) for number, test in enumerate(tests)]


def _check_n_splits(n_splits: int) -> None:
    if isinstance(n_splits, bool) or not isinstance(n_splits, Integral) or n_splits < 2:
        raise ArgumentError(f"n_splits is {n_splits!r:.80}.", expected="at least 2 folds, a whole number")
