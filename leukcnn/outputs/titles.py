"""What tables and figures call rows, splits, datasets and images, and what frames them."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import numpy as np

from leukcnn import spec
from leukcnn.datasets import ImageIndex, card
from leukcnn.evaluation.controls import control_label
from leukcnn.rendering.tables import Cell, Table
from leukcnn.results.results import Results


def describe(index: ImageIndex, row: int) -> str:
    """Returns class and origin of an image: its subject or file, or its dataset where there are several."""
    name, dataset = index.class_names[index.labels[row]], card(str(index.dataset[row]))
    if len(np.unique(index.dataset)) > 1:
        return f"{name}, {dataset.name}"
    if dataset.groups_are != "subjects":
        return f"{name}, {file_stem(index.ids[row])}"
    return f"{name}, subject {index.group[row] or 'unknown'}"


def file_stem(image: str) -> str:
    """Returns the name of an image's file without its ending, from the image's id."""
    return PurePosixPath(str(image)).stem


def table_lines(results: Results, rows: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Returns id and label of what a table shows: the paper's rows, or some of them, and the controls."""
    paper = results.paper
    shown = [(row.id, row.label) for row in paper.rows if row.id in (rows or paper.row_ids)]
    return [*shown, *((name, control_label(name)) for name in paper.controls)]


def classes_here(results: Results, dataset: str) -> list[str]:
    """Returns the classes of which a dataset has images here."""
    return [name for name, n in results.record.datasets.get(dataset, {}).items() if n]


def dataset_title(results: Results, dataset: str) -> str:
    """Returns what tables call a tested dataset, or several joined by "+"; "" stands for all together."""
    if not dataset:
        return "all together"
    names = {key: card(key).name for key in dataset.split("+")}
    absent = [name for key, name in names.items() if key not in results.paper.datasets]
    which = "" if len(absent) == len(names) else f": {', '.join(absent)}"
    return " + ".join(names.values()) + (f" (not in the paper{which})" if absent else "")


def why_no_runs(results: Results, row: str, *, dataset: str = "", subset: str = "test") -> str:
    """Returns why a row has no figures on a tested dataset."""
    if row in results.record.missing:
        return results.record.missing[row]
    if dataset and not any(classes_here(results, key) for key in dataset.split("+")):
        return f"the data lack {' and '.join(card(key).name for key in dataset.split('+'))}"
    if dataset and dataset not in results.tested:
        return f"not tested by {spec.SPLITS[results.split_kind].title} here"
    if dataset in results.tasks:
        results = results.task(dataset)
    if subset == "within" and results.predictions[row]:
        return "this row has no cross-validation within a dataset"
    return results.why_missing(row, subset)


def state_of(why: str) -> str:
    """Returns the state of what was measured, "", or of what wasn't, and why."""
    return f"not measured: {why}" if why else "measured"


def not_measured(why: str, n: int) -> tuple[Cell, ...]:
    """Returns the last `n` cells of a row of which nothing was measured; the very last says why."""
    return (*[None] * (n - 1), state_of(why))


def not_trained(results: Results, left_out: Mapping[str, str]) -> list[str]:
    """Returns notes that name rows, id -> label, of which a table shows nothing: a note a reason."""
    labels: dict[str, list[str]] = {}
    for row, label in left_out.items():
        labels.setdefault(results.record.missing.get(row, ""), []).append(label)
    said = "Not trained in this run"
    return [f"{said}{f' ({why})' if why else ''}: {', '.join(of)}." for why, of in labels.items()]


def framed(
    results: Results, table: spec.Table, columns, rows, *, notes: Sequence[str] = (), measured: bool = True
) -> Table:
    """Returns a table of an experiment with its title, its notes and, where it rests on trials, its mark."""
    title = f"{table.where}: {table.title}" if table.where else table.title
    marks = ()
    if measured:
        notes = (*notes, "The assumptions that it rests on stand in the table 'assumptions'.")
        if results.record.not_comparable:
            marks = (f"NOT COMPARABLE WITH THE PAPER: {results.record.not_comparable}",)
    return Table(table.id, title, columns, rows, notes=(*notes, *table.notes), marks=marks)


def face(results: Results, figure: spec.Figure, more: str = "") -> dict[str, str]:
    """Returns the mark and the caption of a figure, which says `more` behind the title."""
    reason, title = results.record.not_comparable, figure.title + more
    return {
        "mark": f"Not comparable with the paper: {reason}" if reason else "",
        "caption": f"{figure.where}: {title}" if figure.where else title,
    }


def tested_title(results: Results, row: str, dataset: str) -> str:
    """Returns a row's label with the split and the datasets, joined by "+", on which it was tested."""
    title = results.paper.row(row).label
    if dataset:
        names = ", ".join(card(key).name for key in dataset.split("+"))
        title += f", {spec.SPLITS[results.split_kind].title} on {names}"
    if results.record.runs > 1:
        title += f", one of {results.record.runs} runs"
    return title
