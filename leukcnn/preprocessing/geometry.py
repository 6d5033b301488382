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


def resize(image: np.ndarray, size: int | tuple[int, int], *, interpolation: str = "area") -> np.ndarray:
    """Resizes an image or a batch; the aspect ratio isn't kept.

    Args:
        image: (H, W, C) or (N, H, W, C), uint8 or float32 of any range, 1 to 4 channels.
        size: Height and width in pixels, one number for both or (height, width).
        interpolation: "area" (the mean of the covered pixels, for smaller images), "linear", "nearest",
            "cubic" or "lanczos".

    Returns:
        (h, w, C) or (N, h, w, C), a new array of the input's dtype. With "cubic" and "lanczos", float32
        values may exceed the input's range.

    Raises:
        ArgumentError: The size isn't a positive whole number, the interpolation is unknown, or the image has
            another dtype or number of channels.
    """
    check_layout(image, for_opencv=True)
    height, width = _pair(size)
    if not isinstance(interpolation, str) or interpolation not in INTERPOLATIONS:
        raise ArgumentError(
            f"The interpolation is {interpolation!r}.",
            expected=" | ".join(repr(name) for name in INTERPOLATIONS),
            remedy='pass "area" to make images smaller and "linear" to make them larger',
        )
    channels = image.shape[-1]
    resized = np.empty((*image.shape[:-3], height, width, channels), image.dtype)
    sources = image.reshape(-1, *image.shape[-3:])
    for source, target in zip(sources, resized.reshape(-1, height, width, channels), strict=True):
        shrunk = cv2.resize(source, (width, height), interpolation=INTERPOLATIONS[interpolation])
        target[...] = shrunk.reshape(target.shape)
    return resized


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
