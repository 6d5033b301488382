import cv2
import numpy as np
import pytest

from leukcnn.errors import ArgumentError
from leukcnn.evaluation.controls import BORDER_PIXELS, border_features
from leukcnn.preprocessing import blank, hsv_segment
from leukcnn.spec import MASKS

NUCLEUS = (120, 70, 190)


@pytest.fixture
def smear():
    """Returns a bright, noisy field with a violet disc of 30 pixels at the centre."""
    image = np.random.default_rng(0).integers(225, 250, (224, 224, 3)).astype(np.uint8)
    return cv2.circle(image, (112, 112), 15, NUCLEUS, cv2.FILLED)


@pytest.mark.parametrize(("image_size", "width"), [(224, 16), (112, 8), (250, 18), (28, 2), (3, 1)])
def test_the_border_is_a_fourteenth_of_the_image_size(image_size, width):
    blanked = blank(np.full((image_size, image_size, 3), 9, np.uint8), "border")
    expected = np.zeros_like(blanked)
    expected[width : image_size - width, width : image_size - width] = 9
    assert np.array_equal(blanked, expected)


@pytest.mark.parametrize("image_size", [224, 250])
def test_the_border_control_sees_a_constant_if_the_border_is_blanked(image_size):
    images = np.random.default_rng(0).integers(0, 256, (3, image_size, image_size, 3), dtype=np.uint8)
    assert border_features(images).std(axis=0).all()
    blanked = np.stack([blank(image, "border") for image in images])
    assert not border_features(blanked).any()


def test_in_smaller_images_the_control_sees_more_than_the_blanked_border():
    blanked = blank(np.full((112, 112, 3), 200, np.uint8), "border")
    assert blanked[BORDER_PIXELS - 1, 56].all()
    assert border_features(blanked[None]).any()


def test_only_cells_and_their_rim_are_blanked(smear):
    blanked = blank(smear, "cells")
    assert not hsv_segment(blanked).any()
    assert not blanked[112 - 15 : 112 + 16, 112].any()
    black = (blanked == 0).all(axis=-1)
    assert np.count_nonzero(black) < 1.7 * np.count_nonzero(hsv_segment(smear))
    assert np.array_equal(blanked[~black], smear[~black])


def test_only_cells_remain_if_the_background_is_blanked(smear):
    cells, blanked = hsv_segment(smear), blank(smear, "background")
    assert np.array_equal(blanked[cells], smear[cells])
    assert not blanked[~cells].any()
    assert (blanked[112, 112] == NUCLEUS).all()


def test_an_image_without_cells_is_unchanged_or_all_background():
    empty = np.full((50, 60, 3), 230, np.uint8)
    assert np.array_equal(blank(empty, "cells"), empty)
    assert not blank(empty, "background").any()


@pytest.mark.parametrize("region", MASKS)
@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 7, 3), (40, 30, 3)])
def test_every_region_gives_a_new_image_of_the_same_shape(region, shape):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    before = image.copy()
    blanked = blank(image, region)
    assert blanked.dtype == np.uint8
    assert blanked.shape == shape
    assert not np.shares_memory(blanked, image)
    assert np.array_equal(image, before)
    assert np.all((blanked == image).all(axis=-1) | (blanked == 0).all(axis=-1))


def test_unknown_regions_and_other_images_are_refused(smear):
    with pytest.raises(ArgumentError, match="'nucleus'"):
        blank(smear, "nucleus")
    with pytest.raises(ArgumentError, match="The image is float32"):
        blank(smear.astype(np.float32), "border")
    with pytest.raises(ArgumentError, match="The image is"):
        blank(smear[None], "cells")
