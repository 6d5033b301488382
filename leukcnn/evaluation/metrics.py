"""Metrics of a classifier, each a function of its confusion matrix.

Labels and predictions are whole numbers, positions in the tuple of class names. Every metric takes one matrix
or a stack of them, so that thousands of bootstrap resamples cost one call. Values are fractions from 0 to 1.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from leukcnn.errors import ArgumentError

Metric = Callable[..., np.ndarray]


def confusion_matrix(labels: ArrayLike, predicted: ArrayLike, *, n_classes: int) -> np.ndarray:
    """Counts how often each class was taken for each class.

    Args:
        labels: (N,) integers from 0 to `n_classes` - 1, the true classes.
        predicted: (N,) integers from 0 to `n_classes` - 1, the predicted classes.
        n_classes: Number of classes, at least 2.

    Returns:
        (n_classes, n_classes) int64; entry [t, p] counts the pictures of class t predicted as p.

    Raises:
        ArgumentError: The two arrays differ in length, aren't one-dimensional, or hold something else than
            the numbers of classes.
    """
    labels, predicted = check_classes(labels, predicted, n_classes=n_classes)
    pairs = np.bincount(labels * n_classes + predicted, minlength=n_classes**2)
    return pairs.reshape(n_classes, n_classes)


def check_classes(
    labels: ArrayLike, predicted: ArrayLike, *, n_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns both arrays as (N,) int64 after checking them.

    Raises:
        ArgumentError: As in `confusion_matrix`.
    """
    if n_classes < 2:
        raise ArgumentError(f"There is a number of {n_classes} classes.", expected="at least 2 classes")
    checked = []
    for name, values in (("labels", labels), ("predicted classes", predicted)):
        array = np.asarray(values)
        if array.ndim != 1:
            raise ArgumentError(
                f"The {name} have the shape {array.shape}.",
                expected="one whole number a picture, shape (N,)",
                remedy="take the position of the largest output, `scores.argmax(axis=1)`",
            )
        if array.size and not np.issubdtype(array.dtype, np.integer):
            raise ArgumentError(f"The {name} are {array.dtype}.", expected="whole numbers")
        array = array.astype(np.int64)
        if array.size and (array.min() < 0 or array.max() >= n_classes):
            raise ArgumentError(
                f"The {name} run from {array.min()} to {array.max()}.",
                expected=f"whole numbers from 0 to {n_classes - 1}",
                remedy="leave out the pictures without a label (-1) first",
            )
        checked.append(array)
    if len(checked[0]) != len(checked[1]):
        raise ArgumentError(
            f"There are {len(checked[0])} labels and {len(checked[1])} predictions.",
            expected="one prediction for every label",
        )
    return checked[0], checked[1]


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divides and gives NaN where there is nothing to divide by."""
    part, whole = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def _correct_of_all(matrix: np.ndarray, *, positive: int) -> tuple[np.ndarray, np.ndarray]:
    return np.trace(matrix, axis1=-2, axis2=-1), matrix.sum(axis=(-2, -1))


def _hits_of_predicted(matrix: np.ndarray, *, positive: int) -> tuple[np.ndarray, np.ndarray]:
    return matrix[..., positive, positive], matrix[..., :, positive].sum(axis=-1)


def _hits_of_positives(matrix: np.ndarray, *, positive: int) -> tuple[np.ndarray, np.ndarray]:
    return matrix[..., positive, positive], matrix[..., positive, :].sum(axis=-1)


def _rejected_of_negatives(matrix: np.ndarray, *, positive: int) -> tuple[np.ndarray, np.ndarray]:
    total, positives = matrix.sum(axis=(-2, -1)), matrix[..., positive, :].sum(axis=-1)
    false_alarms = matrix[..., :, positive].sum(axis=-1) - matrix[..., positive, positive]
    return total - positives - false_alarms, total - positives


PROPORTIONS: dict[str, Callable[..., tuple[np.ndarray, np.ndarray]]] = {
    "accuracy": _correct_of_all,
    "precision": _hits_of_predicted,
    "sensitivity": _hits_of_positives,
    "specificity": _rejected_of_negatives,
}
"""Metrics that are a number of successes out of a number of trials; each function returns the two."""


def accuracy(matrix: np.ndarray, *, positive: int = 1) -> np.ndarray:
    """Returns the share of pictures whose class was recognised.

    Args:
        matrix: (..., K, K) confusion matrices, true classes in rows.
        positive: Position of the positive class; plays no part here, all metrics take it.

    Returns:
        (...) float64 from 0 to 1; NaN without any picture.
    """
    return _ratio(*_correct_of_all(matrix, positive=positive))


def precision(matrix: np.ndarray, *, positive: int = 1) -> np.ndarray:
    """Returns the share of true positives among the predicted positives; NaN where none was predicted.

    Args and shapes as in `accuracy`.
    """
    return _ratio(*_hits_of_predicted(matrix, positive=positive))


def sensitivity(matrix: np.ndarray, *, positive: int = 1) -> np.ndarray:
    """Returns the share of positives that were recognised (recall); NaN where there is none.

    Args and shapes as in `accuracy`.
    """
    return _ratio(*_hits_of_positives(matrix, positive=positive))


def specificity(matrix: np.ndarray, *, positive: int = 1) -> np.ndarray:
    """Returns the share of negatives that were recognised as such; NaN where there is none.

    Args and shapes as in `accuracy`; with several classes every class but `positive` is negative.
    """
    return _ratio(*_rejected_of_negatives(matrix, positive=positive))


def f1(matrix: np.ndarray, *, positive: int = 1) -> np.ndarray:
    """Returns the F1-score of the positive class, 2 TP / (2 TP + FP + FN).

    This form is 0, not undefined, where positives exist and none was predicted; it is NaN only where the
    class neither occurs nor is predicted. Args and shapes as in `accuracy`.
    """
    true_positives = matrix[..., positive, positive]
    predicted, actual = matrix[..., :, positive].sum(axis=-1), matrix[..., positive, :].sum(axis=-1)
    return _ratio(2 * true_positives, predicted + actual)


def weighted_f1(matrix: np.ndarray, *, positive: int = 1) -> np.ndarray:
    """Returns the mean of the classes' F1-scores, weighted by how often each class occurs.

    The C-NMC 2019 leaderboard ranks by it. Args and shapes as in `accuracy`; NaN without any picture.
    """
    matrix = np.asarray(matrix)
    support = matrix.sum(axis=-1)
    scores = np.stack([f1(matrix, positive=k) for k in range(matrix.shape[-1])], axis=-1)
    # A class that doesn't occur weighs nothing, even where its own score is undefined.
    weighted = np.where(support > 0, scores * support, 0.0)
    return _ratio(weighted.sum(axis=-1), support.sum(axis=-1))


METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "precision": precision,
    "sensitivity": sensitivity,
    "specificity": specificity,
    "f1": f1,
    "weighted_f1": weighted_f1,
}
"""Every metric by the name that tables and specs use for it."""


def metric_by_name(name: str) -> Metric:
    """Returns a metric of `METRICS`.

    Raises:
        ArgumentError: There is no metric of that name.
    """
    if name not in METRICS:
        raise ArgumentError(f"There is no metric {name!r}.", expected=f"one of {', '.join(METRICS)}")
    return METRICS[name]


@dataclass(frozen=True)
class BinaryScores:
    """The scores of a classifier of two classes; field names are the keys of `METRICS`.

    Attributes:
        accuracy: Share of pictures recognised, 0 to 1, as all scores; NaN where a score is undefined.
        precision: Share of true positives among the predicted positives.
        sensitivity: Share of positives that were recognised.
        specificity: Share of negatives that were recognised.
        f1: F1-score of the positive class.
        weighted_f1: F1-scores of both classes, weighted by how often they occur.
        tp: Number of true positives.
        tn: Number of true negatives.
        fp: Number of false positives.
        fn: Number of false negatives.
    """

    accuracy: float
    precision: float
    sensitivity: float
    specificity: float
    f1: float
    weighted_f1: float
    tp: int
    tn: int
    fp: int
    fn: int


def binary_scores(labels: ArrayLike, predicted: ArrayLike, *, positive: int = 1) -> BinaryScores:
    """Scores the predictions of a classifier of two classes.

    Args:
        labels: (N,) integers 0 or 1, the true classes.
        predicted: (N,) integers 0 or 1, the predicted classes.
        positive: Which of the two is the positive class (leukaemia).

    Raises:
        ArgumentError: As in `confusion_matrix`, or `positive` is neither 0 nor 1.
    """
    if positive not in (0, 1):
        raise ArgumentError(f"The positive class is {positive!r}.", expected="0 or 1")
    matrix = confusion_matrix(labels, predicted, n_classes=2)
    negative = 1 - positive
    return BinaryScores(
        **{name: float(metric(matrix, positive=positive)) for name, metric in METRICS.items()},
        tp=int(matrix[positive, positive]),
        tn=int(matrix[negative, negative]),
        fp=int(matrix[negative, positive]),
        fn=int(matrix[positive, negative]),
    )


@dataclass(frozen=True)
class GroupAccuracy:
    """How many pictures of one subject were recognised.

    Attributes:
        group: Name of the subject; "" for the pictures whose subject is unknown.
        n: Number of its pictures.
        correct: How many of them were recognised.
        accuracy: `correct` / `n`, 0 to 1.
    """

    group: str
    n: int
    correct: int
    accuracy: float


def accuracy_per_group(
    labels: ArrayLike, predicted: ArrayLike, groups: Sequence[str] | np.ndarray
) -> list[GroupAccuracy]:
    """Counts the recognised pictures of every subject, as the C-NMC 2019 challenge asks.

    Args:
        labels: (N,) integers >= 0, the true classes.
        predicted: (N,) integers >= 0, the predicted classes.
        groups: (N,) str, subject of each picture.

    Returns:
        One entry a subject, in the natural order of their names (2 before 10, 10 before H2).

    Raises:
        ArgumentError: The arrays differ in length or hold something else than numbers of classes.
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
    """Returns the sorted names of the groups and each picture's position among them.

    Raises:
        ArgumentError: There isn't one group for each of the `n` pictures.
    """
    groups = np.asarray(groups, dtype=np.str_)
    if groups.shape != (n,):
        raise ArgumentError(
            f"The groups have the shape {groups.shape} beside {n} labels.",
            expected="the name of one subject for every picture",
        )
    return np.unique(groups, return_inverse=True)


def _natural_key(name: str) -> list[str | int]:
    # re.split with a group alternates text and number, so that like is always compared with like.
    return [int(part) if part.isdecimal() else part for part in re.split(r"([0-9]+)", name)]
