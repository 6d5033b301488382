"""How far a measured figure may be off: intervals for the metrics of `leukcnn.results.metrics`.

The pictures of one subject resemble each other, so that an interval over pictures is too narrow where several
come from one subject. Where subjects are known, whole subjects are drawn again (cluster bootstrap).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from leukcnn.errors import ArgumentError
from leukcnn.results.groups import check_groups
from leukcnn.results.metrics import (
    PROPORTIONS,
    Metric,
    check_classes,
    confusion_matrix,
    metric_by_name,
)
from leukcnn.seeding import generator

# Bounds are sums of rounded numbers: Wilson's upper bound for n of n may stand one ulp below 1.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Interval:
    """A confidence interval and how it came about.

    Attributes:
        low: Lower bound in the unit of the values, a fraction for all but losses; NaN if there is none.
        high: Upper bound, likewise.
        confidence: Nominal coverage, between 0 and 1.
        method: "wilson", "bootstrap", "prediction" or "corrected".
        unit: What counts as one observation: "pictures", "subjects", "runs" or "folds".
        n_units: How many of them there are.
        n_resamples: Resamples drawn; 0 for Wilson's interval.
        n_undefined: Resamples left out because the metric is undefined on them.
        reason: Why there is no interval; "" where there is one.
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
        """Whether there is an interval at all."""
        return not self.reason

    def describe(self) -> str:
        """Returns the method in words, for a note under a table."""
        if not self.defined:
            return f"no interval: {self.reason}"
        name = {
            "wilson": "Wilson",
            "bootstrap": "percentile bootstrap",
            "prediction": "Student's t prediction",
            "corrected": "corrected resampled t",
        }[self.method]
        text = f"{100 * self.confidence:g} % {name} interval over {self.n_units} {self.unit}"
        if self.method == "bootstrap":
            text += f", {self.n_resamples} resamples"
        if self.n_undefined:
            text += f", {self.n_undefined} of them left out as undefined"
        return text


def wilson_interval(successes: int, n: int, *, confidence: float = 0.95, unit: str = "pictures") -> Interval:
    """Returns Wilson's score interval of a proportion, by `scipy.stats.binomtest`.

    Args:
        successes: Number of successes, 0 to `n`.
        n: Number of independent trials, at least 0; there is no interval without a trial.
        confidence: Nominal coverage, strictly between 0 and 1.
        unit: What one trial is, for `Interval.unit`.

    Raises:
        ArgumentError: `successes` isn't between 0 and `n`, or `confidence` not between 0 and 1.
    """
    _check_confidence(confidence)
    if not 0 <= successes <= n:
        raise ArgumentError(f"There are {successes} successes in {n} trials.", expected="0 <= successes <= n")
    if n == 0:
        return Interval(math.nan, math.nan, confidence, "wilson", unit, 0, reason=f"it rests on no {unit}")
    bounds = stats.binomtest(int(successes), int(n)).proportion_ci(confidence, method="wilson")
    return Interval(float(bounds.low), float(bounds.high), confidence, "wilson", unit, int(n))


def bootstrap_interval(
    statistic: Metric,
    labels: ArrayLike,
    predicted: ArrayLike,
    *,
    groups: Sequence[str] | np.ndarray | None,
    seed: int,
    n_resamples: int = 2000,
    confidence: float = 0.95,
    n_classes: int = 2,
    positive: int = 1,
) -> Interval:
    """Returns the percentile bootstrap interval of a metric, drawing whole subjects with replacement.

    A resample is a count of how often each subject was drawn; times the subjects' own confusion matrices it
    gives the resample's matrix, so that all of them cost one matrix product. The same seed draws the same
    subjects for every metric. Resamples on which the metric is undefined (say, sensitivity where only healthy
    subjects were drawn) are left out and counted. There is no interval where they are more than half, where
    there are fewer than two units, or where all resamples give one value, which says nothing of the spread.

    Args:
        statistic: A function of confusion matrices (..., K, K) and `positive`, as those in `METRICS`.
        labels: (N,) integers from 0 to `n_classes` - 1, the true classes.
        predicted: (N,) integers from 0 to `n_classes` - 1, the predicted classes.
        groups: (N,) str, subject of each picture; None draws single pictures.
        seed: Root seed.
        n_resamples: How many resamples to draw, at least 1.
        confidence: Nominal coverage, strictly between 0 and 1.
        n_classes: Number of classes K.
        positive: Position of the positive class.

    Raises:
        ArgumentError: An argument lies outside what is said above.
    """
    _check_confidence(confidence)
    if n_resamples < 1:
        raise ArgumentError(f"The number of resamples is {n_resamples}.", expected="at least 1")
    if groups is None:
        unit, counts = "pictures", confusion_matrix(labels, predicted, n_classes=n_classes).ravel()
        n_units = int(counts.sum())
    else:
        unit, counts = "subjects", _matrix_per_group(labels, predicted, groups, n_classes=n_classes)
        n_units = len(counts)
    nothing = Interval(math.nan, math.nan, confidence, "bootstrap", unit, n_units)
    if n_units < 2:
        return replace(nothing, reason=f"it rests on fewer than 2 {unit}")
    rng = generator(seed, "bootstrap")
    if groups is None:
        # Drawing pictures is drawing their (true, predicted) pairs: the matrix alone decides.
        resampled = rng.multinomial(n_units, counts / n_units, size=n_resamples)
    else:
        drawn = rng.multinomial(n_units, np.full(n_units, 1 / n_units), size=n_resamples)
        resampled = drawn @ counts.reshape(n_units, n_classes**2)
    values = statistic(resampled.reshape(n_resamples, n_classes, n_classes), positive=positive)
    values = values[~np.isnan(values)]
    n_undefined = n_resamples - len(values)
    nothing = replace(nothing, n_resamples=n_resamples, n_undefined=n_undefined)
    if n_undefined > n_resamples / 2:
        return replace(nothing, reason=f"undefined on {n_undefined} of {n_resamples} resamples")
    if np.ptp(values) <= _ROUNDING:
        return replace(nothing, reason=f"every resample of the {n_units} {unit} gives the same value")
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return replace(nothing, low=float(low), high=float(high))


def run_interval(values: Sequence[float], *, confidence: float = 0.95) -> Interval:
    """Returns where one more run would lie: mean -+ t * sd * sqrt(1 + 1 / n), with n - 1 degrees of freedom.

    A published figure is one run. It is held against the spread of single runs, not against the mean's, which
    shrinks with their number.

    Args:
        values: (n,) the metric in each run, n >= 2.
        confidence: Nominal coverage, strictly between 0 and 1.

    Raises:
        ArgumentError: There are fewer than two runs, or `confidence` isn't between 0 and 1.
    """
    _check_confidence(confidence)
    values = np.asarray(values, dtype=np.float64)
    if len(values) < 2:
        raise ArgumentError(f"There are {len(values)} runs.", expected="at least 2")
    half = stats.t.ppf((1 + confidence) / 2, len(values) - 1) * values.std(ddof=1)
    half *= np.sqrt(1 + 1 / len(values))
    interval = Interval(math.nan, math.nan, confidence, "prediction", "runs", len(values))
    if np.isnan(half):
        return replace(interval, reason="undefined in some runs")
    mean = values.mean()
    return replace(interval, low=float(max(mean - half, 0)), high=float(min(mean + half, 1)))


def fold_interval(values: Sequence[float], *, test_share: float, confidence: float = 0.95) -> Interval:
    """Returns the interval of the mean over folds: mean -+ t * sd * sqrt(1 / J + n_test / n_train).

    With J - 1 degrees of freedom, as in the corrected resampled t-test (Nadeau and Bengio, "Inference for the
    Generalization Error", Machine Learning 52, 2003): the training sets of the folds overlap.

    Args:
        values: (J,) one value for each fold of each run, in any unit, J >= 2.
        test_share: n_test / n_train, 1 / (k - 1) in k-fold cross-validation.
        confidence: Nominal coverage, strictly between 0 and 1.

    Returns:
        The interval, not cut off at 0 and 1; without bounds where a value is NaN.

    Raises:
        ArgumentError: There are fewer than two folds, `test_share` isn't above 0, or `confidence` isn't
            between 0 and 1.
    """
    _check_confidence(confidence)
    values = np.asarray(values, dtype=np.float64)
    if len(values) < 2:
        raise ArgumentError(f"There are {len(values)} folds.", expected="at least 2")
    interval = Interval(math.nan, math.nan, confidence, "corrected", "folds", len(values))
    variance = corrected_variance(values, test_share=test_share)
    if math.isnan(variance):
        return replace(interval, reason="undefined in some folds")
    mean, half = values.mean(), stats.t.ppf((1 + confidence) / 2, len(values) - 1) * math.sqrt(variance)
    return replace(interval, low=float(mean - half), high=float(mean + half))


def corrected_variance(values: np.ndarray, *, test_share: float) -> float:
    """Returns the variance of the mean over folds, sd^2 (1 / J + n_test / n_train), after Nadeau and Bengio.

    Args:
        values: (J,) float64, J >= 2.
        test_share: n_test / n_train.

    Returns:
        At least 0; NaN where a value is NaN.

    Raises:
        ArgumentError: `test_share` isn't above 0.
    """
    if not test_share > 0:
        raise ArgumentError(f"test_share = {test_share!r}.", expected="n_test / n_train, above 0")
    return float(values.var(ddof=1) * (1 / len(values) + test_share))


def interval_for(
    metric: str,
    labels: ArrayLike,
    predicted: ArrayLike,
    groups: Sequence[str] | np.ndarray | None = None,
    *,
    seed: int = 0,
    n_resamples: int = 2000,
    confidence: float = 0.95,
    n_classes: int = 2,
    positive: int = 1,
) -> Interval:
    """Returns the interval that suits a metric and what is known of the subjects.

    Accuracy, precision, sensitivity and specificity are proportions: without subjects they get Wilson's
    interval over pictures. F1-scores, and every metric where all subjects are known, get the bootstrap. Where
    all subjects agree on 0 or 1 the bootstrap sees no spread, and a proportion gets Wilson's interval with
    each subject as a single trial.

    Args:
        metric: A key of `METRICS`.
        labels: (N,) integers from 0 to `n_classes` - 1, the true classes.
        predicted: (N,) integers from 0 to `n_classes` - 1, the predicted classes.
        groups: (N,) str, subject of each picture; None, or "" for any picture, means that subjects are
            unknown and pictures stand for themselves.
        seed: Root seed of the bootstrap.
        n_resamples: How many resamples the bootstrap draws.
        confidence: Nominal coverage, strictly between 0 and 1.
        n_classes: Number of classes.
        positive: Position of the positive class.

    Raises:
        ArgumentError: There is no such metric, or an argument lies outside what is said above.
    """
    statistic = metric_by_name(metric)
    matrix = confusion_matrix(labels, predicted, n_classes=n_classes)
    if groups is not None and "" in check_groups(groups, n=int(matrix.sum()))[0]:
        groups = None
    if groups is None and metric in PROPORTIONS:
        successes, trials = PROPORTIONS[metric](matrix, positive=positive)
        return wilson_interval(int(successes), int(trials), confidence=confidence)
    interval = bootstrap_interval(
        statistic,
        labels,
        predicted,
        groups=groups,
        seed=seed,
        n_resamples=n_resamples,
        confidence=confidence,
        n_classes=n_classes,
        positive=positive,
    )
    if interval.defined or groups is None or metric not in PROPORTIONS:
        return interval
    matrices = _matrix_per_group(labels, predicted, groups, n_classes=n_classes)
    successes, trials = PROPORTIONS[metric](matrices, positive=positive)
    if trials.sum() == 0 or successes.sum() not in (0, trials.sum()):
        return interval
    n_subjects = int((trials > 0).sum())
    return wilson_interval(
        n_subjects if successes.sum() else 0, n_subjects, confidence=confidence, unit="subjects"
    )


def _matrix_per_group(
    labels: ArrayLike, predicted: ArrayLike, groups: Sequence[str] | np.ndarray, *, n_classes: int
) -> np.ndarray:
    """Returns the confusion matrix of every group, (G, K, K) int64, groups in the order of their names."""
    labels, predicted = check_classes(labels, predicted, n_classes=n_classes)
    names, member = check_groups(groups, n=len(labels))
    cells = (member * n_classes + labels) * n_classes + predicted
    counts = np.bincount(cells, minlength=len(names) * n_classes**2)
    return counts.reshape(len(names), n_classes, n_classes)


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ArgumentError(
            f"The confidence is {confidence!r}.", expected="a number between 0 and 1, say .95"
        )
