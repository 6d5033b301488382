"""Cropping and resizing."""

from numbers import Integral

import cv2
import numpy as np

from leukcnn.errors import ArgumentError
from leukcnn.preprocessing.layout import check_layout

INTERPOLATIONS = {
    "area": cv2.INTER_AREA,
    "linear": cv2.INTER_LINEAR,
    "nearest": cv2.INTER_NEAREST_EXACT,
    "cubic": cv2.INTER_CUBIC,
    "lanczos": cv2.INTER_LANCZOS4,
}


def center_crop(image: np.ndarray, size: int | tuple[int, int]) -> np.ndarray:
    """Crops the central rectangle of an image or a batch.

    If a margin is odd, the extra row or column is removed at the bottom or on the right.

    Args:
        image: (H, W, C) or (N, H, W, C), any dtype and range.
        size: Height and width in pixels, one number for both or (height, width).

    Returns:
        A view of the input, (h, w, C) or (N, h, w, C).

    Raises:
        ArgumentError: The size isn't a positive whole number, or is larger than the image.
    """
    check_layout(image)
    height, width = _pair(size)
    rows, columns = image.shape[-3:-1]
    if height > rows or width > columns:
        raise ArgumentError(
            f"The crop of {height}x{width} pixels is larger than the image of {rows}x{columns}.",
            expected=f"at most {rows}x{columns}",
            remedy="crop less, or enlarge the image first with `resize`",
        )
    top, left = (rows - height) // 2, (columns - width) // 2
    return image[..., top : top + height, left : left + width, :]


def square_crop(image: np.ndarray) -> np.ndarray:
    """Crops the largest central square of an image or a batch.

    Args:
        image: (H, W, C) or (N, H, W, C), any dtype and range.

    Returns:
        A view of the input, (s, s, C) or (N, s, s, C) with s = min(H, W).

    Raises:
        ArgumentError: The array is neither an image nor a batch.
    """
    check_layout(image)
    return center_crop(image, min(image.shape[-3:-1]))


def resize(
    image: np.ndarray,
    size: int | tuple[int, int],
    *,
    interpolation: str | tuple[str, str] = ("area", "cubic"),
) -> np.ndarray:
    """Resizes an image or a batch; the aspect ratio isn't kept.

    Height and width are treated separately. If one shrinks and the other grows, the image is shrunk first and
    then enlarged; uint8 values are rounded after each step.

    Args:
        image: (H, W, C) or (N, H, W, C), uint8 or float32 of any range, 1 to 4 channels.
        size: Height and width in pixels, one number for both or (height, width).
        interpolation: A pair: the first is used where the image shrinks, the second where it grows. Or one
            name for both: "linear", "nearest", "cubic" (Keys' kernel with a = -0.75, as in OpenCV) or
            "lanczos". "area" is the mean of the covered pixels and only shrinks: where an image grows, it
            would repeat pixels, as "nearest" does.

    Returns:
        (h, w, C) or (N, h, w, C), a new array of the input's dtype. "cubic" and "lanczos" overshoot at edges:
        float32 values may exceed the input's range, uint8 values are clipped to 0..255.

    Raises:
        ArgumentError: The size isn't a positive whole number, the interpolation is unknown, "area" would
            enlarge, or the image has another dtype or number of channels.
    """
    check_layout(image, for_opencv=True)
    (height, width), (rows, columns) = _pair(size), image.shape[-3:-1]
    shrinking, enlarging = _kernels(interpolation)
    smaller = (min(height, rows), min(width, columns))
    if enlarging == "area" and smaller != (height, width):
        raise ArgumentError(
            f"An image of {rows}x{columns} pixels is enlarged to {height}x{width} with 'area'.",
            expected="'area' only where the image shrinks: enlarging with it repeats pixels, in blocks",
            remedy='pass "cubic" or "linear", or the pair ("area", "cubic")',
        )
    steps = [(smaller, shrinking), ((height, width), enlarging)][shrinking == enlarging :]
    channels = image.shape[-1]
    resized = np.empty((*image.shape[:-3], height, width, channels), image.dtype)
    sources = image.reshape(-1, *image.shape[-3:])
    for source, target in zip(sources, resized.reshape(-1, height, width, channels), strict=True):
        for (h, w), name in steps:
            if source.shape[:2] != (h, w):
                source = cv2.resize(source, (w, h), interpolation=INTERPOLATIONS[name])
        target[...] = source.reshape(target.shape)
    return resized


def _kernels(interpolation: str | tuple[str, str]) -> tuple[str, str]:
    """Returns the names for shrinking and enlarging.

    Raises:
        ArgumentError: They aren't one known name or two.
    """
    names = (interpolation,) * 2 if isinstance(interpolation, str) else interpolation
    if (
        not isinstance(names, tuple | list)
        or len(names) != 2
        or any(not isinstance(name, str) or name not in INTERPOLATIONS for name in names)
    ):
        raise ArgumentError(
            f"The interpolation is {interpolation!r}.",
            expected=" | ".join(repr(name) for name in INTERPOLATIONS) + ", or a pair of them",
            remedy='pass e.g. ("area", "cubic"), which shrinks with the first and enlarges with the second',
        )
    return names[0], names[1]


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    """Returns (height, width) for one number or a pair.

    Raises:
        ArgumentError: The size is neither, or isn't positive.
    """
    pair = (size, size) if isinstance(size, Integral) else size
    if (
        not isinstance(pair, tuple | list)
        or len(pair) != 2
        or any(isinstance(n, bool) or not isinstance(n, Integral) or n < 1 for n in pair)
    ):
        raise ArgumentError(
            f"The size is {size!r}.",
            expected="a number of pixels of at least 1, or a pair (height, width)",
            remedy="pass e.g. 224 or (224, 224)",
        )
    return int(pair[0]), int(pair[1])
