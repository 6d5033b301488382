"""The three networks of the C-NMC 2019 paper (section 2.3, Figure 4).

Each is a base of Keras Applications without its own top, a global average, dense layers with dropout and with
an L1 + L2 penalty, and a softmax over the classes. All are trained from scratch.
"""

from pathlib import Path
from typing import Any

import keras
from keras import layers

from leukcnn.errors import ArgumentError
from leukcnn.models.bases import base_network, load_whole


def CNMCVGG16(
    *,
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: Any = None,
    input_shape: tuple[int, int, int] = (250, 250, 3),
    pooling: str | None = None,
    classes: int = 2,
    classifier_activation: str = "softmax",
    penalty: float = 1e-4,
    dropout_rate: float = 0.5,
    kernel_initializer: str = "glorot_uniform",
    name: str = "cnmc_vgg16",
) -> keras.Model:
    """VGG16 with the paper's top, Figure 4 (d): 15,241,026 parameters with two classes at any input size.

    Args:
        include_top: Whether the paper's top follows; False gives the base, pooled as `pooling` says.
        weights: None (random), "imagenet" (the base's published weights, the top random) or the path of a
            file with weights of this whole network (`.weights.h5` or `.keras`).
        input_tensor: Keras tensor to use as the input instead of a new one.
        input_shape: Height, width (at least 32 each) and 3 channels.
        pooling: None, "avg" or "max"; only without the top.
        classes: Number of outputs.
        classifier_activation: Activation of the last layer; None for logits.
        penalty: The paper's lambda, factor of both the L1 and the L2 norm of the dense kernels.
        dropout_rate: Share of the outputs that each dropout layer drops in training.
        kernel_initializer: Keras initializer of every kernel. The paper's is Glorot uniform, with which the
            first outputs hardly depend on the picture; "he_normal" learns in few epochs.
        name: Name of the model.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, 3), scaled to 0..1 less each picture's own
        channel means, and returns float32 (N, classes), probabilities under softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: Weights can't be found, downloaded or laid in.
    """
    return _vgg("VGG16", **locals())


def CNMCVGG19(
    *,
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: Any = None,
    input_shape: tuple[int, int, int] = (250, 250, 3),
    pooling: str | None = None,
    classes: int = 2,
    classifier_activation: str = "softmax",
    penalty: float = 1e-4,
    dropout_rate: float = 0.5,
    kernel_initializer: str = "glorot_uniform",
    name: str = "cnmc_vgg19",
) -> keras.Model:
    """VGG19 with the paper's top, Figure 4 (d): 20,550,722 parameters with two classes at any input size.

    Arguments, result and errors are those of `CNMCVGG16`.
    """
    return _vgg("VGG19", **locals())


def _vgg(backbone: str, **options: Any) -> keras.Model:
    return _network(backbone, dense_units=(512, 512), **options)


def CNMCXception(
    *,
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: Any = None,
    input_shape: tuple[int, int, int] = (250, 250, 3),
    pooling: str | None = None,
    classes: int = 2,
    classifier_activation: str = "softmax",
    penalty: float = 7e-4,
    dropout_rate: float = 0.5,
    kernel_initializer: str = "glorot_uniform",
    name: str = "cnmc_xception",
) -> keras.Model:
    """Xception with the paper's top, Figure 4 (b): 25,061,930 parameters with two classes at any input size.

    Arguments, result and errors are those of `CNMCVGG16`, but height and width are at least 71.
    """
    return _network("Xception", dense_units=(2048,), **locals())


def _network(
    backbone: str,
    *,
    dense_units: tuple[int, ...],
    include_top: bool,
    weights: str | Path | None,
    input_tensor: Any,
    input_shape: tuple[int, int, int],
    pooling: str | None,
    classes: int,
    classifier_activation: str | None,
    penalty: float,
    dropout_rate: float,
    kernel_initializer: str,
    name: str,
) -> keras.Model:
    if classes < 2:
        raise ArgumentError(f"classes = {classes}.", expected="2 or more outputs under a softmax")
    if not 0 <= dropout_rate < 1 or penalty < 0:
        raise ArgumentError(
            f"dropout_rate = {dropout_rate}, penalty = {penalty}.",
            expected="a rate from 0 to below 1 and a penalty of at least 0",
        )
    base = base_network(
        backbone,
        weights="imagenet" if weights == "imagenet" else None,
        input_tensor=input_tensor,
        input_shape=input_shape,
        kernel_initializer=kernel_initializer,
    )
    x = base.output
    if include_top:
        options = {
            "kernel_initializer": kernel_initializer,
            "kernel_regularizer": keras.regularizers.L1L2(l1=penalty, l2=penalty),
        }
        x = layers.GlobalAveragePooling2D(name="gap")(x)
        for i, units in enumerate(dense_units, start=1):
            x = layers.Dense(units, activation="relu", name=f"dense_{i}", **options)(x)
            x = layers.Dropout(dropout_rate, name=f"dropout_{i}")(x)
        # Under mixed precision a half-precision softmax would round the probabilities away.
        x = layers.Dense(
            classes, activation=classifier_activation, name="predictions", dtype="float32", **options
        )(x)
    elif pooling == "avg":
        x = layers.GlobalAveragePooling2D(name="gap")(x)
    elif pooling == "max":
        x = layers.GlobalMaxPooling2D(name="gmp")(x)
    elif pooling is not None:
        raise ArgumentError(f"pooling = {pooling!r}.", expected="None, 'avg' or 'max'")
    model = keras.Model(base.input, x, name=name)
    if weights not in (None, "imagenet"):
        load_whole(model, weights)
    return model
