import math

import numpy as np
import pytest
from scipy import stats

from leukcnn.errors import ArgumentError
from leukcnn.results.t_tests import (
    corrected_resampled_t_test,
    paired_t_test,
    t_test_from_statistics,
    unpaired_t_test,
)

ALERT_NET = [0.96, 0.98, 0.97, 0.97, 0.99]
RESNET = [0.95, 0.98, 0.95, 0.96, 0.96]


def corrected(first, second):
    return corrected_resampled_t_test(first, second, test_train_ratio=1 / 4)


TESTS = pytest.mark.parametrize("test", [paired_t_test, unpaired_t_test, corrected])


def test_paired_by_hand():
    # Differences .01 0 .02 .01 .03: mean .014, std .0114018; t = .014 / (.0114018 / sqrt(5)).
    found = paired_t_test(ALERT_NET, RESNET)
    assert found.statistic == pytest.approx(2.7456, abs=1e-4)
    assert found.mean_difference == pytest.approx(0.014)
    assert (found.degrees_of_freedom, found.n) == (4, 5)
    assert found.p_value == pytest.approx(0.0516, abs=1e-4)


def test_corrected_by_hand():
    # The paired t times sqrt((1/5) / (1/5 + 1/4)) = 2/3.
    found = corrected(ALERT_NET, RESNET)
    assert found.statistic == pytest.approx(2.7456 * 2 / 3, abs=1e-4)
    assert found.p_value == pytest.approx(2 * stats.t.sf(2.7456 * 2 / 3, 4), abs=1e-4)
    assert (found.degrees_of_freedom, found.n) == (4, 5)


def test_unpaired_by_hand():
    # Means .974 and .960, variances .00013 and .00015: t = .014 / sqrt(.00028 / 5).
    found = unpaired_t_test(ALERT_NET, RESNET)
    assert found.statistic == pytest.approx(0.014 / math.sqrt(0.00028 / 5))
    assert (found.degrees_of_freedom, found.n) == (8, 5)
    assert found.p_value == pytest.approx(float(stats.ttest_ind(ALERT_NET, RESNET).pvalue))


@pytest.mark.parametrize(("folds", "runs"), [(5, 1), (10, 10)])
def test_correction_grows_with_the_overlap_of_the_folds(folds, runs):
    rng = np.random.default_rng(0)
    n, ratio = folds * runs, 1 / (folds - 1)
    first, second = rng.normal(0.9, 0.02, n), rng.normal(0.88, 0.02, n)
    found = corrected_resampled_t_test(first, second, test_train_ratio=ratio)
    student = paired_t_test(first, second)
    assert student.statistic / found.statistic == pytest.approx(math.sqrt(1 + n * ratio))
    assert found.p_value > student.p_value


def test_corrected_test_is_wrong_less_often_than_students():
    # Two networks with the same true accuracy. Their differences over folds have the correlation that Nadeau
    # and Bengio assume, n_test / (n_test + n_train). Student's test is significant in more than 5 % of cases.
    rng = np.random.default_rng(0)
    shared, own = rng.normal(0, math.sqrt(0.2), (1000, 1)), rng.normal(0, math.sqrt(0.8), (1000, 5))
    zeros = np.zeros(5)
    wrong = {
        test: np.mean([test(row, zeros).p_value < 0.05 for row in shared + own])
        for test in (paired_t_test, corrected)
    }
    assert wrong[corrected] == pytest.approx(0.05, abs=0.02)
    assert wrong[paired_t_test] > 0.1


@TESTS
def test_exchanged_samples_change_only_the_sign(test):
    there, back = test(ALERT_NET, RESNET), test(RESNET, ALERT_NET)
    assert back.statistic == -there.statistic
    assert back.mean_difference == -there.mean_difference
    assert back.p_value == there.p_value


@TESTS
def test_p_does_not_depend_on_the_unit(test):
    fractions, points = test(ALERT_NET, RESNET), test(*(100 * np.array(row) for row in (ALERT_NET, RESNET)))
    assert points.p_value == pytest.approx(fractions.p_value)
    assert points.mean_difference == pytest.approx(100 * fractions.mean_difference)


@TESTS
def test_samples_that_do_not_vary(test):
    same = test([0.9] * 5, [0.9] * 5)
    assert (same.statistic, same.p_value, same.mean_difference) == (0, 1, 0)
    for n in (2, 5):
        found = test([0.9] * n, [0.8] * n)
        # SciPy would say that p is 0. Scores that happen to be equal don't show that others would be.
        assert math.isnan(found.statistic) and math.isnan(found.p_value)
        assert found.mean_difference == pytest.approx(0.1)
    assert test([0.0] * 3, [0.0] * 3).p_value == 1


@pytest.mark.parametrize("test", [paired_t_test, corrected])
def test_rounding_errors_are_not_variation(test):
    # As decimal fractions these differ by .02 each, as binary fractions not exactly.
    first, second = [0.95, 0.85, 0.9], [0.93, 0.83, 0.88]
    assert np.ptp(np.subtract(first, second)) > 0
    assert math.isnan(test(first, second).statistic)
    assert test(first, first).p_value == 1
    assert test([0.1 + 0.2] * 3, [0.3] * 3).p_value == 1


def test_one_sample_that_does_not_vary():
    # A network that always predicts one class doesn't vary: only the spread of the other counts.
    found = unpaired_t_test([0.9, 0.9, 0.9], [0.8, 0.85, 0.9])
    assert found.statistic == pytest.approx(0.05 / math.sqrt(0.0025 / 3))
    assert found.p_value == pytest.approx(2 * stats.t.sf(math.sqrt(3), 4))


@TESTS
def test_an_undefined_score_makes_the_test_undefined(test):
    found = test([0.9, math.nan, 0.8], [0.7, 0.8, 0.9])
    assert math.isnan(found.statistic)
    assert math.isnan(found.p_value)


@TESTS
@pytest.mark.parametrize(
    ("first", "second"), [([0.9, 0.8], [0.9]), ([0.9], [0.8]), ([], []), ([[0.9, 0.8]], [[0.7, 0.6]])]
)
def test_samples_that_do_not_match_are_refused(test, first, second):
    with pytest.raises(ArgumentError, match="There are"):
        test(first, second)


@pytest.mark.parametrize("ratio", [0, -0.25, math.nan])
def test_a_ratio_that_is_not_above_0_is_refused(ratio):
    with pytest.raises(ArgumentError, match="test_train_ratio"):
        corrected_resampled_t_test(ALERT_NET, RESNET, test_train_ratio=ratio)


def test_leuknets_tests_are_repeated_from_its_table():
    # Table V, accuracy of 1024-256 and 1024-512 over five runs; the .02 printed on ALL-IDB 2 is a fraction.
    allidb1 = t_test_from_statistics(97.04, 1.21, 5, 93.14, 3.73, 5)
    assert allidb1.p_value == pytest.approx(0.057, abs=5e-4)
    assert (allidb1.degrees_of_freedom, allidb1.n) == (8, 5)
    # Both variances over five: sqrt((1.4641 + 13.9129) / 5) = 1.7537.
    assert allidb1.statistic == pytest.approx(3.9 / 1.7537, abs=1e-4)
    assert t_test_from_statistics(82.46, 2, 5, 71.84, 3.64, 5).p_value == pytest.approx(0.0004, abs=5e-5)


def test_from_statistics_is_the_unpaired_test_of_the_samples():
    rows = [(np.mean(row), np.std(row, ddof=1), len(row)) for row in (ALERT_NET, RESNET)]
    found, expected = t_test_from_statistics(*rows[0], *rows[1]), unpaired_t_test(ALERT_NET, RESNET)
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.p_value)
    assert found.mean_difference == pytest.approx(expected.mean_difference)
    assert (found.method, found.degrees_of_freedom, found.n) == (expected.method, 8, 5)


def test_from_statistics_that_do_not_vary():
    assert t_test_from_statistics(0.9, 0, 5, 0.9, 0, 5).p_value == 1
    found = t_test_from_statistics(0.8, 0, 5, 0.9, 0, 5)
    assert math.isnan(found.statistic) and math.isnan(found.p_value)
    assert math.isnan(t_test_from_statistics(0.8, math.nan, 5, 0.9, 0.1, 5).p_value)


@pytest.mark.parametrize(("n", "std"), [(1, 0.1), (0, 0.1), (5, -0.1)])
def test_impossible_statistics_are_refused(n, std):
    for arguments in ((0.9, std, n, 0.8, 0.1, 5), (0.8, 0.1, 5, 0.9, std, n)):
        with pytest.raises(ArgumentError, match="standard deviations"):
            t_test_from_statistics(*arguments)
