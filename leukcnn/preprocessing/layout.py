"""Checks of the array layouts that preprocessing accepts."""

import numpy as np

from leukcnn.errors import ArgumentError


def check_layout(image: np.ndarray, *, for_opencv: bool = False) -> None:
    """Checks that a value is an image (H, W, C) or a batch (N, H, W, C).

    Args:
        image: The value to check.
        for_opencv: Whether the dtype must also be uint8 or float32, with 1 to 4 channels.

    Raises:
        ArgumentError: The value is neither, an image has no pixels, or OpenCV can't process the array.
    """
    found = f"{image.dtype} of shape {image.shape}" if isinstance(image, np.ndarray) else f"{image!r:.80}"
    if not isinstance(image, np.ndarray) or image.ndim not in (3, 4) or 0 in image.shape[-3:]:
        raise ArgumentError(
            f"The image is {found}.",
            expected="an array (H, W, C), or (N, H, W, C) for a batch, with at least one pixel",
            remedy="add the missing axis, e.g. `grey[..., None]`",
        )
    if for_opencv and (image.dtype not in (np.uint8, np.float32) or image.shape[-1] > 4):
        raise ArgumentError(
            f"The image is {found}.",
            expected="uint8 or float32 with 1 to 4 channels on the last axis",
            remedy="convert it, e.g. `image.astype('float32')`",
        )
