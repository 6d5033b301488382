"""The three networks of the Alert Net paper, each with its variant without dropout.

Reference: Claro et al. 2020, "Convolution Neural Network Models for Acute Leukemia Diagnosis", IWSSIP 2020,
section III and Figure 2.

Five convolutions, each followed by batch normalisation, ReLU and max pooling, and three dense layers. The
paper gives no layer sizes; the defaults give exactly its 8,792,963 parameters, as other sizes do too: with
pool_padding="valid" and dense_units=(2048, 128), for example.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

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

# Pixels of the image in each direction for one pixel of "pool_2": strides of 4, 2 and 2.
_STRIDE_OF_POOL_2 = 16


RELU = ("after_norm", "before_norm", "not_dense")
"""Places of ReLU, see `AlertNet`."""

_BLOCKS = 5
# Padding of the pooling -> the smallest image that leaves one pixel after five poolings.
_MIN_SIZES = {"same": _STRIDE_OF_POOL_2, "valid": 125}


class _BlockOptions(NamedTuple):
    """Arguments that all blocks of a network share."""

    convolutions: tuple[tuple[int, int], ...]
    relu: str
    pool_padding: str
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
    convolutions: Sequence[Sequence[int]] = ((64, 11), (128, 5), (256, 3), (512, 3), (1024, 3)),
    dense_units: Sequence[int] = (512, 512),
    relu: str = "after_norm",
    pool_padding: str = "same",
) -> keras.Model:
    """Instantiates Alert Net: 8,792,963 parameters at the paper's 224x224 pixels and three classes.

    Reference: Claro et al. 2020, section III and Figure 2.

    Args:
        include_top: Whether to include the dense layers. If False, the network returns the last feature
            maps, pooled according to `pooling`.
        weights: None (random initialization) or the path of a file with the weights of this network
            (`.weights.h5` or `.keras`). None are published.
        input_tensor: Optional Keras tensor (an output of `keras.Input`) to use as the image input.
        input_shape: (height, width, channels), height and width at least 16, or 125 with
            pool_padding="valid".
        pooling: Global pooling of the feature maps if `include_top` is False: None, "avg" or "max".
        classes: Number of outputs, one per class.
        classifier_activation: Activation of the classifier; None returns the logits.
        name: Name of the model.
        dropout_rate: Fraction of the second dense layer's outputs to drop in training. 0 gives the paper's
            variant without dropout (WD), which has no dropout layer.
        kernel_initializer: Keras initializer of every kernel.
        batch_norm_momentum: Momentum of the moving mean and variance in batch normalisation. Keras' default
            of 0.99 takes hundreds of steps to forget the initial values; a short training needs a lower one.
        convolutions: (filters, kernel size) of each of the five convolutions, the first with stride 4.
        dense_units: Units of the dense layers before the classifier.
        relu: "after_norm" (ReLU after each batch normalisation and dense layer), "before_norm" (after each
            convolution and dense layer) or "not_dense" (after each batch normalisation alone).
        pool_padding: Padding of the max pooling after each convolution: "same" or "valid".

    Returns:
        A `keras.Model` that takes float32 (N, height, width, channels), 0..1, and returns float32
        (N, classes), probabilities under softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: The file doesn't exist or holds the weights of another network.
    """
    refuse_imagenet(weights, "AlertNet")
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=[dropout_rate])
    options = _checked(convolutions, relu, pool_padding, kernel_initializer, batch_norm_momentum)
    check_counts("dense_units", dense_units)
    inputs = checked_input(input_tensor, input_shape, min_size=_MIN_SIZES[pool_padding])

    x = _block(inputs, 1, options, strides=4)
    x = _block(x, 2, options)
    x = _block(x, 3, options)
    x = _block(x, 4, options)
    x = _block(x, 5, options)

    if include_top:
        x = dense_head(
            layers.Flatten(name="flatten")(x),
            dense_units=dense_units,
            dropout_rates=_last_alone(dropout_rate, dense_units),
            classes=classes,
            classifier_activation=classifier_activation,
            activation="linear" if relu == "not_dense" else "relu",
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
    convolutions: Sequence[Sequence[int]] = ((64, 11), (128, 5), (256, 3), (512, 3), (1024, 3)),
    dense_units: Sequence[int] = (512, 512),
    relu: str = "after_norm",
    pool_padding: str = "same",
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
        input_shape: (height, width, channels), height and width at least 16, or 125 with
            pool_padding="valid".
        pooling: Global pooling of the feature maps if `include_top` is False: None, "avg" or "max".
        classes: Number of outputs, one per class.
        classifier_activation: Activation of the classifier; None returns the logits.
        name: Name of the model.
        dropout_rate: Fraction of the second dense layer's outputs to drop in training. 0 gives the paper's
            variant without dropout (WD), which has no dropout layer.
        kernel_initializer: Keras initializer of every kernel.
        batch_norm_momentum: Momentum of the moving mean and variance in batch normalisation. Keras' default
            of 0.99 takes hundreds of steps to forget the initial values; a short training needs a lower one.
        convolutions: (filters, kernel size) of each of the five convolutions, the first with stride 4.
        dense_units: Units of the dense layers before the classifier.
        relu: "after_norm" (ReLU after each batch normalisation and dense layer), "before_norm" (after each
            convolution and dense layer) or "not_dense" (after each batch normalisation alone).
        pool_padding: Padding of the max pooling after each convolution: "same" or "valid".

    Returns:
        A `keras.Model` that takes float32 (N, height, width, channels), 0..1, and returns float32
        (N, classes), probabilities under softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: The file doesn't exist or holds the weights of another network.
    """
    refuse_imagenet(weights, "AlertNetR")
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=[dropout_rate])
    options = _checked(convolutions, relu, pool_padding, kernel_initializer, batch_norm_momentum)
    check_counts("dense_units", dense_units)
    inputs = checked_input(input_tensor, input_shape, min_size=_MIN_SIZES[pool_padding])
    if pool_padding == "valid" and any(size % _STRIDE_OF_POOL_2 for size in inputs.shape[1:3]):
        raise ArgumentError(
            f"input_shape = {inputs.shape[1:]} with pool_padding = 'valid' for AlertNetR.",
            expected=f"a height and width in multiples of {_STRIDE_OF_POOL_2}, so that the shortcut fits",
        )

    x = _block(inputs, 1, options, strides=4)
    x = _block(x, 2, options)
    # With `same` padding, one stride of 16 rounds up to the same size as strides of 4, 2 and 2.
    shortcut = layers.MaxPooling2D(_STRIDE_OF_POOL_2, padding=pool_padding, name="pool_input")(inputs)
    x = layers.Concatenate(name="concatenate")([x, shortcut])
    x = _block(x, 3, options)
    x = _block(x, 4, options)
    x = _block(x, 5, options)

    if include_top:
        x = dense_head(
            layers.Flatten(name="flatten")(x),
            dense_units=dense_units,
            dropout_rates=_last_alone(dropout_rate, dense_units),
            classes=classes,
            classifier_activation=classifier_activation,
            activation="linear" if relu == "not_dense" else "relu",
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
    convolutions: Sequence[Sequence[int]] = ((64, 11), (128, 5), (256, 3), (512, 3), (1024, 3)),
    dense_units: Sequence[int] = (512, 512),
    relu: str = "after_norm",
    pool_padding: str = "same",
    first_separable: bool = True,
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
        input_shape: (height, width, channels), height and width at least 16, or 125 with
            pool_padding="valid".
        pooling: Global pooling of the feature maps if `include_top` is False: None, "avg" or "max".
        classes: Number of outputs, one per class.
        classifier_activation: Activation of the classifier; None returns the logits.
        name: Name of the model.
        dropout_rate: Fraction of the second dense layer's outputs to drop in training. 0 gives the paper's
            variant without dropout (WD), which has no dropout layer.
        kernel_initializer: Keras initializer of every kernel.
        batch_norm_momentum: Momentum of the moving mean and variance in batch normalisation. Keras' default
            of 0.99 takes hundreds of steps to forget the initial values; a short training needs a lower one.
        convolutions: (filters, kernel size) of each of the five convolutions, the first with stride 4.
        dense_units: Units of the dense layers before the classifier.
        relu: "after_norm" (ReLU after each batch normalisation and dense layer), "before_norm" (after each
            convolution and dense layer) or "not_dense" (after each batch normalisation alone).
        pool_padding: Padding of the max pooling after each convolution: "same" or "valid".
        first_separable: Whether the first convolution is separable too, unlike in Xception.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, channels), 0..1, and returns float32
        (N, classes), probabilities under softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: The file doesn't exist or holds the weights of another network.
    """
    refuse_imagenet(weights, "AlertNetX")
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=[dropout_rate])
    options = _checked(convolutions, relu, pool_padding, kernel_initializer, batch_norm_momentum)
    check_counts("dense_units", dense_units)
    inputs = checked_input(input_tensor, input_shape, min_size=_MIN_SIZES[pool_padding])

    x = _block(inputs, 1, options, strides=4, separable=first_separable)
    x = _block(x, 2, options, separable=True)
    x = _block(x, 3, options, separable=True)
    x = _block(x, 4, options, separable=True)
    x = _block(x, 5, options, separable=True)

    if include_top:
        x = dense_head(
            layers.Flatten(name="flatten")(x),
            dense_units=dense_units,
            dropout_rates=_last_alone(dropout_rate, dense_units),
            classes=classes,
            classifier_activation=classifier_activation,
            activation="linear" if relu == "not_dense" else "relu",
            kernel_initializer=kernel_initializer,
        )
    else:
        x = pooled(x, pooling)
    model = keras.Model(source_inputs(inputs), x, name=name)
    if weights is not None:
        load_whole(model, weights)
    return model


def _checked(
    convolutions: Sequence[Sequence[int]],
    relu: str,
    pool_padding: str,
    kernel_initializer: str,
    batch_norm_momentum: float,
) -> _BlockOptions:
    """Returns the options of the blocks.

    Raises:
        ArgumentError: One isn't allowed.
    """
    check_momentum(batch_norm_momentum)
    pairs = convolutions if isinstance(convolutions, Sequence) else ()
    if len(pairs) != _BLOCKS or not all(isinstance(pair, Sequence) and len(pair) == 2 for pair in pairs):
        raise ArgumentError(
            f"convolutions = {convolutions!r:.120}.", expected=f"{_BLOCKS} pairs (filters, kernel size)"
        )
    check_counts("convolutions", [number for pair in pairs for number in pair])
    for name, value, known in (("relu", relu, RELU), ("pool_padding", pool_padding, tuple(_MIN_SIZES))):
        if value not in known:
            raise ArgumentError(f"{name} = {value!r:.80}.", expected=", ".join(known))
    sizes = tuple((filters, kernel_size) for filters, kernel_size in pairs)
    return _BlockOptions(sizes, relu, pool_padding, kernel_initializer, batch_norm_momentum)


def _block(
    x: keras.KerasTensor, i: int, options: _BlockOptions, *, strides: int = 1, separable: bool = False
) -> keras.KerasTensor:
    """Adds block i: a convolution, batch normalisation and ReLU, in either order, and max pooling."""
    filters, kernel_size = options.convolutions[i - 1]
    initializer = options.kernel_initializer
    common = {"strides": strides, "padding": "same", "name": f"conv_{i}"}
    if separable:
        initializers = {"depthwise_initializer": initializer, "pointwise_initializer": initializer}
        x = layers.SeparableConv2D(filters, kernel_size, **initializers, **common)(x)
    else:
        x = layers.Conv2D(filters, kernel_size, kernel_initializer=initializer, **common)(x)
    norm = layers.BatchNormalization(momentum=options.momentum, name=f"batch_norm_{i}")
    relu = layers.ReLU(name=f"relu_{i}")
    x = norm(relu(x)) if options.relu == "before_norm" else relu(norm(x))
    return layers.MaxPooling2D(2, padding=options.pool_padding, name=f"pool_{i}")(x)


def _last_alone(dropout_rate: float, dense_units: Sequence[int]) -> tuple[float, ...]:
    """Returns the rate of each dense layer's dropout: only the last one has any."""
    return (*[0.0] * (len(dense_units) - 1), dropout_rate)[: len(dense_units)]
