"""Verdicts: whether a published value and the measured one agree or differ, by the errors of both.

The published value has an error of its own. A verdict is therefore a test of the difference, not of whether
the published value is in the measured interval: two true replications, each with one run on as many images,
would be 'outside' of each other's interval 16 to 21 % of the time.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy import optimize, special

from leukcnn.errors import ArgumentError
from leukcnn.rendering.formats import UNDEFINED
from leukcnn.results.intervals import Interval, all_equal
from leukcnn.spec.metrics import MARGIN

Spread = tuple[float, float | None]
"""Mean and standard deviation (with n - 1), None for a single value or for equal ones."""

AGREES, SMALL, DIFFERS, UNDECIDED = "agrees", "agrees (small difference)", "differs", "can't tell"
VERDICTS = (AGREES, SMALL, DIFFERS, UNDECIDED)
"""The verdicts on two values that can be compared, see `Comparison.verdict`."""

_LEVEL, _POWER = 0.05, 0.8
# Errors are computed from reaches at this confidence.
_CONFIDENCE = 0.95
# Largest quantile in the search for a p-value; p is below 1e-300 there, or about 1e-8 with one degree.
_MOST = 1e8


@dataclass(frozen=True)
class Estimate:
    """One side of a comparison: a value with its error.

    Attributes:
        value: The value, a fraction for metrics in percent.
        below: Standard error towards smaller values, at least 0; 0 on both sides for a value taken as exact.
        above: Standard error towards larger values. It differs where an interval isn't symmetric.
        degrees_of_freedom: Those of the standard errors; infinite if they are taken as known.
        trials: Number of trials of a proportion with binomial error, which replaces `below` and `above`; 0
            for other values.
    """

    value: float
    below: float = 0.0
    above: float = 0.0
    degrees_of_freedom: float = math.inf
    trials: float = 0

    def reach(self, quantile: float) -> tuple[float, float]:
        """Returns how far the interval extends below and above the value, both at least 0.

        Args:
            quantile: Quantile of the normal or the t distribution. For a proportion, the bounds are those of
                Wilson's score interval.
        """
        if not self.trials:
            return quantile * self.below, quantile * self.above
        p, n, square = min(max(self.value, 0.0), 1.0), self.trials, quantile**2
        center = (p + square / (2 * n)) / (1 + square / n)
        half = quantile / (1 + square / n) * math.sqrt(p * (1 - p) / n + square / (4 * n * n))
        return max(p - center + half, 0.0), max(center + half - p, 0.0)

    @property
    def variance(self) -> float:
        """Square of the mean standard error of the two sides."""
        quantile = _quantile((1 + _CONFIDENCE) / 2, math.inf)
        return float((sum(self.reach(quantile)) / (2 * quantile)) ** 2)


@dataclass(frozen=True)
class Comparison:
    """The difference between a measured value and a published one, with its error.

    The interval of the difference combines those of the two sides (MOVER; Zou and Donner, "Construction of
    confidence limits about effect measures", Statistics in Medicine 27, 2008). For two proportions it is
    Newcombe's score interval ("Interval estimation for the difference between independent proportions",
    Statistics in Medicine 17, 1998, method 10), for two means with standard deviations Welch's. Degrees of
    freedom are Satterthwaite's.

    Attributes:
        published: The published value with its error.
        measured: The measured value with its error.
        basis: What the published value's error is computed from, one of `BASES`.
        rounding: Half a unit of the last printed digit. Every value that rounds to the printed one counts as
            published: the interval is wider by it on both sides.
    """

    published: Estimate
    measured: Estimate
    basis: str
    rounding: float = 0.0

    @property
    def difference(self) -> float:
        """The measured value minus the published one."""
        return self.measured.value - self.published.value

    @property
    def degrees_of_freedom(self) -> float:
        """Satterthwaite's degrees of freedom of the difference; infinite if both errors are known."""
        sides = (self.published, self.measured)
        total = sum(side.variance for side in sides)
        parts = sum(side.variance**2 / side.degrees_of_freedom for side in sides)
        return total**2 / parts if parts > 0 else math.inf

    def interval(self, confidence: float = _CONFIDENCE) -> tuple[float, float]:
        """Returns the confidence interval of the difference, with the rounding; (low, high)."""
        below, above = self._reach(_quantile((1 + confidence) / 2, self.degrees_of_freedom))
        return self.difference - below - self.rounding, self.difference + above + self.rounding

    @property
    def p_value(self) -> float:
        """Two-sided p of 'no difference', 0 to 1: the interval of confidence 1 - p ends at 0."""
        distance, side = abs(self.difference) - self.rounding, 0 if self.difference > 0 else 1
        if distance <= 0:
            return 1.0
        quantile = _root(lambda q: self._reach(q)[side] - distance, 0.0, _MOST)
        freedom, q = self.degrees_of_freedom, _MOST if quantile is None else quantile
        tail = special.ndtr(-q) if math.isinf(freedom) else special.stdtr(freedom, -q)
        return float(2 * tail)

    @property
    def detectable(self) -> float | None:
        """The smallest true difference that is found with 80 % power by a test at 5 %, at least 0.

        It is a matter of the two errors and not of the measured value: the published value is taken as true.
        None if no possible difference would be found so often.
        """
        freedom = self.degrees_of_freedom
        quantile = _quantile(1 - _LEVEL / 2, freedom) + _quantile(_POWER, freedom)
        if not self.measured.trials:
            return max(self._reach(quantile)) + self.rounding
        truth = min(max(self.published.value, 0.0), 1.0)
        most, sign = max(truth, 1 - truth), -1 if truth >= 0.5 else 1

        def excess(shift: float) -> float:
            moved = replace(self.measured, value=truth + sign * shift)
            return shift - replace(self, measured=moved)._reach(quantile)[sign < 0]

        shift = _root(excess, 0.0, most)
        return None if shift is None else shift + self.rounding

    def verdict(self, margin: float = MARGIN / 100) -> str:
        """Returns one of `VERDICTS`.

        - "agrees": the 90 % interval of the difference is within `margin` of 0, which is the test of
          equivalence by two one-sided tests at 5 % (TOST; Schuirmann, "A comparison of the two one-sided
          tests procedure ...", Journal of Pharmacokinetics and Biopharmaceutics 15, 1987);
        - "agrees (small difference)": likewise, and the 95 % interval excludes 0. There is a difference, and
          it is smaller than the margin;
        - "differs": the 95 % interval excludes 0, and the difference may be larger than the margin;
        - "can't tell": neither. The two values may be equal or may differ by more than the margin.

        Args:
            margin: Largest difference that doesn't matter, above 0, in the unit of the values.

        Raises:
            ArgumentError: The margin isn't above 0.
        """
        if not margin > 0:
            raise ArgumentError(f"The margin is {margin!r}.", expected="a number above 0, such as .02")
        low, high = self.interval(1 - 2 * _LEVEL)
        within = -margin < low and high < margin
        low, high = self.interval(1 - _LEVEL)
        if low > 0 or high < 0:
            return SMALL if within else DIFFERS
        return AGREES if within else UNDECIDED

    def _reach(self, quantile: float) -> tuple[float, float]:
        """Returns how far the interval of the difference extends below and above it, without rounding."""
        of_published, of_measured = self.published.reach(quantile), self.measured.reach(quantile)
        return math.hypot(of_measured[0], of_published[1]), math.hypot(of_measured[1], of_published[0])


class PublishedScore(NamedTuple):
    """A published value, and what is known of the test that gave it.

    Attributes:
        value: The value, a fraction for metrics in percent.
        std: Its printed standard deviation over runs or folds, in the same unit; None if none is printed.
        runs: Number of runs over which it is the mean.
        folds: Number of folds of a run over which it is the mean; 1 if they are pooled or there are none.
        trials: Number of images that a proportion is of, such as the positive ones for a sensitivity; None if
            it isn't known, or the metric is no proportion.
        images: Number of tested images of a run; None if it isn't known.
        test_train_ratio: n_test / n_train of a fold, for means over folds.
        rounding: Half a unit of the last printed digit.
    """

    value: float
    std: float | None = None
    runs: int = 1
    folds: int = 1
    trials: float | None = None
    images: float | None = None
    test_train_ratio: float = 0.0
    rounding: float = 0.0

    @property
    def std_error(self) -> float | None:
        """Standard error of a mean from the printed standard deviation; None if it can't be computed.

        Over folds it is corrected for overlapping training sets, as in `leukcnn.results.intervals`.
        """
        if not self.std or self.runs * self.folds < 2:
            return None
        ratio = self.test_train_ratio if self.folds > 1 else 0.0
        return self.std * math.sqrt(1 / (self.runs * self.folds) + ratio)


BASES = {
    "binomial": "binomial, with the paper's number of tested images",
    "grouped": "binomial, with the paper's number of tested images divided by the design effect of the "
    "groups here (variance over groups / variance over images)",
    "std": "from its printed standard deviation and number of runs or folds",
    "runs": "from the standard deviation over the runs here, for the paper's number of runs",
    "scaled": "the error of the measured value, for the paper's number of tested images",
    "exact": "none, since the paper's number of tested images isn't known; 'differs' is said too often then",
}
"""What the error of a published value is computed from -> the same in words."""


def compare(published: PublishedScore, values: Sequence[float], interval: Interval, *, n: int) -> Comparison:
    """Returns the comparison of a measured value with a published one.

    - Several runs here, and a printed standard deviation: Welch's interval of two means. Without it, the
      paper's runs are taken to vary like those here: std * sqrt(1 / runs + 1 / their runs), which is the
      prediction of one more run if the paper has one.
    - One run here, and a printed standard deviation over runs: the same with the paper's std.
    - One run or a mean over folds here: its interval, and the printed standard deviation over folds (with
      the correction for overlapping training sets), or else the binomial error of a proportion. If the
      interval is over subjects or other groups, the published number of images is divided by their design
      effect.
    - For metrics that aren't proportions, the error of a published value is that of the measured one,
      multiplied by sqrt(n / number of published images). If nothing is known of the published value, it is
      taken as exact.

    Args:
        published: The published value.
        values: (J,) the measured value in each run or fold, J >= 1.
        interval: The 95 % interval of their mean, which must be defined.
        n: Number of images of a run here.
    """
    error, mean = published.std_error, float(np.mean(values))
    over_runs, several = interval.unit == "runs", published.runs * published.folds
    exact = Estimate(published.value)

    def result(one: Estimate, other: Estimate, basis: str) -> Comparison:
        return Comparison(one, other, basis, published.rounding)

    if error is not None and (over_runs or published.folds > 1 or interval.unit == "folds"):
        measured = _of_runs(values) if over_runs else _of_interval(mean, interval)
        return result(Estimate(published.value, error, error, several - 1), measured, "std")
    if over_runs:
        return result(exact, _of_runs(values, others=published.runs), "runs")
    if error is not None and published.std is not None:
        spread = published.std * math.sqrt(1 + 1 / published.runs)
        return result(exact, Estimate(mean, spread, spread, published.runs - 1), "std")
    measured = _of_interval(mean, interval)
    if published.trials:
        effect = _design_effect(measured, interval, n * published.trials / (published.images or n))
        side = Estimate(published.value, trials=published.trials / effect)
        if effect == 1:
            return result(side, measured, "binomial")
        # One estimate of the design effect serves both sides: the difference has its degrees of freedom.
        share = side.variance / (side.variance + 2 * measured.variance)
        return result(
            replace(side, degrees_of_freedom=share * measured.degrees_of_freedom), measured, "grouped"
        )
    if published.images:
        # One estimate serves both sides, so its degrees of freedom stay the same.
        factor = math.sqrt(1 + n / published.images)
        measured = _of_interval(mean, interval, without_trials=True)
        scaled = replace(measured, below=factor * measured.below, above=factor * measured.above)
        return result(exact, scaled, "scaled")
    return result(exact, measured, "exact")


def _design_effect(measured: Estimate, interval: Interval, trials: float) -> float:
    """Returns by how much groups of images increase the variance of a proportion, at least 1.

    Images of one subject resemble each other in the paper's test set, too. A binomial error would take them
    for independent, and true replications would differ in 9 to 15 % instead of 5 % of all cases.
    """
    if interval.unit in ("images", "folds"):
        return 1.0
    return max(measured.variance / replace(measured, trials=trials).variance, 1.0)


def _of_runs(values: Sequence[float], others: int | None = None) -> Estimate:
    """Returns the mean over runs; its error, or that of the difference to the mean over others."""
    n = len(values)
    error = float(np.std(values, ddof=1)) * math.sqrt(1 / n + (1 / others if others else 0))
    return Estimate(float(np.mean(values)), error, error, n - 1)


def _of_interval(value: float, interval: Interval, *, without_trials: bool = False) -> Estimate:
    """Returns a value with the errors that its interval implies."""
    if interval.method == "wilson" and not without_trials:
        return Estimate(value, trials=interval.n_units)
    freedom = interval.degrees_of_freedom
    quantile = _quantile((1 + interval.confidence) / 2, freedom)
    low, high = max(value - interval.low, 0.0), max(interval.high - value, 0.0)
    return Estimate(value, low / quantile, high / quantile, freedom)


def _quantile(probability: float, degrees_of_freedom: float) -> float:
    """Returns a quantile of the t distribution, the normal one for infinite degrees of freedom."""
    if math.isinf(degrees_of_freedom):
        return float(special.ndtri(probability))
    return float(special.stdtrit(degrees_of_freedom, probability))


def _root(function: Callable[[float], float], low: float, high: float) -> float | None:
    """Returns where an increasing function is 0; None if it is below 0 everywhere."""
    if function(high) < 0:
        return None
    return low if function(low) >= 0 else float(optimize.brentq(function, low, high))


def why_no_verdict(
    published: float | None,
    measured: float | None,
    interval: Interval | None,
    *,
    not_comparable: str = "",
    not_measured: str = "",
) -> str:
    """Returns why a published value and a measured one can't be compared; "" if they can.

    Args:
        published: The value in the paper; None if none is printed.
        measured: The measured value; None if there is none, NaN if the metric is undefined.
        interval: The interval of the measured value.
        not_comparable: What is said if the two can't be compared ("not comparable: smoke profile").
        not_measured: Why nothing was measured ("the data lack the preliminary phase").
    """
    if measured is None or not_measured:
        return f"not measured: {not_measured or 'no such trial'}"
    if math.isnan(measured):
        return UNDEFINED
    if published is None:
        return "not published"
    if not_comparable:
        return not_comparable
    if interval is None or not interval.defined:
        return f"not comparable: {interval.describe() if interval else 'no interval'}"
    return ""


def holm(p_values: Sequence[float], *, level: float = _LEVEL) -> list[bool]:
    """Returns which of several tests reject at a level that holds for all of them together.

    The smallest p-value is compared with level / n, the next with level / (n - 1), and so on to the first
    that isn't below it (Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal
    of Statistics 6, 1979).

    Args:
        p_values: (n,) p-values, 0 to 1.
        level: Largest probability of any false rejection.
    """
    rejected, n = [False] * len(p_values), len(p_values)
    for rank, i in enumerate(np.argsort(p_values, kind="stable").tolist()):
        if not p_values[i] < level / (n - rank):
            break
        rejected[i] = True
    return rejected


def mean_and_std(values: Sequence[float] | np.ndarray) -> Spread:
    """Returns mean and standard deviation of at least one value.

    Equal values have no standard deviation here: two folds that happen to be equal don't show that others
    would be.
    """
    varies = len(values) > 1 and not all_equal(values)
    return float(np.mean(values)), float(np.std(values, ddof=1)) if varies else None
