"""Networks trained on ImageNet and tuned to blood slides: the Alert Net and LeukNet papers' comparisons.

Shallow fine-tuning (SFT) trains what stands behind the frozen convolutional base, deep fine-tuning (DFT)
trains all; the modified forms (mSFT, mDFT) first replace the dense layers by smaller ones (Vogado et al.,
"LeukNet").
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
from keras import layers

from leukcnn.errors import ArgumentError
from leukcnn.fields import did_you_mean
from leukcnn.models.backbones import BACKBONES, MODES, keeps_published_top
from leukcnn.models.bases import application, base_network
from leukcnn.models.heads import check_head, dense_head, pooled
from leukcnn.models.inputs import zero_to_one
from leukcnn.models.published import is_published
from leukcnn.models.pytorch_weights import SUFFIXES, load_pytorch
from leukcnn.models.regnet_designs import DESIGNS, IMAGENET_STD
from leukcnn.models.weights import load_whole, misfit, stored_parameters

# The VGGs' dense layers as Keras Applications names them, and the input that they were trained for.
_PUBLISHED_DENSE = {"fc1": "dense_1", "fc2": "dense_2"}
_PUBLISHED_INPUT = (224, 224, 3)
_PUBLISHED_CLASSES = 1000


def preprocess_input(images: Any) -> Any:
    """Turns images into the input of `FineTuned`: 0..255 becomes 0..1.

    A network built with `preprocess_input=True` turns 0..1 into what its backbone's ImageNet weights take
    itself. Without that it takes 0..1 as they are, as in the Alert Net and LeukNet papers.

    Args:
        images: (height, width, 3) or (N, height, width, 3), 0..255: a NumPy array, uint8 or of
            any other real dtype, or a tensor of Keras' backend.

    Returns:
        float32 of the same shape, 0..1: an array for an array, a tensor for a tensor.

    Raises:
        ArgumentError: The array is neither an image nor a batch of images.
    """
    return zero_to_one(images)


def FineTuned(
    include_top: bool = True,
    weights: str | Path | None = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    pooling: str | None = None,
    classes: int = 1,
    classifier_activation: str | None = "auto",
    name: str | None = None,
    *,
    backbone: str = "ResNet50",
    mode: str = "SFT",
    dense_units: Sequence[int] | None = None,
    dropout_rates: Sequence[float] | None = None,
    kernel_initializer: str = "glorot_uniform",
    preprocess_input: bool = False,
) -> keras.Model:
    """A base of Keras Applications, or a RegNet's, with a new top, frozen or trained.

    The VGGs' feature maps are flattened, the others' averaged: "flatten" or "gap" is the first layer behind
    the base. SFT and mSFT freeze the base's layers, so that their batch statistics stand still too.

    Args:
        include_top: Whether the dense layers follow; False gives the base, pooled as `pooling` says.
        weights: None (random), "imagenet" or a path. "imagenet" loads the base; where SFT or DFT keep a
            VGG's own dense layers, these too, which needs an input of 224x224 pixels. A file (`.weights.h5`,
            `.h5` as Keras publishes it, `.keras`) is taken, by its number of parameters, for the base alone
            (the top stays random), else for this whole network, else, where "imagenet" would load the dense
            layers too, for the published network with its 1000 classes. A RegNet's weights are published by
            its authors and never downloaded: pass the path of PyTorch's file, whose classifier is left out,
            or of one that `leukcnn.models.pytorch_weights.convert_pytorch` wrote.
        input_tensor: Keras tensor to use as the input instead of a new one.
        input_shape: Height, width (at least 32 each, 71 for Xception, 75 for the Inceptions) and 3 channels.
            Keras loads NASNets' "imagenet" at one size only, 224 (mobile) or 331 (large).
        pooling: None, "avg" or "max"; only without the top.
        classes: Number of outputs.
        classifier_activation: Activation of the last layer. "auto" is a sigmoid for one output and a softmax
            for more; None for logits.
        name: Name of the model; None makes it from backbone and mode, as "resnet50_sft".
        backbone: A network by its name in `keras.applications`, or a RegNet as its zoo names it:
            "RegNetX-200MF" ... "RegNetX-32GF", "RegNetY-200MF" ... (`leukcnn.models.backbones.BACKBONES`).
        mode: "SFT", "DFT", "mSFT" or "mDFT".
        dense_units: Outputs of each dense layer before the classifier. None takes the mode's: with SFT and
            DFT the backbone's own, (4096, 4096) for the VGGs and none for the others; with mSFT and mDFT
            (1024, 256) for the VGGs, (128,) for Xception, (1024,) for the others.
        dropout_rates: Share of each dense layer's outputs that is dropped in training, one rate a layer; 0 or
            None puts no dropout layer there.
        kernel_initializer: Keras initializer of every kernel that isn't loaded.
        preprocess_input: Whether the network itself turns images of 0..1 into what the backbone's ImageNet
            weights were trained on, as `preprocess_input` of Keras Applications does with 0..255: BGR less
            ImageNet's mean for the VGGs and ResNet50, -1..1 for InceptionV3 and Xception, and for RegNets
            ImageNet's mean 0 and standard deviation 1. It has no parameters. False hands the images on as
            they come, as Alert Net's and LeukNet's papers do.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, 3), 0..1, and returns float32 (N, classes),
        probabilities under sigmoid and softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: Weights can't be found, downloaded or laid in.
    """
    if backbone not in BACKBONES:
        raise ArgumentError(
            f"backbone = {backbone!r}.",
            expected=", ".join(BACKBONES),
            remedy=did_you_mean(backbone, BACKBONES),
        )
    if mode not in MODES:
        raise ArgumentError(f"mode = {mode!r}.", expected=", ".join(MODES))
    known = BACKBONES[backbone]
    if dense_units is None:
        dense_units = known.own_dense if mode in ("SFT", "DFT") else known.new_dense
    if not all(isinstance(units, int) and units > 0 for units in dense_units):
        raise ArgumentError(f"dense_units = {tuple(dense_units)}.", expected="whole numbers above 0")
    if dropout_rates is None:
        dropout_rates = [0] * len(dense_units)
    if len(dropout_rates) != len(dense_units):
        raise ArgumentError(
            f"dropout_rates = {tuple(dropout_rates)} for dense_units = {tuple(dense_units)}.",
            expected="one rate for each dense layer",
        )
    if classifier_activation == "auto":
        classifier_activation = "sigmoid" if classes == 1 else "softmax"
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=dropout_rates)

    shape = tuple(input_shape if input_tensor is None else input_tensor.shape[1:])
    takes_published = include_top and keeps_published_top(backbone, mode, dense_units)
    if takes_published and weights == "imagenet" and shape != _PUBLISHED_INPUT:
        raise ArgumentError(
            f"input_shape = {shape} for {backbone} with its published dense layers.",
            expected=f"{_PUBLISHED_INPUT}, for which they were trained",
            remedy="resize to 224 pixels, take mSFT or mDFT, which replace those layers, or weights=None",
        )
    base = base_network(
        backbone,
        weights="imagenet" if weights == "imagenet" and not takes_published else None,
        input_tensor=input_tensor,
        input_shape=input_shape,
        kernel_initializer=kernel_initializer,
        preprocess_input=preprocess_input,
    )
    if include_top:
        bridge = (
            layers.Flatten(name="flatten")
            if backbone.startswith("VGG")
            else layers.GlobalAveragePooling2D(name="gap")
        )
        x = dense_head(
            bridge(base.output),
            dense_units=dense_units,
            dropout_rates=dropout_rates,
            classes=classes,
            classifier_activation=classifier_activation,
            kernel_initializer=kernel_initializer,
        )
    else:
        x = pooled(base.output, pooling)
    model = keras.Model(base.input, x, name=name or f"{backbone}_{mode}".lower())

    if weights == "imagenet":
        if takes_published:
            _copy_published(application(backbone, weights="imagenet"), model)
    elif weights is not None:
        _load_file(weights, model=model, base=base, backbone=backbone, takes_published=takes_published)
    if mode in ("SFT", "mSFT"):
        for layer in base.layers:
            layer.trainable = False
    return model


def _load_file(
    path: str | Path, *, model: keras.Model, base: keras.Model, backbone: str, takes_published: bool
) -> None:
    if backbone in DESIGNS and Path(path).suffix in SUFFIXES:
        load_pytorch(base, path)
        return
    held = stored_parameters(path)
    fitting = {f"{backbone}'s base": base.count_params(), f"the whole {model.name}": model.count_params()}
    if takes_published and model.input_shape[1:] == _PUBLISHED_INPUT:
        classifier = model.get_layer("predictions")
        published_classifier = (classifier.kernel.shape[0] + 1) * _PUBLISHED_CLASSES
        fitting[f"{backbone} with its own top"] = (
            model.count_params() - classifier.count_params() + published_classifier
        )
    if held not in fitting.values():
        raise misfit(path, held, fitting)
    if held == base.count_params():
        load_whole(base, path)
        if backbone.startswith("EfficientNetB") and is_published(path):
            _divide_by_deviation(base)
    elif held == model.count_params():
        load_whole(model, path)
    else:
        published = application(backbone, weights=None)
        load_whole(published, path)
        _copy_published(published, model)


def _copy_published(published: keras.Model, model: keras.Model) -> None:
    for layer in published.layers:
        if layer.weights and layer.name != "predictions":
            model.get_layer(_PUBLISHED_DENSE.get(layer.name, layer.name)).set_weights(layer.get_weights())


def _divide_by_deviation(base: keras.Model) -> None:
    """Lets an EfficientNet normalise as Keras does where it downloads the same weights itself.

    They were trained on images divided by the root of the deviation once more, for which Keras puts a layer
    there if weights = "imagenet" (tensorflow issue 49930); here its normalisation's variance says so.
    """
    (normalization,) = (layer for layer in base.layers if isinstance(layer, layers.Normalization))
    variance = normalization.adapt_variance
    variance.assign(keras.ops.multiply(variance, keras.ops.convert_to_tensor(IMAGENET_STD, variance.dtype)))
    normalization.finalize_state()
