"""Parameters and depths of networks, from their builders. Networks are built without values."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from leukcnn import spec
from leukcnn.backend import load_keras
from leukcnn.models import arguments_of, build
from leukcnn.outputs.network_layers import topological_depth
from leukcnn.spec.names import APPLICATIONS, BUILDERS

BYTES_OF_A_PARAMETER = 4

# Sizes of leukcnn's own networks, by all that they depend on: several claims need the same ones.
_known: dict[str, "NetworkSize"] = {}


@dataclass(frozen=True)
class NetworkSize:
    """The size of a network.

    Attributes:
        parameters: Number of parameters.
        trainable: Number of trainable parameters; those of frozen layers aren't.
        depth: Number of layers on the longest path, with activations and the input.
        layers: Name and number of parameters of each layer but the input, in Keras' order.
    """

    parameters: int
    trainable: int
    depth: int
    layers: tuple[tuple[str, int], ...]


def size_of_row(paper: spec.Paper, row: str) -> NetworkSize:
    """Returns the size of a row's network, in the paper's own setting."""
    load_keras()
    from leukcnn.models.unfilled import unfilled, without_sampling
    from leukcnn.training import network_of

    setup = paper.setup(row)
    model = without_sampling(setup.model)
    if "weights" in arguments_of(model.name).names:
        model = replace(model, arguments={**model.arguments, "weights": None})
    image_size, classes = setup.preprocessing.image_size, len(paper.classes)
    key = repr((model, image_size, classes))
    if key not in _known:
        with unfilled():
            size = _size(network_of(model, image_size=image_size, classes=classes))
        # A builder of the user's own may change while a notebook runs.
        if model.name not in BUILDERS:
            return size
        _known[key] = size
    return _known[key]


def size_of_builder(name: str) -> NetworkSize:
    """Returns the size of a network with its builder's own arguments, and without weights.

    Args:
        name: A builder of `leukcnn.models`, or a network of `keras.applications` (with its 1000 classes).
    """
    load_keras()
    import keras

    from leukcnn.models.unfilled import unfilled

    with unfilled():
        return _size(getattr(keras.applications, name)(weights=None) if name in APPLICATIONS else build(name))


def rows_with_network(paper: spec.Paper) -> Iterator[str]:
    """Yields the ids of the rows that train a network."""
    for row in paper.rows:
        if row.setup.features is None:
            yield row.id


def _size(network: Any) -> NetworkSize:
    counts = tuple(
        (layer.name, layer.count_params())
        for layer in network.layers
        if layer.__class__.__name__ != "InputLayer"
    )
    trainable = sum(math.prod(variable.shape) for variable in network.trainable_weights)
    return NetworkSize(network.count_params(), trainable, topological_depth(network), counts)
