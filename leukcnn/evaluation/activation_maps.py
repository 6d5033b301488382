"""Activation maps: where a network's feature maps are active, and where they raise a class's score.

`mean_activation` computes the first map, `grad_cam` the second (Selvaraju et al., "Grad-CAM: Visual
Explanations from Deep Networks via Gradient-Based Localization", ICCV 2017). Both maps have the resolution of
the feature maps.
"""

import keras
import numpy as np
from keras import layers
from numpy.typing import ArrayLike

from leukcnn.distribution import gradient
from leukcnn.errors import ArgumentError
from leukcnn.models.bases import functional, split_at

_CONVOLUTIONS = (layers.Conv2D, layers.SeparableConv2D, layers.DepthwiseConv2D)
_SMALLEST_MAP = 4
_ELEMENTWISE = (layers.BatchNormalization, layers.Activation, layers.ReLU)


def last_convolution(model: keras.Model) -> str:
    """Returns the name of the layer with the final feature maps of the last convolution.

    If batch normalisation and activation layers follow the convolution, it is the last of these layers: its
    output is what the rest of the network gets. Otherwise it is the convolution itself.

    Args:
        model: A network that calls each of its layers once.

    Raises:
        ArgumentError: There is no convolution, or another path bypasses it, as in a residual block.
    """
    model = functional(model)
    at = max((i for i, layer in enumerate(model.layers) if isinstance(layer, _CONVOLUTIONS)), default=None)
    if at is None:
        raise ArgumentError(
            f"{model.name} has no convolution.",
            expected="one of " + ", ".join(kind.__name__ for kind in _CONVOLUTIONS),
            remedy="pass the network that contains them, or the name of a layer with feature maps",
        )
    last = model.layers[at]
    for layer in model.layers[at + 1 :]:
        if isinstance(layer, _ELEMENTWISE) and layer.input is last.output:
            last = layer
    if not _separates(model, last):
        others = (
            other for other in reversed(model.layers) if _gives_maps(other) and _separates(model, other)
        )
        other = next(others, None)
        raise ArgumentError(
            f"The last convolution of {model.name}, {model.layers[at].name!r}, is on one of several paths.",
            expected="a layer on all paths from the input to the output",
            remedy=f"pass layer={other.name!r}" if other else "",
        )
    return last.name


def largest_maps_layer(model: keras.Model) -> str:
    """Returns the name of the last layer whose feature maps can be looked at.

    It is the last one after a convolution, on all paths from the input to the output, whose maps have at
    least 4 x 4 points: on small images the last maps may be single points, which show nothing. If all are
    smaller, it is the last one.

    Args:
        model: A network that calls each of its layers once.

    Raises:
        ArgumentError: There is no convolution.
    """
    model = functional(model)
    at = next((i for i, layer in enumerate(model.layers) if _convolves(layer)), None)
    later = [] if at is None else model.layers[at:]
    maps = [layer for layer in later if _gives_maps(layer) and _separates(model, layer)]
    if not maps:
        raise ArgumentError(
            f"{model.name} has no convolution on all paths from its input to its output.",
            expected="a convolutional network",
        )
    large = [layer for layer in maps if min(layer.output.shape[1:3]) >= _SMALLEST_MAP]
    return (large or maps)[-1].name


def grad_cam(
    model: keras.Model, inputs: np.ndarray, *, class_index: ArrayLike, layer: str | None = None
) -> np.ndarray:
    """Computes Grad-CAM: where the feature maps raise a class's score.

    A channel's weight is the gradient of the score before the softmax, averaged over the positions. The
    weighted sum of the channels is clipped at 0 and divided by its largest value.

    Args:
        model: A network that ends in a dense layer and calls each of its layers once.
        inputs: (N, H, W, C) float, as the network takes them; all are computed in one batch.
        class_index: The class, from 0: one for all images, or (N,). A single output is the score of the
            second of two classes; its negative is the score of the first.
        layer: A layer with feature maps (N, h, w, channels) on all paths; None for `last_convolution`.

    Returns:
        float32 (N, h, w), 0..1; all 0 for an image without evidence for the class.

    Raises:
        ArgumentError: The shape of the images, the class or the layer is wrong, or the network doesn't end in
            a dense layer.
        DeviceError: The Keras backend computes no gradients.
    """
    model = functional(model)
    classifier = model.layers[-1]
    if not isinstance(classifier, layers.Dense) or len(model.outputs) > 1:
        raise ArgumentError(
            f"{model.name} ends in {classifier.name!r}, a {type(classifier).__name__}.",
            expected="one dense layer with the scores of the classes, its activation in the layer itself",
        )
    classes = _checked_classes(class_index, n_images=len(inputs), n_classes=max(2, classifier.units))
    layer = _checked_layer(model, layer)
    base, head = split_at(keras.Model(model.inputs, classifier.input, name=model.name), layer)
    maps = _computed(base, inputs)
    # The classifier's bias doesn't change the gradient. The scores can be summed: outside of training, the
    # score of an image doesn't depend on other images.
    kernels = keras.ops.transpose(classifier.kernel)
    if classifier.units == 1:
        kernels = keras.ops.concatenate([-kernels, kernels])
    chosen = keras.ops.take(kernels, classes, axis=0)
    by_maps = gradient(lambda x: keras.ops.sum(head(x, training=False) * chosen), maps)
    weights = by_maps.mean(axis=(1, 2), keepdims=True)
    return _scaled((weights * maps).sum(axis=-1))


def mean_activation(model: keras.Model, inputs: np.ndarray, *, layer: str | None = None) -> np.ndarray:
    """Averages the feature maps over their channels.

    Args:
        model: A network that calls each of its layers once.
        inputs: (N, H, W, C) float, as the network takes them; all are computed in one batch.
        layer: A layer with feature maps (N, h, w, channels); None for `last_convolution`.

    Returns:
        float32 (N, h, w), 0..1: each image's mean, clipped at 0 and divided by its largest value.

    Raises:
        ArgumentError: The shape of the images or the layer is wrong.
    """
    model = functional(model)
    base = keras.Model(model.inputs, model.get_layer(_checked_layer(model, layer)).output, name=model.name)
    return _scaled(_computed(base, inputs).mean(axis=-1))


def _convolves(layer: keras.Layer) -> bool:
    if isinstance(layer, keras.Model):
        return any(map(_convolves, layer.layers))
    return isinstance(layer, _CONVOLUTIONS)


def _gives_maps(layer: keras.Layer) -> bool:
    return not isinstance(layer, layers.InputLayer) and len(layer.output.shape) == 4


def _separates(model: keras.Model, layer: keras.Layer) -> bool:
    try:
        split_at(model, layer.name)
    except ArgumentError:
        return False
    return True


def _checked_layer(model: keras.Model, layer: str | None) -> str:
    if layer is None:
        return last_convolution(model)
    names = [other.name for other in model.layers if _gives_maps(other)]
    if layer not in names:
        raise ArgumentError(
            f"{model.name} has no layer {layer!r} with feature maps.", expected=", ".join(names)
        )
    return layer


def _checked_classes(class_index: ArrayLike, *, n_images: int, n_classes: int) -> np.ndarray:
    classes = np.asarray(class_index)
    if not np.issubdtype(classes.dtype, np.integer) or classes.shape not in [(), (n_images,)]:
        raise ArgumentError(
            f"class_index has the shape {classes.shape} and the type {classes.dtype}.",
            expected=f"an integer, or one for each of the {n_images} images",
        )
    if not ((classes >= 0) & (classes < n_classes)).all():
        raise ArgumentError(f"class_index = {classes.tolist()}.", expected=f"0 to {n_classes - 1}")
    return np.broadcast_to(classes, n_images)


def _computed(base: keras.Model, inputs: np.ndarray) -> np.ndarray:
    """Returns float32 (N, h, w, channels)."""
    shape = np.shape(inputs)
    if len(shape) != 4 or not shape[0]:
        raise ArgumentError(f"The images have the shape {shape}.", expected="(N, H, W, C), N at least 1")
    return keras.ops.convert_to_numpy(base([inputs], training=False)).astype(np.float32)


def _scaled(maps: np.ndarray) -> np.ndarray:
    positive = np.maximum(maps, 0)
    largest = positive.max(axis=(1, 2), keepdims=True)
    return np.divide(positive, largest, out=np.zeros_like(positive), where=largest > 0)
