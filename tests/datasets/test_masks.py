"""Masks next to images are masks: never images, classes or duplicates."""

import shutil

import cv2
import numpy as np
import pytest

from leukcnn.datasets import ImageIndex, load, verify
from leukcnn.datasets.duplicates import duplicate_pairs
from leukcnn.datasets.masks import masks_by_content, masks_by_name, masks_of
from leukcnn.errors import DataError
from leukcnn.evaluation.mask_scores import read_truth, score_masks
from leukcnn.paths import find_images

RNG = np.random.default_rng(0)
MASK = np.zeros((24, 24), np.uint8)
MASK[4:20, 4:20], MASK[8:16, 8:16] = 128, 255


def image_at(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), RNG.integers(0, 256, (24, 24, 3), dtype=np.uint8))
    return path


def mask_at(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), MASK)
    return path


@pytest.fixture
def classes(tmp_path):
    """Two class folders with three images each."""
    root = tmp_path / "smears"
    for name in ("ALL", "healthy"):
        for i in range(3):
            image_at(root / name / f"{name}{i}.tif")
    return root


@pytest.mark.parametrize(
    "where",
    [
        "{c}/{s}_mask.png",
        "{c}/{s}_MASK.tif",
        "{c}/{s}-seg.png",
        "{c}/{s}_label.bmp",
        "{c}/{s}_groundtruth.png",
        "{c}/{s}.png",
        "{c}/masks/{s}.png",
        "{c}/GT/{s}.tif",
        "masks/{s}.png",
        "masks/{c}/{s}.png",
        "GT/{c}/{s}_mask.png",
        "groundtruth/{s}.png",
        "Ground Truth/{s}.tif",
        "{s}_mask.png",
    ],
)
def test_masks_are_no_images_and_no_class(classes, where):
    images = sorted(classes.rglob("*.tif"))
    for path in images:
        mask_at(classes / where.format(c=path.parent.name, s=path.stem))
    index = ImageIndex.from_folder(classes)
    assert index.class_names == ("ALL", "healthy")
    assert sorted(index.paths) == images
    assert len(duplicate_pairs(index)) == 0
    (note,) = [note for note in index.notes if "mask" in note]
    assert note.startswith("6 masks of the images are left out, e.g. ")
    assert sorted(find_images(classes)) == images


def test_names_of_masks_without_an_image_are_images(tmp_path):
    root = tmp_path / "smears"
    for name in ("ALL", "healthy"):
        for i in range(2):
            image_at(root / name / f"cell{name}{i}_seg.png")
    index = ImageIndex.from_folder(root)
    assert len(index) == 4 and not [note for note in index.notes if "mask" in note]
    assert len(find_images(root)) == 4


def test_images_of_one_stem_in_two_formats_are_no_masks(classes):
    for path in sorted(classes.rglob("*.tif")):
        image_at(path.with_suffix(".png"))
    assert len(ImageIndex.from_folder(classes)) == 12
    assert len(find_images(classes)) == 12


def test_names_above_the_searched_folder_do_not_count(tmp_path):
    root = tmp_path / "masks" / "seg"
    paths = [image_at(root / "a" / "1.png"), image_at(root / "b" / "1.png")]
    assert masks_by_name(root, paths) == set()
    assert masks_by_name(tmp_path, [*paths, image_at(tmp_path / "1.png")]) == set(paths)


def test_content_decides_between_files_of_one_stem(tmp_path):
    image, mask = image_at(tmp_path / "1.bmp"), mask_at(tmp_path / "1.png")
    flat, other = mask_at(tmp_path / "2.bmp"), mask_at(tmp_path / "2.png")
    alone, broken = mask_at(tmp_path / "3.png"), tmp_path / "1.jpg"
    broken.write_bytes(b"no image")
    assert masks_by_content([image, mask, flat, other, alone, broken]) == {mask}


@pytest.fixture
def allidb2(tmp_path):
    folder = tmp_path / "ALL_IDB2" / "img"
    for i, label in ((1, 1), (2, 1), (131, 0)):
        image_at(folder / f"Im{i:03}_{label}.tif")
    return folder


@pytest.mark.parametrize(
    "where", ["img/{s}.png", "img/{s}_mask.tif", "img/{s}_mask.png", "masks/{s}.png", "GT/{s}_mask.tif"]
)
def test_all_idb_2s_masks_are_found_and_scored(allidb2, tmp_path, where):
    for path in sorted(allidb2.glob("*.tif")):
        mask_at(allidb2.parent / where.format(s=path.stem))
    index = load("allidb2", tmp_path)
    assert [path.name for path in index.paths] == ["Im001_1.tif", "Im002_1.tif", "Im131_0.tif"]
    assert any(note.startswith("3 masks of the images are left out") for note in index.notes)
    assert "duplicate" not in "\n".join(verify("allidb2", tmp_path).lines())
    truth = read_truth(index.paths[0])
    assert (truth["nucleus"].sum(), truth["cell"].sum()) == (8 * 8, 16 * 16)
    scores = score_masks(index, lambda image: MASK == 255)
    assert scores["nucleus"].iou.tolist() == [1, 1, 1]
    assert scores["cell"].iou.tolist() == [64 / 256] * 3


def test_an_image_of_the_same_name_is_refused_as_mask(allidb2):
    path = allidb2 / "Im001_1.tif"
    assert masks_of([path], ".png") == [None]
    image_at(path.with_suffix(".png"))
    with pytest.raises(DataError, match="is no mask: it has colours"):
        read_truth(path)


def test_a_png_image_without_mask_is_not_its_own_mask(tmp_path):
    path = image_at(tmp_path / "Im001_1.png")
    assert masks_of([path], ".png") == [None]
    with pytest.raises(DataError, match="has no mask"):
        read_truth(path)


def test_real_masks_of_jtsc_are_known_by_content(real_data, tmp_path):
    root = tmp_path / "own"
    source = real_data / "segmentation_wbc" / "Dataset 1"
    if not source.is_dir():
        pytest.skip("JTSC isn't there")
    for i in range(1, 21):
        for ending in (".bmp", ".png"):
            target = root / ("a" if i % 2 else "b") / f"{i:03}{ending}"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / f"{i:03}{ending}", target)
    index = ImageIndex.from_folder(root)
    assert {path.suffix for path in index.paths} == {".bmp"} and len(index) == 20
    assert any(note.startswith("20 masks of the images") for note in index.notes)
