"""Metrics of the probabilities that a classifier predicts.

Each takes the labels, (N,) integers, and the probabilities, (N, K) in 0..1. Each image counts with its
weight. Weights are (N,), or (R, N) for R resamples at once, which makes thousands of resamples cheap. The
result is () or (R,) accordingly; it is NaN where the metric is undefined.
"""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from leukcnn.errors import ArgumentError
from leukcnn.labels import check_classes
from leukcnn.results.ratios import ratio

ProbabilityMetric = Callable[..., np.ndarray]
# Default of keras.config.epsilon().
_EPSILON = 1e-7
_ROUNDING = 1e-9
N_BINS = 15
"""Number of bins of the calibration error."""


def auroc(
    labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None, *, positive: int = 1
) -> np.ndarray:
    """Returns the area under the ROC curve of the positive class against all others.

    It is the probability that a positive image is ranked above another image; ties count half. Agrees with
    `sklearn.metrics.roc_auc_score`.

    Args:
        labels: (N,) integers from 0 to K - 1, the true classes.
        probabilities: (N, K), 0..1.
        weights: (N,) or (R, N), at least 0: weight of each image, or how often it was sampled; None for 1.
        positive: Position of the positive class.

    Returns:
        () or (R,) float64, 0..1; NaN if there are no positive or no other images.

    Raises:
        ArgumentError: There isn't one row of probabilities for each label, or no column for a label.
    """
    hits, alarms = cumulated(*_checked(labels, probabilities, weights), positive=positive)
    area = (np.diff(alarms, axis=-1) * (hits[..., 1:] + hits[..., :-1])).sum(axis=-1) / 2
    return ratio(area, hits[..., -1] * alarms[..., -1])


def average_precision(
    labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None, *, positive: int = 1
) -> np.ndarray:
    """Returns the mean precision over all thresholds, each weighted by the increase of recall.

    Agrees with `sklearn.metrics.average_precision_score`; NaN if no image is positive. Args as in `auroc`.
    """
    hits, alarms = cumulated(*_checked(labels, probabilities, weights), positive=positive)
    precision = np.nan_to_num(ratio(hits, hits + alarms), nan=0.0)[..., 1:]
    return ratio((np.diff(hits, axis=-1) * precision).sum(axis=-1), hits[..., -1])


def sensitivity_at_specificity(
    labels: ArrayLike,
    probabilities: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    positive: int = 1,
    specificity: float,
) -> np.ndarray:
    """Returns the highest sensitivity among the thresholds with at least the given specificity.

    The threshold is chosen on the tested images themselves: the result is optimistic.

    Args:
        labels: (N,) integers from 0 to K - 1, the true classes.
        probabilities: (N, K), 0..1.
        weights: (N,) or (R, N), as in `auroc`.
        positive: Position of the positive class.
        specificity: Lowest allowed specificity, 0..1.

    Returns:
        () or (R,) float64, 0..1; NaN if there are no positive or no other images.
    """
    hits, alarms = cumulated(*_checked(labels, probabilities, weights), positive=positive)
    allowed = (1 - specificity) * alarms[..., -1:] + _ROUNDING
    reached = np.where(alarms <= allowed, hits, 0).max(axis=-1)
    return ratio(np.where(alarms[..., -1] > 0, reached, np.nan), hits[..., -1])


def macro(
    metric: ProbabilityMetric,
    labels: ArrayLike,
    probabilities: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    positive: int = 1,
) -> np.ndarray:
    """Returns the mean of a metric over the classes that occur, each against all others.

    A class without images has no ROC curve: scikit-learn's mean is NaN then, also if another class occurs.

    Args:
        metric: `auroc` or another metric of one class.
        labels: (N,) integers from 0 to K - 1, the true classes.
        probabilities: (N, K), 0..1.
        weights: (N,) or (R, N), as in `auroc`.
        positive: Ignored; all metrics have this argument.

    Returns:
        () or (R,) float64; NaN if there are no images, or `metric` is undefined for a class that occurs.
    """
    labels, probabilities, weights = _checked(labels, probabilities, weights)
    classes = range(probabilities.shape[1])
    values = np.stack([metric(labels, probabilities, weights, positive=k) for k in classes], axis=-1)
    occurs = np.stack([weights[..., labels == k].sum(axis=-1) > 0 for k in classes], axis=-1)
    return ratio(np.where(occurs, values, 0).sum(axis=-1), occurs.sum(axis=-1))


def log_loss(
    labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None, *, positive: int = 1
) -> np.ndarray:
    """Returns the mean cross-entropy in nats, Keras' categorical loss: -log of the true class's probability.

    Probabilities are clipped to 1e-7 .. 1 - 1e-7, as in Keras. NaN if there are no images. Args as in
    `auroc`; `positive` is ignored.
    """
    labels, probabilities, weights = _checked(labels, probabilities, weights)
    of_truth = np.clip(probabilities[np.arange(len(labels)), labels], _EPSILON, 1 - _EPSILON)
    return _mean(-np.log(of_truth), weights)


def brier_score(
    labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None, *, positive: int = 1
) -> np.ndarray:
    """Returns the mean squared error of the probabilities.

    With two classes, the error is that of the positive class's probability, 0..1, as in
    `sklearn.metrics.brier_score_loss`. With more, the squared errors of all classes are added, 0..2 (Brier,
    Monthly Weather Review 78, 1950). NaN if there are no images. Args as in `auroc`.
    """
    labels, probabilities, weights = _checked(labels, probabilities, weights)
    errors = (probabilities - (labels[:, None] == np.arange(probabilities.shape[1]))) ** 2
    return _mean(errors[:, positive] if errors.shape[1] == 2 else errors.sum(axis=1), weights)


def calibration_error(
    labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None, *, positive: int = 1
) -> np.ndarray:
    """Returns the expected calibration error: the difference between confidence and accuracy.

    Images are put into 15 bins of equal width by their highest probability. In each bin, the absolute
    difference between the mean of that probability and the accuracy is weighted by the number of images (Guo
    et al., "On Calibration of Modern Neural Networks", ICML 2017). In small samples it is too high, because
    the differences don't cancel; intervals of it cover less than they promise. NaN if there are no images.
    Args as in `auroc`; `positive` is ignored.
    """
    labels, probabilities, weights = _checked(labels, probabilities, weights)
    predicted = probabilities.argmax(axis=1)
    top = probabilities[np.arange(len(labels)), predicted]
    # A bin includes its upper bound and not its lower one.
    bins = np.clip(np.ceil(top * N_BINS - _ROUNDING).astype(np.int64) - 1, 0, N_BINS - 1)
    gaps = (weights * ((predicted == labels) - top)) @ (bins[:, None] == np.arange(N_BINS))
    return ratio(np.abs(gaps).sum(axis=-1), weights.sum(axis=-1))


def balanced_weights(labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Returns weights with which each class that occurs weighs as much as the smallest one.

    Args:
        labels: (N,) integers, the true classes.
        weights: (..., N), at least 0.

    Returns:
        (..., N) float64.
    """
    classes, member = np.unique(labels, return_inverse=True)
    sizes = np.stack([weights[..., labels == k].sum(axis=-1) for k in classes], axis=-1).astype(np.float64)
    smallest = np.where(sizes > 0, sizes, np.inf).min(axis=-1, keepdims=True, initial=np.inf)
    factors = np.divide(smallest, sizes, out=np.zeros_like(sizes), where=sizes > 0)
    return weights * factors[..., member]


PROBABILITY_METRICS: Mapping[str, ProbabilityMetric] = {
    "auroc": auroc,
    "macro_auroc": partial(macro, auroc),
    "average_precision": average_precision,
    "macro_average_precision": partial(macro, average_precision),
    "sensitivity_at_95_specificity": partial(sensitivity_at_specificity, specificity=0.95),
    "macro_sensitivity_at_95_specificity": partial(
        macro, partial(sensitivity_at_specificity, specificity=0.95)
    ),
    "log_loss": log_loss,
    "brier_score": brier_score,
    "calibration_error": calibration_error,
}
"""Metrics of probabilities by the names that tables and papers use."""


def _checked(
    labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the three as arrays.

    Raises:
        ArgumentError: Their shapes don't match, or a label has no column.
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    if probabilities.ndim != 2 or len(probabilities) != np.size(labels):
        raise ArgumentError(
            f"The probabilities have the shape {probabilities.shape} for {np.size(labels)} labels.",
            expected="one row per label and one column per class",
        )
    labels, _ = check_classes(labels, labels, n_classes=probabilities.shape[1])
    weights = np.ones(len(labels)) if weights is None else np.asarray(weights)
    if weights.shape[-1:] != labels.shape:
        raise ArgumentError(
            f"The weights have the shape {weights.shape} for {len(labels)} labels.",
            expected="one weight per label in the last dimension",
        )
    return labels, probabilities, weights


def cumulated(
    labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray, *, positive: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the weights of positives and of others at or above each threshold.

    Returns:
        Two arrays (..., T + 1) float64 for T different probabilities, the highest first: from 0 to the sum.
    """
    scores = probabilities[:, positive]
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True)[: len(order)])

    ordered = weights[..., order]

    def sums_of(counted: np.ndarray) -> np.ndarray:
        sums = np.cumsum(ordered * counted[order], axis=-1, dtype=np.float64)
        sums = sums if len(last) == len(order) else sums[..., last]
        return np.concatenate([np.zeros((*sums.shape[:-1], 1)), sums], axis=-1)

    return sums_of(labels == positive), sums_of(labels != positive)


def _mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return ratio(weights @ values, weights.sum(axis=-1))
