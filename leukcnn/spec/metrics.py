"""The metrics that tables can show, and the names for the axes, columns and formats of such tables."""

import math
from collections.abc import Mapping
from typing import NamedTuple


class MetricName(NamedTuple):
    """How tables show a metric; `leukcnn.results.metrics` computes it.

    Attributes:
        title: What tables call it.
        percent: Whether it is a fraction that papers and tables print in percent.
        limits: Lowest and highest possible value.
        of_class: Whether it describes a single class: the paper's positive class, or each class in a table
            with the axis "class".
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
    "weighted_specificity": MetricName("Specificity, weighted"),
    "auroc": MetricName("AUROC", percent=False, of_class=True),
    "macro_auroc": MetricName("AUROC, macro", percent=False),
    "average_precision": MetricName("Average precision", percent=False, of_class=True),
    "macro_average_precision": MetricName("Average precision, macro", percent=False),
    "sensitivity_at_95_specificity": MetricName("Sensitivity at 95 % specificity", of_class=True),
    "macro_sensitivity_at_95_specificity": MetricName("Sensitivity at 95 % specificity, macro"),
    "log_loss": MetricName("Loss", percent=False, limits=(0, math.inf)),
    "brier_score": MetricName("Brier score", percent=False, limits=(0, 2)),
    "calibration_error": MetricName("Calibration error", percent=False),
}
"""Every metric: those of a confusion matrix, then those of probabilities."""

SIZES: Mapping[str, str] = {"parameters": "Parameters", "file_mb": "File"}
"""Sizes of the networks, which tables show in a line of their own."""

AVERAGED = ("precision", "recall", "f1")
"""Metrics of one class. Papers without a positive class show their weighted and macro averages instead."""

RANKING = ("auroc", "average_precision", "sensitivity_at_95_specificity")
"""Metrics of the ranking by one class's probability. Papers without a positive class show macro averages."""

CALIBRATION = ("log_loss", "brier_score", "calibration_error")
"""Metrics of the probabilities themselves, which support vector machines don't have."""

AXES = ("row", "dataset", "subset", "split", "mask", "class")
SUBSETS = ("test", "balanced", "external", "within", "final")
DEFAULT_SHOW = ("metric", "published", "measured", "interval", "difference", "verdict")
SHOW = (
    *DEFAULT_SHOW,
    *("state", "weighted", "images", "cells", "support", "classes", "change"),
    *("test", "less_test", "balanced", "less_balanced"),
)
VALUES_AS = ("mean", "percent", "hundredths")
SHAPES = ("section", "label", "columns")
"""Where a table prints an axis: as titles of sections, in each row, or as groups of columns."""
OVER = ("auto", "runs", "folds")
KAPPA_WORDS = ("", "alertnet")
MARGIN = 2.0
"""Points within which a published and a measured value agree, unless another margin is given. For metrics
that aren't in percent, it is a hundredth of that in their own unit: .02."""
