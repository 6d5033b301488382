"""Tables of metrics by row, dataset, subset, split, mask or class, with published and measured values."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from leukcnn import spec
from leukcnn.outputs.kind import Kept, TableKind
from leukcnn.outputs.metric_lines import SUBSET_TITLES, Line, Place, TableContent
from leukcnn.outputs.metric_notes import notes_of
from leukcnn.outputs.metric_verdicts import comparison_of, detectable_of, verdict_of
from leukcnn.outputs.shape import Value, Values, paper_shape
from leukcnn.outputs.titles import (
    SHARED,
    classes_here,
    make_table,
    mark_rows,
    not_measured,
    state_of,
)
from leukcnn.rendering.formats import NO_VALUE, PERCENT_UNIT, Cell
from leukcnn.rendering.tables import Column, Table
from leukcnn.results.measure import Measured
from leukcnn.results.results import Results

# Formats of published values, measured values, intervals and differences.
_FORMATS = {
    "mean": ("spread", "spread", "range", "change"),
    "percent": ("percent", "percent", "interval", "points"),
    "hundredths": ("hundredths", "spread", "range", "change"),
}
# Columns of values other than the measured one.
_OTHERS = ("weighted", "change", "test", "balanced", "less_test", "less_balanced")
_Columns = dict[str, list[tuple[Column | str, Callable[[Line], Cell]]]]


def build(table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns a table with a line for each metric at each place that its axes give.

    The columns are those of `table.show`.

    Raises:
        ArgumentError: A metric needs a positive class, and the paper has none.
    """
    content = TableContent(results, table)
    names = [*table.axes, *(name for name in table.show if name != "classes")]
    if "classes" in table.show:
        names.insert(names.index("dataset") + 1, "classes")
    every = _columns(content) | _columns_of_others(content)
    shown = [
        column for name in (*names, *(["compared"] if content.compared else [])) for column in every[name]
    ]
    rows: list[Sequence[Cell]] = [[cell(line) for _, cell in shown] for line in content.lines]
    if not rows and "classes" in table.show:
        rows = [("all", *not_measured("no dataset of one class is tested here", len(shown) - 1))]
    columns, subsets = [column for column, _ in shown], content.values["subset"]
    on = [
        (line.place.split, line.place.dataset)
        if line.found or line.compared or line.size is not None
        else None
        for line in content.lines
    ]
    shape, legend, lacking = paper_shape(content, _values(content, every))
    notes = [*legend, *notes_of(content), *lacking]
    made = make_table(content.shown, table, columns, rows, notes=notes, subsets=subsets)
    made = replace(made, shape=shape)
    return mark_rows(made, content.shown, on) if content.lines else made


def _values(content: TableContent, every: _Columns) -> Values:
    """Returns what the lines of a table hold, from its columns."""
    show = content.table.show

    def value(name: str) -> Value:
        column, of = every[name][0]
        return (
            Value(column, "text", of) if isinstance(column, str) else Value(column.title, column.format, of)
        )

    def title(axis: str) -> Callable[[Line], str]:
        return lambda line: str(every[axis][0][1](line))

    def in_percent(line: Line) -> bool:
        known = line.metric in spec.METRICS and spec.METRICS[line.metric].percent
        return known and content.table.values_as != "hundredths"

    def support(line: Line) -> str | None:
        return "\n".join(NO_VALUE if n is None else f"{n}" for n in content.support(line))

    others = [name for name in (*_OTHERS, *(["compared"] if content.compared else [])) if name in every]
    return Values(
        titles={axis: (value(axis).title, title(axis)) for axis in content.table.axes},
        metric=partial(_title, content),
        in_percent=in_percent,
        published=value("published"),
        measured=value("measured"),
        interval=value("interval"),
        others=[
            Value(column.title, column.format, of)
            for name in others
            if name in (*show, "compared")
            for column, of in every[name]
            if isinstance(column, Column)
        ],
        counts=[
            *(value(name) for name in ("classes", "images", "cells") if name in show),
            *([Value("Support", "cell", support)] if "support" in show else []),
        ],
    )


def _columns(content: TableContent) -> _Columns:
    """Returns columns by their names in `spec.Table`; each column with the function of a line's cell."""
    results, show, by_dataset = content.results, content.table.show, "dataset" in content.table.axes
    of_published, of_measured, of_interval, of_difference = _FORMATS[content.table.values_as]
    published, difference = "Published", "Difference" + (" (points)" if of_difference == "points" else "")
    if "metric" not in show:
        metric = spec.METRICS[content.metrics[0]].title
        published = f"Published {metric[0].lower()}{metric[1:]}"
    here = "Other subjects" if content.values["subset"] == ("external",) else "Measured"

    def printed_of(line: Line) -> Cell:
        return line.printed and (line.printed[:2] if of_published == "spread" else line.printed.value)

    def measured_of(line: Line) -> Cell:
        return _value(content, line.metric, line.found) if line.size is None else (line.size, None)

    def marked(text: str, line: Line) -> str:
        """Marks the values of lines on an external set that shares images or subjects with training."""
        external = line.place.subset == "external" and line.found
        return f"{text} {SHARED}" if external and content.shown.overlap(line.place.row) else text

    def n_of(line: Line) -> Cell:
        return line.found.n if line.found else None

    return {
        "row": [("Network", lambda line: marked(content.labels[line.place.row], line))],
        "dataset": [("Dataset", lambda line: content.title(line.place, "dataset"))],
        "subset": [("Test" if by_dataset else "Test set", lambda line: content.title(line.place, "subset"))],
        "split": [("Split", lambda line: content.title(line.place, "split"))],
        "mask": [("Blanked", lambda line: content.title(line.place, "mask"))],
        "class": [("Class", lambda line: content.class_and_metric(line.place, line.metric)[0])],
        "classes": [("Class", lambda line: ", ".join(classes_here(results, line.place.dataset)))],
        "metric": [("Rate" if _has_rates(content) else "Metric", partial(_title, content))],
        "cells": [(Column("Cells", "integer"), n_of)],
        "images": [(Column("Images", "integer"), n_of)],
        "support": [
            (Column("Support, published", "integer"), lambda line: content.support(line)[0]),
            (Column("Support, here", "integer"), lambda line: content.support(line)[1]),
        ],
        "published": [(Column(published, of_published), printed_of)],
        "measured": [(Column(here, of_measured), measured_of)],
        "interval": [(Column("95 % interval", of_interval), partial(_bounds, content))],
        "difference": [(Column(difference, of_difference), partial(_difference, content))],
        "verdict": [
            (
                Column("Difference, 95 % interval", of_interval, csv_only=True),
                partial(_difference_range, content),
            ),
            (Column("p", "number", csv_only=True), partial(_p_value, content)),
            (Column("Detectable difference", of_difference, csv_only=True), partial(_detectable, content)),
            ("Verdict", partial(verdict_of, content)),
        ],
        "state": [("State" if "measured" in show else "Measured", lambda line: state_of(line.why))],
    }


def _columns_of_others(content: TableContent) -> _Columns:
    """Returns columns with values of other subsets, masks, averages, and of the compared split."""
    _, of_measured, _, of_difference = _FORMATS[content.table.values_as]
    # Metrics that aren't fractions are shown in their own unit.
    in_points = all(_factor(content, metric) == 100 for metric in content.metrics)
    points = " (points)" if in_points or of_difference == "points" else ""

    def at(line: Line, place: Place) -> Measured | None:
        return content.measured(place, line.metric) if line.found else None

    def value_on(line: Line, subset: str) -> Cell:
        return _value(content, line.metric, at(line, line.place._replace(subset=subset)))

    def minus(line: Line, subset: str) -> Cell:
        return _minus(content, line, line.found, at(line, line.place._replace(subset=subset)))

    def change(line: Line) -> Cell:
        unmasked = line.place._replace(mask="")
        return _minus(content, line, line.found, at(line, unmasked)) if line.place.mask else None

    every: _Columns = {
        "weighted": [(Column("Weighted", of_measured), partial(_weighted, content))],
        "change": [(Column(f"Change by blanking{points}", of_difference), change)],
    }
    for name in ("test", "balanced"):
        value = Column(f"{SUBSET_TITLES[name].capitalize()} test set", of_measured)
        difference = Column(f"Measured minus {SUBSET_TITLES[name]}{points}", of_difference)
        every[name] = [(value, partial(value_on, subset=name))]
        every[f"less_{name}"] = [(difference, partial(minus, subset=name))]
    if content.compared:
        here, other = (
            spec.SPLITS[content.shown.split_kind].title,
            spec.SPLITS[content.compared.split_kind].title,
        )
        # For "strict LODOCV" and "LODOCV", the difference is "Strict minus LODOCV".
        titles = (other, f"{other.removesuffix(here).rstrip()} minus {here}")
        first, second = (title[0].upper() + title[1:] for title in titles)
        every["compared"] = [
            (Column(first, of_measured), lambda line: _value(content, line.metric, line.compared)),
            (Column(second, of_difference), lambda line: _minus(content, line, line.compared, line.found)),
        ]
    return every


def _has_rates(content: TableContent) -> bool:
    """Whether the table shows rates of false positives or negatives: error rates on datasets of one class."""
    return content.metrics == ("error_rate",) and "classes" in content.table.show


def _factor(content: TableContent, metric: str) -> int:
    """Returns the factor from a measured value, or a size, to the unit in which it is shown."""
    in_percent = metric in spec.METRICS and spec.METRICS[metric].percent
    return 100 if content.table.values_as == "mean" and in_percent else 1


def _value(content: TableContent, metric: str, found: Measured | None) -> Cell:
    """Returns mean and standard deviation, or the mean alone, in the unit in which they are shown."""
    if found is None:
        return None
    factor, (mean, std) = _factor(content, metric), found.spread
    if content.table.values_as == "percent":
        return mean
    return factor * mean, None if std is None else factor * std


def _minus(content: TableContent, line: Line, one: Measured | None, other: Measured | None) -> Cell:
    """Returns one value of a line's metric minus another; None if either is missing."""
    if one is None or other is None:
        return None
    factor = _factor(content, line.metric)
    return factor * one.spread[0] - factor * other.spread[0]


def _weighted(content: TableContent, line: Line) -> Cell:
    name = line.metric.replace("macro_", "weighted_")
    known = name != line.metric and name in spec.METRICS
    return _value(content, name, content.measured(line.place, name)) if known else None


def _title(content: TableContent, line: Line) -> str:
    if line.metric not in spec.METRICS:
        return line.metric
    _, base = content.class_and_metric(line.place, line.metric)
    title = spec.METRICS[base if "class" in content.table.axes else line.metric].title
    if _has_rates(content):
        missed = content.results.paper.positive_class in classes_here(content.results, line.place.dataset)
        title = "False negatives" if missed else "False positives"
    return f"{title} {PERCENT_UNIT}" if _factor(content, line.metric) == 100 else title


def _bounds(content: TableContent, line: Line) -> tuple[float, float] | None:
    if line.found is None or not line.found.interval.defined:
        return None
    factor, interval = _factor(content, line.metric), line.found.interval
    return factor * interval.low, factor * interval.high


def _difference(content: TableContent, line: Line) -> float | None:
    """Returns the measured value minus the published one, if the two can be compared."""
    measured = line.found.spread[0] if line.found else line.size
    if line.printed is None or measured is None or math.isnan(measured):
        return None
    difference = _factor(content, line.metric) * measured - line.printed.value
    equal = line.size is not None and round(difference) == 0
    return difference if equal or not content.why_not_comparable(line) else None


def _difference_range(content: TableContent, line: Line) -> tuple[float, float] | None:
    """Returns the 95 % interval of the measured value minus the published one."""
    factor, compared = _factor(content, line.metric), comparison_of(content, line)
    if compared is None:
        return None
    low, high = compared.interval()
    return factor * low, factor * high


def _p_value(content: TableContent, line: Line) -> float | None:
    compared = comparison_of(content, line)
    return None if compared is None else compared.p_value


def _detectable(content: TableContent, line: Line) -> float | None:
    least = detectable_of(content, line)
    return None if least is None else _factor(content, line.metric) * least


KIND = TableKind(build=build, by_task=True)
