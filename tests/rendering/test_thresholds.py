"""Tests of the drawings of thresholding; what is drawn is made by hand."""

import io

import numpy as np
import pytest
from matplotlib import image

from leukcnn.errors import ArgumentError
from leukcnn.rendering.canvas import BLUE, GREY, ORANGE
from leukcnn.rendering.thresholds import (
    MOST_CELLS,
    Cluster,
    Extraction,
    GreyPanel,
    draw_extraction,
    draw_histograms,
)

MARK = "NOT COMPARABLE WITH THE PAPER: drawn data"
PICTURE = np.full((60, 80, 3), 230, np.uint8)
PICTURE[10:30, 10:30] = (60, 30, 90)
CELL = PICTURE[8:32, 8:32]


def panel(levels: dict[int, int], threshold: int = 20) -> GreyPanel:
    """A picture with so many pixels of each grey level; each of three levels is a cluster."""
    histogram = np.zeros(256, np.int64)
    histogram[list(levels)] = list(levels.values())
    rules = ((), ("least_frequent",), ("darkest",))
    clusters = [
        Cluster(name, level, level, n, chosen)
        for name, (level, n), chosen in zip(("dark", "middle", "bright"), levels.items(), rules, strict=False)
    ]
    return GreyPanel("ALL, ALL-IDB 1", PICTURE, histogram, clusters if len(levels) == 3 else (), threshold)


def extraction(n: int = 2, picture=PICTURE) -> Extraction:
    mask = PICTURE[..., 0] < 100
    return Extraction("ALL, ALL-IDB 1", picture, mask, PICTURE[:32, :32], [CELL] * n)


THREE = panel({20: 300, 120: 100, 220: 200})
DRAWINGS = {
    "histograms": lambda path, **k: draw_histograms([THREE, panel({9: 4})], path, rule="darkest", **k),
    "extraction": lambda path, **k: draw_extraction([extraction(), extraction(0)], path, **k),
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


def test_bars_have_their_clusters_colours(tmp_path):
    # All grey levels, each as often as another, so that the clusters fill areas of a third each.
    clusters = [
        Cluster("dark", 0, 84, 85, ("darkest",)),
        Cluster("middle", 85, 169, 85, ()),
        Cluster("bright", 170, 254, 85, ()),
    ]
    even = GreyPanel("even", PICTURE, np.ones(256, np.int64), clusters, 84)
    path = draw_histograms([even], tmp_path / "a.png", rule="darkest")
    dark, middle, bright = (share_of(path, colour) for colour in (BLUE, ORANGE, "#A6A6A6"))
    assert dark > 0.05
    # Each has its third of the bars; the threshold's line hides a little of the dark ones.
    assert middle == pytest.approx(bright, rel=0.1)
    assert dark == pytest.approx(middle, rel=0.1)


def test_picture_without_clusters_is_drawn_in_grey(tmp_path):
    path = draw_histograms([panel({0: 300, 255: 300})], tmp_path / "a.png", rule="darkest")
    assert share_of(path, BLUE) == share_of(path, ORANGE) == 0
    assert share_of(path, GREY) > 0


@pytest.mark.parametrize("level", [20, 120])
def test_line_stands_at_the_threshold(level, tmp_path):
    def column(path, colour):
        rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        return (np.abs(pixels(path) - rgb).max(axis=-1) < 0.01)[:, 400:950]

    path = draw_histograms([THREE._replace(threshold=level)], tmp_path / "a.png", rule="darkest")
    bars = {20: BLUE, 120: ORANGE, 220: "#A6A6A6"}
    places = {at: np.flatnonzero(column(path, colour).any(axis=0)).mean() for at, colour in bars.items()}
    line = np.flatnonzero(column(path, "#000000").sum(axis=0) > 60)
    # Right of its bar by half a level, beside the axis' own line at the left.
    assert any(abs(at - places[level]) < 5 for at in line)
    assert not any(abs(at - places[140 - level]) < 5 for at in line)


def test_more_cells_than_fit_are_counted(tmp_path):
    draw_extraction([extraction(25)], tmp_path / "a.png")
    draw_extraction([extraction(MOST_CELLS)], tmp_path / "b.png")
    all_of_them, sixteen = (pixels(tmp_path / name) for name in ("a.png", "b.png"))
    # The same cells are shown, under another title.
    title = len(all_of_them) // 4
    assert (all_of_them[:title] != sixteen[:title]).any()
    np.testing.assert_array_equal(all_of_them[title:], sixteen[title:])


@pytest.mark.parametrize(
    "draw_bad",
    [
        lambda path: draw_histograms([], path, rule="darkest"),
        lambda path: draw_histograms([THREE._replace(picture=PICTURE[..., 0])], path, rule="darkest"),
        lambda path: draw_histograms([THREE._replace(picture=PICTURE / 255)], path, rule="darkest"),
        lambda path: draw_extraction([], path),
        lambda path: draw_extraction([extraction(picture=PICTURE[..., 0])], path),
    ],
)
def test_what_is_no_picture_is_refused(draw_bad, tmp_path):
    with pytest.raises(ArgumentError):
        draw_bad(tmp_path / "a.png")
    assert not list(tmp_path.iterdir())
