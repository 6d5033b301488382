"""Drawn datasets: the real one's names, layout and sizes, complete or not there."""

import csv
import re
from collections import Counter

import cv2
import numpy as np
import pytest

from leukcnn.datasets import load, synthetic
from leukcnn.datasets.drawing import draw_cell
from leukcnn.datasets.synthetic import DrawnCounts, write
from leukcnn.errors import DataError

COUNTS = DrawnCounts(
    malignant=13,
    healthy=8,
    malignant_subjects=6,
    healthy_subjects=3,
    preliminary=5,
    preliminary_subjects=2,
    final=4,
)
PRELIMINARY = "C-NMC_Leukemia/validation_data/C-NMC_test_prelim_phase_data"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return write("cnmc2019", tmp_path_factory.mktemp("drawn"), seed=3, counts=COUNTS)


def pictures_of(folder):
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
    names = list(pictures_of(drawn))
    found = {kind: sum(bool(re.fullmatch(kind, name)) for name in names) for kind in kinds}
    assert found == kinds
    assert len(names) == sum(kinds.values())


def test_files_are_as_large_as_the_real_ones(drawn):
    # 24 bits a pixel, rows padded to 4 bytes, 54 bytes of header: what the archive's files have.
    for name, content in pictures_of(drawn).items():
        final = "final_phase" in name
        assert len(content) == (1_080_054 if final else 608_454)
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
        assert picture.shape == ((600, 600, 3) if final else (450, 450, 3))


def test_the_name_says_what_is_drawn(drawn):
    for path in sorted((drawn / "C-NMC_Leukemia/training_data").rglob("*.bmp")):
        _, subject, image, cell, kind = path.stem.split("_")
        number = 3 * (int(image) - 1) + int(cell) - 1
        expected = draw_cell(malignant=kind == "all", subject=subject, seed=3, cell=number)
        np.testing.assert_array_equal(cv2.imread(str(path))[..., ::-1], expected)


def test_the_label_file_says_what_is_drawn(drawn):
    rows = labels_of(drawn)
    assert [row["new_names"] for row in rows] == [f"{number}.bmp" for number in range(1, 11)]
    assert Counter(row["labels"] for row in rows) == {"1": 5, "0": 5}
    for row in rows:
        _, subject, image, cell, kind = row["Patient_ID"].removesuffix(".bmp").split("_")
        malignant = row["labels"] == "1"
        assert kind == ("all" if malignant else "hem")
        number = 3 * (int(image) - 1) + int(cell) - 1
        expected = draw_cell(malignant=malignant, subject=subject, seed=3, cell=number)
        picture = cv2.imread(str(drawn / PRELIMINARY / row["new_names"]))
        np.testing.assert_array_equal(picture[..., ::-1], expected)


def test_classes_of_numbered_cells_are_shuffled(drawn):
    labels = [row["labels"] for row in labels_of(drawn)]
    assert labels not in (sorted(labels), sorted(labels, reverse=True))


def test_no_subject_is_in_two_folds_or_parts(drawn):
    index = load("cnmc2019", drawn)
    labelled = index.select(index.labels >= 0)
    assert len(labelled) == 31
    places = {
        (str(subject), str(part), int(fold))
        for subject, part, fold in zip(labelled.group, labelled.part, labelled.fold, strict=True)
    }
    assert len(places) == 6 + 3 + 2 * 2 == len(set(labelled.group))


def test_every_fold_has_both_classes(drawn):
    for fold in range(3):
        for kind in ("all", "hem"):
            assert any((drawn / f"C-NMC_Leukemia/training_data/fold_{fold}/{kind}").iterdir())


def test_the_same_seed_draws_the_same_bytes(drawn, tmp_path):
    again = write("cnmc2019", tmp_path, seed=3, counts=COUNTS)
    assert again.name == drawn.name
    assert pictures_of(again) == pictures_of(drawn)
    assert labels_of(again) == labels_of(drawn)


def test_another_seed_or_count_lies_beside_and_differs(drawn):
    other = write("cnmc2019", drawn.parent, seed=4, counts=COUNTS)
    assert other != drawn
    first, second = pictures_of(drawn), pictures_of(other)
    training = [name for name in first if "training_data" in name]
    assert all(first[name] != second[name] for name in training)
    fewer = write("cnmc2019", drawn.parent, seed=3, counts=DrawnCounts(3, 3, 3, 3, 2, 2, 0))
    assert fewer not in (drawn, other)


def test_a_finished_dataset_is_found_again_without_drawing(drawn, monkeypatch):
    monkeypatch.setattr(synthetic, "draw_cell", None)
    assert write("cnmc2019", drawn.parent, seed=3, counts=COUNTS) == drawn


def test_an_interruption_leaves_nothing_half_done(drawn, tmp_path, monkeypatch):
    def interrupted(*, cell, **key):
        if cell == 1:
            raise KeyboardInterrupt
        return draw_cell(cell=cell, **key)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(synthetic, "draw_cell", interrupted)
        write("cnmc2019", tmp_path, seed=3, counts=COUNTS)
    assert list(tmp_path.iterdir()) == []
    assert pictures_of(write("cnmc2019", tmp_path, seed=3, counts=COUNTS)) == pictures_of(drawn)


def test_a_faster_process_wins(drawn, tmp_path, monkeypatch):
    """Two processes draw at once: the second finds the place taken and returns the first one's folder."""
    draw = synthetic._DRAWERS["cnmc2019"]

    def overtaken(folder, seed, counts):
        draw(folder, seed, counts)
        monkeypatch.setitem(synthetic._DRAWERS, "cnmc2019", draw)
        monkeypatch.setattr(synthetic.os, "getpid", lambda: -1)
        write("cnmc2019", tmp_path, seed=seed, counts=counts)

    monkeypatch.setitem(synthetic._DRAWERS, "cnmc2019", overtaken)
    folder = write("cnmc2019", tmp_path, seed=3, counts=COUNTS)
    assert list(tmp_path.iterdir()) == [folder]
    assert pictures_of(folder) == pictures_of(drawn)


def test_a_dataset_that_cannot_be_drawn_names_those_that_can(tmp_path):
    with pytest.raises(DataError, match=r"'allidb'(.|\n)*cnmc2019"):
        write("allidb", tmp_path, seed=0)


def test_a_place_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="can't be written to") as raised:
        write("cnmc2019", tmp_path / "file", seed=0, counts=COUNTS)
    assert raised.value.remedy
