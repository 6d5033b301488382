import hashlib
import os
from pathlib import PurePosixPath

import pytest

from leukcnn.datasets.catalog import card
from leukcnn.datasets.image_paths import place
from leukcnn.datasets.read import file_facts, image_header
from leukcnn.datasets.scan import scan
from leukcnn.datasets.walk import natural, read_content, read_files
from leukcnn.errors import DataError

CNMC = card("cnmc2019")


def test_archive_path_gives_id_label_group_subset_and_fold():
    path = "training_data/fold_2/hem/UID_h3_1_1_hem.bmp"
    found = place(CNMC, PurePosixPath(path), depth=3)
    assert (found.id, found.label, found.group, found.subset, found.fold) == (path, 0, "H3", "training", 2)
    assert not found.foreign
    assert not found.contradictory


@pytest.mark.parametrize(
    ("path", "identity"),
    [
        ("fold_0/all/UID_1_1_1_all.bmp", "training_data/fold_0/all/UID_1_1_1_all.bmp"),
        ("x/FOLD_0/ALL/uid_1_1_1_ALL.BMP", "training_data/fold_0/all/UID_1_1_1_all.bmp"),
        ("fold_0/all/UID_1_1_1_all.png", "training_data/fold_0/all/UID_1_1_1_all.bmp"),
        ("fold_2/hem/UID_H3_1_1_hem.bmp", "training_data/fold_2/hem/UID_h3_1_1_hem.bmp"),
        (
            "C-NMC_test_final_phase_data/7.bmp",
            "testing_data/C-NMC_test_final_phase_data/7.bmp",
        ),
    ],
)
def test_ids_are_those_of_the_archive_in_every_copy(path, identity):
    assert place(CNMC, PurePosixPath(path), depth=2).id == identity


def test_image_in_a_plain_folder_has_the_published_id_and_fold():
    found = place(CNMC, PurePosixPath("malignant/UID_2_1_1_all.png"), depth=1)
    assert found.id == "training_data/fold_1/all/UID_2_1_1_all.bmp"
    assert (found.label, found.group, found.fold) == (1, "2", 1)


def test_plain_folder_accepts_other_names():
    found = place(CNMC, PurePosixPath("healthy/cell 7.tif"), depth=1)
    assert (found.id, found.label, found.group, found.fold) == ("healthy/cell 7.tif", 0, "", -1)
    assert not found.foreign


def test_deep_class_folder_is_not_the_plain_layout():
    assert place(CNMC, PurePosixPath("other/all/1.png"), depth=2) is None


def test_names_that_are_wrong_for_their_place_are_marked():
    assert place(CNMC, PurePosixPath("fold_0/all/cell.bmp"), depth=2).foreign
    assert place(CNMC, PurePosixPath("C-NMC_test_final_phase_data/a.bmp"), depth=1).foreign
    contradictory = place(CNMC, PurePosixPath("fold_0/all/UID_H1_1_1_hem.bmp"), depth=2)
    assert contradictory.contradictory
    assert not contradictory.foreign


def test_numbers_sort_by_value():
    assert sorted(["10.bmp", "9.bmp", "H3", "h20", "H3a"], key=natural) == [
        "9.bmp",
        "10.bmp",
        "H3",
        "H3a",
        "h20",
    ]


def test_files_of_file_managers_are_ignored(archive, write_cell):
    for name in ("training_data/fold_0/all/._UID_11_1_1_all.bmp", "__MACOSX/all/1.bmp", ".cache/all/1.bmp"):
        write_cell(archive / name, seed=0)
    (archive / "Thumbs.db").touch()
    found = scan("cnmc2019", archive)
    assert len(found.images) == 12
    assert not found.strays


def test_links_are_followed_and_circles_are_not(archive, tmp_path):
    copy = tmp_path / "copy"
    (copy / "fold_0" / "all").mkdir(parents=True)
    (copy / "fold_1").symlink_to(archive / "training_data" / "fold_1")
    (copy / "fold_0" / "all" / "UID_11_1_1_all.bmp").symlink_to(
        archive / "training_data/fold_0/all/UID_11_1_1_all.bmp"
    )
    (copy / "circle").symlink_to(copy)
    ids = [image.id for image in scan("cnmc2019", copy).images]
    assert ids == [
        "training_data/fold_0/all/UID_11_1_1_all.bmp",
        "training_data/fold_1/all/UID_2_2_1_all.bmp",
        "training_data/fold_1/all/UID_2_10_1_all.bmp",
    ]


def test_folders_that_cannot_be_listed_are_named(archive, monkeypatch):
    listed = os.scandir

    def refuse(path):
        if str(path).endswith("fold_1"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = scan("cnmc2019", archive)
    assert len(found.unreadable) == 1
    assert "fold_1: Permission denied" in found.unreadable[0]


def test_labels_of_the_preliminary_phase_come_from_their_file(archive):
    rows = [
        (p.path.name, p.label, p.group) for p in scan("cnmc2019", archive).images if p.subset == "preliminary"
    ]
    assert rows == [("1.bmp", 1, "57"), ("2.bmp", 0, "H49"), ("10.bmp", 0, "H49")]


def test_preliminary_phase_has_no_labels_without_their_file(archive):
    (archive / "validation_data/C-NMC_test_prelim_phase_data_labels.csv").unlink()
    found = scan("cnmc2019", archive)
    assert {p.label for p in found.images if p.subset == "preliminary"} == {-1}
    assert any("no labels" in note for note in found.notes)


def test_cell_without_a_row_in_the_labels_file_is_noted(archive):
    labels = archive / "validation_data/C-NMC_test_prelim_phase_data_labels.csv"
    labels.write_text("\n".join(labels.read_text().splitlines()[:-1]))
    found = scan("cnmc2019", archive)
    assert sum(p.label == -1 for p in found.images if p.subset == "preliminary") == 1
    assert any(note.startswith("1 preliminary cells aren't in") for note in found.notes)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("Patient_ID,new_names,labels\nUID_57_29_1_all.bmp,1.bmp,2\n", "Line 2"),
        ("Patient_ID,new_names,labels\nnobody,1.bmp,1\n", "Line 2"),
        ("a,b\n1,2\n", "line 1 has the columns a, b"),
        (b"\xff\xfe\x00", "can't be read"),
    ],
)
def test_labels_that_cannot_be_understood_are_refused(archive, content, message):
    labels = archive / "validation_data/C-NMC_test_prelim_phase_data_labels.csv"
    labels.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=message):
        scan("cnmc2019", archive)


def test_files_are_read_in_order_with_progress(tmp_path):
    paths = [tmp_path / str(i) for i in range(50)]
    for path in paths:
        path.write_text(path.name)
    seen = []
    texts = read_files(lambda path: path.read_text(), paths, progress=lambda *done: seen.append(done))
    assert texts == [str(i) for i in range(50)]
    assert seen[-1] == (50, 50)
    assert seen[0] == (1, 50)


def test_a_file_is_read_once_unless_it_changes(archive, monkeypatch):
    path = next(archive.rglob("*.bmp"))
    # Files are remembered once their times are certain to show a change.
    long_ago = path.stat().st_mtime - 60
    os.utime(path, (long_ago, long_ago))
    monkeypatch.setattr("leukcnn.datasets.read._COARSEST_CLOCK_SECONDS", -1)
    read = []
    monkeypatch.setattr(
        "leukcnn.datasets.read.image_bytes", lambda path: read.append(path) or path.read_bytes()
    )
    facts = file_facts(path)
    assert facts.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert image_header(str(path)) is facts.header
    assert read_content(path)[0] == facts.sha256
    assert len(read) == 1
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, (long_ago, long_ago))
    assert read_content(path)[0] == hashlib.sha256(content).hexdigest()
    monkeypatch.setenv("LEUKCNN_MAX_PIXELS", "10")
    with pytest.raises(DataError, match="pixels"):
        image_header(path)
    assert len(read) == 2
