import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from leukcnn.errors import ArgumentError
from leukcnn.results.intervals import (
    corrected_variance,
    fold_interval,
    run_interval,
    scale_of,
    t_bounds,
    wilson_interval,
)
from leukcnn.results.resampling import Bootstrap, interval_for


def test_wilson_by_hand():
    # 8 of 10 with z = 1.959964: centre (.8 + z2/20) / (1 + z2/10), half z sqrt(.016 + z2/400) / (1 + z2/10).
    interval = wilson_interval(8, 10)
    assert (interval.low, interval.high) == pytest.approx((0.490162, 0.943318), abs=1e-6)
    assert (interval.method, interval.unit, interval.n_units) == ("wilson", "images", 10)


@pytest.mark.parametrize(("successes", "n"), [(0, 5), (5, 5), (1, 1), (319, 350), (627, 678)])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_wilson_solves_its_own_equation(successes, n, confidence):
    # The bounds are the proportions p at which |k/n - p| is z standard errors of p.
    interval, z = wilson_interval(successes, n, confidence=confidence), stats.norm.ppf((1 + confidence) / 2)
    for bound in (interval.low, interval.high):
        assert (successes / n - bound) ** 2 == pytest.approx(z**2 * bound * (1 - bound) / n, abs=1e-12)
    assert successes / n in interval


def test_wilson_without_trials_is_undefined():
    interval = wilson_interval(0, 0)
    assert not interval.defined
    assert 0.5 not in interval
    assert interval.describe() == "no interval: there are no images"


@pytest.mark.parametrize(("successes", "n"), [(3, 2), (-1, 2)])
def test_wilson_refuses_impossible_counts(successes, n):
    with pytest.raises(ArgumentError, match="0 <= successes <= n"):
        wilson_interval(successes, n)


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_impossible_confidence_is_refused(confidence):
    with pytest.raises(ArgumentError, match="confidence"):
        wilson_interval(1, 2, confidence=confidence)
    with pytest.raises(ArgumentError, match="confidence"):
        interval_for("f1", [0, 1], [0, 1], bootstrap=Bootstrap(confidence=confidence))


def test_t_bounds_by_hand():
    # Logit of .9 is 2.197225, the slope there 1 / (.9 * .1); t(.975; 4) = 2.776445.
    low, high = t_bounds(0.9, 0.02, 4)
    half = 2.776445 * 0.02 / 0.09
    expected = [1 / (1 + math.exp(-(2.197225 + sign * half))) for sign in (-1, 1)]
    assert (low, high) == pytest.approx(expected, abs=1e-6)
    # A loss: 2 times or divided by exp(2.776445 * .1 / 2).
    loss = t_bounds(2.0, 0.1, 4, limits=(0, math.inf))
    assert loss == pytest.approx((2 * math.exp(-0.13882225), 2 * math.exp(0.13882225)), abs=1e-6)
    # Without limits it is Student's.
    plain = t_bounds(0.9, 0.02, 4, limits=(-math.inf, math.inf))
    assert plain == pytest.approx((0.9 - 2.776445 * 0.02, 0.9 + 2.776445 * 0.02), abs=1e-7)
    assert [scale_of(one) for one in ((0, 1), (0, math.inf), (-math.inf, math.inf))] == ["logit", "log", ""]


def test_kappa_has_fishers_scale():
    low, high = t_bounds(0.6, 0.1, 9, limits=(-1, 1))
    half = stats.t.ppf(0.975, 9) * 0.1 / (1 - 0.6**2)
    assert (low, high) == pytest.approx(np.tanh(np.arctanh(0.6) + np.array([-half, half])))


@given(
    value=st.floats(0, 1),
    error=st.floats(1e-6, 10),
    freedom=st.floats(0.2, 100),
    n=st.integers(1, 1000),
    limits=st.sampled_from([(0, 1), (-1, 1), (0, 2), (0, math.inf)]),
)
def test_t_bounds_stay_within_the_limits_around_the_value(value, error, freedom, n, limits):
    low, high = t_bounds(value, error, freedom, limits=limits, n=n)
    assert limits[0] <= low <= value <= high <= limits[1]
    assert low < high
    if limits == (0, 1):
        mirrored = t_bounds(1 - value, error, freedom, n=n)
        assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((low, high), abs=1e-9)


def test_a_value_at_the_limit_has_one_bound_there():
    # (n + .5) / (n + 1) of 9 is .95.
    low, high = t_bounds(1.0, 0.01, 8, n=9)
    half = stats.t.ppf(0.975, 8) * 0.01 / (0.95 * 0.05)
    assert (low, high) == (pytest.approx(special.expit(special.logit(0.95) - half)), 1)
    assert t_bounds(0.0, 0.01, 8, n=9) == pytest.approx((0, 1 - low))


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_value_beyond_the_limits_is_refused(value):
    with pytest.raises(ArgumentError, match="0 to 1"):
        t_bounds(value, 0.1, 4)


def test_run_interval_by_hand():
    # Mean .5, std .1, t(.975; 2) = 4.302653; on the logit scale 4.302653 * .1 / sqrt(3) / .25.
    interval = run_interval([0.4, 0.5, 0.6])
    high = 1 / (1 + math.exp(-4.302653 * 0.1 / math.sqrt(3) / 0.25))
    assert (interval.low, interval.high) == pytest.approx((1 - high, high), abs=1e-6)
    assert (interval.method, interval.unit, interval.n_units) == ("t", "runs", 3)
    assert (interval.std_error, interval.degrees_of_freedom) == (pytest.approx(0.1 / math.sqrt(3)), 2)
    assert interval.describe() == "95 % Student's t interval of the mean on the logit scale over 3 runs"


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_the_true_mean_is_in_the_interval_of_runs_as_often_as_its_confidence(confidence):
    rng = np.random.default_rng(0)
    for mean, std in ((0.7, 0.02), (0.97, 0.008)):
        runs = rng.normal(mean, std, (1000, 5))
        hits = [mean in run_interval(run, confidence=confidence) for run in runs]
        assert np.mean(hits) == pytest.approx(confidence, abs=0.03)


def test_the_interval_of_many_runs_is_that_of_their_mean():
    interval = run_interval(np.tile([0.68, 0.72], 500))
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * 0.02 / math.sqrt(1000), rel=0.01)


def test_run_and_fold_intervals_stay_inside_0_and_1():
    for values in ([0.5, 0.99], [1.0, 1.0, 0.99], [0.0, 0.001, 0.0], [1.0, 0.0]):
        for interval in (run_interval(values), fold_interval(values, test_train_ratio=1 / 4)):
            assert 0 <= interval.low < np.mean(values) < interval.high <= 1
    near = run_interval([1.0, 1.0, 0.99, 1.0, 1.0])
    assert 0.9 < near.low < near.high < 1


@pytest.mark.parametrize(("n", "which"), [(2, "both"), (3, "all 3"), (5, "all 5")])
def test_equal_values_say_nothing_about_the_spread(n, which):
    # An interval of width 0 would exclude every published value.
    for value in (0.75, 0.0, 1.0, 0.1 + 0.2):
        of_runs = run_interval([value] * n)
        of_folds = fold_interval([value] * n, test_train_ratio=1 / 4)
        assert of_runs.describe() == f"no interval: the value is the same in {which} runs"
        assert of_folds.describe() == f"no interval: the value is the same in {which} folds"
        assert value not in of_runs and value not in of_folds
    assert not run_interval([0.1 + 0.2] + [0.3] * (n - 1)).defined
    assert run_interval([0.3001] + [0.3] * (n - 1)).defined


def test_a_run_without_a_value_gives_no_interval():
    interval = run_interval([0.5, float("nan"), 0.6])
    assert interval.describe() == "no interval: undefined in some runs"
    assert 0.55 not in interval


@pytest.mark.parametrize("values", [[], [0.9]])
def test_one_run_has_no_spread(values):
    with pytest.raises(ArgumentError, match=f"{len(values)} runs"):
        run_interval(values)


def test_fold_interval_by_hand():
    # Mean .94, std sqrt(.0010 / 4), t(.975; 4) = 2.776445, factor sqrt(1/5 + 1/4), slope 1 / (.94 * .06).
    interval = fold_interval([0.92, 0.93, 0.94, 0.95, 0.96], test_train_ratio=1 / 4)
    half = 2.776445 * 0.0158113883 * 0.6708203932 / (0.94 * 0.06)
    center = math.log(0.94 / 0.06)
    expected = [1 / (1 + math.exp(-(center + sign * half))) for sign in (-1, 1)]
    assert (interval.low, interval.high) == pytest.approx(expected, abs=1e-7)
    assert (interval.method, interval.unit, interval.n_units) == ("corrected", "folds", 5)
    assert interval.std_error == pytest.approx(0.0158113883 * 0.6708203932)
    described = "95 % corrected resampled t interval of the mean on the logit scale over 5 folds"
    assert interval.describe() == described


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_fold_interval_without_overlap_and_limits_would_be_students(confidence):
    values = np.random.default_rng(0).normal(0.9, 0.03, 12)
    low, high = stats.t.interval(confidence, 11, loc=values.mean(), scale=stats.sem(values))
    options = {"test_train_ratio": 1e-12, "confidence": confidence, "limits": (-math.inf, math.inf)}
    interval = fold_interval(values, **options)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-9)


def test_more_runs_of_the_same_folds_narrow_the_interval_only_to_a_limit():
    values = np.array([0.8, 0.9] * 500)
    interval = fold_interval(values, test_train_ratio=1 / 4)
    assert interval.high - interval.low == pytest.approx(2 * 1.9623 * 0.05 * np.sqrt(0.251), rel=1e-2)


def test_a_loss_has_no_upper_limit():
    values = [2.0, 2.2, 2.1, 1.9, 2.3]
    loss = fold_interval(values, test_train_ratio=1 / 4, limits=(0, math.inf))
    assert 1 < loss.low < 2.1 < loss.high
    assert loss.scale == "log"
    with pytest.raises(ArgumentError, match="0 to 1"):
        fold_interval(values, test_train_ratio=1 / 4)


def test_a_fold_without_a_value_gives_no_interval():
    interval = fold_interval([0.5, float("nan"), 0.6], test_train_ratio=1 / 4)
    assert interval.describe() == "no interval: undefined in some folds"
    assert np.isnan(interval.low)


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([0.9], {"test_train_ratio": 0.25}, "1 folds"),
        ([0.9, 0.8], {"test_train_ratio": 0}, "test_train_ratio = 0"),
        ([0.9, 0.8], {"test_train_ratio": float("nan")}, "test_train_ratio = nan"),
        ([0.9, 0.8], {"test_train_ratio": 0.25, "confidence": 95}, "confidence"),
    ],
)
def test_impossible_folds_are_refused(values, options, message):
    with pytest.raises(ArgumentError, match=message):
        fold_interval(values, **options)


def test_corrected_variance_by_hand():
    # std^2 = .02 / 2, times 1/3 + 1/2.
    assert corrected_variance(np.array([0.8, 0.9, 1.0]), test_train_ratio=1 / 2) == pytest.approx(
        0.01 * 5 / 6
    )
