"""Images that were decoded while they were checked aren't decoded again for the search for copies."""

import cv2
import numpy as np
import pytest

from leukcnn import image_cache
from leukcnn.datasets import matching, verify
from leukcnn.datasets.copies import COMPARED
from leukcnn.duplicate_scan import scan_reports
from leukcnn.fresh_images import fresh_images
from leukcnn.image_cache import prepared_images


@pytest.fixture
def decoded(monkeypatch):
    """Returns the list of all contents that are decoded."""
    contents = []
    for module in (matching, image_cache):
        one = module.decode_image

        def counted(content, *header, one=one):
            contents.append(content)
            return one(content, *header)

        monkeypatch.setattr(module, "decode_image", counted)
    return contents


@pytest.fixture
def root(copy_smears, tmp_path):
    root = copy_smears(tmp_path / "data", "allidb1")
    image = cv2.imread(str(next((root / "allidb1" / "healthy").iterdir())))
    assert cv2.imwrite(str(root / "allidb1" / "healthy" / "near.png"), image[2:-2, 2:-2])
    return root


def test_check_decodes_each_image_once_and_finds_the_same(root, tmp_path, decoded):
    with fresh_images(COMPARED, folder=tmp_path / "one") as fresh:
        report = verify("allidb1", root, on_image=fresh.take)
        assert sorted(decoded) == sorted(path.read_bytes() for path in report.index.paths)
        kept = scan_reports([report], folder=tmp_path / "one", kept=fresh.get)
        assert len(decoded) == len(report.index)
    again = scan_reports([verify("allidb1", root)], folder=tmp_path / "other")
    assert kept.lines() == again.lines()
    assert len(kept.near) == 1
    np.testing.assert_array_equal(
        *(prepared_images(report.index, COMPARED, folder=tmp_path / name) for name in ("one", "other"))
    )
    # The file without a name is gone.
    assert {path.name for path in (tmp_path / "one").iterdir()} == {"images", "locks", "copies"}


def test_images_that_were_not_kept_are_decoded_again(root, tmp_path, monkeypatch):
    with fresh_images(COMPARED, folder=tmp_path) as fresh:
        report = verify("allidb1", root, on_image=fresh.take)
        assert fresh.get("") is None
        assert fresh.get(str(report.index.sha256[0])) is not None

    def full(*of):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.pwrite", full)
    with fresh_images(COMPARED, folder=tmp_path) as fresh:
        report = verify("allidb1", root, on_image=fresh.take)
        assert fresh.get(str(report.index.sha256[0])) is None
        assert len(scan_reports([report], folder=tmp_path, kept=fresh.get).near) == 1


def test_nothing_is_kept_where_nothing_can_be_written(root, tmp_path):
    (tmp_path / "file").touch()
    with fresh_images(COMPARED, folder=tmp_path / "file") as fresh:
        report = verify("allidb1", root, on_image=fresh.take)
        assert fresh.get(str(report.index.sha256[0])) is None
