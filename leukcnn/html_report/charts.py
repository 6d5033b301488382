"""Charts as plain numbers: lines, bands, dots and bars in the units of an SVG image.

`templates/chart.svg` shows them. A line has a style, a number that chooses its colour, its dashes and its
marker together, so that no chart needs colour to be read.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from matplotlib.ticker import MaxNLocator

N_STYLES = 6
"""Number of different styles of lines."""

_WIDTH, _HEIGHT = 340.0, 250.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 58.0, 12.0, 10.0, 42.0
_FEW_POINTS = 30
_ROW, _LABEL, _SIDE = 44.0, 17.0, 24.0


class Tick(NamedTuple):
    """A tick of an axis: its place in the image and its text."""

    at: float
    text: str


@dataclass(frozen=True)
class Axis:
    """An axis: its title, lowest and highest value, and the places of both in the image.

    Attributes:
        title: What it shows, with the unit.
        low: Value at `start`.
        high: Value at `end`.
        start: Place in the image.
        end: Place in the image.
        percent: Whether ticks are in percent.
        whole: Whether only whole numbers are ticks.
    """

    title: str
    low: float
    high: float
    start: float
    end: float
    percent: bool = False
    whole: bool = False

    def at(self, value: float) -> float:
        """Returns the place of a value, to a tenth of a unit; values outside are at the nearer end."""
        fraction = (min(max(value, self.low), self.high) - self.low) / ((self.high - self.low) or 1)
        return round(self.start + fraction * (self.end - self.start), 1)

    @property
    def ticks(self) -> list[Tick]:
        """At most six ticks at round values."""
        values = MaxNLocator(nbins=5, integer=self.whole).tick_values(self.low, self.high)
        inside = [float(v) for v in values if self.low - 1e-9 <= v <= self.high + 1e-9]
        return [Tick(self.at(v), f"{100 * v:.4g} %" if self.percent else f"{v:.4g}") for v in inside]


class Line(NamedTuple):
    """A line of a chart.

    Attributes:
        label: Its name in the legend; "" for none.
        style: Number of its style, from 0; -1 for a thin grey line.
        points: Its points, as the attribute `points` of an SVG polyline.
        band: The band around it, as the points of a polygon; "" for none.
        markers: Places of its markers.
    """

    label: str
    style: int
    points: str
    band: str = ""
    markers: tuple[tuple[float, float], ...] = ()


class Bar(NamedTuple):
    """A bar of a histogram, a rectangle in the image."""

    x: float
    y: float
    width: float
    height: float


class Whisker(NamedTuple):
    """A dot with its interval, from `x_low`, `y_low` to `x_high`, `y_high`; NaN-free."""

    x: float
    y: float
    x_low: float
    y_low: float
    x_high: float
    y_high: float
    style: int = 0


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes:
        title: Its title.
        alt: What it shows in words, for readers who don't see it.
        x: Axis from left to right.
        y: Axis from bottom to top; None if rows have names instead.
        lines: Its lines, the last on top.
        bars: Bars of a histogram.
        whiskers: Dots with intervals.
        names: Names of rows, each at a height.
        marks: Heights or places of a vertical line, see the legend.
        legend: Further lines of the legend: style and text.
        note: How intervals and bands are made.
        width, height: Size of the image.
    """

    title: str
    alt: str
    x: Axis
    y: Axis | None
    lines: Sequence[Line] = ()
    bars: Sequence[Bar] = ()
    whiskers: Sequence[Whisker] = ()
    names: Sequence[Tick] = ()
    marks: Sequence[float] = ()
    legend: Sequence[tuple[int, str]] = ()
    note: str = ""
    width: float = _WIDTH
    height: float = _HEIGHT
    frame: tuple[float, float, float, float] = field(
        default=(_LEFT, _TOP, _WIDTH - _RIGHT, _HEIGHT - _BOTTOM)
    )


def x_axis(title: str, low: float, high: float, *, percent: bool = False, whole: bool = False) -> Axis:
    """Returns the axis from left to right of a chart of the usual size."""
    return Axis(title, low, high, _LEFT, _WIDTH - _RIGHT, percent, whole)


def y_axis(title: str, low: float, high: float, *, percent: bool = False) -> Axis:
    """Returns the axis from bottom to top of a chart of the usual size."""
    return Axis(title, low, high, _HEIGHT - _BOTTOM, _TOP, percent)


def line(
    x: Axis,
    y: Axis,
    points: tuple[np.ndarray, np.ndarray],
    *,
    label: str = "",
    style: int = 0,
    band: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
    markers: bool = False,
) -> Line:
    """Returns a line through points.

    Args:
        x: Axis from left to right.
        y: Axis from bottom to top.
        points: (N,) x and (N,) y; points that aren't finite are left out.
        label: As in `Line`.
        style: As in `Line`.
        band: (M,) x, and the lower and upper edge there, (M,) each.
        markers: Whether the points have markers, if they are few.
    """
    kept = np.isfinite(points[0]) & np.isfinite(points[1])
    places = [(x.at(a), y.at(b)) for a, b in zip(points[0][kept], points[1][kept], strict=True)]
    # Points that have one place in the image are one.
    places = [place for i, place in enumerate(places) if not i or place != places[i - 1]]
    area = ""
    if band is not None and np.isfinite(band[1]).any():
        inside = np.isfinite(band[1]) & np.isfinite(band[2])
        along = band[0][inside]
        lower = [(x.at(a), y.at(b)) for a, b in zip(along, band[1][inside], strict=True)]
        upper = [(x.at(a), y.at(b)) for a, b in zip(along, band[2][inside], strict=True)]
        area = _points([*lower, *reversed(upper)])
    shown = tuple(places) if markers and len(places) <= _FEW_POINTS else ()
    return Line(label, style, _points(places), area, shown)


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{a:g},{b:g}" for a, b in places)


class Estimate(NamedTuple):
    """A value with its interval, for `dots`.

    Attributes:
        name: Whose value it is.
        value: The value, 0..1.
        low: Lower bound; NaN if there is no interval.
        high: Upper bound.
        style: 0 for a network, 1 for a control.
    """

    name: str
    value: float
    low: float
    high: float
    style: int = 0


def dots(title: str, alt: str, estimates: Sequence[Estimate], *, unit: str, mark: float = math.nan) -> Chart:
    """Returns a chart of values with their intervals, one below the other, each with its name above it.

    Args:
        title: The chart's title.
        alt: What it shows in words.
        estimates: The values, one at least.
        unit: Title of the axis.
        mark: Value with a vertical line; NaN for none.
    """
    ends = [v for one in estimates for v in (one.value, one.low, one.high) if math.isfinite(v)]
    low, high = (
        max(0.0, math.floor(10 * min(ends) - 0.5) / 10),
        min(1.0, math.ceil(10 * max(ends) + 0.5) / 10),
    )
    height = _ROW * len(estimates) + 48
    x = Axis(unit, low, high, _SIDE, _WIDTH - _SIDE, percent=True)
    names, whiskers = [], []
    for i, one in enumerate(estimates):
        top = 6 + _ROW * i
        y = round(top + _LABEL + 12, 1)
        names.append(Tick(round(top + _LABEL - 4, 1), one.name))
        bounds = [x.at(b if math.isfinite(b) else one.value) for b in (one.low, one.high)]
        whiskers.append(Whisker(x.at(one.value), y, bounds[0], y, bounds[1], y, one.style))
    return Chart(
        title,
        alt,
        x,
        None,
        whiskers=whiskers,
        names=names,
        marks=[x.at(mark)] if math.isfinite(mark) else [],
        height=height,
        frame=(_SIDE, 4, _WIDTH - _SIDE, height - 42),
    )
