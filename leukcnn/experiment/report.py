"""Builds and checks an experiment's tables, figures and challenge files, from the store alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from leukcnn import spec
from leukcnn.counting import Counting, uncounted
from leukcnn.errors import SpecError, StoreError
from leukcnn.experiment.audits import kept_audit
from leukcnn.files import locked_folder, replace_file, write_json
from leukcnn.html_report import Contents
from leukcnn.html_report import write as write_page
from leukcnn.outputs.answer import Answer, answer_of
from leukcnn.outputs.assumptions import assumption_table
from leukcnn.outputs.build import build_figures, build_tables, going_on, kind_of
from leukcnn.outputs.captures import Captured
from leukcnn.outputs.challenge import write_challenge_file
from leukcnn.outputs.model_card import MODEL_CARD, model_card
from leukcnn.outputs.model_links import write_links
from leukcnn.outputs.titles import trial_title
from leukcnn.records import ExperimentRecord, changed_files, note_files
from leukcnn.rendering.renderings import to_csv, write
from leukcnn.rendering.tables import Table
from leukcnn.results.results import Results
from leukcnn.runs import Store

# Folders of what is built from the store.
_BUILT = ("tables", "figures", "challenge")


@dataclass(frozen=True)
class Report:
    """The results of an experiment.

    Attributes:
        folder: Folder of the experiment.
        record: Its options, trials and data.
        tables: The tables.
        assumptions: The table of assumptions; its notes list what is wrong in the paper.
        files: All files written: tables, figures, challenge files, the summary.
        answer: The answer.
        summary: The content of `summary.json`.
        seconds: Stage -> wall-clock time of this run in seconds; empty if nothing was run.
        diverged: Trials whose training diverged, and how; they have no results. After `reproduce`: those
            that it was asked for; else those of the whole experiment.
        faults: What is damaged or can't be built, one message each; the values contain no damaged trial.
    """

    folder: Path
    record: ExperimentRecord
    tables: list[Table]
    assumptions: Table
    files: list[Path]
    answer: Answer
    summary: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)
    diverged: tuple[str, ...] = ()
    faults: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<Report of {self.folder.name}: {len(self.tables)} tables, {len(self.files)} files>"


def report(
    store: Store,
    folder: Path,
    paper: spec.Paper,
    *,
    only: str | None = None,
    margin: float | None = None,
    figures: str | None = None,
    counting: Counting = uncounted,
) -> Report:
    """Writes an experiment's tables, figures, challenge files and model card, without data and training.

    What can't be built is left out and named in `Report.faults`, and so are damaged trials.

    Args:
        store: The store.
        folder: Folder of the experiment.
        paper: The paper.
        only: Id of the one table or figure to build; None or the id of a row for all.
        margin: Points within which values agree, which is kept in the record; None for the record's own.
        figures: Form of the figures, one of `leukcnn.rendering.figure_files.FORMS`; None for that of the
            files that are there.
        counting: Shows how many figures are plotted.

    Raises:
        StoreError: The record can't be read, the folder can't be written to, or the paper has changed since
            the experiment.
    """
    record = read_record(folder, paper)
    if margin is not None:
        record = replace(record, margin=margin)
        with locked_folder(folder):
            record.save(folder)
    results = Results(paper, record, store)
    faults = damaged_trials(results)
    tables = build_tables(results, Captured(folder), only=only, faults=faults)
    assumptions = assumption_table(results)
    with locked_folder(folder):
        files = [path for table in (*tables, assumptions) for path in write(table, folder / "tables")]
        with counting("Plotting figures") as count:
            files += build_figures(results, folder, only=only, faults=faults, form=figures, count=count)
        with going_on(faults):
            for row in paper.row_ids:
                for predictions in results.runs(row, subset="final")[:1]:
                    if len(predictions) == record.final_total:
                        path = folder / "challenge" / f"{row}.zip"
                        files.append(write_challenge_file(path, predictions, expected=record.final_total))
        answer, diverged = answer_of(results), _diverged(results)
        # The page shows all tables, whichever were asked for.
        every = tables
        if only is not None and only not in paper.row_ids:
            every = [*tables, *build_tables(results, Captured(folder), without=only, faults=[])]
            order = [table.id for table in paper.tables]
            every.sort(key=lambda table: order.index(table.id))
        audit = kept_audit(folder, paper, faults)
        contents = Contents(answer.lines(), every, assumptions, faults, diverged, audit)
        files.append(write_page(results, folder, contents))
        with going_on(faults):
            if text := model_card(results):
                files.append(folder / MODEL_CARD)
                with replace_file(files[-1]) as draft:
                    draft.write_text(text, "utf-8")
        with going_on(faults):
            _read_captures(folder, paper, faults)
            note_files(folder, files, again=() if only or faults else _BUILT)
        summary: dict[str, Any] = {}
        with going_on(faults):
            summary = _write_summary(results, answer, folder, faults=faults)
            files.append(folder / "summary.json")
    return Report(
        folder,
        record,
        tables,
        assumptions,
        files,
        answer,
        summary,
        diverged=diverged,
        faults=faults,
    )


def _write_summary(
    results: Results, answer: Answer, folder: Path, *, faults: Sequence[str]
) -> dict[str, Any]:
    """Writes `summary.json` and the links to the models; returns the summary, whose paths are relative."""
    models, path = write_links(results, folder), folder / "summary.json"
    files = (file for name in _BUILT for file in (folder / name).glob("*"))
    summary = answer.to_json() | {
        "faults": [fault.replace(f"{results.store.root}/", "") for fault in faults],
        "files": sorted(file.relative_to(folder).as_posix() for file in files),
        "models": sorted(model.relative_to(folder).as_posix() for model in models),
    }
    write_json(path, summary)
    note_files(folder, [path])
    return summary


def _diverged(results: Results) -> tuple[str, ...]:
    """Returns the title of each trial whose training diverged, under any split, and how."""
    kinds = dict.fromkeys(trial.split for trial in results.record.trials)
    every = [one for kind in kinds for of_row in results.under(kind).diverged.values() for one in of_row]
    # A trial may serve two kinds of split.
    once = {trial.name: (trial, why) for trial, why in reversed(every)}
    return tuple(
        f"{trial_title(results.paper, trial, runs=results.record.runs)}: {why}"
        for trial, why in reversed(once.values())
    )


def verify_report(store: Store, folder: Path, paper: spec.Paper) -> list[str]:
    """Checks an experiment's stored files and tables, and returns all faults; empty if there are none.

    The files of each finished trial must have the stored SHA-256, each table must come out the same from the
    stored predictions, each capture must be readable, and all other files must be unchanged.

    Raises:
        StoreError: The record can't be read, or the paper has changed since the experiment.
    """
    record = read_record(folder, paper)
    results = Results(paper, record, store)
    faults = damaged_trials(results)
    for name in dict.fromkeys(one.name for one in record.every_trial):
        if trial := store.finished_trial(name):
            faults += trial.faults()
    # Later runs add lines to a table of masks.
    growing = {table.id for table in paper.tables if kind_of(table).every_mask}
    for table in build_tables(results, Captured(folder), faults=faults):
        written = folder / "tables" / f"{table.id}.csv"
        if table.id not in growing and written.exists() and written.read_bytes() != to_csv(table).encode():
            faults.append(f"{written}: the stored predictions give another table")
    with going_on(faults):
        _read_captures(folder, paper, faults)
        named = {fault.partition(":")[0] for fault in faults}
        for path, what in changed_files(folder).items():
            if str(path) not in named and path.parent != Captured(folder).folder:
                faults.append(f"{path}: {what}; `leukcnn table` makes it again")
    return faults


def damaged_trials(results: Results) -> list[str]:
    """Returns a message for each trial of an experiment that is left out because its files are damaged."""
    return [str(results.store.damage(planned.name)) for planned in results.damaged]


def read_record(folder: Path, paper: spec.Paper) -> ExperimentRecord:
    """Reads an experiment's record, and checks that everything it names is still in the paper.

    Raises:
        StoreError: The record can't be read, or names something that the paper no longer has.
    """
    record = ExperimentRecord.load(folder)
    masked = [one for of_mask in record.masked.values() for one in of_mask]
    ran = dict.fromkeys(one.row for one in (*record.trials, *record.controls, *masked))
    classes = {name: None for counts in record.datasets.values() for name in counts}
    kinds = [record.split, *(one.split for one in (*record.trials, *record.controls))]
    gone = [
        f"{what} {', '.join(map(repr, lacking))}"
        for what, named, known in (
            ("the row or control", ran, (*paper.row_ids, *paper.controls)),
            ("the class", classes, paper.classes),
            ("the split", dict.fromkeys(kinds), (*paper.splits, *spec.EVERY_PAPER_KINDS)),
        )
        if (lacking := [name for name in named if name not in known])
    ]
    try:
        for row in paper.row_ids:
            paper.setup(row, profile=record.profile, assumed=record.assumed, changes=record.changes)
    except SpecError as error:
        gone.append(error.reason)
    if gone:
        raise StoreError(
            f"{folder} can't be shown: the paper {paper.key!r} has changed and lacks {'; '.join(gone)}.",
            expected="an experiment of the paper as it is now",
            remedy=f"run `leukcnn reproduce` again, or remove {folder.name}",
        )
    return record


def _read_captures(folder: Path, paper: spec.Paper, faults: list[str]) -> None:
    """Reads the paper's captures that have changed since they were written, to report damaged ones."""
    captured = Captured(folder)
    items = [*(table.id for table in paper.tables), *(figure.id for figure in paper.figures)]
    for path in changed_files(folder):
        of_paper = any(path.stem == item or path.stem.startswith(f"{item}_") for item in items)
        if of_paper and path.parent == captured.folder:
            with going_on(faults):
                captured[path.stem]
