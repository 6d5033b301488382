import pytest

from leukcnn.datasets.catalog import card
from leukcnn.datasets.manifest import manifest
from leukcnn.errors import SpecError
from leukcnn.models.regnet_designs import DESIGNS
from leukcnn.papers.allidb_lightweight import OWN, PAPER, PRETRAINED
from leukcnn.spec import THRESHOLD_RULES


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


@pytest.mark.parametrize("row", PAPER.row_ids)
def test_initial_values_and_optimizer_are_those_of_the_paper_s_pytorch(row):
    setup = PAPER.setup(row)
    assert setup.model.arguments["kernel_initializer"] == "pytorch"
    assert setup.training.optimizer_arguments == {"epsilon": 1e-8}
    keras_s = dict(map(PAPER.parse_assumption, ("initializer=glorot_uniform", "adam_epsilon=1e-7")))
    assumed = PAPER.setup(row, assumed=keras_s)
    assert assumed.model.arguments["kernel_initializer"] == "glorot_uniform"
    assert assumed.training.optimizer_arguments == {"epsilon": 1e-7}


def test_the_cells_can_be_the_input_but_controls_see_whole_images():
    assumed = dict([PAPER.parse_assumption("input=crops")])
    for row in PAPER.row_ids:
        assert PAPER.setup(row, assumed=assumed).preprocessing.region == "crops"
    assert PAPER.whole_image_preprocessing(assumed=assumed).region == "image"


def test_only_networks_with_published_weights_are_optional():
    assert {row.id for row in PAPER.rows if row.optional} == {*PRETRAINED}
    assert {*OWN, *PRETRAINED} == {*PAPER.row_ids}
    for row in PRETRAINED:
        assert PAPER.setup(row).model.arguments["weights"] == "imagenet"
        assert PAPER.setup(row).model.arguments["mode"] == "DFT"


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
