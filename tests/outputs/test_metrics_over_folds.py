from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, log_loss, precision_score, recall_score

from leukcnn import spec
from leukcnn.evaluation.controls import control_label
from leukcnn.outputs.answer import answer_of
from leukcnn.outputs.build import build_tables
from leukcnn.outputs.metrics import build
from leukcnn.results.intervals import t_bounds
from leukcnn.spec import DEFAULT_CONTROLS

FOLDS = 5
WRONG = {"alertnet_rwd": (1, 2, 3, 2, 1), "resnet50_dft": (1, 1, 2, 3, 0), "alertnet": (20, 22, 24, 18, 19)}


@pytest.fixture
def trained(alertnet, make_fold):
    """Three rows trained in five folds, and the controls."""
    for row, wrong in WRONG.items():
        for fold in range(FOLDS):
            alertnet.add(row, make_fold(fold, wrong=wrong[fold]), fold=fold)
    for name in DEFAULT_CONTROLS:
        for fold in range(FOLDS):
            alertnet.add_control(name, make_fold(fold, wrong=30), fold=fold)
    return alertnet


def results_of(experiment, **changes):
    return experiment.results(split="kfold", final_total=0, datasets={}, **changes)


def table(results, table_id):
    return build_tables(results, only=table_id)[0]


def records(results, table_id, network):
    shown = table(results, table_id)
    titles = [column.title for column in shown.columns]
    rows = [dict(zip(titles, row, strict=True)) for row in shown.rows]
    return {row["Metric"]: row for row in rows if row["Network"] == network}


@pytest.fixture
def by_scikit_learn(make_fold):
    def scores(row) -> dict[str, np.ndarray]:
        values = {title: [] for title in ("Accuracy (%)", "Kappa", "Loss")}
        values |= {
            f"{kind}, {how} (%)": [] for kind in ("Precision", "Recall") for how in ("weighted", "macro")
        }
        for fold in range(FOLDS):
            p = make_fold(fold, wrong=WRONG[row][fold])
            values["Accuracy (%)"].append(100 * np.mean(p.label == p.predicted))
            values["Kappa"].append(cohen_kappa_score(p.label, p.predicted))
            values["Loss"].append(log_loss(p.label, p.probabilities))
            for how in ("weighted", "macro"):
                options = {"average": how, "zero_division": 0}
                values[f"Precision, {how} (%)"].append(100 * precision_score(p.label, p.predicted, **options))
                values[f"Recall, {how} (%)"].append(100 * recall_score(p.label, p.predicted, **options))
        return {title: np.array(v) for title, v in values.items()}

    return scores


def test_mean_and_std_over_the_folds(trained, by_scikit_learn):
    rows = records(results_of(trained), "table3", "Alert Net-RWD")
    for title, values in by_scikit_learn("alertnet_rwd").items():
        assert rows[title]["Measured"] == pytest.approx((values.mean(), values.std(ddof=1)))


def test_an_external_set_is_not_in_folds(alertnet, make_fold):
    for fold in range(FOLDS):
        external = make_fold(FOLDS, wrong=6)
        external = replace(external, subset=np.full(len(external), "external"))
        alertnet.add("alertnet", make_fold(fold, wrong=3), external, fold=fold)
    asked = spec.Table("here", "Both", "metrics", rows=("alertnet",), metrics=("accuracy",), over="folds")
    alertnet.paper = replace(alertnet.paper, tables=(asked,))
    answer = answer_of(results_of(alertnet))
    (test,), (external,) = answer.of("alertnet"), answer.of("alertnet", subset="external")
    assert (test.value, external.value) == (0.95, 0.9)


def test_the_published_value_is_shown_next_to_both_averages(trained):
    rows = records(results_of(trained), "table3", "Alert Net")
    assert rows["Accuracy (%)"]["Published"] == (95.94, None)
    assert rows["Precision, weighted (%)"]["Published"] == (97.37, None)
    assert rows["Precision, macro (%)"]["Published"] == (97.37, None)
    assert rows["Kappa"]["Published"] == (0.9317, None)
    table5 = records(results_of(trained), "table5", "Alert Net-RWD")
    assert table5["Accuracy (%)"]["Published"] == (97.18, 0.61)


def test_the_interval_allows_for_overlapping_folds(trained, by_scikit_learn):
    rows = records(results_of(trained), "table3", "Alert Net-RWD")
    values = by_scikit_learn("alertnet_rwd")["Accuracy (%)"]
    error = values.std(ddof=1) * np.sqrt(1 / 5 + 1 / 4) / 100
    bounds = t_bounds(values.mean() / 100, error, 4)
    low, high = rows["Accuracy (%)"]["95 % interval"]
    assert (low, high) == pytest.approx((100 * bounds[0], 100 * bounds[1]))
    assert rows["Accuracy (%)"]["Verdict"] == "can't tell"
    assert rows["Accuracy (%)"]["Difference"] == pytest.approx(values.mean() - 97.18)
    assert records(results_of(trained), "table3", "Alert Net")["Accuracy (%)"]["Verdict"] == "differs"


def test_kappa_has_its_words(trained):
    assert records(results_of(trained), "table3", "Alert Net-RWD")["Kappa"]["Verdict"] == (
        "can't tell; almost perfect (Excellent)"
    )


def test_sizes_are_compared_with_the_published_ones(trained):
    rows = records(results_of(trained), "table5", "Alert Net-RWD")
    assert rows["Parameters"]["Published"] == rows["Parameters"]["Measured"] == (8_792_963, None)
    assert rows["Parameters"]["Verdict"] == "equal"
    assert rows["File, network and optimizer (MiB)"]["Verdict"] == "equal"
    assert rows["File, network alone (MiB)"]["Verdict"] == "differs"
    assert rows["File, network alone (MiB)"]["Difference"] == -33
    smoke = records(results_of(trained, not_comparable="smoke profile"), "table5", "Alert Net-RWD")
    assert smoke["File, network alone (MiB)"]["Verdict"] == "not comparable"
    assert smoke["File, network alone (MiB)"]["Difference"] is None
    assert smoke["Accuracy (%)"]["Verdict"] == "not comparable"


@pytest.mark.parametrize("table_id", ["table3", "table5", "table6"])
def test_controls_are_at_the_end_of_each_table(trained, table_id):
    shown = table(results_of(trained), table_id)
    networks = list(dict.fromkeys(row[0] for row in shown.rows))
    assert networks[-len(DEFAULT_CONTROLS) :] == [control_label(name) for name in DEFAULT_CONTROLS]
    rows = records(results_of(trained), table_id, control_label("border"))
    assert list(rows) == ["Accuracy (%)", "Recall, macro (%)", "Kappa"]
    assert rows["Accuracy (%)"]["Measured"] == pytest.approx((50, None))


def test_a_row_that_was_not_trained_says_so(trained):
    rows = records(results_of(trained), "table3", "Alert Net-X")
    assert {row["Verdict"] for row in rows.values()} == {"not measured: this row has not been trained"}
    assert rows["Accuracy (%)"]["Published"] == (94.76, None)
    assert {row["Measured"] for row in rows.values()} == {None}
    assert all(row["Published"] for row in rows.values())


def test_a_row_without_printed_or_measured_values_is_named_in_a_note(alertnet):
    results = results_of(alertnet)
    named = replace(next(t for t in results.paper.tables if t.id == "table3"), published=())
    shown = build(named, results, {})
    assert not shown.rows
    assert any(note.startswith("Not trained in this run: Alert Net") for note in shown.notes)


def test_a_row_counts_only_when_all_its_folds_are_finished(alertnet, make_fold):
    for fold in range(FOLDS):
        alertnet.add("alertnet", make_fold(fold, wrong=1), fold=fold, finished=fold < 4)
    assert records(results_of(alertnet), "table3", "Alert Net")["Accuracy (%)"]["Measured"] is None


def test_a_finished_run_counts_though_the_next_is_unfinished(alertnet, make_fold):
    for run in range(2):
        for fold in range(FOLDS):
            done = run == 0 or fold < 2
            alertnet.add("alertnet", make_fold(fold, wrong=6), run=run, fold=fold, finished=done)
    rows = records(results_of(alertnet, runs=2), "table3", "Alert Net")
    assert rows["Accuracy (%)"]["Measured"] == pytest.approx((90, None))


def test_the_proposed_method_is_measured_next_to_related_ones(trained, by_scikit_learn):
    rows = table(results_of(trained), "table4").rows
    assert [row[-1] for row in rows[:2]] == [None, None]
    assert rows[2][-1] == pytest.approx(by_scikit_learn("alertnet_rwd")["Accuracy (%)"].mean())
