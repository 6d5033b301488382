import math

import pytest

from leukcnn.augmentation import ImageAugmenter
from leukcnn.datasets.catalog import card
from leukcnn.fields import value_at
from leukcnn.models import build
from leukcnn.papers.taleghani_resnet50 import PAPER, SCRATCH
from leukcnn.spec import Split

SMOKE = PAPER.profile("smoke")


def network(row, *, profile="paper"):
    setup = PAPER.setup(row, profile=profile)
    arguments = dict(setup.model.arguments)
    if arguments.get("weights") == "imagenet":
        arguments["weights"] = None
    image_size = setup.preprocessing.image_size
    return build(setup.model.name, input_shape=(image_size, image_size, 3), classes=4, **arguments)


@pytest.mark.slow
def test_network_has_the_parameters_of_the_paper():
    frozen = network("resnet50")
    trained = sum(math.prod(weight.shape) for weight in frozen.trainable_weights)
    assert frozen.count_params() == 23_587_712 + 401_412
    assert trained == 401_412
    assert frozen.output_shape == (None, 4)


@pytest.mark.slow
@pytest.mark.parametrize("row", SCRATCH)
@pytest.mark.parametrize("profile", ["paper", "smoke"])
def test_networks_from_scratch_have_no_frozen_layer(row, profile):
    built = network(row, profile=profile)
    assert built.output_shape == (None, 4)
    assert all(layer.trainable for layer in built.layers)


@pytest.mark.slow
def test_resnet50_from_scratch_has_one_dense_layer_after_averaging():
    # 2,048 averages, each with a weight for each of four classes, and four biases.
    assert network("scratch_resnet50").count_params() == 23_587_712 + 2048 * 4 + 4


def test_protocol_of_the_paper():
    setup = PAPER.setup("resnet50")
    assert (setup.preprocessing.crop, setup.preprocessing.resize, setup.preprocessing.mask) == (None, 224, "")
    assert setup.preprocessing.scale == 1 / 255
    assert setup.model.arguments == {
        "weights": "imagenet",
        "dropout_rate": 0.5,
        "include_preprocessing": True,
    }
    assert setup.augmentation.variants_per_image is setup.augmentation.train_per_class is None
    training = setup.training
    assert (training.epochs, training.batch_size, training.optimizer) == (3, 32, "adam")
    assert (training.initial_learning_rate, training.final_learning_rate) == (0.001, None)
    assert (training.loss, training.checkpoint, training.patience) == (
        "categorical_crossentropy",
        "val_loss",
        0,
    )
    assert PAPER.runs == 1


def test_every_row_has_the_same_splits():
    assert PAPER.splits == ("random", "grouped", "kfold", "grouped_kfold")
    for row in PAPER.rows:
        split = row.setup.split
        assert split == Split("random", (0.7, 0.1, 0.2), n_splits=5, validation_fraction=0.125)
        assert row.extra_splits == ("grouped", "kfold")
    # One of five folds is tested; an eighth of the other four fifths is for validation.
    assert split.validation_fraction * (1 - 1 / split.n_splits) == pytest.approx(split.fractions[1])


def test_only_the_paper_s_own_row_has_no_scratch_name():
    assert {row.id: row.scratch_name for row in PAPER.rows} == {
        "resnet50": "",
        "four_blocks": "four_blocks",
        "scratch_resnet50": "resnet50",
        "scratch_alertnet": "alertnet",
        "scratch_lightweight": "lightweight",
    }
    assert SCRATCH[0] == "four_blocks"


def test_networks_from_scratch_need_no_published_weights_and_end_at_a_rate_of_0():
    for row in SCRATCH:
        setup = PAPER.setup(row)
        assert setup.model.arguments.get("weights") is None
        assert (setup.training.schedule, setup.training.final_learning_rate) == ("cosine", 0)
        assert setup.training.patience is None
        assert (setup.augmentation.variants, setup.augmentation.variants_per_image) == ("fresh", 1)
        assert ImageAugmenter(**setup.augmentation.arguments)
    sizes = [PAPER.setup(row).preprocessing.image_size for row in SCRATCH]
    rates = [PAPER.setup(row).training.initial_learning_rate for row in SCRATCH]
    assert sizes == [112, 224, 224, 224]
    assert rates == [1e-3, 1e-3, 1e-3, 1e-4]


def test_smoke_profile_trains_two_networks_on_small_images_without_published_weights():
    assert SMOKE.rows == ("resnet50", "four_blocks")
    for row in PAPER.row_ids:
        setup = PAPER.setup(row, profile="smoke")
        assert setup.model.arguments.get("weights") is None
        assert setup.preprocessing.image_size <= 64
        assert setup.training.deterministic
        assert (setup.split.n_splits, setup.split.limit_per_class) == (2, 60)
        # Fractions and early stopping are the paper's.
        assert setup.split.fractions == PAPER.setup(row).split.fractions
        assert setup.training.patience == PAPER.setup(row).training.patience


@pytest.mark.parametrize("assumption", PAPER.assumptions, ids=lambda a: a.name)
@pytest.mark.parametrize("profile", ["paper", "smoke"])
def test_assumption_changes_its_own_rows_only(assumption, profile):
    assert assumption.reason
    assert assumption.where
    rows = PAPER.rows_of(assumption)
    for row in rows:
        value = value_at(PAPER.setup(row, profile=profile), assumption.field)
        assert not assumption.choices or value in assumption.choices
    for row in PAPER.row_ids:
        changed = PAPER.setup(row, profile=profile, assumed={assumption.name: value})
        if row in rows:
            assert value_at(changed, assumption.field) == value
        else:
            assert changed == PAPER.setup(row, profile=profile)


def test_two_assumptions_never_set_one_field_of_a_row():
    for row in PAPER.row_ids:
        fields = [a.field for a in PAPER.assumptions if row in PAPER.rows_of(a)]
        assert len(set(fields)) == len(fields)


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("patience=2", 2),
        ("include_preprocessing=false", False),
        ("checkpoint=last", "last"),
        ("filters=[8, 16]", (8, 16)),
        ("scratch_epochs=40", 40),
    ],
)
def test_assumptions_can_be_overridden_in_words(words, value):
    name, read = PAPER.parse_assumption(words)
    assert read == value
    row = PAPER.rows_of(PAPER.assumption(name))[0]
    assert value_at(PAPER.setup(row, assumed={name: read}), PAPER.assumption(name).field) == value


def test_classes_are_those_of_the_dataset():
    assert PAPER.datasets == ("taleghani",)
    assert PAPER.classes == card("taleghani").classes == ("benign", "early", "pre", "pro")
    assert PAPER.class_of == {name: name for name in PAPER.classes}
    assert PAPER.positive_class == ""
