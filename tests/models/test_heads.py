"""Inputs, pooling and dense layers of the top: their names, and values computed by hand."""

import keras
import numpy as np
import pytest

from leukcnn.errors import ArgumentError
from leukcnn.models.heads import (
    check_head,
    checked_input,
    dense_head,
    pooled,
    refuse_imagenet,
    source_inputs,
)


def head(**arguments):
    x = keras.Input((4,))
    options = {
        "dense_units": (3, 2),
        "dropout_rates": (0, 0.5),
        "classes": 2,
        "classifier_activation": "softmax",
    }
    return keras.Model(x, dense_head(x, **{**options, **arguments}))


def test_layers_are_numbered_and_a_rate_of_zero_gives_no_dropout_layer():
    assert [layer.name for layer in head().layers[1:]] == ["dense_1", "dense_2", "dropout_2", "predictions"]
    assert [layer.name for layer in head(dense_units=(), dropout_rates=()).layers[1:]] == ["predictions"]


def test_dense_layers_have_relu_and_the_classifier_a_softmax():
    model = head(kernel_initializer="ones")
    # Sums: 10 three times, 30 twice, 60 twice: a tie. All negative inputs: 0 after the first ReLU.
    outputs = keras.Model(model.input, model.get_layer("dense_2").output)(np.array([[1.0, 2, 3, 4]]))
    np.testing.assert_array_equal(np.asarray(outputs), [[30, 30]])
    np.testing.assert_allclose(np.asarray(model(np.array([[1.0, 2, 3, 4]]))), [[0.5, 0.5]])
    hidden = keras.Model(model.input, model.get_layer("dense_1").output)(np.array([[-1.0, -2, -3, -4]]))
    np.testing.assert_array_equal(np.asarray(hidden), [[0, 0, 0]])


def test_a_rate_for_each_layer_is_needed():
    with pytest.raises(ValueError, match="zip"):
        head(dropout_rates=(0.5,))


@pytest.mark.parametrize(
    ("pooling", "expected"), [(None, [[[[1], [2]], [[3], [6]]]]), ("avg", [[3]]), ("max", [[6]])]
)
def test_pooling_by_hand(pooling, expected):
    x = keras.Input((2, 2, 1))
    y = pooled(x, pooling)
    if pooling is None:
        assert y is x
    else:
        maps = np.array([[[[1], [2]], [[3], [6]]]], dtype=np.float32)
        np.testing.assert_array_equal(np.asarray(keras.Model(x, y)(maps)), expected)


def test_the_inputs_of_a_tensor_are_found():
    x = keras.Input((3,))
    assert source_inputs(x) is x
    assert source_inputs(keras.layers.Dense(2)(x)) is x


@pytest.mark.parametrize(
    "arguments",
    [
        {"classes": 1},
        {"classes": 0, "classifier_activation": "sigmoid"},
        {"dropout_rates": (0.5, 1.0)},
        {"dropout_rates": (-0.1,)},
    ],
)
def test_impossible_heads_are_refused(arguments):
    with pytest.raises(ArgumentError, match="Expected"):
        check_head(**{"classes": 2, "classifier_activation": "softmax", "dropout_rates": (), **arguments})


def test_one_output_is_fine_under_a_sigmoid():
    check_head(classes=1, classifier_activation="sigmoid", dropout_rates=(0, 0.99))


def test_activation_applies_to_the_layers_before_the_classifier():
    model = head(activation="elu")
    activations = [model.get_layer(name).activation for name in ("dense_1", "dense_2", "predictions")]
    assert activations == [keras.activations.elu, keras.activations.elu, keras.activations.softmax]


def test_an_input_is_the_given_tensor_or_a_new_one():
    tensor = keras.Input((9, 8, 1))
    assert checked_input(tensor, (1, 1, 1), min_size=8) is tensor
    assert checked_input(None, (8, 9, 3), min_size=8).shape == (None, 8, 9, 3)


@pytest.mark.parametrize("shape", [(7, 8, 3), (8, None, 3), (8, 8), (8, 8, 0)])
def test_too_small_inputs_are_refused(shape):
    with pytest.raises(ArgumentError, match="at least 8 pixels"):
        checked_input(None, shape, min_size=8)


def test_imagenet_is_refused_by_name():
    refuse_imagenet(None, "Mine")
    refuse_imagenet("imagenet.weights.h5", "Mine")
    with pytest.raises(ArgumentError, match="for Mine"):
        refuse_imagenet("imagenet", "Mine")
