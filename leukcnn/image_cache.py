"""The cache of decoded images: each image is read, thresholded, cropped, resized and masked once."""

import contextlib
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from leukcnn.argument_types import user_path
from leukcnn.arrays import check_seal, seal
from leukcnn.counting import Counting, uncounted
from leukcnn.datasets import ImageIndex
from leukcnn.datasets.headers import BrokenImage
from leukcnn.datasets.read import decode_image, hashed_bytes
from leukcnn.errors import DataError, StoreError
from leukcnn.files import claim_space, locked, remove_drafts, replace_file
from leukcnn.preprocessing import blank, center_crop, component_montage, resize, square_crop, wbc_mask
from leukcnn.spec import Preprocessing
from leukcnn.threads import in_threads

__all__ = ["cache_folder", "prepare", "prepare_together", "prepared_images", "shows_nothing"]

# Part of the cache's key. Raise it when a change of the code gives other pixels for the same settings.
_FORMAT = 2
_NEARLY_BLACK = 32  # of 255

Kept = Callable[[str], tuple[np.ndarray, str | None] | None]
"""Returns the prepared image of the file with a SHA-256, and its conversion; None if it isn't kept."""


def nothing_kept(sha256: str) -> None:
    """Keeps no image."""


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


@dataclass(frozen=True)
class _Cache:
    """The cache of an index's images, prepared in one way, whether it is there or not."""

    preprocessing: Preprocessing
    path: Path
    shape: tuple[int, ...]

    @classmethod
    def of(cls, index: ImageIndex, preprocessing: Preprocessing, folder: Path | None) -> "_Cache":
        what = f"{_FORMAT} {_settings(preprocessing)} {' '.join(index.sha256)}"
        name = hashlib.sha256(what.encode()).hexdigest()[:32]
        shape = (len(index), preprocessing.image_size, preprocessing.image_size, 3)
        return cls(preprocessing, (folder or cache_folder()) / "images" / f"{name}.npy", shape)

    def opened(self) -> np.ndarray:
        """Returns its images.

        Raises:
            StoreError: There is no such cache, it was damaged, or it holds something else.
        """
        check_seal(self.path)
        images = np.load(self.path, mmap_mode="r")
        if (images.shape, images.dtype) != (self.shape, np.uint8):
            raise StoreError(f"{self.path} holds {images.dtype} {images.shape}, not uint8 {self.shape}.")
        return images

    def is_whole(self) -> bool:
        with contextlib.suppress(StoreError):
            self.opened()
            return True
        return False

    def locked(self, on_note: Callable[[str], None]) -> contextlib.AbstractContextManager[None]:
        lock = self.path.parents[1] / "locks" / f"{self.path.stem}.lock"
        return locked(lock, on_wait=lambda: on_note("Waiting for another process that decodes these images."))

    @contextlib.contextmanager
    def draft(self) -> Iterator["_Draft"]:
        """Yields images to fill in; they become the cache at the end, unless there is a fault."""
        remove_drafts(self.path)
        with contextlib.suppress(_Abandoned), replace_file(self.path) as path:
            images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=self.shape)
            claim_space(path)
            draft = _Draft(self.preprocessing, images)
            yield draft
            if draft.faults:
                raise _Abandoned
            images.flush()
            seal(path, self.path)


class _Abandoned(Exception):
    """Ends a draft that isn't kept."""


@dataclass
class _Draft:
    """Images that are being prepared, and which of them can't be: row -> why."""

    preprocessing: Preprocessing
    images: np.ndarray
    faults: dict[int, str] = field(default_factory=dict)

    def fill(self, row: int, image: np.ndarray) -> None:
        try:
            self.images[row] = prepare(image, self.preprocessing)
        except DataError as error:
            self.faults[row] = error.found


@dataclass(frozen=True)
class _Reading:
    """How the images of an index are read."""

    index: ImageIndex
    threads: int | None
    on_note: Callable[[str], None]
    counting: Counting
    kept: Kept = nothing_kept

    def decoded(self, row: int) -> tuple[np.ndarray, str | None]:
        """Reads an image as `read_image` does, and checks that its file is the one that was indexed.

        Raises:
            DataError: As in `read_image`, or the file has another SHA-256.
        """
        path = self.index.paths[row]
        try:
            content, sha256 = hashed_bytes(path)
            if sha256 != self.index.sha256[row]:
                raise DataError(f"{path} was changed since it was indexed.")
            return decode_image(content)
        except BrokenImage as error:
            raise DataError(f"{path} {error.detail}.") from error


def prepared_images(
    index: ImageIndex,
    preprocessing: Preprocessing,
    *,
    folder: Path | None = None,
    threads: int | None = None,
    on_note: Callable[[str], None] = lambda note: None,
    counting: Counting = uncounted,
    kept: Kept = nothing_kept,
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
        threads: Number of threads that decode; the number of usable processors if None.
        on_note: Called with a text for each kind of conversion, only when a new cache is written, and for a
            cache that was damaged.
        counting: Shows how many images are decoded.
        kept: Called with the SHA-256 of a file; returns its image if it was prepared in this way while the
            file was read (`leukcnn.fresh_images`), and its conversion, or None. Such a file isn't read again.

    Returns:
        uint8 (N, image_size, image_size, 3), 0..255, read-only.

    Raises:
        DataError: Some images can't be decoded, are too small, or aren't the files that the index was made
            of; the message lists all of them.
        StoreError: The cache can't be written.
    """
    cache = _Cache.of(index, preprocessing, folder)
    with contextlib.suppress(StoreError):
        return cache.opened()
    _make([cache], _Reading(index, threads, on_note, counting, kept), whole=True)
    return np.load(cache.path, mmap_mode="r")


def prepare_together(
    index: ImageIndex,
    preprocessings: Iterable[Preprocessing],
    *,
    folder: Path | None = None,
    threads: int | None = None,
    on_note: Callable[[str], None] = lambda note: None,
    counting: Counting = uncounted,
) -> None:
    """Makes those of several caches that are missing, and decodes each image once for all of them.

    A cache is left out if an image is too small for its crop; `prepared_images` then says so.

    Args:
        index: As for `prepared_images`.
        preprocessings: What each cache holds.
        folder: As for `prepared_images`.
        threads: As for `prepared_images`.
        on_note: As for `prepared_images`.
        counting: As for `prepared_images`.

    Raises:
        DataError: Some images can't be decoded, or aren't the files that the index was made of.
        StoreError: A cache can't be written.
    """
    caches = {(cache := _Cache.of(index, one, folder)).path: cache for one in preprocessings}
    missing = [cache for cache in caches.values() if not cache.is_whole()]
    if missing:
        _make(missing, _Reading(index, threads, on_note, counting), whole=False)


def _make(caches: Sequence[_Cache], reading: _Reading, *, whole: bool) -> None:
    """Makes caches of the same images, unless another process makes them first.

    Args:
        caches: The caches.
        reading: The images.
        whole: Whether all images must be large enough.

    Raises:
        DataError: As for `prepared_images` if they must be, else as for `prepare_together`.
        StoreError: A cache can't be written.
    """
    with contextlib.ExitStack() as stack:
        drafts = []
        # Processes that need several of the same caches take the locks in the same order.
        for cache in sorted(caches, key=lambda cache: cache.path.name):
            stack.enter_context(cache.locked(reading.on_note))
            try:
                cache.opened()
            except StoreError as error:
                if cache.path.exists():
                    reading.on_note(f"The decoded images are made again: {error.reason}.")
                drafts.append(stack.enter_context(cache.draft()))
        if drafts:
            faults = _fill(drafts, reading)
            if whole:
                faults |= drafts[0].faults
            if faults:
                raise _unusable(faults, reading.index)


def _fill(drafts: Sequence[_Draft], reading: _Reading) -> dict[int, str]:
    """Fills drafts with the same images, each decoded once; returns those that can't be read: row -> why."""
    n = len(reading.index)

    def fill(row: int) -> tuple[str | None, str | None]:
        if (kept := reading.kept(str(reading.index.sha256[row]))) is not None:
            drafts[0].images[row], note = kept
            return note, None
        try:
            image, note = reading.decoded(row)
        except DataError as error:
            return None, error.found
        for draft in drafts:
            draft.fill(row, image)
        return note, None

    faults: dict[int, str] = {}
    notes: Counter[str] = Counter()
    with reading.counting("Decoding images") as count:
        for row, (note, fault) in enumerate(in_threads(fill, range(n), threads=reading.threads)):
            notes.update([note] if note else [])
            if fault:
                faults[row] = fault
            count(row + 1, n)
    if not faults:
        for note, images in notes.items():
            reading.on_note(f"{images} images: {note}")
    return faults


def _unusable(faults: Mapping[int, str], index: ImageIndex) -> DataError:
    lines = [f"{index.ids[row]}: {faults[row]}" for row in sorted(faults)]
    return DataError(
        f"{len(lines)} of {len(index)} images can't be used:\n" + "\n".join(lines),
        expected="complete images, at least as large as the crop, that nobody changes during a run",
        remedy="get these files again, and run the command again if they were changed; `leukcnn check` "
        "lists all faults of a folder",
    )


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
