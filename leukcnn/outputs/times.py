"""The table of training times, compared with those of the paper's own network."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from leukcnn import spec
from leukcnn.outputs.kind import Kept, TableKind
from leukcnn.outputs.titles import dataset_title, make_table, mark_rows, not_measured
from leukcnn.rendering.formats import Cell
from leukcnn.rendering.tables import Column, Table
from leukcnn.results.results import Results
from leukcnn.results.verdicts import mean_and_std
from leukcnn.runs import Trial

_TIMES = (
    "Parameters: trainable and frozen ones. Times: mean and std (n - 1) over folds and runs of the "
    "wall-clock time of all epochs. Ratio: of the milliseconds per image and epoch. A network's first "
    "training includes its compilation, which the next folds share. The times exclude decoding and "
    "thresholding images, building networks, extracting the features of frozen bases, and predictions."
)


class _Training(NamedTuple):
    """A network's training.

    Attributes:
        parameters: Parameters of the network.
        images: Training images per epoch.
        epochs: Epochs.
        seconds: Wall-clock time of the epochs that the last process ran.
        milliseconds: `seconds` per image and epoch, in milliseconds.
        machine: Backend, devices and platform.
        whole: Whether one process ran all epochs, so that the times are those of the whole training.
    """

    parameters: int
    images: int
    epochs: int
    seconds: float
    milliseconds: float
    machine: str
    whole: bool


def build(table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns size, images, epochs and time of each row's trainings, over all folds and runs.

    The table's last row is the paper's own network, with which the others' times are compared. Datasets that
    are cross-validated separately have lines of their own.
    """
    shown, wanted = results.under(table.split), table.rows or results.paper.row_ids
    own = shown.paper.row(wanted[-1])
    rows, every, on = [], [], []
    for task in shown.tasks or ("",):
        of_task = shown.task(task) if task else shown
        trainings = {row: _trainings(trial for _, _, trial in of_task.trials[row]) for row in wanted}
        of_own = [training.milliseconds for training in trainings[own.id] if training.whole]
        for row, found in trainings.items():
            whole = [training for training in found if training.whole]
            why = "this row trains no network" if of_task.trials[row] else of_task.why_missing(row, "test")
            why = "the trainings were interrupted" if found else why
            cells = _measured(whole, of_own) if whole else not_measured(why, 7)
            parameters = found[0].parameters if found else None
            rows.append((dataset_title(shown, task), shown.paper.row(row).label, parameters, *cells))
            on.append((shown.split, task) if whole else None)
            every += found
    columns: tuple[Column | str, ...] = (
        *("Dataset", "Network", Column("Parameters", "quantity"), Column("Trainings", "integer")),
        *(Column("Images per epoch", "quantity"), Column("Epochs", "quantity")),
        *(Column(unit, "spread") for unit in ("Seconds per training", "Milliseconds per image and epoch")),
        *(Column(f"Ratio to {own.label}", "hundredths"), "State"),
    )
    notes = ["The paper reports no times."]
    machines = dict.fromkeys(training.machine for training in every if training.whole)
    notes += [f"Measured with {'; '.join(machines)}."] if machines else []
    notes += [_TIMES] if every else []
    if interrupted := sum(not training.whole for training in every):
        left_out = f"Left out: {interrupted} of {len(every)} trainings, interrupted and resumed later"
        notes.append(f"{left_out}; only their last process was timed.")
    return mark_rows(make_table(shown, table, columns, rows, notes=notes), shown, on)


def _trainings(trials: Iterable[Trial]) -> list[_Training]:
    """Returns the trainings of finished trials; a trial that classifies features has none."""
    found = []
    for trial in [trial for trial in trials if "training" in trial.result["seconds"]]:
        result, where = trial.result, trial.environment()
        machine = f"{where['backend']} on {', '.join(where['devices'])} ({where['platform']})"
        epochs, whole = len(trial.history()["loss"]), result["epochs_run_here"]
        images, seconds = result["images"]["train"], result["seconds"]["training"]
        sizes, each = (result["parameters"], images, epochs), 1000 * seconds / (images * epochs)
        found.append(_Training(*sizes, seconds, each, machine, whole=whole == epochs))
    return found


def _measured(whole: Sequence[_Training], of_own: Sequence[float]) -> tuple[Cell, ...]:
    _, images, epochs, seconds, each, _, _ = zip(*whole, strict=True)
    # Equal counts are shown as a whole number.
    means = [counts[0] if len(set(counts)) == 1 else float(np.mean(counts)) for counts in (images, epochs)]
    ratio = float(np.mean(each) / np.mean(of_own)) if of_own else None
    return (len(whole), *means, mean_and_std(seconds), mean_and_std(each), ratio, "measured")


KIND = TableKind(build=build)
