import math
import time

import keras
import numpy as np
import pytest
from sklearn import metrics as sk

from leukcnn.errors import ArgumentError
from leukcnn.results.intervals import Bootstrap, interval_for
from leukcnn.results.probabilities import (
    PROBABILITY_METRICS,
    auroc,
    average_precision,
    brier_score,
    calibration_error,
    log_loss,
    macro,
    sensitivity_at_specificity,
)


def binary(*of_positive: float) -> np.ndarray:
    """Probabilities of two classes from those of the second."""
    positive = np.array(of_positive)
    return np.stack([1 - positive, positive], axis=1)


def sampled(n: int = 300, *, n_classes: int = 3, seed: int = 0, decimals: int = 1):
    """Labels, and probabilities that are correlated with them and have many ties."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_classes, n)
    scores = rng.random((n, n_classes)) + 0.5 * np.eye(n_classes)[labels]
    return labels, np.round(scores / scores.sum(axis=1, keepdims=True), decimals)


def test_auroc_by_hand():
    # The positive image has the higher probability in four of six pairs, the same in one, the lower in one.
    assert auroc([1, 1, 0, 0, 0], binary(0.9, 0.4, 0.4, 0.7, 0.1)) == pytest.approx(4.5 / 6)
    assert auroc([0, 0, 1, 1, 1], binary(0.9, 0.4, 0.4, 0.7, 0.1)) == pytest.approx(1.5 / 6)
    assert auroc([0, 1], binary(0.5, 0.5)) == 0.5
    assert auroc([0, 1], binary(0.2, 0.8)) == 1


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("positive", [0, 2])
def test_ranking_agrees_with_scikit_learn(weighted, positive):
    labels, probabilities = sampled()
    weights = np.random.default_rng(1).integers(0, 4, len(labels)) if weighted else None
    truth, score = labels == positive, probabilities[:, positive]
    options = {"positive": positive}
    expected = sk.roc_auc_score(truth, score, sample_weight=weights)
    assert auroc(labels, probabilities, weights, **options) == pytest.approx(expected)
    expected = sk.average_precision_score(truth, score, sample_weight=weights)
    assert average_precision(labels, probabilities, weights, **options) == pytest.approx(expected)
    alarms, hits, _ = sk.roc_curve(truth, score, sample_weight=weights, drop_intermediate=False)
    for specificity in (0.5, 0.8, 0.95):
        expected = hits[alarms <= 1 - specificity + 1e-9].max()
        found = sensitivity_at_specificity(
            labels, probabilities, weights, positive=positive, specificity=specificity
        )
        assert found == pytest.approx(expected)


def test_macro_averages_agree_with_scikit_learn():
    labels, probabilities = sampled(decimals=9)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    expected = sk.roc_auc_score(labels, probabilities, multi_class="ovr", average="macro")
    assert macro(auroc, labels, probabilities) == pytest.approx(expected)
    expected = sk.average_precision_score(np.eye(3)[labels], probabilities, average="macro")
    assert macro(average_precision, labels, probabilities) == pytest.approx(expected)


def test_macro_averages_are_over_the_classes_that_occur():
    labels, probabilities = sampled()
    labels[labels == 2] = 1
    expected = (auroc(labels, probabilities, positive=0) + auroc(labels, probabilities, positive=1)) / 2
    assert macro(auroc, labels, probabilities) == pytest.approx(expected)
    assert math.isnan(macro(auroc, np.zeros(3, dtype=int), np.full((3, 3), 1 / 3)))


def test_sensitivity_at_a_specificity_by_hand():
    # Above .6 are two of four positives and one of four negatives; above .8 one and none.
    labels = [1, 1, 1, 1, 0, 0, 0, 0]
    probabilities = binary(0.9, 0.7, 0.5, 0.3, 0.8, 0.4, 0.2, 0.1)
    for specificity, expected in ((1, 0.25), (0.8, 0.25), (0.75, 0.75), (0.5, 1), (0, 1)):
        assert sensitivity_at_specificity(labels, probabilities, specificity=specificity) == expected
    named = PROBABILITY_METRICS["sensitivity_at_95_specificity"]
    assert named(labels, probabilities, positive=1) == 0.25


def test_log_loss_by_hand():
    probabilities = [[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]]
    assert log_loss([0, 1], probabilities) == pytest.approx((math.log(2) - math.log(0.8)) / 2)
    assert log_loss([1], [[1.0, 0.0]]) == pytest.approx(-math.log(1e-7))
    assert log_loss([0], [[1.0, 0.0]]) == pytest.approx(1e-7, rel=1e-6)


def test_log_loss_is_the_loss_of_keras_and_scikit_learn():
    rng = np.random.default_rng(2)
    labels, probabilities = rng.integers(0, 3, 50), rng.dirichlet([2, 2, 2], 50)
    weights = rng.integers(0, 3, 50)
    expected = sk.log_loss(labels, probabilities, sample_weight=weights)
    assert log_loss(labels, probabilities, weights) == pytest.approx(expected)
    probabilities[0] = np.eye(3)[(labels[0] + 1) % 3]
    loss = keras.losses.CategoricalCrossentropy()(np.eye(3)[labels], probabilities)
    assert log_loss(labels, probabilities) == pytest.approx(float(loss), rel=1e-5)


def test_brier_score_of_two_classes_agrees_with_scikit_learn_and_of_more_adds_up():
    labels, probabilities = sampled(n_classes=2, decimals=4)
    positive = probabilities[:, 1].clip(0, 1)
    assert brier_score(labels, binary(*positive)) == pytest.approx(sk.brier_score_loss(labels, positive))
    # .25 + .0625 + .0625 and .01 + .04 + .01.
    found = brier_score([0, 1], [[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]])
    assert found == pytest.approx((0.375 + 0.06) / 2)


def test_calibration_error_by_hand():
    # One bin, .93 to 1: three of four right at a mean of .95. Another, .53 to .6: one of one at .55.
    labels = [1, 1, 1, 0, 1]
    probabilities = binary(0.95, 0.95, 0.95, 0.95, 0.55)
    assert calibration_error(labels, probabilities) == pytest.approx((4 * 0.2 + 0.45) / 5)
    assert calibration_error([0, 1], binary(0.0, 1.0)) == 0
    # Both are in (8/15, 9/15]: their differences cancel.
    assert calibration_error([1, 0], binary(0.6, 0.6)) == pytest.approx(0.1)


@pytest.mark.parametrize("name", PROBABILITY_METRICS)
def test_undefined_metrics_are_nan(name):
    metric = PROBABILITY_METRICS[name]
    assert math.isnan(metric([], np.empty((0, 2)), positive=1))
    alone = metric([0, 0], binary(0.2, 0.4), positive=1)
    needs_both = {"auroc", "average_precision", "macro_auroc"}
    assert math.isnan(alone) == (name in needs_both or "sensitivity" in name)


@pytest.mark.parametrize("name", PROBABILITY_METRICS)
def test_stacked_weights_are_repetitions_of_images(name):
    metric, (labels, probabilities) = PROBABILITY_METRICS[name], sampled(40)
    weights = np.random.default_rng(3).integers(0, 3, (5, 40))
    values = metric(labels, probabilities, weights, positive=1)
    assert values.shape == (5,)
    for of_one, value in zip(weights, values, strict=True):
        repeated = metric(np.repeat(labels, of_one), np.repeat(probabilities, of_one, axis=0), positive=1)
        assert value == pytest.approx(float(repeated), abs=1e-12)


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [
        ([0, 1], [[0.5, 0.5]], r"shape \(1, 2\) for 2 labels"),
        ([0, 1], [0.5, 0.5], r"shape \(2,\) for 2 labels"),
        ([2], [[0.5, 0.5]], "run from 2 to 2"),
        ([-1], [[0.5, 0.5]], "run from -1 to -1"),
    ],
)
def test_probabilities_that_fit_no_label_are_refused(labels, probabilities, message):
    with pytest.raises(ArgumentError, match=message):
        log_loss(labels, probabilities)


def test_weights_that_fit_no_label_are_refused():
    with pytest.raises(ArgumentError, match="weights"):
        log_loss([0, 1], binary(0.2, 0.8), [1, 1, 1])


@pytest.mark.parametrize("name", PROBABILITY_METRICS)
def test_intervals_contain_the_value_and_do_not_depend_on_the_order(name):
    labels, probabilities = sampled(120, n_classes=2, decimals=3)
    interval = interval_for(name, labels, probabilities)
    value = float(PROBABILITY_METRICS[name](labels, probabilities, positive=1))
    assert (interval.method, interval.unit, interval.n_units) == ("bootstrap", "images", 120)
    assert interval.low < interval.high
    if name != "calibration_error":  # Its resamples are less calibrated than the images themselves.
        assert value in interval
    order = np.random.default_rng(4).permutation(120)
    assert interval_for(name, labels[order], probabilities[order]) == interval


def test_whole_groups_are_resampled():
    labels, probabilities = sampled(120, n_classes=2, decimals=3)
    groups = np.array([f"g{i % 10}" for i in range(120)])
    interval = interval_for("auroc", labels, probabilities, groups)
    assert (interval.unit, interval.n_units) == ("subjects", 10)
    single = interval_for("auroc", labels, probabilities, np.arange(120).astype(str))
    images = interval_for("auroc", labels, probabilities)
    assert (single.low, single.high) == pytest.approx((images.low, images.high), abs=0.01)
    unknown = np.where(np.arange(120) == 3, "", groups)
    assert interval_for("auroc", labels, probabilities, unknown) == images


def test_the_bootstrap_of_auroc_agrees_with_scikit_learn_on_sampled_images():
    labels, probabilities = sampled(60, n_classes=2, decimals=2)
    rng = np.random.default_rng(5)
    values = []
    for _ in range(2000):
        chosen = rng.integers(0, 60, 60)
        values.append(sk.roc_auc_score(labels[chosen], probabilities[chosen, 1]))
    interval = interval_for("auroc", labels, probabilities)
    assert (interval.low, interval.high) == pytest.approx(np.quantile(values, [0.025, 0.975]), abs=0.02)


def test_resamples_of_one_class_are_left_out():
    interval = interval_for("auroc", [1, 0, 0], binary(0.6, 0.7, 0.2), bootstrap=Bootstrap(n_resamples=4000))
    # (2/3)^3 of them have no positive image, (1/3)^3 have no other.
    assert interval.n_undefined == pytest.approx(4000 * 9 / 27, rel=0.1)


def test_auroc_of_a_large_test_set_takes_seconds():
    labels, probabilities = sampled(3000, n_classes=2, decimals=6)
    start = time.perf_counter()
    interval_for("auroc", labels, probabilities)
    assert time.perf_counter() - start < 10
