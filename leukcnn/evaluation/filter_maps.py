"""What single convolutional filters give on an image (Figure 3 of the LeukNet paper)."""

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
    """Maps of single filters on one image; one entry a layer, in the order of the layers.

    Attributes:
        layers: Names of the layers.
        filters: (n,) int64 each, numbers of the filters, from 0, the most active first; fewer where a layer
            has fewer.
        maps: float32 (n, h, w) each, what these filters give, as the layer passes it on: its activation, if
            it has one, applied, nothing scaled.
    """

    layers: tuple[str, ...]
    filters: tuple[np.ndarray, ...]
    maps: tuple[np.ndarray, ...]


def filter_maps(
    network: keras.Model, image: np.ndarray, *, layers: Sequence[str] | None = None, n_filters: int
) -> FilterMaps:
    """Computes the maps of those filters of each layer that an image excites most on average.

    Args:
        network: A network, functional or sequential, each of whose layers is called once.
        image: float32 (H, W, 3), scaled as the network takes it.
        layers: Names of layers that give maps (h, w, filters); None for `last_convolutions`.
        n_filters: How many filters of each layer, at least 1. Of equally active ones the first are taken.

    Raises:
        ArgumentError: The image isn't as the network takes it, a layer is unknown or gives no maps, or
            `n_filters` is below 1.
    """
    if n_filters < 1:
        raise ArgumentError(f"n_filters = {n_filters}.", expected="at least 1 filter")
    network = functional(network)
    names = last_convolutions(network) if layers is None else _checked_layers(network, layers)
    maps = _computed(network, names, image)
    # Sums in float32 depend on their order: filters that give the same would differ in the last digits.
    means = [layer_maps.mean(axis=(0, 1), dtype=np.float64) for layer_maps in maps]
    filters = [np.argsort(-mean, kind="stable")[:n_filters] for mean in means]
    chosen = [
        np.moveaxis(layer_maps[..., of_layer], -1, 0)
        for layer_maps, of_layer in zip(maps, filters, strict=True)
    ]
    return FilterMaps(names, tuple(filters), tuple(chosen))


def last_convolutions(network: keras.Model) -> tuple[str, ...]:
    """Returns the names of the last convolutions before each pooling: those that end VGG's five blocks.

    Args:
        network: A network, functional or sequential, each of whose layers is called once. Where its paths
            part, "before" is the order of its layers.

    Raises:
        ArgumentError: No convolution comes before a pooling.
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
            expected="a network whose own layers they are",
            remedy="name the layers with feature maps that you want to see",
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
    part = keras.Model(network.inputs, [network.get_layer(name).output for name in names])
    # A model with one output gives it bare, not in a list.
    outputs = keras.tree.flatten(part([np.asarray(image, dtype=np.float32)[None]], training=False))
    return [keras.ops.convert_to_numpy(output)[0].astype(np.float32) for output in outputs]
