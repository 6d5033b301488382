"""Tables of metrics: any metric, by row, dataset, set, split, mask or class, published beside measured."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from leukcnn import spec
from leukcnn.outputs.kind import Kept, TableKind
from leukcnn.outputs.metric_lines import FINAL, Asked, Line
from leukcnn.outputs.metric_notes import NO_INTERVAL, notes_of
from leukcnn.outputs.titles import classes_here, dataset_title, framed, not_measured, state_of
from leukcnn.rendering.formats import PERCENT_UNIT
from leukcnn.rendering.tables import Cell, Column, Table
from leukcnn.results.measure import Measured
from leukcnn.results.metrics import kappa_word
from leukcnn.results.results import Results
from leukcnn.results.verdicts import verdict

_SETS = {"test": "full", "within": "within", "balanced": "balanced", "external": "external", FINAL: FINAL}
# How published figures, measured ones, intervals and differences are shown.
_FORMATS = {
    "mean": ("spread", "spread", "range", "change"),
    "percent": ("percent", "percent", "interval", "points"),
    "hundredths": ("hundredths", "spread", "range", "change"),
}


def build(table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns a table with a line for each metric at each place that its axes give.

    Published and measured figures stand beside each other, as `spec.Table` asks for it.

    Raises:
        ArgumentError: A metric is of one class, and the paper has no positive one.
    """
    asked = Asked(results, table)
    names = [*table.axes, *(name for name in table.show if name != "classes")]
    if "classes" in table.show:
        names.insert(names.index("dataset") + 1, "classes")
    every = _columns(asked) | _columns_of_others(asked)
    shown = [column for name in (*names, *(["compared"] if asked.compared else [])) for column in every[name]]
    rows = [[cell(line) for _, cell in shown] for line in asked.lines]
    if not rows and "classes" in table.show:
        rows = [("all", *not_measured("no dataset of one class is tested here", len(shown) - 1))]
    return framed(results, table, [column for column, _ in shown], rows, notes=notes_of(asked))


def _columns(asked: Asked) -> dict[str, list[tuple[Column | str, Callable[[Line], Cell]]]]:
    """Returns columns by the names that `spec.Table` has for them, each with what it shows of a line."""
    results, show, by_dataset = asked.results, asked.table.show, "dataset" in asked.table.axes
    of_published, of_measured, of_interval, of_difference = _FORMATS[asked.table.values_as]
    published, difference = "Published", "Difference" + (" (points)" if of_difference == "points" else "")
    if "metric" not in show:
        metric = spec.METRICS[asked.metrics[0]].title
        published = f"Published {metric[0].lower()}{metric[1:]}"
    here = "Other subjects" if asked.values["subset"] == ("external",) else "Measured"
    sets = _SETS | ({"test": "left out"} if by_dataset else {})

    def printed_of(line: Line) -> Cell:
        return line.printed and (line.printed[:2] if of_published == "spread" else line.printed.value)

    def measured_of(line: Line) -> Cell:
        return _figure(asked, line.metric, line.found) if line.size is None else (line.size, None)

    return {
        "row": [("Network", lambda line: asked.labels[line.place.row])],
        "dataset": [("Dataset", lambda line: dataset_title(asked.shown, line.place.dataset))],
        "subset": [("Test" if by_dataset else "Test set", lambda line: sets[line.place.subset])],
        "split": [("Split", lambda line: spec.SPLITS[line.place.split or results.split_kind].title)],
        "mask": [("Blanked", lambda line: line.place.mask or "nothing")],
        "class": [("Class", lambda line: asked.class_and_metric(line.place, line.metric)[0])],
        "classes": [("Class", lambda line: ", ".join(classes_here(results, line.place.dataset)))],
        "metric": [("Rate" if _has_rates(asked) else "Metric", partial(_title, asked))],
        "cells": [(Column("Cells", "integer"), lambda line: line.found and line.found.n)],
        "images": [(Column("Images", "integer"), lambda line: line.found and line.found.n)],
        "support": [
            (Column("Support, published", "integer"), lambda line: asked.support(line)[0]),
            (Column("Support, here", "integer"), lambda line: asked.support(line)[1]),
        ],
        "published": [(Column(published, of_published), printed_of)],
        "measured": [(Column(here, of_measured), measured_of)],
        "interval": [(Column("95 % interval", of_interval), partial(_bounds, asked))],
        "difference": [(Column(difference, of_difference), partial(_difference, asked))],
        "verdict": [("Verdict", partial(_verdict, asked))],
        "state": [("State" if "measured" in show else "Measured", lambda line: state_of(line.why))],
    }


def _columns_of_others(asked: Asked) -> dict[str, list[tuple[Column, Callable[[Line], Cell]]]]:
    """Returns columns of figures at other places, of other averages and under the split beside."""
    _, of_measured, _, of_difference = _FORMATS[asked.table.values_as]
    # Metrics that are no shares are shown in a unit of their own.
    in_points = all(_factor(asked, metric) == 100 for metric in asked.metrics)
    points = " (points)" if in_points or of_difference == "points" else ""

    def at(line: Line, **place: str) -> Measured | None:
        return asked.measured(line.place._replace(**place), line.metric) if line.found else None

    def change(line: Line) -> Cell:
        return _less(asked, line, line.found, at(line, mask="")) if line.place.mask else None

    every = {
        "weighted": [(Column("Weighted", of_measured), partial(_weighted, asked))],
        "change": [(Column(f"Change by blanking{points}", of_difference), change)],
    }
    for name in ("test", "balanced"):
        less, other = Column(f"Less {_SETS[name]}{points}", of_difference), partial(at, subset=name)
        full = Column(f"{_SETS[name].capitalize()} test set", of_measured)
        every[name] = [(full, lambda line, other=other: _figure(asked, line.metric, other(line)))]
        every[f"less_{name}"] = [(less, lambda line, o=other: _less(asked, line, line.found, o(line)))]
    if asked.compared:
        here, beside = (spec.SPLITS[of.split_kind].title for of in (asked.shown, asked.compared))
        # Of "strict LODOCV" and "LODOCV" the second is "Strict less LODOCV".
        titles = (beside, f"{beside.removesuffix(here).rstrip()} less {here}")
        first, second = (title[0].upper() + title[1:] for title in titles)
        every["compared"] = [
            (Column(first, of_measured), lambda line: _figure(asked, line.metric, line.compared)),
            (Column(second, of_difference), lambda line: _less(asked, line, line.compared, line.found)),
        ]
    return every


def _has_rates(asked: Asked) -> bool:
    """Whether it shows false positives and negatives: wrong answers on datasets of one class."""
    return asked.metrics == ("error_rate",) and "classes" in asked.table.show


def _factor(asked: Asked, metric: str) -> int:
    """Returns what a measured figure, or a size, is multiplied by to have the unit in which it is shown."""
    share = metric in spec.METRICS and spec.METRICS[metric].percent
    return 100 if asked.table.values_as == "mean" and share else 1


def _figure(asked: Asked, metric: str, found: Measured | None) -> Cell:
    """Returns mean and std, or the mean alone, in the unit in which it is shown."""
    if found is None:
        return None
    times, (mean, std) = _factor(asked, metric), found.spread
    return (
        mean if asked.table.values_as == "percent" else (times * mean, None if std is None else times * std)
    )


def _less(asked: Asked, line: Line, one: Measured | None, other: Measured | None) -> Cell:
    """Returns one figure of a line's metric less another."""
    times = _factor(asked, line.metric)
    return None if None in (one, other) else times * one.spread[0] - times * other.spread[0]


def _weighted(asked: Asked, line: Line) -> Cell:
    name = line.metric.replace("macro_", "weighted_")
    known = name != line.metric and name in spec.METRICS
    return _figure(asked, name, asked.measured(line.place, name)) if known else None


def _title(asked: Asked, line: Line) -> str:
    if line.metric not in spec.METRICS:
        return line.metric
    _, base = asked.class_and_metric(line.place, line.metric)
    title = spec.METRICS[base if "class" in asked.table.axes else line.metric].title
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
    if asked.table.values_as == "percent" and not_comparable:
        not_comparable += f": {record.main_reason}"
    said = verdict(
        printed and printed.fraction,
        found.spread[0] if found else line.size,
        found and found.interval,
        not_comparable=not_comparable,
        not_measured=line.why,
        # 96 stands for all from 95.5 to 96.5, and .99 for all from .985 to .995.
        rounding=0.005 if asked.in_whole_percent or asked.table.values_as == "hundredths" else 0,
    )
    if asked.table.kappa_words and line.metric == "kappa" and found:
        kappa = found.spread[0]
        said += f"; {kappa_word(kappa)} ({kappa_word(kappa, scale=asked.table.kappa_words)})"
    if "class" in asked.table.axes and found and not found.interval.defined:
        # A note under the table says why.
        said = said.replace(found.interval.describe(), NO_INTERVAL)
    return said


KIND = TableKind(build=build, by_task=True)
