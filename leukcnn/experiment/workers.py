"""A worker of dask during a run: it passes tasks on to a process of its own, and events to the client."""

import contextlib
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import IO, Any

from distributed import WorkerPlugin, get_worker

from leukcnn.experiment.worker_process import ERROR, EVENT, Start, Task

_PATIENCE = 5  # seconds for a task to end with its process
_IDLE = 60  # seconds after which a process without a task ends, such as when its client was killed
_COMMAND = "from leukcnn.experiment.worker_process import main; main()"


class ProcessLostError(Exception):
    """The process of a worker has ended in the middle of a task."""


class Preparation(WorkerPlugin):
    """A plugin that gives each worker the run once, also a worker that joins later.

    Args:
        start: What a process gets first; its cores are those of the worker.
        topic: The topic of the events that the client shows.
        environment: Variables of the client's environment.
        cores: Cores of each worker by its name; empty for a cluster's workers.
        gpus: GPU of each worker by its name, for CUDA_VISIBLE_DEVICES; empty for a cluster's workers.
    """

    def __init__(
        self,
        start: Start,
        *,
        topic: str,
        environment: Mapping[str, str],
        cores: Mapping[int, list[int]],
        gpus: Mapping[int, str],
    ):
        self.start, self.topic, self.environment = start, topic, dict(environment)
        self.cores, self.gpus = dict(cores), dict(gpus)

    def setup(self, worker: Any) -> None:
        """Gets the worker to run tasks for; its process starts with the first one."""
        self._worker, self._lock = worker, threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._timer: threading.Timer | None = None
        self._closed = False

    def teardown(self, worker: Any) -> None:
        """Ends the process. A trial in it goes on after its last epoch if it is run again."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._process is None:
            return
        self._process.kill()
        # A task that waits for it ends now.
        if self._lock.acquire(timeout=_PATIENCE):
            _end(self._process)
            self._lock.release()

    def run(self, task: Task) -> bytes:
        """Runs the trials of a task; returns their outcomes, or the error that one has raised, pickled.

        The client reads it, since a worker may lack what is on the client's Python path.

        Raises:
            ProcessLostError: The process has ended, such as by a lack of memory.
        """
        key = self._worker.get_current_task()
        with self._lock, self._ending_when_idle():
            process = self._process
            if process is None or process.poll() is not None:
                process = self._process = self._started()
            assert process.stdin is not None and process.stdout is not None, "both are pipes"
            try:
                _write(process.stdin, task)
                while True:
                    kind, content = pickle.load(process.stdout)
                    if kind != EVENT:
                        break
                    self._worker.log_event(self.topic, pickle.loads(content))
                    task_state = self._worker.state.tasks.get(key)
                    if task_state is None or task_state.state == "cancelled":
                        # Nobody waits for it any more.
                        _end(process)
                        return b""
            except (EOFError, OSError, pickle.UnpicklingError) as error:
                code = _end(process)
                self._worker.log_event(
                    self.topic, {"what": "lost", "trials": [one.name for one in task.trials]}
                )
                raise ProcessLostError(f"its process ended with code {code}") from error
            if kind == ERROR:
                # What it has loaded may be in any state.
                _end(process)
            answer: bytes = content
            return answer

    @contextlib.contextmanager
    def _ending_when_idle(self) -> Iterator[None]:
        """Context of a task, some time after which the process ends unless there is another one."""
        if self._timer is not None:
            self._timer.cancel()
        try:
            yield
        finally:
            if not self._closed:
                self._timer = threading.Timer(_IDLE, self._end_idle)
                self._timer.daemon = True
                self._timer.start()

    def _end_idle(self) -> None:
        if self._lock.acquire(blocking=False):
            if self._process is not None:
                _end(self._process)
            self._lock.release()

    def _started(self) -> "subprocess.Popen[bytes]":
        own = {"CUDA_VISIBLE_DEVICES": gpu} if (gpu := self.gpus.get(self._worker.name)) else {}
        path = os.pathsep.join(folder for folder in sys.path if folder)
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **self.environment, "PYTHONPATH": path, **own},
            # Ctrl-C is for the client, which ends its workers.
            start_new_session=True,
        )
        assert process.stdin is not None
        cores = self.cores.get(self._worker.name, [])
        with contextlib.suppress(OSError):
            _write(process.stdin, replace(self.start, cores=cores))
        return process


def _end(process: "subprocess.Popen[bytes]") -> int:
    """Ends a process and returns its exit code."""
    process.kill()
    for stream in (process.stdin, process.stdout):
        # What is still buffered has no reader.
        with contextlib.suppress(OSError):
            if stream is not None:
                stream.close()
    return process.wait()


def _write(stream: IO[bytes], message: Any) -> None:
    pickle.dump(message, stream)
    stream.flush()


def run_task(plugin: str, task: Task, *after: Any) -> bytes:
    """Runs a task in a worker; see `Preparation.run`.

    Args:
        plugin: Name of the plugin.
        task: The task.
        *after: Results of the tasks that this one waited for.
    """
    preparation = get_worker().plugins[plugin]
    assert isinstance(preparation, Preparation)
    return preparation.run(task)
