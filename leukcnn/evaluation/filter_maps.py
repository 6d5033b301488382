"""Outputs of single convolutional filters on an image (Figure 3 of the LeukNet paper)."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from keras import layers as keras_layers

from leukcnn.errors import ArgumentError
from leukcnn.models.bases import functional

_CONVOLUTIONS = (keras_layers.Conv2D, keras_layers.SeparableConv2D, keras_layers.DepthwiseConv2D)
_POOLINGS = (
    keras_layers.MaxPooling2D,
    keras_layers.AveragePooling2D,
    keras_layers.GlobalMaxPooling2D,
    keras_layers.GlobalAveragePooling2D,
)


@dataclass(frozen=True, eq=False)
class FilterMaps:
    """Maps of single filters on one image, with one entry per layer.

    Attributes:
        layers: Names of the layers.
        filters: (n,) int64 each, numbers of the filters from 0, the most active first.
        maps: float32 (n, h, w) each, the outputs of these filters: after the layer's own activation, if it
            has one, and not scaled.
    """

    layers: tuple[str, ...]
    filters: tuple[np.ndarray, ...]
    maps: tuple[np.ndarray, ...]


def filter_maps(
    network: keras.Model, image: np.ndarray, *, layers: Sequence[str] | None = None, n_filters: int
) -> FilterMaps:
    """Computes the maps of the filters in each layer with the highest mean output on an image.

    Args:
        network: A functional or sequential network that calls each of its layers once.
        image: float32 (H, W, 3), scaled as the network takes it.
        layers: Names of layers with maps (h, w, filters); None for `last_convolutions`.
        n_filters: Number of filters of each layer, at least 1; all of a layer that has fewer. Equally active
            filters are taken in their order.

    Raises:
        ArgumentError: The image has another shape than the network takes, a layer is unknown or has no maps,
            or `n_filters` is below 1.
    """
    if n_filters < 1:
        raise ArgumentError(f"n_filters = {n_filters}.", expected="at least 1 filter")
    network = functional(network)
    names = last_convolutions(network) if layers is None else _checked_layers(network, layers)
    maps = _computed(network, names, image)
    # float32 sums depend on their order: equally active filters would differ in the last digits.
    means = [layer_maps.mean(axis=(0, 1), dtype=np.float64) for layer_maps in maps]
    filters = [np.argsort(-mean, kind="stable")[:n_filters] for mean in means]
    chosen = [
        np.moveaxis(layer_maps[..., of_layer], -1, 0)
        for layer_maps, of_layer in zip(maps, filters, strict=True)
    ]
    return FilterMaps(names, tuple(filters), tuple(chosen))


def last_convolutions(network: keras.Model) -> tuple[str, ...]:
    """Returns the names of the last convolutions before each pooling, as at the end of VGG's five blocks.

    Args:
        network: A functional or sequential network that calls each of its layers once. If it has several
            paths, "before" refers to the order of its layers.

    Raises:
        ArgumentError: There is no convolution before a pooling layer.
    """
    found, latest = [], None
    for layer in functional(network).layers:
        if isinstance(layer, _CONVOLUTIONS):
            latest = layer.name
        elif isinstance(layer, _POOLINGS) and latest is not None:
            found.append(latest)
            latest = None
    if not found:
        raise ArgumentError(
            f"{network.name} has no convolution before a pooling.",
            expected="a network with such layers of its own",
            remedy="name the layers with feature maps to show",
        )
    return tuple(found)


def _checked_layers(network: keras.Model, layers: Sequence[str]) -> tuple[str, ...]:
    known = [
        layer.name
        for layer in network.layers
        if not isinstance(layer, keras_layers.InputLayer) and len(layer.output.shape) == 4
    ]
    unknown = [name for name in layers if name not in known]
    if unknown or not layers:
        raise ArgumentError(
            f"{network.name} has no layers {unknown} with feature maps." if unknown else "No layer is named.",
            expected=f"some of {', '.join(known)}",
        )
    return tuple(layers)


def _computed(network: keras.Model, names: Sequence[str], image: np.ndarray) -> list[np.ndarray]:
    """Returns float32 (h, w, filters) for each layer."""
    expected = network.inputs[0].shape[1:]
    found = np.shape(image)
    if len(found) != len(expected) or any(e not in (None, f) for e, f in zip(expected, found, strict=True)):
        raise ArgumentError(
            f"The image has the shape {found}.", expected=f"one image of the shape {tuple(expected)}"
        )
    model = keras.Model(network.inputs, [network.get_layer(name).output for name in names])
    # A model with one output returns it without a list.
    outputs = keras.tree.flatten(model([np.asarray(image, dtype=np.float32)[None]], training=False))
    return [keras.ops.convert_to_numpy(output)[0].astype(np.float32) for output in outputs]
