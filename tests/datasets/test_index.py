import hashlib
import os
import shutil

import cv2
import numpy as np
import pytest

from leukcnn.datasets.index import ImageIndex, require_classes
from leukcnn.datasets.indexing import index_from_manifest, load
from leukcnn.datasets.walk import SYNTHETIC_MARKER
from leukcnn.errors import ArgumentError, DataError

TRAINING = "training_data"
OTHERS = "images don't count as published (other bytes, copies, or more than were published)"


def test_archive_layout_is_indexed(archive):
    index = load("cnmc2019", archive)
    assert index.ids.tolist() == [
        "training_data/fold_0/all/UID_11_1_1_all.bmp",
        "training_data/fold_0/hem/UID_H11_1_1_hem.bmp",
        "training_data/fold_1/all/UID_2_2_1_all.bmp",
        "training_data/fold_1/all/UID_2_10_1_all.bmp",
        "training_data/fold_2/hem/UID_h3_1_1_hem.bmp",
        "training_data/fold_2/hem/UID_H5_1_1_hem.bmp",
        *(f"validation_data/C-NMC_test_prelim_phase_data/{i}.bmp" for i in (1, 2, 10)),
        *(f"testing_data/C-NMC_test_final_phase_data/{i}.bmp" for i in (1, 2, 10)),
    ]
    assert index.labels.tolist() == [1, 0, 1, 1, 0, 0, 1, 0, 0, -1, -1, -1]
    assert index.class_names == ("healthy", "malignant")
    assert index.group.tolist() == ["11", "H11", "2", "2", "H3", "H5", "57", "H49", "H49", "", "", ""]
    assert index.subset.tolist() == ["training"] * 6 + ["preliminary"] * 3 + ["final"] * 3
    assert index.fold.tolist() == [0, 0, 1, 1, 2, 2] + [-1] * 6
    assert set(index.dataset) == {"cnmc2019"}
    for path, digest in zip(index.paths, index.sha256, strict=True):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    assert index.notes == (
        f"0 of 10,661 training cells; 6 {OTHERS}",
        f"0 of 1,867 preliminary cells; 3 {OTHERS}",
        f"0 of 2,586 final cells; 3 {OTHERS}",
    )


@pytest.mark.parametrize(
    "place", ["root above", "own folder", "cnmc2019", "cnmc2019 above", "both", "lower case"]
)
def test_root_may_be_the_dataset_folder_or_the_one_above(archive, tmp_path, place):
    root = tmp_path
    if place == "own folder":
        root = archive
    elif place in ("cnmc2019", "cnmc2019 above"):
        archive.rename(tmp_path / "cnmc2019")
        root = tmp_path / "cnmc2019" if place == "cnmc2019" else tmp_path
    elif place == "both":
        (tmp_path / "cnmc2019").mkdir()
        archive.rename(tmp_path / "cnmc2019" / archive.name)
    elif place == "lower case":
        archive.rename(tmp_path / "c-nmc_leukemia")
    assert len(load("cnmc2019", root)) == 12


@pytest.mark.parametrize(("inner", "n"), [("", 6), ("fold_1", 2), ("fold_2/hem", 2)])
def test_competition_layout_is_found_at_any_depth(archive, inner, n):
    index = load("cnmc2019", archive / TRAINING / inner)
    whole = load("cnmc2019", archive)
    assert len(index) == n
    rows = np.isin(whole.ids, index.ids)
    for column in ("ids", "labels", "group", "fold", "sha256"):
        np.testing.assert_array_equal(getattr(index, column), getattr(whole, column)[rows])


@pytest.mark.parametrize("extension", [".png", ".bmp", ".jpg", ".tif"])
@pytest.mark.parametrize("folders", [("hem", "all"), ("healthy", "malignant"), ("HEM", "ALL")])
def test_plain_layout_is_indexed(tmp_path, write_cell, folders, extension):
    for label, folder in enumerate(folders):
        write_cell(tmp_path / folder / f"cell{label}{extension}", seed=label)
    index = load("cnmc2019", tmp_path)
    assert index.labels.tolist() == [1, 0] if folders[0] != "healthy" else [0, 1]
    assert sorted(index.labels) == [0, 1]
    assert set(index.subset) == {"training"}
    assert set(index.fold) == {-1}
    for path, label in zip(index.paths, index.labels, strict=True):
        assert path.parent.name == folders[label]


def test_index_does_not_depend_on_the_place_of_the_folder(archive, tmp_path):
    here = load("cnmc2019", archive)
    shutil.copytree(archive, tmp_path / "elsewhere" / "C-NMC_Leukemia")
    there = load("cnmc2019", tmp_path / "elsewhere")
    for column in ("ids", "labels", "group", "subset", "fold", "sha256"):
        np.testing.assert_array_equal(getattr(here, column), getattr(there, column))
    assert here.notes == there.notes


def test_conversions_and_strays_are_noted(archive, write_cell):
    grey = archive / TRAINING / "fold_0/all/UID_11_1_2_all.bmp"
    assert cv2.imwrite(str(grey), np.zeros((450, 450), np.uint8))
    write_cell(archive / "figures" / "deep" / "plot.png", seed=0)
    write_cell(archive / TRAINING / "fold_0/all/cell.bmp", seed=50)
    notes = load("cnmc2019", archive).notes
    assert "1 image: grey repeated in three channels" in notes
    assert any(note.startswith("1 image outside the layout") for note in notes)
    assert any("other names than the authors gave" in note and "cell.bmp" in note for note in notes)


def test_synthetic_data_are_noted(archive):
    (archive / SYNTHETIC_MARKER).write_text("{}")
    notes = load("cnmc2019", archive.parent).notes
    assert notes[0] == "synthetic data, not C-NMC 2019"
    assert "6 synthetic training cells" in notes


def test_missing_folder_says_where_to_get_the_data(tmp_path):
    with pytest.raises(DataError, match=r"nowhere doesn't exist") as caught:
        load("cnmc2019", tmp_path / "nowhere")
    for text in ("10.7937/tcia.2019.dc64i46r", "CC BY 3.0", "fold_0/{all,hem}", "synthetic"):
        assert text in str(caught.value)


def test_file_in_place_of_a_folder_is_refused(tmp_path):
    (tmp_path / "data.zip").touch()
    with pytest.raises(DataError, match="is a file, not a folder"):
        load("cnmc2019", tmp_path / "data.zip")


def test_folder_without_images_of_the_dataset_is_refused(tmp_path, write_cell):
    with pytest.raises(DataError, match="is an empty folder"):
        load("cnmc2019", tmp_path)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DataError, match="holds no images"):
        load("cnmc2019", tmp_path)
    write_cell(tmp_path / "Original" / "Early" / "1.jpg", seed=0)
    with pytest.raises(DataError, match=r"1 image, but none in a layout of C-NMC 2019.*Original/Early/1.jpg"):
        load("cnmc2019", tmp_path)


def test_all_broken_images_are_named_at_once(archive):
    fold = archive / TRAINING / "fold_0/all"
    (fold / "UID_1_1_1_all.bmp").write_text("no image\n")
    (fold / "UID_1_1_2_all.bmp").touch()
    whole = (fold / "UID_11_1_1_all.bmp").read_bytes()
    (fold / "UID_1_1_3_all.bmp").write_bytes(whole[:-1000])
    (fold / "UID_1_1_4_all.bmp").symlink_to(fold / "gone.bmp")
    with pytest.raises(DataError, match="4 of them") as caught:
        load("cnmc2019", archive)
    for text in (
        "1_1_1_all.bmp is no BMP",
        "1_1_2_all.bmp is empty",
        "1_1_3_all.bmp is truncated",
        "1_1_4_all.bmp",
    ):
        assert text in str(caught.value)


def test_many_broken_images_are_counted(archive):
    for i in range(13):
        (archive / TRAINING / f"fold_0/all/UID_1_1_{i}_all.bmp").touch()
    with pytest.raises(DataError, match=r"13 of them(.|\n)*and 3 more"):
        load("cnmc2019", archive)


def test_name_that_contradicts_its_folder_is_refused(archive, write_cell):
    write_cell(archive / TRAINING / "fold_0/all/UID_H1_1_1_hem.bmp", seed=9)
    with pytest.raises(DataError, match="one class in the folder of another"):
        load("cnmc2019", archive)


def test_one_cell_in_two_formats_is_refused(archive, write_cell):
    write_cell(archive / TRAINING / "fold_0/all/UID_11_1_1_all.png", seed=0)
    with pytest.raises(DataError, match=r"copies of the same image, 2 of them"):
        load("cnmc2019", archive)


def test_unreadable_folder_is_refused(archive, monkeypatch):
    listed = os.scandir

    def refuse(path):
        if str(path).endswith("fold_1"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match=r"can't be read(.|\n)*fold_1: Permission denied"):
        load("cnmc2019", archive)


def test_single_class_can_be_loaded_but_not_trained(archive):
    require_classes(load("cnmc2019", archive))
    index = load("cnmc2019", archive / TRAINING / "fold_0/all")
    with pytest.raises(DataError, match="one class only: 0 healthy, 1 malignant"):
        require_classes(index)


def test_select_takes_positions_and_masks(archive):
    index = load("cnmc2019", archive)
    some = index.select(index.subset == "final")
    assert some.ids.tolist() == index.ids[9:].tolist()
    assert some.paths == index.paths[9:]
    assert index.select(np.array([3, 0])).ids.tolist() == [index.ids[3], index.ids[0]]


def test_columns_of_different_length_and_repeated_ids_are_refused():
    index = index_from_manifest("cnmc2019").select(np.arange(2))
    columns = {name: getattr(index, name) for name in ImageIndex.__dataclass_fields__}
    with pytest.raises(ArgumentError, match="different lengths"):
        ImageIndex(**columns | {"labels": index.labels[:1]})
    with pytest.raises(ArgumentError, match="twice"):
        ImageIndex(**columns | {"ids": np.array(["a", "a"])})


def test_index_from_the_manifest_has_the_published_counts():
    index = index_from_manifest("cnmc2019")
    assert len(index) == 15_114
    training = index.select(index.subset == "training")
    assert np.bincount(training.labels).tolist() == [3389, 7272]
    subjects = [len(np.unique(training.group[training.labels == label])) for label in (0, 1)]
    assert subjects == [26, 47]
    cells = np.zeros((3, 2), int)
    np.add.at(cells, (training.fold, training.labels), 1)
    assert cells.tolist() == [[1130, 2397], [1163, 2418], [1096, 2457]]
    assert index.ids[-1] == "testing_data/C-NMC_test_final_phase_data/2586.bmp"


def test_folds_of_the_challenge_share_no_subject():
    index = index_from_manifest("cnmc2019")
    training = index.select(index.subset == "training")
    folds = [set(training.group[training.fold == fold]) for fold in range(3)]
    assert not (folds[0] & folds[1] or folds[0] & folds[2] or folds[1] & folds[2])


def test_real_cells_are_as_published(real_data):
    index = load("cnmc2019", real_data)
    published = index_from_manifest("cnmc2019")
    rows = np.searchsorted(published.ids, index.ids, sorter=(order := np.argsort(published.ids)))
    np.testing.assert_array_equal(published.ids[order[rows]], index.ids)
    np.testing.assert_array_equal(published.sha256[order[rows]], index.sha256)
    held = np.count_nonzero(index.subset == "training")
    assert index.notes[0] == f"{held} of 10,661 training cells, verified by SHA-256"
    require_classes(index)
