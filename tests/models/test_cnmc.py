"""The C-NMC networks: parameters, tops, penalty and initial behaviour."""

import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as to_numpy

from leukcnn import models
from leukcnn.errors import ArgumentError, WeightsError
from leukcnn.models.unfilled import unfilled

# Network -> smallest height and width, parameters (READINGS of the paper), units of the dense layers.
NETWORKS = {
    "CNMCVGG16": (32, 15_241_026, [512, 512, 2]),
    "CNMCVGG19": (32, 20_550_722, [512, 512, 2]),
    "CNMCXception": (71, 25_061_930, [2048, 2]),
}


@pytest.fixture(scope="module", params=NETWORKS)
def network(request):
    image_size, parameters, units = NETWORKS[request.param]
    with unfilled():
        model = models.build(request.param, input_shape=(image_size, image_size, 3))
    return model, parameters, units


def images(image_size, n=2):
    return np.random.default_rng(0).random((n, image_size, image_size, 3), dtype=np.float32) - 0.5


def test_parameters_are_those_of_the_paper(network):
    model, parameters, _ = network
    assert model.count_params() == parameters


def test_parameters_do_not_depend_on_the_input_size():
    with unfilled():
        model = models.build("CNMCVGG16", input_shape=(40, 56, 3))
    assert model.count_params() == 15_241_026


def test_top_is_the_papers(network):
    model, _, units = network
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    dropout = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert [layer.units for layer in dense] == units
    assert [layer.rate for layer in dropout] == [0.5] * (len(units) - 1)
    assert all(layer.kernel_regularizer is not None for layer in dense)


def test_penalty_is_lambda_times_l1_plus_l2_of_the_dense_kernels():
    model = models.build("CNMCVGG16", input_shape=(32, 32, 3), penalty=0.01)
    kernels = [
        to_numpy(model.get_layer(n).kernel).astype(np.float64) for n in ("dense_1", "dense_2", "predictions")
    ]
    expected = 0.01 * sum(np.abs(k).sum() + (k**2).sum() for k in kernels)
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-5)


def test_glorot_hides_the_image_and_he_does_not():
    spread = {}
    for initializer in ("glorot_uniform", "he_normal"):
        keras.utils.set_random_seed(0)
        model = models.build("CNMCVGG16", input_shape=(32, 32, 3), kernel_initializer=initializer)
        outputs = np.asarray(model(images(32, 8)))[:, 0]
        spread[initializer] = np.ptp(outputs)
    assert spread["glorot_uniform"] < 1e-3 < spread["he_normal"]


def test_an_initializer_keeps_names_and_parameters():
    with unfilled():
        plain = models.build("CNMCXception", input_shape=(71, 71, 3))
    he = models.build("CNMCXception", input_shape=(71, 71, 3), kernel_initializer="he_normal")
    assert [type(layer) for layer in he.layers] == [type(layer) for layer in plain.layers]
    named = [layer.name for layer in plain.layers if layer.name.startswith("block")]
    assert named == [layer.name for layer in he.layers if layer.name.startswith("block")]
    assert he.count_params() == plain.count_params()


@pytest.mark.parametrize(
    "arguments",
    [
        {"input_shape": (31, 64, 3)},
        {"input_shape": (64, 64, 1)},
        {"classes": 1},
        {"dropout_rate": 1.0},
        {"penalty": -1e-4},
    ],
)
def test_bad_arguments_are_refused(arguments):
    with pytest.raises(ArgumentError, match="Expected"):
        models.build("CNMCVGG16", **{"input_shape": (32, 32, 3), **arguments})


def test_failed_download_of_imagenet_weights_says_what_to_do(monkeypatch, tmp_path):
    import keras.src.applications.vgg16 as vgg16

    def unreachable(*_, **__):
        raise Exception("URL fetch failure on https://storage: None -- no route to host")

    monkeypatch.setattr(vgg16.file_utils, "get_file", unreachable)
    with pytest.raises(WeightsError, match=r"models from another machine"):
        models.build("CNMCVGG16", input_shape=(32, 32, 3), weights="imagenet")


@pytest.mark.parametrize("name", NETWORKS)
def test_the_top_can_pool_by_the_maximum_and_have_other_dense_layers(name):
    size = NETWORKS[name][0]
    with unfilled():
        model = models.build(name, input_shape=(size, size, 3), top_pooling="max", dense_units=(8, 4))
        plain = models.build(name, input_shape=(size, size, 3), dense_units=())
    assert isinstance(model.get_layer("gmp"), keras.layers.GlobalMaxPooling2D)
    top = [layer.name for layer in model.layers][-5:]
    assert top == ["dense_1", "dropout_1", "dense_2", "dropout_2", "predictions"]
    assert [layer.name for layer in plain.layers][-2:] == ["gap", "predictions"]


@pytest.mark.parametrize("bad", [{"top_pooling": "sum"}, {"top_pooling": None}, {"dense_units": (0,)}])
def test_a_bad_top_is_refused(bad):
    with pytest.raises(ArgumentError, match=next(iter(bad))):
        models.build("CNMCVGG16", input_shape=(32, 32, 3), **bad)
