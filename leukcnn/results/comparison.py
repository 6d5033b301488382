"""The published figure beside the measured one, with a verdict in words."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from leukcnn.rendering.formats import PERCENT_UNIT, UNDEFINED
from leukcnn.rendering.tables import Cell, Column
from leukcnn.results.intervals import Interval
from leukcnn.results.metrics import BinaryScores
from leukcnn.spec import Published

Spread = tuple[float, float | None]
"""Mean and standard deviation (n - 1); one value has no standard deviation."""

METRIC_TITLES = {
    "accuracy": "Accuracy",
    "precision": "Precision",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "f1": "F1-score",
    "weighted_f1": "Weighted F1-score",
}
"""What tables call the metrics of `leukcnn.results.metrics.BINARY_METRICS`."""


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


def comparison_columns(*leading: Column | str) -> tuple[Column | str, ...]:
    """Returns the columns of `comparison_rows`, behind some of the caller's own.

    Args:
        *leading: Columns of the cells that the caller gives as `leading` there: "Network", "Test set".
    """
    return (
        *leading,
        Column("Metric"),
        Column("Published", "percent"),
        Column("Measured", "percent"),
        Column("95 % interval", "interval"),
        Column("Difference (points)", "points"),
        Column("Verdict"),
    )


def comparison_rows(
    published: Mapping[str, float | None],
    measured: BinaryScores | Mapping[str, float] | None,
    intervals: Mapping[str, Interval],
    *,
    leading: Sequence[Cell] = (),
    not_comparable: str = "",
    not_measured: str = "",
) -> list[tuple[Cell, ...]]:
    """Returns a row a metric: published, measured, its 95 % interval, the difference and the verdict.

    Args:
        published: Fractions printed in the paper by metric, in the order of the rows; None for a metric that
            is shown although the paper prints none.
        measured: Fractions measured by metric; None where nothing was measured.
        intervals: Intervals of the measured figures by metric.
        leading: Cells that stand first in every row.
        not_comparable: Why published and measured can't be compared; the difference is then left out too.
        not_measured: Why nothing was measured.
    """
    rows = []
    for name, printed in published.items():
        value = None if not_measured else _score(measured, name)
        interval = intervals.get(name) if value is not None else None
        comparable = None not in (printed, value) and not math.isnan(value) and not not_comparable
        rows.append(
            (
                *leading,
                METRIC_TITLES.get(name, name),
                printed,
                value,
                (interval.low, interval.high) if interval and interval.defined else None,
                value - printed if comparable else None,
                verdict(printed, value, interval, not_comparable=not_comparable, not_measured=not_measured),
            )
        )
    return rows


def _score(measured: BinaryScores | Mapping[str, float] | None, name: str) -> float | None:
    return measured.get(name) if isinstance(measured, Mapping) else getattr(measured, name, None)


class MeanMetric(NamedTuple):
    """A metric of which a table shows mean and standard deviation.

    Attributes:
        name: Its name among the measured figures.
        title: What tables call it, with the unit.
        printed: Name of the published figure that stands beside it.
        factor: What a measured figure is multiplied by to have the unit of the published one.
        limits: Lowest and highest value in that unit.
    """

    name: str
    title: str
    printed: str
    factor: int
    limits: tuple[float, float]

    @classmethod
    def percent(cls, name: str, title: str, *, printed: str = "") -> "MeanMetric":
        """Returns a metric that is a fraction and shown in percent."""
        return cls(name, f"{title} {PERCENT_UNIT}", printed or name, 100, (0, 100))

    def in_unit(self, spread: Spread | None) -> Spread | None:
        """Returns a measured mean and its sd in the unit of the published ones."""
        if spread is None:
            return None
        mean, sd = spread
        return self.factor * mean, None if sd is None else self.factor * sd

    def bounds(self, interval: Interval | None) -> tuple[float, float] | None:
        """Returns a measured interval in the unit of the published figures; None where there is none."""
        if interval is None or not interval.defined:
            return None
        # An interval by Student's t may pass what a metric can be.
        low, high = np.clip((self.factor * interval.low, self.factor * interval.high), *self.limits).tolist()
        return low, high


KAPPA = MeanMetric("kappa", "Kappa", "kappa", 1, (-1, 1))
"""Cohen's kappa, which is no share and may be negative."""

MEAN_COLUMNS = (
    Column("Metric"),
    Column("Published", "spread"),
    Column("Measured", "spread"),
    Column("95 % interval", "range"),
    Column("Difference", "change"),
    Column("Verdict"),
)
"""The columns of `mean_cells`; figures in the unit that the metric names."""


def mean_cells(
    metric: MeanMetric,
    printed: Published | None,
    values: Sequence[float],
    interval: Interval | None,
    *,
    marked: bool = False,
    not_measured: str = "",
    rounding: float = 0.0,
) -> tuple[Cell, ...]:
    """Returns title, published mean and sd, measured mean and sd, interval, difference and verdict.

    Args:
        metric: The metric.
        printed: What the paper prints; None where it prints nothing.
        values: (J,) the metric in each fold or run, a fraction where it is shown in percent; empty where
            nothing was measured.
        interval: The interval of a measured figure, in the unit of `values`.
        marked: Whether the table bears a mark that says why published and measured can't be compared; the
            difference is then left out.
        not_measured: Why there are no values.
        rounding: As `verdict` takes it, in the unit of `values`.
    """
    spread, factor = mean_and_sd(values), metric.factor
    mean = spread and spread[0]
    comparable = None not in (printed, mean) and not math.isnan(mean) and not marked
    return (
        metric.title,
        printed and (float(printed.value), printed.sd),
        metric.in_unit(spread),
        metric.bounds(interval),
        factor * mean - printed.value if comparable else None,
        verdict(
            printed and printed.value / factor,
            mean,
            interval,
            not_measured=not_measured,
            marked=marked,
            rounding=rounding,
        ),
    )


def mean_and_sd(values: Sequence[float]) -> Spread | None:
    """Returns mean and standard deviation of some values; None of no values."""
    if not len(values):
        return None
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None


def not_trained(reasons: Mapping[str, str]) -> list[str]:
    """Returns notes that name the rows of which a table shows nothing, a note a reason.

    Args:
        reasons: Label of the row -> why it was not trained; "" where it was not asked for.
    """
    labels: dict[str, list[str]] = {}
    for label, reason in reasons.items():
        labels.setdefault(reason, []).append(label)
    return [
        f"Not trained in this run{f' ({reason})' if reason else ''}: {', '.join(named)}."
        for reason, named in labels.items()
    ]
