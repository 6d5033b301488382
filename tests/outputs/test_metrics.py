"""Tables of metrics in general: every metric, with any axes, for two classes and for more."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from leukcnn.errors import SpecError
from leukcnn.outputs.build import build_tables
from leukcnn.spec import METRICS, Published, Table
from leukcnn.spec.metrics import SHOW


def records(results, only):
    (table,) = build_tables(results, only=only)
    titles = [column.title for column in table.columns]
    return [dict(zip(titles, row, strict=True)) for row in table.rows]


@pytest.mark.parametrize("name", SHOW)
def test_every_column_that_a_paper_may_name_can_be_shown(left_out, tested, name):
    needed = {"change": "mask", "support": "class", "classes": "dataset"}
    axes = ("row", needed[name]) if name in needed else ("row",)
    show = tuple(dict.fromkeys(("metric", name)))
    experiment = left_out(Table("any", "t", "metrics", axes=axes, show=show, metrics=("accuracy",)))
    experiment.add("deep", tested("allidb1", tp=5, fn=1), tested=("allidb1",))
    rows = records(experiment.results(runs=1), "any")
    assert len(rows[0]) >= len(axes) + 1


SETS = Table(
    "table2", "Networks", "metrics", "Table 2", axes=("row", "subset"), metrics=("accuracy", "f1", "auroc")
)


def test_the_docstring_s_example_shows_accuracy_and_auroc(experiment, make_predictions):
    table = replace(SETS, subsets=("test", "balanced"), published=(Published("vgg16", "accuracy", 92.48),))
    experiment.paper = replace(experiment.paper, tables=(table,))
    test, rng = make_predictions("test", tp=50, fn=10, fp=20, tn=20), np.random.default_rng(0)
    scores = rng.random(100)
    test = replace(test, probabilities=np.stack([1 - scores, scores], axis=1))
    experiment.add("vgg16", test)
    shown = [row for row in records(experiment.results(), "table2") if row["Network"] == "VGG16"]
    assert [(row["Test set"], row["Metric"]) for row in shown] == [
        (name, metric)
        for name in ("full", "balanced")
        for metric in ("Accuracy (%)", "F1-score (%)", "AUROC")
    ]
    auroc = shown[2]
    assert auroc["Measured"] == (pytest.approx(roc_auc_score(test.label, scores), abs=1e-6), None)
    low, high = auroc["95 % interval"]
    assert 0 <= low < auroc["Measured"][0] < high <= 1
    assert auroc["Verdict"] == "not published"
    assert shown[0]["Published"] == (92.48, None)


@pytest.mark.parametrize(
    "axes", [("row",), ("split", "row"), ("row", "mask"), ("dataset", "row"), ("row", "subset")]
)
def test_every_metric_can_be_shown_for_two_classes_with_any_axes(left_out, tested, axes):
    show = ("metric", "published", "measured", "interval", "difference", "state")
    metrics = tuple(METRICS)
    table = Table("any", "Any", "metrics", axes=axes, metrics=metrics, show=show, rows=("deep",))
    experiment = left_out(table)
    experiment.add("deep", tested("allidb1", tp=5, fn=1, fp=1, tn=3), tested=("allidb1",))
    results = experiment.results(runs=1)
    results = experiment.results(runs=1, masked={"": list(results.record.trials)})
    shown = [
        row for row in records(results, "any") if row["Network"] == "Deep" and row["State"] == "measured"
    ]
    assert [row["Metric"].removesuffix(" (%)") for row in shown] == [METRICS[name].title for name in metrics]
    assert all(row["Measured"] is not None for row in shown)


def test_every_metric_can_be_shown_by_class(staged, make_stages):
    of_class = tuple(name for name, metric in METRICS.items() if metric.of_class)
    others = tuple(name for name in METRICS if name not in of_class)
    table = Table(
        "any", "Any", "metrics", axes=("row", "class"), metrics=(*of_class, *others), rows=("frozen",)
    )
    experiment = staged(table)
    experiment.add("frozen", make_stages(wrong=4))
    shown = [row for row in records(experiment.results(), "any") if row["Network"] == "Frozen"]
    assert len(shown) == 4 * len(of_class) + len(others)
    classes = list(dict.fromkeys(row["Class"] for row in shown))
    assert classes[:4] == list(experiment.paper.classes)
    assert {*classes[4:]} == {"accuracy", "all", "macro avg", "weighted avg"}
    recall = {row["Class"]: row["Measured"] for row in shown if row["Metric"] == "Recall (%)"}
    assert recall["benign"] == (pytest.approx(80), None)


def test_with_more_than_two_classes_precision_is_shown_as_both_averages(staged, make_stages):
    published = (Published("frozen", "precision", 95.0),)
    table = Table("any", "Any", "metrics", rows=("frozen",), published=published)
    experiment = staged(table)
    experiment.add("frozen", make_stages(wrong=4))
    rows = [row for row in records(experiment.results(), "any") if row["Network"] == "Frozen"]
    assert [(row["Metric"], row["Published"]) for row in rows] == [
        ("Precision, weighted (%)", (95, None)),
        ("Precision, macro (%)", (95, None)),
    ]


def test_without_metrics_and_published_values_accuracy_and_macro_f1_are_shown(staged, make_stages):
    experiment = staged(Table("any", "Any", "metrics", rows=("frozen",)))
    experiment.add("frozen", make_stages(wrong=4))
    rows = [row for row in records(experiment.results(), "any") if row["Network"] == "Frozen"]
    assert [row["Metric"] for row in rows] == ["Accuracy (%)", "F1-score, macro (%)"]


def test_mean_is_over_folds_only_if_asked_for(left_out, tested):
    kept = {"rows": ("deep",), "split": "kfold", "metrics": ("accuracy", "auroc")}
    tables = (Table("folds", "t", "metrics", over="folds", **kept), Table("runs", "t", "metrics", **kept))
    experiment = left_out(*tables)
    for fold in range(3):
        subset = tested("ufg", tp=3 + fold, fn=1, fp=1, tn=2)
        experiment.add("deep", subset, fold=fold, split="kfold")
    results = experiment.results(runs=1)
    (folds, *_), (runs, *_) = (records(results, name) for name in ("folds", "runs"))
    values = [100 * (5 + fold) / (7 + fold) for fold in range(3)]
    assert folds["Measured"] == (pytest.approx(np.mean(values)), pytest.approx(np.std(values, ddof=1)))
    assert runs["Measured"] == (pytest.approx(100 * 18 / 24), None)


@pytest.mark.parametrize(
    ("fields", "found", "expected"),
    [
        ({"axes": ("rows",)}, "axes = 'rows'", "row"),
        ({"axes": ("split",)}, "axes = ('split',)", "'row' among them"),
        ({"axes": ("row", "split", "class")}, "axes = ", "one of"),
        ({"axes": ("row", "split"), "compared_split": "kfold"}, "compared_split = 'kfold'", "one of"),
        ({"axes": ("row", "row")}, "axes has 'row' twice", "once"),
        ({"show": ("metric", "mean")}, "show = 'mean'", "measured"),
        ({"show": ("metric", "support")}, "'support'", "the axis 'class'"),
        ({"values_as": "percents"}, "values_as = 'percents'", "percent"),
        ({"values_as": "percent", "metrics": ("auroc",)}, "auroc with values_as", "values_as = 'mean'"),
        ({"metrics": ("file_mb",), "axes": ("row", "subset")}, "file_mb", "('row',)"),
        ({"subsets": ("train",)}, "subsets = 'train'", "balanced"),
        ({"over": "fold"}, "over = 'fold'", "folds"),
    ],
)
def test_a_table_with_conflicting_fields_is_refused(fields, found, expected):
    with pytest.raises(SpecError) as caught:
        Table(**{"id": "t", "title": "t", "kind": "metrics", **fields})
    assert found in caught.value.found
    assert expected in caught.value.expected


def test_a_metric_of_one_class_without_a_positive_one_is_refused_when_the_paper_is_made(staged):
    with pytest.raises(SpecError, match="metrics of one class, specificity"):
        staged(Table("any", "Any", "metrics", metrics=("auroc", "specificity")))
