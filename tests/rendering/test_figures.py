import io

import numpy as np
import pytest
from matplotlib import image

from leukcnn.errors import ArgumentError
from leukcnn.rendering.figures import draw_confusions, draw_misclassified, draw_overlays, draw_samples
from leukcnn.rendering.history import TrainingCurve, draw_history
from leukcnn.rendering.topology import draw_topology

MARK = "NOT COMPARABLE WITH THE PAPER: smoke profile, drawn data"
RNG = np.random.default_rng(0)
# Grey noise, so that red in a figure is the mark's.
PICTURES = [np.repeat(RNG.integers(0, 256, (60, 60, 1), dtype=np.uint8), 3, axis=2) for _ in range(6)]
LOSSES = {"loss": [1.2, 0.8, 0.5], "val_loss": [1.3, 0.7, 0.75]}
CURVE = TrainingCurve("VGG16", [0.5, 0.6, 0.8], [0.4, 0.7, 0.65], **LOSSES, chosen_epoch=2)
LAYERS = [("Global average pooling", "512", "pooling"), ("Dense 2, softmax", "2", "dense", [(0, [])])]
OVERLAY = ("ALL, CellaVision, taken for AML", PICTURES[0], np.eye(4), np.zeros((4, 4)))


def confusion(matrix, class_names, path, *, title="", **face):
    """Draws a matrix alone."""
    return draw_confusions([[(title, np.array(matrix))]], class_names, path, **face)


DRAWINGS = {
    "samples": lambda path, **k: draw_samples([("malignant", PICTURES[0]), ("b", PICTURES[1])], path, **k),
    "overlays": lambda path, **k: draw_overlays([OVERLAY, OVERLAY], path, **k),
    "history": lambda path, **k: draw_history([CURVE, CURVE], path, **k),
    "topology": lambda path, **k: draw_topology([("VGG16", LAYERS), ("(b)", LAYERS[:1])], path, **k),
    "confusions": lambda path, **k: draw_confusions(
        [[("CNN, k-fold on ALL-IDB 1", np.eye(2, dtype=int)), None]] * 2, ["healthy", "ALL"], path, **k
    ),
    "confusion": lambda path, **k: confusion([[308, 31], [20, 319]], ["healthy", "malignant"], path, **k),
    "misclassified": lambda path, **k: draw_misclassified(
        [("a: true ALL, taken for healthy", [PICTURES[0], PICTURES[0][..., 0]])] * 5, path, nothing="", **k
    ),
    "nothing": lambda path, **k: draw_misclassified([], path, nothing="no picture of 108 misclassified", **k),
}


def pixels(path) -> np.ndarray:
    """(H, W, 3) of the picture, 0 to 1."""
    return image.imread(io.BytesIO(path.read_bytes()), format="png")[..., :3]


def is_red(picture: np.ndarray) -> np.ndarray:
    return np.abs(picture - np.array([0xB0, 0x00, 0x20]) / 255).max(axis=-1) < 0.02


@pytest.fixture(params=DRAWINGS)
def draw(request):
    return DRAWINGS[request.param]


def test_same_input_gives_the_same_bytes(draw, tmp_path):
    first, second = (draw(tmp_path / name, mark=MARK, caption="c") for name in ("a.png", "b.png"))
    assert first.read_bytes() == second.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_mark_is_visible_at_the_top(draw, tmp_path):
    marked = is_red(pixels(draw(tmp_path / "a.png", mark=MARK)))
    assert marked.any()
    assert np.flatnonzero(marked.any(axis=1)).max() < 0.25 * len(marked)
    assert not is_red(pixels(draw(tmp_path / "b.png"))).any()


def test_nothing_is_cut_off_at_the_edges(draw, tmp_path):
    picture = pixels(draw(tmp_path / "a.png", mark=MARK, caption="A caption that goes on. " * 5))
    edges = [picture[0], picture[-1], picture[:, 0], picture[:, -1]]
    assert all((edge == 1).all() for edge in edges)


def test_samples_show_the_pictures_in_order(tmp_path):
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    plain = [np.full((50, 50, 3), colour, np.uint8) for colour in colours]
    picture = pixels(draw_samples(list(zip("rgb", plain, strict=True)), tmp_path / "a.png"))
    middle = picture[int(0.6 * len(picture))]
    shown = [middle[int((i + 0.5) / 3 * len(middle))] for i in range(3)]
    np.testing.assert_allclose(shown, np.array(colours) / 255)


def test_grey_pictures_keep_their_shade(tmp_path):
    # Without fixed limits Matplotlib would stretch a flat picture to black.
    picture = pixels(draw_samples([("grey", np.full((50, 50), 100, np.uint8))], tmp_path / "a.png"))
    np.testing.assert_allclose(picture[int(0.6 * len(picture)), picture.shape[1] // 2], 100 / 255, atol=0.01)


@pytest.mark.parametrize(("n", "columns"), [(1, 1), (3, 3), (6, 3), (8, 4), (5, 4), (12, 4)])
def test_grid_grows_by_whole_rows(n, columns, tmp_path):
    picture = pixels(draw_samples([("", PICTURES[0])] * n, tmp_path / "a.png"))
    assert picture.shape[1] == 315 * columns
    assert len(picture) == pytest.approx(315 * -(-n // columns), abs=2)


@pytest.mark.parametrize(
    ("panels", "message"),
    [
        ([], "no picture"),
        ([("scaled", PICTURES[0] / 255)], "float64"),
        ([("two channels", PICTURES[0][..., :2])], r"\(60, 60, 2\)"),
        ([("flat", PICTURES[0][0, :, 0])], r"\(60,\)"),
    ],
)
def test_what_is_no_picture_is_refused(panels, message, tmp_path):
    with pytest.raises(ArgumentError, match=message):
        draw_samples(panels, tmp_path / "a.png")


def test_misclassified_stand_with_theirs_in_order(tmp_path):
    red, green, blue = (np.full((20, 20, 3), colour, np.uint8) for colour in np.eye(3) * 255)
    path = draw_misclassified([("a", [red, green, blue])], tmp_path / "a.png", nothing="")
    picture = pixels(path)
    middle = picture[int(0.6 * len(picture))]
    places = [np.flatnonzero((middle == colour).all(axis=-1)).mean() for colour in np.eye(3)]
    assert places == sorted(places)


@pytest.mark.parametrize(("n", "columns"), [(1, 1), (2, 2), (3, 2), (12, 2)])
def test_sheet_grows_by_whole_lines(n, columns, tmp_path):
    panel = ("a", [PICTURES[0][:20, :20]] * 3)
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
    "panels",
    [
        [("a", [])],
        [("a", [PICTURES[0]] * 4)],
        [("a", [PICTURES[0]]), ("b", [PICTURES[0]] * 2)],
        [("a", [PICTURES[0], PICTURES[0][:20]])],
    ],
    ids=["none", "four", "more than another", "sizes"],
)
def test_what_does_not_stand_together_is_refused(panels, tmp_path):
    with pytest.raises(ArgumentError, match="under each title"):
        draw_misclassified(panels, tmp_path / "a.png", nothing="")
    assert not list(tmp_path.iterdir())


def test_confusion_shades_by_the_share_of_the_true_class(tmp_path):
    # Both rows are 9 to 1, so that both diagonals have one shade although the counts differ by 100.
    picture = pixels(confusion([[9, 1], [100, 900]], ["a", "b"], tmp_path / "a.png"))
    colours, counts = np.unique(picture.reshape(-1, 3), axis=0, return_counts=True)
    shades = sorted(counts[(colours < 0.999).any(axis=1)])[-2:]
    assert shades[0] == pytest.approx(shades[1], rel=0.1)


def test_confusion_of_a_class_without_pictures(tmp_path):
    assert confusion(np.diag([3, 0, 2]), list("abc"), tmp_path / "a.png", title="t").exists()


def test_confusion_needs_a_name_a_class(tmp_path):
    with pytest.raises(ArgumentError, match=r"\(2, 2\)"):
        confusion(np.eye(2), ["a"], tmp_path / "a.png")


def test_each_matrix_of_a_grid_has_a_place_as_large_as_one_alone_has(tmp_path):
    alone = pixels(confusion([[9, 1], [2, 8]], ["a", "b"], tmp_path / "a.png"))
    line = [("one", [[9, 1], [2, 8]]), None, ("other", [[0, 10], [0, 10]])]
    grid = pixels(draw_confusions([line, line], ["a", "b"], tmp_path / "b.png"))
    assert grid.shape[:2] == (2 * alone.shape[0], 3 * alone.shape[1])
    # The empty place is white; in the last one the second column is dark.
    left, empty, right = np.split(grid, 3, axis=1)
    assert (left < 0.9).any()
    assert (empty == 1).mean() > 0.99
    dark = (right[..., 0] < 0.1) & (right[..., 2] > 0.3)
    assert dark.any()
    assert not dark[:, : right.shape[1] // 2].any()


@pytest.mark.parametrize(
    "grid", [[], [[]], [[None], [None, None]], [[("a", np.eye(2))], [("b", np.eye(3))]]], ids=str
)
def test_what_is_no_grid_of_matrices_is_refused(grid, tmp_path):
    with pytest.raises(ArgumentError):
        draw_confusions(grid, ["a", "b"], tmp_path / "a.png")


def test_overlays_colour_by_the_map_and_leave_the_picture_beside_them(tmp_path):
    # Left half 0, right half 1, on a picture of one colour.
    halves = np.repeat([[0.0] * 8 + [1.0] * 8], 16, axis=0)
    plain = np.full((50, 50, 3), (200, 100, 150), np.uint8)
    picture = pixels(draw_overlays([("a", plain, halves, halves[:, ::-1])], tmp_path / "a.png"))
    row = picture[int(0.35 * len(picture))]
    # A run is a stretch of one colour: the picture, then both halves of both maps.
    edges = np.flatnonzero((np.abs(np.diff(row, axis=0)) > 1e-6).any(axis=1))
    longest = sorted(sorted(zip(np.diff(edges), edges[:-1], strict=True))[-5:], key=lambda run: run[1])
    original, *shades = (row[start + length // 2] for length, start in longest)
    np.testing.assert_allclose(original, np.array([200, 100, 150]) / 255, atol=0.01)
    np.testing.assert_allclose(shades[0], shades[3], atol=0.01)
    np.testing.assert_allclose(shades[1], shades[2], atol=0.01)
    assert shades[1].sum() > shades[0].sum() + 0.5


def test_overlay_shows_the_picture_below_the_map(tmp_path):
    flat = np.full((4, 4), 0.5)
    dark, light = np.full((50, 50, 3), 20, np.uint8), np.full((50, 50, 3), 230, np.uint8)
    paths = [
        draw_overlays([("a", picture, flat, flat)], tmp_path / f"{i}.png")
        for i, picture in enumerate((dark, light))
    ]
    shades = [pixels(path)[150, -150] for path in paths]
    assert (shades[1] > shades[0] + 0.2).all()


def test_maps_of_one_value_and_of_other_sizes_are_drawn(tmp_path):
    wide = RNG.integers(0, 256, (40, 80, 3), dtype=np.uint8)
    row = ("a", wide, np.ones((1, 1)), RNG.random((5, 10)))
    assert draw_overlays([row, OVERLAY, row, row], tmp_path / "a.png").exists()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no picture"),
        ([("grey", PICTURES[0][..., 0], np.eye(2), np.eye(2))], "'grey'"),
        ([("scaled", PICTURES[0] / 255, np.eye(2), np.eye(2))], "float64"),
        ([("deep", PICTURES[0], np.zeros((2, 2, 1)), np.eye(2))], r"\(2, 2, 1\)"),
        ([("large", PICTURES[0], np.eye(2), 2 * np.eye(2))], "from 0 to 2"),
        ([("no number", PICTURES[0], np.eye(2) * np.nan, np.eye(2))], "nan"),
    ],
)
def test_what_is_no_overlay_is_refused(rows, message, tmp_path):
    with pytest.raises(ArgumentError, match=message):
        draw_overlays(rows, tmp_path / "a.png")


def test_real_cells(real_data, tmp_path):
    files = sorted((real_data / "cnmc2019").rglob("*.bmp"))[:4]
    # Matplotlib reads BMP through Pillow, which gives uint8.
    cells = [image.imread(file) for file in files]
    panels = [(file.stem, cell) for file, cell in zip(files, cells, strict=True)]
    picture = pixels(draw_samples(panels, tmp_path / "a.png"))
    assert (picture.max(axis=-1) - picture.min(axis=-1)).max() > 0.2
