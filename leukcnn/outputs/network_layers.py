"""Reads the layers of a Keras model, as boxes of `leukcnn.rendering.topology` or as lines of a table.

Keras isn't imported here: a model is any object that has `layers`, each with `name`, `input`, `output` and
`get_config()`.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from leukcnn.errors import ArgumentError
from leukcnn.rendering.topology import Box

_ACTIVATION_NAMES = {"relu": "ReLU", "elu": "ELU"}

# Keras class of a layer -> its name in a box, and its layer type in a figure.
_KINDS = {
    "InputLayer": ("Input", "input"),
    "Conv2D": ("Conv2D", "convolution"),
    "SeparableConv2D": ("Separable Conv2D", "separable convolution"),
    "DepthwiseConv2D": ("Depthwise Conv2D", "separable convolution"),
    "MaxPooling2D": ("Max pooling", "pooling"),
    "AveragePooling2D": ("Average pooling", "pooling"),
    "GlobalMaxPooling2D": ("Global max pooling", "pooling"),
    "GlobalAveragePooling2D": ("Global average pooling", "pooling"),
    "Concatenate": ("Concatenate", "joining"),
    "Add": ("Add", "joining"),
    "Dense": ("Dense", "dense"),
    "Dropout": ("Dropout", "dropout"),
    "BatchNormalization": ("Batch normalisation", ""),
}
_JOINED_TO_THE_LAYER_ABOVE = ("BatchNormalization", "Activation", "ReLU")


def top_layers(model: Any) -> list[Box]:
    """Returns a box for each layer after the last one with feature maps (batch, rows, columns, channels).

    Raises:
        ArgumentError: The last layer of the model gives feature maps.
    """
    ranks = [len(_output(layer).shape) for layer in model.layers]
    start = max((i + 1 for i, rank in enumerate(ranks) if rank == 4), default=0)
    if start == len(ranks):
        raise ArgumentError(
            f"The last layer, {model.layers[-1].name!r}, gives feature maps.",
            expected="a model with top layers after them",
            remedy="build it with include_top=True",
        )
    return [(*_text_and_kind([layer]), []) for layer in model.layers[start:]]


def all_layers(model: Any) -> list[Box]:
    """Returns boxes for all layers along the longest path of a network, with the shortcuts around that path.

    Separate layers of batch normalisation and activation share the box of the layer before them.

    Raises:
        ArgumentError: The network isn't a single path with shortcuts, for example because a branch has
            branches.
    """
    sources = _sources(model)
    lengths = _lengths(sources)
    path = [len(sources) - 1]
    while read := sources[path[0]]:
        path.insert(0, max(read, key=lengths.__getitem__))
    groups = _joined(model, path, sources)
    box_of = {i: position for position, group in enumerate(groups) for i in group}
    reached = list(path)
    boxes: list[Box] = []
    for position, group in enumerate(groups):
        others, shortcuts = list(sources[group[0]]), []
        if position:
            others.remove(groups[position - 1][-1])
        for source in others:
            chain: list[int] = []
            while source not in box_of and len(sources[source]) == 1:
                chain.insert(0, source)
                (source,) = sources[source]
            reached += chain
            through = [_text_of(model, joined) for joined in _joined(model, chain, sources)]
            text = "\n".join(text for text, _ in through)
            # Without a box (-1), it is a branch of a branch, which is refused below.
            shortcuts.append((box_of.get(source, -1), text, through[0][1] if through else ""))
        boxes.append((*_text_of(model, group), shortcuts))
    # Layers before a branch of a branch are never reached.
    if sorted(reached) != list(range(len(model.layers))):
        raise ArgumentError(
            f"The layers of {model.name} aren't a single path with shortcuts.",
            expected="a network with one output, whose branches have no branches",
            remedy="plot its top layers",
        )
    return boxes


def topological_depth(model: Any) -> int:
    """Returns the number of layers on the longest path from the input of a network to its output.

    The input, activations, batch normalisation and all other layers count, as in Keras' own list of networks.
    """
    return max(_lengths(_sources(model)))


def _lengths(sources: Sequence[Sequence[int]]) -> list[int]:
    """Returns for each layer the number of layers on the longest path to it, itself included."""
    lengths: list[int] = []
    for read in sources:
        lengths.append(1 + max((lengths[i] for i in read), default=0))
    return lengths


def _sources(model: Any) -> list[list[int]]:
    """Returns for each layer the positions of the layers whose output it takes, all of them before it."""
    producer: dict[int, int] = {}
    sources = []
    for i, layer in enumerate(model.layers):
        tensors = layer.input if isinstance(layer.input, list | tuple) else [layer.input]
        sources.append([producer[id(tensor)] for tensor in tensors if id(tensor) in producer])
        producer[id(_output(layer))] = i
    return sources


def _joined(model: Any, chain: Sequence[int], sources: Sequence[Sequence[int]]) -> list[list[int]]:
    """Returns the positions of a chain of layers in groups that share a box."""
    readers = Counter(source for read in sources for source in read)
    names = [_class_name(layer) for layer in model.layers]
    groups: list[list[int]] = []
    for i in chain:
        if groups and names[i] in _JOINED_TO_THE_LAYER_ABOVE:
            above = groups[-1][-1]
            # A layer where a shortcut begins must be the last of its box.
            if names[above] != "InputLayer" and readers[above] == 1:
                groups[-1].append(i)
                continue
        groups.append([i])
    return groups


def _text_of(model: Any, group: Sequence[int]) -> tuple[str, str]:
    return _text_and_kind([model.layers[i] for i in group])


def _text_and_kind(layers: Sequence[Any]) -> tuple[str, str]:
    """Returns the text of a box, whose last line is the output shape, and its layer type."""
    first, *others = layers
    lines = [describe_layer(first)]
    if others:
        lines.append(", ".join(map(describe_layer, others)).replace("Batch", "batch"))
    lines.append(_product(_output(layers[-1]).shape[1:]))
    return "\n".join(lines), _KINDS.get(_class_name(first), ("", ""))[1]


def describe_layer(layer: Any) -> str:
    """Describes a layer: its type, size or rate, stride unless it is the default, activation unless linear.

    Examples: "Conv2D 64, 11 × 11, stride 4", "Max pooling 2 × 2", "Dense 512, ReLU".
    """
    kind, config = _class_name(layer), layer.get_config()
    name, _ = _KINDS.get(kind, (kind, ""))
    amounts = [f"{config[key]:g}" for key in ("units", "filters", "rate") if config.get(key) is not None]
    sizes = [_product(config[key]) for key in ("kernel_size", "pool_size") if config.get(key) is not None]
    words = [" ".join([name, *amounts]), *sizes] if amounts else [" ".join([name, *sizes])]
    default = config.get("pool_size", (1, 1))
    strides = config.get("strides") or default
    if tuple(strides) != tuple(default):
        words.append(f"stride {strides[0]}" if len(set(strides)) == 1 else f"stride {_product(strides)}")
    activation = config.get("activation")
    if isinstance(activation, str) and activation != "linear":
        words.append(_ACTIVATION_NAMES.get(activation, activation))
    return words[-1] if kind == "Activation" else ", ".join(words)


def network_summary(model: Any) -> dict[str, Any]:
    """Returns a network's layers and parameters as in Keras' own summary, as values that JSON can hold.

    A nested network is one line. Input layers are left out, as in the summary of a Sequential model.

    Returns:
        "layers": a list for each layer of its name and type ("dense (Dense)"), output shape ("(None, 4)") and
        number of parameters. "trainable" and "frozen": numbers of parameters of the whole network.
    """
    lines = [
        [f"{layer.name} ({_class_name(layer)})", str(tuple(_output(layer).shape)), layer.count_params()]
        for layer in model.layers
        if _class_name(layer) != "InputLayer"
    ]
    weights = {"trainable": model.trainable_weights, "frozen": model.non_trainable_weights}
    counts = {name: sum(math.prod(one.shape) for one in variables) for name, variables in weights.items()}
    return {"layers": lines, **counts}


def _product(numbers: Sequence[int | None]) -> str:
    return " × ".join("any" if n is None else str(n) for n in numbers)


def _class_name(layer: Any) -> str:
    return layer.__class__.__name__


def _output(layer: Any) -> Any:
    # An input layer's output may be a list of one tensor.
    return layer.output[0] if isinstance(layer.output, list | tuple) else layer.output
