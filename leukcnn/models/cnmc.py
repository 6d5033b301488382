"""The three networks of the C-NMC 2019 paper (section 2.3, Figure 4).

Each is a base of Keras Applications without its own top, a global average, dense layers with dropout and with
an L1 + L2 penalty, and a softmax over the classes. All are trained from scratch.
"""

from pathlib import Path
from typing import Any

import keras
from keras import layers

from leukcnn.errors import ArgumentError
from leukcnn.models.bases import base_network
from leukcnn.models.heads import check_head, dense_head, pooled
from leukcnn.models.inputs import without_channel_mean
from leukcnn.models.weights import load_whole


def preprocess_input(images: Any) -> Any:
    """Turns images into the input of these networks: 0..1, less each image's own mean of each channel.

    Args:
        images: (height, width, 3) or (N, height, width, 3), 0..255: a NumPy array, uint8 or of any other real
            dtype, or a tensor of Keras' backend.

    Returns:
        float32 of the same shape, -1..1, every channel of every image with mean 0: an array for an array, a
        tensor for a tensor.

    Raises:
        ArgumentError: The array is neither an image nor a batch of images.
    """
    return without_channel_mean(images)


def CNMCVGG16(
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: Any = None,
    input_shape: tuple[int, int, int] = (250, 250, 3),
    pooling: str | None = None,
    classes: int = 2,
    classifier_activation: str | None = "softmax",
    name: str = "cnmc_vgg16",
    *,
    penalty: float = 1e-4,
    dropout_rate: float = 0.5,
    kernel_initializer: str = "glorot_uniform",
) -> keras.Model:
    """VGG16 with the paper's top, Figure 4 (d): 15,241,026 parameters at any input size.

    Args:
        include_top: Whether the paper's top follows; False gives the base, pooled as `pooling` says.
        weights: None (random), "imagenet" (the base's published weights, the top random) or the path of a
            file with weights of this whole network (`.weights.h5` or `.keras`).
        input_tensor: Keras tensor to use as the input instead of a new one.
        input_shape: Height, width (at least 32 each) and 3 channels.
        pooling: None, "avg" or "max"; only without the top.
        classes: Number of outputs.
        classifier_activation: Activation of the last layer; None for logits.
        name: Name of the model.
        penalty: The paper's lambda, factor of both the L1 and the L2 norm of the dense kernels.
        dropout_rate: Fraction of the outputs that each dropout layer drops in training; 0 gives no dropout
            layers.
        kernel_initializer: Keras initializer of every kernel. The paper's is Glorot uniform, with which the
            first outputs hardly depend on the image; "he_normal" learns in few epochs.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, 3), scaled to 0..1 less each image's own channel
        means (`preprocess_input`), and returns float32 (N, classes), probabilities under softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: Weights can't be found, downloaded or loaded.
    """
    dropout_rates = [dropout_rate, dropout_rate]
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=dropout_rates)
    _check_penalty(penalty)
    base = base_network(
        "VGG16",
        weights="imagenet" if weights == "imagenet" else None,
        input_tensor=input_tensor,
        input_shape=input_shape,
        kernel_initializer=kernel_initializer,
    )
    if include_top:
        x = dense_head(
            layers.GlobalAveragePooling2D(name="gap")(base.output),
            dense_units=(512, 512),
            dropout_rates=dropout_rates,
            classes=classes,
            classifier_activation=classifier_activation,
            kernel_initializer=kernel_initializer,
            kernel_regularizer=keras.regularizers.L1L2(l1=penalty, l2=penalty),
        )
    else:
        x = pooled(base.output, pooling)
    model = keras.Model(base.input, x, name=name)
    if weights not in (None, "imagenet"):
        load_whole(model, weights)
    return model


def CNMCVGG19(
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: Any = None,
    input_shape: tuple[int, int, int] = (250, 250, 3),
    pooling: str | None = None,
    classes: int = 2,
    classifier_activation: str | None = "softmax",
    name: str = "cnmc_vgg19",
    *,
    penalty: float = 1e-4,
    dropout_rate: float = 0.5,
    kernel_initializer: str = "glorot_uniform",
) -> keras.Model:
    """VGG19 with the paper's top, Figure 4 (d): 20,550,722 parameters at any input size.

    Args:
        include_top: Whether the paper's top follows; False gives the base, pooled as `pooling` says.
        weights: None (random), "imagenet" (the base's published weights, the top random) or the path of a
            file with weights of this whole network (`.weights.h5` or `.keras`).
        input_tensor: Keras tensor to use as the input instead of a new one.
        input_shape: Height, width (at least 32 each) and 3 channels.
        pooling: None, "avg" or "max"; only without the top.
        classes: Number of outputs.
        classifier_activation: Activation of the last layer; None for logits.
        name: Name of the model.
        penalty: The paper's lambda, factor of both the L1 and the L2 norm of the dense kernels.
        dropout_rate: Fraction of the outputs that each dropout layer drops in training; 0 gives no dropout
            layers.
        kernel_initializer: Keras initializer of every kernel. The paper's is Glorot uniform, with which the
            first outputs hardly depend on the image; "he_normal" learns in few epochs.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, 3), scaled to 0..1 less each image's own channel
        means (`preprocess_input`), and returns float32 (N, classes), probabilities under softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: Weights can't be found, downloaded or loaded.
    """
    dropout_rates = [dropout_rate, dropout_rate]
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=dropout_rates)
    _check_penalty(penalty)
    base = base_network(
        "VGG19",
        weights="imagenet" if weights == "imagenet" else None,
        input_tensor=input_tensor,
        input_shape=input_shape,
        kernel_initializer=kernel_initializer,
    )
    if include_top:
        x = dense_head(
            layers.GlobalAveragePooling2D(name="gap")(base.output),
            dense_units=(512, 512),
            dropout_rates=dropout_rates,
            classes=classes,
            classifier_activation=classifier_activation,
            kernel_initializer=kernel_initializer,
            kernel_regularizer=keras.regularizers.L1L2(l1=penalty, l2=penalty),
        )
    else:
        x = pooled(base.output, pooling)
    model = keras.Model(base.input, x, name=name)
    if weights not in (None, "imagenet"):
        load_whole(model, weights)
    return model


def CNMCXception(
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: Any = None,
    input_shape: tuple[int, int, int] = (250, 250, 3),
    pooling: str | None = None,
    classes: int = 2,
    classifier_activation: str | None = "softmax",
    name: str = "cnmc_xception",
    *,
    penalty: float = 7e-4,
    dropout_rate: float = 0.5,
    kernel_initializer: str = "glorot_uniform",
) -> keras.Model:
    """Xception with the paper's top, Figure 4 (b): 25,061,930 parameters at any input size.

    Args:
        include_top: Whether the paper's top follows; False gives the base, pooled as `pooling` says.
        weights: None (random), "imagenet" (the base's published weights, the top random) or the path of a
            file with weights of this whole network (`.weights.h5` or `.keras`).
        input_tensor: Keras tensor to use as the input instead of a new one.
        input_shape: Height, width (at least 71 each) and 3 channels.
        pooling: None, "avg" or "max"; only without the top.
        classes: Number of outputs.
        classifier_activation: Activation of the last layer; None for logits.
        name: Name of the model.
        penalty: The paper's lambda, factor of both the L1 and the L2 norm of the dense kernels.
        dropout_rate: Fraction of the outputs that each dropout layer drops in training; 0 gives no dropout
            layers.
        kernel_initializer: Keras initializer of every kernel. The paper's is Glorot uniform, with which the
            first outputs hardly depend on the image; "he_normal" learns in few epochs.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, 3), scaled to 0..1 less each image's own channel
        means (`preprocess_input`), and returns float32 (N, classes), probabilities under softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: Weights can't be found, downloaded or loaded.
    """
    dropout_rates = [dropout_rate]
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=dropout_rates)
    _check_penalty(penalty)
    base = base_network(
        "Xception",
        weights="imagenet" if weights == "imagenet" else None,
        input_tensor=input_tensor,
        input_shape=input_shape,
        kernel_initializer=kernel_initializer,
    )
    if include_top:
        x = dense_head(
            layers.GlobalAveragePooling2D(name="gap")(base.output),
            dense_units=(2048,),
            dropout_rates=dropout_rates,
            classes=classes,
            classifier_activation=classifier_activation,
            kernel_initializer=kernel_initializer,
            kernel_regularizer=keras.regularizers.L1L2(l1=penalty, l2=penalty),
        )
    else:
        x = pooled(base.output, pooling)
    model = keras.Model(base.input, x, name=name)
    if weights not in (None, "imagenet"):
        load_whole(model, weights)
    return model


def _check_penalty(penalty: float) -> None:
    if penalty < 0:
        raise ArgumentError(f"penalty = {penalty}.", expected="a penalty of at least 0")
