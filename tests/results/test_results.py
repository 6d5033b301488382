from dataclasses import replace

import numpy as np
import pytest

from leukcnn.errors import ArgumentError
from leukcnn.evaluation.controls import control_label
from leukcnn.outputs.titles import framed, table_lines
from leukcnn.results.results import main_predictions
from leukcnn.spec import DEFAULT_CONTROLS


@pytest.fixture
def trained(experiment, make_predictions):
    experiment.add("vgg16", make_predictions("test", tp=5, fn=1, fp=2, tn=4))
    return experiment


def test_lines_are_the_rows_and_then_the_controls(experiment):
    lines = table_lines(experiment.results())
    assert [row for row, _ in lines] == ["vgg16", "vgg19", "xception", *DEFAULT_CONTROLS]
    assert lines[-1][1] == control_label("colour")
    assert [row for row, _ in table_lines(experiment.results(), ["vgg19"])] == ["vgg19", *DEFAULT_CONTROLS]


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


@pytest.fixture
def under_three_splits(left_out, tested):
    """Two runs left out on two datasets, one strict, and two folds."""
    experiment = left_out()
    for run, tp in enumerate((6, 3)):
        first, second = tested("allidb1", tp=tp, fn=6 - tp, fp=1, tn=3), tested("allidb1_crop", tp=1, fn=1)
        experiment.add("deep", first, run=run, fold=0, tested=("allidb1",))
        experiment.add("deep", second, run=run, fold=1, tested=("allidb1_crop",))
    strict = tested("allidb1", tp=2, fn=4, fp=1, tn=3)
    experiment.add("deep", strict, split="lodocv_strict", tested=("allidb1", "allidb1_crop"))
    for fold in range(2):
        experiment.add("deep", tested("ufg", tp=3 + fold, fn=1), fold=fold, split="kfold")
    return experiment


def test_each_split_has_its_own_trials(under_three_splits):
    results = under_three_splits.results(runs=2)
    assert results.split_kind == "lodocv"
    assert results.under("") is results.under("lodocv") is results
    strict = results.under("lodocv_strict")
    assert strict.split_kind == "lodocv_strict"
    assert results.under("lodocv_strict") is strict
    assert [len(results.under(kind).trials["deep"]) for kind in ("lodocv", "lodocv_strict", "kfold")] == [
        4,
        1,
        2,
    ]
    assert results.under("grouped_kfold").trials["deep"] == []
    assert results.tested == strict.tested == ("allidb1", "allidb1_crop")
    assert results.under("kfold").tested == ()


def test_runs_of_a_dataset_hold_its_own_pictures(under_three_splits):
    results = under_three_splits.results(runs=2)
    assert [len(run) for run in results.runs("deep", dataset="allidb1")] == [10, 10]
    assert [len(run) for run in results.runs("deep", dataset="allidb1_crop")] == [2, 2]
    assert [len(run) for run in results.runs("deep")] == [12, 12]
    assert results.runs("deep", dataset="allidb1", part="within") == []


def test_scores_of_each_run(under_three_splits):
    scores = under_three_splits.results(runs=2).run_scores("deep", dataset="allidb1")
    assert scores["accuracy"] == [0.9, 0.6]
    assert scores["sensitivity"] == [1, 0.5]
    # Observed .9 and .6; expected by chance .54 (six by .7, four by .3) and .48 (.4, .6).
    assert scores["kappa"] == pytest.approx([(0.9 - 0.54) / 0.46, (0.6 - 0.48) / 0.52])


def test_the_figure_beside_other_groups_counts_all_folds_of_two_classes_together(under_three_splits):
    results = under_three_splits.results(runs=1).under("kfold")
    assert results.measured("deep", "accuracy") == pytest.approx((3 + 4) / (4 + 5))
    assert results.measured_how == "all folds together"


def test_the_figure_beside_other_groups_is_the_mean_over_the_folds_of_more_classes(alertnet):
    assert alertnet.results(split="kfold").measured_how == "mean over the folds"


def test_a_row_that_can_t_be_trained_says_why(under_three_splits):
    results = under_three_splits.results(missing={"shallow": "no weights", "external": "no such part"})
    assert results.why_missing("shallow", "test") == "no weights"
    assert results.why_missing("deep", "external") == "no such part"


def test_the_probe_counts_once_it_is_finished(under_three_splits, tested):
    assert under_three_splits.results().probe is None
    under_three_splits.add_probe(None)
    assert under_three_splits.results().probe is None
    under_three_splits.add_probe(tested("ufg", tp=3))
    assert len(under_three_splits.results().probe) == 3


@pytest.fixture
def two_tasks(apart, tested):
    """Two folds of each of two datasets, and two rows' controls with a mask."""
    experiment = apart()
    for fold in range(2):
        experiment.add("deep", tested("allidb1", tp=4 - fold, fn=fold, tn=4), fold=fold, tested=("allidb1",))
        experiment.add("deep", tested("allidb2", tp=1, fn=3), fold=fold, tested=("allidb2",))
        experiment.add_control("border", tested("allidb2", tp=4), fold=fold, tested=("allidb2",))
    return experiment


def test_tasks_are_what_is_cross_validated_by_itself(two_tasks, left_out, tested):
    assert two_tasks.results().tasks == ("allidb1", "allidb2")
    experiment = left_out()
    experiment.add("deep", tested("allidb1", tp=1), fold=0, tested=("allidb1",))
    assert (experiment.results().tested, experiment.results().tasks) == (("allidb1",), ())


def test_a_task_has_its_own_folds_and_figures(two_tasks):
    results = two_tasks.results()
    first, second = (results.task(name) for name in results.tasks)
    assert results.task("allidb1") is first
    assert (first.tasks, second.tasks) == (("allidb1",), ("allidb2",))
    assert first.by_fold["deep"]["accuracy"] == [1, pytest.approx(7 / 8)]
    assert second.by_fold["deep"]["accuracy"] == [0.25, 0.25]
    assert first.scores("deep", "test").values["accuracy"] == pytest.approx(15 / 16)
    assert second.measured("deep", "accuracy") == 0.25
    assert first.predictions["border"] == []
    assert len(second.runs("border")[0]) == 8
    assert results.run_scores("deep", dataset="allidb2")["macro_recall"] == [0.25]


def test_figures_of_several_tasks_are_not_mixed(two_tasks):
    results = two_tasks.results()
    with pytest.raises(ArgumentError, match="allidb1, allidb2"):
        _ = results.by_fold
    with pytest.raises(ArgumentError, match="itself"):
        results.scores("deep", "test")
    with pytest.raises(ArgumentError, match="itself"):
        results.measured("deep", "accuracy")


def test_a_task_keeps_its_masked_trials_alone(two_tasks):
    results = two_tasks.results(masked={"border": list(two_tasks.planned)})
    masked = results.task("allidb2").masked("border")
    assert {planned.tested for planned in masked.record.trials} == {("allidb2",)}


def test_a_run_of_a_task_is_whole_though_another_task_s_is_not(two_tasks, tested):
    lacking = tested("allidb2", tp=1)
    two_tasks.add("deep", lacking, fold=2, tested=("allidb2",), finished=False)
    results = two_tasks.results()
    assert [len(run) for run in results.runs("deep", dataset="allidb1")] == [16]
    assert results.runs("deep", dataset="allidb2") == []
