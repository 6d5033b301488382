"""Live progress on the terminal: which trial, which epoch, how well, and how long it will take.

Where the output is no terminal (a log of continuous integration), there is one plain line an epoch instead.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, Task
from rich.text import Text


class TrainingProgress(Progress):
    """Shows the training of several trials one after the other; a context manager.

    The time left of the present trial follows from the pace of its last thousand steps, which leaves out the
    first step, where the network is compiled; each trial to come counts as long as the mean of those seen so
    far. It prints to standard output unless another console is given; `clock` gives the time in seconds.
    """

    def __init__(self, *, console: Console | None = None, clock: Callable[[], float] = time.monotonic):
        console = console or Console()
        super().__init__(
            BarColumn(bar_width=None),
            "{task.percentage:.0f} % of all trials",
            console=console,
            refresh_per_second=4,
            speed_estimate_period=math.inf,
            transient=True,
            get_time=clock,
            disable=not console.is_terminal or console.is_dumb_terminal,
        )
        self._began = clock()
        self._durations: list[float] = []  # seconds that each whole trial took or would have taken

    def start_trial(
        self, label: str, index: int, total: int, epochs: int, steps: int, *, first_epoch: int = 1
    ) -> None:
        """Announces trial number `index` of `total`, from 1, with so many epochs and steps an epoch.

        An interrupted one goes on with `first_epoch`, which is `epochs` + 1 where nothing is left to train.
        """
        for task in self.task_ids:
            self.remove_task(task)
        # The bar is that of all trials, each counted as if it had the steps of this one.
        done = (index - 1) * epochs * steps + (first_epoch - 1) * steps
        fields = {"index": index, "trials": total, "epochs": epochs, "steps": steps, "epoch": first_epoch}
        unknown = dict.fromkeys(("loss", "accuracy", "val_accuracy"), math.nan)
        self.add_task(label, total=total * epochs * steps, completed=done, **fields, **unknown)

    def batch(self, epoch: int, step: int, loss: float, accuracy: float) -> None:
        """Takes note of a training step; epoch and step count from 1, the accuracy is a fraction."""
        self._reach(epoch, step, loss=loss, accuracy=accuracy)

    def end_epoch(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Takes note of an epoch's end and of Keras' logs; prints its line where there is no terminal."""
        (task,) = self.tasks
        known = {name: logs.get(name, task.fields[name]) for name in ("loss", "accuracy")}
        self._reach(epoch, task.fields["steps"], **known, val_accuracy=logs.get("val_accuracy", math.nan))
        if self.disable:
            self._print(task, self._times())

    def end_trial(self) -> None:
        """Takes note of a trial's end; on a terminal a line about it stays."""
        (task,) = self.tasks
        self._durations.append(_whole_trial(task) or task.elapsed)
        self.remove_task(task.id)
        if not self.disable:
            self._print(task, _duration(task.elapsed))

    def message(self, text: str) -> None:
        """Prints a line above the display, word for word: brackets are no markup."""
        self.console.print(Text(text), soft_wrap=True)

    def seconds_left(self) -> float:
        """Returns the time left over all trials in seconds; NaN before anything is known."""
        task = next(iter(self.tasks), None)
        whole = _whole_trial(task) if task else 0.0
        known = self._durations + ([whole] if whole else [])
        if task is None or not known:
            return math.nan
        mean = sum(known) / len(known)
        to_come = task.fields["trials"] - task.fields["index"]
        trials_left = task.remaining / _steps(task) - to_come
        return (whole or mean) * trials_left + to_come * mean

    def get_renderables(self) -> Iterator[RenderableType]:
        """Yields the lines of the display: the trial, the bar, the times and the figures."""
        for task in self.tasks:
            yield Text("  ".join(_headline(task)), style="bold", no_wrap=True, overflow="ellipsis")
            yield self.make_tasks_table([task])
            yield Text(self._times(), no_wrap=True, overflow="ellipsis")
            if not math.isnan(task.fields["accuracy"]):  # a loss may become NaN
                yield Text("  ".join(_figures(task)), no_wrap=True, overflow="ellipsis")

    def _reach(self, epoch: int, step: int, **figures: float) -> None:
        (task,) = self.tasks
        done = (task.fields["index"] - 1) * _steps(task) + (epoch - 1) * task.fields["steps"] + step
        self.update(task.id, completed=done, epoch=epoch, **figures)

    def _print(self, task: Task, times: str) -> None:
        self.message(" | ".join([*_headline(task), *_figures(task), times]))

    def _times(self) -> str:
        elapsed = self.get_time() - self._began
        return f"{_duration(elapsed)} elapsed, {_duration(self.seconds_left())} left"


def _steps(task: Task) -> int:
    """Returns the steps of the whole trial."""
    return task.fields["epochs"] * task.fields["steps"]


def _whole_trial(task: Task) -> float:
    """Returns how long all steps of a trial take at its pace so far, in seconds; 0 where unknown."""
    return _steps(task) / task.speed if task.speed else 0.0


def _headline(task: Task) -> list[str]:
    at = task.fields
    epoch = min(at["epoch"], at["epochs"])
    return [f"trial {at['index']}/{at['trials']}", f"epoch {epoch}/{at['epochs']}", task.description]


def _figures(task: Task) -> list[str]:
    at = task.fields
    figures = [f"loss {at['loss']:.4f}", f"accuracy {100 * at['accuracy']:.2f} %"]
    if not math.isnan(at["val_accuracy"]):
        figures.append(f"validation accuracy {100 * at['val_accuracy']:.2f} %")
    return figures


def _duration(seconds: float) -> str:
    """Returns a time as h:mm:ss, with days where there are any; "?" where it is unknown."""
    if math.isnan(seconds):
        return "?"
    return str(timedelta(seconds=round(seconds))).replace(" days,", " d").replace(" day,", " d")
