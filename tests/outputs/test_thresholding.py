"""Tests of the figures of thresholding: which pictures, their clusters, and the cells cut out."""

import cv2
import numpy as np
import pytest

from leukcnn import papers, spec
from leukcnn.datasets import load, load_many, read_picture
from leukcnn.errors import ArgumentError
from leukcnn.outputs.build import build_figures
from leukcnn.outputs.thresholding import LONGEST_SIDE, extract, grey_panel
from leukcnn.picture_cache import prepare
from leukcnn.preprocessing import wbc_mask
from leukcnn.rendering.thresholds import draw_extraction, draw_histograms
from leukcnn.synthetic.smears import draw_smear
from tests.outputs.pictures import captured, disc_picture, index_of, keep, keys, material_of, names

PAPER = papers.get("cnmc2019")
FIGURES = tuple(spec.Figure("figure2", "Thresholding", kind, "") for kind in ("histograms", "extraction"))
PREPROCESSING = spec.Preprocessing(resize=32, threshold="darkest", squeeze=True)


@pytest.fixture
def smears_of(tmp_path):
    """Titles and pictures of smears that are captured."""

    def of(index, *, figure=FIGURES[0], seed=0):
        (kept,) = captured(figure, material_of(index, PAPER, tmp_path, seed=seed)).values()
        return list(zip(kept["titles"], kept["pictures"], strict=True))

    return of


@pytest.fixture
def discs(tmp_path):
    """Eight pictures of ALL-IDB 1, every other one ALL, then eight of ALL-IDB 2."""
    return index_of(tmp_path, [("allidb1", i % 2) for i in range(8)] + [("allidb2", i % 2) for i in range(8)])


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.kind)
def test_whole_labelled_pictures_of_the_first_part_are_kept(smears_of, cells, figure):
    smears = smears_of(cells, figure=figure)
    assert [title.split(", ")[0] for title, _ in smears] == ["malignant", "healthy"]
    for title, picture in smears:
        row = int(title.split(", ")[2])
        assert row < 12
        np.testing.assert_array_equal(picture, read_picture(cells.paths[row])[0])


def test_one_smear_of_each_class_of_each_dataset_the_positive_first(smears_of, discs):
    smears = smears_of(discs)
    assert [title.rsplit(", ", 1)[0] for title, _ in smears] == [
        "ALL, ALL-IDB 1",
        "healthy, ALL-IDB 1",
        "ALL, ALL-IDB 2",
        "healthy, ALL-IDB 2",
    ]
    for title, picture in smears:
        np.testing.assert_array_equal(picture, disc_picture(int(title.rsplit(" ", 1)[1])))


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
    ((_, picture),) = smears_of(index_of(tmp_path, [("allidb1", 0)], shape=(600, 1024)))
    assert picture.shape == (300, LONGEST_SIDE, 3)
    assert picture.dtype == np.uint8


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
    at = {image.rsplit("/", 1)[1].split(".")[0]: row for row, image in enumerate(index.ids.tolist())}
    for title, picture in smears[1:3]:
        np.testing.assert_array_equal(picture, read_picture(index.paths[at[title.rsplit(", ", 1)[1]]])[0])


def stripes(**pixels: int) -> np.ndarray:
    """A picture 10 pixels wide with so many pixels of each grey level, named level_<n>."""
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
    dark, middle, bright = grey_panel("a", THREE, "darkest").clusters
    assert [(one.name, one.lowest, one.highest, one.n_pixels) for one in (dark, middle, bright)] == [
        ("dark", 20, 20, 300),
        ("middle", 120, 120, 100),
        ("bright", 220, 220, 200),
    ]
    assert (dark.rules, middle.rules, bright.rules) == (("darkest",), ("least_frequent",), ())


def test_clusters_hold_every_pixel_and_both_rules_may_choose_one():
    dark, middle, bright = grey_panel(
        "a", stripes(level_10=30, level_14=20, level_100=300, level_240=250), "darkest"
    ).clusters
    assert (dark.lowest, dark.highest, dark.n_pixels) == (10, 14, 50)
    assert dark.rules == ("darkest", "least_frequent")
    assert dark.n_pixels + middle.n_pixels + bright.n_pixels == 600


@pytest.mark.parametrize("name", BAD)
def test_picture_of_fewer_than_three_levels_has_no_clusters_and_no_cell(name):
    assert grey_panel(name, BAD[name], "darkest").clusters == ()
    found = extract(name, BAD[name], PREPROCESSING)
    assert not found.mask.any()
    assert not found.fed.any()
    assert found.cells == []


@pytest.mark.parametrize("name", BAD)
def test_picture_of_fewer_than_three_levels_is_drawn(name, tmp_path):
    panel = grey_panel(name, BAD[name], "least_frequent")
    assert draw_histograms([panel], tmp_path / "a.png", rule="least_frequent").exists()
    assert draw_extraction([extract(name, BAD[name], PREPROCESSING)], tmp_path / "b.png").exists()


@pytest.mark.parametrize(("rule", "level"), [("darkest", 20), ("least_frequent", 120)])
def test_threshold_is_the_rule_s(rule, level):
    assert grey_panel("three", THREE, rule).threshold == level


@pytest.mark.parametrize(
    ("picture", "rule"), [(THREE[..., 0], "darkest"), (THREE / 255, "darkest"), (THREE, "brightest")]
)
def test_what_has_no_grey_levels_is_refused(picture, rule):
    with pytest.raises(ArgumentError):
        grey_panel("a", picture, rule)


def test_two_discs_are_two_cells_the_larger_first():
    found = extract("discs", DISCS, PREPROCESSING)
    np.testing.assert_array_equal(found.mask, wbc_mask(DISCS, rule="darkest"))
    assert len(found.cells) == 2
    larger = DISCS.copy()
    cv2.circle(larger, (110, 60), 20, (60, 30, 90), -1)
    sizes = [cell.shape[0] for cell in extract("discs", larger, PREPROCESSING).cells]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 40 > sizes[1]
    for cell in found.cells:
        assert {tuple(colour) for colour in cell.reshape(-1, 3)} == {(0, 0, 0), (60, 30, 90)}


def test_fed_is_what_a_network_is_fed_without_a_crop():
    found = extract("discs", DISCS, PREPROCESSING)
    np.testing.assert_array_equal(found.fed, prepare(DISCS, PREPROCESSING))
    cropping = spec.Preprocessing(crop=500, threshold="darkest")
    assert extract("discs", DISCS, cropping).fed.shape == (500, 500, 3)


@pytest.mark.parametrize(("dataset", "cells"), [("allidb1", 5), ("allidb2", 1)])
def test_drawn_smears_have_their_nuclei_found(dataset, cells, tmp_path):
    smear = draw_smear(class_name="ALL", dataset=dataset, seed=0, picture=0, cells=cells)
    found = extract("ALL", smear, PREPROCESSING)
    assert len(found.cells) == cells
    draw_extraction([found], tmp_path / "a.png")


def test_real_nuclei_are_cut_out(real_data, tmp_path):
    index = load("cellavision2", real_data)
    pictures = [read_picture(path)[0] for path in index.paths[:3]]
    found = [
        extract(path.stem, picture, PREPROCESSING)
        for path, picture in zip(index.paths, pictures, strict=False)
    ]
    assert all(one.cells and 0.02 < one.mask.mean() < 0.5 for one in found)
    draw_extraction(found, tmp_path / "a.png")
    draw_histograms(
        [grey_panel("a", picture, "darkest") for picture in pictures], tmp_path / "b.png", rule="darkest"
    )


def smear(*, side=60) -> np.ndarray:
    """A nucleus, a paler disc and bright ground: three grey levels."""
    picture = np.full((side, side, 3), 230, np.uint8)
    picture[5:15, 5:25], picture[30:40, 30:50] = (90, 40, 120), 160
    return picture


SMEARS = {
    "titles": ["ALL, ALL-IDB 1, Im001_1", "healthy, ALL-IDB 2, Im9_0"],
    "pictures": [smear(), smear(side=50)],
}


@pytest.fixture
def kept(thresholded, tmp_path):
    """Makes an experiment with its smears beside."""
    keep(tmp_path, figure2=SMEARS, figure3=SMEARS)
    return thresholded


def test_histograms_and_extraction_follow_the_first_row_s_rule(kept, drawn, tmp_path):
    results = kept().results(not_comparable="drawn data")
    assert names(build_figures(results, tmp_path, only="figure2")) == ["figure2.png"]
    assert names(build_figures(results, tmp_path, only="figure3")) == ["figure3.png"]
    ((panels, _), options) = drawn["histograms"][0]
    assert [panel.title for panel in panels] == SMEARS["titles"]
    assert options["rule"] == "least_frequent"
    assert options["mark"] == "Not comparable with the paper: drawn data"
    ((extractions, _), options) = drawn["extraction"][0]
    for one, title, picture in zip(extractions, *SMEARS.values(), strict=True):
        assert one.title == title
        np.testing.assert_array_equal(one.mask, wbc_mask(picture, rule="least_frequent"))
        assert one.fed.shape == (16, 16, 3)
    assert options["caption"] == 'Figure 3: Title 3 (by the rule "least_frequent")'


@pytest.mark.parametrize("only", ["figure2", "figure3"])
def test_assumption_changes_the_rule_and_without_one_the_darkest_cluster_is_shown(
    kept, drawn, tmp_path, only
):
    for assumed in ("darkest", "none"):
        build_figures(kept().results(assumed={"threshold": assumed}), tmp_path, only=only)
    (one, other) = (options for _, options in drawn["histograms" if only == "figure2" else "extraction"])
    assert one["caption"].endswith('(by the rule "darkest")')
    assert other["caption"].endswith('(by the rule "darkest"; the networks here see whole pictures)')
    if only == "figure2":
        assert one["rule"] == other["rule"] == "darkest"


def test_reduced_pictures_are_said_to_be(kept, drawn, tmp_path):
    large = np.zeros((300, 512, 3), np.uint8)
    keep(tmp_path, figure2={"titles": ["large"], "pictures": [large], "key": "other"})
    build_figures(kept().results(), tmp_path, only="figure2")
    assert "Larger pictures are reduced to 512 pixels here" in drawn["histograms"][0][1]["caption"]


def test_without_pictures_nothing_is_thresholded(kept, drawn, tmp_path):
    for only in ("figure2", "figure3"):
        keep(tmp_path, **{only: {"titles": [], "pictures": [], "key": "other"}})
        assert build_figures(kept().results(), tmp_path, only=only) == []


def test_figures_of_thresholding_are_written(kept, tmp_path):
    for only in ("figure2", "figure3"):
        (path,) = build_figures(kept().results(), tmp_path, only=only)
        assert path.read_bytes().startswith(b"\x89PNG")
