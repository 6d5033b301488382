"""Confidence intervals of the metrics of one run, over its images or over groups of images such as subjects.

The images of one subject resemble each other. An interval over images is therefore too narrow if a subject
has several images. If the subjects are known, the error of a metric comes from leaving out one subject at a
time (jackknife), and the interval is Student's on the logit scale. A bootstrap over few subjects covers the
truth too rarely: `experiments/coverage.py` compares them, `experiments/RESULTS.rst` has the table.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from leukcnn.errors import ArgumentError
from leukcnn.labels import check_classes
from leukcnn.results.groups import check_groups
from leukcnn.results.intervals import Interval, all_equal, check_confidence, wilson_interval, with_bounds
from leukcnn.results.metrics import PROPORTIONS, Metric, balanced_matrix, confusion_matrix, metric_by_name
from leukcnn.results.probabilities import PROBABILITY_METRICS, ProbabilityMetric, balanced_weights
from leukcnn.seeding import generator
from leukcnn.spec.metrics import METRICS

# Number of weights (resamples times images) that are processed at once, 16 MB.
_AT_ONCE = 2_000_000
# Metrics of the images of a class alone: other classes may have any number of images.
_OF_A_CLASS = {"sensitivity", "recall"}


class Bootstrap(NamedTuple):
    """Settings of an interval over resampled units.

    Attributes:
        seed: Root seed of a bootstrap; with the same seed, every metric gets the same resamples.
        n_resamples: Number of resamples of a bootstrap, at least 1.
        confidence: Nominal coverage, strictly between 0 and 1.
        unit: What a group is, in words.
        balanced: Whether every class has the same total weight, as in `balanced_matrix`.
        most_groups: Largest number of groups with a jackknife. With more, the bootstrap covers as well and
            is faster.
    """

    seed: int = 0
    n_resamples: int = 2000
    confidence: float = 0.95
    unit: str = "subjects"
    balanced: bool = False
    most_groups: int = 1000


_BOOTSTRAP = Bootstrap()


def interval_for(
    metric: str,
    labels: ArrayLike,
    predictions: ArrayLike,
    groups: Sequence[str] | np.ndarray | None = None,
    *,
    n_classes: int = 2,
    positive: int = 1,
    bootstrap: Bootstrap = _BOOTSTRAP,
) -> Interval:
    """Returns the interval of a metric with the method that suits the metric and the groups.

    - Without groups, proportions such as accuracy or sensitivity get Wilson's interval over images. Other
      metrics get the percentile bootstrap over images.
    - With groups, every metric gets the jackknife over groups (`jackknife_interval`); the groups of a
      proportion are those with a trial. If a proportion is 0 or 1 in all groups, it gets Wilson's interval
      with each group as one trial. More than `bootstrap.most_groups` groups are resampled.

    Args:
        metric: A key of `METRICS`.
        labels: (N,) integers from 0 to `n_classes` - 1, the true classes.
        predictions: (N,) predicted classes or, for metrics of probabilities, (N, n_classes) probabilities.
        groups: (N,) str, subject or other group of each image. If it is None, or "" for any image, the
            groups are unknown.
        n_classes: Number of classes.
        positive: Position of the positive class.
        bootstrap: Confidence, name of the groups, weights of the classes, and settings of the bootstrap.

    Raises:
        ArgumentError: There is no such metric, or an argument has another shape or range.
    """
    check_confidence(bootstrap.confidence)
    metric_by_name(metric)
    if groups is not None and "" in check_groups(groups, n=np.size(labels))[0]:
        groups = None
    # The weights of the classes don't matter to metrics of the images of one class.
    of_one_class = metric in _OF_A_CLASS or (metric == "specificity" and n_classes == 2)
    balanced = bootstrap.balanced and not of_one_class
    if metric in PROBABILITY_METRICS:
        sample = _scored(metric, labels, predictions, groups, positive=positive, balanced=balanced)
    else:
        sample = _counted(
            metric, labels, predictions, groups, n_classes=n_classes, positive=positive, balanced=balanced
        )
    if groups is None:
        if sample.trials is not None and not balanced:
            hits, trials = int(sample.hits.sum()), int(sample.trials.sum())
            return wilson_interval(hits, trials, confidence=bootstrap.confidence)
        interval = bootstrap_interval(sample.statistic, sample.fractions, sample.n, bootstrap=bootstrap)
    elif sample.n > bootstrap.most_groups:
        interval = bootstrap_interval(
            sample.statistic, sample.fractions, sample.n, unit=bootstrap.unit, bootstrap=bootstrap
        )
    else:
        interval = _over_groups(metric, sample, bootstrap)
    return _perfect(interval, sample, bootstrap.confidence) if not interval.defined else interval


class _Sample(NamedTuple):
    """The units of an interval, and a metric as a function of how often each sort of unit counts.

    Attributes:
        statistic: Takes (R, S) integers, how often each resample has each of S sorts; returns (R,) values.
        fractions: (S,) fraction of each sort among the units. Groups are one sort each.
        n: Number of units.
        sizes: (S,) number of images of each group, or of trials if the metric is a proportion.
        hits: (S,) successes of a proportion; empty for other metrics.
        trials: (S,) trials of a proportion; None for other metrics.
    """

    statistic: Callable[[np.ndarray], np.ndarray]
    fractions: np.ndarray
    n: int
    sizes: np.ndarray
    hits: np.ndarray
    trials: np.ndarray | None


def _counted(
    metric: str,
    labels: ArrayLike,
    predicted: ArrayLike,
    groups: Sequence[str] | np.ndarray | None,
    *,
    n_classes: int,
    positive: int,
    balanced: bool,
) -> _Sample:
    """Returns the sample of a metric of the confusion matrix."""
    matrices = _matrices(labels, predicted, groups, n_classes=n_classes)
    statistic: Metric = metric_by_name(metric)
    occurs = matrices.sum(axis=0).sum(axis=-1) > 0

    def of_resamples(counts: np.ndarray) -> np.ndarray:
        # The metric depends on the confusion matrix only: sampled images are sampled cells of the matrix.
        cells = counts if groups is None else counts @ matrices.reshape(len(matrices), -1)
        resampled = cells.reshape(-1, n_classes, n_classes)
        lost = ((resampled.sum(axis=-1) == 0) & occurs).any(axis=-1)
        values = statistic(balanced_matrix(resampled) if balanced else resampled, positive=positive)
        return np.where(lost, math.nan, values) if balanced or metric.startswith("macro_") else values

    expected = balanced_matrix(matrices) if balanced and groups is None else matrices
    hits, trials = (
        PROPORTIONS[metric](expected, positive=positive) if metric in PROPORTIONS else (np.empty(0), None)
    )
    if groups is not None:
        sizes = matrices.sum(axis=(1, 2)) if trials is None else trials
        return _Sample(of_resamples, _equal(len(matrices)), len(matrices), sizes, hits, trials)
    n = int(matrices.sum())
    fractions = matrices.ravel() / max(n, 1)
    return _Sample(of_resamples, fractions, n, np.ones(n), hits, trials)


def _scored(
    metric: str,
    labels: ArrayLike,
    probabilities: ArrayLike,
    groups: Sequence[str] | np.ndarray | None,
    *,
    positive: int,
    balanced: bool,
) -> _Sample:
    """Returns the sample of a metric of probabilities."""
    labels = np.asarray(labels, dtype=np.int64)
    probabilities = np.asarray(probabilities, dtype=np.float64)
    statistic: ProbabilityMetric = PROBABILITY_METRICS[metric]
    if groups is None:
        # Sorted, because the result must not depend on the order of the images.
        order = np.lexsort((*probabilities.T, labels))
        labels, probabilities, member = labels[order], probabilities[order], np.arange(len(order))
    else:
        member = check_groups(groups, n=len(labels))[1]
    classes = np.unique(labels)

    def of_chunk(counts: np.ndarray) -> np.ndarray:
        weights = counts[:, member]
        found = np.stack([weights[:, labels == k].sum(axis=1) > 0 for k in classes], axis=1).all(axis=1)
        weights = balanced_weights(labels, weights) if balanced else weights
        values = statistic(labels, probabilities, weights, positive=positive)
        return np.where(found, values, math.nan) if balanced or metric.startswith("macro_") else values

    def of_resamples(counts: np.ndarray) -> np.ndarray:
        at_once = max(1, _AT_ONCE // max(len(labels), 1))
        starts = range(0, len(counts), at_once)
        return np.concatenate([of_chunk(counts[start : start + at_once]) for start in starts])

    n = int(member.max(initial=-1)) + 1
    return _Sample(of_resamples, _equal(n), n, np.bincount(member, minlength=n), np.empty(0), None)


def _over_groups(metric: str, sample: _Sample, bootstrap: Bootstrap) -> Interval:
    """Returns the jackknife interval over the groups that a metric depends on."""
    used = np.flatnonzero(sample.sizes > 0)
    nothing = Interval(math.nan, math.nan, bootstrap.confidence, "jackknife", bootstrap.unit, len(used))
    if len(used) < 2:
        return replace(nothing, reason=f"there are fewer than 2 {bootstrap.unit}")
    values = []
    rows = max(1, _AT_ONCE // sample.n)
    for start in range(0, len(used) + 1, rows):
        # Each row leaves a group out, and the last one none.
        left_out = used[start : start + rows]
        counts = np.ones((min(rows, len(used) + 1 - start), sample.n), dtype=np.int64)
        counts[np.arange(len(left_out)), left_out] = 0
        values.append(sample.statistic(counts))
    every = np.concatenate(values)
    return jackknife_interval(
        float(every[-1]),
        every[:-1],
        sample.sizes[used],
        limits=METRICS[metric].limits,
        unit=bootstrap.unit,
        confidence=bootstrap.confidence,
    )


def jackknife_interval(
    value: float,
    without: Sequence[float] | np.ndarray,
    sizes: Sequence[int] | np.ndarray,
    *,
    limits: tuple[float, float] = (0, 1),
    unit: str = "subjects",
    confidence: float = 0.95,
) -> Interval:
    """Returns Student's interval of a metric from its values without each of the groups.

    The variance is (G - 1) / G times the sum of squared differences from `value`, for G groups: a
    cluster-robust variance (CR3). The degrees of freedom are `effective_number(sizes)` - 1, so that a group
    with most of the images doesn't count as many. The bounds are those of `t_bounds` on the logit scale.

    Args:
        value: The metric on all groups.
        without: (G,) the metric without each group, G >= 2.
        sizes: (G,) number of images (or trials) of each group, above 0.
        limits: Lowest and highest value of the metric.
        unit: What a group is, for `Interval.unit`.
        confidence: Nominal coverage, strictly between 0 and 1.

    Returns:
        The interval. It is undefined if the metric is, on all groups or without one of them, or if it is the
        same without any of them: the spread is unknown then.

    Raises:
        ArgumentError: There are fewer than two groups, a size isn't above 0, the numbers of sizes and values
            differ, or `confidence` isn't between 0 and 1.
    """
    check_confidence(confidence)
    values, n = np.asarray(without, dtype=np.float64), np.size(without)
    if n < 2 or np.size(sizes) != n:
        raise ArgumentError(f"There are {n} values and {np.size(sizes)} sizes.", expected="2 or more of both")
    effective = effective_number(sizes)
    nothing = Interval(math.nan, math.nan, confidence, "jackknife", unit, n)
    if math.isnan(value):
        return replace(nothing, reason=f"undefined on these {unit}")
    if n_undefined := int(np.isnan(values).sum()):
        return replace(nothing, reason=f"undefined without one of {n_undefined} of the {n} {unit}")
    if all_equal([*values, value]):
        return replace(nothing, reason=f"the value is the same without any of the {n} {unit}")
    std_error = math.sqrt((n - 1) / n * ((values - value) ** 2).sum())
    return with_bounds(nothing, value, std_error, effective - 1, limits)


def effective_number(sizes: Sequence[int] | np.ndarray) -> float:
    """Returns the number of groups of equal size that weigh as much as these, sum^2 / sum of squares.

    Kish, "Survey Sampling", 1965; for degrees of freedom: Carter, Schnepel and Steigerwald, "Asymptotic
    behavior of a t-test robust to cluster heterogeneity", Review of Economics and Statistics 99, 2017.

    Args:
        sizes: (G,) above 0, G >= 1.

    Raises:
        ArgumentError: A size isn't above 0.
    """
    each = np.asarray(sizes, dtype=np.float64)
    if not each.size or not (each > 0).all():
        raise ArgumentError(f"The sizes are {sizes!r}.", expected="numbers above 0")
    return float(each.sum() ** 2 / (each**2).sum())


def bootstrap_interval(
    statistic: Callable[[np.ndarray], np.ndarray],
    fractions: np.ndarray,
    n_units: int,
    *,
    unit: str = "images",
    bootstrap: Bootstrap = _BOOTSTRAP,
) -> Interval:
    """Returns the percentile bootstrap interval of a statistic of units sampled with replacement.

    Resamples on which the statistic is undefined (for example sensitivity if only healthy subjects were
    sampled) are left out and counted. There is no interval if more than half are left out, if there are fewer
    than two units, or if all resamples give the same value, which says nothing about the spread.

    Units of the same sort are interchangeable, such as images in the same cell of a confusion matrix. Units
    that all differ, such as subjects, are one sort each.

    Args:
        statistic: Takes (R, S) integers, how often each resample has each of S sorts; returns (R,) values.
        fractions: (S,) fraction of each sort among the units.
        n_units: Number of units, and size of a resample.
        unit: What a unit is, for `Interval.unit`.
        bootstrap: Seed, number of resamples and confidence.

    Raises:
        ArgumentError: A value of `bootstrap` is out of its range.
    """
    check_confidence(bootstrap.confidence)
    n_resamples = bootstrap.n_resamples
    if n_resamples < 1:
        raise ArgumentError(f"The number of resamples is {n_resamples}.", expected="at least 1")
    nothing = Interval(math.nan, math.nan, bootstrap.confidence, "bootstrap", unit, n_units)
    if n_units < 2:
        return replace(nothing, reason=f"there are fewer than 2 {unit}")
    values = statistic(_resamples(bootstrap.seed, n_units, n_resamples, np.asarray(fractions).tobytes()))
    values = values[~np.isnan(values)]
    n_undefined = n_resamples - len(values)
    nothing = replace(nothing, n_resamples=n_resamples, n_undefined=n_undefined)
    if n_undefined > n_resamples / 2:
        return replace(nothing, reason=f"undefined on {n_undefined} of {n_resamples} resamples")
    if all_equal(values):
        return replace(nothing, reason=f"every resample of the {n_units} {unit} gives the same value")
    tail = (1 - bootstrap.confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return replace(nothing, low=float(low), high=float(high))


@lru_cache(maxsize=1)
def _resamples(seed: int, n_units: int, n_resamples: int, fractions: bytes) -> np.ndarray:
    """Returns how often each resample has each sort, (R, S); sampling takes longer than most metrics."""
    sampled = generator(seed, "bootstrap").multinomial(n_units, np.frombuffer(fractions), size=n_resamples)
    sampled.setflags(write=False)
    return sampled


def _perfect(interval: Interval, sample: _Sample, confidence: float) -> Interval:
    """Returns Wilson's interval, with each unit as one trial, of a proportion that is 0 or 1 in all units."""
    if sample.trials is None or not sample.trials.sum():
        return interval
    hits, trials = round(float(sample.hits.sum())), round(float(sample.trials.sum()))
    n = trials if interval.unit == "images" else int((sample.trials > 0).sum())
    if hits not in (0, trials):
        return interval
    return wilson_interval(n if hits else 0, n, confidence=confidence, unit=interval.unit)


def _equal(n: int) -> np.ndarray:
    return np.full(n, 1 / max(n, 1))


def _matrices(
    labels: ArrayLike, predicted: ArrayLike, groups: Sequence[str] | np.ndarray | None, *, n_classes: int
) -> np.ndarray:
    """Returns the confusion matrix of each group, (G, K, K) int64, groups in the order of their names.

    Without groups, all images are one group.
    """
    if groups is None:
        return confusion_matrix(labels, predicted, n_classes=n_classes)[None]
    labels, predicted = check_classes(labels, predicted, n_classes=n_classes)
    names, member = check_groups(groups, n=len(labels))
    cells = (member * n_classes + labels) * n_classes + predicted
    counts = np.bincount(cells, minlength=len(names) * n_classes**2)
    return counts.reshape(len(names), n_classes, n_classes)
