"""What a measured figure means for the published one, in words; means and standard deviations."""

import math
from collections.abc import Sequence

import numpy as np

from leukcnn.rendering.formats import UNDEFINED
from leukcnn.results.intervals import Interval

Spread = tuple[float, float | None]
"""Mean and standard deviation (n - 1); one value has no standard deviation."""


def verdict(
    published: float | None,
    measured: float | None,
    interval: Interval | None,
    *,
    not_comparable: str = "",
    not_measured: str = "",
    rounding: float = 0.0,
) -> str:
    """Says in words what a measured figure means for the published one.

    Both are fractions, None where nothing is printed or measured, NaN where the metric is undefined.

    Args:
        published: The figure in the paper.
        measured: The one measured.
        interval: Its interval; published figures lie "within" or "outside", if they can be compared.
        not_comparable: What is said where they can't ("not comparable: smoke profile").
        not_measured: Why nothing was measured ("the data lack the preliminary phase").
        rounding: Half a unit of the printed figure's last digit: it stands for all that round to it.
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


def mean_and_std(values: Sequence[float]) -> Spread:
    """Returns mean and standard deviation of some values, at least one."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None
