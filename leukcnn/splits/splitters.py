"""Splits of images or groups: hold-out, the folds of a dataset's authors; `kfold` has the k-fold splits.

If the ids of the images are given, rows are sorted by id before anything is sampled. The result then doesn't
depend on the order in which the images are listed. Splits of groups depend on the names of the groups. The
groups of an `ImageIndex` are `leukcnn.datasets.joined_groups(index)`; an unknown group ("") is refused.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike

from leukcnn.errors import ArgumentError, DataError
from leukcnn.seeding import generator
from leukcnn.spec import AUTHORS_VALIDATION_FRACTION
from leukcnn.splits.checks import column, known_groups, prepare, require_all_classes
from leukcnn.splits.grouping import assign_groups


@dataclass(frozen=True, eq=False)
class Split:
    """Positions of the images of each split, ascending and disjoint.

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
    """Splits images once into train, validation and test.

    With `stratified`, the n images of each class are divided into ceil(f0 n), floor(f1 n) and the rest, where
    (f0, f1, f2) are the fractions: 7,272 malignant and 3,389 healthy cells at 6:3:1 give 4,364 / 2,181 / 727
    and 2,034 / 1,016 / 339 (cnmc2019, Table 1). Otherwise the n images of all classes together are divided
    into round(f0 n), round(f1 n) and the rest: 3,256 smears at 7:1:2 give 2,279 / 326 / 651
    (taleghani_resnet50). With groups, each group is in one split, and the fractions of each class are met as
    nearly as the groups allow.

    Args:
        labels: (N,) int, classes 0, 1, ...
        fractions: Fractions of the train, validation and test splits; their sum is 1.
        seed: Root seed.
        stratified: Whether each class is split by itself. It must be True if `groups` is given.
        groups: (N,) str or int, group of each image, e.g. its subject; a group isn't divided.
        ids: (N,) str, ids of the images.

    Raises:
        ArgumentError: The fractions aren't positive or don't add up to 1, labels are negative, arrays differ
            in length, a group is unknown, or groups are given for a split that isn't stratified.
        DataError: A split would lack a class, because there are too few images or groups.
    """
    exact = _exact(fractions)
    if len(exact) != 3:
        raise ArgumentError(f"There are {len(exact)} fractions.", expected="3: train, validation, test")
    if groups is not None and not stratified:
        found = "groups is given together with stratified=False."
        raise ArgumentError(found, expected="either groups or stratified=False")
    labels, order = prepare(labels, ids)
    if groups is not None:
        groups = known_groups(groups, len(labels))
        return Split(*_split_groups(labels, groups, exact, rng=generator(seed, "holdout", "groups")))
    if stratified:
        shuffled = [
            (generator(seed, "holdout", int(label)).permutation(order[labels[order] == label]), _cut)
            for label in np.unique(labels)
        ]
        minimum = f"at least {_smallest_class(exact)} images of each class"
    else:
        shuffled = [(generator(seed, "holdout", "random").permutation(order), _rounded_cut)]
        minimum = "images of every class in each split, which is likely only with many images of each"
    chunks: tuple[list[np.ndarray], ...] = ([], [], [])
    for rows, cut in shuffled:
        first, second = cut(len(rows), exact)
        for of_split, chosen in zip(chunks, np.split(rows, [first, first + second]), strict=True):
            of_split.append(chosen)
    split = Split(*(np.sort(np.concatenate(of_split)) for of_split in chunks))
    require_all_classes((split.train, split.validation, split.test), labels, minimum=minimum)
    return split


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
    """Holds out a fraction of a fold's training rows, class by class, for choosing the best epoch.

    Without groups, floor(f n + 1/2) of the n images of a class are held out. With groups, each group is in
    one split, and the fraction of each class is met as nearly as the groups allow.

    Args:
        labels: (N,) int, classes 0, 1, ... of all images.
        rows: (M,) int, positions of the images that the fold doesn't test.
        fraction: Fraction of `rows` that is held out, above 0 and below 1.
        seed: Root seed.
        fold: Number of the fold; each fold samples its own rows.
        groups: (N,) str or int, group of each image, e.g. its subject; a group isn't divided.
        ids: (N,) str, ids of the images.

    Returns:
        Train and validation splits, ascending int64 positions.

    Raises:
        ArgumentError: The fraction is out of range, labels are negative, arrays differ in length, or a group
            is unknown.
        DataError: A split would lack a class, because there are too few images or groups.
    """
    exact = _validation_fraction(fraction)
    labels, order = prepare(labels, ids)
    rows = np.sort(np.asarray(rows))
    if groups is not None:
        train, validation = _split_groups(
            labels[rows],
            known_groups(groups, len(labels))[rows],
            (1 - exact, exact),
            # The keys contain a former name of this function: another key would give other rows.
            rng=generator(seed, "keep_apart", "groups", fold),
        )
        return rows[train], rows[validation]
    order = order[np.isin(order, rows)]
    held_out = []
    for label in np.unique(labels[rows]):
        of_class = order[labels[order] == label]
        shuffled = generator(seed, "keep_apart", fold, int(label)).permutation(of_class)
        held_out.append(shuffled[: math.floor(exact * len(shuffled) + Fraction(1, 2))])
    validation = np.sort(np.concatenate(held_out))
    train = np.setdiff1d(rows, validation)
    least = max(math.ceil(1 / (2 * exact)), math.floor(1 / (2 * (1 - exact))) + 1)
    minimum = f"at least {least} images of each class that aren't tested"
    require_all_classes((train, validation), labels, minimum=minimum)
    return train, validation


def predefined_folds(
    fold: ArrayLike,
    labels: ArrayLike,
    *,
    groups: ArrayLike,
    seed: int,
    validation_fraction: float = AUTHORS_VALIDATION_FRACTION,
) -> list[Split]:
    """Tests each of the authors' folds once and splits the other folds into train and validation.

    No group is in both train and validation. The test folds stay as the authors made them, even if a group
    or a byte-identical image is in two folds. `leukcnn.datasets.pairs_between` counts the identical images.

    Args:
        fold: (N,) int, the authors' fold of each image.
        labels: (N,) int, classes 0, 1, ...
        groups: (N,) str or int, groups that train and validation must not share, e.g. subjects.
        seed: Root seed.
        validation_fraction: Fraction of the images outside the tested fold that become the validation split,
            above 0 and below 1.

    Returns:
        One split for each fold, in ascending order of the folds.

    Raises:
        ArgumentError: Folds or labels are negative, arrays differ in length, a group is unknown, or the
            fraction is out of range.
        DataError: There is one fold only, or a split would lack a class.
    """
    validation = _validation_fraction(validation_fraction)
    labels, _ = prepare(labels, None)
    fold, groups = column(fold, len(labels), "fold"), known_groups(groups, len(labels))
    folds = np.unique(fold)
    if folds[0] < 0:
        outside = np.count_nonzero(fold < 0)
        raise ArgumentError(f"{outside:,} images have no fold.", expected="a fold of at least 0 for each")
    if len(folds) < 2:
        raise DataError(
            f"All images are in fold {folds[0]}.",
            expected="images of at least 2 folds",
            remedy="copy the other folds too, or use another kind of split",
        )
    splits = []
    for number in folds:
        rest, test = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        train, held_out = _split_groups(
            labels[rest],
            groups[rest],
            (1 - validation, validation),
            rng=generator(seed, "predefined_folds", int(number)),
        )
        split = Split(rest[train], rest[held_out], test)
        require_all_classes((split.train, split.validation, test), labels, minimum="every class in each fold")
        splits.append(split)
    return splits


def _exact(fractions: Sequence[float]) -> tuple[Fraction, ...]:
    # Exact decimals: in floating point, 0.6 * n is sometimes above and sometimes below a whole number.
    try:
        exact = tuple(Fraction(str(fraction)) for fraction in fractions)
    except (TypeError, ValueError, ZeroDivisionError):
        exact = ()
    if not exact or min(exact) <= 0 or sum(exact) != 1:
        found = f"The fractions are {fractions!r:.80}."
        raise ArgumentError(found, expected="positive numbers that add up to 1")
    return exact


def _validation_fraction(fraction: float) -> Fraction:
    if not isinstance(fraction, Real) or not 0 < fraction < 1:
        found = f"The validation fraction is {fraction!r:.80}."
        raise ArgumentError(found, expected="a number above 0 and below 1")
    return Fraction(fraction).limit_denominator(1000)


def _cut(n: int, fractions: Sequence[Fraction]) -> tuple[int, int]:
    return math.ceil(fractions[0] * n), math.floor(fractions[1] * n)


def _rounded_cut(n: int, fractions: Sequence[Fraction]) -> tuple[int, int]:
    return round(fractions[0] * n), round(fractions[1] * n)


def _split_groups(
    labels: np.ndarray, groups: np.ndarray, fractions: Sequence[Fraction], *, rng: np.random.Generator
) -> list[np.ndarray]:
    """Returns the positions of each split; each group is in one split."""
    assigned = assign_groups(labels, groups, [float(fraction) for fraction in fractions], rng=rng)
    splits = [np.flatnonzero(assigned == split) for split in range(len(fractions))]
    require_all_classes(splits, labels, minimum=f"at least {len(fractions)} groups (subjects) of each class")
    return splits


def _smallest_class(fractions: Sequence[Fraction]) -> int:
    """Returns the smallest n such that classes of n or more images have an image in every split."""
    beyond = math.ceil(2 / min(fractions))
    lacking = [n for n in range(1, beyond + 1) if min(*_cut(n, fractions), n - sum(_cut(n, fractions))) < 1]
    return max(lacking) + 1
