from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from leukcnn import spec
from leukcnn.errors import ArgumentError
from leukcnn.results.intervals import fold_interval, run_interval, t_bounds, wilson_interval
from leukcnn.results.measure import _value, fold_size_ratio, is_over_folds, measure, measure_run, unit_of


@pytest.mark.parametrize("kind", spec.SPLIT_KINDS)
def test_an_interval_is_over_what_the_split_keeps_whole(left_out, kind):
    units = {
        **dict.fromkeys(("cell", "random", "kfold"), "images"),
        **dict.fromkeys(("subject", "fold"), "subjects"),
        **dict.fromkeys(
            ("grouped", "given", "grouped_kfold", "block_kfold", *spec.LODOCV_KINDS), "groups of images"
        ),
    }
    results = left_out().results(split=kind)
    assert unit_of(results) == unit_of(results, "within") == units[kind]
    assert unit_of(results, "external") == "subjects"


def test_a_split_by_cell_has_intervals_over_cells_and_the_external_set_over_subjects(
    experiment, make_predictions
):
    external = make_predictions("external", tp=40, fn=10, fp=10, tn=40)
    experiment.add("vgg16", make_predictions("test", tp=40, fn=10, fp=10, tn=40), external)
    results = experiment.results()
    assert measure(results, "vgg16", "accuracy").interval == wilson_interval(80, 100)
    outside = measure(results, "vgg16", "accuracy", subset="external").interval
    assert (outside.method, outside.unit, outside.n_units) == ("jackknife", "subjects", 20)
    assert measure(results, "vgg16", "f1").interval.unit == "images"
    by_subject = experiment.results(split="subject")
    assert measure(by_subject, "vgg16", "f1").interval.unit == "subjects"


def test_a_dataset_left_out_resamples_its_groups_if_all_are_known(left_out, tested):
    experiment = left_out()
    subset = tested("allidb1", tp=30, fn=10, tn=20)
    known = replace(subset, group=np.array([f"g{i // 5}" for i in range(60)]))
    some = replace(tested("ufg", tp=5, fn=1), group=np.array(["a", "a", "b", "b", "c", ""]))
    experiment.add("deep", known, some, tested=("allidb1", "ufg"))
    results = experiment.results(runs=1)
    found = measure(results, "deep", "accuracy", dataset="allidb1")
    assert (found.values, found.n, found.spread) == ([pytest.approx(5 / 6)], 60, (pytest.approx(5 / 6), None))
    assert (found.interval.unit, found.interval.n_units) == ("groups of images", 12)
    assert "12 groups of images" in found.interval.describe()
    # Two of twelve groups are all wrong: the interval over images would be narrower.
    wilson = wilson_interval(50, 60)
    assert found.interval.high - found.interval.low > wilson.high - wilson.low
    assert measure(results, "deep", "accuracy", dataset="ufg").interval == wilson_interval(5, 6)


def test_one_run_has_the_interval_over_its_images_of_that_dataset_and_subset(left_out, tested):
    experiment = left_out()
    predictions = (
        tested("allidb1", tp=5, fn=1),
        tested("ufg", tp=1, fn=9),
        tested("ufg", tp=3, subset="within"),
    )
    experiment.add("deep", *predictions, tested=("allidb1", "ufg"))
    results = experiment.results(runs=1)
    assert measure(results, "deep", "accuracy", dataset="ufg").interval == wilson_interval(1, 10)
    within = measure(results, "deep", "accuracy", dataset="ufg", subset="within")
    assert within.interval == wilson_interval(3, 3)
    assert measure(results, "deep", "accuracy").interval == wilson_interval(6, 16)
    assert measure(results, "deep", "accuracy", dataset="jtsc") is None


def test_several_runs_have_the_prediction_interval_of_one_more(staged, make_stages):
    experiment, wrong = staged(), (2, 4, 8)
    for run, n in enumerate(wrong):
        experiment.add("frozen", make_stages(wrong=n), run=run)
    found = measure(experiment.results(runs=3), "frozen", "macro_f1")
    every = [make_stages(wrong=n) for n in wrong]
    expected = [f1_score(p.label, p.predicted, average="macro") for p in every]
    assert found.values == pytest.approx(expected)
    assert found.interval == run_interval(found.values)
    assert found.spread == (pytest.approx(np.mean(expected)), pytest.approx(np.std(expected, ddof=1)))


def test_the_interval_of_several_runs_is_within_the_limits_of_the_metric(staged, make_stages):
    experiment = staged()
    for run, wrong in enumerate((60, 62, 64)):
        experiment.add("frozen", make_stages(wrong=wrong), run=run)
    results = experiment.results(runs=3)
    found = measure(results, "frozen", "kappa")
    error = np.std(found.values, ddof=1) / np.sqrt(3)
    bounds = t_bounds(np.mean(found.values), error, 2, limits=(-1, 1))
    assert (found.interval.low, found.interval.high) == pytest.approx(bounds)
    assert found.interval.low < 0
    loss = measure(results, "frozen", "log_loss")
    assert 1 < loss.interval.low < loss.interval.high
    assert loss.interval.scale == "log"


def test_metrics_of_probabilities_are_measured_like_others(left_out, tested):
    experiment, rng = left_out(), np.random.default_rng(0)
    scores = rng.random(60)
    subset = replace(
        tested("allidb1", tp=30, fn=10, tn=20), probabilities=np.stack([1 - scores, scores], axis=1)
    )
    experiment.add("deep", subset, tested=("allidb1",))
    found = measure(experiment.results(runs=1), "deep", "auroc", dataset="allidb1")
    assert found.values == [pytest.approx(roc_auc_score(subset.label, scores), abs=1e-6)]
    assert (found.interval.method, found.interval.n_units) == ("bootstrap", 60)
    flipped = measure(experiment.results(runs=1), "deep", "auroc", of_class=0)
    assert flipped.values == [pytest.approx(found.values[0], abs=1e-6)]


def test_a_metric_of_one_class(staged, make_stages):
    experiment = staged()
    experiment.add("frozen", make_stages(wrong=4))
    results = experiment.results()
    recall = [measure(results, "frozen", "recall", of_class=k).values[0] for k in range(4)]
    precision = [measure(results, "frozen", "precision", of_class=k).values[0] for k in range(4)]
    assert recall == pytest.approx([16 / 20, 1, 1, 1])
    assert precision == pytest.approx([1, 20 / 24, 1, 1])
    assert measure(results, "frozen", "recall", of_class=0).interval == wilson_interval(16, 20)
    with pytest.raises(ArgumentError, match="recall is of one class"):
        measure(results, "frozen", "recall")


def test_folds_have_the_corrected_interval_without_the_validation_images(staged, make_stages):
    experiment, wrong = staged(), (1, 2, 4, 3)
    for fold, n in enumerate(wrong):
        experiment.add("frozen", make_stages(wrong=n, prefix=f"{fold}/"), fold=fold, split="kfold")
    results = experiment.results().under("kfold")
    found, values = measure(results, "frozen", "accuracy"), 1 - np.array(wrong) / 80
    assert found.values == pytest.approx(values)
    # A fifth of the other three folds is held out for validation.
    assert found.interval == fold_interval(found.values, test_train_ratio=1 / (3 * 0.8))
    together = measure(results, "frozen", "accuracy", over="runs")
    assert together.values == [pytest.approx(310 / 320)]
    assert (found.n, together.n) == (320, 320)


def test_cross_validation_is_over_folds_with_any_number_of_classes(left_out, tested):
    experiment = left_out()
    for fold in range(2):
        experiment.add("deep", tested("ufg", tp=3 + fold, fn=1), fold=fold, split="kfold")
    results = experiment.results(runs=1).under("kfold")
    assert is_over_folds(results) and not is_over_folds(results, subset="external")
    found = measure(results, "deep", "accuracy")
    assert found.values == pytest.approx([3 / 4, 4 / 5])
    assert found == measure(results, "deep", "accuracy", over="folds")
    assert found.interval.method == "corrected"
    assert measure(results, "deep", "accuracy", over="runs").values == [pytest.approx(7 / 9)]


def test_images_without_a_label_are_left_out(experiment, make_predictions):
    test = make_predictions("test", tp=5, fn=1, fp=2, tn=4)
    experiment.add("vgg16", replace(test, label=np.where(np.arange(12) < 6, test.label, -1)))
    assert measure(experiment.results(), "vgg16", "accuracy").values == [pytest.approx(5 / 6)]


def test_nothing_is_measured_without_finished_runs_or_labels(experiment, make_predictions, make_final_phase):
    assert measure(experiment.results(), "vgg16", "accuracy") is None
    experiment.add("vgg16", make_predictions("test", tp=5, fn=1, fp=2, tn=4), make_final_phase())
    assert measure(experiment.results(), "vgg16", "accuracy", subset="final") is None


def test_values_of_several_tasks_are_not_mixed(separate_datasets, tested):
    experiment = separate_datasets()
    for fold in range(2):
        experiment.add("deep", tested("allidb1", tp=4 - fold, fn=fold, tn=4), fold=fold, tested=("allidb1",))
        experiment.add("deep", tested("allidb2", tp=1, fn=3), fold=fold, tested=("allidb2",))
    results = experiment.results()
    assert measure(results, "deep", "accuracy", dataset="allidb1").values == pytest.approx([1, 7 / 8])
    assert measure(results, "deep", "accuracy", dataset="ufg") is None
    with pytest.raises(ArgumentError, match="allidb1, allidb2"):
        measure(results, "deep", "accuracy")


def test_the_authors_folds_hold_out_a_third_of_the_other_folds(experiment, make_predictions):
    for fold, fp in enumerate((1, 2, 4)):
        subset = make_predictions("test", tp=20, fn=0, fp=fp, tn=20 - fp, prefix=f"{fold}/")
        experiment.add("vgg16", subset, fold=fold)
    results = experiment.results(split="fold")
    found = measure(results, "vgg16", "accuracy", over="folds")
    # One fold is tested, two thirds of the other two are trained on.
    assert fold_size_ratio(results, "vgg16") == pytest.approx(1 / (2 * 2 / 3))
    assert found.interval == fold_interval(found.values, test_train_ratio=3 / 4)


def test_folds_of_different_sizes_or_of_other_sets_are_refused(left_out, experiment):
    with pytest.raises(ArgumentError, match="LODOCV has no folds of about equal size"):
        is_over_folds(left_out().results(), "folds")
    with pytest.raises(ArgumentError, match="only the test set is in folds"):
        is_over_folds(experiment.results(split="fold"), "folds", subset="external")


def test_other_sets_than_the_test_set_are_measured_over_runs(staged, make_stages):
    experiment = staged()
    for fold in range(3):
        outside = replace(make_stages(wrong=fold, prefix="out/"), subset=np.full(80, "external"))
        experiment.add("frozen", make_stages(wrong=4, prefix=f"{fold}/"), outside, fold=fold, split="kfold")
    results = experiment.results().under("kfold")
    outside = measure(results, "frozen", "accuracy", subset="external")
    # The first fold's network alone, not three networks on the same images.
    assert (outside.values, outside.n) == ([pytest.approx(1)], 80)
    assert len(measure(results, "frozen", "accuracy").values) == 3


def test_a_balanced_value_is_the_mean_over_all_balanced_subsets(experiment, make_predictions):
    # 4 of 6 malignant and 2 of 3 healthy cells are right; 3 of the 6 are kept.
    test = make_predictions("test", tp=4, fn=2, fp=1, tn=2)
    experiment.add("vgg16", test)
    results = experiment.results()
    is_positive, exactly = test.label == results.positive, ("accuracy", "sensitivity", "specificity")
    healthy = np.flatnonzero(~is_positive)
    subsets = [test.select(np.sort([*k, *healthy])) for k in combinations(np.flatnonzero(is_positive), 3)]
    for name in (*exactly, "brier_score", "precision", "f1", "kappa", "auroc"):
        every = [measure_run(one, name, positive=results.positive).values[0] for one in subsets]
        found = measure(results, "vgg16", name, subset="balanced")
        near = 1e-9 if name in (*exactly, "brier_score") else 0.03
        assert (found.values[0], found.n) == (pytest.approx(np.mean(every), abs=near), 6), name
    recall = measure(results, "vgg16", "sensitivity", subset="balanced").interval
    assert recall == wilson_interval(4, 6)


def test_precision_of_expected_counts_is_near_the_mean_over_subsets(experiment, make_predictions):
    test = make_predictions("test", tp=684, fn=43, fp=31, tn=308)
    experiment.add("vgg16", test)
    results, rng = experiment.results(), np.random.default_rng(0)
    is_positive = test.label == results.positive
    malignant, healthy = np.flatnonzero(is_positive), np.flatnonzero(~is_positive)
    subsets = [test.select(np.sort([*rng.permutation(malignant)[:339], *healthy])) for _ in range(300)]
    for name in ("precision", "f1", "weighted_f1", "kappa"):
        values = [_value(name, one, results.positive, balanced=False) for one in subsets]
        found = measure(results, "vgg16", name, subset="balanced")
        error = np.std(values) / np.sqrt(300)
        assert found.values[0] == pytest.approx(np.mean(values), abs=4 * error), name
        assert (found.n, found.interval.method) == (678, "bootstrap")
        assert found.interval.low < found.values[0] < found.interval.high


def test_perfect_balanced_accuracy_counts_the_images_of_a_subset(experiment, make_predictions):
    experiment.add("vgg16", make_predictions("test", tp=60, fn=0, fp=0, tn=20))
    found = measure(experiment.results(), "vgg16", "accuracy", subset="balanced")
    assert found.interval == wilson_interval(40, 40)
