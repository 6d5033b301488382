"""Tests of the figures of training curves."""

import pytest

from leukcnn.errors import StoreError
from leukcnn.outputs import history as history_figure
from leukcnn.outputs.build import build_figures
from leukcnn.rendering import history
from tests.stores import finish_again


@pytest.fixture
def vgg16(experiment, make_predictions):
    experiment.add("vgg16", make_predictions("test", tp=5, fn=1, fp=2, tn=4))
    return experiment


def test_history_is_plotted_with_its_best_epoch(vgg16, plotted, tmp_path):
    build_figures(vgg16.results(), tmp_path, only="figure5")
    ((((title, curves, best_epoch),), _), _) = plotted["history"][0]
    assert (title, best_epoch) == ("VGG16", 2)
    assert curves["accuracy"] == [0.5, 0.8]
    assert curves["val_accuracy"] == [0.55, 0.75]
    assert (curves["loss"], curves["val_loss"]) == ([0.7, 0.4], [0.69, 0.5])


def test_history_has_curves_for_each_run_and_fold(experiment, make_predictions, plotted, tmp_path):
    for run in range(2):
        for fold in range(2):
            test = make_predictions("test", tp=5, fn=1, fp=2, tn=4)
            experiment.add("vgg19", test, run=run, fold=fold)
    build_figures(experiment.results(runs=2, split="fold"), tmp_path, only="figure6")
    ((trainings, _), _) = plotted["history"][0]
    assert [title for title, *_ in trainings] == [
        "VGG19, run 1, fold 0",
        "VGG19, run 1, fold 1",
        "VGG19, run 2, fold 0",
        "VGG19, run 2, fold 1",
    ]


def test_broken_history_is_a_store_error(vgg16, tmp_path):
    results = vgg16.results()
    (results.trials["vgg16"][0][2].path / "history.csv").write_text("epoch\nx\n")
    with pytest.raises(StoreError, match=r"history\.csv: changed"):
        build_figures(results, tmp_path, only="figure5")
    assert build_figures(vgg16.results(), tmp_path, only="figure5") == []


def test_history_without_validation_is_plotted(vgg16, tmp_path):
    results = vgg16.results()
    trial = results.trials["vgg16"][0][2]
    (trial.path / "history.csv").write_text("epoch,accuracy,loss\n1,0.5,0.7\n2,0.8,0.4\n")
    finish_again(trial)
    (path,) = build_figures(vgg16.results(), tmp_path, only="figure5")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_without_validation_only_training_curves_are_plotted(monkeypatch, tmp_path):
    shown = []
    monkeypatch.setattr(
        history.Axes, "plot", lambda self, x, y, *_, label, **__: shown.append((label, list(y)))
    )
    monkeypatch.setattr(history.Axes, "legend", lambda *_, **__: None)
    training = {"accuracy": [0.5, 0.75], "loss": [0.5, 0.25]}
    history.plot_history([("A", training, None)], tmp_path / "h.png", caption="c", mark="")
    assert shown == [("training", [0.5, 0.75]), ("training", [0.5, 0.25])]


def test_of_many_trainings_a_figure_has_the_first_of_each_row(
    experiment, make_predictions, plotted, tmp_path, monkeypatch
):
    monkeypatch.setattr(history_figure, "MOST_TRAININGS", 2)
    for run in range(3):
        experiment.add("vgg16", make_predictions("test", tp=5, fn=1, fp=2, tn=4), run=run)
    build_figures(experiment.results(runs=3), tmp_path, only="figure5")
    ((trainings, _), options) = plotted["history"][0]
    assert [title for title, *_ in trainings] == ["VGG16, run 1", "VGG16, run 2"]
    assert options["caption"].endswith(" (of each network, the first 2 of up to 3 trainings)")
