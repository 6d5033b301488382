"""Synthetic datasets: the real one's names, layout and sizes, complete or not there."""

import csv
import json
import re
from collections import Counter

import cv2
import numpy as np
import pytest

from leukcnn.datasets import load, load_many, verify
from leukcnn.datasets.catalog import CATALOG
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
def drawn(tmp_path_factory):
    return write("cnmc2019", tmp_path_factory.mktemp("synthetic"), seed=3, counts=COUNTS)


@pytest.fixture(scope="module")
def few_synthetic(tmp_path_factory):
    return write_many(FEW, tmp_path_factory.mktemp("synthetic many"), seed=3)


def images_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.bmp")}


def labels_of(drawn):
    with (drawn / f"{PRELIMINARY}_labels.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_layout_names_and_counts(drawn):
    kinds = {
        r"C-NMC_Leukemia/training_data/fold_[012]/all/UID_\d+_\d+_[123]_all\.bmp": 13,
        r"C-NMC_Leukemia/training_data/fold_[012]/hem/UID_H\d+_\d+_[123]_hem\.bmp": 8,
        rf"{PRELIMINARY}/(10|[1-9])\.bmp": 10,
        r"C-NMC_Leukemia/testing_data/C-NMC_test_final_phase_data/[1-4]\.bmp": 4,
    }
    names = list(images_of(drawn))
    found = {kind: sum(bool(re.fullmatch(kind, name)) for name in names) for kind in kinds}
    assert found == kinds
    assert len(names) == sum(kinds.values())


def test_files_are_as_large_as_the_real_ones(drawn):
    # 24 bits a pixel, rows padded to 4 bytes, 54 bytes of header: what the archive's files have.
    for name, content in images_of(drawn).items():
        final = "final_phase" in name
        assert len(content) == (1_080_054 if final else 608_454)
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
        assert image.shape == ((600, 600, 3) if final else (450, 450, 3))


def test_the_name_says_what_is_drawn(drawn):
    for path in sorted((drawn / "C-NMC_Leukemia/training_data").rglob("*.bmp")):
        _, subject, field, cell, kind = path.stem.split("_")
        number = 3 * (int(field) - 1) + int(cell) - 1
        expected = draw_cell(malignant=kind == "all", subject=subject, seed=3, cell=number)
        np.testing.assert_array_equal(cv2.imread(str(path))[..., ::-1], expected)


def test_the_label_file_says_what_is_drawn(drawn):
    rows = labels_of(drawn)
    assert [row["new_names"] for row in rows] == [f"{number}.bmp" for number in range(1, 11)]
    assert Counter(row["labels"] for row in rows) == {"1": 5, "0": 5}
    for row in rows:
        _, subject, field, cell, kind = row["Patient_ID"].removesuffix(".bmp").split("_")
        malignant = row["labels"] == "1"
        assert kind == ("all" if malignant else "hem")
        number = 3 * (int(field) - 1) + int(cell) - 1
        expected = draw_cell(malignant=malignant, subject=subject, seed=3, cell=number)
        image = cv2.imread(str(drawn / PRELIMINARY / row["new_names"]))
        np.testing.assert_array_equal(image[..., ::-1], expected)


def test_classes_of_numbered_cells_are_shuffled(drawn):
    labels = [row["labels"] for row in labels_of(drawn)]
    assert labels not in (sorted(labels), sorted(labels, reverse=True))


def test_no_subject_is_in_two_folds_or_parts(drawn):
    index = load("cnmc2019", drawn)
    labelled = index.select(index.labels >= 0)
    assert len(labelled) == 31
    places = {
        (str(subject), str(subset), int(fold))
        for subject, subset, fold in zip(labelled.group, labelled.subset, labelled.fold, strict=True)
    }
    assert len(places) == 6 + 3 + 2 * 2 == len(set(labelled.group))


def test_every_fold_has_both_classes(drawn):
    for fold in range(3):
        for kind in ("all", "hem"):
            assert any((drawn / f"C-NMC_Leukemia/training_data/fold_{fold}/{kind}").iterdir())


def test_the_same_seed_draws_the_same_bytes(drawn, tmp_path):
    again = write("cnmc2019", tmp_path, seed=3, counts=COUNTS)
    assert again.name == drawn.name
    assert images_of(again) == images_of(drawn)
    assert labels_of(again) == labels_of(drawn)


def test_another_seed_or_count_lies_beside_and_differs(drawn):
    other = write("cnmc2019", drawn.parent, seed=4, counts=COUNTS)
    assert other != drawn
    first, second = images_of(drawn), images_of(other)
    training = [name for name in first if "training_data" in name]
    assert all(first[name] != second[name] for name in training)
    fewer = write("cnmc2019", drawn.parent, seed=3, counts=SyntheticCounts(3, 3, 3, 3, 2, 2, 0))
    assert fewer not in (drawn, other)


def test_a_finished_dataset_is_found_again_without_drawing(drawn, monkeypatch):
    monkeypatch.setattr(folders, "draw_cell", None)
    assert write("cnmc2019", drawn.parent, seed=3, counts=COUNTS) == drawn


def test_an_interruption_leaves_nothing_half_done(drawn, tmp_path, monkeypatch):
    def interrupted(*, cell, **key):
        if cell == 1:
            raise KeyboardInterrupt
        return draw_cell(cell=cell, **key)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(folders, "draw_cell", interrupted)
        write("cnmc2019", tmp_path, seed=3, counts=COUNTS)
    assert list(tmp_path.iterdir()) == []
    assert images_of(write("cnmc2019", tmp_path, seed=3, counts=COUNTS)) == images_of(drawn)


def test_a_faster_process_wins(drawn, tmp_path, monkeypatch):
    """Two processes draw at once: the second finds the place taken and returns the first one's folder."""
    draw = folders._DRAWERS["cnmc2019"]

    def overtaken(folder, seed, counts):
        draw(folder, seed, counts)
        monkeypatch.setitem(folders._DRAWERS, "cnmc2019", draw)
        monkeypatch.setattr(folders.os, "getpid", lambda: -1)
        write("cnmc2019", tmp_path, seed=seed, counts=counts)

    monkeypatch.setitem(folders._DRAWERS, "cnmc2019", overtaken)
    folder = write("cnmc2019", tmp_path, seed=3, counts=COUNTS)
    assert list(tmp_path.iterdir()) == [folder]
    assert images_of(folder) == images_of(drawn)


def test_a_dataset_that_cannot_be_drawn_names_those_that_can(tmp_path):
    with pytest.raises(DataError, match=r"'allidb'(.|\n)*cnmc2019"):
        write("allidb", tmp_path, seed=0)


def test_a_place_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="can't be written to") as raised:
        write("cnmc2019", tmp_path / "file", seed=0, counts=COUNTS)
    assert raised.value.remedy


def test_counts_are_an_eighth_of_the_published_within_limits():
    # Table II of the Alert Net paper: JTSC has 300 healthy, Atlas 25 ALL, 40 AML and 23 others.
    assert smear_counts("jtsc") == {"healthy": 24}
    assert smear_counts("atlas") == {"ALL": 6, "AML": 6, "other": 6}
    assert smear_counts("leukemia_images") == {"ALL": 6, "AML": 10, "other": 6}
    # Table II of the LeukNet paper adds 673 pathological and 376 healthy images.
    assert smear_counts("midb") == {"pathological": 24}
    assert smear_counts("lisc") == {"healthy": 24}
    assert len(SMEARS) == 18
    for name in SMEARS:
        assert all(6 <= count <= 24 for count in smear_counts(name).values())
    assert sum(sum(smear_counts(name).values()) for name in SMEARS) == pytest.approx(330, abs=10)


def test_many_datasets_have_a_folder_each_with_a_folder_a_class(few_synthetic):
    names = set(images_of(few_synthetic))
    expected = {
        f"{name}/{label}/{name}_{label}_{number}.bmp"
        for name in FEW
        for label, count in smear_counts(name).items()
        for number in range(1, count + 1)
    }
    assert names == expected
    marker = json.loads((few_synthetic / "DRAWN.json").read_text())
    assert marker["seed"] == 3
    assert marker["counts"] == {name: smear_counts(name) for name in FEW}


def test_other_counts_of_some_datasets_can_be_asked_for(few_synthetic, tmp_path):
    folder = write_many(FEW, tmp_path, seed=3, counts={"jtsc": {"healthy": 2}, "lisc": {"healthy": 5}})
    found = Counter(tuple(name.split("/")[:2]) for name in images_of(folder))
    # The others keep their own numbers, and a dataset that isn't drawn has none.
    own = {("atlas", label): count for label, count in smear_counts("atlas").items()}
    assert found == {("jtsc", "healthy"): 2, **own}
    assert folder.name != few_synthetic.name
    # The first images are the same, however many there are.
    first = "jtsc/healthy/jtsc_healthy_1.bmp"
    assert (folder / first).read_bytes() == (few_synthetic / first).read_bytes()
    with pytest.raises(ArgumentError, match="0"):
        write_many(FEW, tmp_path, seed=3, counts={"jtsc": {"healthy": 0}})


def test_each_folder_of_many_says_that_it_is_drawn(few_synthetic):
    for name in FEW:
        assert load(name, few_synthetic / name).synthetic
        assert json.loads((few_synthetic / name / "DRAWN.json").read_text())["counts"] == smear_counts(name)


def test_the_name_says_which_smear_is_drawn(few_synthetic):
    for path in sorted(few_synthetic.rglob("*_2.bmp")):
        expected = draw_smear(class_name=path.parent.name, dataset=path.parts[-3], seed=3, image=2)
        np.testing.assert_array_equal(cv2.imread(str(path))[..., ::-1], expected)


def test_one_index_reads_many_drawn_datasets(few_synthetic):
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
def test_every_dataset_of_smears_is_drawn_and_understood(tmp_path):
    folder = write_many(SMEARS, tmp_path, seed=0)
    for name in SMEARS:
        report = verify(name, folder / name)
        assert report.ok, "\n".join(report.lines())
        index = load(name, folder)
        labels = Counter(index.class_names[label] for label in index.labels)
        assert labels == smear_counts(name)


def test_neither_order_nor_twins_among_the_names_matter(few_synthetic, monkeypatch):
    monkeypatch.setattr(folders, "draw_smear", None)
    assert write_many((*reversed(FEW), FEW[0]), few_synthetic.parent, seed=3) == few_synthetic


def test_many_drawn_again_have_the_same_bytes_and_another_seed_others(few_synthetic, tmp_path):
    again = write_many(FEW, tmp_path, seed=3)
    assert again.name == few_synthetic.name
    assert images_of(again) == images_of(few_synthetic)
    other = write_many(FEW, tmp_path, seed=4)
    assert other.name != again.name
    assert set(images_of(other).values()).isdisjoint(images_of(again).values())
    fewer = write_many(FEW[:1], tmp_path, seed=3)
    assert fewer not in (again, other)
    assert images_of(fewer).items() <= images_of(again).items()


def test_an_interruption_among_many_leaves_nothing_half_done(tmp_path, monkeypatch):
    def interrupted(*, image, **key):
        if image == 3:
            raise KeyboardInterrupt
        return draw_smear(image=image, **key)

    monkeypatch.setattr(folders, "draw_smear", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_many(FEW, tmp_path, seed=3)
    assert list(tmp_path.iterdir()) == []


def test_a_dataset_with_a_layout_of_its_own_is_drawn_in_it_beside_the_others(tmp_path, monkeypatch):
    def draw_few_cells(folder, seed, counts):
        assert counts == SyntheticCounts()
        draw(folder, seed, COUNTS)

    draw = folders._DRAWERS["cnmc2019"]
    monkeypatch.setitem(folders._DRAWERS, "cnmc2019", draw_few_cells)
    folder = write_many(("cnmc2019", "atlas"), tmp_path, seed=3)
    assert len(load("atlas", folder)) == 18
    index = load("cnmc2019", folder)
    assert index.synthetic
    assert Counter(index.subset.tolist()) == {"training": 21, "preliminary": 10, "final": 4}


def test_taleghani_is_drawn_in_its_makers_layout(tmp_path, monkeypatch):
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


def test_each_stage_is_drawn_forty_to_sixty_times():
    assert smear_counts("taleghani") == {"benign": 40, "early": 60, "pre": 60, "pro": 50}


def test_nothing_to_draw_and_what_cannot_be_drawn_are_named(tmp_path):
    with pytest.raises(ArgumentError, match="No dataset"):
        write_many((), tmp_path, seed=0)
    with pytest.raises(DataError, match="'allidb9'"):
        write_many(("allidb2", "allidb9"), tmp_path, seed=0)
    with pytest.raises(DataError, match=r"'taleghani_segmented'(.|\n)*those of 'taleghani'"):
        write_many(("taleghani_segmented",), tmp_path, seed=0)
    with pytest.raises(ArgumentError, match="seed"):
        write_many(FEW, tmp_path, seed=-1)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_many_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="can't be written to"):
        write_many(FEW, tmp_path / "file", seed=0)
