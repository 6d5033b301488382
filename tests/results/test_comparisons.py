"""Comparisons of a network with a control on the same images."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy import stats

from leukcnn.errors import ArgumentError
from leukcnn.results.comparisons import (
    JACKKNIFE,
    MCNEMAR,
    best_control,
    compare,
    compare_predictions,
    mcnemar,
)
from leukcnn.trial_files import Predictions

BORDER = "the border"


def answers(right, *, group=None, image=None) -> Predictions:
    """Returns predictions of images of one class that are right where `right` is true."""
    n = len(right)
    wrong = 1 - np.asarray(right, dtype=np.int64)
    return Predictions(
        image=np.array([f"{i}" for i in range(n)] if image is None else image),
        subset=np.full(n, "test"),
        checkpoint=np.full(n, "last"),
        group=np.full(n, "") if group is None else np.asarray(group, dtype=np.str_),
        label=np.zeros(n, dtype=np.int64),
        probabilities=np.where(wrong[:, None] == [0, 1], 0.9, 0.1),
        class_names=("healthy", "malignant"),
    )


def counted(first_only: int, second_only: int, both: int, neither: int = 0):
    numbers = (first_only, second_only, both, neither)
    return answers(np.repeat([1, 0, 1, 0], numbers)), answers(np.repeat([0, 1, 1, 0], numbers))


@pytest.mark.parametrize("n", [24, 60, 400])
def test_the_interval_excludes_0_exactly_where_the_test_is_significant(n):
    decided = set()
    for first, second in product(range(12), range(12)):
        test = mcnemar(first, second, n)
        p = stats.binomtest(first, first + second).pvalue if first + second else 1.0
        assert test.p_value == p
        excludes = test.low > 0 or test.high < 0
        assert excludes == (p < 0.05)
        assert -1 <= test.low <= (first - second) / n <= test.high <= 1
        decided.add(excludes)
    assert decided == {True, False}


def test_bounds_by_hand():
    # No image distinguishes the two: up to 1 - .025 ** (1 / 30) of others may, all in favour of either.
    test = mcnemar(0, 0, 30)
    assert (test.low, test.high) == pytest.approx((0.025 ** (1 / 30) - 1, 1 - 0.025 ** (1 / 30)), abs=1e-5)
    # The other classifies none of 40 correctly: the difference is 1 at most.
    assert mcnemar(40, 0, 40).high == 1
    assert mcnemar(0, 40, 40).low == -1
    assert mcnemar(3, 9, 50)[1:] == pytest.approx([-bound for bound in mcnemar(9, 3, 50)[:0:-1]])


@pytest.mark.parametrize(("first", "second", "n"), [(10, 2, 40), (5, 2, 40), (6, 0, 6), (0, 3, 200)])
def test_bounds_are_those_of_sampled_confidence_distributions(first, second, n):
    rng, both = np.random.default_rng(3), first + second
    # Parameters of beta distributions may not be 0.
    wins = rng.beta(first, second + 1, 10**5) if first else np.zeros(10**5)
    few = rng.beta(both, n - both + 1, 10**5)
    many = rng.beta(both + 1, n - both, 10**5) if both < n else np.ones(10**5)
    signs = 2 * wins - 1
    low = np.quantile(signs * np.where(signs > 0, few, many), 0.025)
    assert mcnemar(first, second, n).low == pytest.approx(low, abs=0.005)
    assert mcnemar(first, second, n + 10).low != pytest.approx(low, abs=0.0005)


def covered(n: int, p: float, q: float, bounds) -> float:
    """Returns the exact coverage of an interval of p - q, over all possible numbers of images."""
    total = 0.0
    for first in range(n + 1):
        for second in range(n + 1 - first):
            low, high = bounds(first, second)
            chance = stats.multinomial.pmf([first, second, n - first - second], n, [p, q, 1 - p - q])
            total += chance * (low - 1e-9 <= p - q <= high + 1e-9)
    return total


@pytest.mark.parametrize(("p", "q"), [(0.3, 0.1), (0.5, 0.02), (0.1, 0.1), (0.05, 0.0)])
def test_the_interval_covers_at_least_95_percent_at_12_images(p, q):
    n = 12
    exact = {(b, c): mcnemar(b, c, n)[1:] for b in range(n + 1) for c in range(n + 1 - b)}

    def wald(b: int, c: int) -> tuple[float, float]:
        half = 1.96 * math.sqrt(b + c - (b - c) ** 2 / n) / n
        return (b - c) / n - half, (b - c) / n + half

    assert covered(n, p, q, lambda b, c: exact[b, c]) >= 0.95
    assert covered(n, p, q, wald) < 0.95


def test_the_interval_is_not_much_wider_than_the_asymptotic_one():
    test, half = mcnemar(60, 30, 1000), 1.96 * math.sqrt(90 - 30**2 / 1000) / 1000
    assert 2 * half < test.high - test.low < 1.15 * 2 * half


@pytest.mark.parametrize(("numbers", "remedy"), [((5, 6, 10), "at most"), ((0, 0, 0), "at least")])
def test_impossible_numbers_of_images_are_refused(numbers, remedy):
    with pytest.raises(ArgumentError, match="Only one of two is right") as caught:
        mcnemar(*numbers)
    assert remedy in caught.value.expected


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((10, 2, 28), "better than the border (difference 20.0 points, 95 % 0.9 to 38.0)"),
        ((5, 2, 33), "no better than the border (difference 7.5 points, 95 % -8.4 to 23.5)"),
        ((2, 10, 28), "worse than the border (difference -20.0 points, 95 % -38.0 to -0.9)"),
        ((0, 0, 30), "no better than the border (right on the same 30 images, 95 % -11.6 to 11.6)"),
    ],
)
def test_one_run_on_independent_images_is_mcnemars_test_in_words(numbers, words):
    found = compare_predictions([counted(*numbers)])
    assert (found.method, found.unit, found.n, found.runs) == (MCNEMAR, "images", sum(numbers), 1)
    assert found.words(BORDER) == words
    assert found.difference == pytest.approx((numbers[0] - numbers[1]) / sum(numbers))


def test_groups_of_equal_size_give_the_paired_t_test_of_their_means():
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(8), 10)
    first, second = rng.random(80) < 0.9, rng.random(80) < 0.6
    pair = answers(first, group=group), answers(second, group=group)
    found = compare_predictions([pair], unit="subjects")
    gains = (first.astype(float) - second).reshape(8, 10).mean(axis=1)
    test = stats.ttest_1samp(gains, 0)
    assert (found.method, found.unit, found.n_units) == (JACKKNIFE, "subjects", 8)
    assert found.test.p_value == pytest.approx(test.pvalue)
    assert found.test[1:] == pytest.approx([*test.confidence_interval()])


def test_groups_that_resemble_each_other_count_less_than_their_images():
    group = np.repeat(np.arange(6), 20)
    first, second = np.ones(120), np.repeat([1, 1, 1, 0, 1, 0], 20)
    pair = answers(first, group=group), answers(second, group=group)
    assert compare_predictions([pair]).verdict == "better"
    assert compare_predictions([pair], unit="subjects").verdict == "no better"


def test_over_few_unequal_groups_the_jackknife_covers_more_often_than_the_bootstrap():
    rng, n_groups, truth = np.random.default_rng(4), 8, 9 / 10.5 - 4 / 5.5
    by_jackknife, by_bootstrap = [], []
    for _ in range(400):
        sizes = np.maximum(1, rng.lognormal(3, 1, n_groups)).astype(int)
        group = np.repeat(np.arange(n_groups), sizes)
        first, second = (rng.random(len(group)) < rng.beta(a, 1.5, n_groups)[group] for a in (9, 4))
        pair = answers(first, group=group), answers(second, group=group)
        _, low, high = compare_predictions([pair], unit="subjects").test
        by_jackknife.append(low <= truth <= high)
        gains = np.bincount(group, weights=first.astype(float) - second)
        sampled = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=500)
        low, high = np.quantile((sampled @ gains) / (sampled @ sizes), [0.025, 0.975])
        by_bootstrap.append(low <= truth <= high)
    assert np.mean(by_jackknife) >= 0.9
    assert np.mean(by_bootstrap) <= np.mean(by_jackknife) - 0.03


def test_the_mean_over_runs_is_one_observation_of_an_image():
    rng = np.random.default_rng(1)
    first, second = rng.random((3, 60)) < 0.9, rng.random((3, 60)) < 0.5
    pairs = [(answers(one), answers(other)) for one, other in zip(first, second, strict=True)]
    found = compare_predictions(pairs)
    test = stats.ttest_1samp((first.astype(float) - second).mean(axis=0), 0)
    assert (found.method, found.n, found.n_units, found.runs) == (JACKKNIFE, 60, 60, 3)
    assert found.test.p_value == pytest.approx(test.pvalue)
    assert found.difference == pytest.approx(first.mean() - second.mean())
    # The same run three times adds nothing to a run.
    once, thrice = (compare_predictions(pairs[:1] * times) for times in (2, 6))
    assert once.test == pytest.approx(thrice.test)


def test_images_of_one_side_are_left_out_and_counted_and_the_order_is_irrelevant():
    first, second = counted(10, 2, 28, 3)
    order = np.random.default_rng(2).permutation(len(second))
    more = replace(first, image=np.char.add(first.image, "x")).select(np.arange(4))
    found = compare_predictions([(Predictions.join([first, more]), second.select(order))])
    assert found.n_unmatched == 4
    assert replace(found, n_unmatched=0) == compare_predictions([(first, second)])
    assert compare_predictions([(more, second)]) is None


def test_the_other_way_round_gives_the_mirrored_result():
    group = np.arange(43) % 9
    one, other = (replace(p, group=group.astype(np.str_)) for p in counted(10, 2, 28, 3))
    for unit in ("images", "subjects"):
        there, back = (compare_predictions([pair], unit=unit) for pair in ((one, other), (other, one)))
        assert there.test.p_value == pytest.approx(back.test.p_value)
        assert (there.test.low, there.test.high) == pytest.approx((-back.test.high, -back.test.low))


def test_an_unknown_group_makes_images_the_unit():
    one, other = counted(10, 2, 28)
    group = np.where(np.arange(40) == 7, "", "subject")
    found = compare_predictions([(replace(one, group=group), replace(other, group=group))], unit="subjects")
    assert (found.unit, found.method) == ("images", MCNEMAR)


@pytest.mark.parametrize(
    ("groups", "first", "second", "verdict", "words"),
    [
        (1, [1] * 6, [0, 1] * 3, "not tested", "50.0 points; there are fewer than 2 subjects)"),
        (3, [1] * 6, [0, 1] * 3, "not tested", "50.0 points; the difference is the same in all 3 subjects)"),
        (3, [1] * 6, [0] * 6, "no better", "100.0 points, 95 % -41.1 to 100.0)"),
        (6, [1] * 12, [0] * 12, "better", "100.0 points, 95 % 6.7 to 100.0)"),
        (6, [1, 0] * 6, [1, 0] * 6, "no better", "(right on the same 12 images, 95 % -45.9 to 45.9)"),
    ],
)
def test_groups_without_spread_are_trials_of_their_own(groups, first, second, verdict, words):
    group = np.arange(len(first)) * groups // len(first)
    pair = answers(first, group=group), answers(second, group=group)
    found = compare_predictions([pair], unit="subjects")
    assert found.verdict == verdict
    assert found.words(BORDER).startswith(verdict)
    assert found.words(BORDER).endswith(words)


def test_a_significant_bound_is_not_shown_as_0():
    found = compare_predictions([counted(300, 249, 1866)])
    assert found.words(BORDER).endswith("95 % 0.2 to 4.1)")
    near = replace(found, test=found.test._replace(low=0.0003))
    assert near.words(BORDER).endswith("95 % 0.03 to 4.1)")


def test_rows_and_controls_of_a_run_are_matched_by_seed(experiment, make_predictions):
    good, bad = (make_predictions("test", tp=40 - k, fn=k, fp=k, tn=40 - k) for k in (2, 20))
    for run in range(3):
        experiment.add("vgg16", bad if run == 2 else good, run=run)
    for run in range(2):
        experiment.add_control("border", bad, run=run)
    found = compare(experiment.results(runs=3), "vgg16", "border")
    # The last run has no control.
    assert (found.runs, found.accuracy, found.other_accuracy) == (2, 0.95, 0.5)
    assert compare(experiment.results(runs=3), "vgg19", "border") is None
    assert compare(experiment.results(runs=3), "vgg16", "colour") is None


def test_folds_are_pooled_and_the_split_gives_the_unit(experiment, make_predictions):
    folds = [make_predictions("test", tp=20, fn=fold, fp=2, tn=20, prefix=f"{fold}/") for fold in range(3)]
    for number, fold in enumerate(folds):
        experiment.add("vgg16", fold, fold=number)
        wrong = replace(fold, probabilities=fold.probabilities[:, ::-1])
        experiment.add_control("border", wrong, fold=number)
    for split, unit, method in (("cell", "images", MCNEMAR), ("fold", "subjects", JACKKNIFE)):
        found = compare(experiment.results(split=split), "vgg16", "border")
        assert (found.n, found.unit, found.method) == (sum(map(len, folds)), unit, method)


def test_the_best_control_is_the_one_with_the_highest_accuracy(experiment, make_predictions):
    experiment.add("vgg16", make_predictions("test", tp=35, fn=5, fp=5, tn=35))
    for name, wrong in (("majority", 20), ("border", 8), ("colour", 8), ("size", 15)):
        control = make_predictions("test", tp=40 - wrong, fn=wrong, fp=wrong, tn=40 - wrong)
        experiment.add_control(name, control)
    results = experiment.results()
    name, found = best_control(results, "vgg16")
    # Of two equal ones, the first.
    assert (name, found) == ("border", compare(results, "vgg16", "border"))
    assert best_control(results, "vgg19") is None


def test_what_cannot_be_compared_is_refused(experiment, separate_datasets):
    with pytest.raises(ArgumentError, match="'balanced'"):
        compare(experiment.results(), "vgg16", "border", subset="balanced")
    separate = separate_datasets()
    for dataset in ("allidb1", "allidb2"):
        separate.add("deep", answers([1, 0]), tested=(dataset,), finished=False)
    with pytest.raises(ArgumentError, match="cross-validated separately"):
        compare(separate.results(), "deep", "border")
    assert compare(separate.results(), "deep", "border", dataset="ufg") is None
