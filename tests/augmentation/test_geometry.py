import warnings

import cv2
import numpy as np
import pytest
from keras.src.legacy.preprocessing.image import ImageDataGenerator

from leukcnn.augmentation import FILL_MODES, affine_matrix, quarter_turned, warp
from leukcnn.errors import ArgumentError

CVAL = 37.0
PARAMETERS = {
    "rotation": {"theta": 33.0},
    "quarter turn": {"theta": 90.0},
    "half turn, flipped": {"theta": 180.0, "flip_horizontal": True},
    "whole pixels": {"tx": 3, "ty": -5},
    "half a pixel": {"tx": 0.5, "flip_vertical": True},
    "shear": {"shear": 25.0},
    "far out": {"zx": 3.0, "zy": 2.5},
    "zoom in": {"zx": 0.5, "zy": 0.7, "flip_horizontal": True, "flip_vertical": True},
    "all": {
        "theta": -117.0,
        "tx": 21.7,
        "ty": -33.1,
        "shear": -18.0,
        "zx": 1.3,
        "zy": 0.8,
        "flip_horizontal": True,
    },
}


def reference(image, params, fill_mode):
    generator = ImageDataGenerator(fill_mode=fill_mode, cval=CVAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return generator.apply_transform(image.astype(np.float32), params)


def warped(image, params, fill_mode):
    geometry = {key: value for key, value in params.items() if not key.startswith("flip")}
    flips = {key: value for key, value in params.items() if key.startswith("flip")}
    return warp(image, affine_matrix(image.shape, **geometry), **flips, fill_mode=fill_mode, cval=CVAL)


def assert_agrees(image, params, fill_mode):
    expected = reference(image, params, fill_mode)
    as_float = warped(image.astype(np.float32), params, fill_mode)
    as_bytes = warped(image, params, fill_mode)
    assert as_float.dtype == np.float32
    assert as_bytes.dtype == np.uint8
    assert np.abs(as_float - expected).max() <= 0.01
    assert np.abs(as_bytes - np.round(expected)).max() <= 1


@pytest.fixture(scope="module")
def real_images(real_data):
    files = sorted((real_data / "taleghani").rglob("*.jpg"))[::700]
    files += sorted((real_data / "cnmc2019").rglob("*.bmp"))[::30]
    if not files:
        pytest.skip("needs images of taleghani or cnmc2019")
    return [cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB) for file in files]


@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize("params", PARAMETERS.values(), ids=PARAMETERS)
@pytest.mark.parametrize("shape", [(64, 64, 3), (40, 60, 3), (33, 33, 1), (32, 32, 4)])
def test_agrees_with_keras_on_random_images(shape, params, fill_mode):
    image = np.random.default_rng(7).integers(0, 256, shape, dtype=np.uint8)
    assert_agrees(image, params, fill_mode)


@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize("params", PARAMETERS.values(), ids=PARAMETERS)
def test_agrees_with_keras_on_real_images(real_images, params, fill_mode):
    for image in real_images:
        assert_agrees(image, params, fill_mode)


def row_of(*values):
    return np.array(values, np.uint8).reshape(1, -1, 1).repeat(len(values), axis=0)


@pytest.mark.parametrize(
    ("fill_mode", "row"),
    [
        ("nearest", [30, 40, 50, 50, 50]),
        ("reflect", [30, 40, 50, 50, 40]),
        ("wrap", [30, 40, 50, 20, 30]),
        ("constant", [30, 40, 50, 9, 9]),
    ],
)
def test_a_shift_by_two_equals_one_by_hand(fill_mode, row):
    image = row_of(10, 20, 30, 40, 50)
    for dtype in (np.uint8, np.float32):
        shifted = warp(image.astype(dtype), affine_matrix((5, 5), tx=2), fill_mode=fill_mode, cval=9)
        assert shifted[..., 0].tolist() == [row] * 5


def test_constant_is_not_blended_into_the_edge():
    shifted = warp(row_of(10, 20, 30).astype(np.float32), affine_matrix((3, 3), tx=0.5), fill_mode="constant")
    assert shifted[0, :, 0].tolist() == [15, 25, 0]


def test_a_rotation_by_90_degrees_is_a_quarter_turn():
    image = np.arange(25, dtype=np.uint8).reshape(5, 5, 1)
    turned = warp(image, affine_matrix((5, 5), theta=90))
    assert np.array_equal(turned, np.rot90(image, 1))


def test_a_shear_factor_moves_rows_by_their_distance_from_the_centre():
    image = np.zeros((5, 5, 1), np.uint8)
    image[:, 2] = 200
    sheared = warp(image, affine_matrix((5, 5), shear_factor_x=1.0), fill_mode="constant")
    assert np.array_equal(sheared[..., 0], 200 * np.fliplr(np.eye(5, dtype=np.uint8)))


def test_shear_factors_are_entries_of_the_matrix():
    matrix = affine_matrix((5, 5), shear_factor_x=0.2, shear_factor_y=0.3)
    assert np.allclose(matrix[:, :2], [[1, 0.2], [0.3, 1]])
    assert np.allclose(matrix @ [2, 2, 1], [2, 2])


def test_rotations_compose():
    both = affine_matrix((9, 9), theta=50)
    one, other = (np.vstack([affine_matrix((9, 9), theta=angle), [0, 0, 1]]) for angle in (20, 30))
    assert np.allclose((one @ other)[:2], both)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("fill_mode", FILL_MODES)
def test_identity_and_flips_change_no_value(dtype, fill_mode):
    image = np.random.default_rng(0).integers(0, 256, (6, 9, 3)).astype(dtype)
    matrix = affine_matrix(image.shape)
    same = warp(image, matrix, fill_mode=fill_mode)
    assert np.array_equal(same, image)
    assert not np.shares_memory(same, image)
    assert np.array_equal(warp(image, matrix, flip_horizontal=True, fill_mode=fill_mode), image[:, ::-1])
    assert np.array_equal(warp(image, matrix, flip_vertical=True, fill_mode=fill_mode), image[::-1])
    both = warp(image, matrix, flip_horizontal=True, flip_vertical=True, fill_mode=fill_mode)
    assert np.array_equal(both, image[::-1, ::-1])


@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize("channels", [1, 3])
def test_out_is_written_and_the_input_unchanged(fill_mode, channels):
    image = np.random.default_rng(0).integers(0, 256, (12, 12, channels), dtype=np.uint8)
    before = image.copy()
    matrix = affine_matrix(image.shape, theta=10)
    out = np.empty_like(image)
    assert warp(image, matrix, fill_mode=fill_mode, out=out) is out
    assert np.array_equal(out, warp(image, matrix, fill_mode=fill_mode))
    assert np.array_equal(image, before)


def test_a_view_is_warped_like_its_copy():
    large = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    view = large[4:16, ::-1][:, 2:14]
    matrix = affine_matrix(view.shape, theta=10)
    assert np.array_equal(warp(view, matrix), warp(view.copy(), matrix))


@pytest.mark.parametrize("fill_mode", FILL_MODES)
def test_a_single_pixel_is_unchanged(fill_mode):
    image = np.full((1, 1, 3), 80, np.uint8)
    assert warp(image, affine_matrix((1, 1), theta=30), fill_mode=fill_mode).ravel().tolist() == [80] * 3


def test_an_unknown_fill_mode_is_refused():
    with pytest.raises(ArgumentError, match=r"(?s)'mirror'.*'reflect'"):
        warp(np.zeros((3, 3, 3), np.uint8), affine_matrix((3, 3)), fill_mode="mirror")


def test_a_fill_value_that_bytes_cannot_hold_is_refused():
    with pytest.raises(ArgumentError, match="cval is -1"):
        warp(np.zeros((3, 3, 3), np.uint8), affine_matrix((3, 3)), fill_mode="constant", cval=-1)
    warp(np.zeros((3, 3, 3), np.float32), affine_matrix((3, 3)), fill_mode="constant", cval=-1)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_quarter_turns_are_as_in_numpy(dtype, channels):
    image = np.random.default_rng(0).integers(0, 256, (7, 7, channels)).astype(dtype)
    for turns in range(-1, 6):
        turned = quarter_turned(image, turns)
        assert turned.dtype == dtype
        assert np.array_equal(turned, np.rot90(image, turns))
        assert not np.shares_memory(turned, image)


def test_a_quarter_turn_of_two_by_two_equals_one_by_hand():
    image = np.array([[1, 2], [3, 4]], np.uint8)[..., None]
    assert quarter_turned(image, 1)[..., 0].tolist() == [[2, 4], [1, 3]]


def test_quarter_turns_write_to_out_and_need_a_square():
    image = np.random.default_rng(0).integers(0, 256, (5, 5, 1), dtype=np.uint8)
    out = np.empty_like(image)
    assert quarter_turned(image, 3, out=out) is out
    assert np.array_equal(out, np.rot90(image, 3))
    with pytest.raises(ArgumentError, match=r"(?s)5x6 pixels.*square_crop"):
        quarter_turned(np.zeros((5, 6, 3), np.uint8), 2)


@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_two_channels_are_warped_as_one(dtype, fill_mode):
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 2)).astype(dtype)
    matrix = affine_matrix(image.shape, theta=33, zx=1.1)
    warped = warp(image, matrix, fill_mode=fill_mode)
    for i in (0, 1):
        one = warp(np.ascontiguousarray(image[..., i : i + 1]), matrix, fill_mode=fill_mode)
        assert np.abs(warped[..., i] - one[..., 0].astype(float)).max() <= 0.001
