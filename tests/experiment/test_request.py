import pytest

from leukcnn import papers
from leukcnn.errors import DataError, SpecError
from leukcnn.experiment.request import Request, chosen_datasets

ALERTNET = papers.get("alertnet")
TALEGHANI = papers.get("taleghani_resnet50")


def request_for(**options):
    return Request(**{"paper": ALERTNET, "data": "d", **options})


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"split": "cell"}, "kfold, grouped_kfold"),
        ({"paper": papers.get("cnmc2019"), "split": "kfold"}, "cell, subject, fold"),
        ({"paper": papers.get("cnmc2019"), "datasets": ("jtsc",)}, "no --datasets"),
        ({"only": "table9"}, "table2"),
        ({"runs": 0}, "from 1 to"),
        ({"profile": "quick"}, "smoke"),
        ({"precision": "float64"}, "mixed_bfloat16"),
        ({"assumed": {"batch": 3}}, "batch_size"),
    ],
)
def test_a_value_that_the_paper_does_not_allow_is_refused(options, named):
    with pytest.raises(SpecError) as caught:
        request_for(**options)
    assert named in caught.value.expected


def test_open_datasets_are_those_that_have_a_class_of_the_paper():
    open_ones = ("cnmc2019", "taleghani", "leukocytes", "cellavision2", "jtsc", "aml_lmu", "pbc")
    assert chosen_datasets(ALERTNET, ("open",)) == open_ones
    assert chosen_datasets(papers.get("leuknet_lodocv"), ("open",)) == open_ones
    # It has no class for AML.
    assert chosen_datasets(papers.get("allidb_lightweight"), ("open",)) == tuple(
        key for key in open_ones if key != "aml_lmu"
    )
    assert chosen_datasets(ALERTNET, ()) == ALERTNET.datasets
    assert chosen_datasets(ALERTNET, ("jtsc",)) == ("jtsc",)


@pytest.mark.parametrize("paper", [papers.get("cnmc2019"), TALEGHANI])
def test_open_is_refused_for_a_paper_whose_classes_no_other_open_dataset_has(paper):
    with pytest.raises(SpecError) as caught:
        request_for(paper=paper, datasets=("open",))
    assert paper.datasets[0] in caught.value.expected


def test_open_is_the_only_name():
    with pytest.raises(SpecError) as caught:
        request_for(datasets=("open", "atlas"))
    assert "aml_lmu" in caught.value.remedy


def test_an_unknown_dataset_is_refused():
    with pytest.raises(DataError, match="no_such_set"):
        request_for(datasets=("jtsc", "no_such_set"))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"paper": TALEGHANI, "base": "scratch=vgg16"}, "scratch=four_blocks, or scratch=resnet50"),
        ({"paper": TALEGHANI, "base": "resnet50"}, "scratch=lightweight"),
        ({"paper": TALEGHANI, "base": "scratch", "only": "resnet50"}, "one of them"),
        ({"paper": TALEGHANI, "base": "scratch", "weights": "imagenet"}, "starts from random weights"),
        ({"base": "scratch"}, "no --base"),
        ({"mask": "sky"}, "border or cells or background"),
    ],
)
def test_an_unknown_base_or_mask_is_refused(options, named):
    with pytest.raises(SpecError) as caught:
        request_for(**options)
    assert named in caught.value.expected
