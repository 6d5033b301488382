"""Tests of every kind of plot, with data made by hand."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib import colormaps, image
from matplotlib.colors import to_rgb

from leukcnn.rendering.canvas import BLUE, GREY, ORANGE
from leukcnn.rendering.feature_space import plot_feature_space
from leukcnn.rendering.figures import HEAT, OVERLAY, heat, overlay, plot_confusion_matrices, plot_images
from leukcnn.rendering.histograms import plot_histograms
from leukcnn.rendering.history import plot_history
from leukcnn.rendering.topology import plot_topology

MARK = "NOT COMPARABLE WITH THE PAPER: smoke profile, synthetic data"
CLASSES = ("non-pathological", "pathological")
RNG = np.random.default_rng(0)
# Grey noise: the mark is then the only red text.
IMAGE = np.repeat(RNG.integers(0, 256, (60, 80, 1), dtype=np.uint8), 3, axis=2)
TITLED = ("0_3: true pathological, predicted non-pathological, score 0.80", IMAGE)
MAPS = [overlay(IMAGE, np.eye(4)), heat(RNG.normal(size=(8, 8)))]
CURVES = {
    "accuracy": [0.5, 0.6, 0.8],
    "val_accuracy": [0.4, 0.7, 0.65],
    "loss": [1.2, 0.8, 0.5],
    "val_loss": [1.3, 0.7, 0.75],
}
# Class 1 is to the right of x = 0.
PLANE = {
    "points": np.concatenate([RNG.normal((-2, 0), 0.5, (20, 2)), RNG.normal((2, 0), 0.5, (20, 2))]),
    "labels": np.repeat([0, 1], 20),
    "coefficients": np.array([1.0, 0.0]),
    "intercept": 0.0,
    "accuracy": 1.0,
}
LEVELS = np.bincount([20] * 300 + [120] * 100 + [220] * 200, minlength=256)
CLUSTERS = [("dark: 300\nchosen", np.array([20])), ("middle", np.array([120])), ("bright", np.array([220]))]
LAYERS = [
    ("Input\n224 × 224 × 3", "input", []),
    ("Conv2D 64, 11 × 11\nbatch normalisation\n56 × 56 × 64", "convolution", []),
    ("Flatten\n9", "", []),
    ("Concatenate\n12", "joining", [(0, "Max pooling 16 × 16\n14 × 14 × 3", "pooling")]),
]


def planes(*several, path, **texts):
    panels = [(name, SimpleNamespace(**PLANE | one)) for name, one in zip("abcd", several, strict=False)]
    return plot_feature_space([*panels, ("DFT", "Not measured: not trained")], CLASSES, path, **texts)


PLOTS = {
    "images": lambda path, **k: plot_images([TITLED, None, ("", IMAGE[..., 0])] * 3, path, **k),
    "maps": lambda path, **k: plot_images(
        [("map", one) for one in MAPS] * 2, path, n_columns=2, scale=(HEAT, "0: nothing\n1: all"), **k
    ),
    "history": lambda path, **k: plot_history([("VGG16", CURVES, 2), ("VGG19", CURVES, None)], path, **k),
    "topology": lambda path, **k: plot_topology([("VGG16", LAYERS), ("(b)", LAYERS[:1])], path, **k),
    "confusions": lambda path, **k: plot_confusion_matrices(
        [("CNN, k-fold on ALL-IDB 1", np.eye(2, dtype=int)), None] * 2, CLASSES, path, n_columns=2, **k
    ),
    "confusion": lambda path, **k: plot_confusion_matrices(
        [("a", np.diag([3, 0, 2]))], list("abc"), path, **k
    ),
    "histograms": lambda path, **k: plot_histograms(
        [("ALL", IMAGE, LEVELS, CLUSTERS, 20), ("flat", IMAGE, LEVELS, [], 0)], path, rule="darkest", **k
    ),
    "space": lambda path, **k: planes({}, {"intercept": 9.0}, {"points": np.ones((40, 2))}, path=path, **k),
}


def pixels(path) -> np.ndarray:
    """(H, W, 3) of the image, 0 to 1."""
    return image.imread(io.BytesIO(path.read_bytes()), format="png")[..., :3]


def of_colour(image: np.ndarray, colour: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the pixels of one colour."""
    return np.nonzero(np.abs(image - to_rgb(colour)).max(axis=-1) < 0.004)


@pytest.fixture(params=PLOTS)
def make_plot(request):
    return PLOTS[request.param]


def test_same_input_gives_the_same_bytes(make_plot, tmp_path):
    first, second = (make_plot(tmp_path / name, mark=MARK, caption="c") for name in ("a.png", "b.png"))
    assert first.read_bytes() == second.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_mark_is_visible_at_the_top(make_plot, tmp_path):
    marked = pixels(make_plot(tmp_path / "a.png", mark=MARK))
    rows, _ = of_colour(marked, "#B00020")
    assert len(rows)
    assert rows.max() < 0.25 * len(marked)
    assert not len(of_colour(pixels(make_plot(tmp_path / "b.png")), "#B00020")[0])


def test_nothing_is_cut_off_at_the_edges(make_plot, tmp_path):
    image = pixels(make_plot(tmp_path / "a.png", mark=MARK, caption="A caption that goes on. " * 9))
    assert all((edge == 1).all() for edge in (image[0], image[-1], image[:, 0], image[:, -1]))


def test_images_are_in_order(tmp_path):
    colours = np.eye(3) * 255
    panels = [(name, np.full((50, 50, 3), one, np.uint8)) for name, one in zip("rgb", colours, strict=True)]
    image = pixels(plot_images(panels, tmp_path / "a.png"))
    middle = image[int(0.6 * len(image))]
    places = [np.flatnonzero((middle == colour).all(axis=-1)).mean() for colour in np.eye(3)]
    assert places == sorted(places)


def test_grey_images_keep_their_shade(tmp_path):
    # Without fixed limits Matplotlib would stretch a flat image to black.
    image = pixels(plot_images([("grey", np.full((50, 50), 100, np.uint8))], tmp_path / "a.png"))
    np.testing.assert_allclose(image[int(0.6 * len(image)), image.shape[1] // 2], 100 / 255, atol=0.01)


def test_rows_of_images_are_as_high_as_images_and_titles_need(tmp_path):
    def height(*panels):
        return len(pixels(plot_images(panels, tmp_path / "a.png", n_columns=2)))

    one, wide = ("", IMAGE[:, :60]), ("", IMAGE[:30, :60])
    assert height(one) > 1.5 * height(wide)
    assert height(one, one, one) > 1.9 * height(one, one)
    assert height(("a " * 40, IMAGE[:, :60])) > height(one) + 20


def test_heat_has_its_own_scale_from_0_to_the_largest_value():
    values = np.array([[-4.0, 0.0, 500.0, 1000.0]])
    expected = [colormaps[HEAT](value)[:3] for value in (0.0, 0.0, 0.5, 1.0)]
    np.testing.assert_allclose(heat(values)[0], 255 * np.array(expected), atol=1)
    np.testing.assert_array_equal(heat(-values[:, :1]), heat(np.ones((1, 1))))
    assert len(np.unique(heat(np.full((2, 2), -1.0)).reshape(-1, 3), axis=0)) == 1


def test_overlay_covers_the_whole_image_in_grey():
    image = np.full((20, 30, 3), (250, 0, 0), np.uint8)
    plain = overlay(image, np.ones((4, 5)))
    grey = 0.299 * 250
    expected = 0.45 * grey + 0.55 * 255 * np.array(colormaps[OVERLAY](1.0)[:3])
    np.testing.assert_allclose(plain, np.broadcast_to(expected, (20, 30, 3)), atol=1)
    half = overlay(image, np.repeat([[0.0, 0.0, 1.0, 1.0]], 2, axis=0))
    assert half[:, -1].mean() > half[:, 0].mean() + 50


def test_confusion_is_shaded_by_the_fraction_of_the_true_class(tmp_path):
    # Both rows are 9 to 1: both diagonals have one shade although the counts differ by a factor of 100.
    image = pixels(plot_confusion_matrices([("", np.array([[9, 1], [100, 900]]))], "ab", tmp_path / "a.png"))
    colours, counts = np.unique(image.reshape(-1, 3), axis=0, return_counts=True)
    shades = sorted(counts[(colours < 0.999).any(axis=1)])[-2:]
    assert shades[0] == pytest.approx(shades[1], rel=0.1)


@pytest.mark.parametrize("n", [1, 30, 31, 400])
def test_history_of_any_length_and_without_validation(n, tmp_path):
    values, nothing = np.linspace(0.5, 0.9, n), np.full(n, np.nan)
    curves = {"accuracy": values, "val_accuracy": values - 0.05, "loss": 1 - values, "val_loss": values}
    assert plot_history([("a", curves, n)] * 4, tmp_path / "a.png").exists()
    bare = curves | {"val_accuracy": nothing, "val_loss": nothing}
    assert plot_history([("a", bare, None)], tmp_path / "a.png").exists()


def test_loss_changes_only_its_own_half(tmp_path):
    one, other = (
        pixels(plot_history([("a", CURVES | {"val_loss": [1.3, x, x]}, 2)], tmp_path / "a.png"))
        for x in (0.65, 0.75)
    )
    differs = (one != other).any(axis=(0, 2))
    assert differs[len(differs) // 2 :].any()
    assert not differs[: len(differs) // 2].any()


def test_bars_have_the_colours_of_their_clusters(tmp_path):
    # Each grey level is equally frequent: each cluster fills a third of the area.
    clusters = [(str(at), np.arange(at, at + 85)) for at in (0, 85, 170)]
    path = tmp_path / "a.png"
    even = pixels(plot_histograms([("", IMAGE, np.ones(256), clusters, 84)], path, rule="darkest"))
    dark, middle, bright = (len(of_colour(even, colour)[0]) for colour in (BLUE, ORANGE, "#A6A6A6"))
    assert middle == pytest.approx(bright, rel=0.1)
    assert dark == pytest.approx(middle, rel=0.1)
    flat = pixels(plot_histograms([("", IMAGE, np.ones(256), [], 0)], path, rule="darkest"))
    assert len(of_colour(flat, GREY)[0]) > 5000
    assert not len(of_colour(flat, BLUE)[0])


def test_each_side_of_the_line_has_the_shade_of_its_class(tmp_path):
    def columns(shade, **changes):
        return of_colour(pixels(planes(changes, path=tmp_path / "a.png")), shade)[1]

    blue, orange = "#DCEAF5", "#FDF1E3"
    assert len(columns(blue)) > 30_000
    assert columns(blue).max() < columns(orange).min()
    other = {"coefficients": np.array([-1.0, 0.0])}
    assert columns(orange, **other).max() < columns(blue, **other).min()
    # A line outside of the image leaves one shade.
    for coefficients in (PLANE["coefficients"], np.zeros(2)):
        assert not len(columns(blue, coefficients=coefficients, intercept=100.0))
        assert not len(columns(orange, coefficients=coefficients, intercept=-100.0))


def test_each_layer_type_has_its_colour_and_shortcuts_are_next_to_the_boxes(tmp_path):
    plotted = pixels(plot_topology([("a", LAYERS)], tmp_path / "a.png"))
    convolution, pooling = (of_colour(plotted, colour) for colour in ("#D3E7F5", "#FBE3C4"))
    assert len(convolution[0]) > 10_000
    assert len(pooling[0]) > 5000
    # The shortcut's text is upright: taller than wide, and to the right of every box of the column.
    assert np.ptp(pooling[0]) > 3 * np.ptp(pooling[1])
    assert pooling[1].min() > convolution[1].max()


def test_shortcuts_that_do_not_overlap_share_a_lane(tmp_path):
    def width(*places):
        boxes = [("a\n1", "", [(start, "", "") for start, end in places if end == i]) for i in range(7)]
        return pixels(plot_topology([("a", boxes)], tmp_path / "a.png")).shape[1]

    assert width((0, 3), (3, 6)) == width((0, 3))
    assert width((0, 4), (3, 6)) > width((0, 3)) + 50


def test_deep_network_without_shortcuts_is_continued_in_the_next_column(tmp_path):
    def shape(n, shortcuts=()):
        boxes = [*LAYERS[:1] * (n - 1), ("Add\n1", "joining", shortcuts)]
        return pixels(plot_topology([("a", boxes)], tmp_path / "a.png")).shape

    assert shape(18)[1] < 600 < shape(19)[1]
    assert shape(19)[0] == pytest.approx(shape(10)[0], abs=3)
    assert shape(40, [(0, "", "")])[1] < 700
