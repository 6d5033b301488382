"""The networks of the papers' rows, built without values: parameters and layers."""

import math

import keras
import pytest

from leukcnn import models, papers
from leukcnn.models.unfilled import unfilled, without_sampling
from leukcnn.papers.leuknet_lodocv_tables import TABLES
from leukcnn.papers.taleghani_resnet50 import SCRATCH

# Parameters of the base without its top, as Keras has it.
RESNET50 = 23_587_712
# Paper -> row -> parameters at 224x224 pixels, as the paper is read.
PARAMETERS = {
    "alertnet": {
        "alertnet": 8_792_963,
        "alertnet_wd": 8_792_963,
        "alertnet_r": 8_799_875,
        "alertnet_rwd": 8_799_875,
        "alertnet_x": 3_078_318,
        "alertnet_xwd": 3_078_318,
        "resnet50_sft": 24_638_339,
        "inceptionv3_sft": 22_853_411,
        "xception_sft": 21_912_107,
    },
    "leuknet_lodocv": {
        "leuknet": 40_668_481,
        "leuknet_512_256": 27_691_841,
        "leuknet_1024_512": 40_931_137,
        "leuknet_1024_1024": 41_456_449,
        "vgg19_mdft": 45_978_177,
        "inceptionv3_mdft": 23_901_985,
        "resnet50_mdft": 25_686_913,
        "xception_mdft": 21_123_881,
    },
    "taleghani_resnet50": {
        "resnet50": RESNET50 + 401_412,
        # 2,048 averages, each with a weight for each of four classes, and four biases.
        "scratch_resnet50": RESNET50 + 2048 * 4 + 4,
    },
    "allidb_lightweight": {
        # 3x3 kernels of 3 to 16 and 16 to 32 channels, 56 x 56 x 32 features, 64 units, 2 outputs.
        "lightweight": (27 * 16 + 16) + (144 * 32 + 32) + (56 * 56 * 32 * 64 + 64) + (64 * 2 + 2),
        "resnet50": RESNET50 + 2048 * 2 + 2,
        # 4,344,144 at 1000 classes, 441 for each class; 2 statistics for each of 13,576 normalised channels.
        "regnet": 4_344_144 - 998 * 441 + 2 * 13_576,
    },
}
ROWS = [(key, row) for key, counts in PARAMETERS.items() for row in counts]


def network(key, row, *, profile="paper"):
    """Builds a row's network without values."""
    paper = papers.get(key)
    setup = paper.setup(row, profile=profile)
    model = without_sampling(setup.model)
    image_size = setup.preprocessing.image_size
    arguments = {"input_shape": (image_size, image_size, 3), "classes": len(paper.classes), **model.arguments}
    if "weights" in arguments:
        arguments["weights"] = None
    with unfilled():
        return models.build(model.name, **arguments)


@pytest.mark.parametrize(("key", "row"), ROWS)
def test_networks_have_the_parameters_of_the_paper(key, row):
    built = network(key, row)
    assert built.count_params() == PARAMETERS[key][row]
    n_outputs = 1 if key == "leuknet_lodocv" else len(papers.get(key).classes)
    assert built.output_shape == (None, n_outputs)


def test_taleghani_s_network_trains_its_dense_layer_alone():
    trained = network("taleghani_resnet50", "resnet50").trainable_weights
    assert sum(math.prod(weight.shape) for weight in trained) == 401_412


@pytest.mark.parametrize(
    ("key", "row", "profile"),
    [
        *(("taleghani_resnet50", row, profile) for row in SCRATCH for profile in ("paper", "smoke")),
        *(("allidb_lightweight", row, "paper") for row in ("resnet50", "regnet")),
    ],
)
def test_no_layer_is_frozen(key, row, profile):
    built = network(key, row, profile=profile)
    assert built.output_shape == (None, len(papers.get(key).classes))
    assert all(layer.trainable for layer in built.layers)


@pytest.mark.parametrize(
    ("printed", "name"),
    [
        ("VGG-16", "VGG16"),
        ("VGG-19", "VGG19"),
        ("ResNet50", "ResNet50"),
        ("InceptionV3", "InceptionV3"),
        ("Xception", "Xception"),
    ],
)
def test_networks_of_keras_have_the_parameters_of_leuknet_s_table_3(printed, name):
    (table,) = [table for table in TABLES if table.id == "table3"]
    parameters = {row[0]: row[2] for row in table.reference}
    with unfilled():
        built = getattr(keras.applications, name)(weights=None)
    assert built.count_params() == parameters[printed]
