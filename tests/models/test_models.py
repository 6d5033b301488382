"""Tests of all networks: build, forward, one step, save, load, and the common arguments."""

import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as to_numpy

from leukcnn import models
from leukcnn.errors import ArgumentError, SpecError, WeightsError
from leukcnn.models.unfilled import unfilled
from leukcnn.spec.names import BUILDERS

pytestmark = pytest.mark.usefixtures("small_regnets")


def tuned(backbone, mode="mDFT", **arguments):
    return "FineTuned", {"backbone": backbone, "mode": mode, "weights": None, "classes": 3, **arguments}


# Builder, arguments, height and width of a small input in pixels.
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
    "RegNetY-mSFT": (*tuned("RegNetY-200MF", "mSFT", include_preprocessing=True), 32),
    "TaleghaniResNet50-SFT": ("TaleghaniResNet50", {"weights": None}, 32),
}
# Those that take more than a few seconds.
SLOW = (
    *("CNMCXception", "ResNet50-SFT", "ResNet50-DFT", "InceptionV3-mSFT", "Xception-mDFT"),
    "TaleghaniResNet50-SFT",
)
# The smallest network of each kind.
CONTRACT = (*("AlertNetR", "CNMCVGG16", "LeukNet", "VGGF", "FourBlockCNN", "LightweightCNN", "RegNetY-mSFT"),)
# JAX compiles each operation of an eager step separately, which takes longer than compiling the step.
EAGERLY = keras.backend.backend() == "tensorflow"


def build(case, **arguments):
    name, fixed, image_size = NETWORKS[case]
    keras.utils.set_random_seed(1)
    return models.build(
        name, **{"input_shape": (image_size, image_size, 3), **fixed, **arguments}
    ), image_size


def images(image_size, n=2):
    return np.random.default_rng(0).random((n, image_size, image_size, 3), dtype=np.float32) - 0.5


def outputs(model, x):
    return np.asarray(model(x))


def steps():
    marks = {case: [pytest.mark.slow] * (case in SLOW) for case in NETWORKS}
    return [
        pytest.param(case, marks=[*marks[case], *[pytest.mark.backend] * (case in CONTRACT)])
        for case in NETWORKS
    ]


def test_every_builder_is_in_this_suite():
    assert {name for name, _, _ in NETWORKS.values()} == set(BUILDERS)


@pytest.mark.parametrize("case", steps())
def test_forward_step_saving_and_loading(case, tmp_path):
    # After a frozen random base, or with images of 0..255, He initialization saturates the softmax, and its
    # gradient is 0 on JAX.
    saturates = case.endswith("SFT") or case in ("AlexNet", "CaffeNet", "VGGF")
    initializer = "glorot_uniform" if saturates else "he_normal"
    model, image_size = build(case, kernel_initializer=initializer)
    classes = model.output_shape[1]
    before = {v.path: to_numpy(v).copy() for v in model.weights}
    model.compile(keras.optimizers.SGD(1e-2, momentum=0.8), "categorical_crossentropy", run_eagerly=EAGERLY)
    model.train_on_batch(images(image_size, 4), np.eye(classes, dtype=np.float32)[[0, 1, 0, 1]])
    changed = {v.path for v in model.weights if not np.array_equal(to_numpy(v), before[v.path])}
    assert {v.path for v in model.trainable_variables if v.path.endswith("kernel")} <= changed
    frozen = {v.path for layer in model.layers if not layer.trainable for v in layer.weights}
    assert not frozen & changed

    probabilities = outputs(model, images(image_size))
    assert probabilities.shape == (2, classes)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)

    file = tmp_path / "model.keras"
    model.save(file)
    again = keras.models.load_model(file, compile=False)
    np.testing.assert_array_equal(outputs(again, images(image_size)), probabilities)
    assert len(again.trainable_weights) == len(model.trainable_weights)
    # One format is enough here; test_weights compares the formats.
    fresh, _ = build(case, weights=file)
    for loaded, stored in zip(fresh.weights, model.weights, strict=True):
        np.testing.assert_array_equal(to_numpy(loaded), to_numpy(stored))


@pytest.mark.parametrize("case", ["AlertNet", "AlertNetR", "AlertNetX", "CNMCVGG16", "ResNet50-SFT"])
def test_the_classifier_stays_float32_under_mixed_precision(case):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model, image_size = build(case)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("dense_1").compute_dtype == "bfloat16"
    assert model.get_layer("predictions").compute_dtype == "float32"
    assert outputs(model, images(image_size)).dtype == np.float32


@pytest.mark.parametrize("initializer", ["glorot_uniform", "he_normal"])
@pytest.mark.parametrize(
    "case",
    ["AlertNetR", "CNMCVGG16", "VGG16-mDFT", "FourBlockCNN", "LightweightCNN", "TaleghaniResNet50-SFT"],
)
def test_input_tensor_is_the_input(case, initializer):
    with unfilled():
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
    with unfilled():
        model, _ = build(case, include_top=False, pooling=pooling)
    assert model.output_shape == ((None, channels) if pooling else (None, 1, 1, channels))


@pytest.mark.parametrize("case", ["AlertNet", "CNMCVGG16", "VGG16-mDFT", "FourBlockCNN", "LightweightCNN"])
def test_logits_classes_and_name(case):
    with unfilled():
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
    with unfilled():
        expected, _ = build(case)
    with pytest.raises(
        WeightsError, match=rf"(?s)holds 8 parameters.*{expected.count_params():,} parameters"
    ):
        build(case, weights=tmp_path / "small.weights.h5")


def test_unknown_network_is_refused_with_the_list():
    with pytest.raises(SpecError, match="CNMCXception"):
        models.build("VGG99")
