"""Files are written completely or not at all, and errors say why."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from leukcnn.errors import StoreError
from leukcnn.files import read_json, replace_file, stored_arrays, write_arrays, write_json


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
