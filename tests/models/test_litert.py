import importlib.util

import keras
import numpy as np
import pytest

from leukcnn.errors import ArgumentError, DependencyError, DeviceError
from leukcnn.models import litert
from leukcnn.models.litert import PRECISIONS, LiteRTModel, milliseconds, to_litert, why_no_litert

pytestmark = pytest.mark.skipif(bool(why_no_litert()), reason=why_no_litert() or "LiteRT runs here")


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((12, 16, 16, 3), dtype=np.float32)


@pytest.fixture(scope="module")
def network():
    """A network with batch normalisation and 46,627 parameters."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(8, 3, padding="same")(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Flatten()(keras.layers.ReLU()(keras.layers.MaxPooling2D(2)(x)))
    x = keras.layers.Dense(90, activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))


@pytest.fixture(scope="module")
def files(network, images):
    return {name: to_litert(network, name, calibration=images) for name in PRECISIONS}


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-6), ("float16", 2e-3), ("int8", 0.03)])
def test_a_file_gives_the_networks_answers(network, images, files, precision, tolerance):
    expected = network.predict(images, verbose=0)
    answers = LiteRTModel(files[precision]).predict(images)
    assert answers.shape == (12, 3)
    assert answers.dtype == np.float32
    np.testing.assert_allclose(answers, expected, atol=tolerance)


def test_a_file_holds_each_weight_in_its_precision(network, files):
    # Batch normalisation becomes part of the convolution.
    weights = network.count_params() - 4 * 8
    for precision, n_bytes in (("float32", 4), ("float16", 2), ("int8", 1)):
        assert n_bytes * weights < len(files[precision]) < n_bytes * weights + 8000


def test_int8_rounds_and_float32_does_not(network, images, files):
    exact, rounded = (LiteRTModel(files[name]).predict(images) for name in ("float32", "int8"))
    assert np.abs(exact - rounded).max() > 1e-4
    # The outputs of 8 bits are multiples of 1 / 256.
    np.testing.assert_allclose(rounded * 256, np.round(rounded * 256), atol=1e-3)


def test_the_range_of_activations_is_that_of_the_calibration(network, images):
    dark = LiteRTModel(to_litert(network, "int8", calibration=images / 1000))
    errors = np.abs(dark.predict(images) - network.predict(images, verbose=0))
    assert errors.max() > 0.05


def test_a_conversion_writes_nothing(network, images, capfd):
    to_litert(network, "int8", calibration=images)
    LiteRTModel(to_litert(network, "float32")).predict(images)
    assert capfd.readouterr() == ("", "")


def test_models_take_turns_in_each_round(files, images, monkeypatch):
    order = []

    class Watched(LiteRTModel):
        def predict(self, images):
            order.append((self, len(images)))
            return super().predict(images)

    models = {name: Watched(files[name]) for name in ("float32", "int8")}
    taken = milliseconds(models, images[0], rounds=3, repeats=2)
    assert {name: len(times) for name, times in taken.items()} == {"float32": 3, "int8": 3}
    assert min(min(times) for times in taken.values()) > 0
    both = [*models.values()]
    assert [model for model, _ in order] == both * 4
    assert [n for _, n in order][2:] == [2] * 6


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("int4",), "int4"),
        (("int8",), "without a calibration"),
    ],
)
def test_wrong_arguments_are_refused(network, arguments, words):
    with pytest.raises(ArgumentError, match=words):
        to_litert(network, *arguments)


@pytest.mark.parametrize("shape", [(0, 16, 16, 3), (2, 8, 8, 3), (16, 16, 3)])
def test_a_calibration_of_another_shape_is_refused(network, shape):
    with pytest.raises(ArgumentError, match="calibration has the shape"):
        to_litert(network, "int8", calibration=np.zeros(shape, np.float32))


def test_a_network_without_a_fixed_size_is_refused():
    inputs = keras.Input((None, None, 3))
    network = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs))
    with pytest.raises(ArgumentError, match="fixed size"):
        to_litert(network, "float32")


def test_images_of_another_shape_and_other_files_are_refused(files):
    with pytest.raises(ArgumentError, match=r"\(2, 8, 8, 3\)"):
        LiteRTModel(files["float32"]).predict(np.zeros((2, 8, 8, 3), np.float32))
    with pytest.raises(ArgumentError, match="isn't a LiteRT file"):
        LiteRTModel(b"no file")


def test_what_is_missing_is_named(network, files, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(litert, "find_spec", lambda name: None if name == "ai_edge_litert" else find(name))
    assert "pip install" in why_no_litert()
    with pytest.raises(DependencyError, match="ai-edge-litert"):
        LiteRTModel(files["float32"])
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert "TensorFlow backend" in why_no_litert()
    with pytest.raises(DeviceError, match="jax backend"):
        to_litert(network, "float32")
