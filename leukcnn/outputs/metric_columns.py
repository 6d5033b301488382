"""The columns of a table of metrics, and how its figures are shown."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from leukcnn import spec
from leukcnn.outputs.metric_lines import Asked, Line, Place
from leukcnn.rendering.formats import PERCENT_UNIT
from leukcnn.rendering.tables import Cell, Column
from leukcnn.results.measure import Measured, measure
from leukcnn.results.metrics import kappa_word
from leukcnn.results.verdicts import verdict

NO_INTERVAL = "no interval"
SETS = {"test": "full", "balanced": "balanced", "external": "external"}
_SETS_BY_DATASET = {"test": "left out", "within": "within"}


class Style(NamedTuple):
    """How figures are shown: formats of `leukcnn.rendering.formats`, and half a unit of the last digit."""

    published: str
    measured: str
    interval: str
    difference: str
    difference_title: str = "Difference"
    rounding: float = 0.0


STYLES: Mapping[str, Style] = {
    "mean": Style("spread", "spread", "range", "change"),
    "percent": Style("percent", "percent", "interval", "points", "Difference (points)"),
    # .99 stands for all from .985 to .995.
    "hundredths": Style("hundredths", "spread", "range", "change", rounding=0.005),
}


class Shown(NamedTuple):
    """What a line says, in the units in which the table shows it."""

    title: str
    published: Cell
    measured: Cell
    interval: Cell
    difference: Cell
    verdict: str


def style_of(asked: Asked) -> Style:
    """Returns how a table's figures are shown."""
    style = STYLES[asked.table.figures]
    return style._replace(rounding=0.005) if in_whole_percent(asked) else style


def in_whole_percent(asked: Asked) -> bool:
    """Whether the paper prints no decimals: all its figures are integers, 96 and not 96.0."""
    return bool(asked.table.published) and all(isinstance(p.value, int) for p in asked.table.published)


def factor(asked: Asked, metric: str) -> int:
    """Returns what a measured figure is multiplied by to have the unit in which it is shown."""
    return 100 if asked.table.figures == "mean" and spec.METRICS[metric].percent else 1


def shown(asked: Asked, line: Line) -> Shown:
    """Returns what a line says."""
    if line.metric == "all":
        return Shown("all", None, None, None, None, f"not measured: {line.why}")
    if line.size:
        return _size(asked, line)
    record, printed, found = asked.results.record, line.printed, line.found
    style, times = style_of(asked), factor(asked, line.metric)
    mean = found.spread[0] if found else None
    comparable = None not in (printed, mean) and not math.isnan(mean) and not record.not_comparable
    percent = asked.table.figures == "percent"
    said = verdict(
        printed and printed.fraction,
        mean,
        found and found.interval,
        not_comparable=record.main_reason if percent else "",
        not_measured=line.why,
        marked=not percent and bool(record.not_comparable),
        rounding=style.rounding,
    )
    if asked.table.kappa_words and line.metric == "kappa" and found:
        said += f"; {kappa_word(mean)} ({kappa_word(mean, scale=asked.table.kappa_words)})"
    if "class" in asked.table.axes and found and not found.interval.defined:
        # A note under the table says why.
        said = said.replace(found.interval.describe(), NO_INTERVAL)
    return Shown(
        _title(asked, line),
        printed and ((printed.value, printed.sd) if style.published == "spread" else printed.value),
        _in_unit(asked, line.metric, found),
        _bounds(asked, line),
        times * mean - printed.value if comparable else None,
        said,
    )


def _title(asked: Asked, line: Line) -> str:
    by_class = "class" in asked.table.axes
    title = spec.METRICS[asked.base(line.metric) if by_class else line.metric].title
    if _has_rates(asked):
        missed = asked.results.paper.positive_class in asked.classes_of(line.place.dataset)
        title = "False negatives" if missed else "False positives"
    return f"{title} {PERCENT_UNIT}" if factor(asked, line.metric) == 100 else title


def _has_rates(asked: Asked) -> bool:
    """Whether it shows false positives and negatives: wrong answers on datasets of one class."""
    return asked.metrics == ("error_rate",) and "classes" in asked.table.show


def _in_unit(asked: Asked, metric: str, found: Measured | None) -> Cell:
    """Returns mean and sd, or the mean alone, in the unit in which it is shown."""
    if found is None:
        return None
    times, (mean, sd) = factor(asked, metric), found.spread
    if asked.table.figures == "percent":
        return mean
    return times * mean, None if sd is None else times * sd


def _bounds(asked: Asked, line: Line) -> tuple[float, float] | None:
    if line.found is None or not line.found.interval.defined:
        return None
    times, interval = factor(asked, line.metric), line.found.interval
    # An interval by Student's t may pass what a metric can be.
    limits = [times * limit for limit in spec.METRICS[line.metric].limits]
    return tuple(np.clip((times * interval.low, times * interval.high), *limits).tolist())


def _size(asked: Asked, line: Line) -> Shown:
    """Returns what a line says of a network's size, which is no figure that varies."""
    number, value = line.printed and line.printed.value, line.size.value
    difference = None if None in (number, value) else value - number
    if value is None:
        said = f"not measured: {line.why}"
    elif number is None:
        said = "not published"
    elif round(difference) == 0:
        said = "equal"
    else:
        marked = bool(asked.results.record.not_comparable)
        said, difference = ("not comparable", None) if marked else ("differs", difference)
    cells = [None if figure is None else (figure, None) for figure in (number, value)]
    return Shown(line.size.title, *cells, None, difference, said)


class ColumnKind(NamedTuple):
    """A column, or some that belong together: their titles, and the cells of a line."""

    columns: Callable[[Asked], Sequence[Column | str]]
    cells: Callable[[Asked, Line, Shown], Sequence[Cell]]


def _of_axis(axis: str) -> ColumnKind:
    return ColumnKind(lambda asked: [_AXIS_TITLES[axis](asked)], lambda *line: [_AXIS_CELLS[axis](*line[:2])])


_AXIS_TITLES: Mapping[str, Callable[[Asked], str]] = {
    "row": lambda asked: "Network",
    "dataset": lambda asked: "Dataset",
    "set": lambda asked: "Test" if "dataset" in asked.table.axes else "Test set",
    "split": lambda asked: "Split",
    "mask": lambda asked: "Blanked",
    "class": lambda asked: "Class",
}
_AXIS_CELLS: Mapping[str, Callable[[Asked, Line], str]] = {
    "row": lambda asked, line: asked.labels[line.place.row],
    "dataset": lambda asked, line: asked.dataset_title(line.place.dataset),
    "set": lambda asked, line: _set_title(asked, line.place.set),
    "split": lambda asked, line: spec.SPLITS[line.place.split or asked.results.split_kind].title,
    "mask": lambda asked, line: line.place.mask or "nothing",
    "class": lambda asked, line: asked.class_name(line.place, line.metric),
}


def _set_title(asked: Asked, name: str) -> str:
    return (_SETS_BY_DATASET if "dataset" in asked.table.axes else SETS).get(name, name)


def _figure(name: str) -> Callable[[Asked, Line, Shown], Sequence[Cell]]:
    return lambda asked, line, said: [getattr(said, name)]


def _column(title: str, format: str) -> Callable[[Asked], Sequence[Column]]:
    return lambda asked: [Column(title, getattr(style_of(asked), format, format))]


def _count(title: str) -> ColumnKind:
    return ColumnKind(
        lambda asked: [Column(title, "integer")], lambda asked, line, said: [line.found and line.found.n]
    )


def _published_title(asked: Asked) -> str:
    if "metric" in asked.table.show:
        return "Published"
    title = spec.METRICS[asked.metrics[0]].title
    return f"Published {title[0].lower()}{title[1:]}"


def _measured_title(asked: Asked) -> str:
    return "Other subjects" if asked.values("set") == ("external",) else "Measured"


def _support(asked: Asked, line: Line, said: Shown) -> Sequence[Cell]:
    name, runs = asked.class_name(line.place, line.metric), asked.shown.runs(line.place.row)
    printed = asked.report.get((name, "support")) if line.place.row == asked.report_row else None
    if not runs:
        return printed, None
    labels, of_class = runs[0].label.tolist(), line.place.of_class
    return printed, len(labels) if of_class is None else labels.count(of_class)


def _weighted(asked: Asked, line: Line, said: Shown) -> Sequence[Cell]:
    """Returns mean and sd of the weighted average that stands beside a macro one; None beside others."""
    name = line.metric.replace("macro_", "weighted_")
    if name == line.metric or name not in spec.METRICS:
        return [None]
    return [_in_unit(asked, name, _measured_at(asked, line.place, name))]


def _measured_at(asked: Asked, place: Place, metric: str) -> Measured | None:
    where = {"dataset": place.dataset, "part": place.set, "of_class": place.of_class}
    return measure(asked.under(place), place.row, metric, **where, over=asked.table.over)


def _beside_columns(asked: Asked) -> Sequence[Column]:
    """Returns two columns; of "strict LODOCV" and "LODOCV" the second is "Strict less LODOCV"."""
    here, beside = (spec.SPLITS[of.split_kind].title for of in (asked.shown, asked.beside))
    titles = (beside, f"{beside.removesuffix(here).rstrip()} less {here}")
    style = style_of(asked)
    return [
        Column(title[0].upper() + title[1:], format)
        for title, format in zip(titles, (style.measured, style.difference), strict=True)
    ]


def _beside(asked: Asked, line: Line, said: Shown) -> Sequence[Cell]:
    return _against(asked, line, line.beside, sign=-1)


def _against(asked: Asked, line: Line, other: Measured | None, *, sign: int) -> tuple[Cell, Cell]:
    """Returns another figure of the metric, and the measured one less it, or with the sign -1 the reverse."""
    figures = [_in_unit(asked, line.metric, found) for found in (line.found, other)]
    if None in figures:
        return figures[1], None
    mean, of_other = (figure[0] if isinstance(figure, tuple) else figure for figure in figures)
    return figures[1], mean - of_other if sign > 0 else of_other - mean


def _on_set(asked: Asked, line: Line, name: str) -> tuple[Cell, Cell]:
    """Returns the figure of a line's metric on another set, and the measured one less it."""
    if line.found is None:
        return None, None
    return _against(asked, line, _measured_at(asked, line.place._replace(set=name), line.metric), sign=1)


def _set_columns(name: str) -> dict[str, ColumnKind]:
    title = f"{SETS[name].capitalize()} test set"
    return {
        name: ColumnKind(
            _column(title, "measured"), lambda asked, line, said: _on_set(asked, line, name)[:1]
        ),
        f"less_{name}": ColumnKind(
            lambda asked: [Column(f"Less {SETS[name]} (points)", style_of(asked).difference)],
            lambda asked, line, said: _on_set(asked, line, name)[1:],
        ),
    }


def _change(asked: Asked, line: Line, said: Shown) -> Sequence[Cell]:
    """Returns the figure less that of the same line with nothing blanked."""
    if not line.place.mask or line.found is None:
        return [None]
    bare = line.place._replace(mask="")
    found = _measured_at(asked, bare, line.metric) if asked.under(bare) else None
    return _against(asked, line, found, sign=1)[1:]


def _state(asked: Asked, line: Line, said: Shown) -> Sequence[Cell]:
    return [f"not measured: {line.why}" if line.why else "measured"]


COLUMNS: Mapping[str, ColumnKind] = {
    **{axis: _of_axis(axis) for axis in _AXIS_TITLES},
    "classes": ColumnKind(
        lambda asked: ["Class"], lambda asked, line, said: [", ".join(asked.classes_of(line.place.dataset))]
    ),
    "metric": ColumnKind(
        lambda asked: ["Rate" if _has_rates(asked) else "Metric"], lambda asked, line, said: [said.title]
    ),
    "cells": _count("Cells"),
    "pictures": _count("Pictures"),
    "support": ColumnKind(
        lambda asked: [Column(f"Support, {of}", "integer") for of in ("published", "here")], _support
    ),
    "published": ColumnKind(
        lambda asked: [Column(_published_title(asked), style_of(asked).published)], _figure("published")
    ),
    "measured": ColumnKind(
        lambda asked: [Column(_measured_title(asked), style_of(asked).measured)], _figure("measured")
    ),
    "weighted": ColumnKind(_column("Weighted", "measured"), _weighted),
    "interval": ColumnKind(_column("95 % interval", "interval"), _figure("interval")),
    "difference": ColumnKind(
        lambda asked: [Column(style_of(asked).difference_title, style_of(asked).difference)],
        _figure("difference"),
    ),
    "verdict": ColumnKind(lambda asked: ["Verdict"], _figure("verdict")),
    "state": ColumnKind(lambda asked: ["State" if "measured" in asked.table.show else "Measured"], _state),
    "change": ColumnKind(_column("Change by blanking (points)", "difference"), _change),
    "beside": ColumnKind(_beside_columns, _beside),
    **_set_columns("test"),
    **_set_columns("balanced"),
}
"""Every column by the name that `spec.Table.show` has for it, and those of the axes."""


def columns_of(asked: Asked) -> list[str]:
    """Returns the names of a table's columns: axes, what it shows, and what stands beside."""
    names = [*asked.table.axes, *(name for name in asked.table.show if name != "classes")]
    if "classes" in asked.table.show:
        names.insert(names.index("dataset") + 1, "classes")
    return [*names, *(["beside"] if asked.beside else [])]
