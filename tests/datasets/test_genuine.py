"""How many images of a dataset are the published ones."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leukcnn.datasets import Genuine, card, genuine, genuineness, index_from_manifest, load
from leukcnn.datasets.manifest import Published
from tests.indices import index_of

CLASS_OF = {"healthy": "HBS", "ALL": "ALL", "AML": "AML"}


def images_of(key, labels, *, names=None, sha256=None, class_names=None):
    """Returns an index of images of a dataset that no manifest lists, unless it is given."""
    own = names or [f"{i}.png" for i in range(len(labels))]
    columns = {} if sha256 is None else {"sha256": np.array(sha256)}
    return index_of(
        labels, class_names=class_names or card(key).classes, dataset=key, ids=np.array(own), **columns
    )


@pytest.mark.parametrize("key", ["allidb2", "jtsc", "taleghani"])
def test_a_complete_dataset_is_verified(key):
    index, n = index_from_manifest(key), card(key).total
    images = genuineness(card(key), index)
    assert images == Genuine(n, verified=n)
    assert images.state == "verified"
    assert images.describe("images") == f"{n:,} of {n:,} images, verified by SHA-256"


def test_identical_images_that_the_authors_publish_count_once_each():
    index = index_from_manifest("jtsc")
    assert len(np.unique(index.sha256)) < len(index)
    copied = replace(index, sha256=np.where(index.ids == index.ids[0], index.sha256[1], index.sha256))
    assert genuineness(card("jtsc"), copied) == Genuine(300, verified=299, foreign=1)


@pytest.mark.parametrize("subset", ["training", "preliminary", "final"])
def test_each_subset_has_its_own_images(subset):
    index, dataset = index_from_manifest("cnmc2019"), card("cnmc2019")
    n = dataset.subset(subset).total
    assert genuineness(dataset, index, subset=subset) == Genuine(n, verified=n)
    # Images of another subset in its place aren't its own.
    moved = {"training": "preliminary", "preliminary": "final", "final": "training"}
    elsewhere = replace(index, subset=np.array([moved[one] for one in index.subset]))
    assert genuineness(dataset, elsewhere, subset=moved[subset]).verified == 0


def test_another_content_a_missing_image_and_a_wrong_class_differ():
    index, dataset = index_from_manifest("allidb2"), card("allidb2")
    changed = replace(index, sha256=np.array(["0" * 64, *index.sha256[1:]]))
    assert genuineness(dataset, changed) == Genuine(260, verified=259, foreign=1)
    assert genuineness(dataset, changed).state == "different"
    fewer = genuineness(dataset, index.select(np.arange(200)))
    assert fewer == Genuine(260, verified=200)
    assert fewer.state == "different"
    flipped = replace(index, labels=np.array([1 - index.labels[0], *index.labels[1:]]))
    assert genuineness(dataset, flipped) == Genuine(260, verified=259, foreign=1)


def test_images_that_no_manifest_lists_are_unverified_if_their_number_is_as_published():
    images = genuineness(card("ash"), images_of("ash", [0] * 96))
    assert images == Genuine(96, unverified=96)
    assert images.state == "unverified"
    assert images.describe("smears") == "96 of 96 smears, unverified (no manifest lists them)"
    fewer = genuineness(card("ash"), images_of("ash", [0] * 95))
    assert fewer == Genuine(96, unverified=95)
    assert fewer.state == "unverified"


@pytest.mark.parametrize("n", [97, 1000])
def test_more_images_than_were_published_do_not_count(n):
    images = genuineness(card("ash"), images_of("ash", [0] * n))
    assert images == Genuine(96, foreign=n, excess=n)
    assert images.state == "unverified"
    assert images.describe("smears").startswith(f"0 of 96 smears; {n:,} images don't count as published")


def test_each_class_has_its_own_number():
    classes = card("ufg").classes
    numbers = [card("ufg").images[name] for name in classes]
    labels = np.repeat(np.arange(len(classes)), numbers)
    assert genuineness(card("ufg"), images_of("ufg", labels)).state == "unverified"
    labels[0] = 1
    images = genuineness(card("ufg"), images_of("ufg", labels))
    assert images == Genuine(
        sum(numbers), unverified=len(labels) - numbers[1] - 1, foreign=numbers[1] + 1, excess=numbers[1] + 1
    )


def test_a_copy_of_an_unverified_image_is_no_second_image():
    digests = [f"{i:064x}" for i in range(96)]
    digests[5] = digests[4]
    images = genuineness(card("ash"), images_of("ash", [0] * 96, sha256=digests))
    assert images == Genuine(96, unverified=95, foreign=1)


@pytest.mark.parametrize("name", ["4_rot90.png", "AugmentedImg_3_4.png", "4_bright.png"])
def test_an_augmented_copy_of_an_unverified_image_is_no_published_image(name):
    names = [*(f"{i}.png" for i in range(95)), name]
    index = replace(images_of("ash", [0] * 96, names=names), paths=[Path(one) for one in names])
    assert genuineness(card("ash"), index) == Genuine(96, unverified=95, foreign=1)


def partly(n_healthy=59, n_leukaemia=49):
    """Returns ALL-IDB 1 with the images that the manifest lists, and others up to these numbers."""
    index = index_from_manifest("allidb1")
    here = np.bincount(index.labels, minlength=2)
    labels = [*index.labels, *np.repeat([0, 1], [n_healthy - here[0], n_leukaemia - here[1]])]
    digests = [*index.sha256, *(f"{i:064x}" for i in range(len(labels) - len(index)))]
    names = [*index.ids, *(f"own{i}.jpg" for i in range(len(labels) - len(index)))]
    return images_of("allidb1", labels, names=names, sha256=digests)


def test_a_manifest_of_some_images_verifies_those():
    images = genuineness(card("allidb1"), partly())
    assert images == Genuine(108, verified=84, unverified=24)
    assert images.state == "unverified"
    assert images.describe("smears") == "108 of 108 smears, 84 verified by SHA-256, 24 unverified"
    # There is one image of leukaemia more than was published, so none of those that aren't listed counts.
    more = genuineness(card("allidb1"), partly(n_leukaemia=50))
    assert more.here < 108
    assert more.state == "unverified"
    assert genuineness(card("allidb1"), partly(n_leukaemia=48)) == Genuine(108, verified=84, unverified=23)


def test_changed_and_copied_images_of_such_a_manifest_do_not_count():
    whole = partly()
    changed = replace(whole, sha256=np.array(["f" * 64, *whole.sha256[1:]]))
    assert genuineness(card("allidb1"), changed) == Genuine(108, verified=83, unverified=24, foreign=1)
    copied = replace(whole, sha256=np.array([*whole.sha256[:-1], whole.sha256[-1 - 24]]))
    assert genuineness(card("allidb1"), copied).foreign == 1


def test_only_classes_of_the_paper_count():
    classes = ("HBS", "ALL", "AML")
    labels = [0] * 57 + [1] * 10 + [2] * 27
    index = images_of("ufg", labels, class_names=classes)
    assert genuineness(card("ufg"), index, class_of=CLASS_OF) == Genuine(94, unverified=94)


def test_counts_add_up():
    assert Genuine(3, 1, 1, 4) + Genuine(2, 2) == Genuine(5, 3, 1, 4)


def test_a_folder_with_another_source_s_images_is_no_published_dataset(tmp_path, write_cell):
    for i in range(100):
        write_cell(tmp_path / "ash" / "aml" / f"{i}.png", seed=i, image_size=9)
    index = load("ash", tmp_path)
    assert index.notes[0].startswith("0 of 96 ash smears; 100 images don't count as published")


def test_reencoded_images_are_not_verified(tmp_path, write_cell, monkeypatch):
    path = write_cell(tmp_path / "allidb2" / "img" / "Im001_1.tif", seed=0, image_size=9)
    write_cell(tmp_path / "allidb2" / "img" / "Im002_0.tif", seed=1, image_size=9)
    index = load("allidb2", tmp_path)
    digests = dict(zip(index.ids, index.sha256, strict=True))
    listed = {name: Published(digest, 1) for name, digest in digests.items()}
    monkeypatch.setattr(genuine, "manifest", lambda name: listed)
    assert load("allidb2", tmp_path).notes[0].startswith("2 of 260 allidb2 cells, verified by SHA-256")
    content = path.read_bytes()
    path.write_bytes(content + b"\0\0")
    again = load("allidb2", tmp_path).notes[0]
    assert again.startswith("1 of 260 allidb2 cells, verified by SHA-256; 1 image doesn't count as published")
