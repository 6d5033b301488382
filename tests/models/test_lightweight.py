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
    built = build(input_shape=(8, 8, 3), convolutions=((2, 3), (5, 3)), dense_units=7)
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


@pytest.mark.parametrize("activation", ["relu", "linear"])
def test_the_activation_of_the_convolutions_is_a_choice(activation):
    model = build(conv_activation=activation)
    for name in ("conv_1", "conv_2"):
        assert model.get_layer(name).activation is getattr(keras.activations, activation)
    # ELU stays where the paper has it.
    assert model.get_layer("dense_1").activation is keras.activations.elu


@pytest.mark.parametrize("pool_first", [False, True])
def test_kernels_and_padding_are_choices(pool_first):
    size = 10 if not pool_first else 16
    model = build(input_shape=(size, size, 3), padding="valid", pool_first=pool_first)
    assert model.get_layer("dense_1").kernel.shape[0] == 32
    with pytest.raises(ArgumentError, match=f"at least {size} pixels"):
        build(input_shape=(size - 1, size, 3), padding="valid", pool_first=pool_first)
    assert build(convolutions=((16, 5), (32, 3))).get_layer("conv_1").kernel.shape == (5, 5, 3, 16)


@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_the_dense_layer_can_get_pooled_feature_maps(pooling):
    assert build(top_pooling=pooling).get_layer("dense_1").kernel.shape == (32, 64)


def test_initial_values_are_pytorch_s():
    model = models.build("LightweightCNN", input_shape=(32, 32, 3))
    for name, fan_in in (("conv_1", 27), ("conv_2", 144), ("dense_1", 8 * 8 * 32), ("predictions", 64)):
        kernel, bias = model.get_layer(name).get_weights()
        limit = fan_in**-0.5
        # torch.nn.Conv2d and torch.nn.Linear: kernel and bias are uniform in +-1 / sqrt(fan_in).
        assert np.abs(kernel).max() <= limit
        assert np.abs(bias).max() <= limit
        assert np.abs(kernel).max() > 0.9 * limit
        assert len(np.unique(bias)) == len(bias)
        assert kernel.std() == pytest.approx(limit / 3**0.5, rel=0.1)
    keras_s = build(kernel_initializer="glorot_uniform")
    assert not keras_s.get_layer("conv_1").get_weights()[1].any()


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"input_shape": (3, 8, 3)}, "at least 4 pixels"),
        ({"weights": "imagenet"}, "never trained on ImageNet"),
        ({"dropout_rate": -0.1}, "from 0"),
        ({"convolutions": ((16, 3),)}, r"convolutions = \(\(16, 3\),\)"),
        ({"convolutions": ((16, 3), (0, 3))}, "whole numbers from 1"),
        ({"convolutions": 16}, "convolutions = 16"),
        ({"convolutions": ((16, 3), (32, 0))}, r"convolutions = \[16, 3, 32, 0\]"),
        ({"padding": "full"}, "padding = 'full'"),
        ({"conv_activation": "elo"}, "conv_activation = 'elo'"),
        ({"top_pooling": None}, "top_pooling = None"),
        ({"dense_units": 6.4}, r"dense_units = \[6\.4\]"),
    ],
)
def test_bad_arguments_are_refused(arguments, match):
    with pytest.raises(ArgumentError, match=match):
        build(**arguments)
