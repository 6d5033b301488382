"""One table of folder shapes: every entry point finds the same images in the same folder, or refuses it."""

import re
from pathlib import Path

import pytest

from leukcnn import papers, start
from leukcnn.datasets import load, load_many, present, require_classes, verify, walk
from leukcnn.datasets.catalog import CATALOG, card
from leukcnn.datasets.scan import scan
from leukcnn.errors import DataError

STAGES = ("Benign", "Early", "Pre", "Pro")
TALEGHANI = {
    f"{stage}/WBC-{'' if stage == 'Benign' else 'Malignant-'}{stage}-00{n}.jpg"
    for stage in STAGES
    for n in (1, 2)
}
OTHER_RELEASE = {
    f"{folder}/Snap_00{n}.jpg"
    for folder in ("Benign", "[Malignant] early Pre-B", "[Malignant] Pre-B", "[Malignant] Pro-B")
    for n in (1, 2)
}
CELLS = {f"fold_{k}/{c}/UID_{h}{k + 1}_1_1_{c}.bmp" for k in range(3) for h, c in (("", "all"), ("H", "hem"))}
FLAT_CELLS = {Path(path).name for path in CELLS}
PHASES = {"phase2/1.bmp", "phase2/2.bmp", "phase3/1.bmp"}
PRELIMINARY = {f"C-NMC_test_prelim_phase_data/{n}.bmp" for n in (1, 2)}
FIELDS = {"Im001_1.jpg", "Im002_1.jpg", "Im064_0.jpg"}
CROPS = {"Im001_1.tif", "Im002_1.tif", "Im131_0.tif"}
WBC = {f"Dataset {k}/00{n}.{e}" for k in (1, 2) for n in (1, 2) for e in ("bmp", "png")}
UFG = {"healthy/1.png", "all/1.png", "aml/2.png", "other/3.png"}
LABELS = "Patient_ID,new_names,labels\nUID_57_29_1_all.bmp,1.bmp,1\nUID_H49_35_1_hem.bmp,2.bmp,0\n"


def under(top, *sets):
    return {f"{top}/{path}" for paths in sets for path in paths}


KAGGLE = under("archive/Original", TALEGHANI) | under("archive/Segmented", TALEGHANI)
SPLIT = {f"{'train' if '001' in f else 'test'}/{f}" for f in TALEGHANI}
HUB = "kagglehub/datasets/mehradaria/leukemia/versions/2"
PKG = "C-NMC 2019 (PKG)"

# Dataset, files, the folder that is passed, the number of images read. All have the dataset's own names, so
# that many datasets are looked for together with the same outcome.
KNOWN = {
    "kaggle zip": ("taleghani", KAGGLE, "archive", 8),
    "kaggle zip, parent": ("taleghani", KAGGLE, "", 8),
    "kaggle zip, the folder itself": ("taleghani", KAGGLE, "archive/Original", 8),
    "kaggle zip, segmented": ("taleghani_segmented", KAGGLE, "archive", 8),
    "kaggle zip, segmented, parent": ("taleghani_segmented", KAGGLE, "", 8),
    "kaggle zip, segmented itself": ("taleghani_segmented", KAGGLE, "archive/Segmented", 8),
    "kagglehub": ("taleghani", under(f"{HUB}/Original", TALEGHANI), "", 8),
    "class folders of published names": ("taleghani", under("data/x", TALEGHANI), "", 8),
    "one folder of published names": ("taleghani", under("x", {Path(f).name for f in TALEGHANI}), "", 8),
    "split by somebody": (
        "cnmc2019",
        {f"x/{part}/{f[7:]}" for f in CELLS for part, k in (("train", "01"), ("val", "2")) if f[5] in k},
        "",
        6,
    ),
    "split by somebody, by class": ("ufg", under("UFG/train", UFG) | under("UFG/test", UFG), "", 8),
    "split in each class": (
        "ufg",
        {f"a/ufg/{c}/{s}/1.png" for c in ("all", "aml") for s in ("train", "val")},
        "",
        4,
    ),
    "other release": ("taleghani", under("archive/Blood cell Cancer [ALL]", OTHER_RELEASE), "archive", 8),
    "other release itself": ("taleghani", under("x/Blood cell Cancer [ALL]", OTHER_RELEASE), "x", 8),
    "other release, renamed": ("taleghani", under("x/y/z", OTHER_RELEASE), "", 8),
    "archive": (
        "cnmc2019",
        under("C-NMC_Leukemia/training_data", CELLS) | under("C-NMC_Leukemia/validation_data", PRELIMINARY),
        "",
        8,
    ),
    "training data without folds": (
        "cnmc2019",
        under("a/training_data", {f[7:] for f in CELLS}) | under("a/validation_data", PRELIMINARY),
        "",
        8,
    ),
    "PKG": ("cnmc2019", under(f"{PKG}/C-NMC_training_data", CELLS) | under(PKG, PRELIMINARY), "", 8),
    "PKG, parts unpacked twice": (
        "cnmc2019",
        under("a/C-NMC_training_data", CELLS) | under("a/C-NMC_test_prelim_phase_data", PRELIMINARY),
        "",
        8,
    ),
    "competition": ("cnmc2019", under("a/isbi", CELLS, PHASES), "", 9),
    "competition, itself": ("cnmc2019", under("a/isbi", CELLS, PHASES), "a/isbi", 9),
    "competition, other spelling": (
        "cnmc2019",
        {f"a/{f}".replace("fold_", "Fold ").replace("phase", "Phase-") for f in CELLS | PHASES},
        "",
        9,
    ),
    "flat cells": ("cnmc2019", under("cells", FLAT_CELLS), "", 6),
    "flat cells, itself": ("cnmc2019", under("cells", FLAT_CELLS), "cells", 6),
    "doubled": ("allidb1", under("ALL_IDB1/ALL_IDB1/im", FIELDS), "", 3),
    "doubled, upper": ("allidb1", under("ALL_IDB1/ALL_IDB1/im", FIELDS), "ALL_IDB1", 3),
    "doubled, itself": ("allidb1", under("ALL_IDB1/ALL_IDB1/im", FIELDS), "ALL_IDB1/ALL_IDB1/im", 3),
    "other folder name": ("allidb1", under("x/All-IDB 1/img", FIELDS), "", 3),
    "hyphens": ("allidb2", under("ALL-IDB-2/img", CROPS), "", 3),
    "spaces": ("allidb2", under("deep/er/all idb 2", CROPS), "", 3),
    "crops in TIFF anywhere": ("allidb2", under("x/img", CROPS), "", 3),
    "repository": ("jtsc", under("segmentation_WBC-master", WBC), "", 2),
    "repository, other set": ("cellavision2", under("segmentation_WBC-master", WBC), "", 2),
    "repository, itself": (
        "cellavision2",
        under("segmentation_WBC-master", WBC),
        "segmentation_WBC-master",
        2,
    ),
    "repository, renamed": ("jtsc", under("a/b/cells", WBC), "a", 2),
    "blasts": ("aml_lmu", under("x/y", {"MYO/MYO_0001.jpg", "NGS/NGS_0002.jpg"}), "", 2),
    "healthy cells": ("pbc", under("x", {"basophil/BA_10012.jpg", "monocyte/MO_2204.jpg"}), "", 2),
    "one folder of the authors' names": ("leukocytes", {"x/Eosinophil_1.bmp", "x/Neutrophil_2.bmp"}, "", 2),
    "folders by class": ("ufg", under("data/UFG", UFG), "", 4),
    "folders by class, deeper": ("ufg", under("data/ufg/archive/images", UFG), "", 4),
    "folders by class, itself": ("ufg", under("data/ufg", UFG), "data/ufg", 4),
}
UNSURE = ("class folders of published names", "one folder of published names")
# The folder has no dataset's name. It counts only where one dataset is looked for, and the folder was passed.
PASSED = {
    "class folders": ("ufg", UFG, "", 4),
    "class folders in a wrapper": ("ufg", under("archive", UFG), "", 4),
    "cells by class": ("cnmc2019", {"all/1.png", "hem/2.png", "hem/3.png"}, "", 3),
    "next to other things": (
        "ufg",
        under("a/b", UFG) | {"a/shots/1.png", "x/2.png", "a/b/figure.png"},
        "",
        4,
    ),
    "split, next to other things": ("ufg", under("a/train", UFG) | under("a/val", UFG) | {"x/2.png"}, "", 8),
}
# Another dataset's files, which must not count.
NOT_THERE = {
    "the sibling": ("taleghani", under("archive/Segmented", TALEGHANI), "", "taleghani_segmented"),
    "the sibling itself": (
        "taleghani",
        under("archive/Segmented", TALEGHANI),
        "archive/Segmented",
        "taleghani_segmented",
    ),
    "the original": ("taleghani_segmented", under("archive/Original", TALEGHANI), "", "check taleghani"),
    "crops": ("allidb1", under("ALL_IDB2/img", CROPS), "ALL_IDB2", "check allidb2"),
    "another's classes": ("ufg", under("atlas", {"all/1.png", "aml/2.png"}), "", "check atlas"),
    "one class among others": ("ufg", {"mine/all/1.png", "yours/1.png"}, "", "mine/all"),
    "other words": ("cnmc2019", {"[Malignant] x/1.png", "Sound/1.png"}, "", "Found: Sound, [Malignant] x"),
}
TWICE = {
    "two copies": ("taleghani", under("a/Original", TALEGHANI) | under("b/Original", TALEGHANI)),
    "two names": ("ufg", under("UFG", UFG) | under("backup/ufg", UFG)),
    "merged next to folds": ("cnmc2019", under("a/t", CELLS) | under("a/merged", {f[7:] for f in CELLS})),
    "two releases": ("taleghani", under("a/Original", TALEGHANI) | under("b/x", OTHER_RELEASE)),
    "a copy next to class folders": ("taleghani", under("Original", TALEGHANI) | under("split", SPLIT)),
    "copy of one phase": ("cnmc2019", under("x", CELLS, PRELIMINARY) | under("y", PRELIMINARY)),
}


@pytest.fixture
def tree(tmp_path, write_cell):
    """Returns a function that writes a folder of images."""

    def write(files):
        root = tmp_path / "root"
        for seed, name in enumerate(sorted(files)):
            write_cell(root / name, seed=seed, image_size=60)
            for folder in ("phase2", "C-NMC_test_prelim_phase_data"):
                if Path(name).parent.name.lower().replace("-", "") == folder.lower().replace("-", ""):
                    csv = "phase2.csv" if folder == "phase2" else f"{folder}_labels.csv"
                    (root / name).parents[1].joinpath(csv).write_text(LABELS)
        return root

    return write


def classes_of(names):
    classes = {word for name in names for word in card(name).classes}
    return {"class_names": tuple(sorted(classes)), "class_of": {word: word for word in classes}}


@pytest.mark.parametrize("shape", KNOWN)
def test_every_entry_point_finds_the_same_images(shape, tree, tmp_path):
    name, files, passed, n = KNOWN[shape]
    root = tree(files) / passed
    index = load(name, root)
    assert len(index) == n
    assert all(path.is_relative_to(root) for path in index.paths)
    assert (index.labels >= 0).sum() == n - sum(
        "phase3" in path.as_posix().lower().replace("-", "") for path in index.paths
    )

    report = verify(name, root)
    assert sum(count.images for count in report.counts) == n
    assert not [fault for fault in report.faults if fault.kind in ("duplicate", "misnamed")]
    folder = scan(name, root).folder
    assert report.folder == folder

    # Alone, and with all others. The segmented images have the names of the originals.
    rest = [key for key in CATALOG if shape not in UNSURE or key != "taleghani_segmented"]
    for names in ([name], rest):
        here = present(names, root)
        assert here[name] == folder
        many = load_many([name], root, **classes_of([name]))
        assert sorted(many.paths) == sorted(path for path in index.paths if path in {*many.paths})
        assert len(many) == (index.labels >= 0).sum()
    for paper in map(papers.get, papers.list_papers()):
        if name in paper.datasets:
            start.require_images(paper, paper.datasets, str(root), out=tmp_path / "runs")


@pytest.mark.parametrize("shape", UNSURE)
def test_a_folder_that_two_datasets_claim_is_asked_for(shape, tree):
    _, files, passed, _ = KNOWN[shape]
    with pytest.raises(DataError, match="taleghani or taleghani_segmented"):
        present(["taleghani", "taleghani_segmented"], tree(files) / passed)


@pytest.mark.parametrize("shape", PASSED)
def test_a_folder_without_a_name_counts_where_one_dataset_is_looked_for(shape, tree):
    name, files, passed, n = PASSED[shape]
    root = tree(files) / passed
    assert len(load(name, root)) == len(load_many([name], root, **classes_of([name]))) == n
    assert sum(count.images for count in verify(name, root).counts) == n
    assert present([name], root) == {name: scan(name, root).folder}
    assert present([name, "atlas"], root) == {}
    with pytest.raises(DataError, match=r"(?s)no dataset's name:.*images\)"):
        load_many([name, "atlas"], root, **classes_of([name, "atlas"]))


@pytest.mark.parametrize("shape", NOT_THERE)
def test_the_files_of_another_dataset_do_not_count(shape, tree):
    name, files, passed, said = NOT_THERE[shape]
    root = tree(files) / passed
    assert name not in present([name], root)
    for entry in (load, verify, lambda name, root: load_many([name], root, **classes_of([name]))):
        with pytest.raises(DataError) as caught:
            entry(name, root)
        assert said in str(caught.value)
        assert f"{len(files):,} image" in str(caught.value)
        assert "the other classes too" not in str(caught.value)


@pytest.mark.parametrize("shape", TWICE)
def test_two_copies_are_asked_for(shape, tree):
    name, files = TWICE[shape]
    root = tree(files)
    for entry in (load, verify, lambda name, root: present([name, "lisc"], root)):
        with pytest.raises(DataError, match="2 times") as caught:
            entry(name, root)
    lines = re.findall(r"^  (/.*) \(\d+ images\)$", str(caught.value), re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        assert len(load(name, line)) > 0


def test_masks_are_not_counted_among_the_images_of_two_copies(tree):
    with pytest.raises(DataError, match=r"(?s)2 times.*x \(2 images\).*y \(2 images\)"):
        load("jtsc", tree(under("x", WBC) | under("y", WBC)))


def test_two_folders_of_classes_without_a_name_are_asked_for(tree):
    root = tree(under("mine", UFG) | under("yours", UFG) | {"x/1.png"})
    for entry in (load, verify):
        with pytest.raises(DataError, match=r"(?s)2 times.*mine \(4 images\).*yours \(4 images\)"):
            entry("ufg", root)


@pytest.mark.parametrize("top", ["", "data", "data/cells"])
def test_class_folders_of_uncertain_names_are_asked_for_however_deep(top, tree):
    root = tree(under(top or ".", {"positive/1.png", "negative/2.png"}) | {"shots/3.png"})
    for entry in (load, verify, lambda name, root: load_many([name], root, **classes_of([name]))):
        with pytest.raises(DataError, match="positive: 1 image, perhaps healthy or malignant"):
            entry("cnmc2019", root)
    index = load("cnmc2019", root, classes={"positive": "malignant", "negative": "healthy"})
    assert index.labels.tolist() == [0, 1]


def test_numbered_folders_that_are_not_next_to_the_classes_are_not_asked_for(tree):
    root = tree(under("C-NMC", CELLS) | {"C-NMC/figures/1/a.png"})
    assert "1 image outside the layout is left out, e.g. figures/1/a.png" in notes_of("cnmc2019", root)


def test_a_file_of_labels_next_to_the_folder_is_read(tree):
    inner = "C-NMC_test_prelim_phase_data"
    root = tree(under(f"x/{inner}", PRELIMINARY))
    (root / f"x/{inner}/{inner}_labels.csv").rename(root / f"x/{inner}_labels.csv")
    for place in (root, root / "x"):
        assert load("cnmc2019", place).labels.tolist() == [1, 0]


def test_all_that_is_elsewhere_in_a_folder_that_was_passed_is_named(tree):
    root = tree(under("a/b", UFG) | {"x/1.png", "a/y/2.png"})
    assert "2 images next to the dataset's folder are left out, e.g. a/y/2.png" in notes_of("ufg", root)


def test_a_class_in_another_format_is_not_to_be_copied(tree):
    root = tree({"x/C-NMC/hem/1.png"})
    (root / "x/C-NMC/all").mkdir()
    (root / "x/C-NMC/all/2.webp").touch()
    with pytest.raises(DataError, match=r"save as PNG .*1 image file .* all/2.webp") as caught:
        require_classes(load("cnmc2019", root))
    assert "copy" not in str(caught.value)


def test_images_of_datasets_that_are_not_looked_for_are_named(tree):
    root = tree(under("x", CELLS) | under("y", UFG))
    with pytest.raises(DataError, match=r"other datasets: 6 of cnmc2019.*no dataset's name") as caught:
        load_many(["ufg", "atlas"], root, **classes_of(["ufg", "atlas"]))
    assert "fold_0" not in str(caught.value)


def notes_of(name, root):
    """Returns the notes of `load`, after a check that `verify` has those on what is left out."""
    notes = load(name, root).notes
    report = verify(name, root).notes
    assert [note for note in notes if "left out" in note] == [note for note in report if "left out" in note]
    return "\n".join(notes)


def test_what_is_not_read_is_named_with_its_number(tree, write_cell):
    root = tree(under("archive", {"Drawings/a.png", "Drawings/b.png"}) | under("archive/Original", TALEGHANI))
    (root / "archive/Original/Pre/cell.webp").touch()
    (root / "archive/Original/Pre/slide.SVS").touch()
    notes = notes_of("taleghani", root)
    assert "2 image files with other endings or none are left out, e.g. Original/Pre/cell.webp" in notes
    assert "2 images outside the layout are left out, e.g. Drawings/a.png (folders: Drawings)" in notes


def test_the_sibling_is_a_dataset_of_its_own_and_masks_are_masks(tree):
    root = tree(KAGGLE | under("wbc", WBC))
    assert "8 images of taleghani_segmented are left out" in notes_of("taleghani", root / "archive")
    assert "8 images of taleghani are left out" in notes_of("taleghani_segmented", root / "archive")
    assert "2 masks of the images are left out, e.g. Dataset 1/001.png" in notes_of("jtsc", root)
    assert not [f for f in verify("taleghani", root).faults if "Segmented" in f.path]


def test_images_next_to_the_dataset_are_named_and_are_no_fault(tree):
    root = tree(under("mine/training_data", CELLS) | {"mine/figures/a.png"})
    assert "1 image next to the dataset's folder is left out, e.g. " in notes_of("cnmc2019", root)
    assert not [f for f in verify("cnmc2019", root).faults if "figures" in f.path]


def test_the_other_release_is_marked_once_and_no_fault(tree):
    root = tree(OTHER_RELEASE)
    notes = notes_of("taleghani", root)
    assert "8 smears are the release 'Blood cell Cancer [ALL]': other files than the published ones" in notes
    assert "0 of 3,256 taleghani smears" in notes
    report = verify("taleghani", root)
    assert report.ok
    assert sum("not comparable" in note for note in report.notes) == 1
    published = tree(
        {"x/Original/Benign/WBC-Benign-001.jpg", "x/Original/Early Pre-B/WBC-Malignant-Early-001.jpg"}
    )
    assert "not comparable" not in notes_of("taleghani", published / "x")


def test_a_class_that_is_there_under_another_name_is_not_to_be_copied(tree):
    index = load("cnmc2019", tree(under("x/C-NMC", {"hem/1.png", "[Malignant] x/2.png"})))
    with pytest.raises(DataError, match=r"1 image outside the layout .*folders: \[Malignant\] x") as caught:
        require_classes(index)
    assert "copy" not in str(caught.value)
    alone = load("cnmc2019", tree({"y/C-NMC/hem/1.png"}) / "y")
    with pytest.raises(DataError, match="copy the folders of the other classes"):
        require_classes(alone)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("data.zip", "It holds 1 archive, .*unpack data.zip"),
        ("cell.webp", "It holds 1 image file with other endings or none, .*save them as PNG"),
    ],
)
def test_a_folder_without_images_says_what_it_holds(tmp_path, name, said):
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / name).touch()
    with pytest.raises(DataError, match=f"(?s){said}"):
        load("cnmc2019", tmp_path)


def test_a_search_that_is_too_long_ends_and_says_so(tree, monkeypatch):
    root = tree(under("a/b/c/d", CELLS) | under("x", TALEGHANI))
    assert "search ended" not in notes_of("cnmc2019", root)
    monkeypatch.setattr(walk, "MOST_FOLDERS", 7)
    for entry in (load, verify):
        with pytest.raises(DataError, match=r"The search ended after 7 folders.*pass a folder closer"):
            entry("cnmc2019", root)
    assert "The search ended after 7 folders" in notes_of("taleghani", root)


def test_links_in_a_circle_and_second_ways_to_a_folder_are_one_copy(tree):
    root = tree(under("big/C-NMC_Leukemia/training_data", CELLS))
    (root / "big/C-NMC_Leukemia/again").symlink_to(root)
    (root / "cnmc2019").symlink_to(root / "big/C-NMC_Leukemia")
    assert len(load("cnmc2019", root)) == 6


def test_a_folder_named_after_a_dataset_but_of_unknown_content_is_an_error(tree):
    root = tree(under("atlas", {"Drawings/1.png"}) | under("jtsc", {"001.bmp"}))
    with pytest.raises(DataError, match=r"none in a layout of Atlas.*Found: Drawings"):
        load_many(["atlas", "jtsc"], root, **classes_of(["atlas", "jtsc"]))


@pytest.mark.parametrize("inner", ["", "archive", "archive/Original"])
def test_a_real_folder_in_kaggle_s_form_has_no_faults(real_data, tmp_path, inner):
    for folder in ("Original", "Segmented"):
        for stage in STAGES:
            (tmp_path / "archive" / folder / stage).mkdir(parents=True)
    for stage in STAGES:
        for path in sorted((real_data / "taleghani/Original" / stage).iterdir())[:20]:
            for folder in ("Original", "Segmented"):
                (tmp_path / "archive" / folder / stage / path.name).symlink_to(path)
    report = verify("taleghani", tmp_path / inner)
    assert report.ok
    assert report.images() == 80
