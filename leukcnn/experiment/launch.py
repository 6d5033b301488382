"""Runs trials, controls and the probe as tasks of dask, in worker processes on this machine or of a cluster.

Each worker has a process of its own, which gets the run once, computes the splits of its trials itself, and
writes into the store. A trial whose worker is lost goes on in another one, after its last saved epoch.
"""

import contextlib
import logging
import os
import pickle
import re
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cloudpickle
import keras
from distributed import Client, KilledWorker, LocalCluster, as_completed

from leukcnn import __version__, models
from leukcnn.callbacks import resume_epoch
from leukcnn.counting import Count
from leukcnn.distribution import accelerators
from leukcnn.errors import DependencyError, DeviceError
from leukcnn.experiment.notes import announce_controls, say_controls
from leukcnn.experiment.prepare import Prepared
from leukcnn.experiment.runner import Outcome
from leukcnn.experiment.worker_process import CONTROLS, PROBE, TRIAL, Job, Start, Task, digest_of_rows
from leukcnn.experiment.workers import Preparation, ProcessLostError, run_task
from leukcnn.launchers import Launcher, cores_here, no_scheduler, processes_for, shares
from leukcnn.progress import TrainingProgress
from leukcnn.records import PlannedTrial
from leukcnn.spec.names import BUILDERS

# Variables of the environment that change what a trial does, or where a tracker reports it to.
_VARIABLES = re.compile(r"LEUKCNN_|KERAS_|TF_|XLA_|JAX_|MLFLOW_|WANDB_")
_GPU = "GPU"
_PATIENCE = "60s"
_RETRIES = 3  # of a trial whose process ended, each after the last saved epoch


def run_on_workers(
    prepared: Prepared, launcher: Launcher, progress: TrainingProgress, *, devices: str | None
) -> list[Outcome]:
    """Runs controls, probe and trials in worker processes.

    Args:
        prepared: The run.
        launcher: What runs the processes.
        progress: The terminal's display.
        devices: Value of `--devices`.

    Returns:
        The outcomes of the trials, in their order.

    Raises:
        LeukCNNError: A trial raises it, or the workers can't be used.
    """
    session = prepared.session
    controls, probe = prepared.waiting_controls(), prepared.waiting_probe()
    tasks = [
        _task(prepared, CONTROLS, [one for one in controls if one.row == row]) for row in _rows(controls)
    ]
    tasks += [_task(prepared, PROBE, [probe])] if probe else []
    before_training = len(tasks)
    tasks += [_task(prepared, TRIAL, [trial]) for trial in prepared.to_do]
    outcomes: list[list[Outcome]] = []
    if tasks:
        gpus = 0 if devices is not None and devices.startswith("cpu") else len(accelerators())
        fitting = processes_for(len(tasks), gpus=gpus, threads=session.shared.workers)
        count = min(launcher.processes or fitting, len(tasks))
        announce_controls(session, len(controls))
        with _client(launcher, count, gpus=gpus > 0) as client:
            plugin = _preparation(prepared, 0 if launcher.scheduler else count, gpus, devices=devices)
            display = _Display(progress, len(prepared.to_do))
            running = _Running(client, prepared, display, plugin, launcher=launcher)

            def all_controlled() -> None:
                say_controls(prepared.study, session, prepared.material().results)

            outcomes = running.results(tasks, before_training, all_controlled)
    if not before_training:
        say_controls(prepared.study, session, prepared.material().results)
    return [one for of_task in outcomes[before_training:] for one in of_task]


def _rows(planned: list[PlannedTrial]) -> list[str]:
    return list(dict.fromkeys(one.row for one in planned))


def _task(prepared: Prepared, kind: str, trials: list[PlannedTrial]) -> Task:
    planned, names = prepared.planned, [trial.name for trial in trials]
    rows = {name: digest_of_rows(planned.split_rows[name]) for name in names if name in planned.split_rows}
    return Task(kind, tuple(trials), {name: planned.identities[name] for name in names}, rows)


def _job(prepared: Prepared, devices: str | None) -> Job:
    study, session = prepared.study, prepared.session
    named = {model.name for row in study.rows for model in row.setup.models}
    return Job(
        # What the command was given is for the record, which is written.
        study=replace(study, given={}, masked={}),
        index=session.index,
        pairs=prepared.planned.pairs,
        out=session.store.root.parent,
        devices=devices,
        threads=session.shared.workers,
        track=tuple(session.tracking.names),
        group=session.tracking.group,
        waiting=prepared.to_do,
        deterministic=any(row.setup.training.deterministic for row in study.rows),
        builders={name: models.builder(name) for name in named if name not in BUILDERS and "." not in name},
    )


def _preparation(prepared: Prepared, own: int, gpus: int, *, devices: str | None) -> Preparation:
    """Returns what workers get before their tasks.

    Args:
        prepared: The run.
        own: Number of the workers on this machine, which share its cores and GPUs; 0 for those of a cluster.
        gpus: Number of GPUs of this machine.
        devices: Value of `--devices`.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(gpus)))).split(",")
    variables = {name: value for name, value in os.environ.items() if _VARIABLES.match(name)}
    start = Start(
        cloudpickle.dumps(_job(prepared, devices)),
        version=__version__,
        folder=str(Path.cwd()),
        path=[str(Path(folder).absolute()) for folder in sys.path],
        command=sys.argv,
        cores=[],
    )
    return Preparation(
        start,
        topic=f"leukcnn-{secrets.token_hex(8)}",
        environment=variables | {"KERAS_BACKEND": keras.backend.backend()},
        cores=dict(enumerate(shares(cores_here(), own))) if own else {},
        gpus={number: visible[number % gpus] for number in range(own)} if gpus else {},
    )


class _Running:
    """Tasks that run, and the display of what the workers say about them."""

    def __init__(
        self,
        client: Client,
        prepared: Prepared,
        display: "_Display",
        plugin: Preparation,
        *,
        launcher: Launcher,
    ):
        self._client, self._prepared, self._display, self._plugin = client, prepared, display, plugin
        self._launcher = launcher
        self._name = plugin.topic
        client.subscribe_topic(self._name, lambda event: display.show(event[1]))

    def results(
        self, tasks: list[Task], before_training: int, all_controlled: Callable[[], None]
    ) -> list[list[Outcome]]:
        """Runs tasks and returns their outcomes.

        Args:
            tasks: The tasks: first those that need no network.
            before_training: Number of those.
            all_controlled: Called when they have ended.
        """
        try:
            with contextlib.closing(self._display):
                self._register()
                return self._collected(tasks, before_training, all_controlled)
        except KeyboardInterrupt as interrupt:
            self._note_what_is_kept(interrupt)
            raise
        finally:
            # A cluster that runs on must forget the run; one that has broken down, or is closed, has.
            with contextlib.suppress(Exception):
                self._client.unsubscribe_topic(self._name)
                self._client.unregister_worker_plugin(self._name)

    def _register(self) -> None:
        try:
            self._client.register_plugin(self._plugin, name=self._name)
        except (ImportError, AttributeError) as error:
            raise DependencyError(
                f"A worker of the cluster can't load leukcnn: {error}.",
                expected=f"leukcnn {__version__} where each worker runs, as in this process",
                remedy="install it there, with the extra 'dask', and start the workers again",
            ) from error

    def _collected(
        self, tasks: list[Task], before_training: int, all_controlled: Callable[[], None]
    ) -> list[list[Outcome]]:
        if not self._workers():
            self._prepared.session.say("The scheduler has no workers yet. Waiting for them ...")
        gpus = any(_GPU in of["resources"] for of in self._workers().values())
        futures: dict[str, Any] = {}
        for number, task in enumerate(tasks):
            name = task.trials[0].name
            source = task.identities[name].get("features_of")
            futures[name] = self._client.submit(
                run_task,
                self._name,
                task,
                *([futures[source]] if source in futures else []),
                key=f"{self._name}-{number}",
                priority=-number,
                pure=False,
                retries=_RETRIES,
                resources={_GPU: 1} if gpus and task.kind == TRIAL else None,
            )
        ordered = list(futures.values())
        left = {future.key for future in ordered[:before_training]}
        try:
            for future in as_completed(ordered, loop=self._client.loop):
                task = tasks[ordered.index(future)]
                self._check(future, task)
                if task.kind == TRIAL:
                    self._display.finish()
                if left and not (left := left - {future.key}):
                    all_controlled()
            return [pickle.loads(future.result()) for future in ordered]
        finally:
            with contextlib.suppress(Exception):
                self._client.cancel(ordered, force=True)

    def _check(self, future: Any, task: Task) -> None:
        """Raises the error of a task that has failed."""
        if future.cancelled():
            raise DeviceError(
                "The connection to the scheduler of dask was lost.",
                expected="a scheduler that runs as long as this command",
                remedy="start it again and run the same command; finished work is kept",
            )
        error = future.exception()
        if isinstance(error, KilledWorker | ProcessLostError):
            fewer = "give each worker more" if self._launcher.scheduler else "use fewer (--launcher dask:N)"
            raise DeviceError(
                f"Several processes ended while they ran the trial {task.trials[0].name}: {error}",
                expected="processes that stay alive",
                remedy=f"there may be too little memory: {fewer}. What is finished is kept",
            ) from error
        result = error or pickle.loads(future.result())
        if isinstance(result, BaseException):
            raise result

    def _workers(self) -> dict[str, Any]:
        """Returns the workers of the cluster, after checking that each runs one task at a time.

        Raises:
            DeviceError: One runs several.
        """
        workers: dict[str, Any] = self._client.scheduler_info(n_workers=-1)["workers"]
        for address, worker in workers.items():
            if worker["nthreads"] > 1:
                raise DeviceError(
                    f"The worker {address} has {worker['nthreads']} threads.",
                    expected="workers with one thread each, since a process trains one network at a time",
                    remedy="start them with `dask worker --nthreads 1`, in dask-jobqueue with cores=1 or "
                    "as many processes as cores",
                )
        return workers

    def _note_what_is_kept(self, interrupt: KeyboardInterrupt) -> None:
        store = self._prepared.session.store
        for name, label in self._display.running().items():
            saved = resume_epoch(store.root / "trials" / name / "state.npz")
            state = f"the state after epoch {saved} is kept" if saved else "no epoch of it was saved yet"
            interrupt.add_note(f"{label}: {state}.")


class _Display:
    """Shows the events of all workers."""

    def __init__(self, progress: TrainingProgress, trials: int):
        self._progress, self._bars = progress, progress.at_once(trials)
        self._stages: dict[tuple[str, str], tuple[contextlib.ExitStack, Count]] = {}

    def running(self) -> dict[str, str]:
        """Returns name -> name as shown of the trials that run."""
        return self._bars.running()

    def finish(self) -> None:
        """Counts a finished trial, also one of which the workers say nothing."""
        self._bars.finish()

    def close(self) -> None:
        """Ends the display of stages that a lost worker left."""
        for stack, _ in self._stages.values():
            stack.close()
        self._stages.clear()

    def show(self, event: dict[str, Any]) -> None:
        """Shows an event of a worker: see `leukcnn.experiment.workers`."""
        what, trial = event["what"], event.get("trial", "")
        if what == "message":
            self._progress.message(event["text"])
        elif what == "start":
            shown = {name: event[name] for name in ("label", "index", "epochs", "steps", "first_epoch")}
            self._bars.start(trial, **shown)
        elif what == "step":
            self._bars.reach(trial, event["epoch"], event["step"], event["logs"])
        elif what == "epoch":
            self._bars.end_epoch(trial, event["epoch"], event["logs"])
        elif what == "end":
            self._bars.end(trial)
        elif what == "lost":
            for name in event["trials"]:
                label = self._bars.lose(name) or name
                self._progress.message(f"{label}: its process has ended; the trial goes on in another one.")
        elif what == "count":
            self._counted(trial, event["stage"])(event["done"], event["total"])
        elif stage := self._stages.pop((trial, event["stage"]), None):
            stage[0].close()

    def _counted(self, trial: str, stage: str) -> Count:
        if (trial, stage) not in self._stages:
            stack = contextlib.ExitStack()
            self._stages[trial, stage] = stack, stack.enter_context(self._progress.counting(stage))
        return self._stages[trial, stage][1]


@contextlib.contextmanager
def _client(launcher: Launcher, workers: int, *, gpus: bool) -> Iterator[Client]:
    """Yields a client of the user's cluster, or of workers that end with the block.

    Raises:
        DeviceError: The scheduler doesn't answer.
    """
    with contextlib.ExitStack() as opened:
        # The client's logger has a level of its own.
        for logger in map(logging.getLogger, ("distributed", "distributed.client")):
            opened.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.CRITICAL)
        cluster: Any = launcher.scheduler
        if not cluster:
            # The workers are threads here, each with a process of its own for its trials.
            scratch = opened.enter_context(tempfile.TemporaryDirectory(prefix="leukcnn-"))
            cluster = opened.enter_context(
                LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    processes=False,
                    memory_limit=0,
                    dashboard_address=None,
                    local_directory=scratch,
                    silence_logs=logging.CRITICAL,
                    resources={_GPU: 1} if gpus else None,
                )
            )
        try:
            client = opened.enter_context(Client(cluster, timeout=_PATIENCE, set_as_default=False))
        except (OSError, TimeoutError, ValueError) as error:
            raise no_scheduler(launcher, error) from error
        yield client
