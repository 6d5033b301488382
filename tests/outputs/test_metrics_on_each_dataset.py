"""Datasets that are trained and tested together have a line each in a table by dataset."""

from dataclasses import replace

import numpy as np
import pytest

from leukcnn.evaluation.controls import control_label
from leukcnn.outputs.build import build_tables
from leukcnn.results.intervals import wilson_interval
from tests import stores

HERE = {"jtsc": {"HBS": 30}, "atlas": {"HBS": 0, "ALL": 20, "AML": 20}, "ash": {}}


def placed(predictions):
    """Gives HBS to JTSC, and the other classes to Atlas."""
    names = np.where(predictions.label == 0, "jtsc", "atlas")
    return replace(predictions, image=np.char.add(np.char.add(names, "/"), predictions.image))


@pytest.fixture
def folds(make_fold):
    return {
        row: [placed(make_fold(fold, wrong=wrong + fold)) for fold in range(5)]
        for row, wrong in (("alertnet", 5), ("border", 20))
    }


@pytest.fixture
def trained(alertnet, folds):
    for fold in range(5):
        alertnet.add("alertnet", folds["alertnet"][fold], fold=fold)
        alertnet.add_control("border", folds["border"][fold], fold=fold)
    return alertnet


def records(experiment, **changes):
    changes = {"datasets": HERE, "split": "kfold", "final_total": 0} | changes
    (table,) = build_tables(experiment.results(**changes), only="by_dataset")
    titles = [column.title for column in table.columns]
    return [dict(zip(titles, row, strict=True)) for row in table.rows], table


@pytest.mark.parametrize("dataset", ["jtsc", "atlas"])
@pytest.mark.parametrize("row", ["alertnet", "border"])
def test_accuracy_is_that_of_the_datasets_own_images_over_all_folds(trained, folds, dataset, row):
    found, _ = records(trained)
    label = control_label("border") if row == "border" else "Alert Net"
    title = {"jtsc": "JTSC", "atlas": "Atlas"}[dataset]
    (line,) = [one for one in found if (one["Dataset"], one["Network"]) == (title, label)]
    own = [np.char.startswith(fold.image, f"{dataset}/") for fold in folds[row]]
    right = np.concatenate([(f.label == f.predicted)[o] for f, o in zip(folds[row], own, strict=True)])
    assert line["Images"] == len(right)
    assert line["Measured"] == (pytest.approx(100 * right.mean()), None)
    interval = wilson_interval(int(right.sum()), len(right))
    assert line["95 % interval"] == pytest.approx((100 * interval.low, 100 * interval.high))


def test_only_trained_rows_and_datasets_with_images_have_lines(trained):
    found, table = records(trained)
    assert {line["Dataset"] for line in found} == {"JTSC", "Atlas"}
    assert {line["Network"] for line in found} == {"Alert Net", control_label("border")}
    assert any("Not trained in this run" in note and "Alert Net-X" in note for note in table.notes)


def test_one_dataset_alone_is_one_line(trained):
    found, _ = records(trained, datasets={"jtsc": {"HBS": 30, "ALL": 1}})
    assert {line["Dataset"] for line in found} == {"all together"}


def test_several_runs_have_a_mean_and_std_on_each_dataset(alertnet, make_fold):
    for run in range(2):
        for fold in range(5):
            subset = placed(make_fold(fold, wrong=5 * (run + 1)))
            alertnet.add("alertnet", subset, run=run, fold=fold)
    found, table = records(alertnet, runs=2)
    stds = {line["Dataset"]: line["Measured"][1] for line in found}
    assert sorted(stds) == ["Atlas", "JTSC"]
    assert any(std and std > 0 for std in stds.values())
    assert any("over 2 runs" in note for note in table.notes)


def test_a_table_of_one_dataset_needs_no_trials_that_leave_out_others(tmp_path):
    experiment = stores.FakeExperiment(tmp_path, "leuknet_lodocv")
    for row in ("vogado2018", "leuknet"):
        experiment.add(row, fold=0, tested=("allidb1",), finished=False)
        experiment.add(row, stores.tested_on("ufg", tp=3, fn=1, fp=1, tn=3), fold=1, tested=("ufg",))
    datasets = {key: {"non-pathological": 4, "pathological": 4} for key in ("allidb1", "ufg")}
    results = experiment.results(split="lodocv", datasets=datasets)
    (table,) = build_tables(results, only="table9")
    titles = [column.title for column in table.columns]
    lines = [dict(zip(titles, row, strict=True)) for row in table.rows]
    of_leuknet = [line for line in lines if "LeukNet" in line["Network"] and "Accuracy" in line["Metric"]]
    assert [line["Measured"] for line in of_leuknet] == [(75, None)]
    assert not any(mark.startswith("INCOMPLETE") for mark in table.marks)
    (other,) = build_tables(results, only="table4")
    assert "not measured: this row has not been trained" in {cell for row in other.rows for cell in row}
