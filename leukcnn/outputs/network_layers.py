"""Reads a network's layers off the model, for `leukcnn.rendering.topology.draw_topology`.

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
    "Concatenate": ("Concatenate", "concatenation"),
    "Add": ("Add", "addition"),
    "Flatten": ("Flatten", "flattening"),
    "Dense": ("Dense", "dense"),
    "Dropout": ("Dropout", "dropout"),
    "BatchNormalization": ("Batch normalisation", ""),
}
_JOINED_TO_THE_LAYER_ABOVE = ("BatchNormalization", "Activation", "ReLU")


def top_layers(model: Any) -> list[Box]:
    """Returns the layers behind the last of feature maps (batch, rows, columns, channels), a box each.

    Args:
        model: A built Keras model of single-output layers.

    Returns:
        Boxes such as ("Dense 512, ReLU", "512", "dense"), from input to output.

    Raises:
        ArgumentError: There is none behind it.
    """
    ranks = [len(_output_shape(layer)) for layer in model.layers]
    start = max((i + 1 for i, rank in enumerate(ranks) if rank == 4), default=0)
    if start == len(ranks):
        raise ArgumentError(
            f"No layer stands behind {model.layers[-1].name!r}.",
            expected="a model with top layers",
            remedy="build it with include_top=True",
        )
    return [_box(model, [i]) for i in range(start, len(ranks))]


def all_layers(model: Any) -> list[Box]:
    """Returns every layer of a network along its longest path, with the shortcuts beside that path.

    Batch normalisation and activation in layers of their own share the box of the layer before them.

    Args:
        model: A built Keras model of single-output layers, each called once, with one output.

    Returns:
        Boxes from input to output.

    Raises:
        ArgumentError: The network isn't one path with shortcuts, as where branches branch again.
    """
    sources = _sources(model)
    path = _longest_path(sources)
    groups = _joined(model, path, sources)
    box_of = {i: position for position, group in enumerate(groups) for i in group}
    drawn, boxes = list(path), []
    for position, group in enumerate(groups):
        others = list(sources[group[0]])
        if position:
            others.remove(groups[position - 1][-1])
        shortcuts = []
        for source in others:
            chain: list[int] = []
            while source not in box_of and len(sources[source]) == 1:
                chain.insert(0, source)
                (source,) = sources[source]
            if source not in box_of:
                raise _not_a_path_with_shortcuts(model)
            drawn += chain
            through = tuple(_box(model, part) for part in _joined(model, chain, sources))
            shortcuts.append((box_of[source], through))
        boxes.append(_box(model, group)._replace(shortcuts=tuple(shortcuts)))
    if sorted(drawn) != list(range(len(model.layers))):
        raise _not_a_path_with_shortcuts(model)
    return boxes


def network_summary(model: Any) -> dict[str, Any]:
    """Returns a network's layers and parameters as Keras' own summary lists them, as plain JSON values.

    A network within the network is one line; input layers are left out, as in the summary of a Sequential.

    Args:
        model: A built Keras model of single-output layers.

    Returns:
        "layers": a line a layer, its name and type ("dense (Dense)"), output shape ("(None, 4)") and number
        of parameters; "trainable" and "frozen": numbers of parameters of the whole network.
    """
    lines = [
        [f"{layer.name} ({_class_name(layer)})", str(_output_shape(layer)), layer.count_params()]
        for layer in model.layers
        if _class_name(layer) != "InputLayer"
    ]
    counts = {
        name: sum(math.prod(weight.shape) for weight in weights)
        for name, weights in (
            ("trainable", model.trainable_weights),
            ("frozen", model.non_trainable_weights),
        )
    }
    return {"layers": lines, **counts}


def _sources(model: Any) -> list[list[int]]:
    """Returns for each layer the positions of the layers that it reads, all of which stand before it."""
    giver, sources = {}, []
    for i, layer in enumerate(model.layers):
        tensors = layer.input if isinstance(layer.input, list | tuple) else [layer.input]
        sources.append([giver[id(tensor)] for tensor in tensors if id(tensor) in giver])
        giver[id(_output(layer))] = i
    return sources


def _longest_path(sources: Sequence[Sequence[int]]) -> list[int]:
    lengths: list[int] = []
    for read in sources:
        lengths.append(1 + max((lengths[i] for i in read), default=0))
    path = [len(sources) - 1]
    while read := sources[path[0]]:
        path.insert(0, max(read, key=lengths.__getitem__))
    return path


def _joined(model: Any, chain: Sequence[int], sources: Sequence[Sequence[int]]) -> list[list[int]]:
    """Returns the positions of a chain of layers in groups that share a box."""
    readers = Counter(source for read in sources for source in read)
    groups: list[list[int]] = []
    for i in chain:
        above = groups[-1][-1] if groups else None
        # What a shortcut reads, too, must be the end of a box.
        if (
            above is not None
            and _class_name(model.layers[i]) in _JOINED_TO_THE_LAYER_ABOVE
            and _class_name(model.layers[above]) != "InputLayer"
            and readers[above] == 1
        ):
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups


def _not_a_path_with_shortcuts(model: Any) -> ArgumentError:
    return ArgumentError(
        f"The layers of {model.name} are more than one path with shortcuts.",
        expected="a network whose branches don't branch again, with one output",
        remedy="draw its top layers",
    )


def _box(model: Any, group: Sequence[int]) -> Box:
    first, *others = (model.layers[i] for i in group)
    lines = [describe_layer(first)]
    if others:
        lines.append(", ".join(map(describe_layer, others)).replace("Batch", "batch"))
    _, kind = _KINDS.get(_class_name(first), ("", ""))
    return Box("\n".join(lines), _shape_text(model.layers[group[-1]]), kind)


def describe_layer(layer: Any) -> str:
    """Returns a layer in words: kind, size or rate, stride where unusual, activation unless linear.

    Args:
        layer: A Keras layer.

    Returns:
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


def _product(numbers: Sequence[int | None]) -> str:
    return " × ".join("any" if n is None else str(n) for n in numbers)


def _class_name(layer: Any) -> str:
    return layer.__class__.__name__


def _output(layer: Any) -> Any:
    # An input layer's output may be a list of one tensor.
    return layer.output[0] if isinstance(layer.output, list | tuple) else layer.output


def _output_shape(layer: Any) -> tuple[int | None, ...]:
    return tuple(_output(layer).shape)


def _shape_text(layer: Any) -> str:
    return _product(_output_shape(layer)[1:])
