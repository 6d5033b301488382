"""Parameters and depths of networks, from their builders. Networks are built without values."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from leukcnn import spec
from leukcnn.backend import load_keras
from leukcnn.models import arguments_of, build
from leukcnn.spec.names import APPLICATIONS

BYTES_OF_A_PARAMETER = 4


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
    with unfilled():
        return _size(network_of(model, image_size=setup.preprocessing.image_size, classes=len(paper.classes)))


def size_of_application(name: str) -> NetworkSize:
    """Returns the size of a network of `keras.applications` as published, with its 1000 classes."""
    load_keras()
    import keras

    from leukcnn.models.unfilled import unfilled

    with unfilled():
        return _size(getattr(keras.applications, name)(weights=None))


def size_of_builder(name: str) -> NetworkSize:
    """Returns the size of a network of `leukcnn.models` with its builder's own arguments."""
    load_keras()
    from leukcnn.models.unfilled import unfilled

    with unfilled():
        return _size(build(name))


def application_of(text: Any) -> str:
    """Returns the network of `keras.applications` that a text names, such as "VGG-16"; "" if none does."""
    plain = "".join(filter(str.isalnum, str(text))).casefold()
    return next((name for name in APPLICATIONS if name.casefold() == plain), "")


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
    return NetworkSize(network.count_params(), trainable, _depth(network), counts)


def _depth(network: Any) -> int:
    """Returns the number of layers on the longest path of a network."""
    depths: dict[int, int] = {}
    producer: dict[int, int] = {}
    for layer in network.layers:
        tensors = layer.input if isinstance(layer.input, list | tuple) else [layer.input]
        read = [producer[id(tensor)] for tensor in tensors if id(tensor) in producer]
        depths[id(layer)] = 1 + max((depths[source] for source in read), default=0)
        output = layer.output[0] if isinstance(layer.output, list | tuple) else layer.output
        producer[id(output)] = id(layer)
    return max(depths.values(), default=0)
