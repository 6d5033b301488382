"""From options to trials, for rows that are trained under several splits and in several runs."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from leukcnn import papers
from leukcnn.datasets import ImageIndex, load_many
from leukcnn.errors import DataError, WeightsError
from leukcnn.experiment.plan import plan
from leukcnn.experiment.record import make_record
from leukcnn.experiment.request import Request
from leukcnn.experiment.study import study_of
from leukcnn.spec import Model
from leukcnn.trials import PROBE
from tests.indices import index_of_counts

# Dataset -> number of images of class 0 and of class 1.
COUNTS = {"allidb1": (6, 5), "allidb2": (8, 8), "jtsc": (9, 0), "ufg": (4, 6), "midb": (0, 5)}


@pytest.fixture
def index() -> ImageIndex:
    return index_of_counts(COUNTS)


def study_for(**options):
    # Strict splits compare the images themselves, and this index has no files.
    options = {"paper": papers.get("leuknet_lodocv"), "data": "d", "split": "lodocv", **options}
    return study_of(Request(**options))


def trials_of(planned, row):
    return [trial for trial in planned.trials if trial.row == row]


def test_the_paper_has_five_runs_and_its_smoke_profile_one(index):
    assert study_for().runs == 5
    assert study_for(profile="smoke").runs == 1
    assert study_for(profile="smoke", runs=2).runs == 2
    planned = plan(study_for(seed=3), index)
    trials = trials_of(planned, "leuknet")
    assert [(t.run, t.seed, t.tested) for t in trials[:3]] == [
        (0, 3, ("allidb1",)),
        (0, 3, ("allidb2",)),
        (0, 3, ("ufg",)),
    ]
    assert sorted({(t.run, t.seed) for t in trials}) == [(run, 3 + run) for run in range(5)]
    assert make_record(study_for(seed=3), index, planned).runs == 5


def test_an_identity_lists_the_datasets_tested_and_trained_on(index):
    planned = plan(study_for(runs=1), index)
    identity = planned.identities[trials_of(planned, "leuknet")[0].name]
    assert identity["tested"] == ["allidb1"]
    assert identity["trained_on"] == ["allidb2", "jtsc", "midb", "ufg"]
    assert identity["setup"]["split"]["kind"] == "lodocv"
    control = planned.controls[0]
    assert planned.identities[control.name]["tested"] == ["allidb1"]
    assert (control.split, control.tested) == ("lodocv", ("allidb1",))


def test_ablation_rows_train_on_the_performance_dataset_and_never_test_on_it(index):
    planned = plan(study_for(runs=1), index)
    assert {t.tested for t in trials_of(planned, "xception_dft")} == {("allidb1",), ("allidb2",)}
    for trial in trials_of(planned, "xception_dft"):
        assert "ufg" in index.dataset[planned.split_rows[trial.name].train]


def test_feature_trials_name_the_trial_that_computes_their_features(index):
    planned = plan(study_for(runs=2), index)
    for row, source in (("features_dft", "vgg16_dft"), ("features_mdft", "leuknet")):
        by_place = {(t.run, t.tested): t.name for t in trials_of(planned, source)}
        for trial in trials_of(planned, row):
            found = planned.identities[trial.name]["features_of"]
            assert found == by_place[trial.run, trial.tested]
            np.testing.assert_array_equal(
                planned.split_rows[trial.name].train, planned.split_rows[found].train
            )
    imagenet = trials_of(planned, "features_imagenet")[0]
    assert "features_of" not in planned.identities[imagenet.name]


def test_the_probe_is_planned_if_there_are_several_datasets(index):
    planned = plan(study_for(runs=1), index)
    assert planned.probe.row == PROBE
    assert planned.identities[planned.probe.name]["probe"] == PROBE
    one = study_for(runs=1, split="kfold")
    assert plan(one, index.select(index.dataset == "allidb2")).probe is None


def test_a_row_is_wanted_only_under_the_splits_of_the_requested_table():
    def wanted(**options):
        study = study_for(split=None, **options)
        return {
            (row, kind)
            for row in study.paper.row_ids
            for kind in ("lodocv", "lodocv_strict", "lodocv_single_class", "kfold")
            if study.wants(row, kind)
        }

    rivals = ("leuknet", "vogado2018")
    assert wanted(only="table8") == {(row, "kfold") for row in rivals}
    assert wanted(only="table9") == {(row, kind) for row in rivals for kind in ("lodocv", "lodocv_strict")}
    assert wanted(only="single_class") == {("leuknet", "lodocv_single_class")}
    assert {kind for _, kind in wanted(only="shortcut")} == {
        "lodocv",
        "lodocv_strict",
        "lodocv_single_class",
        "kfold",
    }
    assert wanted(only="table2") == set()
    assert wanted(only="table7") == {("leuknet", "kfold")}
    # A figure shows the main split; rows of features need the row that computes them.
    assert wanted(only="figure3") == {("leuknet", "lodocv")}
    assert ("vgg16_dft", "lodocv") in wanted(only="figure5")
    assert {row for row, _ in wanted(only="features_dft")} == {"features_dft", "vgg16_dft"}


def test_the_smoke_profile_trains_the_published_rows_and_any_row_by_name():
    assert "xception_sft" not in study_for(profile="smoke").trained
    assert study_for(profile="smoke", only="xception_sft").trained == ("xception_sft",)
    assert study_for().trained == papers.get("leuknet_lodocv").row_ids


def test_weights_are_set_in_extra_models_too(tmp_path):
    for name in ("imagenet-caffe-alex.mat", "imagenet-caffe-ref.mat", "imagenet-vgg-f.mat"):
        (tmp_path / name).write_bytes(b"")
    setup = study_for(weights=str(tmp_path), only="vogado2018").row("vogado2018").setup
    files = [model.arguments["weights"] for model in (setup.model, *setup.features.extra_models)]
    assert [Path(file).name for file in files] == [
        "imagenet-caffe-alex.mat",
        "imagenet-caffe-ref.mat",
        "imagenet-vgg-f.mat",
    ]
    none = study_for(weights="none", only="vogado2018").row("vogado2018").setup
    assert {model.arguments["weights"] for model in (none.model, *none.features.extra_models)} == {None}


def test_networks_that_keep_published_dense_layers_need_the_whole_file(tmp_path):
    whole = "vgg16_weights_tf_dim_ordering_tf_kernels.h5"
    base = whole.replace(".h5", "_notop.h5")
    for name in (whole, base):
        (tmp_path / name).write_bytes(b"")

    def file_of(row):
        arguments = study_for(weights=str(tmp_path), only=row).row(row).setup.model.arguments
        return Path(arguments["weights"]).name

    assert {file_of(row) for row in ("vgg16_sft", "vgg16_dft", "features_imagenet")} == {whole}
    assert {file_of(row) for row in ("vgg16_msft", "leuknet")} == {base}
    (tmp_path / whole).unlink()
    with pytest.raises(WeightsError, match="own dense layers, which SFT keeps") as caught:
        study_for(weights=str(tmp_path), only="vgg16_sft")
    assert whole in caught.value.expected


def test_random_dense_layers_in_place_of_published_ones_are_marked(index, tmp_path):
    file = tmp_path / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    file.write_bytes(b"")

    def reason(row):
        study = study_for(weights=str(file), only=row, runs=1)
        return make_record(study, index, plan(study, index)).not_comparable

    assert "dense layers that should be the published ones" in reason("vgg16_dft")
    assert "dense layers" not in reason("vgg16_msft")


def test_an_optional_row_without_its_files_does_not_stop_the_others(tmp_path):
    (tmp_path / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5").write_bytes(b"")
    study = study_for(weights=str(tmp_path), only="table9")
    assert study.row("leuknet").setup.model.arguments["weights"].startswith(str(tmp_path))
    assert study.row("vogado2018").setup.model == Model("AlexNet", {"weights": "imagenet"})
    with pytest.raises(WeightsError, match="vgg19"):
        study_for(weights=str(tmp_path), only="vgg19_mdft")


def test_a_row_that_the_data_do_not_allow_is_noted_and_others_are_planned(index):
    # Without ALL-IDB, the ablation rows have no dataset to test on; LeukNet has UFG.
    others = index.select(np.isin(index.dataset, ["ufg", "jtsc", "midb"]))
    planned = plan(study_for(runs=1, only="leuknet"), others)
    assert {t.tested for t in trials_of(planned, "leuknet")} == {("ufg",)}
    assert "for training only: ufg" in planned.missing["xception_dft"]
    with pytest.raises(DataError, match="for training only: ufg"):
        plan(study_for(runs=1, only="xception_dft"), others)


def test_a_table_of_one_dataset_wants_only_the_trials_that_test_it():
    study = study_for(only="table9")
    assert study.wants("leuknet", "lodocv", ("ufg",))
    assert study.wants("leuknet", "lodocv", ("allidb2", "ufg"))
    assert not study.wants("leuknet", "lodocv", ("allidb1",))
    assert study_for(only="table4").wants("leuknet", "lodocv", ("ufg",))


def test_an_extra_split_that_the_data_do_not_allow_is_noted_and_the_main_one_raises(index):
    one = index.select(index.dataset == "allidb2")
    with pytest.raises(DataError, match="nothing is left to train on"):
        plan(study_for(), one)
    paper = papers.get("leuknet_lodocv")
    rows = tuple(replace(row, extra_splits=("kfold",)) for row in paper.rows)
    few = index.select(np.isin(np.arange(len(index)), [0, 1, 8, 11, 12, 20, 21]))
    planned = plan(study_for(paper=replace(paper, rows=rows), split=None, runs=1), few)
    assert set(planned.missing) == {"kfold"}
    assert {t.split for t in planned.trials} == {"lodocv"}


@pytest.fixture
def no_copies(monkeypatch):
    """Plans strict splits of an index without files, as if it had no copies."""
    monkeypatch.setattr(
        "leukcnn.experiment.plan.scan_duplicates",
        lambda index, compared, **_: SimpleNamespace(pairs=np.empty((0, 2), dtype=np.int64)),
    )


def test_strict_trials_of_unrelated_datasets_are_those_of_the_published_split(no_copies):
    unrelated = index_of_counts({"allidb2": (8, 8), "jtsc": (9, 0), "ufg": (4, 6), "midb": (0, 5)})
    planned = plan(study_for(split=None, runs=2), unrelated)
    for listed in (planned.trials, planned.controls):
        names = {
            kind: [t.name for t in listed if t.split == kind] for kind in study_for(split=None).split_kinds
        }
        assert names["lodocv"]
        assert set(names["lodocv_strict"]) <= set(names["lodocv"])
        assert set(names["lodocv"]).isdisjoint([*names["kfold"], *names["lodocv_single_class"]])
    # Alone or together, they have the same names: what one run trained serves the other.
    alone = plan(study_for(split="lodocv_strict", runs=2), unrelated)
    assert {t.name for t in alone.trials} >= {t.name for t in planned.trials if t.split == "lodocv_strict"}
    assert {t.name for t in alone.trials} <= {t.name for t in plan(study_for(runs=2), unrelated).trials}
    for trial in trials_of(planned, "features_dft"):
        source = planned.identities[trial.name]["features_of"]
        (found,) = {t.name for t in trials_of(planned, "vgg16_dft") if t.name == source}
        assert planned.identities[found]["tested"] == list(trial.tested)


def test_strict_trials_of_related_datasets_stay_apart(index, no_copies):
    planned = plan(study_for(split=None, runs=1), index)
    of = {
        kind: {t.tested: t.name for t in trials_of(planned, "leuknet") if t.split == kind}
        for kind in ("lodocv", "lodocv_strict")
    }
    assert of["lodocv_strict"].keys() == {("allidb1", "allidb2"), ("ufg",)}
    assert of["lodocv_strict"]["ufg",] == of["lodocv"]["ufg",]
    assert of["lodocv_strict"]["allidb1", "allidb2"] not in of["lodocv"].values()


def test_strict_split_does_not_train_on_a_dataset_with_a_near_copy_of_a_tested_image(copy_smears, tmp_path):
    paper, names = papers.get("leuknet_lodocv"), ["allidb2", "jtsc", "leukemia_images", "omid2014", "ufg"]
    root = copy_smears(tmp_path, *names)
    image = cv2.imread(str(min((root / "ufg" / "healthy").iterdir())))
    copy = root / "jtsc" / "healthy" / "copy.jpg"
    assert cv2.imwrite(str(copy), image, [cv2.IMWRITE_JPEG_QUALITY, 90])
    index = load_many(names, root, class_names=paper.classes, class_of=paper.class_of)
    planned = plan(study_for(split="lodocv_strict", only="leuknet", runs=1), index)
    assert planned.related["ufg"] == ("jtsc",)
    assert planned.related["allidb2"] == ()
    trained_on = {t.tested: planned.identities[t.name]["trained_on"] for t in trials_of(planned, "leuknet")}
    assert trained_on == {
        ("allidb2",): ["jtsc", "leukemia_images", "omid2014", "ufg"],
        ("ufg",): ["allidb2", "leukemia_images", "omid2014"],
    }
    found = [set(index.dataset[planned.split_rows[t.name].train]) for t in trials_of(planned, "leuknet")]
    assert [sorted(datasets) for datasets in found] == list(trained_on.values())
