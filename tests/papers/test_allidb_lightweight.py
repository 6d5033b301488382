import pytest

from leukcnn.datasets.catalog import card
from leukcnn.datasets.manifest import manifest
from leukcnn.errors import SpecError
from leukcnn.fields import value_at
from leukcnn.models import build
from leukcnn.models.regnet_designs import DESIGNS
from leukcnn.papers.allidb_lightweight import OWN, PAPER, PRETRAINED
from leukcnn.spec import THRESHOLD_RULES


def network(row, *, profile="paper"):
    setup = PAPER.setup(row, profile=profile)
    arguments = dict(setup.model.arguments)
    if "weights" in arguments:
        arguments["weights"] = None
    image_size = setup.preprocessing.image_size
    return build(setup.model.name, input_shape=(image_size, image_size, 3), classes=2, **arguments)


def test_lightweight_network_has_the_parameters_of_its_layers():
    # 3x3 kernels of 3 to 16 and 16 to 32 channels, 56 x 56 x 32 features, 64 units, 2 outputs.
    by_hand = (27 * 16 + 16) + (144 * 32 + 32) + (56 * 56 * 32 * 64 + 64) + (64 * 2 + 2)
    assert network("lightweight").count_params() == by_hand == 6_427_810


@pytest.mark.slow
def test_pretrained_networks_are_averaged_and_have_two_outputs_and_every_layer_is_trained():
    resnet = network("resnet50")
    # 2,048 averages, each with a weight for each of two classes, and two biases.
    assert resnet.count_params() == 23_587_712 + 2048 * 2 + 2
    regnet = network("regnet")
    assert regnet.get_layer("predictions").kernel.shape == (440, 2)
    for built in (resnet, regnet):
        assert built.output_shape == (None, 2)
        assert all(layer.trainable for layer in built.layers)


@pytest.mark.parametrize("row", PAPER.row_ids)
def test_protocol_of_sections_4_and_5(row):
    setup = PAPER.setup(row)
    training, split, seen = setup.training, setup.split, setup.preprocessing
    assert (training.epochs, training.batch_size, training.optimizer) == (25, 16, "adam")
    assert (training.initial_learning_rate, training.final_learning_rate) == (1e-4, None)
    assert (training.loss, training.checkpoint) == ("categorical_crossentropy", "last")
    assert (split.kind, split.n_splits, split.validation_fraction) == ("kfold", 4, 0)
    assert split.per_dataset == PAPER.datasets == ("allidb1", "allidb2")
    assert (seen.crop, seen.resize, seen.threshold, seen.squeeze) == (None, 224, "darkest", True)
    assert seen.scale == 1 / 255
    assert not setup.augmentation.arguments
    assert PAPER.row(row).extra_splits == (("grouped_kfold",) if row in OWN else ())
    assert PAPER.runs == 1


def test_only_networks_with_published_weights_are_optional():
    assert {row.id for row in PAPER.rows if row.optional} == {*PRETRAINED}
    assert {*OWN, *PRETRAINED} == {*PAPER.row_ids}
    for row in PRETRAINED:
        assert PAPER.setup(row).model.arguments["weights"] == "imagenet"
        assert PAPER.setup(row).model.arguments["mode"] == "DFT"


@pytest.mark.parametrize("row", PAPER.row_ids)
def test_smoke_profile_is_small_and_needs_no_published_weights(row):
    setup = PAPER.setup(row, profile="smoke")
    assert setup.model.arguments.get("weights") is None
    assert setup.preprocessing.image_size <= 64
    assert setup.training.deterministic
    assert (setup.split.n_splits, setup.split.limit_per_class) == (2, 80)
    # The threshold and the separate datasets are the paper's.
    assert setup.preprocessing.threshold == PAPER.setup(row).preprocessing.threshold
    assert setup.split.per_dataset == PAPER.datasets


@pytest.mark.parametrize("assumption", PAPER.assumptions, ids=lambda a: a.name)
@pytest.mark.parametrize("profile", ["paper", "smoke"])
def test_assumption_names_a_field_of_its_rows(assumption, profile):
    assert assumption.reason
    assert assumption.where
    for row in PAPER.rows_of(assumption):
        value = value_at(PAPER.setup(row, profile=profile), assumption.field)
        assert not assumption.choices or value in assumption.choices


def test_two_assumptions_never_set_one_field_of_a_row():
    for row in PAPER.row_ids:
        fields = [a.field for a in PAPER.assumptions if row in PAPER.rows_of(a)]
        assert len(set(fields)) == len(fields)


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("folds=5", 5),
        ("threshold=least_frequent", "least_frequent"),
        ("threshold=none", "none"),
        ("squeeze=false", False),
        ("pool_first=true", True),
        ("filters=[8, 16]", (8, 16)),
        ("regnet=RegNetX-200MF", "RegNetX-200MF"),
        ("mode=SFT", "SFT"),
    ],
)
def test_assumptions_can_be_overridden_in_words(words, value):
    name, read = PAPER.parse_assumption(words)
    assert read == value
    row = PAPER.rows_of(PAPER.assumption(name))[0]
    assert value_at(PAPER.setup(row, assumed={name: read}), PAPER.assumption(name).field) == value


def test_every_regnet_can_be_chosen():
    assert {*PAPER.assumption("regnet").choices} == {*DESIGNS}
    with pytest.raises(SpecError, match="RegNetY-500MF"):
        PAPER.parse_assumption("regnet=RegNetY-500MF")


def test_every_rule_of_thresholding_can_be_chosen():
    assert {*PAPER.assumption("threshold").choices} == {"none", *THRESHOLD_RULES}


def test_classes_of_the_datasets_are_mapped_to_the_paper_s():
    assert PAPER.classes == ("healthy", "ALL")
    assert PAPER.positive_class == "ALL"
    for name in (*PAPER.datasets, "jtsc", "cellavision2", "cnmc2019", "taleghani"):
        assert {*card(name).classes} <= {*PAPER.class_of}
    # Myeloid and chronic leukaemias are neither healthy nor ALL.
    assert not {"AML", "other", "pathological"} & {*PAPER.class_of}


def test_synthetic_datasets_have_the_published_number_of_images():
    for name in PAPER.datasets:
        assert PAPER.synthetic_images[name] == card(name).subsets[0].images


def test_finding_on_shared_fields_follows_from_the_manifest():
    fields = [file.group for file in manifest("allidb2").values() if file.group]
    shared = [field for field in fields if fields.count(field) > 1]
    (text,) = [finding.text for finding in PAPER.findings if "share their field" in finding.text]
    for number in (len(fields), len(set(fields)), len(shared), 260 - len(fields)):
        assert str(number) in text


def test_finding_on_percentages_follows_from_the_numbers_of_images():
    right = {n for n in range(109) if round(100 * n / 108) in (96, 97, 99)}
    assert right == {104, 105, 107}
    assert {n for n in range(261) if round(100 * n / 260) == 98} == {254, 255, 256}
    # Exact McNemar test of three discordant images, all in one direction.
    assert 2 * 0.5**3 == 0.25
