"""The columns of a table of metrics, and how its figures are shown."""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from leukcnn import spec
from leukcnn.outputs.metric_lines import FINAL, Asked, Line
from leukcnn.outputs.titles import classes_here, dataset_title, state_of
from leukcnn.rendering.formats import PERCENT_UNIT
from leukcnn.rendering.tables import Cell, Column
from leukcnn.results.measure import Measured
from leukcnn.results.metrics import kappa_word
from leukcnn.results.verdicts import verdict

NO_INTERVAL = "no interval"
_SETS = {"test": "full", "within": "within", "balanced": "balanced", "external": "external", FINAL: FINAL}

Shown = tuple[Column | str, Callable[[Line], Cell]]
"""A column, and what it shows of a line."""


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


def columns_of(asked: Asked) -> list[Shown]:
    """Returns the columns: axes, what is shown, what stands beside."""
    names = [*asked.table.axes, *(name for name in asked.table.show if name != "classes")]
    if "classes" in asked.table.show:
        names.insert(names.index("dataset") + 1, "classes")
    every = _of_places(asked) | _of_figures(asked) | _of_others(asked)
    return [shown for name in (*names, *(["beside"] if asked.beside else [])) for shown in every[name]]


def _of_places(asked: Asked) -> dict[str, list[Shown]]:
    """Returns the columns that say what a line is of, by the names that `spec.Table.show` has for them."""
    results, by_dataset = asked.results, "dataset" in asked.table.axes

    def set_of(line: Line) -> str:
        return "left out" if by_dataset and line.place.set == "test" else _SETS[line.place.set]

    def split(line: Line) -> str:
        return spec.SPLITS[line.place.split or results.split_kind].title

    return {
        "row": [("Network", lambda line: asked.labels[line.place.row])],
        "dataset": [("Dataset", lambda line: dataset_title(asked.shown, line.place.dataset))],
        "set": [("Test" if by_dataset else "Test set", set_of)],
        "split": [("Split", split)],
        "mask": [("Blanked", lambda line: line.place.mask or "nothing")],
        "class": [("Class", lambda line: asked.class_and_metric(line.place, line.metric)[0])],
        "classes": [("Class", lambda line: ", ".join(classes_here(results, line.place.dataset)))],
        "metric": [("Rate" if _has_rates(asked) else "Metric", lambda line: _title(asked, line))],
        "cells": [(Column("Cells", "integer"), lambda line: line.found and line.found.n)],
        "pictures": [(Column("Pictures", "integer"), lambda line: line.found and line.found.n)],
        "support": [
            (Column("Support, published", "integer"), asked.printed_support),
            (Column("Support, here", "integer"), asked.support),
        ],
    }


def _of_figures(asked: Asked) -> dict[str, list[Shown]]:
    """Returns the columns of a line's figures, likewise."""
    style, show = _STYLES[asked.table.figures], asked.table.show
    title = "Published"
    if "metric" not in show:
        metric = spec.METRICS[asked.metrics[0]].title
        title = f"Published {metric[0].lower()}{metric[1:]}"
    here = "Other subjects" if asked.values["set"] == ("external",) else "Measured"

    def published(line: Line) -> Cell:
        return line.printed and (line.printed[:2] if style.published == "spread" else line.printed.value)

    def measured(line: Line) -> Cell:
        return _figure(asked, line.metric, line.found) if line.size is None else (line.size, None)

    difference = Column(style.difference_title, style.difference)
    return {
        "published": [(Column(title, style.published), published)],
        "measured": [(Column(here, style.measured), measured)],
        "interval": [(Column("95 % interval", style.interval), lambda line: _bounds(asked, line))],
        "difference": [(difference, lambda line: _difference(asked, line))],
        "verdict": [("Verdict", lambda line: _verdict(asked, line))],
        "state": [("State" if "measured" in show else "Measured", lambda line: state_of(line.why))],
    }


def _of_others(asked: Asked) -> dict[str, list[Shown]]:
    """Returns the columns of figures at other places, of other averages and under the split beside."""
    style = _STYLES[asked.table.figures]

    def weighted(line: Line) -> Cell:
        name = line.metric.replace("macro_", "weighted_")
        known = name != line.metric and name in spec.METRICS
        return _figure(asked, name, asked.measured(line.place, name)) if known else None

    def at(line: Line, **place: str) -> Measured | None:
        return asked.measured(line.place._replace(**place), line.metric) if line.found else None

    def change(line: Line) -> Cell:
        return _less(asked, line, line.found, at(line, mask="") if line.place.mask else None)

    every = {
        "weighted": [(Column("Weighted", style.measured), weighted)],
        "change": [(Column("Change by blanking (points)", style.difference), change)],
    }
    for name in ("test", "balanced"):

        def figure(line: Line, name: str = name) -> Cell:
            return _figure(asked, line.metric, at(line, set=name))

        def less(line: Line, name: str = name) -> Cell:
            return _less(asked, line, line.found, at(line, set=name))

        every[name] = [(Column(f"{_SETS[name].capitalize()} test set", style.measured), figure)]
        every[f"less_{name}"] = [(Column(f"Less {_SETS[name]} (points)", style.difference), less)]
    if asked.beside:
        here, beside = (spec.SPLITS[of.split_kind].title for of in (asked.shown, asked.beside))
        # Of "strict LODOCV" and "LODOCV" the second is "Strict less LODOCV".
        titles = (beside, f"{beside.removesuffix(here).rstrip()} less {here}")
        first, second = (title[0].upper() + title[1:] for title in titles)
        every["beside"] = [
            (Column(first, style.measured), lambda line: _figure(asked, line.metric, line.beside)),
            (Column(second, style.difference), lambda line: _less(asked, line, line.beside, line.found)),
        ]
    return every


def _has_rates(asked: Asked) -> bool:
    """Whether it shows false positives and negatives: wrong answers on datasets of one class."""
    return asked.metrics == ("error_rate",) and "classes" in asked.table.show


def _factor(asked: Asked, metric: str) -> int:
    """Returns what a measured figure, or a size, is multiplied by to have the unit in which it is shown."""
    share = metric in spec.METRICS and spec.METRICS[metric].percent
    return 100 if asked.table.figures == "mean" and share else 1


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
    if line.metric not in spec.METRICS:
        return line.metric
    by_class = "class" in asked.table.axes
    name = asked.class_and_metric(line.place, line.metric)[1] if by_class else line.metric
    title = spec.METRICS[name].title
    if _has_rates(asked):
        missed = asked.results.paper.positive_class in classes_here(asked.results, line.place.dataset)
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
    measured = line.found.spread[0] if line.found else line.size
    if None in (line.printed, measured) or math.isnan(measured):
        return None
    difference = _factor(asked, line.metric) * measured - line.printed.value
    equal = line.size is not None and round(difference) == 0
    return difference if equal or not asked.results.record.not_comparable else None


def _verdict(asked: Asked, line: Line) -> str:
    record, printed, found = asked.results.record, line.printed, line.found
    not_comparable = "not comparable" if record.not_comparable else ""
    if line.size is not None and printed:
        # A size doesn't vary.
        return "equal" if round(line.size - printed.value) == 0 else not_comparable or "differs"
    if asked.table.figures == "percent" and not_comparable:
        not_comparable += f": {record.main_reason}"
    said = verdict(
        printed and printed.fraction,
        found.spread[0] if found else line.size,
        found and found.interval,
        not_comparable=not_comparable,
        not_measured=line.why,
        rounding=0.005 if in_whole_percent(asked) else _STYLES[asked.table.figures].rounding,
    )
    if asked.table.kappa_words and line.metric == "kappa" and found:
        kappa = found.spread[0]
        said += f"; {kappa_word(kappa)} ({kappa_word(kappa, scale=asked.table.kappa_words)})"
    if "class" in asked.table.axes and found and not found.interval.defined:
        # A note under the table says why.
        said = said.replace(found.interval.describe(), NO_INTERVAL)
    return said
