"""The lightweight network of the ALL-IDB paper: two convolutions and a dense layer.

Reference: Zaiter and Zwiggelaar 2025, "Acute Lymphocytic Leukemia Detection Using Deep Learning Methods",
section 4.2 and Figure 1.

The paper gives the layers, the dropout rate and the two outputs. It doesn't give the numbers of filters and
units or the size of the images; those below are assumptions.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
from keras import layers

from leukcnn.errors import ArgumentError
from leukcnn.models.heads import (
    PYTORCH,
    check_counts,
    check_head,
    checked_input,
    dense_head,
    initial,
    pooled,
    refuse_imagenet,
    source_inputs,
)
from leukcnn.models.inputs import zero_to_one
from leukcnn.models.weights import load_whole

CONV_ACTIVATIONS = ("elu", "relu", "linear")
TOP_POOLINGS = ("flatten", "avg", "max")


def preprocess_input(images: Any) -> Any:
    """Converts images to the input of `LightweightCNN`: 0..255 becomes 0..1.

    The paper first removes everything except the white cells, see `leukcnn.preprocessing.wbc_mask`.

    Args:
        images: (height, width, channels) or (N, height, width, channels), 0..255: a NumPy array, uint8 or of
            any other real dtype, or a tensor of Keras' backend.

    Returns:
        float32 of the same shape, 0..1; a NumPy array for an array, a tensor for a tensor.

    Raises:
        ArgumentError: The array is neither an image nor a batch of images.
    """
    return zero_to_one(images)


def LightweightCNN(
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    pooling: str | None = None,
    classes: int = 2,
    classifier_activation: str | None = "softmax",
    name: str = "lightweight_cnn",
    *,
    convolutions: Sequence[Sequence[int]] = ((16, 3), (32, 3)),
    dense_units: int = 64,
    pool_first: bool = False,
    dropout_rate: float = 0.2,
    padding: str = "same",
    conv_activation: str = "elu",
    top_pooling: str = "flatten",
    kernel_initializer: str = PYTORCH,
) -> keras.Model:
    """Instantiates the lightweight CNN: 6,427,810 parameters at 224x224 pixels, most in the dense layer.

    By default it has two 3x3 convolutions with ELU, with 16 and 32 filters, each with 2x2 max pooling. The
    flattened feature maps are followed by a dense layer of 64 units with ELU, dropout and the classifier.

    Reference: Zaiter and Zwiggelaar 2025, section 4.2 and Figure 1.

    Args:
        include_top: Whether to include the dense layers. If False, the network returns the last feature
            maps, pooled according to `pooling`.
        weights: None (random initialization) or the path of a file with the weights of this network
            (`.weights.h5` or `.keras`). None are published.
        input_tensor: Optional Keras tensor (an output of `keras.Input`) to use as the image input.
        input_shape: (height, width, channels), height and width at least 4.
        pooling: Global pooling of the feature maps if `include_top` is False: None, "avg" or "max".
        classes: Number of outputs, one per class.
        classifier_activation: Activation of the classifier; None returns the logits.
        name: Name of the model.
        convolutions: (filters, kernel size) of each of the two convolutions.
        dense_units: Units of the dense layer before the classifier.
        pool_first: Whether each convolution is "preceded by a max pooling layer", as in section 4.2 of the
            paper, or "succeeded by" one, as in its Figure 1. The number of parameters is the same.
        dropout_rate: Fraction of the dense layer's outputs to drop in training; 0 gives no dropout layer.
        padding: Their padding, "same" or "valid".
        conv_activation: Activation of the convolutions: "elu", "relu" or "linear" (none). The paper names
            ELU among the dense layers only.
        top_pooling: How the dense layers get the last feature maps: "flatten", or global "avg" or "max".
        kernel_initializer: "pytorch", the library of the authors: kernels and biases are uniform, see
            `leukcnn.models.heads.initial`; or the Keras initializer of every kernel.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, channels), 0..1, and returns float32
        (N, classes), probabilities under softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: The file doesn't exist or holds the weights of another network.
    """
    refuse_imagenet(weights, "LightweightCNN")
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=[dropout_rate])
    _check_choices(convolutions, dense_units, padding, conv_activation, top_pooling)
    # Without padding, each convolution takes a margin of the feature maps.
    first, second = (0 if padding == "same" else kernel_size - 1 for _, kernel_size in convolutions)
    min_size = 4 + (2 * first + 4 * second if pool_first else first + 2 * second)
    x = inputs = checked_input(input_tensor, input_shape, min_size=min_size)
    for i, (n, kernel_size) in enumerate(convolutions, start=1):
        pool = layers.MaxPooling2D(2, strides=2, name=f"pool_{i}")
        if pool_first:
            x = pool(x)
        x = layers.Conv2D(
            n,
            kernel_size,
            padding=padding,
            activation=conv_activation,
            name=f"conv_{i}",
            **initial(kernel_initializer, kernel_size**2 * x.shape[-1]),
        )(x)
        if not pool_first:
            x = pool(x)
    if include_top:
        x = dense_head(
            layers.Flatten(name="flatten")(x) if top_pooling == "flatten" else pooled(x, top_pooling),
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


def _check_choices(
    convolutions: Sequence[Sequence[int]],
    dense_units: int,
    padding: str,
    conv_activation: str,
    top_pooling: str,
) -> None:
    """Checks the arguments of the layers.

    Raises:
        ArgumentError: One of them isn't allowed.
    """
    pairs = convolutions if isinstance(convolutions, Sequence) else ()
    if len(pairs) != 2 or not all(isinstance(pair, Sequence) and len(pair) == 2 for pair in pairs):
        raise ArgumentError(
            f"convolutions = {convolutions!r:.120}.", expected="two pairs (filters, kernel size)"
        )
    check_counts("convolutions", [number for pair in pairs for number in pair])
    check_counts("dense_units", [dense_units])
    for name, value, allowed in (
        ("padding", padding, ("same", "valid")),
        ("conv_activation", conv_activation, CONV_ACTIVATIONS),
        ("top_pooling", top_pooling, TOP_POOLINGS),
    ):
        if value not in allowed:
            raise ArgumentError(f"{name} = {value!r:.80}.", expected=", ".join(allowed))
