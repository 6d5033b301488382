import hashlib

import cv2
import numpy as np
import pytest

from leukcnn.datasets.catalog import card
from leukcnn.datasets.indexing import load
from leukcnn.datasets.manifest import manifest
from leukcnn.datasets.pixels import as_bmp, pixel_digest
from leukcnn.datasets.read import decode_image, read_image
from tests import manifests

IMAGE = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)


def test_digest_is_that_of_the_size_and_the_bytes():
    expected = hashlib.sha256(b"2x3\n" + bytes(range(18))).hexdigest()[:16]
    assert pixel_digest(IMAGE) == expected
    assert pixel_digest(np.asfortranarray(IMAGE)) == expected
    assert pixel_digest(IMAGE.reshape(3, 2, 3)) != expected


def test_bmp_is_made_again_from_its_pixels():
    content = cv2.imencode(".bmp", IMAGE[..., ::-1])[1].tobytes()
    assert as_bmp(IMAGE, content[:54]) == content
    assert as_bmp(IMAGE.reshape(3, 2, 3), content[:54]) == b""
    assert (decode_image(as_bmp(IMAGE, content[:54]))[0] == IMAGE).all()


@pytest.mark.parametrize(
    ("subset", "image_size", "length"), [("training", 450, 608_454), ("final", 600, 1_080_054)]
)
def test_headers_of_cnmc2019_are_those_of_whole_files(subset, image_size, length):
    image = np.zeros((image_size, image_size, 3), np.uint8)
    content = as_bmp(image, bytes.fromhex(card("cnmc2019").subset(subset).bmp_header))
    assert len(content) == int.from_bytes(content[2:6], "little") == length
    assert decode_image(content)[0].shape == image.shape


def test_real_cells_are_made_again_from_their_pixels(real_data):
    index = load("cnmc2019", real_data)
    for path, subset, sha256 in zip(index.paths, index.subset, index.sha256, strict=True):
        header = bytes.fromhex(card("cnmc2019").subset(subset).bmp_header)
        assert hashlib.sha256(as_bmp(read_image(path)[0], header)).hexdigest() == sha256


@pytest.mark.parametrize(
    ("name", "images"), [("cnmc2019", 131), ("jtsc", 300), ("cellavision2", 100), ("leukocytes", 149)]
)
def test_shipped_sizes_and_digests_are_those_of_real_files(real_data, name, images):
    measured = manifests.measured(name, real_data)
    assert len(measured) == images
    for identity, row in measured.items():
        file = manifest(name)[identity]
        assert row == {"size": "{}x{}".format(*file.size), "pixels": file.pixels}


def test_shipped_manifests_are_as_their_script_leaves_them(tmp_path):
    for path in manifests.FOLDER.glob("*.csv.gz"):
        assert manifests.filled(path, tmp_path)[1] == 0


def test_sizes_of_crops_follow_from_their_bytes():
    sizes = [file.size for file in manifest("allidb2").values()]
    assert (sizes.count((257, 257)), sizes.count(None)) == (250, 10)


def test_one_digest_is_of_one_content():
    for name in ("taleghani", "jtsc", "cellavision2", "cnmc2019", "leukocytes"):
        files = {(file.sha256, file.pixels) for file in manifest(name).values() if file.pixels}
        assert len({pixels for _, pixels in files}) == len(files)
