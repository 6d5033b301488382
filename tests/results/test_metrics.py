import math
from types import SimpleNamespace

import numpy as np
import pytest

from leukcnn import spec
from leukcnn.errors import ArgumentError
from leukcnn.results.metrics import (
    MATRIX_METRICS,
    METRICS,
    PROPORTIONS,
    confusion_matrix,
    kappa,
    kappa_word,
    metric_by_name,
)


def scores_of(labels, predicted, *, n_classes: int = 2, positive: int = 1) -> dict[str, float]:
    """Every metric of the predictions' confusion matrix."""
    matrix = confusion_matrix(labels, predicted, n_classes=n_classes)
    return {name: float(metric(matrix, positive=positive)) for name, metric in MATRIX_METRICS.items()}


def binary_scores(labels, predicted, *, positive: int = 1) -> SimpleNamespace:
    return SimpleNamespace(**scores_of(labels, predicted, positive=positive))


SEVERAL = (
    "accuracy",
    "macro_precision",
    "macro_recall",
    "macro_f1",
    "weighted_precision",
    "weighted_recall",
    "weighted_f1",
    "kappa",
)


def multiclass_scores(labels, predicted, *, n_classes: int) -> dict[str, float]:
    scores = scores_of(labels, predicted, n_classes=n_classes)
    return {name: scores[name] for name in SEVERAL}


def cells(tp: int, tn: int, *, positives: int = 339, negatives: int = 339) -> tuple[np.ndarray, np.ndarray]:
    """Labels and predictions with the given numbers of true positives and true negatives."""
    labels = np.repeat([1, 0], [positives, negatives])
    predicted = np.repeat([1, 0, 0, 1], [tp, positives - tp, tn, negatives - tn])
    return labels, predicted


def test_confusion_matrix_by_hand():
    matrix = confusion_matrix([0, 0, 1, 2, 2, 2], [0, 1, 1, 2, 0, 2], n_classes=3)
    np.testing.assert_array_equal(matrix, [[1, 1, 0], [0, 1, 0], [1, 0, 2]])
    assert matrix.dtype == np.int64


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


def test_weighted_f1_by_hand():
    # Malignant: 2*319 / (350 + 339), healthy: 2*308 / (328 + 339), each weighing one half.
    expected = (638 / 689 + 616 / 667) / 2
    assert binary_scores(*cells(319, 308)).weighted_f1 == pytest.approx(expected, abs=1e-12)


def test_scores_of_several_classes_by_hand():
    # Rows HBS, ALL, AML. Precisions 6/8, 3/4, 1; recalls 6/7, 3/3, 1/3.
    labels, predicted = [0] * 7 + [1] * 3 + [2] * 3, [0] * 6 + [1] + [1] * 3 + [2, 0, 0]
    scores = multiclass_scores(labels, predicted, n_classes=3)
    assert scores["macro_precision"] == pytest.approx((3 / 4 + 3 / 4 + 1) / 3)
    assert scores["weighted_precision"] == pytest.approx((7 * 3 / 4 + 3 * 3 / 4 + 3 * 1) / 13)
    assert scores["macro_recall"] == pytest.approx((6 / 7 + 1 + 1 / 3) / 3)
    assert scores["weighted_recall"] == scores["accuracy"] == pytest.approx(10 / 13)
    # Observed 10/13; expected (7 * 8 + 3 * 4 + 3 * 1) / 169 = 71/169; kappa (130 - 71) / (169 - 71).
    assert scores["kappa"] == pytest.approx(59 / 98)


def test_weighted_specificity_by_hand():
    # 56 of 64 positives and 7 of 57 negatives: leuknet_lodocv, Table IX, the row of Vogado et al.
    labels, predicted = cells(56, 7, positives=64, negatives=57)
    scores = scores_of(labels, predicted)
    assert scores["weighted_specificity"] == pytest.approx((57 * 56 / 64 + 64 * 7 / 57) / 121)
    assert scores["weighted_specificity"] == pytest.approx(0.4771, abs=5e-5)
    assert scores["specificity"] == pytest.approx(7 / 57)


def test_weighted_specificity_is_undefined_without_negatives():
    one_class = METRICS["weighted_specificity"](np.array([[[9, 1], [0, 0]], [[9, 1], [1, 9]]]))
    assert one_class == pytest.approx([np.nan, 0.9], nan_ok=True)


def test_kappa_that_a_published_accuracy_implies():
    # Alert Net's 95.94 % are 2317 of 2415 images, 1058 HBS + 794 ALL + 563 AML. If each class is predicted as
    # often as it occurs, .35437 is expected: (.95942 - .35437) / .64563 = .937; .9317 is printed.
    matrix = np.array([[1025, 17, 16], [17, 761, 16], [16, 16, 531]])
    assert matrix.sum(axis=1).tolist() == matrix.sum(axis=0).tolist() == [1058, 794, 563]
    assert np.trace(matrix) == 2317
    assert float(kappa(matrix)) == pytest.approx(0.93715, abs=1e-5)


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ([[5, 0], [0, 5]], 1),
        ([[0, 5], [5, 0]], -1),
        ([[4, 0], [6, 0]], 0),  # one class is predicted for all
        ([[10, 0], [0, 0]], math.nan),  # one class, and no other is predicted
        ([[0, 0], [0, 0]], math.nan),
        ([[0, 10], [0, 0]], 0),
    ],
)
def test_kappa_at_its_limits(matrix, expected):
    assert float(kappa(np.array(matrix))) == pytest.approx(expected, nan_ok=True)


def test_majority_vote_has_the_recall_of_chance_and_no_kappa():
    scores = multiclass_scores([0] * 5 + [1] * 3 + [2] * 2, [0] * 10, n_classes=3)
    assert (scores["accuracy"], scores["macro_recall"], scores["kappa"]) == (0.5, pytest.approx(1 / 3), 0)
    # Only class 0 is predicted, and half of its predictions are correct.
    assert scores["macro_precision"] == pytest.approx(0.5 / 3)
    assert scores["weighted_precision"] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("value", "landis_koch", "alertnet"),
    [
        (-0.01, "poor", "Bad"),
        (0.0, "slight", "Bad"),
        (0.2, "slight", "Bad"),
        (0.21, "fair", "Fair"),
        (0.4, "fair", "Fair"),
        (0.41, "moderate", "Good"),
        (0.6, "moderate", "Good"),
        (0.61, "substantial", "Very Good"),
        (0.8, "substantial", "Very Good"),
        (0.81, "almost perfect", "Excellent"),
        (1.0, "almost perfect", "Excellent"),
        (math.nan, "undefined", "undefined"),
    ],
)
def test_kappa_in_words(value, landis_koch, alertnet):
    assert (kappa_word(value), kappa_word(value, scale="alertnet")) == (landis_koch, alertnet)


def test_values_outside_the_range_of_kappa_and_unknown_scales_are_refused():
    for value in (1.01, -1.01, 93.17):
        with pytest.raises(ArgumentError, match="-1 to 1"):
            kappa_word(value)
    with pytest.raises(ArgumentError, match="landis_koch, alertnet"):
        kappa_word(0.5, scale="fleiss")


def test_without_predicted_positives_only_precision_is_undefined():
    scores = binary_scores([1, 1, 0], [0, 0, 0])
    assert np.isnan(scores.precision)
    assert (scores.sensitivity, scores.specificity, scores.f1) == (0, 1, 0)
    # Healthy: 2*1 / (3 + 1), weighing one third; malignant: 0.
    assert scores.weighted_f1 == pytest.approx(0.5 / 3)


def test_a_class_that_does_not_occur():
    scores = binary_scores([0, 0], [0, 0])
    assert np.isnan([scores.precision, scores.sensitivity, scores.f1]).all()
    assert (scores.accuracy, scores.specificity, scores.weighted_f1) == (1, 1, 1)


def test_without_images_every_score_is_undefined():
    assert np.isnan([*scores_of([], []).values(), *scores_of([], [], n_classes=3).values()]).all()


def test_proportions_are_the_metrics_of_the_same_name():
    matrix = np.array([[308, 31], [20, 319]])
    counts = {name: tuple(map(int, split(matrix, positive=1))) for name, split in PROPORTIONS.items()}
    assert counts == {
        "accuracy": (627, 678),
        "weighted_recall": (627, 678),
        "error_rate": (51, 678),
        "precision": (319, 350),
        "sensitivity": (319, 339),
        "recall": (319, 339),
        "specificity": (308, 339),
    }


def test_unknown_metric_is_refused():
    with pytest.raises(ArgumentError, match="no metric 'F1'"):
        metric_by_name("F1")


def test_every_metric_of_the_specification_is_implemented():
    assert set(METRICS) == set(spec.METRICS)
    for name, metric in MATRIX_METRICS.items():
        matrix = np.array([[5, 1, 2], [0, 4, 1], [1, 1, 3]])
        values = [float(metric(matrix, positive=k)) for k in range(3)]
        assert (len(set(values)) > 1) == spec.METRICS[name].of_class
