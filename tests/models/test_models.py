"""One suite over all networks: build, forward, one step, save, load, and the arguments that they share."""

import inspect
import json

import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as to_numpy

from leukcnn import models
from leukcnn.errors import ArgumentError, SpecError, WeightsError
from leukcnn.spec.names import BUILDERS

pytestmark = [pytest.mark.backend, pytest.mark.usefixtures("small_regnets")]


def tuned(backbone, mode="mDFT", **arguments):
    return "FineTuned", {"backbone": backbone, "mode": mode, "weights": None, "classes": 3, **arguments}


# Builder and arguments, side of a small input in pixels.
NETWORKS = {
    "AlertNet": ("AlertNet", {}, 64),
    "AlertNet-WD": ("AlertNet", {"dropout_rate": 0}, 64),
    "AlertNetR": ("AlertNetR", {}, 64),
    "AlertNetX": ("AlertNetX", {}, 64),
    "CNMCVGG16": ("CNMCVGG16", {}, 32),
    "CNMCVGG19": ("CNMCVGG19", {}, 32),
    "CNMCXception": ("CNMCXception", {}, 71),
    "VGG16-mDFT": (*tuned("VGG16", dropout_rates=(0.5, 0.6)), 32),
    "VGG19-mSFT": (*tuned("VGG19", "mSFT"), 32),
    "ResNet50-SFT": (*tuned("ResNet50", "SFT", dense_units=(512,)), 32),
    "ResNet50-DFT": (*tuned("ResNet50", "DFT", dense_units=(512,)), 32),
    "InceptionV3-mSFT": (*tuned("InceptionV3", "mSFT"), 75),
    "Xception-mDFT": (*tuned("Xception"), 71),
    "LeukNet": ("LeukNet", {"weights": None, "classes": 3, "dense_units": (32, 16)}, 32),
    "AlexNet": ("AlexNet", {"classes": 3}, 39),
    "CaffeNet": ("CaffeNet", {"classes": 3}, 39),
    "VGGF": ("VGGF", {"classes": 3}, 39),
    "FourBlockCNN": ("FourBlockCNN", {}, 16),
    "LightweightCNN": ("LightweightCNN", {}, 8),
    "LightweightCNN-pool-first": ("LightweightCNN", {"pool_first": True}, 8),
    "RegNetX": ("RegNetX", {"design": "200mf", "classes": 3}, 32),
    "RegNetY": ("RegNetY", {"design": "200mf", "classes": 3}, 32),
    "RegNetY-mSFT": (*tuned("RegNetY-200MF", "mSFT", preprocess_input=True), 32),
    "TaleghaniResNet50-SFT": ("TaleghaniResNet50", {"weights": None}, 32),
}
# Together with saving and loading these take more than five seconds each.
SLOW_STEPS = (
    *("CNMCVGG16", "CNMCVGG19", "CNMCXception", "ResNet50-SFT", "ResNet50-DFT", "InceptionV3-mSFT"),
    *("Xception-mDFT", "LeukNet", "AlexNet", "CaffeNet", "VGGF", "TaleghaniResNet50-SFT"),
)


def build(case, **arguments):
    name, fixed, side = NETWORKS[case]
    keras.utils.set_random_seed(1)
    return models.build(name, **{"input_shape": (side, side, 3), **fixed, **arguments}), side


def pictures(side, n=2):
    return np.random.default_rng(0).random((n, side, side, 3), dtype=np.float32) - 0.5


def outputs(model, x):
    return np.asarray(model(x))


def steps():
    return [pytest.param(case, marks=pytest.mark.slow) if case in SLOW_STEPS else case for case in NETWORKS]


def test_every_builder_is_in_this_suite():
    assert {name for name, _, _ in NETWORKS.values()} == set(BUILDERS)


@pytest.mark.parametrize("case", NETWORKS)
def test_forward_gives_probabilities(case):
    model, side = build(case)
    probabilities = outputs(model, pictures(side))
    assert probabilities.shape == (2, model.output_shape[1])
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    json.loads(model.to_json())


@pytest.mark.parametrize("case", steps())
def test_one_step_changes_what_is_trained_and_survives_saving(case, tmp_path):
    # Behind a frozen random base, or pictures of 0..255, He's values saturate the softmax, whose gradient JAX
    # then takes for 0.
    saturates = case.endswith("SFT") or case in ("AlexNet", "CaffeNet", "VGGF")
    initializer = "glorot_uniform" if saturates else "he_normal"
    model, side = build(case, kernel_initializer=initializer)
    before = {v.path: to_numpy(v).copy() for v in model.weights}
    # JAX compiles every operation of an eager step by itself, which takes several times as long as the whole.
    eagerly = keras.backend.backend() == "tensorflow"
    optimizer = keras.optimizers.SGD(1e-2, momentum=0.8)
    model.compile(optimizer, "categorical_crossentropy", run_eagerly=eagerly)
    classes = model.output_shape[1]
    model.train_on_batch(pictures(side, 4), np.eye(classes, dtype=np.float32)[[0, 1, 0, 1]])
    changed = {v.path for v in model.weights if not np.array_equal(to_numpy(v), before[v.path])}
    assert {v.path for v in model.trainable_variables if v.path.endswith("kernel")} <= changed
    frozen = {v.path for layer in model.layers if not layer.trainable for v in layer.weights}
    assert not frozen & changed

    expected = outputs(model, pictures(side))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(outputs(again, pictures(side)), expected)
    assert len(again.trainable_weights) == len(model.trainable_weights)
    model.save_weights(tmp_path / "whole.weights.h5")
    for file in ("whole.weights.h5", "model.keras"):
        fresh, _ = build(case, weights=tmp_path / file)
        np.testing.assert_array_equal(outputs(fresh, pictures(side)), expected)


@pytest.mark.parametrize("case", ["AlertNet", "AlertNetR", "AlertNetX", "CNMCVGG16", "ResNet50-SFT"])
def test_the_classifier_stays_float32_under_mixed_precision(case):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model, side = build(case)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("dense_1").compute_dtype == "bfloat16"
    assert model.get_layer("predictions").compute_dtype == "float32"
    assert outputs(model, pictures(side)).dtype == np.float32


@pytest.mark.parametrize("initializer", ["glorot_uniform", "he_normal"])
@pytest.mark.parametrize(
    "case",
    ["AlertNetR", "CNMCVGG16", "VGG16-mDFT", "FourBlockCNN", "LightweightCNN", "TaleghaniResNet50-SFT"],
)
def test_input_tensor_is_the_input(case, initializer):
    tensor = keras.Input((48, 48, 3), name="cell")
    model, _ = build(case, input_tensor=tensor, kernel_initializer=initializer)
    assert model.input_shape == (None, 48, 48, 3)
    assert model.input is tensor


@pytest.mark.parametrize("pooling", [None, "avg", "max"])
@pytest.mark.parametrize(
    ("case", "channels"),
    [("AlertNetR", 1024), ("CNMCVGG16", 512), ("VGG16-mDFT", 512), ("FourBlockCNN", 128)],
)
def test_without_the_top(case, channels, pooling):
    model, side = build(case, include_top=False, pooling=pooling)
    assert outputs(model, pictures(side, 1)).shape == ((1, channels) if pooling else (1, 1, 1, channels))


@pytest.mark.parametrize("case", ["AlertNet", "CNMCVGG16", "VGG16-mDFT", "FourBlockCNN", "LightweightCNN"])
def test_logits_classes_and_name(case):
    model, _ = build(case, classes=5, classifier_activation=None, name="mine")
    assert model.output_shape == (None, 5)
    assert model.get_layer("predictions").activation is keras.activations.linear
    assert model.name == "mine"


@pytest.mark.parametrize("case", ["AlertNet", "CNMCVGG16", "VGG16-mDFT"])
@pytest.mark.parametrize(
    "arguments",
    [
        {"input_shape": (15, 64, 3)},
        {"input_shape": (64, 64)},
        {"classes": 1, "classifier_activation": "softmax"},
        {"classes": 0, "classifier_activation": None},
        {"include_top": False, "pooling": "mean"},
    ],
)
def test_bad_arguments_are_refused(case, arguments):
    with pytest.raises(ArgumentError, match="Expected"):
        build(case, **arguments)


@pytest.mark.parametrize("case", ["AlertNet", "CNMCVGG16", "VGG16-mDFT", "FourBlockCNN", "LightweightCNN"])
def test_missing_and_foreign_weights_are_refused(case, tmp_path):
    with pytest.raises(WeightsError, match="no weights file"):
        build(case, weights=tmp_path / "none.weights.h5")
    small = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    small.save_weights(tmp_path / "small.weights.h5")
    expected, _ = build(case)
    with pytest.raises(
        WeightsError, match=rf"(?s)holds 8 parameters.*{expected.count_params():,} parameters"
    ):
        build(case, weights=tmp_path / "small.weights.h5")


@pytest.mark.parametrize("name", BUILDERS)
def test_arguments_are_keras_own_explicit_and_described(name):
    builder = getattr(models, name)
    parameters = inspect.signature(builder).parameters
    assert {"include_top", "weights", "input_tensor", "input_shape", "pooling", "classes", "name"} <= set(
        parameters
    )
    assert all(p.kind is p.KEYWORD_ONLY for p in parameters.values())
    assert all(f"        {p}: " in builder.__doc__ for p in parameters)
    assert builder.__name__ == name


def test_unknown_network_is_refused_with_the_list():
    with pytest.raises(SpecError, match="CNMCXception"):
        models.build("VGG99")
