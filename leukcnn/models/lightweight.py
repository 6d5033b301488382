"""The lightweight network of the ALL-IDB paper (section 4.2, Figure 1): two convolutions and a dense layer.

The paper names the layers, the dropout rate and the two outputs; how many filters and units there are, and
the size of the images, it leaves open. Those below are a reading.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
from keras import layers

from leukcnn.errors import ArgumentError
from leukcnn.models.heads import (
    check_head,
    checked_input,
    dense_head,
    pooled,
    refuse_imagenet,
    source_inputs,
)
from leukcnn.models.inputs import zero_to_one
from leukcnn.models.weights import load_whole


def preprocess_input(images: Any) -> Any:
    """Turns images into the input of `LightweightCNN`: 0..255 becomes 0..1.

    The paper blanks all but the white cells first, see `leukcnn.preprocessing.wbc_mask`.

    Args:
        images: (height, width, channels) or (N, height, width, channels), 0..255: a NumPy array, uint8 or of
            any other real dtype, or a tensor of Keras' backend.

    Returns:
        float32 of the same shape, 0..1: an array for an array, a tensor for a tensor.

    Raises:
        ArgumentError: The array is neither an image nor a batch of images.
    """
    return zero_to_one(images)


def LightweightCNN(
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: Any = None,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    pooling: str | None = None,
    classes: int = 2,
    classifier_activation: str | None = "softmax",
    name: str = "lightweight_cnn",
    *,
    filters: Sequence[int] = (16, 32),
    dense_units: int = 64,
    pool_first: bool = False,
    dropout_rate: float = 0.2,
    kernel_initializer: str = "glorot_uniform",
) -> keras.Model:
    """The lightweight CNN: 6,427,810 parameters at 224x224 pixels, nearly all in its dense layer.

    Two 3x3 convolutions with ELU, of 16 and 32 filters, each with a 2x2 max pooling; flattened, a dense
    layer of 64 with ELU, dropout and the classifier.

    Args:
        include_top: Whether the dense layers follow; False gives the last feature maps, pooled as `pooling`
            says.
        weights: None (random) or the path of a file with weights of this whole network (`.weights.h5` or
            `.keras`). Nobody has published any.
        input_tensor: Keras tensor to use as the input instead of a new one.
        input_shape: Height, width (any, from 4 each) and channels.
        pooling: None, "avg" or "max"; only without the top.
        classes: Number of outputs.
        classifier_activation: Activation of the last layer; None for logits.
        name: Name of the model.
        filters: Filters of each of the two convolutions.
        dense_units: Outputs of the dense layer before the classifier.
        pool_first: Whether each convolution is "preceded by a max pooling layer", as section 4.2 has it, and
            not "succeeded by" one, as Figure 1 says and shows. The number of parameters is the same.
        dropout_rate: Share of the dense layer's outputs that is dropped in training; 0 puts no dropout layer
            there.
        kernel_initializer: Keras initializer of every kernel.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, channels), 0..1, and returns float32
        (N, classes), probabilities under softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: The file isn't there or holds another network's weights.
    """
    refuse_imagenet(weights, "LightweightCNN")
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=[dropout_rate])
    two = isinstance(filters, tuple | list) and len(filters) == 2
    if not two or not all(isinstance(n, int) and n > 0 for n in (*filters, dense_units)):
        raise ArgumentError(
            f"filters = {filters!r}, dense_units = {dense_units!r}.",
            expected="two numbers of filters and one of units, whole and above 0",
        )
    x = inputs = checked_input(input_tensor, input_shape, min_size=4)
    for i, n in enumerate(filters, start=1):
        pool = layers.MaxPooling2D(2, strides=2, name=f"pool_{i}")
        if pool_first:
            x = pool(x)
        x = layers.Conv2D(
            n,
            3,
            padding="same",
            activation="elu",
            kernel_initializer=kernel_initializer,
            name=f"conv_{i}",
        )(x)
        if not pool_first:
            x = pool(x)
    if include_top:
        x = dense_head(
            layers.Flatten(name="flatten")(x),
            dense_units=(dense_units,),
            dropout_rates=(dropout_rate,),
            activation="elu",
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
