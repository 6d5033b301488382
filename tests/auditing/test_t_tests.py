"""t-tests from printed means and standard deviations."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from leukcnn import papers
from leukcnn.auditing import t_tests
from leukcnn.spec import Claim, Sample

ALERTNET, LEUKNET = papers.get("alertnet"), papers.get("leuknet_lodocv")


def answers(paper):
    kind = t_tests.KINDS["t_test"]
    return {claim.id: kind.check(claim, paper) for claim in kind.find(paper)}


def check(first, second, says="equivalent"):
    values = {"first": first, "second": second, "says": says}
    return t_tests.KINDS["t_test"].check(Claim("stated", "t_test", "", "", values), LEUKNET)


@pytest.mark.parametrize("equal_variances", [True, False])
def test_p_is_scipys(equal_variances):
    first, second = t_tests.Scores(97.04, 1.21, 5), t_tests.Scores(93.14, 3.73, 5)
    found = t_tests.p_values(first, second, equal_variances=equal_variances, largest_std=0.0)
    expected = stats.ttest_ind_from_stats(97.04, 1.21, 5, 93.14, 3.73, 5, equal_var=equal_variances).pvalue
    assert found.least == found.most == pytest.approx(expected)


def test_range_over_an_unknown_deviation_holds_every_value_in_it():
    known, unknown = t_tests.Scores(97.18, 0.61, 5), t_tests.Scores(97.80, None, 5)
    found = t_tests.p_values(known, unknown, equal_variances=True, largest_std=18.0)
    for std in (0.0, 0.4, 3.0, 17.9):
        p = stats.ttest_ind_from_stats(97.18, 0.61, 5, 97.80, std, 5).pvalue
        assert found.least - 1e-9 <= p <= found.most + 1e-6


def test_leuknets_tests():
    found = answers(LEUKNET)
    assert found["t_test_table5-allidb1"].verdict == "consistent"
    assert ".0568" in found["t_test_table5-allidb1"].detail
    assert found["t_test_table5-allidb2"].verdict == "impossible"
    assert ".000445" in found["t_test_table5-allidb2"].detail
    assert found["t_test_table4-allidb2"].verdict == "consistent"


def test_alertnets_equivalence_could_not_have_been_refuted_whatever_the_other_deviation_is():
    sampled = (Sample((1058, 794, 563), folds=5),)
    tables = tuple(
        replace(table, samples=sampled) if table.id in ("table5", "table6") else table
        for table in ALERTNET.tables
    )
    answer = answers(replace(ALERTNET, tables=tables))["t_test-0"]
    assert answer.verdict == "consistent"
    assert "p >= 0.0523" in answer.detail
    assert "none could have found one" in answer.detail
    assert "table5/alertnet_rwd/accuracy/std" in answer.covers


def test_conclusions_that_the_values_refute_or_leave_open():
    apart, close = (90.0, 1.0, 5), (80.0, 1.0, 5)
    assert check(apart, close).verdict == "impossible"
    assert check(apart, close, "different").verdict == "consistent"
    assert check(apart, apart, "different").verdict == "impossible"
    # With a small deviation they differ, with a large one they don't.
    assert check(apart, (80.0, None, 5)).verdict == "undecidable"


def test_scores_without_spread_have_p_0_or_1():
    same, other = t_tests.Scores(90.0, 0.0, 5), t_tests.Scores(80.0, 0.0, 5)
    assert t_tests.p_values(same, other, equal_variances=True, largest_std=0.0) == (0.0, 0.0)
    assert t_tests.p_values(same, same, equal_variances=True, largest_std=0.0) == (1.0, 1.0)


def test_rounding_moves_p_by_as_much_as_the_answer_says():
    answer = check((97.04, 1.21, 5), (93.14, 3.73, 5))
    least, most = (float(word) for word in answer.certainty.split() if word[0] == "0" or word == "1")
    rng = np.random.default_rng(0)
    for moved in rng.uniform(-0.005, 0.005, (50, 4)):
        p = stats.ttest_ind_from_stats(
            *(97.04 + moved[0], 1.21 + moved[1], 5, 93.14 + moved[2], 3.73 + moved[3], 5)
        ).pvalue
        assert least - 5e-5 <= p <= most + 5e-5
