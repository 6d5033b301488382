"""The three networks of the Alert Net paper (section III, Figure 2), each with its variant without dropout.

Five convolutions, each followed by batch normalisation, ReLU and max pooling, then three dense layers. The
text gives no layer sizes; those below are a reading that has exactly the published 8,792,963 parameters.
"""

from collections.abc import Callable
from functools import partial
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
from leukcnn.models.weights import load_whole

# Side in pixels of the square that one pixel behind the second pooling stands for: strides of 4, 2 and 2.
_STRIDE_OF_POOL_2 = 16

_ARGUMENTS = """

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
        dropout_rate: Share of the second dense layer's outputs that is dropped in training. 0 is the paper's
            variant without dropout (WD), which has no such layer.
        kernel_initializer: Keras initializer of every kernel.
        batch_norm_momentum: Share of the moving mean and variance that each step keeps. Keras' 0.99 takes
            hundreds of steps to forget where it began; a short training needs less.
        name: Name of the model.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, channels), 0..1, and returns float32
        (N, classes), probabilities under softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: The file isn't there or holds another network's weights.
    """


def _builder(
    function_name: str, *, model_name: str, separable: bool = False, residual: bool = False, summary: str
) -> Callable[..., keras.Model]:
    """Makes the builder of one of the three networks, which differ in two places only."""

    def builder(
        *,
        include_top: bool = True,
        weights: str | Path | None = None,
        input_tensor: Any = None,
        input_shape: tuple[int, int, int] = (224, 224, 3),
        pooling: str | None = None,
        classes: int = 3,
        classifier_activation: str | None = "softmax",
        dropout_rate: float = 0.5,
        kernel_initializer: str = "glorot_uniform",
        batch_norm_momentum: float = 0.99,
        name: str = model_name,
    ) -> keras.Model:
        refuse_imagenet(weights, function_name)
        check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=[dropout_rate])
        check_momentum(batch_norm_momentum)
        inputs = checked_input(input_tensor, input_shape, smallest_side=_STRIDE_OF_POOL_2)
        block = partial(
            _block, separable=separable, kernel_initializer=kernel_initializer, momentum=batch_norm_momentum
        )

        x = block(inputs, 1, filters=64, kernel_size=11, strides=4)
        x = block(x, 2, filters=128, kernel_size=5)
        if residual:
            # Strides with `same` padding round up one after the other as they do at once: the sizes agree.
            shortcut = layers.MaxPooling2D(_STRIDE_OF_POOL_2, padding="same", name="pool_input")(inputs)
            x = layers.Concatenate(name="concatenate")([x, shortcut])
        x = block(x, 3, filters=256, kernel_size=3)
        x = block(x, 4, filters=512, kernel_size=3)
        x = block(x, 5, filters=1024, kernel_size=3)

        if include_top:
            x = layers.Flatten(name="flatten")(x)
            x = dense_head(
                x,
                dense_units=(512, 512),
                dropout_rates=(0, dropout_rate),
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

    builder.__name__ = builder.__qualname__ = function_name
    builder.__doc__ = summary + _ARGUMENTS
    return builder


def _block(
    x: Any,
    i: int,
    *,
    filters: int,
    kernel_size: int,
    strides: int = 1,
    separable: bool,
    kernel_initializer: str,
    momentum: float,
) -> Any:
    options = {"strides": strides, "padding": "same", "name": f"conv_{i}"}
    if separable:
        options |= {"depthwise_initializer": kernel_initializer, "pointwise_initializer": kernel_initializer}
        x = layers.SeparableConv2D(filters, kernel_size, **options)(x)
    else:
        x = layers.Conv2D(filters, kernel_size, kernel_initializer=kernel_initializer, **options)(x)
    x = layers.BatchNormalization(momentum=momentum, name=f"batch_norm_{i}")(x)
    x = layers.ReLU(name=f"relu_{i}")(x)
    return layers.MaxPooling2D(2, padding="same", name=f"pool_{i}")(x)


AlertNet = _builder(
    "AlertNet",
    model_name="alert_net",
    summary="Alert Net: 8,792,963 parameters at the paper's 224x224 pixels and three classes.",
)

AlertNetR = _builder(
    "AlertNetR",
    model_name="alert_net_r",
    residual=True,
    summary="""Alert Net-R, 8,799,875 parameters: the pooled picture itself joins the second pooling's output.

    The picture is max-pooled to the size of those maps, 14x14 from 224x224, and concatenated to them.""",
)

AlertNetX = _builder(
    "AlertNetX",
    model_name="alert_net_x",
    separable=True,
    summary="Alert Net-X, 3,078,318 parameters: every convolution is depthwise separable.",
)
