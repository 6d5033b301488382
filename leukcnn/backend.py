"""Keras' backend: checked without loading it, and loaded without the notes that it writes to stderr."""

import importlib.util
import json
import os
import sys
import warnings
from functools import cache
from pathlib import Path
from typing import Any

from leukcnn import quiet
from leukcnn.datasets.headers import bound_decoder
from leukcnn.errors import DependencyError, DeviceError
from leukcnn.fields import did_you_mean

# Backend -> the command that installs it.
_SUPPORTED = {"tensorflow": "pip install tensorflow", "jax": "pip install 'leukcnn[jax]'"}
# Settings of Keras that leukcnn's networks need.
_NEEDED = {"floatx": "float32", "image_data_format": "channels_last", "epsilon": 1e-7, "nnx_enabled": False}


def check_backend(*, hosts: int = 1) -> None:
    """Checks that Keras' backend is supported and installed. Loads neither it nor Keras.

    Args:
        hosts: Number of hosts that are to train together.

    Raises:
        DeviceError: It isn't TensorFlow or JAX, or it is TensorFlow for several hosts; or Keras' file of
            settings has others than leukcnn can use.
        DependencyError: Its package isn't installed.
    """
    if "keras" not in sys.modules:
        _check_settings()
    name, source = _chosen()
    if name not in _SUPPORTED:
        raise DeviceError(
            f"{source} names the backend {name!r}.",
            expected=" or ".join(_SUPPORTED),
            remedy=did_you_mean(name, _SUPPORTED) or "set KERAS_BACKEND=tensorflow or KERAS_BACKEND=jax",
        )
    if hosts > 1 and name != "jax":
        # Keras' `fit` fails under MultiWorkerMirroredStrategy (keras issue 20585; still so in Keras 3.15).
        raise DeviceError(
            f"{hosts} hosts (--hosts) with the {name} backend, which {source} names.",
            expected="the JAX backend: Keras trains on several hosts with it alone",
            remedy=f"KERAS_BACKEND=jax leukcnn ... on every host ({_SUPPORTED['jax']}); TensorFlow uses "
            "several devices of one host: --devices",
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
    quiet.set_log_level()
    with quiet.held_stderr():
        from leukcnn.distribution import look_for_devices

        look_for_devices()


def warn_of_slow_convolutions() -> None:
    """Warns that TensorFlow, imported before leukcnn, doesn't use oneDNN; only if Keras needs it to."""
    tensorflow = sys.modules["tensorflow"]
    # TensorFlow has no public name for it; without this module its state is unknown.
    port = sys.modules.get("tensorflow.python.util._pywrap_util_port")
    is_used = port is not None and port.IsMklEnabled()
    if is_used or _chosen()[0] != "tensorflow" or tensorflow.config.list_physical_devices("GPU"):
        return
    warnings.warn(
        "TensorFlow was imported before leukcnn and doesn't use oneDNN: networks may take twice the time. "
        "Import leukcnn first, or set TF_ENABLE_ONEDNN_OPTS=1 before Python starts (0: no warning).",
        stacklevel=3,
    )


def _chosen() -> tuple[str, str]:
    """Returns the name of Keras' backend, and what chose it, in the order in which Keras looks for it."""
    if "keras" in sys.modules:
        import keras

        return keras.backend.backend(), "Keras"
    if name := os.environ.get("KERAS_BACKEND"):
        return name, "KERAS_BACKEND"
    settings = _settings()
    if isinstance(settings, dict) and "backend" in settings:
        return str(settings["backend"]), str(_settings_file())
    return "tensorflow", "Keras' default"


def _settings_file() -> Path:
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path("~").expanduser() / ".keras") / "keras.json"


def _settings() -> Any:
    """Returns what is in Keras' file of settings; an empty dict if it can't be read, which Keras ignores."""
    try:
        return json.loads(_settings_file().read_text())
    except (OSError, RuntimeError, ValueError, RecursionError):
        return {}


def _check_settings() -> None:
    """Checks Keras' file of settings, which may stop Keras' import or change every network.

    Raises:
        DeviceError: It isn't a JSON object, or has another value than the default.
    """
    settings = _settings()
    wrong = None if isinstance(settings, dict) else f"holds {settings!r:.80}"
    for name, value in _NEEDED.items():
        if wrong is None and settings.get(name, value) != value:
            wrong = f"sets {name} to {settings[name]!r:.80}"
    if wrong:
        raise DeviceError(
            f"Keras' settings in {_settings_file()}: the file {wrong}.",
            expected=f"a JSON object; {', '.join(f'{name} = {value!r}' for name, value in _NEEDED.items())}",
            remedy="change or remove the file, or name another folder with the variable KERAS_HOME",
        )
