"""Folders of synthetic images that are complete, as they were written, or made again."""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from leukcnn.datasets.walk import SYNTHETIC_MARKER
from leukcnn.errors import DataError
from leukcnn.files import digest, file_sha256, made_folder
from leukcnn.threads import in_threads


def write_once(
    folder: Path, fill: Callable[[Path], None], on_note: Callable[[str], None], **description: object
) -> None:
    """Fills a folder unless it is whole. A draft folder is filled and then renamed, so none is incomplete.

    Args:
        folder: The folder of the synthetic images.
        fill: Writes the images into an empty folder.
        on_note: Called with a sentence if the folder was damaged and is made again.
        **description: Contents of the file that marks a complete folder.

    Raises:
        DataError: The folder can't be written to.
    """
    if _is_whole(folder, description):
        return
    if folder.is_dir():
        on_note(f"The synthetic images are made again: files in {folder} were changed or removed.")
    prefix = f".draft-{folder.name}-"
    try:
        with made_folder(folder.parent):
            _remove_abandoned(folder.parent, prefix)
            draft = Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
            damaged = draft.with_name(f"{draft.name}-damaged")
            try:
                fill(draft)
                (draft / SYNTHETIC_MARKER).write_text(_marker(draft, description))
                # Another process may have been faster and have written the same images.
                if folder.is_dir() and not _is_whole(folder, description):
                    folder.replace(damaged)
                try:
                    draft.replace(folder)
                except OSError:
                    if not _is_whole(folder, description):
                        raise
            finally:
                for leftover in (draft, damaged):
                    shutil.rmtree(leftover, ignore_errors=True)
    except OSError as error:
        raise _not_writable(folder, error) from error


def _is_whole(folder: Path, description: Mapping[str, object]) -> bool:
    """Returns whether a folder has all its files as they were written, and no others."""
    marker = folder / SYNTHETIC_MARKER
    try:
        return marker.is_file() and marker.read_bytes() == _marker(folder, description).encode()
    except OSError:
        return False


def _marker(folder: Path, description: Mapping[str, object]) -> str:
    """Returns the content of the file that marks a folder, with a hash of all other files."""
    top = folder / SYNTHETIC_MARKER
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != top)
    hashes = in_threads(file_sha256, paths)
    files = {path.relative_to(folder).as_posix(): value for path, value in zip(paths, hashes, strict=True)}
    return _as_text({**description, "files": digest(files)})


def _as_text(description: Mapping[str, object]) -> str:
    return json.dumps(description, indent=1)


def mark(folder: Path, **description: object) -> None:
    """Writes the file that marks a folder of synthetic images."""
    (folder / SYNTHETIC_MARKER).write_text(_as_text(description))


def _not_writable(folder: Path, error: OSError) -> DataError:
    return DataError(
        f"The synthetic images can't be written to {folder}: {error}",
        expected="a folder that this user can write to, with about 500 MB of space",
        remedy="name another folder with the environment variable LEUKCNN_CACHE",
    )


def _remove_abandoned(root: Path, prefix: str) -> None:
    """Removes drafts of killed processes: those an hour old, because writing takes seconds."""
    for draft in root.glob(f"{prefix}*"):
        if time.time() - draft.stat().st_mtime > 3600:
            shutil.rmtree(draft, ignore_errors=True)
