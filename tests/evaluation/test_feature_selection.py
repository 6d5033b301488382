"""Gain ratio: cuts by hand, and an independent, slow implementation of Fayyad and Irani."""

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from leukcnn.errors import ArgumentError
from leukcnn.evaluation.feature_selection import gain_ratio, select_by_gain_ratio

RNG = np.random.default_rng(0)


def ratio_of(classes, values=None):
    """Gain ratio of one feature with ascending values, from the classes in that order."""
    values = np.arange(len(classes)) if values is None else values
    return gain_ratio(np.array(values, dtype=np.float32)[:, None], np.array(classes))[0]


def entropy(items):
    return -sum(n / len(items) * math.log2(n / len(items)) for n in Counter(items).values())


def cut_points(pairs):
    """Cuts of (value, class) pairs as in the paper of 1993, the lowest of equally good cuts first."""
    before, classes = entropy([label for _, label in pairs]), [label for _, label in pairs]
    best = None
    values = sorted({value for value, _ in pairs})
    for low, high in pairwise(values):
        halves = [[p for p in pairs if p[0] <= low], [p for p in pairs if p[0] > low]]
        labels = [[label for _, label in half] for half in halves]
        after = sum(len(half) / len(pairs) * entropy(half) for half in labels)
        if best is None or after < best[0] - 1e-11:
            best = after, (low + high) / 2, halves, labels
    if best is None:
        return []
    after, cut, halves, labels = best
    kinds = [len(set(half)) for half in (classes, *labels)]
    delta = math.log2(3 ** kinds[0] - 2) - (
        kinds[0] * before - sum(k * entropy(half) for k, half in zip(kinds[1:], labels, strict=True))
    )
    # WEKA's better encoding: as many cuts as there are steps between distinct values.
    if before - after <= (math.log2(len({value for value, _ in pairs}) - 1) + delta) / len(pairs):
        return []
    return [cut, *cut_points(halves[0]), *cut_points(halves[1])]


def slow_gain_ratio(values, classes):
    pairs = list(zip(values, classes, strict=True))
    cuts = cut_points(pairs)
    intervals = [sum(value > cut for cut in cuts) for value in values]
    if not cuts:
        return 0.0
    inside = [
        [label for label, at in zip(classes, intervals, strict=True) if at == interval]
        for interval in set(intervals)
    ]
    gain = entropy(list(classes)) - sum(
        len(interval) / len(values) * entropy(interval) for interval in inside
    )
    return gain / entropy(intervals)


@pytest.mark.parametrize("classes", [[0, 1], [0, 0, 1, 1], [0, 0, 0, 1], [1] * 30 + [0] * 10])
def test_a_feature_that_separates_the_classes_has_gain_ratio_1(classes):
    # Gain and split information are both the entropy of the classes. For two images: 1 > (0 + .807) / 2.
    assert ratio_of(classes) == pytest.approx(1)


def test_a_last_image_of_the_other_class_is_not_worth_a_cut():
    # After the first cut there are 7 and 1: the gain is at most H = .5436, below (log2 7 + 1.720) / 8 = .566.
    gain = entropy([0] * 9 + [1] * 7) - 0.5 * entropy([0] + [1] * 7)
    assert ratio_of([0] * 8 + [1] * 7 + [0]) == pytest.approx(gain, abs=1e-12)
    assert gain == pytest.approx(0.7169, abs=1e-4)


def test_three_intervals():
    # 20 + 20 + 20: the first cut gains .2516 > (log2 59 + 2.971) / 60 = .148, the next separates the classes.
    assert ratio_of([0] * 20 + [1] * 20 + [0] * 20) == pytest.approx(0.9183 / math.log2(3), abs=1e-4)
    # 10 + 10 + 10 gains the same, less than (log2 29 + 2.971) / 30 = .261.
    assert ratio_of([0] * 10 + [1] * 10 + [0] * 10) == 0


def test_three_classes():
    assert ratio_of([2] * 9 + [0] * 9 + [1] * 9) == pytest.approx(1)


def test_features_without_a_cut():
    noise = RNG.normal(size=(60, 5))
    labels = np.tile([0, 1], 30)
    np.testing.assert_array_equal(gain_ratio(np.ones((60, 3)), labels), np.zeros(3))
    np.testing.assert_array_equal(gain_ratio(noise, np.ones(60, dtype=int)), np.zeros(5))
    assert gain_ratio(noise, labels).max() == 0
    assert gain_ratio(noise[:, :0], labels).shape == (0,)
    assert gain_ratio(noise[:1], labels[:1]).tolist() == [0] * 5


def test_a_cut_costs_less_if_there_are_few_places_for_it():
    # Two values leave one place for a cut: the gain of .163 is above (log2 1 + d) / 40 = .100, and would be
    # below (log2 39 + d) / 40 = .232.
    classes = [0] * 22 + [1] * 8 + [0] * 2 + [1] * 8
    two_values = [0.0] * 30 + [1.0] * 10
    assert ratio_of(classes, two_values) > 0
    gain = entropy(classes) - 0.75 * entropy(classes[:30]) - 0.25 * entropy(classes[30:])
    assert ratio_of(classes, two_values) == pytest.approx(gain / entropy(two_values))


def test_there_is_no_cut_between_equal_values():
    # A cut after the ninth image would separate the classes, but the first twelve images have one value.
    classes, values = [0] * 9 + [1] * 15, [0.0] * 12 + [1.0] * 12
    gain = entropy(classes) - 0.5 * entropy(classes[:12])
    assert ratio_of(classes, values) == pytest.approx(gain)
    assert gain == pytest.approx(0.549, abs=1e-3)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("decimals", [0, 1, 7])
def test_agrees_with_the_slow_implementation(n_classes, decimals):
    rng = np.random.default_rng(n_classes)
    labels = rng.integers(0, n_classes, 90)
    # From useless to informative, with one peak or two; rounded: many values are equal.
    means = rng.normal(size=(n_classes, 12)) * np.linspace(0, 3, 12)
    features = (rng.normal(size=(90, 12)) + means[labels]).round(decimals)
    features[:, ::3] = np.abs(features[:, ::3])
    features[:, 1::3] = np.maximum(features[:, 1::3], 0)
    expected = [slow_gain_ratio(column.tolist(), labels.tolist()) for column in features.T]
    assert 0 < np.count_nonzero(expected) < 12
    found = gain_ratio(features, labels)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_gain_ratio_depends_only_on_ranks():
    labels = RNG.integers(0, 2, 80)
    features = RNG.normal(size=(80, 6)) + labels[:, None]
    expected = gain_ratio(features, labels)
    assert expected.any()
    np.testing.assert_array_equal(gain_ratio(np.exp(features), labels), expected)
    order = RNG.permutation(80)
    np.testing.assert_array_equal(gain_ratio(features[order], labels[order]), expected)
    np.testing.assert_allclose(gain_ratio(features, 1 - labels), expected, atol=1e-12)


def test_selection_is_best_first_and_ties_by_position():
    labels = np.repeat([0, 1], 20)
    informative, negated, constant = labels * 1.0, -labels * 1.0, np.ones(40)
    nearly = informative.copy()
    nearly[19] = 1
    features = np.stack([constant, nearly, negated, informative, constant], axis=1)
    found = select_by_gain_ratio(features, labels, n_selected=4)
    assert found.dtype == np.int64
    assert found.tolist() == [2, 3, 1, 0]
    assert select_by_gain_ratio(features, labels, n_selected=1).tolist() == [2]
    assert select_by_gain_ratio(features, labels, n_selected=100).tolist() == [2, 3, 1, 0, 4]


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (np.zeros((3, 2)), [0, 1], r"\(3, 2\) for 2 labels"),
        (np.zeros(3), [0, 1, 0], r"\(N, F\)"),
        (np.zeros((0, 2)), [], "at least 1"),
        (np.array([[1.0, math.nan], [0, 0], [math.inf, 0]]), [0, 1, 1], "of 2 of 3 images aren't finite"),
        (np.zeros((2, 2)), [0, -1], "from -1 to 0"),
        (np.zeros((2, 2)), [0.0, 1.0], "float64"),
    ],
)
def test_wrong_arguments_are_refused(features, labels, message):
    with pytest.raises(ArgumentError, match=message):
        gain_ratio(features, labels)


def test_no_feature_to_select_is_refused():
    with pytest.raises(ArgumentError, match="n_selected = 0"):
        select_by_gain_ratio(np.zeros((2, 2)), [0, 1], n_selected=0)
