"""Builds a paper's tables and figures from an experiment; the module of each kind is found by its name."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar, overload

from leukcnn import spec
from leukcnn.counting import Count
from leukcnn.errors import StoreError
from leukcnn.evaluation.controls import CONTROLS, control_label
from leukcnn.outputs.captures import Captured, key_of
from leukcnn.outputs.kind import NETWORKS, FigureKind, Kept, Material, TableKind
from leukcnn.outputs.shape import stacked
from leukcnn.outputs.titles import dataset_title, why_no_runs
from leukcnn.records import note_files
from leukcnn.rendering.figure_files import figures_as
from leukcnn.rendering.tables import Column, Table
from leukcnn.results.results import Results
from leukcnn.spec.kinds import FIGURES, TABLES

_NOTHING_KEPT: Kept = MappingProxyType({})
_Item = TypeVar("_Item", spec.Table, spec.Figure)


@overload
def kind_of(item: spec.Table) -> TableKind: ...


@overload
def kind_of(item: spec.Figure) -> FigureKind: ...


def kind_of(item: spec.Table | spec.Figure) -> TableKind | FigureKind:
    """Returns the kind of a table or figure, from the module that builds it."""
    if isinstance(item, spec.Table):
        return import_module(TABLES[item.kind].module).KIND.of(item)
    return import_module(FIGURES[item.kind].module).KIND


def capture(material: Material, folder: Path, *, trained: bool, faults: list[str] | None = None) -> None:
    """Makes and keeps the captures of a paper's tables and figures, unless they are kept already.

    Args:
        material: The trials and the images.
        folder: The experiment's folder.
        trained: True for the captures that need trained networks, False for the others.
        faults: As in `build_tables`.
    """
    paper, captured = material.results.paper, Captured(folder)
    paths: list[Path] = []
    for items in (paper.tables, paper.figures):
        for item in items:
            with going_on(faults):
                paths += _keep(item, material, captured, trained=trained)
    note_files(folder, paths)


def _keep(
    item: spec.Table | spec.Figure, material: Material, captured: Captured, *, trained: bool
) -> Iterator[Path]:
    """Makes and keeps the captures of a table or figure; yields their files."""
    kind: TableKind | FigureKind = kind_of(item)
    if kind.capture is not None and (kind.needs == NETWORKS) == trained:
        # mypy can't see that the kind belongs to the item.
        for one in kind.capture(item, material):  # type: ignore[arg-type]
            yield captured.keep(one, of=key_of(item))


@contextmanager
def going_on(faults: list[str] | None) -> Iterator[None]:
    """Adds a StoreError of the block to `faults` once and goes on; raises the error if `faults` is None."""
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
    without: str = "",
    faults: list[str] | None = None,
) -> list[Table]:
    """Returns the paper's tables and the additional ones, from the store alone.

    Args:
        results: The experiment.
        kept: Its captures, `Captured` of its folder.
        only: Id of the only table to return; None or the id of a row for all.
        without: Id of a table to leave out, which was built already.
        faults: List to which the reason is added for each table that can't be built; None raises the
            StoreError instead.
    """
    tables = []
    for table in _wanted(results, results.paper.tables, only):
        if table.id == without:
            continue
        with going_on(faults):
            own = kept.seen_by(table) if isinstance(kept, Captured) else kept
            tables.append(_by_task(kind_of(table), table, results, own))
    return tables


def _by_task(kind: TableKind, table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns a table, with its lines repeated for each dataset that is cross-validated by itself.

    This applies to kinds that show one task alone (`TableKind.by_task`). Published values name their dataset,
    and lines of `table.reference` begin with its key; a dataset that they name has lines even if it isn't
    tested here.
    """
    shown = results.under(table.split)
    separate = any(row.setup.split.per_dataset for row in results.paper.rows) or shown.tasks
    if not kind.by_task or "dataset" in table.axes or not separate:
        return kind.build(table, results, kept)
    named = [*(p.dataset for p in table.published if p.dataset), *(line[0] for line in table.reference)]
    blocks, rows, labels = {}, [], {*map(control_label, CONTROLS)}
    marks: list[Sequence[str]] = []
    titles = {task: dataset_title(shown, task) for task in dict.fromkeys((*named, *shown.tasks))}
    for task in titles:
        of_task = results.task(task)
        if task not in shown.tasks:
            missing = {**results.record.missing, "test": why_no_runs(shown, "", dataset=task)}
            of_task = replace(of_task, record=replace(of_task.record, missing=missing))
        published = tuple(replace(p, dataset="") for p in table.published if p.dataset == task)
        reference = tuple(line[1:] for line in table.reference if line[0] == task)
        own = replace(table, published=published, reference=reference, columns=table.columns[1:])
        block = kind.build(own, of_task, kept)
        # A dataset that isn't tested is listed for its published values; controls have none.
        here = task in shown.tasks
        own_rows = [(titles[task], *row) for row in block.rows if here or labels.isdisjoint(row)]
        rows += own_rows
        marks += [block.every_mark if here or not shown.tasks else ()] * len(own_rows)
        blocks[task] = block
    # Each note appears once; a note that doesn't apply to all datasets names its own.
    notes = dict.fromkeys(note for block in blocks.values() for note in block.notes)
    having = {note: [titles[task] for task, block in blocks.items() if note in block.notes] for note in notes}
    of_some = [f"{', '.join(titles)}: {note}" for note, titles in having.items() if len(titles) < len(blocks)]
    of_all = [note for note, titles in having.items() if len(titles) == len(blocks)]
    first = next(iter(blocks.values()))
    # A mark of every tested dataset is the table's; others belong to the rows of their datasets.
    tested = [block.every_mark for task, block in blocks.items() if task in shown.tasks or not shown.tasks]
    shared = [mark for mark in tested[0] if all(mark in other for other in tested)]
    shapes = {titles[task]: block.shape for task, block in blocks.items() if block.shape}
    return replace(
        first,
        columns=(Column("Dataset"), *first.columns),
        rows=rows,
        shape=stacked(shapes) if shapes else None,
        notes=[*of_some, *of_all],
        marks=shared,
        row_marks=["; ".join(mark for mark in own if mark not in shared) for own in marks],
    )


def build_figures(
    results: Results,
    folder: Path,
    *,
    only: str | None = None,
    faults: list[str] | None = None,
    form: str | None = None,
    count: Count = lambda done, total: None,
) -> list[Path]:
    """Plots the paper's figures into the folder `figures` of the experiment's folder, from the store alone.

    Figures of rows that aren't trained are left out; `only` and `faults` are as in `build_tables`. `form` is
    one of `leukcnn.rendering.figure_files.FORMS`, None for that of the files that are there. `count` is
    called before each figure.

    Returns:
        The PNG files, then the others.
    """
    captured = Captured(folder)
    paths: list[Path] = []
    wanted = _wanted(results, results.paper.figures, only)
    with figures_as(form) as files:
        for done, figure in enumerate(wanted):
            count(done, len(wanted))
            with going_on(faults):
                own = captured.seen_by(figure)
                paths += kind_of(figure).build(figure, results, own, folder / "figures")
    return [*paths, *(path for path in files.written if path not in paths)]


def _wanted(results: Results, items: Sequence[_Item], only: str | None) -> list[_Item]:
    return [item for item in items if only in (None, item.id, *results.paper.row_ids)]
