"""Titles of rows, splits, datasets and images; and the notes, marks and captions of tables and figures."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import PurePosixPath
from typing import TypedDict

import numpy as np

from leukcnn import spec
from leukcnn.datasets import ImageIndex, card
from leukcnn.datasets.genuine import WHY_NOT_COUNTED
from leukcnn.evaluation.controls import CONTROLS, control_label
from leukcnn.records import PlannedTrial
from leukcnn.rendering.formats import Cell
from leukcnn.rendering.tables import Column, Table
from leukcnn.results.results import Results

NOT_COMPARABLE = "NOT COMPARABLE WITH THE PAPER"
"""Begin of the mark of what can't be compared; the name of a dataset and the reason follow."""
SHARED = "†"
"""Mark of a value that leaves out external images which are shared with training."""


class MarkAndCaption(TypedDict):
    """Texts around a figure: "mark" says why it isn't comparable with the paper ("" if it is); "caption"."""

    mark: str
    caption: str


def describe(index: ImageIndex, row: int) -> str:
    """Returns class and origin of an image: its dataset if there are several, else its subject or file.

    The file is named only if the dataset has no subjects.
    """
    name, dataset = index.class_names[index.labels[row]], card(str(index.dataset[row]))
    if len(np.unique(index.dataset)) > 1:
        return f"{name}, {dataset.name}"
    if dataset.groups_are != "subjects":
        return f"{name}, {file_stem(index.ids[row])}"
    return f"{name}, subject {index.group[row] or 'unknown'}"


def file_stem(image: str) -> str:
    """Returns the name of an image's file without its extension, from the image's id."""
    return PurePosixPath(str(image)).stem


def table_lines(results: Results, rows: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Returns id and label of the rows that a table shows (all if `rows` is empty), and of the controls."""
    paper = results.paper
    shown = [(row.id, row.label) for row in paper.rows if row.id in (rows or paper.row_ids)]
    return [*shown, *((name, control_label(name)) for name in paper.controls)]


def classes_here(results: Results, dataset: str) -> list[str]:
    """Returns the classes of a dataset that have images in this run."""
    return [name for name, n in results.record.datasets.get(dataset, {}).items() if n]


def dataset_title(results: Results, dataset: str) -> str:
    """Returns the title of a tested dataset, or of several joined by "+"; "" is all together."""
    if not dataset:
        return "all together"
    names = {key: card(key).name for key in dataset.split("+")}
    absent = [name for key, name in names.items() if key not in results.paper.datasets]
    which = "" if len(absent) == len(names) else f": {', '.join(absent)}"
    return " + ".join(names.values()) + (f" (not in the paper{which})" if absent else "")


def why_no_runs(results: Results, row: str, *, dataset: str = "", subset: str = "test") -> str:
    """Returns why a row has no results on a tested dataset."""
    if row in results.record.missing:
        return results.record.missing[row]
    if dataset and not any(classes_here(results, key) for key in dataset.split("+")):
        return f"the data lack {' and '.join(card(key).name for key in dataset.split('+'))}"
    kind = results.split_kind
    run_here = any(trial.split == kind for trial in results.record.trials)
    together = run_here and not results.tested and kind in spec.KFOLD_KINDS
    if dataset and not together and dataset not in results.tested:
        return f"not tested by {spec.SPLITS[kind].title} here"
    results = results.testing(dataset)
    if subset == "within" and results.predictions[row]:
        return "this row has no cross-validation within a dataset"
    return results.why_missing(row, subset)


def state_of(why: str) -> str:
    """Returns "measured", or "not measured" with the reason if `why` isn't empty."""
    return f"not measured: {why}" if why else "measured"


def not_measured(why: str, n: int) -> tuple[Cell, ...]:
    """Returns the last `n` cells of a row without measured values; the last of them says why."""
    return (*[None] * (n - 1), state_of(why))


def not_trained(results: Results, left_out: Mapping[str, str]) -> list[str]:
    """Returns notes that name untrained rows, id -> label: one note for each reason.

    Semicolons separate the labels, since a label may contain a comma. Rows that the profile doesn't train
    are named with the option that trains them.
    """
    profile = results.paper.profile(results.record.profile)
    labels: dict[str, list[str]] = {}
    optional: list[str] = []
    damaged = {trial.row for trial in results.damaged}
    for row, label in left_out.items():
        # A mark names damaged trials.
        if row in damaged:
            continue
        if row not in results.record.missing and profile.leaves_out(row):
            optional.append(row)
        else:
            labels.setdefault(results.record.missing.get(row, ""), []).append(label)
    notes = [
        f"Not trained in this run{f' ({why})' if why else ''}: {'; '.join(of)}." for why, of in labels.items()
    ]
    if optional:
        named = "; ".join(left_out[row] for row in optional)
        one = f"ROW trains one: {', '.join(optional)}" if len(optional) > 1 else f"{optional[0]} trains it"
        notes.append(f"Not trained in the {profile.name} profile: {named} (--only {one}).")
    return notes


def make_table(
    results: Results,
    table: spec.Table,
    columns: Sequence[Column | str],
    rows: Sequence[Sequence[Cell]],
    *,
    notes: Sequence[str] = (),
    measured: bool = True,
    subsets: Sequence[str] = (),
) -> Table:
    """Returns a table with its title and notes and, if it shows measured values, its marks.

    `subsets` are those that it shows: a mark and a note say what the external set shares with training.
    `mark_rows` marks rows that show one dataset.
    """
    title = f"{table.where}: {table.title}" if table.where else table.title
    marks: tuple[str, ...] = ()
    if measured:
        notes = (*notes, *_on_published_images(results), *_diverged(results, table))
        notes = (*notes, "The table 'assumptions' lists the assumptions that were made.")
        everywhere, by_place = _why_not_comparable(results)
        marks = (*everywhere, *by_place.values())
        if left_out := _left_out(results, table.rows):
            marks = (*marks, f"INCOMPLETE: {left_out}")
        for subset in [name for name in ("external", "final") if name in subsets]:
            if shared := results.overlap(subset=subset):
                marks += (f"THE {subset.upper()} SET SHARES IMAGES WITH TRAINING: {shared.describe()}",)
                notes = (*_on_left_out(results, subset), *notes)
    return Table(table.id, title, columns, rows, notes=(*notes, *table.notes), marks=marks)


def mark_rows(table: Table, results: Results, on: Sequence[tuple[str, str] | None]) -> Table:
    """Returns a table in which each row, instead of the table, has the marks of the dataset that it shows.

    Args:
        table: The table.
        results: The results under the table's own split.
        on: Split and tested dataset of each row, as for `Results.under` and `Results.why_not_comparable`;
            None if nothing was measured in the row.
    """
    everywhere, by_place = _why_not_comparable(results, on)
    others = (mark for mark in table.marks if not mark.startswith(NOT_COMPARABLE))
    row_marks = [by_place.get(place, "") if place else "" for place in on]
    return replace(table, marks=(*everywhere, *others), row_marks=row_marks)


def _why_not_comparable(
    results: Results, on: Sequence[tuple[str, str] | None] = ()
) -> tuple[list[str], dict[tuple[str, str], str]]:
    """Returns marks that say why nothing in a table or figure, or no value on a dataset, can be compared.

    Args:
        results: The results under the table's own split.
        on: As in `mark_rows`; if there are none, all tested datasets are shown.

    Returns:
        The mark of all that is shown, if any; and split and dataset -> mark. If no shown dataset can be
        compared, there is one mark, with the reasons of all datasets together.
    """
    tested = [(results.split, dataset) for dataset in results.tested]
    shown = [*filter(None, dict.fromkeys(on))] or tested
    why = {place: results.under(place[0]).why_not_comparable_on(place[1]) for place in shown}
    reason = results.record.not_comparable
    by_place: dict[tuple[str, str], str] = {}
    if not why or (len({dataset for _, dataset in why}) > 1 and all(why.values())):
        reason = results.why_not_comparable()
    else:
        for place, own in why.items():
            title = f" ON {dataset_title(results, place[1])}" if place[1] else ""
            by_place |= {place: f"{NOT_COMPARABLE}{title}: {own}"} if own else {}
    return [f"{NOT_COMPARABLE}: {reason}"] if reason else [], by_place


def _on_published_images(results: Results) -> list[str]:
    """Returns notes: which datasets can be compared, and images that aren't verified or don't count."""
    record, notes = results.record, []
    counted = {key: record.published_images[key] for key in results.datasets_of()}
    if record.split in record.not_comparable_on and counted:
        comparable = [
            f"{dataset_title(results, tested)} ("
            + "; ".join(counted[key].describe("images") for key in tested.split("+") if key in counted)
            + ")"
            for tested in results.tested
            if not results.why_not_comparable(tested)
        ]
        notes += [f"Comparable with the paper: {', '.join(comparable)}."] if comparable else []
    unverified = {key: images.unverified for key, images in counted.items() if images.unverified}
    excess = {key: images.excess for key, images in counted.items() if images.excess}
    foreign = {key: n for key, images in counted.items() if (n := images.foreign - images.excess)}
    for what, numbers in (
        ("Unverified images, which no manifest lists", unverified),
        ("Unverified images that don't count, because there are more of their class than published", excess),
        (f"Images that don't count as published ({WHY_NOT_COUNTED})", foreign),
    ):
        if numbers:
            notes.append(f"{what}: {', '.join(f'{card(key).name} {n:,}' for key, n in numbers.items())}.")
    return notes


def _diverged(results: Results, table: spec.Table) -> list[str]:
    """Returns notes on a table's rows that lack a result, or some runs, because trainings diverged."""
    notes: dict[str, None] = {}
    for shown, row in product(_shown(results, table), table.rows or results.paper.row_ids):
        source = results.paper.feature_source(row)
        diverged = [trial for one in (row, source) for trial in shown.diverged.get(one, ())]
        planned, n = results.record.runs, shown.fewer_runs.get(row)
        titled = [(trial_title(results.paper, trial, runs=planned), why) for trial, why in diverged]
        ways = [f"{title}: the training diverged ({why})" for title, why in titled]
        if ways and n:
            ways = [f"{results.paper.row(row).label}: the values are of {n} of {planned} runs", *ways]
        more = f"; {len(ways) - 3} more" if len(ways) > 3 else ""
        if ways:
            notes[f"{'; '.join(ways[:3])}{more}."] = None
    return [*notes]


def _shown(results: Results, table: spec.Table) -> list[Results]:
    """Returns the results under each split and mask, and of each task, that a table shows."""
    kinds = [table.split, *([table.compared_split] if table.compared_split else [])]
    if "split" in table.axes:
        kinds += [trial.split for trial in results.record.trials]
    masked = [results.masked(mask) for mask in results.record.masked] if "mask" in table.axes else []
    every = [*(results.under(kind) for kind in dict.fromkeys(kinds)), *(one for one in masked if one)]
    return [one.task(task) if task else one for one in every for task in one.tasks or ("",)]


def trial_title(paper: spec.Paper, trial: PlannedTrial, *, runs: int) -> str:
    """Returns the label of a trial's row or control, with its run of `runs`, tested datasets and fold."""
    title = f"Control {trial.row}" if trial.row in paper.controls else paper.row(trial.row).label
    if runs > 1:
        title += f", run {trial.run + 1}"
    if trial.tested:
        title += f", {trial.split}: {', '.join(card(key).name for key in trial.tested)}"
    by_fold = trial.fold >= 0 and trial.split not in spec.LODOCV_KINDS
    return title + (f", fold {trial.fold}" if by_fold else "")


def _on_left_out(results: Results, subset: str) -> list[str]:
    """Returns the note on the external images that are left out, with their number."""
    if subset != "external":
        return []
    numbers = {len(one.images) for one in results.record.overlaps if one.subset == subset}
    few, most = min(numbers), max(numbers)
    shared = f"{few:,}" if few == most else f"{few:,} to {most:,}"
    return [
        f"{SHARED} Without the {shared} external images that are copies of a training or validation image "
        "(identical, nearly so, mirrored, turned or cropped) or show a subject of one. They are left out "
        "under every split, because the external set is meant to show other subjects. Their predictions are "
        "stored."
    ]


def mark_and_caption(results: Results, figure: spec.Figure, more: str = "") -> MarkAndCaption:
    """Returns the mark and the caption of a figure; the caption is the title followed by `more`."""
    everywhere, by_place = _why_not_comparable(results)
    left_out, title = _left_out(results, figure.rows), figure.title + more
    # A figure has no capitals.
    words = NOT_COMPARABLE.capitalize()
    marks = [
        mark.replace(f"{NOT_COMPARABLE} ON", f"{words} on").replace(NOT_COMPARABLE, words)
        for mark in (*everywhere, *by_place.values())
    ]
    marks += [f"Incomplete: {left_out}"] if left_out else []
    return {
        "mark": "; ".join(marks),
        "caption": f"{figure.where}: {title}" if figure.where else title,
    }


def _left_out(results: Results, rows: Sequence[str]) -> str:
    """Returns what the values of some rows (all if there are none) and of controls lack; "" if nothing.

    They lack damaged trials, and runs that aren't finished or whose training diverged.
    """
    labels = {row.id: row.label for row in results.paper.rows}
    others = {name: control.label for name, control in CONTROLS.items()}

    def shown(row: str) -> bool:
        return not rows or row in rows or row not in labels

    damaged = []
    for trial in (trial for trial in results.damaged if shown(trial.row)):
        label = (labels | others).get(trial.row, trial.row)
        fold = f", fold {trial.fold}" if trial.fold >= 0 else ""
        damaged.append(f"{label}, run {trial.run + 1}{fold} (trials/{trial.name})")
    fewer = [
        f"{(labels | others).get(row, row)} ({n} of {results.record.runs} runs)"
        for row, n in results.fewer_runs.items()
        if shown(row)
    ]
    lacking = [f"left out because their stored files are damaged: {'; '.join(damaged)}"] if damaged else []
    lacking += [f"values of fewer runs: {'; '.join(fewer)}"] if fewer else []
    return "; ".join(lacking)


def tested_title(results: Results, row: str, dataset: str) -> str:
    """Returns a row's label with its split and the tested datasets, whose keys are joined by "+"."""
    title = results.paper.row(row).label
    if dataset:
        names = ", ".join(card(key).name for key in dataset.split("+"))
        title += f", {spec.SPLITS[results.split_kind].title} on {names}"
    if results.record.runs > 1:
        title += f", one of {results.record.runs} runs"
    return title
