"""Crops of the single cells in a mask; touching cells are split by a watershed."""

import math
from dataclasses import dataclass
from numbers import Real

import cv2
import numpy as np
from scipy import ndimage
from skimage.morphology import reconstruction
from skimage.segmentation import watershed

from leukcnn.errors import ArgumentError
from leukcnn.preprocessing.geometry import resize
from leukcnn.preprocessing.segmentation import check_rgb

_NECK = 0.75  # greatest width of a neck at which pieces are split, as a fraction of the thinner piece's
_PIXELS_OF_DEPTH = 8  # depth of the thinnest piece on the coarser grid; more pixels only take more time
_OPENING_FRACTION = 1 / 224  # one pixel in images of the Taleghani dataset
_FEWEST_PIXELS = 5  # the smallest patch that is left after opening by a cross


@dataclass(frozen=True, eq=False)
class CellCrop:
    """One cell of an image.

    Attributes:
        box: (top, left, bottom, right) in pixels of the image; bottom and right are exclusive.
        image: View of the image in this box, uint8 (h, w, 3); it may show neighbouring cells.
        mask: bool (h, w), True in this cell only.
    """

    box: tuple[int, int, int, int]
    image: np.ndarray
    mask: np.ndarray

    @property
    def alone(self) -> np.ndarray:
        """The crop with everything except this cell black, uint8 (h, w, 3), a new array."""
        return cv2.bitwise_and(self.image, self.image, mask=self.mask.astype(np.uint8))


def cell_crops(
    image: np.ndarray,
    mask: np.ndarray,
    *,
    smallest: float = 0.0012,
    margin: float = 0.1,
    split_touching: bool = True,
) -> list[CellCrop]:
    """Crops each cell of a mask from its image; `label_cells` defines what counts as one cell.

    Args:
        image: RGB, uint8 (H, W, 3), 0..255.
        mask: bool (H, W), True in cells, e.g. from `wbc_mask` or `hsv_segment`.
        smallest: Area of the smallest cell, as a fraction of the image's area, 0..1.
        margin: Margin around the cell on all four sides, as a fraction of the larger of its height and width,
            at least 0; smaller at the image's border.
        split_touching: Whether touching cells are split.

    Returns:
        The cells, sorted by the top and then the left edge of their crops; an empty list if the mask is
        empty.

    Raises:
        ArgumentError: The image isn't an RGB image of 8 bits, the mask doesn't fit it, or an argument is
            outside its range.
    """
    check_rgb(image)
    if isinstance(mask, np.ndarray) and mask.shape != image.shape[:2]:
        raise ArgumentError(
            f"The mask has the shape {mask.shape}, the image {image.shape}.",
            expected=f"a mask of shape {image.shape[:2]}",
            remedy="pass the mask of this image, before it is cropped or resized",
        )
    if not isinstance(margin, Real) or not 0 <= margin < np.inf:
        raise ArgumentError(f"The margin is {margin!r}.", expected="a fraction of at least 0, e.g. 0.1")
    labels = label_cells(mask, smallest=smallest, split_touching=split_touching)
    crops = []
    for number, window in enumerate(ndimage.find_objects(labels), start=1):
        reach = round(margin * max(extent.stop - extent.start for extent in window))
        rows, columns = (
            slice(max(extent.start - reach, 0), min(extent.stop + reach, length))
            for extent, length in zip(window, labels.shape, strict=True)
        )
        box = (rows.start, columns.start, rows.stop, columns.stop)
        crops.append(CellCrop(box, image[rows, columns], labels[rows, columns] == number))
    return sorted(crops, key=lambda crop: crop.box)


def component_montage(
    image: np.ndarray,
    mask: np.ndarray,
    *,
    size: int,
    interpolation: str | tuple[str, str] = ("area", "cubic"),
) -> np.ndarray:
    """Shows the connected components of a mask side by side, each cut out of its image: one input a network.

    Each component that `cell_crops` finds without splitting touching cells is cut out with its margin, on
    black, padded to a square and resized to a tile. The tiles, the largest component first, fill the smallest
    square grid that holds them, row by row; the rest is black. A single component fills the whole result.
    Components therefore lose their place and their size, but not their number.

    Args:
        image: RGB, uint8 (H, W, 3), 0..255.
        mask: bool (H, W), True in cells, e.g. from `wbc_mask`.
        size: Height and width of the result in pixels.
        interpolation: As in `leukcnn.preprocessing.resize`.

    Returns:
        uint8 (size, size, 3), 0..255; black if there is no component.

    Raises:
        ArgumentError: As in `cell_crops` and `resize`.
    """
    crops = cell_crops(image, mask, split_touching=False)
    crops.sort(key=lambda crop: -np.count_nonzero(crop.mask))
    result = np.zeros((size, size, 3), np.uint8)
    n = math.ceil(math.sqrt(len(crops)))
    # More components than pixels can't be shown; the largest ones are.
    n = min(n, size)
    for place, crop in enumerate(crops[: n * n]):
        row, column = divmod(place, n)
        tile = resize(_squared(crop.alone), size // n, interpolation=interpolation)
        top, left = row * (size // n), column * (size // n)
        result[top : top + len(tile), left : left + len(tile)] = tile
    return result


def _squared(image: np.ndarray) -> np.ndarray:
    """Returns an image in the middle of a black square."""
    height, width = image.shape[:2]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    margins = ((top, side - height - top), (left, side - width - left), (0, 0))
    return np.pad(image, margins)


def label_cells(mask: np.ndarray, *, smallest: float = 0.0012, split_touching: bool = True) -> np.ndarray:
    """Numbers the cells of a mask.

    Holes smaller than the smallest cell are filled. Then the mask is opened, which removes specks and bridges
    of a few pixels between cells. Each remaining patch is a cell or, with `split_touching`, may be several
    touching cells. These are split by a watershed on the depth, the distance of a pixel from the patch's
    edge. Two pieces are split if the neck between them is narrower than three quarters of the thinner piece.
    This fraction was set by eye, on images of Taleghani and JTSC.

    Only the shape decides what counts as one cell. In masks of nuclei, e.g. from `wbc_mask`, the lobes of a
    segmented nucleus become separate cells. Cells that overlap without a neck count as one.

    Args:
        mask: bool (H, W), True in cells.
        smallest: Area of the smallest cell, as a fraction of the image's area, 0..1. Smaller patches are left
            out, and a piece is only split off if a disc of this area fits into it.
        split_touching: Whether touching cells are split.

    Returns:
        int32 (H, W): 0 outside all cells, and 1, 2, ... in them.

    Raises:
        ArgumentError: The mask isn't bool (H, W), or `smallest` is outside its range.
    """
    _check(mask, smallest)
    fewest = max(smallest * mask.size, _FEWEST_PIXELS)
    patches, count = _patches(_without_holes(mask, fewest), fewest)
    if not split_touching:
        return patches
    # The image's border isn't an edge: a cell that it cuts keeps its depth.
    depth = cv2.distanceTransform((patches > 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    for number, window in enumerate(ndimage.find_objects(patches), start=1):
        patch = patches[window] == number
        pieces = _watershed(np.where(patch, depth[window], 0), shallowest=np.sqrt(fewest / np.pi))
        further = pieces > 1
        patches[window][further] = pieces[further] - 1 + count
        count = max(count, patches[window].max())
    return patches


def _without_holes(mask: np.ndarray, fewest: float) -> np.ndarray:
    """Returns the mask, uint8, with the holes of fewer than `fewest` pixels filled."""
    _, gaps, statistics, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    left, top, width, height, area = statistics.T
    enclosed = (left > 0) & (top > 0) & (left + width < mask.shape[1]) & (top + height < mask.shape[0])
    holes = enclosed & (area < fewest)
    holes[0] = True  # the cells themselves
    return holes[gaps].astype(np.uint8)


def _patches(mask: np.ndarray, fewest: float) -> tuple[np.ndarray, int]:
    """Opens a mask and numbers its patches of at least `fewest` pixels.

    Returns:
        int32 (H, W), 0 outside the patches, and the number of patches.
    """
    radius = max(round(_OPENING_FRACTION * min(mask.shape)), 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, disc)
    _, patches, statistics, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    kept = statistics[:, cv2.CC_STAT_AREA] >= fewest
    kept[0] = False  # the background
    numbers = np.where(kept, np.cumsum(kept), 0).astype(np.int32)
    return numbers[patches], int(kept.sum())


def _watershed(depth: np.ndarray, *, shallowest: float) -> np.ndarray:
    """Splits a patch into pieces along the valleys of its depth.

    Args:
        depth: float32 (h, w), distance from the edge in pixels, 0 outside the patch.
        shallowest: Minimum depth, in pixels, that the deepest pixel of a piece must have.

    Returns:
        int32 (h, w): 0 outside the patch, and the numbers of the pieces, from 1, in it.
    """
    # In large images, a coarser grid gives the same cores.
    step = max(min(int(shallowest / _PIXELS_OF_DEPTH), *depth.shape), 1)
    few = slice(step // 2, None, step)
    count, cores = cv2.connectedComponents(_cores(depth[few, few], shallowest), connectivity=8)
    if count <= 2:
        return (depth > 0).astype(np.int32)
    markers = np.zeros(depth.shape, np.int32)
    markers[few, few] = cores
    return watershed(-depth, markers, mask=depth > 0)


def _cores(depth: np.ndarray, shallowest: float) -> np.ndarray:
    """Finds the core of each piece: at least its pixels that are deeper than its neck.

    These are the domes of an h-maxima transform with a height relative to the peak's.

    Returns:
        uint8 (h, w), 1 in cores.
    """
    lowered = np.float32(_NECK) * depth
    flooded = reconstruction(lowered, depth)
    count, domes = cv2.connectedComponents((depth > flooded).astype(np.uint8), connectivity=8)
    # True at the peak of a dome unless a neck above the lowered height joins it to a higher dome.
    peaks = (flooded == lowered) & (depth >= shallowest)
    kept = np.zeros(count, np.uint8)
    kept[domes[peaks]] = 1
    kept[0] = 0
    return kept[domes]


def _check(mask: np.ndarray, smallest: float) -> None:
    if not isinstance(mask, np.ndarray) or mask.dtype != bool or mask.ndim != 2 or not mask.size:
        found = f"{mask.dtype} of shape {mask.shape}" if isinstance(mask, np.ndarray) else f"{mask!r:.80}"
        raise ArgumentError(
            f"The mask is {found}.",
            expected="bool (H, W) with at least one pixel, True in cells",
            remedy="compare it, e.g. `mask > 0`",
        )
    if not 0 <= smallest <= 1:
        raise ArgumentError(f"The smallest cell is {smallest!r}.", expected="a fraction of the image, 0..1")
