"""The builders' signatures: plain functions with the arguments of Keras Applications."""

import ast
import inspect
from pathlib import Path

import keras
import pytest

from leukcnn import models
from leukcnn.errors import ArgumentError
from leukcnn.models.unfilled import unfilled
from leukcnn.spec.names import BUILDERS

_PLAIN = {"kernel_initializer": "glorot_uniform"}
_ALERT_NET = {
    **{"dropout_rate": 0.5, **_PLAIN, "batch_norm_momentum": 0.99},
    "convolutions": ((64, 11), (128, 5), (256, 3), (512, 3), (1024, 3)),
    **{"dense_units": (512, 512), "relu": "after_norm", "pool_padding": "same"},
}
_CAFFE = {"dropout_rate": 0.5, **_PLAIN}
_CNMC = {"penalty": 1e-4, **_CAFFE, "dense_units": (512, 512), "top_pooling": "avg"}
_CNMC_XCEPTION = {**_CNMC, "penalty": 7e-4, "dense_units": (2048,)}
_TUNED = {"backbone": "ResNet50", "mode": "SFT", "dense_units": None, "dropout_rates": None, **_PLAIN}
_LEUKNET = {"backbone": "VGG16", "dense_units": (1024, 256), "dropout_rates": (0.5, 0.6), **_PLAIN}
_FOUR_BLOCKS = {"filters": (16, 32, 64, 128), "dropout_rate": 0.0, **_PLAIN, "batch_norm_momentum": 0.9}
_LIGHTWEIGHT = {
    **{"convolutions": ((16, 3), (32, 3)), "dense_units": 64, "pool_first": False, "dropout_rate": 0.2},
    **{"padding": "same", "conv_activation": "elu", "top_pooling": "flatten"},
    "kernel_initializer": "pytorch",
}

# Builder -> defaults of weights, height and width, classes, classifier_activation, name; its own arguments.
DEFAULTS = {
    "AlertNet": (None, 224, 3, "softmax", "alert_net", _ALERT_NET),
    "AlertNetR": (None, 224, 3, "softmax", "alert_net_r", _ALERT_NET),
    "AlertNetX": (None, 224, 3, "softmax", "alert_net_x", {**_ALERT_NET, "first_separable": True}),
    "AlexNet": (None, 227, 1000, "softmax", "alexnet", _CAFFE),
    "CNMCVGG16": (None, 250, 2, "softmax", "cnmc_vgg16", _CNMC),
    "CNMCVGG19": (None, 250, 2, "softmax", "cnmc_vgg19", _CNMC),
    "CNMCXception": (None, 250, 2, "softmax", "cnmc_xception", _CNMC_XCEPTION),
    "CaffeNet": (None, 227, 1000, "softmax", "caffenet", _CAFFE),
    "FineTuned": (
        *("imagenet", 224, 1, "auto", None),
        {**_TUNED, "include_preprocessing": False, "frozen": "base", "batch_norm_momentum": None},
    ),
    "FourBlockCNN": (None, 112, 4, "softmax", "four_block_cnn", _FOUR_BLOCKS),
    "LeukNet": ("imagenet", 224, 1, "auto", "leuknet", {**_LEUKNET, "include_preprocessing": False}),
    "LightweightCNN": (None, 224, 2, "softmax", "lightweight_cnn", _LIGHTWEIGHT),
    "RegNetX": (None, 224, 1000, "softmax", None, {"design": "400mf", **_PLAIN}),
    "RegNetY": (None, 224, 1000, "softmax", None, {"design": "400mf", **_PLAIN}),
    "TaleghaniResNet50": (
        *("imagenet", 224, 4, "softmax", "taleghani_resnet50"),
        {**_CAFFE, "include_preprocessing": True},
    ),
    "VGGF": (None, 224, 1000, "softmax", "vgg_f", _CAFFE),
}


def positional(builder):
    parameters = inspect.signature(builder).parameters.values()
    return [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]


def test_every_builder_is_in_this_suite():
    assert set(DEFAULTS) == set(BUILDERS)


@pytest.mark.parametrize("name", BUILDERS)
def test_arguments_are_those_of_keras_in_its_order_then_its_own_by_name(name):
    builder = getattr(models, name)
    assert positional(builder) == [*inspect.signature(keras.applications.VGG16).parameters]
    parameters = inspect.signature(builder).parameters
    weights, image_size, classes, activation, model_name, own = DEFAULTS[name]
    assert {key: p.default for key, p in parameters.items()} == {
        "include_top": True,
        "weights": weights,
        "input_tensor": None,
        "input_shape": (image_size, image_size, 3),
        "pooling": None,
        "classes": classes,
        "classifier_activation": activation,
        "name": model_name,
        **own,
    }
    assert [key for key, p in parameters.items() if p.kind is p.KEYWORD_ONLY] == [*own]


@pytest.mark.parametrize("name", BUILDERS)
def test_a_builder_is_a_plain_function_that_describes_its_arguments_in_their_order(name):
    builder = getattr(models, name)
    assert inspect.getsource(builder).startswith(f"def {name}(\n")
    described = [f"\n        {argument}: " for argument in inspect.signature(builder).parameters]
    places = [builder.__doc__.find(text) for text in described]
    assert min(places) > 0
    assert places == sorted(places)


@pytest.mark.parametrize("name", BUILDERS)
def test_no_argument_has_the_name_of_its_module_s_function_preprocess_input(name):
    assert "preprocess_input" not in inspect.signature(getattr(models, name)).parameters


def test_arguments_may_be_given_by_their_place():
    with unfilled():
        model = models.AlertNet(True, None, None, (32, 48, 3), None, 2, None, "mine")
    assert (model.name, model.input_shape, model.output_shape) == ("mine", (None, 32, 48, 3), (None, 2))
    with pytest.raises(ArgumentError, match="'mean'"), unfilled():
        models.AlertNet(False, None, None, (32, 32, 3), "mean")


def test_editors_see_what_is_imported_on_first_use():
    statements = ast.walk(ast.parse(Path(models.__file__).read_text()))
    (block,) = (s for s in statements if isinstance(s, ast.If) and ast.unparse(s.test) == "TYPE_CHECKING")
    imports = [line for line in block.body if isinstance(line, ast.ImportFrom)]
    seen = {alias.name: line.module for line in imports for alias in line.names}
    assert {name: getattr(models, name).__module__ for name in BUILDERS}.items() <= seen.items()
    assert set(BUILDERS) <= set(models.__all__)
