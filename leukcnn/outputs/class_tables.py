"""Tables of several classes: scikit-learn's classification report, and the counts behind it."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from leukcnn import spec
from leukcnn.evaluation.controls import CONTROLS
from leukcnn.outputs.titles import framed, table_lines
from leukcnn.rendering.tables import Column, Table
from leukcnn.results.class_figures import measured_by_run
from leukcnn.results.comparison import MeanMetric, mean_cells, not_trained
from leukcnn.results.intervals import Interval
from leukcnn.results.metrics import confusion_matrix
from leukcnn.results.results import Results

# A report prints two decimals: .99 stands for all from .985 to .995.
_ROUNDING = 0.005
_NO_INTERVAL = "no interval"
_AVERAGES = {"macro avg": "macro", "weighted avg": "weighted"}
_TITLES = ("Precision", "Recall", "F1-score")
_OF_CLASS, _OF_ALL = ("precision", "sensitivity", "f1"), ("precision", "recall", "f1")


class _Line(NamedTuple):
    """A figure of a report.

    Attributes:
        of: Class, "accuracy", "macro avg" or "weighted avg".
        title: What the table calls the figure.
        metric: Its name in `leukcnn.results.metrics.METRICS`.
        position: Position of the class; None for a figure of all classes.
        place: Its place in a printed line behind the line's name.
    """

    of: str
    title: str
    metric: str
    position: int | None
    place: int


def report_table(results: Results, table: spec.Table) -> Table:
    """Returns precision, recall and F1-score of each class and of all, published beside measured.

    The published figures are those of the table's first row, as `table.reference` prints them: class or
    average, precision, recall, F1-score, support; "accuracy" stands in the column of the F1-score.
    """
    classes = results.paper.classes
    printed = {_class_name(line[0], classes): line[1:] for line in table.reference}
    published_row = _published_rows(results, table)[0]
    with_figures, left_out = _shown(results, table, published=(published_row,))
    rows, methods, without = [], {}, {}
    for row, label in with_figures:
        published = printed if row == published_row else {}
        runs = results.runs(row)
        for line in _lines(classes, control=row in CONTROLS):
            found = measured_by_run(results, row, line.metric, of_class=line.position or 0)
            of_line = published.get(line.of, (None,) * 4)
            cells = mean_cells(
                MeanMetric(line.metric, line.title, line.metric, 1, (0, 1)),
                _as_published(row, line.metric, of_line[line.place]),
                found.values if found else [],
                found and found.interval,
                marked=bool(results.record.not_comparable),
                not_measured="" if found else results.why_missing(row, "test"),
                rounding=_ROUNDING,
            )
            *others, verdict = cells[2:]
            if found and not found.interval.defined and verdict.endswith(found.interval.reason):
                without[f"{_NO_INTERVAL.capitalize()}: {found.interval.reason}."] = None
                verdict = f"not comparable: {_NO_INTERVAL}"
            here = _support(runs[0].label.tolist(), line.position) if runs else None
            rows.append((label, line.of, of_line[3], here, line.title, of_line[line.place], *others, verdict))
            if found and found.interval.defined:
                figure = line.title if line.position is None else f"{line.title} of a class"
                figure += f" ({line.of})" if line.of in _AVERAGES else ""
                methods.setdefault(found.interval.method, (found.interval, {}))[1][figure] = None
    columns = (
        "Network",
        "Class",
        Column("Support, published", "integer"),
        Column("Support, here", "integer"),
        Column("Metric"),
        Column("Published", "hundredths"),
        Column("Measured", "spread"),
        Column("95 % interval", "range"),
        Column("Difference", "change"),
        Column("Verdict"),
    )
    notes = [f"{', '.join(figures)}: {_described(one)}." for one, figures in methods.values()]
    notes += [*without, *not_trained(left_out)]
    if printed:
        notes.append(
            "Printed figures have two decimals: 'within' says that some figure that rounds to the printed "
            "one lies in the interval."
        )
    return framed(results, table, columns, rows, notes=tuple(notes))


def class_confusion_table(results: Results, table: spec.Table) -> Table:
    """Returns how often each class was taken for each class, in every run.

    Of the published matrix `table.reference` has the sum of each row: class, support. It is that of the rows
    that the table names, of the paper's first row where it names none.
    """
    classes = results.paper.classes
    printed = {_class_name(name, classes): support for name, support in table.reference}
    published_rows = _published_rows(results, table)
    with_figures, left_out = _shown(results, table, published=published_rows)
    rows = []
    for row, label in with_figures:
        published = printed if row in published_rows else {}
        runs = results.runs(row)
        for number, run in enumerate(runs, start=1):
            matrix = confusion_matrix(run.label, run.predicted, n_classes=len(classes))
            for name, counts in zip(classes, matrix.tolist(), strict=True):
                rows.append((label, number, name, published.get(name), sum(counts), *counts, "measured"))
        if not runs:
            state = f"not measured: {results.why_missing(row, 'test')}"
            for name in classes:
                rows.append((label, None, name, published.get(name), None, *[None] * len(classes), state))
    columns = (
        "Network",
        Column("Run", "integer"),
        "True class",
        Column("Support, published", "integer"),
        Column("Support, here", "integer"),
        *(Column(f"Taken for {name}", "integer") for name in classes),
        "State",
    )
    notes = not_trained(left_out)
    return framed(results, table, columns, rows, notes=tuple(notes))


def _shown(
    results: Results, table: spec.Table, *, published: Sequence[str]
) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Returns the lines with figures, published or measured, and why the other rows have none."""
    shown, left_out = [], {}
    for row, label in table_lines(results, table.rows):
        if results.predictions[row] or row in CONTROLS or row in published:
            shown.append((row, label))
        else:
            left_out[label] = results.record.missing.get(row, "")
    return shown, left_out


def _published_rows(results: Results, table: spec.Table) -> tuple[str, ...]:
    return table.rows or results.paper.row_ids[:1]


def _class_name(printed: str, classes: Sequence[str]) -> str:
    """Returns the class that a report names by its position; other names stay."""
    return classes[int(printed)] if printed.isdecimal() else printed


def _lines(classes: Sequence[str], *, control: bool) -> Iterator[_Line]:
    """Yields the figures of a report; of a control, few: more would hide the networks among them."""
    if not control:
        for position, name in enumerate(classes):
            for place, (title, metric) in enumerate(zip(_TITLES, _OF_CLASS, strict=True)):
                yield _Line(name, title, metric, position, place)
    yield _Line("accuracy", "Accuracy", "accuracy", None, 2)
    for of, average in _AVERAGES.items():
        for place, (title, metric) in enumerate(zip(_TITLES, _OF_ALL, strict=True)):
            if not control or (average, metric) == ("macro", "f1"):
                yield _Line(of, title, f"{average}_{metric}", None, place)


def _as_published(row: str, metric: str, figure: float | None) -> spec.Published | None:
    return None if figure is None else spec.Published(row, metric, figure)


def _support(labels: Sequence[int], position: int | None) -> int:
    return len(labels) if position is None else labels.count(position)


def _described(interval: Interval) -> str:
    """Returns the method of an interval in words; of Wilson's, each figure has its own number of pictures."""
    return "95 % Wilson interval over its pictures" if interval.method == "wilson" else interval.describe()
