"""The process in which a worker of dask runs trials: nothing else runs in it, so that trials repeat.

Keras takes its seeds from Python's global generator, which dask's own threads use too. The process reads a
job and then tasks from standard input, as pickled objects, and writes events and results to standard output.
It ends with its standard input, and so never outlives its worker.
"""

import contextlib
import hashlib
import os
import pickle
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from leukcnn import quiet
from leukcnn.counting import Count
from leukcnn.errors import DependencyError, LeukCNNError, StoreError

if TYPE_CHECKING:
    import numpy as np

    from leukcnn.datasets import ImageIndex
    from leukcnn.experiment.runner import Outcome, Runner
    from leukcnn.experiment.study import Study
    from leukcnn.records import PlannedTrial
    from leukcnn.splits import Fold, SplitRows

CONTROLS, PROBE, TRIAL = "controls", "probe", "trial"
"""Kinds of task."""

EVENT, RESULT, ERROR = "event", "result", "error"
"""Kinds of message that the process writes."""

# Seconds between two messages about the steps of a trial or the images of a stage, and between two attempts
# to lock a trial.
_BETWEEN_STEPS, _BETWEEN_ATTEMPTS = 0.5, 2.0


@dataclass(frozen=True)
class Task:
    """Planned trials that one worker runs one after the other.

    Attributes:
        kind: "controls", "probe" or "trial".
        trials: The trials.
        identities: Name of a trial -> its specification.
        rows: Name of a trial -> `digest_of_rows`; nothing for the probe.
    """

    kind: str
    trials: tuple["PlannedTrial", ...]
    identities: Mapping[str, dict[str, Any]]
    rows: Mapping[str, str]


@dataclass(frozen=True)
class Job:
    """A run as its worker processes get it, without the splits, which each computes for its own trials.

    Attributes:
        study: The paper with the options applied.
        index: The images.
        pairs: (P, 2) int64, positions of copies, as in the plan.
        out: Folder of the runs.
        devices: Value of `--devices`.
        threads: Threads of a trial that prepare batches.
        track: Names of trackers.
        group: The trackers' group.
        waiting: The trials that are to be run, in order.
        deterministic: Whether the same trials must give the same bytes.
        builders: Name -> a builder that the user has registered.
    """

    study: "Study"
    index: "ImageIndex"
    pairs: "np.ndarray"
    out: Path
    devices: str | None
    threads: int
    track: tuple[str, ...]
    group: str
    waiting: list["PlannedTrial"]
    deterministic: bool
    builders: Mapping[str, Callable[..., Any]] = field(default_factory=dict)


def digest_of_rows(split_rows: "SplitRows") -> str:
    """Returns a hash of the rows of a fold."""
    parts = {"train": split_rows.train, "validation": split_rows.validation, **split_rows.predicted}
    found = hashlib.sha256()
    for name, rows in parts.items():
        found.update(f"{name} {len(rows)} ".encode() + rows.astype("<i8").tobytes())
    return found.hexdigest()


@dataclass(frozen=True)
class Start:
    """The first message that the process reads.

    Attributes:
        job: The run, pickled: it is read when the folders below are on Python's path.
        version: leukcnn's version in the client.
        folder: Working folder of the client, to which paths are relative.
        path: Folders on the client's Python path, in which the user's own builders are.
        command: The client's command line, which trials note.
        cores: The cores of this process; none if they aren't limited.
    """

    job: bytes
    version: str
    folder: str
    path: list[str]
    command: list[str]
    cores: list[int]


def main() -> None:
    """Runs tasks until standard input ends."""
    # What is printed goes to standard error.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    lock = threading.Lock()

    def write(kind: str, value: Any) -> None:
        content = _pickled(value)
        with lock:
            pickle.dump((kind, content), answers)
            answers.flush()

    messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin.buffer, messages), daemon=True).start()
    start, run = messages.get(), None
    while True:
        task = messages.get()
        try:
            run = run or _Run(start, lambda **event: write(EVENT, event))
            result = run.run(task)
        except Exception as error:
            if not isinstance(error, LeukCNNError):
                # The caller has frames of its own only.
                error.add_note("".join(["In a worker process:\n", *traceback.format_tb(error.__traceback__)]))
            write(ERROR, error)
        else:
            write(RESULT, result)


def _read(stream: BinaryIO, messages: "queue.SimpleQueue[Any]") -> None:
    """Reads messages; ends the process with the stream, also in the middle of a trial."""
    with contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
        while True:
            messages.put(pickle.load(stream))
    os._exit(1)


def _pickled(value: Any) -> bytes:
    try:
        content = pickle.dumps(value)
        if isinstance(value, Exception):
            # Some can be written, but not read again.
            pickle.loads(content)
        return content
    except Exception:
        # An error of another library may hold anything.
        plain = RuntimeError(f"{type(value).__name__}: {value}")
        for note in getattr(value, "__notes__", ()):
            plain.add_note(note)
        return pickle.dumps(plain)


class _Run:
    """A run in this process."""

    def __init__(self, start: Start, send: Callable[..., None]):
        from leukcnn import __version__

        if start.version != __version__:
            raise DependencyError(
                f"A worker process has leukcnn {__version__}, and this process has {start.version}.",
                expected="the same version",
                remedy="install the same version on the machines of the cluster",
            )
        try:
            os.chdir(start.folder)
        except OSError as error:
            raise StoreError(
                f"A worker process can't enter the folder {start.folder}: {error.strerror}.",
                expected="the same file system on all machines of the cluster",
                remedy="run the command in a folder that all of them share",
            ) from error
        sys.argv = start.command
        sys.path += [folder for folder in start.path if folder not in sys.path]
        quiet.set_log_level()
        # Classes in it may load Keras.
        with quiet.held_stderr():
            job: Job = pickle.loads(start.job)
        # The backend has as many threads as it finds cores when it starts, and sums depend on their number.
        # Where bytes count, it finds all cores, as in a run without workers.
        if not job.deterministic:
            _keep_to(start.cores)
        self._job, self._progress = job, _Events(send)
        self._folds: dict[str, list[Fold]] = {}
        self._runner = self._started()
        _keep_to(start.cores)

    def _started(self) -> "Runner":
        from leukcnn import models
        from leukcnn.backend import start_backend
        from leukcnn.datasets.own_folders import register_folders

        job, progress = self._job, self._progress
        for name, function in job.builders.items():
            models.register(name, function)
        register_folders(job.study.paper.folders)
        start_backend()

        from leukcnn.distribution import find_devices, make_deterministic
        from leukcnn.experiment.plan import Plan
        from leukcnn.experiment.runner import Runner
        from leukcnn.experiment.session import Session
        from leukcnn.runs import Store
        from leukcnn.tracking import Tracking
        from leukcnn.trials import TrialContext

        if job.deterministic:
            make_deterministic()
        shared = TrialContext(job.index, find_devices(job.devices), progress, workers=job.threads)
        tracking = Tracking(job.track, job.out, warn=progress.message, group=job.group)
        session = Session(Store(job.out, job.study.paper.key), progress, shared, tracking)
        return Runner(job.study, session, Plan([], [], {}, {}), job.waiting)

    def run(self, task: Task) -> list["Outcome"]:
        """Runs the trials of a task one after the other."""
        return [self._run(task, trial) for trial in task.trials]

    def _run(self, task: Task, trial: "PlannedTrial") -> "Outcome":
        from leukcnn.experiment.runner import Outcome
        from leukcnn.runs import TrialBusyError

        runner, name, waited = self._runner, trial.name, False
        runner.planned.identities[name] = task.identities[name]
        if task.kind != PROBE:
            runner.planned.split_rows[name] = self._split_rows(trial, task.rows[name])
        self._progress.trial = name
        while True:
            try:
                if task.kind == TRIAL:
                    return runner.trial(trial)
                (runner.control if task.kind == CONTROLS else runner.probe)(trial)
                return Outcome()
            except TrialBusyError as busy:
                # Such as a worker that the scheduler has lost, and that goes on nevertheless.
                if not waited:
                    self._progress.message(f"Waiting: {busy.found}")
                waited = True
                time.sleep(_BETWEEN_ATTEMPTS)

    def _split_rows(self, trial: "PlannedTrial", expected: str) -> "SplitRows":
        """Returns the rows of a trial, computed as in the plan.

        Raises:
            StoreError: They are others: the machines have different versions of a library.
        """
        from leukcnn.fields import to_plain
        from leukcnn.files import digest
        from leukcnn.splits import partition

        study = self._job.study
        named = [row for row in study.rows if row.id == trial.row]
        row = next(row for row in named or study.rows if trial.split in row.splits)
        split = row.under(trial.split).split
        key = digest([to_plain(split), trial.seed])
        if key not in self._folds:
            self._folds[key] = partition(split, self._job.index, seed=trial.seed, pairs=self._job.pairs)
        for fold in self._folds[key]:
            same = (fold.number, fold.tested) == (trial.fold, trial.tested)
            if same and digest_of_rows(fold.split_rows) == expected:
                return fold.split_rows
        raise StoreError(
            f"A worker process splits the images in another way than the plan, for the trial {trial.name}.",
            expected="the same versions of NumPy and scikit-learn on all machines of the cluster",
            remedy="install the same versions there",
        )


def _keep_to(cores: list[int]) -> None:
    """Lets all threads of this process, and those that they start, run on some cores alone; none for all."""
    if not cores or not hasattr(os, "sched_setaffinity"):
        return
    for thread in Path("/proc/self/task").iterdir():
        # A thread may have ended in the meantime.
        with contextlib.suppress(OSError):
            os.sched_setaffinity(int(thread.name), cores)


class _Events:
    """Sends what a run's display shows as events in place of showing it.

    Attributes:
        trial: Name of the trial that runs.
    """

    def __init__(self, send: Callable[..., None]):
        self._send, self.trial, self._sent, self._label = send, "", 0.0, ""

    def message(self, text: str) -> None:
        """Sends a sentence."""
        self._send(what="message", text=text)

    def start_trial(
        self, label: str, index: int, total: int, epochs: int, steps: int, *, first_epoch: int = 1
    ) -> None:
        """Sends that a trial begins."""
        self._label = label
        shown = {"label": label, "index": index, "total": total, "epochs": epochs, "steps": steps}
        self._send(what="start", trial=self.trial, first_epoch=first_epoch, **shown)

    def batch(self, *, epoch: int, step: int, loss: float, accuracy: float) -> None:
        """Sends a step, unless another one was sent less than half a second ago."""
        now = time.monotonic()
        if now - self._sent >= _BETWEEN_STEPS:
            self._sent = now
            logs = {"loss": float(loss), "accuracy": float(accuracy)}
            self._send(what="step", trial=self.trial, epoch=epoch, step=step, logs=logs)

    def end_epoch(self, *, epoch: int, logs: Mapping[str, float]) -> None:
        """Sends an epoch."""
        values = {name: float(value) for name, value in logs.items()}
        self._send(what="epoch", trial=self.trial, epoch=epoch, logs=values)

    def place(self, *, finished: int) -> str:
        """Returns where the trial is."""
        return f"epoch {finished + 1} of {self._label}"

    def end_trial(self) -> None:
        """Sends that the trial has ended."""
        self._send(what="end", trial=self.trial)

    @contextlib.contextmanager
    def counting(self, what: str) -> Iterator[Count]:
        """Sends how far a stage is."""
        sent = 0.0

        def count(done: int, total: int) -> None:
            nonlocal sent
            now = time.monotonic()
            if now - sent >= _BETWEEN_STEPS:
                sent = now
                self._send(what="count", stage=what, trial=self.trial, done=done, total=total)

        try:
            yield count
        finally:
            self._send(what="counted", stage=what, trial=self.trial)
