"""Weighted F1-scores: every class size and confusion matrix that gives a score."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from leukcnn.auditing import weighted_f1
from leukcnn.auditing.printed import printed_number
from leukcnn.auditing.weighted_f1 import Matrix, one_digit_changed, solutions
from leukcnn.spec import Claim


def every_matrix(n):
    """Yields all matrices with a first class that isn't the larger one."""
    for size in range(n // 2 + 1):
        for hits in range(size + 1):
            for other in range(n - size + 1):
                yield Matrix(size, hits, other)


def test_score_is_scikit_learns():
    rng = np.random.default_rng(0)
    for _ in range(20):
        size, n = int(rng.integers(1, 20)), 30
        hits, other = int(rng.integers(size + 1)), int(rng.integers(n - size + 1))
        truth = [1] * size + [0] * (n - size)
        predicted = [1] * hits + [0] * (size - hits) + [0] * other + [1] * (n - size - other)
        expected = f1_score(truth, predicted, average="weighted", zero_division=0)
        assert float(Matrix(size, hits, other).score(n)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("n", "decimals"), [(1, 3), (7, 3), (16, 4), (23, 3)])
def test_solutions_are_those_of_all_matrices(n, decimals):
    matrices = list(every_matrix(n))
    scores = np.array([float(matrix.score(n)) for matrix in matrices])
    rng = np.random.default_rng(n)
    for value in {round(float(x), decimals) for x in rng.choice(scores, 12)} | {0.5, 0.123}:
        number = printed_number(value, decimals)
        low, high = number.bounds()
        expected = {matrix for matrix in matrices if low <= matrix.score(n) < high}
        assert set(solutions(number, n).matrices) == expected


def test_known_sizes_restrict_the_search():
    number = printed_number(0.8, 1)
    expected = {m for m in every_matrix(12) if m.size == 5 and 0.75 <= m.score(12) < 0.9}
    assert set(solutions(number, 12, (5, 7)).matrices) == expected


def test_papers_three_scores_have_their_answers(audits):
    answers = {answer.claim.id: answer for answer in audits["cnmc2019"].answers}
    xception = answers["table4-xception-weighted_f1-final"]
    vgg16 = answers["table4-vgg16-weighted_f1-final"]
    vgg19 = answers["table4-vgg19-weighted_f1-final"]
    assert (xception.verdict, vgg16.verdict) == ("unique solution", "unique solution")
    assert "825 + 1,761" in xception.detail
    assert "649 of 825" in xception.detail
    assert "1,584 of 1,761" in xception.detail
    assert "607 of 825" in vgg16.detail
    assert "1,546 of 1,761" in vgg16.detail
    assert (vgg19.verdict, vgg19.corrected) == ("slip", "82.52010758")
    assert answers["ranking-weighted-f1"].verdict == "undecidable"


def scores_of(matrices, n):
    """Returns scores with ten digits as a claim states them."""
    return {
        f"score{i}": (round(100 * float(matrix.score(n)), 8), 8, True) for i, matrix in enumerate(matrices)
    }


def answers_to(scores, n):
    claims = [
        Claim("made-up", "weighted_f1", "", "", {"scores": scores, "checked": (name,), "n": n})
        for name in scores
    ]
    return [weighted_f1.check(claim, None) for claim in claims]


def test_scores_of_one_test_set_show_its_class_sizes_and_a_slip():
    n = 900
    right = scores_of([Matrix(311, 250, 500), Matrix(311, 201, 533), Matrix(311, 287, 412)], n)
    for answer in answers_to(right, n):
        assert answer.verdict == "unique solution"
        assert "311 + 589" in answer.detail
    value = right["score2"][0]
    digits = str(value)
    wrong = float(digits[:4] + str((int(digits[4]) + 3) % 10) + digits[5:])
    answer = answers_to({**right, "score2": (wrong, 8, True)}, n)[2]
    assert (answer.verdict, float(answer.corrected)) == ("slip", value)


def test_moved_scores_seldom_have_a_solution_with_given_sizes():
    number = printed_number(86.35177019, 8, percent=True)
    found = solutions(number, 2586)
    assert 100 < found.moved < 300
    assert found.at_size.get(825, 0) <= 2


def test_numbers_with_one_other_digit_are_distinct_and_not_the_number():
    number = printed_number(82.11, 2, percent=True)
    others = [str(other) for other in one_digit_changed(number)]
    assert "82.11" not in others
    assert len(set(others)) == len(others) == 4 * 9 + 2
