"""Keras' backend: checked without loading it, and loaded without the notes that it writes to stderr."""

import importlib.util
import json
import os
import sys
from functools import cache
from pathlib import Path

from leukcnn import quiet
from leukcnn.datasets.headers import bound_decoder
from leukcnn.errors import DependencyError, DeviceError
from leukcnn.fields import did_you_mean

# Backend -> the command that installs it.
_SUPPORTED = {"tensorflow": "pip install tensorflow", "jax": "pip install 'leukcnn[jax]'"}


def check_backend() -> None:
    """Checks that Keras' backend is supported and installed. Loads neither it nor Keras.

    Raises:
        DeviceError: It isn't TensorFlow or JAX.
        DependencyError: Its package isn't installed.
    """
    name, source = _chosen()
    if name not in _SUPPORTED:
        raise DeviceError(
            f"{source} names the backend {name!r}.",
            expected=" or ".join(_SUPPORTED),
            remedy=did_you_mean(name, _SUPPORTED) or "set KERAS_BACKEND=tensorflow or KERAS_BACKEND=jax",
        )
    if name not in sys.modules and importlib.util.find_spec(name) is None:
        raise DependencyError(
            f"{source} names the backend {name!r}, but the package {name} isn't installed.",
            expected=" or ".join(_SUPPORTED),
            remedy=f"{_SUPPORTED[name]}; or set KERAS_BACKEND to the other backend",
        )


def start_backend() -> None:
    """Loads Keras and lets its backend look for devices, without the notes that the backend writes.

    Warnings that TensorFlow logs are dropped from then on, unless TF_CPP_MIN_LOG_LEVEL asks for them.

    Raises:
        DeviceError: As `check_backend`.
        DependencyError: As `check_backend`.
        ArgumentError: LEUKCNN_MAX_PIXELS isn't a whole number above 0.
    """
    check_backend()
    bound_decoder()
    quiet.drop_warnings()
    load_keras()


@cache
def load_keras() -> None:
    """Loads Keras like `start_backend`, once. Other backends are allowed, and warnings are kept.

    It is for the library's lazy imports: networks can be built on any backend of Keras.
    """
    quiet.set_variables()
    with quiet.held_stderr():
        from leukcnn.distribution import look_for_devices

        look_for_devices()


def _chosen() -> tuple[str, str]:
    """Returns the name of Keras' backend, and what chose it, in the order in which Keras looks for it."""
    if "keras" in sys.modules:
        import keras

        return keras.backend.backend(), "Keras"
    if name := os.environ.get("KERAS_BACKEND"):
        return name, "KERAS_BACKEND"
    home = os.environ.get("KERAS_HOME")
    file = (Path(home) if home else Path.home() / ".keras") / "keras.json"
    try:
        name = json.loads(file.read_text())["backend"]
    except (OSError, ValueError, KeyError, TypeError):
        name = None
    return (name, str(file)) if isinstance(name, str) else ("tensorflow", "Keras' default")
