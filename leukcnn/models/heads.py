"""What stands behind the feature maps: pooling and dense layers, named alike in all networks."""

from collections.abc import Sequence
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


def dense_head(
    x: Any,
    *,
    dense_units: Sequence[int],
    dropout_rates: Sequence[float],
    classes: int,
    classifier_activation: str | None,
    **options: Any,
) -> Any:
    """Appends dense layers with ReLU, each with its dropout, and the classifier.

    The layers are "dense_1", "dropout_1", "dense_2" ... "predictions"; a rate of 0 gives no dropout layer.

    Args:
        x: Keras tensor (N, features).
        dense_units: Outputs of each dense layer.
        dropout_rates: As many rates, each the share of that layer's outputs dropped in training.
        classes: Number of outputs.
        classifier_activation: Activation of the classifier; None for logits.
        **options: Arguments of every dense layer: initializer, regularizer.

    Returns:
        Keras tensor float32 (N, classes).
    """
    for i, (units, rate) in enumerate(zip(dense_units, dropout_rates, strict=True), start=1):
        x = layers.Dense(units, activation="relu", name=f"dense_{i}", **options)(x)
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
