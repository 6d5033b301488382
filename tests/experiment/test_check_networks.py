"""A study's networks are built once, without values, before its data are read."""

from dataclasses import replace

import keras
import pytest

from leukcnn import models, spec
from leukcnn.errors import SpecError
from leukcnn.experiment.check_networks import check_networks
from leukcnn.experiment.plan import trial_identity
from leukcnn.experiment.request import Request
from leukcnn.experiment.run import reproduce
from leukcnn.experiment.study import study_of
from leukcnn.fields import replace_at
from leukcnn.runs import Store
from tests import tiny
from tests.stores import finish


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path, "cnmc2019")


def convolved(*, input_shape, classes):
    inputs = keras.Input(input_shape)
    x = keras.layers.Conv2D(classes, 3)(inputs)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x), name="convolved")


def two_inputs(*, input_shape, classes):
    inputs = [keras.Input(input_shape), keras.Input(input_shape)]
    return keras.Model(inputs, keras.layers.GlobalMaxPooling2D()(sum(inputs))[:, :classes])


def with_model(name, **arguments):
    paper = replace(tiny.tiny_paper(), assumptions=(), figures=())
    models.register("Convolved", convolved)
    models.register("TwoInputs", two_inputs)
    models.register("Failing", lambda *, input_shape, classes: [][input_shape[0]])
    setup = replace_at(paper.rows[0].setup, "model", spec.Model(name, arguments))
    return replace(paper, rows=(replace(paper.rows[0], setup=setup), *paper.rows[1:]))


def check(paper, store, **options):
    check_networks(study_of(Request(paper=paper, data="d", profile="smoke", **options)), store)


@pytest.mark.parametrize(
    ("name", "arguments", "found"),
    [
        ("TinyNetwork", {"classes": 3}, r"has outputs \(None, 3\) for 2 classes"),
        ("FineTuned", {"dense_units": (0,), "weights": None}, r"dense_units = \(0,\)"),
        ("FineTuned", {"dropout_rates": "much", "weights": None}, "dropout_rates"),
        ("TinyNetwork", {"units": 0}, "units = 0"),
        ("TinyNetwork", {"units": "many"}, "TinyNetwork' fails"),
        ("Failing", {}, "Failing' fails: IndexError"),
        ("TwoInputs", {}, r"TwoInputs' has the inputs \[\(None, 24, 24, 3\), .* for images of 24 pixels"),
        ("TinyNetwork", {"input_shape": (30, 30, 3)}, r"inputs \[\(None, 30, 30, 3\)\] for images of 24"),
    ],
)
def test_unsuitable_networks_are_refused_with_their_row(name, arguments, found, tmp_path):
    paper = with_model(name, **arguments)
    with pytest.raises(SpecError, match=f"Row 'vgg16', {name}: .*{found}"):
        reproduce(
            Request(paper=paper, data="nowhere", profile="smoke", out=tmp_path), progress=tiny.Progress()
        )
    assert not [*tmp_path.rglob("trials")]


def test_rows_that_are_not_trained_are_not_checked(store):
    check(with_model("TinyNetwork", classes=3), store, only="vgg19")


def test_rows_with_a_finished_trial_are_not_checked_again(store):
    paper = with_model("TinyNetwork", classes=3)
    study = study_of(Request(paper=paper, data="d", profile="smoke"))
    setup = study.row("vgg16").setup
    identity = trial_identity(study, "vgg16", setup, seed=4, fold=2, images="any")
    trial = store.trial(identity)
    with pytest.raises(SpecError):
        check_networks(study, store)
    finish(trial)
    check_networks(study, store)
    with pytest.raises(SpecError):
        check(with_model("TinyNetwork", classes=4), store)
    (trial.path / "trial.json").write_text("{}")
    with pytest.raises(SpecError):
        check_networks(study, store)


def test_two_classes_may_have_one_output(store):
    check(with_model("TwoPartNetwork", classes=1), store)
    with pytest.raises(SpecError, match="for 4 classes"):
        paper = replace(tiny.tiny_stages_paper(), assumptions=())
        setup = replace_at(paper.rows[0].setup, "model", spec.Model("TwoPartNetwork", {"classes": 1}))
        check(replace(paper, rows=(replace(paper.rows[0], setup=setup), *paper.rows[1:])), store)


def test_a_network_that_gives_features_must_end_in_a_dense_layer(store):
    for name, allowed in (("TinyNetwork", True), ("Convolved", False)):
        paper = with_model(name)
        taking = replace(paper.rows[0].setup, features=spec.Features(row="vgg16"))
        paper = replace(paper, rows=(*paper.rows, replace(paper.rows[0], id="taking", setup=taking)))
        if allowed:
            check(paper, store)
        else:
            with pytest.raises(SpecError, match=r"Row 'taking', Convolved: .*doesn't end in a dense layer"):
                check(paper, store)
