"""A network's outputs as class probabilities."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from leukcnn.errors import WeightsError

# Rounding errors of float32, and of the sums of 16-bit floats.
_TOLERANCE, _SUM_TOLERANCE = 1e-5, 1e-2


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
