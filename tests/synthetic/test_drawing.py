"""Synthetic cells: pure functions of their key; the two classes differ in form and not in colour."""

import cv2
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from leukcnn.errors import ArgumentError
from leukcnn.synthetic.drawing import MIN_SIZE, cloud, draw_cell, fill, notch, polygon, wavy_circle

KEY = {"malignant": True, "subject": "7", "seed": 0, "cell": 1}


def cells_of(*, malignant, subjects, cells_per_subject=1, seed=0):
    names = [f"{'' if malignant else 'H'}{number}" for number in subjects]
    return [
        draw_cell(malignant=malignant, subject=name, seed=seed, cell=cell)
        for name in names
        for cell in range(cells_per_subject)
    ]


@pytest.fixture(scope="module")
def malignant_cells():
    return cells_of(malignant=True, subjects=range(60))


@pytest.fixture(scope="module")
def healthy_cells():
    return cells_of(malignant=False, subjects=range(60))


def inside(image):
    return image.any(axis=-1).astype(np.uint8)


def inner_ring_contrast(image):
    """Returns how much lighter the cell is 10 to 16 pixels from its border than at its centre."""
    depth = cv2.distanceTransform(inside(image), cv2.DIST_L2, 5)
    grey = image.mean(axis=-1)
    return grey[(depth > 10) & (depth < 16)].mean() - grey[depth > 0.6 * depth.max()].mean()


def solidity(image):
    """Returns the cell's area divided by that of its convex hull: 1 without an indentation."""
    (contour,), _ = cv2.findContours(inside(image), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.contourArea(contour) / cv2.contourArea(cv2.convexHull(contour))


def fine_chromatin(image):
    """Returns the fraction, 0..1, of the nucleus' variance that a blur of 5 pixels removes."""
    depth = cv2.distanceTransform(inside(image), cv2.DIST_L2, 5)
    middle = depth > 0.6 * depth.max()
    grey = image.mean(axis=-1)
    fine = grey - cv2.GaussianBlur(grey, (0, 0), 5)
    return fine[middle].var() / grey[middle].var()


def channel_statistics(images):
    """Returns mean and std of the three channels of whole images, (N, 6)."""
    return np.array([np.concatenate(cv2.meanStdDev(image)).ravel() for image in images])


def test_the_same_key_gives_the_same_cell():
    first = draw_cell(**KEY)
    draw_cell(**KEY | {"cell": 2})
    np.testing.assert_array_equal(draw_cell(**KEY), first)


@pytest.mark.parametrize("change", [{"malignant": False}, {"subject": "8"}, {"seed": 1}, {"cell": 2}])
def test_each_element_of_the_key_changes_the_outline(change):
    assert (inside(draw_cell(**KEY)) != inside(draw_cell(**KEY | change))).any()


def test_a_cell_is_one_piece_on_black_away_from_the_edge(malignant_cells, healthy_cells):
    for image in malignant_cells + healthy_cells:
        assert image.shape == (450, 450, 3)
        assert image.dtype == np.uint8
        pieces, _ = cv2.connectedComponents(inside(image))
        assert pieces == 2, "background and one cell"
        margin = (450 - MIN_SIZE) // 2
        assert image.any(axis=-1).sum() == image[margin:-margin, margin:-margin].any(axis=-1).sum()


def test_a_larger_image_has_a_wider_margin_and_the_same_cell():
    large = draw_cell(**KEY, image_size=600)
    np.testing.assert_array_equal(large[75:525, 75:525], draw_cell(**KEY))
    assert large.any(axis=-1).sum() == draw_cell(**KEY).any(axis=-1).sum()


def test_an_image_size_too_small_for_a_cell_is_refused():
    assert draw_cell(**KEY, image_size=MIN_SIZE).shape == (MIN_SIZE, MIN_SIZE, 3)
    with pytest.raises(ArgumentError, match=f"{MIN_SIZE - 1} pixels"):
        draw_cell(**KEY, image_size=MIN_SIZE - 1)


def test_size_and_colour_are_those_of_the_real_cells(malignant_cells, healthy_cells):
    # C-NMC 2019: major axis 223 +- 43 pixels, in-cell means about (68, 29, 78).
    images = malignant_cells + healthy_cells
    diameters = [2 * np.sqrt(inside(image).sum() / np.pi) for image in images]
    assert 223 - 43 < np.mean(diameters) < 223 + 43
    means = np.mean([image[inside(image) > 0].mean(axis=0) for image in images], axis=0)
    np.testing.assert_allclose(means, [68, 29, 78], atol=5)


def test_healthy_cells_have_more_cytoplasm_around_the_nucleus(malignant_cells, healthy_cells):
    healthy = np.mean([inner_ring_contrast(image) for image in healthy_cells])
    malignant = np.mean([inner_ring_contrast(image) for image in malignant_cells])
    assert healthy > malignant + 5, "grey levels"


def test_blasts_have_a_less_regular_outline(malignant_cells, healthy_cells):
    healthy = np.mean([solidity(image) for image in healthy_cells])
    malignant = np.mean([solidity(image) for image in malignant_cells])
    assert malignant < healthy - 0.005


def test_blasts_have_finer_chromatin(malignant_cells, healthy_cells):
    healthy = np.mean([fine_chromatin(image) for image in healthy_cells])
    malignant = np.mean([fine_chromatin(image) for image in malignant_cells])
    assert malignant > 2 * healthy


def test_each_subject_has_its_own_stain():
    cells = cells_of(malignant=True, subjects=range(20), cells_per_subject=6)
    red = np.array([image[inside(image) > 0][:, 0].mean() for image in cells]).reshape(20, 6)
    assert red.mean(axis=1).std() > red.std(axis=1).mean()


def test_a_circle_without_roughness_is_a_circle():
    np.testing.assert_array_equal(wavy_circle(np.random.default_rng(0), 0), np.ones(128))


def test_roughness_scales_the_waves():
    rough, rougher = (wavy_circle(np.random.default_rng(0), roughness) - 1 for roughness in (0.05, 0.1))
    np.testing.assert_allclose(rougher, 2 * rough)
    assert abs(rough.mean()) < 1e-12, "waves neither grow nor shrink the circle"


def test_a_notch_is_deepest_at_its_angle_and_absent_opposite():
    factors = notch(np.pi, depth=0.4, half_width=0.3)
    assert factors.argmin() == 64
    assert factors[64] == pytest.approx(0.6)
    assert factors[0] == pytest.approx(1)


def test_a_filled_circle_has_its_area_and_is_cut_at_the_canvas():
    canvas = np.zeros((100, 100), np.uint8)
    assert fill(canvas, polygon(np.full(128, 30.0)) + 50, 7) is canvas
    assert set(np.unique(canvas)) == {0, 7}
    assert np.count_nonzero(canvas) == pytest.approx(np.pi * 30**2, rel=0.05)
    half = fill(np.zeros((100, 100), np.uint8), polygon(np.full(128, 30.0)) + np.array([0, 50]))
    assert np.count_nonzero(half) == pytest.approx(np.pi * 30**2 / 2, rel=0.06)


@pytest.mark.parametrize("width", [4, 16])
def test_blobs_of_a_cloud_have_the_given_width(width):
    noise = cloud(np.random.default_rng(0), (256, 320), width)
    assert noise.shape == (256, 320)
    assert noise.dtype == np.float32
    assert abs(noise.mean()) < 0.1
    assert 0.7 < noise.std() < 1.4
    near, far = (
        np.corrcoef(noise[:, :-by].ravel(), noise[:, by:].ravel())[0, 1] for by in (width // 4, 2 * width)
    )
    assert near > 0.8
    assert abs(far) < 0.1


@pytest.mark.parametrize("seed", [0, 1])
def test_colour_statistics_alone_do_not_distinguish_the_classes(seed):
    features, labels, subjects = [], [], []
    for malignant in (True, False):
        cells = cells_of(malignant=malignant, subjects=range(50), cells_per_subject=6, seed=seed)
        features.append(channel_statistics(cells))
        labels.append(np.full(300, malignant))
        subjects.append(np.repeat(np.arange(50), 6))
    features, labels, subjects = (np.concatenate(column) for column in (features, labels, subjects))
    training = subjects < 25
    forest = RandomForestClassifier(50, random_state=0).fit(features[training], labels[training])
    assert forest.score(features[~training], labels[~training]) < 0.70
