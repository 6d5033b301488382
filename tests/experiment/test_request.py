import pytest

from leukcnn import papers
from leukcnn.errors import DataError, SpecError
from leukcnn.experiment.request import Request

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
        ({"split": "grouped_kfold", "unknown_subjects": "all"}, "refuse or one-group or each"),
        ({"unknown_subjects": "each"}, "it with --split grouped_kfold"),
        ({"paper": papers.get("cnmc2019"), "unknown_subjects": "each"}, "--split subject or fold"),
    ],
)
def test_a_value_that_the_paper_does_not_allow_is_refused(options, named):
    with pytest.raises(SpecError) as caught:
        request_for(**options)
    assert named in caught.value.expected


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
