"""Published files are known by their content, whatever their names."""

import hashlib
import re
import shutil
import sys
from collections import Counter

import cv2
import numpy as np
import pytest

from leukcnn.datasets import (
    duplicates,
    finder,
    indexing,
    joined_groups,
    load,
    load_many,
    present,
    verification,
    verify,
)
from leukcnn.datasets.catalog import card
from leukcnn.datasets.genuine import genuineness
from leukcnn.datasets.indexing import index_from_manifest
from leukcnn.datasets.manifest import Published, manifest
from leukcnn.errors import DataError


@pytest.fixture
def published(monkeypatch):
    """Returns a function that makes a manifest of the images in a folder, for `load` and `verify`."""

    def publish(folder, groups=None):
        listed = {
            path.relative_to(folder).as_posix(): Published(
                hashlib.sha256(path.read_bytes()).hexdigest(),
                path.stat().st_size,
                (groups or {}).get(path.name, ""),
            )
            for path in sorted(folder.rglob("*.*"))
            if path.suffix in (".bmp", ".tif")
        }
        for module in (indexing, verification, finder, sys.modules[manifest.__module__]):
            monkeypatch.setattr(module, "manifest", lambda name: listed)
        known = {key: file.group for name, file in listed.items() for key in (name, file.sha256)}
        monkeypatch.setattr(indexing, "published_groups", lambda name: known)
        # Both are kept for the whole process.
        monkeypatch.setattr(indexing, "_groups_by_name", lambda name: {})
        monkeypatch.setattr(duplicates, "_subjects_that_share", lambda name: ())
        return listed

    return publish


def rows_of(index):
    columns = (index.ids, index.labels, index.group, index.subset, index.fold)
    return {str(digest): values for digest, *values in zip(index.sha256, *columns, strict=True)}


def test_renamed_cells_of_all_subsets_have_the_published_labels_subjects_and_subsets(archive, published):
    published(archive)
    before = rows_of(load("cnmc2019", archive))
    for number, path in enumerate(sorted(archive.rglob("*.bmp"))):
        path.rename(path.with_name(f"cell{number}.bmp"))
    index = load("cnmc2019", archive)
    assert rows_of(index) == before
    assert "12 files have other names than published" in " ".join(index.notes)
    assert not any("aren't in" in note for note in index.notes)
    report = verify("cnmc2019", archive)
    assert report.ok, report.lines()


def test_files_in_another_folder_than_published_are_not_called_renamed(archive, published):
    published(archive)
    cell = archive / "training_data/fold_0/all/UID_11_1_1_all.bmp"
    cell.rename(archive / "training_data/fold_1/all" / cell.name)
    for _ in ("once", "and with a renamed one"):
        notes = [note for note in load("cnmc2019", archive).notes if "known by SHA-256" in note]
        assert notes[-1] == (
            "1 file is in another folder than published, known by SHA-256, e.g. "
            f"training_data/fold_1/all/{cell.name} is training_data/fold_0/all/{cell.name}"
        )
        assert notes[-1] in verify("cnmc2019", archive).notes
        assert sum("name than published" in note for note in notes) == (len(notes) > 1)
        other = archive / "training_data/fold_1/all/UID_2_2_1_all.bmp"
        other.exists() and other.rename(other.with_name("x.bmp"))
    assert len(notes) == 2


def test_exchanged_preliminary_cells_of_two_classes_are_a_fault(archive, published):
    published(archive)
    folder = archive / "validation_data" / "C-NMC_test_prelim_phase_data"
    # Cell 1 is malignant, 2 and 10 are healthy.
    for one, other in (("2", "10"), ("1", "2")):
        first, second = folder / f"{one}.bmp", folder / f"{other}.bmp"
        first.rename(folder / "x.bmp")
        second.rename(first)
        (folder / "x.bmp").rename(second)
        if (one, other) == ("2", "10"):
            assert load("cnmc2019", archive).labels[-6:-3].tolist() == [1, 0, 0]
    with pytest.raises(DataError, match=r"its content is that of .*/1\.bmp, which is malignant, not healthy"):
        load("cnmc2019", archive)
    assert {fault.kind for fault in verify("cnmc2019", archive).faults} == {"misnamed"}


def test_renamed_crops_in_one_folder_have_the_published_class_and_group(tmp_path, write_cell, published):
    names = ("Im001_1.tif", "Im002_1.tif", "Im131_0.tif", "Im132_0.tif")
    for seed, name in enumerate(names):
        write_cell(tmp_path / "allidb2" / name, seed=seed, image_size=257)
    listed = published(tmp_path / "allidb2", groups={"Im001_1.tif": "allidb1/Im001_1.jpg"})
    for number, name in enumerate(names):
        (tmp_path / "allidb2" / name).rename(tmp_path / "allidb2" / f"{number}.tif")
    index = load("allidb2", tmp_path)
    assert index.ids.tolist() == list(listed) == list(names)
    assert index.labels.tolist() == [1, 1, 0, 0]
    assert index.group.tolist() == ["allidb1/Im001_1.jpg", "", "", ""]


@pytest.fixture(scope="module")
def cells(real_data):
    """Returns the paths of the real training cells."""
    return sorted((real_data / "cnmc2019" / "training_data").rglob("*.bmp"))


@pytest.fixture
def renamed(cells, tmp_path):
    """Returns a folder with the cells as 0000.bmp, 0001.bmp ... in all/ and hem/."""
    for number, path in enumerate(reversed(cells)):
        target = tmp_path / "cnmc2019" / path.parent.name / f"{number:04}.bmp"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return tmp_path / "cnmc2019"


def test_renamed_real_cells_are_the_published_ones(renamed, real_data, cells):
    index, plain = load("cnmc2019", renamed), load("cnmc2019", real_data / "cnmc2019")
    plain = plain.select(plain.subset == "training")
    assert len(index) == len(cells)
    contents = Counter(file.sha256 for file in manifest("cnmc2019").values())
    columns = ("ids", "group", "fold", "labels", "subset", "dataset")
    rows = [
        {
            digest: values
            for digest, *values in zip(one.sha256, *(getattr(one, c) for c in columns), strict=True)
            if contents[digest] == 1
        }
        for one in (index, plain)
    ]
    assert rows[0] == rows[1]
    assert len(rows[0]) > 100
    # Of two published names the first is as good as the other, since their subjects are joined.
    joined = [dict(zip(one.sha256, joined_groups(one), strict=True)) for one in (index, plain)]
    assert joined[0] == joined[1]
    note = rf"{len(cells)} files have other names than published, known by SHA-256, e.g. \d+.bmp is training"
    assert any(re.match(note, one) for one in index.notes)
    assert not any("other names than the authors" in one for one in index.notes)
    report = verify("cnmc2019", renamed)
    assert report.ok, report.lines()
    assert any(re.match(note, one) for one in report.notes)


def test_a_renamed_real_cell_in_the_folder_of_another_class_is_refused(renamed):
    cell = next((renamed / "all").iterdir())
    shutil.move(cell, renamed / "hem" / cell.name)
    with pytest.raises(DataError, match=rf"hem/{cell.name}: its content is that of .*malignant, not healthy"):
        load("cnmc2019", renamed)
    assert [fault.kind for fault in verify("cnmc2019", renamed).faults] == ["misnamed"]


def test_of_two_published_names_the_file_s_own_counts_else_the_first(real_data, tmp_path):
    by_content: dict[str, list[str]] = {}
    for identity, file in manifest("cnmc2019").items():
        by_content.setdefault(file.sha256, []).append(identity)
    pair = next(
        names
        for names in by_content.values()
        if len(names) == 2 and any((real_data / "cnmc2019" / name).is_file() for name in names)
    )
    here = next(p for p in (real_data / "cnmc2019" / name for name in pair) if p.is_file())
    (tmp_path / "hem").mkdir()
    shutil.copy(next((real_data / "cnmc2019").rglob("*_hem.bmp")), tmp_path / "hem")
    folder = tmp_path / here.parent.name
    folder.mkdir(exist_ok=True)

    def ids(*names):
        for path in folder.glob("*.bmp"):
            if path.parent.name == "all" or path.name in ("a.bmp", "b.bmp", "c.bmp"):
                path.unlink()
        for name in names:
            shutil.copy(here, folder / name)
        index = load("cnmc2019", tmp_path)
        at = {path.name: identity for path, identity in zip(index.paths, index.ids.tolist(), strict=True)}
        groups = dict(zip(index.ids.tolist(), joined_groups(index).tolist(), strict=True))
        return [at[name] for name in names], {groups[at[name]] for name in names}

    own = [name.rsplit("/", 1)[1] for name in pair]
    for name, identity in zip(own, pair, strict=True):
        assert ids(name)[0] == [identity]
    assert ids(f"x_{own[1]}")[0] == [pair[1]]
    assert ids("a.bmp")[0] == [pair[0]]
    named, groups = ids("a.bmp", "b.bmp")
    assert named == pair
    # A third file with this content isn't published, and belongs to the same subject.
    named, with_third = ids("a.bmp", "b.bmp", "c.bmp")
    assert named == [*pair, f"{folder.name}/c.bmp"]
    assert len(groups) == 1
    assert with_third == groups


def test_an_augmented_real_cell_isn_t_the_published_one_and_keeps_its_subject(real_data, cells, tmp_path):
    for path in cells[:20] + cells[-20:]:
        (tmp_path / path.parent.name).mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / path.parent.name)
        turned = np.rot90(cv2.imread(str(path)))
        assert cv2.imwrite(str(tmp_path / path.parent.name / f"AugmentedImg_7_{path.name}"), turned)
        assert cv2.imwrite(str(tmp_path / path.parent.name / f"{path.stem}_rot90.png"), turned[::-1])
    index = load("cnmc2019", tmp_path)
    n = len(list(tmp_path.rglob("*.*")))
    assert n == len(index) == 120
    assert np.isin(index.ids, list(manifest("cnmc2019"))).sum() == 40
    assert f"80 augmented copies of other images here, of {n} images: kept with their subject" in index.notes
    report = verify("cnmc2019", tmp_path)
    assert report.ok, report.lines()
    assert "40 of 120 verified by SHA-256, 80 augmented copies" in report.lines()
    assert genuineness(card("cnmc2019"), index).here == 40
    original = {path.stem: group for path, group in zip(index.paths, index.group.tolist(), strict=True)}
    for path, group in zip(index.paths, index.group.tolist(), strict=True):
        assert group == original[path.stem.removeprefix("AugmentedImg_7_").removesuffix("_rot90")] != ""


def test_renamed_images_of_taleghani_have_the_published_ids_and_groups(real_data, tmp_path):
    whole = index_from_manifest("taleghani")
    group = dict(zip(whole.ids.tolist(), whole.group.tolist(), strict=True))
    source = real_data / "taleghani" / "Original"
    for stage in ("Benign", "Early", "Pre", "Pro"):
        for number, path in enumerate(sorted((source / stage).iterdir())[:30]):
            target = tmp_path / "Original" / stage / f"{number}.jpg"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    index = load("taleghani", tmp_path)
    assert set(index.ids.tolist()) <= group.keys()
    assert index.group.tolist() == [group[name] for name in index.ids.tolist()]
    assert verify("taleghani", tmp_path).ok
    # A copy by name of an image that is absent has its published group too.
    copy = tmp_path / "Original" / "Benign" / "WBC-Benign-400_rot90.jpg"
    assert cv2.imwrite(str(copy), np.rot90(cv2.imread(str(source / "Benign" / "WBC-Benign-400.jpg"))))
    found = load("taleghani", tmp_path)
    (row,) = [row for row, path in enumerate(found.paths) if path.name == copy.name]
    assert found.group[row] == group["Original/Benign/WBC-Benign-400.jpg"]
    assert found.ids[row] not in group


def test_published_files_in_the_folders_of_the_other_release_are_no_other_release(real_data, tmp_path):
    names = {
        "Benign": "Benign",
        "Early": "[Malignant] early Pre-B",
        "Pre": "[Malignant] Pre-B",
        "Pro": "[Malignant] Pro-B",
    }
    for stage, folder in names.items():
        (tmp_path / "x" / folder).mkdir(parents=True)
        for path in sorted((real_data / "taleghani" / "Original" / stage).iterdir())[:2]:
            shutil.copy(path, tmp_path / "x" / folder / f"Snap_{path.stem[-3:]}.jpg")
    for notes in (load("taleghani", tmp_path).notes, verify("taleghani", tmp_path).notes):
        assert not any("not comparable" in note for note in notes)
    stranger = tmp_path / "x" / "Benign" / "Snap_500.jpg"
    assert cv2.imwrite(str(stranger), np.zeros((224, 224, 3), np.uint8))
    assert any(note.startswith("1 smear is the release") for note in load("taleghani", tmp_path).notes)


# Dataset -> the folder of its real images.
REAL = {"cnmc2019": "cnmc2019", "taleghani": "taleghani/Original", "leukocytes": "leukocytes"}


@pytest.fixture(params=REAL)
def numbered(request, real_data, tmp_path):
    """Returns a dataset and a flat folder with some of its real images as 0000.bmp, 0001.bmp ..."""
    name = request.param
    every = [p for p in sorted((real_data / REAL[name]).rglob("*.*")) if p.suffix in (".bmp", ".jpg")]
    folder = tmp_path / "my images"
    folder.mkdir()
    for number, path in enumerate(every[:: len(every) // 20]):
        shutil.copy(path, folder / f"{number:04}{path.suffix}")
    return name, folder


def test_published_images_in_a_flat_folder_are_known_whatever_their_names(numbered):
    name, folder = numbered
    published = {file.sha256 for file in manifest(name).values()}
    for root in (folder, folder.parent):
        index = load(name, root)
        assert len(index) == len(list(folder.iterdir())) >= 20
        assert set(index.ids.tolist()) <= manifest(name).keys()
        assert [manifest(name)[key].sha256 for key in index.ids] == index.sha256.tolist()
        assert not any("left out" in note for note in index.notes)
        report = verify(name, root)
        assert report.ok, report.lines()
        assert report.compared.verified == len(index)
        assert report.index.ids.tolist() == index.ids.tolist()
        assert present([name], root) == {name: folder}
        words = {name: name for name in index.class_names}
        many = load_many([name], root, class_names=index.class_names, class_of=words)
        assert set(many.sha256.tolist()) <= published
        assert len(many) == np.count_nonzero(index.labels >= 0)
    shutil.move(folder, folder.with_name(name))
    assert rows_of(load(name, folder.parent)) == rows_of(index)


# A folder of Leukocytes, which has one class, takes images of any name.
@pytest.mark.parametrize("numbered", ["cnmc2019", "taleghani"], indirect=True)
def test_other_images_in_a_flat_folder_are_left_out_and_named(numbered, write_cell):
    name, folder = numbered
    n = len(list(folder.iterdir()))
    twin = shutil.copy(min(folder.iterdir()), folder / f"9999{min(folder.iterdir()).suffix}")
    write_cell(folder / "new.bmp", seed=1)
    index = load(name, folder)
    assert len(index) == n
    (note,) = (note for note in index.notes if "left out" in note)
    assert note.startswith("2 images outside the layout are left out, e.g. 9999.")
    report = verify(name, folder)
    assert [(fault.path, fault.kind) for fault in report.faults] == [("new.bmp", "unknown")]
    copies = "1 image outside the layout and left out, further copies of published ones here, e.g. "
    assert any(one.startswith(copies) and twin.name in one for one in report.notes)
    for path in folder.iterdir():
        if path.name != "new.bmp":
            path.unlink()
    for found in (load, verify):
        with pytest.raises(DataError, match=r"new\.bmp"):
            found(name, folder)
    assert present([name], folder) == {}


@pytest.mark.parametrize("inner", ["misc", "misc/more/deep", "val"])
def test_renamed_published_cells_next_to_class_folders_are_taken(archive, published, write_cell, inner):
    published(archive)
    before = rows_of(load("cnmc2019", archive))
    moved = sorted((archive / "training_data").rglob("*.bmp"))[::2]
    moved.append(archive / "validation_data/C-NMC_test_prelim_phase_data/1.bmp")
    (archive / inner).mkdir(parents=True)
    for number, path in enumerate(moved):
        path.rename(archive / inner / f"{number:04}.bmp")
    write_cell(archive / inner / "new.bmp", seed=900)
    index = load("cnmc2019", archive)
    assert rows_of(index) == before
    assert any(note.startswith("1 image outside the layout is left out, e.g. ") for note in index.notes)
    assert index.given.tolist().count("validation") == (len(moved) if inner == "val" else 0)
    assert any("4 validation and 8 others" in note for note in index.notes) == (inner == "val")
    report = verify("cnmc2019", archive)
    assert [fault.path for fault in report.faults] == [f"{inner}/new.bmp"]
    assert report.index.ids.tolist() == index.ids.tolist()


def test_renamed_published_cells_next_to_an_archive_s_folder_are_taken(cells, tmp_path, write_cell):
    for number, path in enumerate(cells[:10] + cells[-10:]):
        where = f"misc/{number:04}.bmp" if number % 2 else f"archive/{path.parent.name}/{path.name}"
        (tmp_path / where).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, tmp_path / where)
    write_cell(tmp_path / "misc/new.bmp", seed=1)
    write_cell(tmp_path / "holiday/1.png", seed=2)
    index = load("cnmc2019", tmp_path)
    assert len(index) == np.isin(index.ids, list(manifest("cnmc2019"))).sum() == 20
    assert any("2 images next to the dataset's folder are left out" in note for note in index.notes)
    report = verify("cnmc2019", tmp_path)
    assert report.ok, report.lines()
    assert report.index.ids.tolist() == index.ids.tolist()
    assert len(load("cnmc2019", tmp_path / "archive")) == 10


def test_flat_folders_named_after_their_datasets_are_joined(real_data, tmp_path):
    sources = {"jtsc": "segmentation_wbc/Dataset 1", "leukocytes": "leukocytes", "cnmc2019": "cnmc2019"}
    for name, source in sources.items():
        (tmp_path / name).mkdir()
        for number, path in enumerate(sorted((real_data / source).rglob("*.bmp"))[:6]):
            shutil.copy(path, tmp_path / name / f"image {number}.bmp")
    words = {name: "x" for key in sources for name in card(key).classes}
    done = []
    index = load_many(
        [*sources, "allidb1"],
        tmp_path,
        class_names=("x", "y"),
        class_of=words,
        progress=lambda now, total: done.append((now, total)),
    )
    assert Counter(index.dataset.tolist()) == dict.fromkeys(sources, 6)
    for key, digest, name in zip(index.ids, index.sha256, index.dataset, strict=True):
        assert manifest(str(name))[key.removeprefix(f"{name}/")].sha256 == digest
    assert done == [(now, 18) for now in range(1, 19)]


def test_only_images_as_long_as_published_ones_are_read_with_those_of_the_layout(
    archive, published, write_cell, monkeypatch
):
    published(archive)
    calls = Counter()
    real = indexing.read_content
    monkeypatch.setattr(indexing, "read_content", lambda path: calls.update([path]) or real(path))
    cell = archive / "training_data/fold_0/all/UID_11_1_1_all.bmp"
    for name, seed in (("0.bmp", None), ("1.bmp", 901), ("2.bmp", 902)):
        path = write_cell(archive / "misc" / name, seed=seed or 0, image_size=99 if seed == 902 else 450)
    shutil.move(cell, archive / "misc/0.bmp")
    done = []
    load("cnmc2019", archive, progress=lambda now, total: done.append((now, total)))
    assert done == [(now, 13) for now in range(1, 14)]
    assert set(calls.values()) == {1}
    assert path not in calls and path.with_name("1.bmp") in calls


def test_published_files_in_another_dataset_s_folder_are_not_taken(real_data, tmp_path):
    cells = sorted((real_data / "leukocytes").glob("*.bmp"))[:8]
    for number, path in enumerate(cells):
        folder = tmp_path / ("leukocytes" if number % 2 else "allidb2/img")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / (f"Im{number:03}_1.tif" if number % 2 == 0 else f"{number}.bmp"))
    index = load("leukocytes", tmp_path)
    assert len(index) == 4
    assert {path.parent.name for path in index.paths} == {"leukocytes"}
