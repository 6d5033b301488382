"""Learning rate schedules for `keras.callbacks.LearningRateScheduler`."""

import math
from typing import Protocol

from leukcnn.errors import ArgumentError


class Schedule(Protocol):
    """A learning rate schedule, as `keras.callbacks.LearningRateScheduler` calls it."""

    def __call__(self, epoch: int, learning_rate: float | None = None, /) -> float:
        """Returns the learning rate of an epoch, which counts from 0; the current rate is ignored."""


def exponential_schedule(*, initial: float, final: float | None, epochs: int) -> Schedule:
    """Returns the exponential decay lr(e) = initial * (final / initial) ** (e / epochs).

    Source: C-NMC 2019 paper, section 2.5 ("initial and final learning rates that exponentially decay over 400
    epochs").

    Args:
        initial: Learning rate in epoch 0.
        final: Learning rate that would be reached in epoch `epochs`; None keeps the initial one.
        epochs: Total number of epochs.

    Returns:
        The schedule for `keras.callbacks.LearningRateScheduler`.

    Raises:
        ArgumentError: A rate or the number of epochs isn't above 0.
    """
    last = initial if final is None else final
    if min(initial, last, epochs) <= 0:
        raise ArgumentError(
            f"initial = {initial}, final = {last}, epochs = {epochs}.", expected="three numbers above 0"
        )

    def schedule(epoch: int, learning_rate: float | None = None, /) -> float:
        return initial * (last / initial) ** (epoch / epochs)

    return schedule


def exponential_to_last_schedule(*, initial: float, final: float | None, epochs: int) -> Schedule:
    """Returns `exponential_schedule`, but with the final rate in the last epoch instead of after it.

    Args:
        initial: Learning rate in epoch 0.
        final: Learning rate in epoch `epochs` - 1; None keeps the initial one.
        epochs: Total number of epochs.

    Returns:
        The schedule for `keras.callbacks.LearningRateScheduler`.

    Raises:
        ArgumentError: A rate or the number of epochs isn't above 0.
    """
    return exponential_schedule(initial=initial, final=final, epochs=epochs if epochs < 2 else epochs - 1)


def cosine_schedule(*, initial: float, final: float | None, epochs: int) -> Schedule:
    """Returns the cosine decay lr(e) = final + (initial - final) * (1 + cos(pi * e / epochs)) / 2.

    Source: Loshchilov and Hutter 2017, "SGDR", equation 5, with one value per epoch and no restarts.

    Args:
        initial: Learning rate in epoch 0.
        final: Learning rate that would be reached in epoch `epochs`, 0 or more; None keeps the initial one.
        epochs: Total number of epochs.

    Returns:
        The schedule for `keras.callbacks.LearningRateScheduler`.

    Raises:
        ArgumentError: The initial rate or the number of epochs isn't above 0, or the final rate is negative.
    """
    last = initial if final is None else final
    if min(initial, epochs) <= 0 or last < 0:
        raise ArgumentError(
            f"initial = {initial}, final = {last}, epochs = {epochs}.",
            expected="initial and epochs above 0, final 0 or more",
        )

    def schedule(epoch: int, learning_rate: float | None = None, /) -> float:
        return last + (initial - last) * (1 + math.cos(math.pi * epoch / epochs)) / 2

    return schedule
