import io
import json

import numpy as np
import pytest
from matplotlib import image
from matplotlib.colors import to_rgb

from leukcnn.errors import ArgumentError
from leukcnn.rendering.topology import Box, draw_topology

PLAIN = [Box("Global average pooling", "512"), Box("Dense 512, ReLU", "512"), Box("Dense 2, softmax", "2")]
POOLED = Box("Max pooling 16 × 16", "14 × 14 × 3", "pooling")
RESIDUAL = [
    Box("Input", "224 × 224 × 3", "input"),
    Box("Conv2D 64, 11 × 11, stride 4\nbatch normalisation, ReLU", "56 × 56 × 64", "convolution"),
    Box("Flatten", "9", "flattening"),
    Box("Concatenate", "14 × 14 × 131", "concatenation", [(0, [POOLED])]),
    Box("Dense 3, softmax", "3", "dense"),
]


def pixels(path) -> np.ndarray:
    """(H, W, 3) of the picture, 0 to 1."""
    return image.imread(io.BytesIO(path.read_bytes()), format="png")[..., :3]


def area(picture: np.ndarray, colour: str) -> int:
    """Pixels of one colour."""
    return int((np.abs(picture - to_rgb(colour)).max(axis=-1) < 0.004).sum())


POOLING, CONVOLUTION, DENSE = "#FBE3C4", "#D3E7F5", "#F8F3B4"


def test_figure_is_as_deep_as_its_longest_column(tmp_path):
    short = pixels(draw_topology([("a", PLAIN)], tmp_path / "a.png"))
    long = pixels(draw_topology([("a", PLAIN * 2), ("b", PLAIN)], tmp_path / "b.png"))
    # A box of two lines takes .13 + 2 * .155 inches and its arrow .19, at 150 pixels an inch.
    assert len(long) - len(short) == pytest.approx(150 * 3 * 0.63, abs=2)
    assert long.shape[1] > 1.8 * short.shape[1]


def test_each_layer_type_has_its_colour(tmp_path):
    picture = pixels(draw_topology([("a", RESIDUAL)], tmp_path / "a.png"))
    # Convolution and dense differ by one line of text, and the legend shows a little of each.
    assert area(picture, CONVOLUTION) > area(picture, DENSE) > 5000
    plain = pixels(draw_topology([("a", PLAIN)], tmp_path / "b.png"))
    assert not any(area(plain, colour) for colour in (CONVOLUTION, DENSE, POOLING))


def test_layers_without_a_type_need_no_legend(tmp_path):
    typed = [box._replace(kind="dense") for box in PLAIN]
    heights = [
        len(pixels(draw_topology([("a", boxes)], tmp_path / f"{i}.png")))
        for i, boxes in enumerate((PLAIN, typed))
    ]
    assert heights[1] - heights[0] == pytest.approx(150 * 0.35, abs=2)


def test_shortcut_stands_beside_its_column(tmp_path):
    straight = [box._replace(shortcuts=()) for box in RESIDUAL]
    without = pixels(draw_topology([("a", straight)], tmp_path / "a.png"))
    beside = pixels(draw_topology([("a", RESIDUAL)], tmp_path / "b.png"))
    assert beside.shape[1] - without.shape[1] == pytest.approx(150 * (0.44 + 0.14), abs=2)
    assert area(beside, POOLING) > 5000 > area(without, POOLING)
    # Its box is upright: taller than wide, and right of every box of the column.
    rows, columns = np.nonzero(
        np.abs(beside[: int(0.8 * len(beside))] - to_rgb(POOLING)).max(axis=-1) < 0.004
    )
    assert np.ptp(rows) > 3 * np.ptp(columns)
    assert columns.min() > np.nonzero(np.abs(beside - to_rgb(CONVOLUTION)).max(axis=-1) < 0.004)[1].max()


def test_shortcuts_that_do_not_overlap_share_a_lane(tmp_path):
    def width(*places):
        boxes = [Box("a", "1") for _ in range(7)]
        for start, end in places:
            boxes[end] = Box("a", "1", "addition", [(start, [POOLED])])
        return pixels(draw_topology([("a", boxes)], tmp_path / "a.png")).shape[1]

    assert width((0, 3), (3, 6)) == width((0, 3))
    assert width((0, 4), (3, 6)) - width((0, 3)) == pytest.approx(150 * 0.58, abs=2)


def test_identity_shortcut_of_a_single_layer(tmp_path):
    boxes = [*PLAIN[:2], Box("Add", "512", "addition", [(0, [])])]
    assert draw_topology([("a", boxes)], tmp_path / "a.png").exists()


def test_boxes_may_come_out_of_json(tmp_path):
    columns = [("(a)", RESIDUAL), ("(b)", PLAIN)]
    read = json.loads(json.dumps(columns))
    paths = [draw_topology(given, tmp_path / f"{i}.png") for i, given in enumerate((columns, read))]
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("columns", [[], [("a", PLAIN), ("b", [])]])
def test_nothing_to_draw_is_refused(columns, tmp_path):
    with pytest.raises(ArgumentError, match="layers"):
        draw_topology(columns, tmp_path / "a.png")


@pytest.mark.parametrize("start", [1, 2, -1])
def test_shortcut_from_further_down_is_refused(start, tmp_path):
    boxes = [PLAIN[0], Box("Add", "512", "addition", [(start, [])]), PLAIN[1]]
    with pytest.raises(ArgumentError, match=f"from layer {start} to layer 1"):
        draw_topology([("a", boxes)], tmp_path / "a.png")


def test_what_does_not_fit_is_shortened(tmp_path):
    long = Box("A layer of a very long name indeed, " * 2, "1 × " * 30)
    boxes = [long, Box("Add", "512", "addition", [(0, [long])])]
    assert (pixels(draw_topology([("a " * 40, boxes)], tmp_path / "a.png"))[:, :15] == 1).all()


def convolutional(blocks: int) -> list[Box]:
    """Blocks of three convolutions and a pooling, and three layers behind them."""
    convolution = Box("Conv2D 8, 3 × 3", "9 × 9 × 8", "convolution")
    pooling = Box("Max pooling 2 × 2", "4 × 4 × 8", "pooling")
    return [*[convolution, convolution, convolution, pooling] * blocks, *PLAIN]


def test_deep_network_is_cut_behind_poolings(tmp_path):
    # 19 boxes in two pieces: behind the pooling at place 8, the one nearest to the middle.
    picture = pixels(draw_topology([("a", convolutional(4))], tmp_path / "a.png"))
    one_piece = pixels(draw_topology([("a", convolutional(4)[:8])], tmp_path / "b.png"))
    assert picture.shape[1] - one_piece.shape[1] == pytest.approx(150 * (2.55 + 0.3), abs=2)
    # Two poolings stand on either side; the legend's patch is small.
    columns = np.nonzero(np.abs(picture - to_rgb(POOLING)).max(axis=-1) < 0.004)[1]
    assert (columns < picture.shape[1] // 2).mean() == pytest.approx(0.5, abs=0.03)


def test_cut_network_is_one_line_from_end_to_end(tmp_path):
    grey = "#5F5F5F"
    picture = pixels(draw_topology([("a", [Box("a", "1") for _ in range(19)])], tmp_path / "a.png"))
    # Between both columns one upright line leads from below the left one to above the right one.
    middle = picture[:, picture.shape[1] // 2 - 3 : picture.shape[1] // 2 + 4]
    upright = (np.abs(middle - to_rgb(grey)).max(axis=-1) < 0.35).any(axis=1)
    assert upright.sum() > 0.8 * len(picture)


def test_network_with_shortcuts_is_drawn_in_one_piece_however_deep(tmp_path):
    boxes = [Box("a", "1") for _ in range(25)]
    deep = pixels(
        draw_topology([("a", [*boxes, Box("Add", "1", "addition", [(0, [])])])], tmp_path / "a.png")
    )
    assert len(deep) > 150 * 25 * 0.63


def test_pieces_stand_beside_other_networks(tmp_path):
    both = pixels(draw_topology([("a", convolutional(4)), ("b", PLAIN)], tmp_path / "a.png"))
    alone = pixels(draw_topology([("a", convolutional(4))], tmp_path / "b.png"))
    assert both.shape[1] - alone.shape[1] == pytest.approx(150 * (2.55 + 0.3), abs=2)
