"""Metrics and intervals over random labels: what scikit-learn computes, and what must hold for any input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from leukcnn.results import metrics, probabilities
from leukcnn.results.intervals import wilson_interval
from leukcnn.results.metrics import confusion_matrix, metric_by_name

OF_MATRIX = [
    *metrics.PROPORTIONS,
    "f1",
    "weighted_f1",
    "weighted_precision",
    "macro_precision",
    "macro_recall",
    "macro_f1",
    "kappa",
]
OF_ALL_CLASSES = [
    name for name in OF_MATRIX if name not in ("precision", "sensitivity", "recall", "specificity", "f1")
]


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
    for name in OF_MATRIX:
        value = metric_by_name(name)(matrix, positive=positive % n_classes)
        assert np.isnan(value) or (-1 if name == "kappa" else 0) <= value <= 1, name


@given(true_and_predicted())
def test_a_stack_of_matrices_gives_the_value_of_each(case):
    n_classes, true, predicted = case
    one = confusion_matrix(true, predicted, n_classes=n_classes)
    other = confusion_matrix(predicted, true, n_classes=n_classes)
    for name in OF_MATRIX:
        metric = metric_by_name(name)
        np.testing.assert_array_equal(
            metric(np.stack([one, other])), [metric(one), metric(other)], err_msg=name
        )


@given(true_and_predicted(), st.randoms(use_true_random=False))
def test_the_order_of_classes_changes_no_metric_of_all_classes(case, random):
    n_classes, true, predicted = case
    order = list(range(n_classes))
    random.shuffle(order)
    order = np.array(order)
    matrix = confusion_matrix(true, predicted, n_classes=n_classes)
    renamed = confusion_matrix(order[true], order[predicted], n_classes=n_classes)
    for name in OF_ALL_CLASSES:
        metric = metric_by_name(name)
        np.testing.assert_allclose(metric(renamed), metric(matrix), rtol=1e-12, err_msg=name)


@given(true_and_predicted())
def test_metrics_agree_with_scikit_learn_where_they_are_defined(case):
    n_classes, true, predicted = case
    matrix = confusion_matrix(true, predicted, n_classes=n_classes)
    assert metrics.accuracy(matrix) == pytest.approx(sklearn_metrics.accuracy_score(true, predicted))
    # scikit-learn averages over the classes that occur; with every class in both, nothing is undefined.
    if len(set(true)) == len(set(predicted)) == n_classes:
        for name, average in (("macro_f1", "macro"), ("weighted_f1", "weighted")):
            expected = sklearn_metrics.f1_score(true, predicted, average=average, zero_division=np.nan)
            value = float(metric_by_name(name)(matrix))
            assert np.isnan(value) or value == pytest.approx(expected), name
        kappa = sklearn_metrics.cohen_kappa_score(true, predicted)
        assert float(metrics.kappa(matrix)) == pytest.approx(kappa, abs=1e-12)


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
