from dataclasses import replace

import numpy as np
import pytest

from leukcnn import spec
from leukcnn.evaluation.controls import control_label
from leukcnn.outputs.build import build_tables
from leukcnn.spec import DEFAULT_CONTROLS, Published

AVERAGES = ("accuracy", "macro_precision", "macro_recall", "macro_f1")
SHOW = ("metric", "published", "measured", "weighted", "interval", "difference", "verdict")
TABLE_1 = spec.Table(
    "table1",
    "Each dataset",
    "metrics",
    "Table 1",
    axes=("dataset", "row"),
    show=SHOW,
    published=tuple(
        Published("deep", metric, percent, dataset=dataset)
        for dataset, percent in (("allidb1", 96), ("allidb2", 98))
        for metric in AVERAGES
    ),
    rows=("deep",),
)
STRICT = spec.Table(
    "strict",
    "Grouped",
    "metrics",
    "",
    axes=("dataset", "row"),
    show=SHOW,
    rows=("deep",),
    split="kfold",
    compared_split="grouped_kfold",
    metrics=("accuracy", "macro_f1"),
)


def add_tasks(experiment, tested, row="deep", *, run=0, split="", grouped=False):
    """Adds two folds of each task; those of ALL-IDB 2 have 4 TP, 0 FN, 3 FP and 3 TN together."""
    folds = {
        ("allidb1",): (tested("allidb1", tp=2, fn=1, tn=3), tested("allidb1", tp=3, fp=1, tn=2)),
        ("allidb2",): (tested("allidb2", tp=1, fp=3, tn=2), tested("allidb2", tp=3, tn=1)),
        ("cellavision2", "jtsc"): (tested("jtsc", tn=5), tested("cellavision2", tp=3, fn=1, tn=1)),
    }
    for task, of_task in folds.items():
        for fold, subset in enumerate(of_task):
            if grouped:
                names = [f"{fold}/{i // 2}" for i in range(len(subset))]
                subset = replace(subset, group=np.array(names))
            adder = experiment.add_control if row in DEFAULT_CONTROLS else experiment.add
            adder(row, subset, run=run, fold=fold, split=split, tested=task)


@pytest.fixture
def by_task(separate_datasets, tested):
    experiment = separate_datasets(TABLE_1, STRICT)
    add_tasks(experiment, tested)
    for control in DEFAULT_CONTROLS:
        add_tasks(experiment, tested, control)
    return experiment


HERE = {key: {"pathological": 5} for key in ("allidb1", "allidb2", "cellavision2", "jtsc")}
TOGETHER = "CellaVision 2 + JTSC (not in the paper)"


def shown(results, table_id="table1"):
    return build_tables(results, only=table_id)[0]


def records(results, table_id="table1"):
    table = shown(results, table_id)
    titles = [column.title for column in table.columns]
    return [dict(zip(titles, row, strict=True)) for row in table.rows]


def one(results, dataset, network, metric, table_id="table1"):
    wanted = {"Dataset": dataset, "Network": network, "Metric": metric}
    (row,) = [row for row in records(results, table_id) if wanted.items() <= row.items()]
    return row


def test_tasks_of_a_cross_validation_are_separate_the_published_first(by_task):
    rows = records(by_task.results(datasets=HERE))
    assert list(dict.fromkeys(row["Dataset"] for row in rows)) == ["ALL-IDB 1", "ALL-IDB 2", TOGETHER]
    measured = {
        row["Dataset"]: row["Measured"]
        for row in rows
        if row["Metric"] == "Accuracy (%)"
        if row["Network"] == "Deep"
    }
    assert measured == {
        "ALL-IDB 1": (pytest.approx(100 * 10 / 12), None),
        "ALL-IDB 2": pytest.approx((75, np.std([50, 100], ddof=1))),
        TOGETHER: pytest.approx((90, np.std([100, 80], ddof=1))),
    }


def test_macro_averages_are_shown_next_to_weighted_ones(by_task):
    results = by_task.results(datasets=HERE)
    table = shown(results)
    assert [column.title for column in table.columns][3:6] == ["Published", "Measured", "Weighted"]
    rows = [r for r in records(results) if (r["Dataset"], r["Network"]) == ("ALL-IDB 2", "Deep")]
    # First fold: the malignant image is one of 4 found, 2 of 5 healthy ones are. The second is all right.
    f1 = 2 / (1 + 4), 2 * 2 / (5 + 2)
    first = {
        "Accuracy (%)": (0.5, None),
        "Precision, macro (%)": ((1 / 4 + 1) / 2, (1 / 4 + 5) / 6),
        "Recall, macro (%)": ((1 + 2 / 5) / 2, 0.5),
        "F1-score, macro (%)": (sum(f1) / 2, (f1[0] + 5 * f1[1]) / 6),
    }
    expected = {name: [of and (of + 1) / 2 for of in both] for name, both in first.items()}
    assert [row["Metric"] for row in rows] == list(expected)
    for row in rows:
        macro, weighted = expected[row["Metric"]]
        assert row["Measured"][0] == pytest.approx(100 * macro)
        assert (row["Weighted"] and row["Weighted"][0]) == (weighted and pytest.approx(100 * weighted))
    assert any("weighted recall equals the accuracy" in note for note in table.notes)
    assert "The paper doesn't say which of the two averages it prints." in table.notes


def test_weighted_averages_have_a_spread_over_the_folds_of_all_runs(separate_datasets, tested):
    experiment = separate_datasets(TABLE_1)
    for run, tp in enumerate((4, 2)):
        for fold in range(2):
            subset = tested("allidb2", tp=tp, fn=4 - tp, tn=6)
            experiment.add("deep", subset, run=run, fold=fold, tested=("allidb2",))
    row = one(experiment.results(runs=2), "ALL-IDB 2", "Deep", "Recall, macro (%)")
    assert row["Measured"] == pytest.approx((87.5, np.std([100, 100, 75, 75], ddof=1)))
    assert row["Weighted"] == pytest.approx((90, np.std([100, 100, 80, 80], ddof=1)))
    notes = shown(experiment.results(runs=2)).notes
    assert any("over the folds of 2 runs" in note for note in notes)


@pytest.mark.parametrize(("printed", "verdict"), [(98, "can't tell"), (98.04, "differs"), (99, "differs")])
def test_a_value_without_decimals_does_not_differ_if_a_value_that_rounds_to_it_does_not(
    separate_datasets, tested, printed, verdict
):
    # The interval of folds with 87.5, 91.7 and 93.8 % of 16, 24 and 32 images ends between 97.5 and 98 %.
    published = (Published("deep", "accuracy", printed, dataset="allidb1"),)
    experiment = separate_datasets(replace(TABLE_1, published=published))
    for fold, wrong in enumerate((2, 1, 2)):
        subset = tested("allidb1", tp=16 - wrong, fn=wrong)
        experiment.add("deep", subset, fold=fold, tested=("allidb1",))
    row = one(experiment.results(), "ALL-IDB 1", "Deep", "Accuracy (%)")
    assert 97.5 < row["95 % interval"][1] < 98
    assert row["Verdict"] == verdict
    notes = shown(experiment.results()).notes
    assert any("no decimals" in note for note in notes) == isinstance(printed, int)


def test_controls_of_averages_show_accuracy_and_macro_f1(by_task):
    rows = records(by_task.results(datasets=HERE))
    of_control = [row for row in rows if row["Network"] == control_label("colour")]
    assert [(row["Dataset"], row["Metric"]) for row in of_control] == [
        (dataset, metric)
        for dataset in ("ALL-IDB 1", "ALL-IDB 2", TOGETHER)
        for metric in ("Accuracy (%)", "F1-score, macro (%)")
    ]


def test_notes_of_folds_say_what_the_interval_contains(by_task):
    notes = shown(by_task.results()).notes
    assert any(
        note.startswith("Mean and std (n - 1) over the folds. The interval contains") for note in notes
    )
    assert any(
        "corrected resampled t interval of the mean on the logit scale over 2 folds" in n for n in notes
    )
    assert not any("both averages" in note for note in notes)


def test_a_note_says_what_controls_see_where_images_are_thresholded(by_task):
    def noted():
        return any("Controls see whole" in n for n in shown(by_task.results()).notes)

    assert not noted()
    paper = by_task.paper
    setup = paper.rows[1].setup
    thresholded = replace(setup, preprocessing=replace(setup.preprocessing, threshold="darkest"))
    rows = (paper.rows[0], replace(paper.rows[1], setup=thresholded))
    by_task.paper = replace(paper, rows=rows)
    assert noted()


def test_a_task_is_shown_though_another_lacks_a_fold(separate_datasets, tested):
    experiment = separate_datasets(TABLE_1)
    experiment.add("deep", tested("allidb1", tp=2, tn=2), fold=0, tested=("allidb1",))
    experiment.add("deep", tested("allidb1", tp=2, tn=2), fold=1, tested=("allidb1",))
    experiment.add("deep", tested("allidb2", tp=2, tn=2), fold=0, tested=("allidb2",))
    experiment.add("deep", tested("allidb2", tp=2, tn=2), fold=1, tested=("allidb2",), finished=False)
    first = one(experiment.results(), "ALL-IDB 1", "Deep", "Accuracy (%)")
    second = one(experiment.results(), "ALL-IDB 2", "Deep", "Accuracy (%)")
    assert first["Measured"] == (100, None)
    assert (second["Measured"], second["Verdict"]) == (
        None,
        "not measured: this row has not been trained",
    )


def test_a_compared_split_that_was_not_run_is_noted(by_task):
    table = shown(by_task.results(datasets=HERE), "strict")
    assert "No trial was run under grouped k-fold; --split grouped_kfold runs it." in table.notes


def test_grouped_folds_are_compared(by_task, tested):
    add_tasks(by_task, tested, split="grouped_kfold", grouped=True)
    results = by_task.results(datasets=HERE)
    assert not any("Nothing was run" in note for note in shown(results, "strict").notes)
    row = one(results, "ALL-IDB 2", "Deep", "Accuracy (%)", "strict")
    assert row["Grouped k-fold"] == pytest.approx((75, np.std([50, 100], ddof=1)))
    assert row["Grouped minus k-fold"] == pytest.approx(0)
    assert [column.title for column in shown(results, "strict").columns][-2:] == [
        "Grouped k-fold",
        "Grouped minus k-fold",
    ]
