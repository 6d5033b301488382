from functools import partial

import cv2
import numpy as np
import pytest

from leukcnn.datasets import load
from leukcnn.errors import ArgumentError, DataError
from leukcnn.evaluation.mask_scores import overlap, read_truth, score_masks
from leukcnn.preprocessing import hsv_segment, wbc_mask


@pytest.fixture
def jtsc(tmp_path):
    """Returns the index of two images of JTSC with masks: a nucleus of 4x4, a cell of 6x6 pixels."""
    folder = tmp_path / "jtsc" / "Dataset 1"
    folder.mkdir(parents=True)
    for number in (1, 2):
        image, mask = np.full((10, 12, 3), 240 + number, np.uint8), np.zeros((10, 12), np.uint8)
        image[2:8, 2:8], mask[2:8, 2:8] = 180, 128
        image[3:7, 3:7], mask[3:7, 3:7] = 60, 255
        cv2.imwrite(str(folder / f"{number:03}.bmp"), image)
        cv2.imwrite(str(folder / f"{number:03}.png"), mask)
    return load("jtsc", tmp_path)


def test_overlap_by_hand():
    found = np.array([[True, True, False, False]])
    truth = np.array([[False, True, True, True]])
    assert overlap(found, truth) == (1 / 4, 2 / 5)
    assert overlap(truth, found) == (1 / 4, 2 / 5)
    assert overlap(truth, truth) == (1, 1)
    assert overlap(found, ~found) == (0, 0)


def test_two_empty_masks_agree_and_one_empty_mask_does_not():
    empty, full = np.zeros((3, 4), bool), np.ones((3, 4), bool)
    assert overlap(empty, empty) == (1, 1)
    assert overlap(empty, full) == (0, 0)


def test_masks_of_other_shapes_and_types_are_refused():
    mask = np.zeros((3, 4), bool)
    with pytest.raises(ArgumentError, match=r"\(4, 3\)"):
        overlap(mask, mask.T)
    with pytest.raises(ArgumentError, match="uint8"):
        overlap(mask.astype(np.uint8), mask)


def test_the_truth_is_read_by_the_nearest_of_three_levels(tmp_path):
    cv2.imwrite(str(tmp_path / "1.png"), np.array([[0, 45, 100, 128, 180, 200, 255]], np.uint8))
    truth = read_truth(tmp_path / "1.bmp")
    assert truth["cell"].tolist() == [[False, False, True, True, True, True, True]]
    assert truth["nucleus"].tolist() == [[False, False, False, False, False, True, True]]


def test_scores_are_by_region_and_image(jtsc):
    scores = score_masks(jtsc, wbc_mask)
    assert scores["nucleus"].iou.tolist() == [1, 1]
    assert scores["cell"].iou.tolist() == [16 / 36] * 2
    assert scores["cell"].dice.tolist() == [32 / 52] * 2
    scores = score_masks(jtsc, lambda image: image[..., 0] < (200 if image[0, 0, 0] == 241 else 100))
    assert scores["cell"].iou.tolist() == [1, 16 / 36]
    assert scores["nucleus"].dice.tolist() == [32 / 52, 1]


def test_a_missing_mask_and_a_mask_of_another_size_are_reported(jtsc):
    mask = jtsc.paths[1].with_suffix(".png")
    cv2.imwrite(str(mask), np.zeros((10, 11), np.uint8))
    with pytest.raises(DataError, match="10x11 pixels, the image 10x12"):
        score_masks(jtsc, wbc_mask)
    mask.unlink()
    with pytest.raises(DataError, match=r"002\.png"):
        score_masks(jtsc, wbc_mask)


def test_datasets_without_masks_are_refused(tmp_path):
    folder = tmp_path / "taleghani" / "Original" / "Benign"
    folder.mkdir(parents=True)
    cv2.imwrite(str(folder / "WBC-Benign-001.jpg"), np.zeros((224, 224, 3), np.uint8))
    with pytest.raises(ArgumentError, match="of taleghani"):
        score_masks(load("taleghani", tmp_path), wbc_mask)


@pytest.mark.parametrize(
    ("name", "rule", "nucleus", "cell"),
    [
        ("jtsc", "darkest", 0.880, 0.456),
        ("jtsc", "least_frequent", 0.767, 0.561),
        ("cellavision2", "darkest", 0.842, 0.466),
        ("cellavision2", "least_frequent", 0.826, 0.484),
    ],
)
def test_real_masks_score_as_recorded(real_data, name, rule, nucleus, cell):
    scores = score_masks(load(name, real_data), partial(wbc_mask, rule=rule))
    assert scores["nucleus"].iou.mean() == pytest.approx(nucleus, abs=0.0015)
    assert scores["cell"].iou.mean() == pytest.approx(cell, abs=0.0015)
    for score in scores.values():
        assert score.dice == pytest.approx(2 * score.iou / (1 + score.iou))


def test_thresholding_finds_real_nuclei_better_than_colour_does(real_data):
    colour = partial(hsv_segment, saturation=0.4, core_saturation=0.4)
    index = load("jtsc", real_data)
    index = index.select(np.arange(0, len(index), 5))
    by_grey, by_colour = (score_masks(index, find)["nucleus"].iou.mean() for find in (wbc_mask, colour))
    assert by_grey > by_colour + 0.05
