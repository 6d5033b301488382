from dataclasses import replace

import numpy as np
import pytest

from leukcnn.evaluation.controls import CONTROLS, control_label
from leukcnn.reporting.results import framed, main_predictions


@pytest.fixture
def trained(experiment, make_predictions):
    experiment.add("vgg16", make_predictions("test", tp=5, fn=1, fp=2, tn=4))
    return experiment


def test_lines_are_the_rows_and_then_the_controls(experiment):
    lines = experiment.results().lines()
    assert [row for row, _ in lines] == ["vgg16", "vgg19", "xception", *CONTROLS]
    assert lines[-1][1] == control_label("colour")
    assert [row for row, _ in experiment.results().lines(["vgg19"])] == ["vgg19", *CONTROLS]


def test_only_the_checkpoint_that_the_figures_rest_on_counts(trained):
    ((_, _, trial),) = trained.results().trials["vgg16"]
    assert set(trial.predictions().checkpoint) == {"val_accuracy", "val_loss"}
    main = main_predictions(trial)
    assert set(main.checkpoint) == {"val_accuracy"}
    assert len(main) == 12


def test_the_figure_beside_other_groups_is_that_of_the_balanced_set(trained):
    results = trained.results()
    assert results.measured("vgg16", "accuracy") == results.scores("vgg16", "balanced").values["accuracy"]
    assert results.measured("vgg19", "accuracy") is None


def test_by_fold_leaves_unlabelled_pictures_out(experiment, make_predictions):
    test = make_predictions("test", tp=5, fn=1, fp=2, tn=4)
    blank = replace(test, label=np.where(np.arange(12) < 6, test.label, -1))
    experiment.add("vgg16", blank)
    assert experiment.results().by_fold["vgg16"]["accuracy"] == [pytest.approx(5 / 6)]


def test_a_measured_table_bears_the_mark_and_points_to_the_assumptions(experiment):
    results = experiment.results(not_comparable="drawn data")
    spec = results.paper.tables[0]
    table = framed(results, spec, ["Set"], [("a",)], notes=("first",))
    assert table.marks == ("NOT COMPARABLE WITH THE PAPER: drawn data",)
    assert table.notes[0] == "first"
    assert "assumptions" in table.notes[1]
    assert framed(results, spec, ["Set"], [("a",)], measured=False).marks == ()
