"""Synthetic datasets: the names, layout and sizes of the real ones, complete or absent."""

import csv
import json
import os
import re
import shutil
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from leukcnn.datasets import load, load_many, verify
from leukcnn.datasets.catalog import CATALOG
from leukcnn.datasets.scan import SYNTHETIC_MARKER
from leukcnn.errors import ArgumentError, DataError
from leukcnn.synthetic import folders
from leukcnn.synthetic.drawing import draw_cell
from leukcnn.synthetic.folders import SyntheticCounts, smear_counts, write, write_many
from leukcnn.synthetic.smears import draw_smear

COUNTS = SyntheticCounts(
    malignant=13,
    healthy=8,
    malignant_subjects=6,
    healthy_subjects=3,
    preliminary=5,
    preliminary_subjects=2,
    final=4,
)
OWN_LAYOUT = ("cnmc2019", "taleghani")
SMEARS = tuple(key for key in CATALOG if key not in OWN_LAYOUT and not CATALOG[key].made_from)
FEW = ("atlas", "jtsc")
PRELIMINARY = "C-NMC_Leukemia/validation_data/C-NMC_test_prelim_phase_data"


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    return write("cnmc2019", tmp_path_factory.mktemp("synthetic"), seed=3, counts=COUNTS)


@pytest.fixture(scope="module")
def few_synthetic(tmp_path_factory):
    return write_many(FEW, tmp_path_factory.mktemp("synthetic many"), seed=3)


def images_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.bmp")}


def labels_of(cells):
    with (cells / f"{PRELIMINARY}_labels.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_layout_names_and_counts_are_as_asked(cells):
    kinds = {
        r"C-NMC_Leukemia/training_data/fold_[012]/all/UID_\d+_\d+_[123]_all\.bmp": 13,
        r"C-NMC_Leukemia/training_data/fold_[012]/hem/UID_H\d+_\d+_[123]_hem\.bmp": 8,
        rf"{PRELIMINARY}/(10|[1-9])\.bmp": 10,
        r"C-NMC_Leukemia/testing_data/C-NMC_test_final_phase_data/[1-4]\.bmp": 4,
    }
    names = list(images_of(cells))
    found = {kind: sum(bool(re.fullmatch(kind, name)) for name in names) for kind in kinds}
    assert found == kinds
    assert len(names) == sum(kinds.values())


def test_files_are_as_large_as_the_real_ones(cells):
    # 24 bits per pixel, rows padded to 4 bytes, 54 bytes of header, as in the archive's files.
    for name, content in images_of(cells).items():
        final = "final_phase" in name
        assert len(content) == (1_080_054 if final else 608_454)
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
        assert image.shape == ((600, 600, 3) if final else (450, 450, 3))


def test_a_file_s_name_determines_its_cell(cells):
    for path in sorted((cells / "C-NMC_Leukemia/training_data").rglob("*.bmp")):
        _, subject, field, cell, kind = path.stem.split("_")
        number = 3 * (int(field) - 1) + int(cell) - 1
        expected = draw_cell(malignant=kind == "all", subject=subject, seed=3, cell=number)
        np.testing.assert_array_equal(cv2.imread(str(path))[..., ::-1], expected)


def test_the_label_file_names_the_cells(cells):
    rows = labels_of(cells)
    assert [row["new_names"] for row in rows] == [f"{number}.bmp" for number in range(1, 11)]
    assert Counter(row["labels"] for row in rows) == {"1": 5, "0": 5}
    for row in rows:
        _, subject, field, cell, kind = row["Patient_ID"].removesuffix(".bmp").split("_")
        malignant = row["labels"] == "1"
        assert kind == ("all" if malignant else "hem")
        number = 3 * (int(field) - 1) + int(cell) - 1
        expected = draw_cell(malignant=malignant, subject=subject, seed=3, cell=number)
        image = cv2.imread(str(cells / PRELIMINARY / row["new_names"]))
        np.testing.assert_array_equal(image[..., ::-1], expected)


def test_classes_of_numbered_cells_are_shuffled(cells):
    labels = [row["labels"] for row in labels_of(cells)]
    assert labels not in (sorted(labels), sorted(labels, reverse=True))


def test_no_subject_is_in_two_folds_or_subsets(cells):
    index = load("cnmc2019", cells)
    labelled = index.select(index.labels >= 0)
    assert len(labelled) == 31
    places = {
        (str(subject), str(subset), int(fold))
        for subject, subset, fold in zip(labelled.group, labelled.subset, labelled.fold, strict=True)
    }
    assert len(places) == 6 + 3 + 2 * 2 == len(set(labelled.group))


def test_every_fold_has_both_classes(cells):
    for fold in range(3):
        for kind in ("all", "hem"):
            assert any((cells / f"C-NMC_Leukemia/training_data/fold_{fold}/{kind}").iterdir())


def test_the_same_seed_writes_the_same_bytes(cells, tmp_path):
    again = write("cnmc2019", tmp_path, seed=3, counts=COUNTS)
    assert again.name == cells.name
    assert images_of(again) == images_of(cells)
    assert labels_of(again) == labels_of(cells)


def test_another_seed_or_count_has_another_folder_and_images(cells):
    other = write("cnmc2019", cells.parent, seed=4, counts=COUNTS)
    assert other != cells
    first, second = images_of(cells), images_of(other)
    training = [name for name in first if "training_data" in name]
    assert all(first[name] != second[name] for name in training)
    fewer = write("cnmc2019", cells.parent, seed=3, counts=SyntheticCounts(3, 3, 3, 3, 2, 2, 0))
    assert fewer not in (cells, other)


def test_a_complete_dataset_is_not_written_again(cells, monkeypatch):
    monkeypatch.setattr(folders, "draw_cell", None)
    assert write("cnmc2019", cells.parent, seed=3, counts=COUNTS) == cells


def test_an_interruption_leaves_no_incomplete_dataset(cells, tmp_path, monkeypatch):
    def interrupted(*, cell, **key):
        if cell == 1:
            raise KeyboardInterrupt
        return draw_cell(cell=cell, **key)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(folders, "draw_cell", interrupted)
        write("cnmc2019", tmp_path, seed=3, counts=COUNTS)
    assert list(tmp_path.iterdir()) == []
    assert images_of(write("cnmc2019", tmp_path, seed=3, counts=COUNTS)) == images_of(cells)


def test_the_folder_of_a_faster_process_is_used(cells, tmp_path, monkeypatch):
    """Two processes write at the same time: the second returns the folder of the first."""
    original = folders._WRITERS["cnmc2019"]

    def overtaken(folder, seed, counts):
        original(folder, seed, counts)
        monkeypatch.setitem(folders._WRITERS, "cnmc2019", original)
        monkeypatch.setattr("os.getpid", lambda: -1)
        write("cnmc2019", tmp_path, seed=seed, counts=counts)

    monkeypatch.setitem(folders._WRITERS, "cnmc2019", overtaken)
    folder = write("cnmc2019", tmp_path, seed=3, counts=COUNTS)
    assert list(tmp_path.iterdir()) == [folder]
    assert images_of(folder) == images_of(cells)


def test_a_dataset_without_a_synthetic_version_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"'allidb'(.|\n)*cnmc2019"):
        write("allidb", tmp_path, seed=0)


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="can't be written to") as raised:
        write("cnmc2019", tmp_path / "file", seed=0, counts=COUNTS)
    assert raised.value.remedy


def test_counts_are_an_eighth_of_the_published_ones_within_limits():
    # Table II of the Alert Net paper: JTSC has 300 healthy, Atlas 25 ALL, 40 AML and 23 others.
    assert smear_counts("jtsc") == {"healthy": 24}
    assert smear_counts("atlas") == {"ALL": 6, "AML": 6, "other": 6}
    assert smear_counts("leukemia_images") == {"ALL": 6, "AML": 10, "other": 6}
    # Table II of the LeukNet paper adds 673 pathological and 376 healthy images.
    assert smear_counts("midb") == {"pathological": 24}
    assert smear_counts("lisc") == {"healthy": 24}
    assert len(SMEARS) == 20
    for name in SMEARS:
        assert all(6 <= count <= 24 for count in smear_counts(name).values())
    assert sum(sum(smear_counts(name).values()) for name in SMEARS) == pytest.approx(402, abs=10)


def test_each_of_many_datasets_has_a_folder_for_each_class(few_synthetic):
    names = set(images_of(few_synthetic))
    expected = {
        f"{name}/{label}/{name}_{label}_{number}.bmp"
        for name in FEW
        for label, count in smear_counts(name).items()
        for number in range(1, count + 1)
    }
    assert names == expected
    marker = json.loads((few_synthetic / SYNTHETIC_MARKER).read_text())
    assert marker["seed"] == 3
    assert marker["counts"] == {name: smear_counts(name) for name in FEW}


def test_counts_of_some_datasets_can_be_given(few_synthetic, tmp_path):
    folder = write_many(FEW, tmp_path, seed=3, counts={"jtsc": {"healthy": 2}, "lisc": {"healthy": 5}})
    found = Counter(tuple(name.split("/")[:2]) for name in images_of(folder))
    # The other dataset keeps its own numbers, and a dataset that isn't named is ignored.
    own = {("atlas", label): count for label, count in smear_counts("atlas").items()}
    assert found == {("jtsc", "healthy"): 2, **own}
    assert folder.name != few_synthetic.name
    # The number of images doesn't change the first ones.
    first = "jtsc/healthy/jtsc_healthy_1.bmp"
    assert (folder / first).read_bytes() == (few_synthetic / first).read_bytes()
    with pytest.raises(ArgumentError, match="0"):
        write_many(FEW, tmp_path, seed=3, counts={"jtsc": {"healthy": 0}})


def test_each_folder_of_many_is_marked_as_synthetic(few_synthetic):
    for name in FEW:
        assert load(name, few_synthetic / name).synthetic
        assert json.loads((few_synthetic / name / SYNTHETIC_MARKER).read_text())["counts"] == smear_counts(
            name
        )


def test_a_file_s_name_determines_its_smear(few_synthetic):
    for path in sorted(few_synthetic.rglob("*_2.bmp")):
        expected = draw_smear(class_name=path.parent.name, dataset=path.parts[-3], seed=3, image=2)
        np.testing.assert_array_equal(cv2.imread(str(path))[..., ::-1], expected)


def test_many_synthetic_datasets_make_one_index(few_synthetic):
    index = load_many(
        FEW,
        few_synthetic,
        class_names=("HBS", "ALL", "AML"),
        class_of={"healthy": "HBS", "ALL": "ALL", "AML": "AML"},
    )
    assert index.synthetic
    found = Counter(zip(index.dataset.tolist(), index.labels.tolist(), strict=True))
    assert found == {("jtsc", 0): 24, ("atlas", 1): 6, ("atlas", 2): 6}


@pytest.mark.slow
def test_every_dataset_of_smears_can_be_written_and_verified(tmp_path):
    folder = write_many(SMEARS, tmp_path, seed=0)
    for name in SMEARS:
        report = verify(name, folder / name)
        assert report.ok, "\n".join(report.lines())
        index = load(name, folder)
        labels = Counter(index.class_names[label] for label in index.labels)
        assert labels == smear_counts(name)


def test_order_and_repetition_of_the_names_do_not_matter(few_synthetic, monkeypatch):
    monkeypatch.setattr(folders, "draw_smear", None)
    assert write_many((*reversed(FEW), FEW[0]), few_synthetic.parent, seed=3) == few_synthetic


def test_the_same_seed_writes_many_with_the_same_bytes(few_synthetic, tmp_path):
    again = write_many(FEW, tmp_path, seed=3)
    assert again.name == few_synthetic.name
    assert images_of(again) == images_of(few_synthetic)
    other = write_many(FEW, tmp_path, seed=4)
    assert other.name != again.name
    assert set(images_of(other).values()).isdisjoint(images_of(again).values())
    fewer = write_many(FEW[:1], tmp_path, seed=3)
    assert fewer not in (again, other)
    assert images_of(fewer).items() <= images_of(again).items()


def test_an_interruption_leaves_no_incomplete_datasets(tmp_path, monkeypatch):
    def interrupted(*, image, **key):
        if image == 3:
            raise KeyboardInterrupt
        return draw_smear(image=image, **key)

    monkeypatch.setattr(folders, "draw_smear", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_many(FEW, tmp_path, seed=3)
    assert list(tmp_path.iterdir()) == []


def test_a_dataset_among_many_keeps_its_own_layout(tmp_path, monkeypatch):
    def write_few_cells(folder, seed, counts):
        assert counts == SyntheticCounts()
        original(folder, seed, COUNTS)

    original = folders._WRITERS["cnmc2019"]
    monkeypatch.setitem(folders._WRITERS, "cnmc2019", write_few_cells)
    folder = write_many(("cnmc2019", "atlas"), tmp_path, seed=3)
    assert len(load("atlas", folder)) == 18
    index = load("cnmc2019", folder)
    assert index.synthetic
    assert Counter(index.subset.tolist()) == {"training": 21, "preliminary": 10, "final": 4}


def test_taleghani_has_its_authors_layout(tmp_path, monkeypatch):
    few = {"benign": 2, "early": 1, "pre": 1, "pro": 1}
    monkeypatch.setitem(folders._SMEARS, "taleghani", few)
    folder = write_many(("taleghani",), tmp_path, seed=3) / "taleghani"
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg")} == {
        "Original/Benign/WBC-Benign-001.jpg",
        "Original/Benign/WBC-Benign-002.jpg",
        "Original/Early/WBC-Malignant-Early-001.jpg",
        "Original/Pre/WBC-Malignant-Pre-001.jpg",
        "Original/Pro/WBC-Malignant-Pro-001.jpg",
    }
    index = load("taleghani", folder)
    assert index.synthetic
    assert not index.group.any()
    assert np.bincount(index.labels).tolist() == list(few.values())
    report = verify("taleghani", folder.parent)
    assert report.ok
    assert report.synthetic


def test_open_datasets_have_their_authors_layout_and_a_folder_for_each_kind(tmp_path):
    counts = {"aml_lmu": {"AML": 2, "other cells": 4}, "pbc": {"healthy": 3}}
    folder = write_many(tuple(counts), tmp_path, seed=3, counts=counts)
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.*[fg]")} == {
        *("aml_lmu/MYO/MYO_0001.tiff", "aml_lmu/MYO/MYO_0002.tiff", "aml_lmu/LYT/LYT_0001.tiff"),
        *("aml_lmu/LYT/LYT_0004.tiff", "aml_lmu/MON/MON_0002.tiff", "aml_lmu/NGS/NGS_0003.tiff"),
        *("pbc/neutrophil/SNE_000003.jpg", "pbc/lymphocyte/LY_000001.jpg", "pbc/monocyte/MO_000002.jpg"),
    }
    for name, numbers in counts.items():
        index = load(name, folder)
        assert index.synthetic
        assert Counter(index.class_names[label] for label in index.labels) == numbers
        assert verify(name, folder).ok


def test_each_stage_has_forty_to_sixty_images():
    assert smear_counts("taleghani") == {"benign": 40, "early": 60, "pre": 60, "pro": 50}


def test_no_dataset_and_datasets_without_synthetic_images_are_refused(tmp_path):
    with pytest.raises(ArgumentError, match="No dataset"):
        write_many((), tmp_path, seed=0)
    with pytest.raises(DataError, match="'allidb9'"):
        write_many(("allidb2", "allidb9"), tmp_path, seed=0)
    with pytest.raises(DataError, match=r"'taleghani_segmented'(.|\n)*those of 'taleghani'"):
        write_many(("taleghani_segmented",), tmp_path, seed=0)
    with pytest.raises(ArgumentError, match="seed"):
        write_many(FEW, tmp_path, seed=-1)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_many_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="can't be written to"):
        write_many(FEW, tmp_path / "file", seed=0)


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def make_a_pipe(path):
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("name", ["jtsc/healthy/jtsc_healthy_2.bmp", SYNTHETIC_MARKER])
@pytest.mark.parametrize("damage", [flip, cut, Path.unlink, make_a_pipe])
def test_damaged_synthetic_images_are_made_again(few_synthetic, tmp_path, name, damage):
    folder = tmp_path / few_synthetic.name
    shutil.copytree(few_synthetic, folder)
    notes = []
    assert write_many(FEW, tmp_path, seed=3, on_note=notes.append) == folder
    assert notes == []
    damage(folder / name)
    assert write_many(FEW, tmp_path, seed=3, on_note=notes.append) == folder
    assert notes == [f"The synthetic images are made again: files in {folder} were changed or removed."]
    assert images_of(folder) == images_of(few_synthetic)
    assert (folder / SYNTHETIC_MARKER).read_bytes() == (few_synthetic / SYNTHETIC_MARKER).read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_an_image_that_was_added_to_synthetic_ones_is_removed(few_synthetic, tmp_path):
    folder = tmp_path / few_synthetic.name
    shutil.copytree(few_synthetic, folder)
    shutil.copy(folder / "jtsc/healthy/jtsc_healthy_2.bmp", folder / "jtsc/healthy/jtsc_healthy_99.bmp")
    write_many(FEW, tmp_path, seed=3)
    assert images_of(folder) == images_of(few_synthetic)
