"""Kappa and averages of several classes: found with counts, or proved impossible."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, precision_recall_fscore_support

from leukcnn import papers
from leukcnn.auditing import multiclass
from leukcnn.auditing.audit import audit
from leukcnn.auditing.class_counts import Relaxation, find_counts, metrics_of, ranges
from leukcnn.auditing.fold_sets import fold_sizes
from leukcnn.auditing.multiclass import Row, Value, outcome_of
from leukcnn.auditing.printed import printed_number
from leukcnn.spec import Claim, Published, Sample, Table

NAMES = (
    "accuracy",
    "kappa",
    *(f"{a}_{m}" for a in ("macro", "weighted") for m in ("precision", "recall", "f1")),
)


def random_counts(sizes, rng, error=0.2):
    """Returns misses and false predictions of a random confusion matrix for each fold."""
    folds, classes = sizes.shape
    matrices = np.zeros((folds, classes, classes), dtype=int)
    for fold, label in itertools.product(range(folds), range(classes)):
        chances = rng.dirichlet(np.ones(classes)) * error
        chances[label] += 1 - error
        matrices[fold, label] = rng.multinomial(sizes[fold, label], chances)
    hits = np.diagonal(matrices, axis1=1, axis2=2)
    return matrices, matrices.sum(axis=2) - hits, matrices.sum(axis=1) - hits


def printed_row(sizes, folds, values):
    """Returns the row that a paper would print."""
    numbers = {
        name: Value(printed_number(round(value, 4), 4))
        if name == "kappa"
        else Value(printed_number(round(100 * value, 2), 2, percent=True))
        for name, value in values.items()
    }
    return Row(numbers, sizes, folds)


def test_metrics_are_scikit_learns():
    rng = np.random.default_rng(0)
    sizes = np.array([[9, 6, 5], [8, 7, 5]])
    for _ in range(10):
        matrices, misses, false = random_counts(sizes, rng, error=0.6)
        values = metrics_of(NAMES, sizes, misses, false)
        for fold, matrix in enumerate(matrices):
            truth = np.repeat(np.arange(3), matrix.sum(axis=1))
            predicted = np.concatenate([np.repeat(np.arange(3), row) for row in matrix])
            assert values["kappa"][fold] == pytest.approx(cohen_kappa_score(truth, predicted))
            for average in ("macro", "weighted"):
                scores = precision_recall_fscore_support(
                    truth, predicted, average=average, zero_division=0, labels=[0, 1, 2]
                )
                for name, score in zip(("precision", "recall", "f1"), scores[:3], strict=True):
                    assert values[f"{average}_{name}"][fold] == pytest.approx(score)


def every_count(sizes, wrong):
    """Yields misses and false predictions of all confusion matrices of one fold."""
    ways = [each for each in itertools.product(range(wrong + 1), repeat=len(sizes)) if sum(each) == wrong]
    for misses, false in itertools.product(ways, repeat=2):
        if all(m <= n and m + f <= wrong for m, f, n in zip(misses, false, sizes, strict=True)):
            yield np.array(misses), np.array(false)


@pytest.mark.parametrize(("sizes", "wrong"), [((6, 5, 4), 4), ((7, 3, 2), 3), ((5, 4, 3, 2), 2)])
def test_ranges_are_those_of_all_matrices(sizes, wrong):
    fold = np.array([sizes])
    found = [metrics_of(NAMES, fold, m[None], f[None]) for m, f in every_count(sizes, wrong)]
    for name, (least, most) in ranges(fold, wrong).items():
        values = [float(each[name].mean()) for each in found]
        if name in ("kappa", "macro_recall"):
            assert (min(values), max(values)) == pytest.approx((least, most))
        assert least - 1e-12 <= min(values)
        assert max(values) <= most + 1e-12


def test_ranges_over_folds_are_those_of_all_matrices():
    folds = np.array([[4, 3, 2], [3, 3, 2]])
    wrong = 3
    values = {name: [] for name in ("kappa", "macro_recall")}
    for first in range(wrong + 1):
        pairs = itertools.product(every_count(folds[0], first), every_count(folds[1], wrong - first))
        for (m1, f1), (m2, f2) in pairs:
            found = metrics_of(values, folds, np.stack([m1, m2]), np.stack([f1, f2]))
            for name in values:
                values[name].append(float(found[name].mean()))
    for name, every in values.items():
        assert (min(every), max(every)) == pytest.approx(ranges(folds, wrong)[name])


@pytest.mark.parametrize("folds", [1, 5])
def test_values_of_random_matrices_are_never_impossible(folds):
    rng = np.random.default_rng(folds)
    classes = (106, 79, 56)
    for number in range(25):
        sizes = fold_sizes(classes, folds)
        _, misses, false = random_counts(sizes, rng, error=rng.uniform(0.02, 0.6))
        values = {name: float(each.mean()) for name, each in metrics_of(NAMES, sizes, misses, false).items()}
        if number % 2:
            # The paper doesn't say which averages these are.
            values = {
                **{name: values[name] for name in ("accuracy", "kappa")},
                "precision": values["macro_precision"],
                "recall": values["macro_recall"],
            }
        row = printed_row(classes, folds, values)
        for metrics in row.combinations:
            if number % 2 and metrics != ("macro_precision", "macro_recall"):
                continue
            targets = row.targets(metrics, sizes)
            assert targets is not None
            assert not Relaxation(sizes, targets).excludes(), (number, metrics)


def test_moved_values_are_mostly_impossible():
    rng = np.random.default_rng(0)
    classes, excluded = (1058, 794, 563), 0
    sizes = np.array([classes])
    for _ in range(20):
        _, misses, false = random_counts(sizes, rng, error=0.03)
        values = {name: float(each.mean()) for name, each in metrics_of(NAMES, sizes, misses, false).items()}
        moved = {"accuracy": values["accuracy"], "kappa": values["kappa"] - 0.005}
        row = printed_row(classes, 1, {**moved, "recall": values["macro_recall"], "precision": 0.99})
        excluded += all(outcome_of(row, metrics).excluded for metrics in row.combinations)
    assert excluded >= 18


def test_large_test_sets_are_held_to_the_ranges_of_each_metric():
    sizes = np.array([[60_000, 50_000, 40_000]])
    of_wrong = ranges(sizes, 9_000)
    accuracy = (0.94 - 1e-9, 0.94 + 1e-9)
    for name in ("kappa", "macro_recall"):
        least, most = of_wrong[name]
        for ends, excluded in (((least, most), False), ((most + 1e-4, 1), True), ((0, least - 1e-4), True)):
            relaxation = Relaxation(sizes, {"accuracy": accuracy, name: ends})
            assert relaxation.excludes() is excluded


def test_search_finds_counts_that_have_the_values():
    rng = np.random.default_rng(0)
    sizes = fold_sizes((106, 79, 56), 3)
    _, misses, false = random_counts(sizes, rng, error=0.1)
    names = ("accuracy", "kappa", "macro_precision", "weighted_f1")
    values = {name: float(each.mean()) for name, each in metrics_of(names, sizes, misses, false).items()}
    targets = {name: (value - 1e-3, value + 1e-3) for name, value in values.items()}
    found = find_counts(sizes, targets)
    assert found is not None
    m, f = found
    assert (m.sum(axis=1) == f.sum(axis=1)).all()
    assert ((m + f <= m.sum(axis=1, keepdims=True)) & (m <= sizes)).all()
    for name, each in metrics_of(names, sizes, m, f).items():
        assert each.mean() == pytest.approx(values[name], abs=1.001e-3)


def test_rows_of_alert_net_have_their_answers(audits):
    answers = {answer.claim.id: answer for answer in audits["alertnet"].answers}
    kappa = answers["table3-alertnet-kappa"]
    assert kappa.verdict == "impossible"
    assert "0.93633 to 0.93795 pooled and 0.93273 to 0.94095 over the folds" in kappa.detail
    possible = {row: answers[f"table3-{row}-averages"] for row in ("alertnet", "alertnet_r", "alertnet_rwd")}
    assert [answer.verdict for answer in possible.values()] == ["impossible", "impossible", "consistent"]
    assert "at least" not in possible["alertnet_rwd"].detail
    assert "36 or more" in answers["table3-alertnet_wd-averages"].detail
    assert "52 or more" in answers["table3-alertnet_xwd-averages"].detail
    assert "Impossible" not in possible["alertnet_rwd"].detail
    assert answers["table6-resnet50_dft-averages"].verdict == "consistent"
    for row in ("alertnet_wd", "alertnet_x", "alertnet_xwd"):
        assert "Impossible together: macro precision and weighted recall" in (
            answers[f"table3-{row}-averages"].detail
        )


def test_wrong_number_of_classes_kappa_is_impossible_in_a_made_up_row():
    values = {
        "accuracy": Value(printed_number(90.0, 1, percent=True)),
        "kappa": Value(printed_number(0.95, 2)),
    }
    claim = Claim("made-up", "agreement", "", "", {"row": Row(values, (50, 30, 20)), "only": "kappa"})
    assert multiclass.check(claim, None).verdict == "impossible"


def sixth_paper():
    """Returns a paper that isn't in leukcnn: values of a network that errs at random, in 4 folds."""
    classes, rng = (120, 90, 70, 60), np.random.default_rng(6)
    sizes = fold_sizes(classes, 4)
    _, misses, false = random_counts(sizes, rng, error=0.15)
    names = ("accuracy", "kappa", "weighted_precision", "macro_recall")
    values = metrics_of(names, sizes, misses, false)
    published = tuple(
        Published(
            "resnet50",
            name,
            round(float(each.mean()), 4) if name == "kappa" else round(100 * float(each.mean()), 2),
            std=round(100 * float(each.std(ddof=1)), 2) if name == "accuracy" else None,
        )
        for name, each in values.items()
    )
    table = Table("scores", "Scores", "metrics", published=published, samples=(Sample(classes, folds=4),))
    own = papers.get("taleghani_resnet50")
    return replace(own, key="sixth", tables=(table,), figures=(), claims=(), findings=())


def test_sixth_paper_gets_its_claims_from_its_values():
    answers = {answer.claim.id: answer for answer in audit(sixth_paper()).answers}
    assert {"scores-resnet50-folds", "scores-resnet50-kappa", "scores-resnet50-averages"} <= answers.keys()
    verdicts = {name: answer.verdict for name, answer in answers.items() if name.startswith("scores-")}
    assert set(verdicts.values()) <= {"consistent", "unique solution"}, verdicts


def test_sixth_paper_with_a_wrong_kappa_is_found_out():
    paper = sixth_paper()
    table = paper.tables[0]
    wrong = tuple(replace(p, value=p.value - 0.08) if p.metric == "kappa" else p for p in table.published)
    answers = audit(replace(paper, tables=(replace(table, published=wrong),))).answers
    verdicts = {answer.claim.id: answer.verdict for answer in answers}
    assert verdicts["scores-resnet50-kappa"] == "impossible"
    assert verdicts["scores-resnet50-averages"] == "impossible"
