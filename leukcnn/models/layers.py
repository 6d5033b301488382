"""Layers of Caffe's time that Keras lacks: the mean subtracted from an image, responses normalised locally.

They are registered with Keras: importing this module is enough for `keras.models.load_model` to know them.
"""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from leukcnn.errors import ArgumentError

ILSVRC_MEAN = (123.68, 116.779, 103.939)
"""Mean of ImageNet's training images (ILSVRC 2012): red, green, blue, on the scale 0..255."""


@keras.saving.register_keras_serializable("leukcnn")
class MeanSubtraction(layers.Layer):
    """Subtracts what a network's training images are on average.

    The mean belongs to the weights that were trained with it, so weights files hold it too, though it is no
    parameter. A compiled function keeps the mean that it was traced with: load weights before predicting.

    Args:
        mean: The mean of each channel (3,) or the mean image (height, width, 3), on the images' scale.
        **options: Arguments of every layer: name, dtype.
    """

    def __init__(self, mean: Any = ILSVRC_MEAN, **options: Any):
        super().__init__(**options)
        self.mean = np.asarray(mean, dtype=np.float32)

    def call(self, images):
        """Returns images (N, height, width, 3) less the mean."""
        return images - ops.cast(self.mean, images.dtype)

    def compute_output_shape(self, input_shape):
        """Returns the shape as it is."""
        return input_shape

    def get_config(self):
        """Returns the arguments that make the same layer."""
        return {**super().get_config(), "mean": self.mean.tolist()}

    def save_own_variables(self, store):
        """Puts the mean into a weights file."""
        store["mean"] = self.mean

    def load_own_variables(self, store):
        """Takes the mean from a weights file."""
        self.mean = np.asarray(store["mean"], dtype=np.float32)


@keras.saving.register_keras_serializable("leukcnn")
class LocalResponseNormalization(layers.Layer):
    """Divides each response by those of the channels around it, at the same place of the image.

    `x[c] / (bias + alpha * sum of x[j] ** 2) ** beta`, where j runs over the `size` channels around c as far
    as there are any (Krizhevsky et al. 2012, section 3.3). MatConvNet takes the arguments like this; Caffe
    divides its own alpha by the size first.

    Args:
        size: Number of channels, odd.
        bias: What is added to the sum; k in the paper, kappa in MatConvNet.
        alpha: Factor of the sum.
        beta: Exponent.
        **options: Arguments of every layer: name, dtype.

    Raises:
        ArgumentError: The size is even or below 1.
    """

    def __init__(
        self, size: int = 5, *, bias: float = 1, alpha: float = 2e-5, beta: float = 0.75, **options: Any
    ):
        super().__init__(**options)
        if size < 1 or size % 2 == 0:
            raise ArgumentError(f"size = {size!r}.", expected="an odd number of channels from 1")
        self.size, self.bias, self.alpha, self.beta = size, bias, alpha, beta

    def call(self, maps):
        """Returns the normalised maps (N, rows, columns, channels)."""
        channels, reach = maps.shape[-1], self.size // 2
        squares = ops.pad(ops.square(maps), [(0, 0)] * 3 + [(reach, reach)])
        total = sum(squares[..., start : start + channels] for start in range(self.size))
        return maps * ops.power(self.bias + self.alpha * total, -self.beta)

    def compute_output_shape(self, input_shape):
        """Returns the shape as it is."""
        return input_shape

    def get_config(self):
        """Returns the arguments that make the same layer."""
        return {
            **super().get_config(),
            **{"size": self.size, "bias": self.bias, "alpha": self.alpha, "beta": self.beta},
        }
