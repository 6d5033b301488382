"""LeukNet: a VGG with two new dense layers, fine-tuned as a whole.

Reference: Vogado et al. 2020, "LeukNet - A Model of Convolutional Neural Network for the Diagnosis of
Leukemia", Figure 4.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from leukcnn.errors import ArgumentError
from leukcnn.models.fine_tuned import FineTuned
from leukcnn.models.inputs import zero_to_one

_BACKBONES = ("VGG16", "VGG19")


def preprocess_input(images: Any) -> Any:
    """Converts images to the input of `LeukNet`: 0..255 becomes 0..1, as in the paper.

    Args:
        images: (height, width, 3) or (N, height, width, 3), 0..255: a NumPy array, uint8 or of
            any other real dtype, or a tensor of Keras' backend.

    Returns:
        float32 of the same shape, 0..1; a NumPy array for an array, a tensor for a tensor.

    Raises:
        ArgumentError: The array is neither an image nor a batch of images.
    """
    return zero_to_one(images)


def LeukNet(
    include_top: bool = True,
    weights: str | Path | None = "imagenet",
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    pooling: str | None = None,
    classes: int = 1,
    classifier_activation: str | None = "auto",
    name: str = "leuknet",
    *,
    backbone: str = "VGG16",
    dense_units: Sequence[int] = (1024, 256),
    dropout_rates: Sequence[float] = (0.5, 0.6),
    kernel_initializer: str = "glorot_uniform",
    include_preprocessing: bool = False,
) -> keras.Model:
    """Instantiates LeukNet: 40,668,481 parameters at the paper's 224x224 pixels and one output.

    It is the flattened convolutional base of a VGG, two dense layers with ReLU and dropout, and a sigmoid.
    All layers are trained: it is `FineTuned` in the mode mDFT. With VGG19 it has 45,978,177 parameters.

    Reference: Vogado et al. 2020, Figure 4.

    Args:
        include_top: Whether to include the dense layers. If False, the network returns the feature maps of
            the base, pooled according to `pooling`.
        weights: None (random initialization), "imagenet" (published weights of the base, random top) or the
            path of a file (`.weights.h5`, `.h5` as published by Keras, `.keras`). Its number of parameters
            decides whether it is loaded into the base or into this whole network.
        input_tensor: Optional Keras tensor (an output of `keras.Input`) to use as the image input.
        input_shape: (height, width, 3), height and width at least 32.
        pooling: Global pooling of the feature maps if `include_top` is False: None, "avg" or "max".
        classes: Number of outputs: one per class, or 1 for the second of two classes.
        classifier_activation: Activation of the classifier. "auto" is a sigmoid for one output and a softmax
            for more; None returns the logits.
        name: Name of the model.
        backbone: "VGG16" or "VGG19".
        dense_units: Units of each dense layer before the classifier. Table V of the paper compares
            (512, 256), (1024, 256), (1024, 512) and (1024, 1024).
        dropout_rates: Fraction of each dense layer's outputs to drop in training, one rate per layer. A rate
            of 0 gives no dropout layer.
        kernel_initializer: Keras initializer of every kernel that isn't loaded.
        include_preprocessing: Whether the network itself converts images of 0..1 to the input that the VGG's
            ImageNet weights were trained on. In the paper the images are only scaled to 0..1.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, 3), 0..1, and returns float32 (N, classes),
        probabilities under sigmoid or softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: Weights can't be found, downloaded or loaded.
    """
    if backbone not in _BACKBONES:
        raise ArgumentError(
            f"backbone = {backbone!r} for LeukNet.",
            expected=", ".join(_BACKBONES),
            remedy="use FineTuned with mode='mDFT' for another base",
        )
    return FineTuned(
        backbone=backbone,
        mode="mDFT",
        dense_units=dense_units,
        dropout_rates=dropout_rates,
        include_top=include_top,
        weights=weights,
        input_tensor=input_tensor,
        input_shape=input_shape,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        kernel_initializer=kernel_initializer,
        include_preprocessing=include_preprocessing,
        name=name,
    )
