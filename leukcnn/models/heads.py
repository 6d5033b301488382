"""The layers that networks have in common: the input, and the pooling and dense layers of the top."""

import numbers
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
from keras import layers

from leukcnn.errors import ArgumentError

PYTORCH = "pytorch"
"""Value of `kernel_initializer` for the initial values of PyTorch's layers, see `initial`."""

# More would need more memory than any computer has.
_MOST_UNITS, _MOST_PIXELS = 10**6, 10**5


def check_head(*, classes: int, classifier_activation: str | None, dropout_rates: Sequence[float]) -> None:
    """Checks the arguments of a network's top.

    Args:
        classes: Number of outputs.
        classifier_activation: Activation of the classifier.
        dropout_rates: Rate of each dropout layer.

    Raises:
        ArgumentError: There are too few outputs for the activation, or a rate is negative, 1 or above.
    """
    fewest = 2 if classifier_activation == "softmax" else 1
    check_counts("classes", [classes])
    try:
        keras.activations.get(classifier_activation)
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"classifier_activation = {classifier_activation!r:.80}.",
            expected="the name of a Keras activation, such as 'softmax' or 'sigmoid', or None",
        ) from error
    if classes < fewest:
        raise ArgumentError(
            f"classes = {classes} with classifier_activation = {classifier_activation!r}.",
            expected=f"{fewest} or more outputs: a softmax over one is always 1",
        )
    rates = dropout_rates if isinstance(dropout_rates, Sequence) else [dropout_rates]
    if rates is not dropout_rates or not all(is_number(rate) and 0 <= rate < 1 for rate in rates):
        raise ArgumentError(
            f"Dropout rates {dropout_rates!r:.80}.", expected="rates from 0 (none) to below 1"
        )


def is_number(value: object) -> bool:
    """Returns whether a value is a number; True and False aren't."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def check_counts(name: str, counts: Sequence[int]) -> None:
    """Checks numbers of units, filters or classes.

    Args:
        name: The builder's argument that holds them.
        counts: The numbers.

    Raises:
        ArgumentError: One isn't a whole number, is below 1 or above a million.
    """
    whole = isinstance(counts, Sequence) and all(
        isinstance(n, numbers.Integral) and not isinstance(n, bool) and 0 < n <= _MOST_UNITS for n in counts
    )
    if not whole:
        shown = counts[0] if name == "classes" else counts
        raise ArgumentError(f"{name} = {shown!r:.80}.", expected=f"whole numbers from 1 to {_MOST_UNITS:,}")


def shape_of(
    input_tensor: keras.KerasTensor | None,
    input_shape: Sequence[int],
    *,
    min_size: int = 1,
    channels: int | None = None,
) -> tuple[int, int, int]:
    """Returns the shape of a network's images: that of `input_tensor`, or `input_shape` if that is None.

    Args:
        input_tensor: Keras tensor (N, height, width, channels), or None.
        input_shape: (height, width, channels).
        min_size: Smallest height and width, in pixels.
        channels: Number of channels; any number if None.

    Raises:
        ArgumentError: Height or width isn't fixed, is too small or above 100,000, the channels are others, or
            the tensor isn't a Keras tensor.
    """
    if input_tensor is not None and not isinstance(input_tensor, keras.KerasTensor):
        raise ArgumentError(f"input_tensor = {input_tensor!r:.80}.", expected="a Keras tensor, or None")
    shape = input_shape if input_tensor is None else input_tensor.shape[1:]
    if (
        not isinstance(shape, Sequence)
        or len(shape) != 3
        or not all(isinstance(n, numbers.Integral) and not isinstance(n, bool) for n in shape)
        or not min_size <= min(shape[:2]) <= max(shape) <= _MOST_PIXELS
        or (shape[2] < 1 if channels is None else shape[2] != channels)
    ):
        raise ArgumentError(
            f"input_shape = {shape!r:.80}.",
            expected=f"(height, width, {channels or 'channels'}), whole numbers, with at least {min_size} "
            f"pixels each way, up to {_MOST_PIXELS:,}",
            remedy="use images of a fixed size within these limits, with the channels last",
        )
    return shape[0], shape[1], shape[2]


def check_momentum(batch_norm_momentum: float) -> None:
    """Checks the momentum of batch normalisation.

    Raises:
        ArgumentError: It is negative, 1 or above.
    """
    if not is_number(batch_norm_momentum) or not 0 <= batch_norm_momentum < 1:
        raise ArgumentError(
            f"batch_norm_momentum = {batch_norm_momentum!r}.", expected="a number from 0 to below 1"
        )


def refuse_imagenet(weights: str | Path | None, network: str) -> None:
    """Refuses weights="imagenet" for a network without ImageNet weights.

    Args:
        weights: The builder's argument `weights`.
        network: Name of the builder.

    Raises:
        ArgumentError: The weights are "imagenet".
    """
    if weights == "imagenet":
        raise ArgumentError(
            f"weights = 'imagenet' for {network}.",
            expected="None or a path: this network was never trained on ImageNet",
        )


def checked_input(
    input_tensor: keras.KerasTensor | None, input_shape: tuple[int, int, int], *, min_size: int
) -> keras.KerasTensor:
    """Returns a network's input: `input_tensor`, or a new tensor if that is None.

    Args:
        input_tensor: Keras tensor (N, height, width, channels), or None.
        input_shape: (height, width, channels) of a new tensor.
        min_size: Smallest height and width, in pixels.

    Raises:
        ArgumentError: Height or width isn't fixed or is too small, or there are no channels.
    """
    shape = shape_of(input_tensor, input_shape, min_size=min_size)
    return keras.Input(shape) if input_tensor is None else input_tensor


def initial(kernel_initializer: str, fan_in: int) -> dict[str, Any]:
    """Returns the arguments of a layer that set its initial values.

    Args:
        kernel_initializer: Keras initializer of the kernel, whose biases then start at 0; or "pytorch",
            the initial values of PyTorch's convolutions and dense layers: kernel and biases are uniform in
            ±1 / sqrt(fan_in).
        fan_in: Number of inputs of each of the layer's outputs.
    """
    if kernel_initializer != PYTORCH:
        return {"kernel_initializer": kernel_initializer}
    limit = fan_in**-0.5
    # One initializer for each: the same one would give equal values for equal shapes.
    return {
        name: keras.initializers.RandomUniform(-limit, limit)
        for name in ("kernel_initializer", "bias_initializer")
    }


def dense_head(
    x: keras.KerasTensor,
    *,
    dense_units: Sequence[int],
    dropout_rates: Sequence[float],
    classes: int,
    classifier_activation: str | None,
    activation: str = "relu",
    kernel_initializer: str = "glorot_uniform",
    **options: Any,
) -> keras.KerasTensor:
    """Adds dense layers, each with its dropout, and the classifier.

    The layers are "dense_1", "dropout_1", "dense_2" ... "predictions". A rate of 0 gives no dropout layer.

    Args:
        x: Keras tensor (N, features).
        dense_units: Units of each dense layer.
        dropout_rates: Fraction of each dense layer's outputs to drop in training, one rate per layer.
        classes: Number of outputs.
        classifier_activation: Activation of the classifier; None returns the logits.
        activation: Activation of the dense layers before the classifier.
        kernel_initializer: Of all dense layers, as in `initial`.
        **options: Further arguments of all dense layers, e.g. `kernel_regularizer`.

    Returns:
        Keras tensor float32 (N, classes).
    """
    for i, (units, rate) in enumerate(zip(dense_units, dropout_rates, strict=True), start=1):
        values = initial(kernel_initializer, x.shape[-1])
        x = layers.Dense(units, activation=activation, name=f"dense_{i}", **values, **options)(x)
        if rate:
            x = layers.Dropout(rate, name=f"dropout_{i}")(x)
    # float32 under mixed precision too: a half-precision softmax rounds small probabilities to 0.
    return layers.Dense(
        classes,
        activation=classifier_activation,
        name="predictions",
        dtype="float32",
        **initial(kernel_initializer, x.shape[-1]),
        **options,
    )(x)


def pooled(x: keras.KerasTensor, pooling: str | None) -> keras.KerasTensor:
    """Pools feature maps globally, like the argument `pooling` of Keras Applications.

    Args:
        x: Keras tensor (N, rows, columns, channels).
        pooling: None (no pooling), "avg" or "max".

    Raises:
        ArgumentError: `pooling` is none of these.
    """
    if pooling is None:
        return x
    if pooling == "avg":
        return layers.GlobalAveragePooling2D(name="gap")(x)
    if pooling == "max":
        return layers.GlobalMaxPooling2D(name="gmp")(x)
    raise ArgumentError(f"pooling = {pooling!r}.", expected="None, 'avg' or 'max'")


def source_inputs(tensor: keras.KerasTensor) -> keras.KerasTensor | list[keras.KerasTensor]:
    """Returns the input that a Keras tensor is computed from, or a list if there are several."""
    sources = keras.utils.get_source_inputs(tensor)
    return sources[0] if len(sources) == 1 else sources
