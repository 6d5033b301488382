"""Mean subtraction and local response normalisation: by hand, by loops, saved and loaded."""

import json

import keras
import numpy as np
import pytest

from leukcnn.errors import ArgumentError
from leukcnn.models.layers import ILSVRC_MEAN, LocalResponseNormalization, MeanSubtraction
from leukcnn.models.weights import load_whole, stored_parameters

pytestmark = pytest.mark.backend


def test_normalisation_by_hand():
    # Squares 1, 4, 9, 16; sums over three neighbours 5, 14, 29, 25.
    maps = np.array([1.0, 2, 3, 4], dtype=np.float32).reshape(1, 1, 1, 4)
    layer = LocalResponseNormalization(3, bias=2, alpha=0.5, beta=0.5)
    expected = [1 / np.sqrt(4.5), 2 / np.sqrt(9), 3 / np.sqrt(16.5), 4 / np.sqrt(14.5)]
    np.testing.assert_allclose(np.asarray(layer(maps)).ravel(), expected, rtol=1e-6)


def test_normalisation_by_loops_over_channels_of_each_pixel():
    maps = np.random.default_rng(0).normal(0, 50, (2, 3, 4, 9)).astype(np.float32)
    expected = np.empty_like(maps)
    for c in range(9):
        around = maps[..., max(c - 2, 0) : c + 3]
        expected[..., c] = maps[..., c] / (1 + 2e-5 * (around**2).sum(axis=-1)) ** 0.75
    np.testing.assert_allclose(np.asarray(LocalResponseNormalization()(maps)), expected, rtol=1e-5)


@pytest.mark.parametrize("size", [0, 4])
def test_an_even_number_of_channels_is_refused(size):
    with pytest.raises(ArgumentError, match="odd number"):
        LocalResponseNormalization(size)


@pytest.mark.parametrize("shape", [(3,), (4, 5, 3)])
def test_each_channel_or_pixel_has_its_mean(shape):
    mean = np.random.default_rng(0).random(shape, dtype=np.float32)
    images = np.random.default_rng(1).random((2, 4, 5, 3), dtype=np.float32)
    np.testing.assert_allclose(np.asarray(MeanSubtraction(mean)(images)), images - mean, rtol=1e-6)


def network(mean=ILSVRC_MEAN):
    inputs = keras.Input((4, 5, 3))
    x = MeanSubtraction(mean, name="mean")(inputs)
    x = LocalResponseNormalization(3, bias=2, alpha=1e-3, name="norm")(x)
    return keras.Model(inputs, keras.layers.Conv2D(2, 3, name="conv")(x))


@pytest.mark.parametrize("shape", [(3,), (4, 5, 3)])
def test_the_mean_is_saved_with_the_weights_and_is_no_parameter(shape, tmp_path):
    made = network(np.random.default_rng(0).random(shape) * 255)
    assert made.count_params() == 3 * 3 * 3 * 2 + 2
    images = np.random.default_rng(1).random((2, 4, 5, 3), dtype=np.float32) * 255
    expected = np.asarray(made(images))
    made.save_weights(tmp_path / "x.weights.h5")
    made.save(tmp_path / "x.keras")
    json.loads(made.to_json())
    np.testing.assert_array_equal(np.asarray(keras.models.load_model(tmp_path / "x.keras")(images)), expected)
    for file in ("x.weights.h5", "x.keras"):
        assert stored_parameters(tmp_path / file) == made.count_params()
        fresh = network()
        load_whole(fresh, tmp_path / file)
        np.testing.assert_array_equal(np.asarray(fresh(images)), expected)


def test_a_copy_has_the_same_mean_and_constants():
    made = network((1, 2, 3))
    copy = keras.models.clone_model(made)
    np.testing.assert_array_equal(copy.get_layer("mean").mean, [1, 2, 3])
    assert copy.get_layer("norm").get_config() == made.get_layer("norm").get_config()
