"""Tests of the figures of confusion matrices."""

from dataclasses import replace

import numpy as np

from leukcnn import spec
from leukcnn.outputs.build import build_figures, build_tables
from tests.outputs.png import names


def test_confusion_matrix_has_true_classes_in_rows(experiment, make_predictions, plotted, tmp_path):
    experiment.add("vgg16", make_predictions("test", tp=5, fn=1, fp=2, tn=4))
    build_figures(experiment.results(), tmp_path, only="confusion_matrices")
    (((title, matrix),), class_names, _), _ = plotted["confusion_matrices"][0]
    assert class_names == ("healthy", "malignant")
    np.testing.assert_array_equal(matrix, [[4, 2], [1, 5]])
    assert title == "VGG16"


def test_confusion_matrix_of_several_runs_is_that_of_the_first(
    experiment, make_predictions, plotted, tmp_path
):
    for run, right in enumerate((5, 6)):
        experiment.add("vgg16", make_predictions("test", tp=right, fn=1, fp=2, tn=4), run=run)
    build_figures(experiment.results(runs=2), tmp_path, only="confusion_matrices")
    (((((title, matrix),), _, _), _),) = plotted["confusion_matrices"]
    np.testing.assert_array_equal(matrix, [[4, 2], [1, 5]])
    assert title == "VGG16, one of 2 runs"


def test_matrices_of_all_rows_and_datasets_are_in_one_file(thresholded, plotted, tmp_path):
    experiment = thresholded()
    experiment.add("shallow", "allidb1", tp=3, fn=1, fp=2, tn=4)
    experiment.add("deep", "allidb1", tp=5, tn=5)
    experiment.add("deep", "jtsc", "bloodline", tp=2, tn=1, fp=1)
    experiment.add("shallow", "jtsc", "bloodline", tp=2, tn=2, folds=(0,))
    assert names(build_figures(experiment.results(), tmp_path, only="figure4")) == ["figure4.png"]
    ((panels, class_names, _), options) = plotted["confusion_matrices"][0]
    assert class_names == ("non-pathological", "pathological")
    assert options["caption"] == "Figure 4: Title 4"
    assert options["n_columns"] == 2
    deep_one, deep_other, shallow_one, shallow_other = panels
    # Two folds of each; the columns are in the order of the trials.
    assert deep_one[0] == "Deep, k-fold on ALL-IDB 1"
    assert deep_other[0] == "Deep, k-fold on JTSC, Bloodline"
    np.testing.assert_array_equal(deep_one[1], [[10, 0], [0, 10]])
    np.testing.assert_array_equal(deep_other[1], [[4, 4], [0, 8]])
    np.testing.assert_array_equal(shallow_one[1], [[8, 4], [2, 6]])
    # A fold of it isn't finished.
    assert shallow_other is None


def test_rows_that_are_not_trained_have_no_line_of_matrices(thresholded, plotted, tmp_path):
    experiment = thresholded()
    assert build_figures(experiment.results(), tmp_path, only="figure4") == []
    experiment.experiment.planned.clear()
    experiment.add("shallow", "allidb2", tp=3, tn=4)
    build_figures(experiment.results(), tmp_path, only="figure4")
    ((title, _),) = plotted["confusion_matrices"][0][0][0]
    assert title == "Shallow, k-fold on ALL-IDB 2"


def test_figures_of_one_kind_have_files_of_their_own_and_show_their_rows(
    experiment, make_predictions, plotted, tmp_path
):
    figures = (
        spec.Figure("one", "One", "confusion", rows=("xception",)),
        spec.Figure("all", "All", "confusion"),
    )
    experiment.paper = replace(experiment.paper, figures=figures)
    for row in ("vgg16", "xception"):
        experiment.add(row, make_predictions("test", tp=5, fn=1, fp=2, tn=4))
    paths = build_figures(experiment.results(), tmp_path)
    assert names(paths) == ["one_xception.png", "all_vgg16.png", "all_xception.png"]
    assert [panels[0][0] for (panels, *_), _ in plotted["confusion_matrices"]] == [
        "Xception",
        "VGG16",
        "Xception",
    ]


def test_classes_have_the_order_of_the_tables_and_columns_that_say_nothing_are_in_the_csv_alone(
    staged, make_stages, plotted, tmp_path
):
    figures = (spec.Figure("confusion", "Confusion", "confusion"),)
    experiment = staged(spec.Table("matrix", "", "confusion", rows=("frozen",)), figures=figures)
    experiment.paper = replace(experiment.paper, controls=())
    experiment.add("frozen", make_stages(wrong=2))
    results = experiment.results()
    build_figures(results, tmp_path)
    (_, class_names, _), _ = plotted["confusion_matrices"][0]
    (table,) = build_tables(results)
    titles = [column.title for column in table.layout.columns]
    assert [row[2] for row in table.rows[:4]] == [*class_names] == [*experiment.paper.classes]
    predicted = [f"Predicted {name}" for name in class_names]
    assert titles == ["Network", "Run", "True class", "Support, here", *predicted]
    assert {"Support, published", "State"} < {column.title for column in table.columns}
