"""The three networks of the C-NMC 2019 paper (section 2.3, Figure 4).

Each is a base of Keras Applications without its own top, a global average, dense layers with dropout and with
an L1 + L2 penalty, and a softmax over the classes. All are trained from scratch.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
from keras import layers

from leukcnn.errors import ArgumentError
from leukcnn.models.bases import base_network
from leukcnn.models.heads import check_head, dense_head, pooled
from leukcnn.models.weights import load_whole

_ARGUMENTS = """

    Args:
        include_top: Whether the paper's top follows; False gives the base, pooled as `pooling` says.
        weights: None (random), "imagenet" (the base's published weights, the top random) or the path of a
            file with weights of this whole network (`.weights.h5` or `.keras`).
        input_tensor: Keras tensor to use as the input instead of a new one.
        input_shape: Height, width (at least 32 each, 71 for Xception) and 3 channels.
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


def _builder(
    function_name: str,
    backbone: str,
    *,
    dense_units: tuple[int, ...],
    default_penalty: float,
    model_name: str,
    summary: str,
) -> Callable[..., keras.Model]:
    """Makes the builder of one of the three networks, which differ in base, top and penalty."""

    def builder(
        *,
        include_top: bool = True,
        weights: str | Path | None = None,
        input_tensor: Any = None,
        input_shape: tuple[int, int, int] = (250, 250, 3),
        pooling: str | None = None,
        classes: int = 2,
        classifier_activation: str | None = "softmax",
        penalty: float = default_penalty,
        dropout_rate: float = 0.5,
        kernel_initializer: str = "glorot_uniform",
        name: str = model_name,
    ) -> keras.Model:
        dropout_rates = [dropout_rate] * len(dense_units)
        check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=dropout_rates)
        if penalty < 0:
            raise ArgumentError(f"penalty = {penalty}.", expected="a penalty of at least 0")
        base = base_network(
            backbone,
            weights="imagenet" if weights == "imagenet" else None,
            input_tensor=input_tensor,
            input_shape=input_shape,
            kernel_initializer=kernel_initializer,
        )
        if include_top:
            x = dense_head(
                layers.GlobalAveragePooling2D(name="gap")(base.output),
                dense_units=dense_units,
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

    builder.__name__ = builder.__qualname__ = function_name
    builder.__doc__ = summary + _ARGUMENTS
    return builder


CNMCVGG16 = _builder(
    "CNMCVGG16",
    "VGG16",
    dense_units=(512, 512),
    default_penalty=1e-4,
    model_name="cnmc_vgg16",
    summary="VGG16 with the paper's top, Figure 4 (d): 15,241,026 parameters at any input size.",
)

CNMCVGG19 = _builder(
    "CNMCVGG19",
    "VGG19",
    dense_units=(512, 512),
    default_penalty=1e-4,
    model_name="cnmc_vgg19",
    summary="VGG19 with the paper's top, Figure 4 (d): 20,550,722 parameters at any input size.",
)

CNMCXception = _builder(
    "CNMCXception",
    "Xception",
    dense_units=(2048,),
    default_penalty=7e-4,
    model_name="cnmc_xception",
    summary="Xception with the paper's top, Figure 4 (b): 25,061,930 parameters at any input size.",
)
