"""Which backend of Keras is used, and what is refused."""

import importlib.util
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
