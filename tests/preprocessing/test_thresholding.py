from fractions import Fraction
from itertools import combinations

import cv2
import numpy as np
import pytest
from skimage.filters import threshold_multiotsu

from leukcnn.datasets import load, read_image
from leukcnn.errors import ArgumentError
from leukcnn.preprocessing import grey_histogram, three_means, wbc_mask, wbc_threshold
from leukcnn.spec import THRESHOLD_RULES as RULES


def grey_image(levels):
    """Returns an RGB image of grey levels, given as a nested list."""
    return np.repeat(np.array(levels, np.uint8)[..., None], 3, axis=-1)


def histogram_of(counts):
    """Returns a histogram with the given numbers of pixels for some levels."""
    histogram = np.zeros(256, np.int64)
    histogram[list(counts)] = list(counts.values())
    return histogram


def between(histogram, borders):
    """Returns the sum of sum**2 / count over the three clusters, exactly; a larger one is better."""
    clusters = np.split(np.stack([histogram, histogram * np.arange(256)]), np.add(borders, 1), axis=1)
    sums = [cluster.sum(axis=1).tolist() for cluster in clusters]
    return sum(Fraction(total**2, count) for count, total in sums)


def assert_as_exact_as_multi_otsu(grey, *, where=""):
    """Asserts thresholds equal to scikit-image's, or better ones if its float32 can't distinguish the two.

    Returns:
        Whether they are equal.
    """
    histogram = np.bincount(grey.ravel(), minlength=256)
    found, otsu = three_means(histogram), tuple(threshold_multiotsu(grey, classes=3).tolist())
    excess = between(histogram, found) - between(histogram, otsu)
    assert excess >= 0, where
    if found != otsu:
        assert excess < between(histogram, found) * Fraction(1, 10**6), f"{where}: {found}, not {otsu}"
    return found == otsu


def test_three_peaks_are_clustered_as_by_hand():
    # 0 0 1 | 100 102 | 200: every other pair of borders puts two peaks into one cluster.
    image = grey_image([[0, 0, 1], [100, 102, 200]])
    assert three_means(grey_histogram(image)) == (1, 102)
    assert wbc_threshold(image) == 1
    assert wbc_mask(image).tolist() == [[True, True, True], [False, False, False]]


@pytest.mark.parametrize(
    ("levels", "threshold", "pixels"),
    [
        ([[10, 100, 100, 200, 200, 200]], 10, 1),
        ([[10, 10, 100, 200, 200, 200]], 100, 3),
        ([[10, 10, 100, 100, 100, 200]], 200, 6),
        ([[10, 10, 100, 100, 200, 200]], 10, 2),
    ],
)
def test_the_least_frequent_cluster_equals_one_by_hand(levels, threshold, pixels):
    image = grey_image(levels)
    assert wbc_threshold(image, rule="least_frequent") == threshold
    assert np.count_nonzero(wbc_mask(image, rule="least_frequent")) == pixels
    assert wbc_threshold(image, rule="darkest") == 10


def test_the_clusters_are_the_best_of_all_pairs_of_borders():
    rng = np.random.default_rng(0)
    for _ in range(60):
        levels = np.sort(rng.choice(256, rng.integers(3, 15), replace=False))
        histogram = histogram_of(dict.fromkeys(levels.tolist(), 0))
        histogram[levels] = rng.integers(1, 10 ** rng.integers(1, 7), len(levels))
        best = max(between(histogram, pair) for pair in combinations(levels[:-1].tolist(), 2))
        assert between(histogram, three_means(histogram)) == pytest.approx(best, rel=1e-15)


def test_one_pixel_in_thousands_moves_a_border():
    # Level 10 is as far from 0 as from 20, and joins the one with fewer pixels: that adds less variance.
    even = {0: 5000, 10: 10, 20: 5000, 250: 5000}
    assert three_means(histogram_of({**even, 0: 5001})) == (0, 20)
    assert three_means(histogram_of({**even, 20: 5001})) == (10, 20)


def test_clusters_do_not_depend_on_the_number_of_pixels_or_on_mirroring():
    histogram = np.random.default_rng(1).integers(0, 1000, 256)
    assert three_means(histogram) == three_means(histogram * 10**6)
    mirrored = three_means(histogram[::-1])
    assert (254 - mirrored[1], 254 - mirrored[0]) == three_means(histogram)


def test_grey_is_weighted_by_luminance():
    image = np.array([[(255, 0, 0), (0, 255, 0), (0, 0, 255)]], np.uint8)
    assert np.flatnonzero(grey_histogram(image)).tolist() == [29, 76, 150]
    assert grey_histogram(image).sum() == 3


def test_nuclei_are_found_among_red_cells_on_glass():
    image = np.full((224, 224, 3), (245, 248, 240), np.uint8)
    cv2.circle(image, (60, 160), 30, (170, 180, 190), cv2.FILLED)
    cv2.circle(image, (150, 60), 20, (120, 70, 190), cv2.FILLED)
    before = image.copy()
    for rule in RULES:
        mask = wbc_mask(image, rule=rule)
        assert mask.dtype == bool
        assert np.array_equal(mask, (image == (120, 70, 190)).all(axis=-1))
    assert np.array_equal(image, before)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (40, 50)])
@pytest.mark.parametrize("tones", [(0,), (255,), (128,), (0, 255), (90, 91)])
def test_fewer_than_three_grey_levels_give_an_empty_mask(shape, tones, rule):
    image = grey_image(np.resize(tones, shape))
    assert wbc_threshold(image, rule=rule) == -1
    mask = wbc_mask(image, rule=rule)
    assert mask.shape == shape
    assert not mask.any()


@pytest.mark.parametrize("rule", RULES)
def test_three_pixels_of_three_levels_are_clustered(rule):
    assert wbc_mask(grey_image([[3, 4, 5]]), rule=rule).tolist() == [[True, False, False]]


def test_the_mask_of_an_image_without_a_white_cell_is_its_darkest_region():
    image = np.full((60, 60, 3), (245, 248, 240), np.uint8)
    cv2.circle(image, (30, 30), 12, (170, 180, 190), cv2.FILLED)
    cv2.circle(image, (30, 30), 5, (215, 220, 225), cv2.FILLED)
    assert np.array_equal(wbc_mask(image), (image == (170, 180, 190)).all(axis=-1))


@pytest.mark.parametrize("find", [wbc_threshold, wbc_mask, grey_histogram])
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
        None,
    ],
)
def test_other_arrays_are_refused(find, image):
    with pytest.raises(ArgumentError, match="The image is"):
        find(image)


@pytest.mark.parametrize("levels", [[[0, 0]], [[0, 100, 200]]])
def test_unknown_rules_are_refused(levels):
    with pytest.raises(ArgumentError, match="'brightest'"):
        wbc_mask(grey_image(levels), rule="brightest")


@pytest.mark.parametrize(
    "histogram", [np.ones(255, int), np.ones(256), -np.ones(256, int), np.ones((2, 256), int), None]
)
def test_other_values_are_no_histograms(histogram):
    with pytest.raises(ArgumentError, match="The histogram is"):
        three_means(histogram)


def test_clusters_equal_multi_otsu_on_random_histograms():
    rng = np.random.default_rng(2)
    equal = []
    for _ in range(60):
        means, spreads = rng.uniform(0, 255, 3), rng.uniform(2, 30, 3)
        levels = rng.normal(np.repeat(means, 3000), np.repeat(spreads, 3000))
        grey = np.clip(levels, 0, 255).astype(np.uint8).reshape(90, 100)
        equal.append(assert_as_exact_as_multi_otsu(grey))
    assert np.mean(equal) > 0.9


@pytest.mark.parametrize(("name", "every"), [("jtsc", 5), ("cellavision2", 4), ("taleghani", 80)])
def test_clusters_equal_multi_otsu_on_real_images(real_data, name, every):
    paths = load(name, real_data).paths[::every]
    equal = []
    for path in paths:
        grey = cv2.cvtColor(read_image(path)[0], cv2.COLOR_RGB2GRAY)
        equal.append(assert_as_exact_as_multi_otsu(grey, where=path.name))
    assert np.mean(equal) > 0.9
