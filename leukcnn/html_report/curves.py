"""ROC curve, precision-recall curve and reliability of a row's predictions, with their intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from leukcnn.results.intervals import wilson_interval
from leukcnn.results.probabilities import (
    N_BINS,
    auroc,
    average_precision,
    calibration_error,
    cumulated,
)
from leukcnn.seeding import generator
from leukcnn.spec.splits import IMAGES
from leukcnn.trial_files import Predictions

N_RESAMPLES = 200
"""Number of resamples of a band."""

_GRID = np.linspace(0, 1, 101)
_FEW_UNITS = 20
MACRO = "Mean over classes"


class Curve(NamedTuple):
    """A curve with its area and its band.

    Attributes:
        label: The class that counts as positive, or `MACRO`.
        x: (N,) false-positive rate, or recall.
        y: (N,) true-positive rate, or precision.
        area: Area under the ROC curve, or average precision.
        grid: (101,) x of the band.
        low: (101,) lower edge of the band; NaN where it is undefined.
        high: (101,) upper edge.
    """

    label: str
    x: np.ndarray
    y: np.ndarray
    area: float
    grid: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Curves:
    """Both curves of a row, the mean over classes first if there are more than two.

    Attributes:
        roc: ROC curves.
        recall: Precision-recall curves.
        method: How the bands are made.
        prevalence: Fraction of positive images; 0 if there is no single positive class.
    """

    roc: list[Curve]
    recall: list[Curve]
    method: str
    prevalence: float


def curves_of(
    predictions: Predictions, *, positive: int, unit: str, n_resamples: int = N_RESAMPLES
) -> Curves | None:
    """Returns the curves of one run's predictions, one against the rest if there are more than two classes.

    The bands are pointwise 95 % percentile bootstraps over the units of the intervals elsewhere.

    Args:
        predictions: Predictions of labelled images.
        positive: Position of the positive class of two.
        unit: What is resampled, as `leukcnn.results.measure.unit_of` returns it; images if a group is
            unknown.
        n_resamples: Number of resamples of the bands; 0 for curves without bands.

    Returns:
        The curves; None if no class has both positive and other images.
    """
    labels, names = predictions.label, predictions.class_names
    wanted = [positive] if len(names) == 2 else [*range(len(names))]
    classes = [k for k in wanted if 0 < np.count_nonzero(labels == k) < len(labels)]
    if not classes:
        return None
    unit = IMAGES if (predictions.group == "").any() else unit
    weights, n_units = _resampled(predictions, unit, n_resamples)
    # A resample counts for all classes or for none, so that their curves can be averaged.
    of_class = [weights[:, labels == k].sum(axis=1) for k in classes]
    weights = weights[np.all([(n > 0) & (n < weights.sum(axis=1)) for n in of_class], axis=0)]
    pairs = [_of_class(predictions, k, weights) for k in classes]
    roc, recall = ([one[kind] for one in pairs] for kind in (0, 1))
    if len(classes) > 1:
        roc, recall = ([_mean(several), *several] for several in (roc, recall))
    method = f"Band: pointwise 95 % percentile bootstrap over {n_units:,} {unit}, {len(weights)} resamples"
    if n_units < _FEW_UNITS:
        method += "; over so few it is too narrow"
    prevalence = float(np.mean(labels == classes[0])) if len(names) == 2 else 0.0
    return Curves([one.curve for one in roc], [one.curve for one in recall], method, prevalence)


def _resampled(predictions: Predictions, unit: str, n_resamples: int) -> tuple[np.ndarray, int]:
    """Returns (R, N) how often each image is in each resample, and the number of units."""
    names = predictions.image if unit == IMAGES else predictions.group
    units, member = np.unique(names, return_inverse=True)
    n = len(units)
    counts = generator(0, "bands of curves").multinomial(n, np.full(n, 1 / n), size=n_resamples)
    return counts[:, member], n


class _Sampled(NamedTuple):
    """A curve, its values on the grid (101,), and those of the resamples (R, 101)."""

    curve: Curve
    on_grid: np.ndarray
    sampled: np.ndarray


def _of_class(predictions: Predictions, k: int, weights: np.ndarray) -> tuple[_Sampled, _Sampled]:
    """Returns the ROC and the precision-recall curve of a class."""
    labels, probabilities = predictions.label, predictions.probabilities
    every = np.concatenate([np.ones((1, len(labels))), weights])
    counted = [*zip(*cumulated(labels, probabilities, every, positive=k), strict=True)]
    # Where a curve rises vertically, `interp` returns the upper end, which the curve reaches there.
    rates = np.array([np.interp(_GRID, a / a[-1], h / h[-1]) for h, a in counted])
    precisions = np.array([_precision_at(_GRID, h, a) for h, a in counted])
    hits, alarms = counted[0]
    x, y = alarms / alarms[-1], hits / hits[-1]
    precision = hits[1:] / (hits[1:] + alarms[1:])
    # The curve starts at recall 0 with the precision of the highest threshold.
    precision = np.append(precision[:1], precision)
    areas = [float(area(labels, probabilities, positive=k)) for area in (auroc, average_precision)]
    label = predictions.class_names[k]
    return (
        _sampled(label, (x, y), areas[0], rates),
        _sampled(label, (y, precision), areas[1], precisions),
    )


def _precision_at(recall: np.ndarray, hits: np.ndarray, alarms: np.ndarray) -> np.ndarray:
    """Returns the precision at the highest threshold with at least some recall."""
    first = np.clip(np.searchsorted(hits, recall * hits[-1] - 1e-9), 1, len(hits) - 1)
    total = hits[first] + alarms[first]
    return np.divide(hits[first], total, out=np.ones(len(first)), where=total > 0)


def _sampled(label: str, points: tuple[np.ndarray, np.ndarray], area: float, on_grid: np.ndarray) -> _Sampled:
    first, others = on_grid[0], on_grid[1:]
    edges = np.full((2, len(_GRID)), np.nan)
    if len(others):
        edges = np.percentile(others, [2.5, 97.5], axis=0)
    return _Sampled(Curve(label, *points, area, _GRID, *edges), first, others)


def _mean(several: Sequence[_Sampled]) -> _Sampled:
    """Returns the mean of the classes' curves."""
    first = np.mean([one.on_grid for one in several], axis=0)
    others = np.mean([one.sampled for one in several], axis=0)
    area = float(np.mean([one.curve.area for one in several]))
    return _sampled(MACRO, (_GRID, first), area, np.concatenate([first[None], others]))


class Bin(NamedTuple):
    """Images whose highest probability is in a bin.

    Attributes:
        low: Lower edge, not included.
        high: Upper edge.
        n: Number of images.
        confidence: Mean of the highest probabilities.
        accuracy: Fraction of right answers.
        interval: Wilson's 95 % interval of the accuracy.
    """

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float
    interval: tuple[float, float]


def reliability(predictions: Predictions) -> tuple[list[Bin], float]:
    """Returns the bins of the calibration error that hold images, and that error."""
    top, right = predictions.probabilities.max(axis=1), predictions.predicted == predictions.label
    member = np.clip(np.ceil(top * N_BINS - 1e-9).astype(int) - 1, 0, N_BINS - 1)
    bins = []
    for number in np.unique(member).tolist():
        own = member == number
        n, hits = int(own.sum()), int(right[own].sum())
        interval = wilson_interval(hits, n)
        bounds = interval.low, interval.high
        bins.append(Bin(number / N_BINS, (number + 1) / N_BINS, n, float(top[own].mean()), hits / n, bounds))
    return bins, float(calibration_error(predictions.label, predictions.probabilities))
