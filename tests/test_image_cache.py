import hashlib
import os
import re
import select
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from leukcnn import arrays, image_cache
from leukcnn.arrays import seal
from leukcnn.datasets import ImageIndex, load, read_image
from leukcnn.datasets.read import decode_image
from leukcnn.errors import DataError, SpecError
from leukcnn.image_cache import cache_folder, prepare, prepare_together, prepared_images, shows_nothing
from leukcnn.preprocessing import blank, component_montage, resize, square_crop, wbc_mask
from leukcnn.spec import ENLARGING, MASKS, SHRINKING, THRESHOLD_RULES, Preprocessing

CROP = Preprocessing(crop=20)


def write_images(folder: Path, n: int = 6, *, image_size: int = 24) -> list[Path]:
    """Writes n colour images, whose pixels are the same in every folder."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{i}{('.png', '.bmp')[i % 2]}" for i in range(n)]
    rng = np.random.default_rng(0)
    for path in paths:
        assert cv2.imwrite(str(path), rng.integers(0, 256, (image_size, image_size, 3), dtype=np.uint8))
    return paths


def index_of(paths: list[Path]) -> ImageIndex:
    n = len(paths)
    return ImageIndex(
        paths=paths,
        ids=np.array([path.name for path in paths]),
        labels=np.zeros(n, dtype=np.int64),
        class_names=("healthy", "malignant"),
        dataset=np.full(n, "cnmc2019"),
        group=np.full(n, ""),
        subset=np.full(n, "training"),
        fold=np.full(n, -1),
        sha256=np.array([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]),
    )


def caches(folder: Path) -> list[Path]:
    """Returns the caches and drafts of caches."""
    return sorted(folder.glob("images/*"))


@pytest.fixture
def reads(monkeypatch) -> list[str]:
    """Returns the list of the SHA-256 of the files that are decoded, in any order."""
    read: list[str] = []

    def counted(content):
        read.append(hashlib.sha256(content).hexdigest())
        return decode_image(content)

    monkeypatch.setattr(image_cache, "decode_image", counted)
    return read


def test_prepare_cuts_out_the_centre():
    image = np.arange(6 * 6 * 3, dtype=np.uint8).reshape(6, 6, 3)
    np.testing.assert_array_equal(prepare(image, Preprocessing(crop=2)), image[2:4, 2:4])
    np.testing.assert_array_equal(prepare(image, Preprocessing(crop=6, resize=6)), image)


def test_prepare_without_a_crop_takes_the_largest_square():
    image = np.zeros((4, 8, 3), dtype=np.uint8)
    image[:, 2:6] = 200
    np.testing.assert_array_equal(prepare(image, Preprocessing(resize=2)), np.full((2, 2, 3), 200))


@pytest.mark.parametrize("mask", MASKS)
def test_prepare_blanks_after_crop_and_resize(mask):
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    plain = prepare(image, Preprocessing(crop=50, resize=28))
    masked = prepare(image, Preprocessing(crop=50, resize=28, mask=mask))
    np.testing.assert_array_equal(masked, blank(plain, mask))


def test_each_mask_has_a_cache_of_its_own(tmp_path):
    index = index_of(write_images(tmp_path / "data"))
    plain = prepared_images(index, CROP, folder=tmp_path)
    masked = {
        mask: prepared_images(index, Preprocessing(crop=20, mask=mask), folder=tmp_path) for mask in MASKS
    }
    assert len(caches(tmp_path)) == 1 + len(MASKS)
    for mask, images in masked.items():
        expected = np.stack([blank(image, mask) for image in plain])
        np.testing.assert_array_equal(images, expected)


def test_cache_without_a_mask_keeps_its_old_name(tmp_path):
    index = index_of(write_images(tmp_path / "data"))
    prepared_images(index, CROP, folder=tmp_path)
    key = f"{image_cache._FORMAT} 20 None {' '.join(index.sha256)}"
    assert [path.stem for path in caches(tmp_path)] == [hashlib.sha256(key.encode()).hexdigest()[:32]]


@pytest.mark.parametrize("rule", THRESHOLD_RULES)
def test_prepare_thresholds_before_it_resizes(rule):
    """A wide image of three tones is black where no cell is found, and is resized only then."""
    image = np.full((8, 16, 3), 250, dtype=np.uint8)
    image[:, :4], image[:, 4:10] = 40, 150
    whole = prepare(image, Preprocessing(resize=8, threshold=rule, squeeze=True))
    # Both rules find the 4 columns of 40: they are the darkest and the fewest.
    np.testing.assert_array_equal(whole[:, :2], 40)
    assert not whole[:, 2:].any()
    # The central square holds none of them.
    assert not prepare(image, Preprocessing(resize=8, threshold=rule)).any()


CROPS = Preprocessing(resize=32, threshold="darkest", region="crops")


def three_grey_levels():
    """A pale image with red cells and, off its centre, two nuclei."""
    image = np.full((90, 130, 3), 240, np.uint8)
    cv2.circle(image, (60, 45), 20, (170, 170, 170), cv2.FILLED)
    cv2.circle(image, (20, 20), 12, (50, 50, 50), cv2.FILLED)
    cv2.circle(image, (115, 70), 9, (70, 70, 70), cv2.FILLED)
    return image


def test_prepare_shows_the_components_of_the_threshold_as_crops():
    image = three_grey_levels()
    shown = prepare(image, CROPS)
    mask = wbc_mask(image)
    np.testing.assert_array_equal(shown, component_montage(image, mask, size=32))
    # Two nuclei in a grid of 2 x 2, and nothing of the red cell; both are also found outside the centre.
    assert {0, 50, 70} <= {*shown[..., 0].ravel().tolist()}
    assert not shown[16:].any()
    assert not (shown == 170).any()
    assert not prepare(np.full((50, 50, 3), 90, np.uint8), CROPS).any()


def test_a_region_needs_a_threshold_and_no_crop():
    for changes in ({"threshold": "none"}, {"crop": 20}):
        with pytest.raises(SpecError, match="region = 'crops'"):
            replace(CROPS, **changes)


def test_the_whole_image_keeps_its_cache_and_crops_have_another():
    names = {image_cache._settings(replace(CROPS, region=region)) for region in ("image", "crops")}
    assert names == {"None 32 darkest area cubic", "None 32 darkest crops area cubic"}


def test_prepare_squeezes_the_whole_image_or_takes_its_central_square():
    image = np.zeros((4, 8, 3), dtype=np.uint8)
    image[:, 4:] = 200
    squeezed = prepare(image, Preprocessing(resize=4, squeeze=True))
    np.testing.assert_array_equal(squeezed[..., 0], [[0, 0, 200, 200]] * 4)
    square = prepare(image, Preprocessing(resize=4))
    np.testing.assert_array_equal(square, image[:, 2:6])
    wide = np.concatenate([image, image])  # 8 x 8
    np.testing.assert_array_equal(prepare(wide, Preprocessing(resize=8, squeeze=True)), wide)
    # The height is right already, the width isn't.
    assert prepare(image, Preprocessing(resize=4, squeeze=True)).shape == (4, 4, 3)


@pytest.mark.parametrize("level", [0, 255, 90])
def test_an_image_in_which_no_cell_can_be_found_becomes_black(level):
    image = np.full((6, 6, 3), level, dtype=np.uint8)
    assert not prepare(image, Preprocessing(resize=6, threshold="darkest")).any()


def test_remains_of_a_black_background_show_nothing():
    image = np.zeros((6, 6, 3), dtype=np.uint8)
    assert shows_nothing(image)
    image[0, 0] = 30, 20, 31
    assert shows_nothing(image)
    # One pixel of a nucleus.
    image[3, 3] = 60, 30, 110
    assert not shows_nothing(image)


@pytest.mark.parametrize(("dataset", "nothing"), [("cnmc2019", True), ("jtsc", False), ("taleghani", False)])
def test_darkest_pixels_of_real_images_show_cells_or_nothing(real_data, dataset, nothing):
    index = load(dataset, real_data)
    for path in index.paths[:: len(index) // 10]:
        fed = prepare(read_image(path)[0], Preprocessing(resize=224, threshold="darkest", squeeze=True))
        assert shows_nothing(fed) == nothing


def test_threshold_and_squeeze_have_caches_of_their_own(tmp_path):
    index = index_of(write_images(tmp_path / "data"))
    settings = [
        Preprocessing(resize=20),
        Preprocessing(resize=20, squeeze=True),
        *(Preprocessing(resize=20, threshold=rule) for rule in THRESHOLD_RULES),
        Preprocessing(resize=20, threshold="darkest", squeeze=True),
        Preprocessing(resize=20, threshold="darkest", mask="border"),
    ]
    for number, preprocessing in enumerate(settings, start=1):
        found = prepared_images(index, preprocessing, folder=tmp_path)
        assert len(caches(tmp_path)) == number
        np.testing.assert_array_equal(found[0], prepare(read_image(index.paths[0])[0], preprocessing))


@pytest.mark.parametrize("enlarging", ENLARGING)
def test_prepare_enlarges_with_the_kernel_of_the_setting(enlarging):
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    fed = prepare(image, Preprocessing(resize=16, enlarging=enlarging))
    np.testing.assert_array_equal(fed, resize(image, 16, interpolation=enlarging))
    assert not np.array_equal(fed[::2], fed[1::2])


@pytest.mark.parametrize("shrinking", SHRINKING)
def test_prepare_shrinks_with_the_kernel_of_the_setting(shrinking):
    image = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    fed = prepare(image, Preprocessing(resize=10, shrinking=shrinking))
    np.testing.assert_array_equal(fed, resize(image, 10, interpolation=shrinking))


def test_a_tall_image_is_squeezed_without_blocks():
    """Its height shrinks and its width grows."""
    image = np.random.default_rng(0).integers(0, 256, (40, 8, 3), dtype=np.uint8)
    fed = prepare(image, Preprocessing(resize=16, squeeze=True))
    assert not np.array_equal(fed[:, ::2], fed[:, 1::2])


def test_each_interpolation_has_a_cache_of_its_own(tmp_path):
    index = index_of(write_images(tmp_path / "data"))
    settings = [
        Preprocessing(resize=40, shrinking=shrinking, enlarging=enlarging)
        for shrinking in SHRINKING
        for enlarging in ENLARGING
    ]
    for number, preprocessing in enumerate(settings, start=1):
        prepared_images(index, preprocessing, folder=tmp_path)
        assert len(caches(tmp_path)) == number
    # Nothing is resized: one cache serves all.
    prepared_images(index, CROP, folder=tmp_path)
    prepared_images(index, replace(CROP, enlarging="linear"), folder=tmp_path)
    assert len(caches(tmp_path)) == len(settings) + 1


def test_enlarged_real_images_have_no_blocks(real_data):
    index = load("jtsc", real_data)
    doubled = 0
    for path in index.paths[:40]:
        image = square_crop(read_image(path)[0])
        size = 2 * len(image)
        fed = prepare(image, Preprocessing(resize=size))
        blocks = fed.reshape(len(image), 2, len(image), 2, 3)
        equal = (blocks == blocks[:, :1, :, :1]).all(axis=(1, 3, 4))
        doubled += equal.mean() < 0.5
    assert doubled == 40


def test_prepare_crops_before_it_resizes():
    image = np.zeros((8, 8, 3), dtype=np.uint8)
    image[2:6, 2:6] = 90
    np.testing.assert_array_equal(prepare(image, Preprocessing(crop=4, resize=2)), np.full((2, 2, 3), 90))


@pytest.mark.parametrize("shape", [(19, 30, 3), (30, 19, 3)])
def test_prepare_refuses_images_smaller_than_the_crop(shape):
    with pytest.raises(DataError, match=f"{shape[0]}x{shape[1]} pixels, fewer than the crop of 20") as caught:
        prepare(np.zeros(shape, dtype=np.uint8), CROP)
    assert caught.value.expected == "at least 20x20 pixels"


def test_images_are_in_the_order_of_the_index(tmp_path):
    paths = write_images(tmp_path / "data")
    for order in (paths, paths[::-1]):
        images = prepared_images(index_of(order), CROP, folder=tmp_path)
        assert (images.shape, images.dtype) == ((6, 20, 20, 3), np.uint8)
        for image, path in zip(images, order, strict=True):
            np.testing.assert_array_equal(image, read_image(path)[0][2:22, 2:22])
    assert len(caches(tmp_path)) == 2


def test_images_cannot_be_changed(tmp_path):
    images = prepared_images(index_of(write_images(tmp_path / "data")), CROP, folder=tmp_path)
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 0


def test_cache_is_found_again_by_content_not_by_path(tmp_path, reads):
    here = index_of(write_images(tmp_path / "here"))
    first = np.array(prepared_images(here, CROP, folder=tmp_path))
    assert sorted(reads) == sorted(here.sha256)
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    shutil.rmtree(tmp_path / "here")
    there = index_of([tmp_path / "there" / path.name for path in here.paths])
    reads.clear()
    np.testing.assert_array_equal(prepared_images(there, CROP, folder=tmp_path), first)
    assert reads == []
    assert len(caches(tmp_path)) == 1


def test_changed_pixel_makes_a_new_cache(tmp_path):
    paths = write_images(tmp_path / "data")
    before = np.array(prepared_images(index_of(paths), CROP, folder=tmp_path))
    image = cv2.imread(str(paths[3]))
    image[12, 12] = 255 - image[12, 12]
    cv2.imwrite(str(paths[3]), image)
    after = prepared_images(index_of(paths), CROP, folder=tmp_path)
    assert np.argwhere((after != before).any(axis=-1)).tolist() == [[3, 10, 10]]
    assert len(caches(tmp_path)) == 2


def test_key_holds_crop_and_size_but_not_the_scaling(tmp_path, reads):
    index = index_of(write_images(tmp_path / "data"))
    for preprocessing in (CROP, Preprocessing(crop=18), Preprocessing(crop=20, resize=10)):
        prepared_images(index, preprocessing, folder=tmp_path)
    assert len(caches(tmp_path)) == 3
    reads.clear()
    scaled = Preprocessing(crop=20, scale=1.0, subtract_channel_mean=True)
    prepared_images(index, scaled, folder=tmp_path)
    assert reads == []


@pytest.mark.parametrize("threads", [1, 4, None])
def test_threads_do_not_change_the_bytes(tmp_path, threads):
    index = index_of(write_images(tmp_path / "data", 20))
    prepared_images(index, CROP, folder=tmp_path / "one", threads=1)
    prepared_images(index, CROP, folder=tmp_path / "other", threads=threads)
    (one,), (other,) = caches(tmp_path / "one"), caches(tmp_path / "other")
    assert one.name == other.name
    assert one.read_bytes() == other.read_bytes()


def test_all_unusable_images_are_in_one_error_and_leave_no_cache(tmp_path):
    paths = write_images(tmp_path / "data", 7)
    cv2.imwrite(str(paths[1]), np.zeros((24, 19, 3), dtype=np.uint8))
    paths[2].write_bytes(paths[2].read_bytes()[:200])
    paths[3].write_text("no image")
    paths[4].write_bytes(b"")
    with pytest.raises(DataError, match="4 of 7 images can't be used") as caught:
        prepared_images(index_of(paths), CROP, folder=tmp_path)
    lines = caught.value.found.splitlines()[1:]
    for line, (name, message) in zip(
        lines,
        [("1.bmp", "24x19 pixels"), ("2.png", "truncated"), ("3.bmp", "is no BMP"), ("4.png", "empty")],
        strict=True,
    ):
        assert line.startswith(name)
        assert message in line
    assert caches(tmp_path) == []


def test_converted_images_are_counted_in_a_note_per_kind(tmp_path):
    paths = write_images(tmp_path / "data", 4)
    grey = np.full((24, 24), 70, dtype=np.uint8)
    for path, image in (
        (paths[0], grey),
        (paths[2], grey),
        (paths[1].with_suffix(".png"), np.full((24, 24, 3), 257 * 9, dtype=np.uint16)),
    ):
        assert cv2.imwrite(str(path), image)
    paths[1] = paths[1].with_suffix(".png")
    notes: list[str] = []
    images = prepared_images(index_of(paths), CROP, folder=tmp_path, on_note=notes.append)
    assert sorted(notes) == [
        "1 images: 16 bits a channel scaled to 8",
        "2 images: grey repeated in three channels",
    ]
    assert (images[0] == 70).all()
    assert (images[1] == 9).all()


def test_drafts_of_the_same_cache_are_removed_and_those_of_others_kept(tmp_path):
    """A process that makes a cache holds its lock, so a draft of it was left by a killed one."""
    index = index_of(write_images(tmp_path / "data"))
    prepared_images(index, CROP, folder=tmp_path)
    (cache,) = caches(tmp_path)
    content = cache.read_bytes()
    cache.unlink()
    dead = cache.with_name(f".draft-{os.getpid()}-{cache.name}")
    other = cache.with_name(f".draft-{os.getpid()}-{'0' * 32}.npy")
    for draft in (dead, other):
        draft.write_bytes(b"half")
    prepared_images(index, CROP, folder=tmp_path)
    assert not dead.exists()
    assert other.read_bytes() == b"half"
    assert cache.read_bytes() == content


FILL = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_image_cache import CROP, index_of
from leukcnn import arrays, image_cache
from leukcnn.image_cache import prepared_images
folder, decode = Path(sys.argv[2]), image_cache.decode_image

def after_a_signal(content):
    print("reading", flush=True)
    sys.stdin.readline()
    return decode(content)

image_cache.decode_image = after_a_signal
paths = sorted((folder / "data").iterdir())
images = prepared_images(index_of(paths), CROP, folder=folder, threads=1)
print(int(images.sum()), flush=True)
"""


def start_filling(folder: Path) -> subprocess.Popen:
    """Starts a process that waits for a line on its stdin before each image."""
    return subprocess.Popen(
        [sys.executable, "-c", FILL, str(Path(__file__).parent), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_of_two_processes_one_decodes_and_the_other_waits(tmp_path):
    index = index_of(sorted(write_images(tmp_path / "data")))
    with start_filling(tmp_path) as one, start_filling(tmp_path) as other:
        ready, _, _ = select.select([one.stdout, other.stdout], [], [])
        assert len(caches(tmp_path)) == 1
        first, second = (one, other) if one.stdout in ready else (other, one)
        printed = [process.communicate("\n" * len(index))[0].split() for process in (first, second)]
    assert (one.returncode, other.returncode) == (0, 0)
    assert len(caches(tmp_path)) == 1
    total = str(prepared_images(index, CROP, folder=tmp_path).sum())
    assert printed == [["reading"] * len(index) + [total], [total]]


def test_killed_process_harms_nothing(tmp_path):
    index = index_of(sorted(write_images(tmp_path / "data")))
    with start_filling(tmp_path) as killed:
        assert killed.stdout.readline() == "reading\n"
        killed.kill()
    (draft,) = caches(tmp_path)
    assert draft.name.startswith(".draft-")
    images = prepared_images(index, CROP, folder=tmp_path)
    np.testing.assert_array_equal(images[5], read_image(index.paths[5])[0][2:22, 2:22])
    assert [path.name.startswith(".draft-") for path in caches(tmp_path)] == [False]


def test_full_disk_is_reported_before_any_image_is_decoded(tmp_path, run_on_disk):
    write_images(tmp_path / "data", 40)
    printed = run_on_disk(
        "size=32k",
        f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_image_cache import CROP, index_of
from leukcnn.errors import StoreError
from leukcnn.image_cache import prepared_images
try:
    prepared_images(index_of(sorted((folder / "data").iterdir())), CROP, folder=disk)
except StoreError as error:
    print(error)
print(*(path for path in disk.rglob("*.npy")))
""",
    )
    first, *_, last = printed.split("\n")[:-1]
    assert re.match(r"The disk is full: .*/images has 0\.0 MB of free space", first)
    assert "Expected: 0.0 MB for a file" in printed
    assert "LEUKCNN_CACHE" in printed
    assert last == ""


def test_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("LEUKCNN_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == tmp_path / ".cache/leukcnn"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg/leukcnn"
    monkeypatch.setenv("LEUKCNN_CACHE", "~/own")
    assert cache_folder() == tmp_path / "own"
    prepared_images(index_of(write_images(tmp_path / "data")), CROP)
    assert len(caches(tmp_path / "own")) == 1


def broken(content: bytes, place: float) -> dict[str, bytes]:
    """Returns a file's content with one byte flipped, and cut, at a place from 0, the beginning, to 1."""
    at = int(place * (len(content) - 1))
    return {"flipped": content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :], "cut": content[:at]}


@pytest.mark.parametrize("place", np.linspace(0, 1, 21))
@pytest.mark.parametrize("kind", ["flipped", "cut"])
def test_damaged_cache_is_made_again_with_a_note(tmp_path, place, kind):
    index, notes = index_of(write_images(tmp_path / "data")), []
    right = np.array(prepared_images(index, CROP, folder=tmp_path))
    (cache,) = caches(tmp_path)
    content = cache.read_bytes()
    cache.write_bytes(broken(content, place)[kind])
    images = prepared_images(index, CROP, folder=tmp_path, on_note=notes.append)
    np.testing.assert_array_equal(images, right)
    assert cache.read_bytes() == content
    (note,) = notes
    assert note.startswith(f"The decoded images are made again: {cache} can't be read: ")
    # It is sound now.
    prepared_images(index, CROP, folder=tmp_path, on_note=notes.append)
    assert len(notes) == 1


@pytest.mark.parametrize("kind", ["empty", "old", "other images", "other shape", "other type", "pipe"])
def test_foreign_cache_is_made_again_with_a_note(tmp_path, kind):
    paths, notes = write_images(tmp_path / "data"), []
    right = np.array(prepared_images(index_of(paths), CROP, folder=tmp_path))
    (cache,) = caches(tmp_path)
    cache.unlink()
    if kind == "other images":
        # As large as the right one.
        prepared_images(index_of(paths[::-1]), CROP, folder=tmp_path)
        caches(tmp_path)[0].replace(cache)
    elif kind == "pipe":
        os.mkfifo(cache)
    else:
        values = {"other shape": right[:, :1], "other type": right.astype(np.int8)}.get(kind, right)
        with cache.open("wb") as file:
            np.save(file, values)
        if kind.startswith("other"):
            seal(cache, cache)
        elif kind == "empty":
            cache.write_bytes(b"")
    images = prepared_images(index_of(paths), CROP, folder=tmp_path, on_note=notes.append)
    np.testing.assert_array_equal(images, right)
    (note,) = notes
    assert "are made again" in note


def test_cache_is_checked_once_and_again_after_a_change(tmp_path, monkeypatch):
    index, checked, check = index_of(write_images(tmp_path / "data")), [], arrays._check
    prepared_images(index, CROP, folder=tmp_path)
    monkeypatch.setattr(arrays, "_check", lambda *args: checked.append(1) or check(*args))
    monkeypatch.setattr(arrays, "_COARSEST_CLOCK_SECONDS", -1)
    for _ in range(3):
        prepared_images(index, CROP, folder=tmp_path)
    assert len(checked) == 1
    (cache,) = caches(tmp_path)
    os.utime(cache)
    prepared_images(index, CROP, folder=tmp_path)
    assert len(checked) == 2


def test_files_that_changed_since_they_were_indexed_are_all_named_and_nothing_is_kept(tmp_path):
    paths = write_images(tmp_path / "data", 5)
    index, before = index_of(paths), [path.read_bytes() for path in paths]
    # A complete image of the right size, another one of the same folder, and nothing at all.
    assert cv2.imwrite(str(paths[1]), np.zeros((24, 24, 3), dtype=np.uint8))
    paths[2].write_bytes(before[0])
    paths[4].unlink()
    with pytest.raises(DataError, match="3 of 5 images can't be used") as caught:
        prepared_images(index, CROP, folder=tmp_path)
    lines = caught.value.found.splitlines()[1:]
    assert [line.split(":")[0] for line in lines] == ["1.bmp", "2.png", "4.png"]
    assert [line.endswith("was changed since it was indexed.") for line in lines] == [True, True, False]
    assert caches(tmp_path) == []
    for path, content in zip(paths, before, strict=True):
        path.write_bytes(content)
    images = prepared_images(index, CROP, folder=tmp_path)
    np.testing.assert_array_equal(images[1], read_image(paths[1])[0][2:22, 2:22])


def test_real_image_that_is_replaced_before_it_is_decoded_is_refused(tmp_path, real_data):
    shutil.copytree(real_data / "taleghani", tmp_path / "taleghani")
    index = load("taleghani", tmp_path)
    rows = np.arange(0, len(index), max(1, len(index) // 20))
    index = index.select(rows)
    shutil.copyfile(index.paths[0], index.paths[-1])
    with pytest.raises(DataError, match=f"1 of {len(index)} images can't be used") as caught:
        prepared_images(index, Preprocessing(resize=64), folder=tmp_path)
    assert index.paths[-1].name in caught.value.found
    assert not caches(tmp_path)


SIZES = (Preprocessing(resize=96), CROP, Preprocessing(resize=16), Preprocessing(resize=16, mask="border"))


def test_images_are_read_and_decoded_once_for_all_sizes(tmp_path, reads):
    index = index_of(write_images(tmp_path / "data"))
    apart = {one: np.array(prepared_images(index, one, folder=tmp_path / "apart")) for one in SIZES}
    reads.clear()
    noted = []
    prepare_together(index, SIZES, folder=tmp_path, on_note=noted.append)
    assert sorted(reads) == sorted(index.sha256)
    assert not noted
    assert len(caches(tmp_path)) == len(SIZES)
    for one, images in apart.items():
        np.testing.assert_array_equal(prepared_images(index, one, folder=tmp_path), images)
    prepare_together(index, SIZES, folder=tmp_path)
    assert len(reads) == len(index)


def test_only_missing_sizes_are_made_together(tmp_path, reads):
    index = index_of(write_images(tmp_path / "data"))
    prepared_images(index, CROP, folder=tmp_path)
    state = caches(tmp_path)[0].stat()
    prepare_together(index, SIZES, folder=tmp_path)
    assert len(reads) == 2 * len(index)
    assert state in [path.stat() for path in caches(tmp_path)]


def test_a_size_that_an_image_is_too_small_for_is_left_to_who_asks_for_it(tmp_path):
    index = index_of(write_images(tmp_path / "data"))
    prepare_together(index, [Preprocessing(crop=25), CROP], folder=tmp_path)
    assert len(caches(tmp_path)) == 1
    with pytest.raises(DataError, match="6 of 6 images"):
        prepared_images(index, Preprocessing(crop=25), folder=tmp_path)


def test_a_file_that_changed_since_it_was_indexed_leaves_no_size(tmp_path):
    paths = write_images(tmp_path / "data")
    index = index_of(paths)
    paths[2].write_bytes(paths[0].read_bytes())
    with pytest.raises(DataError, match=r"1 of 6 images can't be used:\n2.png: .* was changed"):
        prepare_together(index, SIZES, folder=tmp_path)
    assert not caches(tmp_path)
