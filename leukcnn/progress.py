"""Live progress on the terminal: trial, epoch, loss, accuracy, stages, the time left; bytes of a download.

If the output isn't a terminal (for example a log), there is one plain line per epoch instead, and one every
ten seconds for stages that take longer.
"""

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TaskID,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from leukcnn.counting import Count

_SECONDS_BETWEEN_BARS, _SECONDS_BETWEEN_LINES = 0.1, 10.0


class TrainingProgress(Progress):
    """A context manager that shows the training of several trials, one after another.

    The time left of the current trial is estimated from the speed of its last thousand steps, without the
    first step, which compiles the network. Each later trial is expected to take the mean time of those so
    far.

    Args:
        console: Where it prints; standard output if None.
        clock: Returns the time in seconds.
    """

    def __init__(self, *, console: Console | None = None, clock: Callable[[], float] = time.monotonic):
        console = console or Console()
        # What is shown is asked for in the constructor of the base.
        self._stages = _bars(console, clock)
        self._at_once: TrialsAtOnce | None = None
        super().__init__(
            BarColumn(bar_width=None),
            "{task.percentage:.0f} % of all trials",
            console=console,
            refresh_per_second=4,
            speed_estimate_period=math.inf,
            transient=True,
            get_time=clock,
            disable=not shows_bars(console),
        )
        self._began = clock()
        self._durations: list[float] = []  # seconds that each trial takes with all its steps

    def start_trial(
        self, label: str, index: int, total: int, epochs: int, steps: int, *, first_epoch: int = 1
    ) -> None:
        """Starts the display of a trial.

        Args:
            label: Name of the trial as shown.
            index: Its number, from 1.
            total: Number of trials.
            epochs: Number of its epochs.
            steps: Number of training steps in an epoch.
            first_epoch: Epoch to begin with, from 1; more than 1 if the trial was interrupted, `epochs` + 1
                if no epoch is left.
        """
        for task in self.task_ids:
            self.remove_task(task)
        # The bar shows all trials. Each counts as many steps as this one.
        self.add_task(
            label,
            total=total * epochs * steps,
            completed=(index - 1) * epochs * steps + (first_epoch - 1) * steps,
            index=index,
            trials=total,
            epochs=epochs,
            steps=steps,
            epoch=first_epoch,
            loss=math.nan,
            accuracy=math.nan,
            val_accuracy=math.nan,
        )

    def batch(self, epoch: int, step: int, loss: float, accuracy: float) -> None:
        """Shows a training step; epoch and step count from 1, the accuracy is a fraction."""
        (task,) = self.tasks
        self._reach(epoch, step, loss, accuracy, val_accuracy=task.fields["val_accuracy"])

    def end_epoch(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Shows the end of an epoch with Keras' logs, or prints its line if there is no terminal."""
        (task,) = self.tasks
        loss, accuracy = (logs.get(name, task.fields[name]) for name in ("loss", "accuracy"))
        val_accuracy = logs.get("val_accuracy", math.nan)
        self._reach(epoch, task.fields["steps"], loss, accuracy, val_accuracy=val_accuracy)
        if self.disable:
            self._print(task, self._times())

    def place(self, *, finished: int) -> str:
        """Returns where the current trial is: its epoch and its name.

        Args:
            finished: Number of epochs that are known to be finished.
        """
        (task,) = self.tasks
        epoch, epochs = max(task.fields["epoch"], finished + 1), task.fields["epochs"]
        return f"epoch {min(epoch, epochs)} of {epochs} of {task.description}"

    def end_trial(self) -> None:
        """Ends the display of a trial; on a terminal it leaves one line."""
        (task,) = self.tasks
        elapsed = task.elapsed or 0.0
        self._durations.append(_whole_trial(task) or elapsed)
        self.remove_task(task.id)
        if not self.disable:
            self._print(task, _duration(elapsed))

    def counting(self, what: str) -> contextlib.AbstractContextManager[Count]:
        """Shows a stage below the trial: a bar with the time left, or a line every ten seconds.

        Args:
            what: The stage, such as "Decoding images".

        Returns:
            A context manager that yields a function to call with the number done and the number of all.
        """
        return _counted(what, self._stages, self.message if self.disable else None)

    def at_once(self, trials: int) -> "TrialsAtOnce":
        """Shows trials that run at the same time in place of one after another.

        Args:
            trials: Their number.
        """
        self._at_once = TrialsAtOnce(self, self._stages, trials)
        return self._at_once

    def message(self, text: str) -> None:
        """Prints a line above the display. Square brackets are printed as they are, not read as markup."""
        self.console.print(Text(text), soft_wrap=True)

    def seconds_left(self) -> float:
        """Returns the time left for all trials in seconds; NaN if it can't be estimated yet."""
        task = next(iter(self.tasks), None)
        whole = _whole_trial(task) if task else 0.0
        known = self._durations + ([whole] if whole else [])
        if task is None or not known:
            return math.nan
        mean = sum(known) / len(known)
        later = task.fields["trials"] - task.fields["index"]
        left_of_this = (task.remaining or 0.0) / _steps(task) - later
        return (whole or mean) * left_of_this + later * mean

    def get_renderables(self) -> Iterator[RenderableType]:
        """Yields the lines of the display: trial, bar, times and scores."""
        for task in self.tasks:
            yield Text("  ".join(_headline(task)), style="bold", no_wrap=True, overflow="ellipsis")
            yield self.make_tasks_table([task])
            yield Text(self._times(), no_wrap=True, overflow="ellipsis")
            if not math.isnan(task.fields["accuracy"]):  # the loss may be NaN in training
                yield Text("  ".join(_scores(task)), no_wrap=True, overflow="ellipsis")
        if self._stages.tasks:
            yield self._stages.make_tasks_table(self._stages.tasks)
        if self._at_once and self._at_once.running():
            yield Text(self._at_once.place(), no_wrap=True, overflow="ellipsis")

    def _reach(self, epoch: int, step: int, loss: float, accuracy: float, *, val_accuracy: float) -> None:
        (task,) = self.tasks
        done = (task.fields["index"] - 1) * _steps(task) + (epoch - 1) * task.fields["steps"] + step
        self.update(
            task.id, completed=done, epoch=epoch, loss=loss, accuracy=accuracy, val_accuracy=val_accuracy
        )

    def _print(self, task: Task, times: str) -> None:
        self.message(" | ".join([*_headline(task), *_scores(task), times]))

    def _times(self) -> str:
        elapsed = self.get_time() - self._began
        return f"{_duration(elapsed)} elapsed, {_duration(self.seconds_left())} left"


class TrialsAtOnce:
    """Shows trials that run at the same time in other processes: a bar each, or a line for each epoch.

    Args:
        progress: Prints the lines.
        bars: Shows the bars.
        trials: Number of trials.
    """

    def __init__(self, progress: TrainingProgress, bars: Progress, trials: int):
        self._progress, self._bars, self._trials = progress, bars, trials
        self._began = self._first = bars.get_time()
        self._tasks: dict[str, Task] = {}
        self._finished, self._skipped = 0, 0.0  # trials; those that were done before, in part

    def start(self, trial: str, label: str, index: int, epochs: int, steps: int, *, first_epoch: int) -> None:
        """Starts the display of a trial, also of one that was lost and goes on in another process.

        Args:
            trial: Its name.
            label: Its name as shown.
            index: Its number, from 1.
            epochs: Number of its epochs.
            steps: Number of training steps in an epoch.
            first_epoch: Epoch to begin with, from 1.
        """
        self._remove(trial)
        if not self._finished and not self._tasks:
            self._first = self._bars.get_time()
        self._skipped += (first_epoch - 1) / epochs
        fields: dict[str, Any] = {"index": index, "trials": self._trials, "epochs": epochs, "steps": steps}
        fields |= {"epoch": first_epoch, "loss": math.nan, "accuracy": math.nan, "val_accuracy": math.nan}
        number = self._bars.add_task(
            label, total=epochs * steps, completed=(first_epoch - 1) * steps, label=label, **fields
        )
        self._tasks[trial] = next(task for task in self._bars.tasks if task.id == number)

    def reach(self, trial: str, epoch: int, step: int, logs: Mapping[str, float]) -> None:
        """Shows a step of a trial."""
        if task := self._tasks.get(trial):
            named = {name: logs.get(name, task.fields[name]) for name in ("loss", "accuracy", "val_accuracy")}
            done = (epoch - 1) * task.fields["steps"] + step
            self._bars.update(task.id, completed=done, epoch=epoch, **named)
            words = [*_headline(task, task.fields["label"]), *_scores(task)]
            self._bars.update(task.id, description="  ".join(words))

    def end_epoch(self, trial: str, epoch: int, logs: Mapping[str, float]) -> None:
        """Shows the end of an epoch, or prints its line if there is no terminal."""
        if task := self._tasks.get(trial):
            self.reach(trial, epoch, task.fields["steps"], logs)
            if self._progress.disable:
                self._print(task)

    def end(self, trial: str) -> None:
        """Ends the display of a trial; on a terminal it leaves one line."""
        if task := self._tasks.get(trial):
            if not self._progress.disable:
                self._print(task)
            self._remove(trial)

    def finish(self) -> None:
        """Counts a finished trial, also one that has no epochs."""
        self._finished += 1

    def lose(self, trial: str) -> str:
        """Ends the display of a trial that was lost; returns its name as shown, "" if it isn't known."""
        label = self.running().get(trial, "")
        self._remove(trial)
        return label

    def running(self) -> dict[str, str]:
        """Returns name -> name as shown of the trials that run."""
        # The events come in a thread of their own.
        return {trial: task.fields["label"] for trial, task in [*self._tasks.items()]}

    def _remove(self, trial: str) -> None:
        if task := self._tasks.pop(trial, None):
            self._bars.remove_task(task.id)

    def _print(self, task: Task) -> None:
        words = [*_headline(task, task.fields["label"]), *_scores(task), self._times()]
        self._progress.message(" | ".join(words))

    def place(self) -> str:
        """Returns how many trials are finished, the time so far, and the time left for all."""
        return f"trials finished: {self._finished} of {self._trials}, {self._times()}"

    def _times(self) -> str:
        now = self._bars.get_time()
        done = self._finished + sum(task.percentage / 100 for task in [*self._tasks.values()])
        own = done - self._skipped
        left = (now - self._first) * (self._trials - done) / own if own > 0 else math.nan
        return f"{_duration(now - self._began)} elapsed, {_duration(max(left, 0.0))} left"


@contextlib.contextmanager
def shown_bytes(console: Console | None = None) -> Iterator[Callable[[int, int], None]]:
    """Shows the bytes of a download: a bar on a terminal, otherwise a line for each tenth of the total.

    Args:
        console: Where it prints; standard error if None.

    Yields:
        A function to call with the number of bytes and their total, which is 0 if it is unknown.
    """
    console = console or Console(stderr=True)
    shows_bar = shows_bars(console)
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True, disable=not shows_bar) as shown:
        task, printed = shown.add_task(""), 0

        def show(done: int, total: int) -> None:
            nonlocal printed
            shown.update(task, completed=done, total=total or None)
            tenths = 10 * done // total if total else 0
            if not shows_bar and tenths not in (0, printed):
                console.print(Text(f"{done / 1e6:,.1f} of {total / 1e6:,.1f} MB"), soft_wrap=True)
            printed = tenths

        yield show


def _steps(task: Task) -> int:
    """Returns the steps of the whole trial."""
    return task.fields["epochs"] * task.fields["steps"]


def _whole_trial(task: Task) -> float:
    """Returns the time in seconds of all steps of a trial at its speed so far; 0 if unknown."""
    return _steps(task) / task.speed if task.speed else 0.0


def _headline(task: Task, label: str = "") -> list[str]:
    fields = task.fields
    trial, epoch = f"{fields['index']}/{fields['trials']}", min(fields["epoch"], fields["epochs"])
    return [f"trial {trial}", f"epoch {epoch}/{fields['epochs']}", label or task.description]


def _scores(task: Task) -> list[str]:
    fields = task.fields
    scores = [f"loss {fields['loss']:.4f}", f"accuracy {100 * fields['accuracy']:.2f} %"]
    if not math.isnan(fields["val_accuracy"]):
        scores.append(f"validation accuracy {100 * fields['val_accuracy']:.2f} %")
    return scores


def _duration(seconds: float) -> str:
    """Returns a time as h:mm:ss, with days if there are any; "?" for NaN."""
    if math.isnan(seconds):
        return "?"
    return str(timedelta(seconds=round(seconds))).replace(" days,", " d").replace(" day,", " d")


@contextlib.contextmanager
def counting(what: str, *, console: Console | None = None) -> Iterator[Count]:
    """Shows a stage: a bar with the time left on a terminal, otherwise a line every ten seconds.

    Args:
        what: The stage, such as "Decoding images".
        console: Where it is shown; standard error if None.

    Yields:
        A function to call with the number done and the number of all.
    """
    console = console or Console(stderr=True)
    bars = _bars(console)
    say = None if shows_bars(console) else lambda text: console.print(Text(text), soft_wrap=True)
    with bars, _counted(what, bars, say) as count:
        yield count


def shows_bars(console: Console) -> bool:
    """Returns whether a console is a terminal that can show a line again and again."""
    return console.is_terminal and not console.is_dumb_terminal


def _bars(console: Console, clock: Callable[[], float] = time.monotonic) -> Progress:
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), "left")
    return Progress(
        *columns, console=console, transient=True, get_time=clock, disable=not shows_bars(console)
    )


@contextlib.contextmanager
def _counted(what: str, bars: Progress, say: Callable[[str], None] | None) -> Iterator[Count]:
    """Shows a stage as one of some bars, or with lines if there is a function that prints them."""
    clock = bars.get_time
    began = shown = clock()
    tasks: list[TaskID] = []

    def show(done: int, total: int) -> None:
        nonlocal shown
        now = clock()
        # Each image calls this: most calls end here.
        if now - shown < (_SECONDS_BETWEEN_LINES if say else _SECONDS_BETWEEN_BARS) and (say or tasks):
            return
        shown = now
        if say and 0 < done < total:
            say(f"{what}: {done:,} of {total:,}, {_duration((now - began) * (total - done) / done)} left")
        elif not say:
            if not tasks:
                tasks.append(bars.add_task(what, total=total))
            bars.update(tasks[0], completed=done, total=total)

    try:
        yield show
    finally:
        for task in tasks:
            bars.remove_task(task)
