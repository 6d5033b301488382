"""Weights of RegNets saved by PyTorch: a state dict in a `.pth` or a `.safetensors` file.

The names of the modules may be those of the authors' model zoo (pycls), of torchvision or of timm, which also
publishes the zoo's weights as `.safetensors`. torchvision rounds some widths in another way: its
RegNetX-400MF, RegNetY-800MF and RegNetY-8.0GF differ from the authors' networks and are refused.
"""

import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from keras import layers

from leukcnn.argument_types import user_path
from leukcnn.errors import WeightsError
from leukcnn.models.foreign import clean_arrays
from leukcnn.models.weights import converted_file, save_whole

SUFFIXES = (".pyth", ".pth", ".pt", ".bin", ".safetensors")
"""Suffixes of the files that can be read."""

# Batch normalisation's number of batches, which Keras doesn't use.
_UNUSED = "num_batches_tracked"
_BATCH_NORMALISATION = ("weight", "bias", "running_mean", "running_var")
_FAULTS_SHOWN = 10

_OTHER_NETWORK = "pass the file of the same network, and build it with the same classes, or without its top"
_OTHER_WIDTHS = (
    "; torchvision's RegNetX-400MF, RegNetY-800MF and RegNetY-8.0GF have other widths than the authors' "
    "networks: use the file of the authors' zoo (pycls)"
)


class _Naming(NamedTuple):
    """The names of the modules in a PyTorch implementation.

    Attributes:
        block: Prefix of the names of a block's modules, a template with the numbers of stage and block.
        modules: Name of a layer in `leukcnn.models.regnet`, without a prefix like "s1_b1_" -> module name.
        is_bgr: Whether the network's input is blue, green, red.
    """

    block: str
    modules: Mapping[str, str]
    is_bgr: bool = False


_NAMINGS = {
    "pycls": _Naming(
        "s{stage}.b{block}.",
        {
            **{"stem": "stem.conv", "stem_bn": "stem.bn", "predictions": "head.fc"},
            **{"proj": "proj", "proj_bn": "bn"},
            **{"a": "f.a", "a_bn": "f.a_bn", "b": "f.b", "b_bn": "f.b_bn", "c": "f.c", "c_bn": "f.c_bn"},
            **{"se_reduce": "f.se.f_ex.0", "se_expand": "f.se.f_ex.2"},
        },
        is_bgr=True,
    ),
    "torchvision": _Naming(
        "trunk_output.block{stage}.block{stage}-{before}.",
        {
            **{"stem": "stem.0", "stem_bn": "stem.1", "predictions": "fc"},
            **{"proj": "proj.0", "proj_bn": "proj.1"},
            **{"a": "f.a.0", "a_bn": "f.a.1", "b": "f.b.0", "b_bn": "f.b.1", "c": "f.c.0", "c_bn": "f.c.1"},
            **{"se_reduce": "f.se.fc1", "se_expand": "f.se.fc2"},
        },
    ),
    "timm": _Naming(
        "s{stage}.b{block}.",
        {
            **{"stem": "stem.conv", "stem_bn": "stem.bn", "predictions": "head.fc"},
            **{"proj": "downsample.conv", "proj_bn": "downsample.bn"},
            **{"a": "conv1.conv", "a_bn": "conv1.bn", "b": "conv2.conv", "b_bn": "conv2.bn"},
            **{"c": "conv3.conv", "c_bn": "conv3.bn", "se_reduce": "se.fc1", "se_expand": "se.fc2"},
        },
    ),
}


def load_pytorch(model: keras.Model, path: str | Path) -> None:
    """Loads PyTorch's weights into a RegNet.

    The zoo's networks (pycls) take blue, green, red. The channels of their first kernel are reversed, so that
    the network takes RGB.

    Args:
        model: A network of `leukcnn.models.regnet`. It is changed in place; if an error is raised, it stays
            unchanged. If it has no classifier, that of the file is ignored.
        path: A `.safetensors` file, which needs the package safetensors, or a checkpoint, which needs torch
            and is read without running code from it (`weights_only`).

    Raises:
        WeightsError: The file doesn't exist, can't be read or holds another network, or a package is missing.
            The message lists the differences.
    """
    path = user_path(path)
    state = read_state_dict(path)
    expected = {name: dict(_expected(model, naming)) for name, naming in _NAMINGS.items()}
    name = max(expected, key=lambda name: len(expected[name].keys() & state.keys()))
    naming, shapes = _NAMINGS[name], expected[name]
    if "predictions" not in {layer.name for layer in model.layers}:
        classifier = naming.modules["predictions"]
        state = {key: array for key, array in state.items() if not key.startswith(f"{classifier}.")}
    faults = list(_faults(shapes, state))
    if faults:
        more = [f"and {len(faults) - _FAULTS_SHOWN} more"] if len(faults) > _FAULTS_SHOWN else []
        raise WeightsError(
            f"The weights in {path} don't fit {model.name}:\n" + "\n".join(faults[:_FAULTS_SHOWN] + more),
            expected=f"the weights of {model.name}, named as {', '.join(_NAMINGS)} name them",
            remedy=_OTHER_NETWORK + (_OTHER_WIDTHS if name == "torchvision" else ""),
        )
    for layer in _weighted(model):
        arrays = [_as_keras(state[key]) for key in _keys(layer, naming)]
        if naming.is_bgr and layer.name == "stem":
            arrays = [kernel[:, :, ::-1] for kernel in arrays]
        layer.set_weights(arrays)


def convert_pytorch(source: str | Path, network: keras.Model, target: str | Path) -> None:
    """Converts PyTorch's weights to a weights file of Keras, for the argument `weights` of the same builder.

    Loading the converted file doesn't need torch. Example, for a base of `FineTuned`:
    `convert_pytorch("RegNetY-400MF_dds_8gpu.pyth", RegNetY(include_top=False), "regnety-400mf.weights.h5")`.

    Args:
        source: A file that `load_pytorch` can read.
        network: The network of the file, into which the weights are loaded.
        target: A `.weights.h5` or `.keras` file; an existing one is replaced.

    Raises:
        WeightsError: The file can't be read or holds another network, or the target has another suffix.
    """
    target = converted_file(target)
    load_pytorch(network, source)
    save_whole(network, target)


def read_state_dict(path: str | Path) -> dict[str, np.ndarray]:
    """Reads the arrays of a state dict.

    Args:
        path: A `.safetensors` file or a checkpoint, which may hold the state dict under the key
            "model_state", "state_dict" or "model".

    Returns:
        PyTorch's name -> float32 array, without the numbers of batches.

    Raises:
        WeightsError: The file doesn't exist or can't be read, or a package is missing.
    """
    path = user_path(path)
    if not path.is_file():
        raise WeightsError(
            f"There is no weights file {path}.",
            expected=f"a file that PyTorch saved: {', '.join(SUFFIXES)}",
            remedy="pass its path, or weights=None for random weights",
        )
    package = "safetensors" if path.suffix == ".safetensors" else "torch"
    if find_spec(package) is None:
        raise WeightsError(
            f"The package {package}, which reads {path}, isn't installed.",
            remedy=f"pip install {package} (pip install 'leukcnn[pytorch]' installs both), or convert the "
            f"file where {package} is installed: leukcnn.models.pytorch_weights.convert_pytorch",
        )
    stored, _ = clean_arrays(
        path,
        f"copy-{package}",
        expected="a state dict that PyTorch saved, or a .safetensors file",
        remedy="download it again from its publisher",
    )
    # A value too large for float32 becomes infinite, and is refused as such.
    with np.errstate(over="ignore"):
        return {
            key: array.astype(np.float32, copy=False) for key, array in stored.items() if _UNUSED not in key
        }


def _weighted(model: keras.Model) -> Iterator[layers.Layer]:
    return (layer for layer in model.layers if layer.weights)


def _keys(layer: layers.Layer, naming: _Naming) -> list[str]:
    """Returns PyTorch's names of a layer's variables, in the order of its weights."""
    match = re.fullmatch(r"s(\d)_b(\d+)_(\w+)", layer.name)
    if match:
        stage, block, name = match.groups()
        module = naming.block.format(stage=stage, block=block, before=int(block) - 1) + naming.modules[name]
    else:
        module = naming.modules[layer.name]
    if isinstance(layer, layers.BatchNormalization):
        return [f"{module}.{variable}" for variable in _BATCH_NORMALISATION]
    return [f"{module}.{variable}" for variable in ("weight", "bias")[: len(layer.weights)]]


def _expected(model: keras.Model, naming: _Naming) -> Iterator[tuple[str, tuple[int, ...]]]:
    for layer in _weighted(model):
        for key, variable in zip(_keys(layer, naming), layer.weights, strict=True):
            shape = tuple(variable.shape)
            # PyTorch's kernels are (filters, channels, height, width), in dense layers (outputs, inputs).
            yield key, (shape[3], shape[2], *shape[:2]) if len(shape) == 4 else shape[::-1]


def _as_keras(array: np.ndarray) -> np.ndarray:
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T


def _faults(expected: Mapping[str, tuple[int, ...]], state: Mapping[str, np.ndarray]) -> Iterator[str]:
    for key, shape in expected.items():
        if key not in state:
            yield f"{key} is missing"
        elif state[key].shape != shape:
            yield f"{key} is {state[key].shape}, expected {shape}"
        elif not np.isfinite(state[key]).all():
            yield f"{key} has values that are NaN or infinite"
    for key in state:
        if key not in expected:
            yield f"{key} isn't in the network"
