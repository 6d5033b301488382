"""Formats of table columns: how values are shown, and which columns they take in CSV."""

import math
from collections.abc import Callable
from typing import NamedTuple

from leukcnn.errors import ArgumentError

Cell = str | int | float | tuple[float, float | None] | None

NO_VALUE = "–"
UNDEFINED = "undefined"
PERCENT_UNIT = "(%)"
"""The end of the name of a quantity in percent, such as 'Accuracy (%)'."""


class Format(NamedTuple):
    """The format of a column.

    Attributes:
        show: Takes a value, neither None nor NaN, and whether it is in percent; returns it as text.
        csv: Suffixes of the column's title in CSV, one for each CSV column that a value takes.
    """

    show: Callable[[Cell, bool], str]
    csv: tuple[str, ...] = ("",)


def _number(value: Cell) -> int | float:
    if isinstance(value, int | float):
        return value
    raise ArgumentError(f"A column of numbers holds {value!r}.", expected="a number or None")


def _pair(value: Cell) -> tuple[float, float | None]:
    if isinstance(value, tuple):
        return value
    raise ArgumentError(f"A column of pairs holds {value!r}.", expected="two numbers or None")


def _bounds(value: Cell) -> tuple[float, float]:
    low, high = _pair(value)
    return _number(low), _number(high)


def _text(value: Cell, in_percent: bool) -> str:
    if isinstance(value, str):
        return value
    raise ArgumentError(f"A column of text holds {value!r}.", expected="a string or None")


def _points(value: Cell, in_percent: bool) -> str:
    points = round(100 * _number(value), 2)
    return f"{points:+.2f}" if points else "0.00"


def _interval(value: Cell, in_percent: bool) -> str:
    low, high = _bounds(value)
    return f"{100 * low:.2f} to {100 * high:.2f} %"


def _quantity(value: Cell, in_percent: bool) -> str:
    number = _number(value)
    return _rounded(number, _decimals(number, in_percent))


def _change(value: Cell, in_percent: bool) -> str:
    shown = _quantity(value, in_percent)
    return f"+{shown}" if _number(value) > 0 and shown.strip("0.") else shown


def _range(value: Cell, in_percent: bool) -> str:
    bounds = _bounds(value)
    decimals = _decimals(max(map(abs, bounds)), in_percent)
    return " to ".join(_rounded(bound, decimals) for bound in bounds)


def _spread(value: Cell, in_percent: bool) -> str:
    mean, std = _pair(value)
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
    "text": Format(_text),
    "cell": Format(_text),
    "integer": Format(lambda value, _: f"{_number(value):d}"),
    "raw": Format(lambda value, _: f"{_number(value)}"),
    "number": Format(lambda value, _: f"{_number(value):g}"),
    "hundredths": Format(lambda value, _: f"{_number(value):.2f}"),
    "percent": Format(lambda value, _: f"{100 * _number(value):.2f} %", (" (fraction)",)),
    "p": Format(lambda value, _: "< 0.0001" if _number(value) < 0.0001 else f"{_number(value):.4f}"),
    "points": Format(_points, (" (fraction)",)),
    "interval": Format(_interval, (" low (fraction)", " high (fraction)")),
    "quantity": Format(_quantity),
    "change": Format(_change),
    "range": Format(_range, (" low", " high")),
    "spread": Format(_spread, ("", " std")),
}
"""The formats by name.

- text: a string. cell: a string of several lines. integer, number: a number. raw: a number with all its
  digits. hundredths: a number, shown with two decimals.
- p: a p-value, a number of 0 to 1.
- percent, points (a difference in percentage points) and interval (two bounds) take fractions.
- quantity, change (a difference, shown with its sign), range (two bounds) and spread (mean, and standard
  deviation or None) take values in the unit that the row or the column names. They show two decimals for
  percentages and for values of 10 and more, else four.

Every column also takes None (no value) and NaN (undefined).
"""


def undefined(value: Cell) -> bool:
    """Returns whether a value, or a number of a pair, is NaN."""
    numbers = value if isinstance(value, tuple) else (value,)
    return any(isinstance(number, float) and math.isnan(number) for number in numbers)
