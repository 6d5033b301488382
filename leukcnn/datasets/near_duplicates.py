"""Find images that are nearly the same: re-encoded, resized or brightened copies, and fields taken twice.

A perceptual hash says for each of the 16 x 16 lowest frequencies of an image (of its discrete cosine
transform, in grey, at 64 x 64 pixels) whether it is stronger than their median: 256 bits, half of them set.
Copies of an image differ in few bits, unrelated images in about half of them. Measured with centre squares
of 224 x 224 pixels, and with the same result at 64 x 64:

- Taleghani's 3,256 images hold 90 known pairs with a correlation above .97 at 24 x 24. They differ in 0 to
  34 bits. `MAX_DISTANCE` finds all of them and 9 more pairs, each of which visibly shows one field twice.
- Of the 1.6 million pairs between JTSC, CellaVision 2, C-NMC (61 cells) and Taleghani, none differs in fewer
  than 76 bits. Of the pairs between Alert Net's sixteen datasets in synthetic form, none in fewer than 62.
- All copies were found that were encoded as JPEG of quality 50, resized by 2 %, brightened by 20 grey levels,
  converted to grey, or cropped by 1 % at each edge. Of copies cropped by 2 %, 72 to 100 % were found; of
  copies cropped by 4 %, hardly any: `leukcnn.datasets.copy_pairs`, which splits use, finds those too.
- Mirrored copies, and those turned by 90, 180 or 270 degrees, differ in as few bits once their bits are
  mirrored or turned.

Single cells on black, as in C-NMC, are the most similar: the two nearest unrelated cells differ in 48 bits
among the 61 real cells, and in 26 bits among 700 synthetic ones. In a dataset of such cells, a pair within
`MAX_DISTANCE` may be unrelated.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import imagehash
import numpy as np
from PIL import Image

from leukcnn.errors import ArgumentError

MAX_DISTANCE = 36
"""Greatest number of different bits, of 256, at which two images count as nearly the same."""

_IMAGE_SIZE = 16
_BITS = _IMAGE_SIZE**2
# An image's hash has half of its bits set. A flat image, or one that changes along one axis only, has hardly
# any frequencies and few set bits. All such hashes are similar, even those of unrelated images.
_FEWEST_SET = _BITS // 2 - 8
# Number of rows that are compared with all others at once: 32 MB for 14,000 images.
_BLOCK = 256


def perceptual_hashes(images: np.ndarray, *, workers: int = 2) -> np.ndarray:
    """Returns the perceptual hash (pHash) of each image.

    Args:
        images: uint8 (N, S, S, 3), RGB; a memory map is read image by image.
        workers: Number of threads.

    Returns:
        (N, 256) bool.

    Raises:
        ArgumentError: The images have another shape or type.
    """
    if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8:
        raise ArgumentError(
            f"The images are {images.dtype} of the shape {images.shape}.",
            expected="uint8 of the shape (N, S, S, 3)",
        )
    hashes = np.zeros((len(images), _BITS), dtype=bool)

    def fill(row: int) -> None:
        hashes[row] = imagehash.phash(Image.fromarray(images[row]), hash_size=_IMAGE_SIZE).hash.ravel()

    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(fill, range(len(images))):
            pass
    return hashes


def near_duplicate_pairs(hashes: np.ndarray, *, max_distance: int = MAX_DISTANCE) -> np.ndarray:
    """Returns every pair of images whose hashes differ in few bits in any of the eight orientations.

    An image may be a mirrored copy of the other, or one turned by 90, 180 or 270 degrees. Byte-identical
    images are included. Flat images are in no pair, since their hash has no meaning.

    Args:
        hashes: (N, 256) bool, from `perceptual_hashes`.
        max_distance: Greatest number of bits in which the two hashes of a pair differ.

    Returns:
        (P, 2) int64, positions, the lower first, in ascending order, as from `duplicate_pairs`.

    Raises:
        ArgumentError: The hashes have another shape or type.
    """
    if hashes.ndim != 2 or hashes.shape[1] != _BITS or hashes.dtype != bool:
        raise ArgumentError(
            f"The hashes are {hashes.dtype} of the shape {hashes.shape}.",
            expected=f"bool of the shape (N, {_BITS})",
        )
    rows = np.flatnonzero(np.count_nonzero(hashes, axis=1) >= _FEWEST_SET)
    words, *others_turned = (np.packbits(turned, axis=1).view(np.uint64) for turned in _turned(hashes[rows]))
    found = [np.empty((0, 2), dtype=np.int64)]
    for start in range(0, len(rows), _BLOCK):
        block = words[start : start + _BLOCK, None]
        near = np.zeros((len(block), len(rows) - start), dtype=bool)
        for turned in (words, *others_turned):
            distance = np.zeros(near.shape, dtype=np.uint16)
            for word in range(words.shape[1]):
                distance += np.bitwise_count(block[..., word] ^ turned[start:, word])
            near |= distance <= max_distance
        first, second = np.nonzero(near)
        found.append(start + np.stack([first, second], axis=1)[first < second])
    return rows[np.concatenate(found)]


def _turned(hashes: np.ndarray) -> Iterator[np.ndarray]:
    """Yields the hashes, (N, 256) bool, of the images in the eight orientations; as they are first."""
    square = hashes.reshape(-1, _IMAGE_SIZE, _IMAGE_SIZE)
    # Mirroring changes the sign of the odd frequencies, whose median is about 0.
    odd = np.arange(_IMAGE_SIZE) % 2 == 1
    for rows_swapped in (square, square.swapaxes(1, 2)):
        for down in (False, True):
            for across in (False, True):
                turned = rows_swapped ^ ((odd & across)[None, :] ^ (odd & down)[:, None])
                yield turned.reshape(-1, _BITS)
