import hashlib
import re
import shutil

import cv2
import numpy as np
import pytest

from leukcnn.datasets import genuine, scan, verification
from leukcnn.datasets.fault_report import FAULTS
from leukcnn.datasets.manifest import Published
from leukcnn.datasets.verification import verify
from leukcnn.datasets.walk import SYNTHETIC_MARKER
from leukcnn.errors import DataError
from tests.image_files_bmp_png import png


@pytest.fixture
def published(archive, monkeypatch):
    """Returns the archive's folder, with a manifest that fits it."""
    manifest = {
        path.relative_to(archive).as_posix(): Published(
            hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size
        )
        for path in archive.rglob("*.bmp")
    }
    monkeypatch.setattr(verification, "manifest", lambda name: manifest)
    return archive


def faults(report):
    return [(fault.kind, fault.path) for fault in report.faults]


def test_sound_folder_has_no_fault(published):
    report = verify("cnmc2019", published)
    assert report.ok
    assert report.faults == ()
    assert report.notes == ()
    assert report.images() == 12
    assert report.images(subset="training", class_name="malignant", fold=1, subject="2") == 2
    assert report.images(subset="preliminary", subject="H49") == 2
    assert report.images(subset="final", class_name="") == 3
    lines = report.lines()
    assert repr(report).splitlines() == lines
    assert lines[-1] == "no faults"
    assert "training: 6 of 10,661 cells" in lines
    assert "  malignant: 3 of 7,272, 2 subjects of 47" in lines
    assert "    by subject: 2 2, 11 1" in lines
    assert "    by fold: fold 0 1, fold 1 2" in lines
    assert "  unlabelled: 3 of 2,586, 0 subjects of 17" in lines


def test_partial_copy_is_no_fault(published):
    shutil.rmtree(published / "testing_data")
    report = verify("cnmc2019", published)
    assert report.ok
    assert report.notes == (
        "a partial copy: 9 of 12 published images; absent: "
        "testing_data/C-NMC_test_final_phase_data/1.bmp and 2 more",
    )


def test_every_kind_of_fault_is_in_one_report(published, write_cell):
    fold = published / "training_data/fold_0/all"
    whole = (fold / "UID_11_1_1_all.bmp").read_bytes()
    (fold / "UID_1_1_1_all.bmp").touch()
    (fold / "UID_1_1_2_all.bmp").write_text("a text file\n")
    (fold / "UID_1_1_3_all.bmp").write_bytes(whole[:-1])
    (fold / "UID_1_1_4_all.bmp").symlink_to(fold / "gone.bmp")
    write_cell(fold / "UID_1_1_5_all.bmp", seed=30)
    write_cell(fold / "my cell.bmp", seed=31)
    (fold / "UID_1_1_6_hem.bmp").write_bytes(whole)
    (published / "training_data/fold_0/hem/UID_H1_1_1_hem.bmp").write_bytes(whole)
    write_cell(published / "testing_data/C-NMC_test_final_phase_data/2.bmp", seed=32)
    write_cell(published / "figures/a/plot.png", seed=33)
    huge = png([[[0]]], bits=1, colour=0, size=(11_000, 10_000), data=bytes(15_000))
    (fold / "UID_1_1_7_all.bmp").write_bytes(huge)
    (fold / "UID_1_1_8\n.bmp").symlink_to(fold / "gone.bmp")
    report = verify("cnmc2019", published)
    assert not report.ok
    # A manifest of all images leaves no doubt which of too many are genuine.
    assert {fault.kind for fault in report.faults} == FAULTS.keys() - {"too many"}
    assert faults(report) == [
        ("unknown", "figures/a/plot.png"),
        ("changed", "testing_data/C-NMC_test_final_phase_data/2.bmp"),
        ("wrong size", "testing_data/C-NMC_test_final_phase_data/2.bmp"),
        ("misnamed", "training_data/fold_0/all/my cell.bmp"),
        ("empty", "training_data/fold_0/all/UID_1_1_1_all.bmp"),
        ("undecodable", "training_data/fold_0/all/UID_1_1_2_all.bmp"),
        ("truncated", "training_data/fold_0/all/UID_1_1_3_all.bmp"),
        ("unreadable", "training_data/fold_0/all/UID_1_1_4_all.bmp"),
        ("unknown", "training_data/fold_0/all/UID_1_1_5_all.bmp"),
        ("duplicate", "training_data/fold_0/all/UID_1_1_6_hem.bmp"),
        ("misnamed", "training_data/fold_0/all/UID_1_1_6_hem.bmp"),
        ("too large", "training_data/fold_0/all/UID_1_1_7_all.bmp"),
        ("misnamed", "training_data/fold_0/all/UID_1_1_8\\n.bmp"),
        ("unreadable", "training_data/fold_0/all/UID_1_1_8\\n.bmp"),
        ("unusable name", "training_data/fold_0/all/UID_1_1_8\\n.bmp"),
        ("misnamed", "training_data/fold_0/hem/UID_H1_1_1_hem.bmp"),
        ("two classes", "training_data/fold_0/hem/UID_H1_1_1_hem.bmp"),
    ]
    text = "\n".join(report.lines())
    assert (
        "17 faults: 2 unreadable, 1 unusable name, 1 empty, 1 undecodable, 1 truncated, 1 too large" in text
    )
    assert "is 450x450 pixels, not 600x600" in text
    assert "its content is that of training_data/fold_0/all/UID_11_1_1_all.bmp" in text


def test_exchanged_files_are_known_by_their_content(published):
    one, other = (published / f"training_data/fold_1/all/UID_2_{i}_1_all.bmp" for i in (2, 10))
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    report = verify("cnmc2019", published)
    assert report.ok
    assert report.notes == (
        "2 files have other names than published, known by SHA-256, e.g. UID_2_10_1_all.bmp is "
        "training_data/fold_1/all/UID_2_2_1_all.bmp",
    )


def test_published_file_in_the_folder_of_another_class_is_misnamed(published):
    cell = published / "training_data/fold_0/all/UID_11_1_1_all.bmp"
    shutil.move(cell, published / "training_data/fold_0/hem/0001.bmp")
    report = verify("cnmc2019", published)
    assert faults(report) == [("misnamed", "training_data/fold_0/hem/0001.bmp")]
    assert "is that of training_data/fold_0/all/UID_11_1_1_all.bmp, which is malignant, not healthy" in (
        report.faults[0].detail
    )


def test_published_duplicates_are_known_and_join_their_subjects(archive, monkeypatch):
    one = "training_data/fold_0/all/UID_11_1_1_all.bmp"
    other = "training_data/fold_1/all/UID_2_2_1_all.bmp"
    shutil.copy(archive / one, archive / other)
    digest = hashlib.sha256((archive / one).read_bytes()).hexdigest()
    monkeypatch.setattr(
        verification, "manifest", lambda name: {key: Published(digest, 1) for key in (one, other)}
    )
    report = verify("cnmc2019", archive / "training_data")
    assert report.known_duplicates == ((one, other),)
    assert report.joined_subjects == ("2+11",)
    assert not {fault.kind for fault in report.faults} & {"duplicate", "changed"}
    assert f"  {one} = {other}" in report.lines()


def test_copy_is_reported_as_the_duplicate(published):
    genuine = published / "training_data/fold_1/all/UID_2_2_1_all.bmp"
    shutil.copy(genuine, published / "training_data/fold_0/all/UID_1_9_9_all.bmp")
    report = verify("cnmc2019", published)
    assert faults(report) == [
        ("duplicate", "training_data/fold_0/all/UID_1_9_9_all.bmp"),
        ("misnamed", "training_data/fold_0/all/UID_1_9_9_all.bmp"),
    ]
    assert report.known_duplicates == ()


def test_one_cell_in_two_formats_is_a_duplicate(published, write_cell):
    write_cell(published / "training_data/fold_0/all/UID_11_1_1_all.png", seed=0)
    report = verify("cnmc2019", published)
    assert ("duplicate", "training_data/fold_0/all/UID_11_1_1_all.png") in faults(report)


def test_converted_images_are_noted(published):
    path = published / "training_data/fold_0/all/UID_11_1_1_all.bmp"
    assert cv2.imwrite(str(path), np.zeros((450, 450), np.uint8))
    report = verify("cnmc2019", published)
    assert "1 image is converted when read: grey repeated in three channels" in report.notes
    assert [fault.kind for fault in report.faults] == ["changed"]


def test_synthetic_data_are_decoded_but_not_compared(archive, write_cell):
    (archive / SYNTHETIC_MARKER).write_text("{}")
    write_cell(archive / "training_data/fold_0/hem/UID_H11_1_1_hem.bmp", seed=1, image_size=100)
    report = verify("cnmc2019", archive.parent)
    assert report.ok
    assert report.synthetic
    assert report.notes == ("synthetic data: not compared with the manifest",)
    assert "training: 6 cells" in report.lines()
    (archive / "training_data/fold_0/all/UID_11_1_1_all.bmp").write_text("broken")
    assert [fault.kind for fault in verify("cnmc2019", archive).faults] == ["undecodable"]


def test_other_images_under_published_names_are_changed(archive):
    kinds = {fault.kind for fault in verify("cnmc2019", archive).faults}
    assert kinds <= {"changed", "unknown"}
    assert "changed" in kinds


def test_folder_of_broken_files_only_is_reported(tmp_path):
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "cell.bmp").touch()
    report = verify("cnmc2019", tmp_path)
    assert faults(report) == [("empty", "all/cell.bmp")]
    assert report.images() == 0


def test_missing_folder_is_refused_and_progress_is_reported(published, tmp_path):
    with pytest.raises(DataError, match="doesn't exist"):
        verify("cnmc2019", tmp_path / "nowhere")
    seen = []
    verify("cnmc2019", published, progress=lambda done, of: seen.append((done, of)))
    assert seen[-1] == (12, 12)


def test_real_cells_are_sound(real_data):
    report = verify("cnmc2019", real_data / "cnmc2019")
    assert report.ok, report.lines()
    files = list((real_data / "cnmc2019").rglob("*.bmp"))
    assert report.images() == len(files)
    assert report.notes[0].startswith(f"a partial copy: {len(files)} of 15,114 published images; absent")


def test_copy_of_real_cells_without_folds_is_recognised(real_data, tmp_path):
    for path in (real_data / "cnmc2019").rglob("*_1_1_*.bmp"):
        target = tmp_path / path.parent.name / path.name
        target.parent.mkdir(exist_ok=True)
        target.symlink_to(path)
    report = verify("cnmc2019", tmp_path)
    assert report.ok, report.lines()
    assert report.images(subset="training", fold=0) > 0


def test_dataset_without_a_manifest_is_decoded_and_counted(tmp_path, write_cell):
    write_cell(tmp_path / "atlas/aml/1.png", seed=0)
    write_cell(tmp_path / "atlas/ALL/1.png", seed=1)
    (tmp_path / "atlas/ALL/2.jpg").write_text("no image")
    report = verify("atlas", tmp_path)
    assert faults(report) == [("undecodable", "ALL/2.jpg")]
    assert report.notes == ("no manifest is shipped: no file can be verified",)
    assert report.lines()[1:4] == ["atlas: 2 of 88 smears", "  ALL: 1 of 25", "  AML: 1 of 40"]


@pytest.fixture
def partial(tmp_path, write_cell, monkeypatch):
    """Returns an ALL-IDB 1 with a partial manifest, which lists one field under another name."""
    for seed, name in enumerate(("Im034_0.jpg", "Im001_1.jpg")):
        write_cell(tmp_path / "ALL_IDB1/im" / name, seed=seed)
    digest = hashlib.sha256((tmp_path / "ALL_IDB1/im/Im034_0.jpg").read_bytes()).hexdigest()
    known = {"WBC_Healthy_10.jpg": Published(digest, 1)}
    monkeypatch.setattr(verification, "manifest", lambda name: known)
    return tmp_path


def test_image_that_a_partial_manifest_lacks_is_no_fault(partial):
    report = verify("allidb1", partial)
    assert report.ok, report.lines()
    assert report.notes == ("the manifest lists 1 of the 108 published images: 1 of 2 images here is in it",)


def test_image_that_a_partial_manifest_lists_must_be_as_published(partial, write_cell):
    write_cell(partial / "ALL_IDB1/im/WBC_Healthy_10.jpg", seed=7)
    assert faults(verify("allidb1", partial)) == [("changed", "im/WBC_Healthy_10.jpg")]


def test_masks_are_not_counted_as_images(tmp_path, write_cell):
    for name in ("001.bmp", "001.png", "002.png"):
        write_cell(tmp_path / "jtsc/Dataset 1" / name, seed=0, image_size=120)
    report = verify("jtsc", tmp_path)
    assert report.images() == 1
    assert faults(report) == [("changed", "001.bmp"), ("unknown", "002.png")]


@pytest.mark.parametrize(
    ("name", "images"), [("jtsc", 300), ("cellavision2", 100), ("taleghani", 3256), ("leukocytes", 149)]
)
def test_real_datasets_are_sound_and_whole(real_data, name, images):
    report = verify(name, real_data)
    assert report.ok, report.lines()
    assert report.images() == images
    masks = [f"{images} masks of the images are left out, e.g. 001.png"] if report.card.mask_extension else []
    assert [*report.notes] == masks
    assert {c: report.images(class_name=c) for c in report.card.classes} == report.card.images
    assert len(report.lines()) < 100


@pytest.fixture
def both_taleghanis(tmp_path, write_cell):
    """Returns a folder with Original and Segmented, two images each; those of Segmented are equal."""
    for number in (1, 2):
        name = f"Benign/WBC-Benign-00{number}.jpg"
        write_cell(tmp_path / "taleghani/Original" / name, seed=number, image_size=224)
        write_cell(tmp_path / "taleghani/Segmented" / name, seed=9, image_size=224)
    return tmp_path


def test_folder_of_segmented_images_does_not_belong_to_the_original(both_taleghanis):
    for root in (both_taleghanis, both_taleghanis / "taleghani"):
        report = verify("taleghani", root)
        assert report.folder.name == "Original"
        assert faults(report) == [("changed", f"Benign/WBC-Benign-00{number}.jpg") for number in (1, 2)]


def test_segmented_images_may_be_equal_if_their_originals_are_one_group(both_taleghanis, monkeypatch):
    segmented = verify("taleghani_segmented", both_taleghanis)
    assert faults(segmented) == [("duplicate", "Benign/WBC-Benign-002.jpg")]
    assert segmented.notes == ("no manifest is shipped: no file can be verified",)
    names = [f"Original/Benign/WBC-Benign-00{number}.jpg" for number in (1, 2)]
    monkeypatch.setattr(scan, "manifest", lambda name: {n: Published("0", 1, "7") for n in names})
    segmented = verify("taleghani_segmented", both_taleghanis)
    assert segmented.ok
    assert segmented.images(class_name="benign", subject="taleghani/7") == 2


def test_published_duplicate_in_jtsc_is_known(real_data):
    report = verify("jtsc", real_data)
    assert report.known_duplicates == (("Dataset 1/112.bmp", "Dataset 1/139.bmp"),)
    assert report.joined_subjects == ()


@pytest.mark.parametrize("added", ["{}_rot90.png", "AugmentedImg_7_{}.bmp", "{}_flip_lr.bmp"])
def test_augmented_copies_next_to_their_originals_are_no_faults_and_no_published_images(
    published, added, monkeypatch
):
    monkeypatch.setattr(genuine, "manifest", verification.manifest)
    for path in sorted(published.rglob("UID_*.bmp")):
        copy = path.with_name(added.format(path.stem))
        assert cv2.imwrite(str(copy), np.rot90(cv2.imread(str(path)), 2))
    report = verify("cnmc2019", published)
    assert report.ok, report.lines()
    lines = report.lines()
    assert "12 of 18 verified by SHA-256, 6 augmented copies" in lines
    assert "note: 6 augmented copies of other images here, of 18 images: kept with their subject" in lines
    assert report.compared.unlisted == 0
    assert any(line.startswith("training: 12 cells, published: 6 of 10,661 cells, veri") for line in lines)
    assert not any(re.match(r"  (healthy|malignant): \d+ of", line) for line in lines)


def test_a_new_image_without_its_original_is_still_unknown(published):
    fold = published / "training_data/fold_0/all"
    image = np.rot90(cv2.imread(str(fold / "UID_11_1_1_all.bmp")), 2)
    for name in ("UID_11_1_2_all_rot90.bmp", "UID_11_1_3_all.bmp"):
        assert cv2.imwrite(str(fold / name), image[: 450 - len(name)])
    assert [fault.path for fault in verify("cnmc2019", published).faults if fault.kind != "wrong size"] == [
        "training_data/fold_0/all/UID_11_1_2_all_rot90.bmp",
        "training_data/fold_0/all/UID_11_1_3_all.bmp",
    ]
