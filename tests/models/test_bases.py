"""Bases of Keras Applications, their download from a local server, and cutting networks."""

import hashlib
import http.server
import threading

import keras
import numpy as np
import pytest
from keras import layers
from keras.ops import convert_to_numpy as to_numpy

from leukcnn import models
from leukcnn.errors import ArgumentError
from leukcnn.models.backbones import BACKBONES
from leukcnn.models.bases import (
    application,
    base_network,
    last_frozen_layer,
    penultimate,
    split_at,
)
from leukcnn.models.unfilled import unfilled


@pytest.mark.slow
def test_smallest_image_sizes_are_those_of_keras():
    for name in ("VGG16", "VGG19", "ResNet50", "InceptionV3", "Xception"):
        builder, image_size = getattr(keras.applications, name), BACKBONES[name].min_size
        with unfilled():
            builder(include_top=False, weights=None, input_shape=(image_size, image_size, 3))
        with pytest.raises(ValueError):
            builder(include_top=False, weights=None, input_shape=(image_size - 1, image_size - 1, 3))


def test_he_initialisation_reaches_every_kernel():
    keras.utils.set_random_seed(0)
    base = base_network("VGG16", weights=None, input_shape=(32, 32, 3), kernel_initializer="he_normal")
    for layer in base.layers:
        if hasattr(layer, "kernel"):
            fan_in = np.prod(layer.kernel.shape[:-1])
            assert to_numpy(layer.kernel).std() == pytest.approx(np.sqrt(2 / fan_in), rel=0.1)


def test_smallest_image_size_of_a_regnet_is_that_of_its_builder():
    assert application("RegNetX-200MF", weights=None, include_top=False, input_shape=(32, 32, 3))
    with pytest.raises(ArgumentError, match="at least 32 pixels"):
        application("RegNetX-200MF", weights=None, include_top=False, input_shape=(31, 32, 3))


@pytest.mark.slow
def test_imagenet_weights_come_through_keras_download(tmp_path, monkeypatch):
    import keras.src.applications.vgg16 as vgg16

    made = base_network("VGG16", weights=None, input_shape=(32, 32, 3))
    made.save_weights(tmp_path / "made.weights.h5")
    content = (tmp_path / "made.weights.h5").read_bytes()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    original = vgg16.file_utils.get_file

    def from_server(_name, _url, **_options):
        url = f"http://127.0.0.1:{server.server_port}/made.weights.h5"
        return original(
            "made.weights.h5",
            url,
            cache_dir=str(tmp_path / "keras"),
            file_hash=hashlib.md5(content).hexdigest(),
        )

    monkeypatch.setattr(vgg16.file_utils, "get_file", from_server)
    try:
        model = models.build("CNMCVGG16", input_shape=(32, 32, 3), weights="imagenet")
    finally:
        server.shutdown()
        server.server_close()
    loaded = model.get_layer("block1_conv1").kernel
    np.testing.assert_array_equal(to_numpy(loaded), to_numpy(made.get_layer("block1_conv1").kernel))


def branching(*, frozen=(), dropout=False):
    """Returns input -> a -> (b, c) -> add -> [dropout] -> d -> e, with some layers frozen."""
    inputs = keras.Input((4,), name="input")
    a = layers.Dense(3, name="a")(inputs)
    x = layers.Add(name="add")([layers.Dense(3, name="b")(a), layers.Dense(3, name="c")(a)])
    if dropout:
        x = layers.Dropout(0.5, name="dropout")(x)
    x = layers.BatchNormalization(name="d")(x)
    model = keras.Model(inputs, layers.Dense(2, name="e")(x), name="branching")
    for name in frozen:
        model.get_layer(name).trainable = False
    return model


@pytest.mark.parametrize(
    ("frozen", "boundary"),
    [
        ("", None),
        ("a", "a"),
        ("ab", "a"),
        ("bc", None),
        ("abc", "add"),
        ("abcd", "d"),
        ("abce", "add"),
        ("abcde", "e"),
    ],
)
def test_last_frozen_layer_is_the_last_one_that_all_trained_layers_depend_on(frozen, boundary):
    assert last_frozen_layer(branching(frozen=frozen)) == boundary


@pytest.mark.backend
def test_a_layer_with_random_numbers_ends_the_frozen_base():
    assert last_frozen_layer(branching(frozen="abcd", dropout=True)) == "add"


def test_moving_batch_statistics_end_the_frozen_base():
    inputs = keras.Input((4,))
    x = layers.Dense(3, name="a", trainable=False)(inputs)
    x = layers.BatchNormalization(center=False, scale=False, name="b")(x)
    model = keras.Model(inputs, layers.Dense(1)(x))
    assert not model.get_layer("b").trainable_weights
    assert last_frozen_layer(model) == "a"


def test_layers_without_weights_alone_are_no_frozen_base():
    inputs = keras.Input((2, 2, 1))
    x = layers.Flatten(name="flatten")(layers.ReLU(name="relu")(inputs))
    assert last_frozen_layer(keras.Model(inputs, layers.Dense(1)(x))) is None


def test_a_frozen_base_includes_the_last_input():
    left, right = keras.Input((3,)), keras.Input((3,))
    x = layers.Dense(3, trainable=False, name="a")(left)
    joined = layers.Concatenate(name="joined")([x, right])
    model = keras.Model([left, right], layers.Dense(1)(joined))
    assert last_frozen_layer(model) == "joined"


@pytest.mark.backend
@pytest.mark.parametrize("boundary", ["input", "a", "add", "d"])
def test_base_and_head_together_are_the_network(boundary):
    model = branching()
    x = np.random.default_rng(0).random((5, 4), dtype=np.float32)
    expected = np.asarray(model(x))
    base, head = split_at(model, boundary)
    np.testing.assert_array_equal(np.asarray(head(base(x))), expected)
    assert {id(w) for w in base.weights} | {id(w) for w in head.weights} == {id(w) for w in model.weights}
    assert not {id(w) for w in base.weights} & {id(w) for w in head.weights}
    assert (base.name, head.name) == ("branching_base", "branching_head")
    # The network itself isn't changed: it can be cut again and run.
    split_at(model, "add")
    np.testing.assert_array_equal(np.asarray(model(x)), expected)


@pytest.mark.parametrize("layer_name", ["b", "e", "nowhere"])
def test_a_cut_with_a_bypass_or_at_the_end_is_refused(layer_name):
    with pytest.raises(
        ArgumentError, match=r"Expected: a layer that all paths lead through: input, a, add, d"
    ):
        split_at(branching(), layer_name)


def test_a_network_can_be_cut_after_an_operation_that_is_no_layer():
    inputs = keras.Input((4,))
    turned = keras.ops.flip(layers.Dense(3, name="a")(inputs), axis=-1)
    model = keras.Model(inputs, layers.Dense(2, name="b")(turned))
    (cut,) = (operation.name for operation in model.operations if operation not in model.layers)
    base, head = split_at(model, cut)
    x = np.random.default_rng(0).random((5, 4), dtype=np.float32)
    expected = np.asarray(keras.Model(inputs, model.get_layer("a").output)(x))[:, ::-1]
    np.testing.assert_array_equal(np.asarray(base(x)), expected)
    np.testing.assert_array_equal(np.asarray(head(base(x))), np.asarray(model(x)))


def nested(*, inner_trainable=False, inner_dropout=False):
    """Returns input -> an inner network, frozen by default -> d -> predictions."""
    inner_input = keras.Input((4,))
    x = layers.BatchNormalization(name="norm")(layers.Dense(3, name="a")(inner_input))
    if inner_dropout:
        x = layers.Dropout(0.5)(x)
    inner = keras.Model(inner_input, x, name="inner")
    inner.trainable = inner_trainable
    inputs = keras.Input((4,), name="input")
    x = layers.ReLU(name="d")(inner(inputs))
    return keras.Model(inputs, layers.Dense(2, name="predictions")(x), name="nested")


@pytest.mark.parametrize(
    ("arguments", "boundary"), [({}, "d"), ({"inner_trainable": True}, None), ({"inner_dropout": True}, None)]
)
def test_a_network_within_the_network_is_one_layer(arguments, boundary):
    assert last_frozen_layer(nested(**arguments)) == boundary


@pytest.mark.parametrize("boundary", ["input", "inner", "d"])
def test_a_network_is_cut_after_one_within_it(boundary):
    model = nested()
    x = np.random.default_rng(0).random((5, 4), dtype=np.float32)
    base, head = split_at(model, boundary)
    np.testing.assert_array_equal(np.asarray(head(base(x))), np.asarray(model(x)))
    assert {id(w) for w in base.weights} | {id(w) for w in head.weights} == {id(w) for w in model.weights}
    assert penultimate(model).layers[-1].name == "d"


def test_a_network_within_a_loaded_network_is_found(tmp_path):
    model = nested()
    model.save(tmp_path / "nested.keras")
    again = keras.models.load_model(tmp_path / "nested.keras")
    assert last_frozen_layer(again) == "d"
    x = np.random.default_rng(0).random((5, 4), dtype=np.float32)
    base, head = split_at(again, "inner")
    np.testing.assert_array_equal(np.asarray(head(base(x))), np.asarray(model(x)))


@pytest.mark.parametrize(
    ("name", "arguments", "last"),
    [
        ("AlertNet", {}, "dense_2"),
        ("LeukNet", {"weights": None, "dense_units": (16, 8)}, "dense_2"),
        ("CNMCVGG16", {}, "dense_2"),
        ("FineTuned", {"backbone": "VGG16", "mode": "mDFT", "weights": None, "dense_units": ()}, "flatten"),
    ],
)
def test_penultimate_features_are_the_input_of_the_classifier(name, arguments, last):
    model = models.build(name, input_shape=(32, 32, 3), **arguments)
    cut = penultimate(model)
    assert cut.layers[-1] is model.get_layer(last)
    assert cut.name == f"{model.name}_penultimate"
    x = np.random.default_rng(0).random((3, 32, 32, 3), dtype=np.float32)
    features, classifier = np.asarray(cut(x)), model.get_layer("predictions")
    logits = features @ to_numpy(classifier.kernel) + to_numpy(classifier.bias)
    np.testing.assert_allclose(to_numpy(classifier.activation(logits)), np.asarray(model(x)), atol=1e-5)


def test_penultimate_features_of_a_sequential_network():
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(3, name="a"),
            layers.Dropout(0.9),
            layers.Dense(2, name="predictions"),
        ]
    )
    assert penultimate(model).layers[-1] is model.get_layer("a")


def test_penultimate_needs_the_top():
    model = models.build("AlertNet", input_shape=(32, 32, 3), include_top=False)
    with pytest.raises(ArgumentError, match="include_top=True"):
        penultimate(model)
    inputs = keras.Input((4, 4, 3))
    last = layers.GlobalAveragePooling2D()(layers.Conv2D(2, 3)(inputs))
    with pytest.raises(ArgumentError, match="convolved doesn't end in a dense layer"):
        penultimate(keras.Model(inputs, last, name="convolved"))
    inputs = keras.Input((4,))
    last = layers.Add()([layers.Dense(2)(inputs), layers.Dense(2)(inputs)])
    with pytest.raises(ArgumentError, match="added doesn't end in a dense layer"):
        penultimate(keras.Model(inputs, last, name="added"))


def test_the_classifier_is_the_last_layer_with_weights_under_any_name():
    assert penultimate(branching(dropout=True)).layers[-1].name == "d"
    inputs = keras.Input((4,))
    x = layers.Dense(2)(layers.Dropout(0.5)(layers.Dense(3, name="a")(inputs)))
    assert penultimate(keras.Model(inputs, layers.Softmax()(x))).layers[-1].name == "a"
