"""The four-block network: parameters by hand, and what its blocks are."""

from itertools import pairwise

import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as to_numpy

from leukcnn import models
from leukcnn.errors import ArgumentError


def build(**arguments):
    return models.build("FourBlockCNN", **{"input_shape": (16, 16, 3), **arguments})


@pytest.mark.parametrize("image_size", [16, 112])
def test_parameters_by_hand_at_any_size(image_size):
    widths = (3, 16, 32, 64, 128)
    kernels = sum(9 * before * after for before, after in pairwise(widths))
    offsets_and_scales = 2 * sum(widths[1:])
    classifier = 128 * 4 + 4
    model = build(input_shape=(image_size, image_size, 3))
    trained = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    assert trained == kernels + offsets_and_scales + classifier == 98_196
    # A mean and a variance for each filter.
    assert model.count_params() == trained + 2 * sum(widths[1:]) == 98_676


def test_a_block_is_convolution_normalisation_relu_and_pooling():
    names = [layer.name for layer in build(dropout_rate=0.2).layers[1:]]
    blocks = [f"{name}_{i}" for i in (1, 2, 3, 4) for name in ("conv", "batch_norm", "relu", "pool")]
    assert names == [*blocks, "gap", "dropout", "predictions"]
    assert "dropout" not in [layer.name for layer in build().layers]
    sizes = [build(input_shape=(112, 112, 3)).get_layer(f"pool_{i}").output.shape[1] for i in (1, 2, 3, 4)]
    assert sizes == [56, 28, 14, 7]


def test_filters_momentum_and_initializer_are_arguments():
    model = build(filters=(2, 3, 4, 5), batch_norm_momentum=0.5, kernel_initializer="zeros")
    assert [model.get_layer(f"conv_{i}").filters for i in (1, 2, 3, 4)] == [2, 3, 4, 5]
    assert {model.get_layer(f"batch_norm_{i}").momentum for i in (1, 2, 3, 4)} == {0.5}
    assert not any(to_numpy(w).any() for w in model.weights if w.path.endswith("kernel"))
    assert build().get_layer("batch_norm_1").momentum == 0.9


def test_the_average_is_over_the_whole_image():
    model = build(input_shape=(32, 32, 3))
    maps = keras.Model(model.input, model.get_layer("pool_4").output)
    average = keras.Model(model.input, model.get_layer("gap").output)
    x = np.random.default_rng(0).random((2, 32, 32, 3), dtype=np.float32)
    np.testing.assert_allclose(np.asarray(average(x)), np.asarray(maps(x)).mean(axis=(1, 2)), atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"filters": (16, 32, 64)}, "four whole numbers"),
        ({"filters": (16, 32, 64, 0)}, "whole numbers from 1"),
        ({"batch_norm_momentum": 1.0}, "below 1"),
        ({"dropout_rate": 1.0}, "below 1"),
        ({"input_shape": (15, 16, 3)}, "at least 16 pixels"),
        ({"weights": "imagenet"}, "never trained on ImageNet"),
    ],
)
def test_bad_arguments_are_refused(arguments, match):
    with pytest.raises(ArgumentError, match=match):
        build(**arguments)
