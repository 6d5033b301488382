"""Classification reports: every confusion matrix that gives one."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import classification_report

from leukcnn.auditing.reports import Report, solve


def report_of_matrix(matrix):
    """Returns a matrix's report with two decimals, as scikit-learn prints it."""
    truth = np.repeat(np.arange(len(matrix)), matrix.sum(axis=1))
    predicted = np.concatenate([np.repeat(np.arange(len(matrix)), row) for row in matrix])
    text = classification_report(truth, predicted, labels=range(len(matrix)), zero_division=0)
    lines = [line.split() for line in text.splitlines() if line.strip()][1:]
    classes = tuple((*map(float, line[1:4]), int(float(line[4]))) for line in lines[: len(matrix)])
    accuracy = float(lines[len(matrix)][1])
    averages = tuple((" ".join(line[:2]), tuple(map(float, line[2:5]))) for line in lines[len(matrix) + 1 :])
    return Report(classes, averages, accuracy)


def matrices(supports):
    """Yields all confusion matrices of three classes."""
    rows = [[row for row in itertools.product(range(n + 1), repeat=3) if sum(row) == n] for n in supports]
    yield from (np.array(each) for each in itertools.product(*rows))


def test_solutions_are_those_of_all_matrices():
    every = [(matrix, report_of_matrix(matrix)) for matrix in matrices((3, 2, 1))]
    rng = np.random.default_rng(0)
    for place in rng.choice(len(every), 20, replace=False):
        report = every[place][1]
        expected = {
            (tuple(np.diag(matrix)), tuple(matrix.sum(axis=0))) for matrix, other in every if other == report
        }
        found = solve(report)
        pairs = {
            (tuple(h), tuple(q)) for h, q in zip(found.hits.tolist(), found.predictions.tolist(), strict=True)
        }
        assert expected <= pairs
        # The others have a half that scikit-learn rounds the other way.
        own = {
            (tuple(np.diag(matrix)), tuple(matrix.sum(axis=0))): np.array(other.classes)
            for matrix, other in every
        }
        for pair in pairs - expected:
            assert np.abs(own[pair] - np.array(report.classes)).max() <= 0.011


@pytest.mark.parametrize("seed", range(4))
def test_report_of_a_random_matrix_is_possible(seed):
    rng = np.random.default_rng(seed)
    matrix = np.stack(
        [rng.multinomial(n, p) for n, p in zip((95, 191, 206), rng.dirichlet([9, 1, 1], 3), strict=True)]
    )
    found = solve(report_of_matrix(matrix))
    assert any(
        (hits == np.diag(matrix)).all() and (predictions == matrix.sum(axis=0)).all()
        for hits, predictions in zip(found.hits, found.predictions, strict=True)
    )


def test_both_reports_of_the_taleghani_paper(audits):
    answers = {answer.claim.id: answer for answer in audits["taleghani_resnet50"].answers}
    before, after = answers["report-report"], answers["report_modified-report"]
    assert before.detail.startswith("645 or 646 of 651 images are right (99.08 or 99.23 %)")
    assert after.detail.startswith("644 or 645 of 651 images are right (98.92 or 99.08 %)")
    assert before.verdict == after.verdict == "consistent"
    assert answers["abstract-test-accuracy"].verdict == "impossible"
    assert answers["modifications"].verdict == "impossible"
    assert "benign 94" in before.detail
    assert "benign 93" in after.detail


def test_log_of_the_taleghani_paper(audits):
    answers = {answer.claim.id: answer for answer in audits["taleghani_resnet50"].answers}
    verdicts = [answers[f"validation-epoch{epoch}"].verdict for epoch in (1, 2, 3)]
    assert verdicts == ["impossible", "impossible", "consistent"]
    assert "319 of 326" in answers["validation-epoch3"].detail
    assert answers["validation-together"].verdict == "impossible"
    assert answers["training-epoch3"].verdict == "impossible"
