"""The C-NMC networks: parameters, shapes, initial behaviour, saving and loading."""

import json

import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as to_numpy

from leukcnn import models
from leukcnn.errors import ArgumentError, SpecError, WeightsError

pytestmark = pytest.mark.backend

# Network -> smallest side in pixels, parameters (READINGS of the paper), units of the dense layers.
NETWORKS = {
    "CNMCVGG16": (32, 15_241_026, [512, 512, 2]),
    "CNMCVGG19": (32, 20_550_722, [512, 512, 2]),
    "CNMCXception": (71, 25_061_930, [2048, 2]),
}


@pytest.fixture(scope="module", params=NETWORKS)
def network(request):
    side, parameters, units = NETWORKS[request.param]
    keras.utils.set_random_seed(1)
    model = models.build(request.param, input_shape=(side, side, 3))
    return model, side, parameters, units


def pictures(side, n=2):
    return np.random.default_rng(0).random((n, side, side, 3), dtype=np.float32) - 0.5


def test_parameters_are_those_of_the_paper(network):
    model, _, parameters, _ = network
    assert model.count_params() == parameters


def test_parameters_do_not_depend_on_the_input_size():
    assert models.build("CNMCVGG16", input_shape=(40, 56, 3)).count_params() == 15_241_026


def test_top_is_the_papers(network):
    model, _, _, units = network
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    dropout = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert [layer.units for layer in dense] == units
    assert [layer.rate for layer in dropout] == [0.5] * (len(units) - 1)
    assert all(layer.kernel_regularizer is not None for layer in dense)


def test_forward_gives_probabilities(network):
    model, side, _, _ = network
    outputs = np.asarray(model(pictures(side)))
    assert outputs.shape == (2, 2)
    assert outputs.dtype == np.float32
    np.testing.assert_allclose(outputs.sum(axis=1), 1, atol=1e-6)


@pytest.mark.slow
def test_one_step_changes_every_trainable_kernel_and_survives_saving(network, tmp_path):
    model, side, _, _ = network
    before = [to_numpy(v) for v in model.trainable_variables]
    model.compile(optimizer=keras.optimizers.Adam(1e-4), loss="categorical_crossentropy")
    model.train_on_batch(pictures(side, 4), np.eye(2, dtype=np.float32)[[0, 1, 0, 1]])
    unchanged = [
        v.path
        for v, old in zip(model.trainable_variables, before, strict=True)
        if v.path.endswith("kernel") and np.array_equal(to_numpy(v), old)
    ]
    assert not unchanged
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(np.asarray(again(pictures(side))), np.asarray(model(pictures(side))))
    model.save_weights(tmp_path / "w.weights.h5")
    name = {"cnmc_vgg16": "CNMCVGG16", "cnmc_vgg19": "CNMCVGG19", "cnmc_xception": "CNMCXception"}[model.name]
    fresh = models.build(name, input_shape=(side, side, 3), weights=tmp_path / "w.weights.h5")
    np.testing.assert_array_equal(np.asarray(fresh(pictures(side))), np.asarray(model(pictures(side))))


def test_penalty_is_lambda_times_l1_plus_l2_of_the_dense_kernels():
    model = models.build("CNMCVGG16", input_shape=(32, 32, 3), penalty=0.01)
    kernels = [
        to_numpy(model.get_layer(n).kernel).astype(np.float64) for n in ("dense_1", "dense_2", "predictions")
    ]
    expected = 0.01 * sum(np.abs(k).sum() + (k**2).sum() for k in kernels)
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-5)


def test_glorot_hides_the_picture_and_he_does_not():
    spread = {}
    for initializer in ("glorot_uniform", "he_normal"):
        keras.utils.set_random_seed(0)
        model = models.build("CNMCVGG16", input_shape=(32, 32, 3), kernel_initializer=initializer)
        outputs = np.asarray(model(pictures(32, 8)))[:, 0]
        spread[initializer] = np.ptp(outputs)
    assert spread["glorot_uniform"] < 1e-3 < spread["he_normal"]


def test_an_initializer_keeps_names_and_parameters():
    plain = models.build("CNMCXception", input_shape=(71, 71, 3))
    he = models.build("CNMCXception", input_shape=(71, 71, 3), kernel_initializer="he_normal")
    assert [type(layer) for layer in he.layers] == [type(layer) for layer in plain.layers]
    named = [layer.name for layer in plain.layers if layer.name.startswith("block")]
    assert named == [layer.name for layer in he.layers if layer.name.startswith("block")]
    assert he.count_params() == plain.count_params()


@pytest.mark.parametrize("initializer", ["glorot_uniform", "he_normal"])
def test_input_tensor_is_the_input(initializer):
    tensor = keras.Input((48, 48, 3), name="cell")
    model = models.build("CNMCVGG16", input_tensor=tensor, kernel_initializer=initializer)
    assert model.input_shape == (None, 48, 48, 3)
    assert model.inputs[0] is tensor


@pytest.mark.parametrize(("pooling", "shape"), [(None, (1, 1, 1, 512)), ("avg", (1, 512)), ("max", (1, 512))])
def test_without_the_top(pooling, shape):
    model = models.build("CNMCVGG16", input_shape=(32, 32, 3), include_top=False, pooling=pooling)
    assert np.asarray(model(pictures(32, 1))).shape == shape


def test_logits_and_classes():
    model = models.build("CNMCVGG16", input_shape=(32, 32, 3), classes=5, classifier_activation=None)
    assert model.output_shape == (None, 5)
    assert model.get_layer("predictions").activation is keras.activations.linear


def test_the_head_stays_float32_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = models.build("CNMCVGG16", input_shape=(32, 32, 3))
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("dense_1").compute_dtype == "bfloat16"
    assert model.get_layer("predictions").compute_dtype == "float32"
    assert np.asarray(model(pictures(32))).dtype == np.float32


@pytest.mark.parametrize(
    "arguments",
    [
        {"input_shape": (31, 64, 3)},
        {"input_shape": (64, 64, 1)},
        {"classes": 1},
        {"dropout_rate": 1.0},
        {"penalty": -1e-4},
        {"include_top": False, "pooling": "mean"},
    ],
)
def test_bad_arguments_are_refused(arguments):
    with pytest.raises(ArgumentError, match="Expected"):
        models.build("CNMCVGG16", **{"input_shape": (32, 32, 3), **arguments})


def test_missing_and_foreign_weights_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="no weights file"):
        models.build("CNMCVGG16", input_shape=(32, 32, 3), weights=tmp_path / "none.weights.h5")
    small = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    small.save_weights(tmp_path / "small.weights.h5")
    with pytest.raises(WeightsError, match="15,241,026 parameters"):
        models.build("CNMCVGG16", input_shape=(32, 32, 3), weights=tmp_path / "small.weights.h5")


def test_imagenet_weights_that_cannot_be_had_say_what_to_do(monkeypatch, tmp_path):
    import keras.src.applications.vgg16 as vgg16

    def unreachable(*_, **__):
        raise Exception("URL fetch failure on https://storage: None -- no route to host")

    monkeypatch.setattr(vgg16.file_utils, "get_file", unreachable)
    with pytest.raises(WeightsError, match=r"models from another machine"):
        models.build("CNMCVGG16", input_shape=(32, 32, 3), weights="imagenet")


def test_unknown_network_is_refused_with_the_list():
    with pytest.raises(SpecError, match="CNMCXception"):
        models.build("VGG99")
    assert set(NETWORKS) <= set(models.list_models())


def test_config_is_json(network):
    json.loads(network[0].to_json())
