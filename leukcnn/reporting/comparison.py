"""The published figure beside the measured one, with a verdict in words."""

import math
from collections.abc import Mapping, Sequence

from leukcnn.evaluation.metrics import BinaryScores
from leukcnn.evaluation.statistics import Interval
from leukcnn.reporting.tables import Cell, Column

METRIC_TITLES = {
    "accuracy": "Accuracy",
    "precision": "Precision",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "f1": "F1-score",
    "weighted_f1": "Weighted F1-score",
}
"""What tables call the metrics of `leukcnn.evaluation.metrics.BINARY_METRICS`."""


def verdict(
    published: float | None,
    measured: float | None,
    interval: Interval | None,
    *,
    not_comparable: str = "",
    not_measured: str = "",
) -> str:
    """Says in words what a measured figure means for the published one.

    Args:
        published: Fraction printed in the paper; None where it prints none.
        measured: Fraction measured; None where nothing was measured, NaN where the metric is undefined.
        interval: Its interval.
        not_comparable: Why the two can't be compared ("smoke profile"); "" where they can.
        not_measured: Why nothing was measured ("the data lack the preliminary phase").

    Returns:
        "within" where the published value lies inside the measured interval and "outside" where it doesn't;
        else "not measured: <reason>", "not comparable: <reason>" or "not published".
    """
    if measured is None or not_measured:
        return f"not measured: {not_measured or 'no such trial'}"
    if math.isnan(measured):
        return "not measured: undefined for these predictions"
    if published is None:
        return "not published"
    if not_comparable:
        return f"not comparable: {not_comparable}"
    if interval is None or not interval.defined:
        return f"not comparable: {interval.describe() if interval else 'no interval'}"
    return "within" if published in interval else "outside"


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
