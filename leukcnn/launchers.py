"""What `--launcher` and `--scheduler` may say, checked without loading dask."""

import os
import re
import socket
from dataclasses import dataclass
from importlib.util import find_spec

from leukcnn.device_names import CPU, read_devices
from leukcnn.errors import DependencyError, DeviceError, SpecError
from leukcnn.fields import did_you_mean

DASK = "dask"
MOST = 1000
"""Largest number of worker processes."""

# What a worker process needs of the memory, with a backend and a network.
_BYTES_A_PROCESS = 4 * 2**30

_PATIENCE = 20  # seconds that a scheduler has to answer


@dataclass(frozen=True)
class Launcher:
    """How trials are run in other processes.

    Attributes:
        processes: Number of worker processes on this machine; None for as many as fit.
        scheduler: Address of a scheduler of dask that runs already; "" for workers on this machine.
    """

    processes: int | None = None
    scheduler: str = ""


def read_launcher(launcher: str | None, scheduler: str | None, devices: str | None) -> Launcher | None:
    """Returns what `--launcher` and `--scheduler` ask for; None if trials run in this process.

    Args:
        launcher: "dask", "dask:N" for N processes, or None.
        scheduler: Address of a scheduler of dask, such as tcp://10.0.0.1:8786, or None.
        devices: Value of `--devices`.

    Raises:
        SpecError: A value has another form, or they don't go together.
        DependencyError: The package distributed isn't installed.
    """
    if launcher is None:
        if scheduler is not None:
            raise SpecError(
                f"scheduler (--scheduler) got {scheduler!r:.80} without launcher (--launcher).",
                expected="both, or neither of them",
                remedy=f"add --launcher {DASK}",
            )
        return None
    match = re.fullmatch(r"dask(:(?P<count>[1-9][0-9]{0,3}))?", launcher)
    count = int(match["count"]) if match and match["count"] else None
    if not match or (count or 1) > MOST:
        raise SpecError(
            f"launcher (--launcher) got {launcher!r:.80}.",
            expected=f"{DASK}, or {DASK}:N for N processes, with a number from 1 to {MOST:,}",
            remedy=did_you_mean(launcher, (DASK, f"{DASK}:2")),
        )
    if scheduler is not None and not re.fullmatch(r"(tcp|tls)://[^\s/]+:[0-9]{1,5}", scheduler):
        raise SpecError(
            f"scheduler (--scheduler) got {scheduler!r:.80}.",
            expected="the address of a scheduler of dask, such as tcp://10.0.0.1:8786",
            remedy="leave it out for worker processes on this machine",
        )
    if scheduler is not None and count:
        raise SpecError(
            f"launcher (--launcher) got {launcher!r} with scheduler (--scheduler) {scheduler}.",
            expected=f"--launcher {DASK}, since the workers of a scheduler run already",
        )
    _check_devices(devices)
    if find_spec("distributed") is None:
        raise DependencyError(
            f"launcher (--launcher) got {launcher!r}, whose package distributed isn't installed.",
            expected="the packages dask and distributed",
            remedy="pip install 'leukcnn[dask]'",
        )
    return Launcher(count, scheduler or "")


def require_scheduler(launcher: Launcher | None) -> None:
    """Makes sure that something answers at the address of a scheduler, before Keras is loaded.

    Raises:
        DeviceError: Nothing does.
    """
    if launcher is None or not launcher.scheduler:
        return
    host, _, port = launcher.scheduler.partition("://")[2].rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE):
            pass
    except (OSError, OverflowError, UnicodeError) as error:
        raise no_scheduler(launcher, error) from error


def no_scheduler(launcher: Launcher, error: Exception) -> DeviceError:
    """Returns the error for a scheduler that doesn't answer."""
    return DeviceError(
        f"scheduler (--scheduler) got {launcher.scheduler}, which doesn't answer: {error}",
        expected="a running scheduler of dask",
        remedy="check the address, or leave --scheduler out for worker processes on this machine",
    )


def _check_devices(devices: str | None) -> None:
    """Refuses several GPUs for each trial: each worker process has one.

    Raises:
        SpecError: `devices` asks for them.
    """
    kind, count = (CPU, None) if devices is None else read_devices(devices)
    if kind != CPU and count != 1:
        raise SpecError(
            f"devices (--devices) got {devices!r} with launcher (--launcher).",
            expected="no --devices, or cpu:N, since each worker process has one GPU",
            remedy="leave --devices out to share all GPUs among the trials",
        )


def processes_for(tasks: int, *, gpus: int, threads: int) -> int:
    """Returns the number of worker processes on this machine unless the user gives one.

    That is one for each GPU. Without GPUs, each process has a core for each of its threads that prepare
    batches, or one core if that would leave a single process. No process is without a task or without 4 GiB.

    Args:
        tasks: Number of tasks.
        gpus: Number of GPUs.
        threads: Threads of a trial that prepare batches.
    """
    if gpus:
        return max(1, min(tasks, gpus))
    import psutil

    cores = len(cores_here())
    fitting = max(1, psutil.virtual_memory().available // _BYTES_A_PROCESS)
    return max(1, min(tasks, max(cores // threads, min(cores, 2)), fitting))


def cores_here() -> list[int]:
    """Returns the numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return [*range(os.cpu_count() or 1)]


def shares(cores: list[int], processes: int) -> list[list[int]]:
    """Returns the cores of each process: equal numbers of them, or one core each if there are too few."""
    n = len(cores)
    if processes >= n:
        return [[cores[i % n]] for i in range(processes)]
    return [cores[i * n // processes : (i + 1) * n // processes] for i in range(processes)]


def leave_memory_to_workers() -> None:
    """Makes the backend of this process take memory of the GPUs only when it needs it.

    The worker processes use the same GPUs. The backend reads the variables when it starts.
    """
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
