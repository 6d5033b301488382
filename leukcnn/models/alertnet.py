"""The three networks of the Alert Net paper, each with its variant without dropout.

Reference: Claro et al. 2020, "Convolution Neural Network Models for Acute Leukemia Diagnosis", IWSSIP 2020,
section III and Figure 2.

Five convolutions, each followed by batch normalisation, ReLU and max pooling, and three dense layers. The
paper gives no layer sizes; those below give exactly its 8,792,963 parameters.
"""

from pathlib import Path
from typing import Any, TypedDict

import keras
from keras import layers

from leukcnn.models.heads import (
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

# Pixels of the image in each direction for one pixel of "pool_2": strides of 4, 2 and 2.
_STRIDE_OF_POOL_2 = 16


class _BlockOptions(TypedDict):
    """Arguments that all blocks of a network share."""

    kernel_initializer: str
    momentum: float


def preprocess_input(images: Any) -> Any:
    """Converts images to the input of the Alert Nets: 0..255 becomes 0..1, as in the paper.

    Args:
        images: (height, width, channels) or (N, height, width, channels), 0..255: a NumPy array, uint8 or of
            any other real dtype, or a tensor of Keras' backend.

    Returns:
        float32 of the same shape, 0..1; a NumPy array for an array, a tensor for a tensor.

    Raises:
        ArgumentError: The array is neither an image nor a batch of images.
    """
    return zero_to_one(images)


def AlertNet(
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    pooling: str | None = None,
    classes: int = 3,
    classifier_activation: str | None = "softmax",
    name: str = "alert_net",
    *,
    dropout_rate: float = 0.5,
    kernel_initializer: str = "glorot_uniform",
    batch_norm_momentum: float = 0.99,
) -> keras.Model:
    """Instantiates Alert Net: 8,792,963 parameters at the paper's 224x224 pixels and three classes.

    Reference: Claro et al. 2020, section III and Figure 2.

    Args:
        include_top: Whether to include the dense layers. If False, the network returns the last feature
            maps, pooled according to `pooling`.
        weights: None (random initialization) or the path of a file with the weights of this network
            (`.weights.h5` or `.keras`). None are published.
        input_tensor: Optional Keras tensor (an output of `keras.Input`) to use as the image input.
        input_shape: (height, width, channels), height and width at least 16.
        pooling: Global pooling of the feature maps if `include_top` is False: None, "avg" or "max".
        classes: Number of outputs, one per class.
        classifier_activation: Activation of the classifier; None returns the logits.
        name: Name of the model.
        dropout_rate: Fraction of the second dense layer's outputs to drop in training. 0 gives the paper's
            variant without dropout (WD), which has no dropout layer.
        kernel_initializer: Keras initializer of every kernel.
        batch_norm_momentum: Momentum of the moving mean and variance in batch normalisation. Keras' default
            of 0.99 takes hundreds of steps to forget the initial values; a short training needs a lower one.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, channels), 0..1, and returns float32
        (N, classes), probabilities under softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: The file doesn't exist or holds the weights of another network.
    """
    refuse_imagenet(weights, "AlertNet")
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=[dropout_rate])
    check_momentum(batch_norm_momentum)
    inputs = checked_input(input_tensor, input_shape, min_size=_STRIDE_OF_POOL_2)
    options: _BlockOptions = {
        "kernel_initializer": kernel_initializer,
        "momentum": batch_norm_momentum,
    }

    x = _block(inputs, 1, 64, 11, strides=4, **options)
    x = _block(x, 2, 128, 5, **options)
    x = _block(x, 3, 256, 3, **options)
    x = _block(x, 4, 512, 3, **options)
    x = _block(x, 5, 1024, 3, **options)

    if include_top:
        x = _top(
            x,
            classes=classes,
            classifier_activation=classifier_activation,
            dropout_rate=dropout_rate,
            kernel_initializer=kernel_initializer,
        )
    else:
        x = pooled(x, pooling)
    model = keras.Model(source_inputs(inputs), x, name=name)
    if weights is not None:
        load_whole(model, weights)
    return model


def AlertNetR(
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    pooling: str | None = None,
    classes: int = 3,
    classifier_activation: str | None = "softmax",
    name: str = "alert_net_r",
    *,
    dropout_rate: float = 0.5,
    kernel_initializer: str = "glorot_uniform",
    batch_norm_momentum: float = 0.99,
) -> keras.Model:
    """Instantiates Alert Net-R: 8,799,875 parameters at the paper's 224x224 pixels and three classes.

    It is Alert Net with a shortcut: the input image is max-pooled to the size of the feature maps after the
    second pooling, 14x14 for 224x224 pixels, and concatenated to them.

    Reference: Claro et al. 2020, section III and Figure 2.

    Args:
        include_top: Whether to include the dense layers. If False, the network returns the last feature
            maps, pooled according to `pooling`.
        weights: None (random initialization) or the path of a file with the weights of this network
            (`.weights.h5` or `.keras`). None are published.
        input_tensor: Optional Keras tensor (an output of `keras.Input`) to use as the image input.
        input_shape: (height, width, channels), height and width at least 16.
        pooling: Global pooling of the feature maps if `include_top` is False: None, "avg" or "max".
        classes: Number of outputs, one per class.
        classifier_activation: Activation of the classifier; None returns the logits.
        name: Name of the model.
        dropout_rate: Fraction of the second dense layer's outputs to drop in training. 0 gives the paper's
            variant without dropout (WD), which has no dropout layer.
        kernel_initializer: Keras initializer of every kernel.
        batch_norm_momentum: Momentum of the moving mean and variance in batch normalisation. Keras' default
            of 0.99 takes hundreds of steps to forget the initial values; a short training needs a lower one.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, channels), 0..1, and returns float32
        (N, classes), probabilities under softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: The file doesn't exist or holds the weights of another network.
    """
    refuse_imagenet(weights, "AlertNetR")
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=[dropout_rate])
    check_momentum(batch_norm_momentum)
    inputs = checked_input(input_tensor, input_shape, min_size=_STRIDE_OF_POOL_2)
    options: _BlockOptions = {
        "kernel_initializer": kernel_initializer,
        "momentum": batch_norm_momentum,
    }

    x = _block(inputs, 1, 64, 11, strides=4, **options)
    x = _block(x, 2, 128, 5, **options)
    # With `same` padding, one stride of 16 rounds up to the same size as strides of 4, 2 and 2.
    shortcut = layers.MaxPooling2D(_STRIDE_OF_POOL_2, padding="same", name="pool_input")(inputs)
    x = layers.Concatenate(name="concatenate")([x, shortcut])
    x = _block(x, 3, 256, 3, **options)
    x = _block(x, 4, 512, 3, **options)
    x = _block(x, 5, 1024, 3, **options)

    if include_top:
        x = _top(
            x,
            classes=classes,
            classifier_activation=classifier_activation,
            dropout_rate=dropout_rate,
            kernel_initializer=kernel_initializer,
        )
    else:
        x = pooled(x, pooling)
    model = keras.Model(source_inputs(inputs), x, name=name)
    if weights is not None:
        load_whole(model, weights)
    return model


def AlertNetX(
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    pooling: str | None = None,
    classes: int = 3,
    classifier_activation: str | None = "softmax",
    name: str = "alert_net_x",
    *,
    dropout_rate: float = 0.5,
    kernel_initializer: str = "glorot_uniform",
    batch_norm_momentum: float = 0.99,
) -> keras.Model:
    """Instantiates Alert Net-X: 3,078,318 parameters at the paper's 224x224 pixels and three classes.

    It is Alert Net with depthwise separable convolutions.

    Reference: Claro et al. 2020, section III and Figure 2.

    Args:
        include_top: Whether to include the dense layers. If False, the network returns the last feature
            maps, pooled according to `pooling`.
        weights: None (random initialization) or the path of a file with the weights of this network
            (`.weights.h5` or `.keras`). None are published.
        input_tensor: Optional Keras tensor (an output of `keras.Input`) to use as the image input.
        input_shape: (height, width, channels), height and width at least 16.
        pooling: Global pooling of the feature maps if `include_top` is False: None, "avg" or "max".
        classes: Number of outputs, one per class.
        classifier_activation: Activation of the classifier; None returns the logits.
        name: Name of the model.
        dropout_rate: Fraction of the second dense layer's outputs to drop in training. 0 gives the paper's
            variant without dropout (WD), which has no dropout layer.
        kernel_initializer: Keras initializer of every kernel.
        batch_norm_momentum: Momentum of the moving mean and variance in batch normalisation. Keras' default
            of 0.99 takes hundreds of steps to forget the initial values; a short training needs a lower one.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, channels), 0..1, and returns float32
        (N, classes), probabilities under softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: The file doesn't exist or holds the weights of another network.
    """
    refuse_imagenet(weights, "AlertNetX")
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=[dropout_rate])
    check_momentum(batch_norm_momentum)
    inputs = checked_input(input_tensor, input_shape, min_size=_STRIDE_OF_POOL_2)
    options: _BlockOptions = {
        "kernel_initializer": kernel_initializer,
        "momentum": batch_norm_momentum,
    }

    x = _separable_block(inputs, 1, 64, 11, strides=4, **options)
    x = _separable_block(x, 2, 128, 5, **options)
    x = _separable_block(x, 3, 256, 3, **options)
    x = _separable_block(x, 4, 512, 3, **options)
    x = _separable_block(x, 5, 1024, 3, **options)

    if include_top:
        x = _top(
            x,
            classes=classes,
            classifier_activation=classifier_activation,
            dropout_rate=dropout_rate,
            kernel_initializer=kernel_initializer,
        )
    else:
        x = pooled(x, pooling)
    model = keras.Model(source_inputs(inputs), x, name=name)
    if weights is not None:
        load_whole(model, weights)
    return model


def _block(
    x: keras.KerasTensor,
    i: int,
    filters: int,
    kernel_size: int,
    *,
    strides: int = 1,
    kernel_initializer: str,
    momentum: float,
) -> keras.KerasTensor:
    """Adds block i: a convolution, batch normalisation, ReLU and max pooling."""
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding="same",
        kernel_initializer=kernel_initializer,
        name=f"conv_{i}",
    )(x)
    return _normalised_and_pooled(x, i, momentum)


def _separable_block(
    x: keras.KerasTensor,
    i: int,
    filters: int,
    kernel_size: int,
    *,
    strides: int = 1,
    kernel_initializer: str,
    momentum: float,
) -> keras.KerasTensor:
    """Adds block i like `_block`, with a depthwise separable convolution."""
    x = layers.SeparableConv2D(
        filters,
        kernel_size,
        strides=strides,
        padding="same",
        depthwise_initializer=kernel_initializer,
        pointwise_initializer=kernel_initializer,
        name=f"conv_{i}",
    )(x)
    return _normalised_and_pooled(x, i, momentum)


def _normalised_and_pooled(x: keras.KerasTensor, i: int, momentum: float) -> keras.KerasTensor:
    x = layers.BatchNormalization(momentum=momentum, name=f"batch_norm_{i}")(x)
    x = layers.ReLU(name=f"relu_{i}")(x)
    return layers.MaxPooling2D(2, padding="same", name=f"pool_{i}")(x)


def _top(
    x: keras.KerasTensor,
    *,
    classes: int,
    classifier_activation: str | None,
    dropout_rate: float,
    kernel_initializer: str,
) -> keras.KerasTensor:
    """Adds the three dense layers."""
    return dense_head(
        layers.Flatten(name="flatten")(x),
        dense_units=(512, 512),
        dropout_rates=(0, dropout_rate),
        classes=classes,
        classifier_activation=classifier_activation,
        kernel_initializer=kernel_initializer,
    )
