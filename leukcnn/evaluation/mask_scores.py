"""Scores of white-cell masks against the masks that come with a dataset.

Two datasets have masks: JTSC and CellaVision, published by Zheng et al. (2018), with one white cell per image
and separate regions for nucleus and cytoplasm. They serve to evaluate the thresholding of Zaiter and
Zwiggelaar and the segmentation by colour.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from leukcnn.datasets import ImageIndex, card, read_image
from leukcnn.errors import ArgumentError, DataError

# Masks are black, grey (128) and white; a few have other levels along the outlines.
_CELL_FROM, _NUCLEUS_FROM = 64, 192

Finder = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class MaskScores:
    """Agreement of masks with the truth, image by image.

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
        Intersection over union and Dice coefficient, 0..1; both are 1 if both masks are empty.

    Raises:
        ArgumentError: They aren't boolean masks of the same shape.
    """
    if found.dtype != bool or truth.dtype != bool or found.shape != truth.shape:
        raise ArgumentError(
            f"The masks are {found.dtype} of shape {found.shape} and {truth.dtype} of shape {truth.shape}.",
            expected="two masks of the same shape, bool (H, W)",
            remedy="compare masks of the same image, e.g. `mask > 0`",
        )
    shared, both = np.count_nonzero(found & truth), np.count_nonzero(found) + np.count_nonzero(truth)
    if not both:
        return 1.0, 1.0
    return shared / (both - shared), 2 * shared / both


def read_truth(image: Path, *, extension: str = ".png") -> dict[str, np.ndarray]:
    """Reads the mask next to an image, which has the same name: white nucleus, grey cytoplasm.

    Args:
        image: The image's file.
        extension: Extension of the mask's file.

    Returns:
        "nucleus" and "cell" (the nucleus with its cytoplasm), bool (H, W) each.

    Raises:
        DataError: The mask is missing or can't be read.
    """
    grey = cv2.cvtColor(read_image(image.with_suffix(extension))[0], cv2.COLOR_RGB2GRAY)
    return {"nucleus": grey >= _NUCLEUS_FROM, "cell": grey >= _CELL_FROM}


def score_masks(index: ImageIndex, find: Finder) -> dict[str, MaskScores]:
    """Scores the masks of a dataset's images against the masks that come with it.

    Args:
        index: N images of one dataset with masks.
        find: Returns the mask of an image, uint8 (H, W, 3) -> bool (H, W), for example `wbc_mask`.

    Returns:
        Scores against the "nucleus" and against the whole "cell".

    Raises:
        ArgumentError: The dataset has no masks, or the images are of several datasets.
        DataError: An image or a mask is missing or can't be read, or their sizes differ.
    """
    extension = _mask_extension(index)
    pairs: dict[str, list[tuple[float, float]]] = {"nucleus": [], "cell": []}
    for path in index.paths:
        truths = read_truth(path, extension=extension)
        image = read_image(path)[0]
        if truths["cell"].shape != image.shape[:2]:
            raise DataError(
                f"The mask of {path} has {_size(truths['cell'])} pixels, the image {_size(image)}.",
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
            expected="images of one dataset with masks",
            remedy="load 'jtsc' or 'cellavision2'",
        )
    return extension


def _size(image: np.ndarray) -> str:
    return f"{image.shape[0]}x{image.shape[1]}"
