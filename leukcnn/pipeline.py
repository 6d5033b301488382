"""Batches for Keras: which images an epoch shows, augmented, scaled, in what order."""

import abc
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from leukcnn.augmentation import ImageAugmenter
from leukcnn.errors import ArgumentError
from leukcnn.preprocessing import rescale, subtract_channel_mean
from leukcnn.seeding import child_seed, generator
from leukcnn.spec import Preprocessing


@dataclass(frozen=True, eq=False)
class Entries:
    """The images of one epoch: row of each source image, and which variant of it.

    Attributes:
        rows: (M,) int64, positions of the source images.
        variants: (M,) int64, 0 for the image itself, 1, 2 ... for augmented ones.
    """

    rows: np.ndarray
    variants: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


def originals(rows: np.ndarray) -> Entries:
    """Returns the entries of images as they are, each once."""
    rows = np.asarray(rows, dtype=np.int64)
    return Entries(rows=rows, variants=np.zeros(len(rows), dtype=np.int64))


def multiplied(rows: np.ndarray, *, variants: int) -> Entries:
    """Returns the entries of `variants` new images of each image, numbered from 1, in its place."""
    rows = np.asarray(rows, dtype=np.int64)
    return Entries(rows=np.repeat(rows, variants), variants=np.tile(np.arange(1, variants + 1), len(rows)))


def balanced(
    rows: np.ndarray, labels: np.ndarray, ids: Sequence[str], *, per_class: int, seed: int
) -> Entries:
    """Tops each class up to a count with augmented variants; the originals all stay.

    The sources take turns in an order drawn from the seed, so that no image has two variants more than
    another of its class. A class that already has more images than the count stays as it is.

    Args:
        rows: (N,) positions of the source images.
        labels: Class of every image of the index, by position.
        ids: Id of every image of the index, by position; the drawing is keyed by them.
        per_class: Images a class to reach.
        seed: Root seed.

    Raises:
        ArgumentError: There are no source images.
    """
    rows = np.asarray(rows, dtype=np.int64)
    if len(rows) == 0:
        raise ArgumentError("No images to balance.", expected="at least one image")
    parts = [originals(rows)]
    for label in np.unique(labels[rows]):
        sources = np.array(sorted(rows[labels[rows] == label], key=lambda row: ids[row]))
        missing = max(per_class - len(sources), 0)
        order = generator(seed, "balance", int(label)).permutation(sources)
        turns = np.arange(missing)
        parts.append(Entries(rows=order[turns % len(order)], variants=1 + turns // len(order)))
    return Entries(
        rows=np.concatenate([part.rows for part in parts]),
        variants=np.concatenate([part.variants for part in parts]),
    )


class BatchSequence(keras.utils.PyDataset, abc.ABC):
    """Batches for `fit`, `evaluate` and `predict`; what an input is, a subclass says.

    Every batch depends on its number, the epoch and the seed alone: not on the number of workers, nor on
    which batches were asked for before. Pass `shuffle=False` to `fit`; the order is shuffled here, again for
    each value of the attribute `epoch`, which goes up when Keras ends an epoch.

    Args:
        entries: What one epoch shows.
        labels: (N,) int64 classes by row, or None for `predict`.
        classes: Number of the network's outputs: that of the classes, for one-hot targets, or 1 for the
            second of two classes.
        batch_size: Inputs a batch.
        seed: Root seed.
        shuffle: Whether each epoch has an order of its own.
        replicas: Devices that share a batch. The last batch is padded to a multiple of it by inputs of
            weight 0, and the others' weights are raised so that means stay what they are on one device.
        padding_weights: Which means the raised weights keep: "batch" those of the last batch (its gradient),
            "set" those of the whole set (its loss and accuracy).
    """

    def __init__(
        self,
        entries: Entries,
        *,
        labels: np.ndarray | None,
        classes: int,
        batch_size: int,
        seed: int,
        shuffle: bool = False,
        replicas: int = 1,
        padding_weights: str = "batch",
    ):
        # Keras' own workers go on drawing behind the batch that `fit` first builds the network with, and
        # serve what they drew in a later epoch (JAX and tf.distribute): the work is shared within a batch.
        super().__init__(workers=1)
        if min(len(entries), batch_size) < 1:
            raise ArgumentError(
                f"{len(entries)} images in batches of {batch_size}.", expected="at least one of each"
            )
        if padding_weights not in ("batch", "set"):
            raise ArgumentError(f"padding_weights is {padding_weights!r}.", expected="'batch' or 'set'")
        self.entries, self.labels, self.classes = entries, labels, classes
        self.batch_size, self.seed, self.shuffle = batch_size, seed, shuffle
        self.epoch, self.replicas, self.padding_weights = 0, replicas, padding_weights

    def __len__(self) -> int:
        return -(-len(self.entries) // self.batch_size)

    def on_epoch_end(self):
        """Goes on to the next epoch's order; Keras' `fit` calls it once before its first epoch too."""
        self.epoch += 1

    def __getitem__(self, batch: int):
        """Returns batch number `batch` of the current epoch.

        Returns:
            (inputs float32 (B, ...),) or (inputs, targets float32 (B, classes)) or, with several
            replicas, (inputs, targets, weights float32 (B,)).
        """
        positions = self._order()[batch * self.batch_size : (batch + 1) * self.batch_size]
        padding = -len(positions) % self.replicas
        padded = np.concatenate([positions, np.repeat(positions[:1], padding)])
        inputs = self.inputs(padded)
        if self.labels is None:
            return (inputs,)
        labels = self.labels[self.entries.rows[padded]]
        one_hot = np.eye(max(2, self.classes), dtype=np.float32)[labels]
        targets = one_hot[:, 1:] if self.classes == 1 else one_hot
        if self.replicas == 1:
            return inputs, targets
        real = len(positions) if self.padding_weights == "batch" else len(self.entries)
        total_padding = padding if self.padding_weights == "batch" else -len(self.entries) % self.replicas
        weights = np.full(len(padded), (real + total_padding) / real, dtype=np.float32)
        weights[len(positions) :] = 0
        return inputs, targets, weights

    def _order(self) -> np.ndarray:
        if not self.shuffle:
            return np.arange(len(self.entries))
        return generator(self.seed, "order", self.epoch).permutation(len(self.entries))

    @abc.abstractmethod
    def inputs(self, positions: np.ndarray) -> np.ndarray:
        """Returns the network's inputs for B positions in the entries: float32 (B, ...)."""


class ImageSequence(BatchSequence):
    """Batches of images, augmented and scaled.

    Args:
        images: uint8 (N, side, side, 3), RGB.
        entries: What one epoch shows.
        preprocessing: Scaling of the grey levels; crop and size are already done.
        ids: Ids by row, which key the augmentation.
        seed: Root seed.
        augmenter: Makes the variants; needed where there are any.
        fresh: Whether variants are drawn again in each epoch (the originals of a shuffled set then stay).
        workers: Threads that prepare the images of a batch.
        **options: Those of `BatchSequence`.
    """

    def __init__(
        self,
        images: np.ndarray,
        entries: Entries,
        *,
        preprocessing: Preprocessing,
        ids: Sequence[str],
        seed: int,
        augmenter: ImageAugmenter | None = None,
        fresh: bool = False,
        workers: int = 1,
        **options: Any,
    ):
        super().__init__(entries, seed=seed, **options)
        if workers < 1:
            raise ArgumentError(
                f"{len(entries)} images by {workers} workers.", expected="at least one of each"
            )
        if augmenter is None and entries.variants.any():
            raise ArgumentError("There are variants and no augmenter.", expected="an ImageAugmenter")
        self.images, self.preprocessing, self.ids = images, preprocessing, ids
        self.augmenter, self.fresh, self.threads = augmenter, fresh, workers

    def inputs(self, positions: np.ndarray) -> np.ndarray:
        """Returns the network's inputs for B positions in the entries: float32 (B, side, side, 3)."""
        if self.threads == 1:
            return self._share(positions)
        with ThreadPoolExecutor(self.threads) as pool:
            return np.concatenate(list(pool.map(self._share, np.array_split(positions, self.threads))))

    def _share(self, positions: np.ndarray) -> np.ndarray:
        rows, variants = self.entries.rows[positions], self.entries.variants[positions]
        images = self.images[rows]
        changed = np.flatnonzero(variants)
        if len(changed):
            epoch = self.epoch if self.fresh else 0
            seeds = [
                child_seed(self.seed, "augmentation", str(self.ids[rows[i]]), int(variants[i]), epoch)
                for i in changed
            ]
            images[changed] = self.augmenter.apply_batch(images[changed], seeds)
        return scaled(images, self.preprocessing)


class FeatureSequence(BatchSequence):
    """Batches of what a frozen base makes of images, for the part of the network behind it.

    Args:
        features: float32 (N, V, ...), the features of each image's V variants, by row; variant 0 is the
            image itself.
        entries: What one epoch shows.
        **options: Those of `BatchSequence`.
    """

    def __init__(self, features: np.ndarray, entries: Entries, **options: Any):
        super().__init__(entries, **options)
        self.features = features

    def inputs(self, positions: np.ndarray) -> np.ndarray:
        """Returns the features for B positions in the entries: float32 (B, ...)."""
        return self.features[self.entries.rows[positions], self.entries.variants[positions]]


def class_probabilities(outputs: np.ndarray) -> np.ndarray:
    """Returns a network's outputs as one probability a class.

    Args:
        outputs: (N, classes), or (N, 1): the probability of the second of two classes.

    Returns:
        float64 (N, classes), at least two columns.
    """
    outputs = np.asarray(outputs, dtype=np.float64)
    return np.concatenate([1 - outputs, outputs], axis=1) if outputs.shape[1] == 1 else outputs


def scaled(images: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    """Turns prepared images, uint8 (N, side, side, 3), into the network's input, float32 of that shape."""
    inputs = rescale(images, preprocessing.scale)
    return subtract_channel_mean(inputs) if preprocessing.subtract_channel_mean else inputs
