"""Sets of folds that give a mean and its standard deviation."""

import itertools

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold

from leukcnn.auditing.fold_sets import (
    FoldCounts,
    OneClassFolds,
    Spread,
    count_sets,
    fold_sizes,
    listed_sets,
)
from leukcnn.auditing.printed import printed_number


def spread(mean, std, decimals=2):
    return Spread(*(printed_number(value, decimals, percent=True) for value in (mean, std)))


@pytest.mark.parametrize(("sizes", "folds"), [((1058, 794, 563), 5), ((59, 49), 4), ((13, 8, 7, 9), 3)])
def test_folds_are_those_of_scikit_learn(sizes, folds):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    split = StratifiedKFold(folds).split(labels, labels)
    expected = [np.bincount(labels[test], minlength=len(sizes)) for _, test in split]
    assert fold_sizes(sizes, folds).tolist() == np.array(expected).tolist()


def test_folds_of_alert_net_are_of_483_images():
    sizes = fold_sizes((1058, 794, 563), 5)
    assert sizes.sum(axis=1).tolist() == [483] * 5
    assert sizes[0].tolist() == [212, 159, 112]


@pytest.mark.parametrize("folds", [(12, 12, 12), (13, 12, 12), (7, 7, 6, 6), (9, 9)])
@pytest.mark.parametrize(("mean", "std"), [(72, 9), (80, 3), (50, 12), (91, 0)])
def test_counted_sets_are_those_of_all_counts(folds, mean, std):
    printed = spread(mean, std, decimals=0)
    table = FoldCounts(folds, mean=mean / 100, reach=0.02, std=std / 100 + 0.02)
    every = np.array(list(itertools.product(*(range(n + 1) for n in folds))))
    for ddof in (0, 1):
        fits = every[printed.fits(every / np.array(folds), ddof=ddof)].tolist()
        expected = {tuple(sorted(zip(folds, counts, strict=True))) for counts in fits}
        assert table.count(printed, ddof) == len(expected)


def test_folds_of_a_random_network_are_always_found():
    rng = np.random.default_rng(0)
    for _ in range(8):
        right = 100 - rng.integers(0, 12, 5)
        values = right / 100
        printed = spread(round(100 * values.mean(), 2), round(100 * values.std(ddof=1), 2))
        found = count_sets(printed, (100,) * 5)
        assert found is not None
        assert found[0][1] >= 1
        if found[0][1] <= 5:
            assert tuple(sorted(100 - right)) in listed_sets(printed, (100,) * 5)


def test_values_with_few_decimals_are_found_too():
    values = np.array([17, 19, 16, 20]) / 22
    for decimals in (0, 1):
        printed = spread(*(round(100 * x, decimals) for x in (values.mean(), values.std(ddof=1))), decimals)
        found = count_sets(printed, (22,) * 4)
        assert found is not None
        every = np.array(list(itertools.combinations_with_replacement(range(23), 4))) / 22
        assert found[0][1] == printed.fits(every, ddof=1).sum()


def test_sets_with_too_large_folds_are_not_counted():
    assert count_sets(spread(60.12, 9.87), (90_000,) * 5) is None


def test_one_class_a_fold_has_the_values_of_constant_answers():
    sizes = fold_sizes((10, 7, 5), 3)
    ways = OneClassFolds(sizes)
    kinds, counts = np.unique(sizes, axis=0, return_counts=True)
    folds = np.repeat(kinds, counts, axis=0)
    for answers, values in zip(ways.answers, ways.values["accuracy"], strict=True):
        assert values.tolist() == [
            fold[answer] / fold.sum() for fold, answer in zip(folds, answers, strict=True)
        ]


def test_alert_nets_resnet50_answered_one_class_a_fold(audits):
    answers = {answer.claim.id: answer for answer in audits["alertnet"].answers}
    one_class = answers["table5-resnet50_sft-one_class"]
    assert one_class.verdict == "unique solution"
    assert one_class.detail.startswith("4 folds HBS, 1 fold ALL: an accuracy of 41.6149 +- 4.8621 over n - 1")
    assert "; 0 of 1,000" in one_class.certainty
    precision = answers["table5-resnet50_sft-one_class-precision"]
    assert precision.verdict == "impossible"
    assert "17.5071 +- 3.7299" in precision.detail
    assert "13.8716 +- 1.6207" in precision.detail


def test_alert_net_rwds_folds_are_listed(audits):
    answer = next(a for a in audits["alertnet"].answers if a.claim.id == "table5-alertnet_rwd-folds")
    assert answer.verdict == "consistent"
    assert "4 sets of folds give 97.18 +- 0.61 over n - 1, 7 over n" in answer.detail
    assert "9, 13, 14, 15, 17" in answer.detail
