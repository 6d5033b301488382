"""The table of the number of images in each split, before and after augmentation."""

from leukcnn import spec
from leukcnn.outputs.kind import DATA, Kept, TableKind
from leukcnn.outputs.titles import framed
from leukcnn.rendering.formats import Cell
from leukcnn.rendering.tables import Column, Table
from leukcnn.results.results import Results


def build(table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns the number of images in each split, before and after augmentation, published and here."""
    positive, counts = results.paper.positive_class, results.record.counts
    if table.split not in ("", results.record.split):
        counts = {}
    names = [positive, *(set(results.paper.classes) - {positive})]
    rows: list[list[Cell]] = []
    for split, (title, *printed) in zip(("train", "validation", "test"), table.reference, strict=True):
        here = counts.get(split, {})
        found = [here.get(stage, {}).get(name) for stage in ("before", "after") for name in names]
        rows.append([title, *(cell for pair in zip(printed, found, strict=True) for cell in pair)])
    columns: list[Column | str] = ["Split"]
    for heading in table.columns[1:]:
        columns += [Column(f"{heading}, {source}", "integer") for source in ("published", "here")]
    notes = [
        f"Split by {results.record.split}. Augmentation adds images to both classes; the originals are kept."
    ]
    if not counts:
        why = "only the main split's images are counted" if results.record.counts else ""
        notes.append(f"Not measured: {why or results.why_missing(results.paper.row_ids[0], 'test')}.")
    return framed(results, table, columns, rows, notes=notes)


KIND = TableKind(build=build, needs=DATA)
