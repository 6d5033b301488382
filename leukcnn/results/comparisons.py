"""A network against a control: the difference of their accuracies on the same images, in words.

With one run on images that are independent of each other, the test is McNemar's exact test. Its interval is
that of Fay and Lumbreras ("Confidence intervals for difference in proportions for matched pairs compatible
with exact McNemar's or sign tests", Statistics in Medicine 40, 2021). It excludes 0 exactly where the test is
significant, and its coverage is at least the nominal one at any number of images.

If the split keeps groups whole, or if there are several runs, the images of a group and the runs of an image
resemble each other. Test and interval are then Student's t over the groups or images, with standard error and
degrees of freedom of the jackknife that the intervals of single values have, too
(`leukcnn.results.resampling.jackknife_interval`). Over few groups of unequal size, this covers more often
than a bootstrap over the groups.

The networks are taken as they are: another training might do better or worse.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy import optimize, special, stats

from leukcnn.errors import ArgumentError
from leukcnn.results.measure import of_tested, unit_of
from leukcnn.results.resampling import jackknife_interval
from leukcnn.results.results import Results
from leukcnn.spec.splits import IMAGES
from leukcnn.trial_files import Predictions

CONFIDENCE = 0.95
MCNEMAR, JACKKNIFE = "McNemar's exact test", "jackknife t-test"
COMPARED_SUBSETS = ("test", "external")
"""Subsets on which networks and controls are compared: each image counts once, and controls predict it."""

# Points at which the integral over a beta distribution is taken, and the error of a bound.
_QUANTILES = (np.arange(1000) + 0.5) / 1000
_ROUNDING = 1e-12


class PairedTest(NamedTuple):
    """A test of a difference between two classifiers on the same images.

    Attributes:
        p_value: Two-sided, 0..1; NaN if there is no test.
        low: Lower bound of the 95 % interval of the difference, -1..1; NaN if there is none.
        high: Upper bound, likewise.
    """

    p_value: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """Accuracy of a classifier minus that of another one, on images that both were tested on.

    Attributes:
        accuracy: Accuracy of the first on these images, 0..1, the mean over runs.
        other_accuracy: That of the other.
        test: The test of the difference, with its 95 % interval.
        method: `MCNEMAR` or `JACKKNIFE`.
        unit: What one observation is: "images", "subjects" or "groups of images".
        n_units: Number of observations.
        n: Number of images that both were tested on.
        n_unmatched: Number of images that only one of them was tested on; they are left out.
        runs: Number of runs.
        same: Whether both are right on the same images, in every run.
        reason: Why there is no test; "" if there is one.
    """

    accuracy: float
    other_accuracy: float
    test: PairedTest
    method: str
    unit: str
    n_units: int
    n: int
    n_unmatched: int
    runs: int
    same: bool = False
    reason: str = ""

    @property
    def difference(self) -> float:
        """Accuracy of the first minus that of the other, -1..1."""
        return self.accuracy - self.other_accuracy

    @property
    def verdict(self) -> str:
        """In a word, at 5 %: "better", "no better" or "worse"; "not tested" if there is no test."""
        if self.reason:
            return "not tested"
        if not self.test.p_value < 1 - CONFIDENCE:
            return "no better"
        return "better" if self.difference > 0 else "worse"

    def words(self, other: str) -> str:
        """Returns the result in words: "no better than ... (difference 1.2 points, 95 % -1.0 to 3.4)".

        Args:
            other: The other classifier, such as "the colour of the border".
        """
        points = f"difference {_points(self.difference)} points"
        if self.reason:
            return f"not tested against {other} ({points}; {self.reason})"
        bounds = f"95 % {_points(self.test.low)} to {_points(self.test.high)}"
        if self.same:
            points = f"right on the same {self.n:,} images"
        return f"{self.verdict} than {other} ({points}, {bounds})"


def compare(
    results: Results, row: str, other: str, *, dataset: str = "", subset: str = "test"
) -> Comparison | None:
    """Compares a row with a control, or any two rows or controls, on the same images.

    Runs are matched by their seed and images by their id. Several runs count as one observation of an image:
    the difference is the mean over the runs.

    Args:
        results: The experiment under a split.
        row: Row or control.
        other: The row or control that it is compared with.
        dataset: Key of the tested dataset, or several joined by "+"; "" for all together.
        subset: One of `COMPARED_SUBSETS`.

    Returns:
        The comparison; None if no finished run of both tests the same labelled images.

    Raises:
        ArgumentError: Several datasets are cross-validated separately and none is named, or the subset is
            another one.
    """
    if subset not in COMPARED_SUBSETS:
        raise ArgumentError(
            f"There is no comparison on the subset {subset!r}.",
            expected=f"one of {', '.join(COMPARED_SUBSETS)}",
        )
    of = of_tested(results, dataset)
    if of is None:
        return None
    own, dataset = of

    def make() -> Comparison | None:
        first, second = (own.runs_by_seed(name, dataset=dataset, subset=subset) for name in (row, other))
        pairs = [(first[seed], second[seed]) for seed in first if seed in second]
        return compare_predictions(pairs, unit=unit_of(own, subset))

    return own.once(("compare", row, other, dataset, subset), make)


def best_control(
    results: Results, row: str, *, dataset: str = "", subset: str = "test"
) -> tuple[str, Comparison] | None:
    """Compares a row with the control that has the highest accuracy on the same images.

    The choice favours the control: of several, the best is chosen on the images that it is tested on.

    Args:
        results: The experiment under a split.
        row: The row.
        dataset: As in `compare`.
        subset: As in `compare`.

    Returns:
        The control, the first of equal ones, and the comparison; None if there is no control to compare with.
    """
    found = [
        (control, comparison)
        for control in results.paper.controls
        if (comparison := compare(results, row, control, dataset=dataset, subset=subset))
    ]
    return max(found, key=lambda one: one[1].other_accuracy, default=None)


def compare_predictions(
    pairs: Sequence[tuple[Predictions, Predictions]], *, unit: str = IMAGES
) -> Comparison | None:
    """Compares two classifiers' predictions of the same images.

    Args:
        pairs: The predictions of both in each run, labelled; images that only one of them has are left out.
        unit: What is independent: "images", or what the groups are. If a group is unknown, it is the images.

    Returns:
        The comparison; None if no image is in both.
    """
    matched = [found for pair in pairs if len((found := _Matched.of(*pair)).image)]
    if not matched:
        return None
    images = _union([one.image for one in matched])
    every = _union([one.by_image[0] for pair in pairs for one in pair])
    if any((one.group == "").any() for one in matched):
        unit = IMAGES
    right = [one.right for one in matched]
    accuracy, other_accuracy = (float(np.mean([pair[i].mean() for pair in right])) for i in (0, 1))
    members, member = _members([one.image if unit == IMAGES else one.group for one in matched])
    comparison = Comparison(
        accuracy,
        other_accuracy,
        test=PairedTest(math.nan, math.nan, math.nan),
        method=MCNEMAR if len(matched) == 1 and unit == IMAGES else JACKKNIFE,
        unit=unit,
        n_units=len(members),
        n=len(images),
        n_unmatched=len(every) - len(images),
        runs=len(matched),
        same=all((one == other).all() for one, other in right),
    )
    if comparison.method == MCNEMAR:
        ((one, other),) = right
        return replace(comparison, test=mcnemar((one & ~other).sum(), (other & ~one).sum(), len(one)))
    weights = np.concatenate([np.full(len(one), 1 / (len(right) * len(one))) for one, _ in right])
    gains = np.concatenate([one.astype(float) - other for one, other in right])
    totals = (np.bincount(member, weights=values) for values in (weights * gains, weights))
    return _over_units(comparison, *totals)


def mcnemar(first_only: int, second_only: int, n: int) -> PairedTest:
    """Returns McNemar's exact test of two classifiers on n images, with the interval that agrees with it.

    It is the two-sided binomial test on the images that only one of the two classifies correctly. The
    interval of the difference (`first_only` - `second_only`) / n is that of Fay and Lumbreras: the difference
    is the fraction f of these images among all, times 2 t - 1, where t is the first's fraction of them.
    The confidence distributions of f and t, as in the intervals of Clopper and Pearson, are combined.

    Args:
        first_only: Number of images that the first alone classifies correctly.
        second_only: Number of images that the second alone classifies correctly.
        n: Number of images, at least 1.

    Raises:
        ArgumentError: The numbers don't fit together.
    """
    discordant = int(first_only) + int(second_only)
    if min(first_only, second_only) < 0 or not 0 < n >= discordant:
        raise ArgumentError(
            f"Only one of two is right on {first_only} and {second_only} of {n} images.",
            expected="numbers of at least 0, and together at most the number of images",
        )
    p_value = float(stats.binomtest(int(first_only), discordant).pvalue) if discordant else 1.0
    low, high = (
        _lower_bound(int(first_only), int(second_only), int(n)),
        -_lower_bound(int(second_only), int(first_only), int(n)),
    )
    # The bounds are computed to three digits. On which side of 0 they are, the test says.
    if not p_value < 1 - CONFIDENCE:
        low, high = min(low, 0.0), max(high, 0.0)
    return PairedTest(p_value, low, high)


@cache
def _lower_bound(first: int, second: int, n: int) -> float:
    """Returns the 2.5 % quantile of the lower confidence distribution of the difference."""
    discordant = first + second
    wins = special.betaincinv(first, second + 1, _QUANTILES) if first else np.zeros_like(_QUANTILES)
    signs = 2 * wins - 1
    signs[signs == 0] = _ROUNDING

    def at_most(bound: float) -> float:
        """Returns the probability of at most this difference, less the tail's."""
        fractions = np.clip(bound / signs, 0, 1)
        # A positive difference is smallest with few discordant images, a negative one with many.
        if bound >= 0:
            few = special.betainc(discordant, n - discordant + 1, fractions) if discordant else 1.0
            probabilities = np.where(signs > 0, few, 1.0)
        else:
            many = special.betainc(discordant + 1, n - discordant, fractions) if discordant < n else 0.0
            probabilities = np.where(signs > 0, 0.0, np.where(fractions < 1, 1.0 - many, 0.0))
        return float(probabilities.mean()) - (1 - CONFIDENCE) / 2

    return -1.0 if at_most(-1) > 0 else float(optimize.brentq(at_most, -1, 1, xtol=1e-6))


def _over_units(comparison: Comparison, totals: np.ndarray, weights: np.ndarray) -> Comparison:
    """Returns a comparison with its t-test over groups or images.

    Args:
        comparison: The comparison without its test.
        totals: (C,) weighted sum of the differences of each unit's images.
        weights: (C,) sum of these weights.
    """
    n, difference = len(totals), totals.sum() / weights.sum()
    if n < 2:
        return replace(comparison, reason=f"there are fewer than 2 {comparison.unit}")
    own = totals / weights
    if np.ptp(own) <= _ROUNDING:
        # The spread is unknown. If each unit is a win, a loss or a draw, it counts as one trial.
        win = round(float(own[0]))
        if abs(own[0] - win) > _ROUNDING:
            return replace(comparison, reason=f"the difference is the same in all {n} {comparison.unit}")
        return replace(comparison, test=mcnemar(n * (win == 1), n * (win == -1), n))
    without = (totals.sum() - totals) / (weights.sum() - weights)
    # The limits of a difference are far away: no scale is needed.
    limits = (-math.inf, math.inf)
    found = jackknife_interval(difference, without, weights, limits=limits, confidence=CONFIDENCE)
    p_value = 2 * stats.t.sf(abs(difference) / found.std_error, found.degrees_of_freedom)
    low, high = max(found.low, -1.0), min(found.high, 1.0)
    return replace(comparison, test=PairedTest(float(p_value), float(low), float(high)))


class _Matched(NamedTuple):
    """What two classifiers do with the M images that both predict, which are in order.

    Attributes:
        image: (M,) str, their ids.
        group: (M,) str, their groups, as the first has them.
        right: (M,) bool for each of both, whether it is right.
    """

    image: np.ndarray
    group: np.ndarray
    right: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, first: Predictions, second: Predictions) -> "_Matched":
        (image, own), (other_image, others) = first.by_image, second.by_image
        if not np.array_equal(image, other_image):
            image, kept, other_kept = np.intersect1d(
                image, other_image, assume_unique=True, return_indices=True
            )
            own, others = own[kept], others[other_kept]
        right = ((one.label == one.predicted)[rows] for one, rows in ((first, own), (second, others)))
        return cls(image, first.group[own], (next(right), next(right)))


def _union(several: Sequence[np.ndarray]) -> np.ndarray:
    """Returns all ids of several arrays, each of which has an id once: in most tables, they are the same."""
    if all(np.array_equal(several[0], one) for one in several[1:]):
        return several[0]
    return np.unique(np.concatenate(several))


def _members(names: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Returns all names in order, and the position of each name of each run, run after run."""
    if all(np.array_equal(names[0], one) for one in names[1:]):
        members, member = np.unique(names[0], return_inverse=True)
        return members, np.tile(member, len(names))
    return np.unique(np.concatenate(names), return_inverse=True)


def _points(fraction: float) -> str:
    """Returns a fraction in percentage points with one decimal, or more where it would be shown as 0.0."""
    points = round(100 * fraction, 9)  # 96.25 % - 92.5 % is 3.7499999999999973 points
    decimals = 1 if abs(points) >= 0.05 or abs(points) < 0.0005 else 2 if abs(points) >= 0.005 else 3
    return f"{round(points, decimals) + 0.0:.{decimals}f}"
