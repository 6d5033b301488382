"""Tables whose lines stand once for each dataset that is cross-validated by itself."""

from dataclasses import replace

from leukcnn import spec
from leukcnn.evaluation.controls import CONTROLS, control_label
from leukcnn.outputs.kind import Kept, TableKind
from leukcnn.outputs.titles import dataset_title, why_no_runs
from leukcnn.rendering.tables import Table
from leukcnn.results.results import Results


def build_by_task(kind: TableKind, table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns a table; its lines stand once for each dataset that is cross-validated by itself.

    They do where the kind's tables know of one dataset alone, and the paper has datasets that are
    cross-validated by themselves. Published figures name their dataset, and lines of `table.reference` begin
    with its key; datasets that they name and that aren't tested here have lines, too.
    """
    shown = results.under(table.split)
    apart = any(row.setup.split.apart for row in results.paper.rows) or shown.tasks
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
    return replace(first, columns=("Dataset", *first.columns), rows=rows, notes=[*of_some, *of_all])
