"""LeukNet: the paper's parameters and layers, and that it is the network that `FineTuned` builds."""

import keras
import pytest

from leukcnn import models
from leukcnn.errors import ArgumentError
from leukcnn.models.unfilled import unfilled

# Backbone and dense units -> parameters at 224x224 (READINGS of the paper).
PARAMETERS = {
    ("VGG16", (512, 256)): 27_691_841,
    ("VGG16", (1024, 256)): 40_668_481,
    ("VGG16", (1024, 512)): 40_931_137,
    ("VGG16", (1024, 1024)): 41_456_449,
    ("VGG19", (1024, 256)): 45_978_177,
}


@pytest.mark.parametrize("case", PARAMETERS, ids=lambda case: f"{case[0]}-{case[1]}")
def test_parameters_are_those_of_the_paper(case):
    backbone, dense_units = case
    with unfilled():
        model = models.build("LeukNet", backbone=backbone, dense_units=dense_units, weights=None)
    assert model.count_params() == PARAMETERS[case]
    assert len(model.trainable_weights) == len(model.weights)


def test_the_default_top_is_the_papers():
    with unfilled():
        model = models.build("LeukNet", weights=None, input_shape=(32, 32, 3))
    names = [layer.name for layer in model.layers]
    assert names[names.index("flatten") :] == [
        *("flatten", "dense_1", "dropout_1", "dense_2", "dropout_2", "predictions")
    ]
    assert [model.get_layer(name).units for name in ("dense_1", "dense_2", "predictions")] == [1024, 256, 1]
    assert [model.get_layer(name).rate for name in ("dropout_1", "dropout_2")] == [0.5, 0.6]
    assert model.get_layer("predictions").activation is keras.activations.sigmoid
    assert model.name == "leuknet"


def test_arguments_reach_the_network():
    model = models.build(
        "LeukNet",
        weights=None,
        input_shape=(40, 48, 3),
        dense_units=(8,),
        dropout_rates=(0,),
        classes=4,
        kernel_initializer="zeros",
        include_preprocessing=True,
    )
    assert model.input_shape == (None, 40, 48, 3)
    assert model.output_shape == (None, 4)
    assert {"preprocess_input", "dense_1"} < {layer.name for layer in model.layers}
    assert not model.get_layer("dense_1").get_weights()[0].any()
    bare = models.build("LeukNet", weights=None, input_shape=(32, 32, 3), include_top=False, pooling="avg")
    assert bare.output_shape == (None, 512)


def test_other_bases_are_refused_with_a_remedy():
    with pytest.raises(ArgumentError, match=r"(?s)VGG16, VGG19.*FineTuned"):
        models.build("LeukNet", backbone="ResNet50", weights=None)
