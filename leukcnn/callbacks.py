"""Keras callbacks: rates by epoch, early stopping, best checkpoints, history, a state to resume from."""

import csv
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import keras
import numpy as np

from leukcnn.errors import ArgumentError, StoreError
from leukcnn.files import replace_file

_TIME_BETWEEN_SAVES = 50  # times as long as the last save took


def exponential_schedule(
    *, initial: float, final: float | None, epochs: int
) -> Callable[[int, float], float]:
    """Returns lr(e) = initial * (final / initial) ** (e / epochs), as `LearningRateScheduler` takes it.

    Source: C-NMC 2019 paper, section 2.5 ("initial and final learning rates that exponentially decay over 400
    epochs").

    Args:
        initial: Learning rate in epoch 0.
        final: Learning rate that would be reached in epoch `epochs`; None keeps the first one.
        epochs: Epochs in all.

    Raises:
        ArgumentError: A rate or the number of epochs isn't above 0.
    """
    final = initial if final is None else final
    if min(initial, final, epochs) <= 0:
        raise ArgumentError(
            f"initial = {initial}, final = {final}, epochs = {epochs}.", expected="three numbers above 0"
        )
    return lambda epoch, _rate=None: initial * (final / initial) ** (epoch / epochs)


def cosine_schedule(*, initial: float, final: float | None, epochs: int) -> Callable[[int, float], float]:
    """Returns lr(e) = final + (initial - final) * (1 + cos(pi * e / epochs)) / 2.

    Source: Loshchilov and Hutter 2017, "SGDR", equation 5, by epoch and without a restart.

    Args:
        initial: Learning rate in epoch 0.
        final: Learning rate that would be reached in epoch `epochs`, 0 or more; None keeps the first one.
        epochs: Epochs in all.

    Returns:
        The schedule as `LearningRateScheduler` takes it.

    Raises:
        ArgumentError: The initial rate or the number of epochs isn't above 0, or the final rate is below it.
    """
    final = initial if final is None else final
    if min(initial, epochs) <= 0 or final < 0:
        raise ArgumentError(
            f"initial = {initial}, final = {final}, epochs = {epochs}.",
            expected="initial and epochs above 0, final 0 or more",
        )
    return lambda epoch, _rate=None: final + (initial - final) * (1 + math.cos(math.pi * epoch / epochs)) / 2


def patience_is_over(values: Sequence[float], *, patience: int) -> bool:
    """Says whether a training ends after these epochs, as `keras.callbacks.EarlyStopping` counts.

    It depends on the history alone, so that a run that was killed ends where it would have.

    Args:
        values: What the epochs so far logged of a value that is to sink; at least one.
        patience: Epochs in a row without a value below all before them; 0 and 1 are alike.
    """
    best, waited = values[0], 0
    for value in values[1:]:
        if value < best:
            best, waited = value, 0
        else:
            waited += 1
    return waited >= max(patience, 1)


class StopEarly(keras.callbacks.Callback):
    """Ends a training whose validation loss no longer sinks.

    It reads the history that a `ResumableState` extends and must stand behind it in the list of callbacks:
    Keras' own EarlyStopping begins to count again in a run that goes on.

    Args:
        history: Mapping name -> list of values by epoch.
        patience: See `patience_is_over`; None never stops.
    """

    def __init__(self, *, history: Mapping[str, list[float]], patience: int | None):
        super().__init__()
        self.history, self.patience = history, patience

    @property
    def is_due(self) -> bool:
        """Whether the training ends after the epochs of the history."""
        losses = self.history.get("val_loss")
        return self.patience is not None and bool(losses) and patience_is_over(losses, patience=self.patience)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None):
        """Has Keras end the training."""
        if self.is_due:
            self.model.stop_training = True


class BestCheckpoint(keras.callbacks.Callback):
    """Keeps the weights of the epoch in which a logged value was best; the first such epoch wins ties.

    The file bears the epoch's number. The one before it stays until `tidy`, so that a run killed in between
    finds the weights that its state speaks of.

    Args:
        folder: Where `best_<monitor>-<epoch>.weights.h5` is written, epochs counted from 1.
        monitor: Name in the logs, e.g. "val_accuracy".
        mode: "max" or "min".
    """

    def __init__(self, folder: Path, *, monitor: str, mode: str):
        super().__init__()
        if mode not in ("max", "min"):
            raise ArgumentError(f"mode = {mode!r}.", expected="'max' or 'min'")
        self.folder, self.monitor, self.mode = Path(folder), monitor, mode
        self.best, self.best_epoch = None, None

    @property
    def path(self) -> Path:
        """File of the best epoch's weights."""
        return self._path(self.best_epoch)

    def tidy(self, *, kept: int | None = None) -> None:
        """Removes the weights of earlier best epochs, but for that of one epoch."""
        epochs = {epoch for epoch in (self.best_epoch, kept) if epoch is not None}
        keep = {self._path(epoch) for epoch in epochs}
        for path in self.folder.glob(f"best_{self.monitor}-*.weights.h5"):
            if path not in keep:
                path.unlink()

    def _path(self, epoch: int) -> Path:
        return self.folder / f"best_{self.monitor}-{epoch + 1:04d}.weights.h5"

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None):
        """Writes the weights if this epoch is better than all before."""
        value = float((logs or {})[self.monitor])
        better = self.best is None or (value > self.best if self.mode == "max" else value < self.best)
        if better and not np.isnan(value):
            self.best, self.best_epoch = value, epoch
            with replace_file(self.path) as draft:
                self.model.save_weights(draft)


class ResumableState(keras.callbacks.Callback):
    """Saves after an epoch all that the next one depends on, so that a killed run goes on where it was.

    An epoch is passed over where less than 50 times as long as saving takes has gone by since the last save
    and others follow: of short epochs a kill loses some seconds, and saving takes a fiftieth of the time.

    Weights, optimizer slots and the states of Keras' own random generators (dropout) go into one file,
    together with the history and what the checkpoints hold as best; hence it must stand behind them in the
    list of callbacks. Keras' own BackupAndRestore forgets the history and the checkpoints' best values.

    Args:
        path: File of the state (`.npz`).
        checkpoints: The `BestCheckpoint`s whose best values belong to the state.
        history: Mapping name -> list of values by epoch, which this callback extends.
    """

    def __init__(self, path: Path, *, checkpoints: list[BestCheckpoint], history: dict[str, list[float]]):
        super().__init__()
        self.path, self.checkpoints, self.history = Path(path), checkpoints, history
        self.next_save, self.unsaved = -math.inf, None
        self.saved_best: list[int | None] = [None] * len(checkpoints)

    def restore(self, model: keras.Model) -> int:
        """Lays a saved state into a compiled model; returns the epoch to go on with, 0 where there is none.

        Raises:
            StoreError: The file belongs to another network.
        """
        if not self.path.exists():
            return 0
        with np.load(self.path, allow_pickle=False) as state:
            record = json.loads(str(state["record"]))
            # A new optimizer has no slots yet, and those are a part of the state.
            model.optimizer.build(model.trainable_variables)
            variables = state_variables(model)
            values = [state[f"v{i}"] for i in range(len(state.files) - 1)]
        if [tuple(v.shape) for v in variables] != [v.shape for v in values]:
            raise StoreError(
                f"The state {self.path} belongs to another network.",
                expected=f"{len(variables)} arrays that fit {model.name}",
                remedy="remove the trial's folder to start it afresh",
            )
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        self.history.clear()
        self.history.update(record["history"])
        for checkpoint, (best, epoch) in zip(self.checkpoints, record["best"], strict=True):
            checkpoint.best, checkpoint.best_epoch = best, epoch
        self.saved_best = [checkpoint.best_epoch for checkpoint in self.checkpoints]
        return record["next_epoch"]

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None):
        """Extends the history and, where it is time to, replaces the state's file in one step."""
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        if (started := time.perf_counter()) >= self.next_save:
            self._save(epoch)
            ended = time.perf_counter()
            self.next_save = ended + (ended - started) * _TIME_BETWEEN_SAVES
        else:
            self.unsaved = epoch
            for checkpoint, kept in zip(self.checkpoints, self.saved_best, strict=True):
                checkpoint.tidy(kept=kept)

    def on_train_end(self, logs: Mapping[str, float] | None = None):
        """Saves the last epoch's state if it was passed over."""
        if self.unsaved is not None:
            self._save(self.unsaved)

    def _save(self, epoch: int) -> None:
        """Replaces the state's file in one step, and removes the weights of earlier best epochs."""
        self.unsaved = None
        record = {
            "next_epoch": epoch + 1,
            "history": self.history,
            "best": [(c.best, c.best_epoch) for c in self.checkpoints],
        }
        arrays = {f"v{i}": keras.ops.convert_to_numpy(v) for i, v in enumerate(state_variables(self.model))}
        with replace_file(self.path) as draft, draft.open("wb") as file:
            np.savez(file, record=np.array(json.dumps(record)), **arrays)
        self.saved_best = [checkpoint.best_epoch for checkpoint in self.checkpoints]
        for checkpoint in self.checkpoints:
            checkpoint.tidy()


def resume_epoch(path: Path) -> int:
    """Returns how many epochs a saved state has behind it, 0 where there is no state."""
    if not path.exists():
        return 0
    with np.load(path, allow_pickle=False) as state:
        return json.loads(str(state["record"]))["next_epoch"]


def state_variables(model: keras.Model) -> list[keras.Variable]:
    """Returns all that a compiled model's next step depends on: weights, random states, optimizer slots."""
    return [*model.variables, *model.optimizer.variables]


class HistoryFile(keras.callbacks.Callback):
    """Writes the history as CSV after every epoch: epoch (from 1), then one column a logged value."""

    def __init__(self, path: Path, *, history: Mapping[str, list[float]]):
        super().__init__()
        self.path, self.history = Path(path), history

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None):
        """Writes the file again."""
        self.write()

    def write(self) -> None:
        """Replaces the file in one step."""
        with replace_file(self.path) as draft, draft.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["epoch", *self.history])
            for i, values in enumerate(zip(*self.history.values(), strict=True), start=1):
                writer.writerow([i, *(f"{value:.9g}" for value in values)])


class ProgressObserver(Protocol):
    """Whoever wants to see the training go on (the terminal's progress bar)."""

    def batch(self, *, epoch: int, step: int, loss: float, accuracy: float) -> None:
        """Is called after each step; epoch and step count from 1."""

    def end_epoch(self, *, epoch: int, logs: Mapping[str, float]) -> None:
        """Is called after each epoch, which counts from 1."""

    def message(self, text: str) -> None:
        """Is called with a sentence that the user should read."""


class ReportProgress(keras.callbacks.Callback):
    """Tells an observer of every step and epoch."""

    def __init__(self, observer: ProgressObserver):
        super().__init__()
        self.observer = observer
        self.epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None):
        """Notes the epoch."""
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None):
        """Reports a step."""
        logs = logs or {}
        self.observer.batch(
            epoch=self.epoch, step=batch + 1, loss=float(logs["loss"]), accuracy=float(logs["accuracy"])
        )

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None):
        """Reports an epoch."""
        self.observer.end_epoch(epoch=epoch + 1, logs={k: float(v) for k, v in (logs or {}).items()})
