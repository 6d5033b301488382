"""Layers of Caffe that Keras lacks: subtraction of a mean image, and local response normalisation.

The layers are registered with Keras: `keras.models.load_model` knows them once this module is imported.
"""

from collections.abc import Mapping, MutableMapping
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import ArrayLike

from leukcnn.errors import ArgumentError

ILSVRC_MEAN = (123.68, 116.779, 103.939)
"""Mean of ImageNet's training images (ILSVRC 2012): red, green, blue, on the scale 0..255."""


@keras.saving.register_keras_serializable("leukcnn")
class MeanSubtraction(layers.Layer):
    """Subtracts the mean of the images that a network was trained on.

    Weights files contain the mean, because weights fit only the mean that they were trained with. It isn't
    counted as a parameter. A compiled function keeps the mean that it was traced with, so load weights before
    the first prediction.

    Args:
        mean: Mean of each channel (3,) or mean image (height, width, 3), on the scale of the images.
        **options: Arguments of every Keras layer, e.g. name, dtype.
    """

    def __init__(self, mean: ArrayLike = ILSVRC_MEAN, **options: Any) -> None:
        super().__init__(**options)
        self.mean = np.asarray(mean, dtype=np.float32)

    def call(self, images: Any) -> Any:
        """Returns images (N, height, width, 3) minus the mean."""
        return images - ops.cast(self.mean, images.dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that create the same layer."""
        return {**super().get_config(), "mean": self.mean.tolist()}

    def save_own_variables(self, store: MutableMapping[str, np.ndarray]) -> None:
        """Writes the mean into a weights file."""
        store["mean"] = self.mean

    def load_own_variables(self, store: Mapping[str, np.ndarray]) -> None:
        """Reads the mean from a weights file."""
        self.mean = np.asarray(store["mean"], dtype=np.float32)


@keras.saving.register_keras_serializable("leukcnn")
class LocalResponseNormalization(layers.Layer):
    """Divides each response by those of the neighbouring channels at the same pixel.

    It computes `x[c] / (bias + alpha * sum of x[j] ** 2) ** beta`, where j runs over the `size` channels
    around and including c; channels beyond the first or last one are left out. The arguments are those of
    MatConvNet. Caffe's alpha is `size` times as large, because Caffe divides it by the size.

    Source: Krizhevsky et al. 2012, section 3.3.

    Args:
        size: Number of channels in the sum, odd.
        bias: Constant added to the sum; k in the paper, kappa in MatConvNet.
        alpha: Factor of the sum.
        beta: Exponent.
        **options: Arguments of every Keras layer, e.g. name, dtype.

    Raises:
        ArgumentError: The size is even or below 1.
    """

    def __init__(
        self, size: int = 5, *, bias: float = 1, alpha: float = 2e-5, beta: float = 0.75, **options: Any
    ) -> None:
        super().__init__(**options)
        if size < 1 or size % 2 == 0:
            raise ArgumentError(f"size = {size!r}.", expected="an odd number of channels from 1")
        self.size, self.bias, self.alpha, self.beta = size, bias, alpha, beta

    def call(self, maps: Any) -> Any:
        """Returns the normalised maps (N, rows, columns, channels)."""
        channels, reach = maps.shape[-1], self.size // 2
        squares = ops.pad(ops.square(maps), [(0, 0)] * 3 + [(reach, reach)])
        total = sum(squares[..., start : start + channels] for start in range(self.size))
        return maps * ops.power(self.bias + self.alpha * total, -self.beta)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that create the same layer."""
        return {
            **super().get_config(),
            **{"size": self.size, "bias": self.bias, "alpha": self.alpha, "beta": self.beta},
        }
