import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score

from leukcnn.results.class_figures import measured_by_run, measured_under
from leukcnn.results.intervals import run_interval, wilson_interval


def test_one_run_has_wilson_s_interval_over_its_pictures(staged, make_stages):
    experiment = staged()
    experiment.add("frozen", make_stages(wrong=4))
    found = measured_by_run(experiment.results(), "frozen", "accuracy")
    wilson = wilson_interval(76, 80)
    assert found.values == [pytest.approx(76 / 80)]
    assert (found.interval.low, found.interval.high) == (wilson.low, wilson.high)
    assert found.spread == (pytest.approx(76 / 80), None)


def test_where_groups_stay_whole_they_are_drawn(staged, make_stages):
    experiment = staged()
    experiment.add("frozen", make_stages(wrong=4, groups=10), split="grouped")
    interval = measured_by_run(experiment.results().under("grouped"), "frozen", "accuracy").interval
    assert (interval.method, interval.unit, interval.n_units) == ("bootstrap", "groups of pictures", 10)
    assert "10 groups of pictures" in interval.describe()


def test_several_runs_say_where_one_more_would_lie(staged, make_stages):
    experiment = staged()
    for run, wrong in enumerate((2, 4, 8)):
        experiment.add("frozen", make_stages(wrong=wrong), run=run)
    found = measured_by_run(experiment.results(runs=3), "frozen", "macro_f1")
    expected = []
    for wrong in (2, 4, 8):
        p = make_stages(wrong=wrong)
        expected.append(f1_score(p.label, p.predicted, average="macro"))
    assert found.values == pytest.approx(expected)
    assert found.interval == run_interval(found.values)


def test_a_metric_of_one_class(staged, make_stages):
    experiment = staged()
    experiment.add("frozen", make_stages(wrong=4))
    results = experiment.results()
    recall = [measured_by_run(results, "frozen", "sensitivity", of_class=k).values[0] for k in range(4)]
    precision = [measured_by_run(results, "frozen", "precision", of_class=k).values[0] for k in range(4)]
    assert recall == pytest.approx([16 / 20, 1, 1, 1])
    assert precision == pytest.approx([1, 20 / 24, 1, 1])


def test_folds_have_the_corrected_interval_of_what_was_trained_on(staged, make_stages):
    experiment = staged()
    wrong = (1, 2, 4, 3)
    for fold, n in enumerate(wrong):
        experiment.add("frozen", make_stages(wrong=n, prefix=f"{fold}/"), fold=fold, split="kfold")
    found = measured_under(experiment.results().under("kfold"), "frozen", "accuracy")
    values = 1 - np.array(wrong) / 80
    assert found.values == pytest.approx(values)
    # A fifth of the other three folds is kept apart for validation.
    share = 1 / (3 * 0.8)
    half = stats.t.ppf(0.975, 3) * values.std(ddof=1) * np.sqrt(1 / 4 + share)
    assert found.interval.low == pytest.approx(values.mean() - half)
    together = measured_by_run(experiment.results().under("kfold"), "frozen", "accuracy")
    assert together.values == [pytest.approx(310 / 320)]


def test_nothing_finished_is_nothing_measured(staged):
    results = staged().results()
    assert measured_by_run(results, "frozen", "accuracy") is None
    assert measured_under(results, "frozen", "accuracy") is None


def test_the_interval_of_kappa_reaches_below_0(staged, make_stages):
    experiment = staged()
    for run, wrong in enumerate((60, 62, 64)):
        experiment.add("frozen", make_stages(wrong=wrong), run=run)
    found = measured_by_run(experiment.results(runs=3), "frozen", "kappa")
    assert found.interval.low < 0
