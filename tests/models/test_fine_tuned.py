"""Fine-tuned networks: parameters, tops, frozen layers, and loading weights."""

import json

import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as to_numpy

from leukcnn import models
from leukcnn.errors import ArgumentError, WeightsError
from leukcnn.models import fine_tuned
from leukcnn.models.backbones import BACKBONES
from leukcnn.models.bases import last_frozen_layer, split_at
from leukcnn.models.fine_tuned import MODES
from leukcnn.models.unfilled import unfilled

# The other backbones, and of the RegNets the smallest of each kind.
OTHERS = ("VGG19", "ResNet50", "InceptionV3", "Xception", "RegNetX-200MF", "RegNetY-200MF")


def build(backbone="VGG16", mode="mSFT", **arguments):
    arguments = {"input_shape": (32, 32, 3), "weights": None, "dense_units": (16,), **arguments}
    return models.build("FineTuned", backbone=backbone, mode=mode, **arguments)


def images(image_size, n=2):
    return np.random.default_rng(0).random((n, image_size, image_size, 3), dtype=np.float32)


def weights_equal(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a.get_weights(), b.get_weights(), strict=True))


@pytest.mark.usefixtures("small_regnets")
@pytest.mark.parametrize(
    ("backbone", "mode"),
    [
        *(("VGG16", mode) for mode in MODES),
        *((backbone, mode) for backbone in OTHERS for mode in ("SFT", "mDFT")),
    ],
)
def test_dense_layers_and_frozen_layers_depend_on_the_mode(backbone, mode):
    image_size = {"InceptionV3": 75, "Xception": 71}.get(backbone, 32)
    with unfilled():
        model = build(backbone, mode, dense_units=None, input_shape=(image_size, image_size, 3))
    names = [layer.name for layer in model.layers]
    bridge = "flatten" if backbone.startswith("VGG") else "gap"
    top = model.layers[names.index(bridge) + 1 :]
    own, replacing = BACKBONES[backbone].own_dense, BACKBONES[backbone].new_dense
    assert [layer.units for layer in top] == [*(own if mode in ("SFT", "DFT") else replacing), 1]
    assert all(layer.trainable for layer in top)
    base = model.layers[: names.index(bridge)]
    assert {layer.trainable for layer in base} == {mode in ("DFT", "mDFT")}
    assert last_frozen_layer(model) == (bridge if mode in ("SFT", "mSFT") else None)
    assert model.name == f"{backbone}_{mode}".lower()


@pytest.mark.usefixtures("small_regnets")
def test_a_regnets_imagenet_weights_are_refused_with_their_address():
    with pytest.raises(WeightsError, match=r"download https://.*/RegNetY-200MF_dds_8gpu\.pyth"):
        build("RegNetY-200MF", "DFT", weights="imagenet")


@pytest.mark.usefixtures("small_regnets")
def test_a_file_of_keras_loads_into_a_regnets_base_or_the_whole_network(tmp_path):
    made = build("RegNetX-200MF", "DFT")
    base, _ = split_at(made, "s4_b2_relu")
    base.save_weights(tmp_path / "regnetx-200mf.weights.h5")
    made.save_weights(tmp_path / "whole.weights.h5")
    assert weights_equal(build("RegNetX-200MF", "DFT", weights=tmp_path / "whole.weights.h5"), made)
    model = build("RegNetX-200MF", "DFT", weights=tmp_path / "regnetx-200mf.weights.h5")
    loaded, head = split_at(model, "s4_b2_relu")
    assert weights_equal(loaded, base)
    assert not weights_equal(head, split_at(made, "s4_b2_relu")[1])


@pytest.mark.usefixtures("small_regnets")
def test_a_regnets_images_are_standardised():
    model = build("RegNetY-200MF", include_top=False, include_preprocessing=True)
    prepared = keras.Model(model.input, model.get_layer("stem_pad").input)
    x = np.float32([[[[0.485, 0.456, 0.406]]]]) + np.zeros((1, 32, 32, 3), np.float32)
    np.testing.assert_allclose(np.asarray(prepared(x)), 0, atol=1e-6)
    x += np.float32([0.229, 0.448, 0])
    np.testing.assert_allclose(np.asarray(prepared(x))[0, 3, 5], [1, 2, 0], atol=1e-6)


def test_auto_activation_is_a_sigmoid_for_one_output_and_a_softmax_for_more():
    def activation(**arguments):
        with unfilled():
            return build(**arguments).get_layer("predictions").activation

    assert activation() is keras.activations.sigmoid
    assert activation(classes=2) is keras.activations.softmax
    assert activation(classes=2, classifier_activation="sigmoid") is keras.activations.sigmoid
    assert activation(classifier_activation=None) is keras.activations.linear


def test_the_momentum_of_batch_normalisation_can_be_set():
    own, set_to = (build("ResNet50", "mDFT", batch_norm_momentum=momentum) for momentum in (None, 0.9))
    for model, expected in ((own, 0.99), (set_to, 0.9)):
        found = {
            layer.momentum for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)
        }
        assert found == {expected}
    with pytest.raises(ArgumentError, match="batch_norm_momentum = 1"):
        build(batch_norm_momentum=1)


def test_initial_values_of_the_new_layers_can_be_pytorch_s():
    model = build("ResNet50", "mDFT", kernel_initializer="pytorch", dense_units=(16,))
    for name, fan_in in (("dense_1", 2048), ("predictions", 16)):
        kernel, bias = map(to_numpy, (model.get_layer(name).kernel, model.get_layer(name).bias))
        assert 0 < np.abs(kernel).max() <= fan_in**-0.5
        assert 0 < np.abs(bias).max() <= fan_in**-0.5
    # So are those of a base without published weights.
    kernel = to_numpy(model.get_layer("conv1_conv").kernel)
    assert 0.9 * 147**-0.5 < np.abs(kernel).max() <= 147**-0.5


def test_dropout_follows_the_layers_with_a_rate_above_zero():
    with unfilled():
        model = build(dense_units=[8, 4, 4], dropout_rates=[0.5, 0, 0.6])
    names = [layer.name for layer in model.layers]
    assert names[names.index("flatten") + 1 :] == [
        *("dense_1", "dropout_1", "dense_2", "dense_3", "dropout_3", "predictions")
    ]
    assert [model.get_layer(name).rate for name in ("dropout_1", "dropout_3")] == [0.5, 0.6]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"backbone": "VGG99"}, "InceptionV3"),
        ({"backbone": "DenseNet12"}, "did you mean 'DenseNet121'"),
        ({"backbone": "NASNetMobile", "weights": "imagenet"}, "the only size for which Keras loads them"),
        ({"mode": "sft"}, "mSFT"),
        ({"frozen": "first"}, "did you mean 'first_half'"),
        ({"dense_units": (8, 4), "dropout_rates": (0.5,)}, "one rate for each dense layer"),
        ({"dropout_rates": (1.0,)}, "below 1"),
        ({"backbone": "ResNet50", "input_shape": (31, 32, 3)}, "at least 32 pixels"),
        ({"backbone": "InceptionV3", "input_shape": (74, 75, 3)}, "at least 75 pixels"),
        ({"mode": "SFT", "dense_units": None, "weights": "imagenet"}, "for which they were trained"),
    ],
)
def test_bad_arguments_are_refused(arguments, match):
    with pytest.raises(ArgumentError, match=match):
        build(**arguments)


@pytest.mark.parametrize(
    ("backbone", "file"),
    [
        ("VGG16", "base_notop.weights.h5"),
        ("VGG16", "base_notop.h5"),
        ("VGG16", "base.keras"),
        ("ResNet50", "base_notop.h5"),
    ],
)
def test_a_file_of_the_base_loads_into_the_base_only(backbone, file, tmp_path):
    base = getattr(keras.applications, backbone)(include_top=False, weights=None, input_shape=(48, 48, 3))
    if file.endswith("weights.h5"):
        base.save_weights(tmp_path / file)
    else:
        base.save(tmp_path / file)
    keras.utils.set_random_seed(5)
    model = build(backbone, weights=tmp_path / file)
    keras.utils.set_random_seed(5)
    random = build(backbone)
    loaded_base, head = split_at(model, last_frozen_layer(model))
    assert weights_equal(loaded_base, base)
    assert weights_equal(head, split_at(random, last_frozen_layer(random))[1])


@pytest.mark.parametrize("mode", ["mSFT", "mDFT"])
def test_a_file_of_the_whole_network_loads_into_frozen_layers_too(mode, tmp_path):
    made = build(mode="mSFT")
    made.save_weights(tmp_path / "whole.weights.h5")
    assert weights_equal(build(mode=mode, weights=tmp_path / "whole.weights.h5"), made)


def test_a_file_that_fits_neither_names_all_counts(tmp_path):
    build(classes=7).save_weights(tmp_path / "other.weights.h5")
    # Base 14,714,688; flattened 512 into 16; then 7 or 1 outputs.
    with pytest.raises(
        WeightsError,
        match=r"(?s)holds 14,723,015 parameters.*14,714,688 parameters of VGG16's base"
        r" or 14,722,913 parameters of the whole vgg16_msft",
    ):
        build(weights=tmp_path / "other.weights.h5")


def test_a_vggs_own_dense_layers_are_the_published_ones():
    with unfilled():
        published = keras.applications.VGG16(weights=None)
        model = build(mode="SFT", dense_units=None, input_shape=(224, 224, 3))
    assert published.count_params() == 138_357_544
    for theirs, ours in {"fc1": "dense_1", "fc2": "dense_2"}.items():
        shapes = [tuple(w.shape) for w in published.get_layer(theirs).weights]
        assert shapes == [tuple(w.shape) for w in model.get_layer(ours).weights]


@pytest.mark.slow
def test_a_vggs_own_dense_layers_come_with_the_published_weights(tmp_path, monkeypatch):
    # Like the published one, but for 32 pixels: its first dense layer has a 49th of the weights.
    published = keras.applications.VGG16(weights=None, input_shape=(32, 32, 3))
    small = keras.applications.VGG16(weights=None, input_shape=(32, 32, 3))
    monkeypatch.setattr(fine_tuned, "_PUBLISHED_INPUT", (32, 32, 3))
    monkeypatch.setattr(
        fine_tuned, "application", lambda name, weights: published if weights == "imagenet" else small
    )
    file = tmp_path / "published.weights.h5"
    published.save_weights(file)
    own = {"mode": "SFT", "dense_units": None, "classes": 3}

    def check(model):
        for theirs, ours in {"block5_conv3": "block5_conv3", "fc1": "dense_1", "fc2": "dense_2"}.items():
            expected = to_numpy(published.get_layer(theirs).kernel)
            np.testing.assert_array_equal(to_numpy(model.get_layer(ours).kernel), expected)

    check(build(weights=file, **own))
    build().save_weights(tmp_path / "other.weights.h5")
    with pytest.raises(WeightsError, match="37,694,248 parameters of VGG16 with its own top"):
        build(weights=tmp_path / "other.weights.h5", **own)
    check(build(weights="imagenet", **own))


def test_training_the_head_alone_equals_training_the_whole_with_a_frozen_base():
    """A step of the whole SFT network equals a step of its head on the features of the base."""

    def compiled(model):
        model.compile(keras.optimizers.SGD(0.1, momentum=0.8), "binary_crossentropy", run_eagerly=True)
        return model

    def made():
        keras.utils.set_random_seed(3)
        return build("ResNet50", "SFT")

    x, y = images(32, 4), np.array([[0], [1], [0], [1]], dtype=np.float32)
    whole = compiled(made())
    whole.train_on_batch(x, y)
    cut = made()
    base, head = split_at(cut, last_frozen_layer(cut))
    compiled(head).train_on_batch(np.asarray(base(x)), y)
    for a, b in zip(whole.get_weights(), cut.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    start = to_numpy(made().get_layer("dense_1").kernel)
    assert not np.array_equal(to_numpy(cut.get_layer("dense_1").kernel), start)


@pytest.mark.backend
def test_frozen_weights_stay_while_images_are_normalised_by_their_batch():
    model = build("ResNet50", "SFT", frozen="weights")
    bridge = [layer.name for layer in model.layers].index("gap")
    base = model.layers[:bridge]
    before = [to_numpy(weight) for layer in base for weight in layer.weights]
    assert not any(layer.trainable_weights for layer in base)
    assert len(model.trainable_weights) == 4
    # What follows the first normalisation depends on the batch.
    assert last_frozen_layer(model) == "conv1_conv"
    x, y = images(32, 4), np.array([[0], [1], [0], [1]], dtype=np.float32)
    model.compile(keras.optimizers.SGD(0.1), "binary_crossentropy")
    model.train_on_batch(x, y)
    after = [to_numpy(weight) for layer in base for weight in layer.weights]
    assert all(map(np.array_equal, before, after))
    features = keras.Model(model.input, model.get_layer("gap").output)
    own, of_batch = (to_numpy(features(x, training=training)) for training in (False, True))
    assert np.abs(own - of_batch).max() > 0.01
    whole = build("ResNet50", "SFT")
    same = keras.Model(whole.input, whole.get_layer("gap").output)
    np.testing.assert_array_equal(to_numpy(same(x, training=False)), to_numpy(same(x, training=True)))


@pytest.mark.parametrize("backbone", ["VGG16", "ResNet50"])
def test_the_first_half_of_a_base_can_be_frozen_alone(backbone):
    with unfilled():
        model = build(backbone, "mSFT", frozen="first_half")
        base = build(backbone, "mSFT", include_top=False)
    names = [layer.name for layer in base.layers if layer.weights]
    trainable = [model.get_layer(name).trainable for name in names]
    half = len(names) // 2
    assert trainable == [False] * half + [True] * (len(names) - half)
    cut = last_frozen_layer(model)
    assert cut is not None
    assert cut not in {names[-1], "gap", "flatten"}


PREPROCESS = {
    "VGG16": keras.applications.vgg16,
    "VGG19": keras.applications.vgg19,
    "ResNet50": keras.applications.resnet50,
    "InceptionV3": keras.applications.inception_v3,
    "Xception": keras.applications.xception,
}


@pytest.mark.parametrize("backbone", PREPROCESS)
def test_images_are_preprocessed_as_keras_applications_does(backbone):
    image_size = {"InceptionV3": 75, "Xception": 71}.get(backbone, 32)
    model = build(
        backbone, input_shape=(image_size, image_size, 3), include_top=False, include_preprocessing=True
    )
    names = [layer.name for layer in model.layers]
    start = model.layers[names.index("preprocess_input") + 1]
    prepared = np.asarray(keras.Model(model.input, start.input)(images(image_size)))
    # Keras' function changes its argument in place.
    expected = PREPROCESS[backbone].preprocess_input(255 * images(image_size))
    np.testing.assert_allclose(prepared, expected, atol=1e-4)


def test_preprocessing_has_no_parameters_and_is_frozen_cut_and_saved_with_the_rest(tmp_path):
    model = build("VGG16", include_preprocessing=True)
    plain = build("VGG16", weights=None)
    assert model.count_params() == plain.count_params()
    model.save_weights(tmp_path / "whole.weights.h5")
    plain.load_weights(tmp_path / "whole.weights.h5")
    x = images(32)
    expected = np.asarray(model(x))
    own = keras.applications.vgg16.preprocess_input(255 * x)
    np.testing.assert_allclose(np.asarray(plain(own)), expected, rtol=1e-3, atol=1e-5)

    assert last_frozen_layer(model) == "flatten"
    base, head = split_at(model, "flatten")
    np.testing.assert_array_equal(np.asarray(head(base(x))), expected)

    # A saved network must load without importing leukcnn.
    assert "leukcnn" not in json.dumps(json.loads(model.to_json()))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(np.asarray(again(x)), expected)


@pytest.mark.parametrize("initializer", ["glorot_uniform", "he_normal"])
def test_preprocessing_follows_a_given_input(initializer):
    tensor = keras.Input((48, 40, 3), name="cell")
    model = build(input_tensor=tensor, include_preprocessing=True, kernel_initializer=initializer)
    assert model.input is tensor
    assert [layer.name for layer in model.layers[:3]] == ["cell", "preprocess_input", "block1_conv1"]
    fan_in = 9 * 512
    expected = np.sqrt(2 / fan_in) if initializer == "he_normal" else np.sqrt(2 / (2 * fan_in))
    assert to_numpy(model.get_layer("block5_conv3").kernel).std() == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("input_shape", [(64, 64, 1), (64, 64)])
def test_preprocessing_takes_colour_images_only(input_shape):
    with pytest.raises(ArgumentError, match="at least 32 pixels each way"):
        build(input_shape=input_shape, include_preprocessing=True)
