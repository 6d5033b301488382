"""Scores of white-cell masks against the masks that come with a dataset.

Two datasets have masks: JTSC and CellaVision, published by Zheng et al. (2018), with one white cell per image
and separate regions for nucleus and cytoplasm. For ALL-IDB 2 others have made masks of this kind. They serve
to evaluate the thresholding of Zaiter and Zwiggelaar and the segmentation by colour.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leukcnn.datasets import ImageIndex, card, read_image
from leukcnn.datasets.masks import masks_of
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
    """Reads the mask of an image: white nucleus, grey cytoplasm, all else black.

    Args:
        image: The image's file.
        extension: Extension of the mask next to it that has the same name. Where there is none, the mask is
            searched under its other usual names, see `leukcnn.datasets.masks.masks_of`.

    Returns:
        "nucleus" and "cell" (the nucleus with its cytoplasm), bool (H, W) each.

    Raises:
        DataError: The mask is missing, can't be read or isn't grey.
    """
    path = masks_of([image], extension)[0] or image.with_suffix(extension)
    if path == image:
        raise DataError(f"{image} has no mask.", expected=f"{image.stem}_mask{extension} next to it")
    pixels = read_image(path)[0]
    if (pixels != pixels[..., :1]).any():
        raise DataError(
            f"{path} is no mask: it has colours.",
            expected="black background, grey (128) cytoplasm and white nucleus",
            remedy="move it to another folder if it is an image",
        )
    grey = pixels[..., 0]
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
            remedy="load 'jtsc', 'cellavision2', or 'allidb2' with masks",
        )
    return extension


def _size(image: np.ndarray) -> str:
    return f"{image.shape[0]}x{image.shape[1]}"
