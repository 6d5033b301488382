"""Selection of features by gain ratio: how much a feature, cut into intervals, says about the class.

Discretisation by Fayyad and Irani, "Multi-Interval Discretization of Continuous-Valued Attributes for
Classification Learning", IJCAI 1993; gain ratio by Quinlan, "Induction of Decision Trees", Machine Learning
1, 1986. Both agree with WEKA's GainRatioAttributeEval.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from leukcnn.errors import ArgumentError
from leukcnn.labels import check_classes

# Rounding error of sums of n log2 n over thousands of images. Cuts whose entropies differ by less are equally
# good, and the first one is taken.
_ROUNDING = 1e-9
# The same for gain ratios, which are at most 1.
_RATIO_DECIMALS = 12


def select_by_gain_ratio(features: ArrayLike, labels: ArrayLike, *, n_selected: int) -> np.ndarray:
    """Selects the features with the highest gain ratio.

    Args:
        features: (N, F) float, all finite.
        labels: (N,) integers >= 0, the classes.
        n_selected: Number of features to select, at least 1. Features with gain ratio 0 are selected last.

    Returns:
        (min(n_selected, F),) int64, positions of the features, best first; equal ones in their order.

    Raises:
        ArgumentError: As in `gain_ratio`, or `n_selected` is below 1.
    """
    if n_selected < 1:
        raise ArgumentError(f"n_selected = {n_selected}.", expected="at least 1 feature")
    ratios = gain_ratio(features, labels).round(_RATIO_DECIMALS)
    return np.argsort(-ratios, kind="stable")[:n_selected]


def gain_ratio(features: ArrayLike, labels: ArrayLike) -> np.ndarray:
    """Computes the gain ratio of each feature: information gain divided by the entropy of its intervals.

    A feature is cut where the entropy of the classes decreases most. Each interval is cut again in the same
    way, as long as the gain meets the criterion of minimum description length:
    gain > (log2(m) + log2(3^k - 2) - (k H - k1 H1 - k2 H2)) / n.
    Here the interval has n images of k classes with entropy H; its halves have k1 and k2 classes with
    entropies H1 and H2; m is the number of places between different values, n - 1 if all values differ
    (WEKA's "better encoding").

    Args:
        features: (N, F) float, all finite.
        labels: (N,) integers >= 0, the classes.

    Returns:
        (F,) float64, 0..1; 0 for a feature without a cut.

    Raises:
        ArgumentError: As in `checked_features`.
    """
    features, labels = checked_features(features, labels)
    of_class = np.eye(int(labels.max()) + 1, dtype=np.int64)[labels]
    counts = np.arange(1, len(labels) + 1)
    n_log_n = np.concatenate([[0.0], counts * np.log2(counts)])
    return np.array([_gain_ratio(feature, of_class, n_log_n) for feature in features.T], dtype=np.float64)


def checked_features(features: ArrayLike, labels: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Returns features (N, F) and labels (N,) int64 as arrays after checking them.

    Raises:
        ArgumentError: There are no images, there isn't one row for each label, a feature isn't finite, or a
            label isn't a class number.
    """
    features = np.asarray(features)
    if features.ndim != 2 or not len(features) or len(features) != np.size(labels):
        raise ArgumentError(
            f"The features have the shape {features.shape} for {np.size(labels)} labels.",
            expected="one row per label, shape (N, F), N at least 1",
        )
    if not np.isfinite(features).all():
        wrong = np.count_nonzero(~np.isfinite(features).all(axis=1))
        raise ArgumentError(
            f"The features of {wrong} of {len(features)} images aren't finite.", expected="finite numbers"
        )
    labels, _ = check_classes(labels, labels, n_classes=max(int(np.max(labels)) + 1, 2))
    return features, labels


def _gain_ratio(feature: np.ndarray, of_class: np.ndarray, n_log_n: np.ndarray) -> float:
    """Returns the gain ratio of one feature.

    Args:
        feature: (N,) float.
        of_class: (N, C) int64, 1 at the class of each image.
        n_log_n: (N + 1,) float64, n log2 n.
    """
    order = np.argsort(feature, kind="stable")
    # Row i: number of images of each class among the i images with the lowest values.
    below = np.concatenate([np.zeros_like(of_class[:1]), of_class[order].cumsum(axis=0)])
    candidates = np.flatnonzero(np.diff(feature[order]) > 0) + 1
    bounds = [0, *sorted(_cuts(below, candidates, n_log_n)), len(feature)]
    if len(bounds) == 2:
        return 0.0
    intervals = np.diff(below[bounds], axis=0)
    gain = _scaled_entropy(below[-1], n_log_n) - _scaled_entropy(intervals, n_log_n).sum()
    return float(gain / _scaled_entropy(intervals.sum(axis=1), n_log_n))


def _cuts(below: np.ndarray, candidates: np.ndarray, n_log_n: np.ndarray) -> list[int]:
    """Returns the cuts that Fayyad and Irani's criterion accepts, each as the number of images below it."""
    cuts, intervals = [], [(0, len(below) - 1)]
    while intervals:
        start, stop = intervals.pop()
        inside = candidates[slice(*np.searchsorted(candidates, [start + 1, stop]))]
        whole = below[stop] - below[start]
        if not len(inside) or np.count_nonzero(whole) < 2:
            continue
        left = below[inside] - below[start]
        entropies = np.stack([_scaled_entropy(left, n_log_n), _scaled_entropy(whole - left, n_log_n)])
        total = entropies.sum(axis=0)
        best = int((total <= total.min() + _ROUNDING).argmax())
        halves = np.stack([left[best], whole - left[best]])
        if _is_worth_it(whole, halves, n_log_n, n_candidates=len(inside)):
            cut = int(inside[best])
            cuts.append(cut)
            intervals += [(start, cut), (cut, stop)]
    return cuts


def _is_worth_it(whole: np.ndarray, halves: np.ndarray, n_log_n: np.ndarray, *, n_candidates: int) -> bool:
    n, n_classes = whole.sum(), np.count_nonzero(whole)
    before, after = _scaled_entropy(whole, n_log_n), _scaled_entropy(halves, n_log_n)
    entropies = after / halves.sum(axis=1)
    spread = n_classes * before / n - (np.count_nonzero(halves, axis=1) * entropies).sum()
    # Both sides of the criterion are multiplied by n.
    return bool(before - after.sum() > math.log2(n_candidates) + math.log2(3**n_classes - 2) - spread)


def _scaled_entropy(counts: np.ndarray, n_log_n: np.ndarray) -> np.ndarray:
    """Returns n times the entropy in bits of each row of counts, int64 (..., C) -> float64 (...)."""
    return n_log_n[counts.sum(axis=-1)] - n_log_n[counts].sum(axis=-1)
