"""Geometric transforms: an affine matrix, the warp that applies it, and quarter turns.

The conventions are those of `keras.src.legacy.preprocessing.image.ImageDataGenerator.apply_transform` with
`interpolation_order=1`: the same parameters give the same image.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from leukcnn.augmentation.checks import as_opencv, check_image, output_like
from leukcnn.errors import ArgumentError

_BORDERS = {
    "nearest": cv2.BORDER_REPLICATE,
    "reflect": cv2.BORDER_REFLECT,
    "wrap": cv2.BORDER_REPLICATE,
    "constant": cv2.BORDER_CONSTANT,
}
FILL_MODES = tuple(_BORDERS)

_IDENTITY = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
_TURN_CODES = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}
_FLIP_CODES = {(True, False): 1, (False, True): 0, (True, True): -1}
_FAR_OUTSIDE = -9.0  # pixels; there, bilinear interpolation gives the border value alone


def affine_matrix(
    image_shape: Sequence[int],
    *,
    theta: float = 0.0,
    tx: float = 0.0,
    ty: float = 0.0,
    shear: float = 0.0,
    zx: float = 1.0,
    zy: float = 1.0,
    shear_factor_x: float = 0.0,
    shear_factor_y: float = 0.0,
) -> np.ndarray:
    """Composes rotation, shift, shear and zoom, in that order, about the image's centre.

    The centre is computed as in Keras, x = (height - 1) / 2 and y = (width - 1) / 2, which is right for
    square images only. Crop others to a square first (`leukcnn.preprocessing.square_crop`).

    Args:
        image_shape: Height and width in pixels; further entries are ignored.
        theta: Rotation, degrees.
        tx: Shift of the input's columns, pixels.
        ty: Shift of the input's rows, pixels.
        shear: Shear angle, degrees, as in Keras: [[1, -sin], [0, cos]].
        zx: Zoom of the columns; above 1 the image shrinks.
        zy: Zoom of the rows; above 1 the image shrinks.
        shear_factor_x: Shear as a plain factor f, [[1, f], [0, 1]]: columns per row.
        shear_factor_y: Shear as a plain factor f, [[1, 0], [f, 1]]: rows per column.

    Returns:
        (2, 3) float64 matrix that maps (column, row, 1) of the output to (column, row) of the input.
    """
    # Plain floats are several times as fast as 3x3 products. The sums keep the order of those products: at
    # a hard border ('constant', 'wrap') the last bit of a coordinate can change a pixel.
    xx, xy, yx, yy, x_shift, y_shift = 1.0, 0.0, 0.0, 1.0, tx, ty
    if theta != 0:
        cosine, sine = _cosine_and_sine(theta)
        xx, xy, yx, yy = cosine, -sine, sine, cosine
        x_shift, y_shift = cosine * tx - sine * ty, sine * tx + cosine * ty
    if shear != 0:
        cosine, sine = _cosine_and_sine(shear)
        xy, yy = xx * -sine + xy * cosine, yx * -sine + yy * cosine
    xx, xy, yx, yy = xx * zx, xy * zy, yx * zx, yy * zy
    if shear_factor_x != 0 or shear_factor_y != 0:
        xx, xy = xx + xy * shear_factor_y, xx * shear_factor_x + xy
        yx, yy = yx + yy * shear_factor_y, yx * shear_factor_x + yy
    x_middle, y_middle = image_shape[0] / 2 - 0.5, image_shape[1] / 2 - 0.5
    x_offset = (xx * -x_middle + xy * -y_middle) + (x_shift + x_middle)
    y_offset = (yx * -x_middle + yy * -y_middle) + (y_shift + y_middle)
    return np.array(((xx, xy, x_offset), (yx, yy, y_offset)))


def warp(
    image: np.ndarray,
    matrix: np.ndarray,
    *,
    flip_horizontal: bool = False,
    flip_vertical: bool = False,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Resamples an image once, bilinearly, by a matrix, and then flips it.

    With the identity matrix, nothing is interpolated.

    Args:
        image: (H, W, C), uint8 or float32 of any range, 1 to 4 channels.
        matrix: (2, 3), maps (column, row, 1) of the output to (column, row) of the input (`affine_matrix`).
        flip_horizontal: Whether left and right are swapped, after the matrix is applied.
        flip_vertical: Whether top and bottom are swapped, after the matrix is applied.
        fill_mode: How a row `a b c d` is continued: "nearest" a a|a b c d|d d, "reflect" b a|a b c d|d c,
            "wrap" b c|a b c d|b c (the last pixel and the first coincide, as in SciPy), or "constant" with
            `cval`, which isn't blended into the edge.
        cval: Grey level outside the image for "constant"; 0..255 for uint8.
        out: Array to write to: C-contiguous, of the image's shape and dtype, and not sharing its memory.

    Returns:
        (H, W, C) of the input's dtype: `out` if given, otherwise a new array.

    Raises:
        ArgumentError: The image, `out`, `fill_mode` or `cval` isn't as described.
    """
    check_image(image)
    check_fill(fill_mode, cval, dtype=image.dtype)
    out = output_like(image, out)
    warp_into(out, image, matrix, flip_horizontal, flip_vertical, fill_mode, cval)
    return out


def warp_into(
    out: np.ndarray,
    image: np.ndarray,
    matrix: np.ndarray,
    flip_horizontal: bool,
    flip_vertical: bool,
    fill_mode: str,
    cval: float,
) -> None:
    """Does the work of `warp`, without checking the arguments."""
    if image.shape[2] == 2:
        # For two channels alone, OpenCV rounds coordinates to 1/32 pixel: up to 6 grey levels.
        padded = np.concatenate([image, image[..., :1]], axis=2)
        warped = np.empty_like(padded)
        warp_into(warped, padded, matrix, flip_horizontal, flip_vertical, fill_mode, cval)
        np.copyto(out, warped[..., :2])
        return
    source, target = as_opencv(image), as_opencv(out)
    height, width = image.shape[:2]
    (xx, xy, x_offset), (yx, yy, y_offset) = rows = matrix.tolist()
    if rows == _IDENTITY:
        if flip_horizontal or flip_vertical:
            cv2.flip(source, _FLIP_CODES[bool(flip_horizontal), bool(flip_vertical)], dst=target)
        else:
            np.copyto(out, image)
    elif image.dtype == np.uint8 and fill_mode in ("nearest", "reflect"):
        if flip_horizontal:
            xx, yx, x_offset, y_offset = -xx, -yx, x_offset + xx * (width - 1), y_offset + yx * (width - 1)
        if flip_vertical:
            xy, yy, x_offset, y_offset = -xy, -yy, x_offset + xy * (height - 1), y_offset + yy * (height - 1)
        cv2.warpAffine(
            source,
            np.array(((xx, xy, x_offset), (yx, yy, y_offset))),
            (width, height),
            dst=target,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=_BORDERS[fill_mode],
        )
    else:
        # warpAffine computes coordinates in float32, which costs up to 0.013 grey levels on real images.
        # OpenCV's 'wrap' (period n, not n - 1) and 'constant' (blended into the edge) differ from SciPy's.
        columns, rows = _coordinates(matrix, height, width, flip_horizontal, flip_vertical)
        if fill_mode == "wrap":
            columns, rows = _wrapped(columns, width), _wrapped(rows, height)
        elif fill_mode == "constant":
            outside = (columns < 0) | (columns > width - 1) | (rows < 0) | (rows > height - 1)
            columns[outside] = _FAR_OUTSIDE
        cv2.remap(
            source,
            columns.astype(np.float32),
            rows.astype(np.float32),
            cv2.INTER_LINEAR,
            dst=target,
            borderMode=_BORDERS[fill_mode],
            borderValue=(cval,) * 4,
        )


def quarter_turned(image: np.ndarray, turns: int, *, out: np.ndarray | None = None) -> np.ndarray:
    """Turns a square image by multiples of 90 degrees, as `numpy.rot90` does; nothing is interpolated.

    Args:
        image: (H, H, C), uint8 or float32, 1 to 4 channels; it isn't modified.
        turns: Number of quarter turns, counter-clockwise; any whole number.
        out: Array to write to: C-contiguous, of the image's shape and dtype, and not sharing its memory.

    Returns:
        (H, H, C) of the input's dtype: `out` if given, otherwise a new array.

    Raises:
        ArgumentError: The image isn't square, or the image or `out` isn't as described.
    """
    check_image(image)
    check_square(image.shape)
    out = output_like(image, out)
    if turns % 4:
        cv2.rotate(as_opencv(image), _TURN_CODES[turns % 4], dst=as_opencv(out))
    else:
        np.copyto(out, image)
    return out


def check_square(image_shape: Sequence[int]) -> None:
    """Checks that images are square, so that a quarter turn keeps their shape.

    Args:
        image_shape: Height and width in pixels; further entries are ignored.

    Raises:
        ArgumentError: Height and width differ.
    """
    height, width = image_shape[:2]
    if height != width:
        raise ArgumentError(
            f"Quarter turns can't be applied to an image of {height}x{width} pixels.",
            expected="a square image, which keeps its shape",
            remedy="crop it first (`leukcnn.preprocessing.square_crop`), or use `rotation_range`",
        )


def check_fill(fill_mode: str, cval: float, *, dtype: np.dtype | None = None) -> None:
    """Checks that the fill mode is known and that images of the dtype can hold the fill value.

    Raises:
        ArgumentError: The fill mode is unknown, or the value is outside 0..255 for uint8.
    """
    if not isinstance(fill_mode, str) or fill_mode not in _BORDERS:
        raise ArgumentError(
            f"fill_mode is {fill_mode!r}.",
            expected=" | ".join(repr(mode) for mode in _BORDERS),
            remedy='pass one of them; Keras\' default is "nearest"',
        )
    if dtype == np.uint8 and not 0 <= cval <= 255:
        raise ArgumentError(
            f"cval is {cval!r} and the image is uint8.",
            expected="0 to 255",
            remedy="pass a grey level in this range, or a float32 image",
        )


def _coordinates(
    matrix: np.ndarray, height: int, width: int, flip_horizontal: bool, flip_vertical: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the input's column and row for every output pixel, each (H, W) float64.

    The sums have SciPy's order (offset, row, column), and flips reverse the axes, not the matrix. Each
    coordinate then equals SciPy's to the last bit, which can change a pixel at a hard border.
    """
    x = np.arange(width, dtype=np.float64)
    y = np.arange(height, dtype=np.float64)
    if flip_horizontal:
        x = x[::-1]
    if flip_vertical:
        y = y[::-1]
    (xx, xy, x_offset), (yx, yy, y_offset) = matrix.tolist()
    return (x_offset + y * xy)[:, None] + x * xx, (y_offset + y * yy)[:, None] + x * yx


def _wrapped(coordinates: np.ndarray, length: int) -> np.ndarray:
    """Maps coordinates into 0..length-1 with SciPy's period of length - 1."""
    period = length - 1
    if period == 0:
        return np.zeros_like(coordinates)
    below, above = coordinates < 0, coordinates > period
    low, high = coordinates[below], coordinates[above]
    coordinates[below] = low + period * (np.trunc(-low / period) + 1)
    coordinates[above] = high - period * np.trunc(high / period)
    return coordinates


def _cosine_and_sine(degrees: float) -> tuple[float, float]:
    angle = math.radians(degrees)
    # NumPy's functions, as in Keras: those of the C library may differ in the last bit.
    return float(np.cos(angle)), float(np.sin(angle))
