from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from leukcnn import spec
from leukcnn.outputs.build import build_tables

FOLDS = 5
N = 60
WRONG = {"alertnet_rwd": (1, 2, 3, 2, 1), "resnet50_dft": (1, 1, 2, 3, 0)}


def results_of(experiment):
    return experiment.results(split="kfold", final_total=0, datasets={})


def t_tests(results, table_id="t_test"):
    return build_tables(results, only=table_id)[0].rows


def add_folds(alertnet, make_fold, wrong_by_row):
    for row, wrong in wrong_by_row.items():
        for fold in range(FOLDS):
            alertnet.add(row, make_fold(fold, wrong=wrong[fold], n=N), fold=fold)
    return alertnet


def test_t_tests_over_folds_agree_with_scipy_and_the_formula(alertnet, make_fold):
    rows = t_tests(results_of(add_folds(alertnet, make_fold, WRONG)))
    first, second = (1 - np.array(wrong) / N for wrong in WRONG.values())
    paired, unpaired = stats.ttest_rel(first, second), stats.ttest_ind(first, second)
    assert rows[0][3] == pytest.approx(paired.statistic)
    assert rows[0][4:6] == (4, pytest.approx(paired.pvalue))
    assert rows[1][3] == pytest.approx(unpaired.statistic)
    assert rows[1][4:6] == (8, pytest.approx(unpaired.pvalue))
    difference = first - second
    t = difference.mean() / np.sqrt((1 / 5 + 1 / 4) * difference.var(ddof=1))
    assert rows[2][3] == pytest.approx(t)
    assert rows[2][5] == pytest.approx(2 * stats.t.sf(abs(t), 4))
    assert {row[6] for row in rows} == {"no difference shown"}
    assert {row[7] for row in rows} == {"statistically equivalent"}


def test_a_clear_difference_is_reported(alertnet, make_fold):
    wrong = {"alertnet_rwd": (30, 31, 29, 30, 30), "resnet50_dft": (1, 2, 1, 2, 1)}
    rows = t_tests(results_of(add_folds(alertnet, make_fold, wrong)))
    assert {row[6] for row in rows} == {"different"}


def test_without_both_rows_there_is_no_t_test(alertnet):
    ((*_, state, published),) = t_tests(results_of(alertnet))
    assert state == "not measured: this row has not been trained"
    assert published == "statistically equivalent"


# LeukNet's dense layers 1024-256 against 1024-512, as Table V prints them.
T_TEST = spec.Table(
    "t_test_table5",
    "Are they equal?",
    "t_test",
    "Section IV",
    rows=("deep", "shallow"),
    split="lodocv",
    reference=(
        ("allidb1", "equivalent", 97.04, 1.21, 93.14, 3.73),
        ("allidb2", "equivalent", 82.46, 2.0, 71.84, 3.64),
    ),
)


@pytest.fixture
def trained(left_out, tested):
    """Three runs of both rows on ALL-IDB 1 and 2; the runs of the second row are in another order."""
    experiment = left_out(T_TEST)
    for row, hits in (("deep", {0: 9, 1: 8, 2: 9}), ("shallow", {2: 6, 0: 7, 1: 5})):
        for run, tp in hits.items():
            one = tested("allidb1", tp=tp, fn=10 - tp)
            experiment.add(row, one, run=run, fold=0, tested=("allidb1",))
            other = tested("allidb2", tp=4, fn=6)
            experiment.add(row, other, run=run, fold=1, tested=("allidb2",))
    return experiment


def test_the_printed_values_are_tested_over_the_paper_s_runs(trained):
    rows = t_tests(trained.results(), "t_test_table5")
    printed = [row for row in rows if "as printed" in row[1]]
    assert [row[0] for row in printed] == ["ALL-IDB 1", "ALL-IDB 2"]
    assert printed[0][1].endswith("on the 5 runs as printed")
    assert printed[0][2] == "Deep - Shallow"
    assert printed[0][3] == pytest.approx(0.039)
    # The paper calls both pairs equal; its values show it for the first only.
    assert (printed[0][6], printed[0][7]) == (pytest.approx(0.057, abs=5e-4), "no difference shown")
    assert (printed[1][6], printed[1][7]) == (pytest.approx(0.0004, abs=5e-5), "different")
    assert {row[8] for row in rows} == {"equivalent"}


def test_measured_runs_are_tested_unpaired_and_paired_by_seed(trained):
    rows = [row for row in t_tests(trained.results(), "t_test_table5") if row[0] == "ALL-IDB 1"]
    first, second = [0.9, 0.8, 0.9], [0.7, 0.5, 0.6]
    unpaired, paired = stats.ttest_ind(first, second), stats.ttest_rel(first, second)
    assert rows[1][4:7] == (pytest.approx(unpaired.statistic), 4, pytest.approx(unpaired.pvalue))
    assert rows[2][4:7] == (pytest.approx(paired.statistic), 2, pytest.approx(paired.pvalue))
    assert rows[1][1].endswith("on 3 measured runs")
    assert rows[1][3] == pytest.approx(2.6 / 3 - 0.6)


def test_runs_that_one_row_lacks_do_not_count(trained):
    trained.planned = [t for t in trained.planned if (t.row, t.run) != ("shallow", 1)]
    rows = [row for row in t_tests(trained.results(), "t_test_table5") if row[0] == "ALL-IDB 1"]
    assert rows[2][5] == 1
    assert rows[2][3] == pytest.approx(0.9 - 0.65)


def test_one_run_allows_no_test(left_out, tested):
    experiment = left_out(T_TEST)
    for row in ("deep", "shallow"):
        experiment.add(row, tested("allidb1", tp=6, tn=4), tested=("allidb1",))
    rows = t_tests(experiment.results(runs=1), "t_test_table5")
    assert [row[7] for row in rows if row[1] == "all on measured runs"] == [
        "not measured: one run only",
        "not measured: not tested by LODOCV here",
    ]


def test_rows_that_were_not_trained_say_so_next_to_the_printed_test(left_out):
    rows = t_tests(left_out(T_TEST).results(datasets={}), "t_test_table5")
    assert [row[7] for row in rows] == [
        "no difference shown",
        "not measured: the data lack ALL-IDB 1",
        "different",
        "not measured: the data lack ALL-IDB 2",
    ]


def test_the_corrected_test_excludes_validation_images_from_the_training_set(staged, make_stages):
    experiment = staged(spec.Table("t", "T", "t_test", rows=("frozen", "scratch"), reference=(("p",),)))
    wrong = {"frozen": (1, 2, 4, 3), "scratch": (6, 9, 7, 12)}
    for row, of_row in wrong.items():
        for fold, n in enumerate(of_row):
            experiment.add(row, make_stages(wrong=n, prefix=f"{fold}/"), fold=fold)
    difference = -np.subtract(*wrong.values()) / 80
    t = difference.mean() / np.sqrt((1 / 4 + 1 / (3 * 0.8)) * difference.var(ddof=1))
    assert t_tests(experiment.results(split="kfold"), "t")[2][3] == pytest.approx(t)


def test_without_printed_values_only_measured_runs_are_shown(trained):
    table = replace(T_TEST, reference=())
    trained.paper = replace(trained.paper, tables=(table,))
    rows = t_tests(trained.results(), "t_test_table5")
    assert [row[0] for row in rows] == ["ALL-IDB 1"] * 2 + ["ALL-IDB 2"] * 2
    assert {row[8] for row in rows} == {""}
