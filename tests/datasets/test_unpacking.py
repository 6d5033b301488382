"""Zip files from elsewhere: unpacked whole into a new folder, or refused with nothing written."""

import shutil
import stat
import zipfile

import pytest

from leukcnn.datasets.unpacking import MARKER, DamagedArchive, missing_files, unpack
from leukcnn.errors import StoreError

LINK = stat.S_IFLNK | 0o777


@pytest.fixture
def file(tmp_path):
    return tmp_path / "a.zip"


def write(file, *members):
    """Writes an archive of members (name, content, mode)."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, *mode in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (mode[0] if mode else stat.S_IFREG | 0o644) << 16
            archive.writestr(info, content)


def refused(file, most_bytes=10**6):
    folder = file.with_name("out")
    with pytest.raises(DamagedArchive) as caught:
        unpack(file, folder, most_bytes=most_bytes)
    assert {path.name for path in file.parent.iterdir()} == {file.name}
    return str(caught.value)


@pytest.mark.parametrize(
    "name", ["../x.jpg", "a/../../x.jpg", "/x.jpg", "C:/x.jpg", "..\\x.jpg", "a\\..\\..\\x.jpg", "\\x.jpg"]
)
def test_a_name_that_leads_out_of_the_folder_is_refused(file, name):
    write(file, ("a/good.jpg", "x"), (name, "x"))
    assert "leads out of the folder" in refused(file)


@pytest.mark.parametrize("mode", [LINK, stat.S_IFIFO | 0o644, stat.S_IFCHR | 0o644])
def test_links_and_devices_are_refused(file, mode):
    write(file, ("a/good.jpg", "x"), ("a/link", "/etc/passwd", mode))
    assert "is a link or a device" in refused(file)


def test_all_faults_are_in_one_message(file):
    write(
        file, ("../x.jpg", "x"), ("a/link", "/", LINK), ("a/B.jpg", "x"), ("a/b.jpg", "x"), ("a/\n.jpg", "")
    )
    said = refused(file)
    for words in ("leads out", "is a link", "occurs twice", "control characters"):
        assert words in said


def test_an_archive_that_unpacks_to_too_many_bytes_is_refused(file):
    write(file, ("a/zeros.bmp", b"\0" * 2_000_000))
    assert file.stat().st_size < 10_000
    assert "2,000,000 bytes" in refused(file)


def test_an_encrypted_archive_is_refused(file):
    write(file, ("a/x.jpg", "x"))
    content = bytearray(file.read_bytes())
    at = content.index(b"PK\x01\x02") + 8
    content[at] |= 1
    file.write_bytes(content)
    assert "is encrypted" in refused(file)


def test_every_cut_and_every_changed_byte_gives_the_files_or_an_error(file):
    write(file, ("a/x.jpg", b"sound" * 50), ("a/y.jpg", b"whole" * 50))
    content = file.read_bytes()
    folder = file.with_name("out")
    for at in range(0, len(content), 7):
        for damaged in (content[:at], content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]):
            file.write_bytes(damaged)
            try:
                unpack(file, folder, most_bytes=10**6)
            except (DamagedArchive, StoreError):
                assert not folder.exists()
                continue
            found = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != MARKER}
            assert set(found.values()) <= {b"sound" * 50, b"whole" * 50}
            folder.rename(file.with_name("done"))
            shutil.rmtree(file.with_name("done"))


def test_an_empty_archive_is_refused(file):
    write(file, ("__MACOSX/a", "x"), ("a/.hidden", "x"))
    assert "empty" in refused(file)


@pytest.mark.parametrize("tops", [("a/",), ("a/", "b/"), ("",)])
def test_one_folder_at_the_top_is_left_out_and_several_are_kept(file, tops):
    write(file, *((f"{top}x.jpg", "x") for top in tops))
    folder = file.with_name("out")
    assert unpack(file, folder, most_bytes=100) == len(tops)
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg"))
    assert found == ["a/x.jpg", "b/x.jpg"] if len(tops) == 2 else ["x.jpg"]
    assert missing_files(folder) == ""


def test_a_folder_that_is_there_is_never_replaced(file):
    write(file, ("a/x.jpg", "x"))
    folder = file.with_name("out")
    folder.mkdir()
    (folder / "mine.jpg").touch()
    with pytest.raises(StoreError):
        unpack(file, folder, most_bytes=100)
    assert [path.name for path in folder.iterdir()] == ["mine.jpg"]


def test_a_changed_folder_is_not_complete(file):
    write(file, ("a/x.jpg", "x"), ("a/y.jpg", "y"))
    folder = file.with_name("out")
    unpack(file, folder, most_bytes=100)
    (folder / "x.jpg").write_text("longer")
    assert "7 bytes" in missing_files(folder)
    (folder / MARKER).write_text("[]")
    assert "not unpacked" in missing_files(folder)
