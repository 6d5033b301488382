"""Networks against controls: the table of all pairs, and the notes under other tables."""

from dataclasses import replace

import numpy as np
import pytest

from leukcnn import papers
from leukcnn.outputs.build import build_tables
from leukcnn.outputs.summary import summary_table
from leukcnn.spec import Table
from leukcnn.spec.additional import additional_tables
from tests.stores import HERE

BETTER = "better than the colour of the border (difference 37.5 points, 95 % 24.1 to 49.0)"


def table_of(results, table_id):
    (table,) = build_tables(results, only=table_id)
    return table


def records(table):
    return [dict(zip([c.title for c in table.columns], row, strict=True)) for row in table.rows]


@pytest.fixture
def compared(experiment, make_predictions):
    """C-NMC 2019 with VGG16 and two controls on the test set and the preliminary phase."""
    external = make_predictions("external", tp=20, fn=20, fp=20, tn=20)
    experiment.add("vgg16", make_predictions("test", tp=38, fn=2, fp=2, tn=38), external)
    experiment.add_control("majority", make_predictions("test", tp=40, fn=0, fp=40, tn=0), external)
    experiment.add_control("border", make_predictions("test", tp=23, fn=17, fp=17, tn=23), external)
    return experiment


@pytest.mark.parametrize("table_id", ["table2", "external", "more"])
def test_each_table_with_controls_says_whether_a_network_is_better(compared, table_id):
    notes = table_of(compared.results(), table_id).notes
    said = [note for note in notes if note.startswith("VGG16") and " than " in note]
    on_test = {"table2": [f"VGG16, full: {BETTER}."], "external": [], "more": [f"VGG16, full: {BETTER}."]}
    assert [note for note in said if "full" in note] == on_test[table_id]
    # Both are right on the same images of the preliminary phase, of 20 subjects.
    same = [note for note in said if "no better than the majority class (right on the same 80 images" in note]
    assert len(same) == (table_id != "table2")


def test_the_summary_says_it_too(compared):
    notes = summary_table(compared.results()).notes
    assert f"VGG16: {BETTER}." in notes
    (how,) = [note for note in notes if "McNemar" in note]
    assert "a choice that favours it" in how


def test_tables_without_a_network_or_without_controls_say_nothing(experiment, make_predictions):
    experiment.add("vgg16", make_predictions("test", tp=38, fn=2, fp=2, tn=38))
    assert not any(" than " in note for note in table_of(experiment.results(), "table2").notes)
    (only,) = table_of(experiment.results(), "controls").rows
    assert only[0] == "all"
    assert only[-1] == "not measured: no row and no control have been tested on the same images"


def test_the_table_of_controls_has_all_pairs(compared):
    table = table_of(compared.results(), "controls")
    lines = records(table)
    assert [(line["Test set"], line["Control"]) for line in lines] == [
        ("full", "Majority class"),
        ("full", "Random forest, 16-pixel border"),
        ("external", "Majority class"),
        ("external", "Random forest, 16-pixel border"),
    ]
    border = lines[1]
    assert (border["Images"], border["Accuracy"], border["Of the control"]) == (80, 0.95, 0.575)
    assert border["Difference (points)"] == pytest.approx(0.375)
    assert border["95 % interval"] == pytest.approx((0.241, 0.490), abs=0.0005)
    assert [line["The network is"] for line in lines] == ["better", "better", "no better", "no better"]
    assert any("equality" in note and "jackknife t-test over subjects" in note for note in table.notes)


def test_several_comparisons_are_counted_with_what_holm_leaves(compared, make_predictions):
    counted = "4 comparisons with controls: 2 better (2 after Holm's correction), 2 no better."
    assert counted in table_of(compared.results(), "controls").notes
    # Of 80 images, VGG16 has 9 alone right and the control 1: p is .02, and the third of five must be below
    # .05 / 3.
    close = make_predictions("test", tp=38, fn=2, fp=2, tn=38)
    predicted = np.array(close.probabilities)
    wrong = [
        *np.flatnonzero(close.label == close.predicted)[:9],
        np.flatnonzero(close.label != close.predicted)[0],
    ]
    predicted[wrong] = predicted[wrong, ::-1]
    compared.add_control("colour", replace(close, probabilities=predicted))
    table = table_of(compared.results(), "controls")
    assert sorted(line["p"] for line in records(table))[2] == pytest.approx(22 / 1024)
    counted = "5 comparisons with controls: 3 better (2 after Holm's correction), 2 no better."
    assert counted in table.notes


def test_images_of_one_side_are_counted_under_the_table(compared, make_predictions):
    compared.add_control("colour", make_predictions("test", tp=40, fn=0, fp=0, tn=33))
    notes = table_of(compared.results(), "controls").notes
    assert "Left out: 7 images that only the network, or only the control, was tested on." in notes


def test_p_below_a_ten_thousandth_is_not_shown_as_0(compared):
    from leukcnn.rendering.renderings import to_text

    text = to_text(table_of(compared.results(), "controls"))
    assert "< 0.0001" in text
    assert "0.0000" not in text


def left_out_results(left_out, tested, *, rows):
    table = Table("t", "T", "metrics", axes=("dataset", "row"), metrics=("accuracy",), split="lodocv")
    experiment = left_out(table, *additional_tables(axes=("dataset", "row"), split="lodocv"))
    paper = experiment.paper
    more = [replace(paper.rows[0], id=f"row{i}", label=f"Row {i}") for i in range(rows)]
    experiment.paper = replace(paper, rows=tuple(more))
    for fold, dataset in enumerate(("allidb1", "allidb2")):
        own = {"fold": fold, "tested": (dataset,)}
        for row in experiment.paper.row_ids:
            experiment.add(row, tested(dataset, tp=30, fn=0, fp=0, tn=30), **own)
        experiment.add_control("border", tested(dataset, tp=20, fn=10, fp=10, tn=20), **own)
    return experiment.results(runs=1, datasets=HERE)


def test_by_dataset_there_is_a_line_for_each_row_and_dataset(left_out, tested):
    notes = table_of(left_out_results(left_out, tested, rows=2), "t").notes
    lines = [note.partition(":")[0] for note in notes if "better than the colour of the border" in note]
    assert lines == [f"Row {i}, ALL-IDB {k}" for k in (1, 2) for i in range(2)]


def test_more_than_twelve_lines_are_counted(left_out, tested):
    notes = table_of(left_out_results(left_out, tested, rows=7), "t").notes
    assert not any("than the colour" in note for note in notes)
    assert "14 comparisons with controls: 14 better (14 after Holm's correction)." in notes


def test_separate_datasets_have_their_own_lines(separate_datasets, tested):
    table = Table("t", "T", "metrics", metrics=("accuracy",))
    experiment = separate_datasets(table)
    for dataset, wrong in (("allidb1", 0), ("allidb2", 15)):
        for fold in range(2):
            half = tested(dataset, tp=15, fn=0, fp=wrong, tn=15 - wrong)
            half = replace(half, image=np.char.add(half.image, f"fold{fold}"))
            experiment.add("deep", half, fold=fold, tested=(dataset,))
            control = replace(half, probabilities=np.tile([0.1, 0.9], (30, 1)))
            experiment.add_control("majority", control, fold=fold, tested=(dataset,))
    notes = table_of(experiment.results(datasets=HERE), "t").notes
    said = [note for note in notes if "than the majority class" in note]
    assert said[0].startswith("ALL-IDB 1: Deep: better than the majority class (difference 50.0 points")
    assert said[1].startswith("ALL-IDB 2: Deep: no better than the majority class (right on the same 60")


@pytest.mark.parametrize("key", papers.list_papers())
def test_every_paper_has_the_additional_tables(key):
    paper = papers.get(key)
    more, controls = paper.tables[-2:]
    assert (more.id, controls.id) == ("more", "controls")
    assert {"auroc", "sensitivity_at_95_specificity", "calibration_error", "brier_score"} <= {*more.metrics}


def test_without_a_positive_class_the_ranking_is_a_macro_average(staged, make_stages):
    experiment = staged(*additional_tables())
    experiment.add("frozen", make_stages(wrong=8))
    experiment.add_control("majority", make_stages(wrong=60))
    lines = records(table_of(experiment.results(), "more"))
    assert [line["Metric"] for line in lines if line["Network"] == "Frozen"] == [
        "AUROC, macro",
        "Average precision, macro",
        "Sensitivity at 95 % specificity, macro (%)",
        "Loss",
        "Brier score",
        "Calibration error",
    ]
    assert all(line["95 % interval"] for line in lines if line["Network"] == "Frozen")
    assert [line["Metric"] for line in lines if line["Network"] == "Majority class"] == ["AUROC, macro"]


def test_support_vector_machines_have_a_ranking_but_no_calibration(tmp_path, tested):
    from tests.stores import LeftOut

    experiment = LeftOut(tmp_path, papers.get("leuknet_lodocv"))
    for row in ("leuknet", "features_imagenet"):
        experiment.add(row, tested("allidb1", tp=28, fn=2, fp=4, tn=26), fold=0, tested=("allidb1",))
    table = table_of(experiment.results(runs=1, datasets=HERE), "more")
    shown = {label: {line["Metric"] for line in records(table) if line["Network"] == label}
             for label in ("LeukNet", "SVM, ImageNet features")}  # fmt: skip
    assert shown["LeukNet"] - shown["SVM, ImageNet features"] == {"Loss", "Brier score", "Calibration error"}
    assert "AUROC" in shown["SVM, ImageNet features"]
    (note,) = [note for note in table.notes if "no probabilities" in note]
    assert note.endswith(": SVM, ImageNet features.")
    assert any("optimistic" in note for note in table.notes)


@pytest.mark.parametrize("kind", ["kfold", "random"])
def test_a_ranking_of_several_folds_says_so(staged, make_stages, kind):
    table = Table("more", "T", "metrics", metrics=("auroc",), over="runs")
    experiment = staged(table)
    for fold in range(2):
        experiment.add("frozen", make_stages(wrong=8, prefix=f"{fold}/"), fold=fold)
    notes = table_of(experiment.results(split=kind), "more").notes
    assert any("rank the images of all folds together" in note for note in notes) == (kind == "kfold")


def test_a_blanked_region_is_named(staged, make_stages):
    table = Table("masks", "T", "metrics", axes=("row", "mask"), metrics=("accuracy",))
    experiment = staged(table)
    for mask in ("", "border"):
        experiment.add_masked(mask, "frozen", make_stages(wrong=8 if mask else 2))
        experiment.add_masked(mask, "majority", make_stages(wrong=60))
    notes = table_of(experiment.results(masked=experiment.masked), "masks").notes
    titles = [note.partition(":")[0] for note in notes if "than the majority class" in note]
    assert titles == ["Frozen, nothing blanked", "Frozen, border blanked"]
