"""Batches for Keras: the images of an epoch in their order, augmented."""

import abc
import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import keras
import numpy as np

from leukcnn.augmentation import ImageAugmenter
from leukcnn.augmentation.on_device import OnDevice
from leukcnn.errors import ArgumentError
from leukcnn.pipeline.ahead import Ahead, Key
from leukcnn.pipeline.entries import Entries
from leukcnn.pipeline.memory import BatchMemory
from leukcnn.seeding import child_seed, generator

FORWARD_BATCH = 64
"""Most inputs per forward pass of predictions and features."""

_BATCH_STEP = 8

Inputs = np.ndarray | dict[str, np.ndarray]
"""A network's inputs: an array, or several by name."""


def prediction_batch_size(inputs: int, *, replicas: int = 1) -> int:
    """Returns the batch size for predictions: `FORWARD_BATCH`, or less for fewer inputs.

    Sizes differ in steps, so that the slightly different sets of other folds have the same size: the backend
    compiles a network again for each size.
    """
    size = min(FORWARD_BATCH, -(-inputs // _BATCH_STEP) * _BATCH_STEP)
    return size + -size % replicas


class BatchSequence(keras.utils.PyDataset, abc.ABC):
    """Base class of batches for `fit`, `evaluate` and `predict`; a subclass makes the inputs.

    A batch depends only on its number, the epoch and the seed. It doesn't depend on the number of workers or
    on the batches before it. Within the block of `ahead`, threads make batches before they are needed.

    Pass `shuffle=False` to `fit`: if `shuffle` is True here, this class samples a new order for each value of
    its attribute `epoch`, which increases at the end of each epoch.

    Args:
        entries: The images of one epoch.
        labels: (N,) int64, class of each row of the index, or None for `predict`. The last batch for
            `predict` is padded to the batch size: the backend would compile the network again for another.
        classes: Number of the network's outputs: one per class (targets are one-hot), or 1 (the target is 1.0
            for the second of two classes and 0.0 for the first).
        batch_size: Inputs per batch.
        seed: Root seed.
        shuffle: Whether each epoch has its own order.
        replicas: Number of devices that share a batch, those of all hosts. The last batch is padded to a
            multiple of this number with inputs of weight 0. The weights of the other inputs are raised:
            `padding_weights` says which mean then is the same as on one device.
        host: Index of this host, which makes its part of each batch alone.
        hosts: Number of hosts.
        padding_weights: "batch" keeps the mean over each batch the same as on one device (for the gradient
            of the last batch); "set" keeps the mean over all entries the same (for their loss and accuracy).
        workers: Threads that make batches within `ahead`; they don't change the result.

    Raises:
        ArgumentError: There are no images, the batch size or the number of workers is below 1, or
            `padding_weights` is another word.
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
        host: int = 0,
        hosts: int = 1,
        padding_weights: str = "batch",
        workers: int = 1,
    ) -> None:
        # Keras must use one worker. `fit` builds the network with a first batch; further workers would then
        # prepare the next batches and return them in a later epoch (JAX, tf.distribute). Threads that make
        # batches by the number of the epoch replace the workers.
        super().__init__(workers=1)
        if min(len(entries), batch_size) < 1:
            raise ArgumentError(
                f"{len(entries)} images in batches of {batch_size}.", expected="at least one of each"
            )
        if workers < 1:
            raise ArgumentError(f"workers is {workers}.", expected="at least 1")
        if padding_weights not in ("batch", "set"):
            raise ArgumentError(f"padding_weights is {padding_weights!r}.", expected="'batch' or 'set'")
        self.entries, self.labels, self.classes = entries, labels, classes
        self.batch_size, self.seed, self.shuffle = batch_size, seed, shuffle
        self.epoch, self.replicas, self.padding_weights = 0, replicas, padding_weights
        self.host, self.hosts = host, hosts
        self.threads = workers
        self._ahead: Ahead | None = None
        self._known_order = (-1, np.arange(len(entries)))

    def __len__(self) -> int:
        return -(-len(self.entries) // self.batch_size)

    def on_epoch_end(self) -> None:
        """Switches to the order of the next epoch; Keras' `fit` also calls it once before the first epoch."""
        self.epoch += 1

    def __getitem__(self, batch: int) -> tuple[Inputs, ...]:
        """Returns one batch of the current epoch; the first one has the number 0.

        Returns:
            (inputs,) without labels, else (inputs, targets), and with several replicas (inputs, targets,
            weights): (B, ...), float32 (B, classes) and float32 (B,). On several hosts, this host's part.
        """
        key = (self.epoch if self.differs_by_epoch else 0, batch)
        return self._made(key) if self._ahead is None else self._ahead[key]

    @property
    def differs_by_epoch(self) -> bool:
        """Whether the batches of another epoch are others."""
        return self.shuffle

    @contextlib.contextmanager
    def ahead(self, *, epochs: int = 1) -> Iterator[None]:
        """Makes batches on threads, before they are needed, within a block; no thread is left after it.

        At the end of an epoch the first batches of the next one are made. An error in a thread is raised at
        the end of the block, as it was raised there, whatever the backend made of it.

        Args:
            epochs: Number of epochs. Nothing is made after the last.
        """

        def after(key: Key) -> Key | None:
            epoch, batch = key
            if batch + 1 < len(self):
                return epoch, batch + 1
            if not self.differs_by_epoch:
                return (0, 0) if epochs > 1 else None
            return (epoch + 1, 0) if epoch + 1 < epochs else None

        opencv_threads = cv2.getNumThreads()
        if self.threads > 1:
            # OpenCV would divide each image among threads of its own, which takes longer than the gain.
            cv2.setNumThreads(1)
        self._ahead = ahead = Ahead(self._made, after=after, threads=self.threads)
        try:
            yield
        except Exception:
            if ahead.fault is not None:
                raise ahead.fault from None
            raise
        finally:
            self._ahead = None
            ahead.close()
            cv2.setNumThreads(opencv_threads)

    def _made(self, key: Key) -> tuple[Inputs, ...]:
        epoch, batch = key
        positions = self._order(epoch)[batch * self.batch_size : (batch + 1) * self.batch_size]
        padded = np.resize(positions, self.padded(len(positions)))
        share = len(padded) // self.hosts
        own = slice(self.host * share, (self.host + 1) * share)
        inputs = self.inputs(padded[own], epoch=epoch)
        if self.labels is None:
            return (inputs,)
        labels = self.labels[self.entries.rows[padded[own]]]
        one_hot = np.eye(max(2, self.classes), dtype=np.float32)[labels]
        targets = one_hot[:, 1:] if self.classes == 1 else one_hot
        if self.replicas == 1:
            return inputs, targets
        of_batch = self.padding_weights == "batch"
        real, total = (len(positions), len(padded)) if of_batch else (len(self.entries), sum(self.sizes))
        weights = np.full(len(padded), total / real, dtype=np.float32)
        weights[len(positions) :] = 0
        return inputs, targets, weights[own]

    @property
    def sizes(self) -> list[int]:
        """The number of inputs of each batch, over all hosts, with padding."""
        last = len(self.entries) - (len(self) - 1) * self.batch_size
        return [self.batch_size] * (len(self) - 1) + [self.padded(last)]

    def padded(self, inputs: int) -> int:
        """Returns the size to which a batch is padded, by repeating its inputs from the first one on.

        If that fits into the batch size, each input is repeated equally often: batch normalization then has
        the same statistics as without padding.
        """
        if self.labels is None:
            # Prediction has one size of batches, since the backend would compile the network for another.
            return self.batch_size
        whole = math.lcm(inputs, self.replicas)
        return whole if whole <= self.batch_size else inputs + -inputs % self.replicas

    def _order(self, epoch: int) -> np.ndarray:
        known, order = self._known_order
        if not self.shuffle or known == epoch:
            return order
        # Sampling it for each batch again could take longer than the batch.
        order = generator(self.seed, "order", epoch).permutation(len(self.entries))
        self._known_order = (epoch, order)
        return order

    @abc.abstractmethod
    def inputs(self, positions: np.ndarray, *, epoch: int = 0) -> Inputs:
        """Returns the inputs for B positions in the entries, (B, ...)."""


class ImageSequence(BatchSequence):
    """Batches of images, augmented, for a network that `fed` made: it scales them.

    Args:
        images: uint8 (N, height, width, 3), RGB, cropped and resized.
        entries: The images of one epoch.
        ids: Id of each row of the index; an image's augmentation depends on its id.
        seed: Root seed.
        augmenter: Makes the variants; required if an entry has a variant above 0. With an `OnDevice`, the
            network makes them: batches hold the images as they are, and the arrays of their transforms.
        fresh: Whether variants are sampled again in each epoch. Entries with variant 0 are never augmented.
        **options: Arguments of `BatchSequence`.

    Raises:
        ArgumentError: There are variants without an augmenter.
    """

    def __init__(
        self,
        images: np.ndarray,
        entries: Entries,
        *,
        ids: Sequence[str] | np.ndarray,
        seed: int,
        augmenter: ImageAugmenter | OnDevice | None = None,
        fresh: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(entries, seed=seed, **options)
        if augmenter is None and entries.variants.any():
            raise ArgumentError("There are variants but no augmenter.", expected="an ImageAugmenter")
        self.images, self.ids = images, ids
        self.augmenter, self.fresh = augmenter, fresh
        self._memory = BatchMemory()

    @property
    def differs_by_epoch(self) -> bool:
        """Whether the batches of another epoch are others."""
        return self.shuffle or self.fresh

    def inputs(self, positions: np.ndarray, *, epoch: int = 0) -> Inputs:
        """Returns the images of B positions in the entries, uint8 (B, height, width, 3).

        With an augmenter on the device, they are "images" in a dictionary, next to `OnDevice.transforms`.
        """
        rows = self.entries.rows[positions]
        changed = np.flatnonzero(self.entries.variants[positions])
        seeds = self._seeds(positions[changed], epoch)
        if isinstance(self.augmenter, OnDevice):
            seed_of = dict(zip(changed.tolist(), seeds, strict=True))
            transforms = self.augmenter.transforms([seed_of.get(i) for i in range(len(rows))])
            return {"images": self._taken(rows), **transforms}
        if not len(changed):
            return self._taken(rows)
        assert self.augmenter is not None, "the constructor refuses variants without an augmenter"
        out = self._memory.array((len(rows), *self.images.shape[1:]))
        for i in np.flatnonzero(self.entries.variants[positions] == 0):
            out[i] = self.images[rows[i]]
        # All are sampled first: between two warps the interpreter is slower, and other threads wait for it.
        sampled = [self.augmenter.get_random_transform(out.shape[1:], seed) for seed in seeds]
        images = (self.images[row] for row in rows[changed])
        self.augmenter.apply_each((out[i] for i in changed), images, sampled)
        return out

    def _taken(self, rows: np.ndarray) -> np.ndarray:
        out = self._memory.array((len(rows), *self.images.shape[1:]))
        # Without a mode, NumPy makes a further copy.
        return np.take(self.images, rows, axis=0, out=out, mode="clip")

    def _seeds(self, positions: np.ndarray, epoch: int) -> list[int]:
        """Returns the seeds of the transforms of B positions in the entries."""
        epoch = epoch if self.fresh else 0
        rows, variants = self.entries.rows[positions], self.entries.variants[positions]
        return [
            child_seed(self.seed, "augmentation", str(self.ids[row]), int(variant), epoch)
            for row, variant in zip(rows, variants, strict=True)
        ]


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

    def inputs(self, positions: np.ndarray, *, epoch: int = 0) -> np.ndarray:
        """Returns the features for B positions in the entries, float32 (B, ...)."""
        return self.features[self.entries.rows[positions], self.entries.variants[positions]]


class ArrayBatches(keras.utils.PyDataset):
    """Batches of an array for `predict`, in its order.

    Keras also takes the array itself. But then TensorFlow's deterministic mode reports an error on stderr,
    which has no effect: it doesn't know an attribute of its own graph (use_unbounded_threadpool).

    Args:
        inputs: (N, ...).
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
