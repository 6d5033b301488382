"""Segmentation of stained cells by colour, like that of the authors of the Taleghani dataset.

The authors write that their segmented images come from "color thresholding in the HSV color space", but don't
publish the thresholds. The thresholds here were set by eye on their original images of all four classes.

`leukcnn.preprocessing.wbc_mask` needs no thresholds: it works by grey level and finds nuclei without their
cytoplasm. In an image without nuclei, it returns the darkest pixels.
"""

from numbers import Real

import cv2
import numpy as np

from leukcnn.errors import ArgumentError
from leukcnn.preprocessing.layout import check_layout

_BLUR_FRACTION = 1 / 224  # one pixel in images of the Taleghani dataset
_CORE_FRACTION = 0.3
_FEWEST_PIXELS = 5  # the smallest patch that is left after opening by a cross


def hsv_segment(
    image: np.ndarray,
    *,
    hue: tuple[float, float] = (232, 340),
    saturation: float = 0.16,
    core_saturation: float = 0.22,
    smallest_cell: float = 0.0012,
    largest_hole: float = 0.004,
) -> np.ndarray:
    """Finds the stained cells of a smear by thresholds on hue and saturation.

    It finds everything that Romanowsky stains colour violet: the nuclei and the coloured cytoplasm of
    leukocytes, blasts and smudged cells. Red cells are grey, blue or pink, and the glass is pale. The image
    is blurred a little, thresholded and opened. Specks and patches without a core of stronger colour are
    removed, e.g. red cells at the violet rim of a field. Holes are filled.

    The defaults are for the Taleghani images. With a stronger stain, red cells pass the lower thresholds:
    0.4 for both saturations finds the nuclei of JTSC and CellaVision.

    Args:
        image: RGB, uint8 (H, W, 3), 0..255.
        hue: Minimum and maximum hue of a cell, in degrees, 0..360.
        saturation: Minimum saturation of a cell, 0..1.
        core_saturation: Minimum saturation of a cell's core, 0..1. The core has at least three tenths of the
            smallest cell's area.
        smallest_cell: Area of the smallest cell, as a fraction of the image's area, 0..1.
        largest_hole: Holes smaller than this fraction of the image's area, 0..1, are filled.

    Returns:
        bool (H, W), True in cells. No cell is found in an image without colour (black, white or grey). No
        cell has fewer than 5 pixels, even in a small image.

    Raises:
        ArgumentError: The image isn't an RGB image of 8 bits, or a threshold is outside its range.
    """
    check_rgb(image)
    _check_thresholds(hue, saturation, core_saturation, smallest_cell, largest_hole)
    area = image.shape[0] * image.shape[1]
    blurred = cv2.GaussianBlur(image, (0, 0), max(_BLUR_FRACTION * min(image.shape[:2]), 0.3))
    hsv = cv2.cvtColor(blurred, cv2.COLOR_RGB2HSV)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    violet = cv2.morphologyEx(_in_range(hsv, hue, saturation), cv2.MORPH_OPEN, cross)
    core = _in_range(hsv, hue, core_saturation) > 0

    count, patches, statistics, _ = cv2.connectedComponentsWithStats(violet, connectivity=4)
    fewest = max(smallest_cell * area, _FEWEST_PIXELS)
    core_pixels = np.bincount(patches[core], minlength=count)
    cells = (statistics[:, cv2.CC_STAT_AREA] >= fewest) & (core_pixels >= _CORE_FRACTION * fewest)
    cells[0] = False  # everything that isn't violet
    around = (~cells[patches]).astype(np.uint8)

    _, gaps, statistics, _ = cv2.connectedComponentsWithStats(around, connectivity=4)
    holes = statistics[:, cv2.CC_STAT_AREA] < largest_hole * area
    holes[0] = True  # the cells themselves
    # Without a cell, the whole image is one gap, which may be small enough for a hole.
    return holes[gaps] & cells.any()


def check_rgb(image: np.ndarray) -> None:
    """Checks that a value is an RGB image of 8 bits, uint8 (H, W, 3).

    Raises:
        ArgumentError: The value isn't such an image.
    """
    check_layout(image)
    if image.ndim != 3 or image.shape[-1] != 3 or image.dtype != np.uint8:
        raise ArgumentError(
            f"The image is {image.dtype} of shape {image.shape}.",
            expected="one RGB image, uint8 (H, W, 3) on 0..255",
            remedy="pass the images of a batch one by one, before they are scaled",
        )


def _in_range(hsv: np.ndarray, hue: tuple[float, float], saturation: float) -> np.ndarray:
    # OpenCV halves the hue to fit 360 degrees into 8 bits.
    lowest = (round(hue[0] / 2), max(round(255 * saturation), 1), 1)
    return cv2.inRange(hsv, lowest, (round(hue[1] / 2), 255, 255))


def _check_thresholds(
    hue: tuple[float, float],
    saturation: float,
    core_saturation: float,
    smallest_cell: float,
    largest_hole: float,
) -> None:
    numbers = [saturation, core_saturation, smallest_cell, largest_hole]
    numbers += hue if isinstance(hue, tuple | list) else [None]
    if not (
        all(isinstance(number, Real) for number in numbers)
        and len(hue) == 2
        and 0 <= hue[0] < hue[1] <= 360
        and 0 <= saturation <= core_saturation <= 1
        and 0 <= smallest_cell <= 1
        and 0 <= largest_hole <= 1
    ):
        raise ArgumentError(
            f"hue = {hue!r}, saturation = {saturation!r}, core_saturation = {core_saturation!r}, "
            f"smallest_cell = {smallest_cell!r}, largest_hole = {largest_hole!r}.",
            expected="hue from low to high in 0..360 degrees, the others in 0..1, saturation not above "
            "core_saturation",
        )
