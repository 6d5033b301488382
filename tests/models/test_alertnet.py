"""The Alert Nets: parameters, sizes of the feature maps, shortcut, variants without dropout."""

import keras
import numpy as np
import pytest
from keras import layers
from keras.ops import convert_to_numpy as to_numpy

from leukcnn import models
from leukcnn.errors import ArgumentError
from leukcnn.models.bases import last_frozen_layer
from leukcnn.models.unfilled import unfilled

PARAMETERS = {"AlertNet": 8_792_963, "AlertNetR": 8_799_875, "AlertNetX": 3_078_318}


@pytest.mark.parametrize("dropout_rate", [0.5, 0])
@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_with_and_without_dropout(name, dropout_rate):
    with unfilled():
        model = models.build(name, dropout_rate=dropout_rate)
    assert model.count_params() == PARAMETERS[name]
    rates = [layer.rate for layer in model.layers if isinstance(layer, layers.Dropout)]
    assert rates == ([dropout_rate] if dropout_rate else [])
    assert last_frozen_layer(model) is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [("AlertNet", layers.Conv2D), ("AlertNetR", layers.Conv2D), ("AlertNetX", layers.SeparableConv2D)],
)
def test_layers_are_the_assumed_ones(name, kind):
    with unfilled():
        model = models.build(name)
    convolutions = [model.get_layer(f"conv_{i}") for i in range(1, 6)]
    assert all(type(layer) is kind and layer.use_bias for layer in convolutions)
    assert [layer.filters for layer in convolutions] == [64, 128, 256, 512, 1024]
    assert [layer.kernel_size[0] for layer in convolutions] == [11, 5, 3, 3, 3]
    assert [layer.strides[0] for layer in convolutions] == [4, 1, 1, 1, 1]
    assert [model.get_layer(f"pool_{i}").output.shape[1] for i in range(1, 6)] == [28, 14, 7, 4, 2]
    names = [layer.name for layer in model.layers]
    start = names.index("conv_3")
    assert names[start : start + 4] == ["conv_3", "batch_norm_3", "relu_3", "pool_3"]
    assert names[-5:] == ["flatten", "dense_1", "dense_2", "dropout_2", "predictions"]


def test_the_shortcut_is_the_image_itself_pooled_16_by_16():
    model = models.build("AlertNetR", input_shape=(64, 96, 3))
    image = np.random.default_rng(0).random((1, 64, 96, 3), dtype=np.float32)
    joined = np.asarray(keras.Model(model.input, model.get_layer("concatenate").output)(image))
    assert joined.shape == (1, 4, 6, 128 + 3)
    blocks = image[0].reshape(4, 16, 6, 16, 3).max(axis=(1, 3))
    np.testing.assert_array_equal(joined[0, ..., 128:], blocks)


@pytest.mark.parametrize("image_size", [16, 17, 40, 100, 224, 225, 250])
def test_the_shortcut_fits_at_any_size(image_size):
    with unfilled():
        model = models.build("AlertNetR", input_shape=(image_size, 64, 3), include_top=False)
    assert model.get_layer("pool_input").output.shape[1:3] == model.get_layer("pool_2").output.shape[1:3]
    assert model.get_layer("pool_input").output.shape[1] == -(-image_size // 16)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"input_shape": (224, 15, 3)}, "at least 16 pixels"),
        ({"input_shape": (None, None, 3)}, "at least 16 pixels"),
        ({"dropout_rate": 1.0}, "below 1"),
        ({"weights": "imagenet"}, "never trained on ImageNet"),
        ({"relu": "first"}, "after_norm, before_norm, not_dense"),
        ({"pool_padding": "full"}, "same, valid"),
        ({"pool_padding": "valid", "input_shape": (124, 224, 3)}, "at least 125 pixels"),
        ({"pool_padding": "valid", "input_shape": (224, 225, 3)}, "multiples of 16"),
        ({"convolutions": ((64, 11), (128, 5))}, "5 pairs"),
        ({"convolutions": ((64, 11, 4), *[(64, 3)] * 4)}, "5 pairs"),
        ({"convolutions": ((64, 0), *[(64, 3)] * 4)}, "whole numbers from 1"),
        ({"convolutions": 64}, "5 pairs"),
        ({"dense_units": (512, -1)}, "whole numbers from 1"),
    ],
)
def test_bad_arguments_are_refused(arguments, match):
    with pytest.raises(ArgumentError, match=match):
        models.build("AlertNetR", **arguments)


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_initializer_reaches_every_kernel(name):
    model = models.build(name, input_shape=(32, 32, 3), kernel_initializer="zeros")
    kernels = [w for w in model.trainable_weights if w.path.endswith("kernel")]
    assert len(kernels) == (13 if name == "AlertNetX" else 8)
    assert not any(to_numpy(w).any() for w in kernels)


def test_grey_images_with_one_channel_work():
    model = models.build("AlertNetR", input_shape=(32, 32, 1))
    assert np.asarray(model(np.zeros((2, 32, 32, 1), dtype=np.float32))).shape == (2, 3)


def test_other_sizes_have_as_many_parameters_as_the_paper_prints():
    with unfilled():
        model = models.build("AlertNet", pool_padding="valid", dense_units=(2048, 128))
    assert model.get_layer("pool_5").output.shape == (None, 1, 1, 1024)
    assert model.count_params() == 8_792_963


@pytest.mark.parametrize(
    ("relu", "block", "dense"),
    [
        ("after_norm", ["conv_3", "batch_norm_3", "relu_3", "pool_3"], "relu"),
        ("before_norm", ["conv_3", "relu_3", "batch_norm_3", "pool_3"], "relu"),
        ("not_dense", ["conv_3", "batch_norm_3", "relu_3", "pool_3"], "linear"),
    ],
)
@pytest.mark.parametrize("name", PARAMETERS)
def test_relu_is_where_it_is_asked_for(name, relu, block, dense):
    with unfilled():
        model = models.build(name, relu=relu)
    names = [layer.name for layer in model.layers]
    assert names[names.index("conv_3") :][:4] == block
    assert [model.get_layer(f"dense_{i}").activation.__name__ for i in (1, 2)] == [dense] * 2
    assert model.count_params() == PARAMETERS[name]


def test_the_first_convolution_of_x_can_stay_a_plain_one():
    with unfilled():
        model = models.build("AlertNetX", first_separable=False)
    kinds = [type(model.get_layer(f"conv_{i}")) for i in range(1, 6)]
    assert kinds == [layers.Conv2D, *[layers.SeparableConv2D] * 4]
    # A kernel of 11 x 11 x 3 x 64 in place of one of 11 x 11 x 3 and one of 3 x 64.
    assert model.count_params() == PARAMETERS["AlertNetX"] + 121 * 3 * 64 - (121 * 3 + 3 * 64)


def test_dropout_follows_the_last_dense_layer_whatever_their_number():
    with unfilled():
        model = models.build("AlertNet", dense_units=(8, 4, 2), convolutions=[(4, 3)] * 5)
    assert [layer.name for layer in model.layers][-5:] == [
        *("dense_1", "dense_2", "dense_3", "dropout_3", "predictions")
    ]
    assert models.build("AlertNet", dense_units=(), input_shape=(16, 16, 3)).layers[-2].name == "flatten"
