"""The table of the pictures of each set, before and after augmentation."""

from leukcnn import spec
from leukcnn.outputs.kind import DATA, Kept, TableKind
from leukcnn.outputs.titles import framed
from leukcnn.rendering.tables import Cell, Column, Table
from leukcnn.results.results import Results


def build(table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns the pictures of each set before and after augmentation, published beside those here."""
    positive = results.paper.positive_class
    names = [positive, *(set(results.paper.classes) - {positive})]
    rows = []
    for part, printed in zip(("train", "validation", "test"), table.reference, strict=True):
        cells: list[Cell] = [printed[0]]
        for i, (stage, name) in enumerate((s, n) for s in ("before", "after") for n in names):
            cells += [printed[1 + i], results.record.counts[part].get(stage, {}).get(name)]
        rows.append(tuple(cells))
    columns = ["Set"]
    for heading in table.columns[1:]:
        columns += [Column(f"{heading}, published", "integer"), Column(f"{heading}, here", "integer")]
    notes = (f"Split by {results.record.split}; augmentation tops both classes up, the originals stay.",)
    return framed(results, table, columns, rows, notes=notes)


KIND = TableKind(build=build, needs=DATA)
