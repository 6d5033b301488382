"""A paper's tables, published beside measured, from an experiment's record and the store alone."""

from importlib import import_module

from leukcnn.outputs.by_task import build_by_task
from leukcnn.outputs.kind import Kept
from leukcnn.rendering.tables import Table
from leukcnn.results.results import Results
from leukcnn.spec.kinds import TABLES


def paper_tables(results: Results, *, only: str | None = None, topology: Kept | None = None) -> list[Table]:
    """Returns the paper's tables and those that stand beside them.

    Args:
        results: The experiment.
        only: Id of the one table to return; None or the id of a row for all.
        topology: What was kept for the tables; None where it isn't at hand.
    """
    wanted = [table for table in results.paper.tables if only in (None, table.id, *results.paper.row_ids)]
    kinds = [import_module(TABLES[table.kind]).KIND for table in wanted]
    return [
        build_by_task(kind, table, results, topology or {}) for kind, table in zip(kinds, wanted, strict=True)
    ]
