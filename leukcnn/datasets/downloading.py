"""Download a dataset that anyone may have: its archive is fetched, verified and unpacked.

Pooch verifies the checksum and puts the complete file in its place. Its own download begins at the first byte
each time, so that the bytes are received here.
"""

import contextlib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from leukcnn.argument_types import user_path
from leukcnn.datasets.cards import Archive, DatasetCard
from leukcnn.datasets.catalog import CATALOG, card
from leukcnn.datasets.unpacking import (
    DamagedArchive,
    Progress,
    missing_files,
    not_writable,
    remove_drafts,
    unpack,
)
from leukcnn.errors import DataError, StoreError
from leukcnn.files import file_sha256, locked, made_folder

_TIMEOUT_SECONDS = 60
_CHUNK = 2**16
_AGAIN = "run the same command again; it goes on with the bytes that are kept"


def download(
    name: str,
    root: str | os.PathLike[str],
    *,
    accept_licence: bool = False,
    on_note: Callable[[str], None] = lambda note: None,
    progress: Progress = lambda done, total: None,
) -> Path:
    """Downloads a dataset that is published without an account, and unpacks it.

    An interrupted download goes on where it ended, and a folder that is complete isn't downloaded again. No
    file that is there already is changed.

    Args:
        name: Key of the dataset in the catalog.
        root: Folder that gets the dataset's own folder; pass it as the root to `load`.
        accept_licence: Whether you accept the licence on the dataset's card.
        on_note: Called with a sentence about each step.
        progress: Called with the number of bytes that are received or unpacked and their total, which is 0
            if the server doesn't state it.

    Returns:
        The root.

    Raises:
        DataError: There is no such dataset, it has no archive for everyone, its licence isn't accepted, the
            download failed or was damaged, or other files are in its place.
        StoreError: The folder can't be written to, or another process downloads into it.
    """
    dataset, folder = card(name), user_path(root, "download (--download)").absolute()
    require_archives(dataset)
    if not accept_licence:
        raise DataError(
            f"The licence of {dataset.name} isn't accepted: {dataset.licence}.",
            expected=f"that you read it ({dataset.link}) and accept it",
            remedy="pass --accept-licence (accept_licence=True)",
        )
    busy = StoreError(
        f"Another process downloads into {folder}.",
        expected="one download at a time",
        remedy="wait for it, or name another folder",
    )
    with contextlib.ExitStack() as folders:
        try:
            folders.enter_context(made_folder(folder))
        except OSError as error:
            raise not_writable(error, folder) from error
        with locked(folder / ".download.lock", busy=busy):
            for archive in dataset.archives:
                _download(dataset, archive, folder, on_note, progress)
    return folder


def require_archives(dataset: DatasetCard) -> None:
    """Makes sure that a dataset can be downloaded without an account, a form or another program.

    Raises:
        DataError: It can't; the message says how to get it.
    """
    if not dataset.archives:
        raise DataError(
            f"{dataset.name} has no archive that leukcnn could download by itself. Availability: "
            f"{dataset.availability}.",
            expected=f"a dataset with a zip file at a public address: {', '.join(downloadable())}",
            remedy=dataset.how_to_get,
        )


def downloadable() -> tuple[str, ...]:
    """Returns the keys of the datasets that `download` takes."""
    return tuple(key for key, one in CATALOG.items() if one.archives)


def _download(
    dataset: DatasetCard,
    archive: Archive,
    root: Path,
    on_note: Callable[[str], None],
    progress: Progress,
) -> None:
    folder, file = root / Path(archive.name).stem, root / archive.name
    remove_drafts(folder)
    if folder.exists() or folder.is_symlink():
        if lacking := missing_files(folder):
            raise DataError(
                f"{folder} {lacking}.",
                expected="a complete folder, or none",
                remedy=f"it is kept as it is: 'leukcnn check {dataset.key} --data {root}' says what is "
                "in it; to download it again, rename it first",
            )
        on_note(f"{folder} is complete: nothing is downloaded.")
        return
    given = file.exists()
    if given:
        on_note(f"{file} is there: it isn't downloaded again.")
        _require_checksum(archive, file)
    else:
        on_note(f"Downloading {archive.url} ...")
        _fetch(archive, file, progress)
    on_note(f"Unpacking {file} ...")
    try:
        count = unpack(file, folder, most_bytes=archive.most_bytes, progress=progress)
    except DamagedArchive as error:
        if not given:
            file.unlink(missing_ok=True)
        raise DataError(
            error.found,
            expected=error.expected,
            remedy=f"remove {file} and run the same command again"
            if given
            else f"run the same command again, or get it by hand: {dataset.how_to_get}",
        ) from error
    if not given:
        file.unlink(missing_ok=True)
    on_note(f"{count:,} files are in {folder}.")


def _require_checksum(archive: Archive, file: Path) -> None:
    if archive.sha256 and file_sha256(file) != archive.sha256:
        raise DataError(
            f"{file} has another SHA-256 than {archive.url}.",
            expected=archive.sha256,
            remedy="remove or rename it, and run the same command again",
        )


def _fetch(archive: Archive, file: Path, progress: Progress) -> None:
    """Downloads an archive to a file that doesn't exist yet, in one step at the end."""
    # They take a third of a second to load, which the other commands don't need.
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")
    part = Part(file.with_name(f".{file.name}.partial"), archive.most_bytes, progress)
    try:
        pooch.retrieve(
            archive.url,
            known_hash=f"sha256:{archive.sha256}" if archive.sha256 else None,
            fname=file.name,
            path=file.parent,
            downloader=part,
        )
    except KeyboardInterrupt as interruption:
        interruption.add_note(f"{part.size:,} bytes of the archive are kept.")
        raise
    except requests.HTTPError as error:
        raise DataError(
            f"{archive.url} isn't there: {error}.",
            expected="the archive",
            remedy="try again later; if its address has changed, download it by hand",
        ) from error
    except requests.RequestException as error:
        raise DataError(
            f"The download of {archive.url} ended after {part.size:,} bytes: {_reason(error)}.",
            expected="a connection to the end of the file",
            remedy=_AGAIN,
        ) from error
    except ValueError as error:
        raise DataError(
            f"What {archive.url} sent has another SHA-256 than the dataset's card states.",
            expected=archive.sha256,
            remedy="run the same command again, from the first byte; if it fails again, the archive was "
            "replaced by another one",
        ) from error
    except OSError as error:
        raise not_writable(error, part.path) from error


class Part:
    """A downloader for pooch that keeps what it receives, and goes on with it in the next call.

    Args:
        path: File of the bytes that are received so far.
        most_bytes: Greatest size of the whole file, in bytes.
        progress: Called with the number of bytes and their total, 0 if unknown.
    """

    def __init__(self, path: Path, most_bytes: int, progress: Progress):
        self.path = path
        self._most_bytes, self._progress = most_bytes, progress
        # The version of the file, as the server states it: parts of two versions don't fit.
        self._version = path.with_name(f"{path.name}-version")

    @property
    def size(self) -> int:
        """Number of bytes that are kept."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:
        """Receives a file; pooch calls this.

        Args:
            url: Its address.
            output_file: Where pooch wants it.
            pooch: Not used.

        Raises:
            requests.RequestException: The server refuses it, or the connection broke.
            OSError: The file can't be written.
        """
        self._receive(url, self._kept_version())
        self.path.replace(output_file)
        self._version.unlink(missing_ok=True)

    def _kept_version(self) -> str:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return self._version.read_text(encoding="ascii") if self.size else ""
        return ""

    def _receive(self, url: str, version: str) -> None:
        import requests

        # Compressed bytes couldn't be counted.
        headers = {"Accept-Encoding": "identity"}
        if version:
            headers |= {"Range": f"bytes={self.size}-", "If-Range": version}
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_SECONDS) as response:
            sent = re.match(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", response.headers.get("Content-Range", ""))
            if version and response.status_code == 416 and sent and sent[2] == str(self.size):
                return
            goes_on = response.status_code == 206 and sent is not None and sent[1] == str(self.size)
            if version and not goes_on and response.status_code in (206, 416):
                return self._receive(url, "")
            response.raise_for_status()
            done = self.size if goes_on else 0
            total = done + int(response.headers.get("Content-Length") or 0)
            self._version.write_text(_version_of(response.headers), encoding="ascii")
            with self.path.open("ab" if goes_on else "wb") as file:
                for chunk in response.iter_content(_CHUNK):
                    done += file.write(chunk)
                    if done > self._most_bytes:
                        raise requests.ConnectionError(f"it is larger than {self._most_bytes:,} bytes")
                    self._progress(done, max(total, done) if "Content-Length" in response.headers else 0)
            if done < total:
                raise requests.ConnectionError(f"the server sent {done:,} of {total:,} bytes")


def _version_of(headers: Mapping[str, str]) -> str:
    """Returns what identifies a version of a file, "" if the server doesn't say: it can't be resumed."""
    tag = headers.get("ETag", "")
    version = tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")
    return version if version.isascii() and version.isprintable() else ""


def _reason(error: BaseException) -> str:
    """Returns the innermost reason of a failed connection, in one line."""
    inner: BaseException | None = error
    while inner is not None:
        error, inner = inner, inner.__cause__ or inner.__context__
    return " ".join(str(error).split())[:200] or type(error).__name__
