"""LeukNet (the LeukNet paper, Figure 4): a VGG tuned as a whole, with two dense layers of its own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from leukcnn.errors import ArgumentError
from leukcnn.models.fine_tuned import FineTuned
from leukcnn.models.inputs import zero_to_one

_BACKBONES = ("VGG16", "VGG19")


def preprocess_input(images: Any) -> Any:
    """Turns images into the input of `LeukNet`: 0..255 becomes 0..1, as in the paper.

    Args:
        images: (height, width, 3) or (N, height, width, 3), 0..255: a NumPy array, uint8 or of
            any other real dtype, or a tensor of Keras' backend.

    Returns:
        float32 of the same shape, 0..1: an array for an array, a tensor for a tensor.

    Raises:
        ArgumentError: The array is neither an image nor a batch of images.
    """
    return zero_to_one(images)


def LeukNet(
    include_top: bool = True,
    weights: str | Path | None = "imagenet",
    input_tensor: Any = None,
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
    preprocess_input: bool = False,
) -> keras.Model:
    """LeukNet: 40,668,481 parameters at the paper's 224x224 pixels and one output.

    A VGG's convolutional base, flattened, two dense layers with ReLU and dropout, and a sigmoid: `FineTuned`
    in the mode mDFT. All layers are trained. With VGG19 it has 45,978,177 parameters.

    Args:
        include_top: Whether the dense layers follow; False gives the base, pooled as `pooling` says.
        weights: None (random), "imagenet" (the base's published weights, the top random) or the path of a
            file (`.weights.h5`, `.h5` as Keras publishes it, `.keras`), taken by its number of parameters for
            the base alone or for this whole network.
        input_tensor: Keras tensor to use as the input instead of a new one.
        input_shape: Height, width (at least 32 each) and 3 channels.
        pooling: None, "avg" or "max"; only without the top.
        classes: Number of outputs.
        classifier_activation: Activation of the last layer. "auto" is a sigmoid for one output and a softmax
            for more; None for logits.
        name: Name of the model.
        backbone: "VGG16" or "VGG19".
        dense_units: Outputs of each dense layer before the classifier. Table V of the paper compares
            (512, 256), (1024, 256), (1024, 512) and (1024, 1024).
        dropout_rates: Share of each dense layer's outputs that is dropped in training, one rate a layer; 0
            puts no dropout layer there.
        kernel_initializer: Keras initializer of every kernel that isn't loaded.
        preprocess_input: Whether the network turns images of 0..1 into what the VGG's ImageNet weights were
            trained on. The paper only scales to 0..1.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, 3), 0..1, and returns float32 (N, classes),
        probabilities under sigmoid and softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: Weights can't be found, downloaded or laid in.
    """
    if backbone not in _BACKBONES:
        raise ArgumentError(
            f"backbone = {backbone!r} for LeukNet.",
            expected=", ".join(_BACKBONES),
            remedy="take FineTuned with mode='mDFT' for another base",
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
        preprocess_input=preprocess_input,
        name=name,
    )
