"""AlexNet, CaffeNet and VGG-f: the networks whose deep features Vogado et al. (2018) give to an SVM.

Krizhevsky et al. 2012, its variant that Caffe's authors trained, and CNN-F of Chatfield et al. 2014: five
convolutions, "conv1" to "conv5", and three dense layers, named as in Caffe. Vogado et al.: Engineering
Applications of Artificial Intelligence 72, 415-422.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
from keras import layers

from leukcnn.errors import ArgumentError, WeightsError
from leukcnn.models.heads import check_head, pooled, source_inputs
from leukcnn.models.layers import LocalResponseNormalization, MeanSubtraction
from leukcnn.models.matconvnet import load_matconvnet
from leukcnn.models.weights import load_whole

WEIGHTS_URL = "https://www.vlfeat.org/matconvnet/models/"
"""Where MatConvNet's authors publish the trained networks, imported from Caffe."""

# Side in pixels of the smallest picture of which the last pooling leaves anything.
_SMALLEST_SIDE = 39

_ARGUMENTS = """

    Dropout stands behind the dense layers "fc6" and "fc7", whose outputs, 4096 each, are the deep features;
    the classifier, fc8 in Caffe, is "predictions".

    Args:
        include_top: Whether the dense layers follow; False gives the last feature maps, pooled as `pooling`
            says.
        weights: None (random) or the path of a file: `{file}` as MatConvNet publishes it, or weights of this
            whole network that Keras saved (`.weights.h5`, `.h5`, `.keras`). Without the top, the `.mat`
            file's dense layers are left out.
        input_tensor: Keras tensor to use as the input instead of a new one.
        input_shape: Height, width (at least 39 each) and 3 channels. Published weights of the dense layers
            fit {side}x{side} only.
        pooling: None, "avg" or "max"; only without the top.
        classes: Number of outputs.
        classifier_activation: Activation of the last layer; None for logits.
        dropout_rate: Share of each dense layer's outputs that is dropped in training; 0 puts no dropout
            there.
        kernel_initializer: Keras initializer of every kernel.
        name: Name of the model.

    Returns:
        A `keras.Model` that takes float32 (N, height, width, 3), RGB, 0..255, from which it subtracts the
        mean of ImageNet's pictures itself, and returns float32 (N, classes), probabilities under softmax.

    Raises:
        ArgumentError: An argument is out of range.
        WeightsError: The file isn't there or holds another network's weights.
    """


class _Variant(NamedTuple):
    """What parts one of the three networks from the others."""

    name: str
    model_name: str
    summary: str
    filters: tuple[int, int, int, int, int]
    groups: int
    pools_first: bool
    normalization: dict[str, float]
    side: int
    file: str


def _builder(variant: _Variant) -> Callable[..., keras.Model]:
    """Makes the builder of one of the three networks, which differ in their first five blocks."""

    def builder(
        *,
        include_top: bool = True,
        weights: str | Path | None = None,
        input_tensor: Any = None,
        input_shape: tuple[int, int, int] = (variant.side, variant.side, 3),
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: str | None = "softmax",
        dropout_rate: float = 0.5,
        kernel_initializer: str = "glorot_uniform",
        name: str = variant.model_name,
    ) -> keras.Model:
        check_head(classes=classes, classifier_activation=classifier_activation, dropout_rates=[dropout_rate])
        inputs = _checked_input(input_tensor, input_shape)

        def convolution(x, i, kernel_size, *, strides=1, padding="same", groups=1):
            return layers.Conv2D(
                variant.filters[i - 1],
                kernel_size,
                strides=strides,
                padding=padding,
                groups=groups,
                activation="relu",
                kernel_initializer=kernel_initializer,
                name=f"conv{i}",
            )(x)

        def narrowed(x, i):
            normalize = LocalResponseNormalization(5, beta=0.75, name=f"norm{i}", **variant.normalization)
            return normalize(_pool(x, i)) if variant.pools_first else _pool(normalize(x), i)

        x = MeanSubtraction(name="mean")(inputs)
        x = narrowed(convolution(x, 1, 11, strides=4, padding="valid"), 1)
        x = narrowed(convolution(x, 2, 5, groups=variant.groups), 2)
        x = convolution(x, 3, 3)
        x = convolution(x, 4, 3, groups=variant.groups)
        x = _pool(convolution(x, 5, 3, groups=variant.groups), 5)

        if include_top:
            x = layers.Flatten(name="flatten")(x)
            for i in (6, 7):
                x = layers.Dense(
                    4096, activation="relu", kernel_initializer=kernel_initializer, name=f"fc{i}"
                )(x)
                if dropout_rate:
                    x = layers.Dropout(dropout_rate, name=f"drop{i}")(x)
            # Under mixed precision a half-precision softmax would round the probabilities away.
            x = layers.Dense(
                classes,
                activation=classifier_activation,
                kernel_initializer=kernel_initializer,
                name="predictions",
                dtype="float32",
            )(x)
        else:
            x = pooled(x, pooling)
        model = keras.Model(source_inputs(inputs), x, name=name)
        if weights is not None:
            _load(model, weights, function_name=variant.name, file=variant.file)
        return model

    builder.__name__ = builder.__qualname__ = variant.name
    builder.__doc__ = variant.summary + _ARGUMENTS.format(file=variant.file, side=variant.side)
    return builder


def _pool(x: Any, i: int) -> Any:
    """Appends Caffe's max pooling 3x3 with stride 2, which covers every row and column of the maps."""
    # As in MatConvNet, a row or column of zeros behind them does that; there is nothing below zero here.
    lacking = tuple((0, 1 - size % 2) for size in x.shape[1:3])
    if lacking != ((0, 0), (0, 0)):
        x = layers.ZeroPadding2D(lacking, name=f"pool{i}_pad")(x)
    return layers.MaxPooling2D(3, strides=2, name=f"pool{i}")(x)


def _checked_input(input_tensor: Any, input_shape: tuple[int, int, int]) -> Any:
    shape = tuple(input_shape if input_tensor is None else input_tensor.shape[1:])
    if len(shape) != 3 or None in shape or min(shape[:2]) < _SMALLEST_SIDE or shape[2] != 3:
        raise ArgumentError(
            f"input_shape = {shape}.",
            expected=f"(height, width, 3) with at least {_SMALLEST_SIDE} pixels each way",
            remedy="take larger pictures, of a fixed size and channels last",
        )
    return keras.Input(shape) if input_tensor is None else input_tensor


def _load(model: keras.Model, weights: str | Path, *, function_name: str, file: str) -> None:
    suffix = Path(weights).suffix
    if suffix == ".mat":
        load_matconvnet(model, weights)
    elif suffix in (".h5", ".keras"):
        load_whole(model, weights)
    else:
        raise WeightsError(
            f"weights = {str(weights)!r} for {function_name}.",
            expected=f"None or the path of a file: {file}, or .weights.h5 or .keras as Keras saved it",
            remedy=f"download {WEIGHTS_URL}{file} and pass its path",
        )


AlexNet = _builder(
    _Variant(
        name="AlexNet",
        filters=(96, 256, 384, 384, 256),
        groups=2,
        pools_first=False,
        normalization={"bias": 1, "alpha": 2e-5},
        side=227,
        file="imagenet-caffe-alex.mat",
        model_name="alexnet",
        summary="""AlexNet as Caffe has it: 60,965,224 parameters at 227x227 pixels and 1000 classes.

    The convolutions 2, 4 and 5 see half of the maps each, in two groups; responses are normalised before
    they are pooled.""",
    )
)

CaffeNet = _builder(
    _Variant(
        name="CaffeNet",
        filters=(96, 256, 384, 384, 256),
        groups=2,
        pools_first=True,
        normalization={"bias": 1, "alpha": 2e-5},
        side=227,
        file="imagenet-caffe-ref.mat",
        model_name="caffenet",
        summary="""CaffeNet, Caffe's reference network: 60,965,224 parameters at 227x227 pixels, 1000 classes.

    It is AlexNet whose responses are pooled before they are normalised.""",
    )
)

VGGF = _builder(
    _Variant(
        name="VGGF",
        filters=(64, 256, 256, 256, 256),
        groups=1,
        pools_first=False,
        normalization={"bias": 2, "alpha": 1e-4},
        side=224,
        file="imagenet-vgg-f.mat",
        model_name="vgg_f",
        summary="""VGG-f, the fast network (CNN-F) of Chatfield et al. 2014, Table 1: 60,834,536 parameters.

    That is at 224x224 pixels and 1000 classes. Its convolutions have no groups.""",
    )
)
