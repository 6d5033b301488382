"""Tables as the paper prints them, with a column of measured values for some of the rows."""

from leukcnn import spec
from leukcnn.outputs.kind import NOTHING, Kept, TableKind
from leukcnn.outputs.titles import framed
from leukcnn.rendering.tables import Column, Table
from leukcnn.results.measure import is_over_folds, measure
from leukcnn.results.results import Results


def build(table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns the printed table, with the measured value in the rows that are measured here."""
    formats = ["number" if isinstance(cell, float) else "text" for cell in table.reference[0]]
    columns = list(map(Column, table.columns, formats))
    rows = [tuple(str(cell) if isinstance(cell, int) else cell for cell in row) for row in table.reference]
    if not table.measured:
        notes = ("As printed in the paper. Nothing in this table is measured here.",)
        return framed(results, table, columns, rows, notes=notes, measured=False)
    shown = results.under(table.split)
    percent = {spec.METRICS[metric].percent for _, _, metric in table.measured}
    unit = " (fractions in %)" if len(percent) > 1 else " (%)" if percent == {True} else ""
    for subset in table.subsets or ("test",):
        how = "test set" if subset == "test" else f"{subset} test set"
        if subset == "test" and shown.split_kind not in spec.HOLDOUT_KINDS:
            how = "mean over the folds" if is_over_folds(shown) else "all folds together"
        measured = {}
        for first, row, metric in table.measured:
            found = measure(shown, row, metric, subset=subset)
            factor = 100 if spec.METRICS[metric].percent else 1
            measured[first] = found and factor * found.spread[0]
        rows = [(*row, measured.get(row[0])) for row in rows]
        columns.append(Column(f"Measured here{unit}, {how}", "quantity"))
    return framed(results, table, columns, rows, notes=("The other rows are as printed in the paper.",))


KIND = TableKind(build=build, needs=NOTHING)
