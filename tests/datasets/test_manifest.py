import re
from collections import Counter

import numpy as np
import pytest

from leukcnn.datasets.catalog import card
from leukcnn.datasets.indexing import index_from_manifest
from leukcnn.datasets.manifest import manifest, published_groups
from leukcnn.errors import DataError


def test_manifest_of_cnmc2019_is_complete():
    published = manifest("cnmc2019")
    assert len(published) == card("cnmc2019").total
    assert {file.bytes for file in published.values()} == {608_454, 608_538, 1_080_054}
    assert all(re.fullmatch("[0-9a-f]{64}", file.sha256) for file in published.values())


def test_row_has_the_published_digest_and_size():
    file = manifest("cnmc2019")["testing_data/C-NMC_test_final_phase_data/1.bmp"]
    assert file.sha256 == "fe1e48b5f2fe431914bbef25c37ff085c7b7cbf6a0d82568d02e5233acaf475c"
    assert file.bytes == 1_080_054


def test_manifest_is_read_only():
    with pytest.raises(TypeError):
        manifest("cnmc2019")["new"] = None


def test_unknown_dataset_is_refused():
    with pytest.raises(DataError, match="nonsense"):
        manifest("nonsense")


@pytest.mark.parametrize(
    ("name", "images"),
    [
        ("allidb1", 84),
        ("allidb2", 260),
        ("jtsc", 300),
        ("cellavision2", 100),
        ("taleghani", 3256),
        ("leukocytes", 149),
    ],
)
def test_manifests_of_other_datasets_list_their_images_by_class(name, images):
    dataset = card(name)
    index = index_from_manifest(name)
    assert len(index) == len(manifest(name)) == images
    assert set(index.ids) == set(manifest(name))
    assert dataset.manifest_whole == (images == dataset.total)
    if dataset.manifest_whole:
        counts = dict(zip(dataset.classes, np.bincount(index.labels).tolist(), strict=True))
        assert counts == dataset.images
    else:
        assert (np.bincount(index.labels) <= [dataset.images[c] for c in dataset.classes]).all()


def test_masks_are_no_published_images():
    assert not [path for name in ("jtsc", "cellavision2") for path in manifest(name) if path.endswith(".png")]


def test_near_duplicates_have_groups():
    groups = Counter(file.group for file in manifest("taleghani").values())
    assert sum(n > 1 for n in groups.values()) == 86
    assert published_groups("taleghani")["Original/Benign/WBC-Benign-001.jpg"] == "0"


def test_crops_have_the_groups_of_their_fields():
    fields = [file.group for file in manifest("allidb2").values() if file.group]
    assert len(fields) == 185
    assert len(set(fields)) == 80
    own = {f"allidb1/{name}" for name in manifest("allidb1")}
    assert set(fields) <= own == {file.group for file in manifest("allidb1").values()}


def test_groups_are_found_by_content_too():
    file = manifest("allidb1")["WBC_Healthy_10.jpg"]
    assert published_groups("allidb1")[file.sha256] == "allidb1/WBC_Healthy_10.jpg"
    assert published_groups("cnmc2019") == {}
