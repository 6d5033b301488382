"""What networks have in common: the input before their feature maps, pooling and dense layers behind them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
from keras import layers

from leukcnn.errors import ArgumentError


def check_head(*, classes: int, classifier_activation: str | None, dropout_rates: Sequence[float]) -> None:
    """Refuses heads that can't be meant.

    Raises:
        ArgumentError: There are too few outputs for the activation, or a rate isn't from 0 to below 1.
    """
    fewest = 2 if classifier_activation == "softmax" else 1
    if classes < fewest:
        raise ArgumentError(
            f"classes = {classes} with classifier_activation = {classifier_activation!r}.",
            expected=f"{fewest} or more outputs: a softmax over one is always 1",
        )
    if not all(0 <= rate < 1 for rate in dropout_rates):
        raise ArgumentError(
            f"Dropout rates {tuple(dropout_rates)}.", expected="rates from 0 (no dropout) to below 1"
        )


def check_momentum(batch_norm_momentum: float) -> None:
    """Makes sure that the momentum of batch normalisation is usable.

    Raises:
        ArgumentError: It isn't from 0 to below 1.
    """
    if not 0 <= batch_norm_momentum < 1:
        raise ArgumentError(
            f"batch_norm_momentum = {batch_norm_momentum!r}.", expected="a number from 0 to below 1"
        )


def refuse_imagenet(weights: str | Path | None, network: str) -> None:
    """Refuses weights="imagenet" for a network that has no such weights.

    Args:
        weights: The builder's argument.
        network: Name of the builder.

    Raises:
        ArgumentError: They are "imagenet".
    """
    if weights == "imagenet":
        raise ArgumentError(
            f"weights = 'imagenet' for {network}.",
            expected="None or a path: this network was never trained on ImageNet",
        )


def checked_input(input_tensor: Any, input_shape: tuple[int, int, int], *, min_size: int) -> Any:
    """Returns a network's input: the tensor that is given, or a new one.

    Args:
        input_tensor: Keras tensor (N, height, width, channels), or None.
        input_shape: Height, width and channels of a new one.
        min_size: Least height and width, in pixels.

    Raises:
        ArgumentError: A side isn't fixed or is too small, or there are no channels.
    """
    shape = tuple(input_shape if input_tensor is None else input_tensor.shape[1:])
    if len(shape) != 3 or None in shape or min(shape[:2]) < min_size or shape[2] < 1:
        raise ArgumentError(
            f"input_shape = {shape}.",
            expected=f"(height, width, channels) with at least {min_size} pixels each way",
            remedy="take larger images, of a fixed size and channels last",
        )
    return keras.Input(shape) if input_tensor is None else input_tensor


def dense_head(
    x: Any,
    *,
    dense_units: Sequence[int],
    dropout_rates: Sequence[float],
    classes: int,
    classifier_activation: str | None,
    activation: str = "relu",
    **options: Any,
) -> Any:
    """Appends dense layers with their activation, each with its dropout, and the classifier.

    The layers are "dense_1", "dropout_1", "dense_2" ... "predictions"; a rate of 0 gives no dropout layer.

    Args:
        x: Keras tensor (N, features).
        dense_units: Outputs of each dense layer.
        dropout_rates: As many rates, each the share of that layer's outputs dropped in training.
        classes: Number of outputs.
        classifier_activation: Activation of the classifier; None for logits.
        activation: Activation of the layers before it.
        **options: Arguments of every dense layer: initializer, regularizer.

    Returns:
        Keras tensor float32 (N, classes).
    """
    for i, (units, rate) in enumerate(zip(dense_units, dropout_rates, strict=True), start=1):
        x = layers.Dense(units, activation=activation, name=f"dense_{i}", **options)(x)
        if rate:
            x = layers.Dropout(rate, name=f"dropout_{i}")(x)
    # Under mixed precision a half-precision softmax would round the probabilities away.
    return layers.Dense(
        classes, activation=classifier_activation, name="predictions", dtype="float32", **options
    )(x)


def pooled(x: Any, pooling: str | None) -> Any:
    """Pools feature maps as the argument `pooling` of Keras Applications says.

    Args:
        x: Keras tensor (N, rows, columns, channels).
        pooling: None (as they are), "avg" or "max".

    Raises:
        ArgumentError: It is none of these.
    """
    if pooling is None:
        return x
    if pooling == "avg":
        return layers.GlobalAveragePooling2D(name="gap")(x)
    if pooling == "max":
        return layers.GlobalMaxPooling2D(name="gmp")(x)
    raise ArgumentError(f"pooling = {pooling!r}.", expected="None, 'avg' or 'max'")


def source_inputs(tensor: keras.KerasTensor) -> Any:
    """Returns the network inputs that a Keras tensor comes from: itself, if it is one."""
    sources = keras.utils.get_source_inputs(tensor)
    return sources[0] if len(sources) == 1 else sources
