"""Tests of the figures of projected features."""

from dataclasses import replace

import numpy as np
import pytest

from leukcnn import spec
from leukcnn.evaluation.feature_space import Projection
from leukcnn.outputs import feature_space as module
from leukcnn.outputs.build import build_figures
from leukcnn.trial_files import write_features
from tests.outputs.png import names
from tests.stores import finish_again

SPACES = tuple(
    spec.Figure(f"figure{i}", f"Space {i}", "feature_space", f"Figure {i}", ("shallow", "deep"), dataset)
    for i, dataset in ((5, "allidb1"), (6, "allidb2"))
)
MATRICES = spec.Figure("matrices", "Confusion matrices", "confusion", "")


class LeftOut:
    """An experiment that leaves datasets out, with figures, whose rows have features."""

    def __init__(self, experiment, tested):
        paper = replace(experiment.paper, figures=(*SPACES, MATRICES))
        self.experiment, self.tested = experiment, tested
        experiment.paper = paper

    def add(self, row: str, *datasets: str, run: int = 0, split: str = "", n: int = 5, level: float = 0.0):
        """Adds a trial that tests datasets, n images of each class; `level` is in all its features."""
        for dataset in datasets[:1]:
            self.experiment.add(
                row, self.tested(dataset, tp=n, fn=1, tn=n), run=run, split=split, tested=datasets
            )
        trial = self.experiment.store.finished_trial(self.experiment.planned[-1].name)
        label = np.tile(np.repeat([0, 1], n), len(datasets))
        features = np.random.default_rng(0).normal(size=(len(label), 4)).astype(np.float32)
        write_features(
            trial.path / "features.npz",
            image=np.array([f"{dataset}/{i}.jpg" for dataset in datasets for i in range(2 * n)]),
            label=label,
            features=features + np.float32(level),
        )
        finish_again(trial)

    def plot(self, folder, *, only=None, **changes):
        return names(build_figures(self.experiment.results(**changes), folder, only=only))


@pytest.fixture
def left_out_features(left_out, tested):
    return LeftOut(left_out(), tested)


@pytest.fixture
def projected(monkeypatch):
    """Features, labels and seed of each projection."""
    calls = []

    def project(features, labels, *, seed):
        calls.append((features, labels, seed))
        return Projection(features[:, :2], labels, np.ones(2), 0.0, 1.0)

    monkeypatch.setattr(module, "project", project)
    return calls


def test_feature_space_of_its_own_dataset(left_out_features, plotted, projected, tmp_path):
    for row, level in (("deep", 100.0), ("shallow", 0.0)):
        left_out_features.add(row, "allidb2", "allidb1", level=level)
    assert left_out_features.plot(tmp_path, seed=7, not_comparable="synthetic data") == [
        "figure5.png",
        "figure6.png",
        "confusion_deep.png",
        "confusion_shallow.png",
    ]
    # A panel for each row, in the figure's order, of the ten images of the dataset alone.
    assert [len(features) for features, _, _ in projected] == [10] * 4
    assert [features.mean() > 50 for features, _, _ in projected] == [False, True, False, True]
    assert all(labels.tolist() == [0] * 5 + [1] * 5 and seed == 7 for _, labels, seed in projected)
    (panels, class_names, _), options = plotted["feature_space"][0]
    assert [title for title, _ in panels] == ["Shallow", "Deep"]
    assert class_names == ("non-pathological", "pathological")
    assert options["caption"] == "Figure 5: Space 5"
    assert options["mark"] == "Not comparable with the paper: synthetic data"


def test_feature_space_is_of_the_first_run_under_the_main_split(
    left_out_features, plotted, projected, tmp_path
):
    left_out_features.add("deep", "allidb1", split="lodocv_strict", level=300)
    left_out_features.add("deep", "allidb1", run=0, level=100)
    left_out_features.add("deep", "allidb1", run=1, level=200)
    left_out_features.plot(tmp_path, only="figure5")
    ((features, _, _),) = projected
    assert features.mean() == pytest.approx(100, abs=2)


def test_row_without_features_says_why(left_out_features, plotted, projected, tmp_path):
    left_out_features.add("deep", "allidb1")
    assert left_out_features.plot(
        tmp_path, only="figure5", missing={"shallow": "its published weights aren't at hand"}
    ) == ["figure5.png"]
    ((panels, *_), _) = plotted["feature_space"][0]
    assert panels[0] == ("Shallow", "Not measured: its published weights aren't at hand")
    assert isinstance(panels[1][1], Projection)


def test_row_that_never_tests_the_dataset_says_so(left_out_features, plotted, projected, tmp_path):
    left_out_features.add("deep", "allidb1")
    left_out_features.add("shallow", "allidb2")
    left_out_features.plot(tmp_path, only="figure5")
    ((panels, *_), _) = plotted["feature_space"][0]
    assert panels[0] == ("Shallow", "Not measured: not tested by this row")


def test_features_that_cannot_be_projected_say_why(left_out_features, plotted, tmp_path):
    left_out_features.add("deep", "allidb1")
    left_out_features.add("shallow", "allidb1", n=1)
    left_out_features.plot(tmp_path, only="figure5")
    ((panels, *_), _) = plotted["feature_space"][0]
    assert panels[0][1].startswith("Not plotted: There are 2 images")


def test_no_feature_space_where_no_row_has_features(left_out_features, plotted, tmp_path):
    left_out_features.add("deep", "allidb1", n=1)
    assert left_out_features.plot(tmp_path, only="figure5") == []
    assert left_out_features.plot(tmp_path, only="figure6") == []


def test_datasets_that_the_paper_does_not_test_are_shown_in_the_first_figure(
    left_out_features, plotted, projected, tmp_path
):
    left_out_features.add("deep", "ufg")
    left_out_features.add("deep", "jtsc")
    assert left_out_features.plot(tmp_path, only="figure5") == ["figure5_ufg.png", "figure5_jtsc.png"]
    assert left_out_features.plot(tmp_path, only="figure6") == []
    captions = [options["caption"] for _, options in plotted["feature_space"]]
    assert captions[0].startswith("Figure 5: Space 5, here of ")
    assert captions[0].endswith(" in place of ALL-IDB 1")


def test_other_datasets_are_not_shown_if_one_of_the_paper_s_own_is_tested(
    left_out_features, plotted, projected, tmp_path
):
    left_out_features.add("deep", "allidb2")
    left_out_features.add("deep", "ufg")
    assert left_out_features.plot(tmp_path, only="figure5") == []
    assert left_out_features.plot(tmp_path, only="figure6") == ["figure6.png"]


def test_a_fixed_sample_of_many_images_is_shown(left_out_features, plotted, projected, tmp_path):
    left_out_features.add("deep", "allidb1", n=700)
    for seed in (0, 0, 1):
        left_out_features.plot(tmp_path, only="figure5", seed=seed)
    assert [len(features) for features, _, _ in projected] == [1000] * 3
    assert (projected[0][0] == projected[1][0]).all()
    assert (projected[0][0] != projected[2][0]).any()
    assert {options["caption"] for _, options in plotted["feature_space"]} == {
        "Figure 5: Space 5 (at most 1,000 images, sampled at random)"
    }


def test_figures_of_left_out_datasets_are_written(left_out_features, tmp_path):
    left_out_features.add("deep", "allidb1")
    left_out_features.add("shallow", "allidb1")
    assert left_out_features.plot(tmp_path, only="figure5") == ["figure5.png"]
    assert (tmp_path / "figures" / "figure5.png").read_bytes().startswith(b"\x89PNG")
