import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import stats

from leukcnn.errors import ArgumentError
from leukcnn.results.intervals import Interval, fold_interval, run_interval, wilson_interval
from leukcnn.results.verdicts import (
    AGREES,
    DIFFERS,
    SMALL,
    UNDECIDED,
    Comparison,
    Estimate,
    PublishedScore,
    compare,
    holm,
    mean_and_std,
    why_no_verdict,
)

INTERVAL = wilson_interval(627, 678)  # .9024 to .9423
UNDEFINED = Interval(math.nan, math.nan, 0.95, "bootstrap", "subjects", 1, reason="too few subjects")


def against(published, right, n=678, **known):
    return compare(PublishedScore(published, **known), [right / n], wilson_interval(right, n), n=n)


def test_the_interval_of_two_proportions_is_newcombe_s():
    """56 of 70 minus 48 of 80 is method 10's first example in Newcombe (1998), table II: .0524 to .3339."""
    found = against(48 / 80, 56, 70, trials=80)
    assert found.basis == "binomial" and found.difference == pytest.approx(0.2)
    assert found.interval() == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert against(0.0, 0, 20, trials=20).interval() == pytest.approx((-0.1611, 0.1611), abs=5e-5)


def test_two_means_with_standard_deviations_are_compared_by_welch_s_test():
    runs = [0.90, 0.92, 0.95, 0.91]
    found = compare(PublishedScore(0.93, std=0.02, runs=5), runs, run_interval(runs), n=100)
    welch = stats.ttest_ind_from_stats(np.mean(runs), np.std(runs, ddof=1), 4, 0.93, 0.02, 5, equal_var=False)
    assert found.p_value == pytest.approx(welch.pvalue)


def test_a_published_mean_of_runs_without_std_varies_as_the_runs_here():
    """Runs of .90 and .94 have std .02828; std * sqrt(1/2 + 1/5) = .02366, times t(.975, 1) = 12.706."""
    runs = [0.90, 0.94]
    found = compare(PublishedScore(0.92, runs=5), runs, run_interval(runs), n=100)
    assert found.interval() == pytest.approx((-0.30066, 0.30066), abs=1e-4)
    # One published run: the prediction interval of one more run.
    runs = [0.90, 0.92, 0.91, 0.915]
    low, high = compare(PublishedScore(0.9), runs, run_interval(runs), n=100).interval()
    half = stats.t.ppf(0.975, 3) * np.std(runs, ddof=1) * math.sqrt(1 + 1 / 4)
    assert (0.9 + low, 0.9 + high) == pytest.approx((np.mean(runs) - half, np.mean(runs) + half))


def test_one_run_is_compared_with_the_spread_of_the_published_runs():
    """Student's t with 4 degrees: 2.776 * .01 * sqrt(1 + 1/5) = .03041."""
    found = compare(PublishedScore(0.95, std=0.01, runs=5), [0.92], wilson_interval(92, 100), n=100)
    assert found.interval() == pytest.approx((-0.03 - 0.03041, -0.03 + 0.03041), abs=1e-5)


def test_means_over_folds_have_the_corrected_variance_on_both_sides():
    folds = [0.90, 0.94, 0.92, 0.95, 0.91]
    here = fold_interval(folds, test_train_ratio=0.25)
    published = PublishedScore(0.93, std=0.03, folds=5, test_train_ratio=0.25)
    found = compare(published, folds, here, n=500)
    # The interval here is on the logit scale: its two sides have errors of their own.
    of_published, mean, t = 0.03 * math.sqrt(1 / 5 + 0.25), float(np.mean(folds)), stats.t.ppf(0.975, 4)
    below, above = (mean - here.low) / t, (here.high - mean) / t
    errors = (of_published, (below + above) / 2)
    assert found.degrees_of_freedom == pytest.approx(
        sum(e**2 for e in errors) ** 2 / sum(e**4 / 4 for e in errors)
    )
    t = stats.t.ppf(0.975, found.degrees_of_freedom)
    assert found.interval() == pytest.approx(
        (mean - 0.93 - t * math.hypot(below, of_published), mean - 0.93 + t * math.hypot(above, of_published))
    )


def test_other_metrics_have_the_error_of_the_measured_value_for_the_published_number_of_images():
    interval = Interval(0.8, 0.9, 0.95, "bootstrap", "images", 100, n_resamples=2000)
    same = compare(PublishedScore(0.85, images=100), [0.85], interval, n=100)
    assert same.interval() == pytest.approx((-0.05 * math.sqrt(2), 0.05 * math.sqrt(2)))
    exact = compare(PublishedScore(0.85), [0.85], interval, n=100)
    assert exact.basis == "exact" and exact.interval() == pytest.approx((-0.05, 0.05))


def test_one_estimate_of_the_design_effect_has_its_degrees_of_freedom_on_both_sides():
    interval = Interval(0.75, 0.97, 0.95, "jackknife", "subjects", 6, degrees_of_freedom=5)
    found = compare(PublishedScore(0.9, trials=300, images=300), [0.9], interval, n=100)
    assert found.basis == "grouped"
    assert found.degrees_of_freedom == pytest.approx(5)


def test_a_few_subjects_have_student_s_degrees_of_freedom():
    interval = Interval(0.8, 0.9, 0.95, "jackknife", "subjects", 6, degrees_of_freedom=5)
    found = compare(PublishedScore(0.85), [0.85], interval, n=100)
    assert found.interval() == pytest.approx((-0.05, 0.05))
    low, high = found.interval(0.9)
    assert (-low, high) == pytest.approx(2 * (0.05 * stats.t.ppf(0.95, 5) / stats.t.ppf(0.975, 5),))


@pytest.mark.parametrize(
    ("shift", "error", "expected"),
    [
        (0.0, 0.01, AGREES),
        (0.0, 0.0121, AGREES),
        (0.0, 0.0122, UNDECIDED),  # 1.645 * .0122 is .0201
        (0.01, 0.004, SMALL),
        (0.01, 0.005, SMALL),
        (0.01, 0.0052, AGREES),  # 1.96 * .0052 is .0102
        (0.019, 0.005, DIFFERS),
        (0.03, 0.01, DIFFERS),
        (-0.03, 0.01, DIFFERS),
        (0.03, 0.02, UNDECIDED),
    ],
)
def test_the_words_by_hand(shift, error, expected):
    found = Comparison(Estimate(0.9), Estimate(0.9 + shift, error, error), "exact")
    assert found.verdict() == expected
    assert (found.p_value < 0.05) == (expected in (DIFFERS, SMALL))


def test_the_margin_decides_what_agrees():
    found = Comparison(Estimate(0.9), Estimate(0.91, 0.01, 0.01), "exact")
    assert found.verdict() == UNDECIDED and found.verdict(0.03) == AGREES
    with pytest.raises(ArgumentError, match="margin"):
        found.verdict(0.0)


@pytest.mark.parametrize(
    ("published", "expected"), [(0.90, UNDECIDED), (0.87, DIFFERS), (0.94, UNDECIDED), (0.97, DIFFERS)]
)
def test_a_rounded_value_counts_as_all_values_that_round_to_it(published, expected):
    """627 of 678 is .9248. Without the rounding, .90 and .948 would differ from it."""
    assert against(published, 627, rounding=0.005).verdict() == expected
    low, high = against(published, 627, rounding=0.005).interval()
    narrow = against(published, 627).interval()
    assert (low, high) == pytest.approx((narrow[0] - 0.005, narrow[1] + 0.005))


def test_p_agrees_with_the_interval_and_is_1_within_the_rounding():
    for right in range(560, 678, 7):
        found = against(0.9248, right, trials=678)
        low, high = found.interval()
        assert (found.p_value < 0.05) == (low > 0 or high < 0)
        ends = found.interval(1 - found.p_value)
        assert min(abs(end) for end in ends) == pytest.approx(0, abs=1e-9)
    assert against(0.92, 627, rounding=0.005).p_value == 1
    assert against(1.0, 300, trials=678).p_value < 1e-6


SIZES = [(65, 65), (108, 108), (260, 108), (678, 678)]


@cache
def outcome(n, k, m, j):
    found = against(k / n, j, m, trials=n)
    words = found.verdict()
    return words in (DIFFERS, SMALL), words in (AGREES, SMALL), k / n in wilson_interval(j, m)


def rates(n, m, p, q, *, repeats=1500):
    """Returns how often 'differs', 'agrees' and the former 'outside' are said of n images at p and m at q."""
    rng = np.random.default_rng(0)
    pairs = zip(rng.binomial(n, p, repeats).tolist(), rng.binomial(m, q, repeats).tolist(), strict=True)
    found = np.array([outcome(n, k, m, j) for k, j in pairs])
    return found[:, 0].mean(), found[:, 1].mean(), 1 - found[:, 2].mean()


@pytest.mark.parametrize(("n", "m"), SIZES)
@pytest.mark.parametrize("p", [0.75, 0.9, 0.93])
def test_two_true_replications_differ_in_about_5_percent(n, m, p):
    differs, _, outside = rates(n, m, p, p)
    assert 0.02 <= differs <= 0.07
    if n == m:
        # What the published value outside of the measured interval would have said.
        assert 0.13 <= outside <= 0.25


def test_near_1_true_replications_differ_more_rarely():
    assert rates(65, 65, 0.98, 0.98)[0] <= 0.03


@pytest.mark.parametrize("n", [678, 2586])
@pytest.mark.parametrize("p", [0.9, 0.97])
def test_values_that_differ_by_the_margin_agree_in_at_most_5_percent(n, p):
    assert rates(n, n, p, p - 0.02)[1] <= 0.06


def test_values_that_are_equal_agree_if_there_are_enough_images():
    assert rates(2586, 2586, 0.97, 0.97)[1] > 0.9
    assert rates(108, 108, 0.97, 0.97)[1] < 0.1


@pytest.mark.parametrize(("n", "m"), SIZES)
@pytest.mark.parametrize("p", [0.75, 0.9, 0.97])
def test_the_detectable_difference_is_found_with_about_80_percent(n, m, p):
    least = against(p, round(p * m), m, trials=n).detectable
    assert 0.7 <= rates(n, m, p, p - least)[0] <= 0.92
    assert rates(n, m, p, p - least / 2)[0] < 0.5


def test_the_detectable_difference_does_not_depend_on_the_measured_value():
    assert against(0.9, 600, trials=678).detectable == against(0.9, 500, trials=678).detectable
    # By hand: (1.960 + .842) * .01, and the rounding.
    known = Comparison(Estimate(0.9), Estimate(0.95, 0.01, 0.01), "exact", rounding=0.001)
    assert known.detectable == pytest.approx(0.02902, abs=1e-5)
    assert against(0.5, 2, 4, trials=4).detectable is None


def test_welch_on_simulated_runs_differs_in_about_5_percent():
    rng, found = np.random.default_rng(0), []
    for _ in range(600):
        theirs, ours = rng.normal(0.9, 0.01, 5), rng.normal(0.9, 0.02, 5)
        published = PublishedScore(theirs.mean(), std=theirs.std(ddof=1), runs=5)
        found.append(compare(published, ours, run_interval(ours), n=100).p_value < 0.05)
    assert 0.03 <= np.mean(found) <= 0.07


def test_images_of_subjects_have_the_design_effect_in_the_published_error():
    """By hand: a standard error of .04 over subjects is twice that of 225 images at .9, and 225 / 4 is 56."""
    half = stats.norm.ppf(0.975) * 0.04
    interval = Interval(0.9 - half, 0.9 + half, 0.95, "bootstrap", "subjects", 40, n_resamples=2000)
    found = compare(PublishedScore(0.9, trials=225, images=450), [0.9], interval, n=450)
    assert found.basis == "grouped" and found.published.trials == pytest.approx(225 / 4, rel=0.03)
    over_images = compare(PublishedScore(0.9, trials=225), [0.9], replace(interval, unit="images"), n=225)
    assert over_images.basis == "binomial" and over_images.published.trials == 225


def test_true_replications_on_subjects_differ_in_about_5_percent():
    """Images of 40 subjects with an intraclass correlation of .2: 'outside' was said in 20 % of all cases."""
    rng, found, n = np.random.default_rng(0), [], 40 * 17
    for _ in range(800):
        theirs, ours = rng.binomial(17, rng.beta(0.9 * 4, 0.1 * 4, (2, 40))) / 17
        half = stats.norm.ppf(0.975) * ours.std(ddof=1) / math.sqrt(40)
        interval = Interval(ours.mean() - half, ours.mean() + half, 0.95, "bootstrap", "subjects", 40)
        published = PublishedScore(theirs.mean(), trials=n, images=n)
        compared = compare(published, [ours.mean()], interval, n=n)
        found.append((compared.p_value < 0.05, theirs.mean() not in interval))
    differs, outside = np.mean(found, axis=0)
    assert 0.03 <= differs <= 0.08 and outside > 0.15


def test_holm_by_hand():
    """.01 < .05 / 4 and .012 < .05 / 3; .03 isn't below .05 / 2, and ends it."""
    assert holm([0.012, 0.03, 0.01, 0.04]) == [True, False, True, False]
    assert holm([0.04]) == [True] and holm([]) == [] and holm([1.0, 0.03]) == [False, False]


@pytest.mark.parametrize(
    ("measured", "interval", "reasons", "expected"),
    [
        (0.9, INTERVAL, {}, ""),
        (0.9, INTERVAL, {"not_comparable": "not comparable: smoke"}, "not comparable: smoke"),
        (None, None, {}, "not measured: no such trial"),
        (None, None, {"not_measured": "no such data"}, "not measured: no such data"),
        (None, None, {"not_measured": "a", "not_comparable": "b"}, "not measured: a"),
        (math.nan, INTERVAL, {}, "undefined"),
        (0.9, UNDEFINED, {}, "not comparable: no interval: too few subjects"),
        (0.9, None, {}, "not comparable: no interval"),
    ],
)
def test_why_there_is_no_verdict(measured, interval, reasons, expected):
    assert why_no_verdict(0.9, measured, interval, **reasons) == expected
    if not expected:
        assert why_no_verdict(None, measured, interval) == "not published"


def test_mean_and_standard_deviation_by_hand():
    assert mean_and_std([0.9, 0.8, 0.85]) == (pytest.approx(0.85), pytest.approx(0.05))
    assert mean_and_std([0.9]) == (0.9, None)


@pytest.mark.parametrize("values", [[0.5, 0.5], [1.0] * 5, [0.1 + 0.2, 0.3], np.zeros(3)])
def test_equal_values_have_no_std(values):
    """Two folds that happen to be equal would otherwise be shown as '± 0.00'."""
    mean, std = mean_and_std(values)
    assert mean == pytest.approx(np.mean(values)) and std is None
    assert mean_and_std([*values, 0.31])[1] > 0
