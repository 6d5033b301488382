"""Blanking a part of an image, to learn from what is left what a network's figure rests on."""

import cv2
import numpy as np

from leukcnn.errors import ArgumentError
from leukcnn.preprocessing.segmentation import check_rgb, hsv_segment
from leukcnn.spec import MASKS

_BORDER_SHARE = 1 / 14  # 16 of 224 pixels
_RIM_SHARE = 1 / 75  # 3 of 224 pixels


def blank(image: np.ndarray, part: str) -> np.ndarray:
    """Blanks a part of an image: its pixels become 0, black, in every image.

    A constant leaves nothing of the part's colour and texture. Its outline stays visible: with the cells
    blanked, their number, size and shape can still be seen, as black discs; with the background blanked, as
    coloured ones.

    Args:
        image: RGB, uint8 (H, W, 3), 0..255, cropped and resized as the network takes it.
        part: A name in `leukcnn.spec.MASKS`. "border" is a frame of a fourteenth of the shorter side,
            rounded, at least 1 pixel: 16 of 224 pixels, and 8 of 112. "cells" is what `hsv_segment` finds,
            widened by a seventy-fifth of the shorter side, rounded, at least 1 pixel, so that no rim of
            them stays. "background" is all that `hsv_segment` doesn't find; nothing but cells stays.

    Returns:
        uint8 (H, W, 3), a new array. Where no cell is found, "cells" leaves the image as it is and
        "background" blanks all of it.

    Raises:
        ArgumentError: The image is no RGB image of 8 bits, or there is no such part.
    """
    check_rgb(image)
    if part not in MASKS:
        raise ArgumentError(f"The part to blank is {part!r}.", expected=" | ".join(map(repr, MASKS)))
    if part == "border":
        width = _pixels(image, _BORDER_SHARE)
        blanked = np.zeros_like(image)
        blanked[width:-width, width:-width] = image[width:-width, width:-width]
        return blanked
    cells = hsv_segment(image).astype(np.uint8)
    kept = cells if part == "background" else 1 - _widened(cells, _pixels(image, _RIM_SHARE))
    return cv2.bitwise_and(image, image, mask=kept)


def _widened(mask: np.ndarray, reach: int) -> np.ndarray:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return cv2.dilate(mask, disc)


def _pixels(image: np.ndarray, share: float) -> int:
    return max(round(share * min(image.shape[:2])), 1)
