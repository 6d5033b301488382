"""Reads a network's layers off the model, as boxes of `leukcnn.rendering.topology` and as lines of a table.

Nothing here imports Keras: a model is whatever has `layers`, each with `name`, `input`, `output` and
`get_config()`.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from leukcnn.errors import ArgumentError
from leukcnn.rendering.topology import Box

_ACTIVATION_NAMES = {"relu": "ReLU", "elu": "ELU"}

# Keras' name of a layer's class -> how a box calls it, and the layer type that a figure shows it as.
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
    """Returns the layers behind the last of feature maps (batch, rows, columns, channels), a box each."""
    ranks = [len(_output(layer).shape) for layer in model.layers]
    start = max((i + 1 for i, rank in enumerate(ranks) if rank == 4), default=0)
    if start == len(ranks):
        raise ArgumentError(
            f"No layer stands behind {model.layers[-1].name!r}.",
            expected="a model with top layers",
            remedy="build it with include_top=True",
        )
    return [(*_text_and_kind([layer]), []) for layer in model.layers[start:]]


def all_layers(model: Any) -> list[Box]:
    """Returns every layer of a network along its longest path, with the shortcuts beside that path.

    Batch normalisation and activation in layers of their own share the box of the layer before them.

    Raises:
        ArgumentError: The network isn't one path with shortcuts, as where branches branch again.
    """
    sources, lengths = _sources(model), []
    for read in sources:
        lengths.append(1 + max((lengths[i] for i in read), default=0))
    path = [len(sources) - 1]
    while read := sources[path[0]]:
        path.insert(0, max(read, key=lengths.__getitem__))
    groups = _joined(model, path, sources)
    box_of = {i: position for position, group in enumerate(groups) for i in group}
    drawn, boxes = list(path), []
    for position, group in enumerate(groups):
        others, shortcuts = list(sources[group[0]]), []
        if position:
            others.remove(groups[position - 1][-1])
        for source in others:
            chain: list[int] = []
            while source not in box_of and len(sources[source]) == 1:
                chain.insert(0, source)
                (source,) = sources[source]
            drawn += chain
            through = [_of(model, part) for part in _joined(model, chain, sources)]
            text = "\n".join(text for text, _ in through)
            shortcuts.append((box_of.get(source), text, through[0][1] if through else ""))
        boxes.append((*_of(model, group), shortcuts))
    # What a branch of a branch reads is never reached.
    if sorted(drawn) != list(range(len(model.layers))):
        raise ArgumentError(
            f"The layers of {model.name} are more than one path with shortcuts.",
            expected="a network whose branches don't branch again, with one output",
            remedy="draw its top layers",
        )
    return boxes


def _sources(model: Any) -> list[list[int]]:
    """Returns for each layer the positions of the layers that it reads, all of which stand before it."""
    giver, sources = {}, []
    for i, layer in enumerate(model.layers):
        tensors = layer.input if isinstance(layer.input, list | tuple) else [layer.input]
        sources.append([giver[id(tensor)] for tensor in tensors if id(tensor) in giver])
        giver[id(_output(layer))] = i
    return sources


def _joined(model: Any, chain: Sequence[int], sources: Sequence[Sequence[int]]) -> list[list[int]]:
    """Returns the positions of a chain of layers in groups that share a box."""
    readers = Counter(source for read in sources for source in read)
    names, groups = [_class_name(layer) for layer in model.layers], []
    for i in chain:
        above = groups[-1][-1] if groups else None
        joins = groups and names[i] in _JOINED_TO_THE_LAYER_ABOVE and names[above] != "InputLayer"
        # What a shortcut reads, too, must be the end of a box.
        if joins and readers[above] == 1:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups


def _of(model: Any, group: Sequence[int]) -> tuple[str, str]:
    return _text_and_kind([model.layers[i] for i in group])


def _text_and_kind(layers: Sequence[Any]) -> tuple[str, str]:
    """Returns layers that share a box in words, the shape that they give in the last line, and their type."""
    first, *others = layers
    lines = [describe_layer(first)]
    if others:
        lines.append(", ".join(map(describe_layer, others)).replace("Batch", "batch"))
    lines.append(_product(_output(layers[-1]).shape[1:]))
    return "\n".join(lines), _KINDS.get(_class_name(first), ("", ""))[1]


def describe_layer(layer: Any) -> str:
    """Returns a layer in words: kind, size or rate, stride where unusual, activation unless linear.

    Such as "Conv2D 64, 11 × 11, stride 4", "Max pooling 2 × 2" and "Dense 512, ReLU".
    """
    kind, config = _class_name(layer), layer.get_config()
    name, _ = _KINDS.get(kind, (kind, ""))
    amounts = [f"{config[key]:g}" for key in ("units", "filters", "rate") if config.get(key) is not None]
    sizes = [_product(config[key]) for key in ("kernel_size", "pool_size") if config.get(key) is not None]
    parts = [" ".join([name, *amounts]), *sizes] if amounts else [" ".join([name, *sizes])]
    usual = config.get("pool_size", (1, 1))
    strides = config.get("strides") or usual
    if tuple(strides) != tuple(usual):
        parts.append(f"stride {strides[0]}" if len(set(strides)) == 1 else f"stride {_product(strides)}")
    activation = config.get("activation")
    if isinstance(activation, str) and activation != "linear":
        parts.append(_ACTIVATION_NAMES.get(activation, activation))
    return parts[-1] if kind == "Activation" else ", ".join(parts)


def network_summary(model: Any) -> dict[str, Any]:
    """Returns a network's layers and parameters as Keras' own summary lists them, as plain JSON values.

    A network within the network is one line; input layers are left out, as in the summary of a Sequential.

    Returns:
        "layers": a line a layer, its name and type ("dense (Dense)"), output shape ("(None, 4)") and number
        of parameters; "trainable" and "frozen": numbers of parameters of the whole network.
    """
    lines = [
        [f"{layer.name} ({_class_name(layer)})", str(tuple(_output(layer).shape)), layer.count_params()]
        for layer in model.layers
        if _class_name(layer) != "InputLayer"
    ]
    parts = {"trainable": model.trainable_weights, "frozen": model.non_trainable_weights}
    counts = {name: sum(math.prod(one.shape) for one in weights) for name, weights in parts.items()}
    return {"layers": lines, **counts}


def _product(numbers: Sequence[int | None]) -> str:
    return " × ".join("any" if n is None else str(n) for n in numbers)


def _class_name(layer: Any) -> str:
    return layer.__class__.__name__


def _output(layer: Any) -> Any:
    # An input layer's output may be a list of one tensor.
    return layer.output[0] if isinstance(layer.output, list | tuple) else layer.output
