"""Runs a tiny paper in forked processes in which a fault is injected, from a process of its own.

The parent imports Keras and leukcnn once and runs nothing; each child is forked from it and starts within
milliseconds. `Forks` starts the parent and talks to it by lines of JSON. As a script it is that parent.
"""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

# Audit events of Python before which a file or folder is written, renamed or removed.
_WRITES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink"}
_ROOMS = ("images", "features", "trials", "captured", "tables", "figures", "challenge", "experiments")
_NAMES = (
    "trial.json",
    "done.json",
    "state.npz",
    "model.keras",
    "predictions.csv",
    "history.csv",
    "written.json",
)
_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Forks:
    """The parent process, as a context manager."""

    def __enter__(self) -> "Forks":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.forks"],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(self, out: Path, **options: Any) -> dict[str, Any]:
        """Reproduces the tiny paper in a child.

        Args:
            out: Folder of the runs, of the cache and of what the child prints.
            **options: See `_child`.

        Returns:
            "status", the exit status, negative for a signal; "writes", the kind of each write that it began,
            empty if it was killed; "output", what it printed; "seconds", how long it took.
        """
        out.mkdir(parents=True, exist_ok=True)
        began = time.perf_counter()
        print(json.dumps({"out": str(out), **options}), file=self._process.stdin, flush=True)
        answer = json.loads(self._process.stdout.readline())
        answer["seconds"] = time.perf_counter() - began
        counted = out / "writes"
        answer["writes"] = counted.read_text().splitlines() if counted.exists() else []
        counted.unlink(missing_ok=True)
        answer["output"] = (out / "output").read_text()
        return answer


def _serve() -> None:
    sys.path.insert(0, str(ROOT))
    from leukcnn import quiet

    quiet.set_log_level()
    import keras  # noqa: F401

    from leukcnn import reproduction  # noqa: F401
    from leukcnn.experiment import run  # noqa: F401
    from tests import tiny  # noqa: F401

    for line in sys.stdin:
        options = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _child(**options)
        _, status = os.waitpid(pid, 0)
        print(json.dumps({"status": os.waitstatus_to_exitcode(status)}), flush=True)


def _child(
    out: str,
    *,
    data: str = "synthetic",
    paper: str = "tiny_quick_paper",
    only: str | None = None,
    kill_at: int | str | None = None,
    kill_after: float | None = None,
    full_at: int | str | None = None,
    largest_file: int | None = None,
) -> None:
    """Reproduces the paper and ends the process, with the status of `leukcnn reproduce`.

    Args:
        out: Folder of the runs, of the cache and of what is printed.
        data: Folder of the data, or "synthetic".
        paper: Function of `tests.tiny` that makes the paper.
        only: Row, table or figure; None for all.
        kill_at: The write before which the process is killed: its number, from 0, or its kind, for the first
            one of that kind.
        kill_after: Seconds after which the process is killed.
        full_at: The write from which on the disk is full, as `kill_at`.
        largest_file: Size in bytes at which writing to any file fails.
    """
    folder = Path(out)
    with (folder / "output").open("wb") as printed:
        os.dup2(printed.fileno(), 1)
        os.dup2(printed.fileno(), 2)
    os.environ["LEUKCNN_CACHE"] = str(folder / "cache")
    writes = _Writes(folder, kill_at=kill_at, full_at=full_at)
    status = 1
    try:
        import resource

        from leukcnn.errors import LeukCNNError
        from leukcnn.reproduction import reproduce
        from tests import tiny

        made = getattr(tiny, paper)()
        if largest_file is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
        if kill_after is not None:
            threading.Timer(kill_after, os.kill, (os.getpid(), signal.SIGKILL)).start()
        sys.addaudithook(writes)
        try:
            faults = reproduce(made, data=data, profile="smoke", only=only, out=folder / "runs").faults
        except LeukCNNError as error:
            faults = [str(error)]
        print(*faults, sep="\n")
        status = int(bool(faults))
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        writes.stop()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


class _Writes:
    """An audit hook that notes the writes below a folder, and injects a fault into one."""

    def __init__(self, folder: Path, *, kill_at: int | str | None, full_at: int | str | None):
        self.folder, self.kill_at, self.full_at = str(folder), kill_at, full_at
        self.kinds: list[str] = []
        self.stopped = self.full = False

    def __call__(self, event: str, arguments: tuple) -> None:
        if self.stopped or not self._is_write(event, arguments):
            return
        number, kind = len(self.kinds), _kind(event, Path(arguments[0]).relative_to(self.folder))
        self.kinds.append(kind)
        if self.kill_at in (number, kind):
            os.kill(os.getpid(), signal.SIGKILL)
        self.full = self.full or self.full_at in (number, kind)
        # What removes a file needs no space.
        if self.full and event not in ("os.remove", "os.rmdir"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), os.fspath(arguments[0]))

    def _is_write(self, event: str, arguments: tuple) -> bool:
        if event == "open":
            path, _, flags = arguments
            return self._is_inside(path) and bool(flags & _WRITE_FLAGS)
        return event in _WRITES and self._is_inside(arguments[0])

    def _is_inside(self, path: object) -> bool:
        return isinstance(path, str) and path.startswith(f"{self.folder}/")

    def stop(self) -> None:
        """Stops counting and writes down the kinds."""
        self.stopped = True
        Path(self.folder, "writes").write_text("\n".join(self.kinds))


def _kind(event: str, path: Path) -> str:
    """Returns an event with the kind of file: "os.rename trials state.npz", "open tables *.csv"."""
    room = next((name for name in reversed(path.parts) if name in _ROOMS), path.parts[0])
    name = path.name.rpartition("-")[2]
    return f"{event} {room} {name if name in _NAMES else '*' + path.suffix}"


if __name__ == "__main__":
    _serve()
