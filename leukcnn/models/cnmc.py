"""The three networks of the C-NMC 2019 paper.

Reference: de Oliveira and Dantas 2021, "Classification of Normal versus Leukemic Cells with Data Augmentation
and Convolutional Neural Networks", VISAPP 2021, section 2.3 and Figure 4.

Each is a base of Keras Applications without its top, global average pooling, dense layers with dropout and an
L1 + L2 penalty, and a softmax. The paper trains all of them from scratch.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from leukcnn.errors import ArgumentError
from leukcnn.models.bases import base_network
from leukcnn.models.heads import check_counts, check_head, dense_head, is_number, pooled
from leukcnn.models.inputs import without_channel_mean
from leukcnn.models.weights import load_whole


def preprocess_input(images: Any) -> Any:
    """Converts images to the input of these networks: 0..1, minus each image's own channel means.

    Args:
        images: (height, width, 3) or (N, height, width, 3), 0..255: a NumPy array, uint8 or of any other real
            dtype, or a tensor of Keras' backend.

    Returns:
        float32 of the same shape, -1..1, each channel of each image with mean 0; a NumPy array for an array,
        a tensor for a tensor.

    Raises:
        ArgumentError: The array is neither an image nor a batch of images.
    """
    return without_channel_mean(images)


def CNMCVGG16(
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple[int, int, int] = (250, 250, 3),
    pooling: str | None = None,
    classes: int = 2,
    classifier_activation: str | None = "softmax",
    name: str = "cnmc_vgg16",
    *,
    penalty: float = 1e-4,
    dropout_rate: float = 0.5,
    kernel_initializer: str = "glorot_uniform",
    dense_units: Sequence[int] = (512, 512),
    top_pooling: str = "avg",
) -> keras.Model:
    """Instantiates VGG16 with the top of the C-NMC 2019 paper: 15,241,026 parameters at any input size.

    Reference: de Oliveira and Dantas 2021, Figure 4 (d).

    Args:
        include_top: Whether to include the paper's top. If False, the network returns the feature maps of the
            base, pooled according to `pooling`.
        weights: None (random initialization), "imagenet" (published weights of the base, random top) or the
            path of a file with the weights of this network (`.weights.h5` or `.keras`).
        input_tensor: Optional Keras tensor (an output of `keras.Input`) to use as the image input.
        input_shape: (height, width, 3), height and width at least 32.
        pooling: Global pooling of the feature maps if `include_top` is False: None, "avg" or "max".
        classes: Number of outputs, one per class.
        classifier_activation: Activation of the classifier; None returns the logits.
        name: Name of the model.
        penalty: The paper's lambda: factor of the L1 and of the L2 penalty on the dense kernels.
        dropout_rate: Fraction of each dense layer's outputs to drop in training; 0 gives no dropout layers.
        kernel_initializer: Keras initializer of every kernel. With the paper's Glorot uniform, the initial
            outputs hardly depend on the image; with "he_normal" the network learns in fewer epochs.
        dense_units: Units of each dense layer between the pooling and the classifier; () for none.
        top_pooling: Global pooling before the dense layers: "avg" as in the paper, or "max".

    Returns:
        A `keras.Model` that takes float32 (N, height, width, 3), 0..1 minus each image's own channel means
        (see `preprocess_input`), and returns float32 (N, classes), probabilities under softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: Weights can't be found, downloaded or loaded.
    """
    _check_top(classes, classifier_activation, penalty, dropout_rate, dense_units, top_pooling)
    base = base_network(
        "VGG16",
        weights="imagenet" if weights == "imagenet" else None,
        input_tensor=input_tensor,
        input_shape=input_shape,
        kernel_initializer=kernel_initializer,
    )
    if include_top:
        x = dense_head(
            pooled(base.output, top_pooling),
            dense_units=dense_units,
            dropout_rates=[dropout_rate] * len(dense_units),
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
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple[int, int, int] = (250, 250, 3),
    pooling: str | None = None,
    classes: int = 2,
    classifier_activation: str | None = "softmax",
    name: str = "cnmc_vgg19",
    *,
    penalty: float = 1e-4,
    dropout_rate: float = 0.5,
    kernel_initializer: str = "glorot_uniform",
    dense_units: Sequence[int] = (512, 512),
    top_pooling: str = "avg",
) -> keras.Model:
    """Instantiates VGG19 with the top of the C-NMC 2019 paper: 20,550,722 parameters at any input size.

    Reference: de Oliveira and Dantas 2021, Figure 4 (d).

    Args:
        include_top: Whether to include the paper's top. If False, the network returns the feature maps of the
            base, pooled according to `pooling`.
        weights: None (random initialization), "imagenet" (published weights of the base, random top) or the
            path of a file with the weights of this network (`.weights.h5` or `.keras`).
        input_tensor: Optional Keras tensor (an output of `keras.Input`) to use as the image input.
        input_shape: (height, width, 3), height and width at least 32.
        pooling: Global pooling of the feature maps if `include_top` is False: None, "avg" or "max".
        classes: Number of outputs, one per class.
        classifier_activation: Activation of the classifier; None returns the logits.
        name: Name of the model.
        penalty: The paper's lambda: factor of the L1 and of the L2 penalty on the dense kernels.
        dropout_rate: Fraction of each dense layer's outputs to drop in training; 0 gives no dropout layers.
        kernel_initializer: Keras initializer of every kernel. With the paper's Glorot uniform, the initial
            outputs hardly depend on the image; with "he_normal" the network learns in fewer epochs.
        dense_units: Units of each dense layer between the pooling and the classifier; () for none.
        top_pooling: Global pooling before the dense layers: "avg" as in the paper, or "max".

    Returns:
        A `keras.Model` that takes float32 (N, height, width, 3), 0..1 minus each image's own channel means
        (see `preprocess_input`), and returns float32 (N, classes), probabilities under softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: Weights can't be found, downloaded or loaded.
    """
    _check_top(classes, classifier_activation, penalty, dropout_rate, dense_units, top_pooling)
    base = base_network(
        "VGG19",
        weights="imagenet" if weights == "imagenet" else None,
        input_tensor=input_tensor,
        input_shape=input_shape,
        kernel_initializer=kernel_initializer,
    )
    if include_top:
        x = dense_head(
            pooled(base.output, top_pooling),
            dense_units=dense_units,
            dropout_rates=[dropout_rate] * len(dense_units),
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
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple[int, int, int] = (250, 250, 3),
    pooling: str | None = None,
    classes: int = 2,
    classifier_activation: str | None = "softmax",
    name: str = "cnmc_xception",
    *,
    penalty: float = 7e-4,
    dropout_rate: float = 0.5,
    kernel_initializer: str = "glorot_uniform",
    dense_units: Sequence[int] = (2048,),
    top_pooling: str = "avg",
) -> keras.Model:
    """Instantiates Xception with the top of the C-NMC 2019 paper: 25,061,930 parameters at any input size.

    Reference: de Oliveira and Dantas 2021, Figure 4 (b).

    Args:
        include_top: Whether to include the paper's top. If False, the network returns the feature maps of the
            base, pooled according to `pooling`.
        weights: None (random initialization), "imagenet" (published weights of the base, random top) or the
            path of a file with the weights of this network (`.weights.h5` or `.keras`).
        input_tensor: Optional Keras tensor (an output of `keras.Input`) to use as the image input.
        input_shape: (height, width, 3), height and width at least 71.
        pooling: Global pooling of the feature maps if `include_top` is False: None, "avg" or "max".
        classes: Number of outputs, one per class.
        classifier_activation: Activation of the classifier; None returns the logits.
        name: Name of the model.
        penalty: The paper's lambda: factor of the L1 and of the L2 penalty on the dense kernels.
        dropout_rate: Fraction of each dense layer's outputs to drop in training; 0 gives no dropout layers.
        kernel_initializer: Keras initializer of every kernel. With the paper's Glorot uniform, the initial
            outputs hardly depend on the image; with "he_normal" the network learns in fewer epochs.
        dense_units: Units of each dense layer between the pooling and the classifier; () for none.
        top_pooling: Global pooling before the dense layers: "avg" as in the paper, or "max".

    Returns:
        A `keras.Model` that takes float32 (N, height, width, 3), 0..1 minus each image's own channel means
        (see `preprocess_input`), and returns float32 (N, classes), probabilities under softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: Weights can't be found, downloaded or loaded.
    """
    _check_top(classes, classifier_activation, penalty, dropout_rate, dense_units, top_pooling)
    base = base_network(
        "Xception",
        weights="imagenet" if weights == "imagenet" else None,
        input_tensor=input_tensor,
        input_shape=input_shape,
        kernel_initializer=kernel_initializer,
    )
    if include_top:
        x = dense_head(
            pooled(base.output, top_pooling),
            dense_units=dense_units,
            dropout_rates=[dropout_rate] * len(dense_units),
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


def _check_top(
    classes: int,
    classifier_activation: str | None,
    penalty: float,
    dropout_rate: float,
    dense_units: Sequence[int],
    top_pooling: str,
) -> None:
    """Checks the arguments of a top.

    Raises:
        ArgumentError: One is out of range.
    """
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=[dropout_rate])
    check_counts("dense_units", dense_units)
    if not is_number(penalty) or not 0 <= penalty < math.inf:
        raise ArgumentError(f"penalty = {penalty}.", expected="a penalty of at least 0")
    if top_pooling not in ("avg", "max"):
        raise ArgumentError(f"top_pooling = {top_pooling!r:.80}.", expected="'avg' or 'max'")
