"""The table of the pictures of each set, before and after augmentation."""

from leukcnn import spec
from leukcnn.outputs.kind import DATA, Kept, TableKind
from leukcnn.outputs.titles import framed
from leukcnn.rendering.tables import Cell, Column, Table
from leukcnn.results.results import Results


def build(table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns the pictures of each set before and after augmentation, published beside those here."""
    positive, counts = results.paper.positive_class, results.record.counts
    names = [positive, *(set(results.paper.classes) - {positive})]
    rows = []
    for part, printed in zip(("train", "validation", "test"), table.reference, strict=True):
        cells: list[Cell] = [printed[0]]
        for i, (stage, name) in enumerate((s, n) for s in ("before", "after") for n in names):
            cells += [printed[1 + i], counts.get(part, {}).get(stage, {}).get(name)]
        rows.append(tuple(cells))
    columns = ["Set"]
    for heading in table.columns[1:]:
        columns += [Column(f"{heading}, {of}", "integer") for of in ("published", "here")]
    notes = [f"Split by {results.record.split}; augmentation tops both classes up, the originals stay."]
    if not counts:
        notes.append(f"Not measured: {results.why_missing(results.paper.row_ids[0], 'test')}.")
    return framed(results, table, columns, rows, notes=notes)


KIND = TableKind(build=build, needs=DATA)
