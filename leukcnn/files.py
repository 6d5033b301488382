"""Write files completely or not at all, and read them with clear errors: JSON and named arrays.

Every file is written under another name and then renamed. A killed process leaves a complete file or none.
"""

import contextlib
import errno
import hashlib
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from leukcnn.errors import StoreError


def explained(error: OSError, path: Path) -> StoreError:
    """Returns an error that says why `path` couldn't be written and what to do."""
    what = {
        errno.ENOSPC: "The disk is full",
        errno.EDQUOT: "The disk quota is used up",
        errno.EROFS: "The file system is read-only",
        errno.EACCES: "Writing is not allowed",
        errno.EPERM: "Writing is not allowed",
        errno.ENOTDIR: "A file is in the place of a folder",
    }.get(error.errno or 0, f"Writing failed ({error})")
    return StoreError(
        f"{what}: {path}",
        expected="a folder that this user can write to, with space for the run",
        remedy="free some space, or name another folder with --out (cache: LEUKCNN_CACHE); "
        "finished epochs are kept",
    )


def check_writable(folder: Path) -> None:
    """Checks that a folder can be written to, or made if it doesn't exist; doesn't make it.

    Raises:
        StoreError: It can't.
    """
    try:
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
    except OSError as error:
        raise explained(error, folder) from error


@contextlib.contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Yields a draft path next to `path`. If the block succeeds, the draft replaces `path` in one step.

    Raises:
        StoreError: The folder is read-only or the disk is full; `path` then stays as it was.
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
    """Reads a JSON file of the store.

    Raises:
        StoreError: The file doesn't exist or isn't JSON.
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
    """Returns the hexadecimal SHA-256 of a JSON value. The order of its keys doesn't matter."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def write_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Writes named arrays, compressed, in one step.

    Raises:
        StoreError: The folder can't be written to.
    """
    with replace_file(path) as draft, draft.open("wb") as file:
        # The stub takes every name for that of the option `allow_pickle`.
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


@contextlib.contextmanager
def stored_arrays(path: Path) -> Iterator[Mapping[str, np.ndarray]]:
    """Yields the arrays of a file that `write_arrays` wrote. Each array is read on access.

    Raises:
        StoreError: The file can't be read, or a requested array isn't in it.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            yield arrays
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise StoreError(
            f"{path} can't be read: {error}",
            expected="a file that `leukcnn reproduce` wrote",
            remedy="remove it and run `leukcnn reproduce` with the same arguments; finished trials stay",
        ) from error
