"""The names that papers may use are compared with the objects that they name."""

import inspect

import keras
import pytest

from leukcnn import models
from leukcnn.datasets import CATALOG
from leukcnn.evaluation.controls import CONTROLS
from leukcnn.spec import names


def test_controls_and_datasets_exist():
    assert set(names.CONTROLS) == set(CONTROLS)
    assert tuple(CATALOG) == names.DATASETS


def test_builders_are_those_of_the_package():
    assert set(models._BUILDERS) == set(names.BUILDERS)


def test_applications_are_all_of_keras():
    builders = {name for name, value in vars(keras.applications).items() if callable(value)}
    assert set(names.APPLICATIONS) == builders


@pytest.mark.parametrize("name", names.OPTIMIZERS)
def test_optimizer_is_known_to_keras(name):
    made = keras.optimizers.get({"class_name": name, "config": {"learning_rate": 0.5}})
    assert float(made.learning_rate) == 0.5
    accepted = {*inspect.signature(type(made).__init__).parameters} - {"self", "learning_rate", "kwargs"}
    assert {*names.OPTIMIZER_ARGUMENTS[name]} == accepted


@pytest.mark.parametrize("name", names.LOSSES)
def test_loss_accepts_one_output_for_each_class(name):
    loss = keras.losses.get(name)
    truth, given = [[0.0, 1.0], [1.0, 0.0]], [[0.25, 0.75], [0.5, 0.5]]
    values = keras.ops.convert_to_numpy(loss(keras.ops.array(truth), keras.ops.array(given)))
    assert (values == values).all()
