"""A small network to train from scratch where no published weights are available."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
from keras import layers

from leukcnn.errors import ArgumentError
from leukcnn.models.heads import (
    check_counts,
    check_head,
    check_momentum,
    checked_input,
    dense_head,
    pooled,
    refuse_imagenet,
    source_inputs,
)
from leukcnn.models.inputs import zero_to_one
from leukcnn.models.weights import load_whole

_BLOCKS = 4


def preprocess_input(images: Any) -> Any:
    """Converts images to the input of `FourBlockCNN`: 0..255 becomes 0..1.

    Args:
        images: (height, width, channels) or (N, height, width, channels), 0..255: a NumPy array, uint8 or of
            any other real dtype, or a tensor of Keras' backend.

    Returns:
        float32 of the same shape, 0..1; a NumPy array for an array, a tensor for a tensor.

    Raises:
        ArgumentError: The array is neither an image nor a batch of images.
    """
    return zero_to_one(images)


def FourBlockCNN(
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple[int, int, int] = (112, 112, 3),
    pooling: str | None = None,
    classes: int = 4,
    classifier_activation: str | None = "softmax",
    name: str = "four_block_cnn",
    *,
    filters: Sequence[int] = (16, 32, 64, 128),
    dropout_rate: float = 0.0,
    kernel_initializer: str = "glorot_uniform",
    batch_norm_momentum: float = 0.9,
) -> keras.Model:
    """Instantiates a network of four convolutions: 98,676 parameters (98,196 trainable) at any input size.

    Each block is a 3x3 convolution without bias, batch normalisation, ReLU and 2x2 max pooling. Global
    average pooling and the classifier follow. The network isn't from a paper: it is leukcnn's own substitute
    that can be trained on a CPU.

    Args:
        include_top: Whether to include global pooling and the classifier. If False, the network returns the
            last feature maps, pooled according to `pooling`.
        weights: None (random initialization) or the path of a file with the weights of this network
            (`.weights.h5` or `.keras`). None are published.
        input_tensor: Optional Keras tensor (an output of `keras.Input`) to use as the image input.
        input_shape: (height, width, channels), height and width at least 16.
        pooling: Global pooling of the feature maps if `include_top` is False: None, "avg" or "max".
        classes: Number of outputs, one per class.
        classifier_activation: Activation of the classifier; None returns the logits.
        name: Name of the model.
        filters: Number of filters of each of the four convolutions.
        dropout_rate: Fraction of the globally pooled features to drop in training; 0 gives no dropout layer.
        kernel_initializer: Keras initializer of every kernel.
        batch_norm_momentum: Momentum of the moving mean and variance in batch normalisation. Keras' default
            of 0.99 takes hundreds of steps to forget the initial values, more than a short training has.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, channels), 0..1, and returns float32
        (N, classes), probabilities under softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: The file doesn't exist or holds the weights of another network.
    """
    refuse_imagenet(weights, "FourBlockCNN")
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=[dropout_rate])
    check_counts("filters", filters)
    if len(filters) != _BLOCKS:
        raise ArgumentError(f"filters = {tuple(filters)}.", expected="four whole numbers above 0")
    check_momentum(batch_norm_momentum)
    x = inputs = checked_input(input_tensor, input_shape, min_size=2**_BLOCKS)
    for i, n in enumerate(filters, start=1):
        x = layers.Conv2D(
            n,
            3,
            padding="same",
            # The batch normalisation after it has its own offset.
            use_bias=False,
            kernel_initializer=kernel_initializer,
            name=f"conv_{i}",
        )(x)
        x = layers.BatchNormalization(momentum=batch_norm_momentum, name=f"batch_norm_{i}")(x)
        x = layers.ReLU(name=f"relu_{i}")(x)
        x = layers.MaxPooling2D(2, name=f"pool_{i}")(x)
    if include_top:
        x = layers.GlobalAveragePooling2D(name="gap")(x)
        if dropout_rate:
            x = layers.Dropout(dropout_rate, name="dropout")(x)
        x = dense_head(
            x,
            dense_units=(),
            dropout_rates=(),
            classes=classes,
            classifier_activation=classifier_activation,
            kernel_initializer=kernel_initializer,
        )
    else:
        x = pooled(x, pooling)
    model = keras.Model(source_inputs(inputs), x, name=name)
    if weights is not None:
        load_whole(model, weights)
    return model
