"""One image in two classes is refused, whatever reads it."""

import shutil

import cv2
import numpy as np
import pytest

from leukcnn import papers
from leukcnn.datasets import ImageIndex, index_from_manifest, load, load_many, verify
from leukcnn.datasets.one_class import require_one_class
from leukcnn.errors import DataError
from tests.indices import index_of


def write(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.random.default_rng(seed).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    assert cv2.imwrite(str(path), image)


@pytest.fixture
def root(tmp_path):
    """Returns a folder with the datasets ufg and jtsc, of two images for each class, all different."""
    for place, folder in enumerate(("ufg/healthy", "ufg/AML", "jtsc/healthy")):
        for number in range(2):
            write(tmp_path / folder / f"{number}.png", 10 * place + number)
    return tmp_path


def load_both(root):
    paper = papers.get("alertnet")
    return load_many(("jtsc", "ufg"), root, class_names=paper.classes, class_of=paper.class_of)


def test_copies_in_one_class_are_allowed(root):
    shutil.copy(root / "ufg/AML/0.png", root / "ufg/AML/copy.png")
    assert len(load("ufg", root)) == 5
    assert len(load_both(root)) == 7
    assert len(ImageIndex.from_folder(root / "ufg")) == 5


def test_one_message_names_all_images_in_two_classes(root):
    for number in (0, 1):
        shutil.copy(root / "ufg/AML" / f"{number}.png", root / "ufg/healthy" / f"copy {number}.png")
    for read in (
        lambda: load("ufg", root),
        lambda: load_both(root),
        lambda: ImageIndex.from_folder(root / "ufg"),
    ):
        with pytest.raises(DataError, match="2 images are in two classes each") as error:
            read()
        assert str(error.value).count("copy 0.png") == str(error.value).count("copy 1.png") == 1


def test_an_image_in_two_classes_of_two_datasets_is_refused(root):
    shutil.copy(root / "ufg/AML/0.png", root / "jtsc/healthy/copy.png")
    load("jtsc", root)
    with pytest.raises(DataError, match="in two classes each"):
        load_both(root)


def test_check_lists_the_fault(root):
    shutil.copy(root / "ufg/AML/0.png", root / "ufg/healthy/copy.png")
    (fault,) = verify("ufg", root).faults
    assert fault.kind == "two classes"
    assert "healthy" in fault.detail
    assert "AML" in fault.detail


def test_images_that_the_authors_publish_in_two_classes_are_allowed(monkeypatch):
    columns = {
        "class_names": ("healthy", "malignant"),
        "dataset": "cnmc2019",
        "sha256": np.array(["a" * 64] * 2),
    }
    published = index_from_manifest("cnmc2019")
    ids = published.ids[:2]
    index = index_of([0, 1], ids=ids, **columns)
    with pytest.raises(DataError):
        require_one_class(index)
    twice = {str(name): type("File", (), {"sha256": "a" * 64}) for name in ids}
    monkeypatch.setattr("leukcnn.datasets.one_class.manifest", lambda name: twice)
    require_one_class(index)


@pytest.mark.parametrize("name", ["cnmc2019", "taleghani", "allidb2", "jtsc"])
def test_no_published_image_is_in_two_classes(name):
    require_one_class(index_from_manifest(name))
