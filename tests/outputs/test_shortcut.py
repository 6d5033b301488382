import numpy as np
import pytest

from leukcnn import spec
from leukcnn.evaluation.controls import control_label
from leukcnn.outputs.build import build_tables
from leukcnn.results.intervals import run_interval, wilson_interval
from leukcnn.spec import DEFAULT_CONTROLS
from leukcnn.trial_files import Predictions

SINGLE = spec.Table(
    "single_class",
    "One class",
    "metrics",
    axes=("dataset", "row"),
    metrics=("error_rate",),
    show=("classes", "metric", "images", "measured", "interval", "state"),
    split="lodocv_single_class",
)
SHORTCUT = spec.Table("shortcut", "What the border shows", "shortcut", "", rows=("deep",))


def records(results, table_id):
    (table,) = build_tables(results, only=table_id)
    titles = [column.title for column in table.columns]
    return [dict(zip(titles, row, strict=True)) for row in table.rows]


def single(experiment, tested, *, wrong):
    """Adds a run for each pair of error counts: on 10 healthy images of JTSC, on 8 sick ones of Bloodline."""
    for run, (healthy, sick) in enumerate(wrong):
        jtsc = tested("jtsc", fp=healthy, tn=10 - healthy)
        bloodline = tested("bloodline", tp=8 - sick, fn=sick)
        for fold, (key, subset) in enumerate((("jtsc", jtsc), ("bloodline", bloodline))):
            where = {"run": run, "fold": fold, "split": "lodocv_single_class", "tested": (key,)}
            experiment.add("deep", subset, **where)
            experiment.add_control("border", subset, **where)
    return experiment


def test_errors_on_one_class_are_named_after_that_class(left_out, tested):
    rows = records(single(left_out(SINGLE), tested, wrong=[(3, 2)]).results(runs=1), "single_class")
    shown = [(r["Dataset"], r["Class"], r["Rate"], r["Images"]) for r in rows if r["Network"] == "Deep"]
    assert shown == [
        ("JTSC", "non-pathological", "False positives (%)", 10),
        ("Bloodline", "pathological", "False negatives (%)", 8),
    ]
    assert [r["Measured"] for r in rows if r["Network"] == "Deep"] == [(30, None), (25, None)]


def test_one_run_has_wilson_s_interval(left_out, tested):
    row = records(single(left_out(SINGLE), tested, wrong=[(3, 2)]).results(runs=1), "single_class")[0]
    expected = wilson_interval(3, 10)
    assert row["95 % interval"] == (100 * expected.low, 100 * expected.high)


def test_several_runs_have_mean_std_and_prediction_interval(left_out, tested):
    experiment = single(left_out(SINGLE), tested, wrong=[(3, 2), (1, 2), (2, 2)])
    row = records(experiment.results(), "single_class")[0]
    expected = run_interval([0.3, 0.1, 0.2])
    assert row["Measured"] == pytest.approx((20, 10))
    assert row["95 % interval"] == pytest.approx((100 * expected.low, 100 * expected.high))


def test_only_planned_rows_and_controls_are_shown(left_out, tested):
    rows = records(single(left_out(SINGLE), tested, wrong=[(3, 2)]).results(runs=1), "single_class")
    of_jtsc = [row for row in rows if row["Dataset"] == "JTSC"]
    assert [row["Network"] for row in of_jtsc] == ["Deep", *map(control_label, DEFAULT_CONTROLS)]
    assert of_jtsc[2]["Measured"] == (30, None)
    assert of_jtsc[3]["State"] == "not measured: this row has not been trained"


def test_no_dataset_of_one_class_is_reported(left_out):
    (row,) = records(left_out(SINGLE).results(), "single_class")
    assert row["State"] == "not measured: no dataset of one class is tested here"


# Ten images of JTSC (healthy), eight of Bloodline (sick) and four of ALL-IDB 1 (one healthy, three sick).
NAMES = ("allidb1", "bloodline", "jtsc")
TRUTH = np.repeat([2, 1, 0], [10, 8, 4])
NAMED = np.array([2] * 9 + [1] + [1] * 6 + [2, 0] + [0, 0, 2, 1])


def probe():
    n = len(TRUTH)
    numbers = [*range(10), *range(8), *range(4)]
    return Predictions(
        image=np.array([f"{NAMES[k]}/{i}.jpg" for k, i in zip(TRUTH, numbers, strict=True)]),
        subset=np.full(n, "test"),
        checkpoint=np.full(n, "control"),
        group=np.full(n, ""),
        label=TRUTH,
        probabilities=np.where(NAMED[:, None] == np.arange(3), 0.8, 0.1),
        class_names=NAMES,
    )


HERE = {
    "allidb1": {"non-pathological": 1, "pathological": 3},
    "bloodline": {"non-pathological": 0, "pathological": 8},
    "jtsc": {"non-pathological": 10, "pathological": 0},
}


@pytest.fixture
def probed(left_out, tested):
    """The probe, a network under k-fold and LODOCV, and the controls under LODOCV."""
    experiment = left_out(SHORTCUT)
    experiment.add_probe(probe())
    # In the order of their ids: three sick images, then the healthy one.
    mixed = tested("allidb1", tp=2, fn=1, tn=1)
    experiment.add("deep", mixed, tested=("allidb1",))
    for name in DEFAULT_CONTROLS:
        experiment.add_control(name, tested("allidb1", fn=3, tn=1), tested=("allidb1",))
    for fold, subset in enumerate((mixed, tested("bloodline", tp=8))):
        experiment.add("deep", subset, fold=fold, split="kfold")
    return experiment


def shortcut(experiment, **changes):
    return records(experiment.results(**({"runs": 1, "datasets": HERE} | changes)), "shortcut")


def test_how_well_the_border_distinguishes_the_datasets(probed):
    rows = shortcut(probed)
    right = 9 + 6 + 2
    expected = wilson_interval(right, 22)
    assert rows[0]["Question"] == "Which dataset? Accuracy"
    assert (rows[0]["Images"], rows[0]["Measured"]) == (22, right / 22)
    assert rows[0]["95 % interval"] == (expected.low, expected.high)
    assert rows[1]["Measured"] == pytest.approx((9 / 10 + 6 / 8 + 2 / 4) / 3)
    low, high = rows[1]["95 % interval"]
    assert low < rows[1]["Measured"] < high
    assert (rows[2]["Dataset or split"], rows[2]["Measured"]) == ("JTSC", 10 / 22)


def test_leukaemia_accuracy_by_the_majority_class_of_the_named_dataset(probed):
    # Right are nine images of JTSC; seven of Bloodline, one of them named ALL-IDB 1, whose majority is sick;
    # two of the three sick ones of ALL-IDB 1. Its healthy one is named Bloodline.
    row = next(row for row in shortcut(probed) if "majority class" in row["Answered by"])
    assert (row["Images"], row["Measured"]) == (22, pytest.approx(18 / 22))


def test_images_of_a_mixed_dataset_count_once_a_run_has_tested_them(left_out):
    experiment = left_out(SHORTCUT)
    experiment.add_probe(probe())
    row = next(row for row in shortcut(experiment) if "majority class" in row["Answered by"])
    # The classes of ALL-IDB 1's four images are unknown, and one of Bloodline is predicted to be of it.
    assert (row["Images"], row["Measured"]) == (17, pytest.approx(15 / 17))


def test_networks_and_the_border_control_are_shown_under_each_split(probed):
    rows = [row for row in shortcut(probed) if row["Dataset or split"] in ("LODOCV", "k-fold")]
    border = control_label("border")
    assert [(row["Dataset or split"], row["Answered by"]) for row in rows] == [
        ("k-fold", "Deep"),
        ("k-fold", border),
        ("LODOCV", "Deep"),
        ("LODOCV", border),
    ]
    assert [row["Measured"] for row in rows] == [11 / 12, None, 0.75, 0.25]
    assert rows[1]["State"] == "not measured: this row has not been trained"


def test_recall_of_each_dataset(probed):
    recall = {
        row["Dataset or split"]: row for row in shortcut(probed) if row["Question"] == "Which dataset? Recall"
    }
    assert {name: row["Measured"] for name, row in recall.items()} == {
        "ALL-IDB 1": 0.5,
        "Bloodline": 0.75,
        "JTSC": 0.9,
    }
    expected = wilson_interval(9, 10)
    assert recall["JTSC"]["95 % interval"] == (expected.low, expected.high)


def test_the_note_counts_the_datasets_of_one_class(probed):
    (table,) = build_tables(probed.results(runs=1, datasets=HERE), only="shortcut")
    assert table.notes[0].startswith("Datasets of this run with images of one class only: 2 of 3.")


def test_without_a_probe_the_networks_are_still_shown(left_out, tested):
    experiment = left_out(SHORTCUT)
    experiment.add("deep", tested("allidb1", tp=3, tn=1), tested=("allidb1",))
    rows = shortcut(experiment)
    assert rows[0]["State"] == "not measured: not planned; it needs two datasets"
    assert rows[1]["Measured"] == 1
    experiment.add_probe(None)
    assert shortcut(experiment)[0]["State"] == "not measured: it is not finished"
