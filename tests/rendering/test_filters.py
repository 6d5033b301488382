import io

import cv2
import numpy as np
import pytest
from matplotlib import colormaps, image

from leukcnn.errors import ArgumentError
from leukcnn.rendering.filters import FilterPanel, draw_filters

MARK = "NOT COMPARABLE WITH THE PAPER: smoke profile, drawn data"
RNG = np.random.default_rng(0)
PICTURE = np.full((40, 40, 3), (200, 100, 150), np.uint8)
MAPS = [
    ("block1_conv2", np.array([17, 3]), RNG.random((2, 16, 16))),
    ("block5_conv3", np.array([511, 0]), RNG.random((2, 2, 2))),
]
PANEL = FilterPanel("pathological, CellaVision, taken for non-pathological", PICTURE, MAPS)


def pixels(path) -> np.ndarray:
    """(H, W, 3) of the picture, 0 to 1."""
    return image.imread(io.BytesIO(path.read_bytes()), format="png")[..., :3]


def shows(picture: np.ndarray, value: float) -> int:
    """Pixels in the colour of a value, the colour bar's left out."""
    colour = np.array(colormaps["viridis"](value)[:3])
    return int((np.abs(picture[: int(0.7 * len(picture))] - colour).max(axis=-1) < 0.004).sum())


def test_same_input_gives_the_same_bytes(tmp_path):
    first, second = (draw_filters([PANEL], tmp_path / name, mark=MARK, caption="c") for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("mark", ["", MARK])
@pytest.mark.parametrize("panels", [[PANEL], [PANEL, PANEL], [PANEL._replace(maps=MAPS[:1])]])
def test_nothing_is_cut_off_at_the_edges(panels, mark, tmp_path):
    picture = pixels(draw_filters(panels, tmp_path / "a.png", mark=mark, caption="A caption. " * 20))
    assert all((edge == 1).all() for edge in (picture[0], picture[-1], picture[:, 0], picture[:, -1]))


def test_figure_grows_with_pictures_and_layers(tmp_path):
    one = pixels(draw_filters([PANEL], tmp_path / "a.png"))
    two = pixels(draw_filters([PANEL, PANEL], tmp_path / "b.png"))
    narrow = pixels(draw_filters([PANEL._replace(maps=MAPS[:1])], tmp_path / "c.png"))
    assert two.shape[1] == one.shape[1]
    # All but the colour bar is there twice.
    assert len(two) - len(one) == pytest.approx(len(one) - 150 * 0.75, abs=2)
    assert one.shape[1] - narrow.shape[1] == pytest.approx(150 * 1.6, abs=2)


def test_each_map_has_its_own_scale_from_0_to_its_largest_value(tmp_path):
    # Left half at half the largest value, in two maps of units that differ by 1000.
    halves = np.repeat([[0.5] * 4 + [1.0] * 4], 8, axis=0)
    maps = [("conv", np.array([0, 1]), np.stack([halves, 1000 * halves]))]
    picture = pixels(draw_filters([PANEL._replace(maps=maps)], tmp_path / "a.png"))
    assert shows(picture, 1.0) == pytest.approx(shows(picture, 0.5), rel=0.05)
    assert shows(picture, 1.0) > 20_000


def test_what_lies_below_0_and_a_filter_that_says_nothing_are_dark(tmp_path):
    maps = [("conv", np.array([0, 1]), np.stack([np.full((4, 4), -3.0), np.zeros((4, 4))]))]
    picture = pixels(draw_filters([PANEL._replace(maps=maps)], tmp_path / "a.png"))
    assert shows(picture, 0.0) > 40_000
    assert shows(picture, 1.0) == 0


def test_picture_is_shown_as_it_is(tmp_path):
    picture = pixels(draw_filters([PANEL], tmp_path / "a.png"))
    own = np.abs(picture - np.array([200, 100, 150]) / 255).max(axis=-1) < 0.004
    assert own.sum() > 50_000
    # It stands left of every map.
    assert np.nonzero(own)[1].max() < picture.shape[1] // 2


def test_layers_may_have_fewer_filters_than_others(tmp_path):
    few = [MAPS[0], ("block5_conv3", np.array([7]), np.ones((1, 2, 2)))]
    assert draw_filters([PANEL, PANEL._replace(maps=few)], tmp_path / "a.png").exists()


@pytest.mark.parametrize(
    ("panels", "message"),
    [
        ([], "no picture"),
        ([PANEL._replace(picture=PICTURE / 255)], "float64"),
        ([PANEL._replace(picture=PICTURE[..., 0])], r"\(40, 40\)"),
        ([PANEL._replace(maps=[])], "no maps"),
        ([PANEL._replace(maps=[("conv", np.array([1]), np.ones((2, 4, 4)))])], "1 filters"),
        ([PANEL._replace(maps=[("conv", np.array([1]), np.ones((4, 4)))])], r"\(4, 4\)"),
        ([PANEL._replace(maps=[("conv", np.array([], int), np.ones((0, 4, 4)))])], "0 filters"),
        ([PANEL._replace(maps=[("conv", np.array([1]), np.full((1, 4, 4), np.nan))])], "conv"),
    ],
)
def test_what_can_not_be_drawn_is_refused(panels, message, tmp_path):
    with pytest.raises(ArgumentError, match=message):
        draw_filters(panels, tmp_path / "a.png")


def test_real_smear(real_data, tmp_path):
    file = min((real_data / "segmentation_wbc" / "Dataset 2").rglob("*.bmp"))
    smear = cv2.imread(str(file))[..., ::-1]
    grey = smear.mean(axis=-1)[None]
    panel = FilterPanel("CellaVision", smear, [("its grey", np.array([0]), grey)])
    picture = pixels(draw_filters([panel], tmp_path / "a.png"))
    assert (picture.max(axis=-1) - picture.min(axis=-1)).max() > 0.2
