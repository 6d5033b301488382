"""The lightweight network: parameters by hand, ELU, and the place of its pooling."""

import keras
import numpy as np
import pytest

from leukcnn import models
from leukcnn.errors import ArgumentError


def build(**arguments):
    return models.build("LightweightCNN", **{"input_shape": (8, 8, 3), **arguments})


@pytest.mark.parametrize("pool_first", [False, True])
def test_parameters_by_hand(pool_first):
    first, second = (9 * 3 + 1) * 16, (9 * 16 + 1) * 32
    dense, classifier = (56 * 56 * 32 + 1) * 64, (64 + 1) * 2
    model = models.build("LightweightCNN", pool_first=pool_first)
    assert model.count_params() == first + second + dense + classifier == 6_427_810
    assert model.output_shape == (None, 2)


@pytest.mark.parametrize(
    ("pool_first", "order"),
    [
        (False, ["conv_1", "pool_1", "conv_2", "pool_2"]),
        (True, ["pool_1", "conv_1", "pool_2", "conv_2"]),
    ],
)
def test_pooling_succeeds_or_precedes_each_convolution(pool_first, order):
    names = [layer.name for layer in build(pool_first=pool_first).layers[1:]]
    assert names == [*order, "flatten", "dense_1", "dropout_1", "predictions"]


def test_filters_and_units_can_be_chosen():
    built = build(input_shape=(8, 8, 3), filters=(2, 5), dense_units=7)
    # 3x3 kernels, 2 x 2 x 5 features after two poolings.
    assert built.count_params() == (27 * 2 + 2) + (18 * 5 + 5) + (20 * 7 + 7) + (7 * 2 + 2)


def test_the_layers_have_elu_and_a_dropout_of_a_fifth():
    model = build()
    for name in ("conv_1", "conv_2", "dense_1"):
        assert model.get_layer(name).activation is keras.activations.elu
    assert model.get_layer("dropout_1").rate == 0.2
    assert "dropout_1" not in [layer.name for layer in build(dropout_rate=0).layers]
    # Unlike a ReLU, an ELU returns negative values, down to -1.
    ones = np.ones((1, 8, 8, 3), dtype=np.float32)
    model.get_layer("conv_1").set_weights([np.zeros((3, 3, 3, 16)), np.full(16, -2.0)])
    maps = keras.Model(model.input, model.get_layer("conv_1").output)(ones)
    np.testing.assert_allclose(np.asarray(maps), np.exp(-2) - 1, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"input_shape": (3, 8, 3)}, "at least 4 pixels"),
        ({"weights": "imagenet"}, "never trained on ImageNet"),
        ({"dropout_rate": -0.1}, "from 0"),
        ({"filters": (16,)}, r"filters = \(16,\)"),
        ({"filters": (16, 0)}, "whole numbers above 0"),
        ({"filters": 16}, "filters = 16"),
        ({"dense_units": 6.4}, r"dense_units = 6\.4"),
    ],
)
def test_bad_arguments_are_refused(arguments, match):
    with pytest.raises(ArgumentError, match=match):
        build(**arguments)
