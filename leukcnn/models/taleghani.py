"""The network of the Taleghani paper: a frozen ResNet50, flattened feature maps and one dense layer.

Reference: Marines, "Convolutional Neural Network for Acute Lymphoblastic Leukemia Classification"
(manuscript).
"""

from pathlib import Path
from typing import Any

import keras
from keras import layers

from leukcnn.models.bases import base_network
from leukcnn.models.heads import check_head, dense_head, pooled, shape_of, source_inputs
from leukcnn.models.inputs import zero_to_one
from leukcnn.models.weights import load_whole, misfit, stored_parameters

_BACKBONE = "ResNet50"


def preprocess_input(images: Any) -> Any:
    """Converts images to the input of `TaleghaniResNet50`: 0..255 becomes 0..1.

    The network itself converts 0..1 to the input that ResNet50's ImageNet weights were trained on, unless it
    is built with `include_preprocessing=False`.

    Args:
        images: (height, width, 3) or (N, height, width, 3), 0..255: a NumPy array, uint8 or of
            any other real dtype, or a tensor of Keras' backend.

    Returns:
        float32 of the same shape, 0..1; a NumPy array for an array, a tensor for a tensor.

    Raises:
        ArgumentError: The array is neither an image nor a batch of images.
    """
    return zero_to_one(images)


def TaleghaniResNet50(
    include_top: bool = True,
    weights: str | Path | None = "imagenet",
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    pooling: str | None = None,
    classes: int = 4,
    classifier_activation: str | None = "softmax",
    name: str = "taleghani_resnet50",
    *,
    dropout_rate: float = 0.5,
    kernel_initializer: str = "glorot_uniform",
    include_preprocessing: bool = True,
) -> keras.Model:
    """Instantiates a frozen ResNet50 with a classifier: 23,587,712 frozen and 401,412 trainable parameters.

    The base is a single layer, "resnet50", as in the paper's table of layers. The layers "flatten", "dropout"
    and "predictions" ("dense" in the table) follow. In training, the base's batch normalisation uses the
    statistics that were loaded or initialized, not those of the batch.

    Reference: Marines, "Convolutional Neural Network for Acute Lymphoblastic Leukemia Classification".

    Args:
        include_top: Whether to include the classifier. If False, the network returns the feature maps of the
            base, pooled according to `pooling`, and its layers are those of the base.
        weights: None (random initialization), "imagenet" (published weights of the base, random classifier)
            or the path of a file (`.weights.h5`, `.h5` as published by Keras, `.keras`). Its number of
            parameters decides whether it is loaded into the base or into this whole network.
        input_tensor: Optional Keras tensor (an output of `keras.Input`) to use as the image input.
        input_shape: (height, width, 3), height and width at least 32.
        pooling: Global pooling of the feature maps if `include_top` is False: None, "avg" or "max".
        classes: Number of outputs, one per class.
        classifier_activation: Activation of the classifier; None returns the logits.
        name: Name of the model.
        dropout_rate: Fraction of the base's outputs to drop in training; 0 gives no dropout layer.
        kernel_initializer: Keras initializer of every kernel that isn't loaded.
        include_preprocessing: Whether the base itself converts images of 0..1 to the input that its ImageNet
            weights were trained on, BGR of 0..255 minus ImageNet's mean. The conversion has no parameters. If
            False, the base gets the images unchanged.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, 3), 0..1, and returns float32 (N, classes),
        probabilities under softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: Weights can't be found, downloaded or loaded.
    """
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=[dropout_rate])
    input_shape = shape_of(input_tensor, input_shape)
    base = base_network(
        _BACKBONE,
        weights="imagenet" if weights == "imagenet" else None,
        input_shape=input_shape,
        # With the top, the base is a network within this network and has its own input.
        input_tensor=None if include_top else input_tensor,
        kernel_initializer=kernel_initializer,
        include_preprocessing=include_preprocessing,
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
    stored = stored_parameters(path)
    if stored == base.count_params():
        load_whole(base, path)
    elif stored == model.count_params():
        load_whole(model, path)
    else:
        fitting = {f"{_BACKBONE}'s base": base, f"the whole {model.name}": model}
        raise misfit(path, stored, {what: network.count_params() for what, network in fitting.items()})
