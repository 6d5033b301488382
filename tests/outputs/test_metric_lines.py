from dataclasses import replace

import numpy as np
import pytest

from leukcnn.outputs import metrics
from leukcnn.outputs.build import build_tables
from leukcnn.outputs.metric_lines import TableContent
from leukcnn.results.measure import measure
from leukcnn.spec import Published, Table

SHOWN = ("metric", "measured", "support", "images", "state")


def records(table) -> list[dict]:
    titles = [column.title for column in table.columns]
    return [dict(zip(titles, row, strict=True)) for row in table.rows]


def two_sets(experiment, make_predictions):
    """Returns a run with 12 + 30 images of the test set and 5 + 4 of other subjects."""
    test = make_predictions("test", tp=10, fn=2, fp=3, tn=27)
    experiment.add("vgg16", test, make_predictions("external", tp=3, fn=2, fp=1, tn=3))
    return experiment.results()


def test_the_support_is_that_of_the_line_s_subset(experiment, make_predictions):
    results = two_sets(experiment, make_predictions)
    subsets = ("test", "balanced", "external")
    asked = Table(
        "t", "T", "metrics", axes=("subset", "row", "class"), subsets=subsets, metrics=("recall",), show=SHOWN
    )
    rows = [row for row in records(metrics.build(asked, results, {})) if row["Network"] == "VGG16"]
    support = {(row["Test set"], row["Class"]): row["Support, here"] for row in rows}
    assert support == {
        **{("full", "healthy"): 30, ("full", "malignant"): 12},
        **{("balanced", "healthy"): 12, ("balanced", "malignant"): 12},
        **{("external", "healthy"): 4, ("external", "malignant"): 5},
    }


def test_the_support_is_that_of_the_line_s_dataset(left_out, tested):
    asked = Table("t", "T", "metrics", axes=("dataset", "row", "class"), metrics=("recall",), show=SHOWN)
    experiment = left_out(asked)
    experiment.add("deep", tested("allidb1", tp=6, tn=4), fold=0, tested=("allidb1",))
    experiment.add("deep", tested("ufg", tp=2, tn=3), fold=1, tested=("ufg",))
    rows = records(metrics.build(asked, experiment.results(runs=1), {}))
    support = [row["Support, here"] for row in rows if row["Network"] == "Deep"]
    assert support == [4, 6, 3, 2]


def folds_of(staged, make_stages, *tables):
    experiment = staged(*tables)
    for fold, wrong in enumerate((1, 40, 2, 3)):
        # The second fold is smaller than the others.
        subset = make_stages(wrong=wrong, n=40 if fold == 1 else 80, prefix=f"{fold}/")
        experiment.add("frozen", subset, fold=fold)
    return experiment.results(split="kfold")


def test_all_columns_of_a_line_use_the_same_means(staged, make_stages):
    show = ("metric", "measured", "weighted", "test", "less_test", "state")
    asked = Table("t", "T", "metrics", axes=("row", "class"), metrics=("macro_recall",), show=show)
    results = folds_of(staged, make_stages, asked)
    (row,) = [r for r in records(metrics.build(asked, results, {})) if r["Network"] == "Frozen"]
    # All folds together: 46 of 280 are wrong.
    assert row["Weighted"] == (pytest.approx(100 * 234 / 280), None)
    assert row["Full test set"] == row["Measured"]
    assert row["Measured minus full (points)"] == 0


def test_with_other_subsets_every_line_is_a_mean_over_runs(staged, make_stages):
    asked = Table(
        "t", "T", "metrics", axes=("row", "subset"), subsets=("test", "balanced"), metrics=("accuracy",)
    )
    results = folds_of(staged, make_stages, asked)
    table = metrics.build(asked, results, {})
    assert records(table)[0]["Measured"] == (pytest.approx(100 * 234 / 280), None)
    assert not any("over the folds" in note for note in table.notes)
    alone = replace(asked, axes=("row",), subsets=())
    mean = np.mean([79 / 80, 0, 78 / 80, 77 / 80])
    assert records(metrics.build(alone, results, {}))[0]["Measured"][0] == pytest.approx(100 * mean)


def test_without_folds_of_one_size_a_line_says_so(left_out, tested):
    asked = Table("t", "T", "metrics", metrics=("accuracy",), over="folds")
    experiment = left_out(asked)
    experiment.add("deep", tested("ufg", tp=2, tn=3), tested=("ufg",))
    table = metrics.build(asked, experiment.results(runs=1), {})
    why = "not measured: LODOCV has no folds of about equal size"
    assert [(row[0], row[-1]) for row in table.rows][:2] == [("Deep", why), ("Shallow", why)]
    stated = replace(asked, show=("metric", "measured", "state"))
    rows = records(metrics.build(stated, experiment.results(runs=1), {}))
    assert rows[0]["State"] == why


@pytest.mark.parametrize(
    ("metric", "measured", "shown"),
    [
        ("precision", "macro_precision", True),
        ("precision", "weighted_precision", True),
        ("precision", "macro_average_precision", False),
        ("recall", "macro_recall", True),
        ("auroc", "macro_auroc", True),
    ],
)
def test_a_published_value_is_shown_only_next_to_its_own_averages(
    staged, make_stages, metric, measured, shown
):
    asked = Table("t", "T", "metrics", metrics=(measured,), published=(Published("frozen", metric, 91.0),))
    experiment = staged()
    experiment.add("frozen", make_stages(wrong=3))
    asked = TableContent(experiment.results(), asked)
    (line,) = [line for line in asked.lines if line.place.row == "frozen"]
    assert (line.printed is not None) == shown


def test_a_value_published_for_all_datasets_together_has_its_own_line(left_out, tested):
    published = Published("deep", "accuracy", 90.0)
    asked = Table("t", "T", "metrics", axes=("row", "dataset"), metrics=("accuracy",), published=(published,))
    experiment = left_out(asked)
    experiment.add("deep", tested("allidb1", tp=6, tn=4), fold=0, tested=("allidb1",))
    experiment.add("deep", tested("ufg", tp=2, fp=3), fold=1, tested=("ufg",))
    rows = [
        r for r in records(metrics.build(asked, experiment.results(runs=1), {})) if r["Network"] == "Deep"
    ]
    assert [(r["Dataset"].split(" (")[0], r["Measured"][0], r["Published"]) for r in rows] == [
        ("all together", pytest.approx(80), (90.0, None)),
        ("ALL-IDB 1", pytest.approx(100), None),
        ("UFG", pytest.approx(40), None),
    ]


def test_the_published_value_of_the_test_set_is_not_shown_for_other_subjects(experiment, make_predictions):
    results = two_sets(experiment, make_predictions)
    published = (Published("vgg16", "accuracy", 92.0), Published("vgg16", "f1", 60.0, subset="external"))
    subsets = ("test", "balanced", "external", "final")
    asked = Table("t", "T", "metrics", axes=("row", "subset"), subsets=subsets, published=published)
    rows = [r for r in records(metrics.build(asked, results, {})) if r["Network"] == "VGG16"]
    shown = {(r["Test set"], r["Metric"]): r["Published"] for r in rows if r["Published"]}
    assert shown == {
        ("full", "Accuracy (%)"): (92.0, None),
        ("balanced", "Accuracy (%)"): (92.0, None),
        ("external", "F1-score (%)"): (60.0, None),
    }
    assert metrics.build(asked, results, {}).notes[:-1]


def test_the_final_phase_shows_all_rows_if_nothing_is_published(experiment, make_predictions):
    results = two_sets(experiment, make_predictions)
    asked = Table("t", "T", "metrics", subsets=("final",), metrics=("accuracy",))
    rows = records(metrics.build(asked, results, {}))
    assert [row["Network"] for row in rows] == [row.label for row in results.paper.rows]
    assert all(row["Verdict"].startswith("not measured: ") for row in rows)


def test_only_differences_of_fractions_are_in_points(experiment, make_predictions):
    results = two_sets(experiment, make_predictions)
    asked = Table(
        "t", "T", "metrics", subsets=("external",), metrics=("auroc",), show=("metric", "less_test")
    )
    less = [c.title for c in metrics.build(asked, results, {}).columns][-1]
    assert less == "Measured minus full"
    fractions = replace(asked, metrics=("accuracy",))
    assert [c.title for c in metrics.build(fractions, results, {}).columns][
        -1
    ] == "Measured minus full (points)"


def test_notes_name_the_probability_metrics_and_the_subjects_of_intervals(experiment, make_predictions):
    results = two_sets(experiment, make_predictions)
    asked = Table(
        "t",
        "T",
        "metrics",
        axes=("row", "subset"),
        subsets=("test", "external"),
        metrics=("accuracy", "auroc"),
    )
    notes = " ".join(metrics.build(asked, results, {}).notes)
    assert "Accuracy (full): 95 % Wilson interval over its images." in notes
    assert "AUROC (full): 95 % percentile bootstrap interval over 42 images, 2000 resamples." in notes
    n = measure(results, "vgg16", "auroc", subset="external").interval.n_units
    assert (
        f"Accuracy (external), AUROC (external): 95 % jackknife t interval on the logit scale over {n} "
        "subjects" in notes
    )


def test_notes_of_values_by_class_name_the_unit_and_shared_numbers_only(left_out, tested):
    asked = Table("t", "T", "metrics", axes=("dataset", "row", "class"), metrics=("auroc", "recall"))
    experiment = left_out(asked)
    for fold, (key, n) in enumerate((("allidb1", 12), ("ufg", 20))):
        subset = tested(key, tp=n // 2, fn=n // 4, fp=1, tn=n // 4 - 1)
        groups = np.array([f"g{i // 2}" for i in range(n)])
        subset = replace(subset, group=groups if key == "ufg" else subset.group)
        experiment.add("deep", subset, fold=fold, tested=(key,))
    notes = metrics.build(asked, experiment.results(runs=1), {}).notes
    own = "AUROC of a class: 95 % percentile bootstrap interval over 12 images, 2000 resamples"
    assert any(note.startswith(own) for note in notes)
    # Each class has its own number of groups.
    assert any("over 3 to 10 groups of images" in note for note in notes)
    assert not any("over 12 images" in note and "groups of images" in note for note in notes)


@pytest.mark.parametrize(
    ("metric", "subsets", "title", "value"),
    [
        ("accuracy", (), "Measured here (%), test set", 100 * 37 / 42),
        ("kappa", (), "Measured here, test set", 0.7159),
        ("accuracy", ("test", "external"), "Measured here (%), external test set", 100 * 6 / 9),
    ],
)
def test_a_printed_table_says_which_subset_is_measured(
    experiment, make_predictions, metric, subsets, title, value
):
    results = two_sets(experiment, make_predictions)
    columns, reference = ("Method", "Value"), (("A", 1.0), ("B", 2.0))
    options = {
        "columns": columns,
        "reference": reference,
        "measured": (("A", "vgg16", metric),),
        "subsets": subsets,
    }
    asked = Table("ref", "T", "reference", **options)
    paper = replace(results.paper, tables=(asked,))
    (table,) = build_tables(replace(results, paper=paper), only="ref")
    assert table.columns[-1].title == title
    assert table.rows[0][-1] == pytest.approx(value, abs=1e-3)


def test_subjects_and_confusion_counts_use_the_table_s_rows_and_split(experiment, make_predictions):
    experiment.add("vgg16", make_predictions("test", tp=5, fn=1, fp=2, tn=4))
    experiment.add("vgg19", make_predictions("test", tp=6, fn=0, fp=2, tn=4))
    experiment.add("vgg19", make_predictions("test", tp=1, fn=5, fp=2, tn=4), split="subject")
    titles = ("Set", "Malignant before", "Healthy before", "Malignant after", "Healthy after")
    counts = tuple((title, 1, 1, 1, 1) for title in ("Train", "Validation", "Test"))
    results, of = experiment.results(), {"rows": ("vgg19",), "split": "subject"}
    tables = (
        Table("one", "T", "subjects", **of),
        Table("two", "T", "confusion", subsets=("test",), **of),
        Table("three", "T", "counts", columns=titles, reference=counts, split="subject"),
    )
    results = replace(results, paper=replace(results.paper, tables=tables))
    one, two, three = build_tables(results)
    titles = [column.title for column in one.columns]
    assert "VGG19" in titles
    assert "VGG16" not in titles
    column = titles.index("VGG19")
    cells = [(row[2], row[column]) for row in one.rows if row[1] and not row[1].startswith("H")]
    assert sum(n * right for n, right in cells) == pytest.approx(1)
    assert two.rows == (("VGG19", "test", 1, 1, 5, 2, 4),)
    assert "only the main split's images are counted" in " ".join(three.notes)


def test_two_classes_are_averaged_over_the_folds_of_a_cross_validation(left_out, tested):
    asked = Table(
        "t", "T", "metrics", axes=("split", "row"), metrics=("accuracy",), show=("measured", "state")
    )
    experiment = left_out(asked)
    for fold in range(2):
        experiment.add("deep", tested("ufg", tp=3 + fold, fn=1), fold=fold, split="kfold")
    notes = metrics.build(asked, experiment.results(runs=1, split="kfold"), {}).notes
    assert notes[1].startswith("Mean and std (n - 1) over runs, in cross-validation over folds. ")
