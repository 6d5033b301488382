"""Activation maps: Grad-CAM against the class activation map that a linear head has by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from leukcnn.errors import ArgumentError
from leukcnn.evaluation.activation_maps import (
    grad_cam,
    largest_maps_layer,
    last_convolution,
    mean_activation,
)
from leukcnn.models import alertnet

RNG = np.random.default_rng(0)
IMAGES = RNG.random((3, 8, 10, 3), np.float32)
KERNEL = RNG.normal(size=(4, 2)).astype(np.float32)


def small_network(*, kernel=KERNEL, bias=(0.0, 0.0), activation="softmax"):
    """Convolution, ReLU, global average, dense: its class activation map is known (Zhou et al. 2016)."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 10, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(inputs)
    x = layers.GlobalAveragePooling2D(name="gap")(x)
    network = keras.Model(inputs, layers.Dense(len(bias), activation=activation, name="predictions")(x))
    network.get_layer("predictions").set_weights([np.asarray(kernel), np.asarray(bias)])
    return network


def maps_of(network, name):
    subset = keras.Model(network.inputs, network.get_layer(name).output)
    return keras.ops.convert_to_numpy(subset([IMAGES]))


def normalised(maps):
    positive = np.maximum(maps, 0)
    return positive / positive.max(axis=(1, 2), keepdims=True)


@pytest.mark.backend
def test_grad_cam_of_a_linear_head_is_the_class_activation_map():
    network = small_network()
    found = grad_cam(network, IMAGES, class_index=1)
    assert found.shape == (3, 6, 8)
    assert found.dtype == np.float32
    expected = normalised(maps_of(network, "conv") @ KERNEL[:, 1])
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.backend
def test_one_output_speaks_for_the_second_class_and_against_the_first():
    one = small_network(kernel=KERNEL[:, :1], bias=(0.0,), activation="sigmoid")
    two = small_network(kernel=np.hstack([-KERNEL[:, :1], KERNEL[:, :1]]))
    for label in (0, 1):
        np.testing.assert_allclose(
            grad_cam(one, IMAGES, class_index=label), grad_cam(two, IMAGES, class_index=label), atol=1e-5
        )
    with pytest.raises(ArgumentError, match="0 to 1"):
        grad_cam(one, IMAGES, class_index=2)


def test_gradients_are_averaged_over_the_positions():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 10, 3))
    x = layers.Flatten()(layers.Conv2D(4, 3, activation="relu", name="conv")(inputs))
    network = keras.Model(inputs, layers.Dense(2, activation="softmax", name="predictions")(x))
    kernel = RNG.random((6 * 8 * 4, 2))
    network.get_layer("predictions").set_weights([kernel, np.zeros(2)])
    weights = kernel[:, 0].reshape(6, 8, 4).mean(axis=(0, 1))
    expected = normalised(maps_of(network, "conv") @ weights)
    np.testing.assert_allclose(grad_cam(network, IMAGES, class_index=0), expected, atol=1e-5)


def test_a_hidden_layer_passes_on_only_what_is_above_zero():
    inputs = keras.Input((8, 10, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(1, 1, kernel_initializer="ones", name="conv")(inputs))
    x = layers.Dense(2, activation="relu", name="hidden")(x)
    network = keras.Model(inputs, layers.Dense(2, activation="softmax", name="predictions")(x))
    # The first hidden unit is always above 0, the second always below.
    network.get_layer("hidden").set_weights([np.array([[1.0, -1.0]]), np.zeros(2)])
    network.get_layer("predictions").set_weights([np.eye(2), np.zeros(2)])
    np.testing.assert_allclose(
        grad_cam(network, IMAGES, class_index=0), normalised(IMAGES.sum(axis=-1)), atol=1e-5
    )
    np.testing.assert_array_equal(grad_cam(network, IMAGES, class_index=1), np.zeros((3, 8, 10)))


def test_softmax_bias_and_scale_of_a_class_do_not_matter():
    expected = grad_cam(small_network(), IMAGES, class_index=0)
    # The softmax of such a bias is 1 to the last digit, and its own gradient 0.
    for other in (
        small_network(bias=(200.0, 0.0)),
        small_network(kernel=KERNEL * [5.0, 1.0]),
        small_network(activation=None),
    ):
        np.testing.assert_allclose(grad_cam(other, IMAGES, class_index=0), expected, atol=1e-5)


def test_each_image_has_its_own_class_and_depends_on_no_other():
    network = small_network()
    together = grad_cam(network, IMAGES, class_index=np.array([0, 1, 0]))
    alone = [grad_cam(network, IMAGES[i : i + 1], class_index=label)[0] for i, label in enumerate((0, 1, 0))]
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_what_speaks_against_the_class_gives_zeros():
    network = small_network(kernel=-np.abs(KERNEL))
    assert not grad_cam(network, IMAGES, class_index=0).any()


def test_mean_activation_by_hand():
    network = small_network()
    expected = normalised(maps_of(network, "conv").mean(axis=-1))
    found = mean_activation(network, IMAGES)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(found.max(axis=(1, 2)), 1)
    network.get_layer("conv").set_weights([np.zeros((3, 3, 3, 4)), np.zeros(4)])
    assert not mean_activation(network, IMAGES).any()


def block_network(*, sequential=False):
    stack = [
        keras.Input((8, 10, 3)),
        layers.SeparableConv2D(4, 3, strides=2, name="conv"),
        layers.BatchNormalization(name="batch_norm"),
        layers.ReLU(name="relu"),
        layers.MaxPooling2D(name="pool"),
        layers.Flatten(name="flatten"),
        layers.Dropout(0.5, name="dropout"),
        layers.Dense(2, activation="softmax", name="predictions"),
    ]
    network = keras.Sequential(stack)
    return network if sequential else keras.Model(network.inputs, network.outputs)


@pytest.mark.parametrize("sequential", [False, True])
def test_maps_are_taken_after_normalisation_and_activation(sequential):
    network = block_network(sequential=sequential)
    assert last_convolution(network) == "relu"
    found = mean_activation(network, IMAGES)
    np.testing.assert_array_equal(found, mean_activation(network, IMAGES, layer="relu"))
    assert grad_cam(network, IMAGES, class_index=0).shape == found.shape == (3, 3, 4)


def test_other_layers_by_name():
    network = block_network()
    assert grad_cam(network, IMAGES, class_index=0, layer="pool").shape == (3, 1, 2)
    assert mean_activation(network, IMAGES, layer="conv").shape == (3, 3, 4)


@pytest.mark.backend
def test_dropout_and_batch_statistics_do_not_change():
    network = block_network()
    before = [keras.ops.convert_to_numpy(variable) for variable in network.variables]
    first, second = (grad_cam(network, IMAGES, class_index=0) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    for variable, value in zip(network.variables, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)


def residual_network():
    inputs = keras.Input((8, 10, 3))
    x = layers.Conv2D(3, 3, padding="same", name="conv")(inputs)
    x = layers.BatchNormalization(name="batch_norm")(x)
    x = layers.ReLU(name="out")(layers.Add(name="add")([inputs, x]))
    return keras.Model(inputs, layers.Dense(2, name="predictions")(layers.GlobalAveragePooling2D()(x)))


def test_residual_block_is_refused_with_the_layer_to_pass_instead():
    network = residual_network()
    for use in (
        last_convolution,
        lambda model: grad_cam(model, IMAGES, class_index=0),
        lambda model: mean_activation(model, IMAGES),
    ):
        with pytest.raises(ArgumentError, match=r"(?s)'conv', is on one of several paths.*layer='out'"):
            use(network)
    assert grad_cam(network, IMAGES, class_index=0, layer="out").shape == (3, 8, 10)
    with pytest.raises(ArgumentError, match="can't be cut after 'conv'"):
        grad_cam(network, IMAGES, class_index=0, layer="conv")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"class_index": 2}, "0 to 1"),
        ({"class_index": -1}, "0 to 1"),
        ({"class_index": [0, 1]}, r"shape \(2,\)"),
        ({"class_index": 0.5}, "float64"),
        ({"class_index": 0, "layer": "gap"}, "no layer 'gap' with feature maps"),
        ({"class_index": 0, "layer": "conv9"}, r"(?s)no layer 'conv9'.*Expected: conv"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        grad_cam(small_network(), IMAGES, **arguments)


def test_one_image_needs_its_axis():
    with pytest.raises(ArgumentError, match=r"\(8, 10, 3\)"):
        mean_activation(small_network(), IMAGES[0])


def test_networks_without_convolution_or_dense_end_are_refused():
    inputs = keras.Input((8, 10, 3))
    dense = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(inputs)))
    with pytest.raises(ArgumentError, match="no convolution"):
        last_convolution(dense)
    pooled = keras.Model(inputs, layers.GlobalAveragePooling2D(name="gap")(layers.Conv2D(2, 3)(inputs)))
    with pytest.raises(ArgumentError, match="ends in 'gap', a GlobalAveragePooling2D"):
        grad_cam(pooled, IMAGES, class_index=0)


@pytest.mark.parametrize("name", ["AlertNet", "AlertNetR", "AlertNetX"])
def test_alert_nets(name):
    network = getattr(alertnet, name)(input_shape=(64, 64, 3))
    assert last_convolution(network) == "relu_5"
    images = RNG.random((2, 64, 64, 3), np.float32)
    found = grad_cam(network, images, class_index=[0, 2])
    assert found.shape == mean_activation(network, images).shape == (2, 1, 1)
    assert np.isfinite(found).all()


@pytest.mark.slow
def test_resnet50_names_its_last_block():
    network = keras.applications.ResNet50(weights=None, input_shape=(64, 64, 3), classes=3)
    with pytest.raises(ArgumentError, match="layer='conv5_block3_out'"):
        last_convolution(network)
    images = RNG.random((1, 64, 64, 3), np.float32)
    assert grad_cam(network, images, class_index=0, layer="conv5_block3_out").shape == (1, 2, 2)


def test_largest_maps_layer_is_the_last_with_maps_on_all_paths():
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 255, name="before")(inputs)
    x = layers.Conv2D(4, 3, strides=4, padding="same", name="first")(x)
    left = layers.Conv2D(4, 3, padding="same", name="left")(x)
    x = layers.Add(name="joined")([x, left])
    x = layers.Conv2D(4, 3, strides=4, padding="same", name="small")(x)
    outputs = layers.Dense(2)(layers.GlobalAveragePooling2D()(x))
    assert largest_maps_layer(keras.Model(inputs, outputs)) == "joined"
    head = layers.Dense(2)(layers.Flatten()(layers.Conv2D(2, 16, strides=16, name="only")(inputs)))
    assert largest_maps_layer(keras.Model(inputs, head)) == "only"
    dense = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(layers.Rescaling(2.0)(inputs))))
    with pytest.raises(ArgumentError, match="no convolution"):
        largest_maps_layer(dense)
