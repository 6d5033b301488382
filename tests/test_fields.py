import dataclasses
import json

import pytest

from leukcnn.errors import SpecError
from leukcnn.fields import replace_at, to_plain, value_at
from leukcnn.spec import Augmentation, Model, Preprocessing, Setup, Split, Training

TRAINING = Training(epochs=4, batch_size=8, initial_learning_rate=1e-3, final_learning_rate=1e-4)
SETUP = Setup(
    model=Model("made_up.Small", {"penalty": 0.5, "kernel": "glorot", "sides": (3, 5)}),
    preprocessing=Preprocessing(crop=10),
    augmentation=Augmentation(),
    split=Split(),
    training=TRAINING,
)


def test_value_at_follows_fields_and_mappings():
    assert value_at(SETUP, "training.batch_size") == 8
    assert value_at(SETUP, "model.arguments.penalty") == 0.5
    assert value_at(SETUP, "model") is SETUP.model


UNKNOWN_PATHS = [
    "trainings.epochs",
    "training.epoch",
    "model.arguments.penality",
    "model.arguments.penalty.more",
    "model.arguments.more.penalty",
    "training.epochs.more",
    "",
]


@pytest.mark.parametrize("path", UNKNOWN_PATHS)
def test_unknown_path_is_refused(path):
    with pytest.raises(SpecError, match="no field"):
        value_at(SETUP, path)
    with pytest.raises(SpecError, match="no field"):
        replace_at(SETUP, path, 1)


def test_replace_at_changes_that_field_of_a_copy():
    changed = replace_at(replace_at(SETUP, "model.arguments.penalty", 9.0), "training.epochs", 7)
    assert changed.model.arguments == {"penalty": 9.0, "kernel": "glorot", "sides": (3, 5)}
    assert changed.training == dataclasses.replace(TRAINING, epochs=7)
    assert (changed.split, changed.preprocessing) == (SETUP.split, SETUP.preprocessing)
    assert SETUP.model.arguments["penalty"] == 0.5
    assert SETUP.training.epochs == 4


def test_replace_at_checks_the_value():
    with pytest.raises(SpecError, match="batch_size = 0"):
        replace_at(SETUP, "training.batch_size", 0)


def test_to_plain_survives_json():
    plain = to_plain(SETUP)
    assert json.loads(json.dumps(plain)) == plain
    assert plain["model"] == {
        "name": "made_up.Small",
        "arguments": {"penalty": 0.5, "kernel": "glorot", "sides": [3, 5]},
    }
    assert plain["preprocessing"]["resize"] is None
    assert set(plain) == {
        "model",
        "preprocessing",
        "augmentation",
        "split",
        "training",
        "features",
        "trained",
    }


def test_to_plain_makes_text_of_keys():
    assert to_plain({1: ((2,), [None])}) == {"1": [[2], [None]]}
