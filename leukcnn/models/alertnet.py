"""The three networks of the Alert Net paper (section III, Figure 2), each with its variant without dropout.

Five convolutions, each followed by batch normalisation, ReLU and max pooling, then three dense layers. The
text gives no layer sizes; those below are a reading that has exactly the published 8,792,963 parameters.
"""

from pathlib import Path
from typing import Any

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

# Height and width of the square of pixels that becomes one pixel of "pool_2": strides of 4, 2 and 2.
_STRIDE_OF_POOL_2 = 16


def preprocess_input(images: Any) -> Any:
    """Turns images into the input of the Alert Nets: 0..255 becomes 0..1, as in the paper.

    Args:
        images: (height, width, channels) or (N, height, width, channels), 0..255: a NumPy array, uint8 or of
            any other real dtype, or a tensor of Keras' backend.

    Returns:
        float32 of the same shape, 0..1: an array for an array, a tensor for a tensor.

    Raises:
        ArgumentError: The array is neither an image nor a batch of images.
    """
    return zero_to_one(images)


def AlertNet(
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: Any = None,
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
    """Alert Net: 8,792,963 parameters at the paper's 224x224 pixels and three classes.

    Args:
        include_top: Whether the dense layers follow; False gives the last feature maps, pooled as `pooling`
            says.
        weights: None (random) or the path of a file with weights of this whole network (`.weights.h5` or
            `.keras`). Nobody has published any.
        input_tensor: Keras tensor to use as the input instead of a new one.
        input_shape: Height, width (any, from 16 each) and channels.
        pooling: None, "avg" or "max"; only without the top.
        classes: Number of outputs.
        classifier_activation: Activation of the last layer; None for logits.
        name: Name of the model.
        dropout_rate: Fraction of the second dense layer's outputs that is dropped in training. 0 is the
            paper's variant without dropout (WD), which has no such layer.
        kernel_initializer: Keras initializer of every kernel.
        batch_norm_momentum: Fraction of the moving mean and variance that each step keeps. Keras' 0.99 takes
            hundreds of steps to forget the initial values; a short training needs less.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, channels), 0..1, and returns float32
        (N, classes), probabilities under softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: The file isn't there or holds another network's weights.
    """
    refuse_imagenet(weights, "AlertNet")
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=[dropout_rate])
    check_momentum(batch_norm_momentum)
    inputs = checked_input(input_tensor, input_shape, min_size=_STRIDE_OF_POOL_2)
    options = {"kernel_initializer": kernel_initializer, "momentum": batch_norm_momentum}

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
    input_tensor: Any = None,
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
    """Alert Net-R, 8,799,875 parameters: the pooled image itself joins the second pooling's output.

    The image is max-pooled to the size of those maps, 14x14 from 224x224, and concatenated to them.

    Args:
        include_top: Whether the dense layers follow; False gives the last feature maps, pooled as `pooling`
            says.
        weights: None (random) or the path of a file with weights of this whole network (`.weights.h5` or
            `.keras`). Nobody has published any.
        input_tensor: Keras tensor to use as the input instead of a new one.
        input_shape: Height, width (any, from 16 each) and channels.
        pooling: None, "avg" or "max"; only without the top.
        classes: Number of outputs.
        classifier_activation: Activation of the last layer; None for logits.
        name: Name of the model.
        dropout_rate: Fraction of the second dense layer's outputs that is dropped in training. 0 is the
            paper's variant without dropout (WD), which has no such layer.
        kernel_initializer: Keras initializer of every kernel.
        batch_norm_momentum: Fraction of the moving mean and variance that each step keeps. Keras' 0.99 takes
            hundreds of steps to forget the initial values; a short training needs less.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, channels), 0..1, and returns float32
        (N, classes), probabilities under softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: The file isn't there or holds another network's weights.
    """
    refuse_imagenet(weights, "AlertNetR")
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=[dropout_rate])
    check_momentum(batch_norm_momentum)
    inputs = checked_input(input_tensor, input_shape, min_size=_STRIDE_OF_POOL_2)
    options = {"kernel_initializer": kernel_initializer, "momentum": batch_norm_momentum}

    x = _block(inputs, 1, 64, 11, strides=4, **options)
    x = _block(x, 2, 128, 5, **options)
    # Strides with `same` padding round up one after the other as they do at once: the sizes agree.
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
    input_tensor: Any = None,
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
    """Alert Net-X, 3,078,318 parameters: every convolution is depthwise separable.

    Args:
        include_top: Whether the dense layers follow; False gives the last feature maps, pooled as `pooling`
            says.
        weights: None (random) or the path of a file with weights of this whole network (`.weights.h5` or
            `.keras`). Nobody has published any.
        input_tensor: Keras tensor to use as the input instead of a new one.
        input_shape: Height, width (any, from 16 each) and channels.
        pooling: None, "avg" or "max"; only without the top.
        classes: Number of outputs.
        classifier_activation: Activation of the last layer; None for logits.
        name: Name of the model.
        dropout_rate: Fraction of the second dense layer's outputs that is dropped in training. 0 is the
            paper's variant without dropout (WD), which has no such layer.
        kernel_initializer: Keras initializer of every kernel.
        batch_norm_momentum: Fraction of the moving mean and variance that each step keeps. Keras' 0.99 takes
            hundreds of steps to forget the initial values; a short training needs less.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, channels), 0..1, and returns float32
        (N, classes), probabilities under softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: The file isn't there or holds another network's weights.
    """
    refuse_imagenet(weights, "AlertNetX")
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=[dropout_rate])
    check_momentum(batch_norm_momentum)
    inputs = checked_input(input_tensor, input_shape, min_size=_STRIDE_OF_POOL_2)
    options = {"kernel_initializer": kernel_initializer, "momentum": batch_norm_momentum}

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
    x: Any,
    i: int,
    filters: int,
    kernel_size: int,
    *,
    strides: int = 1,
    kernel_initializer: str,
    momentum: float,
) -> Any:
    """Appends block i: a convolution, batch normalisation, ReLU and max pooling."""
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
    x: Any,
    i: int,
    filters: int,
    kernel_size: int,
    *,
    strides: int = 1,
    kernel_initializer: str,
    momentum: float,
) -> Any:
    """Appends block i as `_block` does, with a depthwise separable convolution."""
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


def _normalised_and_pooled(x: Any, i: int, momentum: float) -> Any:
    x = layers.BatchNormalization(momentum=momentum, name=f"batch_norm_{i}")(x)
    x = layers.ReLU(name=f"relu_{i}")(x)
    return layers.MaxPooling2D(2, padding="same", name=f"pool_{i}")(x)


def _top(
    x: Any, *, classes: int, classifier_activation: str | None, dropout_rate: float, kernel_initializer: str
) -> Any:
    """Appends the three dense layers."""
    return dense_head(
        layers.Flatten(name="flatten")(x),
        dense_units=(512, 512),
        dropout_rates=(0, dropout_rate),
        classes=classes,
        classifier_activation=classifier_activation,
        kernel_initializer=kernel_initializer,
    )
