"""Blacken a region of an image, to find out which regions a network's result depends on."""

import cv2
import numpy as np

from leukcnn.errors import ArgumentError
from leukcnn.preprocessing.segmentation import check_rgb, hsv_segment
from leukcnn.spec import MASKS

_BORDER_FRACTION = 1 / 14  # 16 of 224 pixels
_RIM_FRACTION = 1 / 75  # 3 of 224 pixels


def blank(image: np.ndarray, region: str) -> np.ndarray:
    """Blanks a region of an image: sets its pixels to 0 (black).

    This removes the colour and texture of the region, but not its outline. The number, size and shape of the
    cells can still be seen: as black discs if the cells are blanked, as coloured discs if the background is.

    Args:
        image: RGB, uint8 (H, W, 3), 0..255, cropped and resized for the network.
        region: A name in `leukcnn.spec.MASKS`. "border" is a frame with a width of a fourteenth of the
            smaller of height and width, rounded, at least 1 pixel: 16 of 224 pixels, and 8 of 112. "cells" is
            what `hsv_segment` finds, widened by a seventy-fifth of the smaller of height and width, rounded,
            at least 1 pixel, so that no rim is left. "background" is everything that `hsv_segment` doesn't
            find.

    Returns:
        uint8 (H, W, 3), a new array. If no cell is found, "cells" leaves the image unchanged and
        "background" blanks all of it.

    Raises:
        ArgumentError: The image isn't an RGB image of 8 bits, or the region is unknown.
    """
    check_rgb(image)
    if not isinstance(region, str) or region not in MASKS:
        raise ArgumentError(f"The region to blank is {region!r}.", expected=" | ".join(map(repr, MASKS)))
    if region == "border":
        width = _pixels(image, _BORDER_FRACTION)
        blanked = np.zeros_like(image)
        blanked[width:-width, width:-width] = image[width:-width, width:-width]
        return blanked
    cells = hsv_segment(image).astype(np.uint8)
    kept = cells if region == "background" else 1 - _widened(cells, _pixels(image, _RIM_FRACTION))
    return cv2.bitwise_and(image, image, mask=kept)


def _widened(mask: np.ndarray, reach: int) -> np.ndarray:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return cv2.dilate(mask, disc)


def _pixels(image: np.ndarray, fraction: float) -> int:
    return max(round(fraction * min(image.shape[:2])), 1)
