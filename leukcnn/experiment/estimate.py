"""Estimates how long a run will take, and measures how long its stages took."""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from leukcnn.callbacks import ProgressObserver
from leukcnn.counting import Count
from leukcnn.runs import Trial

_TIMED_STEPS = 5

# Name of a time in a trial's result -> name of the stage.
_OF_TRIALS = {
    "images": "decoding",
    "features": "networks and features",
    "svm": "support vector machines",
    "training": "training",
    "prediction": "prediction",
}


class Stopwatch:
    """Measures how long the successive stages of a run take, in seconds of wall-clock time."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Ends a stage, which began when the stage before it ended."""
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now

    def lap_of_trials(self, trials: Iterable[Trial]) -> None:
        """Ends the stage of the trials, and splits it into the times that each trial stored.

        The rest, such as the time for writing files, is the stage "files".
        """
        self.lap("files")
        for trial in trials:
            for name, seconds in trial.result["seconds"].items():
                self.seconds["files"] -= seconds
                stage = _OF_TRIALS[name]
                self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds


def describe_seconds(seconds: Mapping[str, float]) -> str:
    """Returns a sentence with the time of each stage and their sum, from seconds."""
    stages = ", ".join(f"{stage} {taken:,.1f} s" for stage, taken in seconds.items())
    return f"Time: {stages}; {sum(seconds.values()):,.1f} s in total."


@dataclass(frozen=True)
class Work:
    """The amount of training of a row.

    Attributes:
        row: Id of the row.
        label: The row's name in messages.
        epochs: Epochs of a trial.
        steps: Training steps of an epoch.
        validation_steps: Validation steps of an epoch.
        trials: Number of the row's trials that are to be run.
    """

    row: str
    label: str
    epochs: int
    steps: int
    validation_steps: int
    trials: int


class Estimate:
    """Estimates how long a training will take, from the first steps of each row's first trial.

    Args:
        progress: Shows the messages.
        rows: Number of rows that train a network.
        shorter: An option that makes the training take minutes; "" for none.
        clock: Returns the present time in seconds.
    """

    def __init__(
        self,
        progress: ProgressObserver,
        *,
        rows: int,
        shorter: str = "",
        clock: Callable[[], float] = time.perf_counter,
    ):
        self.progress, self.rows, self.clock = progress, rows, clock
        self._seconds: dict[str, float] = {}
        in_minutes = f"; {shorter} takes minutes" if shorter else ""
        progress.message(
            "There is no GPU. The first steps of each network show how long its training takes. A GPU needs "
            f"a small fraction of that time{in_minutes}. Finished work is kept: you can stop the run and "
            "start it again."
        )

    def watch(self, work: Work) -> ProgressObserver:
        """Returns the observer for a trial, which measures its first steps unless its row was measured."""
        return self.progress if work.row in self._seconds else _FirstSteps(self, work)

    def note(self, work: Work, seconds_a_step: float) -> None:
        """Shows how long a row takes, and all rows measured so far."""
        # Validation has the forward pass only, about a third of a training step's work.
        epoch = seconds_a_step * (work.steps + work.validation_steps / 3)
        self._seconds[work.row] = epoch * work.epochs * work.trials
        known = len(self._seconds)
        total = "in total" if known == self.rows else f"for {known} of {self.rows} networks"
        self.progress.message(
            f"{work.label}: about {in_words(epoch)} per epoch on this processor, "
            f"{work.epochs:,} epoch{'s' * (work.epochs != 1)}, "
            f"{work.trials:,} trial{'s' * (work.trials != 1)}; "
            f"about {in_words(sum(self._seconds.values()))} {total}"
        )


class _FirstSteps:
    """Passes everything on, and times a trial's steps. The first isn't timed: it compiles the network."""

    def __init__(self, estimate: Estimate, work: Work):
        self.estimate, self.work = estimate, work
        self._first: tuple[int, float] | None = None
        self._timed, self._seconds, self._reported = 0, 0.0, False

    def batch(self, *, epoch: int, step: int, loss: float, accuracy: float) -> None:
        """Passes a step on, and notes its time. Some steps are left out."""
        self.estimate.progress.batch(epoch=epoch, step=step, loss=loss, accuracy=accuracy)
        self._note((epoch - 1) * self.work.steps + step)
        if self._timed >= _TIMED_STEPS:
            self._report()

    def end_epoch(self, *, epoch: int, logs: Mapping[str, float]) -> None:
        """Passes an epoch's end on. After a short epoch, the estimate is made from the steps it had."""
        if not self._timed:
            # With the time of the validation, which is little if the steps took less than that of a report.
            self._note(epoch * self.work.steps)
        if self._timed:
            self._report()
        self.estimate.progress.end_epoch(epoch=epoch, logs=logs)

    def message(self, text: str) -> None:
        """Passes a sentence on."""
        self.estimate.progress.message(text)

    def counting(self, what: str) -> AbstractContextManager[Count]:
        """Passes a stage on."""
        return self.estimate.progress.counting(what)

    def _note(self, steps: int) -> None:
        """Notes the time at which a number of steps was done."""
        now = self.estimate.clock()
        if self._first is None:
            self._first = (steps, now)
        first_steps, first_time = self._first
        self._timed, self._seconds = steps - first_steps, now - first_time

    def _report(self) -> None:
        if not self._reported:
            self._reported = True
            self.estimate.note(self.work, self._seconds / self._timed)


def in_words(seconds: float) -> str:
    """Returns a duration in words, in the largest unit that gives more than 2: "3 hours"."""
    for unit, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds > 2 * unit:
            return f"{seconds / unit:,.0f} {name}"
    return "1 second" if 0.5 <= seconds < 1.5 else f"{seconds:,.0f} seconds"
