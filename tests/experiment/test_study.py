"""A request's options applied to its paper, once."""

import ast
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from leukcnn import experiment, papers, spec
from leukcnn.errors import SpecError, WeightsError
from leukcnn.experiment.request import Request
from leukcnn.experiment.study import study_of
from leukcnn.fields import replace_at
from leukcnn.outputs.titles import not_trained

ALERTNET = papers.get("alertnet")
TALEGHANI = papers.get("taleghani_resnet50")


EXPERIMENT = Path(experiment.__file__).parent


def study_for(**options):
    return study_of(Request(**{"paper": ALERTNET, "data": "d", **options}))


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
def test_rows_that_a_table_or_figure_needs_are_trained(only, rows):
    assert set(study_for(only=only).trained) == set(rows)


@pytest.mark.parametrize(
    ("only", "rows"),
    [
        (None, ("vgg16", "vgg19", "xception")),
        ("vgg19", ("vgg19",)),
        ("table2", ("vgg16", "vgg19", "xception")),
        ("table1", ()),
        ("table3", ("vgg16",)),
        ("figure7", ("xception",)),
        ("figure4", ()),
    ],
)
def test_rows_of_the_first_paper_are_trained_in_order(only, rows):
    assert study_for(paper=papers.get("cnmc2019"), only=only).trained == rows


def test_datasets_are_the_paper_s_or_the_named_ones():
    assert study_for().datasets == ALERTNET.datasets
    assert set(study_for(datasets=("taleghani", "jtsc")).datasets) == {"taleghani", "jtsc"}


def test_controls_use_the_paper_s_image_size_with_any_profile():
    assert study_for(profile="smoke").whole.image_size == 224
    assert study_for(profile="smoke").row("alertnet").setup.preprocessing.image_size == 64


def test_an_optional_row_without_its_weights_file_is_noted(tmp_path):
    paper = papers.get("allidb_lightweight")
    (tmp_path / "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5").touch()
    study = study_for(paper=paper, weights=str(tmp_path))
    assert study.row("resnet50").lacking is None
    assert study.row("lightweight").lacking is None
    lacking = study.row("regnet").lacking
    assert str(tmp_path) in lacking.found
    # It is an error if the row is requested by name, or if the folder doesn't exist.
    with pytest.raises(WeightsError, match="regnet"):
        study_for(paper=paper, weights=str(tmp_path), only="regnet")
    with pytest.raises(WeightsError, match="doesn't exist"):
        study_for(paper=paper, weights=str(tmp_path / "no"))
    assert study_for(paper=paper).row("regnet").lacking is None


def test_weights_none_changes_only_fine_tuned_networks():
    study = study_for(weights="none")
    assert study.row("resnet50_sft").setup.model.arguments["weights"] is None
    assert "weights" not in study.row("alertnet").setup.model.arguments
    assert study_for().row("resnet50_sft").setup.model.arguments["weights"] == "imagenet"


def test_a_row_from_scratch_keeps_its_random_weights(tmp_path):
    (tmp_path / "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5").write_bytes(b"")
    started = ALERTNET.row("resnet50_dft")
    setup = replace_at(started.setup, "model.arguments.weights", None)
    scratch = replace(started, id="resnet50_scratch", setup=setup)
    paper = replace(ALERTNET, rows=(*ALERTNET.rows, scratch))
    study = study_for(paper=paper, weights=str(tmp_path), only="resnet50_scratch")
    assert study.row("resnet50_scratch").setup.model.arguments["weights"] is None


def test_a_folder_gives_each_network_its_own_file(tmp_path):
    for name in ("resnet50", "inception_v3", "xception"):
        (tmp_path / f"{name}_weights_tf_dim_ordering_tf_kernels_notop.h5").write_bytes(b"")
    study = study_for(weights=str(tmp_path))
    for row, name in (("resnet50_dft", "resnet50"), ("inceptionv3_sft", "inception_v3")):
        assert f"/{name}_weights" in study.row(row).setup.model.arguments["weights"]


def test_only_trained_rows_need_their_files(tmp_path):
    (tmp_path / "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5").write_bytes(b"")
    study = study_for(weights=str(tmp_path), only="resnet50_dft")
    assert study.row("resnet50_dft").setup.model.arguments["weights"].startswith(str(tmp_path))
    with pytest.raises(WeightsError, match="inception_v3"):
        study_for(weights=str(tmp_path))


def test_open_means_the_datasets_that_anyone_may_download():
    study = study_for(datasets=("open",))
    assert study.open_data
    assert not study_for(datasets=study.datasets).open_data
    assert {"aml_lmu", "pbc", "cnmc2019", "taleghani"} < set(study.datasets)
    assert "taleghani_segmented" not in study.datasets


def test_the_order_of_named_datasets_does_not_matter():
    assert study_for(datasets=("jtsc", "atlas")).datasets == study_for(datasets=("atlas", "jtsc")).datasets


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
        ({"profile": "smoke", "base": "scratch=alertnet"}, ("scratch_alertnet",)),
        ({"profile": "smoke", "weights": "none", "split": "random"}, ("four_blocks",)),
    ],
)
def test_substitutes_are_trained_if_they_are_requested(options, rows):
    assert study_for(paper=TALEGHANI, **options).trained == rows


def test_rows_from_scratch_never_start_from_a_file(tmp_path):
    file = tmp_path / "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
    file.touch()
    for place in (file, tmp_path):
        study = study_for(paper=TALEGHANI, weights=str(place))
        assert study.row("resnet50").setup.model.arguments["weights"] == str(file)
        assert study.row("scratch_resnet50").setup.model.arguments["weights"] is None
        with pytest.raises(SpecError, match="--only scratch_resnet50 was given with --weights"):
            study_for(paper=TALEGHANI, weights=str(place), only="scratch_resnet50")


def test_a_paper_without_substitutes_trains_its_own_rows_without_weights():
    assert study_for(weights="none").trained == ALERTNET.row_ids


def test_a_mask_blanks_the_images_of_networks_and_controls():
    study = study_for(mask="cells")
    assert study.whole.mask == "cells"
    assert {study.row(row).setup.preprocessing.mask for row in ALERTNET.row_ids} == {"cells"}
    assert study_for().whole.mask == ""


def test_the_table_of_splits_wants_all_splits_and_that_of_masks_the_main_one():
    splits = study_for(paper=TALEGHANI, only="splits")
    masks = study_for(paper=TALEGHANI, only="masks")
    for kind in ("random", "grouped", "kfold"):
        assert splits.wants("resnet50", kind)
        assert masks.wants("resnet50", kind) == (kind == "random")


def names_in(tree: ast.AST) -> set[str]:
    """Returns the names in imports, annotations and expressions."""
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    found |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.name for alias in node.names}
    return found


def test_only_the_first_step_of_a_run_reads_the_request():
    readers = {"study.py", "run.py", "request.py", "prepare.py", "many_hosts.py"}
    for path in EXPERIMENT.glob("*.py"):
        tree = ast.parse(path.read_text())
        if path.name not in readers:
            assert not names_in(tree) & {"Request", "request"}, path.name
    for name, reading in (
        ("run.py", ["reproduce", "reproduce_one", "plan_of"]),
        ("prepare.py", ["load_index", "load_session"]),
        ("many_hosts.py", ["connected", "_given"]),
    ):
        tree = ast.parse((EXPERIMENT / name).read_text())
        parts = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        assert [part.name for part in parts if names_in(part) & {"Request", "request"}] == reading


def test_masked_studies_of_the_main_split_exist_if_a_table_shows_them():
    study = study_for(paper=TALEGHANI, mask="cells")
    assert set(study.masked) == {"", "border", "cells", "background"}
    for mask, masked in study.masked.items():
        assert masked.whole.mask == mask
        assert {row.splits for row in masked.rows} == {(study.main_split,)}
        assert {row.setup.preprocessing.mask for row in masked.rows} == {mask}
        assert masked.trained == study.trained
        assert masked.masked == {}
    assert study_for().masked == {}


def test_a_row_has_a_setup_for_each_of_its_splits():
    study = study_for(paper=TALEGHANI)
    row = study.row("resnet50")
    assert row.splits[0] == row.setup.split.kind == study.main_split
    for kind in row.splits:
        assert row.under(kind).split.kind == kind
    assert study.split_kinds >= {*row.splits}


def test_options_are_recorded_as_changes():
    study = study_for(mask="cells", precision="mixed_float16", deterministic=False, assumed={"epochs": 3})
    assert study.changes == {
        "preprocessing.mask": "cells",
        "training.precision": "mixed_float16",
        "training.deterministic": False,
    }
    assert study.assumed == {"epochs": 3}
    training = study.row("alertnet").setup.training
    assert (training.epochs, training.precision, training.deterministic) == (3, "mixed_float16", False)


def test_a_split_that_a_row_does_not_allow_is_refused_with_the_row_s_name():
    paper = papers.get("cnmc2019")
    paper = replace(paper, splits=(*paper.splits, "kfold"))
    with pytest.raises(SpecError, match="--split kfold: row 'vgg16': The split 'kfold' with") as caught:
        study_for(paper=paper, split="kfold")
    assert "leave out --split kfold" in caught.value.remedy


def test_weights_none_replaces_published_weights_that_are_a_default():
    paper = papers.get("alertnet")
    model = spec.Model("FineTuned", {"backbone": "VGG16", "mode": "DFT", "dense_units": (8,)})
    row = replace(paper.rows[0], setup=replace_at(paper.rows[0].setup, "model", model))
    own = replace(paper, rows=(row, *paper.rows[1:]), assumptions=(), profiles=paper.profiles[:1])
    assert study_for(paper=own, weights="none").row(row.id).setup.model.arguments["weights"] is None


@pytest.mark.parametrize(
    ("paper", "rows"),
    [("cnmc2019", ("vgg16",)), ("allidb_lightweight", ("resnet50", "lightweight"))],
)
def test_the_smoke_profile_trains_a_few_rows_and_any_other_by_name(paper, rows):
    profile = papers.get(paper).profile("smoke")
    study = study_of(Request(paper=papers.get(paper), data="d", profile="smoke"))
    assert study.trained == rows
    other = next(row for row in papers.get(paper).row_ids if profile.leaves_out(row))
    assert study_of(Request(paper=papers.get(paper), data="d", profile="smoke", only=other)).trained == (
        other,
    )
    assert not papers.get(paper).profile("paper").leaves_out(other)


def test_rows_that_the_profile_leaves_out_are_named_with_the_option_that_trains_them():
    paper = papers.get("cnmc2019")
    results = SimpleNamespace(
        paper=paper, record=SimpleNamespace(profile="smoke", missing={"xception": "no file"}), damaged=[]
    )
    assert not_trained(results, {"vgg16": "VGG16", "vgg19": "VGG19", "xception": "Xception"}) == [
        "Not trained in this run: VGG16.",
        "Not trained in this run (no file): Xception.",
        "Not trained in the smoke profile: VGG19 (--only vgg19 trains it).",
    ]


def test_untrained_rows_are_separated_by_semicolons_and_all_have_their_option():
    paper = papers.get("taleghani_resnet50")
    rows = {row: paper.row(row).label for row in ("scratch_resnet50", "scratch_alertnet")}
    shown = "ResNet50, from scratch; Alert Net, from scratch"
    for profile, text in {
        "smoke": f"the smoke profile: {shown} (--only ROW trains one: scratch_resnet50, scratch_alertnet).",
        "paper": f"this run: {shown}.",
    }.items():
        record = SimpleNamespace(profile=profile, missing={})
        results = SimpleNamespace(paper=paper, record=record, damaged=[])
        assert not_trained(results, rows) == [f"Not trained in {text}"]
