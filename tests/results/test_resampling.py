import time

import numpy as np
import pytest

from leukcnn.errors import ArgumentError
from leukcnn.results.intervals import wilson_interval
from leukcnn.results.metrics import MATRIX_METRICS, METRICS, PROPORTIONS, confusion_matrix
from leukcnn.results.probabilities import PROBABILITY_METRICS
from leukcnn.results.resampling import Bootstrap, effective_number, interval_for, jackknife_interval
from leukcnn.spec.metrics import METRICS as METRIC_NAMES


def clustered(n_subjects: int = 20, n_each: int = 30, seed: int = 0):
    """Predictions with another accuracy for each subject, from one half to one."""
    rng = np.random.default_rng(seed)
    groups = np.repeat([f"S{k}" for k in range(n_subjects)], n_each)
    labels = np.repeat(np.arange(n_subjects) % 2, n_each)
    hit = rng.random(len(labels)) < np.repeat(rng.uniform(0.5, 1, n_subjects), n_each)
    return labels, np.where(hit, labels, 1 - labels), groups


def test_an_interval_depends_on_seed_and_images_and_not_on_their_order():
    labels, predicted, groups = clustered()
    order = np.random.default_rng(5).permutation(len(labels))
    for of in (None, groups):
        first = interval_for("f1", labels, predicted, of, bootstrap=Bootstrap(seed=3))
        shuffled = None if of is None else groups[order]
        again = interval_for("f1", labels[order], predicted[order], shuffled, bootstrap=Bootstrap(seed=3))
        assert again == first
    other = interval_for("f1", labels, predicted, bootstrap=Bootstrap(seed=4))
    assert other != interval_for("f1", labels, predicted, bootstrap=Bootstrap(seed=3))


def test_jackknife_by_hand():
    # Subjects with 3 of 4, 2 of 4 and 4 of 4 right: 9 of 12, without each 6, 7 and 5 of 8.
    labels = [1] * 12
    predicted = [1, 1, 1, 0, 1, 1, 0, 0, 1, 1, 1, 1]
    interval = interval_for("accuracy", labels, predicted, np.repeat(["a", "b", "c"], 4))
    error = np.sqrt(2 / 3 * (0 + 0.125**2 + 0.125**2))
    half = 4.302653 * error / (0.75 * 0.25)
    expected = [1 / (1 + np.exp(-(np.log(3) + sign * half))) for sign in (-1, 1)]
    assert (interval.low, interval.high) == pytest.approx(expected, abs=1e-6)
    assert interval.std_error == pytest.approx(error)
    assert (interval.method, interval.unit, interval.n_units) == ("jackknife", "subjects", 3)
    assert interval.describe() == "95 % jackknife t interval on the logit scale over 3 subjects"


@pytest.mark.parametrize("metric", ["f1", "auroc"])
def test_many_groups_are_left_out_in_turn(metric, monkeypatch):
    labels, predicted, groups = clustered()
    outputs = np.stack([1 - predicted * 0.75, predicted * 0.75], axis=1)
    given = predicted if metric == "f1" else outputs
    expected = interval_for(metric, labels, given, groups)
    # Seven rows of weights at once, of 21.
    monkeypatch.setattr("leukcnn.results.resampling._AT_ONCE", 7 * 20)
    assert interval_for(metric, labels, given, groups) == expected


def test_a_subject_with_most_of_the_images_leaves_few_degrees_of_freedom():
    assert effective_number([5, 5, 5, 5]) == pytest.approx(4)
    # (100 + 4 * 5)^2 / (100^2 + 4 * 5^2).
    assert effective_number([100, 5, 5, 5, 5]) == pytest.approx(14_400 / 10_100)
    without = [0.8, 0.9, 0.85, 0.84, 0.86]
    even, uneven = (jackknife_interval(0.85, without, n) for n in ([24] * 5, [100, 5, 5, 5, 5]))
    assert (even.degrees_of_freedom, uneven.degrees_of_freedom) == pytest.approx((4, 4_300 / 10_100))
    assert uneven.low < even.low < 0.85 < even.high < uneven.high


@pytest.mark.parametrize(("without", "sizes"), [([0.5], [3]), ([0.5, 0.6], [3]), ([0.5, 0.6], [3, 0])])
def test_a_jackknife_needs_two_groups_of_images(without, sizes):
    with pytest.raises(ArgumentError):
        jackknife_interval(0.5, without, sizes)


def test_every_metric_is_within_its_jackknife_interval():
    labels, predicted, groups = clustered(n_subjects=6)
    rng = np.random.default_rng(1)
    scores = np.clip(0.5 + 0.3 * (2 * predicted - 1) + 0.1 * rng.normal(size=len(labels)), 0, 1)
    probabilities = np.stack([1 - scores, scores], axis=1)
    for name, metric in METRICS.items():
        scored = name in PROBABILITY_METRICS
        interval = interval_for(name, labels, probabilities if scored else predicted, groups)
        matrix = confusion_matrix(labels, predicted, n_classes=2)
        value = metric(labels, probabilities) if scored else metric(matrix)
        low, high = METRIC_NAMES[name].limits
        assert low <= interval.low < value < interval.high <= high, name
        assert interval.method == "jackknife"


def test_subjects_that_differ_widen_the_interval():
    labels, predicted, groups = clustered()
    by_subject = interval_for("accuracy", labels, predicted, groups)
    by_image = interval_for("accuracy", labels, predicted)
    assert by_subject.high - by_subject.low > 1.5 * (by_image.high - by_image.low)


def test_subjects_with_one_image_each_give_the_interval_over_images():
    labels, predicted, _ = clustered()
    names = np.arange(len(labels)).astype(str)
    single = interval_for("f1", labels, predicted, names)
    images = interval_for("f1", labels, predicted, bootstrap=Bootstrap(n_resamples=10_000))
    assert (single.low, single.high) == pytest.approx((images.low, images.high), abs=0.004)


def test_more_than_1000_groups_are_resampled():
    labels, predicted, _ = clustered(n_subjects=41)
    names = np.arange(len(labels)).astype(str)
    assert interval_for("f1", labels, predicted, names).method == "bootstrap"
    assert interval_for("f1", labels[:1000], predicted[:1000], names[:1000]).method == "jackknife"


def test_more_confidence_gives_a_wider_interval():
    labels, predicted, groups = clustered()
    narrow, wide = (
        interval_for("f1", labels, predicted, groups, bootstrap=Bootstrap(confidence=c)) for c in (0.8, 0.99)
    )
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize("n_subjects", [5, 10, 20])
def test_an_interval_over_few_subjects_covers_the_truth_as_often_as_its_confidence(n_subjects):
    # The subjects' accuracies are uniform from .5 to 1: the true accuracy is .75.
    samples = [clustered(n_subjects, seed=seed) for seed in range(300)]
    covered = [0.75 in interval_for("accuracy", *sample) for sample in samples]
    assert 0.92 <= np.mean(covered) <= 0.98


def test_method_by_metric_and_subjects():
    labels, predicted, groups = clustered()
    methods = {
        name: tuple(interval_for(name, labels, predicted, g).method for g in (None, groups))
        for name in MATRIX_METRICS
    }
    proportion, other = ("wilson", "jackknife"), ("bootstrap", "jackknife")
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


def test_only_subjects_with_positives_count_for_sensitivity():
    labels, groups = [1, 1, 1, 1, 1, 1, 0, 0], ["a", "a", "b", "b", "c", "c", "d", "e"]
    interval = interval_for("sensitivity", labels, [1, 0, 1, 1, 0, 1, 0, 0], groups)
    assert (interval.n_units, interval.degrees_of_freedom) == (3, pytest.approx(2))
    assert interval == interval_for("sensitivity", labels[:6], [1, 0, 1, 1, 0, 1], groups[:6])
    one = interval_for("sensitivity", [1, 1, 0, 0], [1, 0, 0, 0], ["a", "a", "b", "c"])
    assert one.describe() == "no interval: there are fewer than 2 subjects"


def test_resamples_without_a_class_are_left_out_and_counted():
    # One of four images is malignant: .75^4 of the resamples have none.
    options = {"bootstrap": Bootstrap(n_resamples=4000)}
    interval = interval_for("macro_f1", [1, 0, 0, 0], [1, 1, 0, 0], **options)
    assert interval.n_undefined == pytest.approx(4000 * (0.75**4 + 0.25**4), rel=0.1)
    assert f"{interval.n_undefined} of them left out" in interval.describe()


def test_a_metric_undefined_without_a_subject_has_no_interval():
    labels, groups = [1] + [0] * 9, [str(k) for k in range(10)]
    assert interval_for("precision", labels, [0] * 10, groups).reason == "there are fewer than 2 subjects"
    interval = interval_for("macro_recall", labels, [1] + [0, 1, 0] * 3, groups)
    assert interval.describe() == "no interval: undefined without one of 1 of the 10 subjects"


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
    assert interval.reason == "the value is the same without any of the 2 subjects"
    interval = interval_for("f1", [0, 1, 0, 1], [0, 1, 0, 1])
    assert interval.reason == "every resample of the 4 images gives the same value"


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


def test_test_set_of_the_paper_takes_well_under_a_second():
    labels, predicted, groups = clustered(n_subjects=73, n_each=15)
    start = time.perf_counter()
    for name in MATRIX_METRICS:
        interval_for(name, labels, predicted, groups)
    assert time.perf_counter() - start < 1


def test_balanced_metrics_weigh_classes_the_same_with_and_without_groups():
    labels, predicted, groups = clustered(n_subjects=9)
    scores = np.where(predicted == 1, 0.7, 0.3) + np.arange(len(labels)) / 10_000
    probabilities = np.stack([1 - scores, scores], axis=1)
    settings = Bootstrap(balanced=True)
    matrix = confusion_matrix(labels, predicted, n_classes=2)
    for of in (None, groups):
        interval = interval_for("accuracy", labels, predicted, of, bootstrap=settings)
        assert METRICS["macro_recall"](matrix) in interval
        plain = interval_for("macro_recall", labels, predicted, of)
        assert (interval.low, interval.high) == pytest.approx((plain.low, plain.high))
        for name in ("sensitivity", "specificity"):
            plain = interval_for(name, labels, predicted, of)
            assert interval_for(name, labels, predicted, of, bootstrap=settings) == plain
        auroc = interval_for("auroc", labels, probabilities, of, bootstrap=settings)
        plain = interval_for("auroc", labels, probabilities, of)
        assert (auroc.low, auroc.high) == pytest.approx((plain.low, plain.high))
