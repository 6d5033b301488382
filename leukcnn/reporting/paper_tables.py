"""A paper's tables, published beside measured, from an experiment's record and the store alone."""

from collections.abc import Callable, Mapping
from typing import Any

from leukcnn import spec
from leukcnn.reporting.class_tables import class_confusion_table, report_table
from leukcnn.reporting.dataset_tables import datasets_table
from leukcnn.reporting.fold_tables import folds_table
from leukcnn.reporting.layer_tables import layers_table
from leukcnn.reporting.log_tables import log_table
from leukcnn.reporting.results import Results
from leukcnn.reporting.run_tables import runs_table
from leukcnn.reporting.score_tables import (
    confusion_table,
    counts_table,
    external_table,
    leaderboard_table,
    reference_table,
    scores_table,
    subjects_table,
)
from leukcnn.reporting.shortcut_tables import shortcut_table, single_class_table
from leukcnn.reporting.split_tables import masks_table, splits_table
from leukcnn.reporting.t_test_tables import runs_t_test_table, t_test_table
from leukcnn.reporting.tables import Table


def paper_tables(
    results: Results, *, only: str | None = None, topology: Mapping[str, Any] | None = None
) -> list[Table]:
    """Returns the paper's tables and those that stand beside them.

    Args:
        results: The experiment.
        only: Id of the one table to return; None or the id of a row for all.
        topology: What the experiment's `leukcnn.reporting.sketches.Sketches` keep of the networks, for the
            tables of layers; None where it isn't at hand.
    """
    wanted = [table for table in results.paper.tables if only in (None, table.id, *results.paper.row_ids)]
    return [_build(results, table, topology or {}) for table in wanted]


def _build(results: Results, table: spec.Table, topology: Mapping[str, Any]) -> Table:
    if table.kind == "layers":
        return layers_table(results, table, topology.get(table.id))
    return _BUILDERS[table.kind](results, table)


def assumption_table(results: Results) -> Table:
    """Returns the assumptions with the values of this experiment, and what is amiss in the paper."""
    paper, record = results.paper, results.record
    rows = []
    for assumption in paper.assumptions:
        value = paper.assumed_value(assumption.name, profile=record.profile, assumed=record.assumed)
        changed = "yes" if assumption.name in record.assumed else "no"
        rows.append((assumption.name, value, changed, assumption.reason, assumption.where))
    columns = ["Assumption", "Value", "Overridden", "Reason", "Where"]
    notes = ("Override with --assume NAME=VALUE.", *(f"{f.where}: {f.text}" for f in paper.findings))
    return Table(
        "assumptions", "Assumptions, where the paper leaves a detail open", columns, rows, notes=notes
    )


_BUILDERS: Mapping[str, Callable[[Results, spec.Table], Table]] = {
    "counts": counts_table,
    "datasets": datasets_table,
    "scores": scores_table,
    "folds": folds_table,
    "t_test": t_test_table,
    "confusion": confusion_table,
    "external": external_table,
    "subjects": subjects_table,
    "leaderboard": leaderboard_table,
    "reference": reference_table,
    "runs": runs_table,
    "runs_t_test": runs_t_test_table,
    "single_class": single_class_table,
    "shortcut": shortcut_table,
    "report": report_table,
    "class_confusion": class_confusion_table,
    "log": log_table,
    "splits": splits_table,
    "masks": masks_table,
}
