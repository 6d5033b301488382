"""A paper's tables and figures from an experiment: each kind is found by its name, and none is known here."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from leukcnn import spec
from leukcnn.errors import StoreError
from leukcnn.outputs.by_task import build_by_task
from leukcnn.outputs.captures import Captured, Own, key_of
from leukcnn.outputs.kind import NETWORKS, FigureKind, Kept, Material, TableKind
from leukcnn.outputs.written import note_files
from leukcnn.rendering.tables import Table
from leukcnn.results.results import Results
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
        faults: Takes why tables can't be built, and the others are; None to raise that.

    Raises:
        StoreError: The store can't be read.
    """
    tables = []
    for table in _wanted(results, results.paper.tables, only):
        with going_on(faults):
            tables.append(build_by_task(kind_of(table), table, results, Own(kept, table)))
    return tables


def build_figures(
    results: Results, folder: Path, *, only: str | None = None, faults: list[str] | None = None
) -> list[Path]:
    """Draws the paper's figures into `figures` below the experiment's folder, from the store alone.

    Those of rows that aren't trained are left out; `only` and `faults` are as in `build_tables`.
    """
    captured, paths = Captured(folder), []
    for figure in _wanted(results, results.paper.figures, only):
        with going_on(faults):
            paths += kind_of(figure).build(figure, results, Own(captured, figure), folder / "figures")
    return paths


def _wanted(results: Results, items: Sequence, only: str | None) -> list:
    return [item for item in items if only in (None, item.id, *results.paper.row_ids)]
