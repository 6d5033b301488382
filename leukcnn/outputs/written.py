"""Which files were written for an experiment, each with its SHA-256: tables, figures, captures."""

import hashlib
from collections.abc import Collection, Iterable
from pathlib import Path

from leukcnn.files import read_json, write_json

_NOTED = "written.json"


def note_files(folder: Path, paths: Iterable[Path], *, anew: Collection[str] = ()) -> None:
    """Notes files below an experiment's folder beside those that are noted there already.

    Args:
        folder: The experiment's folder.
        paths: The files.
        anew: Folders in it of which these are all files: others are forgotten.

    Raises:
        StoreError: The folder can't be written to, or what is noted can't be read.
    """
    new = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
    }
    noted = _noted(folder)
    kept = {name: digest for name, digest in noted.items() if name.partition("/")[0] not in anew}
    if kept | new != noted:
        write_json(folder / _NOTED, kept | new)


def changed_files(folder: Path) -> dict[Path, str]:
    """Returns the noted files that aren't as they were written: path -> what is amiss.

    Raises:
        StoreError: What is noted can't be read.
    """
    amiss = {}
    for name, expected in _noted(folder).items():
        path = folder / name
        if not path.is_file():
            amiss[path] = "missing"
        elif hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            amiss[path] = "changed since it was written"
    return amiss


def _noted(folder: Path) -> dict[str, str]:
    path = folder / _NOTED
    return read_json(path) if path.exists() else {}
