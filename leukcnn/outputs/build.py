"""A paper's tables and figures from an experiment: each kind is found by its name, and none is known here."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from leukcnn import spec
from leukcnn.errors import StoreError
from leukcnn.evaluation.controls import CONTROLS, control_label
from leukcnn.outputs.captures import Captured, key_of
from leukcnn.outputs.kind import NETWORKS, FigureKind, Kept, Material, TableKind
from leukcnn.outputs.titles import dataset_title, why_no_runs
from leukcnn.rendering.tables import Column, Table
from leukcnn.results.results import Results
from leukcnn.runs import note_files
from leukcnn.spec.kinds import FIGURES, TABLES

_NOTHING_KEPT = MappingProxyType({})


def kind_of(item: spec.Table | spec.Figure) -> TableKind | FigureKind:
    """Returns what a table's or a figure's kind is, from the module that makes it."""
    if isinstance(item, spec.Table):
        return import_module(TABLES[item.kind].module).KIND.of(item)
    return import_module(FIGURES[item.kind].module).KIND


def capture(material: Material, folder: Path, *, trained: bool) -> None:
    """Keeps what a paper's tables and figures need in the experiment's folder, unless it is there already.

    Before the training that is what needs no trained network, after it what does.
    """
    paper, captured, paths = material.results.paper, Captured(folder), []
    for item in (*paper.tables, *paper.figures):
        kind = kind_of(item)
        if kind.capture is not None and (kind.needs == NETWORKS) == trained:
            for one in kind.capture(item, material):
                paths.append(captured.keep(one, of=key_of(item)))
    note_files(folder, paths)


@contextmanager
def going_on(faults: list[str] | None) -> Iterator[None]:
    """Adds why the store can't be read to `faults`, once, and goes on behind the block; None raises it."""
    try:
        yield
    except StoreError as error:
        if faults is None:
            raise
        if str(error) not in faults:
            faults.append(str(error))


def build_tables(
    results: Results,
    kept: Kept = _NOTHING_KEPT,
    *,
    only: str | None = None,
    faults: list[str] | None = None,
) -> list[Table]:
    """Returns the paper's tables and those that stand beside them, from the store alone.

    Args:
        results: The experiment.
        kept: What was captured for it, `Captured` of its folder.
        only: Id of the one table to return; None or the id of a row for all.
        faults: Takes why tables can't be built, and the others are; None to raise that StoreError.
    """
    tables = []
    for table in _wanted(results, results.paper.tables, only):
        with going_on(faults):
            own = kept.seen_by(table) if isinstance(kept, Captured) else kept
            tables.append(_by_task(kind_of(table), table, results, own))
    return tables


def _by_task(kind: TableKind, table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns a table; its lines stand once for each dataset that is cross-validated by itself.

    They do where the kind's tables know of one dataset alone, and the paper has datasets that are
    cross-validated by themselves. Published figures name their dataset, and lines of `table.reference` begin
    with its key; datasets that they name and that aren't tested here have lines, too.
    """
    shown = results.under(table.split)
    apart = any(row.setup.split.per_dataset for row in results.paper.rows) or shown.tasks
    if not kind.by_task or "dataset" in table.axes or not apart:
        return kind.build(table, results, kept)
    named = [*(p.dataset for p in table.published if p.dataset), *(line[0] for line in table.reference)]
    parts, rows, labels = {}, [], {*map(control_label, CONTROLS)}
    for task in dict.fromkeys((*named, *shown.tasks)):
        of_task, title = results.task(task), dataset_title(shown, task)
        if task not in shown.tasks:
            missing = {**results.record.missing, "test": why_no_runs(shown, "", dataset=task)}
            of_task = replace(of_task, record=replace(of_task.record, missing=missing))
        published = tuple(replace(p, dataset="") for p in table.published if p.dataset == task)
        reference = tuple(line[1:] for line in table.reference if line[0] == task)
        own = replace(table, published=published, reference=reference, columns=table.columns[1:])
        part = kind.build(own, of_task, kept)
        # What isn't tested stands there for the sake of its published figures, and controls have none.
        rows += [(title, *row) for row in part.rows if task in shown.tasks or labels.isdisjoint(row)]
        parts[title] = part
    # Each note once; one that isn't under all names those that it is of.
    notes = dict.fromkeys(note for part in parts.values() for note in part.notes)
    whose = {note: [title for title, part in parts.items() if note in part.notes] for note in notes}
    of_some = [f"{', '.join(of)}: {note}" for note, of in whose.items() if len(of) < len(parts)]
    of_all = [note for note, of in whose.items() if len(of) == len(parts)]
    first = next(iter(parts.values()))
    return replace(first, columns=(Column("Dataset"), *first.columns), rows=rows, notes=[*of_some, *of_all])


def build_figures(
    results: Results, folder: Path, *, only: str | None = None, faults: list[str] | None = None
) -> list[Path]:
    """Draws the paper's figures into `figures` below the experiment's folder, from the store alone.

    Those of rows that aren't trained are left out; `only` and `faults` are as in `build_tables`.
    """
    captured, paths = Captured(folder), []
    for figure in _wanted(results, results.paper.figures, only):
        with going_on(faults):
            own = captured.seen_by(figure)
            paths += kind_of(figure).build(figure, results, own, folder / "figures")
    return paths


def _wanted(results: Results, items: Sequence, only: str | None) -> list:
    return [item for item in items if only in (None, item.id, *results.paper.row_ids)]
