import pytest

from leukcnn.evaluation.controls import control_label
from leukcnn.outputs.metrics import build
from leukcnn.records import SeparatedPairs, UnknownSubjects
from leukcnn.results.intervals import wilson_interval
from leukcnn.spec import DEFAULT_CONTROLS, Published, Table

ROWS = ("frozen", "scratch")
SPLITS = Table(
    "splits",
    "Splits",
    "metrics",
    axes=("split", "row"),
    metrics=("accuracy", "macro_f1"),
    show=("metric", "published", "measured", "interval", "state"),
    rows=ROWS,
    published=(Published("frozen", "accuracy", 99),),
)
MASKS = Table(
    "masks",
    "Masks",
    "metrics",
    axes=("row", "mask"),
    metrics=("accuracy",),
    show=("metric", "measured", "interval", "change", "state"),
    rows=ROWS,
)


@pytest.fixture
def trained(staged, make_stages):
    """Both rows under a random split, one also under a grouped split and in four folds, and the controls."""
    experiment = staged(SPLITS)
    experiment.add("frozen", make_stages(wrong=2))
    experiment.add("scratch", make_stages(wrong=1))
    experiment.add("frozen", make_stages(wrong=6, groups=8), split="grouped")
    for fold in range(4):
        experiment.add("frozen", make_stages(wrong=fold, prefix=f"{fold}/"), fold=fold, split="kfold")
    for name in DEFAULT_CONTROLS:
        experiment.add_control(name, make_stages(wrong=20))
        experiment.add_control(name, make_stages(wrong=24), split="grouped")
    return experiment


def records(table) -> list[dict]:
    titles = [column.title for column in table.columns]
    return [dict(zip(titles, row, strict=True)) for row in table.rows]


def accuracies(table) -> dict[tuple[str, str], dict]:
    rows = records(table)
    return {(row["Split"], row["Network"]): row for row in rows if row["Metric"] == "Accuracy (%)"}


def test_copies_that_each_split_separates_are_counted(trained):
    pairs = {"random": SeparatedPairs(6, 0), "kfold": SeparatedPairs(1, 61)}
    notes = build(SPLITS, trained.results(separated_pairs=pairs), {}).notes
    assert [note.partition(" (re-encoded")[0] for note in notes if "pair" in note] == [
        "Random split: 6 pairs of byte-identical images have one image in a test set and the other in the "
        "training or validation images.",
        "K-fold: 1 pair of byte-identical images has one image in a test fold and the other in the training "
        "or validation images.",
        "K-fold: 61 pairs of nearly identical images",
    ]


def test_images_of_unknown_subject_are_counted_for_each_split(trained):
    unknown = {"grouped": UnknownSubjects(75, 260, "each")}
    notes = build(SPLITS, trained.results(unknown_subjects=unknown), {}).notes
    (note,) = [note for note in notes if "unknown" in note]
    assert note == (
        "Grouped split: the group (subject or field) of 75 of 260 images is unknown: each counts as a group "
        "of its own, with its copies; if some of them are of one group, the values are too good."
    )


def test_each_split_has_the_rows_that_it_tests(trained):
    shown = accuracies(build(SPLITS, trained.results(), {}))
    controls = [control_label(name) for name in DEFAULT_CONTROLS]
    assert list(shown) == [
        *(("random split", name) for name in ("Frozen", "From scratch", *controls)),
        *(("grouped split", name) for name in ("Frozen", *controls)),
        ("k-fold", "Frozen"),
    ]
    assert shown["random split", "Frozen"]["Measured"] == (pytest.approx(97.5), None)
    assert shown["random split", "From scratch"]["Measured"] == (pytest.approx(98.75), None)
    assert shown["grouped split", "Frozen"]["Measured"] == (pytest.approx(92.5), None)
    mean, std = shown["k-fold", "Frozen"]["Measured"]
    assert mean == pytest.approx(100 * (1 - 1.5 / 80))
    assert std > 0


def test_intervals_are_those_of_each_split(trained):
    table = build(SPLITS, trained.results(), {})
    shown, wilson = accuracies(table), wilson_interval(78, 80)
    assert shown["random split", "Frozen"]["95 % interval"] == pytest.approx(
        (100 * wilson.low, 100 * wilson.high)
    )
    assert shown["k-fold", "Frozen"]["95 % interval"][1] <= 100
    for method in ("Wilson", "groups of images", "corrected resampled t"):
        assert method in table.notes[1]


def test_each_method_is_named_once_however_many_resamples_were_undefined(staged, make_stages):
    experiment = staged(SPLITS)
    for row in ROWS:
        experiment.add(row, make_stages(wrong=2, n=12))
        experiment.add(row, make_stages(wrong=1, n=12), split="grouped")
    (note,) = [note for note in build(SPLITS, experiment.results(), {}).notes if "Intervals" in note]
    assert note.count("95 % percentile bootstrap interval over 12 images, 2000 resamples") == 1
    assert "undefined" not in note


def test_the_published_value_is_shown_under_the_paper_s_own_split_only(trained):
    shown = accuracies(build(SPLITS, trained.results(), {}))
    assert [key for key, row in shown.items() if row["Published"]] == [("random split", "Frozen")]
    assert shown["random split", "Frozen"]["Published"] == (99, None)


def test_macro_f1_follows_the_accuracy(trained):
    rows = records(build(SPLITS, trained.results(), {}))
    assert [row["Metric"] for row in rows[:2]] == ["Accuracy (%)", "F1-score, macro (%)"]
    assert len(rows) == 2 * len(accuracies(build(SPLITS, trained.results(), {})))


def test_a_split_that_is_not_finished_says_so(trained, make_stages):
    trained.add("scratch", make_stages(), split="grouped", finished=False)
    row = accuracies(build(SPLITS, trained.results(), {}))["grouped split", "From scratch"]
    assert row["Measured"] is None
    assert row["State"] == "not measured: this row has not been trained"


def test_a_split_that_the_data_do_not_allow_is_named(trained):
    table = build(SPLITS, trained.results(missing={"grouped_kfold": "too few groups"}), {})
    assert "grouped k-fold is left out: too few groups." in table.notes


def test_without_any_run_only_published_values_are_shown(staged):
    table = build(SPLITS, staged(SPLITS).results(), {})
    assert [row["Published"] for row in records(table)] == [(99, None)]
    assert "Not trained in this run: Frozen; From scratch." in table.notes


def blanked(experiment, make_stages, **wrong):
    """Returns results for each mask ("none" for no mask) with that many errors of the row frozen."""
    for mask, n in wrong.items():
        mask = "" if mask == "none" else mask
        experiment.add_masked(mask, "frozen", make_stages(wrong=n))
        experiment.add_masked(mask, "scratch", make_stages(), finished=False)
        experiment.add_masked(mask, "border", make_stages(wrong=2 * n))
    return experiment.results()


def test_each_mask_is_compared_with_no_mask(staged, make_stages):
    results = blanked(staged(MASKS), make_stages, none=4, border=4, cells=20, background=8)
    table = build(MASKS, results, {})
    rows = [row for row in records(table) if row["Network"] == "Frozen"]
    assert [row["Blanked"] for row in rows] == ["nothing", "border", "cells", "background"]
    assert [row["Measured"][0] for row in rows] == pytest.approx([95, 95, 75, 90])
    changes = [row["Change by blanking (points)"] for row in rows]
    assert changes[0] is None
    assert changes[1:] == pytest.approx([0, -20, -5])
    control = [row["Measured"] for row in records(table) if row["Network"] == control_label("border")]
    assert [mean for mean, _ in control] == pytest.approx([90, 90, 50, 80])
    assert "Not trained in this run: From scratch." in table.notes


def test_a_mask_that_was_not_run_says_how(staged, make_stages):
    rows = records(build(MASKS, blanked(staged(MASKS), make_stages, border=4), {}))
    states = {row["Blanked"]: row["State"] for row in rows if row["Network"] == "Frozen"}
    assert states == {
        "nothing": "not measured: not run without --mask",
        "border": "measured",
        "cells": "not measured: not run; add --mask cells",
        "background": "not measured: not run; add --mask background",
    }
    assert {row["Change by blanking (points)"] for row in rows} == {None}


def test_an_experiment_without_masks_shows_only_the_controls(staged):
    table = build(MASKS, staged(MASKS).results(), {})
    assert {row["Network"] for row in records(table)} == {control_label(name) for name in DEFAULT_CONTROLS}
    assert "Not trained in this run: Frozen; From scratch." in table.notes
