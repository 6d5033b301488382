"""Confidence intervals of proportions (Wilson) and of means over runs, folds or subjects (Student's t).

Student's t is used on a scale without limits, so that no interval leaves the range of its metric: the logit
for metrics with two limits, the log for those with one. The error of the value is carried to that scale by
the delta method, as in `svyciprop` of the R package survey: an interval always has its value inside, also if
a run or fold is at the limit. `leukcnn.results.resampling` chooses the interval of a metric of one run.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special, stats

from leukcnn.errors import ArgumentError

# Bounds are sums of rounded numbers: Wilson's upper bound for n of n may be one ulp below 1.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Interval:
    """A confidence interval and its method.

    Attributes:
        low: Lower bound in the unit of the values, a fraction for all metrics but losses; NaN if there is no
            interval.
        high: Upper bound, likewise.
        confidence: Nominal coverage, between 0 and 1.
        method: "wilson", "bootstrap", "jackknife", "t" (mean over runs) or "corrected" (mean over folds).
        unit: What one observation is: "images", "subjects", "groups of images", "runs" or "folds".
        n_units: Number of observations.
        n_resamples: Number of resamples of the bootstrap; 0 for other methods.
        n_undefined: Number of resamples left out because the metric is undefined on them.
        reason: Why there is no interval; "" if there is one.
        scale: "logit" or "log" if Student's t is used on that scale, else "". The logit of kappa is that of
            (kappa + 1) / 2, twice Fisher's z.
        std_error: Standard error in the unit of the values, for methods with Student's t; NaN for others.
        degrees_of_freedom: Those of Student's t; infinite for other methods.
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
    scale: str = ""
    std_error: float = math.nan
    degrees_of_freedom: float = math.inf

    def __contains__(self, value: float) -> bool:
        return self.low - _ROUNDING <= value <= self.high + _ROUNDING

    @property
    def defined(self) -> bool:
        """Whether there is an interval."""
        return not self.reason

    def describe(self, *, number: str = "") -> str:
        """Returns the method in words, for a note under a table.

        Args:
            number: Number of units in words, if the note is about several values: "its" or "10 to 20".
        """
        if not self.defined:
            return f"no interval: {self.reason}"
        name = {
            "wilson": "Wilson",
            "bootstrap": "percentile bootstrap",
            "jackknife": "jackknife t",
            "t": "Student's t",
            "corrected": "corrected resampled t",
        }[self.method]
        of = {"t": " of the mean", "corrected": " of the mean"}.get(self.method, "")
        of += f" on the {self.scale} scale" * bool(self.scale)
        units = f"{number or self.n_units} {self.unit}"
        text = f"{100 * self.confidence:g} % {name} interval{of} over {units}"
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
    check_confidence(confidence)
    if not 0 <= successes <= n:
        raise ArgumentError(f"There are {successes} successes in {n} trials.", expected="0 <= successes <= n")
    if n == 0:
        return Interval(math.nan, math.nan, confidence, "wilson", unit, 0, reason=f"there are no {unit}")
    bounds = stats.binomtest(int(successes), int(n)).proportion_ci(confidence, method="wilson")
    return Interval(float(bounds.low), float(bounds.high), confidence, "wilson", unit, int(n))


def all_equal(values: Sequence[float] | np.ndarray) -> bool:
    """Returns whether values are equal, except for rounding errors; they say nothing about the spread then.

    Args:
        values: (J,) float, J >= 1. NaN equals nothing.
    """
    return bool(np.ptp(values) <= _ROUNDING * max(1.0, float(np.abs(values).max())))


def t_bounds(
    value: float,
    std_error: float,
    degrees_of_freedom: float,
    *,
    limits: tuple[float, float] = (0, 1),
    confidence: float = 0.95,
    n: int = 1,
) -> tuple[float, float]:
    """Returns value -+ t * std_error, computed on a scale on which the limits of the metric are infinite.

    With two limits it is the logit of the position between them, with a lower one alone the log of the
    distance to it. The standard error on that scale is the given one times the slope at the value (delta
    method). A value at a limit is moved inwards as (n x + 1/2) / (n + 1) does with a position x, and that
    limit is the bound on its side.

    Args:
        value: The value, within the limits.
        std_error: Its standard error, at least 0.
        degrees_of_freedom: Those of t, above 0.
        limits: Lowest and highest value of the metric; either may be infinite.
        confidence: Nominal coverage, strictly between 0 and 1.
        n: Number of units that the value rests on, for a value at a limit.

    Raises:
        ArgumentError: The value isn't within the limits.
    """
    lowest, highest = limits
    if not lowest - _ROUNDING <= value <= highest + _ROUNDING:
        raise ArgumentError(f"The value is {value!r}.", expected=f"{lowest:g} to {highest:g}")
    reach = float(stats.t.ppf((1 + confidence) / 2, degrees_of_freedom)) * std_error
    if math.isinf(lowest):
        return value - reach, value + reach
    if math.isinf(highest):
        away = max(value - lowest, _ROUNDING)
        # Above 700, exp is more than the largest float.
        factor = math.exp(min(reach / away, 700))
        return lowest + away / factor, lowest + away * factor
    width = highest - lowest
    position = (value - lowest) / width
    inside = position if _ROUNDING < position < 1 - _ROUNDING else (n * position + 0.5) / (n + 1)
    center, half = special.logit(inside), reach / width / (inside * (1 - inside))
    low, high = (lowest + width * float(special.expit(center + sign * half)) for sign in (-1, 1))
    return min(low, value), max(high, value)


def scale_of(limits: tuple[float, float]) -> str:
    """Returns the scale on which `t_bounds` works for a metric with these limits, as in `Interval.scale`."""
    return "" if math.isinf(limits[0]) else "log" if math.isinf(limits[1]) else "logit"


def run_interval(
    values: Sequence[float], *, confidence: float = 0.95, limits: tuple[float, float] = (0, 1)
) -> Interval:
    """Returns Student's interval of the mean over runs, with std / sqrt(n) and n - 1 degrees of freedom.

    It is about other trainings, and other splits where each run has its own. If all runs test the same images
    (a left-out dataset), it doesn't contain the error of having these images and not others; nor does the
    published mean of runs on them, with which it is compared.

    Args:
        values: (n,) the metric in each run, n >= 2.
        confidence: Nominal coverage, strictly between 0 and 1.
        limits: Lowest and highest value of the metric, see `t_bounds`.

    Returns:
        The interval. It is undefined if a value is NaN or all values are equal: the spread is unknown then.

    Raises:
        ArgumentError: There are fewer than two runs, the mean isn't within the limits, or `confidence` isn't
            between 0 and 1.
    """
    check_confidence(confidence)
    n, runs = len(values), np.asarray(values, dtype=np.float64)
    if n < 2:
        raise ArgumentError(f"There are {n} runs.", expected="at least 2")
    interval = Interval(math.nan, math.nan, confidence, "t", "runs", n)
    return _of_mean(interval, runs, float(runs.var(ddof=1) / n), limits)


def fold_interval(
    values: Sequence[float],
    *,
    test_train_ratio: float,
    confidence: float = 0.95,
    limits: tuple[float, float] = (0, 1),
) -> Interval:
    """Returns Student's interval of the mean over folds, with the error std * sqrt(1 / J + n_test / n_train).

    t has J - 1 degrees of freedom. The formula takes into account that the training sets of the folds
    overlap, as in the corrected resampled t-test (Nadeau and Bengio, "Inference for the Generalization
    Error", Machine Learning 52, 2003). The interval is about the training protocol: it holds for other
    training sets of the same size, where one over the pooled images holds for these networks alone.

    Args:
        values: (J,) one value for each fold of each run, J >= 2.
        test_train_ratio: n_test / n_train, 1 / (k - 1) in k-fold cross-validation.
        confidence: Nominal coverage, strictly between 0 and 1.
        limits: Lowest and highest value of the metric, see `t_bounds`.

    Returns:
        The interval. It is undefined if a value is NaN, or if all values are equal: the spread is unknown
        then.

    Raises:
        ArgumentError: There are fewer than two folds, `test_train_ratio` isn't above 0, the mean isn't within
            the limits, or `confidence` isn't between 0 and 1.
    """
    check_confidence(confidence)
    n, folds = len(values), np.asarray(values, dtype=np.float64)
    if n < 2:
        raise ArgumentError(f"There are {n} folds.", expected="at least 2")
    interval = Interval(math.nan, math.nan, confidence, "corrected", "folds", n)
    return _of_mean(interval, folds, corrected_variance(folds, test_train_ratio=test_train_ratio), limits)


def _of_mean(
    interval: Interval, values: np.ndarray, variance: float, limits: tuple[float, float]
) -> Interval:
    """Returns an interval with the bounds of the mean of values, or why there are none."""
    n, units = interval.n_units, interval.unit
    if math.isnan(variance):
        return replace(interval, reason=f"undefined in some {units}")
    if all_equal(values):
        which = "both" if n == 2 else f"all {n}"
        return replace(interval, reason=f"the value is the same in {which} {units}")
    return with_bounds(interval, float(values.mean()), math.sqrt(variance), n - 1, limits)


def with_bounds(
    interval: Interval, value: float, std_error: float, degrees_of_freedom: float, limits: tuple[float, float]
) -> Interval:
    """Returns an interval with the bounds that `t_bounds` gives, and what they were computed from."""
    low, high = t_bounds(
        value,
        std_error,
        degrees_of_freedom,
        limits=limits,
        confidence=interval.confidence,
        n=interval.n_units,
    )
    scale = scale_of(limits)
    return replace(
        interval,
        low=low,
        high=high,
        scale=scale,
        std_error=std_error,
        degrees_of_freedom=degrees_of_freedom,
    )


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


def check_confidence(confidence: float) -> None:
    """Raises an ArgumentError if a nominal coverage isn't strictly between 0 and 1."""
    if not 0 < confidence < 1:
        raise ArgumentError(
            f"The confidence is {confidence!r}.", expected="a number between 0 and 1, such as .95"
        )
