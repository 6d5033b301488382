"""The table of the accuracy on each subject's images."""

from leukcnn import spec
from leukcnn.outputs.kind import Kept, TableKind
from leukcnn.outputs.titles import make_table, table_lines
from leukcnn.rendering.formats import Cell
from leukcnn.rendering.tables import Column, Table
from leukcnn.results.groups import GroupAccuracy, accuracy_per_group
from leukcnn.results.intervals import wilson_interval
from leukcnn.results.results import Results


def build(table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns the accuracy on each subject's images."""
    by_subject: dict[tuple[str, str], dict[str, GroupAccuracy]] = {}
    results = results.under(table.split)
    labels = dict(table_lines(results, table.rows))
    for row in labels:
        for subset in ("test", "external"):
            for predictions in results.runs(row, subset=subset)[:1]:
                for group in accuracy_per_group(predictions.label, predictions.predicted, predictions.group):
                    by_subject.setdefault((subset, group.group), {})[row] = group
    rows = []
    for (subset, subject), by_row in by_subject.items():
        cells: list[Cell] = [subset, subject or "unknown", next(iter(by_row.values())).n]
        for row in labels:
            if row not in by_row:
                cells += [None, None]
                continue
            group = by_row[row]
            interval = wilson_interval(group.correct, group.n)
            cells += [group.accuracy, (interval.low, interval.high)]
        rows.append(tuple(cells))
    columns: list[Column | str] = ["Subset", "Subject", Column("Cells", "integer")]
    for label in labels.values():
        columns += [Column(label, "percent"), Column(f"{label}, 95 % interval", "interval")]
    first_run = ["First run only."] if results.record.runs > 1 else []
    notes = ("Intervals: Wilson, over the cells of each subject.", *first_run)
    return make_table(results, table, columns, rows, notes=notes, subsets=("test", "external"))


KIND = TableKind(build=build)
