"""AlexNet, CaffeNet and VGG-f, whose deep features Vogado et al. (2018) classify with an SVM.

References:
    AlexNet: Krizhevsky et al. 2012. CaffeNet is the variant that Caffe's authors trained.
    VGG-f: the network CNN-F of Chatfield et al. 2014.
    Vogado et al. 2018, Engineering Applications of Artificial Intelligence 72, 415-422.

Each has five convolutions, "conv1" to "conv5", and three dense layers. The names are those of Caffe.
"""

from pathlib import Path
from typing import Any

import keras
from keras import layers

from leukcnn.errors import WeightsError
from leukcnn.models.heads import check_head, pooled, shape_of, source_inputs
from leukcnn.models.inputs import rescaled
from leukcnn.models.layers import LocalResponseNormalization, MeanSubtraction
from leukcnn.models.matconvnet import load_matconvnet
from leukcnn.models.weights import load_whole

WEIGHTS_URL = "https://www.vlfeat.org/matconvnet/models/"
"""Folder in which MatConvNet's authors publish the trained networks, imported from Caffe."""

# Smallest height and width in pixels: a smaller image has no pixels left after the last pooling.
_MIN_SIZE = 39


def preprocess_input(images: Any) -> Any:
    """Converts images to the input of these networks: float32, still 0..255.

    The networks themselves subtract the mean of ImageNet's images.

    Args:
        images: RGB, (height, width, 3) or (N, height, width, 3), 0..255: a NumPy array, uint8 or of any other
            real dtype, or a tensor of Keras' backend.

    Returns:
        float32 of the same shape, 0..255; a NumPy array for an array, a tensor for a tensor.

    Raises:
        ArgumentError: The array is neither an image nor a batch of images.
    """
    return rescaled(images, 1.0)


def AlexNet(
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple[int, int, int] = (227, 227, 3),
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    name: str = "alexnet",
    *,
    dropout_rate: float = 0.5,
    kernel_initializer: str = "glorot_uniform",
) -> keras.Model:
    """Instantiates AlexNet as in Caffe: 60,965,224 parameters at 227x227 pixels and 1000 classes.

    The convolutions 2, 4 and 5 have two groups. Responses are normalised before they are pooled.

    Reference: Krizhevsky et al. 2012, "ImageNet Classification with Deep Convolutional Neural Networks".

    The dense layers "fc6" and "fc7", each followed by dropout, have the 4096 deep features as outputs. The
    classifier is "predictions" (fc8 in Caffe).

    Args:
        include_top: Whether to include the dense layers. If False, the network returns the last feature
            maps, pooled according to `pooling`.
        weights: None (random initialization) or the path of a file: `imagenet-caffe-alex.mat` as published
            by MatConvNet, or weights of this network saved by Keras (`.weights.h5`, `.h5`, `.keras`). Without
            the top, the dense layers of the `.mat` file are ignored.
        input_tensor: Optional Keras tensor (an output of `keras.Input`) to use as the image input.
        input_shape: (height, width, 3), height and width at least 39. Published dense layers need 227x227.
        pooling: Global pooling of the feature maps if `include_top` is False: None, "avg" or "max".
        classes: Number of outputs, one per class.
        classifier_activation: Activation of the classifier; None returns the logits.
        name: Name of the model.
        dropout_rate: Fraction of each dense layer's outputs to drop in training; 0 gives no dropout layers.
        kernel_initializer: Keras initializer of every kernel.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, 3), RGB, 0..255, and returns float32
        (N, classes), probabilities under softmax. It subtracts the mean of ImageNet's images itself.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: The file doesn't exist or holds the weights of another network.
    """
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=[dropout_rate])
    inputs = _checked_input(input_tensor, input_shape)

    x = MeanSubtraction(name="mean")(inputs)
    x = _convolution(x, 1, 96, 11, strides=4, padding="valid", kernel_initializer=kernel_initializer)
    x = _normalize(x, 1, bias=1, alpha=2e-5)
    x = _pool(x, 1)
    x = _convolution(x, 2, 256, 5, groups=2, kernel_initializer=kernel_initializer)
    x = _normalize(x, 2, bias=1, alpha=2e-5)
    x = _pool(x, 2)
    x = _convolution(x, 3, 384, 3, kernel_initializer=kernel_initializer)
    x = _convolution(x, 4, 384, 3, groups=2, kernel_initializer=kernel_initializer)
    x = _convolution(x, 5, 256, 3, groups=2, kernel_initializer=kernel_initializer)
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
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple[int, int, int] = (227, 227, 3),
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    name: str = "caffenet",
    *,
    dropout_rate: float = 0.5,
    kernel_initializer: str = "glorot_uniform",
) -> keras.Model:
    """Instantiates CaffeNet, Caffe's reference network: 60,965,224 parameters at 227x227, 1000 classes.

    It is AlexNet with responses that are pooled before they are normalised.

    Reference: Jia et al. 2014, "Caffe: Convolutional Architecture for Fast Feature Embedding".

    The dense layers "fc6" and "fc7", each followed by dropout, have the 4096 deep features as outputs. The
    classifier is "predictions" (fc8 in Caffe).

    Args:
        include_top: Whether to include the dense layers. If False, the network returns the last feature
            maps, pooled according to `pooling`.
        weights: None (random initialization) or the path of a file: `imagenet-caffe-ref.mat` as published
            by MatConvNet, or weights of this network saved by Keras (`.weights.h5`, `.h5`, `.keras`). Without
            the top, the dense layers of the `.mat` file are ignored.
        input_tensor: Optional Keras tensor (an output of `keras.Input`) to use as the image input.
        input_shape: (height, width, 3), height and width at least 39. Published dense layers need 227x227.
        pooling: Global pooling of the feature maps if `include_top` is False: None, "avg" or "max".
        classes: Number of outputs, one per class.
        classifier_activation: Activation of the classifier; None returns the logits.
        name: Name of the model.
        dropout_rate: Fraction of each dense layer's outputs to drop in training; 0 gives no dropout layers.
        kernel_initializer: Keras initializer of every kernel.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, 3), RGB, 0..255, and returns float32
        (N, classes), probabilities under softmax. It subtracts the mean of ImageNet's images itself.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: The file doesn't exist or holds the weights of another network.
    """
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=[dropout_rate])
    inputs = _checked_input(input_tensor, input_shape)

    x = MeanSubtraction(name="mean")(inputs)
    x = _convolution(x, 1, 96, 11, strides=4, padding="valid", kernel_initializer=kernel_initializer)
    x = _pool(x, 1)
    x = _normalize(x, 1, bias=1, alpha=2e-5)
    x = _convolution(x, 2, 256, 5, groups=2, kernel_initializer=kernel_initializer)
    x = _pool(x, 2)
    x = _normalize(x, 2, bias=1, alpha=2e-5)
    x = _convolution(x, 3, 384, 3, kernel_initializer=kernel_initializer)
    x = _convolution(x, 4, 384, 3, groups=2, kernel_initializer=kernel_initializer)
    x = _convolution(x, 5, 256, 3, groups=2, kernel_initializer=kernel_initializer)
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
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    name: str = "vgg_f",
    *,
    dropout_rate: float = 0.5,
    kernel_initializer: str = "glorot_uniform",
) -> keras.Model:
    """Instantiates VGG-f: 60,834,536 parameters at 224x224 pixels and 1000 classes.

    It is the fast network (CNN-F) of its paper. Its convolutions have no groups.

    Reference: Chatfield et al. 2014, "Return of the Devil in the Details", Table 1.

    The dense layers "fc6" and "fc7", each followed by dropout, have the 4096 deep features as outputs. The
    classifier is "predictions" (fc8 in Caffe).

    Args:
        include_top: Whether to include the dense layers. If False, the network returns the last feature
            maps, pooled according to `pooling`.
        weights: None (random initialization) or the path of a file: `imagenet-vgg-f.mat` as published
            by MatConvNet, or weights of this network saved by Keras (`.weights.h5`, `.h5`, `.keras`). Without
            the top, the dense layers of the `.mat` file are ignored.
        input_tensor: Optional Keras tensor (an output of `keras.Input`) to use as the image input.
        input_shape: (height, width, 3), height and width at least 39. Published dense layers need 224x224.
        pooling: Global pooling of the feature maps if `include_top` is False: None, "avg" or "max".
        classes: Number of outputs, one per class.
        classifier_activation: Activation of the classifier; None returns the logits.
        name: Name of the model.
        dropout_rate: Fraction of each dense layer's outputs to drop in training; 0 gives no dropout layers.
        kernel_initializer: Keras initializer of every kernel.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, 3), RGB, 0..255, and returns float32
        (N, classes), probabilities under softmax. It subtracts the mean of ImageNet's images itself.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: The file doesn't exist or holds the weights of another network.
    """
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=[dropout_rate])
    inputs = _checked_input(input_tensor, input_shape)

    x = MeanSubtraction(name="mean")(inputs)
    x = _convolution(x, 1, 64, 11, strides=4, padding="valid", kernel_initializer=kernel_initializer)
    x = _normalize(x, 1, bias=2, alpha=1e-4)
    x = _pool(x, 1)
    x = _convolution(x, 2, 256, 5, kernel_initializer=kernel_initializer)
    x = _normalize(x, 2, bias=2, alpha=1e-4)
    x = _pool(x, 2)
    x = _convolution(x, 3, 256, 3, kernel_initializer=kernel_initializer)
    x = _convolution(x, 4, 256, 3, kernel_initializer=kernel_initializer)
    x = _convolution(x, 5, 256, 3, kernel_initializer=kernel_initializer)
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
    x: keras.KerasTensor,
    i: int,
    filters: int,
    kernel_size: int,
    *,
    strides: int = 1,
    padding: str = "same",
    groups: int = 1,
    kernel_initializer: str,
) -> keras.KerasTensor:
    """Adds convolution i with its ReLU."""
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


def _normalize(x: keras.KerasTensor, i: int, *, bias: float, alpha: float) -> keras.KerasTensor:
    """Adds local response normalisation over five channels."""
    return LocalResponseNormalization(5, bias=bias, alpha=alpha, beta=0.75, name=f"norm{i}")(x)


def _pool(x: keras.KerasTensor, i: int) -> keras.KerasTensor:
    """Adds Caffe's 3x3 max pooling with stride 2, which covers every row and column of the maps."""
    # As in MatConvNet, even sizes are padded with zeros at the end; after ReLU no response is below zero.
    padding = tuple((0, 1 - size % 2) for size in x.shape[1:3])
    if padding != ((0, 0), (0, 0)):
        x = layers.ZeroPadding2D(padding, name=f"pool{i}_pad")(x)
    return layers.MaxPooling2D(3, strides=2, name=f"pool{i}")(x)


def _top(
    x: keras.KerasTensor,
    *,
    classes: int,
    classifier_activation: str | None,
    dropout_rate: float,
    kernel_initializer: str,
) -> keras.KerasTensor:
    """Adds the three dense layers."""
    x = layers.Flatten(name="flatten")(x)
    for i in (6, 7):
        x = layers.Dense(4096, activation="relu", kernel_initializer=kernel_initializer, name=f"fc{i}")(x)
        if dropout_rate:
            x = layers.Dropout(dropout_rate, name=f"drop{i}")(x)
    # float32 under mixed precision too: a half-precision softmax rounds small probabilities to 0.
    return layers.Dense(
        classes,
        activation=classifier_activation,
        kernel_initializer=kernel_initializer,
        name="predictions",
        dtype="float32",
    )(x)


def _checked_input(
    input_tensor: keras.KerasTensor | None, input_shape: tuple[int, int, int]
) -> keras.KerasTensor:
    shape = shape_of(input_tensor, input_shape, min_size=_MIN_SIZE, channels=3)
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
