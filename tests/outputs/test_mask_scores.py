import cv2
import numpy as np
import pytest

from leukcnn.datasets import CATALOG, load
from leukcnn.outputs.build import capture
from leukcnn.outputs.captures import Captured
from leukcnn.outputs.kind import Material
from leukcnn.outputs.mask_scores import build
from leukcnn.spec import Table

TABLE = Table("mask_scores", "Masks", "mask_scores", "")
METHODS = ["threshold, darkest", "threshold, least frequent", "colour, saturation 0.4"]


def write(path, nucleus):
    """Writes an image of a 6x6 cell with a 4x4 nucleus, and a mask with a nucleus of another size."""
    image, mask = np.full((10, 12, 3), 240, np.uint8), np.zeros((10, 12), np.uint8)
    image[2:8, 2:8], mask[2:8, 2:8] = 180, 128
    image[3:7, 3:7] = 60
    mask[3 : 3 + nucleus, 3 : 3 + nucleus] = 255
    cv2.imwrite(str(path.with_suffix(".bmp")), image)
    cv2.imwrite(str(path.with_suffix(".png")), mask)


@pytest.fixture
def jtsc(tmp_path):
    """A folder of two images: the first mask's nucleus is its 16 dark pixels, the second's has 7 fewer."""
    folder = tmp_path / "jtsc" / "Dataset 1"
    folder.mkdir(parents=True)
    write(folder / "001", 4)
    write(folder / "002", 3)
    return folder


@pytest.fixture
def stored(staged, tmp_path):
    """Returns a function that captures the scores of some images and reads them from the store."""

    def of(index):
        folder = tmp_path / "experiment"
        capture(Material(staged(TABLE).results(), index), folder, trained=False)
        return Captured(folder)["mask_scores"]

    return of


def records(table):
    titles = [column.title for column in table.columns]
    return [dict(zip(titles, row, strict=True)) for row in table.rows]


def table_of(staged, kept):
    return build(TABLE, staged(TABLE).results(), {} if kept is None else {TABLE.id: kept})


def test_scores_are_mean_and_std_over_the_images(jtsc, stored, tmp_path, staged):
    kept = stored(load("jtsc", tmp_path))
    rows = records(table_of(staged, kept))
    assert [(row["Method"], row["Region"]) for row in rows] == [
        (method, region) for method in METHODS for region in ("nucleus", "whole cell")
    ]
    assert {(row["Dataset"], row["Images"], row["State"]) for row in rows} == {("JTSC", 2, "measured")}
    nucleus, cell = rows[:2]
    iou, dice = (1, 9 / 16), (1, 18 / 25)
    assert nucleus["IoU"] == pytest.approx((np.mean(iou), np.std(iou, ddof=1)))
    assert nucleus["Dice"] == pytest.approx((np.mean(dice), np.std(dice, ddof=1)))
    assert cell["IoU"] == pytest.approx((16 / 36, None))
    assert cell["Dice"] == pytest.approx((32 / 52, None))


def test_added_or_changed_masks_are_scored_again(jtsc, stored, tmp_path, staged):
    (jtsc / "002.png").unlink()
    index = load("jtsc", tmp_path)
    assert "missing" in stored(index)["jtsc"]
    write(jtsc / "002", 3)
    first = stored(index)
    assert first["jtsc"]["images"] == 2
    assert stored(index) == first
    write(jtsc / "002", 2)
    assert stored(index)["jtsc"] != first["jtsc"]


def test_an_image_without_a_mask_leaves_the_dataset_out(jtsc, stored, tmp_path, staged):
    (jtsc / "002.png").unlink()
    kept = stored(load("jtsc", tmp_path))
    (row,) = records(table_of(staged, kept))
    assert (row["Dataset"], row["IoU"]) == ("JTSC", None)
    assert row["State"] == "not measured: 1 of 2 images have no mask next to them"


def test_a_mask_that_does_not_fit_leaves_the_dataset_out(jtsc, stored, tmp_path, staged):
    cv2.imwrite(str(jtsc / "002.png"), np.zeros((10, 11), np.uint8))
    (row,) = records(table_of(staged, stored(load("jtsc", tmp_path))))
    assert row["State"].startswith("not measured: The mask of")
    assert "10x11" in row["State"]


def test_datasets_without_masks_are_not_scored(stored, tmp_path, staged):
    folder = tmp_path / "taleghani" / "Original" / "Benign"
    folder.mkdir(parents=True)
    cv2.imwrite(str(folder / "WBC-Benign-001.jpg"), np.zeros((224, 224, 3), np.uint8))
    kept = stored(load("taleghani", tmp_path))
    assert kept.keys() == {"key", "of"}
    (row,) = records(table_of(staged, kept))
    assert row["State"] == (
        "not measured: none of these datasets has masks; add --datasets cellavision2,jtsc"
    )
    (lost,) = records(table_of(staged, None))
    assert lost["State"] == "not measured: the masks have not been scored"


def test_datasets_are_in_the_order_of_the_catalog(staged):
    missing = {name: {"missing": "no masks"} for name in ("cellavision2", "jtsc")}
    order = [row["Dataset"] for row in records(table_of(staged, missing))]
    assert order == [CATALOG[name].name for name in CATALOG if name in missing]


def test_table_without_networks_has_no_mark(staged):
    results = staged(TABLE).results(not_comparable="smoke profile")
    assert build(TABLE, results, {}).marks == ()


def test_real_masks_score_as_recorded(real_data, stored, staged):
    rows = {}
    for name in ("jtsc", "cellavision2"):
        for row in records(table_of(staged, stored(load(name, real_data)))):
            rows[row["Dataset"], row["Method"], row["Region"]] = row["IoU"][0]
    found = [rows[name, rule, "nucleus"] for name in ("JTSC", "CellaVision 2") for rule in METHODS[:2]]
    assert found == pytest.approx([0.880, 0.767, 0.842, 0.826], abs=0.001)


def test_all_idb_2_is_scored_only_where_somebodys_masks_are(stored, tmp_path, staged):
    folder = tmp_path / "ALL_IDB2" / "img"
    folder.mkdir(parents=True)
    for i in (1, 2):
        write(folder / f"Im00{i}_1", 4)
        (folder / f"Im00{i}_1.bmp").rename(folder / f"Im00{i}_1.tif")
    rows = records(table_of(staged, stored(load("allidb2", tmp_path))))
    assert {(row["Dataset"], row["Images"], row["State"]) for row in rows} == {("ALL-IDB 2", 2, "measured")}
    (folder / "Im002_1.png").unlink()
    (row,) = records(table_of(staged, stored(load("allidb2", tmp_path))))
    assert row["State"] == "not measured: 1 of 2 images have no mask next to them"
    (folder / "Im001_1.png").unlink()
    (row,) = records(table_of(staged, stored(load("allidb2", tmp_path))))
    assert "none of these datasets has masks" in row["State"]
