"""Write files completely or not at all, and read them with clear errors: JSON, locks, and space on the disk.

Every file is written under another name and then renamed. A killed process leaves a complete file or none.
"""

import contextlib
import errno
import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import filelock

from leukcnn.errors import StoreError

_CHECKSUM = "checksum"

_LARGEST_FILE = 2**32
"""Bytes of the largest file that is read whole; the largest networks have a seventh of it."""

_FREE_SPACE = 64 * 2**20
"""Bytes that stay free on a disk when space is claimed; a hundredth of a small disk."""


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
        above = (folder, *folder.absolute().parents)
        if broken := [place for place in above if place.is_symlink() and not place.exists()]:
            raise StoreError(
                f"{broken[0]} is a link to a place that doesn't exist.",
                expected="a folder that this user can write to",
                remedy="remove the link, make the folder that it names, or name another folder with --out",
            )
        existing = next(place for place in above if place.exists())
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"leukcnn")


@contextlib.contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Makes a folder; if the block fails, those that were made are removed again, unless they hold something.

    Raises:
        OSError: It can't be made.
    """
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            for made in missing:
                made.rmdir()
        raise


@contextlib.contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Yields a draft path next to `path`. If the block succeeds, the draft replaces `path` in one step.

    Raises:
        StoreError: The folder is read-only or the disk is full; `path` then stays as it was.
    """
    # A process id isn't unique: two containers, or two hosts on one network drive, can have the same.
    draft = path.with_name(f".draft-{secrets.token_hex(8)}-{_end_of(path.name)}")
    with explaining(path), made_folder(path.parent):
        try:
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
        path: The lock's file. It stays, unless it was made here and the block fails.
        busy: The error if another process holds the lock; without one, this process waits for it.
        on_wait: Called once before it waits.

    Raises:
        StoreError: Another process holds the lock, the folder can't be written to, or its file system has no
            locks.
    """
    # A lock in name only would outlive a killed process.
    lock = filelock.FileLock(path, fallback_to_soft=False)
    with contextlib.ExitStack() as folders:
        try:
            folders.enter_context(made_folder(path.parent))
            is_new = not path.exists()
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
        except BaseException:
            # A process that waits sees that the file is gone, and makes it again.
            if is_new:
                with contextlib.suppress(OSError):
                    path.unlink()
            raise
        finally:
            lock.release()


@contextlib.contextmanager
def locked_folder(folder: Path, *, busy: StoreError | None = None) -> Iterator[None]:
    """Keeps other processes out of a folder, and removes the drafts that killed ones left in it.

    Args:
        folder: The folder, made if it doesn't exist; its lock is `.lock`.
        busy: As in `locked`.

    Raises:
        StoreError: As in `locked`.
    """
    with locked(folder / ".lock", busy=busy):
        for draft in folder.rglob(".draft-*"):
            with contextlib.suppress(OSError):
                draft.unlink()
        yield


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
        draft.write_text(_as_text(value), encoding="utf-8")


def read_bytes(path: Path) -> bytes:
    """Reads a file of the store.

    Raises:
        StoreError: There is no such file, or it can't be read.
    """
    try:
        # Reading a named pipe would wait for ever.
        if path.exists() and not path.is_file():
            raise OSError("it isn't a file")
        if path.stat().st_size > _LARGEST_FILE:
            raise OSError(f"it has more than {_LARGEST_FILE:,} bytes")
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error.strerror or str(error)) from error


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON file of the store.

    Raises:
        StoreError: The file doesn't exist or isn't a JSON object.
    """
    return parse_json(read_bytes(path), path)


def parse_json(content: bytes, path: Path) -> dict[str, Any]:
    """Returns the JSON object in the content of a file of the store.

    Raises:
        StoreError: It isn't a JSON object, or has numbers that JSON lacks (NaN, Infinity).
    """
    try:
        value = json.loads(content.decode("utf-8"), parse_constant=_refuse_constant)
        if not isinstance(value, dict):
            raise ValueError("it isn't a JSON object")
        return value
    except (ValueError, RecursionError) as error:
        raise unreadable(path, str(error)) from error


def write_sealed_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes a JSON object in one step, together with a checksum of it.

    Raises:
        StoreError: The folder can't be written to.
    """
    # JSON has no tuples, and strings as the only keys.
    plain = json.loads(json.dumps(value))
    write_json(path, plain | {_CHECKSUM: digest(plain)})


def read_sealed_json(path: Path) -> dict[str, Any]:
    """Reads what `write_sealed_json` wrote.

    Raises:
        StoreError: The file doesn't exist, or any byte of it was changed.
    """
    content = read_bytes(path)
    value = parse_json(content, path)
    plain = {key: item for key, item in value.items() if key != _CHECKSUM}
    if value.get(_CHECKSUM) != digest(plain) or content.decode("utf-8") != _as_text(value):
        raise unreadable(path, "it was changed since it was written")
    return plain


def _as_text(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True) + "\n"


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} isn't a number in JSON")


def unreadable(
    path: Path, why: str, *, remedy: str = "remove the folder that holds it and run `leukcnn reproduce` again"
) -> StoreError:
    """Returns the error that says why a file of the store can't be used."""
    return StoreError(f"{path} can't be read: {why}", expected="a file that leukcnn wrote", remedy=remedy)


def digest(value: Any) -> str:
    """Returns the hexadecimal SHA-256 of a JSON value. The order of its keys doesn't matter."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def content_sha256(content: bytes) -> str:
    """Returns the hexadecimal SHA-256 of a file's content that was read already."""
    return hashlib.sha256(content).hexdigest()


def file_sha256(path: str | Path) -> str:
    """Returns the hexadecimal SHA-256 of a file's content, which is read piece by piece.

    Raises:
        OSError: The file can't be read.
    """
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stored_sha256(path: Path) -> str:
    """Returns the hexadecimal SHA-256 of a file of the store.

    Raises:
        StoreError: It can't be read.
    """
    try:
        return file_sha256(path)
    except OSError as error:
        raise unreadable(path, error.strerror or str(error)) from error
