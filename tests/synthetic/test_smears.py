"""Synthetic smears: functions of their key; datasets differ in look, classes in form and not in colour."""

from concurrent.futures import ThreadPoolExecutor
from itertools import combinations

import cv2
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_score

from leukcnn.datasets.catalog import CATALOG
from leukcnn.errors import ArgumentError
from leukcnn.preprocessing import resize, square_crop
from leukcnn.synthetic.smears import FRAMES, MIN_SIZE, Frame, draw_smear, sample_look

KEY = {"class_name": "ALL", "dataset": "allidb2", "seed": 0, "image": 1}
CLASSES = ("healthy", "ALL", "AML")
LABELS = np.repeat(np.arange(3), 40)
DATASETS = tuple(key for key in CATALOG if key != "cnmc2019" and not CATALOG[key].made_from)


def smears_of(class_name, *, dataset, count, **options):
    return [
        draw_smear(class_name=class_name, dataset=dataset, seed=0, image=number, **options)
        for number in range(count)
    ]


@pytest.fixture(scope="module", params=["allidb2", "jtsc", "ufg"])
def three_classes(request):
    """Returns images of one dataset, 40 of each class; their classes are `LABELS`."""
    return [p for label in CLASSES for p in smears_of(label, dataset=request.param, count=40)]


def forest():
    return RandomForestClassifier(100, random_state=0)


def nuclei(image):
    """Returns the mask of the nuclei, uint8 (H, W): only they absorb most of the green light."""
    green = cv2.GaussianBlur(image[..., 1], (0, 0), 1.5)
    return cv2.threshold(green, 0, 1, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)[1]


def statistics(images, border=None):
    """Returns mean and std of the three channels, (N, 6), of whole images or of a border of some pixels."""
    rows = []
    for image in images:
        mask = np.ones(image.shape[:2], np.uint8)
        if border:
            mask[border:-border, border:-border] = 0
        rows.append(np.concatenate(cv2.meanStdDev(image, mask=mask)).ravel())
    return np.array(rows)


def test_the_same_key_gives_the_same_image():
    first = draw_smear(**KEY)
    draw_smear(**KEY | {"image": 2})
    np.testing.assert_array_equal(draw_smear(**KEY), first)


def test_order_and_threads_do_not_matter():
    keys = [
        {"class_name": label, "dataset": name, "seed": 3, "image": number}
        for label in CLASSES
        for name in ("jtsc", "ufg")
        for number in range(4)
    ]
    expected = [draw_smear(**key) for key in keys]
    with ThreadPoolExecutor(4) as pool:
        again = list(pool.map(lambda key: draw_smear(**key), reversed(keys)))
    for image, other in zip(expected, reversed(again), strict=True):
        np.testing.assert_array_equal(image, other)


@pytest.mark.parametrize(
    "change", [{"class_name": "AML"}, {"dataset": "a dataset of 257 pixels"}, {"seed": 1}, {"image": 2}]
)
def test_each_element_of_the_key_changes_the_image(change):
    first, other = (draw_smear(**key, size=(96, 96)) for key in (KEY, KEY | change))
    assert np.mean(nuclei(first) != nuclei(other)) > 0.01


@pytest.mark.parametrize("dataset", DATASETS)
def test_images_have_the_size_of_their_dataset(dataset):
    frame = sample_look(dataset, seed=0).frame
    image = draw_smear(class_name="AML", dataset=dataset, seed=0, image=0)
    assert image.shape == (*frame.size, 3)
    assert image.dtype == np.uint8
    if dataset in FRAMES:
        assert frame == FRAMES[dataset]
    else:
        assert 160 <= min(frame.size) <= max(frame.size) <= 400


def test_known_sizes_are_kept_and_some_are_not_square():
    assert FRAMES["allidb2"].size == (257, 257)
    assert FRAMES["jtsc"].size == (120, 120)
    assert FRAMES["cellavision2"].size == (300, 300)
    assert FRAMES["lisc"].size == (288, 360), "half of the real 576 x 720"
    sizes = {sample_look(dataset, seed=0).frame.size for dataset in DATASETS}
    assert len(sizes) >= 10
    assert any(height != width for height, width in sizes)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_datasets_have_visibly_different_stains(seed):
    looks = [sample_look(dataset, seed=seed) for dataset in DATASETS]
    distances = [np.linalg.norm(a.background - b.background) for a, b in combinations(looks, 2)]
    # A step of 8 levels in each channel is a distance of 14, and is visible.
    assert np.median(distances) > 28
    assert np.mean(np.array(distances) > 14) > 0.85
    # Looks with similar glass differ in the dyes: nuclei or red cells have another colour.
    for a, b in combinations(looks, 2):
        dyed = [look.background * np.exp(-look.absorption.T) for look in (a, b)]
        assert np.abs(dyed[0] - dyed[1]).max() > 10


def test_the_stain_is_visible_in_the_images():
    """Median colours, those of glass and red cells, vary less within datasets than between them."""
    medians = np.array(
        [
            [np.median(p.reshape(-1, 3), axis=0) for p in smears_of("ALL", dataset=dataset, count=6)]
            for dataset in ("allidb2", "jtsc", "bloodline", "ufg", "pn_all", "cellavision2")
        ]
    )
    assert medians.mean(axis=1).std(axis=0).mean() > 1.5 * medians.std(axis=1).mean()


@pytest.mark.parametrize("class_name", CLASSES)
@pytest.mark.parametrize("dataset", ["allidb1", "ash", "omid2014"])
def test_the_central_square_has_a_white_cell(class_name, dataset):
    for image in smears_of(class_name, dataset=dataset, count=8):
        whole = nuclei(image)
        image_size = min(whole.shape)
        middle = square_crop(whole[..., None])[..., 0]
        pieces, _, boxes, _ = cv2.connectedComponentsWithStats(middle)
        inner = [
            area
            for left, top, width, height, area in boxes[1:pieces]
            if left > 0 and top > 0 and left + width < image_size and top + height < image_size
        ]
        assert max(inner) > 0.005 * image_size**2


def test_a_crop_shows_one_cell_and_a_field_the_given_number():
    def count_nuclei(image):
        pieces, _, boxes, _ = cv2.connectedComponentsWithStats(nuclei(image))
        areas = boxes[1:pieces, cv2.CC_STAT_AREA]
        return np.count_nonzero(areas > 0.3 * areas.max())

    for image in smears_of("ALL", dataset="allidb1", count=6, size=(160, 160), cells=1):
        assert image.shape == (160, 160, 3)
        assert count_nuclei(image) == 1
        assert 0.06 < nuclei(image).mean() < 0.35
    counts = [
        count_nuclei(image)
        for image in smears_of("ALL", dataset="allidb2", count=8, size=(300, 400), cells=5)
    ]
    assert np.median(counts) == 5, "two cells may touch"


def test_a_wider_frame_shows_smaller_cells(monkeypatch):
    def nucleus_fraction(frame):
        monkeypatch.setitem(FRAMES, "allidb2", frame)
        return np.mean([nuclei(image).mean() for image in smears_of("ALL", dataset="allidb2", count=8)])

    crop, wider = nucleus_fraction(Frame((257, 257))), nucleus_fraction(Frame((257, 257), cell_scale=0.5))
    assert wider == pytest.approx(0.5**2 * crop, rel=0.1)


def test_form_distinguishes_the_classes_at_64_pixels(three_classes):
    """A forest is given the solidity of a nucleus and grey levels by distance from it, but no colour."""
    rows, columns = np.mgrid[:64, :64]

    def form(image):
        small = resize(square_crop(image), 64)
        mask = nuclei(small)
        moments = cv2.moments(mask, binaryImage=True)
        middle = moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]
        rings = np.hypot(columns - middle[0], rows - middle[1]).astype(int).ravel()
        grey = (small.mean(axis=-1) - small.mean()) / small.std()
        profile = np.bincount(rings, grey.ravel())[:24] / np.bincount(rings)[:24]
        hull = cv2.contourArea(cv2.convexHull(cv2.findNonZero(mask)))
        return [moments["m00"] / hull, *profile]

    scores = cross_val_score(forest(), [form(image) for image in three_classes], LABELS, cv=5)
    assert scores.mean() > 0.85


def test_colour_statistics_alone_hardly_distinguish_the_classes(three_classes):
    # Chance is a third.
    assert cross_val_score(forest(), statistics(three_classes), LABELS, cv=5).mean() < 0.65
    assert cross_val_score(forest(), statistics(three_classes, border=16), LABELS, cv=5).mean() < 0.55


@pytest.fixture(scope="module")
def four_stages():
    """Returns class -> 24 synthetic images, for Taleghani's four classes."""
    return {
        stage: smears_of(stage, dataset="taleghani", count=24) for stage in ("benign", "early", "pre", "pro")
    }


def blobs(image):
    """Returns the areas of the nuclei, in pixels, without specks."""
    count, _, boxes, _ = cv2.connectedComponentsWithStats(nuclei(image))
    areas = boxes[1:count, cv2.CC_STAT_AREA]
    return areas[areas > 40]


def test_stages_differ_in_number_and_size_of_the_nuclei(four_stages):
    number, area = (
        {stage: np.median([measure(blobs(p)) for p in images]) for stage, images in four_stages.items()}
        for measure in (len, np.median)
    )
    assert number["pro"] < number["early"] <= number["benign"] < number["pre"]
    assert area["benign"] < area["pre"] < area["early"]


def test_cells_distinguish_the_stages_and_borders_do_not(four_stages):
    images = [image for of_stage in four_stages.values() for image in of_stage]
    labels = np.repeat(np.arange(4), 24)
    cells = [
        [len(found), np.median(found), found.max(), image[..., 1][nuclei(image) > 0].std()]
        for image in images
        for found in [blobs(image)]
    ]
    by_cells, by_border = (
        cross_val_score(forest(), features, labels, cv=4).mean()
        for features in (cells, statistics(images, border=16))
    )
    assert by_cells > 0.9
    # Chance is a quarter; white cells reach into the border, more often if there are more of them.
    assert by_border < 0.5


def test_the_look_of_taleghani_changes_little_with_the_seed():
    looks = [sample_look("taleghani", seed=seed) for seed in range(3)]
    assert len({look.red_cell_stain for look in looks}) == 3
    assert np.ptp([look.background for look in looks], axis=0).max() < 20


def test_arguments_outside_their_range_are_refused():
    assert draw_smear(**KEY, size=(MIN_SIZE, 80), cells=12).shape == (MIN_SIZE, 80, 3)
    with pytest.raises(ArgumentError, match="63x80 pixels"):
        draw_smear(**KEY, size=(63, 80))
    for cells in (0, 13):
        with pytest.raises(ArgumentError, match=f"{cells} white cells"):
            draw_smear(**KEY, cells=cells)
    with pytest.raises(ArgumentError, match="'late'"):
        draw_smear(**KEY | {"class_name": "late"})
    with pytest.raises(ArgumentError, match="seed"):
        draw_smear(**KEY | {"seed": -1})
