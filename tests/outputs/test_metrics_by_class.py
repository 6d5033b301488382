from dataclasses import replace

import pytest
from sklearn.metrics import classification_report

from leukcnn.evaluation.controls import control_label
from leukcnn.outputs import confusion_counts, metrics
from leukcnn.records import SeparatedPairs, UnknownSubjects
from leukcnn.spec import DEFAULT_CONTROLS, Table

SHOW = ("support", "metric", "published", "measured", "interval", "difference", "verdict")
REPORT = Table(
    "report",
    "Classification report",
    "metrics",
    "Results",
    axes=("row", "class"),
    show=SHOW,
    values_as="hundredths",
    rows=("frozen", "scratch"),
    reference=(
        ("0", 0.97, 0.80, 0.98, 19),
        ("1", 0.99, 0.99, 0.99, 20),
        ("2", 1.00, 0.99, 0.99, 20),
        ("3", 1.00, 0.99, 1.00, 21),
        ("accuracy", None, None, 0.99, 80),
        ("macro avg", 0.99, 0.99, 0.99, 80),
        ("weighted avg", 0.99, 0.99, 0.99, 80),
    ),
)
MATRIX = Table(
    "confusion",
    "Confusion matrix",
    "confusion",
    "",
    rows=("frozen",),
    reference=(("0", 19), ("1", 20), ("2", 20), ("3", 21)),
)


@pytest.fixture
def trained(staged, make_stages):
    experiment = staged(REPORT, MATRIX)
    experiment.add("frozen", make_stages(wrong=4))
    for name in DEFAULT_CONTROLS:
        experiment.add_control(name, make_stages(wrong=40))
    return experiment


def records(table) -> list[dict]:
    titles = [column.title for column in table.columns]
    return [dict(zip(titles, row, strict=True)) for row in table.rows]


def values_of(table, network: str) -> dict[tuple[str, str], dict]:
    return {(row["Class"], row["Metric"]): row for row in records(table) if row["Network"] == network}


def test_copies_that_the_split_separates_are_counted(trained):
    results = trained.results(split="random", separated_pairs={"random": SeparatedPairs(6, 20)})
    notes = " ".join(metrics.build(REPORT, results, {}).notes)
    assert "6 pairs of byte-identical images have one image in a test set" in notes
    assert "20 pairs of nearly identical images (re-encoded, mirrored, turned or cropped" in notes


def test_images_of_unknown_subject_are_counted(trained):
    unknown = {"random": UnknownSubjects(5, 70, "one-group"), "kfold": UnknownSubjects(6, 70, "each")}
    results = trained.results(split="random", unknown_subjects=unknown)
    (note,) = [note for note in metrics.build(REPORT, results, {}).notes if "unknown" in note]
    assert "of 5 of 70 images is unknown: those of a dataset count as one" in note


def test_measured_values_are_scikit_learn_s(trained, make_stages):
    shown = values_of(metrics.build(REPORT, trained.results(), {}), "Frozen")
    p = make_stages(wrong=4)
    expected = classification_report(p.label, p.predicted, target_names=p.class_names, output_dict=True)
    for name_of, scores in expected.items():
        if name_of == "accuracy":
            assert shown[name_of, "Accuracy"]["Measured"] == (pytest.approx(scores), None)
            continue
        for title, name in (("Precision", "precision"), ("Recall", "recall"), ("F1-score", "f1-score")):
            assert shown[name_of, title]["Measured"] == (pytest.approx(scores[name]), None)
            assert shown[name_of, title]["Support, here"] == scores["support"]


def test_printed_values_are_shown_as_printed(trained):
    table = metrics.build(REPORT, trained.results(), {})
    shown = values_of(table, "Frozen")
    first = shown["benign", "Recall"]
    assert (first["Published"], first["Support, published"], first["Support, here"]) == (0.8, 19, 20)
    assert shown["accuracy", "Accuracy"]["Published"] == 0.99
    assert shown["macro avg", "Precision"]["Published"] == 0.99
    assert len(shown) == 4 * 3 + 1 + 2 * 3
    assert next(c for c in table.columns if c.title == "Published").show(0.8) == "0.80"
    assert first["Difference"] == pytest.approx(0)
    assert first["Verdict"] == "can't tell"


def test_a_printed_value_does_not_differ_if_a_value_that_rounds_to_it_does_not(staged, make_stages):
    # All right: Wilson's interval of the accuracy ends at 1 and begins at .9542.
    experiment = staged(REPORT)
    experiment.add("frozen", make_stages(wrong=0))
    low = replace(REPORT, id="low", rows=("frozen",), reference=(("accuracy", None, None, 0.95, 80),))
    shown = values_of(metrics.build(low, experiment.results(), {}), "Frozen")["accuracy", "Accuracy"]
    assert shown["95 % interval"][0] == pytest.approx(0.9542, abs=1e-4)
    assert shown["Verdict"] == "can't tell"
    lower = replace(REPORT, id="low", rows=("frozen",), reference=(("accuracy", None, None, 0.9, 80),))
    shown = values_of(metrics.build(lower, experiment.results(), {}), "Frozen")["accuracy", "Accuracy"]
    assert shown["Verdict"] == "differs"


def test_without_an_interval_a_note_says_why(trained):
    table = metrics.build(REPORT, trained.results(), {})
    shown = values_of(table, "Frozen")["pro", "F1-score"]
    assert (shown["95 % interval"], shown["Verdict"]) == (None, "not comparable: no interval")
    assert "No interval: every resample of the 80 images gives the same value." in table.notes
    wilson = next(note for note in table.notes if note.endswith("95 % Wilson interval over its images."))
    assert "Precision of a class, Recall of a class" in wilson
    assert "Accuracy" in wilson
    assert "Recall (weighted avg)" in wilson


def test_other_rows_have_no_published_values(trained, make_stages):
    trained.add("scratch", make_stages(wrong=2))
    shown = values_of(metrics.build(REPORT, trained.results(), {}), "From scratch")
    assert {row["Published"] for row in shown.values()} == {None}
    assert {row["Verdict"] for row in shown.values()} <= {"not published"}


def test_controls_are_at_the_end_with_few_metrics(trained):
    rows = records(metrics.build(REPORT, trained.results(), {}))
    networks = list(dict.fromkeys(row["Network"] for row in rows))
    assert networks[1:] == [control_label(name) for name in DEFAULT_CONTROLS]
    shown = values_of(metrics.build(REPORT, trained.results(), {}), control_label("border"))
    assert list(shown) == [("accuracy", "Accuracy"), ("macro avg", "F1-score")]
    assert shown["accuracy", "Accuracy"]["Measured"] == (pytest.approx(0.5), None)


def test_the_published_row_is_shown_though_it_was_not_trained(staged):
    table = metrics.build(REPORT, staged(REPORT).results(missing={"frozen": "no weights"}), {})
    shown = values_of(table, "Frozen")
    assert {row["Verdict"] for row in shown.values()} == {"not measured: no weights"}
    assert shown["pre", "Precision"]["Published"] == 1.0
    assert "Not trained in this run: From scratch." in table.notes


def test_several_runs_give_mean_and_std(staged, make_stages):
    experiment = staged(REPORT)
    for run, wrong in enumerate((0, 8)):
        experiment.add("frozen", make_stages(wrong=wrong), run=run)
    shown = values_of(metrics.build(REPORT, experiment.results(runs=2), {}), "Frozen")["accuracy", "Accuracy"]
    assert shown["Measured"] == (pytest.approx(0.95), pytest.approx(0.1 / 2**0.5))


def test_what_is_not_comparable_has_no_difference(trained):
    table = metrics.build(REPORT, trained.results(not_comparable="smoke profile"), {})
    assert table.marks
    shown = values_of(table, "Frozen")
    assert {row["Difference"] for row in shown.values()} == {None}
    assert {row["Verdict"] for row in shown.values()} == {"not comparable"}


def test_matrix_has_true_classes_in_rows_and_their_supports(trained):
    rows = records(confusion_counts.build(MATRIX, trained.results(), {}))
    benign, early = rows[:2]
    assert [benign[f"Predicted {name}"] for name in ("benign", "early", "pre", "pro")] == [16, 4, 0, 0]
    assert [early[f"Predicted {name}"] for name in ("benign", "early", "pre", "pro")] == [0, 20, 0, 0]
    assert (benign["Support, published"], benign["Support, here"]) == (19, 20)
    assert (benign["Run"], benign["State"]) == (1, "measured")
    assert len(rows) == 4 * (1 + len(DEFAULT_CONTROLS))
    assert {row["Support, published"] for row in rows[4:]} == {None}


def test_matrix_of_each_run(staged, make_stages):
    experiment = staged(MATRIX)
    for run, wrong in enumerate((0, 8)):
        experiment.add("frozen", make_stages(wrong=wrong), run=run)
    rows = records(confusion_counts.build(MATRIX, experiment.results(runs=2), {}))
    predicted = [(row["Run"], row["Predicted early"]) for row in rows if row["True class"] == "benign"]
    assert predicted[:2] == [(1, 0), (2, 8)]


def test_matrix_that_was_not_measured_shows_the_supports(staged):
    rows = records(confusion_counts.build(MATRIX, staged(MATRIX).results(), {}))
    assert [row["Support, published"] for row in rows[:4]] == [19, 20, 20, 21]
    assert {row["State"] for row in rows[:4]} == {"not measured: this row has not been trained"}


def test_supports_are_shown_for_every_row_that_the_table_names(staged, make_stages):
    matrix = replace(MATRIX, rows=("frozen", "scratch"))
    experiment = staged(matrix)
    experiment.add("scratch", make_stages(wrong=2))
    named = records(confusion_counts.build(matrix, experiment.results(), {}))
    assert [row["Network"] for row in named[:8]] == ["Frozen"] * 4 + ["From scratch"] * 4
    assert [row["Support, published"] for row in named[:8]] == [19, 20, 20, 21] * 2
    unnamed = records(confusion_counts.build(replace(MATRIX, rows=()), experiment.results(), {}))
    assert [row["Support, published"] for row in unnamed[:8]] == [19, 20, 20, 21] + [None] * 4
