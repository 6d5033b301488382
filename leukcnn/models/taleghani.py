"""The network of the Taleghani paper: a frozen ResNet50, its feature maps flattened, and one dense layer."""

from pathlib import Path
from typing import Any

import keras
from keras import layers

from leukcnn.models.bases import base_network
from leukcnn.models.heads import check_head, dense_head, pooled, source_inputs
from leukcnn.models.inputs import zero_to_one
from leukcnn.models.weights import load_whole, misfit, stored_parameters

_BACKBONE = "ResNet50"


def preprocess_input(images: Any) -> Any:
    """Turns images into the input of `TaleghaniResNet50`: 0..255 becomes 0..1.

    The network turns 0..1 into what ResNet50's ImageNet weights take itself, unless it is built with
    `preprocess_input=False`.

    Args:
        images: (height, width, 3) or (N, height, width, 3), 0..255: a NumPy array, uint8 or of
            any other real dtype, or a tensor of Keras' backend.

    Returns:
        float32 of the same shape, 0..1: an array for an array, a tensor for a tensor.

    Raises:
        ArgumentError: The array is neither an image nor a batch of images.
    """
    return zero_to_one(images)


def TaleghaniResNet50(
    include_top: bool = True,
    weights: str | Path | None = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    pooling: str | None = None,
    classes: int = 4,
    classifier_activation: str | None = "softmax",
    name: str = "taleghani_resnet50",
    *,
    dropout_rate: float = 0.5,
    kernel_initializer: str = "glorot_uniform",
    preprocess_input: bool = True,
) -> keras.Model:
    """Frozen ResNet50: 23,587,712 parameters that stand still and 401,412 that are trained.

    The base is one layer, "resnet50", as in the paper's layer table; "flatten", "dropout" and "predictions"
    (the table's "dense") follow. Its batch normalisation keeps the statistics that came with its weights, in
    training too.

    Args:
        include_top: Whether the classifier follows; False gives the base, layer by layer and pooled as
            `pooling` says.
        weights: None (random), "imagenet" (the base's published weights, the classifier random) or the path
            of a file (`.weights.h5`, `.h5` as Keras publishes it, `.keras`), taken by its number of
            parameters for the base alone or for this whole network.
        input_tensor: Keras tensor to use as the input instead of a new one.
        input_shape: Height, width (at least 32 each) and 3 channels.
        pooling: None, "avg" or "max"; only without the top.
        classes: Number of outputs.
        classifier_activation: Activation of the last layer; None for logits.
        name: Name of the model.
        dropout_rate: Share of the base's outputs that is dropped in training; 0 puts no dropout layer there.
        kernel_initializer: Keras initializer of every kernel that isn't loaded.
        preprocess_input: Whether the base itself turns images of 0..1 into what its ImageNet weights were
            trained on, BGR of 0..255 less ImageNet's mean. It has no parameters. False hands the images on
            as they come.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, 3), 0..1, and returns float32 (N, classes),
        probabilities under softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: Weights can't be found, downloaded or laid in.
    """
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=[dropout_rate])
    if input_tensor is not None:
        input_shape = tuple(input_tensor.shape[1:])
    base = base_network(
        _BACKBONE,
        weights="imagenet" if weights == "imagenet" else None,
        input_shape=input_shape,
        # With the top, the base is a network of its own within this one, with an input of its own.
        input_tensor=None if include_top else input_tensor,
        kernel_initializer=kernel_initializer,
        preprocess_input=preprocess_input,
    )
    base.trainable = False
    if include_top:
        inputs = keras.Input(input_shape) if input_tensor is None else input_tensor
        x = layers.Flatten(name="flatten")(base(inputs))
        if dropout_rate:
            x = layers.Dropout(dropout_rate, name="dropout")(x)
        x = dense_head(
            x,
            dense_units=(),
            dropout_rates=(),
            classes=classes,
            classifier_activation=classifier_activation,
            kernel_initializer=kernel_initializer,
        )
        model = keras.Model(source_inputs(inputs), x, name=name)
    else:
        model = keras.Model(base.input, pooled(base.output, pooling), name=name)
    if weights not in (None, "imagenet"):
        _load_file(weights, model=model, base=base)
    return model


def _load_file(path: str | Path, *, model: keras.Model, base: keras.Model) -> None:
    held = stored_parameters(path)
    if held == base.count_params():
        load_whole(base, path)
    elif held == model.count_params():
        load_whole(model, path)
    else:
        fitting = {f"{_BACKBONE}'s base": base, f"the whole {model.name}": model}
        raise misfit(path, held, {what: network.count_params() for what, network in fitting.items()})
