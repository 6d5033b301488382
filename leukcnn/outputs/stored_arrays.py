"""Named arrays in a file of an experiment's folder, and what to do where it can't be read."""

import contextlib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from leukcnn.errors import StoreError
from leukcnn.runs import replace_file


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
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise StoreError(
            f"The sketches {path} can't be read: {error}",
            expected="a file as `leukcnn reproduce` wrote it",
            remedy="remove it and run `leukcnn reproduce` with the same arguments; finished trials stay",
        ) from error
