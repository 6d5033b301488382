"""Folders that come split into train, validation and test are joined, and keep their split as a column."""

import re
from pathlib import PurePosixPath

import numpy as np
import pytest

from leukcnn.datasets import CATALOG, ImageIndex, load, load_many, verify
from leukcnn.datasets.class_words import split_notes, split_of
from leukcnn.datasets.image_paths import place
from leukcnn.errors import DataError
from leukcnn.spec import Split
from leukcnn.splits import partition

NO_PAIRS = np.empty((0, 2), dtype=np.int64)
NOTE = (
    "the folders are split into 4 train, 2 validation, 2 test: --split given keeps this split, all others "
    "join them first"
)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        *((name, "train") for name in ("train", "Training", "TRAIN", "train_images", "trainset", "1_train")),
        *((name, "validation") for name in ("val", "Valid", "validation", "validation set", "dev")),
        *((name, "test") for name in ("test", "Testing", "test_data")),
        *((name, "") for name in ("ALL", "tests_of_blood", "trainer", "t", "prelim")),
    ],
)
def test_names_of_splits(name, split):
    assert split_of(name) == split


@pytest.fixture(params=["{split}/{name}", "{name}/{split}"], ids=["above", "inside"])
def root(tmp_path, write_cell, request):
    """Returns ALL-IDB's folder with two classes, eight images of the same two names, and two spellings."""
    seed = 0
    for split, count in (("Train", 2), ("val", 1), ("testing", 1)):
        for name in ("ALL" if split != "val" or "{name}/" in request.param else "all", "Normal"):
            for number in range(count):
                where = request.param.format(split=split, name=name)
                write_cell(tmp_path / "allidb1" / where / f"{number}.png", seed=seed, image_size=24)
                seed += 1
    return tmp_path


def test_own_folders_are_joined(root):
    index = ImageIndex.from_folder(root / "allidb1")
    assert len(index) == 8
    assert [name.casefold() for name in index.class_names] == ["all", "normal"]
    assert np.bincount(index.labels).tolist() == [4, 4]
    expected = [split_of(word) for name in index.ids for word in name.split("/")[:2] if split_of(word)]
    assert index.given.tolist() == expected
    assert index.notes == (NOTE,)
    assert sorted(index.ids) == sorted(path.relative_to(root / "allidb1").as_posix() for path in index.paths)


def test_datasets_are_joined_with_unique_ids_and_their_classes(root):
    index = load("allidb1", root)
    assert len(set(index.ids.tolist())) == 8
    for path, label, given in zip(index.paths, index.labels, index.given, strict=True):
        folders = path.relative_to(root / "allidb1").parts[:2]
        assert index.class_names[label] == ("healthy" if "Normal" in folders else "ALL")
        assert given in [split_of(name) for name in folders]
    assert NOTE in index.notes
    assert NOTE in verify("allidb1", root).notes


def test_the_given_split_is_theirs(root):
    index = load_many(("allidb1",), root, class_names=("h", "l"), class_of={"healthy": "h", "ALL": "l"})
    (fold,) = partition(Split(kind="given"), index, seed=0, pairs=NO_PAIRS)
    rows = fold.split_rows
    for name, held in (
        ("train", rows.train),
        ("validation", rows.validation),
        ("test", rows.predicted["test"]),
    ):
        np.testing.assert_array_equal(held, np.flatnonzero(index.given == name))


def test_an_image_in_two_folders_of_a_split_is_refused_by_name(root, write_cell):
    write_cell(root / "allidb1/train/ALL/copy.png", seed=0, image_size=24)
    write_cell(root / "allidb1/test/ALL/copy.png", seed=0, image_size=24)
    index = load("allidb1", root)
    with pytest.raises(
        DataError, match=r"all/copy\.png \(train\), test/all/copy\.png \(test\)|0\.png \(train\)"
    ):
        partition(Split(kind="given"), index, seed=0, pairs=np.argwhere(
            np.triu(index.sha256[:, None] == index.sha256[None, :], 1)
        ))  # fmt: skip


def test_folders_without_a_split_have_none(tmp_path, write_cell):
    for seed, name in enumerate(("ALL/train.png", "healthy/test.png")):
        write_cell(tmp_path / name, seed=seed, image_size=20)
    index = ImageIndex.from_folder(tmp_path)
    assert index.given.tolist() == ["", ""]
    assert index.notes == ()


def test_a_split_next_to_class_folders_is_refused_and_every_folder_is_named(tmp_path, write_cell):
    for seed, name in enumerate(("ALL/a.png", "healthy/b.png", "test/c.png")):
        write_cell(tmp_path / name, seed=seed, image_size=20)
    with pytest.raises(DataError) as caught:
        ImageIndex.from_folder(tmp_path)
    said = str(caught.value)
    assert "(found: ALL, healthy, test)" in said
    assert "folders named after a split next to others, 1 of them:\n  test" in said


def test_images_right_in_a_folder_of_a_split_are_named(tmp_path, write_cell):
    for seed, name in enumerate(("train/ALL/a.png", "train/healthy/b.png", "test/c.png")):
        write_cell(tmp_path / name, seed=seed, image_size=20)
    with pytest.raises(DataError, match=r"images outside the class folders, 1 of them:\n  test/c\.png"):
        ImageIndex.from_folder(tmp_path)


def test_files_that_are_no_images_for_leukcnn_are_in_the_notes(tmp_path, write_cell):
    for seed, name in enumerate(("ALL/a.png", "healthy/b.png")):
        write_cell(tmp_path / name, seed=seed, image_size=20)
    for name in ("ALL/c.webp", "healthy/slide.svs", "d.heic", "ALL/e.WEBP", "labels.csv"):
        (tmp_path / name).write_bytes(b"content")
    (note,) = ImageIndex.from_folder(tmp_path).notes
    assert note.startswith("4 files look like images and aren't read: ")
    assert note.endswith(", ...; save them as PNG")
    assert note.count(".webp") + note.count(".WEBP") + note.count(".svs") + note.count(".heic") == 3


@pytest.mark.parametrize(
    ("key", "path", "depth", "identity", "given"),
    [
        (
            "taleghani",
            "taleghani/test/Benign/WBC-Benign-001.jpg",
            2,
            "Original/Benign/WBC-Benign-001.jpg",
            "test",
        ),
        ("taleghani", "taleghani/Benign/val/new.jpg", 2, "val/benign/new.jpg", "validation"),
        ("cnmc2019", "cnmc2019/train/hem/x.png", 2, "train/hem/x.png", "train"),
        ("jtsc", "jtsc/test/001.bmp", 1, "Dataset 1/001.bmp", "test"),
        ("allidb1", "allidb1/train/Im001_1.jpg", 1, "Im001_1.jpg", "train"),
        ("cnmc2019", "c/validation_data/C-NMC_test_prelim_phase_data/1.bmp", 2, None, ""),
    ],
)
def test_each_layout_passes_a_folder_of_a_split_over(key, path, depth, identity, given):
    found = place(CATALOG[key], PurePosixPath(path), depth=depth)
    assert found.given == given
    assert found.path.as_posix() == path
    assert identity is None or found.id == identity


@pytest.mark.parametrize(
    ("name", "inner"),
    [
        ("cnmc2019", "fold_{fold}/{all,hem}/UID_{n}_1_1_{all,hem}.bmp"),
        ("cnmc2019", "C-NMC_Leukemia/training_data/fold_{fold}/{all,hem}/UID_{n}_1_1_{all,hem}.bmp"),
        ("taleghani", "Original/{Benign,Early}/WBC-{Benign,Malignant-Early}-{n:03}.jpg"),
        ("jtsc", "data/Dataset 1/{n:03}.bmp"),
    ],
)
def test_the_split_is_known_however_deep_its_images_are(tmp_path, write_cell, name, inner):
    number = 0
    for split, count in (("train", 2), ("val", 1), ("test", 1)):
        for at in (0, 1):
            for fold in range(count):
                number += 1
                where = re.sub(r"{([^{}]+),([^{}]+)}", lambda m, at=at: m[1 + at], inner)
                path = tmp_path / name / split / where.format(fold=fold, n=number)
                write_cell(path, seed=number, image_size=24)
    index = load(name, tmp_path / name)
    given = [path.relative_to(tmp_path / name).parts[0] for path in index.paths]
    assert index.given.tolist() == [split_of(split) for split in given]
    assert NOTE in index.notes
    assert NOTE in verify(name, tmp_path / name).notes
    if "jtsc" not in name:
        (fold,) = partition(Split(kind="given"), index, seed=0, pairs=NO_PAIRS)
        np.testing.assert_array_equal(fold.split_rows.train, np.flatnonzero(index.given == "train"))


def test_the_authors_own_folders_are_no_split(archive):
    index = load("cnmc2019", archive)
    assert set(index.given.tolist()) == {""}
    (archive / "training_data").rename(archive / "Training data")
    assert set(load("cnmc2019", archive).given.tolist()) == {""}


def test_two_folders_of_a_split_are_passed_over_only_once():
    assert place(CATALOG["cnmc2019"], PurePosixPath("c/train/test/all/x.png"), depth=3) is None


def test_notes_count_each_split():
    assert split_notes(["", ""]) == []
    (note,) = split_notes(["train", "", "train"])
    assert note.startswith("the folders are split into 2 train and 1 other: ")
