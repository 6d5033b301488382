"""Tests of the figures of thresholding: which images, their clusters, and the cells that are found."""

import cv2
import numpy as np
import pytest

from leukcnn import papers, spec
from leukcnn.datasets import load, load_many, read_image
from leukcnn.image_cache import prepare
from leukcnn.outputs.build import build_figures
from leukcnn.outputs.thresholding import LONGEST_SIZE, clusters, extraction
from leukcnn.preprocessing import wbc_mask
from leukcnn.synthetic.smears import draw_smear
from tests.outputs.png import captured, disc_image, index_of, keep, keys, material_of, names

PAPER = papers.get("cnmc2019")
FIGURES = tuple(spec.Figure("figure2", "Thresholding", kind, "") for kind in ("histograms", "extraction"))
PREPROCESSING = spec.Preprocessing(resize=32, threshold="darkest", squeeze=True)


@pytest.fixture
def smears_of(tmp_path):
    """Returns a function that returns titles and images of the captured smears."""

    def of(index, *, figure=FIGURES[0], seed=0):
        (kept,) = captured(figure, material_of(index, PAPER, tmp_path, seed=seed)).values()
        return list(zip(kept["titles"], kept["images"], strict=True))

    return of


@pytest.fixture
def discs(tmp_path):
    """Eight images of ALL-IDB 1, every other one ALL, then eight of ALL-IDB 2."""
    return index_of(tmp_path, [("allidb1", i % 2) for i in range(8)] + [("allidb2", i % 2) for i in range(8)])


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.kind)
def test_whole_labelled_images_of_the_first_subset_are_kept(smears_of, cells, figure):
    smears = smears_of(cells, figure=figure)
    assert [title.split(", ")[0] for title, _ in smears] == ["healthy", "malignant"]
    for title, image in smears:
        row = int(title.split(", ")[2])
        assert row < 12
        np.testing.assert_array_equal(image, read_image(cells.paths[row])[0])


def test_one_smear_of_each_class_of_each_dataset_in_the_order_of_the_classes(smears_of, discs):
    smears = smears_of(discs)
    assert [title.rsplit(", ", 1)[0] for title, _ in smears] == [
        "healthy, ALL-IDB 1",
        "ALL, ALL-IDB 1",
        "healthy, ALL-IDB 2",
        "ALL, ALL-IDB 2",
    ]
    for title, image in smears:
        np.testing.assert_array_equal(image, disc_image(int(title.rsplit(" ", 1)[1])))


def test_seed_picks_the_smears(smears_of, discs, tmp_path):
    def titles(seed):
        return [title for title, _ in smears_of(discs, seed=seed)]

    assert titles(0) == titles(0)
    assert any(titles(seed) != titles(0) for seed in range(1, 5))
    one, other = (keys(FIGURES[0], material_of(discs, PAPER, tmp_path, seed=seed)) for seed in (0, 1))
    assert one != other


def test_of_many_datasets_both_classes_are_among_the_four(smears_of, tmp_path):
    places = [("ash", 0), ("bloodline", 0), ("cellavision2", 0), ("jtsc", 0), ("lisc", 0), ("ufg", 1)]
    smears = smears_of(index_of(tmp_path, places))
    assert [title.split(", ")[0] for title, _ in smears] == ["healthy"] * 3 + ["ALL"]


def test_large_smear_is_reduced_in_its_own_proportions(smears_of, tmp_path):
    ((_, image),) = smears_of(index_of(tmp_path, [("allidb1", 0)], shape=(600, 1024)))
    assert image.shape == (300, LONGEST_SIZE, 3)
    assert image.dtype == np.uint8


def test_real_smears(smears_of, real_data):
    index = load_many(
        ("jtsc", "cellavision2", "cnmc2019"),
        real_data,
        class_names=("healthy", "ALL"),
        class_of={"healthy": "healthy", "malignant": "ALL"},
    )
    smears = smears_of(index)
    assert [title.rsplit(", ", 1)[0] for title, _ in smears] == [
        "healthy, CellaVision 2",
        "ALL, C-NMC 2019",
        "healthy, C-NMC 2019",
        "healthy, JTSC",
    ]
    at = {name.rsplit("/", 1)[1].split(".")[0]: row for row, name in enumerate(index.ids.tolist())}
    for title, image in smears[1:3]:
        np.testing.assert_array_equal(image, read_image(index.paths[at[title.rsplit(", ", 1)[1]]])[0])


def stripes(**pixels: int) -> np.ndarray:
    """Returns an image 10 pixels wide; `level_<n>` is the number of pixels of grey level n."""
    levels = [int(name.removeprefix("level_")) for name in pixels]
    column = np.repeat(levels, list(pixels.values())).reshape(-1, 10)
    return np.repeat(column[..., None], 3, axis=2).astype(np.uint8)


THREE = stripes(level_20=300, level_120=100, level_220=200)
DISCS = np.full((120, 160, 3), 230, np.uint8)
DISCS[100:, :40] = 160
for middle in ((40, 40), (110, 60)):
    cv2.circle(DISCS, middle, 12, (60, 30, 90), -1)
BAD = {
    "all black": np.zeros((20, 30, 3), np.uint8),
    "all white": np.full((20, 30, 3), 255, np.uint8),
    "one grey level": np.full((30, 20, 3), 90, np.uint8),
    "two grey levels": stripes(level_0=300, level_255=300),
    "one pixel": np.full((1, 1, 3), 7, np.uint8),
}


def test_clusters_of_three_levels_are_those_levels():
    assert [(label, levels.tolist()) for label, levels in clusters(THREE)] == [
        ('dark: 300 pixels, 50.0 %\nchosen by "darkest"', [20]),
        ('middle: 100 pixels, 16.7 %\nchosen by "least_frequent"', [120]),
        ("bright: 200 pixels, 33.3 %", [220]),
    ]


def test_clusters_hold_every_level_and_both_rules_may_choose_one():
    found = clusters(stripes(level_10=30, level_14=20, level_100=300, level_240=250))
    assert [levels.tolist() for _, levels in found] == [[10, 14], [100], [240]]
    assert found[0][0].endswith('chosen by "darkest" and "least_frequent"')


@pytest.mark.parametrize("name", BAD)
def test_image_of_fewer_than_three_levels_has_no_clusters_and_no_cell(name):
    assert clusters(BAD[name]) == []
    (title, image), (_, mask), (_, fed), (cells, _) = extraction(name, BAD[name], PREPROCESSING)
    assert (title, cells) == (name, "no cell found")
    assert image is BAD[name]
    assert not mask.any()
    assert not fed.any()


def test_two_discs_are_two_cells_the_larger_first():
    larger = DISCS.copy()
    cv2.circle(larger, (110, 60), 20, (60, 30, 90), -1)
    _, (mask_title, mask), _, (title, cells) = extraction("discs", larger, PREPROCESSING)
    np.testing.assert_array_equal(mask == 255, wbc_mask(larger, rule="darkest"))
    assert mask_title == f"mask: {100 * (mask == 255).mean():.1f} % of the image"
    assert title == "2 cells, each at its own scale"
    # Two black tiles side by side, white around them, a disc that fills most of each.
    assert cells.shape == (2 * 96 + 3 * 6, 2 * 96 + 3 * 6, 3)
    for left in (6, 108):
        tile = cells[6:102, left : left + 96]
        assert tile[0, 0].max() < 5
        assert tile[48, 48].tolist() == [60, 30, 90]
    assert (cells[108:] == 255).all()


def test_more_cells_than_fit_are_counted():
    many = np.full((300, 300, 3), 230, np.uint8)
    many[:20, :20] = 160
    for i in range(25):
        cv2.circle(many, (30 + 58 * (i % 5), 30 + 58 * (i // 5)), 12, (60, 30, 90), -1)
    *_, (title, cells) = extraction("many", many, PREPROCESSING)
    assert title == "the 16 largest of 25 cells, each at its own scale"
    assert cells.shape == (4 * 96 + 5 * 6, 4 * 96 + 5 * 6, 3)


def test_network_input_is_prepared_without_a_crop():
    _, _, (title, fed), _ = extraction("discs", DISCS, PREPROCESSING)
    np.testing.assert_array_equal(fed, prepare(DISCS, PREPROCESSING))
    assert title == "input of a network, 32x32 pixels"
    cropping = spec.Preprocessing(crop=500, threshold="darkest")
    assert extraction("discs", DISCS, cropping)[2][1].shape == (500, 500, 3)


@pytest.mark.parametrize(("dataset", "cells"), [("allidb1", 5), ("allidb2", 1)])
def test_nuclei_of_synthetic_smears_are_found(dataset, cells):
    smear = draw_smear(class_name="ALL", dataset=dataset, seed=0, image=0, cells=cells)
    assert extraction("ALL", smear, PREPROCESSING)[3][0].startswith(f"{cells} cell")


def test_real_nuclei_are_cut_out(real_data):
    for path in load("cellavision2", real_data).paths[:3]:
        _, (_, mask), _, (title, _) = extraction(path.stem, read_image(path)[0], PREPROCESSING)
        assert 0.02 < (mask == 255).mean() < 0.5
        assert title != "no cell found"


def smear(*, image_size=60) -> np.ndarray:
    """A nucleus, a paler disc and bright ground: three grey levels."""
    image = np.full((image_size, image_size, 3), 230, np.uint8)
    image[5:15, 5:25], image[30:40, 30:50] = (90, 40, 120), 160
    return image


SMEARS = {
    "titles": ["ALL, ALL-IDB 1, Im001_1", "healthy, ALL-IDB 2, Im9_0"],
    "images": [smear(), smear(image_size=50)],
}


@pytest.fixture
def kept(thresholded, tmp_path):
    """Returns a function that makes an experiment whose smears are captured."""
    keep(tmp_path, figure2=SMEARS, figure3=SMEARS)
    return thresholded


def test_histograms_and_extraction_follow_the_first_row_s_rule(kept, plotted, tmp_path):
    results = kept().results(not_comparable="synthetic data")
    assert names(build_figures(results, tmp_path, only="figure2")) == ["figure2.png"]
    assert names(build_figures(results, tmp_path, only="figure3")) == ["figure3.png"]
    ((panels, _), options) = plotted["histograms"][0]
    assert [title for title, *_ in panels] == SMEARS["titles"]
    assert options["rule"] == "least_frequent"
    assert options["mark"] == "Not comparable with the paper: synthetic data"
    ((panels, _), options) = plotted["images"][0]
    assert [panels[i][0] for i in (0, 4)] == SMEARS["titles"]
    for i, image in zip((1, 5), SMEARS["images"], strict=True):
        np.testing.assert_array_equal(panels[i][1] == 255, wbc_mask(image, rule="least_frequent"))
        assert panels[i + 1][1].shape == (16, 16, 3)
    assert options["caption"] == 'Figure 3: Title 3 (by the rule "least_frequent")'


@pytest.mark.parametrize("only", ["figure2", "figure3"])
def test_assumption_changes_the_rule_and_without_one_the_darkest_cluster_is_shown(
    kept, plotted, tmp_path, only
):
    for assumed in ("darkest", "none"):
        build_figures(kept().results(assumed={"threshold": assumed}), tmp_path, only=only)
    (one, other) = (options for _, options in plotted["histograms" if only == "figure2" else "images"])
    assert one["caption"].endswith('(by the rule "darkest")')
    assert other["caption"].endswith('(by the rule "darkest"; the networks of this run see whole images)')
    if only == "figure2":
        assert one["rule"] == other["rule"] == "darkest"


def test_caption_says_that_images_are_reduced(kept, plotted, tmp_path):
    large = np.zeros((300, 512, 3), np.uint8)
    keep(tmp_path, figure2={"titles": ["large"], "images": [large], "key": "other"})
    build_figures(kept().results(), tmp_path, only="figure2")
    assert "Larger images are reduced to 512 pixels here" in plotted["histograms"][0][1]["caption"]


def test_without_images_nothing_is_thresholded(kept, plotted, tmp_path):
    for only in ("figure2", "figure3"):
        keep(tmp_path, **{only: {"titles": [], "images": [], "key": "other"}})
        assert build_figures(kept().results(), tmp_path, only=only) == []


def test_figures_of_thresholding_are_written(kept, tmp_path):
    for only in ("figure2", "figure3"):
        (path,) = build_figures(kept().results(), tmp_path, only=only)
        assert path.read_bytes().startswith(b"\x89PNG")
