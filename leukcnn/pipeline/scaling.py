"""The scaling of grey levels to a network's inputs."""

import numpy as np

from leukcnn.preprocessing import rescale, subtract_channel_mean
from leukcnn.spec import Preprocessing


def scaled(images: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    """Returns the network's inputs for prepared images: uint8 (N, height, width, 3) becomes float32."""
    inputs = rescale(images, preprocessing.scale)
    return subtract_channel_mean(inputs) if preprocessing.subtract_channel_mean else inputs
