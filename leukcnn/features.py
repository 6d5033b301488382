"""Features that a frozen base computes from images: computed once, cached, used in every epoch and fold.

A frozen base returns the same features for the same image in every epoch. Variants that are sampled once have
fixed features too. The files in the cache are named by a hash of everything that the features depend on: the
base's weights, the images, their preprocessing and augmentation, and the seed.
"""

import contextlib
import hashlib
import io
import math
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from leukcnn.arrays import stored_arrays, write_quickly
from leukcnn.counting import Count, Counting, uncounted
from leukcnn.distribution import Devices
from leukcnn.distribution.replicas import flat_layers
from leukcnn.errors import StoreError
from leukcnn.files import (
    claim_space,
    digest,
    explaining,
    locked,
    remove_drafts,
    replace_file,
)
from leukcnn.image_cache import cache_folder
from leukcnn.models.layers import MeanSubtraction
from leukcnn.pipeline import FORWARD_BATCH, ArrayBatches, Entries, prediction_batch_size
from leukcnn.threads import in_threads

# Part of the key. Increase it when a change of the code changes the features of the same settings.
_FORMAT = 2

_BLOCKS_BETWEEN_SAVES = 16
_DIGEST_BYTES = hashlib.sha256().digest_size


@dataclass(frozen=True, eq=False)
class Frozen:
    """A frozen base and the images whose features it computes.

    Attributes:
        base: The frozen layers of a network, as a model that `leukcnn.pipeline.fed` made.
        inputs_of: Returns the images of M entries, uint8 (M, height, width, 3).
        images: Number N of all images of the index.
        variants: Number V of variants, including the image itself (variant 0).
        key: Everything else that the features depend on, as plain values: network, images, preprocessing,
            augmentation, seed.
        devices: The devices on which the base was built.
        workers: Threads that prepare images while the base computes; they don't change the result.
    """

    base: keras.Model
    inputs_of: Callable[[Entries], np.ndarray]
    images: int
    variants: int
    key: Mapping[str, Any]
    devices: Devices
    workers: int = 1

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the features of all images, (N, V, ...)."""
        return (self.images, self.variants, *self.base.output_shape[1:])

    @property
    def name(self) -> str:
        """Hash of everything that the features depend on."""
        own = {"format": _FORMAT, "base": weights_digest(self.base), "shape": list(self.shape)}
        return digest({**own, **self.key})[:32]

    @property
    def images_per_block(self) -> int:
        """Number of images whose features are computed together."""
        return max(1, FORWARD_BATCH // self.variants)

    @property
    def blocks(self) -> int:
        """Number of blocks of all images."""
        return -(-self.images // self.images_per_block)

    def rows_of(self, block: int) -> np.ndarray:
        """Returns the positions of a block's images."""
        first = block * self.images_per_block
        return np.arange(first, min(first + self.images_per_block, self.images))

    def inputs(self, block: int) -> np.ndarray:
        """Returns the images of a block in all their variants, uint8 (n * V, height, width, 3)."""
        rows = self.rows_of(block)
        variants = np.tile(np.arange(self.variants), len(rows))
        return self.inputs_of(Entries(rows=np.repeat(rows, self.variants), variants=variants))

    def features(self, inputs: np.ndarray) -> np.ndarray:
        """Computes the features of what `inputs` returns, float32 (n, V, ...)."""
        return forward(self.base, inputs, self.devices).reshape(-1, *self.shape[1:])


def kept_features(
    frozen: Frozen,
    rows: np.ndarray,
    *,
    folder: Path | None = None,
    on_start: Callable[[int], None] = lambda inputs: None,
    on_note: Callable[[str], None] = lambda note: None,
    counting: Counting = uncounted,
) -> np.ndarray:
    """Returns the features of images and their variants from the cache; computes those that it lacks.

    The cache has a SHA-256 for each block of images. Features that were damaged are computed again.

    Args:
        frozen: The base and its images.
        rows: Positions of the images that are needed, each with all its variants.
        folder: Folder of the caches; `cache_folder()` if None.
        on_start: Called with the number of inputs that have to be computed, if there are any.
        on_note: Called with a sentence if features were damaged.
        counting: Shows how many inputs are computed.

    Returns:
        float32 (N, V, ...), mapped from disk, read-only; rows that were never requested are 0.

    Raises:
        StoreError: The cache can't be written to.
    """
    folder, name = folder or cache_folder(), frozen.name
    values, finished = (folder / "features" / f"{name}.{kind}" for kind in ("npy", "done.npz"))
    wanted = np.unique(np.asarray(rows) // frozen.images_per_block)
    if _is_whole(values, frozen.shape) and finished.exists():
        features = np.load(values, mmap_mode="r")
        with contextlib.suppress(StoreError):
            if not len(_missing(frozen, features, wanted, _finished_blocks(finished, frozen))):
                return features
    lock = folder / "locks" / f"{name}.lock"
    with locked(lock, on_wait=lambda: on_note("Waiting for another process that computes these features.")):
        remove_drafts(values)
        remove_drafts(finished)
        with counting("Computing features") as count:
            _complete(
                frozen,
                wanted,
                values=values,
                finished=finished,
                on_start=on_start,
                on_note=on_note,
                count=count,
            )
    return np.load(values, mmap_mode="r")


def _complete(
    frozen: Frozen,
    wanted: np.ndarray,
    *,
    values: Path,
    finished: Path,
    on_start: Callable[[int], None],
    on_note: Callable[[str], None],
    count: Count,
) -> None:
    """Computes the blocks that the cache lacks. The caller holds the cache's lock."""
    digests, fault = np.zeros((frozen.blocks, _DIGEST_BYTES), dtype=np.uint8), ""
    try:
        digests = _finished_blocks(finished, frozen)
    except StoreError as error:
        fault = error.reason if finished.exists() else ""
    if not _is_whole(values, frozen.shape):
        fault = f"{values} isn't a whole file of features" if values.exists() else fault
        digests[:] = 0
        with replace_file(values) as draft:
            np.lib.format.open_memmap(draft, mode="w+", dtype=np.float32, shape=frozen.shape)
            claim_space(draft)
    with explaining(values):
        features = np.load(values, mmap_mode="r+")
    missing = _missing(frozen, features, wanted, digests)
    if damaged := int(digests[missing].any(axis=1).sum()):
        fault = f"{values} has {damaged:,} damaged blocks"
    if fault:
        on_note(f"Features are computed again: {fault}.")
    inputs = sum(len(frozen.rows_of(block)) for block in missing) * frozen.variants
    if len(missing):
        on_start(inputs)
    done = 0
    blocks = missing.tolist()
    images_of = in_threads(frozen.inputs, blocks, threads=frozen.workers, large=True)
    with contextlib.closing(images_of) as prepared:
        for number, (block, images) in enumerate(zip(blocks, prepared, strict=True), start=1):
            of_block = frozen.rows_of(block)
            computed = np.ascontiguousarray(frozen.features(images))
            features[of_block], digests[block] = computed, _digest_of(computed)
            done += len(of_block) * frozen.variants
            count(done, inputs)
            if number % _BLOCKS_BETWEEN_SAVES == 0 or number == len(blocks):
                # The list never names blocks that a sudden end of the power could take from the disk.
                with explaining(values):
                    features.flush()
                write_quickly(finished, sha256=digests)


def _is_whole(values: Path, shape: tuple[int, ...]) -> bool:
    """Returns whether a file has the header and the size of float32 features of this shape."""
    file_of_header = io.BytesIO()
    fields = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file_of_header, fields)
    header = file_of_header.getvalue()
    try:
        with values.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            return size == len(header) + 4 * math.prod(shape) and file.read(len(header)) == header
    except OSError:
        return False


def _finished_blocks(finished: Path, frozen: Frozen) -> np.ndarray:
    """Returns the SHA-256 of each finished block, uint8 (blocks, 32); 0 for blocks that aren't finished.

    Raises:
        StoreError: There is no such list, or it was damaged.
    """
    with stored_arrays(finished) as stored:
        digests = stored["sha256"]
        if (digests.shape, digests.dtype) != ((frozen.blocks, _DIGEST_BYTES), np.uint8):
            raise stored.unusable(f"it holds {digests.dtype} {digests.shape}")
        return digests


def _missing(frozen: Frozen, features: np.ndarray, wanted: np.ndarray, digests: np.ndarray) -> np.ndarray:
    """Returns the blocks among `wanted` that aren't finished or were damaged."""

    def is_missing(block: int) -> bool:
        finished = digests[block]
        return not finished.any() or bool((_digest_of(features[frozen.rows_of(block)]) != finished).any())

    # Hashing releases Python's global lock.
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        return wanted[np.array(list(pool.map(is_missing, wanted)), dtype=bool)]


def _digest_of(features: np.ndarray) -> np.ndarray:
    return np.frombuffer(hashlib.sha256(features.data).digest(), dtype=np.uint8)


def forward(base: keras.Model, inputs: np.ndarray, devices: Devices) -> np.ndarray:
    """Returns a network's outputs.

    Args:
        base: The network.
        inputs: (M, ...), what the network takes; the last batch is padded to the size of the others.
        devices: The devices on which the network was built.

    Returns:
        float32 (M, ...).
    """
    # All batches have the same size: the backend would compile the network again for another one, and the
    # rounding of features that are computed at different times would differ.
    size = prediction_batch_size(FORWARD_BATCH, replicas=devices.replicas)
    padded = np.concatenate([inputs, np.repeat(inputs[:1], -len(inputs) % size, axis=0)])
    outputs = devices.outputs(base, ArrayBatches(padded, size))
    return np.asarray(outputs, dtype=np.float32)[: len(inputs)]


def weights_digest(base: keras.Model) -> str:
    """Returns the SHA-256 of a network's weights and of the mean that it subtracts from images."""
    content = hashlib.sha256()
    for weight in base.weights:
        content.update(np.ascontiguousarray(keras.ops.convert_to_numpy(weight)).tobytes())
    for layer in flat_layers(base):
        if isinstance(layer, MeanSubtraction):
            content.update(layer.mean.tobytes())
    return content.hexdigest()
