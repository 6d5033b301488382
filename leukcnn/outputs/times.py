"""The table of how long a training takes, beside the training of the paper's own network."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from leukcnn import spec
from leukcnn.files import read_json
from leukcnn.outputs.kind import Kept, TableKind
from leukcnn.outputs.titles import dataset_title, framed, not_measured
from leukcnn.rendering.tables import Cell, Column, Table
from leukcnn.results.results import Results
from leukcnn.results.verdicts import mean_and_sd
from leukcnn.runs import Trial


class _Training(NamedTuple):
    """A network's training: images an epoch, seconds of all epochs, and whether one process ran the whole."""

    parameters: int
    pictures: int
    epochs: int
    seconds: float
    machine: str
    whole: bool

    @property
    def milliseconds(self) -> float:
        """Time a picture and epoch."""
        return 1000 * self.seconds / (self.pictures * self.epochs)


def build(table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns size, pictures, epochs and time of each row's trainings, over all folds and runs.

    The table's last row is the paper's own network; the others' time is held against its. Datasets that are
    cross-validated each by itself stand apart.

    Raises:
        StoreError: Files of a trial can't be read.
    """
    shown = results.under(table.split)
    wanted = table.rows or shown.paper.row_ids
    own = shown.paper.row(wanted[-1])
    rows, every = [], []
    for task in shown.tasks or ("",):
        of_task = shown.task(task) if task else shown
        trainings = {row: _trainings(trial for _, _, trial in of_task.trials[row]) for row in wanted}
        of_own = [training.milliseconds for training in trainings[own.id] if training.whole]
        for row, found in trainings.items():
            whole = [training for training in found if training.whole]
            cells = _measured(whole, of_own) if whole else not_measured(_why_none(of_task, row, found), 7)
            parameters = found[0].parameters if found else None
            rows.append((dataset_title(shown, task), shown.paper.row(row).label, parameters, *cells))
            every += found
    formats = {
        **{"Parameters": "quantity", "Trainings": "integer", "Pictures an epoch": "quantity"},
        **{"Epochs": "quantity", "Seconds a training": "spread"},
        **{"Milliseconds a picture and epoch": "spread", f"Ratio of these to {own.label}": "hundredths"},
    }
    columns = ("Dataset", "Network", *(Column(title, how) for title, how in formats.items()), "State")
    return framed(results, table, columns, rows, notes=_notes(every))


def _trainings(trials: Iterable[Trial]) -> list[_Training]:
    """Returns the trainings among some finished trials; one that classifies features has none."""
    found = []
    for trial in trials:
        result = trial.result
        if "training" not in result["seconds"]:
            continue
        where, epochs = read_json(trial.path / "environment.json"), len(trial.history()["loss"])
        machine = f"{where['backend']} on {', '.join(where['devices'])} ({where['platform']})"
        pictures, seconds = result["pictures"]["train"], result["seconds"]["training"]
        whole = result["epochs_run_here"] == epochs
        found.append(_Training(result["parameters"], pictures, epochs, seconds, machine, whole))
    return found


def _measured(whole: Sequence[_Training], of_own: Sequence[float]) -> tuple[Cell, ...]:
    each = [training.milliseconds for training in whole]
    return (
        len(whole),
        _mean([training.pictures for training in whole]),
        _mean([training.epochs for training in whole]),
        mean_and_sd([training.seconds for training in whole]),
        mean_and_sd(each),
        float(np.mean(each) / np.mean(of_own)) if of_own else None,
        "measured",
    )


def _mean(counts: Sequence[int]) -> int | float:
    """Returns the mean, a whole number where all are the same."""
    return counts[0] if len(set(counts)) == 1 else float(np.mean(counts))


def _why_none(results: Results, row: str, found: Sequence[_Training]) -> str:
    if found:
        return "its trainings were interrupted"
    return "it trains no network" if results.trials[row] else results.why_missing(row, "test")


def _notes(every: Sequence[_Training]) -> list[str]:
    notes = ["The paper prints no times."]
    machines = dict.fromkeys(training.machine for training in every if training.whole)
    notes += [f"Measured with {'; '.join(machines)}."] if machines else []
    if every:
        notes.append(
            "Parameters: all of them, trained or not. Times: mean and sd (n - 1) over folds and runs, of the "
            "wall-clock time of all epochs. A network's first training includes its compilation, which the "
            "next folds share. Decoding and thresholding pictures, building networks, the kept features of "
            "frozen bases and predictions aren't in it."
        )
    if interrupted := sum(not training.whole for training in every):
        notes.append(
            f"Left out: {interrupted} of {len(every)} trainings, interrupted and resumed later: only their "
            "last part was timed."
        )
    return notes


KIND = TableKind(build=build)
