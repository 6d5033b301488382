"""The Taleghani network: the paper's table of layers, the frozen base, weights, and cutting it."""

import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as to_numpy

from leukcnn import models
from leukcnn.errors import WeightsError
from leukcnn.models.bases import last_frozen_layer, penultimate, split_at
from leukcnn.models.unfilled import unfilled
from leukcnn.prediction import SavedNetwork
from leukcnn.spec import Preprocessing


def build(**arguments):
    keras.utils.set_random_seed(3)
    return models.build("TaleghaniResNet50", **{"input_shape": (32, 32, 3), "weights": None, **arguments})


@pytest.fixture(scope="module")
def network():
    return build()


def images(n=4, image_size=32):
    return np.random.default_rng(0).random((n, image_size, image_size, 3), dtype=np.float32)


def count(weights):
    return sum(int(np.prod(w.shape)) for w in weights)


def test_layers_are_those_of_the_papers_table():
    with unfilled():
        model = build(input_shape=(224, 224, 3))
    assert [
        (type(layer).__name__, layer.output.shape, layer.count_params()) for layer in model.layers[2:]
    ] == [
        ("Flatten", (None, 100_352), 0),
        ("Dropout", (None, 100_352), 0),
        ("Dense", (None, 4), 401_412),
    ]
    base = model.layers[1]
    assert (base.name, type(base).__name__) == ("resnet50", "Functional")
    assert (base.output_shape, base.count_params()) == ((None, 7, 7, 2048), 23_587_712)
    assert count(model.trainable_weights) == 401_412
    assert count(model.non_trainable_weights) == 23_587_712
    assert model.get_layer("dropout").rate == 0.5


def test_the_base_gets_the_input_of_its_published_weights(network):
    x = images(2)
    literal = build(include_preprocessing=False)
    literal.set_weights(network.get_weights())
    assert literal.count_params() == network.count_params()
    expected = literal(keras.applications.resnet50.preprocess_input(255 * x))
    np.testing.assert_allclose(np.asarray(network(x)), np.asarray(expected), atol=1e-4)


def test_batch_statistics_do_not_change_in_training(network):
    base = network.get_layer("resnet50")
    before = [to_numpy(w).copy() for w in base.weights]
    x = images()
    in_training = np.asarray(base(x, training=True))
    np.testing.assert_array_equal(in_training, np.asarray(base(x, training=False)))
    for one, other in zip(before, base.weights, strict=True):
        np.testing.assert_array_equal(one, to_numpy(other))


def test_it_is_cut_after_the_flattened_base(network):
    assert last_frozen_layer(network) == "flatten"
    base, head = split_at(network, "flatten")
    assert [layer.name for layer in head.layers[1:]] == ["dropout", "predictions"]
    assert count(base.weights) == 23_587_712
    x = images()
    np.testing.assert_allclose(np.asarray(head(base(x))), np.asarray(network(x)), atol=1e-6)
    features = penultimate(network)
    assert features.layers[-1].name == "flatten"
    np.testing.assert_array_equal(np.asarray(features(x)), np.asarray(base(x)))


def test_a_saved_network_is_the_same_and_its_base_stays_frozen(network, tmp_path):
    SavedNetwork(network, Preprocessing(resize=32), ("a", "b", "c", "d"), {}).save(tmp_path / "model.keras")
    again = SavedNetwork.load(tmp_path / "model.keras").network
    x = images()
    np.testing.assert_array_equal(np.asarray(again(x)), np.asarray(network(x)))
    assert count(again.trainable_weights) == count(network.trainable_weights)
    assert last_frozen_layer(again) == "flatten"
    assert penultimate(again).output_shape == (None, 2048)


def test_a_file_of_the_base_loads_into_the_base_only(network, tmp_path):
    file = tmp_path / "base.weights.h5"
    base = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(48, 48, 3))
    base.save_weights(file)
    model = build(weights=file)
    for one, other in zip(model.get_layer("resnet50").weights, base.weights, strict=True):
        np.testing.assert_array_equal(to_numpy(one), to_numpy(other))
    # The same seed gives the same classifier, whether or not the base is loaded.
    expected = to_numpy(network.get_layer("predictions").kernel)
    np.testing.assert_array_equal(to_numpy(model.get_layer("predictions").kernel), expected)


def test_a_file_that_fits_neither_names_both_counts(tmp_path):
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save_weights(tmp_path / "other.weights.h5")
    with pytest.raises(
        WeightsError,
        match=r"(?s)holds 8 parameters.*23,587,712 parameters of ResNet50's base"
        r" or 23,595,908 parameters of the whole taleghani_resnet50",
    ):
        build(weights=tmp_path / "other.weights.h5")


def test_without_a_connection_the_error_says_what_to_do(monkeypatch):
    def unreachable(**_):
        raise Exception("URL fetch failure on https://storage.googleapis.com/: None")

    monkeypatch.setattr(keras.applications, "ResNet50", unreachable)
    with pytest.raises(WeightsError) as caught:
        build(weights="imagenet")
    for way_out in ("--weights FILE", "--weights none", "--base scratch"):
        assert way_out in caught.value.remedy


def test_a_rate_of_zero_gives_no_dropout_and_the_top_can_be_left_out():
    with unfilled():
        tensor = keras.Input((64, 64, 3), name="cell")
        whole, bare = build(dropout_rate=0), build(include_top=False, pooling="avg", input_tensor=tensor)
    assert [layer.name for layer in whole.layers[1:]] == ["resnet50", "flatten", "predictions"]
    assert bare.input is tensor
    assert bare.output_shape == (None, 2048)
    assert not bare.trainable_weights
