from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from leukcnn import spec
from leukcnn.evaluation.controls import control_label
from leukcnn.outputs.build import build_tables
from leukcnn.records import SeparatedPairs
from leukcnn.results.intervals import wilson_interval
from leukcnn.spec import DEFAULT_CONTROLS, Published

AXES = ("dataset", "row")
TABLE = spec.Table(
    "table4",
    "Left out",
    "metrics",
    "Table IV",
    axes=AXES,
    published=(
        Published("deep", "accuracy", 97.04, std=1.21, dataset="allidb1"),
        Published("deep", "specificity", 96.95, std=2.21, dataset="allidb1"),
        Published("deep", "precision", 96.42, std=2.45, dataset="allidb1"),
        Published("deep", "recall", 97.14, std=1.83, dataset="allidb1"),
        Published("shallow", "accuracy", 82.46, std=0.02, dataset="allidb2"),
    ),
    split="lodocv",
    compared_split="lodocv_strict",
)
HITS = {"lodocv": (6, 5, 6), "lodocv_strict": (4, 3, 3)}
RELATED = {"allidb1": ["allidb1_crop", "allidb2"], "allidb2": ["allidb1_crop", "allidb1"]}


def add(experiment, tested, row, hits, *, split="lodocv"):
    """Adds a run for each number of hits in 6 on ALL-IDB 1; ALL-IDB 2 and UFG are the same in all runs."""
    for run, tp in enumerate(hits):
        every = (
            tested("allidb1", tp=tp, fn=6 - tp, fp=1, tn=3),
            tested("allidb2", tp=4, fn=1, fp=2, tn=3),
            tested("ufg", tp=1, fn=1, fp=0, tn=3),
        )
        for fold, (key, subset) in enumerate(zip(("allidb1", "allidb2", "ufg"), every, strict=True)):
            adder = experiment.add_control if row in DEFAULT_CONTROLS else experiment.add
            adder(row, subset, run=run, fold=fold, split=split, tested=(key,))


@pytest.fixture
def trained(left_out, tested):
    experiment = left_out(TABLE)
    for split, hits in HITS.items():
        add(experiment, tested, "deep", hits, split=split)
    for control in DEFAULT_CONTROLS:
        add(experiment, tested, control, (0, 0, 0))
    return experiment


def shown(results, table_id="table4"):
    return build_tables(results, only=table_id)[0]


def records(results, table_id="table4"):
    table = shown(results, table_id)
    titles = [column.title for column in table.columns]
    return [dict(zip(titles, row, strict=True)) for row in table.rows]


def one(results, dataset, network, metric, table_id="table4", **cells):
    wanted = {"Dataset": dataset, "Network": network, "Metric": metric, **cells}
    (row,) = [row for row in records(results, table_id) if wanted.items() <= row.items()]
    return row


def test_mean_std_and_interval_over_the_runs(trained):
    row = one(trained.results(), "ALL-IDB 1", "Deep", "Accuracy (%)")
    values = np.array([90, 80, 90])
    assert row["Published"] == (97.04, 1.21)
    assert row["Measured"] == pytest.approx((values.mean(), values.std(ddof=1)))
    half = stats.t.ppf(0.975, 2) * values.std(ddof=1) * np.sqrt(4 / 3)
    assert row["95 % interval"] == pytest.approx((values.mean() - half, min(values.mean() + half, 100)))
    assert row["Difference"] == pytest.approx(values.mean() - 97.04)
    assert row["Verdict"] == "can't tell"


def test_metrics_are_in_the_printed_order(trained):
    rows = [r for r in records(trained.results()) if (r["Dataset"], r["Network"]) == ("ALL-IDB 1", "Deep")]
    assert [row["Metric"] for row in rows] == [
        "Accuracy (%)",
        "Specificity (%)",
        "Precision (%)",
        "Recall (%)",
    ]
    assert rows[1]["Measured"] == (75, None)
    assert rows[2]["Measured"][0] == pytest.approx(100 * np.mean([6 / 7, 5 / 6, 6 / 7]))
    assert rows[3]["Measured"][0] == pytest.approx(100 * 17 / 18)


def test_the_strict_split_is_shown_next_to_the_main_one(trained):
    row = one(trained.results(), "ALL-IDB 1", "Deep", "Recall (%)")
    assert row["Strict LODOCV"] == pytest.approx((100 * 10 / 18, np.std([400 / 6, 50, 50], ddof=1)))
    assert row["Strict minus LODOCV"] == pytest.approx(-100 * 7 / 18)


def test_values_under_the_strict_split_only_have_no_difference(left_out, tested):
    experiment = left_out(TABLE)
    add(experiment, tested, "deep", (4, 3, 3), split="lodocv_strict")
    row = one(experiment.results(split="lodocv_strict"), "ALL-IDB 1", "Deep", "Recall (%)")
    assert row["Strict LODOCV"][0] == pytest.approx(100 * 10 / 18)
    assert row["Measured"] is None
    assert row["Strict minus LODOCV"] is None
    assert row["Verdict"] == "not measured: not tested by LODOCV here"


def test_printed_datasets_come_first_and_then_the_others_that_were_tested(trained, tested):
    extra = tested("taleghani", tp=3, fn=1, fp=1, tn=3)
    for run in range(3):
        trained.add("deep", extra, run=run, fold=3, tested=("taleghani",))
    here = {**trained.results().record.datasets, "taleghani": {"non-pathological": 4, "pathological": 4}}
    results = trained.results(datasets=here)
    datasets = list(dict.fromkeys(row["Dataset"] for row in records(results)))
    assert datasets[:3] == ["ALL-IDB 1", "ALL-IDB 2", "UFG"]
    assert datasets[3].endswith("(not in the paper)")
    row = one(results, datasets[3], "Deep", "Accuracy (%)")
    assert (row["Measured"], row["Verdict"]) == ((75, None), "not published")


def test_a_table_about_one_dataset_shows_only_that_one(left_out, tested):
    table = spec.Table(
        "table9",
        "UFG",
        "metrics",
        "Table IX",
        axes=AXES,
        published=(Published("deep", "accuracy", 70.24, dataset="ufg"),),
    )
    experiment = left_out(table)
    add(experiment, tested, "deep", (6, 5, 6))
    assert {row["Dataset"] for row in records(experiment.results(), "table9")} == {"UFG"}
    row = one(experiment.results(), "UFG", "Deep", "Accuracy (%)", "table9")
    assert row["Measured"] == pytest.approx((80, None))


def test_all_folds_together_are_one_set(left_out, tested):
    table = spec.Table(
        "table8",
        "All",
        "metrics",
        "Table VIII",
        axes=AXES,
        published=(Published("deep", "accuracy", 98.24), Published("deep", "recall", 98.76)),
        split="kfold",
    )
    experiment = left_out(table)
    for run in range(3):
        for fold, tp in enumerate((4, 1)):
            subset = tested("allidb1", tp=tp, fn=5 - tp, tn=5 * fold)
            experiment.add("deep", subset, run=run, fold=fold, split="kfold")
    row = one(experiment.results(), "all together", "Deep", "Accuracy (%)", "table8")
    assert row["Measured"] == pytest.approx((100 * 10 / 15, None))
    row = one(experiment.results(), "all together", "Deep", "Recall (%)", "table8")
    assert row["Measured"] == (50, None)


def test_the_cross_validation_within_the_dataset_is_shown(left_out, tested):
    table = spec.Table(
        "table6",
        "Features",
        "metrics",
        "Table VI",
        axes=("dataset", "subset", "row"),
        published=tuple(
            Published("deep", metric, value, dataset=dataset, subset=subset)
            for dataset in ("allidb1", "allidb2")
            for metric, value, subset in (
                ("accuracy", 49.61, "test"),
                ("kappa", -0.007, "test"),
                ("accuracy", 99.07, "within"),
                ("kappa", 0.9813, "within"),
            )
        ),
    )
    experiment = left_out(table)
    for run, tp in enumerate((2, 3, 3)):
        subsets = (
            tested("allidb1", tp=tp, fn=5 - tp, fp=tp, tn=5 - tp),
            tested("allidb1", tp=5, tn=5, subset="within"),
        )
        experiment.add("deep", *subsets, run=run, tested=("allidb1",))
        experiment.add_control("border", subsets[0], run=run, tested=("allidb1",))
    results = experiment.results()
    outside = one(results, "ALL-IDB 1", "Deep", "Kappa", "table6", Test="left out")
    assert outside["Published"] == (-0.007, None)
    assert outside["Measured"] == (0, None)
    assert outside["Verdict"] == "not comparable: no interval: the value is the same in all 3 runs"
    accuracy = one(results, "ALL-IDB 1", "Deep", "Accuracy (%)", "table6", Test="left out")
    assert accuracy["Measured"] == (50, None)
    inside = one(results, "ALL-IDB 1", "Deep", "Kappa", "table6", Test="within")
    assert inside["Measured"] == (1, None)
    assert any("cross-validation within the dataset" in note for note in shown(results, "table6").notes)
    controls = [row for row in records(results, "table6") if row["Network"] == control_label("border")]
    assert {(row["Test"], row["Metric"]) for row in controls} == {("left out", "Accuracy (%)")}


def test_one_run_has_the_interval_of_its_images_and_no_std(left_out, tested):
    experiment = left_out(TABLE)
    add(experiment, tested, "deep", (5,))
    row = one(experiment.results(runs=1), "ALL-IDB 1", "Deep", "Recall (%)")
    expected = wilson_interval(5, 6)
    assert row["95 % interval"] == pytest.approx((100 * expected.low, 100 * expected.high))
    assert row["Measured"] == pytest.approx((100 * 5 / 6, None))
    assert expected.high < 0.9714
    assert row["Verdict"] == "differs"
    assert any("there is no std" in note for note in shown(experiment.results(runs=1)).notes)


def test_controls_follow_the_networks_of_each_dataset(trained):
    rows = records(trained.results())
    networks = list(dict.fromkeys(row["Network"] for row in rows if row["Dataset"] == "ALL-IDB 1"))
    assert networks == ["Deep", *map(control_label, DEFAULT_CONTROLS)]
    of_control = [row for row in rows if row["Network"] == control_label("border")]
    assert [(row["Dataset"], row["Metric"]) for row in of_control] == [
        ("ALL-IDB 1", "Accuracy (%)"),
        ("ALL-IDB 2", "Accuracy (%)"),
        ("UFG", "Accuracy (%)"),
    ]
    assert [row["Measured"][0] for row in of_control] == pytest.approx([30, 70, 80])


def test_a_deviation_printed_as_a_fraction_is_shown_as_printed(trained):
    row = one(trained.results(), "ALL-IDB 2", "Shallow", "Accuracy (%)")
    assert row["Published"] == (82.46, 0.02)


def test_what_is_not_measured_says_why(trained):
    row = one(trained.results(), "ALL-IDB 2", "Shallow", "Accuracy (%)")
    assert (row["Measured"], row["Verdict"]) == (None, "not measured: this row has not been trained")
    lacking = one(trained.results(datasets={}), "ALL-IDB 2", "Shallow", "Accuracy (%)")
    assert lacking["Verdict"] == "not measured: the data lack ALL-IDB 2"
    weights = one(trained.results(missing={"shallow": "no weights"}), "ALL-IDB 2", "Shallow", "Accuracy (%)")
    assert weights["Verdict"] == "not measured: no weights"


def test_a_metric_neither_printed_nor_measured_has_no_line(trained):
    rows = [row for row in records(trained.results()) if row["Network"] == "Shallow"]
    assert [(row["Dataset"], row["Metric"]) for row in rows] == [("ALL-IDB 2", "Accuracy (%)")]


def test_rows_without_a_line_are_named(left_out, tested):
    table = replace(TABLE, published=TABLE.published[:1], metrics=("accuracy",), rows=("deep", "shallow"))
    experiment = left_out(table)
    add(experiment, tested, "deep", (6, 5, 6))
    results = experiment.results()
    assert {row["Network"] for row in records(results)} == {"Deep"}
    assert "Not trained in this run: Shallow." in shown(results).notes
    with_reason = shown(experiment.results(missing={"shallow": "no weights"}))
    assert "Not trained in this run (no weights): Shallow." in with_reason.notes
    add(experiment, tested, "shallow", (4, 3, 3), split="lodocv_strict")
    assert not any(note.startswith("Not trained") for note in shown(experiment.results()).notes)


def test_a_smoke_profile_is_not_comparable(trained):
    row = one(trained.results(not_comparable="smoke profile"), "ALL-IDB 1", "Deep", "Accuracy (%)")
    assert (row["Verdict"], row["Difference"]) == ("not comparable", None)
    assert row["Strict minus LODOCV"] is not None
    assert "smoke profile" in shown(trained.results(not_comparable="smoke profile")).marks[0]


def test_notes_name_relatives_runs_and_identical_pairs(trained):
    notes = shown(trained.results(related=RELATED, separated_pairs={"lodocv": SeparatedPairs(7, 2)})).notes
    strict = next(note for note in notes if note.startswith("Strict LODOCV"))
    assert "for ALL-IDB 1: ALL-IDB 1 (Crop), ALL-IDB 2;" in strict
    assert strict.endswith("for UFG: none).")
    assert any("over 3 runs with different seeds; 5 in the paper" in note for note in notes)
    assert any(note.startswith("7 pairs of byte-identical images") for note in notes)
    assert any(note.startswith("2 pairs of nearly identical images") for note in notes)


def test_a_metric_undefined_in_a_run_is_reported_as_undefined(left_out, tested):
    experiment = left_out(TABLE)
    for run in range(3):
        subset = tested("allidb1", tp=run, fn=6 - run, tn=4)
        experiment.add("deep", subset, run=run, tested=("allidb1",))
    row = one(experiment.results(), "ALL-IDB 1", "Deep", "Precision (%)")
    assert np.isnan(row["Measured"][0])
    assert row["Difference"] is None
    assert row["Verdict"] == "undefined"


def test_without_macro_averages_nothing_is_weighted(trained):
    assert "Weighted" not in [column.title for column in shown(trained.results()).columns]
    assert not any("Macro" in note or "decimals" in note for note in shown(trained.results()).notes)
