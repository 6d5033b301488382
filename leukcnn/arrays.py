"""Sealed files of named arrays.

They end with a checksum of their content, their name and their folder's name. It is checked before anything
is decoded: neither a damaged file nor another one under its name is used.
"""

import contextlib
import hashlib
import json
import os
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from leukcnn.errors import StoreError
from leukcnn.files import replace_file, unreadable
from leukcnn.threads import processors

_BLOCK = 16 * 2**20
"""Bytes that one thread hashes at a time."""

_SEAL = b"\nleukcnn sha256 "
_SEAL_BYTES = len(_SEAL) + 2 * hashlib.sha256().digest_size + 1

_COARSEST_CLOCK_SECONDS = 3
_CHECKED: dict[Path, tuple[int, ...]] = {}
"""Sealed files that were found whole -> their state then."""

_RUN_AGAIN = "remove it and run `leukcnn reproduce` with the same arguments; finished trials stay"


class StoredArrays(Mapping[str, np.ndarray]):
    """The arrays of a sealed file by name, each read on access.

    Args:
        path: The file, for messages.
        arrays: What `numpy.load` returned.
        remedy: What the user can do if an array is missing or can't be read, which is a StoreError.
    """

    def __init__(self, path: Path, arrays: Any, remedy: str):
        self._path, self._arrays, self._remedy = path, arrays, remedy

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._arrays:
            raise self.unusable(f"it has no {name!r}")
        try:
            return self._arrays[name]
        # Arrays of Python objects are never read: reading them could run code.
        except (OSError, ValueError) as error:
            raise self.unusable(error) from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def json(self, name: str) -> dict[str, Any]:
        """Returns the dict that an array holds as JSON."""
        try:
            value = json.loads(str(self[name]))
        except (ValueError, RecursionError) as error:
            raise self.unusable(error) from error
        if not isinstance(value, dict):
            raise self.unusable(f"its {name!r} is no dict")
        return value

    def unusable(self, why: object) -> StoreError:
        """Returns the error that says why the file can't be used."""
        return unreadable(self._path, str(why), remedy=self._remedy)


def write_arrays(path: Path, /, **arrays: np.ndarray) -> None:
    """Writes named arrays to a sealed `.npz` file in one step, compressed.

    Raises:
        StoreError: The folder can't be written to.
    """
    _write_sealed(path, np.savez_compressed, arrays)


def write_quickly(path: Path, /, **arrays: np.ndarray) -> None:
    """Writes named arrays as `write_arrays` does, without compression, which gains little on floats.

    Raises:
        StoreError: The folder can't be written to.
    """
    _write_sealed(path, np.savez, arrays)


def _write_sealed(path: Path, save: Callable[..., None], arrays: Mapping[str, np.ndarray]) -> None:
    with replace_file(path) as draft:
        with draft.open("wb") as file:
            save(file, **arrays)
        seal(draft, path)


@contextlib.contextmanager
def stored_arrays(path: Path, *, remedy: str = _RUN_AGAIN) -> Iterator[StoredArrays]:
    """Yields the arrays of a file that `write_arrays` wrote.

    Args:
        path: The `.npz` file.
        remedy: What the user can do if it can't be read.

    Raises:
        StoreError: The file can't be read, was damaged, or is another file under this name.
    """
    try:
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(_sealed(path))
            arrays = stack.enter_context(np.load(file, allow_pickle=False))
            opened = stack.pop_all()
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise unreadable(path, str(error), remedy=remedy) from error
    with opened:
        yield StoredArrays(path, arrays, remedy)


def seal(draft: Path, path: Path) -> None:
    """Appends the checksum to a draft of `path`; readers of NPY and NPZ files ignore what follows."""
    with draft.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        checksum = _checksum(file, size, path)
        file.seek(size)
        file.write(_SEAL + checksum.encode() + b"\n")


def check_seal(path: Path) -> None:
    """Checks a sealed file against its checksum, once per process unless it is changed.

    Raises:
        StoreError: The file can't be read, was damaged, or is another file under this name.
    """
    try:
        with _opened(path) as file:
            found = os.fstat(file.fileno())
            state = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
            if _CHECKED.get(path) == state:
                return
            _check(file, path)
    except (OSError, ValueError) as error:
        raise unreadable(path, str(error), remedy=_RUN_AGAIN) from error
    # Clocks of file systems are coarse: a change right after the last one may not show in the times.
    if time.time() - max(found.st_mtime, found.st_ctime) > _COARSEST_CLOCK_SECONDS:
        _CHECKED[path] = state


@contextlib.contextmanager
def _sealed(path: Path) -> Iterator[BinaryIO]:
    """Opens a sealed file. A ValueError says what is wrong with it."""
    with _opened(path) as file:
        _check(file, path)
        file.seek(0)
        yield file


def _check(file: BinaryIO, path: Path) -> None:
    """Raises a ValueError that says what is wrong with a sealed file, if something is."""
    size = file.seek(0, os.SEEK_END) - _SEAL_BYTES
    if size < 0:
        raise ValueError("it is cut short")
    file.seek(size)
    seal = file.read(_SEAL_BYTES)
    if not seal.startswith(_SEAL):
        raise ValueError("its end, with the checksum, is missing")
    if seal != _SEAL + _checksum(file, size, path).encode() + b"\n":
        raise ValueError("it was damaged, or was written under another name (its checksum doesn't match)")


def _checksum(file: BinaryIO, size: int, path: Path) -> str:
    """Returns the SHA-256 of a file's name and of the SHA-256 of its blocks, which several threads hash."""
    lock = threading.Lock()

    def of_block(start: int) -> bytes:
        with lock:
            file.seek(start)
            content = file.read(min(_BLOCK, size - start))
        return hashlib.sha256(content).digest()

    with ThreadPoolExecutor(min(8, processors())) as pool:
        blocks = list(pool.map(of_block, range(0, size, _BLOCK)))
    name = f"{path.absolute().parent.name}/{path.name}"
    return hashlib.sha256(os.fsencode(name) + b"\0" + b"".join(blocks)).hexdigest()


def _opened(path: Path) -> BinaryIO:
    """Opens a file for reading; a pipe, which would block, or a device, which has no end, is a ValueError."""
    if path.exists() and not path.is_file():
        raise ValueError("it is no regular file")
    return path.open("rb")
