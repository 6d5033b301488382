"""Maps of single filters: outputs of a convolution by hand, and the choice of filters and layers."""

import keras
import numpy as np
import pytest
from keras import layers

from leukcnn.errors import ArgumentError
from leukcnn.evaluation.filter_maps import filter_maps, last_convolutions

IMAGE = np.random.default_rng(0).random((8, 10, 3)).astype(np.float32)


def scaling_network(*factors):
    """A network with a convolution: filter i returns the ReLU of red times factors[i]."""
    inputs = keras.Input((8, 10, 3))
    x = layers.Conv2D(len(factors), 1, activation="relu", use_bias=False, name="conv")(inputs)
    x = layers.Flatten()(layers.MaxPooling2D(name="pool")(x))
    network = keras.Model(inputs, layers.Dense(2, name="predictions")(x))
    kernel = np.zeros((1, 1, 3, len(factors)))
    kernel[0, 0, 0] = factors
    network.get_layer("conv").set_weights([kernel])
    return network


def two_block_network(*, sequential=False):
    stack = [
        keras.Input((8, 10, 3)),
        layers.Conv2D(4, 3, padding="same", activation="relu", name="block1_conv1"),
        layers.Conv2D(5, 3, padding="same", activation="relu", name="block1_conv2"),
        layers.MaxPooling2D(name="block1_pool"),
        layers.SeparableConv2D(6, 3, padding="same", name="block2_conv1"),
        layers.BatchNormalization(name="block2_norm"),
        layers.ReLU(name="block2_relu"),
        layers.AveragePooling2D(2, name="block2_pool"),
        layers.MaxPooling2D(1, name="another_pool"),
        layers.Conv2D(3, 1, name="unpooled_conv"),
        layers.Flatten(name="flatten"),
        layers.Dense(2, activation="softmax", name="predictions"),
    ]
    keras.utils.set_random_seed(0)
    network = keras.Sequential(stack)
    return network if sequential else keras.Model(network.inputs, network.outputs)


def test_most_active_filters_come_first():
    found = filter_maps(scaling_network(1, 3, -1, 2), IMAGE, layers=["conv"], n_filters=3)
    assert found.layers == ("conv",)
    assert found.filters[0].tolist() == [1, 3, 0]
    assert found.filters[0].dtype == np.int64
    assert found.maps[0].dtype == np.float32
    np.testing.assert_allclose(found.maps[0], IMAGE[..., 0] * np.array([3, 2, 1])[:, None, None], atol=1e-6)


def test_of_equally_active_filters_the_first_are_taken():
    found = filter_maps(scaling_network(-1, 2, 0, 2, -5, 2), IMAGE, layers=None, n_filters=5)
    assert found.filters[0].tolist() == [1, 3, 5, 0, 2]
    assert not found.maps[0][3:].any()


def test_a_layer_with_fewer_filters_returns_all():
    found = filter_maps(two_block_network(), IMAGE, n_filters=5)
    assert [maps.shape for maps in found.maps] == [(5, 8, 10), (5, 4, 5)]
    found = filter_maps(two_block_network(), IMAGE, n_filters=100)
    assert [maps.shape for maps in found.maps] == [(5, 8, 10), (6, 4, 5)]
    assert [sorted(numbers.tolist()) for numbers in found.filters] == [list(range(5)), list(range(6))]


@pytest.mark.parametrize("sequential", [False, True])
def test_last_convolution_before_each_pooling(sequential):
    network = two_block_network(sequential=sequential)
    assert last_convolutions(network) == ("block1_conv2", "block2_conv1")
    assert filter_maps(network, IMAGE, n_filters=1).layers == ("block1_conv2", "block2_conv1")


def test_layers_of_vggs_five_blocks():
    network = keras.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
    names = ("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3", "block5_conv3")
    assert last_convolutions(network) == names
    found = filter_maps(network, np.ones((32, 32, 3), np.float32), n_filters=2)
    assert [maps.shape[1:] for maps in found.maps] == [(size, size) for size in (32, 16, 8, 4, 2)]


@pytest.mark.backend
def test_each_map_is_the_output_of_its_layer():
    network, names = two_block_network(), ["block2_relu", "block1_conv1"]
    found = filter_maps(network, IMAGE, layers=names, n_filters=2)
    assert found.layers == tuple(names)
    for name, numbers, maps in zip(found.layers, found.filters, found.maps, strict=True):
        base = keras.Model(network.inputs, network.get_layer(name).output)
        outputs = keras.ops.convert_to_numpy(base([IMAGE[None]], training=False))[0]
        np.testing.assert_allclose(np.moveaxis(maps, 0, -1), outputs[..., numbers], atol=1e-6)
        means = outputs.mean(axis=(0, 1))
        assert means[numbers[0]] >= means[numbers[1]] >= np.sort(means)[-2] - 1e-6


def test_batch_statistics_do_not_change():
    network = two_block_network()
    before = [keras.ops.convert_to_numpy(variable) for variable in network.variables]
    filter_maps(network, IMAGE, n_filters=1)
    for variable, value in zip(network.variables, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_filters": 0}, "n_filters = 0"),
        ({"layers": ["conv9"]}, r"(?s)no layers \['conv9'\] with feature maps.*block1_conv1"),
        ({"layers": ["block1_conv1", "flatten"]}, r"no layers \['flatten'\]"),
        ({"layers": []}, "No layer is named"),
        ({"image": IMAGE[None]}, r"\(1, 8, 10, 3\)"),
        ({"image": IMAGE[:5]}, r"(?s)\(5, 10, 3\).*\(8, 10, 3\)"),
    ],
)
def test_wrong_arguments_are_refused(options, message):
    arguments = {"image": IMAGE, "n_filters": 2} | options
    with pytest.raises(ArgumentError, match=message):
        filter_maps(two_block_network(), arguments.pop("image"), **arguments)


def test_networks_without_convolution_before_a_pooling_are_refused():
    inputs = keras.Input((8, 10, 3))
    x = layers.Conv2D(2, 3)(layers.MaxPooling2D()(inputs))
    with pytest.raises(ArgumentError, match="no convolution before a pooling"):
        last_convolutions(keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x))))
