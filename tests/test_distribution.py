"""Devices: values of --devices, and two logical processors compared with one."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from leukcnn.distribution import Devices, find_devices, gradient
from leukcnn.errors import DeviceError

# Run in its own process for two devices: a running backend can't be split into logical processors.
SCRIPT = """
import json, sys, tempfile
from pathlib import Path
import keras, numpy as np
from leukcnn.augmentation import ImageAugmenter
from leukcnn.augmentation.on_device import OnDevice
from leukcnn.distribution import find_devices
from leukcnn.pipeline import ImageSequence, fed, multiplied, originals
from leukcnn.spec import Preprocessing, Training
from leukcnn.training import compile_network, predict, train

devices = find_devices(sys.argv[1] or None)
keras.utils.set_random_seed(3)
rng = np.random.default_rng(0)
images = rng.integers(0, 256, (37, 8, 8, 3), dtype=np.uint8)
labels = (images[..., 0].mean(axis=(1, 2)) > 127).astype(np.int64)
ids = [f"p{i}" for i in range(37)]
augmenter = ImageAugmenter(rotation_range=90, one_of=({"salt_and_pepper": 0.2}, {"gaussian_blur": 3}))
augmenter = OnDevice(augmenter, images.shape[1:])
common = dict(classes=2, ids=ids, seed=0, augmenter=augmenter, replicas=devices.replicas)
training = Training(epochs=3, batch_size=10, initial_learning_rate=1e-2, final_learning_rate=1e-3)
with devices.scope():
    network = keras.Sequential([
        keras.Input((8, 8, 3)),
        # A bias before batch normalization has no gradient but its rounding, which Adam would enlarge.
        keras.layers.Conv2D(4, 3, use_bias=False, kernel_regularizer="l2"),
        keras.layers.BatchNormalization(), keras.layers.ReLU(), keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dropout(0.5), keras.layers.Dense(2, activation="softmax"),
    ])
    network = fed(network, Preprocessing(crop=8), augmenter)
    compile_network(network, training, devices=devices)

folder = Path(tempfile.mkdtemp())
train(
    network, training, folder=folder, devices=devices,
    train_data=ImageSequence(images, multiplied(np.arange(25), variants=1), labels=labels, batch_size=10,
                               fresh=True, shuffle=True, **common),
    validation_data=ImageSequence(images, originals(np.arange(25, 37)), labels=labels, batch_size=10,
                                    padding_weights="set", **common),
)
outputs = predict(
    network, ImageSequence(images, originals(np.arange(37)), labels=None, batch_size=10, **common),
    devices=devices,
)
history = (folder / "history.csv").read_text().split()
# Afterwards the layers are Keras' own.
assert {layer.__module__.split(".")[0] for layer in network.layers[-1].layers} == {"keras"}
print(json.dumps({"replicas": devices.replicas, "history": history, "outputs": outputs.tolist()}))
"""


def elsewhere(devices):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, devices], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def parsed(printed):
    result = json.loads(printed.splitlines()[-1])
    result["history"] = np.array([[float(x) for x in row.split(",")] for row in result["history"][1:]])
    return result


@pytest.mark.backend
@pytest.mark.slow
def test_two_logical_processors_train_and_predict_as_one(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["", ""])
    exec(compile(SCRIPT, "script", "exec"), {})
    one, two = parsed(capsys.readouterr().out), parsed(elsewhere("cpu:2"))
    assert (one["replicas"], two["replicas"]) == (1, 2)
    np.testing.assert_allclose(two["history"], one["history"], rtol=2e-5, atol=2e-6)
    assert len(two["outputs"]) == 37
    np.testing.assert_allclose(two["outputs"], one["outputs"], rtol=2e-5, atol=2e-6)


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
