"""How a table's values are shown, and what CSV makes of them: a format a column."""

import math
from collections.abc import Callable
from typing import NamedTuple

Cell = str | int | float | tuple[float, float | None] | None

NO_VALUE = "–"
UNDEFINED = "undefined"
PERCENT_UNIT = "(%)"
"""Ends the name of a quantity that is a percentage: 'Accuracy (%)'."""


class Format(NamedTuple):
    """A way to show values.

    Attributes:
        show: Turns a value, neither None nor undefined, and whether it is a quantity in percent into text.
        csv: What CSV adds to the column's title: an entry for each column that a value takes there.
    """

    show: Callable[[Cell, bool], str]
    csv: tuple[str, ...] = ("",)


def _points(value: float, in_percent: bool) -> str:
    points = round(100 * value, 2)
    return f"{points:+.2f}" if points else "0.00"


def _interval(value: tuple[float, float], in_percent: bool) -> str:
    return f"{100 * value[0]:.2f} to {100 * value[1]:.2f} %"


def _quantity(value: int | float, in_percent: bool) -> str:
    return _rounded(value, _decimals(value, in_percent))


def _change(value: int | float, in_percent: bool) -> str:
    shown = _quantity(value, in_percent)
    return f"+{shown}" if value > 0 and shown.strip("0.") else shown


def _range(value: tuple[float, float], in_percent: bool) -> str:
    decimals = _decimals(max(map(abs, value)), in_percent)
    return " to ".join(_rounded(bound, decimals) for bound in value)


def _spread(value: tuple[float, float | None], in_percent: bool) -> str:
    mean, std = value
    decimals = _decimals(mean, in_percent)
    return _rounded(mean, decimals) + ("" if std is None else f" ± {_rounded(std, decimals)}")


def _decimals(value: int | float, in_percent: bool) -> int:
    return 2 if in_percent or abs(value) >= 10 else 4


def _rounded(value: int | float, decimals: int) -> str:
    if isinstance(value, int):
        return f"{value:,d}"
    # Adding 0 turns a rounded -0.0 into 0.0.
    return f"{round(value, decimals) + 0.0:.{decimals}f}"


FORMATS = {
    "text": Format(lambda value, _: value),
    "integer": Format(lambda value, _: f"{value:d}"),
    "number": Format(lambda value, _: f"{value:g}"),
    "hundredths": Format(lambda value, _: f"{value:.2f}"),
    "percent": Format(lambda value, _: f"{100 * value:.2f} %", (" (fraction)",)),
    "points": Format(_points, (" (fraction)",)),
    "interval": Format(_interval, (" low (fraction)", " high (fraction)")),
    "quantity": Format(_quantity),
    "change": Format(_change),
    "range": Format(_range, (" low", " high")),
    "spread": Format(_spread, ("", " sd")),
}
"""How a column's values are shown. Hundredths have two decimals, as a paper prints them. Percent, points (a
difference in percentage points) and interval, two bounds, take fractions. Quantity, change (a difference,
with its sign), range (two bounds) and spread (mean, and standard deviation or None) take values in the unit
that the row or the column names: two decimals in percent, else four below 10. Every column takes None, 'there
is no value', and NaN, 'undefined'."""


def undefined(value: Cell) -> bool:
    """Whether a value is NaN, or one of its parts is."""
    parts = value if isinstance(value, tuple) else (value,)
    return any(isinstance(part, float) and math.isnan(part) for part in parts)
