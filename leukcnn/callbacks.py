"""Keras callbacks: learning rate schedules, early stopping, checkpoints, history and a resumable state."""

import csv
import math
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np

from leukcnn.counting import Count
from leukcnn.errors import ArgumentError
from leukcnn.files import replace_file
from leukcnn.hosts import Hosts
from leukcnn.schedules import (
    Schedule,
    cosine_schedule,
    exponential_schedule,
    exponential_to_last_schedule,
)
from leukcnn.training_state import (
    Record,
    assign,
    check_weights,
    named_values,
    read_record,
    read_state,
    write_variables,
)

__all__ = [
    "BestCheckpoint",
    "HistoryFile",
    "ProgressObserver",
    "ReportProgress",
    "ResumableState",
    "Schedule",
    "StopEarly",
    "cosine_schedule",
    "exponential_schedule",
    "exponential_to_last_schedule",
    "patience_is_over",
    "resume_epoch",
    "state_variables",
]

# Least time between two saves of the state, divided by the time that the last save took.
_MIN_TRAIN_TO_SAVE_RATIO = 50


def __dir__() -> list[str]:
    return sorted(__all__)


def patience_is_over(values: Sequence[float], *, patience: int) -> bool:
    """Returns whether training stops after these epochs, counted as `keras.callbacks.EarlyStopping` does.

    The result depends on the history alone. A resumed run therefore stops in the same epoch as an
    uninterrupted one.

    Args:
        values: One value per epoch so far, at least one. Lower is better.
        patience: Number of epochs in a row without a new lowest value; 0 means the same as 1.
    """
    best, waited = values[0], 0
    for value in values[1:]:
        if value < best:
            best, waited = value, 0
        else:
            waited += 1
    return waited >= max(patience, 1)


class StopEarly(keras.callbacks.Callback):
    """Stops training when the validation loss no longer decreases.

    It reads the history that a `ResumableState` extends and must come after it in the list of callbacks.
    Keras' own EarlyStopping starts counting from zero in a resumed run.

    Args:
        history: Logged name -> values by epoch.
        patience: See `patience_is_over`; None never stops.
    """

    def __init__(self, *, history: Mapping[str, list[float]], patience: int | None) -> None:
        super().__init__()
        self.history, self.patience = history, patience

    @property
    def is_due(self) -> bool:
        """Whether training stops after the epochs of the history."""
        losses = self.history.get("val_loss")
        if self.patience is None or not losses:
            return False
        return patience_is_over(losses, patience=self.patience)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Stops the training if it is due."""
        if self.is_due:
            self.model.stop_training = True


class BestCheckpoint(keras.callbacks.Callback):
    """Saves the weights of the epoch with the best logged value; of equal values the first one counts.

    The file's name holds the number of the epoch. The file of the previous best epoch stays until `tidy` is
    called. If the run is killed before that, a resumed run finds the weights that its saved state refers to.

    Args:
        folder: Folder for `best_<monitor>-<epoch>.weights.npz`, epochs counted from 1;
            `leukcnn.training_state.load_weights` reads them.
        monitor: Name in the logs, e.g. "val_accuracy".
        mode: "max" if higher is better, "min" if lower is better.
        writes: Whether files are written and read; False on hosts other than 0.

    Attributes:
        best: Best value so far; None before the first epoch with a number.
        best_epoch: Epoch of the best value, counted from 0; None if `best` is None.

    Raises:
        ArgumentError: `mode` is neither "max" nor "min".
    """

    def __init__(self, folder: Path, *, monitor: str, mode: str, writes: bool = True) -> None:
        super().__init__()
        if mode not in ("max", "min"):
            raise ArgumentError(f"mode = {mode!r}.", expected="'max' or 'min'")
        self.folder, self.monitor, self.mode, self.writes = Path(folder), monitor, mode, writes
        self.best: float | None = None
        self.best_epoch: int | None = None

    @property
    def path(self) -> Path:
        """File of the best epoch's weights, once there is a best epoch."""
        assert self.best_epoch is not None, f"{self.monitor} has no best epoch yet"
        return self._path(self.best_epoch)

    def tidy(self, *, kept: int | None = None) -> None:
        """Removes the files of earlier best epochs, except that of the epoch `kept`, counted from 0."""
        epochs = {epoch for epoch in (self.best_epoch, kept) if epoch is not None}
        keep = {self._path(epoch) for epoch in epochs}
        for path in self.folder.glob(f"best_{self.monitor}-*.weights.npz"):
            if path not in keep:
                path.unlink()

    def restore(self, best: float | None, epoch: int | None) -> None:
        """Continues after a best epoch, counted from 0; None before the first epoch with a number.

        Raises:
            StoreError: The weights of that epoch can't be used. The checkpoint stays as it was.
        """
        if epoch is not None and self.writes:
            check_weights(self._path(epoch))
        self.best, self.best_epoch = best, epoch

    def _path(self, epoch: int) -> Path:
        return self.folder / f"best_{self.monitor}-{epoch + 1:04d}.weights.npz"

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Writes the weights if this epoch is better than all before."""
        value = float((logs or {})[self.monitor])
        better = self.best is None or (value > self.best if self.mode == "max" else value < self.best)
        if better and not np.isnan(value):
            self.best, self.best_epoch = value, epoch
            if self.writes:
                write_variables(self.path, self.model.weights)


class ResumableState(keras.callbacks.Callback):
    """Saves everything that the next epoch depends on, so that a killed run can be resumed.

    One file holds the weights, the optimizer's variables, the states of Keras' random generators (dropout),
    the history and the checkpoints' best values. The callback must therefore come after the checkpoints in
    the list of callbacks. Keras' own BackupAndRestore keeps neither the history nor the best values.

    If epochs are short, only some of them are saved: the time between two saves is at least 50 times the time
    that a save takes, so saving takes at most a fiftieth of the training time. The last epoch is always
    saved. A killed run loses the epochs since the last save.

    Args:
        path: File of the state (`.npz`).
        checkpoints: The checkpoints whose best values belong to the state.
        history: Logged name -> values by epoch; this callback extends it.
        hosts: The hosts that train together: host 0 alone reads and writes the file; None for a single one.
    """

    def __init__(
        self,
        path: Path,
        *,
        checkpoints: Sequence[BestCheckpoint],
        history: dict[str, list[float]],
        hosts: Hosts | None = None,
    ) -> None:
        super().__init__()
        self.path, self.checkpoints, self.history = Path(path), checkpoints, history
        self.hosts = hosts or Hosts()
        self.next_save = -math.inf
        self.unsaved: int | None = None
        self.saved_best: list[int | None] = [None] * len(checkpoints)

    def restore(self, model: keras.Model) -> int:
        """Restores a saved state, if there is one.

        Args:
            model: The compiled model that the state is loaded into.

        Returns:
            The epoch to continue with, counted from 0; 0 where no state is saved.

        Raises:
            StoreError: The state or the weights of a best epoch were damaged, or belong to another network or
                trial. The network and the history stay as they were.
        """
        found, values = self.hosts.shared(lambda: self._read(model))
        if found is None:
            return 0
        record = Record(**found)
        for checkpoint, (best, epoch) in zip(self.checkpoints, record.best, strict=True):
            checkpoint.restore(best, epoch)
        model.optimizer.build(model.trainable_variables)
        assign(state_variables(model), values)
        self.history.clear()
        self.history.update({name: list(logged) for name, logged in record.history.items()})
        self.saved_best = [checkpoint.best_epoch for checkpoint in self.checkpoints]
        return record.next_epoch

    def _read(self, model: keras.Model) -> tuple[dict[str, Any] | None, dict[str, np.ndarray]]:
        """Returns the record of a saved state, None if there is none, and the variables' values."""
        if not self.path.exists():
            return None, {}
        # A new optimizer has no variables yet, and they are part of the state.
        model.optimizer.build(model.trainable_variables)
        record, values = read_state(self.path, state_variables(model), checkpoints=len(self.checkpoints))
        return vars(record), named_values(values)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Extends the history and, if a save is due, replaces the state's file in one step."""
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        if not self.hosts.leads:
            return
        if (started := time.perf_counter()) >= self.next_save:
            self._save(epoch)
            ended = time.perf_counter()
            self.next_save = ended + (ended - started) * _MIN_TRAIN_TO_SAVE_RATIO
        else:
            self.unsaved = epoch
            for checkpoint, kept in zip(self.checkpoints, self.saved_best, strict=True):
                checkpoint.tidy(kept=kept)

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        """Saves the last epoch's state if it isn't saved yet."""
        if self.unsaved is not None:
            self._save(self.unsaved)

    def _save(self, epoch: int) -> None:
        """Replaces the state's file in one step, and removes the weights of earlier best epochs."""
        self.unsaved = None
        record = Record(epoch + 1, self.history, [(c.best, c.best_epoch) for c in self.checkpoints])
        write_variables(self.path, state_variables(self.model), record)
        self.saved_best = [checkpoint.best_epoch for checkpoint in self.checkpoints]
        for checkpoint in self.checkpoints:
            checkpoint.tidy()


def resume_epoch(path: str | Path) -> int:
    """Returns the number of epochs that a saved state has completed, 0 where there is no state.

    Raises:
        StoreError: The state was damaged, or belongs to another trial.
    """
    path = Path(path)
    return read_record(path).next_epoch if path.exists() else 0


def state_variables(model: keras.Model) -> list[keras.Variable]:
    """Returns a compiled model's weights, random states and optimizer variables."""
    return [*model.variables, *model.optimizer.variables]


class HistoryFile(keras.callbacks.Callback):
    """Writes the history as CSV after every epoch.

    The columns are the epoch (from 1) and one for each logged value.

    Args:
        path: The CSV file.
        history: Logged name -> values by epoch.
        writes: Whether the file is written; False on hosts other than 0.
    """

    def __init__(self, path: Path, *, history: Mapping[str, list[float]], writes: bool = True) -> None:
        super().__init__()
        self.path, self.history, self.writes = Path(path), history, writes

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Writes the file again."""
        self.write()

    def write(self) -> None:
        """Replaces the file in one step."""
        if not self.writes:
            return
        with replace_file(self.path) as draft, draft.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["epoch", *self.history])
            for i, values in enumerate(zip(*self.history.values(), strict=True), start=1):
                writer.writerow([i, *(f"{value:.9g}" for value in values)])


class ProgressObserver(Protocol):
    """Receives the progress of a training, e.g. to show it in the terminal."""

    def batch(self, *, epoch: int, step: int, loss: float, accuracy: float) -> None:
        """Called after a step, in any thread; epoch and step count from 1. Some steps are left out."""

    def end_epoch(self, *, epoch: int, logs: Mapping[str, float]) -> None:
        """Called after each epoch, which counts from 1."""

    def message(self, text: str) -> None:
        """Called with a sentence that the user should read."""

    def counting(self, what: str) -> AbstractContextManager[Count]:
        """Called when a stage begins that takes long; see `leukcnn.counting.Counting`."""


class ReportProgress(keras.callbacks.Callback):
    """Reports the steps that a `CallbackList` passes on, and every epoch, to an observer."""

    # On JAX, Keras then calls it in another thread, and doesn't wait for the loss before the next step.
    async_safe = True

    def __init__(self, observer: ProgressObserver) -> None:
        super().__init__()
        self.observer = observer
        self.epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Stores the number of the epoch."""
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Reports a step."""
        logs = logs or {}
        self.observer.batch(
            epoch=self.epoch, step=batch + 1, loss=float(logs["loss"]), accuracy=float(logs["accuracy"])
        )

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Reports an epoch."""
        self.observer.end_epoch(epoch=epoch + 1, logs={k: float(v) for k, v in (logs or {}).items()})
