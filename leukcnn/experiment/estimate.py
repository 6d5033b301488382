"""How long a run will take, and how long its stages took."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from leukcnn.callbacks import ProgressObserver
from leukcnn.runs import Trial

_TIMED_STEPS = 5

# What a trial notes of its own time -> what it is called beside the other stages.
_OF_TRIALS = {
    "images": "decoding",
    "features": "networks and features",
    "svm": "support vector machines",
    "training": "training",
    "prediction": "prediction",
}


class Stopwatch:
    """Notes how long the stages of a run take, one after the other, in seconds of wall-clock time."""

    def __init__(self):
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Ends a stage that began where the one before it ended."""
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now

    def lap_of_trials(self, trials: Iterable[Trial]) -> None:
        """Ends the stage of the trials, and parts it by what each noted of its own time.

        What they noted nothing of, such as writing files, is "files".
        """
        self.lap("files")
        for trial in trials:
            for name, seconds in trial.result["seconds"].items():
                self.seconds["files"] -= seconds
                stage = _OF_TRIALS[name]
                self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds


def describe_seconds(seconds: Mapping[str, float]) -> str:
    """Returns the stages of a run with their times, and the whole, as one sentence."""
    stages = ", ".join(f"{stage} {taken:,.1f} s" for stage, taken in seconds.items())
    return f"Time: {stages}; {sum(seconds.values()):,.1f} s in all."


@dataclass(frozen=True)
class Work:
    """What there is to do of a row.

    Attributes:
        row: Id of the row.
        label: What it is called.
        epochs: Epochs of a trial.
        steps: Training steps of an epoch.
        validation_steps: Steps of a validation.
        trials: Trials of this row that are to be run.
    """

    row: str
    label: str
    epochs: int
    steps: int
    validation_steps: int
    trials: int


class Estimate:
    """Says how long a training will take, from the first real steps of each row's first trial.

    Args:
        progress: Told of it.
        rows: Number of the rows whose networks are to be trained.
        clock: Gives the present time in seconds.
    """

    def __init__(
        self, progress: ProgressObserver, *, rows: int, clock: Callable[[], float] = time.perf_counter
    ):
        self.progress, self.rows, self.clock = progress, rows, clock
        self._seconds: dict[str, float] = {}
        progress.message(
            "There is no GPU; how long it takes, the first steps of each network tell. A GPU takes a small "
            "part of that; --profile smoke takes minutes. What is done is kept: the run may be stopped and "
            "started again."
        )

    def watch(self, work: Work) -> ProgressObserver:
        """Returns who is to be told of a trial: one who times its first steps, unless its row was timed."""
        return self.progress if work.row in self._seconds else _FirstSteps(self, work)

    def note(self, work: Work, seconds_a_step: float) -> None:
        """Says how long a row takes, and all rows known so far."""
        # A validation image goes forward only, about a third of a training step's work.
        epoch = seconds_a_step * (work.steps + work.validation_steps / 3)
        self._seconds[work.row] = epoch * work.epochs * work.trials
        known = len(self._seconds)
        shown = "in all" if known == self.rows else f"for {known} of {self.rows} networks"
        self.progress.message(
            f"{work.label}: about {in_words(epoch)} an epoch on this processor, {work.epochs} epochs, "
            f"{work.trials} trial(s); about {in_words(sum(self._seconds.values()))} {shown}"
        )


class _FirstSteps:
    """Passes all on, and times a trial's steps behind the first, in which the network is compiled."""

    def __init__(self, estimate: Estimate, work: Work):
        self.estimate, self.work = estimate, work
        self._began: float | None = None
        self._timed, self._said = 0, False

    def batch(self, *, epoch: int, step: int, loss: float, accuracy: float) -> None:
        """Passes a step on, and counts it."""
        self.estimate.progress.batch(epoch=epoch, step=step, loss=loss, accuracy=accuracy)
        if self._began is None:
            self._began = self.estimate.clock()
            return
        self._timed += 1
        if self._timed == _TIMED_STEPS:
            self._say()

    def end_epoch(self, *, epoch: int, logs: Mapping[str, float]) -> None:
        """Passes an epoch's end on; of a short epoch, the steps so far have to do."""
        if self._timed:
            self._say()
        self.estimate.progress.end_epoch(epoch=epoch, logs=logs)

    def message(self, text: str) -> None:
        """Passes a sentence on."""
        self.estimate.progress.message(text)

    def _say(self) -> None:
        if not self._said:
            self._said = True
            self.estimate.note(self.work, (self.estimate.clock() - self._began) / self._timed)


def in_words(seconds: float) -> str:
    """Returns a duration, given in seconds, in the largest unit of which it holds more than two."""
    for unit, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds > 2 * unit:
            return f"{seconds / unit:,.0f} {name}"
    return f"{seconds:,.0f} seconds"
