"""Confidence intervals for the metrics of `leukcnn.results.metrics`.

The images of one subject resemble each other. An interval over images is therefore too narrow if a subject
has several images. If the subjects are known, whole subjects are resampled (cluster bootstrap).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from leukcnn.errors import ArgumentError
from leukcnn.labels import check_classes
from leukcnn.results.groups import check_groups
from leukcnn.results.metrics import PROPORTIONS, confusion_matrix, metric_by_name
from leukcnn.results.probabilities import PROBABILITY_METRICS, ProbabilityMetric
from leukcnn.seeding import generator

# Bounds are sums of rounded numbers: Wilson's upper bound for n of n may be one ulp below 1.
_ROUNDING = 1e-12
# Number of weights (resamples times images) that are processed at once, 16 MB.
_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Interval:
    """A confidence interval and its method.

    Attributes:
        low: Lower bound in the unit of the values, a fraction for all metrics but losses; NaN if there is no
            interval.
        high: Upper bound, likewise.
        confidence: Nominal coverage, between 0 and 1.
        method: "wilson", "bootstrap", "prediction" or "corrected".
        unit: What one observation is: "images", "subjects", "groups of images", "runs" or "folds".
        n_units: Number of observations.
        n_resamples: Number of resamples of the bootstrap; 0 for other methods.
        n_undefined: Number of resamples left out because the metric is undefined on them.
        reason: Why there is no interval; "" if there is one.
    """

    low: float
    high: float
    confidence: float
    method: str
    unit: str
    n_units: int
    n_resamples: int = 0
    n_undefined: int = 0
    reason: str = ""

    def __contains__(self, value: float) -> bool:
        return self.low - _ROUNDING <= value <= self.high + _ROUNDING

    @property
    def defined(self) -> bool:
        """Whether there is an interval."""
        return not self.reason

    def describe(self, *, own_units: bool = False) -> str:
        """Returns the method in words, for a note under a table.

        Args:
            own_units: Whether the note is about several values with different numbers of units. It then says
                "its images" instead of a number.
        """
        if not self.defined:
            return f"no interval: {self.reason}"
        name = {
            "wilson": "Wilson",
            "bootstrap": "percentile bootstrap",
            "prediction": "Student's t prediction",
            "corrected": "corrected resampled t",
        }[self.method]
        units = f"{'its' if own_units else self.n_units} {self.unit}"
        text = f"{100 * self.confidence:g} % {name} interval over {units}"
        if self.method == "bootstrap":
            text += f", {self.n_resamples} resamples"
        if self.n_undefined:
            text += f", {self.n_undefined} of them left out as undefined"
        return text


def wilson_interval(successes: int, n: int, *, confidence: float = 0.95, unit: str = "images") -> Interval:
    """Returns Wilson's score interval of a proportion, from `scipy.stats.binomtest`.

    Args:
        successes: Number of successes, 0 to `n`.
        n: Number of independent trials, at least 0; without a trial there is no interval.
        confidence: Nominal coverage, strictly between 0 and 1.
        unit: What one trial is, for `Interval.unit`.

    Raises:
        ArgumentError: `successes` isn't between 0 and `n`, or `confidence` isn't between 0 and 1.
    """
    _check_confidence(confidence)
    if not 0 <= successes <= n:
        raise ArgumentError(f"There are {successes} successes in {n} trials.", expected="0 <= successes <= n")
    if n == 0:
        return Interval(math.nan, math.nan, confidence, "wilson", unit, 0, reason=f"there are no {unit}")
    bounds = stats.binomtest(int(successes), int(n)).proportion_ci(confidence, method="wilson")
    return Interval(float(bounds.low), float(bounds.high), confidence, "wilson", unit, int(n))


class Bootstrap(NamedTuple):
    """Settings of a bootstrap.

    Attributes:
        seed: Root seed; with the same seed, every metric gets the same resamples.
        n_resamples: Number of resamples, at least 1.
        confidence: Nominal coverage, strictly between 0 and 1.
        unit: What a group is, in words.
    """

    seed: int = 0
    n_resamples: int = 2000
    confidence: float = 0.95
    unit: str = "subjects"


_BOOTSTRAP = Bootstrap()


def bootstrap_interval(
    statistic: Callable[[np.ndarray], np.ndarray],
    fractions: np.ndarray,
    n_units: int,
    *,
    unit: str = "images",
    bootstrap: Bootstrap = _BOOTSTRAP,
) -> Interval:
    """Returns the percentile bootstrap interval of a statistic of units sampled with replacement.

    Resamples on which the statistic is undefined (for example sensitivity if only healthy subjects were
    sampled) are left out and counted. There is no interval if more than half are left out, if there are fewer
    than two units, or if all resamples give the same value, which says nothing about the spread.

    Units of the same sort are interchangeable, such as images in the same cell of a confusion matrix. Units
    that all differ, such as subjects, are one sort each.

    Args:
        statistic: Takes (R, S) integers, how often each resample has each of S sorts; returns (R,) values.
        fractions: (S,) fraction of each sort among the units.
        n_units: Number of units, and size of a resample.
        unit: What a unit is, for `Interval.unit`.
        bootstrap: Seed, number of resamples and confidence.

    Raises:
        ArgumentError: A value of `bootstrap` is out of its range.
    """
    _check_confidence(bootstrap.confidence)
    n_resamples = bootstrap.n_resamples
    if n_resamples < 1:
        raise ArgumentError(f"The number of resamples is {n_resamples}.", expected="at least 1")
    nothing = Interval(math.nan, math.nan, bootstrap.confidence, "bootstrap", unit, n_units)
    if n_units < 2:
        return replace(nothing, reason=f"there are fewer than 2 {unit}")
    values = statistic(_resamples(bootstrap.seed, n_units, n_resamples, np.asarray(fractions).tobytes()))
    values = values[~np.isnan(values)]
    n_undefined = n_resamples - len(values)
    nothing = replace(nothing, n_resamples=n_resamples, n_undefined=n_undefined)
    if n_undefined > n_resamples / 2:
        return replace(nothing, reason=f"undefined on {n_undefined} of {n_resamples} resamples")
    if all_equal(values):
        return replace(nothing, reason=f"every resample of the {n_units} {unit} gives the same value")
    tail = (1 - bootstrap.confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return replace(nothing, low=float(low), high=float(high))


@lru_cache(maxsize=1)
def _resamples(seed: int, n_units: int, n_resamples: int, fractions: bytes) -> np.ndarray:
    """Returns how often each resample has each sort, (R, S); sampling takes longer than most metrics."""
    sampled = generator(seed, "bootstrap").multinomial(n_units, np.frombuffer(fractions), size=n_resamples)
    sampled.setflags(write=False)
    return sampled


def all_equal(values: Sequence[float] | np.ndarray) -> bool:
    """Returns whether values are equal, except for rounding errors; they say nothing about the spread then.

    Args:
        values: (J,) float, J >= 1. NaN equals nothing.
    """
    return bool(np.ptp(values) <= _ROUNDING * max(1.0, float(np.abs(values).max())))


def run_interval(
    values: Sequence[float], *, confidence: float = 0.95, limits: tuple[float, float] = (0, 1)
) -> Interval:
    """Returns the prediction interval of one more run: mean -+ t * std * sqrt(1 + 1 / n).

    t has n - 1 degrees of freedom. A published value comes from one run. It is compared with the spread of
    single runs, not with that of their mean, which shrinks with the number of runs.

    Args:
        values: (n,) the metric in each run, n >= 2.
        confidence: Nominal coverage, strictly between 0 and 1.
        limits: Lowest and highest value of the metric; the interval is cut off there.

    Returns:
        The interval. It is undefined if a value is NaN or all values are equal: the spread is unknown then.

    Raises:
        ArgumentError: There are fewer than two runs, or `confidence` isn't between 0 and 1.
    """
    _check_confidence(confidence)
    n, runs = len(values), np.asarray(values, dtype=np.float64)
    if n < 2:
        raise ArgumentError(f"There are {n} runs.", expected="at least 2")
    half = stats.t.ppf((1 + confidence) / 2, n - 1) * runs.std(ddof=1)
    half *= np.sqrt(1 + 1 / n)
    interval = Interval(math.nan, math.nan, confidence, "prediction", "runs", n)
    if np.isnan(half):
        return replace(interval, reason="undefined in some runs")
    if all_equal(runs):
        return replace(interval, reason=_equal_in(n, "runs"))
    mean = runs.mean()
    return replace(interval, low=float(max(mean - half, limits[0])), high=float(min(mean + half, limits[1])))


def fold_interval(values: Sequence[float], *, test_train_ratio: float, confidence: float = 0.95) -> Interval:
    """Returns the interval of the mean over folds: mean -+ t * std * sqrt(1 / J + n_test / n_train).

    t has J - 1 degrees of freedom. The formula takes into account that the training sets of the folds
    overlap, as in the corrected resampled t-test (Nadeau and Bengio, "Inference for the Generalization
    Error", Machine Learning 52, 2003).

    Args:
        values: (J,) one value for each fold of each run, in any unit, J >= 2.
        test_train_ratio: n_test / n_train, 1 / (k - 1) in k-fold cross-validation.
        confidence: Nominal coverage, strictly between 0 and 1.

    Returns:
        The interval, not cut off at 0 and 1. It is undefined if a value is NaN, or if all values are equal:
        the spread is unknown then.

    Raises:
        ArgumentError: There are fewer than two folds, `test_train_ratio` isn't above 0, or `confidence` isn't
            between 0 and 1.
    """
    _check_confidence(confidence)
    n, folds = len(values), np.asarray(values, dtype=np.float64)
    if n < 2:
        raise ArgumentError(f"There are {n} folds.", expected="at least 2")
    interval = Interval(math.nan, math.nan, confidence, "corrected", "folds", n)
    variance = corrected_variance(folds, test_train_ratio=test_train_ratio)
    if math.isnan(variance):
        return replace(interval, reason="undefined in some folds")
    if all_equal(folds):
        return replace(interval, reason=_equal_in(n, "folds"))
    mean, half = folds.mean(), stats.t.ppf((1 + confidence) / 2, n - 1) * math.sqrt(variance)
    return replace(interval, low=float(mean - half), high=float(mean + half))


def corrected_variance(values: np.ndarray, *, test_train_ratio: float) -> float:
    """Returns the variance of the mean over folds, std^2 (1 / J + n_test / n_train), after Nadeau and Bengio.

    Args:
        values: (J,) float64, J >= 2.
        test_train_ratio: n_test / n_train.

    Returns:
        At least 0; NaN if a value is NaN.

    Raises:
        ArgumentError: `test_train_ratio` isn't above 0.
    """
    if not test_train_ratio > 0:
        raise ArgumentError(f"test_train_ratio = {test_train_ratio!r}.", expected="n_test / n_train, above 0")
    return float(values.var(ddof=1) * (1 / len(values) + test_train_ratio))


def interval_for(
    metric: str,
    labels: ArrayLike,
    predictions: ArrayLike,
    groups: Sequence[str] | np.ndarray | None = None,
    *,
    n_classes: int = 2,
    positive: int = 1,
    bootstrap: Bootstrap = _BOOTSTRAP,
) -> Interval:
    """Returns the interval of a metric with the method that suits the metric and the groups.

    - Without groups, proportions such as accuracy or sensitivity get Wilson's interval over images. Other
      metrics get the bootstrap over images.
    - With groups, every metric gets the bootstrap over groups. If a proportion is 0 or 1 in all groups, all
      resamples are equal; it then gets Wilson's interval with each group as one trial.

    Args:
        metric: A key of `METRICS`.
        labels: (N,) integers from 0 to `n_classes` - 1, the true classes.
        predictions: (N,) predicted classes or, for metrics of probabilities, (N, n_classes) probabilities.
        groups: (N,) str, subject or other group of each image. If it is None, or "" for any image, the
            groups are unknown.
        n_classes: Number of classes.
        positive: Position of the positive class.
        bootstrap: Settings of the bootstrap.

    Raises:
        ArgumentError: There is no such metric, or an argument has another shape or range.
    """
    statistic = metric_by_name(metric)
    if groups is not None and "" in check_groups(groups, n=np.size(labels))[0]:
        groups = None
    if metric in PROBABILITY_METRICS:
        return _of_probabilities(statistic, labels, predictions, groups, positive, bootstrap)
    matrices = _matrices(labels, predictions, groups, n_classes=n_classes)
    matrix = matrices.sum(axis=0)
    if groups is None and metric in PROPORTIONS:
        successes, trials = PROPORTIONS[metric](matrix, positive=positive)
        return wilson_interval(int(successes), int(trials), confidence=bootstrap.confidence)

    def of_resamples(counts: np.ndarray) -> np.ndarray:
        # The metric depends on the confusion matrix only: sampled images are sampled cells of the matrix.
        cells = counts if groups is None else counts @ matrices.reshape(len(matrices), -1)
        return statistic(cells.reshape(-1, n_classes, n_classes), positive=positive)

    if groups is None:
        n = int(matrix.sum())
        return bootstrap_interval(of_resamples, matrix.ravel() / max(n, 1), n, bootstrap=bootstrap)
    n = len(matrices)
    interval = bootstrap_interval(of_resamples, _equal(n), n, unit=bootstrap.unit, bootstrap=bootstrap)
    if interval.defined or metric not in PROPORTIONS:
        return interval
    successes, trials = PROPORTIONS[metric](matrices, positive=positive)
    if trials.sum() == 0 or successes.sum() not in (0, trials.sum()):
        return interval
    n_groups = int((trials > 0).sum())
    return wilson_interval(
        n_groups if successes.sum() else 0, n_groups, confidence=bootstrap.confidence, unit=bootstrap.unit
    )


def _of_probabilities(
    metric: ProbabilityMetric,
    labels: ArrayLike,
    probabilities: ArrayLike,
    groups: Sequence[str] | np.ndarray | None,
    positive: int,
    bootstrap: Bootstrap,
) -> Interval:
    """Returns the bootstrap interval of a metric of probabilities, over groups or, if None, images."""
    labels = np.asarray(labels, dtype=np.int64)
    probabilities = np.asarray(probabilities, dtype=np.float64)
    if groups is None:
        # Sorted, because the result must not depend on the order of the images.
        order = np.lexsort((*probabilities.T, labels))
        labels, probabilities, member = labels[order], probabilities[order], np.arange(len(order))
    else:
        member = check_groups(groups, n=len(labels))[1]

    def of_resamples(counts: np.ndarray) -> np.ndarray:
        at_once = max(1, _AT_ONCE // max(len(labels), 1))
        chunks = [counts[start : start + at_once] for start in range(0, len(counts), at_once)]
        values = [metric(labels, probabilities, chunk[:, member], positive=positive) for chunk in chunks]
        return np.concatenate(values)

    n = int(member.max(initial=-1)) + 1
    unit = "images" if groups is None else bootstrap.unit
    return bootstrap_interval(of_resamples, _equal(n), n, unit=unit, bootstrap=bootstrap)


def _equal_in(n: int, units: str) -> str:
    return f"the value is the same in {'both' if n == 2 else f'all {n}'} {units}"


def _equal(n: int) -> np.ndarray:
    return np.full(n, 1 / max(n, 1))


def _matrices(
    labels: ArrayLike, predicted: ArrayLike, groups: Sequence[str] | np.ndarray | None, *, n_classes: int
) -> np.ndarray:
    """Returns the confusion matrix of each group, (G, K, K) int64, groups in the order of their names.

    Without groups, all images are one group.
    """
    if groups is None:
        return confusion_matrix(labels, predicted, n_classes=n_classes)[None]
    labels, predicted = check_classes(labels, predicted, n_classes=n_classes)
    names, member = check_groups(groups, n=len(labels))
    cells = (member * n_classes + labels) * n_classes + predicted
    counts = np.bincount(cells, minlength=len(names) * n_classes**2)
    return counts.reshape(len(names), n_classes, n_classes)


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ArgumentError(
            f"The confidence is {confidence!r}.", expected="a number between 0 and 1, such as .95"
        )
