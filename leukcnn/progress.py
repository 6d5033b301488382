"""Live progress on the terminal: which trial, which epoch, how well, and how long it will take.

Where the output is no terminal (a log of continuous integration), there is one plain line an epoch instead.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from leukcnn.errors import ArgumentError


@dataclass
class _Trial:
    """Where the present trial stands; epochs and steps count from 1."""

    label: str
    index: int
    total: int
    epochs: int
    steps: int
    epoch: int
    started: float
    step: int = 0
    loss: float = math.nan
    accuracy: float = math.nan
    val_accuracy: float = math.nan

    @property
    def steps_done(self) -> int:
        return (self.epoch - 1) * self.steps + self.step

    @property
    def share(self) -> float:
        return self.steps_done / (self.epochs * self.steps)


class TrainingProgress:
    """Shows the training of several trials one after the other; a context manager.

    The time left of the present trial follows from its own pace, which leaves out the first step, where the
    network is compiled; each trial to come counts as long as the mean of those seen so far.

    Args:
        console: Where to print; standard output by default.
        clock: Gives the present time in seconds, as `time.monotonic`.
    """

    def __init__(self, *, console: Console | None = None, clock: Callable[[], float] = time.monotonic):
        self.console = console or Console()
        self._clock = clock
        self._began = clock()
        self._trial: _Trial | None = None
        self._first: tuple[int, float] | None = None  # steps done and time after the first step seen
        self._durations: list[float] = []  # seconds that each whole trial took or would have taken
        self._live: Live | None = None
        if self.console.is_terminal and not self.console.is_dumb_terminal:
            self._live = Live(
                get_renderable=self._render, console=self.console, refresh_per_second=4, transient=True
            )

    def __enter__(self) -> "TrainingProgress":
        """Starts the display and the clock."""
        self._began = self._clock()
        if self._live:
            self._live.start(refresh=False)
        return self

    def __exit__(self, *_):
        """Takes the display away, whatever happened."""
        if self._live:
            self._live.stop()

    def start_trial(
        self, label: str, index: int, total: int, epochs: int, steps: int, *, first_epoch: int = 1
    ) -> None:
        """Announces a trial.

        Args:
            label: What is trained: "VGG16, split by subject".
            index: Number of the trial among all, from 1.
            total: Number of all trials.
            epochs: Number of its epochs, at least 1.
            steps: Number of training steps in an epoch, at least 1.
            first_epoch: The epoch it begins with, from 1; higher where an interrupted trial goes on, and
                `epochs` + 1 where nothing is left to train.

        Raises:
            ArgumentError: A number lies outside what is said above.
        """
        if not (1 <= index <= total and 1 <= first_epoch <= epochs + 1 and steps >= 1):
            raise ArgumentError(
                f"Trial {index} of {total} has {epochs} epochs of {steps} steps, from epoch {first_epoch}.",
                expected="index, epoch and steps of at least 1, within their totals",
            )
        self._trial = _Trial(label, index, total, epochs, steps, first_epoch, self._clock())
        self._first = None

    def batch(self, epoch: int, step: int, loss: float, accuracy: float) -> None:
        """Takes note of a training step.

        Args:
            epoch: Number of the epoch, from 1.
            step: Number of the step in it, from 1.
            loss: Loss, as Keras reports it.
            accuracy: Training accuracy, a fraction.
        """
        trial = self._running()
        trial.epoch, trial.step, trial.loss, trial.accuracy = epoch, step, loss, accuracy
        if self._first is None:
            self._first = trial.steps_done, self._clock()

    def end_epoch(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Takes note of an epoch's end, and prints its line where there is no terminal.

        Args:
            epoch: Number of the epoch, from 1.
            logs: Keras' logs: "loss", "accuracy" and, where validated, "val_accuracy".
        """
        trial = self._running()
        trial.epoch, trial.step = epoch, trial.steps
        trial.loss = logs.get("loss", trial.loss)
        trial.accuracy = logs.get("accuracy", trial.accuracy)
        trial.val_accuracy = logs.get("val_accuracy", math.nan)
        if not self._live:
            self.message(" | ".join([*self._headline(trial), *self._figures(trial), self._times()]))

    def end_trial(self) -> None:
        """Takes note of a trial's end; on a terminal a line about it stays."""
        trial = self._running()
        seconds = self._clock() - trial.started
        self._durations.append(self._whole_trial(trial) or seconds)
        self._trial = None
        if self._live:
            self.message(" | ".join([*self._headline(trial), *self._figures(trial), _duration(seconds)]))

    def message(self, text: str) -> None:
        """Prints a line above the display, word for word: brackets are no markup."""
        self.console.print(Text(text), soft_wrap=True)

    def seconds_left(self) -> float:
        """Returns the time left over all trials in seconds; NaN before anything is known."""
        trial = self._trial
        if trial is None:
            return math.nan
        whole = self._whole_trial(trial)
        known = self._durations + ([whole] if whole else [])
        if not known:
            return math.nan
        mean = sum(known) / len(known)
        present = (whole or mean) * (1 - trial.share)
        return present + (trial.total - trial.index) * mean

    def _running(self) -> _Trial:
        if self._trial is None:
            raise ArgumentError("No trial is running.", expected="start_trial before everything else")
        return self._trial

    def _whole_trial(self, trial: _Trial) -> float:
        """Returns how long all steps of a trial take at its pace so far, in seconds; 0 where unknown."""
        first = self._first  # a copy, because the display's own thread asks too
        if first is None or trial.steps_done <= first[0]:
            return 0.0
        steps, since = first
        return (self._clock() - since) / (trial.steps_done - steps) * trial.epochs * trial.steps

    def _headline(self, trial: _Trial) -> list[str]:
        epoch = min(trial.epoch, trial.epochs)
        return [f"trial {trial.index}/{trial.total}", f"epoch {epoch}/{trial.epochs}", trial.label]

    def _figures(self, trial: _Trial) -> list[str]:
        figures = [f"loss {trial.loss:.4f}", f"accuracy {100 * trial.accuracy:.2f} %"]
        if not math.isnan(trial.val_accuracy):
            figures.append(f"validation accuracy {100 * trial.val_accuracy:.2f} %")
        return figures

    def _times(self) -> str:
        return f"{_duration(self._clock() - self._began)} elapsed, {_duration(self.seconds_left())} left"

    def _render(self) -> Group:
        trial = self._trial
        if trial is None:
            return Group()
        done = trial.index - 1 + trial.share
        overall = Table.grid(padding=(0, 1))
        overall.add_row(
            ProgressBar(total=trial.total, completed=done, width=max(10, min(60, self.console.width - 24))),
            Text(f"{100 * done / trial.total:.0f} % of all trials", no_wrap=True),
        )
        lines = [
            Text("  ".join(self._headline(trial)), style="bold", no_wrap=True, overflow="ellipsis"),
            overall,
            Text(self._times(), no_wrap=True, overflow="ellipsis"),
        ]
        if trial.step:
            lines.append(Text("  ".join(self._figures(trial)), no_wrap=True, overflow="ellipsis"))
        return Group(*lines)


def _duration(seconds: float) -> str:
    """Returns a time as h:mm:ss, with days where there are any; "?" where it is unknown."""
    if math.isnan(seconds):
        return "?"
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    clock = f"{hour}:{minute:02d}:{second:02d}"
    return f"{days} d {clock}" if days else clock
