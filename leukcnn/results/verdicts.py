"""Verdicts: how a published value compares with the measured one; means and standard deviations."""

import math
from collections.abc import Sequence

import numpy as np

from leukcnn.rendering.formats import UNDEFINED
from leukcnn.results.intervals import Interval, all_equal

Spread = tuple[float, float | None]
"""Mean and standard deviation (with n - 1), None for a single value or for equal ones."""


def verdict(
    published: float | None,
    measured: float | None,
    interval: Interval | None,
    *,
    not_comparable: str = "",
    not_measured: str = "",
    rounding: float = 0.0,
) -> str:
    """Compares a published value with the measured one, in words.

    Args:
        published: The value in the paper, as a fraction if it is printed in percent; None if none is printed.
        measured: The measured value in the same unit; None if there is none, NaN if the metric is undefined.
        interval: The interval of the measured value, in the same unit.
        not_comparable: Verdict if the two can't be compared ("not comparable: smoke profile").
        not_measured: Why nothing was measured ("the data lack the preliminary phase").
        rounding: Half a unit of the last printed digit. Every value that rounds to the printed one counts
            as published.

    Returns:
        "within" or "outside" (the interval), or why there is no comparison.
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
    nearest = min(max(published, interval.low), interval.high)
    return "within" if published in interval or abs(nearest - published) <= rounding else "outside"


def mean_and_std(values: Sequence[float] | np.ndarray) -> Spread:
    """Returns mean and standard deviation of at least one value.

    Equal values have no standard deviation here: two folds that happen to be equal don't show that others
    would be.
    """
    varies = len(values) > 1 and not all_equal(values)
    return float(np.mean(values)), float(np.std(values, ddof=1)) if varies else None
