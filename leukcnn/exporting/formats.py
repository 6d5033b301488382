"""The formats of exported networks: how each is written, and run by its own program."""

import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np

from leukcnn.distribution import (
    converted_to_litert,
    converted_to_onnx,
    read_saved_model,
    write_saved_model,
)
from leukcnn.models.litert import LiteRTModel
from leukcnn.quiet import held_stderr

Runner = Callable[[np.ndarray], np.ndarray]
"""Runs an exported file: images uint8 (1, H, W, 3), RGB, to probabilities float32 (1, classes)."""

INPUT, OUTPUT = "image", "probabilities"


@dataclass(frozen=True)
class Format:
    """A format of exported networks.

    Attributes:
        write: Writes a network, with a description that a file may hold, to a path.
        run: Returns what runs the file at a path.
        program: The package that runs it, whose version is noted.
        ungrouped: Whether grouped convolutions are written as ordinary ones.
    """

    write: Callable[[keras.Model, Path, Mapping[str, Any]], None]
    run: Callable[[Path], Runner]
    program: str
    ungrouped: bool = True

    @property
    def described_program(self) -> str:
        """The package with its version."""
        return f"{self.program} {version(self.program)}"


def _write_onnx(network: keras.Model, path: Path, description: Mapping[str, Any]) -> None:
    onnx, onnxruntime = (importlib.import_module(name) for name in ("onnx", "onnxruntime"))
    with held_stderr():
        model = converted_to_onnx(network, output=OUTPUT)
    for value, axes in ((model.graph.input[0], "NHW"), (model.graph.output[0], "N")):
        for axis, name in enumerate(axes):
            value.type.tensor_type.shape.dim[axis].dim_param = name
    # What depends on weights alone is computed now, with the passes that hold for every processor.
    folding = onnxruntime.SessionOptions()
    folding.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    folding.optimized_model_filepath = str(path)
    _session(model.SerializeToString(), folding)
    model = onnx.load(path)
    # onnxruntime adds the sets of operations of its own, which the network doesn't use.
    kept = [used for used in model.opset_import if not used.domain]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    onnx.helper.set_model_props(model, {"leukcnn": json.dumps(description)})
    path.write_bytes(model.SerializeToString(deterministic=True))


def _session(model: bytes, options: Any = None) -> Any:
    onnxruntime = importlib.import_module("onnxruntime")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _run_onnx(path: Path) -> Runner:
    session = _session(path.read_bytes())
    return lambda images: session.run([OUTPUT], {INPUT: images})[0]


def _write_litert(network: keras.Model, path: Path, description: Mapping[str, Any]) -> None:
    with held_stderr():
        path.write_bytes(converted_to_litert(network, precision="float32", calibration=None))


def _run_litert(path: Path) -> Runner:
    return LiteRTModel(path.read_bytes()).predict


def _write_saved_model(network: keras.Model, path: Path, description: Mapping[str, Any]) -> None:
    with held_stderr():
        write_saved_model(network, path)


def _write_keras(network: keras.Model, path: Path, description: Mapping[str, Any]) -> None:
    network.save(path)


def _run_keras(path: Path) -> Runner:
    network = keras.models.load_model(path, compile=False)
    return lambda images: keras.ops.convert_to_numpy(network(images, training=False))


FORMATS: dict[str, Format] = {
    "onnx": Format(_write_onnx, _run_onnx, "onnxruntime"),
    "litert": Format(_write_litert, _run_litert, "ai-edge-litert"),
    "savedmodel": Format(_write_saved_model, read_saved_model, "tensorflow"),
    "keras": Format(_write_keras, _run_keras, "keras", ungrouped=False),
}
