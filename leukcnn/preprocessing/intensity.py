"""Scaling and centring of grey levels."""

import math
from numbers import Real

import numpy as np

from leukcnn.errors import ArgumentError
from leukcnn.preprocessing.layout import check_layout


def rescale(image: np.ndarray, scale: float) -> np.ndarray:
    """Multiplies every grey level, as `rescale` of Keras' ImageDataGenerator does.

    Args:
        image: (H, W, C) or (N, H, W, C), any real dtype and range.
        scale: Factor; 1 / 255 takes 0..255 to 0..1.

    Returns:
        float32 array of the same shape.

    Raises:
        ArgumentError: The array is neither an image nor a batch, or the factor isn't a finite number.
    """
    check_layout(image)
    if isinstance(scale, bool) or not isinstance(scale, Real) or not math.isfinite(scale):
        raise ArgumentError(
            f"The scale is {scale!r}.",
            expected="a finite number",
            remedy="pass e.g. 1 / 255 for images on 0..1",
        )
    return np.multiply(image, np.float32(scale), dtype=np.float32)


def subtract_channel_mean(image: np.ndarray) -> np.ndarray:
    """Subtracts the mean of each channel, computed for each image by itself.

    Args:
        image: (H, W, C) or (N, H, W, C), any real dtype and range.

    Returns:
        float32 array of the same shape; every channel of every image has mean 0, up to rounding.

    Raises:
        ArgumentError: The array is neither an image nor a batch.
    """
    check_layout(image)
    # Summed in float64: a float32 sum of 62,500 equal values is off by more than their last digit.
    mean = image.mean(axis=(-3, -2), keepdims=True, dtype=np.float64)
    return np.subtract(image, mean.astype(np.float32), dtype=np.float32)
