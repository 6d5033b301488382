"""Tables of metrics: any metric, by row, dataset, set, split, mask or class, published beside measured."""

from leukcnn import spec
from leukcnn.outputs.kind import Kept, TableKind
from leukcnn.outputs.metric_columns import columns_of
from leukcnn.outputs.metric_lines import Asked
from leukcnn.outputs.metric_notes import notes_of
from leukcnn.outputs.titles import framed, not_measured
from leukcnn.rendering.tables import Table
from leukcnn.results.results import Results


def build(table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns a table with a line for each metric at each place that its axes give.

    Published and measured figures stand beside each other, as `spec.Table` asks for it.

    Raises:
        ArgumentError: A metric is of one class, and the paper has no positive one.
    """
    asked = Asked(results, table)
    shown = columns_of(asked)
    rows = [[cell(line) for _, cell in shown] for line in asked.lines]
    if not rows and "classes" in table.show:
        rows = [("all", *not_measured("no dataset of one class is tested here", len(shown) - 1))]
    return framed(results, table, [column for column, _ in shown], rows, notes=notes_of(asked))


KIND = TableKind(build=build, by_task=True)
