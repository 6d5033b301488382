from types import SimpleNamespace

import pytest

from leukcnn.errors import ArgumentError
from leukcnn.reporting.topology import describe_layer, top_layers


def layer(kind: str, name: str, shape: tuple, **config):
    """Something that looks like a Keras layer."""
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
    ("Global average pooling", "512"),
    ("Dense 512, ReLU", "512"),
    ("Dropout 0.5", "512"),
    ("Dense 2, softmax", "2"),
]


def test_top_begins_behind_the_last_feature_maps():
    assert top_layers(network()) == TOP


def test_top_begins_behind_a_named_layer():
    assert top_layers(network(), after="fc1") == TOP[2:]
    assert top_layers(network(), after="input")[:2] == [
        ("Conv2D 512 3 × 3, ReLU", "7 × 7 × 512"),
        ("Max pooling 2 × 2", "7 × 7 × 512"),
    ]


def test_network_without_feature_maps_is_all_top():
    model = SimpleNamespace(layers=network().layers[3:])
    assert top_layers(model) == TOP


def test_unknown_layer_is_refused_with_the_names_there_are():
    with pytest.raises(ArgumentError, match=r"(?s)no layer 'fc9'.*fc1, drop1, predictions"):
        top_layers(network(), after="fc9")


@pytest.mark.parametrize("after", ["predictions", None])
def test_network_without_top_is_refused(after):
    model = network() if after else SimpleNamespace(layers=network().layers[:3])
    with pytest.raises(ArgumentError, match="include_top=True"):
        top_layers(model, after=after)


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (layer("Dense", "a", (None, 2), units=2, activation="linear"), "Dense 2"),
        (layer("Activation", "a", (None, 2), activation="relu"), "ReLU"),
        (layer("Flatten", "a", (None, 8)), "Flatten"),
        (layer("Dense", "a", (None, 2), units=2, activation={"class_name": "mine"}), "Dense 2"),
    ],
)
def test_description_by_hand(made, text):
    assert describe_layer(made) == text


def test_unknown_sizes_are_named():
    made = layer("Conv2D", "a", (None, None, None, 64), filters=64, kernel_size=(1, 1))
    model = SimpleNamespace(layers=[network().layers[0], made])
    assert top_layers(model, after="input") == [("Conv2D 64 1 × 1", "any × any × 64")]


@pytest.mark.slow
def test_keras_network():
    import keras

    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Conv2D(512, 3),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(512, activation="relu"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(2, activation="softmax", dtype="float32"),
        ]
    )
    assert top_layers(model) == TOP
