"""Metrics of a classifier that are functions of its confusion matrix.

Labels and predictions are integers, positions in the tuple of class names. Every metric takes one matrix or a
stack of them: one call evaluates thousands of bootstrap resamples. Values are fractions from 0 to 1; kappa is
in -1..1. `METRICS` also lists the metrics of `leukcnn.results.probabilities`.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from leukcnn.errors import ArgumentError
from leukcnn.labels import check_classes
from leukcnn.results.probabilities import PROBABILITY_METRICS, ProbabilityMetric
from leukcnn.results.ratios import ratio as _ratio

Metric = Callable[..., np.ndarray]


def confusion_matrix(labels: ArrayLike, predicted: ArrayLike, *, n_classes: int) -> np.ndarray:
    """Counts the images of each true class by predicted class.

    Args:
        labels: (N,) integers from 0 to `n_classes` - 1, the true classes.
        predicted: (N,) integers from 0 to `n_classes` - 1, the predicted classes.
        n_classes: Number of classes, at least 2.

    Returns:
        (n_classes, n_classes) int64; entry [t, p] counts the images of class t predicted as p.

    Raises:
        ArgumentError: The arrays differ in length, aren't one-dimensional, or hold values that aren't class
            numbers.
    """
    labels, predicted = check_classes(labels, predicted, n_classes=n_classes)
    pairs = np.bincount(labels * n_classes + predicted, minlength=n_classes**2)
    return pairs.reshape(n_classes, n_classes)


def balanced_matrix(matrix: np.ndarray) -> np.ndarray:
    """Returns the expected matrix if images of the larger classes are left out at random, to equal classes.

    Each row is multiplied by the size of the smallest class that occurs divided by the size of its own class.
    Accuracy, recall and specificity of this matrix are exactly the means of the metric over all such subsets;
    precision, F1-score and kappa, which aren't linear in the counts, differ from their means by terms of the
    order of one over the number of images.

    Args:
        matrix: (..., K, K) confusion matrices, true classes in rows.

    Returns:
        (..., K, K) float64.
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    sizes = matrix.sum(axis=-1, keepdims=True)
    smallest = np.where(sizes > 0, sizes, np.inf).min(axis=-2, keepdims=True)
    return matrix * np.divide(smallest, sizes, out=np.zeros_like(sizes), where=sizes > 0)


def _correct_of_all(matrix: np.ndarray, *, positive: int) -> tuple[np.ndarray, np.ndarray]:
    return np.trace(matrix, axis1=-2, axis2=-1), matrix.sum(axis=(-2, -1))


def _wrong_of_all(matrix: np.ndarray, *, positive: int) -> tuple[np.ndarray, np.ndarray]:
    correct, total = _correct_of_all(matrix, positive=positive)
    return total - correct, total


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
    "weighted_recall": _correct_of_all,
    "error_rate": _wrong_of_all,
    "precision": _hits_of_predicted,
    "sensitivity": _hits_of_positives,
    "recall": _hits_of_positives,
    "specificity": _rejected_of_negatives,
}
"""Metrics that are a number of successes divided by a number of trials; each function returns the two."""


def accuracy(matrix: np.ndarray, *, positive: int = 1) -> np.ndarray:
    """Returns the fraction of correctly classified images.

    Args:
        matrix: (..., K, K) confusion matrices, true classes in rows.
        positive: Position of the positive class. Ignored here; all metrics have this argument.

    Returns:
        (...) float64 from 0 to 1; NaN if there are no images.
    """
    return _ratio(*_correct_of_all(matrix, positive=positive))


def error_rate(matrix: np.ndarray, *, positive: int = 1) -> np.ndarray:
    """Returns the fraction of wrongly classified images; args and shapes as in `accuracy`."""
    return _ratio(*_wrong_of_all(matrix, positive=positive))


def precision(matrix: np.ndarray, *, positive: int = 1) -> np.ndarray:
    """Returns the fraction of true positives among the predicted positives; NaN if there are none.

    Args and shapes as in `accuracy`.
    """
    return _ratio(*_hits_of_predicted(matrix, positive=positive))


def sensitivity(matrix: np.ndarray, *, positive: int = 1) -> np.ndarray:
    """Returns the fraction of positives that are predicted as positive (recall); NaN if there are none.

    Args and shapes as in `accuracy`.
    """
    return _ratio(*_hits_of_positives(matrix, positive=positive))


def specificity(matrix: np.ndarray, *, positive: int = 1) -> np.ndarray:
    """Returns the fraction of negatives that are predicted as negative; NaN if there are none.

    Args and shapes as in `accuracy`; with more than two classes, all classes but `positive` are negative.
    """
    return _ratio(*_rejected_of_negatives(matrix, positive=positive))


def f1(matrix: np.ndarray, *, positive: int = 1) -> np.ndarray:
    """Returns the F1-score of the positive class, 2 TP / (2 TP + FP + FN).

    In this form it is 0, not undefined, if positives exist and none is predicted. It is NaN only if the class
    neither occurs nor is predicted. Args and shapes as in `accuracy`.
    """
    true_positives = matrix[..., positive, positive]
    predicted, actual = matrix[..., :, positive].sum(axis=-1), matrix[..., positive, :].sum(axis=-1)
    return _ratio(2 * true_positives, predicted + actual)


def weighted_f1(matrix: np.ndarray, *, positive: int = 1) -> np.ndarray:
    """Returns the mean of the classes' F1-scores, weighted by the number of images of each class.

    The C-NMC 2019 leaderboard ranks by it. Args and shapes as in `accuracy`; NaN if there are no images.
    """
    return _weighted(f1, matrix)


def macro_precision(matrix: np.ndarray, *, positive: int = 1) -> np.ndarray:
    """Returns the mean of the classes' precisions over the classes that occur or are predicted.

    The precision of a class that is never predicted counts as 0, and so do precision, recall and F1-score of
    a class that is predicted and doesn't occur, as in scikit-learn. Args and shapes as in `accuracy`, here
    and below; NaN if there are no images.
    """
    return _macro(precision, matrix)


def macro_recall(matrix: np.ndarray, *, positive: int = 1) -> np.ndarray:
    """Returns the mean of the classes' recalls over the classes that occur or are predicted.

    It is the balanced accuracy, unless a class is predicted that doesn't occur.
    """
    return _macro(sensitivity, matrix)


def macro_f1(matrix: np.ndarray, *, positive: int = 1) -> np.ndarray:
    """Returns the mean of the classes' F1-scores over the classes that occur or are predicted."""
    return _macro(f1, matrix)


def weighted_precision(matrix: np.ndarray, *, positive: int = 1) -> np.ndarray:
    """Returns the mean of the classes' precisions, weighted by the number of images of each class.

    The precision of a class that is never predicted counts as 0.
    """
    return _weighted(precision, matrix)


def weighted_specificity(matrix: np.ndarray, *, positive: int = 1) -> np.ndarray:
    """Returns the mean of the classes' specificities, weighted by the number of images of each class.

    It is NaN if all images are of one class: there are no negatives then, and its specificity is undefined.
    """
    n_classes = (np.asarray(matrix).sum(axis=-1) > 0).sum(axis=-1)
    return np.where(n_classes > 1, _weighted(specificity, matrix), math.nan)


def kappa(matrix: np.ndarray, *, positive: int = 1) -> np.ndarray:
    """Returns Cohen's kappa, (observed - expected) / (1 - expected) agreement (Alert Net, equation 1).

    The result is in -1..1. It is NaN if all images are of one class and all are predicted as that class: the
    expected agreement is 1, and kappa is 0 / 0.
    """
    # All terms are multiplied by total^2: they become integers, which float64 represents exactly.
    matrix = np.asarray(matrix, dtype=np.float64)
    total = matrix.sum(axis=(-2, -1))
    observed = np.trace(matrix, axis1=-2, axis2=-1) * total
    expected = (matrix.sum(axis=-1) * matrix.sum(axis=-2)).sum(axis=-1)
    return _ratio(observed - expected, total**2 - expected)


def _weighted(metric: Metric, matrix: np.ndarray) -> np.ndarray:
    return _class_mean(metric, matrix, weights=matrix.sum(axis=-1))


def _macro(metric: Metric, matrix: np.ndarray) -> np.ndarray:
    return _class_mean(metric, matrix, weights=(matrix.sum(axis=-1) + matrix.sum(axis=-2)) > 0)


def _class_mean(metric: Metric, matrix: np.ndarray, *, weights: np.ndarray) -> np.ndarray:
    scores = np.stack([metric(matrix, positive=k) for k in range(matrix.shape[-1])], axis=-1)
    # The precision of a class that is never predicted is undefined, and the recall of one that doesn't occur;
    # in a mean they count as 0. If the class neither occurs nor is predicted, its weight is 0.
    return _ratio((np.nan_to_num(scores, nan=0.0) * weights).sum(axis=-1), weights.sum(axis=-1))


MATRIX_METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "error_rate": error_rate,
    "precision": precision,
    "sensitivity": sensitivity,
    "recall": sensitivity,
    "specificity": specificity,
    "f1": f1,
    "kappa": kappa,
    "macro_precision": macro_precision,
    "macro_recall": macro_recall,
    "macro_f1": macro_f1,
    "weighted_precision": weighted_precision,
    # The mean of the classes' recalls, weighted by their numbers of images, is the accuracy.
    "weighted_recall": accuracy,
    "weighted_specificity": weighted_specificity,
    "weighted_f1": weighted_f1,
}
"""Metrics of a confusion matrix."""

METRICS: dict[str, Metric | ProbabilityMetric] = {**MATRIX_METRICS, **PROBABILITY_METRICS}
"""All metrics by the names that tables and papers use: functions of matrices and of probabilities."""


# Scale -> the largest kappa of each word, and the word.
_KAPPA_WORDS = {
    "landis_koch": (
        (math.nextafter(0, -1), "poor"),
        (0.2, "slight"),
        (0.4, "fair"),
        (0.6, "moderate"),
        (0.8, "substantial"),
        (1, "almost perfect"),
    ),
    "alertnet": ((0.2, "Bad"), (0.4, "Fair"), (0.6, "Good"), (0.8, "Very Good"), (1, "Excellent")),
}


def kappa_word(value: float, *, scale: str = "landis_koch") -> str:
    """Returns the word for a kappa.

    Args:
        value: Kappa, -1..1, or NaN.
        scale: "landis_koch" (Landis and Koch, Biometrics 33, 1977) or "alertnet" (section III-D of that
            paper).

    Returns:
        The word; "undefined" for NaN.

    Raises:
        ArgumentError: There is no such scale, or the value isn't in -1..1.
    """
    if scale not in _KAPPA_WORDS:
        raise ArgumentError(f"There is no scale {scale!r}.", expected=f"one of {', '.join(_KAPPA_WORDS)}")
    if math.isnan(value):
        return "undefined"
    if not -1 <= value <= 1:
        raise ArgumentError(f"kappa = {value!r}.", expected="-1 to 1")
    return next(word for limit, word in _KAPPA_WORDS[scale] if value <= limit)


def metric_by_name(name: str) -> Metric | ProbabilityMetric:
    """Returns a metric of `METRICS`.

    Raises:
        ArgumentError: There is no metric of that name.
    """
    if name not in METRICS:
        raise ArgumentError(f"There is no metric {name!r}.", expected=f"one of {', '.join(METRICS)}")
    return METRICS[name]
