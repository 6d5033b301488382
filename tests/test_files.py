"""Files are written completely or not at all, and errors say why."""

import errno
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from leukcnn import arrays as arrays_module
from leukcnn.arrays import check_seal, stored_arrays, write_arrays, write_quickly
from leukcnn.errors import StoreError
from leukcnn.files import (
    claim_space,
    locked,
    read_json,
    remove_drafts,
    replace_file,
    write_json,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_replaced_file_is_the_old_one_until_the_block_ends(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with replace_file(path) as draft:
        draft.write_text("new")
        assert draft.parent == path.parent
        assert draft.suffix == path.suffix
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


def test_folder_is_made_when_something_is_written(tmp_path):
    with replace_file(tmp_path / "a/b/c.txt") as draft:
        draft.write_text("new")
    assert (tmp_path / "a/b/c.txt").read_text() == "new"


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), OSError(errno.ENOSPC, "full")])
def test_block_that_fails_leaves_the_old_file_and_no_draft(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    expected = StoreError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected), replace_file(path) as draft:
        draft.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


FAILURES = {
    errno.ENOSPC: "disk is full",
    errno.EDQUOT: "quota is used up",
    errno.EROFS: "file system is read-only",
    errno.EACCES: "Writing is not allowed",
    errno.EPERM: "Writing is not allowed",
    errno.EIO: "Input/output error",
}


@pytest.mark.parametrize("number", FAILURES)
@pytest.mark.parametrize("function", ["fsync", "mkdir"])
def test_failure_to_write_says_why_and_where(tmp_path, monkeypatch, number, function):
    def fail(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    path = tmp_path / "a.txt"
    path.write_text("old")
    monkeypatch.setattr(*((os, "fsync") if function == "fsync" else (Path, "mkdir")), fail)
    with pytest.raises(StoreError, match=FAILURES[number]) as caught, replace_file(path) as draft:
        draft.write_text("new")
    assert str(path) in caught.value.found
    assert "--out" in caught.value.remedy
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_file_survives_a_full_disk(run_on_disk):
    printed = run_on_disk(
        "size=64k",
        """
from leukcnn.errors import StoreError
from leukcnn.files import replace_file
with replace_file(disk / "a.bin") as draft:
    draft.write_bytes(b"old")
try:
    with replace_file(disk / "a.bin") as draft:
        draft.write_bytes(bytes(200_000))
except StoreError as error:
    print(error)
print(*(f"{path.name} {path.read_bytes()}" for path in disk.iterdir()))
""",
    )
    first, *_, last = printed.splitlines()
    assert first.startswith("The disk is full: ")
    assert last == "a.bin b'old'"


def test_json_has_the_same_bytes_in_any_order_of_keys(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1, "a": [2, {"d": 3, "c": None}]})
    write_json(tmp_path / "b.json", {"a": [2, {"c": None, "d": 3}], "b": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert read_json(tmp_path / "a.json") == {"a": [2, {"c": None, "d": 3}], "b": 1}


@pytest.mark.parametrize("content", [None, "", "{", b"\xff\xfe"])
def test_json_that_cannot_be_read_is_named(tmp_path, content):
    path = tmp_path / "a.json"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(StoreError, match=r"a\.json can't be read"):
        read_json(path)


def test_arrays_come_back_by_name(tmp_path):
    values = {"images": np.arange(12, dtype=np.uint8).reshape(2, 2, 3), "titles": np.array(["a", "größer"])}
    write_arrays(tmp_path / "new" / "file.npz", **values)
    with stored_arrays(tmp_path / "new" / "file.npz") as arrays:
        for name, value in values.items():
            np.testing.assert_array_equal(arrays[name], value)
            assert arrays[name].dtype == value.dtype
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file.npz"]


@pytest.mark.parametrize("content", [None, b"", b"no zip", "cut"])
def test_file_that_cannot_be_read_is_named(tmp_path, content):
    path = tmp_path / "file.npz"
    write_arrays(path, images=np.zeros(1000))
    whole = path.read_bytes()
    path.unlink()
    if content is not None:
        path.write_bytes(whole[: len(whole) // 2] if content == "cut" else content)
    with pytest.raises(StoreError, match=r"file\.npz can't be read"), stored_arrays(path) as arrays:
        arrays["images"]


def test_missing_array_is_an_error(tmp_path):
    write_arrays(tmp_path / "file.npz", titles=np.array(["a"]))
    with (
        pytest.raises(StoreError, match="images"),
        stored_arrays(tmp_path / "file.npz") as arrays,
    ):
        arrays["images"]


def test_pickled_objects_are_not_read(tmp_path):
    write_arrays(tmp_path / "file.npz", titles=np.array([{"a": 1}], dtype=object))
    with pytest.raises(StoreError, match="can't be read"), stored_arrays(tmp_path / "file.npz") as arrays:
        arrays["titles"]


@pytest.mark.parametrize("write", [write_arrays, write_quickly])
def test_damage_anywhere_in_stored_arrays_is_found(tmp_path, write):
    path = tmp_path / "file.npz"
    write(path, images=np.arange(3000), titles=np.array(["a", "b"]))
    content = path.read_bytes()
    for place in np.linspace(0, len(content) - 1, 21).astype(int).tolist():
        flipped = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        for damaged in (flipped, content[:place], content + b"\0"):
            path.write_bytes(damaged)
            with pytest.raises(StoreError, match=r"file\.npz can't be read"), stored_arrays(path):
                pass
    path.write_bytes(content)
    with stored_arrays(path) as arrays:
        np.testing.assert_array_equal(arrays["images"], np.arange(3000))


def test_blocks_that_change_places_are_found(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays_module, "_BLOCK", 1000)
    path = tmp_path / "file.npz"
    write_quickly(path, images=np.arange(1000))
    content = path.read_bytes()
    check_seal(path)
    path.write_bytes(content[:1000] + content[2000:3000] + content[1000:2000] + content[3000:])
    with pytest.raises(StoreError, match="checksum"):
        check_seal(path)


def test_file_of_another_name_or_folder_is_refused(tmp_path):
    write_arrays(tmp_path / "a" / "file.npz", images=np.zeros(3))
    for place in ("a/other.npz", "b/file.npz"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        shutil.copy(tmp_path / "a" / "file.npz", tmp_path / place)
        with pytest.raises(StoreError, match="under another name"), stored_arrays(tmp_path / place):
            pass
    # The folder may be moved with its parents.
    shutil.copytree(tmp_path / "a", tmp_path / "c" / "a")
    with stored_arrays(tmp_path / "c" / "a" / "file.npz") as arrays:
        assert list(arrays) == ["images"]


@pytest.mark.parametrize("kind", ["pipe", "folder", "sparse"])
def test_what_is_no_regular_file_or_endless_is_refused_at_once(tmp_path, kind):
    path = tmp_path / "file"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.touch()
        os.truncate(path, 2**40)
    with pytest.raises(StoreError, match="file can't be read"), stored_arrays(path):
        pass
    with pytest.raises(StoreError, match="file can't be read"):
        read_json(path)


@pytest.mark.parametrize("content", ["[" * 100_000, '{"a": ' * 100_000, "9" * 5000, "\ufeff{}"])
def test_json_that_no_run_writes_is_named(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(StoreError, match=r"a\.json can't be read"):
        read_json(path)


def test_two_drafts_of_one_process_differ(tmp_path):
    """As those of two containers whose processes have the same number."""
    path = tmp_path / "a.txt"
    with replace_file(path) as one, replace_file(path) as other:
        one.write_text("one")
        other.write_text("other")
    assert path.read_text() == "one"
    assert names(tmp_path) == ["a.txt"]


def test_file_has_the_mode_of_the_umask_and_may_have_the_longest_name(tmp_path):
    path, before = tmp_path / ("a" * 251 + ".txt"), os.umask(0o027)
    try:
        write_json(path, {})
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640


def test_drafts_are_removed_by_name(tmp_path):
    path = tmp_path / "a.txt"
    for name in (".draft-123-a.txt", ".draft-0f0f-a.txt", ".draft-123-b.txt", "a.txt"):
        (tmp_path / name).touch()
    remove_drafts(path)
    assert names(tmp_path) == [".draft-123-b.txt", "a.txt"]


def test_lock_keeps_others_out_or_waiting(tmp_path):
    path, order = tmp_path / "new" / "a.lock", []

    def wait():
        with locked(path, on_wait=lambda: order.append("waits")):
            order.append("second")

    with locked(path):
        with pytest.raises(StoreError, match="busy"), locked(path, busy=StoreError("busy")):
            pass
        waiting = threading.Thread(target=wait)
        waiting.start()
        while not order:
            time.sleep(0.01)
        order.append("first")
    waiting.join()
    assert order == ["waits", "first", "second"]


@pytest.mark.parametrize(
    ("function", "number"),
    [
        ("os.open", errno.EROFS),
        ("os.open", errno.ENOLCK),
        ("fcntl.flock", errno.ENOLCK),
        ("fcntl.flock", errno.ENOSYS),
    ],
)
def test_lock_that_is_impossible_is_explained(tmp_path, monkeypatch, function, number):
    def fail(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(function, fail)
    with pytest.raises(StoreError, match=r"a\.lock"), locked(tmp_path / "a.lock"):
        pass


def draft_of(tmp_path, size: int) -> Path:
    draft = tmp_path / "draft"
    draft.touch()
    os.truncate(draft, size)
    return draft


def test_claimed_space_is_on_the_disk(tmp_path):
    draft = draft_of(tmp_path, 10**6)
    claim_space(draft)
    status = draft.stat()
    assert (status.st_size, status.st_blocks * 512 >= 10**6) == (10**6, True)


def test_space_that_is_not_free_is_never_claimed(tmp_path, monkeypatch):
    draft = draft_of(tmp_path, 10**9)
    claimed = []
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(total=10**12, free=10**9 + 10**6))
    monkeypatch.setattr(os, "posix_fallocate", lambda *args: claimed.append(args))
    # The disk would be left with less than 64 MiB.
    with pytest.raises(StoreError, match=r"has 1,001\.0 MB of free space") as caught:
        claim_space(draft)
    assert "1,000.0 MB" in caught.value.expected
    assert not claimed
    assert draft.stat().st_size == 0


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_space_that_cannot_be_claimed_is_given_back_at_once(tmp_path, monkeypatch, number):
    def fail(*args):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "posix_fallocate", fail)
    draft = draft_of(tmp_path, 10**6)
    with pytest.raises(OSError, match=os.strerror(number)):
        claim_space(draft)
    assert draft.stat().st_size == 0


@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EINVAL])
def test_file_systems_that_cannot_allocate_get_by(tmp_path, monkeypatch, number):
    def fail(*args):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "posix_fallocate", fail)
    draft = draft_of(tmp_path, 10**6)
    claim_space(draft)
    assert draft.stat().st_size == 10**6


def test_limit_on_the_size_of_files_is_explained(tmp_path):
    code = f"""
import resource
import numpy as np
from pathlib import Path
from leukcnn.errors import StoreError
from leukcnn.arrays import write_quickly
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    write_quickly(Path({str(tmp_path / "file.npz")!r}), values=np.ones(100_000))
except StoreError as error:
    print(error.found)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "ulimit" in done.stdout
    assert not done.stderr
    assert names(tmp_path) == []
