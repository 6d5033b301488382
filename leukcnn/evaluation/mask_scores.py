"""How well masks of white cells agree with the masks that a dataset comes with.

Two of the datasets have them: JTSC and CellaVision, as Zheng et al. (2018) published them, one white cell an
image, nucleus and cytoplasm apart. On them, the thresholding of Zaiter and Zwiggelaar and the segmentation
by colour can be read against the truth.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from leukcnn.datasets import ImageIndex, card, read_image
from leukcnn.errors import ArgumentError, DataError

# Masks are drawn in black, grey 128 and white; a few have other levels along the outlines.
_CELL_FROM, _NUCLEUS_FROM = 64, 192

Finder = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class MaskScores:
    """How masks agree with the truth, image by image.

    Attributes:
        iou: float64 (N,), intersection over union (Jaccard index), 0..1.
        dice: float64 (N,), Dice coefficient, 0..1; 2 iou / (1 + iou).
    """

    iou: np.ndarray
    dice: np.ndarray


def overlap(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Compares a mask with the truth.

    Args:
        found: bool (H, W).
        truth: bool (H, W).

    Returns:
        Intersection over union and Dice coefficient, 0..1; 1 and 1 where both masks are empty.

    Raises:
        ArgumentError: They are no masks of one shape.
    """
    if found.dtype != bool or truth.dtype != bool or found.shape != truth.shape:
        raise ArgumentError(
            f"The masks are {found.dtype} of shape {found.shape} and {truth.dtype} of shape {truth.shape}.",
            expected="two masks of one shape, bool (H, W)",
            remedy="compare masks of the same image, e.g. `mask > 0`",
        )
    shared, both = np.count_nonzero(found & truth), np.count_nonzero(found) + np.count_nonzero(truth)
    if not both:
        return 1.0, 1.0
    return shared / (both - shared), 2 * shared / both


def read_truth(image: Path, *, extension: str = ".png") -> dict[str, np.ndarray]:
    """Reads the mask that lies beside an image and bears its name: white nucleus, grey cytoplasm.

    Args:
        image: The image's file.
        extension: That of the mask.

    Returns:
        "nucleus" and "cell" (the nucleus with its cytoplasm), bool (H, W) each.

    Raises:
        DataError: There is no mask, or it can't be read.
    """
    grey = cv2.cvtColor(read_image(image.with_suffix(extension))[0], cv2.COLOR_RGB2GRAY)
    return {"nucleus": grey >= _NUCLEUS_FROM, "cell": grey >= _CELL_FROM}


def score_masks(index: ImageIndex, find: Finder) -> dict[str, MaskScores]:
    """Scores masks of all images of a dataset against those that it comes with.

    Args:
        index: Images of one dataset with masks (N images).
        find: Makes the mask of an image, uint8 (H, W, 3) -> bool (H, W), e.g. `wbc_mask`.

    Returns:
        Scores against the "nucleus" and against the whole "cell".

    Raises:
        ArgumentError: The dataset has no masks, or the images are of several.
        DataError: An image or a mask is missing, can't be read, or they don't fit each other.
    """
    extension = _mask_extension(index)
    pairs: dict[str, list[tuple[float, float]]] = {"nucleus": [], "cell": []}
    for path in index.paths:
        truths = read_truth(path, extension=extension)
        image = read_image(path)[0]
        if truths["cell"].shape != image.shape[:2]:
            raise DataError(
                f"The mask of {path} has {_sides(truths['cell'])} pixels, the image {_sides(image)}.",
                expected="a mask of the image's size",
                remedy="copy or download both files again",
            )
        found = find(image)
        for region, truth in truths.items():
            pairs[region].append(overlap(found, truth))
    return {region: MaskScores(*np.array(scores).T) for region, scores in pairs.items()}


def _mask_extension(index: ImageIndex) -> str:
    names = np.unique(index.dataset).tolist()
    extension = card(names[0]).mask_extension if len(names) == 1 else ""
    if not extension:
        raise ArgumentError(
            f"The images are of {', '.join(names) or 'no dataset'}.",
            expected="images of one dataset that comes with masks",
            remedy="load 'jtsc' or 'cellavision2'",
        )
    return extension


def _sides(image: np.ndarray) -> str:
    return f"{image.shape[0]}x{image.shape[1]}"
