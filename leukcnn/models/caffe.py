"""AlexNet, CaffeNet and VGG-f: the networks whose deep features Vogado et al. (2018) give to an SVM.

Krizhevsky et al. 2012, its variant that Caffe's authors trained, and CNN-F of Chatfield et al. 2014: five
convolutions, "conv1" to "conv5", and three dense layers, named as in Caffe. Vogado et al.: Engineering
Applications of Artificial Intelligence 72, 415-422.
"""

from pathlib import Path
from typing import Any

import keras
from keras import layers

from leukcnn.errors import ArgumentError, WeightsError
from leukcnn.models.heads import check_head, pooled, source_inputs
from leukcnn.models.inputs import rescaled
from leukcnn.models.layers import LocalResponseNormalization, MeanSubtraction
from leukcnn.models.matconvnet import load_matconvnet
from leukcnn.models.weights import load_whole

WEIGHTS_URL = "https://www.vlfeat.org/matconvnet/models/"
"""Where MatConvNet's authors publish the trained networks, imported from Caffe."""

# Least height and width in pixels: the last pooling of a smaller image would leave nothing.
_MIN_SIZE = 39


def preprocess_input(images: Any) -> Any:
    """Turns images into the input of these networks: float32, 0..255 as they are.

    The networks subtract the mean of ImageNet's images themselves.

    Args:
        images: RGB, (height, width, 3) or (N, height, width, 3), 0..255: a NumPy array, uint8 or of any other
            real dtype, or a tensor of Keras' backend.

    Returns:
        float32 of the same shape, 0..255: an array for an array, a tensor for a tensor.

    Raises:
        ArgumentError: The array is neither an image nor a batch of images.
    """
    return rescaled(images, 1.0)


def AlexNet(
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: Any = None,
    input_shape: tuple[int, int, int] = (227, 227, 3),
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    name: str = "alexnet",
    *,
    dropout_rate: float = 0.5,
    kernel_initializer: str = "glorot_uniform",
) -> keras.Model:
    """AlexNet as Caffe has it: 60,965,224 parameters at 227x227 pixels and 1000 classes.

    The convolutions 2, 4 and 5 see half of the maps each, in two groups; responses are normalised before
    they are pooled.

    Dropout follows the dense layers "fc6" and "fc7", whose outputs, 4096 each, are the deep features; the
    classifier, fc8 in Caffe, is "predictions".

    Args:
        include_top: Whether the dense layers follow; False gives the last feature maps, pooled as `pooling`
            says.
        weights: None (random) or the path of a file: `imagenet-caffe-alex.mat` as MatConvNet publishes
            it, or weights of this whole network that Keras saved (`.weights.h5`, `.h5`, `.keras`). Without
            the top, the `.mat` file's dense layers are left out.
        input_tensor: Keras tensor to use as the input instead of a new one.
        input_shape: Height, width (at least 39 each) and 3 channels. Published weights of the dense layers
            fit 227x227 only.
        pooling: None, "avg" or "max"; only without the top.
        classes: Number of outputs.
        classifier_activation: Activation of the last layer; None for logits.
        name: Name of the model.
        dropout_rate: Fraction of each dense layer's outputs that is dropped in training; 0 gives no dropout
            layers.
        kernel_initializer: Keras initializer of every kernel.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, 3), RGB, 0..255, from which it subtracts the
        mean of ImageNet's images itself, and returns float32 (N, classes), probabilities under softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: The file isn't there or holds another network's weights.
    """
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=[dropout_rate])
    inputs = _checked_input(input_tensor, input_shape)
    options = {"kernel_initializer": kernel_initializer}

    x = MeanSubtraction(name="mean")(inputs)
    x = _convolution(x, 1, 96, 11, strides=4, padding="valid", **options)
    x = _normalize(x, 1, bias=1, alpha=2e-5)
    x = _pool(x, 1)
    x = _convolution(x, 2, 256, 5, groups=2, **options)
    x = _normalize(x, 2, bias=1, alpha=2e-5)
    x = _pool(x, 2)
    x = _convolution(x, 3, 384, 3, **options)
    x = _convolution(x, 4, 384, 3, groups=2, **options)
    x = _convolution(x, 5, 256, 3, groups=2, **options)
    x = _pool(x, 5)

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
        _load(model, weights, function_name="AlexNet", file="imagenet-caffe-alex.mat")
    return model


def CaffeNet(
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: Any = None,
    input_shape: tuple[int, int, int] = (227, 227, 3),
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    name: str = "caffenet",
    *,
    dropout_rate: float = 0.5,
    kernel_initializer: str = "glorot_uniform",
) -> keras.Model:
    """CaffeNet, Caffe's reference network: 60,965,224 parameters at 227x227 pixels, 1000 classes.

    It is AlexNet whose responses are pooled before they are normalised.

    Dropout follows the dense layers "fc6" and "fc7", whose outputs, 4096 each, are the deep features; the
    classifier, fc8 in Caffe, is "predictions".

    Args:
        include_top: Whether the dense layers follow; False gives the last feature maps, pooled as `pooling`
            says.
        weights: None (random) or the path of a file: `imagenet-caffe-ref.mat` as MatConvNet publishes
            it, or weights of this whole network that Keras saved (`.weights.h5`, `.h5`, `.keras`). Without
            the top, the `.mat` file's dense layers are left out.
        input_tensor: Keras tensor to use as the input instead of a new one.
        input_shape: Height, width (at least 39 each) and 3 channels. Published weights of the dense layers
            fit 227x227 only.
        pooling: None, "avg" or "max"; only without the top.
        classes: Number of outputs.
        classifier_activation: Activation of the last layer; None for logits.
        name: Name of the model.
        dropout_rate: Fraction of each dense layer's outputs that is dropped in training; 0 gives no dropout
            layers.
        kernel_initializer: Keras initializer of every kernel.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, 3), RGB, 0..255, from which it subtracts the
        mean of ImageNet's images itself, and returns float32 (N, classes), probabilities under softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: The file isn't there or holds another network's weights.
    """
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=[dropout_rate])
    inputs = _checked_input(input_tensor, input_shape)
    options = {"kernel_initializer": kernel_initializer}

    x = MeanSubtraction(name="mean")(inputs)
    x = _convolution(x, 1, 96, 11, strides=4, padding="valid", **options)
    x = _pool(x, 1)
    x = _normalize(x, 1, bias=1, alpha=2e-5)
    x = _convolution(x, 2, 256, 5, groups=2, **options)
    x = _pool(x, 2)
    x = _normalize(x, 2, bias=1, alpha=2e-5)
    x = _convolution(x, 3, 384, 3, **options)
    x = _convolution(x, 4, 384, 3, groups=2, **options)
    x = _convolution(x, 5, 256, 3, groups=2, **options)
    x = _pool(x, 5)

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
        _load(model, weights, function_name="CaffeNet", file="imagenet-caffe-ref.mat")
    return model


def VGGF(
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: Any = None,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    name: str = "vgg_f",
    *,
    dropout_rate: float = 0.5,
    kernel_initializer: str = "glorot_uniform",
) -> keras.Model:
    """VGG-f, the fast network (CNN-F) of Chatfield et al. 2014, Table 1: 60,834,536 parameters.

    That is at 224x224 pixels and 1000 classes. Its convolutions have no groups.

    Dropout follows the dense layers "fc6" and "fc7", whose outputs, 4096 each, are the deep features; the
    classifier, fc8 in Caffe, is "predictions".

    Args:
        include_top: Whether the dense layers follow; False gives the last feature maps, pooled as `pooling`
            says.
        weights: None (random) or the path of a file: `imagenet-vgg-f.mat` as MatConvNet publishes
            it, or weights of this whole network that Keras saved (`.weights.h5`, `.h5`, `.keras`). Without
            the top, the `.mat` file's dense layers are left out.
        input_tensor: Keras tensor to use as the input instead of a new one.
        input_shape: Height, width (at least 39 each) and 3 channels. Published weights of the dense layers
            fit 224x224 only.
        pooling: None, "avg" or "max"; only without the top.
        classes: Number of outputs.
        classifier_activation: Activation of the last layer; None for logits.
        name: Name of the model.
        dropout_rate: Fraction of each dense layer's outputs that is dropped in training; 0 gives no dropout
            layers.
        kernel_initializer: Keras initializer of every kernel.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, 3), RGB, 0..255, from which it subtracts the
        mean of ImageNet's images itself, and returns float32 (N, classes), probabilities under softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: The file isn't there or holds another network's weights.
    """
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=[dropout_rate])
    inputs = _checked_input(input_tensor, input_shape)
    options = {"kernel_initializer": kernel_initializer}

    x = MeanSubtraction(name="mean")(inputs)
    x = _convolution(x, 1, 64, 11, strides=4, padding="valid", **options)
    x = _normalize(x, 1, bias=2, alpha=1e-4)
    x = _pool(x, 1)
    x = _convolution(x, 2, 256, 5, **options)
    x = _normalize(x, 2, bias=2, alpha=1e-4)
    x = _pool(x, 2)
    x = _convolution(x, 3, 256, 3, **options)
    x = _convolution(x, 4, 256, 3, **options)
    x = _convolution(x, 5, 256, 3, **options)
    x = _pool(x, 5)

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
        _load(model, weights, function_name="VGGF", file="imagenet-vgg-f.mat")
    return model


def _convolution(
    x: Any,
    i: int,
    filters: int,
    kernel_size: int,
    *,
    strides: int = 1,
    padding: str = "same",
    groups: int = 1,
    kernel_initializer: str,
) -> Any:
    """Appends convolution i with its ReLU."""
    return layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding=padding,
        groups=groups,
        activation="relu",
        kernel_initializer=kernel_initializer,
        name=f"conv{i}",
    )(x)


def _normalize(x: Any, i: int, *, bias: float, alpha: float) -> Any:
    """Appends the normalisation of each response by those of the five maps around it."""
    return LocalResponseNormalization(5, bias=bias, alpha=alpha, beta=0.75, name=f"norm{i}")(x)


def _pool(x: Any, i: int) -> Any:
    """Appends Caffe's max pooling 3x3 with stride 2, which covers every row and column of the maps."""
    # As in MatConvNet, a row or column of zeros behind them does that; there is nothing below zero here.
    lacking = tuple((0, 1 - size % 2) for size in x.shape[1:3])
    if lacking != ((0, 0), (0, 0)):
        x = layers.ZeroPadding2D(lacking, name=f"pool{i}_pad")(x)
    return layers.MaxPooling2D(3, strides=2, name=f"pool{i}")(x)


def _top(
    x: Any, *, classes: int, classifier_activation: str | None, dropout_rate: float, kernel_initializer: str
) -> Any:
    """Appends the three dense layers."""
    x = layers.Flatten(name="flatten")(x)
    for i in (6, 7):
        x = layers.Dense(4096, activation="relu", kernel_initializer=kernel_initializer, name=f"fc{i}")(x)
        if dropout_rate:
            x = layers.Dropout(dropout_rate, name=f"drop{i}")(x)
    # Under mixed precision a half-precision softmax would round the probabilities away.
    return layers.Dense(
        classes,
        activation=classifier_activation,
        kernel_initializer=kernel_initializer,
        name="predictions",
        dtype="float32",
    )(x)


def _checked_input(input_tensor: Any, input_shape: tuple[int, int, int]) -> Any:
    shape = tuple(input_shape if input_tensor is None else input_tensor.shape[1:])
    if len(shape) != 3 or None in shape or min(shape[:2]) < _MIN_SIZE or shape[2] != 3:
        raise ArgumentError(
            f"input_shape = {shape}.",
            expected=f"(height, width, 3) with at least {_MIN_SIZE} pixels each way",
            remedy="take larger images, of a fixed size and channels last",
        )
    return keras.Input(shape) if input_tensor is None else input_tensor


def _load(model: keras.Model, weights: str | Path, *, function_name: str, file: str) -> None:
    suffix = Path(weights).suffix
    if suffix == ".mat":
        load_matconvnet(model, weights)
    elif suffix in (".h5", ".keras"):
        load_whole(model, weights)
    else:
        raise WeightsError(
            f"weights = {str(weights)!r} for {function_name}.",
            expected=f"None or the path of a file: {file}, or .weights.h5 or .keras as Keras saved it",
            remedy=f"download {WEIGHTS_URL}{file} and pass its path",
        )
