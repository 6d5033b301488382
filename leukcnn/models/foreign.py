"""Weights files from elsewhere: they are read by a process of its own, and only its checked copy is loaded.

A damaged or hostile file may crash the library that reads it, fill the memory or refer to other files. See
`leukcnn.models.foreign_reader` for what is copied and within which limits.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from leukcnn.errors import LeukCNNError, WeightsError
from leukcnn.models.foreign_hdf5 import limit_of
from leukcnn.models.foreign_reader import seconds_of

_MIB = 2**20
_KERAS_EXPECTED, _KERAS_REMEDY = "a .weights.h5, .h5 or .keras file", "copy or save it again"
# For the reader: no threads, which reserve memory, no plug-ins of HDF5 and no locks, which some disks lack.
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "HDF5_PLUGIN_PRELOAD": "::",
    "HDF5_USE_FILE_LOCKING": "FALSE",
}
# The largest published file of the networks here has .6 GB.
_LARGEST = 4 * 2**30
# Least wall time for a file, and bytes a second that the slowest disk should read.
_LEAST_SECONDS, _SLOWEST = 60, 2**20


def parameters_in(path: Path) -> int:
    """Counts the parameters in a `.weights.h5`, `.h5` or `.keras` file, without those of an optimizer.

    Raises:
        WeightsError: The file can't be read.
    """
    reader = "count-archive" if path.suffix == ".keras" else "count-hdf5"
    with _read(reader, path, _KERAS_EXPECTED, _KERAS_REMEDY) as (report, _):
        return int(report["parameters"])


@contextmanager
def clean_weights(path: Path) -> Iterator[tuple[Path, int]]:
    """Yields a checked copy of the weights in a `.weights.h5`, `.h5` or `.keras` file, and their number.

    The copy is an HDF5 file that exists within the context, without the state of an optimizer.

    Raises:
        WeightsError: The file can't be read, or a value isn't finite.
    """
    reader = "copy-weights" if path.suffix == ".keras" else "copy-hdf5"
    with _read(reader, path, _KERAS_EXPECTED, _KERAS_REMEDY) as (report, folder):
        yield folder / report["file"], int(report["parameters"])


@contextmanager
def clean_archive(path: Path) -> Iterator[tuple[Path, int]]:
    """Yields a checked copy of a `.keras` archive and its number of parameters.

    The copy exists within the context. It has Keras' configuration and weights and leukcnn's record, and no
    other members.

    Raises:
        WeightsError: The file can't be read, or a weight isn't finite.
    """
    with _read("copy-archive", path, "a .keras file", _KERAS_REMEDY) as (report, folder):
        yield folder / report["file"], int(report["parameters"])


def clean_arrays(
    path: Path, reader: str, *, expected: str, remedy: str
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Reads the arrays of a file.

    Args:
        path: The file.
        reader: A name in `foreign_reader.READERS` that starts with "copy" and writes arrays.
        expected: What the error's message says was expected.
        remedy: What the error's message says to do.

    Returns:
        Name -> array, and the reader's report. The arrays are empty if it wrote none.

    Raises:
        WeightsError: The file can't be read.
    """
    with _read(reader, path, expected, remedy) as (report, folder):
        if "file" not in report:
            return {}, report
        with np.load(folder / report["file"], allow_pickle=False) as arrays:
            return dict(arrays), report


def reason_of(error: Exception) -> str:
    """Returns what an error says about a file, in one line of at most 300 printable characters.

    Keras' advice to switch its safe mode off, which would run code from the file, isn't handed on.
    """
    text = error.found if isinstance(error, LeukCNNError) else str(error)
    text = "".join(c if c.isprintable() else "?" for c in " ".join(text.split())) or type(error).__name__
    if isinstance(error, KeyError):
        text = f"it lacks {text}"
    if any(word in text for word in ("safe_mode", "unsafe_deserialization", "Lambda")):
        return "it holds code, such as that of a Lambda layer, and code from a file is never run"
    return text if len(text) <= 300 else f"{text[:297]}..."


@contextmanager
def _read(reader: str, path: Path, expected: str, remedy: str) -> Iterator[tuple[dict[str, Any], Path]]:
    """Runs a reader. Yields its report and the temporary folder with its copy."""
    try:
        temporary = tempfile.TemporaryDirectory(prefix="leukcnn-")
    except OSError as error:
        raise WeightsError(
            f"There is no temporary folder for a checked copy of {path}: {error}",
            remedy="free some space, or name another folder in the variable TMPDIR",
        ) from error
    with temporary as folder:
        report = _run(reader, path, Path(folder))
        if "fault" in report:
            raise WeightsError(
                f"The file {path} can't be read: {report['fault']}.", expected=expected, remedy=remedy
            )
        yield report, Path(folder)


def _run(reader: str, path: Path, folder: Path) -> dict[str, Any]:
    try:
        # No process starts in a working folder that was removed.
        here = Path.cwd()
    except OSError:
        here = Path(folder.anchor)
    places = [str(here / place) for place in sys.path]
    try:
        if not path.is_file():
            return {"fault": "it isn't a regular file"}
        size = path.stat().st_size
        if size > _LARGEST:
            return {"fault": f"it has {size / 2**30:,.1f} GiB, more than {_LARGEST // 2**30} GiB"}
        seconds = _LEAST_SECONDS + size // _SLOWEST
        ended = subprocess.run(
            [sys.executable, "-P", "-m", "leukcnn.models.foreign_reader", reader, path.absolute(), folder],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=folder,
            env=os.environ | _ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(places)},
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"fault": f"its reader needed more than {seconds} s"}
    except OSError as error:
        return {"fault": str(error)}
    if ended.returncode == 0:
        # A library may have printed something before.
        report: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
        return report
    if ended.returncode == -signal.SIGXCPU:
        return {"fault": f"its reader needed more than {seconds_of(size)} s"}
    if ended.returncode < 0:
        how = signal.Signals(-ended.returncode).name
        return {"fault": f"its reader crashed ({how}, with up to {limit_of(size) // _MIB} MiB)"}
    lines = ended.stderr.decode(errors="replace").splitlines()
    return {"fault": f"its reader failed: {lines[-1] if lines else ended.returncode}"}
