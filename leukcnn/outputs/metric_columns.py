"""The columns of a table of metrics, and how its figures are shown."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from leukcnn import spec
from leukcnn.outputs.metric_lines import Asked, Line
from leukcnn.rendering.formats import PERCENT_UNIT
from leukcnn.rendering.tables import Cell, Column
from leukcnn.results.measure import Measured, measure
from leukcnn.results.metrics import kappa_word
from leukcnn.results.verdicts import verdict

NO_INTERVAL = "no interval"
_SETS = {"test": "full", "within": "within", "balanced": "balanced", "external": "external"}


class Style(NamedTuple):
    """How figures are shown: formats of `leukcnn.rendering.formats`, and half a unit of the last digit."""

    published: str
    measured: str
    interval: str
    difference: str
    difference_title: str = "Difference"
    rounding: float = 0.0


_STYLES: Mapping[str, Style] = {
    "mean": Style("spread", "spread", "range", "change"),
    "percent": Style("percent", "percent", "interval", "points", "Difference (points)"),
    # .99 stands for all from .985 to .995.
    "hundredths": Style("hundredths", "spread", "range", "change", rounding=0.005),
}


def in_whole_percent(asked: Asked) -> bool:
    """Whether the paper prints no decimals: all its figures are integers, 96 and not 96.0."""
    return bool(asked.table.published) and all(isinstance(p.value, int) for p in asked.table.published)


def columns_of(asked: Asked) -> dict[str, list[Column | str]]:
    """Returns the columns by the names that `spec.Table.show` has for them: axes, what is shown, beside."""
    table, style = asked.table, _STYLES[asked.table.figures]
    by_dataset, with_metric = "dataset" in table.axes, "metric" in table.show
    title = spec.METRICS[asked.metrics[0]].title if asked.metrics else ""
    every = {
        "row": ["Network"],
        "dataset": ["Dataset"],
        "set": ["Test" if by_dataset else "Test set"],
        "split": ["Split"],
        "mask": ["Blanked"],
        "class": ["Class"],
        "classes": ["Class"],
        "metric": ["Rate" if _has_rates(asked) else "Metric"],
        "cells": [Column("Cells", "integer")],
        "pictures": [Column("Pictures", "integer")],
        "support": [Column(f"Support, {of}", "integer") for of in ("published", "here")],
        "published": [Column("Published" if with_metric else f"Published {_low(title)}", style.published)],
        "measured": [Column(_measured_title(asked), style.measured)],
        "weighted": [Column("Weighted", style.measured)],
        "interval": [Column("95 % interval", style.interval)],
        "difference": [Column(style.difference_title, style.difference)],
        "verdict": ["Verdict"],
        "state": ["State" if "measured" in table.show else "Measured"],
        "change": [Column("Change by blanking (points)", style.difference)],
    }
    for name in ("test", "balanced"):
        every[name] = [Column(f"{_SETS[name].capitalize()} test set", style.measured)]
        every[f"less_{name}"] = [Column(f"Less {_SETS[name]} (points)", style.difference)]
    if asked.beside:
        here, beside = (spec.SPLITS[of.split_kind].title for of in (asked.shown, asked.beside))
        # Of "strict LODOCV" and "LODOCV" the second is "Strict less LODOCV".
        less = f"{beside.removesuffix(here).rstrip()} less {here}"
        every["beside"] = [Column(_high(beside), style.measured), Column(_high(less), style.difference)]
    names = [*table.axes, *(name for name in table.show if name != "classes")]
    if "classes" in table.show:
        names.insert(names.index("dataset") + 1, "classes")
    return {name: every[name] for name in (*names, *(["beside"] if asked.beside else []))}


def _low(title: str) -> str:
    return title[0].lower() + title[1:]


def _high(title: str) -> str:
    return title[0].upper() + title[1:]


def _measured_title(asked: Asked) -> str:
    return "Other subjects" if asked.values("set") == ("external",) else "Measured"


def _has_rates(asked: Asked) -> bool:
    """Whether it shows false positives and negatives: wrong answers on datasets of one class."""
    return asked.metrics == ("error_rate",) and "classes" in asked.table.show


def cells_of(asked: Asked, line: Line, column: str) -> Sequence[Cell]:
    """Returns the cells of a line in one of the columns of `columns_of`."""
    place, found = line.place, line.found
    match column:
        case "row":
            return [asked.labels[place.row]]
        case "dataset":
            return [asked.dataset_title(place.dataset)]
        case "set":
            left_out = "dataset" in asked.table.axes and place.set == "test"
            return ["left out" if left_out else _SETS.get(place.set, place.set)]
        case "split":
            return [spec.SPLITS[place.split or asked.results.split_kind].title]
        case "mask":
            return [place.mask or "nothing"]
        case "class":
            return [asked.class_name(place, line.metric)]
        case "classes":
            return [", ".join(asked.classes_of(place.dataset))]
        case "metric":
            return [_title(asked, line)]
        case "cells" | "pictures":
            return [found and found.n]
        case "support":
            return asked.support(line)
        case "published":
            spread = line.printed and _STYLES[asked.table.figures].published == "spread"
            return [(line.printed.value, line.printed.sd) if spread else line.printed and line.printed.value]
        case "measured":
            size = line.size and line.size.value
            return [_figure(asked, line.metric, found) if size is None else (size, None)]
        case "weighted":
            name = line.metric.replace("macro_", "weighted_")
            known = name != line.metric and name in spec.METRICS
            return [_figure(asked, name, _elsewhere(asked, line, metric=name)) if known else None]
        case "interval":
            return [_bounds(asked, line)]
        case "difference":
            return [_difference(asked, line)]
        case "verdict":
            return [_verdict(asked, line)]
        case "state":
            return [f"not measured: {line.why}" if line.why else "measured"]
        case "change":
            bare = _elsewhere(asked, line, mask="") if place.mask and found else None
            return [_less(asked, line, found, bare)]
        case "test" | "balanced":
            return [found and _figure(asked, line.metric, _elsewhere(asked, line, set=column))]
        case "less_test" | "less_balanced":
            return [found and _less(asked, line, found, _elsewhere(asked, line, set=column[len("less_") :]))]
    return [_figure(asked, line.metric, line.beside), _less(asked, line, line.beside, found)]


def _elsewhere(asked: Asked, line: Line, *, metric: str = "", **place: str) -> Measured | None:
    """Returns what was measured at another place, or of another metric."""
    at = line.place._replace(**place)
    under = asked.under(at)
    where = {"dataset": at.dataset, "part": at.set, "of_class": at.of_class, "over": asked.table.over}
    return measure(under, at.row, metric or line.metric, **where) if under else None


def _factor(asked: Asked, metric: str) -> int:
    """Returns what a measured figure is multiplied by to have the unit in which it is shown."""
    return 100 if asked.table.figures == "mean" and spec.METRICS[metric].percent else 1


def _figure(asked: Asked, metric: str, found: Measured | None) -> Cell:
    """Returns mean and sd, or the mean alone, in the unit in which it is shown."""
    if found is None:
        return None
    times, (mean, sd) = _factor(asked, metric), found.spread
    return mean if asked.table.figures == "percent" else (times * mean, None if sd is None else times * sd)


def _less(asked: Asked, line: Line, one: Measured | None, other: Measured | None) -> Cell:
    """Returns one figure of a line's metric less another."""
    if one is None or other is None:
        return None
    times = _factor(asked, line.metric)
    return times * one.spread[0] - times * other.spread[0]


def _title(asked: Asked, line: Line) -> str:
    if line.size or line.metric == "all":
        return line.size.title if line.size else "all"
    title = spec.METRICS[asked.base(line.metric) if "class" in asked.table.axes else line.metric].title
    if _has_rates(asked):
        missed = asked.results.paper.positive_class in asked.classes_of(line.place.dataset)
        title = "False negatives" if missed else "False positives"
    return f"{title} {PERCENT_UNIT}" if _factor(asked, line.metric) == 100 else title


def _bounds(asked: Asked, line: Line) -> tuple[float, float] | None:
    if line.found is None or not line.found.interval.defined:
        return None
    times, interval = _factor(asked, line.metric), line.found.interval
    # An interval by Student's t may pass what a metric can be.
    limits = [times * limit for limit in spec.METRICS[line.metric].limits]
    return tuple(np.clip((times * interval.low, times * interval.high), *limits).tolist())


def _difference(asked: Asked, line: Line) -> float | None:
    """Returns the measured figure less the published one, where the two can be compared."""
    size, found = line.size and line.size.value, line.found and line.found.spread[0]
    measured = size if line.size else found
    if None in (line.printed, measured) or math.isnan(measured):
        return None
    difference = (1 if line.size else _factor(asked, line.metric)) * measured - line.printed.value
    equal = line.size and round(difference) == 0
    return difference if equal or not asked.results.record.not_comparable else None


def _verdict(asked: Asked, line: Line) -> str:
    record, printed, found = asked.results.record, line.printed, line.found
    percent = asked.table.figures == "percent"
    if line.size and printed and line.size.value is not None:
        # A size doesn't vary.
        if round(line.size.value - printed.value) == 0:
            return "equal"
        return "not comparable" if record.not_comparable else "differs"
    said = verdict(
        printed and printed.fraction,
        line.size.value if line.size else found and found.spread[0],
        found and found.interval,
        not_comparable=record.main_reason if percent else "",
        not_measured=line.why,
        marked=not percent and bool(record.not_comparable),
        rounding=0.005 if in_whole_percent(asked) else _STYLES[asked.table.figures].rounding,
    )
    if asked.table.kappa_words and line.metric == "kappa" and found:
        kappa = found.spread[0]
        said += f"; {kappa_word(kappa)} ({kappa_word(kappa, scale=asked.table.kappa_words)})"
    if "class" in asked.table.axes and found and not found.interval.defined:
        # A note under the table says why.
        said = said.replace(found.interval.describe(), NO_INTERVAL)
    return said
