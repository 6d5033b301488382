"""Batches for Keras: the images of an epoch in their order, augmented and scaled."""

import abc
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from leukcnn.augmentation import ImageAugmenter
from leukcnn.errors import ArgumentError, WeightsError
from leukcnn.preprocessing import rescale, subtract_channel_mean
from leukcnn.seeding import child_seed, generator
from leukcnn.spec import Preprocessing

__all__ = [
    "BatchSequence",
    "Entries",
    "FeatureSequence",
    "ImageSequence",
    "balanced",
    "check_probabilities",
    "class_probabilities",
    "ends_in_softmax",
    "joined",
    "multiplied",
    "originals",
    "scaled",
]

# Rounding errors of float32, and of the sums of 16-bit floats.
_TOLERANCE, _SUM_TOLERANCE = 1e-5, 1e-2


def __dir__() -> list[str]:
    return sorted(__all__)


@dataclass(frozen=True, eq=False)
class Entries:
    """The M images of one epoch: the row of each source image and the number of its variant.

    Attributes:
        rows: (M,) int64, positions of the source images.
        variants: (M,) int64, 0 for the image itself, 1, 2 ... for augmented ones.
    """

    rows: np.ndarray
    variants: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


def originals(rows: np.ndarray) -> Entries:
    """Returns entries with each image once, as it is."""
    rows = np.asarray(rows, dtype=np.int64)
    return Entries(rows=rows, variants=np.zeros(len(rows), dtype=np.int64))


def joined(entries: Sequence[Entries]) -> Entries:
    """Returns the images of several entries, one after the other."""
    return Entries(
        rows=np.concatenate([one.rows for one in entries]),
        variants=np.concatenate([one.variants for one in entries]),
    )


def multiplied(rows: np.ndarray, *, variants: int) -> Entries:
    """Returns entries with `variants` augmented images, numbered from 1, in place of each image."""
    rows = np.asarray(rows, dtype=np.int64)
    return Entries(rows=np.repeat(rows, variants), variants=np.tile(np.arange(1, variants + 1), len(rows)))


def balanced(
    rows: np.ndarray, labels: np.ndarray, ids: Sequence[str] | np.ndarray, *, per_class: int, seed: int
) -> Entries:
    """Returns entries with all images, and augmented variants that fill each class up to a number of images.

    The images of a class get one variant each in a random order, then a second one in the same order, and so
    on: their numbers of variants differ by at most one. A class that has enough images gets no variants.

    Args:
        rows: (N,) positions of the source images.
        labels: int array, class of every image of the index, by position.
        ids: Id of every image of the index, by position. The random order depends on ids, not on positions.
        per_class: Number of images that each class reaches.
        seed: Root seed.

    Raises:
        ArgumentError: There are no source images.
    """
    rows = np.asarray(rows, dtype=np.int64)
    if len(rows) == 0:
        raise ArgumentError("No images to balance.", expected="at least one image")
    entries = [originals(rows)]
    for label in np.unique(labels[rows]):
        sources = np.array(sorted(rows[labels[rows] == label], key=lambda row: ids[row]))
        missing = max(per_class - len(sources), 0)
        order = generator(seed, "balance", int(label)).permutation(sources)
        turns = np.arange(missing)
        entries.append(Entries(rows=order[turns % len(order)], variants=1 + turns // len(order)))
    return joined(entries)


class BatchSequence(keras.utils.PyDataset, abc.ABC):
    """Base class of batches for `fit`, `evaluate` and `predict`; a subclass makes the inputs.

    A batch depends only on its number, the epoch and the seed. It doesn't depend on the number of workers or
    on the batches before it. Pass `shuffle=False` to `fit`: if `shuffle` is True here, this class samples a
    new order for each value of its attribute `epoch`, which increases at the end of each epoch.

    Args:
        entries: The images of one epoch.
        labels: (N,) int64, class of each row of the index, or None for `predict`.
        classes: Number of the network's outputs: one per class (targets are one-hot), or 1 (the target is 1.0
            for the second of two classes and 0.0 for the first).
        batch_size: Inputs per batch.
        seed: Root seed.
        shuffle: Whether each epoch has its own order.
        replicas: Number of devices that share a batch. The last batch is padded to a multiple of this number
            with inputs of weight 0. The weights of the other inputs are raised: `padding_weights` says which
            mean then is the same as on one device.
        padding_weights: "batch" keeps the mean over each batch the same as on one device (for the gradient
            of the last batch); "set" keeps the mean over all entries the same (for their loss and accuracy).

    Raises:
        ArgumentError: There are no images, the batch size is below 1, or `padding_weights` is another word.
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
    ) -> None:
        # Keras must use one worker. `fit` builds the network with a first batch; further workers would then
        # prepare the next batches and return them in a later epoch (JAX, tf.distribute). Threads that share
        # the images of a batch replace the workers.
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

    def on_epoch_end(self) -> None:
        """Switches to the order of the next epoch; Keras' `fit` also calls it once before the first epoch."""
        self.epoch += 1

    def __getitem__(self, batch: int) -> tuple[np.ndarray, ...]:
        """Returns one batch of the current epoch; the first one has the number 0.

        Returns:
            (inputs,) without labels, else (inputs, targets), and with several replicas (inputs, targets,
            weights): float32 (B, ...), (B, classes) and (B,).
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
        """Returns the network's inputs for B positions in the entries, float32 (B, ...)."""


class ImageSequence(BatchSequence):
    """Batches of images, augmented and scaled.

    Args:
        images: uint8 (N, height, width, 3), RGB, cropped and resized.
        entries: The images of one epoch.
        preprocessing: Scaling of the grey levels; its crop and size are not applied again.
        ids: Id of each row of the index; an image's augmentation depends on its id.
        seed: Root seed.
        augmenter: Makes the variants; required if an entry has a variant above 0.
        fresh: Whether variants are sampled again in each epoch. Entries with variant 0 are never augmented.
        workers: Threads that prepare the images of a batch.
        **options: Arguments of `BatchSequence`.

    Raises:
        ArgumentError: There are fewer workers than 1, or variants without an augmenter.
    """

    def __init__(
        self,
        images: np.ndarray,
        entries: Entries,
        *,
        preprocessing: Preprocessing,
        ids: Sequence[str] | np.ndarray,
        seed: int,
        augmenter: ImageAugmenter | None = None,
        fresh: bool = False,
        workers: int = 1,
        **options: Any,
    ) -> None:
        super().__init__(entries, seed=seed, **options)
        if workers < 1:
            raise ArgumentError(f"workers is {workers}.", expected="at least 1")
        if augmenter is None and entries.variants.any():
            raise ArgumentError("There are variants but no augmenter.", expected="an ImageAugmenter")
        self.images, self.preprocessing, self.ids = images, preprocessing, ids
        self.augmenter, self.fresh, self.threads = augmenter, fresh, workers

    def inputs(self, positions: np.ndarray) -> np.ndarray:
        """Returns the network's inputs for B positions in the entries, float32 (B, height, width, 3)."""
        if self.threads == 1:
            return self._augmented_and_scaled(positions)
        chunks = np.array_split(positions, self.threads)
        with ThreadPoolExecutor(self.threads) as pool:
            return np.concatenate(list(pool.map(self._augmented_and_scaled, chunks)))

    def _augmented_and_scaled(self, positions: np.ndarray) -> np.ndarray:
        rows, variants = self.entries.rows[positions], self.entries.variants[positions]
        images = self.images[rows]
        changed = np.flatnonzero(variants)
        if len(changed):
            assert self.augmenter is not None, "the constructor refuses variants without an augmenter"
            epoch = self.epoch if self.fresh else 0
            seeds = [
                child_seed(self.seed, "augmentation", str(self.ids[rows[i]]), int(variants[i]), epoch)
                for i in changed
            ]
            images[changed] = self.augmenter.apply_batch(images[changed], seeds)
        return scaled(images, self.preprocessing)


class FeatureSequence(BatchSequence):
    """Batches of features that a frozen base computed, for training the layers after the base.

    Args:
        features: float32 (N, V, ...), the features of each image's V variants, by row; variant 0 is the
            image itself.
        entries: The images of one epoch.
        **options: Arguments of `BatchSequence`.
    """

    def __init__(self, features: np.ndarray, entries: Entries, **options: Any) -> None:
        super().__init__(entries, **options)
        self.features = features

    def inputs(self, positions: np.ndarray) -> np.ndarray:
        """Returns the features for B positions in the entries, float32 (B, ...)."""
        return self.features[self.entries.rows[positions], self.entries.variants[positions]]


class ArrayBatches(keras.utils.PyDataset):
    """Batches of an array for `predict`, in its order.

    Keras also takes the array itself. But then TensorFlow's deterministic mode reports an error on stderr,
    which has no effect: it doesn't know an attribute of its own graph (use_unbounded_threadpool).

    Args:
        inputs: float32 (N, ...).
        batch_size: Inputs per batch.
    """

    def __init__(self, inputs: np.ndarray, batch_size: int) -> None:
        super().__init__(workers=1)
        self.array, self.batch_size = inputs, batch_size

    def __len__(self) -> int:
        return -(-len(self.array) // self.batch_size)

    def __getitem__(self, batch: int) -> tuple[np.ndarray]:
        """Returns one batch as (inputs,); the first one has the number 0."""
        return (self.array[batch * self.batch_size : (batch + 1) * self.batch_size],)


def class_probabilities(outputs: np.ndarray) -> np.ndarray:
    """Returns a network's outputs as one probability per class.

    Args:
        outputs: (N, classes), or (N, 1): the probability of the second of two classes.

    Returns:
        float64 (N, classes), at least two columns.
    """
    outputs = np.asarray(outputs, dtype=np.float64)
    return np.concatenate([1 - outputs, outputs], axis=1) if outputs.shape[1] == 1 else outputs


def check_probabilities(
    probabilities: np.ndarray, images: Sequence[Any] | np.ndarray, *, of: str, add_up: bool
) -> None:
    """Checks that a classifier's outputs are probabilities.

    Args:
        probabilities: (N, classes).
        images: N names, for the error message.
        of: What computed them, for the error message, such as "The network".
        add_up: Whether those of an image must add up to 1, as those of a softmax do.

    Raises:
        WeightsError: A value is NaN, infinite or outside 0..1, or the sum of a row isn't 1.
    """
    finite = np.isfinite(probabilities).all(axis=1)
    values = np.where(finite[:, None], probabilities, 0.0)
    outside = finite & ((values < -_TOLERANCE) | (values > 1 + _TOLERANCE)).any(axis=1)
    wrong_sum = finite & (np.abs(values.sum(axis=1) - 1) > _SUM_TOLERANCE) & add_up
    for wrong, what in (
        (~finite, "values that are NaN or infinite"),
        (outside, "values outside 0..1"),
        (wrong_sum, "values that don't add up to 1"),
    ):
        if wrong.any():
            first = int(wrong.argmax())
            numbers = ", ".join(f"{value:.4g}" for value in probabilities[first][:8])
            raise WeightsError(
                f"{of} gives no probabilities for {np.count_nonzero(wrong):,} of {len(wrong):,} images: "
                f"{what}, first for {images[first]} ({numbers}).",
                expected="finite numbers from 0 to 1" + ", which add up to 1" * add_up,
                remedy="train it again, with a lower learning rate or another seed if its loss became NaN",
            )


def ends_in_softmax(network: keras.Model) -> bool:
    """Returns whether the outputs of a network are those of a softmax, or one probability of two classes."""
    last = network.layers[-1] if network.layers else None
    is_softmax = getattr(last, "activation", None) is keras.activations.softmax
    return is_softmax or isinstance(last, keras.layers.Softmax) or network.output_shape[-1] == 1


def scaled(images: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    """Returns the network's inputs for prepared images: uint8 (N, height, width, 3) becomes float32."""
    inputs = rescale(images, preprocessing.scale)
    return subtract_channel_mean(inputs) if preprocessing.subtract_channel_mean else inputs
