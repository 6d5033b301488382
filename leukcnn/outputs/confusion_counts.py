"""Tables of confusion matrices: how often each true class was predicted as each class, in every run."""

from leukcnn import spec
from leukcnn.evaluation.controls import CONTROLS
from leukcnn.outputs.kind import Kept, TableKind
from leukcnn.outputs.titles import make_table, not_measured, not_trained, table_lines
from leukcnn.rendering.tables import Column, Table
from leukcnn.results.metrics import balanced_matrix, confusion_matrix
from leukcnn.results.results import Results


def build(table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns true and false positives and negatives on each of `table.subsets`, or the test set's matrix.

    `table.reference` holds the support of each class in the published matrix: class, support. It belongs to
    the rows that the table names or, if it names none, to the paper's first row.
    """
    results = results.under(table.split)
    return _by_subset(table, results) if table.subsets else _by_class(table, results)


def _by_subset(table: spec.Table, results: Results) -> Table:
    """Returns true and false positives and negatives on every subset and in every run."""
    positive, rows = results.positive, []
    for row, label in table_lines(results, table.rows):
        for subset in table.subsets:
            for number, run in enumerate(results.runs(row, subset=subset), start=1):
                negative = [(classes != positive).astype(int) for classes in (run.label, run.predicted)]
                matrix = confusion_matrix(*negative, n_classes=2)
                expected = balanced_matrix(matrix) if subset == "balanced" else matrix
                rows.append((label, subset, number, *map(_count, expected.ravel().tolist())))
    titles = ("True positives", "False negatives", "False positives", "True negatives")
    counts = [Column(title, "number") for title in titles]
    columns: list[Column | str] = ["Network", "Subset", Column("Run", "integer"), *counts]
    balanced = ("Balanced: the mean counts over all subsets with equally many images of each class.",)
    here = balanced if "balanced" in table.subsets else ()
    notes = (f"Positive: {results.paper.positive_class}.", *here)
    return make_table(results, table, columns, rows, notes=notes, subsets=table.subsets)


def _count(value: int | float) -> int | float:
    """Returns a whole number as an integer; mean counts have one decimal."""
    rounded = round(value, 1)
    return int(rounded) if rounded == int(rounded) else rounded


def _by_class(table: spec.Table, results: Results) -> Table:
    classes = results.paper.classes
    printed = {classes[int(name)] if name.isdecimal() else name: n for name, n in table.reference}
    published_rows = table.rows or results.paper.row_ids[:1]
    rows, left_out = [], {}
    for row, label in table_lines(results, table.rows):
        runs, published = results.runs(row), printed if row in published_rows else {}
        if not (results.has_values(row) or row in CONTROLS or row in published_rows):
            left_out[row] = label
            continue
        for number, run in enumerate(runs, start=1):
            matrix = confusion_matrix(run.label, run.predicted, n_classes=len(classes))
            for name, counts in zip(classes, matrix.tolist(), strict=True):
                rows.append((label, number, name, published.get(name), sum(counts), *counts, "measured"))
        nothing = not_measured(results.why_missing(row, "test"), len(classes) + 2)
        rows += [(label, None, name, published.get(name), *nothing) for name in classes if not runs]
    # Without published numbers, that column is empty.
    support = Column("Support, published", "integer", csv_only=not printed)
    titles = ("Support, here", *(f"Predicted {name}" for name in classes))
    counts = [support, *(Column(title, "integer") for title in titles)]
    state = Column("State", csv_only=all(row[-1] == "measured" for row in rows))
    columns = ("Network", Column("Run", "integer"), "True class", *counts, state)
    return make_table(results, table, columns, rows, notes=not_trained(results, left_out))


KIND = TableKind(build=build, by_task=True)
