"""Weights published by MatConvNet: a `.mat` file with a chain of layers (a "SimpleNN").

MatConvNet's filters have the shape (height, width, channels per group, outputs), and dense layers are
convolutions over the whole feature map. The mean image is `meta.normalization.averageImage`, before beta17
`normalization.averageImage`. The first versions stored filters and biases in separate fields.
"""

import re
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from keras import layers

from leukcnn.argument_types import user_path
from leukcnn.errors import WeightsError
from leukcnn.models.foreign import clean_arrays
from leukcnn.models.layers import LocalResponseNormalization, MeanSubtraction
from leukcnn.models.weights import converted_file, save_whole

_PRETRAINED_URL = "https://www.vlfeat.org/matconvnet/pretrained/"

# Types of layers that aren't compared with the file: they have no weights and follow from the layer before.
_IGNORED = ("relu", "dropout", "softmax", "softmaxloss")
_RENAMED = {"normalize": "lrn"}


class _Stage(NamedTuple):
    """One layer in MatConvNet's terms, for comparison with a file.

    Attributes:
        name: Name of the layer in the network.
        kind: MatConvNet's type of the layer.
        shapes: Array of weights -> its shape.
        values: Property, e.g. "stride" -> its values.
    """

    name: str
    kind: str
    shapes: Mapping[str, tuple[int, ...]]
    values: Mapping[str, tuple[float, ...]]


def load_matconvnet(model: keras.Model, path: str | Path) -> None:
    """Loads the weights and the mean image of a `.mat` file into a network.

    Args:
        model: A network like those of `leukcnn.models.caffe`: a chain of mean subtraction, convolutions,
            normalisations, poolings and dense layers. It is changed in place; if an error is raised, it stays
            unchanged. If it has no dense layers, those of the file are ignored.
        path: File of the same network, as published by MatConvNet's authors.

    Raises:
        WeightsError: The file doesn't exist, can't be read or holds another network. The message lists all
            differences.
    """
    path = user_path(path)
    contents = _contents(path)
    expected = list(_stages(model))
    found = _layers(contents)
    found = [layer for layer in found if _kind(layer) not in _IGNORED]
    if "predictions" not in {layer.name for layer in model.layers}:
        found = found[: len(expected)]
    if [_kind(layer) for layer in found] != [stage.kind for stage in expected]:
        raise WeightsError(
            f"The layers in {path} are {', '.join(map(_kind, found))}.",
            expected=f"those of {model.name}: {', '.join(stage.kind for stage in expected)}",
            remedy="pass the file of the same network",
        )
    weights = [_weights(layer) for layer in found]
    mean_layer = next(layer for layer in model.layers if isinstance(layer, MeanSubtraction))
    mean = _mean(contents)
    faults = [
        fault
        for stage, layer, arrays in zip(expected, found, weights, strict=True)
        for fault in _faults(stage, layer, arrays)
    ]
    if not np.isfinite(mean).all():
        faults.append("averageImage has values that are NaN or infinite")
    image = tuple(mean_layer.input.shape[1:])
    if mean.shape not in ((3,), image):
        faults.append(f"averageImage is {mean.shape}, expected (3,) or {image}")
    if faults:
        raise WeightsError(
            f"The weights in {path} don't fit {model.name}:\n" + "\n".join(faults),
            expected=f"the weights of {model.name} at {image}",
            remedy="pass the file of the same network, and build it with the file's input_shape and classes",
        )
    for stage, arrays in zip(expected, weights, strict=True):
        if arrays:
            layer = model.get_layer(stage.name)
            # Both MatConvNet's filters and Flatten are in the order rows, columns, channels.
            layer.set_weights([np.reshape(arrays["filters"], layer.kernel.shape), np.ravel(arrays["biases"])])
    mean_layer.mean = mean


def convert_matconvnet(mat: str | Path, network: keras.Model, target: str | Path) -> None:
    """Converts a `.mat` file to a weights file of Keras, for the argument `weights` of the same builder.

    Example: `convert_matconvnet("imagenet-vgg-f.mat", VGGF(), "vgg_f.weights.h5")`.

    Args:
        mat: File as published by MatConvNet's authors.
        network: The network of the file, into which its weights and mean are loaded.
        target: A `.weights.h5` or `.keras` file; an existing one is replaced. It contains the mean too.

    Raises:
        WeightsError: The file can't be read or holds another network, or the target has another suffix.
    """
    target = converted_file(target)
    load_matconvnet(network, mat)
    save_whole(network, target)


def _contents(path: Path) -> dict[str, np.ndarray]:
    """Returns path within the file, e.g. "layers/0/weights/1" -> array."""
    expected = "a .mat file of one of MatConvNet's networks, before version 7.3 of the format"
    if not path.is_file():
        raise WeightsError(
            f"There is no weights file {path}.",
            expected=expected,
            remedy=f"download it from {_PRETRAINED_URL} and pass its path",
        )
    contents, report = clean_arrays(
        path, "copy-matlab", expected=expected, remedy=f"download it again from {_PRETRAINED_URL}"
    )
    if "variables" in report:
        raise WeightsError(
            f"The file {path} holds {report['variables']}.",
            expected="a cell array 'layers', as in MatConvNet's SimpleNN",
            remedy=f"pass a file from {_PRETRAINED_URL} whose name doesn't end in -dag",
        )
    return contents


def _layers(contents: Mapping[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """Returns for each layer its fields -> arrays; those of a cell array are "weights/0" and "weights/1"."""
    found: dict[int, dict[str, np.ndarray]] = {}
    for path, array in contents.items():
        match = re.fullmatch(r"layers/(\d+)/(.+)", path)
        if match:
            found.setdefault(int(match[1]), {})[match[2]] = array
    return [found[number] for number in sorted(found)]


def _kind(layer: Mapping[str, np.ndarray]) -> str:
    kind = str(np.ravel(layer["type"])[0]) if np.size(layer.get("type", ())) else "without a type"
    return _RENAMED.get(kind, kind)


def _weights(layer: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    names = ("filters", "biases") if "filters" in layer else ("weights/0", "weights/1")
    pairs = zip(("filters", "biases"), names, strict=True)
    # A value too large for float32 becomes infinite, and is refused as such.
    with np.errstate(over="ignore"):
        return {to: _numbers(layer[name]) for to, name in pairs if name in layer}


def _numbers(array: np.ndarray, dtype: type = np.float32) -> np.ndarray:
    return array.astype(dtype, copy=False) if array.dtype.kind in "fiub" else np.zeros(0, dtype)


def _mean(contents: Mapping[str, np.ndarray]) -> np.ndarray:
    place = "meta/normalization" if any(path.startswith("meta/") for path in contents) else "normalization"
    mean = _numbers(contents.get(f"{place}/averageImage", np.zeros(0)))
    return np.ravel(mean) if mean.size == 3 else mean


def _stages(model: keras.Model) -> Iterator[_Stage]:
    """Yields a network's layers as MatConvNet describes them."""
    map_size = (1, 1)
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            pad = [0 if layer.padding == "valid" else (size - 1) // 2 for size in layer.kernel_size]
            yield _Stage(
                layer.name,
                "conv",
                {"filters": tuple(layer.kernel.shape), "biases": (layer.filters,)},
                {"stride": layer.strides, "pad": (pad[0], pad[0], pad[1], pad[1])},
            )
        elif isinstance(layer, layers.Flatten):
            map_size = tuple(layer.input.shape[1:3])
        elif isinstance(layer, layers.Dense):
            inputs, outputs = layer.kernel.shape
            filters = (*map_size, inputs // prod(map_size), outputs)
            yield _Stage(layer.name, "conv", {"filters": filters, "biases": (outputs,)}, {"stride": (1, 1)})
            map_size = (1, 1)
        elif isinstance(layer, layers.MaxPooling2D):
            yield _Stage(layer.name, "pool", {}, {"pool": layer.pool_size, "stride": layer.strides})
        elif isinstance(layer, LocalResponseNormalization):
            param = (layer.size, layer.bias, layer.alpha, layer.beta)
            yield _Stage(layer.name, "lrn", {}, {"param": param})


def _faults(
    stage: _Stage, layer: Mapping[str, np.ndarray], arrays: Mapping[str, np.ndarray]
) -> Iterator[str]:
    for name, expected in stage.shapes.items():
        shape = arrays[name].shape if name in arrays else (0,)
        # MATLAB omits trailing dimensions of size 1, and stores a vector as a row or a column.
        full = (prod(shape),) if name == "biases" else shape + (1,) * (len(expected) - len(shape))
        if full != expected:
            yield f"{stage.name}: {name} are {shape}, expected {expected}"
        elif not np.isfinite(arrays[name]).all():
            yield f"{stage.name}: {name} have values that are NaN or infinite"
    for name, values in stage.values.items():
        if name not in layer:
            continue
        found = np.ravel(_numbers(layer[name], float))
        # A single number applies to all directions.
        if found.size not in (1, len(values)) or not np.allclose(found, values):
            yield f"{stage.name}: {name} is {found.tolist()}, expected {list(values)}"
