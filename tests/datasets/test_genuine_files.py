"""Files that are published ones in content: whatever their name, format and size, they are no faults."""

import hashlib
import shutil

import cv2
import numpy as np
import pytest

from leukcnn.datasets import verification
from leukcnn.datasets.catalog import card
from leukcnn.datasets.indexing import load
from leukcnn.datasets.manifest import Published, manifest
from leukcnn.datasets.pixels import pixel_digest
from leukcnn.datasets.read import read_image
from leukcnn.datasets.verification import verify


def publish(monkeypatch, folder, *, pixels=False, module=verification):
    """Makes the files below a folder the published ones, with digests of their pixels or without."""
    listed = {
        path.relative_to(folder).as_posix(): Published(
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_size,
            pixels=pixel_digest(read_image(path)[0]) if pixels else "",
        )
        for path in folder.rglob("*.*")
        if path.suffix != ".csv"
    }
    monkeypatch.setattr(module, "manifest", lambda name: listed)
    return listed


def kinds(report):
    return [fault.kind for fault in report.faults]


def save(path, source):
    """Saves an image again in the format of a path's name; returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), cv2.cvtColor(read_image(source)[0], cv2.COLOR_RGB2BGR))
    return path


@pytest.fixture
def crops(tmp_path, monkeypatch, write_cell):
    """Returns a whole ALL-IDB 2, whose manifest fits; ten files aren't 257x257."""
    folder = tmp_path / "ALL_IDB2/img"
    for number in range(1, 261):
        name = f"Im{number:03}_{int(number <= 130)}.tif"
        image_size = 200 + number % 50 if number % 26 == 0 else 257
        write_cell(folder / name, seed=number, image_size=image_size)
    publish(monkeypatch, folder)
    return folder


def test_whole_dataset_with_published_digests_has_no_fault_whatever_the_sizes(crops):
    report = verify("allidb2", crops.parent)
    assert report.ok, report.lines()
    assert "260 of 260 verified by SHA-256" in report.lines()
    assert report.lines()[-1] == "no faults"


def test_numbers_of_verified_files_add_up(crops, write_cell):
    write_cell(crops / "Im001_1.tif", seed=900, image_size=257)
    (crops / "Im002_1.tif").write_text("")
    shutil.copy(crops / "Im003_1.tif", crops / "Im903_1.tif")
    write_cell(crops / "Im904_1.tif", seed=904, image_size=257)
    (crops / "Im260_0.tif").unlink()
    report = verify("allidb2", crops.parent)
    expected = (
        "257 of 261 verified by SHA-256, 1 further copy, 1 changed, 1 not in the manifest, 1 unreadable"
    )
    assert expected in report.lines()
    assert report.compared[:2] == (261, 257)
    assert report.images_here - len(report.index) == 1
    assert len(report.index) == 260
    assert sorted(kinds(report)) == ["changed", "duplicate", "empty", "unknown"]


# Dataset -> an id whose file breaks what the card says of the others.
RULES = {
    "cnmc2019": "training_data/fold_0/all/UID_1_1_1_all.bmp",
    "taleghani": "Original/Benign/WBC-Benign-001.jpg",
    "cellavision2": "Dataset 2/001.bmp",
    "jtsc": "Dataset 1/001.bmp",
    "allidb2": "img/Im001_1.tif",
}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("image_size", [31, 640])
@pytest.mark.parametrize("saved", [".png", ".jpg", ".bmp", ".tif"])
def test_no_rule_on_size_or_format_fails_on_a_genuine_file(
    tmp_path, monkeypatch, write_cell, name, image_size, saved
):
    folder = tmp_path / card(name).folder_names[0]
    path = folder / RULES[name]
    path.parent.mkdir(parents=True)
    write_cell(tmp_path / f"x{saved}", seed=1, image_size=image_size).rename(path)
    published = Published(hashlib.sha256(path.read_bytes()).hexdigest(), 1, size=(7, 7), pixels="0" * 16)
    monkeypatch.setattr(verification, "manifest", lambda key: {RULES[name].removeprefix("img/"): published})
    report = verify(name, folder)
    assert report.ok, report.lines()
    assert report.compared.verified == 1
    assert not any("format" in note for note in report.notes)


def test_genuine_files_are_known_under_any_name(archive, monkeypatch):
    publish(monkeypatch, archive)
    fold = archive / "training_data/fold_1/all"
    (fold / "UID_2_2_1_all.bmp").rename(fold / "my cell.bmp")
    (fold / "UID_2_10_1_all.bmp").rename(fold / "copy of UID_2_10_1_all.jpg")
    report = verify("cnmc2019", archive)
    assert report.ok, report.lines()
    assert report.compared.verified == 12
    (note,) = report.notes
    assert note.startswith("2 files have other names than published, known by SHA-256, e.g. ")


def test_copies_of_genuine_files_outside_the_layout_are_left_out_and_noted(archive, monkeypatch):
    publish(monkeypatch, archive)
    (archive / "else/where").mkdir(parents=True)
    shutil.copy(archive / "training_data/fold_1/all/UID_2_2_1_all.bmp", archive / "else/where/1.bmp")
    report = verify("cnmc2019", archive)
    assert report.ok, report.lines()
    assert report.compared.verified == report.images_here == 12
    assert any("1 image outside the layout and left out, further copies" in note for note in report.notes)


def test_genuine_file_in_another_class_or_fold_is_a_fault(archive, monkeypatch):
    publish(monkeypatch, archive)
    folds = archive / "training_data"
    (folds / "fold_0/all/UID_11_1_1_all.bmp").rename(folds / "fold_0/hem/cell.bmp")
    (folds / "fold_1/all/UID_2_2_1_all.bmp").rename(folds / "fold_2/hem/UID_H8_1_1_hem.bmp")
    (folds / "fold_1/all/UID_2_10_1_all.bmp").rename(folds / "fold_1/all/UID_3_10_1_all.bmp")
    (archive / "testing_data/C-NMC_test_final_phase_data/1.bmp").rename(folds / "fold_0/hem/1.bmp")
    report = verify("cnmc2019", archive)
    found = {fault.path.split("/")[-1]: (fault.kind, fault.detail) for fault in report.faults}
    assert {name: (kind, detail.split(" than ")[0]) for name, (kind, detail) in found.items()} == {
        "cell.bmp": ("misnamed", "its name or folder says another class"),
        "UID_H8_1_1_hem.bmp": ("misnamed", "its name or folder says another class"),
        "UID_3_10_1_all.bmp": ("misnamed", "its name or folder says another subject"),
        "1.bmp": ("misnamed", "its name or folder says another subset"),
    }


def test_published_duplicates_are_none_under_any_name(archive, monkeypatch):
    fold = archive / "training_data/fold_1/all"
    shutil.copy(fold / "UID_2_2_1_all.bmp", fold / "UID_2_10_1_all.bmp")
    publish(monkeypatch, archive)
    for number, path in enumerate(sorted(fold.iterdir())):
        path.rename(fold / f"renamed {number}.bmp")
    report = verify("cnmc2019", archive)
    assert report.ok, report.lines()
    assert len(report.known_duplicates) == 1
    shutil.copy(fold / "renamed 0.bmp", fold / "renamed 2.bmp")
    assert kinds(verify("cnmc2019", archive)) == ["duplicate"]


def test_files_saved_again_with_the_same_pixels_are_no_faults(archive, monkeypatch):
    publish(monkeypatch, archive, pixels=True)
    fold = archive / "training_data/fold_1/all"
    one, other = fold / "UID_2_2_1_all.bmp", fold / "UID_2_10_1_all.bmp"
    save(one.with_suffix(".png"), one)
    one.unlink()
    save(archive / "1.png", other).rename(other)
    whole = archive / "training_data/fold_0/all/UID_11_1_1_all.bmp"
    whole.write_bytes(whole.read_bytes() + b"a remark")
    report = verify("cnmc2019", archive)
    assert report.ok, report.lines()
    assert "9 of 12 verified by SHA-256, 3 saved again with the published pixels" in report.lines()
    again = [note for note in report.notes if "saved again" in note]
    assert [note.split("(")[1].split(")")[0] for note in sorted(again)] == [
        "PNG named .bmp",
        "PNG, published as BMP",
        "another BMP file",
    ]


def changed(archive, monkeypatch, change, *, pixels=True):
    publish(monkeypatch, archive, pixels=pixels)
    path = archive / "training_data/fold_1/all/UID_2_2_1_all.bmp"
    change(path, cv2.imread(str(path)))
    (detail,) = [fault.detail for fault in verify("cnmc2019", archive).faults if fault.kind == "changed"]
    return detail.split(": ", maxsplit=1)[1]


def write(path, image, extension=".bmp"):
    path.write_bytes(cv2.imencode(extension, image)[1].tobytes())


@pytest.mark.parametrize(
    ("change", "how"),
    [
        (lambda path, image: write(path, image ^ 1), "another BMP file, other pixels"),
        (lambda path, image: write(path, image ^ 1, ".png"), "PNG named .bmp, other pixels"),
        (
            lambda path, image: write(path, image, ".jpg"),
            "JPEG named .bmp, which changes pixels, other pixels",
        ),
        (lambda path, image: write(path, image[::2]), "another BMP file, another size"),
        (lambda path, image: write(path, image[..., 0]), "another BMP file, grey, other pixels"),
    ],
)
def test_a_changed_file_says_how_it_differs(archive, monkeypatch, change, how):
    assert changed(archive, monkeypatch, change) == how


def test_where_no_digest_is_listed_pixels_are_not_judged(archive, monkeypatch):
    how = changed(archive, monkeypatch, lambda path, image: write(path, image, ".png"), pixels=False)
    assert how == "PNG named .bmp, its pixels can't be compared, since the manifest has no digest of them"


def test_png_named_jpg_is_noted_where_no_manifest_decides(tmp_path, write_cell):
    write_cell(tmp_path / "1.png", seed=0)
    (tmp_path / "atlas/ALL").mkdir(parents=True)
    (tmp_path / "1.png").rename(tmp_path / "atlas/ALL/1.jpg")
    report = verify("atlas", tmp_path)
    assert report.ok
    assert "1 image of another format than named: PNG named .jpg, e.g. ALL/1.jpg" in report.notes


@pytest.mark.parametrize("n", [96, 97])
def test_another_source_s_images_in_the_place_of_a_dataset_are_no_sound_copy(tmp_path, write_cell, n):
    for number in range(n):
        write_cell(tmp_path / f"ash/aml/{number}.png", seed=number)
    report = verify("ash", tmp_path)
    lines = report.lines()
    if n == 96:
        assert report.ok
        assert lines[1:3] == ["ash: 96 of 96 smears", "  AML: 96 of 96"]
        return
    why = "0 of 96 smears; 97 images don't count as published (unverified, and more than were published)"
    assert [tuple(fault) for fault in report.faults] == [("aml", "too many", why)]
    assert lines[1:3] == [f"ash: 97 smears, published: {why}", "  AML: 97"]
    assert not any("no faults" in line or "97 of" in line for line in lines)


def test_no_number_is_of_the_published_ones_where_a_manifest_lists_none_of_the_images(tmp_path, write_cell):
    for number in range(3):
        write_cell(tmp_path / f"jtsc/healthy/{number}.png", seed=number)
    lines = verify("jtsc", tmp_path).lines()
    assert lines[1].startswith("jtsc: 3 cells, published: 0 of 300 cells; 3 images don't count as published")
    assert lines[2:4] == ["  healthy: 3", "0 of 3 verified by SHA-256, 3 not in the manifest"]


def test_size_on_a_card_is_no_fault_without_a_manifest(tmp_path, write_cell):
    write_cell(tmp_path / "lisc/healthy/1.bmp", seed=0)
    report = verify("lisc", tmp_path)
    assert report.ok
    assert "1 image of another size than 576x720 pixels, e.g. healthy/1.bmp (450x450)" in report.notes


def test_size_in_the_manifest_outranks_the_card(archive, monkeypatch, write_cell):
    listed = publish(monkeypatch, archive)
    name = "training_data/fold_1/all/UID_2_2_1_all.bmp"
    listed[name] = listed[name]._replace(size=(300, 300))
    write_cell(archive / name, seed=77, image_size=300)
    assert kinds(verify("cnmc2019", archive)) == ["changed"]
    write_cell(archive / name, seed=77, image_size=450)
    report = verify("cnmc2019", archive)
    assert kinds(report) == ["changed", "wrong size"]
    assert report.faults[1].detail == "is 450x450 pixels, not 300x300"


@pytest.mark.parametrize("name", ["cnmc2019", "taleghani", "jtsc", "cellavision2"])
@pytest.mark.parametrize("extension", [".png", ".tif", ".bmp"])
def test_real_images_are_known_by_their_pixels(real_data, tmp_path, name, extension):
    index = load(name, real_data)
    for path, identity in list(zip(index.paths, index.ids, strict=True))[::29]:
        target = tmp_path / name / identity
        save(tmp_path / f"x{extension}", path)
        target.parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"x{extension}").rename(target)
    report = verify(name, tmp_path)
    assert report.ok, report.lines()
    assert report.compared.images == len(index.ids[::29])
    assert report.compared.verified + report.compared.saved_again == report.compared.images


def test_real_cells_are_known_without_digests_too(real_data, tmp_path, monkeypatch):
    listed = {name: file._replace(pixels="") for name, file in manifest("cnmc2019").items()}
    monkeypatch.setattr(verification, "manifest", lambda name: listed)
    paths = sorted((real_data / "cnmc2019").rglob("*.bmp"))[::13]
    for path in paths:
        target = tmp_path / path.relative_to(real_data / "cnmc2019")
        save(target.with_suffix(".png"), path)
    report = verify("cnmc2019", tmp_path)
    assert report.ok, report.lines()
    assert report.compared.saved_again == len(paths)


def test_images_of_another_release_are_noted_and_no_faults(tmp_path, write_cell):
    folder = tmp_path / "Blood cell Cancer [ALL]"
    for seed, name in enumerate(("Benign", "[Malignant] early Pre-B", "[Malignant] Pro-B")):
        write_cell(folder / name / f"Snap_00{seed}.jpg", seed=seed)
    report = verify("taleghani", tmp_path)
    assert report.ok, report.lines()
    assert "0 of 3 verified by SHA-256, 3 not in the manifest" in report.lines()
    assert any("Blood cell Cancer" in note for note in report.notes)


def test_files_saved_again_are_no_copies_where_the_published_ones_are_identical(archive, monkeypatch):
    fold = archive / "training_data/fold_1/all"
    shutil.copy(fold / "UID_2_2_1_all.bmp", fold / "UID_2_10_1_all.bmp")
    publish(monkeypatch, archive)
    for name in ("UID_2_2_1_all.bmp", "UID_2_10_1_all.bmp"):
        assert cv2.imwrite(str(fold / name), np.full((450, 450, 3), 7, np.uint8))
    assert kinds(verify("cnmc2019", archive)) == ["changed", "changed"]
    shutil.copy(fold / "UID_2_2_1_all.bmp", archive / "training_data/fold_0/all/UID_11_1_1_all.bmp")
    assert kinds(verify("cnmc2019", archive)).count("duplicate") == 2
