"""What images become before a network takes them; each module of builders names its own `preprocess_input`.

Arrays go through the functions of `leukcnn.preprocessing` that a reproduction uses, so that both give equal
values. Tensors go through Keras' operations, which `tf.data.Dataset.map` and a network can take in too.
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
        float32 of the same shape: an array for an array, a tensor for a tensor.

    Raises:
        ArgumentError: The array is neither an image nor a batch of images.
    """
    if isinstance(images, np.ndarray):
        return rescale(images, scale)
    return ops.multiply(ops.cast(images, "float32"), scale)


def zero_to_one(images: Any) -> Any:
    """Turns 0..255 into 0..1; arguments, result and errors as in `rescaled`."""
    return rescaled(images, 1 / 255)


def without_channel_mean(images: Any) -> Any:
    """Turns 0..255 into 0..1 less each image's own mean of each channel; the rest as in `rescaled`."""
    scaled = zero_to_one(images)
    if isinstance(scaled, np.ndarray):
        return subtract_channel_mean(scaled)
    return ops.subtract(scaled, ops.mean(scaled, axis=(-3, -2), keepdims=True))


def standardised(images: Any, *, mean: Sequence[float], std: Sequence[float]) -> Any:
    """Turns 0..255 into 0..1 less a mean, divided by a standard deviation; the rest as in `rescaled`.

    Args:
        images: As in `rescaled`.
        mean: Of each channel, on the scale 0..1.
        std: Of each channel, on the scale 0..1.
    """
    return (zero_to_one(images) - np.float32(mean)) / np.float32(std)
