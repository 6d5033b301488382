"""A paper's tables, published beside measured, from an experiment's record and the store alone."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from leukcnn import spec
from leukcnn.evaluation.controls import CONTROLS, control_label
from leukcnn.outputs.class_tables import class_confusion_table, report_table
from leukcnn.outputs.dataset_tables import datasets_table
from leukcnn.outputs.fold_tables import folds_table
from leukcnn.outputs.layer_tables import layers_table
from leukcnn.outputs.log_tables import log_table
from leukcnn.outputs.mask_tables import mask_scores_table
from leukcnn.outputs.run_tables import runs_table
from leukcnn.outputs.score_tables import (
    confusion_table,
    counts_table,
    external_table,
    leaderboard_table,
    reference_table,
    scores_table,
    subjects_table,
)
from leukcnn.outputs.shortcut_tables import shortcut_table, single_class_table
from leukcnn.outputs.split_tables import masks_table, splits_table
from leukcnn.outputs.t_test_tables import runs_t_test_table, t_test_table
from leukcnn.outputs.time_tables import times_table
from leukcnn.outputs.titles import dataset_title, why_no_runs
from leukcnn.rendering.tables import Table
from leukcnn.results.results import Results


def paper_tables(
    results: Results, *, only: str | None = None, topology: Mapping[str, Any] | None = None
) -> list[Table]:
    """Returns the paper's tables and those that stand beside them.

    Args:
        results: The experiment.
        only: Id of the one table to return; None or the id of a row for all.
        topology: What the experiment's `leukcnn.outputs.sketches.Sketches` keep of the networks, for the
            tables of layers, and of the masks of white cells; None where it isn't at hand.
    """
    wanted = [table for table in results.paper.tables if only in (None, table.id, *results.paper.row_ids)]
    return [_build(results, table, topology or {}) for table in wanted]


def _build(results: Results, table: spec.Table, topology: Mapping[str, Any]) -> Table:
    if table.kind in _FROM_SKETCHES:
        return _FROM_SKETCHES[table.kind](results, table, topology.get(table.id))
    apart = any(row.setup.split.apart for row in results.paper.rows)
    if table.kind in _OF_ONE_TASK and (apart or results.under(table.split).tasks):
        return _by_task(_BUILDERS[table.kind], results, table)
    return _BUILDERS[table.kind](results, table)


def _by_task(build: Callable[[Results, spec.Table], Table], results: Results, table: spec.Table) -> Table:
    """Returns a table whose lines stand once for each dataset that is cross-validated by itself.

    Published figures name their dataset, and lines of `table.reference` begin with its key; datasets that
    they name and that aren't tested here have lines, too.
    """
    shown = results.under(table.split)
    named = [*(p.dataset for p in table.published if p.dataset), *(line[0] for line in table.reference)]
    parts = {}
    for task in dict.fromkeys((*named, *shown.tasks)):
        of_task = results.task(task)
        if task not in shown.tasks:
            missing = {**results.record.missing, "test": why_no_runs(shown, "", dataset=task)}
            of_task = replace(of_task, record=replace(of_task.record, missing=missing))
        own = replace(
            table,
            published=tuple(replace(p, dataset="") for p in table.published if p.dataset == task),
            reference=tuple(line[1:] for line in table.reference if line[0] == task),
        )
        parts[task] = build(of_task, own)
    rows = [
        (dataset_title(shown, task), *row)
        for task, part in parts.items()
        for row in part.rows
        # What isn't tested stands there for the sake of its published figures, and controls have none.
        if task in shown.tasks or not {*map(control_label, CONTROLS)}.intersection(row)
    ]
    first = next(iter(parts.values()))
    titles = {task: dataset_title(shown, task) for task in parts}
    return replace(first, columns=("Dataset", *first.columns), rows=rows, notes=_shared_notes(parts, titles))


def _shared_notes(parts: Mapping[str, Table], titles: Mapping[str, str]) -> list[str]:
    """Returns the notes of tables, each once; one that isn't under all names those that it is of."""
    every = dict.fromkeys(note for part in parts.values() for note in part.notes)
    own = {note: [titles[task] for task, part in parts.items() if note in part.notes] for note in every}
    of_some = [f"{', '.join(of)}: {note}" for note, of in own.items() if len(of) < len(parts)]
    return [*of_some, *(note for note, of in own.items() if len(of) == len(parts))]


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


_FROM_SKETCHES: Mapping[str, Callable[[Results, spec.Table, Mapping[str, Any] | None], Table]] = {
    "layers": layers_table,
    "mask_scores": mask_scores_table,
}
# These know nothing of datasets that are cross-validated each by itself.
_OF_ONE_TASK = ("scores", "folds", "t_test", "confusion", "report", "class_confusion", "splits", "masks")
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
    "times": times_table,
}
