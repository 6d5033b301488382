import cv2
import numpy as np
import pytest

from leukcnn.datasets import load, read_image
from leukcnn.errors import ArgumentError
from leukcnn.preprocessing import cell_crops, component_montage, hsv_segment, label_cells, wbc_mask


def discs(*places, shape=(224, 224)):
    """Returns a mask of discs (centre x, y, radius)."""
    mask = np.zeros(shape, np.uint8)
    for x, y, radius in places:
        cv2.circle(mask, (x, y), radius, 1, cv2.FILLED)
    return mask.astype(bool)


def noise(mask):
    return np.random.default_rng(0).integers(0, 256, (*mask.shape, 3), dtype=np.uint8)


def test_each_patch_is_a_crop_with_its_box():
    mask = np.zeros((60, 80), bool)
    mask[10:20, 30:50] = True
    mask[40:52, 5:13] = True
    image = noise(mask)
    first, second = cell_crops(image, mask, margin=0)
    assert first.box == (10, 30, 20, 50)
    assert second.box == (40, 5, 52, 13)
    assert np.array_equal(first.image, image[10:20, 30:50])
    # Opening by a cross removes only the corner pixels.
    assert np.count_nonzero(~first.mask) == 4
    assert np.shares_memory(first.image, image)


def test_the_margin_is_a_fraction_of_height_or_width_and_ends_at_the_image():
    mask = np.zeros((60, 80), bool)
    mask[10:20, 30:50] = True
    image = noise(mask)
    (crop,) = cell_crops(image, mask, margin=0.1)
    assert crop.box == (8, 28, 22, 52)
    assert crop.image.shape == (14, 24, 3)
    assert crop.mask.shape == (14, 24)
    (crop,) = cell_crops(image, mask, margin=100)
    assert crop.box == (0, 0, 60, 80)


def test_alone_blanks_everything_except_the_cell():
    mask = discs((60, 60, 20), (102, 60, 20))
    image = np.maximum(noise(mask), 1)
    left, right = cell_crops(image, mask, margin=0.5)
    for crop in (left, right):
        assert np.array_equal(crop.alone[crop.mask], crop.image[crop.mask])
        assert not crop.alone[~crop.mask].any()
    top, edge, bottom, _ = right.box
    assert mask[top:bottom, edge].any()  # the neighbour is in the box


@pytest.mark.parametrize("scale", [1, 2, 5])
def test_touching_cells_are_split_at_their_neck(scale):
    mask = discs(
        *((x * scale, y * scale, r * scale) for x, y, r in ((60, 60, 20), (96, 60, 20))),
        shape=(224 * scale, 224 * scale),
    )
    labels = label_cells(mask)
    assert np.unique(labels).tolist() == [0, 1, 2]
    columns = [np.flatnonzero((labels == number).any(axis=0)) for number in (1, 2)]
    left, right = sorted(columns, key=min)
    assert left.max() == pytest.approx(78 * scale, abs=2 * scale)
    assert right.min() == pytest.approx(78 * scale, abs=2 * scale)
    assert label_cells(mask, split_touching=False).max() == 1


def test_a_large_and_a_small_cell_are_split_at_the_neck_and_not_halfway_between_their_centres():
    labels = label_cells(discs((80, 100, 40), (128, 100, 12)))
    assert labels.max() == 2
    small = labels == labels[100, 130]
    # The circles cross at x = 118.5.
    assert np.flatnonzero(small.any(axis=0)).min() == pytest.approx(119, abs=3)
    assert labels[100, 110] == labels[100, 80]


def test_pieces_thinner_than_the_smallest_cell_are_not_split_off():
    mask = discs((80, 100, 40), (128, 100, 12))
    # pi * 12**2 of 224**2 pixels are 0.0090.
    assert label_cells(mask, smallest=0.008).max() == 2
    assert label_cells(mask, smallest=0.012).max() == 1
    assert label_cells(mask, smallest=0.012)[100, 135] == 1


def test_a_chain_of_cells_is_split_into_its_cells():
    labels = label_cells(discs(*((30 + 27 * i, 50 + 14 * (i % 2), 16) for i in range(6))))
    assert labels.max() == 6
    assert len({labels[50 + 14 * (i % 2), 30 + 27 * i] for i in range(6)}) == 6


@pytest.mark.parametrize(
    ("places", "cells"),
    [
        # Half the height of the neck, divided by the smaller radius, is 0.6, 0.87, 0.6 and 0.85.
        (((60, 60, 20), (92, 60, 20)), 2),
        (((60, 60, 20), (80, 60, 20)), 1),
        (((80, 100, 40), (134, 100, 20)), 2),
        (((80, 100, 40), (127, 100, 20)), 1),
    ],
)
def test_cells_with_a_wide_neck_are_not_split(places, cells):
    assert label_cells(discs(*places)).max() == cells


def test_round_oval_and_dented_cells_are_not_split():
    oval = np.zeros((224, 224), np.uint8)
    cv2.ellipse(oval, (60, 60), (30, 16), 30, 0, 360, 1, cv2.FILLED)
    cv2.ellipse(oval, (150, 150), (28, 20), 0, 0, 360, 1, cv2.FILLED)
    cv2.circle(oval, (150, 125), 8, 0, cv2.FILLED)
    assert label_cells(oval.astype(bool)).max() == 2
    assert label_cells(discs((100, 100, 60))).max() == 1


def test_cells_at_the_border_are_split_like_others():
    assert label_cells(discs((0, 60, 20), (0, 96, 20))).max() == 2
    assert label_cells(discs((0, 60, 20))).max() == 1


def test_specks_and_bridges_are_removed_and_holes_filled():
    mask = discs((50, 50, 20), (120, 50, 20), (200, 200, 2))
    mask[50, 50:120] = True
    mask[45:48, 48:52] = False
    labels = label_cells(mask, split_touching=False)
    assert labels.max() == 2
    assert labels[46, 50]
    assert not labels[50, 85]
    assert not labels[200, 200]
    assert label_cells(mask, smallest=0)[200, 200]


def test_a_hole_as_large_as_a_cell_is_not_filled():
    mask = discs((100, 100, 40)) & ~discs((100, 100, 12))
    assert not label_cells(mask)[100, 100]
    assert label_cells(mask, smallest=0.02)[100, 100]


def test_a_gap_at_the_border_is_not_filled():
    mask = np.ones((100, 100), bool)
    mask[:5, 40:50] = False
    assert not label_cells(mask, smallest=0.5)[2, 45]
    assert label_cells(np.roll(mask, 20, axis=0), smallest=0.5)[22, 45]


def test_smaller_cells_are_left_out():
    mask = discs((50, 50, 20), (150, 150, 8))
    assert label_cells(mask).max() == 2
    # pi * 8**2 of 224**2 pixels are 0.0040.
    assert label_cells(mask, smallest=0.0045).max() == 1
    assert not label_cells(mask, smallest=1).any()


@pytest.mark.parametrize("split_touching", [True, False])
@pytest.mark.parametrize("smallest", [0, 0.0012, 0.5])
@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (2, 2), (3, 2000), (50, 60)])
def test_empty_full_and_noisy_masks_give_no_one_and_any_cells(shape, smallest, split_touching):
    options = {"smallest": smallest, "split_touching": split_touching}
    empty, full = np.zeros(shape, bool), np.ones(shape, bool)
    assert cell_crops(noise(empty), empty, **options) == []
    crops = cell_crops(noise(full), full, **options)
    assert [crop.box for crop in crops] == ([(0, 0, *shape)] if full.size >= 5 else [])
    spotted = np.random.default_rng(0).random(shape) < 0.7
    for crop in cell_crops(noise(spotted), spotted, **options):
        assert crop.mask.any()


def test_labels_are_consecutive_and_connected_and_the_mask_is_unchanged():
    mask = np.random.default_rng(3).random((120, 150)) < 0.5
    mask = cv2.medianBlur(mask.astype(np.uint8), 9).astype(bool)
    before = mask.copy()
    labels = label_cells(mask)
    assert labels.dtype == np.int32
    assert np.array_equal(np.unique(labels), np.arange(labels.max() + 1))
    assert labels.max() > 3
    for number in range(1, labels.max() + 1):
        assert cv2.connectedComponents((labels == number).astype(np.uint8), connectivity=4)[0] == 2
    whole = label_cells(mask, split_touching=False)
    assert np.array_equal(labels > 0, whole > 0)
    assert np.array_equal(mask, before)


@pytest.mark.parametrize(
    "mask",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 1), bool), np.zeros((0, 4), bool), [[True]], None],
)
def test_other_values_are_no_masks(mask):
    with pytest.raises(ArgumentError, match="The mask"):
        label_cells(mask)
    with pytest.raises(ArgumentError, match="The mask"):
        cell_crops(np.zeros((4, 4, 3), np.uint8), mask)


def test_arguments_outside_their_range_are_refused():
    image, mask = np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), bool)
    with pytest.raises(ArgumentError, match=r"shape \(5, 4\), the image \(4, 4, 3\)"):
        cell_crops(image, np.zeros((5, 4), bool))
    with pytest.raises(ArgumentError, match="The image is float32"):
        cell_crops(image.astype(np.float32), mask)
    for margin in (-0.1, float("inf"), float("nan")):
        with pytest.raises(ArgumentError, match="The margin is"):
            cell_crops(image, mask, margin=margin)
    for smallest in (-0.1, 1.1, float("nan")):
        with pytest.raises(ArgumentError, match="The smallest cell is"):
            cell_crops(image, mask, smallest=smallest)


def test_real_fields_of_touching_blasts_are_split_into_cells_of_similar_size(real_data):
    index = load("taleghani", real_data)
    pre = index.select(index.labels == 2).paths[::60]
    patches, cells = [], []
    for path in pre:
        mask = hsv_segment(read_image(path)[0])
        patches += np.bincount(label_cells(mask, split_touching=False).ravel())[1:].tolist()
        cells += np.bincount(label_cells(mask).ravel())[1:].tolist()
    assert sum(cells) == sum(patches)
    assert len(cells) > 1.2 * len(patches)
    assert np.std(cells) / np.mean(cells) < 0.9 * np.std(patches) / np.mean(patches)


def test_most_close_ups_have_one_nucleus(real_data):
    index = load("cellavision2", real_data)
    counts = []
    for path in index.paths[::4]:
        image = read_image(path)[0]
        counts.append(len(cell_crops(image, wbc_mask(image), smallest=0.02, split_touching=False)))
    assert min(counts) >= 1
    assert np.mean(np.equal(counts, 1)) > 0.5


def smear(*circles, size=120):
    """An image whose discs (row, column, radius, grey level) are cells, and its mask."""
    image, rows, columns = np.full((size, size, 3), 250, np.uint8), *np.mgrid[:size, :size]
    for row, column, radius, grey in circles:
        image[(rows - row) ** 2 + (columns - column) ** 2 <= radius**2] = grey
    return image, image[..., 0] < 200


def test_a_single_component_fills_the_montage():
    image, mask = smear((30, 80, 15, 60))
    montage = component_montage(image, mask, size=48)
    assert (montage.shape, montage.dtype) == ((48, 48, 3), np.uint8)
    cell = montage[..., 0] > 0
    # The disc fills its crop except for a margin of a tenth on each side; all else is black.
    assert cell.mean() == pytest.approx(np.pi / 4 / 1.2**2, abs=0.03)
    assert montage[24, 24].tolist() == [60, 60, 60]
    assert not montage[0, 0].any()


def test_components_fill_a_grid_with_the_largest_first():
    image, mask = smear((20, 20, 8, 30), (60, 60, 20, 90), (100, 100, 12, 150))
    montage = component_montage(image, mask, size=40)
    assert [montage[row, column, 0] for row in (10, 30) for column in (10, 30)] == [90, 150, 30, 0]


def test_components_that_touch_are_one_and_neighbours_are_black():
    image, mask = smear((40, 40, 14, 60), (40, 62, 14, 60))
    assert len(cell_crops(image, mask)) == 2
    assert component_montage(image, mask, size=30)[15, 15, 0] == 60
    image, mask = smear((50, 50, 30, 60), (75, 85, 8, 120))
    assert 120 not in component_montage(image, mask, size=80)[:40, :40]


def test_more_components_than_pixels_show_the_largest():
    image, mask = smear(*((20 + 40 * (i // 3), 20 + 40 * (i % 3), 6 + i, 10 + i) for i in range(9)), size=160)
    assert component_montage(image, mask, size=2).shape == (2, 2, 3)


def test_a_montage_of_nothing_is_black():
    image, mask = smear()
    assert not component_montage(image, mask, size=16).any()
