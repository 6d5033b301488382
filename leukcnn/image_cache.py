"""The cache of decoded images: each is read, thresholded, cropped, resized and masked once."""

import contextlib
import hashlib
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from leukcnn.datasets import ImageIndex, read_image
from leukcnn.errors import DataError
from leukcnn.files import replace_file
from leukcnn.preprocessing import blank, center_crop, resize, square_crop, wbc_mask
from leukcnn.spec import Preprocessing

# Part of the key: raise it when the same settings come to give other pixels.
_FORMAT = 1
_NEARLY_BLACK = 32  # of 255


def cache_folder() -> Path:
    """Returns the folder of the caches: LEUKCNN_CACHE, or leukcnn below the user's own cache folder."""
    own = os.environ.get("LEUKCNN_CACHE")
    if own:
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "leukcnn"


def prepare(image: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    """Thresholds, crops and resizes one image as a network takes it, then blanks the part that is masked.

    Args:
        image: RGB, uint8 (H, W, 3).
        preprocessing: What to do.

    Returns:
        uint8 (side, side, 3).

    Raises:
        DataError: The image is smaller than the crop.
    """
    height, width = image.shape[:2]
    if preprocessing.threshold != "none":
        # In the image's own pixels, before smaller ones mix cells with what lies around them.
        image = image * wbc_mask(image, rule=preprocessing.threshold)[..., None]
    if preprocessing.crop is None:
        image = image if preprocessing.squeeze else square_crop(image)
    elif min(height, width) < preprocessing.crop:
        raise DataError(
            f"The image has {height}x{width} pixels and {preprocessing.crop} are to be cropped from it.",
            expected=f"at least {preprocessing.crop}x{preprocessing.crop} pixels",
        )
    else:
        image = center_crop(image, preprocessing.crop)
    if preprocessing.resize is not None and image.shape[:2] != (preprocessing.resize,) * 2:
        image = resize(image, preprocessing.resize)
    return blank(image, preprocessing.mask) if preprocessing.mask else image


def shows_nothing(image: np.ndarray) -> bool:
    """Returns whether a prepared image is black or nearly so, as thresholding may leave one without a cell.

    Args:
        image: uint8 (side, side, 3). Stained nuclei, the darkest that smears show, pass a level of 100 in
            some channel; what is left along a black background stays below 32.
    """
    return bool(image.max() < _NEARLY_BLACK)


def prepared_images(
    index: ImageIndex,
    preprocessing: Preprocessing,
    *,
    folder: Path | None = None,
    threads: int | None = None,
    on_note: Callable[[str], None] = lambda note: None,
) -> np.ndarray:
    """Returns the images of an index, decoded, cropped, resized and masked, mapped from the cache.

    The cache is found again by what the images are (their SHA-256 in order) and what is done to them, never
    by where they lie. It is written beside its place and renamed, so that a killed process or a second one
    working on the same images harms nothing.

    Args:
        index: N images.
        preprocessing: Threshold, crop, size and mask; its scaling is done later.
        folder: Where caches lie; `cache_folder()` if None.
        threads: Threads that decode; as many as there are processors if None.
        on_note: Called with a sentence about images that had to be converted.

    Returns:
        uint8 (N, side, side, 3), read-only.

    Raises:
        DataError: Some images can't be decoded or are too small; all of them are named.
        StoreError: The cache can't be written.
    """
    image_size = preprocessing.image_size
    what = f"{_FORMAT} {_settings(preprocessing)} {' '.join(index.sha256)}"
    name = hashlib.sha256(what.encode()).hexdigest()[:32]
    path = (folder or cache_folder()) / "images" / f"{name}.npy"
    if not path.exists():
        _remove_drafts_of_the_dead(path)
        with replace_file(path) as draft:
            images = np.lib.format.open_memmap(
                draft, mode="w+", dtype=np.uint8, shape=(len(index), image_size, image_size, 3)
            )
            claim_space(draft)
            _fill(images, index, preprocessing, threads=threads, on_note=on_note)
            images.flush()
    return np.load(path, mmap_mode="r")


def _settings(preprocessing: Preprocessing) -> str:
    """Returns all of a preprocessing that changes the cached pixels, in words.

    What isn't used is left out, so that a new field of `Preprocessing` leaves the caches' names as they are.
    """
    used = {
        "mask": preprocessing.mask,
        "threshold": preprocessing.threshold if preprocessing.threshold != "none" else "",
        "squeeze": preprocessing.squeeze,
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
) -> None:
    def one(row: int) -> tuple[str | None, str | None]:
        try:
            image, note = read_image(index.paths[row])
            images[row] = prepare(image, preprocessing)
        except DataError as error:
            return None, f"{index.ids[row]}: {error.found}"
        return note, None

    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        notes, faults = zip(*pool.map(one, range(len(index))), strict=True)
    faults = [fault for fault in faults if fault]
    if faults:
        raise DataError(
            f"{len(faults)} of {len(index)} images can't be used:\n" + "\n".join(faults),
            expected="whole images of at least the size that is cropped",
            remedy="get these files again; `leukcnn check` lists all that is wrong with a folder",
        )
    for note, count in Counter(note for note in notes if note).items():
        on_note(f"{count} images: {note}")


def claim_space(draft: Path) -> None:
    """Takes the space of a mapped file at once: on a full disk, writing to the map would kill the process."""
    if hasattr(os, "posix_fallocate"):
        with draft.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, draft.stat().st_size)


def _remove_drafts_of_the_dead(path: Path) -> None:
    for draft in path.parent.glob(f".draft-*-{path.name}"):
        process = int(draft.name.split("-")[1])
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            with contextlib.suppress(OSError):
                draft.unlink()
        except OSError:
            continue
