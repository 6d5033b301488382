"""Experiment trackers that trials are reported to: MLflow, Weights & Biases and TensorBoard.

A trial is one run of a tracker, found again by the trial's name if the trial is resumed, and grouped by
experiment. Nothing of a tracker is kept in the store, and a tracker that fails is left out with one warning:
no training depends on it. Their packages are imported on first use.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from leukcnn.errors import DependencyError, SpecError
from leukcnn.fields import did_you_mean
from leukcnn.files import locked

__all__ = ["TRACKERS", "TrackedTrial", "Tracking", "read_track"]

_TAG = "leukcnn.trial"
# Seconds that a server has to answer before it is left out.
_PATIENCE = 20
_FINISHED, _FAILED, _KILLED = "FINISHED", "FAILED", "KILLED"


def __dir__() -> list[str]:
    return sorted(__all__)


@dataclass(frozen=True)
class TrackedTrial:
    """What a tracker gets to know of a trial before it starts.

    Attributes:
        name: Name of the trial's folder, which is the same if it is resumed.
        title: Its row, split, fold and run, for people.
        group: The paper and the experiment.
        folder: The trial's folder, with the network when it is finished.
        parameters: Name -> value: setup, split, fold, seed and others.
    """

    name: str
    title: str
    group: str
    folder: Path
    parameters: Mapping[str, str | int | float | bool]


class _Run(Protocol):
    """A trial in a tracker, started."""

    def log(self, metrics: Mapping[str, float], step: int | None) -> None:
        """Reports the metrics of an epoch, or those of the end."""

    def end(self, status: str) -> None:
        """Reports the end."""


class _MLflowRun:
    """A run of MLflow, on the server that MLFLOW_TRACKING_URI names, or else in files."""

    def __init__(self, trial: TrackedTrial, root: Path):
        # MLflow asks a server for minutes by default, and refuses files unless they are asked for.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(_PATIENCE))
        uri = os.environ.get("MLFLOW_TRACKING_URI")
        if not uri:
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
            uri = (root / "mlruns").absolute().as_uri()
        make_client = import_module("mlflow.tracking").MlflowClient
        # Workers, and the jobs of an array, begin their first trials at the same time.
        with locked(root / ".mlflow.lock"):
            self._client = make_client(tracking_uri=uri)
            found = self._client.get_experiment_by_name(trial.group)
            experiment = found.experiment_id if found else self._client.create_experiment(trial.group)
        earlier = self._client.search_runs([experiment], f"tags.`{_TAG}` = '{trial.name}'", max_results=1)
        if earlier:
            self._id = earlier[0].info.run_id
            self._client.update_run(self._id, status="RUNNING")
            return
        tags = {_TAG: trial.name, "leukcnn.folder": str(trial.folder.absolute())}
        self._id = self._client.create_run(experiment, tags=tags, run_name=trial.title).info.run_id
        for name, value in trial.parameters.items():
            self._client.log_param(self._id, name, value)

    def log(self, metrics: Mapping[str, float], step: int | None) -> None:
        for name, value in metrics.items():
            self._client.log_metric(self._id, name, value, step=step or 0)

    def end(self, status: str) -> None:
        self._client.set_terminated(self._id, status)


class _WandbRun:
    """A run of Weights & Biases: offline without an API key, unless WANDB_MODE says otherwise."""

    def __init__(self, trial: TrackedTrial, root: Path):
        wandb: Any = import_module("wandb")
        root.mkdir(parents=True, exist_ok=True)
        settings = wandb.Settings(
            console="off", silent=True, disable_git=True, save_code=False, init_timeout=_PATIENCE
        )
        known = os.environ.get("WANDB_MODE") or wandb.setup().settings.api_key
        self._run = wandb.init(
            project="leukcnn",
            group=trial.group,
            id=trial.name,
            name=trial.title,
            resume="allow",
            dir=str(root),
            config=dict(trial.parameters),
            mode=None if known else "offline",
            settings=settings,
        )
        self._run.summary["leukcnn.folder"] = str(trial.folder.absolute())

    def log(self, metrics: Mapping[str, float], step: int | None) -> None:
        if step is None:
            self._run.summary.update(dict(metrics))
        else:
            self._run.log(dict(metrics), step=step)

    def end(self, status: str) -> None:
        self._run.finish(exit_code=0 if status == _FINISHED else 1)


class _TensorBoardRun:
    """A folder of TensorBoard in that of the trial, written without TensorFlow."""

    def __init__(self, trial: TrackedTrial, root: Path):
        self._summary = import_module("tensorboard.compat.proto.summary_pb2")
        self._event = import_module("tensorboard.compat.proto.event_pb2")
        writer = import_module("tensorboard.summary.writer.event_file_writer")
        self._writer = writer.EventFileWriter(str(trial.folder / "tensorboard"))
        lines = [f"| {name} | {value} |" for name, value in trial.parameters.items()]
        text = "\n".join(["| parameter | value |", "|---|---|", *lines])
        metadata = self._summary.SummaryMetadata(
            plugin_data=self._summary.SummaryMetadata.PluginData(plugin_name="text")
        )
        tensor = import_module("tensorboard.util.tensor_util").make_tensor_proto(text)
        self._add(self._summary.Summary.Value(tag="parameters", tensor=tensor, metadata=metadata), step=0)

    def log(self, metrics: Mapping[str, float], step: int | None) -> None:
        for name, value in metrics.items():
            self._add(self._summary.Summary.Value(tag=name, simple_value=value), step=step or 0)

    def end(self, status: str) -> None:
        self._writer.close()

    def _add(self, value: Any, *, step: int) -> None:
        summary = self._summary.Summary(value=[value])
        self._writer.add_event(self._event.Event(wall_time=time.time(), step=step, summary=summary))


_RUNS: Mapping[str, Callable[[TrackedTrial, Path], _Run]] = {
    "mlflow": _MLflowRun,
    "wandb": _WandbRun,
    "tensorboard": _TensorBoardRun,
}

TRACKERS = tuple(_RUNS)
"""Names of the trackers, which are those of their packages and of the extras that install them."""


def read_track(track: str | Sequence[str] | None) -> tuple[str, ...]:
    """Returns the trackers that `--track` names, each once.

    Args:
        track: Names, also several in one text, separated by commas; None for none.

    Raises:
        SpecError: There is no such tracker.
        DependencyError: Its package isn't installed.
    """
    texts = [track] if isinstance(track, str) else [*(track or ())]
    names = [name.strip() for text in texts for name in str(text).split(",")]
    for name in names:
        if name not in TRACKERS:
            raise SpecError(
                f"track (--track) got {name!r:.80}.",
                expected=", ".join(TRACKERS),
                remedy=did_you_mean(name, TRACKERS),
            )
        if find_spec(name) is None:
            raise DependencyError(
                f"track (--track) got {name!r}, whose package isn't installed.",
                expected=f"the package {name}",
                remedy=f"pip install 'leukcnn[{name}]'",
            )
    return tuple(dict.fromkeys(names))


@dataclass
class Tracking:
    """The trackers of a run of leukcnn.

    Attributes:
        names: Some of `TRACKERS`.
        root: Folder of the runs, in which trackers without a server write.
        warn: Called with a warning, once for each tracker that fails.
        group: The paper and the experiment, which trials belong to.
    """

    names: Sequence[str] = ()
    root: Path = Path()
    warn: Callable[[str], None] = lambda text: None
    group: str = ""
    _failed: set[str] = field(default_factory=set)

    @contextlib.contextmanager
    def trial(self, trial: TrackedTrial) -> Iterator[Callable[[int | None, Mapping[str, float]], None]]:
        """Reports a trial: yields what is called with an epoch, or None at the end, and its metrics."""
        runs: dict[str, _Run] = {}

        def report(step: int | None, metrics: Mapping[str, float]) -> None:
            for name, run in runs.items():
                self._try(name, partial(run.log, metrics, step))

        def start(name: str) -> None:
            runs[name] = _RUNS[name](trial, self.root)

        for name in self.names:
            self._try(name, partial(start, name))
        status = _FAILED
        try:
            yield report
            status = _FINISHED
        except KeyboardInterrupt:
            status = _KILLED
            raise
        finally:
            for name, run in runs.items():
                self._try(name, partial(run.end, status))

    def _try(self, name: str, call: Callable[[], None]) -> None:
        """Calls a tracker that hasn't failed so far. Whatever it raises ends with a warning."""
        if name in self._failed:
            return
        try:
            call()
        except Exception as error:
            self._failed.add(name)
            why = (str(error).strip() or type(error).__name__).splitlines()[0]
            self.warn(f"{name} failed and gets no more of this run, which goes on: {why:.300}")
