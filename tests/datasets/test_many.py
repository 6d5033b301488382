import hashlib
import shutil
from pathlib import PurePosixPath

import numpy as np
import pytest

from leukcnn.datasets import indexing
from leukcnn.datasets.duplicates import joined_groups
from leukcnn.datasets.manifest import manifest
from leukcnn.datasets.many import load_many, present
from leukcnn.datasets.walk import SYNTHETIC_MARKER
from leukcnn.errors import ArgumentError, DataError

CLASSES = ("HBS", "ALL", "AML")
CLASS_OF = {
    "healthy": "HBS",
    "ALL": "ALL",
    "malignant": "ALL",
    "AML": "AML",
    "benign": "HBS",
    "early": "ALL",
    "pre": "ALL",
    "pro": "ALL",
}
NAMES = ("allidb1", "allidb2", "atlas", "omid2014", "cellavision2", "jtsc", "ufg")


def load(root, names=NAMES, **options):
    return load_many(names, root, class_names=CLASSES, class_of=CLASS_OF, **options)


@pytest.fixture
def smears(tmp_path, write_cell):
    """Returns a root with seven small datasets, two of them in the folder of one repository."""
    root = tmp_path / "data"
    paths = [
        "ALL_IDB1/im/Im001_1.jpg",
        "ALL_IDB1/im/Im064_0.jpg",
        "ALL_IDB2/img/Im001_1.tif",
        "ALL_IDB2/img/Im002_1.tif",
        "atlas/other/1.png",
        "atlas/aml/1.png",
        "omid2014/1.jpg",
        "segmentation_wbc/Dataset 2/001.bmp",
        "segmentation_wbc/Dataset 1/001.bmp",
        "segmentation_wbc/Dataset 1/002.bmp",
        "ufg/healthy/1.tiff",
    ]
    for seed, path in enumerate(paths):
        write_cell(root / path, seed=seed, image_size=60)
    for path in ("Dataset 1/001.png", "Dataset 2/001.png"):
        write_cell(root / "segmentation_wbc" / path, seed=99, image_size=60)
    return root


def test_index_is_in_the_order_of_the_names(smears):
    index = load(smears)
    assert index.ids.tolist() == [
        "allidb1/Im001_1.jpg",
        "allidb1/Im064_0.jpg",
        "allidb2/Im001_1.tif",
        "allidb2/Im002_1.tif",
        "atlas/aml/1.png",
        "omid2014/1.jpg",
        "cellavision2/Dataset 2/001.bmp",
        "jtsc/Dataset 1/001.bmp",
        "jtsc/Dataset 1/002.bmp",
        "ufg/healthy/1.tiff",
    ]
    assert index.class_names == CLASSES
    assert index.labels.tolist() == [1, 0, 1, 1, 2, 0, 0, 0, 0, 0]
    assert index.dataset.tolist() == [name.split("/")[0] for name in index.ids]
    assert not index.synthetic
    for path, digest in zip(index.paths, index.sha256, strict=True):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    assert "atlas: 1 image of other is left out" in index.notes
    assert any(note.startswith("jtsc: 0 of 300 jtsc cells; 2 images don't count") for note in index.notes)
    assert "omid2014: 1 of 154 omid2014 smears, unverified (no manifest lists them)" in index.notes


def test_absent_datasets_are_named(smears):
    shutil.rmtree(smears / "atlas")
    assert load(smears).notes[0] == "6 of 7 datasets are present; absent: atlas"
    assert "atlas" not in load(smears).dataset


def test_crops_are_in_the_group_of_the_field_they_were_cut_from(smears):
    assert manifest("allidb2")["Im001_1.tif"].group == "allidb1/Im001_1.jpg"
    assert manifest("allidb2")["Im002_1.tif"].group == ""
    index = load(smears)
    assert index.group.tolist()[:4] == [
        "allidb1/Im001_1.jpg",
        "allidb1/Im064_0.jpg",
        "allidb1/Im001_1.jpg",
        "",
    ]
    joined = joined_groups(index)
    assert joined[0] == joined[2] == "allidb1/Im001_1.jpg"
    assert len(set(joined)) == len(index) - 1


def test_published_image_under_another_name_is_in_its_group(smears, monkeypatch):
    digest = hashlib.sha256((smears / "ALL_IDB1/im/Im064_0.jpg").read_bytes()).hexdigest()
    groups = {digest: "allidb1/WBC_Healthy_10.jpg"}
    monkeypatch.setattr(indexing, "published_groups", lambda name: groups)
    assert load(smears).group[1] == "allidb1/WBC_Healthy_10.jpg"


def test_equal_numbers_of_two_datasets_are_two_groups(archive, write_cell):
    root = archive.parent
    name = "Original/Benign/WBC-Benign-002.jpg"
    write_cell(root / "taleghani" / name, seed=50, image_size=224)
    group = manifest("taleghani")[name].group
    write_cell(archive / f"training_data/fold_0/all/UID_{group}_1_1_all.bmp", seed=51)
    index = load(root, ("cnmc2019", "taleghani"))
    assert {f"cnmc2019/{group}", f"taleghani/{group}"} <= set(index.group.tolist())
    assert {f"cnmc2019/{group}", f"taleghani/{group}"} <= set(joined_groups(index).tolist())
    assert "cnmc2019: 3 images of no class are left out" in index.notes


def test_segmented_image_is_in_the_group_of_its_original(tmp_path, write_cell):
    for number in (1, 2):
        for folder in ("Original", "Segmented"):
            name = f"Benign/WBC-Benign-00{number}.jpg"
            write_cell(tmp_path / "taleghani" / folder / name, seed=number + 10 * (folder == "Segmented"))
    names = ("taleghani", "taleghani_segmented")
    for root in (tmp_path, tmp_path / "taleghani"):
        assert [folder.name for folder in present(names, root).values()] == ["Original", "Segmented"]
        options = {"class_names": ("benign",), "class_of": {"benign": "benign"}}
        index = load_many(names, root, **options)
        assert index.dataset.tolist() == ["taleghani"] * 2 + ["taleghani_segmented"] * 2
        assert index.ids[3] == "taleghani_segmented/Segmented/benign/WBC-Benign-002.jpg"
        groups = [manifest("taleghani")[f"Original/Benign/WBC-Benign-00{n}.jpg"].group for n in (1, 2)]
        assert index.group.tolist() == [f"taleghani/{group}" for group in groups] * 2
        alone = load_many(names[1:], root, **options)
        assert alone.group.tolist() == index.group[2:].tolist()
    shutil.rmtree(tmp_path / "taleghani/Segmented")
    assert list(present(names, tmp_path)) == ["taleghani"]


def test_synthetic_data_are_marked_and_have_no_published_groups(smears):
    (smears / SYNTHETIC_MARKER).write_text("{}")
    index = load(smears)
    assert index.synthetic
    assert set(index.group) == {""}
    assert any("synthetic images replace those of" in note for note in index.notes)


def test_progress_counts_all_files(smears):
    seen = []
    load(smears, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(i, 11) for i in range(1, 12)]


def test_only_folders_with_the_dataset_s_name_count(tmp_path, write_cell):
    write_cell(tmp_path / "healthy" / "1.png", seed=0)
    write_cell(tmp_path / "segmentation_WBC" / "Dataset 2" / "001.bmp", seed=1)
    assert present(NAMES, tmp_path) == {"cellavision2": tmp_path / "segmentation_WBC" / "Dataset 2"}
    for inner in ("segmentation_WBC", "segmentation_WBC/Dataset 2"):
        assert list(present(NAMES, tmp_path / inner)) == ["cellavision2"]
    assert present(NAMES, tmp_path / "healthy") == {}


def test_root_without_datasets_is_refused_with_the_list(tmp_path):
    with pytest.raises(DataError, match=r"None of allidb1, (.|\n)*allidb1 (.|\n)*on request"):
        load(tmp_path)
    with pytest.raises(DataError, match="nowhere doesn't exist"):
        load(tmp_path / "nowhere")
    (tmp_path / "zip").touch()
    with pytest.raises(DataError, match="is a file"):
        present(NAMES, tmp_path / "zip")


def test_class_that_the_index_lacks_is_refused(smears):
    with pytest.raises(ArgumentError, match="CLL"):
        load_many(NAMES, smears, class_names=CLASSES, class_of={"healthy": "CLL"})


def test_real_open_images_have_the_class_of_their_folder(real_data):
    index = load_many(
        ("aml_lmu", "pbc", "leukocytes"),
        real_data,
        class_names=("healthy", "AML"),
        class_of={"healthy": "healthy", "AML": "AML"},
    )
    kinds = [PurePosixPath(name).parent.name for name in index.ids[index.dataset == "aml_lmu"]]
    assert set(kinds) == {"myo"}
    assert index.labels[index.dataset == "aml_lmu"].tolist() == [1] * len(kinds)
    assert not index.labels[index.dataset != "aml_lmu"].any()
    assert np.count_nonzero(index.dataset == "leukocytes") == 149
    assert "aml_lmu: 300 images of other cells are left out" in index.notes


def test_real_images_are_indexed_together(real_data):
    names = ("cnmc2019", "taleghani", *NAMES)
    index = load(real_data, names)
    counts = {name: int(np.count_nonzero(index.dataset == name)) for name in np.unique(index.dataset)}
    assert counts.pop("cnmc2019") > 0
    assert counts == {"taleghani": 3256, "jtsc": 300, "cellavision2": 100}
    assert np.bincount(index.labels[index.dataset == "taleghani"]).tolist() == [504, 2752]
    assert len(index.select(np.char.startswith(index.group, "taleghani/"))) == 3256
    assert index.notes[0].endswith("absent: allidb1, allidb2, atlas, omid2014, ufg")
