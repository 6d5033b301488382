import time

import numpy as np
import pytest
from scipy import stats

from leukcnn.errors import ArgumentError
from leukcnn.results.intervals import (
    Bootstrap,
    corrected_variance,
    fold_interval,
    interval_for,
    run_interval,
    wilson_interval,
)
from leukcnn.results.metrics import MATRIX_METRICS, PROPORTIONS


def clustered(n_subjects: int = 20, n_each: int = 30, seed: int = 0):
    """Predictions with another accuracy for each subject, from one half to one."""
    rng = np.random.default_rng(seed)
    groups = np.repeat([f"S{k}" for k in range(n_subjects)], n_each)
    labels = np.repeat(np.arange(n_subjects) % 2, n_each)
    hit = rng.random(len(labels)) < np.repeat(rng.uniform(0.5, 1, n_subjects), n_each)
    return labels, np.where(hit, labels, 1 - labels), groups


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


def test_bootstrap_depends_on_its_seed_and_not_on_the_order_of_images():
    labels, predicted, groups = clustered()
    first = interval_for("f1", labels, predicted, groups, bootstrap=Bootstrap(seed=3))
    order = np.random.default_rng(5).permutation(len(labels))
    assert (
        interval_for("f1", labels[order], predicted[order], groups[order], bootstrap=Bootstrap(seed=3))
        == first
    )
    assert interval_for("f1", labels, predicted, groups, bootstrap=Bootstrap(seed=4)) != first


def test_bootstrap_over_subjects_agrees_with_sampling_them_one_by_one():
    labels, predicted, groups = clustered()
    interval = interval_for("accuracy", labels, predicted, groups, bootstrap=Bootstrap(n_resamples=20_000))
    hits = (labels == predicted).reshape(20, 30).mean(axis=1)
    sampled = np.random.default_rng(0).integers(0, 20, (20_000, 20))
    expected = np.quantile(hits[sampled].mean(axis=1), [0.025, 0.975])
    np.testing.assert_allclose([interval.low, interval.high], expected, atol=0.004)
    assert (interval.method, interval.unit, interval.n_units) == ("bootstrap", "subjects", 20)
    assert "over 20 subjects, 20000 resamples" in interval.describe()


def test_subjects_that_differ_widen_the_interval():
    labels, predicted, groups = clustered()
    by_subject = interval_for("accuracy", labels, predicted, groups)
    by_image = interval_for("accuracy", labels, predicted)
    assert by_subject.high - by_subject.low > 1.5 * (by_image.high - by_image.low)


def test_subjects_with_one_image_each_give_the_interval_over_images():
    labels, predicted, _ = clustered()
    names = np.arange(len(labels)).astype(str)
    single = interval_for("f1", labels, predicted, names, bootstrap=Bootstrap(n_resamples=10_000))
    images = interval_for("f1", labels, predicted, bootstrap=Bootstrap(n_resamples=10_000))
    assert (single.low, single.high) == pytest.approx((images.low, images.high), abs=0.003)


def test_more_confidence_gives_a_wider_interval():
    labels, predicted, groups = clustered()
    narrow, wide = (
        interval_for("f1", labels, predicted, groups, bootstrap=Bootstrap(confidence=c)) for c in (0.8, 0.99)
    )
    assert wide.low < narrow.low < narrow.high < wide.high


def test_bootstrap_covers_the_truth_about_as_often_as_its_confidence():
    # The subjects' accuracies are uniform from .5 to 1: the true accuracy is .75.
    covered = [
        0.75 in interval_for("accuracy", *clustered(seed=s), bootstrap=Bootstrap(n_resamples=500))
        for s in range(200)
    ]
    assert 0.87 <= np.mean(covered) <= 0.99


def test_method_by_metric_and_subjects():
    labels, predicted, groups = clustered()
    methods = {
        name: tuple(interval_for(name, labels, predicted, g).method for g in (None, groups))
        for name in MATRIX_METRICS
    }
    proportion, other = ("wilson", "bootstrap"), ("bootstrap", "bootstrap")
    expected = {name: proportion if name in PROPORTIONS else other for name in MATRIX_METRICS}
    assert methods == expected


def test_wilson_counts_the_trials_of_the_metric():
    labels, predicted = [1] * 10 + [0] * 30, [1] * 8 + [0] * 32
    assert interval_for("sensitivity", labels, predicted) == wilson_interval(8, 10)
    assert interval_for("specificity", labels, predicted) == wilson_interval(30, 30)
    assert interval_for("sensitivity", labels, predicted, positive=0) == wilson_interval(30, 30)


def test_unknown_subjects_give_the_interval_over_images():
    labels, predicted, groups = clustered()
    groups[3] = ""
    assert interval_for("accuracy", labels, predicted, groups) == interval_for("accuracy", labels, predicted)


def test_resamples_without_a_positive_subject_are_left_out_and_counted():
    # Each of four subjects has one class: 1 resample in 16 has no malignant subject.
    labels, groups = [1, 1, 1, 1, 0, 0], ["a", "a", "b", "b", "c", "d"]
    interval = interval_for(
        "sensitivity", labels, [1, 0, 1, 1, 0, 0], groups, bootstrap=Bootstrap(n_resamples=4000)
    )
    assert interval.n_undefined == pytest.approx(4000 / 16, rel=0.25)
    assert (interval.low, interval.high) == (0.5, 1)
    assert f"{interval.n_undefined} of them left out" in interval.describe()


def test_a_metric_undefined_on_most_resamples_has_no_interval():
    labels, groups = [1] + [0] * 9, [str(k) for k in range(10)]
    interval = interval_for("precision", labels, [0] * 10, groups)
    assert not interval.defined
    assert interval.describe() == "no interval: undefined on 2000 of 2000 resamples"


def test_one_subject_gives_no_interval():
    interval = interval_for("accuracy", [0, 1], [0, 0], ["a", "a"])
    assert interval.reason == "there are fewer than 2 subjects"
    assert np.isnan(interval.low)


def test_no_images_give_no_interval():
    for name in MATRIX_METRICS:
        assert not interval_for(name, [], []).defined
        assert not interval_for(name, [], [], []).defined


def test_perfect_proportion_counts_each_subject_once():
    labels, groups = [1] * 50 + [0] * 50, np.repeat(["a", "b", "c", "d"], 25)
    interval = interval_for("sensitivity", labels, labels, groups)
    assert interval == wilson_interval(2, 2, unit="subjects")
    wrong = [1 - label for label in labels]
    assert interval_for("accuracy", labels, wrong, groups) == wilson_interval(0, 4, unit="subjects")


def test_perfect_f1_has_no_interval():
    interval = interval_for("f1", [0, 1, 0, 1], [0, 1, 0, 1], ["a", "a", "b", "b"])
    assert interval.reason == "every resample of the 2 subjects gives the same value"


def test_several_classes():
    labels, predicted = np.tile([0, 1, 2], 40), np.tile([0, 1, 2, 2, 1, 0], 20)
    interval = interval_for("weighted_f1", labels, predicted, n_classes=3)
    matrix = np.array([[20, 0, 20], [0, 40, 0], [20, 0, 20]])
    assert MATRIX_METRICS["weighted_f1"](matrix) in interval
    interval = interval_for("kappa", labels, predicted, n_classes=3)
    # The observed agreement is two thirds, the expected one a third.
    assert 0.5 in interval
    assert 0.35 < interval.low < interval.high < 0.65


def test_kappa_of_a_network_worse_than_chance_keeps_its_sign():
    interval = interval_for("kappa", [0, 1] * 50, [1, 0] * 45 + [0, 1] * 5)
    assert -1 < interval.low < -0.8 < interval.high < 0


def test_bad_arguments_are_refused():
    with pytest.raises(ArgumentError, match="resamples is 0"):
        interval_for("f1", [0, 1], [0, 1], bootstrap=Bootstrap(n_resamples=0))
    with pytest.raises(ArgumentError, match="no metric 'loss'"):
        interval_for("loss", [0, 1], [0, 1])
    with pytest.raises(ArgumentError, match="for 2 labels"):
        interval_for("f1", [0, 1], [0, 1], ["a"])


def test_run_interval_by_hand():
    # Mean .5, std .1, t(.975; 2) = 4.302653: .5 -+ 4.302653 * .1 * sqrt(4 / 3).
    interval = run_interval([0.4, 0.5, 0.6])
    assert (interval.low, interval.high) == pytest.approx((0.0031724, 0.9968276), abs=1e-6)
    assert (interval.method, interval.unit, interval.n_units) == ("prediction", "runs", 3)
    assert interval.describe() == "95 % Student's t prediction interval over 3 runs"


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_next_run_is_in_the_interval_as_often_as_its_confidence(confidence):
    runs = np.random.default_rng(0).normal(0.7, 0.02, (2000, 6))
    hits = [run[5] in run_interval(run[:5], confidence=confidence) for run in runs]
    assert np.mean(hits) == pytest.approx(confidence, abs=0.03)


def test_interval_of_a_run_does_not_shrink_to_the_mean():
    values = np.tile([0.68, 0.72], 500)
    interval = run_interval(values)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * 0.02, rel=0.01)


def test_run_interval_stays_between_0_and_1():
    interval = run_interval([0.5, 0.99])
    assert (interval.low, interval.high) == (0, 1)


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
    # Mean .94, std sqrt(.0010 / 4), t(.975; 4) = 2.776445, factor sqrt(1/5 + 1/4).
    interval = fold_interval([0.92, 0.93, 0.94, 0.95, 0.96], test_train_ratio=1 / 4)
    half = 2.776445 * 0.0158113883 * 0.6708203932
    assert (interval.low, interval.high) == pytest.approx((0.94 - half, 0.94 + half), abs=1e-8)
    assert (interval.method, interval.unit, interval.n_units) == ("corrected", "folds", 5)
    assert interval.describe() == "95 % corrected resampled t interval over 5 folds"


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_fold_interval_without_overlap_would_be_students(confidence):
    values = np.random.default_rng(0).normal(0.9, 0.03, 12)
    low, high = stats.t.interval(confidence, 11, loc=values.mean(), scale=stats.sem(values))
    interval = fold_interval(values, test_train_ratio=1e-12, confidence=confidence)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-9)


def test_more_runs_of_the_same_folds_narrow_the_interval_only_to_a_limit():
    values = np.array([0.8, 0.9] * 500)
    interval = fold_interval(values, test_train_ratio=1 / 4)
    assert interval.high - interval.low == pytest.approx(2 * 1.9623 * 0.05 * np.sqrt(0.251), rel=1e-3)


def test_fold_interval_is_not_cut_off():
    interval = fold_interval([0.5, 0.99], test_train_ratio=1 / 4)
    assert interval.low < 0 < 1 < interval.high
    loss = fold_interval([2.0, 2.2, 2.1, 1.9, 2.3], test_train_ratio=1 / 4)
    assert 1 < loss.low < 2.1 < loss.high


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


def test_test_set_of_the_paper_takes_well_under_a_second():
    labels, predicted, groups = clustered(n_subjects=73, n_each=15)
    start = time.perf_counter()
    for name in MATRIX_METRICS:
        interval_for(name, labels, predicted, groups)
    assert time.perf_counter() - start < 1
