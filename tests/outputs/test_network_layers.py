import json
from types import SimpleNamespace

import keras
import pytest
from keras import layers

from leukcnn.errors import ArgumentError
from leukcnn.outputs.network_layers import all_layers, describe_layer, network_summary, top_layers


def layer(kind: str, name: str, shape: tuple, **config):
    """Returns a substitute for a Keras layer."""
    made = type(kind, (), {"get_config": lambda self: config})()
    made.name, made.output = name, SimpleNamespace(shape=shape)
    return made


def network() -> SimpleNamespace:
    image = layer("InputLayer", "input", ())
    image.output = [SimpleNamespace(shape=(None, 250, 250, 3))]
    return SimpleNamespace(
        layers=[
            image,
            layer("Conv2D", "conv", (None, 7, 7, 512), filters=512, kernel_size=(3, 3), activation="relu"),
            layer("MaxPooling2D", "pool", (None, 7, 7, 512), pool_size=(2, 2)),
            layer("GlobalAveragePooling2D", "average", (None, 512)),
            layer("Dense", "fc1", (None, 512), units=512, activation="relu"),
            layer("Dropout", "drop1", (None, 512), rate=0.5),
            layer("Dense", "predictions", (None, 2), units=2, activation="softmax"),
        ]
    )


TOP = [
    ("Global average pooling\n512", "pooling", []),
    ("Dense 512, ReLU\n512", "dense", []),
    ("Dropout 0.5\n512", "dropout", []),
    ("Dense 2, softmax\n2", "dense", []),
]


def test_top_begins_after_the_last_feature_maps():
    assert top_layers(network()) == TOP


def test_network_without_feature_maps_is_all_top():
    model = SimpleNamespace(layers=network().layers[3:])
    assert top_layers(model) == TOP


def test_network_without_top_is_refused():
    with pytest.raises(ArgumentError, match="include_top=True"):
        top_layers(SimpleNamespace(layers=network().layers[:3]))


SEPARABLE = "Separable Conv2D 8, 3 × 3, stride 1 × 2, ELU"


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (layer("Dense", "a", (None, 2), units=2, activation="linear"), "Dense 2"),
        (layer("Activation", "a", (None, 2), activation="relu"), "ReLU"),
        (layer("Flatten", "a", (None, 8)), "Flatten"),
        (layers.Conv2D(64, 11, strides=4, padding="same"), "Conv2D 64, 11 × 11, stride 4"),
        (layers.SeparableConv2D(8, 3, strides=(1, 2), activation="elu"), SEPARABLE),
        (layers.DepthwiseConv2D((3, 5)), "Depthwise Conv2D 3 × 5"),
        (layers.MaxPooling2D(3, strides=2), "Max pooling 3 × 3, stride 2"),
        (layers.AveragePooling2D(2), "Average pooling 2 × 2"),
        (layers.ReLU(), "ReLU"),
        (layers.Concatenate(), "Concatenate"),
        (layer("Dense", "a", (None, 2), units=2, activation={"class_name": "mine"}), "Dense 2"),
    ],
)
def test_description_by_hand(made, text):
    assert describe_layer(made) == text


def test_unknown_sizes_are_named():
    made = layer("Conv1D", "a", (None, None, 64), filters=64, kernel_size=(1,))
    model = SimpleNamespace(layers=[network().layers[0], made])
    assert top_layers(model) == [("Conv1D 64, 1\nany × 64", "", [])]


def test_keras_network():
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(512, 3),
            layers.GlobalAveragePooling2D(),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(2, activation="softmax", dtype="float32"),
        ]
    )
    assert top_layers(model) == TOP


def block(x, filters, *, strides=1):
    x = layers.Conv2D(filters, 3, strides=strides, padding="same")(x)
    return layers.Activation("relu")(layers.BatchNormalization()(x))


def test_every_layer_of_a_plain_network():
    inputs = keras.Input((8, 8, 3))
    x = layers.Flatten()(layers.MaxPooling2D()(block(inputs, 4, strides=2)))
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(x))
    assert all_layers(model) == [
        ("Input\n8 × 8 × 3", "input", []),
        ("Conv2D 4, 3 × 3, stride 2\nbatch normalisation, ReLU\n4 × 4 × 4", "convolution", []),
        ("Max pooling 2 × 2\n2 × 2 × 4", "pooling", []),
        ("Flatten\n16", "", []),
        ("Dense 2, softmax\n2", "dense", []),
    ]


def test_sequential_networks_have_no_input_layer():
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Conv2D(4, 1), layers.BatchNormalization(), layers.ReLU()]
    )
    assert all_layers(model) == [("Conv2D 4, 1 × 1\nbatch normalisation, ReLU\n8 × 8 × 4", "convolution", [])]


def test_normalisation_of_the_input_has_its_own_box():
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, layers.BatchNormalization()(inputs))
    assert [text.split("\n")[0] for text, *_ in all_layers(model)] == ["Input", "Batch normalisation"]


@pytest.mark.parametrize("shortcut_first", [False, True])
def test_pooled_input_is_a_shortcut_in_either_order(shortcut_first):
    inputs = keras.Input((8, 8, 3))
    x = layers.MaxPooling2D()(block(inputs, 4, strides=2))
    pooled = layers.MaxPooling2D(4)(inputs)
    joined = [pooled, x] if shortcut_first else [x, pooled]
    model = keras.Model(inputs, layers.Conv2D(2, 1)(layers.Concatenate()(joined)))
    shortcut = (0, "Max pooling 4 × 4\n2 × 2 × 3", "pooling")
    boxes = all_layers(model)
    assert boxes[3] == ("Concatenate\n2 × 2 × 7", "joining", [shortcut])
    assert [i for i, (*_, shortcuts) in enumerate(boxes) if shortcuts] == [3]
    assert len(boxes) == 5


def test_a_shortcut_begins_at_the_end_of_a_box():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 1)(inputs)
    y = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(layers.ReLU()(x)))
    x = layers.ReLU()(layers.Add()([x, y]))
    z = block(block(x, 8), 8)
    branch = layers.BatchNormalization()(layers.Conv2D(8, 1)(x))
    model = keras.Model(inputs, layers.Add()([branch, z]))
    boxes = all_layers(model)
    assert [text.split("\n")[:-1] for text, *_ in boxes] == [
        ["Input"],
        ["Conv2D 4, 1 × 1"],
        ["ReLU"],
        ["Conv2D 4, 3 × 3", "batch normalisation"],
        ["Add", "ReLU"],
        ["Conv2D 8, 3 × 3", "batch normalisation, ReLU"],
        ["Conv2D 8, 3 × 3", "batch normalisation, ReLU"],
        ["Add"],
    ]
    assert boxes[4][2] == [(1, "", "")]
    assert boxes[7][2] == [(4, "Conv2D 8, 1 × 1\nbatch normalisation\n8 × 8 × 8", "convolution")]


def test_an_input_joined_to_itself():
    inputs = keras.Input((8, 8, 3))
    assert all_layers(keras.Model(inputs, layers.Add()([inputs, inputs])))[1][2] == [(0, "", "")]


def test_branches_with_branches_are_refused():
    inputs = keras.Input((8, 8, 3))
    long = block(block(inputs, 4), 4)
    stem = layers.Conv2D(4, 1)(inputs)
    inner = layers.Add()([layers.Conv2D(4, 1)(stem), layers.Conv2D(4, 3, padding="same")(stem)])
    with pytest.raises(ArgumentError, match="aren't a single path with shortcuts"):
        all_layers(keras.Model(inputs, layers.Add()([long, inner])))
    with pytest.raises(ArgumentError, match="aren't a single path with shortcuts"):
        all_layers(keras.Model(inputs, [long, stem]))


def test_summary_lists_layers_as_keras_does():
    base = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3)], name="base")
    base.trainable = False
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Dropout(0.5, name="dropout")(keras.layers.Flatten(name="flatten")(base(inputs)))
    network = keras.Model(inputs, keras.layers.Dense(4, name="predictions")(x))
    assert network_summary(network) == {
        "layers": [
            ["base (Sequential)", "(None, 6, 6, 2)", 56],
            ["flatten (Flatten)", "(None, 72)", 0],
            ["dropout (Dropout)", "(None, 72)", 0],
            ["predictions (Dense)", "(None, 4)", 292],
        ],
        "trainable": 292,
        "frozen": 56,
    }


def test_summary_is_plain_json():
    network = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization()])
    summary = network_summary(network)
    assert json.loads(json.dumps(summary)) == summary
    assert (summary["trainable"], summary["frozen"]) == (8, 8)
