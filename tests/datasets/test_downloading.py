"""Downloads from a local server: resumed, verified, unpacked whole or not at all; nothing is lost."""

import contextlib
import errno
import hashlib
import io
import re
import sys
import threading
import zipfile
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest.mock import Mock

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from leukcnn.cli import main
from leukcnn.datasets import CATALOG, card, download, load, unpacking
from leukcnn.datasets.catalog import Archive
from leukcnn.datasets.downloading import downloadable
from leukcnn.errors import DataError, StoreError
from leukcnn.files import locked
from leukcnn.start import download_dataset

TOP = "PBC_dataset_normal_DIB"


def image(number):
    pixels = np.random.default_rng(number).integers(0, 256, (363, 360, 3), dtype=np.uint8)
    return cv2.imencode(".jpg", pixels)[1].tobytes()


FILES = {f"{TOP}/monocyte/MO_{number:06}.jpg": image(number) for number in range(1, 6)}


def zipped(files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


ARCHIVE = zipped({**FILES, f"__MACOSX/{TOP}/._x": b"x", f"{TOP}/monocyte/.DS_1.jpg": b"x"})


# Bytes after which a connection breaks, within the archive.
BROKEN = 200_000


class Server(ThreadingHTTPServer):
    """Serves one file; `ends_after` breaks the next connection after so many bytes."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.tag, self.ranges = ARCHIVE, '"1"', True
        self.status, self.ends_after, self.states_length = 200, None, True
        self.asked: list[str | None] = []


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *words):
        pass

    def do_GET(self):
        server, wanted = self.server, self.headers.get("Range")
        server.asked.append(wanted)
        content = server.content
        if server.status != 200:
            self.send_error(server.status)
            return
        same = self.headers.get("If-Range") in (None, server.tag)
        if wanted and server.ranges and same:
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            content = content[start:]
        else:
            self.send_response(200)
        if server.tag:
            self.send_header("ETag", server.tag)
        if server.states_length:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content if server.ends_after is None else content[: server.ends_after])
        server.ends_after = None


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        publish(monkeypatch, server)
        yield server
        server.shutdown()
        thread.join()


def publish(monkeypatch, server, **fields):
    url = f"http://127.0.0.1:{server.server_address[1]}/download"
    archive = Archive(name=f"{TOP}.zip", url=url, **fields)
    monkeypatch.setitem(CATALOG, "pbc", replace(card("pbc"), archives=(archive,)))


def fetch(folder, **options):
    notes = []
    download("pbc", folder, accept_licence=True, on_note=notes.append, **options)
    return " ".join(notes)


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def refused(folder, kind=DataError, **options):
    with pytest.raises(kind) as caught:
        fetch(folder, **options)
    assert caught.value.remedy
    return str(caught.value)


def test_a_dataset_is_fetched_unpacked_and_can_be_loaded(server, tmp_path):
    seen = []
    notes = fetch(tmp_path / "new" / "data", progress=lambda done, total: seen.append((done, total)))
    folder = tmp_path / "new" / "data" / TOP
    assert {f"{TOP}/{name}" for name in names(folder)} == {*FILES, f"{TOP}/{unpacking.MARKER}"}
    assert all((folder.parent / name).read_bytes() == content for name, content in FILES.items())
    assert len(load("pbc", tmp_path / "new" / "data")) == 5
    assert "5 files are in" in notes
    assert (len(ARCHIVE), len(ARCHIVE)) in seen
    # Nothing else is left: no archive, no part, no draft.
    assert {path.name for path in folder.parent.iterdir()} == {TOP, ".download.lock"}


def test_a_second_call_finds_it_complete_and_asks_the_server_nothing(server, tmp_path):
    fetch(tmp_path)
    before = {name: (tmp_path / name).stat().st_mtime_ns for name in FILES}
    assert "is complete" in fetch(tmp_path)
    assert len(server.asked) == 1
    assert before == {name: (tmp_path / name).stat().st_mtime_ns for name in FILES}


def test_a_broken_connection_is_resumed_at_its_byte(server, tmp_path):
    server.ends_after = BROKEN
    said = refused(tmp_path)
    kept = (tmp_path / f".{TOP}.zip.partial").stat().st_size
    assert BROKEN / 2 < kept <= BROKEN
    assert f"after {kept:,} bytes" in said
    assert "goes on with the bytes that are kept" in said
    assert not (tmp_path / TOP).exists()
    assert "5 files" in fetch(tmp_path)
    assert server.asked == [None, f"bytes={kept}-"]
    assert (tmp_path / next(iter(FILES))).read_bytes() == next(iter(FILES.values()))


def test_a_part_that_has_every_byte_is_not_fetched_again(server, tmp_path):
    (tmp_path / f".{TOP}.zip.partial").write_bytes(ARCHIVE)
    (tmp_path / f".{TOP}.zip.partial-version").write_text('"1"')
    assert "5 files" in fetch(tmp_path)
    assert server.asked == [f"bytes={len(ARCHIVE)}-"]


@pytest.mark.parametrize("change", [{"tag": '"2"'}, {"ranges": False}, {"tag": ""}])
def test_parts_of_two_versions_are_never_joined(server, tmp_path, change):
    server.ends_after = BROKEN
    refused(tmp_path)
    for name, value in change.items():
        setattr(server, name, value)
    server.content = zipped({name: content[::-1] for name, content in FILES.items()})
    fetch(tmp_path)
    for name, content in FILES.items():
        assert (tmp_path / name).read_bytes() == content[::-1]


def test_a_part_longer_than_the_file_is_dropped(server, tmp_path):
    (tmp_path / f".{TOP}.zip.partial").write_bytes(ARCHIVE + b"more")
    (tmp_path / f".{TOP}.zip.partial-version").write_text('"1"')
    assert "5 files" in fetch(tmp_path)
    assert server.asked[1:] == [None]


def test_without_a_version_it_begins_at_the_first_byte(server, tmp_path):
    server.tag, server.ends_after = "", BROKEN
    refused(tmp_path)
    fetch(tmp_path)
    assert server.asked == [None, None]


def test_a_server_without_a_stated_length_is_read_to_the_end(server, tmp_path):
    server.states_length = False
    assert "5 files" in fetch(tmp_path)


def test_the_checksum_of_the_card_is_compared(server, tmp_path, monkeypatch):
    publish(monkeypatch, server, sha256=hashlib.sha256(ARCHIVE).hexdigest())
    fetch(tmp_path / "right")
    publish(monkeypatch, server, sha256="0" * 64)
    assert "another SHA-256" in refused(tmp_path / "wrong")
    # What was wrong isn't kept, or it would be wrong for ever.
    assert names(tmp_path / "wrong") == []


@pytest.mark.parametrize("status", [403, 404, 500])
def test_an_error_of_the_server_is_named(server, tmp_path, status):
    server.status = status
    assert str(status) in refused(tmp_path)
    assert names(tmp_path) == []


def test_no_server_at_all_is_one_message(server, tmp_path, monkeypatch):
    archive = replace(card("pbc").archives[0], url="http://127.0.0.1:1/download")
    monkeypatch.setitem(CATALOG, "pbc", replace(card("pbc"), archives=(archive,)))
    assert "ended after 0 bytes: " in refused(tmp_path)


def test_a_file_larger_than_the_dataset_ends_the_download(server, tmp_path, monkeypatch):
    publish(monkeypatch, server, most_bytes=1000)
    assert "larger than 1,000 bytes" in refused(tmp_path)
    assert not (tmp_path / TOP).exists()


def test_a_page_instead_of_the_archive_is_refused_and_removed(server, tmp_path):
    server.content = b"<html>sign in</html>"
    said = refused(tmp_path)
    assert "can't be unpacked" in said
    assert card("pbc").link in said
    assert names(tmp_path) == []


def test_a_hostile_archive_writes_nothing(server, tmp_path):
    server.content = zipped({**FILES, "../outside.jpg": b"x"})
    assert "leads out of the folder" in refused(tmp_path / "data")
    assert names(tmp_path) == []


def test_a_licence_that_is_not_accepted_downloads_nothing(server, tmp_path):
    with pytest.raises(DataError, match=r"CC BY 4.0(.|\n)*accept_licence=True"):
        download("pbc", tmp_path)
    assert server.asked == []
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("taleghani", "kagglehub"),
        ("aml_lmu", "Aspera"),
        ("cnmc2019", "Cancer Imaging"),
        ("allidb1", "request"),
    ],
)
def test_a_dataset_without_a_public_archive_says_how_to_get_it(tmp_path, name, said):
    with pytest.raises(DataError) as caught:
        download(name, tmp_path, accept_licence=True)
    assert said in str(caught.value)
    assert "pbc" in caught.value.expected
    assert not any(tmp_path.iterdir())


def test_datasets_that_can_be_downloaded_say_so():
    assert set(downloadable()) == {"jtsc", "cellavision2", "pbc"}


def test_a_folder_of_the_user_is_kept(server, tmp_path):
    (tmp_path / TOP / "monocyte").mkdir(parents=True)
    (tmp_path / TOP / "monocyte" / "mine.jpg").write_bytes(b"mine")
    said = refused(tmp_path)
    assert "was not unpacked by this command" in said
    assert "leukcnn check pbc" in said
    assert server.asked == []
    assert names(tmp_path / TOP) == ["monocyte/mine.jpg"]


def test_a_folder_that_lost_files_is_not_called_complete(server, tmp_path):
    fetch(tmp_path)
    (tmp_path / next(iter(FILES))).unlink()
    assert "holds 4 files" in refused(tmp_path)


@pytest.mark.parametrize("whole", [True, False])
def test_an_archive_of_the_user_is_used_and_kept(server, tmp_path, whole):
    content = ARCHIVE if whole else ARCHIVE[:1000]
    (tmp_path / f"{TOP}.zip").write_bytes(content)
    if whole:
        assert "isn't downloaded again" in fetch(tmp_path)
    else:
        assert "remove" in refused(tmp_path)
    assert server.asked == []
    assert (tmp_path / f"{TOP}.zip").read_bytes() == content


def test_an_archive_of_the_user_with_another_checksum_is_kept_and_refused(server, tmp_path, monkeypatch):
    publish(monkeypatch, server, sha256="0" * 64)
    (tmp_path / f"{TOP}.zip").write_bytes(ARCHIVE)
    assert "another SHA-256" in refused(tmp_path)
    assert (tmp_path / f"{TOP}.zip").read_bytes() == ARCHIVE


def test_a_full_disk_is_one_message_and_keeps_what_was_received(server, tmp_path, monkeypatch):
    def full(done, total):
        raise OSError(errno.ENOSPC, "No space left on device")

    said = refused(tmp_path, StoreError, progress=full)
    assert "No space left on device" in said
    assert "kept" in said
    kept = (tmp_path / f".{TOP}.zip.partial").stat().st_size
    fetch(tmp_path)
    assert server.asked == [None, f"bytes={kept}-"]


def test_a_disk_that_is_too_small_for_the_images_is_named_before_unpacking(server, tmp_path, monkeypatch):
    usage = unpacking.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(unpacking.shutil, "disk_usage", lambda place: usage._replace(free=10))
    assert "free space" in refused(tmp_path, StoreError)
    assert names(tmp_path) == [f"{TOP}.zip"]
    monkeypatch.undo()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_a_folder_that_cannot_be_made_is_named(server, tmp_path):
    (tmp_path / "file").touch()
    refused(tmp_path / "file" / "data", StoreError)


def test_two_processes_do_not_download_into_one_folder(server, tmp_path):
    with locked(tmp_path / ".download.lock"):
        assert "Another process" in refused(tmp_path, StoreError)


def test_an_interruption_keeps_the_bytes_and_says_so(server, tmp_path):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        fetch(tmp_path, progress=interrupt)
    assert "bytes of the archive are kept" in " ".join(caught.value.__notes__)
    assert not (tmp_path / TOP).exists()
    assert "5 files" in fetch(tmp_path)
    assert server.asked[1].startswith("bytes=")


def test_a_draft_of_a_killed_process_is_no_dataset_and_is_removed(server, tmp_path):
    draft = tmp_path / f".draft-{TOP}-abc" / "content" / "monocyte"
    draft.mkdir(parents=True)
    (draft / "MO_1.jpg").write_bytes(b"half")
    fetch(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {TOP, ".download.lock"}


def call(*words):
    return CliRunner().invoke(main, ["datasets", *map(str, words)])


def test_the_command_shows_the_licence_downloads_and_checks(server, tmp_path):
    done = call("pbc", "--download", tmp_path, "--accept-licence")
    assert done.exit_code == 0, done.output
    for words in ("Licence: CC BY 4.0", "Acevedo", "5 files are in", "pbc: 5 of 17,092 cells"):
        assert words in done.output
    assert "is complete" in call("pbc", "--download", tmp_path, "--accept-licence").output


@pytest.mark.parametrize("answer", [True, False])
def test_the_command_asks_where_someone_can_answer(server, tmp_path, monkeypatch, answer):
    def ask(question):
        assert "licence" in question
        return answer

    monkeypatch.setattr(sys, "stdin", Mock(isatty=lambda: True))
    with contextlib.nullcontext() if answer else pytest.raises(DataError, match="isn't accepted"):
        download_dataset("pbc", tmp_path, accepted=False, ask=ask)
    assert len(server.asked) == answer


def test_the_command_refuses_without_a_terminal_or_a_name(server, tmp_path):
    done = call("pbc", "--download", tmp_path)
    assert done.exit_code == 1
    assert "--accept-licence" in done.output
    assert server.asked == []
    assert "NAME" in call("--download", tmp_path).output
