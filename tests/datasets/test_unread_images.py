"""Files that look like images and aren't read: found by ending, or by their first bytes."""

import os
from pathlib import Path

import pytest

from leukcnn.datasets.headers import unread_images

JPEG, WEBP = b"\xff\xd8\xff\xe0" + bytes(20), b"RIFF\x10\0\0\0WEBPVP8 " + bytes(16)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("slide.svs", b""),
        ("CELL.WEBP", b""),
        ("scan.nii.gz", b""),
        ("cell", JPEG),
        ("cell.jpg.bak", JPEG),
        ("cell.bmp~", b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0" + bytes(9)),
        ("UID_1.2 (copy)", b"\x89PNG\r\n\x1a\n"),
        ("cell.png.download", WEBP),
    ],
)
def test_an_image_that_is_not_read_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert unread_images([tmp_path / name]) == [tmp_path / name]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cell.PNG", JPEG),
        ("labels.csv", b"P5 patient,label"),
        ("README", b"BM is a bitmap, as everyone knows"),
        ("cell.jpg.json", b'{"objects": []}'),
        ("notes.txt", JPEG),
        ("cell.jpg.bak", b""),
    ],
)
def test_what_is_read_or_no_image_is_not_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert unread_images([tmp_path / name]) == []


def test_the_order_is_kept_and_pipes_and_missing_files_are_passed_over(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    paths = [tmp_path / name for name in ("b.webp", "pipe", "missing", "a.heic")]
    assert unread_images(paths) == [Path(tmp_path, "b.webp"), Path(tmp_path, "a.heic")]
