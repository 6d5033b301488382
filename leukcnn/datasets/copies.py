"""Find copies of images, also mirrored, turned, cropped and re-encoded ones, and fields taken twice.

The search has two steps. First, images are described by their low frequencies (the 12 x 12 lowest of the
discrete cosine transform, in grey, at 32 x 32 pixels), for which mirroring and turning is a change of signs
and places. What all images of the set have in common, such as a round cell in the middle, is left out. Pairs
with similar descriptions are candidates. Second, one image of each candidate is aligned with the other
(`cv2.findTransformECC`), and their details are compared: pairs whose details correlate are copies.

A cell on black, as in C-NMC, is first cut out with a margin that depends on its own size, so that its place
and size in the image don't matter.

Measured at 96 x 96 pixels, with copies made of up to 80 images of each of Taleghani, C-NMC, AML-LMU, PBC,
JTSC and CellaVision 2: all 8 orientations are always found; copies encoded as JPEG of quality 75, brightened
or darkened by 5 %, or cropped by 4 % at one, two or four edges to 95 to 100 %, whether or not they were
mirrored or turned too. Of the cells of Leukocytes, which fill their images, 83 % are found when they are
cropped at four edges. Copies cropped by 8 % at two edges are found on black only. The details of copies
correlate above .8, those of different images below .7: none of the 6 million pairs of different images is
found.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from scipy.fft import dctn
from threadpoolctl import threadpool_limits

from leukcnn.counting import Counting, uncounted
from leukcnn.errors import ArgumentError
from leukcnn.spec import Preprocessing
from leukcnn.threads import processors

LEAST_CORRELATION = 0.8
"""Least correlation of the details of two aligned images that count as copies."""

COMPARED = Preprocessing(resize=96)
"""How images are prepared for the search: their middle square, without a paper's crop, small."""

COPIES_FORMAT = 1
"""Part of the name of a cached search. Raise it when a change of the code finds other pairs."""

ORIENTATIONS = range(8)
"""Bit 1: mirrored left to right; bit 2: mirrored top to bottom; bit 4: rows and columns swapped, last."""

_SIZE = 64
_FREQUENCIES = 12
# Least correlation of the descriptions of a candidate, also if both images are cells on black.
_CANDIDATE, _CANDIDATE_ON_BLACK = 0.5, 0.75
# Number of components that are common to all images: one for each 64 images, at most 8.
_IMAGES_PER_COMPONENT, _MOST_COMPONENTS = 64, 8
# Grey level below which the background is black, and the fraction of the border that must be black.
_BLACK, _BORDER_BLACK = 12, 0.95
# Half the side of a cell's square, in standard deviations of its pixels' places.
_REACH = 2.3
# A crop of 4 % at each edge enlarges by 1.087. Limits of the alignment's scales, their difference and shear.
_SCALE, _SCALES_DIFFER, _SHEAR = 0.13, 0.1, 0.03
# Scales at which the alignment starts.
_STARTS = (1.0, 0.957, 1.045)
# Numbers of images that are prepared at once, and compared with each other at once.
_IMAGES_AT_ONCE, _BLOCK, _TILE = 64, 512, 256


def copy_pairs(images: np.ndarray, *, workers: int | None = None) -> np.ndarray:
    """Returns every pair of images that are copies of each other, in any of the eight orientations.

    Identical images are included. Images without any detail are in no pair.

    Args:
        images: uint8 (N, S, S, 3), RGB, S >= 16, whole and not cropped; a memory map is read image by image.
        workers: Number of threads; the number of usable processors if None.

    Returns:
        (P, 2) int64, positions, the lower first, in ascending order, as from `duplicate_pairs`.

    Raises:
        ArgumentError: The images have another shape or type.
    """
    return measured_copies(images, workers=workers)[0]


def measured_copies(
    images: np.ndarray, *, workers: int | None = None, counting: Counting = uncounted
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the pairs of `copy_pairs`, and how far the two images of each are apart.

    Args:
        images: As for `copy_pairs`.
        workers: Number of threads; the number of usable processors if None.
        counting: Shows how many images are described, and how many candidates compared.

    Returns:
        The pairs, (P, 2) int64, and float64 (P,): 1 minus the correlation of the aligned images' details, 0
        to 0.2.

    Raises:
        ArgumentError: The images have another shape or type.
    """
    if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8 or min(images.shape[1:3]) < 16:
        raise ArgumentError(
            f"The images are {images.dtype} of the shape {images.shape}.",
            expected="uint8 of the shape (N, S, S, 3), S at least 16",
        )
    with ThreadPoolExecutor(workers or processors()) as pool:
        grey, on_black = _all_prepared(images, pool, counting)
        if len(grey) < 2:
            return np.empty((0, 2), dtype=np.int64), np.empty(0)
        candidates: dict[tuple[int, int], list[int]] = {}
        for first, second, orientation in _candidates(_descriptions(grey, pool), on_black, pool, counting):
            candidates.setdefault((first, second), []).append(orientation)

        def likeness(pair: tuple[int, int]) -> float:
            one, other = (grey[row].astype(np.float32) for row in pair)
            of_each = (_likeness(one, oriented(other, o)) for o in sorted(candidates[pair]))
            return next((like for like in of_each if like > LEAST_CORRELATION), 0.0)

        found = sorted(candidates)
        likenesses: list[float] = []
        with counting("Comparing similar images") as count:
            for like in pool.map(likeness, found):
                likenesses.append(like)
                count(len(likenesses), len(found))
    pairs, alike = np.array(found, dtype=np.int64).reshape(-1, 2), np.array(likenesses, dtype=np.float64)
    are_copies = alike > LEAST_CORRELATION
    return pairs[are_copies], np.clip(1 - alike[are_copies], 0, None)


def oriented(image: np.ndarray, orientation: int) -> np.ndarray:
    """Returns an image (H, W, ...) in one of `ORIENTATIONS`; 0 leaves it as it is."""
    if orientation & 1:
        image = image[:, ::-1]
    if orientation & 2:
        image = image[::-1]
    return np.ascontiguousarray(image.swapaxes(0, 1) if orientation & 4 else image)


def _all_prepared(
    images: np.ndarray, pool: ThreadPoolExecutor, counting: Counting
) -> tuple[np.ndarray, np.ndarray]:
    """Returns all images as `_prepared` prepares them, uint8 (N, 64, 64), and bool (N,)."""
    grey, on_black = np.empty((len(images), _SIZE, _SIZE), np.uint8), np.empty(len(images), bool)

    def prepare(rows: slice) -> int:
        for row in range(rows.start, rows.stop):
            grey[row], on_black[row] = _prepared(images[row])
        return rows.stop

    with counting("Describing images") as count:
        for done in pool.map(prepare, _blocks(len(images), _IMAGES_AT_ONCE)):
            count(done, len(images))
    return grey, on_black


def _blocks(n: int, size: int) -> list[slice]:
    return [slice(start, min(n, start + size)) for start in range(0, n, size)]


def _prepared(image: np.ndarray) -> tuple[np.ndarray, bool]:
    """Returns an image in grey, uint8 (64, 64), and whether it is a cell on black, which is then cut out."""
    grey = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
    width = max(1, len(grey) // 32)
    border = np.ones(grey.shape, dtype=bool)
    border[width:-width, width:-width] = False
    # Of bright pixels and dim ones the same weight: the square follows the cell's outline.
    weights = np.clip(grey.astype(np.float64) - _BLACK, 0, 40)
    if (grey[border] < _BLACK).mean() < _BORDER_BLACK or not weights.any():
        return cv2.resize(grey, (_SIZE, _SIZE), interpolation=cv2.INTER_AREA), False
    places, mean, variance = np.arange(len(grey)), [], 0.0
    for axis in (0, 1):
        share = weights.sum(axis=axis) / weights.sum()
        mean.append(float(share @ places))
        variance += float(share @ (places - mean[-1]) ** 2) / 2
    scale = (_SIZE - 1) / (2 * max(_REACH * variance**0.5, 4.0))
    middle = (_SIZE - 1) / 2
    matrix = np.array([[scale, 0, middle - scale * mean[0]], [0, scale, middle - scale * mean[1]]])
    return cv2.warpAffine(grey, matrix, (_SIZE, _SIZE), flags=cv2.INTER_LINEAR), True


def _descriptions(grey: np.ndarray, pool: ThreadPoolExecutor) -> np.ndarray:
    """Returns the description of each image, float32 (N, 12, 12) of length 1; zeros for a flat image."""
    described = np.empty((len(grey), _FREQUENCIES, _FREQUENCIES), np.float32)

    def describe(rows: slice) -> None:
        described[rows] = _own_descriptions(grey[rows])

    blocks = _blocks(len(grey), _BLOCK)
    list(pool.map(describe, blocks))
    n_common = min(_MOST_COMPONENTS, len(grey) // _IMAGES_PER_COMPONENT)
    if not n_common:
        return described

    def products(rows: slice) -> np.ndarray:
        turned = (_turned(described[rows], o).reshape(-1, _FREQUENCIES**2) for o in ORIENTATIONS)
        return sum(one.T @ one for one in turned)

    # Added in the order of the blocks: the result doesn't depend on the number of threads.
    _, components = np.linalg.eigh(sum(pool.map(products, blocks)))
    common = components[:, -n_common:]
    for rows in blocks:
        flat = described[rows].reshape(-1, _FREQUENCIES**2)
        described[rows] = _normed((flat - flat @ common @ common.T).reshape(described[rows].shape))
    return described


def _own_descriptions(grey: np.ndarray) -> np.ndarray:
    """Returns the descriptions of some images before what is common to all images is left out."""
    small = np.stack([cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA) for image in grey])
    found = dctn(small.astype(np.float32), axes=(1, 2), norm="ortho")[:, :_FREQUENCIES, :_FREQUENCIES]
    frequency = np.arange(_FREQUENCIES)
    # Images hold more of the low frequencies: weighted, and with the root of each, all count about the same.
    found = found * np.hypot(frequency[:, None], frequency).astype(np.float32)
    # Noise of a grey level in a flat image isn't worth a comparison.
    found = np.where(np.abs(found).max(axis=(1, 2), keepdims=True) < 8, 0, found)
    return _normed(np.sign(found) * np.sqrt(np.abs(found)))


def _normed(described: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(described, axis=(1, 2), keepdims=True)
    return (described / np.where(length < 1e-6, 1, length)).astype(np.float32)


def _turned(described: np.ndarray, orientation: int) -> np.ndarray:
    """Returns the descriptions (N, 12, 12) of the images in one of `ORIENTATIONS`."""
    # Mirroring changes the sign of the odd frequencies.
    signs = np.where(np.arange(_FREQUENCIES) % 2, np.float32(-1), np.float32(1))
    if orientation & 1:
        described = described * signs
    if orientation & 2:
        described = described * signs[:, None]
    return described.swapaxes(1, 2) if orientation & 4 else described


def _candidates(
    described: np.ndarray, on_black: np.ndarray, pool: ThreadPoolExecutor, counting: Counting
) -> Iterator[tuple[int, int, int]]:
    """Yields candidates: first and second position, and the orientation of the second that fits the first.

    Every image is compared with every other in 8 orientations, in tiles that stay in the processor's cache.
    Mirroring top to bottom changes the sign of what the odd frequencies down add to a correlation. The larger
    of both correlations is what the even ones add, plus the absolute value of what the odd ones add. So 8
    products of half the frequencies give the best of the 8 orientations. Only pairs in which that is enough
    are looked at in each of them.
    """
    n = len(described)
    ones = (_even_and_odd(described), _even_and_odd(_turned(described, 1)))
    others = (ones[0], _even_and_odd(described.swapaxes(1, 2)))
    tiles = [(a, b) for a in _blocks(n, _TILE) for b in _blocks(n, 2 * _TILE) if b.stop > a.start + 1]

    def search(tile: tuple[slice, slice]) -> list[tuple[int, int, int]]:
        rows, columns = tile
        near = np.zeros((rows.stop - rows.start, columns.stop - columns.start), bool)
        for even, odd in ones:
            for other_even, other_odd in others:
                alike = odd[rows] @ other_odd[columns].T
                np.abs(alike, out=alike)
                alike += even[rows] @ other_even[columns].T
                # Sums in another order differ in their last digits.
                near |= alike > _CANDIDATE - 1e-4
        first, second = np.nonzero(near)
        return _in_each_orientation(described, on_black, first + rows.start, second + columns.start)

    # A matrix product with threads of its own would compete with those here.
    with threadpool_limits(1, "blas"), counting("Searching for similar images") as count:
        for done, found in enumerate(pool.map(search, tiles), start=1):
            count(done, len(tiles))
            yield from found


def _even_and_odd(described: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the even and the odd frequencies down, each float32 (N, 72)."""
    n = len(described)
    return described[:, 0::2].reshape(n, -1), described[:, 1::2].reshape(n, -1)


def _in_each_orientation(
    described: np.ndarray, on_black: np.ndarray, first: np.ndarray, second: np.ndarray
) -> list[tuple[int, int, int]]:
    """Returns which orientations of the second images, (P,), are candidates for the first ones, (P,)."""
    found: list[tuple[int, int, int]] = []
    later = first < second
    for rows in _blocks(int(later.sum()), _BLOCK):
        one, other = first[later][rows], second[later][rows]
        least = np.where(on_black[one] & on_black[other], _CANDIDATE_ON_BLACK, _CANDIDATE)
        for orientation in ORIENTATIONS:
            alike = np.einsum("puv,puv->p", described[one], _turned(described[other], orientation))
            kept = alike > least
            pairs = zip(one[kept].tolist(), other[kept].tolist(), strict=True)
            found += [(a, b, orientation) for a, b in pairs]
    return found


def _likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Returns the correlation of the details of two images, float32 (64, 64), after aligning the second.

    It is 0 if they can't be aligned by a shift and a scale that a crop of a few percent gives.
    """
    # Most copies need no alignment, which takes much longer than this.
    if (unmoved := _correlation(_details(one), _details(other))) > LEAST_CORRELATION:
        return unmoved
    matrix = _alignment(one, other)
    scales = matrix[0, 0], matrix[1, 1]
    if (
        max(abs(scale - 1) for scale in scales) > _SCALE
        or abs(scales[0] - scales[1]) > _SCALES_DIFFER
        or max(abs(matrix[0, 1]), abs(matrix[1, 0])) > _SHEAR
    ):
        return 0.0
    shown = _moved(np.ones_like(other), matrix, cv2.BORDER_CONSTANT) > 0.99
    first, second = _details(one)[shown], _details(_moved(other, matrix))[shown]
    return _correlation(first, second)


def _alignment(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Returns the affine matrix, float32 (2, 3), that maps places of the first image to the second's."""
    half = _SIZE // 2
    small, small_other = (
        cv2.resize(image, (half, half), interpolation=cv2.INTER_AREA) for image in (one, other)
    )
    best, best_value = np.eye(2, 3, dtype=np.float32), -2.0
    for scale in _STARTS:
        shift = (half - 1) / 2 * (1 - scale)
        start = np.array([[scale, 0, shift], [0, scale, shift]], dtype=np.float32)
        value, matrix = _refined(small, small_other, start, blur=5, iterations=30)
        if value > best_value:
            best, best_value = matrix, value
    # From places at half the size to those at full size.
    best[:, 2] = best[:, 2] * 2 + best[:, :2].sum(axis=1) / 2 - 0.5
    return _refined(one, other, best, blur=3, iterations=20)[1]


def _refined(
    one: np.ndarray, other: np.ndarray, start: np.ndarray, *, blur: int, iterations: int
) -> tuple[float, np.ndarray]:
    """Returns the correlation of two aligned images and the matrix; the start if it can't be improved."""
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, iterations, 1e-4)
    try:
        value, matrix = cv2.findTransformECC(
            one, other, start.copy(), cv2.MOTION_AFFINE, criteria, np.ones(one.shape, np.uint8), blur
        )
        return value, np.asarray(matrix)
    except cv2.error:
        return _correlation(one, _moved(other, start)), start


def _moved(image: np.ndarray, matrix: np.ndarray, border: int = cv2.BORDER_REFLECT) -> np.ndarray:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, matrix, image.shape[::-1], flags=flags, borderMode=border)


def _details(image: np.ndarray) -> np.ndarray:
    """Returns the details of an image: what is between 1 and 3 pixels wide, with outlines limited."""
    details = cv2.GaussianBlur(image, (0, 0), 0.8) - cv2.GaussianBlur(image, (0, 0), 3)
    # The outline of a cell on a plain background would outweigh the cell's own details.
    strong = np.abs(details)[np.abs(details) > 0.5]
    limit = 1.5 * float(np.median(strong)) if len(strong) else 1.0
    return np.clip(details, -limit, limit)


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Returns Pearson's correlation; 0 if either has one value only."""
    first, second = one.ravel() - one.mean(), other.ravel() - other.mean()
    length = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / length if length > 1e-6 else 0.0
