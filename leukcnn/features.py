"""Features that a frozen base computes from images: computed once, cached, used in every epoch and fold.

A frozen base returns the same features for the same image in every epoch. Variants that are sampled once have
fixed features too. The files in the cache are named by a hash of everything that the features depend on: the
base's weights, the images, their preprocessing and augmentation, and the seed.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import keras
import numpy as np

from leukcnn.distribution import Devices
from leukcnn.files import digest, replace_file
from leukcnn.image_cache import cache_folder, claim_space
from leukcnn.models.layers import MeanSubtraction
from leukcnn.pipeline import ArrayBatches, Entries

# Part of the key. Increase it when a change of the code changes the features of the same settings.
_FORMAT = 1
FORWARD_BATCH = 64
"""Inputs per forward pass. It is constant, because the batch size affects the rounding of the outputs."""

_BLOCKS_BETWEEN_SAVES = 16


@dataclass(frozen=True, eq=False)
class Frozen:
    """A frozen base and the images whose features it computes.

    Attributes:
        base: The frozen layers of a network, as a model.
        inputs_of: Returns the base's inputs for M entries, float32 (M, ...).
        images: Number N of all images of the index.
        variants: Number V of variants, including the image itself (variant 0).
        key: Everything else that the features depend on, as plain values: network, images, preprocessing,
            augmentation, seed.
        devices: The devices on which the base was built.
    """

    base: keras.Model
    inputs_of: Callable[[Entries], np.ndarray]
    images: int
    variants: int
    key: Mapping[str, Any]
    devices: Devices

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

    def rows_of(self, block: int) -> np.ndarray:
        """Returns the positions of a block's images."""
        first = block * self.images_per_block
        return np.arange(first, min(first + self.images_per_block, self.images))

    def features(self, rows: np.ndarray) -> np.ndarray:
        """Computes the features of n images in all their variants, float32 (n, V, ...)."""
        entries = Entries(
            rows=np.repeat(rows, self.variants), variants=np.tile(np.arange(self.variants), len(rows))
        )
        return forward(self.base, self.inputs_of(entries), self.devices).reshape(-1, *self.shape[1:])


def kept_features(
    frozen: Frozen,
    rows: np.ndarray,
    *,
    folder: Path | None = None,
    on_start: Callable[[int], None] = lambda inputs: None,
) -> np.ndarray:
    """Returns the features of images and their variants from the cache; computes those that it lacks.

    Args:
        frozen: The base and its images.
        rows: Positions of the images that are needed, each with all its variants.
        folder: Folder of the caches; `cache_folder()` if None.
        on_start: Called with the number of inputs that have to be computed, if there are any.

    Returns:
        float32 (N, V, ...), mapped from disk, read-only; rows that were never requested are 0.

    Raises:
        StoreError: The cache can't be written to.
    """
    place, name = (folder or cache_folder()) / "features", frozen.name
    values, finished = place / f"{name}.npy", place / f"{name}.done.npy"
    wanted = np.unique(np.asarray(rows) // frozen.images_per_block)
    if values.exists() and finished.exists() and np.load(finished)[wanted].all():
        return np.load(values, mmap_mode="r")
    place.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(place / f"{name}.lock"):
        if not values.exists():
            # A list of finished blocks without the features was left by a file that has been deleted.
            finished.unlink(missing_ok=True)
            with replace_file(values) as draft:
                np.lib.format.open_memmap(draft, mode="w+", dtype=np.float32, shape=frozen.shape)
                claim_space(draft)
        done = np.zeros(-(-frozen.images // frozen.images_per_block), dtype=bool)
        if finished.exists():
            done = np.load(finished)
        missing = wanted[~done[wanted]]
        if len(missing):
            on_start(sum(len(frozen.rows_of(block)) for block in missing) * frozen.variants)
        features = np.load(values, mmap_mode="r+")
        for count, block in enumerate(missing, start=1):
            of_block = frozen.rows_of(block)
            features[of_block] = frozen.features(of_block)
            done[block] = True
            if count % _BLOCKS_BETWEEN_SAVES == 0 or count == len(missing):
                features.flush()
                with replace_file(finished) as draft, draft.open("wb") as file:
                    np.save(file, done)
    return np.load(values, mmap_mode="r")


def forward(base: keras.Model, inputs: np.ndarray, devices: Devices) -> np.ndarray:
    """Returns a network's outputs.

    Args:
        base: The network.
        inputs: float32 (M, ...); the last batch is padded to `FORWARD_BATCH` inputs.
        devices: The devices on which the network was built.

    Returns:
        float32 (M, ...).
    """
    # All batches have the same size, because the backend would trace the network again for another size.
    padding = -len(inputs) % FORWARD_BATCH
    padded = np.concatenate([inputs, np.repeat(inputs[:1], padding, axis=0)])
    with devices.scope():
        outputs = base.predict(ArrayBatches(padded, FORWARD_BATCH), verbose=0)
    return np.asarray(outputs, dtype=np.float32)[: len(inputs)]


def weights_digest(base: keras.Model) -> str:
    """Returns the SHA-256 of a network's weights and of the mean that it subtracts from images."""
    content = hashlib.sha256()
    for weight in base.weights:
        content.update(np.ascontiguousarray(keras.ops.convert_to_numpy(weight)).tobytes())
    for layer in _flat_layers(base):
        if isinstance(layer, MeanSubtraction):
            content.update(layer.mean.tobytes())
    return content.hexdigest()


def _flat_layers(network: keras.Model) -> Iterator[keras.Layer]:
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from _flat_layers(layer)
        else:
            yield layer
