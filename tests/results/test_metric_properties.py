"""Metrics and intervals over random labels: what scikit-learn computes, and what must hold for any input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from leukcnn import spec
from leukcnn.results import probabilities
from leukcnn.results.intervals import wilson_interval
from leukcnn.results.metrics import MATRIX_METRICS, balanced_matrix, confusion_matrix

OF_ALL_CLASSES = [name for name in MATRIX_METRICS if not spec.METRICS[name].of_class]


@st.composite
def true_and_predicted(draw, most_classes=5):
    """Returns a number of classes, true labels and predicted labels; some classes may be absent."""
    n_classes = draw(st.integers(2, most_classes))
    labels = st.integers(0, n_classes - 1)
    pairs = draw(st.lists(st.tuples(labels, labels), min_size=1, max_size=40))
    true, predicted = np.array(pairs).T
    return n_classes, true, predicted


@given(true_and_predicted())
def test_rows_and_columns_of_a_matrix_count_true_and_predicted_labels(case):
    n_classes, true, predicted = case
    matrix = confusion_matrix(true, predicted, n_classes=n_classes)
    np.testing.assert_array_equal(matrix.sum(axis=1), np.bincount(true, minlength=n_classes))
    np.testing.assert_array_equal(matrix.sum(axis=0), np.bincount(predicted, minlength=n_classes))
    of_sklearn = sklearn_metrics.confusion_matrix(true, predicted, labels=range(n_classes))
    np.testing.assert_array_equal(matrix, of_sklearn)


@given(true_and_predicted(), st.integers(0, 4))
def test_a_metric_is_undefined_or_within_its_limits(case, positive):
    n_classes, true, predicted = case
    matrix = confusion_matrix(true, predicted, n_classes=n_classes)
    for name, metric in MATRIX_METRICS.items():
        value, (low, high) = metric(matrix, positive=positive % n_classes), spec.METRICS[name].limits
        assert np.isnan(value) or low <= value <= high, name


@given(true_and_predicted())
def test_a_stack_of_matrices_gives_the_value_of_each(case):
    n_classes, true, predicted = case
    one = confusion_matrix(true, predicted, n_classes=n_classes)
    other = confusion_matrix(predicted, true, n_classes=n_classes)
    stack = np.stack([[one, other], [other, other], [one, one]])
    for name, metric in MATRIX_METRICS.items():
        a, b = metric(one), metric(other)
        np.testing.assert_array_equal(metric(stack), [[a, b], [b, b], [a, a]], err_msg=name)


@given(true_and_predicted(), st.randoms(use_true_random=False))
def test_the_order_of_classes_changes_no_metric_of_all_classes(case, random):
    n_classes, true, predicted = case
    order = list(range(n_classes))
    random.shuffle(order)
    order = np.array(order)
    matrix = confusion_matrix(true, predicted, n_classes=n_classes)
    renamed = confusion_matrix(order[true], order[predicted], n_classes=n_classes)
    for name in OF_ALL_CLASSES:
        metric = MATRIX_METRICS[name]
        np.testing.assert_allclose(metric(renamed), metric(matrix), rtol=1e-12, err_msg=name)


@given(true_and_predicted())
def test_averages_over_the_classes_are_those_of_scikit_learn(case):
    n_classes, true, predicted = case
    expected = {"accuracy": sklearn_metrics.accuracy_score(true, predicted)}
    for average in ("macro", "weighted"):
        # In a mean, the precision of a class that is never predicted is 0, and the recall of an absent one.
        options = {"average": average, "zero_division": 0}
        precision, recall, f1, _ = sklearn_metrics.precision_recall_fscore_support(true, predicted, **options)
        expected |= {f"{average}_precision": precision, f"{average}_recall": recall, f"{average}_f1": f1}
    if len({*true, *predicted}) > 1:
        expected["kappa"] = sklearn_metrics.cohen_kappa_score(true, predicted)
    matrix = confusion_matrix(true, predicted, n_classes=n_classes)
    assert {name: float(MATRIX_METRICS[name](matrix)) for name in expected} == pytest.approx(expected)
    assert MATRIX_METRICS["error_rate"](matrix) == pytest.approx(1 - expected["accuracy"])


@given(true_and_predicted(), st.integers(0, 2**31))
def test_macro_auroc_is_the_mean_of_scikit_learn_s_over_the_classes_that_occur(case, seed):
    n_classes, true, _ = case
    scores = np.random.default_rng(seed).dirichlet(np.ones(n_classes), len(true)).round(2)
    found = probabilities.PROBABILITY_METRICS["macro_auroc"](true, scores)
    if len(set(true)) < 2:
        assert np.isnan(found)
        return
    each = [sklearn_metrics.roc_auc_score(true == k, scores[:, k]) for k in set(true)]
    assert found == pytest.approx(np.mean(each), abs=1e-12)


@given(true_and_predicted())
def test_a_balanced_matrix_has_equal_classes_and_the_same_recalls(case):
    n_classes, true, predicted = case
    matrix = confusion_matrix(true, predicted, n_classes=n_classes)
    balanced, sizes = balanced_matrix(matrix), matrix.sum(axis=1)
    np.testing.assert_allclose(balanced.sum(axis=1), np.where(sizes > 0, sizes[sizes > 0].min(), 0))
    for k in range(n_classes):
        recall = MATRIX_METRICS["recall"]
        np.testing.assert_allclose(recall(balanced, positive=k), recall(matrix, positive=k))
    weights = probabilities.balanced_weights(true, np.ones(len(true)))
    options = {"labels": range(n_classes), "sample_weight": weights}
    with_weights = sklearn_metrics.confusion_matrix(true, predicted, **options)
    np.testing.assert_allclose(balanced, with_weights)


@given(true_and_predicted(), st.integers(0, 4))
def test_metrics_of_one_class_are_those_of_scikit_learn(case, positive):
    n_classes, true, predicted = case
    positive %= n_classes
    true_positive, predicted_positive = true == positive, predicted == positive
    # A ratio of no images is undefined.
    options = {"average": "binary", "zero_division": np.nan}
    precision, recall, f1, _ = sklearn_metrics.precision_recall_fscore_support(
        true_positive, predicted_positive, **options
    )
    specificity = sklearn_metrics.recall_score(~true_positive, ~predicted_positive, zero_division=np.nan)
    expected = {"precision": precision, "sensitivity": recall, "specificity": specificity, "f1": f1}
    matrix = confusion_matrix(true, predicted, n_classes=n_classes)
    found = {name: float(MATRIX_METRICS[name](matrix, positive=positive)) for name in expected}
    assert found == pytest.approx(expected, nan_ok=True)


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=2, max_size=60),
    st.sampled_from([np.sqrt, np.square, lambda p: (1 + p) / 2]),
)
def test_auroc_depends_on_the_order_of_the_scores_alone(pairs, grow):
    labels = np.array([int(label) for label, _ in pairs])
    scores = np.array([score for _, score in pairs]) / 20
    binary = [np.stack([1 - p, p], axis=1) for p in (scores, grow(scores))]
    values = [float(probabilities.auroc(labels, p, positive=1)) for p in binary]
    if len(set(labels)) < 2:
        assert np.isnan(values).all()
    else:
        assert values[0] == pytest.approx(sklearn_metrics.roc_auc_score(labels, scores), abs=1e-12)
        assert values[1] == pytest.approx(values[0], abs=1e-12)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_s_interval_contains_the_fraction_and_mirrors_that_of_the_failures(case):
    successes, n = case
    interval, mirrored = wilson_interval(successes, n), wilson_interval(n - successes, n)
    assert 0 <= interval.low <= successes / n <= interval.high <= 1
    assert (interval.low, interval.high) == pytest.approx((1 - mirrored.high, 1 - mirrored.low), abs=1e-12)
