import pytest

from leukcnn import papers
from leukcnn.errors import DataError, SpecError, WeightsError
from leukcnn.experiment.request import Request

ALERTNET = papers.get("alertnet")
TALEGHANI = papers.get("taleghani_resnet50")


def request_for(**options):
    return Request(**{"paper": ALERTNET, "data": "d", **options})


@pytest.mark.parametrize(
    ("only", "rows"),
    [
        ("table1", ()),
        ("table2", ()),
        ("table4", ("alertnet_rwd",)),
        ("figure2", ()),
        ("table3", ALERTNET.row_ids[:6]),
        ("t_test", ("alertnet_rwd", "resnet50_dft")),
        ("figure3", ("alertnet_rwd",)),
        ("xception_sft", ("xception_sft",)),
        (None, ALERTNET.row_ids),
    ],
)
def test_what_a_table_or_figure_needs_trained(only, rows):
    assert set(request_for(only=only).rows_to_train) == set(rows)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"split": "cell"}, "kfold, grouped_kfold"),
        ({"paper": papers.get("cnmc2019"), "split": "kfold"}, "cell, subject, fold"),
        ({"paper": papers.get("cnmc2019"), "datasets": ("jtsc",)}, "no --datasets"),
        ({"only": "table9"}, "table2"),
        ({"runs": 0}, "at least 1"),
    ],
)
def test_an_option_that_the_paper_does_not_know_is_refused(options, named):
    with pytest.raises(SpecError) as caught:
        request_for(**options)
    assert named in caught.value.expected


def test_an_unknown_dataset_is_refused_at_once():
    with pytest.raises(DataError, match="no_such_set"):
        request_for(datasets=("jtsc", "no_such_set"))


def test_datasets_are_the_paper_s_own_or_those_named():
    assert request_for().dataset_keys == ALERTNET.datasets
    assert set(request_for(datasets=("taleghani", "jtsc")).dataset_keys) == {"taleghani", "jtsc"}


def test_controls_see_the_paper_s_own_pictures_whatever_the_profile():
    assert request_for(profile="smoke").control_preprocessing.side == 224
    assert request_for(profile="smoke").setup("alertnet").preprocessing.side == 64


def test_a_row_that_may_be_left_out_lacks_weights_that_a_folder_does_not_hold(tmp_path):
    paper = papers.get("allidb_lightweight")
    (tmp_path / "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5").touch()
    request = request_for(paper=paper, weights=str(tmp_path))
    assert request.missing_weights("resnet50") is None
    assert request.missing_weights("lightweight") is None
    lacking = request.missing_weights("regnet")
    assert str(tmp_path) in lacking.found
    # Asked for alone, or of a place that isn't there, it is an error at once.
    with pytest.raises(WeightsError, match="regnet"):
        request_for(paper=paper, weights=str(tmp_path), only="regnet")
    with pytest.raises(WeightsError, match="isn't there"):
        request_for(paper=paper, weights=str(tmp_path / "no"))
    assert request_for(paper=paper).missing_weights("regnet") is None


def test_weights_none_reaches_the_fine_tuned_networks_alone():
    request = request_for(weights="none")
    assert request.setup("resnet50_sft").model.arguments["weights"] is None
    assert "weights" not in request.setup("alertnet").model.arguments
    assert request_for().setup("resnet50_sft").model.arguments["weights"] == "imagenet"


def test_a_folder_gives_each_network_its_own_file(tmp_path):
    for name in ("resnet50", "inception_v3", "xception"):
        (tmp_path / f"{name}_weights_tf_dim_ordering_tf_kernels_notop.h5").write_bytes(b"")
    request = request_for(weights=str(tmp_path))
    for row, name in (("resnet50_dft", "resnet50"), ("inceptionv3_sft", "inception_v3")):
        assert f"/{name}_weights" in request.setup(row).model.arguments["weights"]


def test_only_the_rows_that_are_trained_need_their_files(tmp_path):
    (tmp_path / "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5").write_bytes(b"")
    request = request_for(weights=str(tmp_path), only="resnet50_dft")
    assert request.setup("resnet50_dft").model.arguments["weights"].startswith(str(tmp_path))
    with pytest.raises(WeightsError, match="inception_v3"):
        request_for(weights=str(tmp_path))


def test_datasets_come_in_one_order():
    assert (
        request_for(datasets=("jtsc", "atlas")).dataset_keys
        == request_for(datasets=("atlas", "jtsc")).dataset_keys
    )


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        ({}, ("resnet50",)),
        ({"base": "scratch"}, ("four_blocks",)),
        ({"base": "scratch=lightweight"}, ("scratch_lightweight",)),
        ({"weights": "none"}, ("four_blocks",)),
        ({"weights": "none", "only": "resnet50"}, ("resnet50",)),
        ({"weights": "none", "base": "scratch=resnet50"}, ("scratch_resnet50",)),
        ({"only": "scratch_alertnet"}, ("scratch_alertnet",)),
        ({"only": "masks"}, ("resnet50",)),
        ({"only": "masks", "base": "scratch"}, ("four_blocks",)),
        ({"only": "layers", "base": "scratch"}, ()),
        ({"profile": "smoke"}, ("resnet50", "four_blocks")),
        ({"profile": "smoke", "only": "splits"}, ("resnet50", "four_blocks")),
        ({"profile": "smoke", "base": "scratch"}, ("four_blocks",)),
    ],
)
def test_stand_ins_are_trained_where_they_are_asked_for(options, rows):
    assert request_for(paper=TALEGHANI, **options).rows_to_train == rows


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"paper": TALEGHANI, "base": "scratch=vgg16"}, "scratch=four_blocks, or scratch=resnet50"),
        ({"paper": TALEGHANI, "base": "resnet50"}, "scratch=lightweight"),
        ({"paper": TALEGHANI, "base": "scratch", "only": "resnet50"}, "one of them"),
        ({"paper": TALEGHANI, "base": "scratch", "weights": "imagenet"}, "starts from random weights"),
        ({"base": "scratch"}, "no --base"),
        ({"mask": "sky"}, "border, cells, background"),
    ],
)
def test_a_base_or_mask_that_is_not_there_is_refused(options, named):
    with pytest.raises(SpecError) as caught:
        request_for(**options)
    assert named in caught.value.expected


def test_what_is_trained_from_scratch_never_starts_from_a_file(tmp_path):
    file = tmp_path / "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
    file.touch()
    for place in (file, tmp_path):
        request = request_for(paper=TALEGHANI, weights=str(place))
        assert request.setup("resnet50").model.arguments["weights"] == str(file)
        assert request.setup("scratch_resnet50").model.arguments["weights"] is None
        with pytest.raises(SpecError, match="--only scratch_resnet50 beside --weights"):
            request_for(paper=TALEGHANI, weights=str(place), only="scratch_resnet50")


def test_a_paper_without_stand_ins_keeps_its_rows_without_weights():
    assert request_for(weights="none").rows_to_train == ALERTNET.row_ids


def test_a_mask_blanks_the_pictures_of_networks_and_controls_alike():
    request = request_for(mask="cells")
    assert request.control_preprocessing.mask == "cells"
    assert {request.setup(row).preprocessing.mask for row in ALERTNET.row_ids} == {"cells"}
    assert request_for().control_preprocessing.mask == ""


def test_the_table_of_splits_wants_every_split_and_that_of_masks_the_main_one():
    splits = request_for(paper=TALEGHANI, only="splits")
    masks = request_for(paper=TALEGHANI, only="masks")
    for kind in ("random", "grouped", "kfold"):
        assert splits.wants("resnet50", kind)
        assert masks.wants("resnet50", kind) == (kind == "random")
