"""Write files completely or not at all, and read them with clear errors: JSON and named arrays.

Every file is written under another name and then renamed. A killed process leaves a complete file or none.
Files with arrays are sealed: they end with a checksum of their content, their name and their folder's name.
It is checked before anything is decoded: neither a damaged file nor another one under its name is used.
"""

import contextlib
import errno
import hashlib
import json
import os
import secrets
import shutil
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import filelock
import numpy as np

from leukcnn.errors import StoreError

_BLOCK = 16 * 2**20
"""Bytes that one thread hashes at a time."""

_SEAL = b"\nleukcnn sha256 "
_SEAL_BYTES = len(_SEAL) + 2 * hashlib.sha256().digest_size + 1

_FREE_SPACE = 64 * 2**20
"""Bytes that stay free on a disk when space is claimed; a hundredth of a small disk."""

_COARSEST_CLOCK_SECONDS = 3
_CHECKED: dict[Path, tuple[int, ...]] = {}
"""Sealed files that were found whole -> their state then."""

_LARGEST_JSON = 256 * 2**20
"""Bytes of the largest JSON file that is read; real ones have a thousandth of it."""

_RUN_AGAIN = "remove it and run `leukcnn reproduce` with the same arguments; finished trials stay"


def explained(error: OSError | NotImplementedError, path: Path) -> StoreError:
    """Returns an error that says why `path` couldn't be written and what to do."""
    what = {
        errno.ENOSPC: "The disk is full",
        errno.EDQUOT: "The disk quota is used up",
        errno.EFBIG: "The file is larger than this user's limit (ulimit -f)",
        errno.EROFS: "The file system is read-only",
        errno.EACCES: "Writing is not allowed",
        errno.EPERM: "Writing is not allowed",
        errno.ENOTDIR: "A file is in the place of a folder",
        errno.ENOLCK: "The file system has no locks",
        errno.ENOSYS: "The file system has no locks",
    }.get(getattr(error, "errno", None) or 0, f"Writing failed ({error})")
    return StoreError(
        f"{what}: {path}",
        expected="a folder that this user can write to, with space for the run",
        remedy="free some space, or name another folder with --out (cache: LEUKCNN_CACHE); "
        "finished epochs are kept",
    )


@contextlib.contextmanager
def explaining(path: Path) -> Iterator[None]:
    """Raises the error of `explained` where writing `path` fails in the block."""
    try:
        yield
    except OSError as error:
        raise explained(error, path) from error


def check_writable(folder: Path) -> None:
    """Checks that a folder can be written to, or made if it doesn't exist; doesn't make it.

    Raises:
        StoreError: It can't.
    """
    with explaining(folder):
        existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"leukcnn")


@contextlib.contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Yields a draft path next to `path`. If the block succeeds, the draft replaces `path` in one step.

    Raises:
        StoreError: The folder is read-only or the disk is full; `path` then stays as it was.
    """
    # A process id isn't unique: two containers, or two hosts on one network drive, can have the same.
    draft = path.with_name(f".draft-{secrets.token_hex(8)}-{_end_of(path.name)}")
    try:
        with explaining(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield draft
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            draft.replace(path)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def remove_drafts(path: Path) -> None:
    """Removes what killed processes left of `path`. The caller holds the lock of all who write `path`."""
    with contextlib.suppress(OSError):
        for draft in path.parent.iterdir():
            if draft.name.startswith(".draft-") and draft.name.endswith(f"-{_end_of(path.name)}"):
                draft.unlink(missing_ok=True)


def _end_of(name: str) -> str:
    """Returns the end of a file's name: the name of a draft is longer, and the longest name is limited."""
    return name[-48:]


@contextlib.contextmanager
def locked(
    path: Path, *, busy: StoreError | None = None, on_wait: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Keeps other processes out of the block; a killed process releases the lock.

    Args:
        path: The lock's file. It stays.
        busy: The error if another process holds the lock; without one, this process waits for it.
        on_wait: Called once before it waits.

    Raises:
        StoreError: Another process holds the lock, the folder can't be written to, or its file system has no
            locks.
    """
    # A lock in name only would outlive a killed process.
    lock = filelock.FileLock(path, fallback_to_soft=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout as error:
            if busy is not None:
                raise busy from error
            on_wait()
            lock.acquire()
    except (OSError, NotImplementedError) as error:
        raise explained(error, path) from error
    try:
        yield
    finally:
        lock.release()


def claim_space(draft: Path) -> None:
    """Allocates the disk space of a mapped draft. Otherwise a full disk would kill the process on writing.

    The free space is looked up first: an attempt could fill the disk for other programs before it fails.

    Args:
        draft: A file that has its size already.

    Raises:
        StoreError: There is too little space.
        OSError: The space can't be allocated, for instance because of a quota. It is free again.
    """
    size, disk = draft.stat().st_size, shutil.disk_usage(draft.parent)
    try:
        if size > disk.free - min(_FREE_SPACE, disk.total // 100):
            raise StoreError(
                f"The disk is full: {draft.parent} has {disk.free / 1e6:,.1f} MB of free space.",
                expected=f"{size / 1e6:,.1f} MB for a file, and a little more",
                remedy="free some space, or name another folder (cache: LEUKCNN_CACHE); "
                "finished epochs are kept",
            )
        if hasattr(os, "posix_fallocate"):
            with draft.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, size)
    except (OSError, StoreError) as error:
        # Some file systems can't allocate space.
        if isinstance(error, OSError) and error.errno in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
            return
        # The caller's map keeps a removed file's space.
        os.truncate(draft, 0)
        raise


def write_json(path: Path, value: Any) -> None:
    """Writes JSON, keys sorted, in one step.

    Raises:
        StoreError: The folder can't be written to.
    """
    with replace_file(path) as draft:
        draft.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")


def read_json(path: Path) -> Any:
    """Reads a JSON file of the store.

    Raises:
        StoreError: The file doesn't exist or isn't JSON.
    """
    try:
        with _opened(path) as file:
            content = file.read(_LARGEST_JSON + 1)
        if len(content) > _LARGEST_JSON:
            raise ValueError(f"it has more than {_LARGEST_JSON:,} bytes")
        return json.loads(content.decode())
    # Deeply nested brackets end in a RecursionError.
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(
            path, error, remedy="remove the folder that holds it and run `leukcnn reproduce` again"
        ) from error


def digest(value: Any) -> str:
    """Returns the hexadecimal SHA-256 of a JSON value. The order of its keys doesn't matter."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


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
        return _unreadable(self._path, why, remedy=self._remedy)


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
        raise _unreadable(path, error, remedy=remedy) from error
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
        raise _unreadable(path, error, remedy=_RUN_AGAIN) from error
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

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        blocks = list(pool.map(of_block, range(0, size, _BLOCK)))
    name = f"{path.absolute().parent.name}/{path.name}"
    return hashlib.sha256(os.fsencode(name) + b"\0" + b"".join(blocks)).hexdigest()


def _opened(path: Path) -> BinaryIO:
    """Opens a file for reading; a pipe, which would block, or a device, which has no end, is a ValueError."""
    if path.exists() and not path.is_file():
        raise ValueError("it is no regular file")
    return path.open("rb")


def _unreadable(path: Path, why: object, *, remedy: str) -> StoreError:
    return StoreError(f"{path} can't be read: {why}", expected="a file that leukcnn wrote", remedy=remedy)
