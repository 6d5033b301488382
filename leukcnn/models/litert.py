"""Networks as LiteRT files, the format of TensorFlow Lite, which phones run without Keras."""

import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import keras
import numpy as np

from leukcnn.distribution import converted_to_litert
from leukcnn.errors import ArgumentError, DependencyError
from leukcnn.quiet import held_stderr

__all__ = ["PRECISIONS", "LiteRTModel", "milliseconds", "to_litert", "why_no_litert"]

PRECISIONS = ("float32", "float16", "int8")
"""Formats of a file: weights in 32 or in 16 bits, or weights and activations in 8 bits."""

_WARM_UP = 3


def __dir__() -> list[str]:
    return sorted(__all__)


def why_no_litert() -> str:
    """Returns why networks can't be converted and run with LiteRT here; "" if they can."""
    if keras.backend.backend() != "tensorflow":
        return "the conversion needs the TensorFlow backend"
    return "" if find_spec("ai_edge_litert") else "LiteRT isn't installed: pip install 'leukcnn[litert]'"


def to_litert(network: keras.Model, precision: str, *, calibration: np.ndarray | None = None) -> bytes:
    """Converts a network to a LiteRT file.

    Input and output are float32 in each format: one image (1, H, W, C), as the network takes it, and (1,
    outputs).

    Args:
        network: A network with an image of a fixed size as its only input.
        precision: One of `PRECISIONS`. "float16" rounds the weights; processors without 16-bit arithmetic
            compute in 32 bits. "int8" rounds weights and activations to 8 bits ("full-integer quantisation").
        calibration: Images that give the ranges of the activations for "int8": float32 (N, H, W, C), as the
            network takes them, N at least 1. They should be like those that it will see, and no test images.

    Returns:
        The content of a `.tflite` file.

    Raises:
        ArgumentError: The precision is unknown, the input has no fixed size, or the calibration is missing or
            has another shape.
        DeviceError: Keras' backend isn't TensorFlow.
    """
    if precision not in PRECISIONS:
        raise ArgumentError(f"precision is {precision!r}.", expected=f"one of {', '.join(PRECISIONS)}")
    shape = network.input_shape
    if not isinstance(shape, tuple) or len(shape) != 4 or None in shape[1:]:
        raise ArgumentError(
            f"{network.name} has an input of shape {shape}.",
            expected="one input (None, H, W, C) of a fixed size",
            remedy="build the network with input_shape=(H, W, C)",
        )
    if precision == "int8":
        found = np.shape(calibration) if calibration is not None else None
        if not found or not found[0] or found[1:] != shape[1:]:
            raise ArgumentError(
                f"The calibration has the shape {found}." if found else "int8 without a calibration.",
                expected=f"float32 {('N', *shape[1:])}, N at least 1".replace("'", ""),
                remedy="pass some of the images that the network was trained on, as it takes them",
            )
        calibration = np.asarray(calibration, dtype=np.float32)
    with held_stderr():
        return converted_to_litert(network, precision=precision, calibration=calibration)


class LiteRTModel:
    """A LiteRT file, ready to run.

    Args:
        content: The content of the file, as `to_litert` returns it.
        threads: Threads that compute.

    Raises:
        ArgumentError: The content isn't a LiteRT file.
        DependencyError: The package ai-edge-litert isn't installed.
    """

    def __init__(self, content: bytes, *, threads: int = 1):
        if find_spec("ai_edge_litert") is None:
            raise DependencyError(
                "LiteRT files can't be run.",
                expected="the package ai-edge-litert",
                remedy="pip install 'leukcnn[litert]'",
            )
        from ai_edge_litert.interpreter import Interpreter

        try:
            with held_stderr():
                self._interpreter: Any = Interpreter(model_content=content, num_threads=threads)
                self._interpreter.allocate_tensors()
        except ValueError as error:
            raise ArgumentError(
                "The content isn't a LiteRT file.", expected="what leukcnn.models.litert.to_litert returns"
            ) from error
        (self._input,), (self._output,) = (
            self._interpreter.get_input_details(),
            self._interpreter.get_output_details(),
        )
        self._open = -1 in self._input["shape_signature"]

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Returns the network's outputs for images, one after the other.

        Args:
            images: (N, H, W, C), as the network takes them, of any size if the file leaves H and W open.

        Returns:
            float32 (N, outputs).

        Raises:
            ArgumentError: The images have another shape.
        """
        if self._open and np.ndim(images) == 4:
            self._interpreter.resize_tensor_input(self._input["index"], (1, *np.shape(images)[1:]))
            self._interpreter.allocate_tensors()
            self._input = self._interpreter.get_input_details()[0]
        shape = tuple(self._input["shape"][1:].tolist())
        if np.ndim(images) != 4 or np.shape(images)[1:] != shape:
            raise ArgumentError(
                f"The images have the shape {np.shape(images)}.", expected=f"(N, {str(shape)[1:]}"
            )
        outputs = np.empty((len(images), self._output["shape"][-1]), dtype=np.float32)
        for i, image in enumerate(images):
            self._interpreter.set_tensor(
                self._input["index"], np.asarray(image)[None].astype(self._input["dtype"])
            )
            self._interpreter.invoke()
            outputs[i] = self._interpreter.get_tensor(self._output["index"])[0]
        return outputs


def milliseconds(
    models: Mapping[str, LiteRTModel], image: np.ndarray, *, rounds: int = 7, repeats: int = 10
) -> dict[str, Sequence[float]]:
    """Measures how long models take for one image.

    The models take turns in each round, so that other work on the machine slows all of them down.

    Args:
        models: Name -> model.
        image: float32 (H, W, C), as the networks take it.
        rounds: Number of rounds.
        repeats: Number of times that a model computes the image in a round.

    Returns:
        Name -> mean wall-clock time for the image in each round, in milliseconds.
    """
    taken: dict[str, Sequence[float]] = {name: [] for name in models}
    repeated = np.broadcast_to(image, (repeats, *image.shape))
    for model in models.values():
        model.predict(repeated[:_WARM_UP])
    for _ in range(rounds):
        for name, model in models.items():
            start = time.perf_counter()
            model.predict(repeated)
            taken[name] = [*taken[name], 1000 * (time.perf_counter() - start) / repeats]
    return taken
