"""Files that aren't what their names promise: every way to read a folder refuses the same ones, by name."""

import json
import os
import socket
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from leukcnn.cli import main
from leukcnn.datasets import ImageIndex, load, read_image, verify
from leukcnn.datasets.headers import MAX_PIXELS, BrokenImage, max_pixels
from leukcnn.datasets.read import read_regular
from leukcnn.datasets.walk import SYNTHETIC_MARKER
from leukcnn.errors import ArgumentError, DataError
from leukcnn.image_cache import prepared_images
from leukcnn.paths import find_images
from leukcnn.spec import Preprocessing
from tests.image_files_bmp_png import bmp, png, png_rows

ROOT = str(Path(__file__).parents[2])
SMALL = Preprocessing(resize=8)
RGB = np.random.default_rng(0).integers(0, 256, (9, 9, 3))
PALETTE = [(i, 0, i) for i in range(256)]


def fifo(path):
    os.mkfifo(path)


def bound_socket(path):
    # The path of a socket may have 108 bytes.
    here = Path.cwd()
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)
    os.chdir(here)


def sparse(start):
    def make(path):
        path.write_bytes(start)
        os.truncate(path, 40 * 2**30)

    return make


def content(data):
    return lambda path: path.write_bytes(data)


def link_to(target):
    return lambda path: path.symlink_to(target)


BY_KIND = {
    "pipe": (fifo, "it is a named pipe, not a regular file"),
    "socket": (bound_socket, "it is a socket, not a regular file"),
    "endless device": (link_to("/dev/zero"), "it is a device, not a regular file"),
    "broken link": (link_to("nowhere.png"), "No such file"),
    "link to itself": (lambda path: path.symlink_to(path.name), "Too many levels of symbolic links"),
}
BY_HEADER = {
    "40 GB of nothing": (sparse(b"\0"), "is too large"),
    "40 GB of BMP": (sparse(b"BM"), "is too large"),
    "process file": (link_to("/proc/self/status"), "is no BMP"),
    "RLE bomb": (content(bmp(bytes(1000), depth=8, size=(30_000, 30_000), compression=1)), "RLE8"),
    "RLE of 4 bits": (content(bmp(bytes(1000), depth=4, size=(30_000, 30_000), compression=2)), "RLE4"),
    "empty": (content(b""), "is empty"),
    "text": (content(b"no image\n"), "is no BMP"),
    "PNG without data": (content(png(RGB, size=(9_000, 9_000))), "can't hold"),
    "too many pixels": (
        content(png(RGB, bits=1, colour=0, size=(10_001, 10_000), data=bytes(13_000))),
        "too la",
    ),
    "too long": (content(png(RGB, bits=1, colour=0, size=(1_000_001, 1), data=bytes(200))), "is too large"),
}
BY_DATA = {
    "zip bomb": (content(png(RGB, data=zlib.compress(bytes(200_000_000), 9))), "more data than"),
    "nearly 100 million pixels": (
        content(
            png(RGB, bits=16, colour=6, size=(9_999, 10_000), data=zlib.compress(bytes(200_000_000), 9) * 9)
        ),
        "bytes after the end",
    ),
    "damaged data": (content(png(RGB, data=zlib.compress(png_rows(RGB))[:-1])), "end too early"),
    "colour outside the palette": (content(bmp([[9]], depth=8, palette=PALETTE[:9])), "the colour 9"),
}
ALL = {**BY_KIND, **BY_HEADER, **BY_DATA}


@pytest.fixture
def folder(tmp_path):
    """Returns a folder of two classes with two sound images each, in a layout of C-NMC 2019."""
    root = tmp_path / "smears"
    for number, name in enumerate(("all/1.bmp", "all/2.png", "hem/3.bmp", "hem/4.png")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        image = np.random.default_rng(number).integers(0, 256, (9, 9, 3))
        pixels = (image << [16, 8, 0]).sum(axis=2)
        (root / name).write_bytes(bmp(pixels, depth=24) if name.endswith("bmp") else png(image))
    (root / SYNTHETIC_MARKER).write_text("{}")
    return root


def refusal(call, *arguments, **options):
    """Returns the message with which a call refuses its input; "" if it doesn't."""
    try:
        call(*arguments, **options)
    except DataError as error:
        return str(error)
    return ""


def faults(folder):
    return [fault for fault in verify("cnmc2019", folder).faults if fault.kind != "misnamed"]


@pytest.mark.parametrize("name", ALL)
def test_all_readers_give_the_same_verdict(folder, name):
    make, message = ALL[name]
    make(folder / "all/9.png")
    (fault,) = faults(folder)
    assert fault.path == "all/9.png"
    assert message in fault.detail
    said = refusal(read_image, folder / "all/9.png")
    assert f"9.png {fault.detail}" in said
    indexed = [refusal(load, "cnmc2019", folder), refusal(ImageIndex.from_folder, folder)]
    if name not in BY_DATA:
        assert all("all/9.png" in text and message in text for text in indexed)
        assert message in refusal(find_images, folder)
        return
    assert [*indexed, refusal(find_images, folder)] == ["", "", ""]
    said = refusal(prepared_images, load("cnmc2019", folder), SMALL, folder=folder.parent)
    assert "1 of 5 images can't be used" in said
    assert message in said
    assert not list(folder.parent.rglob("*.npy"))


def test_all_files_that_only_decoding_finds_are_in_one_message(folder):
    for number, (make, _) in enumerate(BY_DATA.values()):
        make(folder / f"hem/9{number}.png")
    said = refusal(prepared_images, load("cnmc2019", folder), SMALL, folder=folder.parent)
    for number, (_, message) in enumerate(BY_DATA.values()):
        assert f"hem/9{number}.png" in said
        assert message in said


def test_prediction_refuses_the_same_files(folder):
    # Imported here, since they load Keras.
    import keras

    from leukcnn.prediction import SavedNetwork

    layers = [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(1, activation="sigmoid")]
    network = SavedNetwork(keras.Sequential(layers), SMALL, ("healthy", "malignant"), {})
    for number, (make, message) in enumerate(ALL.values()):
        path = folder / f"hem/9{number}.png"
        make(path)
        assert message in refusal(network.predict, [path])


@pytest.mark.slow
def test_each_file_is_refused_within_2_seconds_and_512_mib(tmp_path):
    for name, (make, _) in ALL.items():
        make(tmp_path / f"{name}.png")
    code = """
import json, sys, time
from pathlib import Path
from leukcnn.datasets import read_image
from leukcnn.errors import DataError
import leukcnn.datasets.formats.opencv
for path in sorted(Path(sys.argv[1]).iterdir()):
    start = time.process_time()
    try:
        read_image(path)
    except DataError:
        seconds = time.process_time() - start
        # getrusage would count the memory of the process that started this one.
        kib = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
        print(json.dumps([path.stem, seconds, kib]))
"""
    printed = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": ROOT},
    ).stdout
    rows = {name: (seconds, kib) for name, seconds, kib in map(json.loads, printed.splitlines())}
    assert rows.keys() == ALL.keys()
    assert max(seconds for seconds, _ in rows.values()) < 2
    assert max(kib for _, kib in rows.values()) < 512 * 1024


NAMES = {
    "not UTF-8": b"cell\xff.png",
    "line break": b"new\nline.png",
    "escape": b"\x1b[2J.png",
    "tab": b"a\tb.png",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("place", [b"all/", b"hem/deep/"], ids=["class", "deeper"])
def test_names_that_text_files_cannot_hold_are_refused(folder, name, place):
    path = Path(os.fsdecode(os.fsencode(folder) + b"/" + place + name))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(png(RGB))
    shown = os.fsdecode(name).encode("unicode_escape").decode().replace("\\udcff", "\\xff")
    assert read_image(path)[0].tolist() == RGB.tolist()
    for said in (refusal(ImageIndex.from_folder, folder), refusal(find_images, [folder])):
        assert shown in said
        assert said.isprintable() or said.replace("\n", "").isprintable()
    if place == b"all/":
        assert shown in refusal(load, "cnmc2019", folder)
    called = CliRunner().invoke(main, ["check", "cnmc2019", "--data", str(folder)])
    assert called.exit_code == 1
    assert "unusable name" in called.output
    assert shown in called.output


def test_folder_of_the_whole_may_have_any_name_in_a_published_layout(folder):
    odd = Path(os.fsdecode(os.fsencode(folder.parent) + b"/sm\xffear\n"))
    folder.rename(odd)
    assert len(load("cnmc2019", odd)) == 4
    called = CliRunner().invoke(main, ["check", "cnmc2019", "--data", str(odd)])
    assert (called.exit_code, called.exception) == (0, None)
    assert "sm\\xffear\\n" in called.output
    assert "a name of its own that can't be used" in refusal(ImageIndex.from_folder, odd)


def test_other_names_work(folder):
    for number, name in enumerate(
        ("a,b.png", 'a"b.png', "a'b.png", "zellé \u202f細胞.png", "%s{}.png", "$HOME.png")
    ):
        (folder / "all" / name).write_bytes(png(RGB + 0 * number))
        assert read_image(folder / "all" / name)[0].tolist() == RGB.tolist()
    assert (
        len(load("cnmc2019", folder)) == len(ImageIndex.from_folder(folder)) == len(find_images(folder)) == 10
    )
    assert all(fault.kind == "duplicate" for fault in faults(folder))


def test_very_deep_folders_are_named(folder):
    (folder / "all" / "/".join("a" * 110)).mkdir(parents=True)
    for said in (refusal(ImageIndex.from_folder, folder), refusal(find_images, folder)):
        assert "/a: more than 100 levels of folders" in said
    assert len(load("cnmc2019", folder)) == 4


def test_labels_that_are_a_pipe_are_refused(archive):
    labels = archive / "validation_data/C-NMC_test_prelim_phase_data_labels.csv"
    labels.unlink()
    os.mkfifo(labels)
    for read in (load, verify):
        assert "it is a named pipe" in refusal(read, "cnmc2019", archive)


def test_file_that_grows_or_shrinks_while_it_is_read_is_refused(tmp_path):
    path, whole = tmp_path / "1.bmp", bytes(100_000)
    for other in (whole + b"\0", whole[:-1], b""):
        path.write_bytes(whole)
        with pytest.raises(BrokenImage, match="it changed at the same time"):
            read_regular(path, 10**6, check_head=lambda head, other=other: path.write_bytes(other))
    path.write_bytes(whole)
    assert read_regular(path, 100_000) == whole
    with pytest.raises(BrokenImage, match="it has 100,000 bytes, more than 99,999"):
        read_regular(path, 99_999)


def test_folder_and_pipe_are_refused_by_name(folder):
    (folder / "folder.png").mkdir()
    assert "folder.png can't be read: it is a folder, not a regular file" in refusal(
        read_image, folder / "folder.png"
    )
    fifo(folder / "pipe.png")
    assert "pipe.png can't be read: it is a named pipe" in refusal(find_images, [folder / "pipe.png"])
    assert "null byte" in refusal(read_image, "a\0b.png")


def test_file_without_permission_is_named(folder, monkeypatch):
    def refuse(path, *arguments):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)
    assert "2.png can't be read: Permission denied" in refusal(read_image, folder / "all/2.png")
    assert "4 files or folders can't be used" in refusal(find_images, folder)
    assert {fault.detail for fault in faults(folder)} == {"can't be read: Permission denied"}


def test_limit_on_pixels_is_an_option(folder, monkeypatch):
    assert max_pixels() == MAX_PIXELS == 100_000_000
    monkeypatch.setenv("LEUKCNN_MAX_PIXELS", "81")
    assert len(load("cnmc2019", folder)) == 4
    monkeypatch.setenv("LEUKCNN_MAX_PIXELS", "80")
    for said in (refusal(load, "cnmc2019", folder), refusal(read_image, folder / "all/1.bmp")):
        assert "its size is 9x9 pixels, and at most 80 pixels" in said
        assert "LEUKCNN_MAX_PIXELS" in said
    assert {fault.kind for fault in faults(folder)} == {"too large"}


def test_decoder_has_the_same_limit(tmp_path):
    (tmp_path / "1.png").write_bytes(png(RGB))
    code = """
import sys
from leukcnn.datasets.headers import bound_decoder
bound_decoder()
import cv2
try:
    print(cv2.imread(sys.argv[1]) is not None)
except cv2.error as error:
    print("CV_IO_MAX_IMAGE_PIXELS" in str(error) and "refused")
"""
    for limit, printed in (("81", "True"), ("80", "refused")):
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "1.png")],
            capture_output=True,
            check=True,
            text=True,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": ROOT, "LEUKCNN_MAX_PIXELS": limit},
        )
        assert done.stdout.strip() == printed, done.stderr


@pytest.mark.parametrize(
    ("early", "late", "printed"),
    [
        # Without the command line, `read_image` sets the decoder's limit itself.
        ("", "", "80"),
        ("import cv2", "", "None"),
        ("from leukcnn.datasets.headers import bound_decoder; bound_decoder(); import cv2", "81", "too late"),
    ],
)
def test_reading_an_image_bounds_the_decoder(early, late, printed, tmp_path):
    (tmp_path / "1.png").write_bytes(png(RGB if late else RGB[:8]))
    code = f"""
import os, sys
{early}
from leukcnn.datasets import read_image
from leukcnn.errors import DataError
os.environ["LEUKCNN_MAX_PIXELS"] = {late!r} or os.environ["LEUKCNN_MAX_PIXELS"]
try:
    read_image(sys.argv[1])
    print(os.environ.get("OPENCV_IO_MAX_IMAGE_PIXELS"))
except DataError as error:
    print("raised after OpenCV was loaded" in str(error) and "too late")
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "1.png")],
        capture_output=True,
        check=True,
        text=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": ROOT, "LEUKCNN_MAX_PIXELS": "80"},
    )
    assert done.stdout.strip() == printed, done.stderr


@pytest.mark.parametrize("value", ["0", "-1", "1e6", "many", "9" * 5000, "٣"])
def test_wrong_limit_on_pixels_is_refused_before_any_work(folder, monkeypatch, value):
    monkeypatch.setenv("LEUKCNN_MAX_PIXELS", value)
    with pytest.raises(ArgumentError, match="LEUKCNN_MAX_PIXELS is"):
        load("cnmc2019", folder)
    called = CliRunner().invoke(main, ["papers"])
    assert called.exit_code == 1
    assert "LEUKCNN_MAX_PIXELS is" in called.output
