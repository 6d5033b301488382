"""Sets of runs that give means and standard deviations."""

from itertools import combinations_with_replacement

import numpy as np
import pytest

from leukcnn.auditing.multisets import least_std, multisets, orders, sums_of_squares
from leukcnn.auditing.printed import printed_number
from leukcnn.auditing.proportions import least_paired_p, p_value
from leukcnn.seeding import generator
from leukcnn.spec import Published, Sample
from tests.auditing.counts_of_papers import answers, check, claims
from tests.auditing.made_up import paper_of, two_digits


def row_of(pairs, positives, negatives, ddof=1):
    """Returns the eight figures of a set of runs, as printed."""
    tp, tn = np.array(pairs).T
    values = {
        "accuracy": (tp + tn) / (positives + negatives),
        "precision": tp / np.maximum(tp + negatives - tn, 1),
        "recall": tp / positives,
        "specificity": tn / negatives,
    }
    return tuple(
        Published(
            "vgg16",
            name,
            two_digits(100 * float(of_runs.mean())),
            std=two_digits(100 * float(of_runs.std(ddof=ddof))),
        )
        for name, of_runs in values.items()
    )


def answer_to(published, sample):
    paper = paper_of(published, sample)
    (claim,) = claims(paper, "runs").values()
    return check(paper, claim)


@pytest.mark.parametrize(
    ("row", "runs"),
    [
        ("table4-leuknet-allidb1", "46/58 48/55 48/57 48/58 48/58"),
        ("table5-leuknet-allidb1", "46/58 48/55 48/57 48/58 48/58"),
        ("table4-vgg19_dft-allidb1", "47/57 48/57 48/57 48/57 48/57"),
        ("table4-xception_mdft-allidb1", "45/41 45/47 46/46 48/23 48/29"),
        ("table4-resnet50_mdft-allidb1", "38/58 38/59 41/54 41/56 43/47"),
        ("table5-leuknet_1024_512-allidb1", "44/57 44/58 45/56 47/47 47/58"),
        ("table5-leuknet_1024_1024-allidb1", "45/56 46/54 47/52 47/56 47/56"),
        ("table5-leuknet_1024_512-allidb2", "75/119 75/123 78/105 84/101 127/47"),
        ("table9-leuknet-ufg", "37/46 47/46 53/30 60/16 60/30"),
    ],
)
def test_rows_of_leuknet_with_one_set_of_runs(row, runs):
    answer = answers("leuknet_lodocv", "runs")[f"runs-{row}"]
    assert answer.verdict == "unique solution"
    assert f"Only {runs} " in answer.detail
    assert len(answer.covers) == 8
    assert answer.certainty.startswith("exact; 0 of 200")


def test_rows_of_leuknet_with_several_sets_of_runs_say_how_many():
    found = answers("leuknet_lodocv", "runs")
    assert found["runs-table4-vgg19_mdft-allidb2"].verdict == "consistent"
    assert found["runs-table4-vgg19_mdft-allidb2"].detail.startswith("2 sets of runs")


def test_inception_has_no_set_of_runs():
    answer = answers("leuknet_lodocv", "runs")["runs-table4-inceptionv3_mdft-allidb1"]
    assert answer.verdict == "impossible"
    for text in ("recall 73.92 is no count", "specificity 60.91 is no count", "66.81"):
        assert text in answer.detail


def test_leuknets_standard_deviations_are_fractions():
    found = answers("leuknet_lodocv", "runs")
    points = found["runs-table4-leuknet-allidb2-in-points"]
    assert points.verdict == "impossible"
    assert "at least 0.21 points, 0.02 is printed" in points.detail
    fractions = found["runs-table4-leuknet-allidb2"]
    assert fractions.verdict == "consistent"
    assert fractions.detail.startswith("at least")


def test_sets_of_known_runs_are_found():
    rng = generator(0, "tests", "runs")
    for runs in (2, 3, 4, 5):
        pairs = list(
            zip(rng.integers(20, 31, runs).tolist(), rng.integers(15, 26, runs).tolist(), strict=True)
        )
        answer = answer_to(row_of(pairs, 30, 25), Sample((25, 30), runs=runs))
        assert answer.verdict in ("unique solution", "consistent")
        if answer.verdict == "unique solution":
            assert " ".join(f"{tp}/{tn}" for tp, tn in sorted(pairs)) in answer.detail


def test_standard_deviations_over_n_are_recognised():
    pairs = [(26, 20), (28, 17), (24, 22), (30, 19), (23, 25)]
    answer = answer_to(row_of(pairs, 30, 25, ddof=0), Sample((25, 30), runs=5))
    assert "std over n)" in answer.detail


def test_moved_figures_have_no_set_of_runs():
    rng = generator(0, "tests", "moved runs")
    for _ in range(10):
        pairs = list(zip(rng.integers(20, 31, 5).tolist(), rng.integers(15, 26, 5).tolist(), strict=True))
        published = tuple(
            Published("vgg16", one.metric, round(one.value - float(rng.uniform(0.03, 0.3)), 2), std=one.std)
            for one in row_of(pairs, 30, 25)
        )
        assert answer_to(published, Sample((25, 30), runs=5)).verdict == "impossible"


def test_one_wrong_figure_is_corrected():
    published = row_of([(26, 20), (28, 17), (24, 22), (30, 19), (23, 25)], 30, 25)
    wrong = tuple(
        Published("vgg16", one.metric, one.value + 0.2 * (one.metric == "precision"), std=one.std)
        for one in published
    )
    answer = answer_to(wrong, Sample((25, 30), runs=5))
    assert answer.verdict == "slip"
    assert answer.corrected == f"precision {published[1].value:.2f}"


def test_many_runs_are_undecidable_and_not_impossible():
    rng = generator(0, "tests", "many runs")
    pairs = list(zip(rng.integers(80, 101, 10).tolist(), rng.integers(80, 101, 10).tolist(), strict=True))
    answer = answer_to(row_of(pairs, 100, 100), Sample((100, 100), runs=10))
    assert answer.verdict == "undecidable"


def test_multisets_are_those_of_trying_all():
    std = printed_number(15.2, 1, percent=True)
    low, high = (float(bound) for bound in std.bounds())
    for total in range(0, 41, 3):
        tried = [
            counts
            for counts in combinations_with_replacement(range(11), 4)
            if sum(counts) == total and low <= np.std(counts, ddof=1) / 10 < high
        ]
        found = multisets(10, 4, total, sums_of_squares(std, total, 10, 4, 1))
        assert sorted(map(tuple, found.tolist())) == tried


def test_least_standard_deviation():
    assert least_std(1072, 260, 5) == pytest.approx(np.std([214, 214, 214, 215, 215], ddof=1) / 260)


def test_orders_are_all_different_ones():
    assert orders(np.array([[1, 1, 2]])).tolist() == [[1, 1, 2], [1, 2, 1], [2, 1, 1]]


def test_fishers_test_of_all_idb():
    assert round(p_value((107, 108), (104, 108)), 2) == 0.37
    assert least_paired_p(3) == 0.25
    found = answers("allidb_lightweight", "proportions")
    tied = found["proportions-table1-allidb2"].claim.text
    assert tied.startswith("resnet50, regnet and lightweight are the same as printed; one of them has more")
    assert found["proportions-table1-allidb1"].verdict == "undecidable"
    assert "107 of 108 against 104 of 108: p = 0.37" in found["against-resnet50-allidb1"].detail
    assert answers("leuknet_lodocv", "proportions")["proportions-table6-allidb1"].verdict == "consistent"


def test_accuracy_alone_is_checked_for_any_number_of_classes():
    right = np.array([88, 90, 91, 85, 93])
    mean, std = two_digits(100 * right.mean() / 97), two_digits(100 * right.std(ddof=1) / 97)
    sample = Sample((37, 60), runs=5)
    answer = answer_to((Published("vgg16", "accuracy", mean, std=std),), sample)
    assert answer.verdict in ("unique solution", "consistent")
    assert answer.covers == ("table2/vgg16/accuracy", "table2/vgg16/accuracy/std")
    for value, spread in ((mean + 0.08, std), (mean, 0.01)):
        moved = (Published("vgg16", "accuracy", round(value, 2), std=spread),)
        assert answer_to(moved, sample).verdict == "impossible"
