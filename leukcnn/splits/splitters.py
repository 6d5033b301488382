"""Splits of images or groups, whichever dataset they are of: hold-out, k-fold, the authors' own folds.

With the ids of the images given, rows are put in the order of their ids before anything is drawn: the same
images are parted alike in whatever order they are listed. Splits of groups are keyed by the groups' names.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from leukcnn.errors import ArgumentError, DataError
from leukcnn.seeding import child_seed, generator
from leukcnn.spec import AUTHORS_VALIDATION_FRACTION
from leukcnn.splits.grouping import assign_groups

PARTS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Split:
    """Positions of the images of each part, ascending and disjoint.

    Attributes:
        train: (M,) int64.
        validation: (K,) int64.
        test: (L,) int64.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def holdout(
    labels: ArrayLike,
    *,
    fractions: tuple[float, float, float] = (0.6, 0.3, 0.1),
    seed: int,
    stratified: bool = True,
    groups: ArrayLike | None = None,
    ids: ArrayLike | None = None,
) -> Split:
    """Parts images once into training, validation and test set, class by class or whatever the classes.

    Stratified, n images of a class give ceil(f0 n), floor(f1 n) and the rest: 7,272 malignant and 3,389
    healthy cells at 6:3:1 give 4,364 / 2,181 / 727 and 2,034 / 1,016 / 339 (cnmc2019, Table 1). Otherwise
    n images of all classes give round(f0 n), round(f1 n) and the rest: 3,256 smears at 7:1:2 give 2,279 /
    326 / 651 (taleghani_resnet50). With groups, no group stands in two parts, and the fractions of each class
    are met as nearly as the groups allow.

    Args:
        labels: (N,) int, classes 0, 1, ...
        fractions: Shares of training, validation and test set; their sum is 1.
        seed: Root seed.
        stratified: Whether each class is parted by itself; False goes without groups only.
        groups: (N,) str or int, units that must not be parted, e.g. subjects.
        ids: (N,) str, ids of the images.

    Raises:
        ArgumentError: The fractions aren't positive or don't add up to 1, labels are negative, arrays differ
            in length, or groups are given for a split that isn't stratified.
        DataError: A part would lack a class, because there are too few images or groups.
    """
    shares = _exact(fractions)
    if len(shares) != 3:
        raise ArgumentError(f"There are {len(shares)} fractions.", expected="3: training, validation, test")
    if groups is not None and not stratified:
        raise ArgumentError("groups with stratified=False.", expected="groups, or stratified=False, alone")
    labels, order = _prepare(labels, ids)
    if groups is not None:
        groups = _column(groups, len(labels), "groups")
        return Split(*_part_groups(labels, groups, shares, rng=generator(seed, "holdout", "groups")))
    if stratified:
        drawn = [
            (generator(seed, "holdout", int(label)).permutation(order[labels[order] == label]), _cut)
            for label in np.unique(labels)
        ]
        minimum = f"at least {_smallest_class(shares)} images of each class"
    else:
        drawn = [(generator(seed, "holdout", "random").permutation(order), _rounded_cut)]
        minimum = "images of every class in each part, which chance alone gives only where there are many"
    parts: tuple[list[np.ndarray], ...] = ([], [], [])
    for rows, cut in drawn:
        first, second = cut(len(rows), shares)
        for part, chosen in zip(parts, np.split(rows, [first, first + second]), strict=True):
            part.append(chosen)
    split = Split(*(np.sort(np.concatenate(part)) for part in parts))
    _require_all_classes((split.train, split.validation, split.test), labels, minimum=minimum)
    return split


def stratified_kfold(
    labels: ArrayLike,
    *,
    n_splits: int,
    seed: int,
    groups: ArrayLike | None = None,
    ids: ArrayLike | None = None,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Parts images into k folds of like class shares, each the test set once (scikit-learn's splitters).

    Args:
        labels: (N,) int, classes 0, 1, ...
        n_splits: Number of folds, at least 2.
        seed: Root seed.
        groups: (N,) str or int, units that must not be parted, e.g. subjects.
        ids: (N,) str, ids of the images.

    Returns:
        One pair (train, test) a fold, ascending int64 positions.

    Raises:
        ArgumentError: `n_splits` is below 2, labels are negative, or arrays differ in length.
        DataError: A class has fewer images, or groups, than there are folds.
    """
    if n_splits < 2:
        raise ArgumentError(f"n_splits is {n_splits}.", expected="at least 2 folds")
    labels, order = _prepare(labels, ids)
    groups = None if groups is None else _column(groups, len(labels), "groups")
    minimum = f"at least {n_splits} {'images' if groups is None else 'groups'} of each class"
    for label in np.unique(labels):
        members = labels == label
        units = np.count_nonzero(members) if groups is None else len(np.unique(groups[members]))
        if units < n_splits:
            raise _too_few(f"{n_splits} folds can't be made: class {label} has {units}.", minimum)
    splitter = StratifiedKFold if groups is None else StratifiedGroupKFold
    folds = splitter(n_splits, shuffle=True, random_state=child_seed(seed, "stratified_kfold") % 2**32)
    ordered = None if groups is None else groups[order]
    pairs = [
        (np.sort(order[train]), np.sort(order[test]))
        for train, test in folds.split(order, labels[order], ordered)
    ]
    for train, test in pairs:
        _require_all_classes((train, test), labels, minimum=minimum)
    return pairs


def hold_out_validation(
    labels: ArrayLike,
    rows: ArrayLike,
    *,
    fraction: float,
    seed: int,
    fold: int = 0,
    groups: ArrayLike | None = None,
    ids: ArrayLike | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Keeps a share of what a fold learns from apart, to choose an epoch by; class by class.

    Without groups, n images of a class give floor(f n + 1/2) to validation. With groups, none of them
    stands in both parts, and the share of each class is met as nearly as the groups allow.

    Args:
        labels: (N,) int, classes 0, 1, ... of all images.
        rows: (M,) int, positions of those that the fold doesn't test.
        fraction: Share of the validation set in them, above 0 and below 1.
        seed: Root seed.
        fold: Number of the fold; each draws its own.
        groups: (N,) str or int, units that must not be parted, e.g. subjects.
        ids: (N,) str, ids of the images.

    Returns:
        Training and validation set, ascending int64 positions.

    Raises:
        ArgumentError: The fraction is out of range, labels are negative, or arrays differ in length.
        DataError: A part would lack a class, because there are too few images or groups.
    """
    share = _validation_share(fraction)
    labels, order = _prepare(labels, ids)
    rows = np.sort(np.asarray(rows))
    if groups is not None:
        train, validation = _part_groups(
            labels[rows],
            _column(groups, len(labels), "groups")[rows],
            (1 - share, share),
            rng=generator(seed, "hold_out_validation", "groups", fold),
        )
        return rows[train], rows[validation]
    order = order[np.isin(order, rows)]
    kept = []
    for label in np.unique(labels[rows]):
        drawn = generator(seed, "hold_out_validation", fold, int(label)).permutation(
            order[labels[order] == label]
        )
        kept.append(drawn[: math.floor(share * len(drawn) + Fraction(1, 2))])
    validation = np.sort(np.concatenate(kept))
    train = np.setdiff1d(rows, validation)
    least = max(math.ceil(1 / (2 * share)), math.floor(1 / (2 * (1 - share))) + 1)
    minimum = f"at least {least} images of each class that aren't tested"
    _require_all_classes((train, validation), labels, minimum=minimum)
    return train, validation


def predefined_folds(
    fold: ArrayLike,
    labels: ArrayLike,
    *,
    groups: ArrayLike,
    seed: int,
    validation_fraction: float = AUTHORS_VALIDATION_FRACTION,
) -> list[Split]:
    """Makes each of the authors' folds the test set once and splits the rest into training and validation.

    No group stands in both training and validation. The test folds are kept as the authors made them, even
    where a group, or a byte-identical image, also stands in another fold: `datasets.pairs_between` counts
    those images, so that the figure can be read with them in mind.

    Args:
        fold: (N,) int, the authors' fold of each image.
        labels: (N,) int, classes 0, 1, ...
        groups: (N,) str or int, units that training and validation must not share, e.g. subjects.
        seed: Root seed.
        validation_fraction: Share of the validation set in what isn't tested, above 0 and below 1.

    Returns:
        One split a fold, in ascending order of the folds.

    Raises:
        ArgumentError: Folds or labels are negative, arrays differ in length, or the fraction is out of range.
        DataError: There is one fold only, or a part would lack a class.
    """
    validation = _validation_share(validation_fraction)
    labels, _ = _prepare(labels, None)
    fold, groups = _column(fold, len(labels), "fold"), _column(groups, len(labels), "groups")
    folds = np.unique(fold)
    if folds[0] < 0:
        outside = np.count_nonzero(fold < 0)
        raise ArgumentError(f"{outside:,} images have no fold.", expected="a fold of at least 0 for each")
    if len(folds) < 2:
        raise DataError(
            f"All images lie in fold {folds[0]}.",
            expected="images of at least 2 folds",
            remedy="copy the other folds too, or use another split",
        )
    splits = []
    for number in folds:
        rest, test = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        train, held_out = _part_groups(
            labels[rest],
            groups[rest],
            (1 - validation, validation),
            rng=generator(seed, "predefined_folds", int(number)),
        )
        split = Split(rest[train], rest[held_out], test)
        _require_all_classes(
            (split.train, split.validation, test), labels, minimum="every class in each fold"
        )
        splits.append(split)
    return splits


def balanced_subset(labels: ArrayLike, *, seed: int, ids: ArrayLike | None = None) -> np.ndarray:
    """Drops images of the larger classes at random until all classes are as large as the smallest.

    The authors of cnmc2019 test so: of 727 malignant and 339 healthy cells, 339 and 339 remain.

    Args:
        labels: (N,) int, classes 0, 1, ...
        seed: Root seed.
        ids: (N,) str, ids of the images.

    Returns:
        Ascending int64 positions of the images kept.

    Raises:
        ArgumentError: Labels are negative, or arrays differ in length.
    """
    labels, order = _prepare(labels, ids)
    classes, counts = np.unique(labels, return_counts=True)
    kept = [
        generator(seed, "balanced_subset", int(label)).permutation(order[labels[order] == label])[
            : counts.min()
        ]
        for label in classes
    ]
    return np.sort(np.concatenate(kept))


def _prepare(labels: ArrayLike, ids: ArrayLike | None) -> tuple[np.ndarray, np.ndarray]:
    """Returns the labels as an array, and the positions in the order of the ids."""
    labels = np.asarray(labels)
    if labels.ndim != 1 or not len(labels):
        raise ArgumentError(f"The labels have the shape {labels.shape}.", expected="(N,), N at least 1")
    if labels.min() < 0:
        raise ArgumentError(
            f"{np.count_nonzero(labels < 0):,} of {len(labels):,} images have no label.",
            expected="classes 0, 1, ...",
            remedy="select the labelled rows of the index first",
        )
    if ids is None:
        return labels, np.arange(len(labels))
    return labels, np.argsort(_column(ids, len(labels), "ids"), kind="stable")


def _column(values: ArrayLike, length: int, name: str) -> np.ndarray:
    values = np.asarray(values)
    if values.shape != (length,):
        raise ArgumentError(f"{name} has the shape {values.shape}.", expected=f"({length},), as the labels")
    return values


def _exact(fractions: Sequence[float]) -> tuple[Fraction, ...]:
    # Decimals as they are written: in floating point, 0.6 * n lies now above, now below a whole number.
    shares = tuple(Fraction(str(fraction)) for fraction in fractions)
    if min(shares) <= 0 or sum(shares) != 1:
        raise ArgumentError(f"The fractions are {fractions}.", expected="positive numbers that add up to 1")
    return shares


def _validation_share(fraction: float) -> Fraction:
    if not 0 < fraction < 1:
        raise ArgumentError(
            f"The share of the validation set is {fraction}.", expected="a number above 0 and below 1"
        )
    return Fraction(fraction).limit_denominator(1000)


def _cut(n: int, shares: Sequence[Fraction]) -> tuple[int, int]:
    first = math.ceil(shares[0] * n)
    return first, math.floor(shares[1] * n)


def _rounded_cut(n: int, shares: Sequence[Fraction]) -> tuple[int, int]:
    return round(shares[0] * n), round(shares[1] * n)


def _part_groups(
    labels: np.ndarray, groups: np.ndarray, shares: Sequence[Fraction], *, rng: np.random.Generator
) -> list[np.ndarray]:
    """Returns the positions of each part; no group is parted."""
    assigned = assign_groups(labels, groups, [float(share) for share in shares], rng=rng)
    parts = [np.flatnonzero(assigned == part) for part in range(len(shares))]
    _require_all_classes(parts, labels, minimum=f"at least {len(shares)} groups (subjects) of each class")
    return parts


def _smallest_class(shares: Sequence[Fraction]) -> int:
    """Returns the least class size from which on every part gets an image, whatever the rounding."""
    beyond = math.ceil(2 / min(shares))
    lacking = [n for n in range(1, beyond + 1) if min(*_cut(n, shares), n - sum(_cut(n, shares))) < 1]
    return max(lacking) + 1


def _require_all_classes(parts: Sequence[np.ndarray], labels: np.ndarray, *, minimum: str) -> None:
    classes = np.unique(labels)
    counts = [[np.count_nonzero(labels[part] == label) for label in classes] for part in parts]
    if not np.all(counts):
        each = ", ".join(" + ".join(map(str, row)) for row in counts)
        all_ = " + ".join(str(np.count_nonzero(labels == label)) for label in classes)
        raise _too_few(f"A part would lack a class: {all_} images give parts of {each}.", minimum)


def _too_few(found: str, minimum: str) -> DataError:
    return DataError(found, expected=minimum, remedy="use more of the data, another split, or fewer parts")
