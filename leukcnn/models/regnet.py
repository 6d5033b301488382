"""RegNetX and RegNetY in all their sizes.

Reference: Radosavovic et al. 2020, "Designing Network Design Spaces".

The names of the layers follow the paper's Figure 4. In the first block of stage 2, for example, "s2_b1_a" is
the first 1x1 convolution, "s2_b1_b" the grouped 3x3 convolution, "s2_b1_c" the last 1x1 convolution and
"s2_b1_proj" the convolution of the shortcut.
"""

from pathlib import Path
from typing import Any

import keras
from keras import layers

from leukcnn.errors import ArgumentError, WeightsError
from leukcnn.fields import did_you_mean
from leukcnn.models.grouped_convolution import GroupedConv2D
from leukcnn.models.heads import check_head, checked_input, dense_head, pooled, source_inputs
from leukcnn.models.inputs import standardised
from leukcnn.models.pytorch_weights import SUFFIXES, load_pytorch
from leukcnn.models.regnet_designs import (
    DESIGNS,
    IMAGENET_MEAN,
    IMAGENET_STD,
    SQUEEZE_RATIO,
    STEM_WIDTH,
    Design,
    Stage,
    stages,
    zoo_file,
)
from leukcnn.models.weights import load_whole

MIN_SIZE = 32
"""Smallest height and width of an image, in pixels: five strides of 2 leave one pixel."""


def preprocess_input(images: Any) -> Any:
    """Converts images to the input of the published weights, standardised by ImageNet's mean and std.

    Args:
        images: RGB, (height, width, 3) or (N, height, width, 3), 0..255: a NumPy array, uint8 or of any other
            real dtype, or a tensor of Keras' backend.

    Returns:
        float32 of the same shape: scaled to 0..1, minus `IMAGENET_MEAN`, divided by `IMAGENET_STD` of
        `leukcnn.models.regnet_designs`; a NumPy array for an array, a tensor for a tensor.

    Raises:
        ArgumentError: The array is neither an image nor a batch of images.
    """
    return standardised(images, mean=IMAGENET_MEAN, std=IMAGENET_STD)


def RegNetX(
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    name: str | None = None,
    *,
    design: str = "400mf",
    kernel_initializer: str = "glorot_uniform",
) -> keras.Model:
    """Instantiates RegNetX: four stages of residual blocks with grouped convolutions.

    Reference: Radosavovic et al. 2020, section 3.3.

    Trainable parameters at 1000 classes, in millions: 200mf 2.7, 400mf 5.2, 600mf 6.2, 800mf 7.3, 1.6gf 9.2,
    3.2gf 15.3, 4.0gf 22.1, 6.4gf 26.2, 8.0gf 39.6, 12gf 46.1, 16gf 54.3, 32gf 107.8.

    Args:
        include_top: Whether to include global pooling and the classifier. If False, the network returns the
            last feature maps, pooled according to `pooling`.
        weights: None (random initialization) or the path of a file with the weights of this network, saved by
            Keras (`.weights.h5`, `.h5`, `.keras`) or by PyTorch (`.pyth`, `.pth`, `.pt`, `.bin`,
            `.safetensors`; see `leukcnn.models.pytorch_weights`). Without the top, PyTorch's classifier is
            ignored.
        input_tensor: Optional Keras tensor (an output of `keras.Input`) to use as the image input.
        input_shape: (height, width, channels), height and width at least 32. Published weights need 3
            channels.
        pooling: Global pooling of the feature maps if `include_top` is False: None, "avg" or "max".
        classes: Number of outputs, one per class.
        classifier_activation: Activation of the classifier; None returns the logits.
        name: Name of the model; None combines network and design, e.g. "regnetx-400mf".
        design: Size of the network, by the multiply-adds for an image of 224x224 pixels: "200mf", "400mf",
            "600mf", "800mf", "1.6gf", "3.2gf", "4.0gf", "6.4gf", "8.0gf", "12gf", "16gf" or "32gf".
        kernel_initializer: Keras initializer of every kernel.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, channels) and returns float32 (N, classes),
        probabilities under softmax. Published weights need the output of `preprocess_input` as input;
        `FineTuned(include_preprocessing=True)` converts images of 0..1 itself.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: The file doesn't exist or holds the weights of another network.
    """
    zoo_name = _zoo_name("RegNetX", design)
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=())
    inputs = checked_input(input_tensor, input_shape, min_size=MIN_SIZE)
    x = _feature_maps(inputs, DESIGNS[zoo_name], squeezes=False, kernel_initializer=kernel_initializer)
    if include_top:
        x = dense_head(
            layers.GlobalAveragePooling2D(name="gap")(x),
            dense_units=(),
            dropout_rates=(),
            classes=classes,
            classifier_activation=classifier_activation,
            kernel_initializer=kernel_initializer,
        )
    else:
        x = pooled(x, pooling)
    model = keras.Model(source_inputs(inputs), x, name=name or zoo_name.lower())
    if weights is not None:
        _load(model, weights, zoo_name)
    return model


def RegNetY(
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    name: str | None = None,
    *,
    design: str = "400mf",
    kernel_initializer: str = "glorot_uniform",
) -> keras.Model:
    """Instantiates RegNetY: RegNetX with squeeze-and-excitation in every block.

    Reference: Radosavovic et al. 2020.

    Trainable parameters at 1000 classes, in millions: 200mf 3.2, 400mf 4.3, 600mf 6.1, 800mf 6.3, 1.6gf 11.2,
    3.2gf 19.4, 4.0gf 20.6, 6.4gf 30.6, 8.0gf 39.2, 12gf 51.8, 16gf 83.6, 32gf 145.0.

    Args:
        include_top: Whether to include global pooling and the classifier. If False, the network returns the
            last feature maps, pooled according to `pooling`.
        weights: None (random initialization) or the path of a file with the weights of this network, saved by
            Keras (`.weights.h5`, `.h5`, `.keras`) or by PyTorch (`.pyth`, `.pth`, `.pt`, `.bin`,
            `.safetensors`; see `leukcnn.models.pytorch_weights`). Without the top, PyTorch's classifier is
            ignored.
        input_tensor: Optional Keras tensor (an output of `keras.Input`) to use as the image input.
        input_shape: (height, width, channels), height and width at least 32. Published weights need 3
            channels.
        pooling: Global pooling of the feature maps if `include_top` is False: None, "avg" or "max".
        classes: Number of outputs, one per class.
        classifier_activation: Activation of the classifier; None returns the logits.
        name: Name of the model; None combines network and design, e.g. "regnety-400mf".
        design: Size of the network, by the multiply-adds for an image of 224x224 pixels: "200mf", "400mf",
            "600mf", "800mf", "1.6gf", "3.2gf", "4.0gf", "6.4gf", "8.0gf", "12gf", "16gf" or "32gf".
        kernel_initializer: Keras initializer of every kernel.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, channels) and returns float32 (N, classes),
        probabilities under softmax. Published weights need the output of `preprocess_input` as input;
        `FineTuned(include_preprocessing=True)` converts images of 0..1 itself.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: The file doesn't exist or holds the weights of another network.
    """
    zoo_name = _zoo_name("RegNetY", design)
    check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=())
    inputs = checked_input(input_tensor, input_shape, min_size=MIN_SIZE)
    x = _feature_maps(inputs, DESIGNS[zoo_name], squeezes=True, kernel_initializer=kernel_initializer)
    if include_top:
        x = dense_head(
            layers.GlobalAveragePooling2D(name="gap")(x),
            dense_units=(),
            dropout_rates=(),
            classes=classes,
            classifier_activation=classifier_activation,
            kernel_initializer=kernel_initializer,
        )
    else:
        x = pooled(x, pooling)
    model = keras.Model(source_inputs(inputs), x, name=name or zoo_name.lower())
    if weights is not None:
        _load(model, weights, zoo_name)
    return model


def build_regnet(zoo_name: str, /, **arguments: Any) -> keras.Model:
    """Builds a network by its name in the authors' model zoo.

    Args:
        zoo_name: One of `leukcnn.models.regnet_designs.DESIGNS`, e.g. "RegNetY-400MF".
        **arguments: Arguments of `RegNetX` and `RegNetY` except `design`.
    """
    family, design = zoo_name.split("-")
    return {"RegNetX": RegNetX, "RegNetY": RegNetY}[family](design=design.lower(), **arguments)


def _zoo_name(family: str, design: str) -> str:
    name = f"{family}-{str(design).upper()}"
    if name not in DESIGNS:
        sizes = [known.partition("-")[2].lower() for known in DESIGNS if known.startswith(family)]
        raise ArgumentError(
            f"design = {design!r} for {family}.",
            expected=", ".join(sizes),
            remedy=did_you_mean(str(design).lower(), sizes),
        )
    return name


def _load(model: keras.Model, weights: str | Path, zoo_name: str) -> None:
    suffix = Path(weights).suffix
    if suffix in SUFFIXES:
        load_pytorch(model, weights)
    elif suffix in (".h5", ".keras"):
        load_whole(model, weights)
    else:
        raise WeightsError(
            f"weights = {str(weights)!r} for {zoo_name}.",
            expected=f"None or the path of a file: {', '.join(SUFFIXES)} as PyTorch saved it, .weights.h5 or "
            ".keras as Keras saved it",
            remedy=f"download {zoo_file(zoo_name)} and pass its path (--weights FILE), or weights=None "
            "(--weights none)",
        )


def _feature_maps(
    images: keras.KerasTensor, design: Design, *, squeezes: bool, kernel_initializer: str
) -> keras.KerasTensor:
    """Adds the stem and the stages, which together divide height and width by 32, rounded up."""
    x = _convolution(images, STEM_WIDTH, 3, strides=2, kernel_initializer=kernel_initializer, name="stem")
    x = layers.ReLU(name="stem_relu")(x)
    for i, stage in enumerate(stages(design), start=1):
        for block in range(1, stage.depth + 1):
            x = residual_block(
                x,
                stage=stage,
                strides=2 if block == 1 else 1,
                squeezes=squeezes,
                kernel_initializer=kernel_initializer,
                name=f"s{i}_b{block}",
            )
    return x


def residual_block(
    x: keras.KerasTensor,
    *,
    stage: Stage,
    strides: int,
    squeezes: bool,
    kernel_initializer: str = "glorot_uniform",
    name: str,
) -> keras.KerasTensor:
    """Adds a residual block: 1x1, grouped 3x3 and 1x1 convolutions with a shortcut.

    The bottleneck ratio is 1. Every convolution has batch normalisation and no bias. If the block changes the
    shape, its shortcut is a 1x1 convolution. Squeeze-and-excitation comes after the 3x3 convolution.

    Source: Radosavovic et al. 2020, Figure 4.

    Args:
        x: Keras tensor (N, rows, columns, channels).
        stage: The stage of the block, with its widths.
        strides: 2 in the first block of a stage, else 1.
        squeezes: Whether the block has squeeze-and-excitation.
        kernel_initializer: Keras initializer of every kernel.
        name: Prefix of the names of the layers.

    Returns:
        Keras tensor (N, rows / strides, columns / strides, stage.width), sizes rounded up.
    """
    channels, shortcut = x.shape[-1], x
    if strides > 1 or channels != stage.width:
        shortcut = _convolution(
            x, stage.width, 1, strides=strides, kernel_initializer=kernel_initializer, name=f"{name}_proj"
        )
    x = _convolution(x, stage.width, 1, kernel_initializer=kernel_initializer, name=f"{name}_a")
    x = layers.ReLU(name=f"{name}_a_relu")(x)
    x = _convolution(
        x,
        stage.width,
        3,
        strides=strides,
        groups=stage.width // stage.group_width,
        kernel_initializer=kernel_initializer,
        name=f"{name}_b",
    )
    x = layers.ReLU(name=f"{name}_b_relu")(x)
    if squeezes:
        reduced = round(SQUEEZE_RATIO * channels)
        gate = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_se_squeeze")(x)
        gate = layers.Conv2D(
            reduced,
            1,
            activation="relu",
            kernel_initializer=kernel_initializer,
            name=f"{name}_se_reduce",
        )(gate)
        gate = layers.Conv2D(
            stage.width,
            1,
            activation="sigmoid",
            kernel_initializer=kernel_initializer,
            name=f"{name}_se_expand",
        )(gate)
        x = layers.Multiply(name=f"{name}_se_scale")([x, gate])
    x = _convolution(x, stage.width, 1, kernel_initializer=kernel_initializer, name=f"{name}_c")
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.ReLU(name=f"{name}_relu")(x)


def _convolution(
    x: keras.KerasTensor,
    filters: int,
    kernel_size: int,
    *,
    strides: int = 1,
    groups: int = 1,
    kernel_initializer: str,
    name: str,
) -> keras.KerasTensor:
    """Adds a convolution and its batch normalisation."""
    if strides > 1 and kernel_size > 1:
        # "same" pads even sizes at the end only. The published networks were trained with padding at the
        # beginning too.
        x = layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(x)
    layer = layers.Conv2D if groups == 1 else GroupedConv2D
    x = layer(
        filters,
        kernel_size,
        strides=strides,
        padding="same" if strides == 1 else "valid",
        groups=groups,
        use_bias=False,
        kernel_initializer=kernel_initializer,
        name=name,
    )(x)
    # PyTorch's momentum of 0.1 is 0.9 in Keras.
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_bn")(x)
