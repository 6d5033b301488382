"""Files written whole or not at all, and read with a reason where that fails: JSON and named arrays.

Every file is written under another name and renamed, so that a kill leaves a whole file or none.
"""

import contextlib
import errno
import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from leukcnn.errors import StoreError


def explained(error: OSError, path: Path) -> StoreError:
    """Returns why `path` could not be written, and what to do about it."""
    what = {
        errno.ENOSPC: "The disk is full",
        errno.EDQUOT: "The disk quota is used up",
        errno.EROFS: "The file system is read-only",
        errno.EACCES: "Writing is not allowed",
        errno.EPERM: "Writing is not allowed",
    }.get(error.errno, f"Writing failed ({error})")
    return StoreError(
        f"{what}: {path}",
        expected="a folder that this user can write to, with space for the run",
        remedy="free some space, or name another folder with --out (cache: LEUKCNN_CACHE); "
        "finished epochs are kept",
    )


@contextlib.contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Yields a draft path beside `path`, which replaces `path` in one step when the block ends well.

    Raises:
        StoreError: The folder is read-only or the disk full; `path` is then as it was before.
    """
    draft = path.with_name(f".draft-{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise explained(error, path) from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Writes JSON, keys sorted, in one step.

    Raises:
        StoreError: The folder can't be written to.
    """
    with replace_file(path) as draft:
        draft.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")


def read_json(path: Path) -> Any:
    """Reads JSON of the store.

    Raises:
        StoreError: The file isn't there or isn't JSON.
    """
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{path} can't be read: {error}",
            expected="a file that leukcnn wrote",
            remedy="remove the folder that holds it and run `leukcnn reproduce` again",
        ) from error


def digest(value: Any) -> str:
    """Returns the SHA-256 of a plain value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def write_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Writes arrays by name, compressed, in one step.

    Raises:
        StoreError: The folder can't be written to.
    """
    with replace_file(path) as draft, draft.open("wb") as file:
        np.savez_compressed(file, **arrays)


@contextlib.contextmanager
def stored_arrays(path: Path) -> Iterator[Mapping[str, np.ndarray]]:
    """Yields the arrays of a file that `write_arrays` wrote, each read when it is asked for.

    Raises:
        StoreError: The file can't be read, or an array that is asked for isn't in it.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            yield arrays
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise StoreError(
            f"{path} can't be read: {error}",
            expected="a file as `leukcnn reproduce` wrote it",
            remedy="remove it and run `leukcnn reproduce` with the same arguments; finished trials stay",
        ) from error
