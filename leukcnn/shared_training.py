"""What a training needs that several devices or hosts share: the same numbers as on one device."""

from collections.abc import Mapping

import keras
import numpy as np

from leukcnn.hosts import Hosts
from leukcnn.pipeline import BatchSequence


class MeanOverEpoch(keras.callbacks.Callback):
    """Makes the means that an epoch logs count each input once.

    Keras weights the mean of each batch by the batch's size, and so that of the last one by its padding too.

    Args:
        data: The batches of the training.

    Attributes:
        step: Number of the step whose end it needs, from 0; None if nothing is padded.
    """

    async_safe = True

    def __init__(self, data: BatchSequence) -> None:
        super().__init__()
        self.sizes, self.real = data.sizes, len(data.entries)
        self.step = len(data) - 2 if sum(self.sizes) > self.real and len(data) > 1 else None
        self.before: Mapping[str, float] = {}

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Keeps the means before the last batch, if that one is padded."""
        if batch == self.step:
            self.before = {name: float(value) for name, value in (logs or {}).items()}

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Replaces the means."""
        *others, last = self.sizes
        before, count, logged = sum(others), self.real - sum(others), logs or {}
        for name, mean in self.before.items():
            of_last = (logged[name] * (before + last) - mean * before) / last
            logged[name] = (mean * before + of_last * count) / self.real
        self.before = {}


class SameLogs(keras.callbacks.Callback):
    """Gives every host the numbers of host 0, so that all decide the same."""

    def __init__(self, hosts: Hosts) -> None:
        super().__init__()
        self.hosts = hosts

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Replaces the logs."""
        own = logs if logs is not None else {}
        own.update(self.hosts.shared(lambda: ({name: float(own[name]) for name in own}, {}))[0])


class Waiting(keras.callbacks.Callback):
    """Makes the hosts wait for each other before an epoch: what they compute together has a time limit."""

    def __init__(self, hosts: Hosts) -> None:
        super().__init__()
        self.hosts = hosts

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Waits until host 0 has saved the last epoch."""
        self.hosts.all()


def joined_outputs(hosts: Hosts, data: BatchSequence, outputs: np.ndarray) -> np.ndarray:
    """Returns a network's outputs for whole batches, of each of which every host has predicted a part.

    Args:
        hosts: The hosts.
        data: The batches.
        outputs: This host's outputs, (n, ...).
    """
    if hosts.count == 1:
        return outputs
    ends = np.cumsum([size // hosts.count for size in data.sizes])[:-1]
    parts = [np.split(one["arrays"]["outputs"], ends) for one in hosts.all(arrays={"outputs": outputs})]
    return np.concatenate([part for batch in zip(*parts, strict=True) for part in batch])
