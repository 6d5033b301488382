from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from leukcnn import spec
from leukcnn.outputs.titles import SPLIT_TITLES, dataset_title, why_no_runs
from leukcnn.results.intervals import run_interval, wilson_interval
from leukcnn.results.run_figures import interval_of_runs


def test_every_kind_of_split_has_a_title():
    assert set(SPLIT_TITLES) == set(spec.SPLIT_KINDS)
    assert len(set(SPLIT_TITLES.values())) == len(SPLIT_TITLES)


def test_titles_of_datasets(left_out):
    results = left_out().results()
    assert dataset_title(results, "") == "all together"
    assert dataset_title(results, "allidb1") == "ALL-IDB 1"
    assert dataset_title(results, "taleghani").endswith("(not in the paper)")


def test_several_runs_have_the_interval_of_one_more(left_out):
    values = [0.8, 0.9, 0.85]
    assert interval_of_runs("accuracy", left_out().results(), "deep", values) == run_interval(values)


def test_the_interval_of_kappa_reaches_below_0_and_ends_at_its_limits(left_out):
    results = left_out().results()
    values = np.array([-0.1, 0.05, 0.1])
    interval = interval_of_runs("kappa", results, "deep", values)
    half = stats.t.ppf(0.975, 2) * values.std(ddof=1) * np.sqrt(4 / 3)
    assert (interval.low, interval.high) == pytest.approx((values.mean() - half, values.mean() + half))
    assert interval.low < 0
    assert interval_of_runs("kappa", results, "deep", [0.2, 1.0, 0.9]).high == 1
    assert interval_of_runs("kappa", results, "deep", [-0.9, 0.0, 0.9]).low == -1


def test_one_run_has_the_interval_over_its_pictures_of_that_dataset_and_part(left_out, tested):
    experiment = left_out()
    parts = (tested("allidb1", tp=5, fn=1), tested("ufg", tp=1, fn=9), tested("ufg", tp=3, part="within"))
    experiment.add("deep", *parts, tested=("allidb1", "ufg"))
    results = experiment.results(runs=1)
    expected = wilson_interval(1, 10)
    assert interval_of_runs("accuracy", results, "deep", [0.1], dataset="ufg") == expected
    within = interval_of_runs("accuracy", results, "deep", [1.0], dataset="ufg", part="within")
    assert within == wilson_interval(3, 3)
    assert interval_of_runs("accuracy", results, "deep", [6 / 16]) == wilson_interval(6, 16)


def test_why_a_row_has_no_figures(left_out, tested):
    experiment = left_out()
    experiment.add("deep", tested("allidb1", tp=5, fn=1), tested=("allidb1",))
    results = experiment.results(runs=1, missing={"shallow": "no weights"})
    assert why_no_runs(results, "shallow", dataset="allidb1") == "no weights"
    assert why_no_runs(results, "deep", dataset="onkodin") == "the data lack ONKODIN"
    assert why_no_runs(results, "deep", dataset="ufg") == "not tested by LODOCV here"
    within = why_no_runs(results, "deep", dataset="allidb1", part="within")
    assert within == "this row has no cross-validation within a dataset"
    assert why_no_runs(results.under("kfold"), "deep") == "this row has not been trained"


def test_titles_of_datasets_that_are_tested_together(left_out):
    results = left_out().results()
    assert dataset_title(results, "allidb1+ufg") == "ALL-IDB 1 + UFG"
    assert dataset_title(results, "cellavision2+cnmc2019").endswith("2019 (not in the paper)")
    assert dataset_title(results, "allidb1+cellavision2").endswith("(not in the paper: CellaVision 2)")


def test_why_datasets_that_are_tested_together_have_no_figures(apart, tested):
    experiment = apart()
    experiment.add("deep", tested("allidb1", tp=1, tn=1), fold=0, tested=("allidb1",))
    experiment.add("deep", tested("jtsc", tp=1, tn=1), fold=0, tested=("bloodline", "jtsc"), finished=False)
    results = experiment.results()
    assert why_no_runs(results, "deep", dataset="bloodline+jtsc") == "this row has not been trained"
    assert why_no_runs(results, "deep", dataset="cellavision2+onkodin").startswith("the data lack Cell")
    assert why_no_runs(results, "deep", dataset="jtsc+ufg") == "not tested by k-fold here"
    assert why_no_runs(results, "shallow", dataset="allidb1") == "this row has not been trained"


def test_where_groups_stay_whole_one_run_has_the_interval_over_them(apart, tested):
    experiment = apart()
    part = tested("allidb1", tp=30, fn=10, tn=20)
    groups = np.array([f"g{i // 5}" for i in range(60)])
    options = {"fold": 0, "split": "grouped_kfold", "tested": ("allidb1",)}
    experiment.add("deep", replace(part, group=groups), **options)
    results = experiment.results(split="grouped_kfold")
    interval = interval_of_runs("accuracy", results, "deep", [5 / 6], dataset="allidb1")
    assert (interval.method, interval.unit, interval.n_units) == ("bootstrap", "groups of pictures", 12)
    # Two of twelve groups are all wrong: the pictures alone would say less.
    wilson = wilson_interval(50, 60)
    assert interval.high - interval.low > wilson.high - wilson.low


def test_the_class_that_counts_as_positive_can_be_chosen(left_out, tested):
    experiment = left_out()
    experiment.add("deep", tested("allidb1", tp=5, fn=1, tn=2, fp=2), tested=("allidb1",))
    results = experiment.results(runs=1)
    assert interval_of_runs("sensitivity", results, "deep", [5 / 6]) == wilson_interval(5, 6)
    assert interval_of_runs("sensitivity", results, "deep", [0.5], of_class=0) == wilson_interval(2, 4)
