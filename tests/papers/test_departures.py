"""No setting departs from a paper in silence: each is stated in its text, or is one of its assumptions.

`STATED` has, for each paper, the settings that its text gives: path of a field -> its value and its place. A
value may differ between rows: then it is a mapping from the row's id. What has no effect, or does nothing to
the images and the training, needs no entry. The arguments of builders and optimizers count with their
defaults: one that is added to a builder has to be stated, or becomes an assumption.

Rows with a `scratch_name` aren't in any paper.
"""

import inspect
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from types import SimpleNamespace
from typing import NamedTuple

import keras
import pytest

from leukcnn import models, papers
from leukcnn.fields import replace_at
from leukcnn.models import arguments_of
from leukcnn.models.unfilled import unfilled
from leukcnn.spec import HOLDOUT_KINDS, KFOLD_KINDS, LODOCV_KINDS, SUBJECT_KINDS, Model
from tests.papers.stated import BUILT_IN, ROWS_OUTSIDE, STATED

# What the trainer sets for every network, whatever the builder.
FROM_TRAINER = {
    *("include_top", "input_tensor", "input_shape", "pooling", "classes", "classifier_activation", "name"),
}
OPTIMIZER_DEFAULTS = {
    "adam": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    "sgd": {"momentum": 0.0, "nesterov": False},
}
# Fields with the value that does nothing.
NEUTRAL = {
    **{
        "preprocessing.crop": None,
        "preprocessing.resize": None,
        "preprocessing.subtract_channel_mean": False,
    },
    **{"preprocessing.mask": "", "preprocessing.threshold": "none"},
    **{"model.arguments.batch_norm_momentum": None},
    **{"augmentation.train_per_class": None, "augmentation.validation_per_class": None},
    **{"augmentation.variants_per_image": None, "split.validation_fraction": 0.0, "split.never_tested": ()},
    **{"split.limit_per_class": None, "split.per_dataset": (), "training.final_learning_rate": None},
    **{"training.patience": None, "training.deterministic": False, "training.precision": "float32"},
    **{"augmentation.computed_on": "host"},
    **{
        "trained": None,
        "features": None,
        "features.row": "",
        "features.n_selected": None,
        "features.n_components": None,
    },
    **{"features.within_splits": 0, "features.extra_models": (), "split.performance_sets": ()},
}


class Setting(NamedTuple):
    path: str
    value: object


def settings_of(setup):
    """Returns all settings of a setup, the innermost ones, with the defaults of builder and optimizer."""
    model, training = setup.model, setup.training
    arguments = arguments_of(model.name).filled(model.arguments)
    own = {name: value for name, value in arguments.items() if name not in FROM_TRAINER}
    optimizer = OPTIMIZER_DEFAULTS[training.optimizer] | dict(training.optimizer_arguments)
    full = replace(
        setup,
        model=Model(model.name, own),
        training=replace(training, optimizer_arguments=optimizer),
    )
    every = [Setting(path, value) for path, value in leaves(full, "") if has_effect(setup, path)]
    # Which network a row has is what the row is.
    return [setting for setting in every if setting.path != "model.name"]


def leaves(value, path):
    if is_dataclass(value):
        inner = {field.name: getattr(value, field.name) for field in fields(value)}
    elif isinstance(value, Mapping):
        inner = value
    else:
        return [(path, value)]
    return [leaf for name, item in inner.items() for leaf in leaves(item, f"{path}.{name}".lstrip("."))]


def has_effect(setup, path):
    """Returns whether a setting of a row changes anything, given the row's other settings."""
    split, augmentation = setup.split, setup.augmentation
    if path.startswith("training.") and setup.features:
        return False
    if path.startswith("augmentation.") and setup.features and not setup.features.row:
        return False
    only_if = {
        "split.fractions": split.kind in HOLDOUT_KINDS,
        # LeukNet and Vogado et al. are also tested in k-fold cross-validation.
        "split.n_splits": split.kind in (*KFOLD_KINDS, "lodocv"),
        "split.validation_fraction": split.kind in KFOLD_KINDS,
        "split.stratified": split.kind in ("kfold", "lodocv") and not split.never_tested,
        "split.never_tested": split.kind in LODOCV_KINDS,
        "split.performance_sets": split.kind in LODOCV_KINDS,
        "split.train_on_performance_sets": bool(split.performance_sets),
        "split.unknown_subjects": split.kind in SUBJECT_KINDS,
        "model.arguments.frozen": setup.model.arguments.get("mode") in ("SFT", "mSFT"),
        "training.schedule": setup.training.final_learning_rate is not None,
        "preprocessing.squeeze": setup.preprocessing.crop is None,
        "preprocessing.region": setup.preprocessing.threshold != "none",
        "augmentation.variants": bool(augmentation.arguments),
    }
    return only_if.get(path, True)


def silent(paper, stated):
    """Returns (row, path, value) of each setting that is neither stated nor assumed, or isn't as stated."""
    found = []
    for row in paper.rows:
        if row.scratch_name or row.id in ROWS_OUTSIDE.get(paper.key, {}):
            continue
        assumed = {a.field for a in paper.assumptions if row.id in paper.rows_of(a)}
        for path, value in settings_of(row.setup):
            expected = stated[path][0] if path in stated else {}
            if not isinstance(expected, Mapping):
                settled = value == expected
            elif row.id in expected:
                settled = value == expected[row.id]
            else:
                settled = path in assumed or (path in NEUTRAL and value == NEUTRAL[path])
            if not settled:
                found.append((row.id, path, value))
    return found


@pytest.mark.parametrize("key", STATED)
def test_every_setting_is_stated_or_assumed(key):
    assert silent(papers.get(key), STATED[key]) == []


@pytest.mark.parametrize("key", STATED)
def test_every_statement_is_about_a_setting_and_has_its_place(key):
    paper = papers.get(key)
    paths = {setting.path for row in paper.rows for setting in settings_of(row.setup)}
    assert STATED[key].keys() <= paths
    assert all(place for _, place in STATED[key].values())
    for value, _ in STATED[key].values():
        assert not isinstance(value, Mapping) or value.keys() <= {*paper.row_ids}
    assert all(reason for reason in ROWS_OUTSIDE.get(key, {}).values())
    assert ROWS_OUTSIDE.get(key, {}).keys() <= {*paper.row_ids}


@pytest.mark.parametrize("key", STATED)
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("preprocessing.scale", 1.0),
        ("augmentation.arguments", {"gaussian_blur": 3}),
        ("training.epochs", 7),
        ("training.precision", "mixed_float16"),
        ("split.limit_per_class", 100),
    ],
)
def test_a_departure_in_silence_is_found(key, path, value):
    paper = papers.get(key)
    row = next(row for row in paper.rows if not row.scratch_name and not row.setup.features)
    changed = replace(row, setup=replace_at(row.setup, path, value))
    departed = SimpleNamespace(
        key=key,
        rows=(changed,),
        assumptions=tuple(a for a in paper.assumptions if a.field != path),
        rows_of=paper.rows_of,
    )
    found = {where for _, where, _ in silent(departed, STATED[key])}
    assert any(where == path or where.startswith(f"{path}.") for where in found)


@pytest.mark.parametrize("key", STATED)
def test_an_assumption_that_is_removed_is_a_silence_unless_the_text_states_its_value(key):
    paper, stated = papers.get(key), STATED[key]
    for assumption in paper.assumptions:
        rows = {*paper.rows_of(assumption)} - {row.id for row in paper.rows if row.scratch_name}
        rows -= ROWS_OUTSIDE.get(key, {}).keys()
        value = stated.get(assumption.field, ({}, ""))[0]
        covered = not isinstance(value, Mapping) or rows <= value.keys()
        others = tuple(a for a in paper.assumptions if a is not assumption)
        without = SimpleNamespace(key=key, rows=paper.rows, assumptions=others, rows_of=paper.rows_of)
        assert bool(silent(without, stated)) != covered, assumption.name


@pytest.mark.parametrize("key", STATED)
def test_every_assumption_has_an_effect_in_some_row(key):
    paper = papers.get(key)
    for assumption in paper.assumptions:
        rows = [paper.row(row).setup for row in paper.rows_of(assumption)]
        assert any(has_effect(setup, assumption.field) for setup in rows), assumption.name


# Sizes and rates are arguments of the builders; initializers are one.
OF_BUILDERS = {"name", "dtype", "units", "filters", "rate", "kernel_initializer"}
TOP = ("gap", "gmp", "flatten", "dense", "dropout", "predictions")


def built_in(network, *, top_alone):
    """Returns the kinds of layers of a network, and their arguments that aren't Keras' defaults."""
    found = set()
    for layer in network.layers:
        if isinstance(layer, keras.layers.InputLayer) or (top_alone and not layer.name.startswith(TOP)):
            continue
        kind, config = type(layer), layer.get_config()
        found.add(kind.__name__)
        for name, parameter in inspect.signature(kind.__init__).parameters.items():
            if name in config and name not in OF_BUILDERS and not is_default(name, config, parameter.default):
                found.add(f"{kind.__name__}.{name}")
    return found


def is_default(name, config, default):
    """Returns whether a layer's argument has its default, which Keras may have made an object or a tuple."""
    value = config[name]
    if isinstance(value, dict) and isinstance(default, str):
        return value["class_name"].lower() == default.replace("_", "")
    made = {"data_format": "channels_last", "activation": "linear", "strides": config.get("pool_size")}
    return value == default or (name in made and value == made[name]) or value == (default, default)


@pytest.mark.parametrize("builder", BUILT_IN)
def test_every_layer_and_its_unusual_arguments_are_stated_or_assumed(builder):
    top_alone = not builder.startswith(("AlertNet", "Lightweight"))
    with unfilled():
        network = models.build(builder, weights=None)
    assert built_in(network, top_alone=top_alone) == BUILT_IN[builder].keys()
    assert all(BUILT_IN[builder].values())
    with unfilled():
        odd = keras.layers.Dense(3, use_bias=False, name="dense_9")(network.output)
    departed = keras.Model(network.input, odd)
    assert "Dense.use_bias" in built_in(departed, top_alone=top_alone)
