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
    marked: bool = False,
    rounding: float = 0.0,
) -> str:
    """Says in words what a measured figure means for the published one.

    Args:
        published: Fraction printed in the paper; None where it prints none.
        measured: Fraction measured; None where nothing was measured, NaN where the metric is undefined.
        interval: Its interval.
        not_comparable: Why the two can't be compared ("smoke profile"); "" where they can.
        not_measured: Why nothing was measured ("the data lack the preliminary phase").
        marked: Whether the table bears a mark that says why the two can't be compared.
        rounding: How far the figure that was printed may lie from the one that was rounded to it: half a unit
            of its last digit.

    Returns:
        "within" where the published value, or one that rounds to it, lies inside the measured interval and
        "outside" where it doesn't;
        else "not measured: <reason>", "undefined" where the predictions give the metric no value, "not
        published" or "not comparable: <reason>", of which "not comparable" is left where the mark says why.
    """
    if measured is None or not_measured:
        return f"not measured: {not_measured or 'no such trial'}"
    if math.isnan(measured):
        return UNDEFINED
    if published is None:
        return "not published"
    if marked:
        return "not comparable"
    if not_comparable:
        return f"not comparable: {not_comparable}"
    if interval is None or not interval.defined:
        return f"not comparable: {interval.describe() if interval else 'no interval'}"
    nearest = min(max(published, interval.low), interval.high)
    return "within" if published in interval or abs(nearest - published) <= rounding else "outside"


def mean_and_sd(values: Sequence[float]) -> Spread | None:
    """Returns mean and standard deviation of some values; None of no values."""
    if not len(values):
        return None
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None
