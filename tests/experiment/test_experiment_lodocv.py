"""A whole experiment that leaves one dataset out, with tiny networks of one output."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from leukcnn.datasets import present
from leukcnn.experiment.report import Report, report, verify_report
from leukcnn.experiment.request import Request
from leukcnn.experiment.run import reproduce
from leukcnn.results.results import Results
from leukcnn.runs import Store
from leukcnn.spec import DEFAULT_CONTROLS
from tests import tiny

# Dataset and class -> images, and the channel that is bright in that class.
FOLDERS = {
    ("allidb1", "healthy"): (7, 0),
    ("allidb1", "all"): (6, 2),
    ("allidb1_crop", "all"): (6, 2),
    ("allidb2", "healthy"): (8, 0),
    ("allidb2", "all"): (8, 2),
    ("jtsc", "healthy"): (10, 0),
    ("ufg", "healthy"): (6, 0),
    ("ufg", "all"): (7, 2),
    ("ufg", "other"): (2, 2),
    ("midb", "pathological"): (9, 2),
}
TESTED = [("lodocv", ("allidb1",)), ("lodocv", ("allidb2",)), ("lodocv", ("ufg",))]
STRICT = [("lodocv_strict", ("allidb1", "allidb2")), ("lodocv_strict", ("ufg",))]


@pytest.fixture(scope="module")
def smears(tmp_path_factory) -> Path:
    """Six small datasets whose classes differ in colour."""
    root, rng = tmp_path_factory.mktemp("smears"), np.random.default_rng(0)
    for (dataset, name), (count, channel) in FOLDERS.items():
        folder = root / dataset / name
        folder.mkdir(parents=True)
        for i in range(count):
            image = rng.integers(0, 100, (30, 40, 3), dtype=np.uint8)
            image[..., channel] += 150
            cv2.imwrite(str(folder / f"{name}_{i}.png"), image)
    assert len(present([key for key, _ in FOLDERS], root)) == 6
    return root


def run(data, out, *, progress=None, **options) -> Report:
    request = Request(
        paper=tiny.tiny_lodocv_paper(), data=str(data), out=Path(out), profile="smoke", **options
    )
    return reproduce(request, progress=progress or tiny.Progress())


@dataclass
class Finished:
    """All rows of the smoke profile, in one store."""

    out: Path
    done: Report
    progress: tiny.Progress

    @property
    def store(self) -> Store:
        return Store(self.out, "leuknet_lodocv")

    def planned(self, row):
        return [t for t in self.done.record.trials if t.row == row]


@pytest.fixture(scope="module")
def finished(smears, tmp_path_factory) -> Finished:
    out, progress = tmp_path_factory.mktemp("finished"), tiny.Progress()
    return Finished(out, run(smears, out, progress=progress), progress)


def test_each_row_is_trained_under_each_of_its_splits(finished):
    assert [(t.split, t.tested) for t in finished.planned("vgg16_dft")] == TESTED[:2] + STRICT[:1]
    assert [(t.split, t.tested) for t in finished.planned("leuknet")] == [
        *TESTED,
        *STRICT,
        ("lodocv_single_class", ("allidb1_crop",)),
        ("lodocv_single_class", ("jtsc",)),
        ("lodocv_single_class", ("midb",)),
        ("kfold", ()),
        ("kfold", ()),
    ]
    assert all(finished.store.finished_trial(t.name) for t in finished.planned("leuknet"))
    assert not any(finished.store.finished_trial(t.name) for t in finished.planned("xception_sft"))


def test_strict_split_trains_on_no_dataset_related_to_a_tested_one(finished):
    relatives = {"allidb1", "allidb1_crop", "allidb2"}
    strict = [t for t in finished.done.record.trials if t.split.startswith("lodocv_s")]
    trained = {t.split for t in strict if finished.store.finished_trial(t.name)}
    assert trained == {"lodocv_strict", "lodocv_single_class"}
    for trial in strict:
        identity = finished.store.root / "trials" / trial.name
        stored = finished.store.finished_trial(trial.name)
        if stored is None:
            assert not identity.exists()
            continue
        trained_on = set(stored.identity["trained_on"])
        assert trained_on.isdisjoint(trial.tested)
        if relatives & set(trial.tested):
            assert trained_on.isdisjoint(relatives)
    assert finished.done.record.related["allidb1"] == ["allidb1_crop", "allidb2"]


@pytest.mark.backend
def test_one_output_gives_two_columns_of_probabilities(finished):
    trial = finished.store.finished_trial(finished.planned("leuknet")[0].name)
    predictions = trial.predictions()
    assert predictions.class_names == ("non-pathological", "pathological")
    assert predictions.probabilities.shape == (13, 2)
    np.testing.assert_allclose(predictions.probabilities.sum(axis=1), 1, atol=1e-6)
    assert set(predictions.label) == {0, 1}


@pytest.mark.backend
def test_features_are_of_the_network_trained_on_the_same_split(finished):
    for trial in finished.planned("features_dft"):
        stored = finished.store.finished_trial(trial.name)
        (source,) = [
            t for t in finished.planned("vgg16_dft") if (t.split, t.tested) == (trial.split, trial.tested)
        ]
        assert stored.identity["features_of"] == source.name
        assert set(stored.predictions().subset) == {"test", "within"}


def test_a_strict_split_that_leaves_nothing_out_is_not_trained_again(finished):
    by_place = {(t.split, t.tested): t.name for t in finished.planned("leuknet")}
    assert by_place["lodocv_strict", ("ufg",)] == by_place["lodocv", ("ufg",)]
    assert by_place["lodocv_strict", ("allidb1", "allidb2")] not in {by_place[place] for place in TESTED}
    titles = [label for label, _ in finished.progress.started if label.startswith("LeukNet")]
    assert len(titles) == len({t.name for t in finished.planned("leuknet")}) == 9
    controls = {c.name for c in finished.done.record.controls}
    assert f"Computing {len(controls):,} controls, which need no network ..." in finished.progress.messages


def test_controls_and_probe_are_run(finished):
    record = finished.done.record
    kinds = {"lodocv", "lodocv_strict", "lodocv_single_class", "kfold"}
    assert {(c.row, c.split) for c in record.controls} == {
        (n, kind) for n in DEFAULT_CONTROLS for kind in kinds
    }
    probe = finished.store.finished_trial(record.probe.name).predictions()
    assert set(probe.class_names) == {key for key, _ in FOLDERS}


def test_all_tables_and_figures_are_made_from_the_store(finished):
    store, paper = finished.store, tiny.tiny_lodocv_paper()
    done = report(store, finished.done.folder, paper)
    assert [table.id for table in done.tables] == [table.id for table in paper.tables]
    names = {path.relative_to(done.folder).as_posix() for path in done.files}
    assert {f"figures/figure{n}.png" for n in (1, 3, 4, 5, 6)} <= names
    assert "figures/confusion_leuknet.png" in names
    assert all(cv2.imread(str(path)) is not None for path in done.files if path.suffix == ".png")
    assert verify_report(store, done.folder, paper) == []


def test_a_second_command_trains_nothing(finished, smears):
    progress = tiny.Progress()
    run(smears, finished.out, progress=progress)
    assert progress.started == []
    assert finished.progress.started


@pytest.mark.slow
def test_one_table_trains_only_its_own_splits(smears, tmp_path):
    progress = tiny.Progress()
    done = run(smears, tmp_path, only="table9", progress=progress)
    # UFG shares nothing with the other datasets, so the trial of "lodocv" is that of "lodocv_strict" too.
    (label, _), *others = progress.started
    assert label.split(":")[0].split(", ")[-1] == "lodocv" and not others
    (table,) = done.tables
    assert table.id == "table9"
    store = Store(tmp_path, "leuknet_lodocv")
    ufg = [t for t in done.record.trials if t.tested == ("ufg",) and store.finished_trial(t.name)]
    assert {(t.row, t.split) for t in ufg} == {
        (row, kind) for row in ("leuknet", "vogado2018") for kind in ("lodocv", "lodocv_strict")
    }


@pytest.mark.slow
def test_a_row_that_classifies_features_trains_their_network_too(smears, tmp_path):
    progress = tiny.Progress()
    run(smears, tmp_path, only="features_mdft", split="lodocv", progress=progress)
    assert {label.split(", ")[0] for label, _ in progress.started} == {"LeukNet"}


def test_features_of_a_damaged_network_are_not_computed(finished, smears, tmp_path):
    shutil.copytree(finished.out, tmp_path / "out")
    trials = tmp_path / "out" / "leuknet_lodocv" / "trials"
    classified = finished.planned("features_dft")[0]
    source = finished.store.finished_trial(classified.name).identity["features_of"]
    network = trials / source / "model.keras"
    network.write_bytes(network.read_bytes()[:-1])
    shutil.rmtree(trials / classified.name)
    done = run(smears, tmp_path / "out")
    assert len(done.faults) == 1
    assert "is left out: " in done.faults[0]
    assert f"{network}: changed since the trial was finished" in done.faults[0]
    assert not (trials / classified.name).exists()
    assert done.tables


@pytest.mark.slow
def test_splits_that_the_data_do_not_allow_are_noted_and_the_others_are_trained(smears, tmp_path):
    done = run(smears, tmp_path, datasets=("allidb1", "allidb2"), only="leuknet", runs=1)
    assert "lodocv_strict" in done.record.missing
    assert "lodocv_single_class" in done.record.missing
    assert {t.split for t in done.record.trials if t.row == "leuknet"} == {"lodocv", "kfold"}


def test_classifiers_of_a_diverged_networks_features_say_why_they_are_left_out(smears, tmp_path):
    paper, progress = tiny.diverging(tiny.tiny_lodocv_paper(), "vgg16_dft"), tiny.Progress()
    request = Request(paper=paper, data=str(smears), out=tmp_path, profile="smoke", only="features_dft")
    done = reproduce(request, progress=progress)
    said = [text for text in progress.messages if "left out: the network" in text]
    assert len(said) == len(done.diverged) > 0
    assert all("network that computes its features has diverged (loss is " in text for text in said)
    assert all("VGG-16 DFT, lodocv" in trial and "loss is " in trial for trial in done.diverged)
    results = Results(paper, done.record, Store(tmp_path, paper.key))
    assert "features need diverged (loss is " in results.why_missing("features_dft", "test")
