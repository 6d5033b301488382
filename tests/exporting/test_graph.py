"""A network with its preprocessing inside gives the network's answers."""

import keras
import numpy as np
import pytest

from leukcnn.exporting.graph import as_given, of_keras_alone, steps_outside, with_preprocessing
from leukcnn.image_cache import prepare
from leukcnn.models import build
from leukcnn.models.grouped_convolution import GroupedConv2D
from leukcnn.models.layers import LocalResponseNormalization, MeanSubtraction
from leukcnn.pipeline import class_probabilities, scaled
from leukcnn.spec import Preprocessing
from leukcnn.synthetic.smears import draw_smear

pytestmark = pytest.mark.backend


@pytest.fixture(scope="module")
def smears():
    """Images of several sizes, square and not."""
    sizes = {0: (64, 64), 1: (100, 80), 2: (224, 224), 3: (75, 300)}
    draw = {"class_name": "ALL", "dataset": "taleghani", "seed": 0}
    return [draw_smear(**draw, image=number, size=size) for number, size in sizes.items()]


def pixels(size):
    """Returns a network that answers with the pixels that it is given."""
    inputs = keras.Input((size, size, 3))
    return keras.Model(inputs, keras.layers.Flatten()(inputs))


def with_layers_of_leukcnn():
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(8, 3, padding="same")(MeanSubtraction([0.4, 0.5, 0.6])(inputs))
    before = x = LocalResponseNormalization(alpha=0.5)(x)
    x = GroupedConv2D(8, 3, groups=4, padding="same", activation="relu")(x)
    x = keras.layers.BatchNormalization()(keras.layers.Add()([before, x]))
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))


def four_blocks():
    return build("FourBlockCNN", input_shape=(32, 32, 3), classes=4)


@pytest.mark.parametrize("built", [with_layers_of_leukcnn, four_blocks])
def test_a_network_without_leukcnns_layers_gives_the_same_answers(built):
    network = built()
    inputs = np.random.default_rng(0).random((2, *network.input_shape[1:]), dtype=np.float32)
    expected = np.asarray(network.predict_on_batch(inputs))
    for ungrouped in (False, True):
        found = np.asarray(of_keras_alone(network, ungrouped=ungrouped)(inputs, training=False))
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {"resize": 48},
        {"resize": 96},
        {"resize": 64, "squeeze": True},
        {"resize": 60, "subtract_channel_mean": True, "scale": 0.5},
        {"crop": 60},
        {"crop": 60, "resize": 45},
        {"resize": 48, "mask": "border"},
        {"resize": 48, "mask": "cells"},
        {"resize": 48, "threshold": "darkest"},
        {"resize": 48, "threshold": "darkest", "region": "crops"},
    ],
    ids=lambda settings: "-".join(f"{name}={value}" for name, value in settings.items()),
)
def test_preprocessing_in_the_network_is_leukcnns_but_for_a_grey_level(settings, smears):
    steps = Preprocessing(**{"scale": 1.0, **settings})
    model = with_preprocessing(pixels(steps.image_size), steps)
    # JAX sums in another order, so that more values halfway between two levels are rounded the other way.
    rare = 2e-3 if keras.backend.backend() == "tensorflow" else 0.05
    for image in smears:
        expected = scaled(prepare(image, steps)[None], steps)
        found = np.asarray(model(as_given(image, steps)[None])).reshape(expected.shape)
        differences = np.abs(found - expected) / steps.scale
        assert differences.max() <= 1.01
        # A square that becomes a rectangle shrinks and grows: OpenCV rounds twice there.
        assert (differences > 0.01).mean() < (0.2 if steps.squeeze else rare)


def test_an_image_of_the_networks_size_is_not_changed(smears):
    steps = Preprocessing(resize=64, scale=1.0)
    found = np.asarray(with_preprocessing(pixels(64), steps)(smears[0][None]))
    np.testing.assert_array_equal(found.reshape(64, 64, 3), smears[0])


@pytest.mark.parametrize(("shrinking", "enlarging"), [("area", "cubic"), ("linear", "linear")])
@pytest.mark.parametrize("size", [20, 50, 97, 200])
def test_each_kernel_is_opencvs_but_for_a_grey_level(shrinking, enlarging, size, smears):
    steps = Preprocessing(resize=size, scale=1.0, shrinking=shrinking, enlarging=enlarging)
    found = np.asarray(with_preprocessing(pixels(size), steps)(smears[0][None])).reshape(size, size, 3)
    assert np.abs(found - prepare(smears[0], steps)).max() <= 1


def test_one_output_becomes_two_probabilities_that_add_up(smears):
    layer = keras.layers.Dense(1, activation="sigmoid")
    network = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.GlobalAveragePooling2D(), layer])
    steps = Preprocessing(resize=32)
    found = np.asarray(with_preprocessing(network, steps)(np.stack([smears[0]] * 2)))
    inputs = scaled(np.stack([prepare(smears[0], steps)] * 2), steps)
    np.testing.assert_allclose(found, class_probabilities(network.predict_on_batch(inputs)), atol=1e-4)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)


def test_networks_of_16_bits_compute_in_32_outside():
    inputs = keras.Input((8, 8, 3), dtype="float32")
    x = keras.layers.Conv2D(4, 3, dtype="mixed_float16")(inputs)
    network = keras.Model(inputs, keras.layers.Dense(2, dtype="float32")(keras.layers.Flatten()(x)))
    found = of_keras_alone(network, ungrouped=True)
    assert {layer.compute_dtype for layer in found.layers} == {"float32"}


def test_what_is_left_to_do_before():
    assert steps_outside(Preprocessing(resize=8)) == []
    assert steps_outside(Preprocessing(resize=8, threshold="darkest")) == ["wbc_mask"]
    assert steps_outside(Preprocessing(crop=8, mask="cells")) == ["center_crop", "blank"]
    crops = Preprocessing(resize=8, threshold="darkest", region="crops")
    assert steps_outside(crops) == ["wbc_mask", "component_montage"]
