import dataclasses

import numpy as np
import pytest
from sklearn import metrics as sk

from leukcnn.errors import ArgumentError
from leukcnn.evaluation.metrics import (
    METRICS,
    PROPORTIONS,
    BinaryScores,
    accuracy_per_group,
    binary_scores,
    confusion_matrix,
    metric_by_name,
)


def cells(tp: int, tn: int, *, positives: int = 339, negatives: int = 339) -> tuple[np.ndarray, np.ndarray]:
    """Labels and predictions of a test set with so many true positives and true negatives."""
    labels = np.repeat([1, 0], [positives, negatives])
    predicted = np.repeat([1, 0, 0, 1], [tp, positives - tp, tn, negatives - tn])
    return labels, predicted


def test_confusion_matrix_by_hand():
    matrix = confusion_matrix([0, 0, 1, 2, 2, 2], [0, 1, 1, 2, 0, 2], n_classes=3)
    np.testing.assert_array_equal(matrix, [[1, 1, 0], [0, 1, 0], [1, 0, 2]])
    assert matrix.dtype == np.int64


def test_confusion_matrix_keeps_classes_that_do_not_occur():
    np.testing.assert_array_equal(confusion_matrix([1], [1], n_classes=3), np.diag([0, 1, 0]))
    np.testing.assert_array_equal(confusion_matrix([], [], n_classes=2), np.zeros((2, 2)))


# The paper's Table 2 on a balanced test set of 339 + 339 cells; its specificity of VGG19 (86.68) is a slip.
# Its F1-score of Xception, 90.76, follows from the rounded precision and sensitivity; the counts give 90.75.
@pytest.mark.parametrize(
    ("tp", "tn", "accuracy", "precision", "sensitivity", "specificity", "f1"),
    [
        (319, 308, 92.48, 91.14, 94.10, 90.86, 92.60),
        (317, 304, 91.59, 90.06, 93.51, 89.68, 91.75),
        (319, 294, 90.41, 87.64, 94.10, 86.73, 90.75),
    ],
    ids=["VGG16", "VGG19", "Xception"],
)
def test_published_rows_follow_from_their_counts(tp, tn, accuracy, precision, sensitivity, specificity, f1):
    scores = binary_scores(*cells(tp, tn))
    measured = [scores.accuracy, scores.precision, scores.sensitivity, scores.specificity, scores.f1]
    assert [round(100 * value, 2) for value in measured] == [
        accuracy,
        precision,
        sensitivity,
        specificity,
        f1,
    ]
    assert (scores.tp, scores.tn, scores.fp, scores.fn) == (tp, tn, 339 - tn, 339 - tp)


def test_weighted_f1_by_hand():
    # Malignant: 2*319 / (350 + 339), healthy: 2*308 / (328 + 339), each weighing one half.
    expected = (638 / 689 + 616 / 667) / 2
    assert binary_scores(*cells(319, 308)).weighted_f1 == pytest.approx(expected, abs=1e-12)


def test_other_positive_class_swaps_the_roles():
    labels, predicted = cells(319, 308)
    malignant, healthy = (binary_scores(labels, predicted, positive=k) for k in (1, 0))
    assert healthy.sensitivity == malignant.specificity
    assert (healthy.tp, healthy.fp) == (malignant.tn, malignant.fn)
    assert healthy.weighted_f1 == malignant.weighted_f1


def test_scores_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 200)
    predicted = np.where(rng.random(200) < 0.6, labels, rng.integers(0, 3, 200))
    matrix = confusion_matrix(labels, predicted, n_classes=3)
    np.testing.assert_array_equal(matrix, sk.confusion_matrix(labels, predicted))
    one = {"labels": [2], "average": None}
    expected = {
        "accuracy": sk.accuracy_score(labels, predicted),
        "precision": sk.precision_score(labels, predicted, **one)[0],
        "sensitivity": sk.recall_score(labels, predicted, **one)[0],
        "specificity": sk.recall_score(labels != 2, predicted != 2),
        "f1": sk.f1_score(labels, predicted, **one)[0],
        "weighted_f1": sk.f1_score(labels, predicted, average="weighted"),
    }
    assert {name: float(metric(matrix, positive=2)) for name, metric in METRICS.items()} == pytest.approx(
        expected
    )


def test_no_predicted_positive_leaves_precision_alone_undefined():
    scores = binary_scores([1, 1, 0], [0, 0, 0])
    assert np.isnan(scores.precision)
    assert (scores.sensitivity, scores.specificity, scores.f1) == (0, 1, 0)
    # Healthy: 2*1 / (3 + 1), weighing one third; malignant: 0.
    assert scores.weighted_f1 == pytest.approx(0.5 / 3)


def test_a_class_that_does_not_occur():
    scores = binary_scores([0, 0], [0, 0])
    assert np.isnan([scores.precision, scores.sensitivity, scores.f1]).all()
    assert (scores.accuracy, scores.specificity, scores.weighted_f1) == (1, 1, 1)


def test_without_pictures_every_score_is_undefined():
    scores = dataclasses.asdict(binary_scores([], []))
    assert all(np.isnan(scores[name]) for name in METRICS)


def test_stack_of_matrices_gives_each_its_value():
    stack = np.random.default_rng(1).integers(0, 9, (4, 5, 2, 2))
    for metric in METRICS.values():
        values = metric(stack)
        assert values.shape == (4, 5)
        assert values[2, 3] == pytest.approx(float(metric(stack[2, 3])), nan_ok=True)


def test_proportions_are_the_metrics_of_the_same_name():
    matrix = np.array([[308, 31], [20, 319]])
    counts = {name: tuple(map(int, split(matrix, positive=1))) for name, split in PROPORTIONS.items()}
    assert counts == {
        "accuracy": (627, 678),
        "precision": (319, 350),
        "sensitivity": (319, 339),
        "specificity": (308, 339),
    }


def test_names_of_metrics_are_the_fields_of_the_scores():
    fields = [field.name for field in dataclasses.fields(BinaryScores)]
    assert fields[: len(METRICS)] == list(METRICS)
    assert metric_by_name("f1") is METRICS["f1"]
    with pytest.raises(ArgumentError, match="no metric 'F1'"):
        metric_by_name("F1")


@pytest.mark.parametrize(
    ("labels", "predicted", "message"),
    [
        ([0, 1], [0], "2 labels and 1 predictions"),
        ([0, -1], [0, 1], "run from -1 to 0"),
        ([0, 1], [0, 2], "run from 0 to 2"),
        ([0, 1], [0.2, 0.8], "float64"),
        ([0, 1], [[0, 1], [1, 0]], r"shape \(2, 2\)"),
    ],
)
def test_what_is_no_class_is_refused(labels, predicted, message):
    with pytest.raises(ArgumentError, match=message):
        binary_scores(labels, predicted)


def test_impossible_classes_are_refused():
    with pytest.raises(ArgumentError, match="at least 2 classes"):
        confusion_matrix([0], [0], n_classes=1)
    with pytest.raises(ArgumentError, match="positive class is 2"):
        binary_scores([0], [0], positive=2)


def test_accuracy_per_group_in_natural_order():
    rows = accuracy_per_group([1, 1, 0, 1, 0, 1], [1, 0, 0, 1, 1, 1], ["10", "10", "H2", "2", "H2", "10"])
    assert [(row.group, row.n, row.correct) for row in rows] == [("2", 1, 1), ("10", 3, 2), ("H2", 2, 1)]
    assert [row.accuracy for row in rows] == [1, 2 / 3, 1 / 2]


def test_accuracy_per_group_without_pictures_is_empty():
    assert accuracy_per_group([], [], []) == []


def test_accuracy_per_group_needs_one_group_a_picture():
    with pytest.raises(ArgumentError, match="beside 2 labels"):
        accuracy_per_group([0, 1], [0, 1], ["1"])
