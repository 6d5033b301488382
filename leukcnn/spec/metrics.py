"""The metrics that tables can show, and what a table of metrics is made of, by the names in papers."""

import math
from collections.abc import Mapping
from typing import NamedTuple


class MetricName(NamedTuple):
    """What tables say of a metric; `leukcnn.results.metrics` works it out.

    Attributes:
        title: What tables call it.
        percent: Whether it is a share, which is shown and printed in percent.
        limits: Lowest and highest value.
        of_class: Whether it is of one class, the paper's positive one unless a table names the classes.
    """

    title: str
    percent: bool = True
    limits: tuple[float, float] = (0, 1)
    of_class: bool = False


METRICS: Mapping[str, MetricName] = {
    "accuracy": MetricName("Accuracy"),
    "error_rate": MetricName("Wrong answers"),
    "precision": MetricName("Precision", of_class=True),
    "sensitivity": MetricName("Sensitivity", of_class=True),
    "recall": MetricName("Recall", of_class=True),
    "specificity": MetricName("Specificity", of_class=True),
    "f1": MetricName("F1-score", of_class=True),
    "kappa": MetricName("Kappa", percent=False, limits=(-1, 1)),
    "weighted_f1": MetricName("Weighted F1-score"),
    "macro_precision": MetricName("Precision, macro"),
    "macro_recall": MetricName("Recall, macro"),
    "macro_f1": MetricName("F1-score, macro"),
    "weighted_precision": MetricName("Precision, weighted"),
    "weighted_recall": MetricName("Recall, weighted"),
    "auroc": MetricName("AUROC", percent=False, of_class=True),
    "macro_auroc": MetricName("AUROC, macro", percent=False),
    "average_precision": MetricName("Average precision", percent=False, of_class=True),
    "macro_average_precision": MetricName("Average precision, macro", percent=False),
    "sensitivity_at_95_specificity": MetricName("Sensitivity at 95 % specificity", of_class=True),
    "log_loss": MetricName("Loss", percent=False, limits=(0, math.inf)),
    "brier_score": MetricName("Brier score", percent=False, limits=(0, 2)),
    "calibration_error": MetricName("Calibration error", percent=False),
}
"""Every metric: those of a confusion matrix, then those of probabilities."""

SIZES: Mapping[str, str] = {"parameters": "Parameters", "file_mb": "File"}
"""What tables can show of the networks themselves, in a line of its own."""

AVERAGED = ("precision", "recall", "f1")
"""Metrics of one class that stand for their weighted and macro averages where no class is positive."""

AXES = ("row", "dataset", "subset", "split", "mask", "class")
SUBSETS = ("test", "balanced", "external", "within", "final")
DEFAULT_SHOW = ("metric", "published", "measured", "interval", "difference", "verdict")
SHOW = (
    *DEFAULT_SHOW,
    *("state", "weighted", "images", "cells", "support", "classes", "change"),
    *("test", "less_test", "balanced", "less_balanced"),
)
VALUES_AS = ("mean", "percent", "hundredths")
OVER = ("auto", "runs", "folds")
KAPPA_WORDS = ("", "alertnet")
