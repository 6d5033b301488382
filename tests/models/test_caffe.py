"""AlexNet, CaffeNet and VGG-f: parameters, layers, sizes of the feature maps, and loading weights."""

import keras
import numpy as np
import pytest
from keras import layers

from leukcnn import models
from leukcnn.errors import ArgumentError, WeightsError
from leukcnn.models.bases import penultimate
from leukcnn.models.unfilled import unfilled

# Network -> height and width of its images, parameters at 1000 classes, the published file.
NETWORKS = {
    "AlexNet": (227, 60_965_224, "imagenet-caffe-alex.mat"),
    "CaffeNet": (227, 60_965_224, "imagenet-caffe-ref.mat"),
    "VGGF": (224, 60_834_536, "imagenet-vgg-f.mat"),
}


def build(network="VGGF", **arguments):
    """Returns a network for the smallest images, by default without its layers of 4096 units."""
    return models.build(network, **{"input_shape": (39, 39, 3), "include_top": False, **arguments})


@pytest.mark.parametrize("name", NETWORKS)
def test_parameters_and_maps_are_the_originals(name):
    image_size, parameters, _ = NETWORKS[name]
    with unfilled():
        model = models.build(name)
    assert model.input_shape == (None, image_size, image_size, 3)
    assert model.count_params() == parameters
    sizes = [model.get_layer(place).output.shape[1] for place in ("conv1", "pool1", "pool2", "pool5")]
    assert sizes == [54 if name == "VGGF" else 55, 27, 13, 6]
    assert penultimate(model).output_shape == (None, 4096)
    assert penultimate(model).layers[-1].name == "fc7"
    assert model.output_shape == (None, 1000)


@pytest.mark.parametrize(
    ("name", "filters", "groups", "order", "constants"),
    [
        ("AlexNet", [96, 256, 384, 384, 256], [1, 2, 1, 2, 2], ["norm", "pool"], (5, 1, 2e-5, 0.75)),
        ("CaffeNet", [96, 256, 384, 384, 256], [1, 2, 1, 2, 2], ["pool", "norm"], (5, 1, 2e-5, 0.75)),
        ("VGGF", [64, 256, 256, 256, 256], [1, 1, 1, 1, 1], ["norm", "pool"], (5, 2, 1e-4, 0.75)),
    ],
)
def test_layers_are_the_originals(name, filters, groups, order, constants):
    with unfilled():
        model = build(name)
    convolutions = [model.get_layer(f"conv{i}") for i in range(1, 6)]
    assert [layer.filters for layer in convolutions] == filters
    assert [layer.groups for layer in convolutions] == groups
    assert [layer.kernel_size[0] for layer in convolutions] == [11, 5, 3, 3, 3]
    assert [layer.strides[0] for layer in convolutions] == [4, 1, 1, 1, 1]
    assert all(layer.activation is keras.activations.relu for layer in convolutions)
    names = [layer.name for layer in model.layers if not layer.name.endswith("_pad")]
    blocks = [["conv1", *(f"{kind}1" for kind in order)], ["conv2", *(f"{kind}2" for kind in order)]]
    assert names[1:] == ["mean", *blocks[0], *blocks[1], "conv3", "conv4", "conv5", "pool5"]
    for place in ("norm1", "norm2"):
        layer = model.get_layer(place)
        assert (layer.size, layer.bias, layer.alpha, layer.beta) == constants


def test_the_top_has_dropout_after_both_dense_layers_or_nowhere():
    def top(**arguments):
        with unfilled():
            names = [layer.name for layer in build(include_top=True, classes=2, **arguments).layers]
        return names[names.index("flatten") + 1 :]

    assert top() == ["fc6", "drop6", "fc7", "drop7", "predictions"]
    assert top(dropout_rate=0) == ["fc6", "fc7", "predictions"]


@pytest.mark.parametrize("shape", [(39, 39), (39, 71), (64, 64), (71, 103), (80, 101), (97, 90)])
def test_pooling_covers_all_maps_as_caffe_rounds_up(shape):
    with unfilled():
        model = build("AlexNet", input_shape=(*shape, 3))
    sizes = [(image_size - 11) // 4 + 1 for image_size in shape]
    for i in (1, 2, 5):
        # Caffe: enough windows of 3 with stride 2 to cover the last row and column.
        sizes = [-(-(size - 3) // 2) + 1 for size in sizes]
        assert model.get_layer(f"pool{i}").output.shape[1:3] == tuple(sizes)


def test_the_last_column_is_pooled_in_an_incomplete_window():
    model = build(input_shape=(39, 39, 3))
    # Maps of 8x8 after conv1: the window that starts at row 6 has two rows, followed by zeros.
    pool = keras.Model(model.get_layer("norm1").output, model.get_layer("pool1").output)
    maps = np.random.default_rng(0).random((1, 8, 8, 64), dtype=np.float32)
    pooled = np.asarray(pool(maps))
    assert pooled.shape == (1, 4, 4, 64)
    np.testing.assert_array_equal(pooled[0, 3, 3], maps[0, 6:, 6:].max(axis=(0, 1)))
    np.testing.assert_array_equal(pooled[0, 1, 3], maps[0, 2:5, 6:].max(axis=(0, 1)))


def test_the_mean_image_gives_only_biases():
    model = build("CaffeNet")
    conv1 = keras.Model(model.input, model.get_layer("conv1").output)
    mean = np.broadcast_to(np.float32([123.68, 116.779, 103.939]), (1, 39, 39, 3))
    assert not np.asarray(conv1(mean)).any()
    assert np.asarray(conv1(mean[..., ::-1])).any()


@pytest.mark.parametrize("pooling", [None, "avg", "max"])
def test_without_the_top(pooling):
    model = build(input_shape=(71, 39, 3), pooling=pooling)
    assert model.output_shape == ((None, 256) if pooling else (None, 2, 1, 256))


def test_input_tensor_initializer_classes_activation_and_name():
    tensor = keras.Input((40, 48, 3), name="cell")
    model = models.build(
        "AlexNet",
        input_tensor=tensor,
        classes=2,
        classifier_activation=None,
        kernel_initializer="zeros",
        name="mine",
    )
    assert model.input is tensor
    assert (model.name, model.output_shape) == ("mine", (None, 2))
    assert model.get_layer("predictions").activation is keras.activations.linear
    kinds = (layers.Conv2D, layers.Dense)
    assert not any(layer.get_weights()[0].any() for layer in model.layers if isinstance(layer, kinds))


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"input_shape": (38, 39, 3)}, "at least 39 pixels"),
        ({"input_shape": (39, 39, 1)}, r"\(height, width, 3\)"),
        ({"input_shape": (None, None, 3)}, "at least 39 pixels"),
        ({"classes": 1}, "softmax over one"),
        ({"dropout_rate": 1.0}, "below 1"),
        ({"pooling": "mean"}, "'avg' or 'max'"),
    ],
)
def test_bad_arguments_are_refused(arguments, match):
    with pytest.raises(ArgumentError, match=match):
        build(**arguments)


@pytest.mark.parametrize("weights", ["imagenet", "weights.npz"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_wrong_suffix_is_refused_with_the_address_of_a_weights_file(name, weights):
    with pytest.raises(WeightsError) as error:
        build(name, weights=weights)
    assert f"https://www.vlfeat.org/matconvnet/models/{NETWORKS[name][2]}" in error.value.remedy
    assert "pass its path" in error.value.remedy


@pytest.mark.parametrize("file", ["none.mat", "none.weights.h5", "none.keras"])
def test_a_missing_file_is_named(file, tmp_path):
    with pytest.raises(WeightsError, match=f"no weights file .*{file}"):
        build(weights=tmp_path / file)


@pytest.mark.parametrize("file", ["x.weights.h5", "x.keras"])
def test_files_of_keras_load_with_their_mean(file, tmp_path):
    made = build()
    made.get_layer("mean").mean = np.float32([1, 2, 3])
    if file.endswith(".keras"):
        made.save(tmp_path / file)
    else:
        made.save_weights(tmp_path / file)
    model = build(weights=str(tmp_path / file))
    np.testing.assert_array_equal(model.get_layer("mean").mean, [1, 2, 3])
    for loaded, stored in zip(model.get_weights(), made.get_weights(), strict=True):
        np.testing.assert_array_equal(loaded, stored)
