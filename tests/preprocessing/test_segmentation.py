import cv2
import numpy as np
import pytest

from leukcnn.datasets import load, read_image
from leukcnn.errors import ArgumentError
from leukcnn.preprocessing import hsv_segment, resize

GLASS, RED_CELL, NUCLEUS, PALE = (245, 248, 240), (170, 180, 190), (120, 70, 190), (210, 174, 218)


def field(*discs, image_size=224):
    """Returns a field of glass with discs (centre x, y, radius, colour), and the mask of the violet ones."""
    image, mask = (
        np.full((image_size, image_size, 3), GLASS, np.uint8),
        np.zeros((image_size, image_size), np.uint8),
    )
    for x, y, radius, colour in discs:
        cv2.circle(image, (x, y), radius, colour, cv2.FILLED)
        cv2.circle(mask, (x, y), radius, int(colour in (NUCLEUS, PALE)), cv2.FILLED)
    return image, mask.astype(bool)


def overlap(found, truth):
    return np.count_nonzero(found & truth) / np.count_nonzero(found | truth)


def test_violet_cells_are_found_and_red_cells_are_not():
    image, truth = field((60, 60, 15, NUCLEUS), (150, 150, 12, NUCLEUS), (60, 160, 12, RED_CELL))
    before = image.copy()
    found = hsv_segment(image)
    assert found.dtype == bool
    assert found.shape == (224, 224)
    assert overlap(found, truth) > 0.9
    assert not found[140:180, 40:80].any()
    assert np.array_equal(image, before)


@pytest.mark.parametrize("image_size", [64, 112, 500])
def test_cells_are_found_in_images_of_any_size(image_size):
    image, truth = field((60, 60, 15, NUCLEUS), (150, 150, 12, NUCLEUS))
    found = hsv_segment(resize(image, image_size))
    assert overlap(found, resize(truth.astype(np.uint8)[..., None], image_size)[..., 0] > 0) > 0.8


def test_specks_are_removed_and_holes_filled():
    image, _ = field((110, 110, 25, NUCLEUS), (30, 30, 2, NUCLEUS))
    cv2.circle(image, (110, 110), 5, GLASS, cv2.FILLED)
    found = hsv_segment(image)
    assert found[110, 110]
    assert not found[:60, :60].any()
    assert not hsv_segment(image, largest_hole=0)[110, 110]
    assert hsv_segment(image, smallest_cell=0)[30, 30]


def test_pale_patches_need_a_core():
    image, truth = field((110, 110, 20, PALE))
    assert not hsv_segment(image).any()
    assert overlap(hsv_segment(image, core_saturation=0.16), truth) > 0.85
    cv2.circle(image, (110, 110), 6, NUCLEUS, cv2.FILLED)
    assert overlap(hsv_segment(image), truth) > 0.85


def test_only_the_given_hues_are_found():
    image, truth = field((60, 60, 15, NUCLEUS))
    cv2.circle(image, (150, 150), 15, (60, 190, 60), cv2.FILLED)
    assert not (hsv_segment(image) & ~truth)[130:170, 130:170].any()
    green = hsv_segment(image, hue=(90, 150))
    assert green[150, 150]
    assert not green[60, 60]


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (2, 2), (3, 5), (224, 224)])
@pytest.mark.parametrize(
    "colour", [(0, 0, 0), (255, 255, 255), (128, 128, 128), (180, 60, 60), (60, 160, 60)]
)
def test_without_violet_the_mask_is_empty(shape, colour):
    found = hsv_segment(np.full((*shape, 3), colour, np.uint8))
    assert found.shape == shape
    assert not found.any()


def test_a_violet_image_is_a_cell_and_a_violet_pixel_is_not():
    assert not hsv_segment(np.full((1, 1, 3), NUCLEUS, np.uint8), smallest_cell=0).any()
    assert not hsv_segment(np.full((2, 2, 3), NUCLEUS, np.uint8)).any()
    assert hsv_segment(np.full((40, 50, 3), NUCLEUS, np.uint8)).all()


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 1), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((2, 4, 4, 3), np.uint8),
        np.zeros((4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        [[[0, 0, 0]]],
    ],
)
def test_other_arrays_are_refused(image):
    with pytest.raises(ArgumentError, match="The image is"):
        hsv_segment(image)


@pytest.mark.parametrize(
    "options",
    [
        {"hue": (340, 232)},
        {"hue": (-1, 20)},
        {"hue": (200, 361)},
        {"saturation": -0.1},
        {"saturation": 0.3, "core_saturation": 0.2},
        {"core_saturation": 1.1},
        {"smallest_cell": 2},
        {"largest_hole": float("nan")},
    ],
)
def test_thresholds_outside_their_range_are_refused(options):
    with pytest.raises(ArgumentError, match=f"{next(iter(options))} = "):
        hsv_segment(np.zeros((4, 4, 3), np.uint8), **options)


@pytest.mark.parametrize(("name", "bound"), [("jtsc", 0.7), ("cellavision2", 0.84)])
def test_nuclei_of_other_stains_are_found_with_a_higher_saturation(real_data, name, bound):
    index = load(name, real_data)
    overlaps = []
    for path in index.paths[::5]:
        nucleus = cv2.imread(str(path.with_suffix(".png")), cv2.IMREAD_GRAYSCALE) == 255
        found = hsv_segment(read_image(path)[0], saturation=0.4, core_saturation=0.4)
        overlaps.append(overlap(found, nucleus))
    assert np.mean(overlaps) > bound


def test_cells_cover_a_smaller_fraction_of_every_real_smear(real_data):
    index = load("taleghani", real_data)
    fractions = np.array([hsv_segment(read_image(path)[0]).mean() for path in index.paths[::40]])
    labels = index.labels[::40]
    assert np.all(fractions > 0)
    assert fractions.max() < 0.6
    # Pre-B smears are crowded with blasts, pro-B smears show a few.
    means = [fractions[labels == label].mean() for label in range(4)]
    assert means[2] > 1.5 * max(means[0], means[1], means[3])
