"""What a frozen base makes of each image and variant: computed once, kept, used in every epoch and fold.

A frozen base gives the same answer for the same image in every epoch. Variants are drawn once, so their
features too can be kept. They lie in the cache, found again by what they depend on: the base's weights, the
images, what is done to them, and the seed.
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
from leukcnn.pipeline import Entries

# Part of the key: raise it when the same settings come to give other features.
_FORMAT = 1
FORWARD = 64
"""Inputs a forward pass. It never changes, so that rounding doesn't depend on what was there before."""

_BLOCKS_BETWEEN_SAVES = 16


@dataclass(frozen=True, eq=False)
class Frozen:
    """A frozen base, and the images that pass it.

    Attributes:
        base: The frozen part of a network.
        inputs_of: Gives the base's inputs for some entries, float32 (M, ...).
        images: Number N of all images of the index.
        variants: Number V of variants, the image itself (variant 0) included.
        key: What else the features depend on, as plain values: network, images, what is done to them, seed.
        devices: Where the base was built.
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
        """The hash of all that the features depend on."""
        own = {"format": _FORMAT, "base": weights_digest(self.base), "shape": list(self.shape)}
        return digest({**own, **self.key})[:32]

    @property
    def rows_a_block(self) -> int:
        """Images whose features are computed together."""
        return max(1, FORWARD // self.variants)

    def rows_of(self, block: int) -> np.ndarray:
        """Returns the positions of a block's images."""
        first = block * self.rows_a_block
        return np.arange(first, min(first + self.rows_a_block, self.images))

    def features(self, rows: np.ndarray) -> np.ndarray:
        """Computes the features of some images in all their variants, float32 (n, V, ...)."""
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
    """Returns the features of images and their variants, of which only the lacking ones are computed.

    Args:
        frozen: The base and its images.
        rows: Positions of the images that are needed, each with all its variants.
        folder: Where caches lie; the user's own cache if None.
        on_start: Called with the number of inputs that have to be computed, if there are any.

    Returns:
        float32 (N, V, ...), mapped from disk, read-only; rows that were never asked for are 0.

    Raises:
        StoreError: The cache can't be written to.
    """
    place, name = (folder or cache_folder()) / "features", frozen.name
    values, finished = place / f"{name}.npy", place / f"{name}.done.npy"
    wanted = np.unique(np.asarray(rows) // frozen.rows_a_block)
    if values.exists() and finished.exists() and np.load(finished)[wanted].all():
        return np.load(values, mmap_mode="r")
    place.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(place / f"{name}.lock"):
        if not values.exists():
            # What was noted as done went with the file that is lacking.
            finished.unlink(missing_ok=True)
            with replace_file(values) as draft:
                np.lib.format.open_memmap(draft, mode="w+", dtype=np.float32, shape=frozen.shape)
                claim_space(draft)
        done = np.zeros(-(-frozen.images // frozen.rows_a_block), dtype=bool)
        if finished.exists():
            done = np.load(finished)
        lacking = wanted[~done[wanted]]
        if len(lacking):
            on_start(sum(len(frozen.rows_of(block)) for block in lacking) * frozen.variants)
        features = np.load(values, mmap_mode="r+")
        for count, block in enumerate(lacking, start=1):
            of_block = frozen.rows_of(block)
            features[of_block] = frozen.features(of_block)
            done[block] = True
            if count % _BLOCKS_BETWEEN_SAVES == 0 or count == len(lacking):
                features.flush()
                with replace_file(finished) as draft, draft.open("wb") as file:
                    np.save(file, done)
    return np.load(values, mmap_mode="r")


def forward(base: keras.Model, inputs: np.ndarray, devices: Devices) -> np.ndarray:
    """Returns what a network makes of inputs.

    Args:
        base: The network.
        inputs: float32 (M, ...); the last batch is filled up to `FORWARD`.
        devices: Where the network was built.

    Returns:
        float32 (M, ...).
    """
    # Batches of one size alone: another size would have the network traced again.
    padding = -len(inputs) % FORWARD
    padded = np.concatenate([inputs, np.repeat(inputs[:1], padding, axis=0)])
    with devices.scope():
        outputs = base.predict(padded, batch_size=FORWARD, verbose=0)
    return np.asarray(outputs, dtype=np.float32)[: len(inputs)]


def weights_digest(base: keras.Model) -> str:
    """Returns the SHA-256 of all that a network learnt: its weights, and the mean that it subtracts."""
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
