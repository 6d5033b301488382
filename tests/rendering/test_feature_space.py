import io

import numpy as np
import pytest
from matplotlib import image
from matplotlib.colors import to_rgb

from leukcnn.errors import ArgumentError
from leukcnn.rendering.feature_space import Plane, draw_feature_space

MARK = "NOT COMPARABLE WITH THE PAPER: smoke profile, drawn data"
NAMES = ("non-pathological", "pathological")
BLUE_SHADE, ORANGE_SHADE = "#DCEAF5", "#FDF1E3"
RNG = np.random.default_rng(0)
# Class 1 lies right of x = 0.
PLANE = Plane(
    points=np.concatenate([RNG.normal((-2, 0), 0.5, (20, 2)), RNG.normal((2, 0), 0.5, (20, 2))]),
    labels=np.repeat([0, 1], 20),
    coefficients=np.array([1.0, 0.0]),
    intercept=0.0,
    accuracy=1.0,
)
THREE = [("no fine-tuning", PLANE), ("DFT", "Not measured: not trained"), ("mDFT", PLANE)]


def pixels(path) -> np.ndarray:
    """(H, W, 3) of the picture, 0 to 1."""
    return image.imread(io.BytesIO(path.read_bytes()), format="png")[..., :3]


def places(picture: np.ndarray, colour: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the pixels of one colour."""
    return np.nonzero(np.abs(picture - to_rgb(colour)).max(axis=-1) < 0.004)


def drawn(tmp_path, plane: Plane) -> np.ndarray:
    return pixels(draw_feature_space([("mDFT", plane)], NAMES, tmp_path / "a.png"))


def test_same_input_gives_the_same_bytes(tmp_path):
    paths = [draw_feature_space(THREE, NAMES, tmp_path / f"{i}.png", mark=MARK) for i in range(2)]
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("mark", ["", MARK])
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_nothing_is_cut_off_at_the_edges(n, mark, tmp_path):
    panels = [*THREE, THREE[0]][:n]
    picture = pixels(
        draw_feature_space(panels, NAMES, tmp_path / "a.png", mark=mark, caption="A word. " * 30)
    )
    assert all((edge == 1).all() for edge in (picture[0], picture[-1], picture[:, 0], picture[:, -1]))


def test_panels_stand_beside_each_other_up_to_three(tmp_path):
    shapes = [
        pixels(draw_feature_space([THREE[0]] * n, NAMES, tmp_path / "a.png")).shape[:2] for n in (2, 3, 4)
    ]
    assert shapes[1][1] == pytest.approx(1.5 * shapes[0][1], abs=2)
    assert shapes[1][0] == shapes[0][0]
    assert shapes[2][1] == shapes[1][1]
    assert shapes[2][0] > 1.8 * shapes[1][0]


def test_each_side_of_the_line_has_its_class_s_shade(tmp_path):
    picture = drawn(tmp_path, PLANE)
    blue, orange = places(picture, BLUE_SHADE)[1], places(picture, ORANGE_SHADE)[1]
    assert min(len(blue), len(orange)) > 30_000
    assert blue.max() < orange.min()
    # The other way round the same line shades the other way round.
    other = drawn(tmp_path, PLANE._replace(coefficients=-PLANE.coefficients))
    assert places(other, ORANGE_SHADE)[1].max() < places(other, BLUE_SHADE)[1].min()


def test_shades_follow_a_slanted_line(tmp_path):
    slanted = drawn(tmp_path, PLANE._replace(coefficients=np.array([1.0, 1.0])))
    rows, columns = places(slanted, ORANGE_SHADE)
    # Above the diagonal: higher up the shade begins further left.
    upper, lower = (columns[rows == row].min() for row in np.quantile(rows, [0.1, 0.9]).astype(int))
    assert upper < lower


@pytest.mark.parametrize(
    ("intercept", "shade", "absent"), [(100.0, ORANGE_SHADE, BLUE_SHADE), (-100.0, BLUE_SHADE, ORANGE_SHADE)]
)
@pytest.mark.parametrize("coefficients", [(1.0, 0.0), (0.0, 0.0)])
def test_line_outside_the_picture_leaves_one_shade(coefficients, intercept, shade, absent, tmp_path):
    plane = PLANE._replace(coefficients=np.array(coefficients), intercept=intercept)
    picture = drawn(tmp_path, plane)
    assert len(places(picture, shade)[0]) > 60_000
    assert len(places(picture, absent)[0]) == 0


def test_points_at_one_place_and_of_thousands_are_drawn(tmp_path):
    same = PLANE._replace(points=np.ones((40, 2)))
    many = PLANE._replace(points=RNG.normal(size=(5000, 2)), labels=RNG.integers(0, 2, 5000))
    for plane in (same, many):
        assert len(places(drawn(tmp_path, plane), "#FFFFFF")[0])


def test_panel_without_a_projection_says_why_and_has_no_shade(tmp_path):
    empty, other = (
        pixels(draw_feature_space([("DFT", why)], NAMES, tmp_path / "a.png"))
        for why in ("", "Not measured: this row has not been trained")
    )
    assert empty.shape == other.shape
    assert (empty != other).any()
    assert len(places(other, BLUE_SHADE)[0]) == len(places(other, ORANGE_SHADE)[0]) == 0


@pytest.mark.parametrize(
    ("panels", "names", "message"),
    [([], NAMES, "no panel"), (THREE, ("a", "b", "c"), "'c'"), (THREE, ("a",), "'a'")],
)
def test_what_can_not_be_drawn_is_refused(panels, names, message, tmp_path):
    with pytest.raises(ArgumentError, match=message):
        draw_feature_space(panels, names, tmp_path / "a.png")
