"""Which backend of Keras is used, and what is refused."""

import importlib.util
import subprocess
import sys

import pytest

from leukcnn.backend import check_backend
from leukcnn.errors import DependencyError, DeviceError


@pytest.fixture(autouse=True)
def without_keras(monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))


@pytest.mark.parametrize("text", [None, '{"backend": "tensorflow"}', '{"floatx": "float32"}', "text"])
def test_tensorflow_is_the_default(tmp_path, text):
    if text is not None:
        (tmp_path / "keras.json").write_text(text)
    check_backend()


def test_keras_own_settings_are_read_unless_the_variable_is_set(tmp_path, monkeypatch):
    (tmp_path / "keras.json").write_text('{"backend": "torch"}')
    with pytest.raises(DeviceError, match=r"keras\.json names the backend 'torch'") as caught:
        check_backend()
    assert caught.value.expected == "tensorflow or jax"
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    check_backend()


def test_nearest_backend_is_suggested(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jaxx")
    with pytest.raises(DeviceError, match="did you mean 'jax'"):
        check_backend()


@pytest.mark.parametrize(
    ("name", "command"), [("jax", "leukcnn[jax]"), ("tensorflow", "pip install tensorflow")]
)
def test_package_that_is_not_installed_is_named(monkeypatch, name, command):
    monkeypatch.setenv("KERAS_BACKEND", name)
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DependencyError, match=f"the package {name} isn't installed") as caught:
        check_backend()
    assert command in caught.value.remedy


# In place of a TensorFlow that was imported first, with and without oneDNN.
IMPORTED_FIRST = """
import os, sys, types, warnings
backend, is_used, variable, gpus = {backend!r}, {is_used!r}, {variable!r}, {gpus}
os.environ["KERAS_BACKEND"] = backend
os.environ.pop("TF_ENABLE_ONEDNN_OPTS", None)
if variable:
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = variable
if is_used == "forbidden":
    sys.modules["tensorflow"] = None
elif is_used is not None:
    config = types.SimpleNamespace(list_physical_devices=lambda kind: gpus)
    sys.modules["tensorflow"] = types.SimpleNamespace(config=config)
    port = types.SimpleNamespace(IsMklEnabled=lambda: is_used)
    sys.modules["tensorflow.python.util._pywrap_util_port"] = port
with warnings.catch_warnings(record=True) as caught:
    import leukcnn.splits, leukcnn
print(os.environ["TF_ENABLE_ONEDNN_OPTS"], *(warning.message for warning in caught))
"""


@pytest.mark.parametrize(
    ("backend", "is_used", "variable", "gpus", "value", "warns"),
    [
        pytest.param("tensorflow", None, None, [], "1", False, id="leukcnn first"),
        pytest.param("tensorflow", "forbidden", None, [], "1", False, id="TensorFlow can't be imported"),
        pytest.param("tensorflow", None, "0", [], "0", False, id="the user's own choice"),
        pytest.param("tensorflow", False, None, [], "1", True, id="TensorFlow first"),
        pytest.param("tensorflow", True, None, [], "1", False, id="TensorFlow first, with oneDNN"),
        pytest.param("tensorflow", False, "0", [], "0", False, id="TensorFlow first, the user's own choice"),
        pytest.param("tensorflow", False, None, ["GPU:0"], "1", False, id="TensorFlow first, on a GPU"),
        pytest.param("jax", False, None, [], "1", False, id="TensorFlow first, Keras on JAX"),
    ],
)
def test_onednn_is_on_wherever_leukcnn_is_imported_first(backend, is_used, variable, gpus, value, warns):
    code = IMPORTED_FIRST.format(backend=backend, is_used=is_used, variable=variable, gpus=gpus)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    said, _, message = done.stdout.strip().partition(" ")
    assert said == value
    assert ("Import leukcnn first" in message) == warns, message
    assert done.stderr == ""
