"""Networks trained on ImageNet and fine-tuned to images of blood, as in the Alert Net and LeukNet papers.

Shallow fine-tuning (SFT) trains only the layers after the frozen convolutional base, deep fine-tuning (DFT)
trains all layers. The modified modes (mSFT, mDFT) first replace the dense layers by smaller ones.

Reference: Vogado et al. 2020, "LeukNet".
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
from leukcnn.models.heads import check_counts, check_head, check_momentum, dense_head, pooled, shape_of
from leukcnn.models.inputs import zero_to_one
from leukcnn.models.published import is_published
from leukcnn.models.pytorch_weights import SUFFIXES, load_pytorch
from leukcnn.models.regnet_designs import DESIGNS, IMAGENET_STD
from leukcnn.models.weights import load_whole, misfit, stored_parameters

FROZEN = ("base", "weights", "first_half")
"""What shallow fine-tuning freezes, see `FineTuned`."""

# Names of the VGGs' dense layers: in Keras Applications -> here.
_PUBLISHED_DENSE = {"fc1": "dense_1", "fc2": "dense_2"}
# Input and number of classes that the published dense layers were trained for.
_PUBLISHED_INPUT = (224, 224, 3)
_PUBLISHED_CLASSES = 1000


def preprocess_input(images: Any) -> Any:
    """Converts images to the input of `FineTuned`: 0..255 becomes 0..1.

    A network built with `include_preprocessing=True` then converts 0..1 to the input that its backbone's
    ImageNet weights were trained on. Otherwise the backbone gets 0..1, as in the papers of Alert Net and
    LeukNet.

    Args:
        images: (height, width, 3) or (N, height, width, 3), 0..255: a NumPy array, uint8 or of
            any other real dtype, or a tensor of Keras' backend.

    Returns:
        float32 of the same shape, 0..1; a NumPy array for an array, a tensor for a tensor.

    Raises:
        ArgumentError: The array is neither an image nor a batch of images.
    """
    return zero_to_one(images)


def FineTuned(
    include_top: bool = True,
    weights: str | Path | None = "imagenet",
    input_tensor: keras.KerasTensor | None = None,
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
    include_preprocessing: bool = False,
    frozen: str = "base",
    batch_norm_momentum: float | None = None,
) -> keras.Model:
    """Instantiates a network of Keras Applications, or a RegNet, for fine-tuning with a new top.

    The first layer after the base is "flatten" for the VGGs, and "gap" (global average pooling) for the
    other networks. SFT and mSFT freeze the layers of the base, or a part of them, see `frozen`.

    Reference: Vogado et al. 2020, "LeukNet"; Claro et al. 2020 (Alert Net), Tables V and VI.

    Args:
        include_top: Whether to include the dense layers. If False, the network returns the feature maps of
            the base, pooled according to `pooling`.
        weights: None (random initialization), "imagenet" or the path of a file.
            "imagenet" loads the base. In the modes SFT and DFT it also loads the dense layers of a VGG if
            they are kept; the input must then be 224x224 pixels.
            A file is `.weights.h5`, `.h5` as published by Keras, or `.keras`. Its number of parameters
            decides what it is loaded into: the base (the top is then random) or this whole network. Where
            "imagenet" would load dense layers, the file may also hold the whole published network; all of
            its weights except those of the classifier are then copied.
            RegNets are published by their authors and never downloaded: pass the path of PyTorch's file (its
            classifier is ignored) or of a file that `leukcnn.models.pytorch_weights.convert_pytorch` wrote.
        input_tensor: Optional Keras tensor (an output of `keras.Input`) to use as the image input.
        input_shape: (height, width, 3), height and width at least 32 (Xception 71, the Inceptions 75). With
            "imagenet", the NASNets need exactly 224 (mobile) or 331 (large).
        pooling: Global pooling of the feature maps if `include_top` is False: None, "avg" or "max".
        classes: Number of outputs: one per class, or 1 for the second of two classes.
        classifier_activation: Activation of the classifier. "auto" is a sigmoid for one output and a softmax
            for more; None returns the logits.
        name: Name of the model; None combines backbone and mode, e.g. "resnet50_sft".
        backbone: Name of a network in `keras.applications`, or of a RegNet in its authors' zoo:
            "RegNetX-200MF" ... "RegNetX-32GF", "RegNetY-200MF" ... (`leukcnn.models.backbones.BACKBONES`).
        mode: "SFT", "DFT", "mSFT" or "mDFT".
        dense_units: Units of each dense layer before the classifier. None depends on the mode: for SFT and
            DFT those of the backbone, (4096, 4096) for the VGGs and none for the others; for mSFT and mDFT
            (1024, 256) for the VGGs, (128,) for Xception and (1024,) for the others.
        dropout_rates: Fraction of each dense layer's outputs to drop in training, one rate per layer. A rate
            of 0 gives no dropout layer; None is 0 for all.
        kernel_initializer: Keras initializer of every kernel that isn't loaded; or "pytorch", see
            `leukcnn.models.heads.initial`.
        include_preprocessing: Whether the network itself converts images of 0..1 to the input that the
            backbone's ImageNet weights were trained on, e.g. BGR of 0..255 minus ImageNet's mean for the VGGs
            and ResNet50, -1..1 for InceptionV3 and Xception, and 0..1 standardised by ImageNet's mean and
            standard deviation for DenseNets and RegNets; see `Backbone.input_format`. The conversion has no
            parameters. If False, the backbone gets the images unchanged, as in the papers of Alert Net and
            LeukNet.
        frozen: What SFT and mSFT freeze. "base": all layers of the base, including their batch statistics.
            "weights": all weights of the base, while batch normalisation uses the statistics of each batch in
            training and the loaded ones in prediction, as Keras did on TensorFlow 1. "first_half": the first
            half of the base's layers that have weights, including their batch statistics.
        batch_norm_momentum: Momentum of the moving averages in the base's batch normalisation; None keeps
            the network's own, such as 0.99 in Keras' ResNet50. PyTorch's default is 0.9 (there called 0.1).

    Returns:
        A `keras.Model` that takes float32 (N, height, width, 3), 0..1, and returns float32 (N, classes),
        probabilities under sigmoid or softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: Weights can't be found, downloaded or loaded.
    """
    if backbone not in BACKBONES:
        raise ArgumentError(
            f"backbone = {backbone!r}.",
            expected=", ".join(BACKBONES),
            remedy=did_you_mean(backbone, BACKBONES),
        )
    if mode not in MODES:
        raise ArgumentError(
            f"mode = {mode!r}.", expected=", ".join(MODES), remedy=did_you_mean(str(mode), MODES)
        )
    if frozen not in FROZEN:
        raise ArgumentError(
            f"frozen = {frozen!r:.80}.", expected=", ".join(FROZEN), remedy=did_you_mean(str(frozen), FROZEN)
        )
    if batch_norm_momentum is not None:
        check_momentum(batch_norm_momentum)
    known = BACKBONES[backbone]
    if dense_units is None:
        dense_units = known.own_dense if mode in ("SFT", "DFT") else known.new_dense
    check_counts("dense_units", dense_units)
    if dropout_rates is None:
        dropout_rates = [0] * len(dense_units)
    if not isinstance(dropout_rates, Sequence) or len(dropout_rates) != len(dense_units):
        raise ArgumentError(
            f"dropout_rates = {dropout_rates!r:.80} for dense_units = {tuple(dense_units)}.",
            expected="one rate for each dense layer",
        )
    if classifier_activation == "auto":
        classifier_activation = "sigmoid" if classes == 1 else "softmax"
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=dropout_rates)

    shape = shape_of(input_tensor, input_shape, min_size=BACKBONES[backbone].min_size, channels=3)
    takes_published = include_top and keeps_published_top(backbone, mode, dense_units)
    if takes_published and weights == "imagenet" and shape != _PUBLISHED_INPUT:
        raise ArgumentError(
            f"input_shape = {shape} for {backbone} with its published dense layers.",
            expected=f"{_PUBLISHED_INPUT}, for which they were trained",
            remedy="resize to 224 pixels, use mSFT or mDFT, which replace those layers, or weights=None",
        )
    base = base_network(
        backbone,
        weights="imagenet" if weights == "imagenet" and not takes_published else None,
        input_tensor=input_tensor,
        input_shape=input_shape,
        kernel_initializer=kernel_initializer,
        include_preprocessing=include_preprocessing,
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
    if batch_norm_momentum is not None:
        for layer in base.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.momentum = batch_norm_momentum
    if mode in ("SFT", "mSFT"):
        _freeze(base, frozen)
    return model


def _freeze(base: keras.Model, frozen: str) -> None:
    with_weights = [layer for layer in base.layers if layer.weights]
    later = with_weights[len(with_weights) // 2 :] if frozen == "first_half" else []
    for layer in base.layers:
        if frozen == "weights" and isinstance(layer, layers.BatchNormalization):
            # A layer that isn't trainable would use the loaded statistics in training too.
            for weight in layer.weights:
                weight.trainable = False
            layer.momentum = 1.0
        else:
            layer.trainable = layer in later


def _load_file(
    path: str | Path, *, model: keras.Model, base: keras.Model, backbone: str, takes_published: bool
) -> None:
    if backbone in DESIGNS and Path(path).suffix in SUFFIXES:
        load_pytorch(base, path)
        return
    stored = stored_parameters(path)
    fitting = {f"{backbone}'s base": base.count_params(), f"the whole {model.name}": model.count_params()}
    if takes_published and model.input_shape[1:] == _PUBLISHED_INPUT:
        classifier = model.get_layer("predictions")
        published_classifier = (classifier.kernel.shape[0] + 1) * _PUBLISHED_CLASSES
        fitting[f"{backbone} with its own top"] = (
            model.count_params() - classifier.count_params() + published_classifier
        )
    if stored not in fitting.values():
        raise misfit(path, stored, fitting)
    if stored == base.count_params():
        load_whole(base, path)
        if backbone.startswith("EfficientNetB") and is_published(path):
            _divide_by_std(base)
    elif stored == model.count_params():
        load_whole(model, path)
    else:
        published = application(backbone, weights=None)
        load_whole(published, path)
        _copy_published(published, model)


def _copy_published(published: keras.Model, model: keras.Model) -> None:
    for layer in published.layers:
        if layer.weights and layer.name != "predictions":
            model.get_layer(_PUBLISHED_DENSE.get(layer.name, layer.name)).set_weights(layer.get_weights())


def _divide_by_std(base: keras.Model) -> None:
    """Corrects the normalisation of an EfficientNet for its published weights, as Keras does for "imagenet".

    The weights were trained on images that were also divided by the square root of the standard deviation.
    Keras adds a layer for this division if weights="imagenet" (tensorflow issue 49930). Here the variance of
    the normalisation is multiplied by the standard deviation instead.
    """
    (normalization,) = (layer for layer in base.layers if isinstance(layer, layers.Normalization))
    variance = normalization.adapt_variance
    variance.assign(keras.ops.multiply(variance, keras.ops.convert_to_tensor(IMAGENET_STD, variance.dtype)))
    normalization.finalize_state()
