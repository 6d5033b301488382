"""Experiments with a trained network and a few tested images, for tests of what is kept of them."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from leukcnn import spec
from leukcnn.outputs.kind import Material
from leukcnn.prediction import SavedNetwork
from leukcnn.trial_files import Predictions, write_predictions
from tests.stores import finish_again

PREPROCESSING = spec.Preprocessing(resize=16, scale=1 / 255)
TESTED = np.array([2, 3, 4, 5, 6, 7, 8])


def trained(left_out, index, network, predicted, training_set=None) -> Material:
    """Returns an experiment whose row "deep" has a network and predictions of seven tested images."""
    experiment = left_out()
    rows = tuple(
        replace(row, setup=replace(row.setup, preprocessing=PREPROCESSING)) for row in experiment.paper.rows
    )
    experiment.paper = replace(
        experiment.paper,
        controls=("majority",),
        rows=rows,
        classes=index.class_names,
        positive_class="",
        class_of={},
    )
    experiment.add("deep", predictions_of(index, np.zeros(len(TESTED), int)), tested=("atlas",))
    trial = experiment.store.finished_trial(experiment.planned[0].name)
    saved = SavedNetwork(network, PREPROCESSING, index.class_names, {}, training_set)
    saved.save(trial.path / "model.keras")
    write_predictions(trial.path / "predictions.csv", predictions_of(index, predicted))
    finish_again(trial)
    return Material(experiment.results(), index)


def predictions_of(index, predicted) -> Predictions:
    return Predictions(
        image=index.ids[TESTED],
        subset=np.full(len(TESTED), "test"),
        checkpoint=np.full(len(TESTED), "last"),
        group=np.full(len(TESTED), ""),
        label=index.labels[TESTED],
        probabilities=np.eye(len(index.class_names))[predicted],
        class_names=index.class_names,
    )


@pytest.fixture
def two_classes(left_out, smears):
    """A network of one output that predicts the second class; its stored predictions are right for row 4."""
    smears = replace(smears, labels=np.arange(16) % 2, class_names=("non-pathological", "pathological"))
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(3, 3, activation="relu", name="block1_conv1")(inputs)
    x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.Conv2D(1, 3, name="block2_conv1")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    bias = keras.initializers.Constant(2)
    outputs = keras.layers.Dense(1, activation="sigmoid", kernel_initializer="zeros", bias_initializer=bias)(
        x
    )
    return trained(left_out, smears, keras.Model(inputs, outputs), np.where(TESTED == 4, 0, 1))


@pytest.fixture
def three_classes(left_out, smears):
    """A network with maps of 14, 7 and 3 pixels, which is right for some of seven tested images."""
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(4, 3, name="wide")(inputs)
    x = keras.layers.MaxPooling2D(2, name="narrow")(x)
    x = keras.layers.MaxPooling2D(2, name="points")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    network = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))
    # Right for 5 (AML) and 6 (HBS) only; of ALL the first image is shown.
    label = smears.labels[TESTED]
    return trained(left_out, smears, network, np.where(np.isin(TESTED, (5, 6)), label, (label + 1) % 3))
