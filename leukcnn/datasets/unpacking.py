"""Unpack a zip file that came from elsewhere: all of it into a new folder, or nothing."""

import json
import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from leukcnn.datasets.headers import name_fault, printable
from leukcnn.datasets.walk import files_below, is_ignored, listed
from leukcnn.errors import DataError, StoreError

MARKER = ".leukcnn-download.json"
"""Name of the file in an unpacked folder that says how many files and bytes it had."""

_MOST_FILES = 500_000
# Kept free for other programs.
_FREE_BYTES = 64 * 2**20
_CHUNK = 2**20

Progress = Callable[[int, int], None]


class DamagedArchive(DataError):
    """A file isn't a zip file, or is damaged or hostile. Nothing was unpacked from it."""


def unpack(
    file: Path, folder: Path, *, most_bytes: int, progress: Progress = lambda done, total: None
) -> int:
    """Unpacks a zip file into a folder that doesn't exist yet.

    The files are written into a draft folder, which is renamed in the end: a folder of that name is complete.
    If the archive holds one folder alone, that folder's content is unpacked. Hidden files and those of file
    managers are left out.

    Args:
        file: The zip file.
        folder: The new folder; the folder above it exists.
        most_bytes: Greatest size of the unpacked files together, in bytes.
        progress: Called with the bytes that are unpacked and their total.

    Returns:
        The number of files.

    Raises:
        DamagedArchive: The archive is damaged, larger than allowed, or has names or links that lead out of
            the folder; all of them are in the message.
        StoreError: The folder can't be written to, or the disk is too small.
    """
    draft = None
    try:
        with zipfile.ZipFile(file) as archive:
            members = [*_files(archive, file)]
            _require_small(members, file, most_bytes)
            _require_space(sum(member.file_size for member in members), folder)
            draft = Path(tempfile.mkdtemp(prefix=f".draft-{folder.name}-", dir=folder.parent))
            content = draft / "content"
            _write(archive, members, content, progress)
        inner = [*content.iterdir()]
        if len(inner) == 1 and inner[0].is_dir():
            content = inner[0]
        _mark(content)
        # Where another process was faster, the folder isn't empty, and this fails.
        content.rename(folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DamagedArchive(
            f"{file} can't be unpacked: {printable(str(error))}.", expected="a complete zip file"
        ) from error
    except OSError as error:
        raise not_writable(error, folder) from error
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)
    return len(members)


def remove_drafts(folder: Path) -> None:
    """Removes what killed processes left of `folder`. The caller keeps other processes out."""
    for draft in folder.parent.glob(f".draft-{folder.name}-*"):
        shutil.rmtree(draft, ignore_errors=True)


def missing_files(folder: Path) -> str:
    """Returns what an unpacked folder lacks, as the end of the sentence 'FOLDER ...', "" for nothing."""
    try:
        marked = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        whole = {"files": int(marked["files"]), "bytes": int(marked["bytes"])}
    except (OSError, ValueError, KeyError, TypeError):
        return "was not unpacked by this command"
    here = _size(folder)
    if here == whole:
        return ""
    return (
        f"holds {here['files']:,} files with {here['bytes']:,} bytes, of "
        f"{whole['files']:,} files with {whole['bytes']:,} bytes that were unpacked"
    )


def not_writable(error: OSError, path: Path) -> StoreError:
    """Returns the error for a download or its unpacked files that can't be written."""
    return StoreError(
        f"{path} can't be written: {error.strerror or error}.",
        expected="a folder that this user can write to, with space for the images",
        remedy="free some space or name another folder, and run the same command again; what was downloaded "
        "is kept",
    )


def _files(archive: zipfile.ZipFile, file: Path) -> Iterator[zipfile.ZipInfo]:
    """Yields the members to unpack, once all names are known to stay within the folder."""
    wanted: list[zipfile.ZipInfo] = []
    faults: list[str] = []
    seen: set[str] = set()
    for member in archive.infolist():
        if fault := _fault(member, seen):
            faults.append(f"{member.filename!r:.200} {fault}")
        elif not member.is_dir() and not any(map(is_ignored, _parts(member))):
            wanted.append(member)
    if faults:
        raise DamagedArchive(
            f"{file} holds what can't be unpacked safely:\n{listed(faults)}",
            expected="regular files with names below the archive's own folder",
        )
    if not wanted:
        raise DamagedArchive(f"{file} is an empty archive.", expected="a zip file with images")
    yield from wanted


def _fault(member: zipfile.ZipInfo, seen: set[str]) -> str:
    """Returns why a member can't be unpacked safely, "" if it can; adds its name to those seen."""
    name, kind = member.filename.replace("\\", "/"), stat.S_IFMT(member.external_attr >> 16)
    if name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in name.split("/"):
        return "leads out of the folder"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    if member.flag_bits & 1:
        return "is encrypted"
    # Some file systems don't distinguish upper and lower case.
    if name.lower() in seen:
        return "occurs twice"
    seen.add(name.lower())
    return name_fault(name.rstrip("/")) or ""


def _parts(member: zipfile.ZipInfo) -> tuple[str, ...]:
    return PurePosixPath(member.filename.replace("\\", "/")).parts


def _require_small(members: Sequence[zipfile.ZipInfo], file: Path, most_bytes: int) -> None:
    total = sum(member.file_size for member in members)
    if total > most_bytes or len(members) > _MOST_FILES:
        raise DamagedArchive(
            f"{file} would unpack to {len(members):,} files with {total:,} bytes.",
            expected=f"at most {_MOST_FILES:,} files with {most_bytes:,} bytes, more than the dataset has",
        )


def _require_space(needed: int, folder: Path) -> None:
    free = shutil.disk_usage(folder.parent).free
    if needed > free - _FREE_BYTES:
        raise StoreError(
            f"{folder.parent} has {free / 1e6:,.0f} MB of free space.",
            expected=f"{(needed + _FREE_BYTES) / 1e6:,.0f} MB for the images",
            remedy="free some space or name another folder, and run the same command again; the archive is "
            "kept",
        )


def _write(
    archive: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo], content: Path, progress: Progress
) -> None:
    done, total = 0, sum(member.file_size for member in members)
    for member in members:
        path = content.joinpath(*_parts(member))
        path.parent.mkdir(parents=True, exist_ok=True)
        # A member never yields more bytes than its header states.
        with archive.open(member) as packed, path.open("xb") as unpacked:
            shutil.copyfileobj(packed, unpacked, _CHUNK)
        done += member.file_size
        progress(done, total)


def _mark(folder: Path) -> None:
    (folder / MARKER).write_text(json.dumps(_size(folder)) + "\n", encoding="utf-8")


def _size(folder: Path) -> dict[str, int]:
    sizes = [path.stat().st_size for path in files_below(folder, [])]
    return {"files": len(sizes), "bytes": sum(sizes)}
