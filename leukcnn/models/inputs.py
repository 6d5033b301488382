"""Conversion of images to a network's input, for the function `preprocess_input` of each module of builders.

Arrays are converted by the functions of `leukcnn.preprocessing` that a reproduction uses, with equal results.
Tensors are converted by Keras' operations, which also work in `tf.data.Dataset.map` and in a network.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from leukcnn.preprocessing import rescale, subtract_channel_mean


def rescaled(images: Any, scale: float) -> Any:
    """Multiplies images by a factor.

    Args:
        images: (height, width, channels) or (N, height, width, channels): a NumPy array of any real dtype, or
            a tensor of Keras' backend.
        scale: The factor.

    Returns:
        float32 of the same shape; a NumPy array for an array, a tensor for a tensor.

    Raises:
        ArgumentError: The array is neither an image nor a batch of images.
    """
    if isinstance(images, np.ndarray):
        return rescale(images, scale)
    return ops.multiply(ops.cast(images, "float32"), scale)


def zero_to_one(images: Any) -> Any:
    """Converts images from 0..255 to 0..1. See `rescaled` for the argument, the result and the errors."""
    return rescaled(images, 1 / 255)


def without_channel_mean(images: Any) -> Any:
    """Converts 0..255 to 0..1 and subtracts each image's own channel means. See `rescaled` for the rest."""
    scaled = zero_to_one(images)
    if isinstance(scaled, np.ndarray):
        return subtract_channel_mean(scaled)
    return ops.subtract(scaled, ops.mean(scaled, axis=(-3, -2), keepdims=True))


def standardised(images: Any, *, mean: Sequence[float], std: Sequence[float]) -> Any:
    """Converts 0..255 to 0..1, subtracts a mean and divides by a standard deviation. See also `rescaled`.

    Args:
        images: As in `rescaled`.
        mean: Mean of each channel, on the scale 0..1.
        std: Standard deviation of each channel, on the scale 0..1.
    """
    return (zero_to_one(images) - np.asarray(mean, np.float32)) / np.asarray(std, np.float32)
