import io

import cv2
import numpy as np
import pytest
from leukcnn.outputs.threshold_figures import (
    MOST_CELLS,
    draw_extraction,
    draw_histograms,
    draw_misclassified,
    extract,
    grey_clusters,
)
from matplotlib import image

from leukcnn import spec
from leukcnn.datasets import load, read_picture
from leukcnn.errors import ArgumentError
from leukcnn.picture_cache import prepare
from leukcnn.preprocessing import wbc_mask
from leukcnn.rendering.figures import BLUE, GREY, ORANGE
from leukcnn.synthetic.smears import draw_smear

MARK = "NOT COMPARABLE WITH THE PAPER: drawn data"
PREPROCESSING = spec.Preprocessing(resize=32, threshold="darkest", squeeze=True)


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


def extractions(*pictures):
    return [extract("ALL, ALL-IDB 1", picture, PREPROCESSING) for picture in pictures]


DRAWINGS = {
    "histograms": lambda path, **k: draw_histograms([("a", THREE), ("b", DISCS)], path, rule="darkest", **k),
    "extraction": lambda path, **k: draw_extraction(extractions(DISCS, THREE), path, **k),
    "misclassified": lambda path, **k: draw_misclassified(
        [("a: true ALL, taken for healthy", [DISCS[:60, :60], DISCS[:60, :60, 0]])] * 5, path, nothing="", **k
    ),
    "nothing": lambda path, **k: draw_misclassified([], path, nothing="no picture of 108 misclassified", **k),
}


def pixels(path) -> np.ndarray:
    """(H, W, 3) of the picture, 0 to 1."""
    return image.imread(io.BytesIO(path.read_bytes()), format="png")[..., :3]


def share_of(path, colour: str) -> float:
    """Share of a figure's pixels that have that colour."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return (np.abs(pixels(path) - rgb).max(axis=-1) < 0.01).mean()


@pytest.fixture(params=DRAWINGS)
def draw(request):
    return DRAWINGS[request.param]


def test_same_input_gives_the_same_bytes(draw, tmp_path):
    first, second = (draw(tmp_path / name, mark=MARK, caption="c") for name in ("a.png", "b.png"))
    assert first.read_bytes() == second.read_bytes()


def test_nothing_is_cut_off_at_the_edges(draw, tmp_path):
    picture = pixels(draw(tmp_path / "a.png", mark=MARK, caption="A caption that goes on. " * 9))
    edges = [picture[0], picture[-1], picture[:, 0], picture[:, -1]]
    assert all((edge == 1).all() for edge in edges)


def test_mark_is_visible_at_the_top(draw, tmp_path):
    assert share_of(draw(tmp_path / "a.png", mark=MARK), "#B00020") > 0
    assert share_of(draw(tmp_path / "b.png"), "#B00020") == 0


def test_clusters_of_three_levels_are_those_levels():
    dark, middle, bright = grey_clusters(THREE)
    assert [(one.name, one.lowest, one.highest, one.n_pixels) for one in (dark, middle, bright)] == [
        ("dark", 20, 20, 300),
        ("middle", 120, 120, 100),
        ("bright", 220, 220, 200),
    ]
    assert (dark.rules, middle.rules, bright.rules) == (("darkest",), ("least_frequent",), ())


def test_clusters_hold_every_pixel_and_both_rules_may_choose_one():
    dark, middle, bright = grey_clusters(stripes(level_10=30, level_14=20, level_100=300, level_240=250))
    assert (dark.lowest, dark.highest, dark.n_pixels) == (10, 14, 50)
    assert dark.rules == ("darkest", "least_frequent")
    assert dark.n_pixels + middle.n_pixels + bright.n_pixels == 600


@pytest.mark.parametrize("name", BAD)
def test_picture_of_fewer_than_three_levels_has_no_clusters_and_no_cell(name):
    assert grey_clusters(BAD[name]) == []
    found = extract(name, BAD[name], PREPROCESSING)
    assert not found.mask.any()
    assert not found.fed.any()
    assert found.cells == []


@pytest.mark.parametrize("name", BAD)
def test_picture_of_fewer_than_three_levels_is_drawn(name, tmp_path):
    picture = BAD[name]
    path = draw_histograms([(name, picture)], tmp_path / "a.png", rule="least_frequent")
    assert share_of(path, BLUE) == share_of(path, ORANGE) == 0
    assert share_of(path, GREY) > 0
    draw_extraction([extract(name, picture, PREPROCESSING)], tmp_path / "b.png")
    draw_misclassified([(name, [picture, picture[..., 0], picture])], tmp_path / "c.png", nothing="")


def test_bars_have_their_clusters_colours(tmp_path):
    # All grey levels, each as often as another, so that the clusters fill areas of a third each.
    even = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    path = draw_histograms([("even", even)], tmp_path / "a.png", rule="darkest")
    dark, middle, bright = (share_of(path, colour) for colour in (BLUE, ORANGE, "#A6A6A6"))
    assert dark > 0.05
    # Each has its third of the bars; the threshold's line hides a little of the dark ones.
    assert middle == pytest.approx(bright, rel=0.1)
    assert dark == pytest.approx(middle, rel=0.1)


@pytest.mark.parametrize(("rule", "level"), [("darkest", 20), ("least_frequent", 120)])
def test_line_stands_at_the_rule_s_threshold(rule, level, tmp_path):
    def column(path, colour):
        rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        found = (np.abs(pixels(path) - rgb).max(axis=-1) < 0.01)[:, 400:950]
        return found

    path = draw_histograms([("three", THREE)], tmp_path / "a.png", rule=rule)
    bars = {20: BLUE, 120: ORANGE, 220: "#A6A6A6"}
    places = {at: np.flatnonzero(column(path, colour).any(axis=0)).mean() for at, colour in bars.items()}
    line = np.flatnonzero(column(path, "#000000").sum(axis=0) > 60)
    # Right of its bar by half a level, beside the axis' own line at the left.
    assert any(abs(at - places[level]) < 5 for at in line)
    assert not any(abs(at - places[140 - level]) < 5 for at in line)


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


def test_more_cells_than_fit_are_counted(tmp_path):
    many = np.full((200, 200, 3), 230, np.uint8)
    many[:10] = 160
    for i in range(25):
        cv2.circle(many, (20 + 40 * (i % 5), 20 + 40 * (i // 5)), 9, (60, 30, 90), -1)
    found = extract("many", many, PREPROCESSING)
    assert len(found.cells) == 25 > MOST_CELLS
    draw_extraction([found], tmp_path / "a.png")
    draw_extraction([found._replace(cells=found.cells[:MOST_CELLS])], tmp_path / "b.png")
    all_of_them, sixteen = (pixels(tmp_path / name) for name in ("a.png", "b.png"))
    # The same cells are shown, under another title.
    title = len(all_of_them) // 4
    assert (all_of_them[:title] != sixteen[:title]).any()
    np.testing.assert_array_equal(all_of_them[title:], sixteen[title:])


def test_misclassified_stand_with_theirs_in_order(tmp_path):
    red, green, blue = (np.full((20, 20, 3), colour, np.uint8) for colour in np.eye(3) * 255)
    path = draw_misclassified([("a", [red, green, blue])], tmp_path / "a.png", nothing="")
    picture = pixels(path)
    middle = picture[int(0.6 * len(picture))]
    places = [np.flatnonzero((middle == colour).all(axis=-1)).mean() for colour in np.eye(3)]
    assert places == sorted(places)


@pytest.mark.parametrize(("n", "columns"), [(1, 1), (2, 2), (3, 2), (12, 2)])
def test_sheet_grows_by_whole_lines(n, columns, tmp_path):
    panel = ("a", [DISCS[:20, :20]] * 3)
    picture = pixels(draw_misclassified([panel] * n, tmp_path / "a.png", nothing=""))
    assert picture.shape[1] == 750 * columns
    assert len(picture) == pytest.approx(288 * -(-n // columns), abs=2)


def test_sheet_without_a_picture_says_so(tmp_path):
    one, other = (
        pixels(draw_misclassified([], tmp_path / f"{n}.png", nothing=f"no picture of {n} misclassified"))
        for n in (108, 260)
    )
    assert (one < 0.5).any()
    assert (one != other).any()


@pytest.mark.parametrize(
    "draw_bad",
    [
        lambda path: draw_histograms([], path, rule="darkest"),
        lambda path: draw_histograms([("grey", THREE[..., 0])], path, rule="darkest"),
        lambda path: draw_histograms([("scaled", THREE / 255)], path, rule="darkest"),
        lambda path: draw_histograms([("a", THREE)], path, rule="brightest"),
        lambda path: draw_extraction([], path),
        lambda path: draw_misclassified([("a", [])], path, nothing=""),
        lambda path: draw_misclassified([("a", [THREE] * 4)], path, nothing=""),
        lambda path: draw_misclassified([("a", [THREE]), ("b", [THREE, THREE])], path, nothing=""),
        lambda path: draw_misclassified([("a", [THREE, DISCS])], path, nothing=""),
    ],
)
def test_what_is_no_picture_is_refused(draw_bad, tmp_path):
    with pytest.raises(ArgumentError):
        draw_bad(tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


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
    draw_histograms([("a", picture) for picture in pictures], tmp_path / "b.png", rule="darkest")
