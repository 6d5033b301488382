"""Devices: values of --devices, and two logical processors compared with one."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from leukcnn.distribution import Devices, find_devices, gradient
from leukcnn.distribution.replicas import own_outputs
from leukcnn.errors import DeviceError
from tests import devices_script


def elsewhere(devices):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", "tests.devices_script", devices]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def parsed(printed):
    result = json.loads(printed.splitlines()[-1])
    result["history"] = np.array([[float(x) for x in row.split(",")] for row in result["history"][1:]])
    return result


@pytest.mark.backend
@pytest.mark.slow
def test_two_logical_processors_train_and_predict_as_one(capsys):
    devices_script.main()
    one, two = parsed(capsys.readouterr().out), parsed(elsewhere("cpu:2"))
    assert (one["replicas"], two["replicas"]) == (1, 2)
    np.testing.assert_allclose(two["history"], one["history"], rtol=2e-5, atol=2e-6)
    assert len(two["outputs"]) == 37
    np.testing.assert_allclose(two["outputs"], one["outputs"], rtol=2e-5, atol=2e-6)


@pytest.mark.backend
@pytest.mark.skipif(keras.backend.backend() != "jax", reason="several hosts train with JAX alone")
def test_a_host_predicts_by_itself_also_what_the_device_augments():
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    network = devices_script.built(find_devices())
    inputs = {"images": images, **devices_script.AUGMENTER.transforms([None, 1, 2])}
    found = own_outputs(network, [(inputs,)], ("cpu:0",))
    np.testing.assert_allclose(found, network(inputs), rtol=1e-5)


@pytest.mark.backend
def test_default_is_one_device():
    devices = find_devices()
    assert devices.replicas == 1
    assert devices.strategy is None
    with devices.scope():
        keras.layers.Dense(1).build((None, 2))


@pytest.mark.parametrize("wish", ["cpu", "gpu:1", "0", "-1", "two", "cpu:0"])
def test_other_words_are_refused(wish):
    with pytest.raises(DeviceError, match="all, a number, or cpu:N"):
        find_devices(wish)


def test_too_many_accelerators_are_refused():
    with pytest.raises(DeviceError, match="asks for 99 accelerators"):
        find_devices("99")


def test_a_batch_must_be_divided_evenly():
    Devices(names=("cpu:0", "cpu:1")).check_batch_size(20)
    with pytest.raises(DeviceError, match="multiple of the number of devices"):
        Devices(names=("cpu:0", "cpu:1", "cpu:2")).check_batch_size(20)


def test_a_processor_is_no_accelerator():
    assert not Devices(names=("cpu:0",)).accelerated
    assert Devices(names=("gpu:0",)).accelerated


@pytest.mark.backend
def test_gradient_by_hand():
    values = np.array([[1.0, -2.0], [0.5, 3.0]], np.float32)
    found = gradient(lambda x: keras.ops.sum(x**3), values)
    assert isinstance(found, np.ndarray)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, 3 * values**2)


@pytest.mark.backend
def test_gradient_is_zero_where_nothing_depends_on_the_value():
    values = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(gradient(lambda x: keras.ops.sum(x[0]), values), [[1, 1, 1], [0, 0, 0]])
    constant = keras.ops.convert_to_tensor(2.0)
    np.testing.assert_array_equal(gradient(lambda x: constant, values), np.zeros((2, 3)))


@pytest.mark.backend
def test_gradient_through_layers_does_not_change_their_state():
    network = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(2, kernel_initializer="ones"),
            keras.layers.BatchNormalization(epsilon=0),
            keras.layers.Dropout(0.5),
        ]
    )
    before = [keras.ops.convert_to_numpy(variable) for variable in network.variables]
    found = gradient(lambda x: keras.ops.sum(network(x, training=False)), np.ones((4, 3), np.float32))
    # Each input feeds two outputs with weight 1; the normalisation has mean 0 and variance 1.
    np.testing.assert_allclose(found, np.full((4, 3), 2.0), rtol=1e-6)
    for variable, value in zip(network.variables, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)


def test_gradient_needs_tensorflow_or_jax(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(DeviceError, match="Gradients aren't available with Keras' torch backend"):
        gradient(lambda x: x, np.ones(1, np.float32))
