"""How far a measured figure may be off: intervals for the metrics of `leukcnn.results.metrics`.

The images of one subject resemble each other, so that an interval over images is too narrow where several
come from one subject. Where subjects are known, whole subjects are drawn again (cluster bootstrap).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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

# Bounds are sums of rounded numbers: Wilson's upper bound for n of n may stand one ulp below 1.
_ROUNDING = 1e-12
# Weights of resamples that are worked on at once, 16 MB.
_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Interval:
    """A confidence interval and how it came about.

    Attributes:
        low: Lower bound in the unit of the values, a fraction for all but losses; NaN if there is none.
        high: Upper bound, likewise.
        confidence: Nominal coverage, between 0 and 1.
        method: "wilson", "bootstrap", "prediction" or "corrected".
        unit: What counts as one observation: "images", "subjects", "runs" or "folds".
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

    def describe(self, *, own_units: bool = False) -> str:
        """Returns the method in words, for a note under a table.

        Args:
            own_units: Whether it stands for several figures, each of which has its own number of units.
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


class Bootstrap(NamedTuple):
    """How a bootstrap draws.

    Attributes:
        seed: Root seed; the same one draws the same units for every metric.
        n_resamples: How many resamples to draw, at least 1.
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
    shares: np.ndarray,
    n_units: int,
    *,
    unit: str = "images",
    bootstrap: Bootstrap = _BOOTSTRAP,
) -> Interval:
    """Returns the percentile bootstrap interval of a statistic of units drawn with replacement.

    Resamples on which it is undefined (say, sensitivity where only healthy subjects were drawn) are left out
    and counted. There is no interval where they are more than half, where there are fewer than two units, or
    where all resamples give one value, which says nothing of the spread.

    Args:
        statistic: Gives (R,) values of (R, S) integers, how often each resample drew each sort of unit.
        shares: (S,) the share of each sort among the units; units that differ are a sort each.
        n_units: How many units there are, and how many a resample draws.
        unit: What a unit is, for `Interval.unit`.
        bootstrap: How it draws.

    Raises:
        ArgumentError: `bootstrap` lies outside what is said there.
    """
    _check_confidence(bootstrap.confidence)
    n_resamples = bootstrap.n_resamples
    if n_resamples < 1:
        raise ArgumentError(f"The number of resamples is {n_resamples}.", expected="at least 1")
    nothing = Interval(math.nan, math.nan, bootstrap.confidence, "bootstrap", unit, n_units)
    if n_units < 2:
        return replace(nothing, reason=f"it rests on fewer than 2 {unit}")
    drawn = generator(bootstrap.seed, "bootstrap").multinomial(n_units, shares, size=n_resamples)
    values = statistic(drawn)
    values = values[~np.isnan(values)]
    n_undefined = n_resamples - len(values)
    nothing = replace(nothing, n_resamples=n_resamples, n_undefined=n_undefined)
    if n_undefined > n_resamples / 2:
        return replace(nothing, reason=f"undefined on {n_undefined} of {n_resamples} resamples")
    if np.ptp(values) <= _ROUNDING:
        return replace(nothing, reason=f"every resample of the {n_units} {unit} gives the same value")
    tail = (1 - bootstrap.confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return replace(nothing, low=float(low), high=float(high))


def run_interval(
    values: Sequence[float], *, confidence: float = 0.95, limits: tuple[float, float] = (0, 1)
) -> Interval:
    """Returns where one more run would lie: mean -+ t * std * sqrt(1 + 1 / n), with n - 1 degrees of freedom.

    A published figure is one run. It is held against the spread of single runs, not against the mean's, which
    shrinks with their number.

    Args:
        values: (n,) the metric in each run, n >= 2.
        confidence: Nominal coverage, strictly between 0 and 1.
        limits: Lowest and highest value of the metric, where the interval ends.

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
    return replace(interval, low=float(max(mean - half, limits[0])), high=float(min(mean + half, limits[1])))


def fold_interval(values: Sequence[float], *, test_share: float, confidence: float = 0.95) -> Interval:
    """Returns the interval of the mean over folds: mean -+ t * std * sqrt(1 / J + n_test / n_train).

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
    said: ArrayLike,
    groups: Sequence[str] | np.ndarray | None = None,
    *,
    n_classes: int = 2,
    positive: int = 1,
    bootstrap: Bootstrap = _BOOTSTRAP,
) -> Interval:
    """Returns the interval that suits a metric and what is known of the groups.

    Accuracy, precision, sensitivity and specificity are proportions: without groups they get Wilson's
    interval over images. Other metrics, and every metric where all groups are known, get the bootstrap.
    Where all groups agree on 0 or 1 the bootstrap sees no spread, and a proportion gets Wilson's interval
    with each group as a single trial.

    Args:
        metric: A key of `METRICS`.
        labels: (N,) integers from 0 to `n_classes` - 1, the true classes.
        said: What the metric takes: (N,) predicted classes, or (N, n_classes) probabilities.
        groups: (N,) str, subject or other group of each image; None, or "" for any image, means that
            they are unknown and images stand for themselves.
        n_classes: Number of classes.
        positive: Position of the positive class.
        bootstrap: How the bootstrap draws.

    Raises:
        ArgumentError: There is no such metric, or an argument lies outside what is said above.
    """
    statistic = metric_by_name(metric)
    if groups is not None and "" in check_groups(groups, n=np.size(labels))[0]:
        groups = None
    if metric in PROBABILITY_METRICS:
        return _of_probabilities(statistic, labels, said, groups, positive, bootstrap)
    matrices = _matrices(labels, said, groups, n_classes=n_classes)
    matrix = matrices.sum(axis=0)
    if groups is None and metric in PROPORTIONS:
        successes, trials = PROPORTIONS[metric](matrix, positive=positive)
        return wilson_interval(int(successes), int(trials), confidence=bootstrap.confidence)

    def of_resamples(drawn: np.ndarray) -> np.ndarray:
        # Drawing images is drawing their (true, predicted) pairs: the matrix alone decides.
        cells = drawn if groups is None else drawn @ matrices.reshape(len(matrices), -1)
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
        # In an order that is theirs, so that the order of the images doesn't matter.
        order = np.lexsort((*probabilities.T, labels))
        labels, probabilities, member = labels[order], probabilities[order], np.arange(len(order))
    else:
        member = check_groups(groups, n=len(labels))[1]

    def of_resamples(drawn: np.ndarray) -> np.ndarray:
        at_once = max(1, _AT_ONCE // max(len(labels), 1))
        parts = [drawn[start : start + at_once] for start in range(0, len(drawn), at_once)]
        weighed = [metric(labels, probabilities, part[:, member], positive=positive) for part in parts]
        return np.concatenate(weighed)

    n = int(member.max(initial=-1)) + 1
    unit = "images" if groups is None else bootstrap.unit
    return bootstrap_interval(of_resamples, _equal(n), n, unit=unit, bootstrap=bootstrap)


def _equal(n: int) -> np.ndarray:
    return np.full(n, 1 / max(n, 1))


def _matrices(
    labels: ArrayLike, predicted: ArrayLike, groups: Sequence[str] | np.ndarray | None, *, n_classes: int
) -> np.ndarray:
    """Returns the confusion matrix of every group, (G, K, K) int64, groups in the order of their names.

    Without groups all images are one.
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
            f"The confidence is {confidence!r}.", expected="a number between 0 and 1, say .95"
        )
