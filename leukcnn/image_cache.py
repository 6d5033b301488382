"""The cache of decoded images: each image is read, thresholded, cropped, resized and masked once."""

import contextlib
import hashlib
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from leukcnn.argument_types import user_path
from leukcnn.arrays import check_seal, seal
from leukcnn.counting import Count, Counting, uncounted
from leukcnn.datasets import ImageIndex
from leukcnn.datasets.headers import BrokenImage
from leukcnn.datasets.read import decode_image, image_bytes
from leukcnn.errors import DataError, StoreError
from leukcnn.files import claim_space, locked, remove_drafts, replace_file
from leukcnn.preprocessing import blank, center_crop, component_montage, resize, square_crop, wbc_mask
from leukcnn.spec import Preprocessing

__all__ = ["cache_folder", "prepare", "prepared_images", "shows_nothing"]

# Part of the cache's key. Raise it when a change of the code gives other pixels for the same settings.
_FORMAT = 2
_NEARLY_BLACK = 32  # of 255


def __dir__() -> list[str]:
    return sorted(__all__)


def cache_folder() -> Path:
    """Returns the folder of the caches: LEUKCNN_CACHE, or `leukcnn` in the user's own cache folder."""
    own = os.environ.get("LEUKCNN_CACHE")
    if own:
        return user_path(own, "LEUKCNN_CACHE")
    return user_path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "The cache folder") / "leukcnn"


def prepare(image: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    """Thresholds, crops and resizes one image for a network, then blackens the masked region.

    Args:
        image: RGB, uint8 (H, W, 3), 0..255.
        preprocessing: Threshold, region, crop, size and mask. Its scaling is ignored.

    Returns:
        uint8 (image_size, image_size, 3), 0..255.

    Raises:
        DataError: The image is smaller than the crop.
    """
    height, width = image.shape[:2]
    if preprocessing.threshold != "none":
        # Threshold at full size: resizing mixes the pixels of cells with those around them.
        mask = wbc_mask(image, rule=preprocessing.threshold)
        if preprocessing.region == "crops":
            kernels = (preprocessing.shrinking, preprocessing.enlarging)
            image = component_montage(image, mask, size=preprocessing.image_size, interpolation=kernels)
        else:
            image = image * mask[..., None]
    if preprocessing.crop is None:
        image = image if preprocessing.squeeze else square_crop(image)
    elif min(height, width) < preprocessing.crop:
        raise DataError(
            f"The image has {height}x{width} pixels, fewer than the crop of {preprocessing.crop}.",
            expected=f"at least {preprocessing.crop}x{preprocessing.crop} pixels",
        )
    else:
        image = center_crop(image, preprocessing.crop)
    if preprocessing.resize is not None and image.shape[:2] != (preprocessing.resize,) * 2:
        kernels = (preprocessing.shrinking, preprocessing.enlarging)
        image = resize(image, preprocessing.resize, interpolation=kernels)
    return blank(image, preprocessing.mask) if preprocessing.mask else image


def shows_nothing(image: np.ndarray) -> bool:
    """Returns whether a prepared image is black or nearly black: thresholding left no cell in it.

    Args:
        image: uint8 (image_size, image_size, 3), 0..255. Stained nuclei, the darkest objects in smears, are
            above 100 in some channel. The remains of a black background stay below 32.
    """
    return bool(image.max() < _NEARLY_BLACK)


def prepared_images(
    index: ImageIndex,
    preprocessing: Preprocessing,
    *,
    folder: Path | None = None,
    threads: int | None = None,
    on_note: Callable[[str], None] = lambda note: None,
    counting: Counting = uncounted,
) -> np.ndarray:
    """Returns the images of an index, decoded, cropped, resized and masked, as a memory map of the cache.

    A cache is found by the SHA-256 of all images in order and by the preprocessing; paths don't matter. A new
    cache is written to a draft file, which is then renamed. The cache is therefore complete or absent, even
    if the process is killed. If several processes need a cache, one makes it and the others wait. A cache
    that was damaged is made again.

    Args:
        index: N images.
        preprocessing: Threshold, crop, size and mask. Its scaling is applied later.
        folder: Folder of the caches; `cache_folder()` if None.
        threads: Number of threads that decode; the number of processors if None.
        on_note: Called with a text for each kind of conversion, only when a new cache is written, and for a
            cache that was damaged.
        counting: Shows how many images are decoded.

    Returns:
        uint8 (N, image_size, image_size, 3), 0..255, read-only.

    Raises:
        DataError: Some images can't be decoded, are too small, or aren't the files that the index was made
            of; the message lists all of them.
        StoreError: The cache can't be written.
    """
    what = f"{_FORMAT} {_settings(preprocessing)} {' '.join(index.sha256)}"
    name = hashlib.sha256(what.encode()).hexdigest()[:32]
    folder = folder or cache_folder()
    path = folder / "images" / f"{name}.npy"
    shape = (len(index), preprocessing.image_size, preprocessing.image_size, 3)
    with contextlib.suppress(StoreError):
        return _opened(path, shape)
    lock = folder / "locks" / f"{name}.lock"
    with locked(lock, on_wait=lambda: on_note("Waiting for another process that decodes these images.")):
        try:
            # Another process may have made it in the meantime.
            return _opened(path, shape)
        except StoreError as error:
            if path.exists():
                on_note(f"The decoded images are made again: {error.reason}.")
        remove_drafts(path)
        with replace_file(path) as draft:
            images = np.lib.format.open_memmap(draft, mode="w+", dtype=np.uint8, shape=shape)
            claim_space(draft)
            with counting("Decoding images") as count:
                _fill(images, index, preprocessing, threads=threads, on_note=on_note, count=count)
            images.flush()
            seal(draft, path)
    return np.load(path, mmap_mode="r")


def _opened(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Returns the images of a cache.

    Raises:
        StoreError: There is no such cache, it was damaged, or it holds something else.
    """
    check_seal(path)
    images = np.load(path, mmap_mode="r")
    if (images.shape, images.dtype) != (shape, np.uint8):
        raise StoreError(f"{path} holds {images.dtype} {images.shape}, not uint8 {shape}.")
    return images


def _settings(preprocessing: Preprocessing) -> str:
    """Returns the settings that change the cached pixels, in words.

    Unused settings are left out: a new field of `Preprocessing` then doesn't change the names of old caches.
    """
    used = {
        "mask": preprocessing.mask,
        "threshold": preprocessing.threshold if preprocessing.threshold != "none" else "",
        "region": preprocessing.region if preprocessing.region != "image" else "",
        "squeeze": preprocessing.squeeze,
        "shrinking": preprocessing.resize and preprocessing.shrinking,
        "enlarging": preprocessing.resize and preprocessing.enlarging,
    }
    words = [name if value is True else str(value) for name, value in used.items() if value]
    return " ".join([str(preprocessing.crop), str(preprocessing.resize), *words])


def _fill(
    images: np.ndarray,
    index: ImageIndex,
    preprocessing: Preprocessing,
    *,
    threads: int | None,
    on_note: Callable[[str], None],
    count: Count,
) -> None:
    def one(row: int) -> tuple[str | None, str | None]:
        try:
            image, note = _decoded(index.paths[row], sha256=index.sha256[row])
            images[row] = prepare(image, preprocessing)
        except DataError as error:
            return None, f"{index.ids[row]}: {error.found}"
        return note, None

    results = []
    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        for result in pool.map(one, range(len(index))):
            results.append(result)
            count(len(results), len(index))
    faults = [fault for _, fault in results if fault]
    if faults:
        raise DataError(
            f"{len(faults)} of {len(index)} images can't be used:\n" + "\n".join(faults),
            expected="complete images, at least as large as the crop, that nobody changes during a run",
            remedy="get these files again, and run the command again if they were changed; `leukcnn check` "
            "lists all faults of a folder",
        )
    for note, n in Counter(note for note, _ in results if note).items():
        on_note(f"{n} images: {note}")


def _decoded(path: Path, *, sha256: str) -> tuple[np.ndarray, str | None]:
    """Reads an image as `read_image` does, and checks that its file is the one that was indexed.

    Raises:
        DataError: As in `read_image`, or the file has another SHA-256.
    """
    try:
        content = image_bytes(path)
        if hashlib.sha256(content).hexdigest() != sha256:
            raise DataError(f"{path} was changed since it was indexed.")
        return decode_image(content)
    except BrokenImage as error:
        raise DataError(f"{path} {error.detail}.") from error
