"""Grouped convolution: compared with NumPy and with Keras' layer, its gradient, saved and loaded."""

import keras
import numpy as np
import pytest
from keras import layers

from leukcnn.models.grouped_convolution import GroupedConv2D
from tests.regnets import convolution

pytestmark = pytest.mark.backend


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


# Groups that are convolved all together, in two unequal blocks (64 and 40 channels), and one by one.
@pytest.mark.parametrize(
    ("groups", "channels", "filters"), [(3, 4, 4), (13, 8, 8), (2, 72, 5), (4, 2, 6), (1, 3, 2)]
)
def test_each_group_sees_its_own_channels_only(groups, channels, filters):
    layer = GroupedConv2D(groups * filters, 3, padding="same", groups=groups, use_bias=False)
    maps = random(2, 5, 4, groups * channels)
    layer.build(maps.shape)
    kernel = random(3, 3, channels, groups * filters, seed=1)
    layer.set_weights([kernel])
    expected = convolution(maps, kernel.transpose(3, 2, 0, 1))
    np.testing.assert_allclose(np.asarray(layer(maps)), expected, atol=1e-4)


@pytest.mark.parametrize("arguments", [{}, {"strides": 2, "padding": "same"}, {"activation": "relu"}])
def test_outputs_and_weights_are_those_of_keras_layer(arguments):
    ours, keras_own = (kind(18, 3, groups=3, **arguments) for kind in (GroupedConv2D, layers.Conv2D))
    maps = random(2, 7, 7, 12)
    expected = keras_own(maps)
    ours.build(maps.shape)
    ours.set_weights(keras_own.get_weights())
    np.testing.assert_allclose(np.asarray(ours(maps)), np.asarray(expected), atol=1e-5)


def network(**arguments):
    inputs = keras.Input((6, 6, 104))
    x = GroupedConv2D(104, 3, groups=13, padding="same", use_bias=False, name="grouped", **arguments)(inputs)
    model = keras.Model(inputs, layers.GlobalAveragePooling2D()(x))
    model.compile(keras.optimizers.SGD(1.0), "mse")
    return model


def test_a_training_step_follows_the_gradient():
    model, maps, targets = network(), random(2, 6, 6, 104), random(2, 104, seed=1)
    layer = model.get_layer("grouped")
    before = layer.get_weights()[0]
    model.train_on_batch(maps, targets)
    step = layer.get_weights()[0] - before

    # The loss is the mean over images and filters of (mean over pixels - target) ** 2: its gradient by hand.
    error = convolution(maps, before.transpose(3, 2, 0, 1)).mean(axis=(1, 2)) - targets
    padded = np.pad(maps, [(0, 0), (1, 1), (1, 1), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (6, 6), axis=(1, 2)).mean(axis=(4, 5))
    slope = np.zeros_like(before)
    for f in range(104):
        own = windows[..., f // 8 * 8 : f // 8 * 8 + 8]
        slope[..., f] = np.einsum("nijc,n->ijc", own, error[:, f]) * 2 / error.size
    np.testing.assert_allclose(step, -slope, atol=1e-5)


def test_saved_networks_load_again(tmp_path):
    model, maps = network(), random(1, 6, 6, 104)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(again.get_layer("grouped"), GroupedConv2D)
    np.testing.assert_array_equal(np.asarray(again(maps)), np.asarray(model(maps)))


def test_mixed_precision_computes_in_half_precision():
    layer = GroupedConv2D(8, 3, groups=2, dtype="mixed_bfloat16")
    assert keras.backend.standardize_dtype(layer(random(1, 4, 4, 4)).dtype) == "bfloat16"
    assert layer.kernel.dtype == "float32"
