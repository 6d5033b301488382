"""Reads a network's top layers off the model, for `leukcnn.reporting.figures.draw_topology`.

Nothing here imports Keras: a model is whatever has `layers` with `name`, `output.shape` and `get_config()`.
"""

from typing import Any

from leukcnn.errors import ArgumentError

_KIND_NAMES = {
    "GlobalAveragePooling2D": "Global average pooling",
    "GlobalMaxPooling2D": "Global max pooling",
    "AveragePooling2D": "Average pooling",
    "MaxPooling2D": "Max pooling",
    "BatchNormalization": "Batch normalisation",
}
_ACTIVATION_NAMES = {"relu": "ReLU", "elu": "ELU"}


def top_layers(model: Any, *, after: str | None = None) -> list[tuple[str, str]]:
    """Returns the layers behind a network's convolutional base, each with its output shape.

    Args:
        model: A built Keras model of single-output layers.
        after: Name of the layer behind which to begin; None begins behind the last layer that gives feature
            maps, a tensor (batch, rows, columns, channels).

    Returns:
        Pairs such as ("Dense 512, ReLU", "512") and ("Dropout 0.5", "512"), from input to output.

    Raises:
        ArgumentError: There is no layer of that name, or none behind it.
    """
    names = [layer.name for layer in model.layers]
    if after is None:
        ranks = [len(_output_shape(layer)) for layer in model.layers]
        start = max((i + 1 for i, rank in enumerate(ranks) if rank == 4), default=0)
    elif after in names:
        start = names.index(after) + 1
    else:
        raise ArgumentError(
            f"The model has no layer {after!r}.", expected=f"one of its layers: {', '.join(names)}"
        )
    if start == len(names):
        raise ArgumentError(
            f"No layer stands behind {names[-1]!r}.",
            expected="a model with top layers",
            remedy="build it with include_top=True",
        )
    return [(describe_layer(layer), _shape_text(layer)) for layer in model.layers[start:]]


def describe_layer(layer: Any) -> str:
    """Returns a layer in words: its kind, its size or rate, and its activation where that isn't linear."""
    kind, config = layer.__class__.__name__, layer.get_config()
    words = [_KIND_NAMES.get(kind, kind)]
    for key in ("units", "filters", "rate"):
        if config.get(key) is not None:
            words.append(f"{config[key]:g}")
    for key in ("kernel_size", "pool_size"):
        if config.get(key) is not None:
            words.append(" × ".join(map(str, config[key])))
    activation = config.get("activation")
    text = " ".join(words)
    if not isinstance(activation, str) or activation == "linear":
        return text
    name = _ACTIVATION_NAMES.get(activation, activation)
    return name if kind == "Activation" else f"{text}, {name}"


def _output_shape(layer: Any) -> tuple[int | None, ...]:
    # An input layer's output is a list of one tensor.
    output = layer.output[0] if isinstance(layer.output, list | tuple) else layer.output
    return tuple(output.shape)


def _shape_text(layer: Any) -> str:
    return " × ".join("any" if n is None else str(n) for n in _output_shape(layer)[1:])
