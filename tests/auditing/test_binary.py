"""Confusion matrices that give rows of two classes, and sizes of the test set that give tables."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leukcnn.auditing import binary
from leukcnn.auditing.printed import PrintedNumber
from leukcnn.auditing.two_classes import Matrices, all_matrices
from leukcnn.seeding import generator
from leukcnn.spec import Published, Sample
from tests.auditing.counts_of_papers import answers, check, claims
from tests.auditing.made_up import paper_of, paper_of_matrices, values_of


@pytest.fixture(scope="module", autouse=True)
def few_controls():
    # They take most of the time here, and only `test_control_counts_moved_rows` is about them.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(binary, "CONTROLS", 50)
        yield


def answers_of(paper, kind):
    return [check(paper, claim) for claim in claims(paper, kind).values()]


def test_table_2_of_cnmc_is_impossible_on_its_stated_test_set():
    found = answers("cnmc2019", "binary_row")
    for row in ("vgg16", "vgg19", "xception"):
        assert found[f"binary-row-table2-{row}"].verdict == "impossible"


def test_table_2_of_cnmc_is_that_of_a_balanced_test_set():
    found = answers("cnmc2019", "binary_row")
    vgg16, vgg19, xception = (found[f"balanced-{row}"] for row in ("vgg16", "vgg19", "xception"))
    assert vgg16.verdict == "unique solution"
    assert "319 of 339 positive and 308 of 339 negative" in vgg16.detail
    assert (vgg19.verdict, vgg19.corrected) == ("slip", "specificity 89.68")
    assert "317 of 339 positive and 304 of 339 negative" in vgg19.detail
    assert (xception.verdict, xception.corrected) == ("slip", "F1-score 90.75")
    assert "319 of 339 positive and 294 of 339 negative" in xception.detail
    assert "90.76 follows from the printed precision and recall" in xception.detail


def test_no_other_size_fits_table_2_of_cnmc():
    answer = answers("cnmc2019", "test_size")["test-size-table2"]
    assert answer.verdict == "unique solution"
    assert "Only 339 positive and 339 negative" in answer.detail
    assert "not the stated 727 + 339" in answer.detail
    assert "specificity 89.68" in answer.detail
    assert answer.certainty.startswith("exact; 0 of 50 tables")


def test_recall_and_kappa_of_a_row_are_exchanged():
    answer = answers("leuknet_lodocv", "binary_row")["binary-row-table6-features_mdft-allidb1-within"]
    assert (answer.verdict, answer.corrected) == ("slip", "recall 85.71, kappa 0.8304")
    assert "42 of 49 positive and 57 of 59 negative" in answer.detail


def test_all_other_rows_of_features_are_one_matrix_each():
    found = answers("leuknet_lodocv", "binary_row")
    rows = [answer for name, answer in found.items() if name.startswith("binary-row-table6-")]
    assert [answer.verdict for answer in rows].count("unique solution") == 11
    assert len(rows) == 12
    # A kappa of -.00769 is printed as -0.007.
    answer = found["binary-row-table6-features_imagenet-allidb2"]
    assert "78 of 130 positive and 51 of 130 negative" in answer.detail
    assert "kappa -0.007 has no zero at its end" in answer.detail


def test_vogado_on_ufg_is_a_weighted_average():
    answer = answers("leuknet_lodocv", "binary_row")["binary-row-table9-vogado2018-ufg"]
    assert answer.verdict == "unique solution"
    assert "56 of 64 positive and 7 of 57 negative" in answer.detail


def test_the_kfold_rows():
    found = answers("leuknet_lodocv", "binary_row")
    for name in ("binary-row-table8-leuknet", "kfold-row-of-lines"):
        assert found[name].verdict == "impossible"
        assert "98.18" in found[name].detail or "98.17" in found[name].detail
    assert found["binary-row-table8-vogado2018"].verdict == "undecidable"


def test_leukonet_contradicts_itself():
    assert answers("cnmc2019", "binary_row")["leukonet-row"].verdict == "impossible"


def test_all_idb_leaves_several_matrices():
    answer = answers("allidb_lightweight", "binary_row")["binary-row-table1-lightweight-allidb1"]
    assert answer.verdict == "consistent"
    assert "48 of 49 positive and 59 of 59 negative" in answer.detail


@given(st.integers(2, 30), st.integers(2, 30), st.data())
@settings(max_examples=20, deadline=None)
def test_rows_computed_from_matrices_are_possible(positives, negatives, data):
    tp, tn = data.draw(st.integers(0, positives)), data.draw(st.integers(0, negatives))
    paper = paper_of_matrices([(tp, tn)], negatives, positives)
    (answer,) = answers_of(paper, "binary_row")
    assert answer.verdict in ("unique solution", "consistent"), answer.detail


def test_moved_rows_are_impossible_or_slips():
    rng = generator(0, "tests", "moved rows")
    verdicts = []
    for _ in range(20):
        tp, tn = int(rng.integers(40, 100)), int(rng.integers(40, 120))
        values = values_of(tp, 100, tn, 120)
        for name in ("accuracy", "recall"):
            values[name] = round(values[name] + float(rng.choice([-1, 1]) * rng.uniform(0.03, 0.3)), 2)
        published = tuple(Published("vgg16", name, value) for name, value in values.items())
        (answer,) = answers_of(paper_of(published, Sample((120, 100))), "binary_row")
        verdicts.append(answer.verdict)
    assert set(verdicts) == {"impossible"}


def test_a_single_wrong_value_is_corrected():
    for metric in ("accuracy", "precision", "recall", "specificity", "f1", "kappa"):
        values = values_of(80, 100, 90, 120)
        right = values[metric]
        values[metric] = round(right + (0.0213 if metric == "kappa" else 2.13), 4)
        published = tuple(Published("vgg16", name, value) for name, value in values.items())
        (answer,) = answers_of(paper_of(published, Sample((120, 100))), "binary_row")
        assert answer.verdict == "slip", (metric, answer.detail)
        assert answer.corrected.endswith(f" {right:.4f}" if metric == "kappa" else f" {right:.2f}")


def test_the_size_of_a_balanced_set_is_found():
    paper = paper_of_matrices([(70, 81), (66, 90), (83, 61)], 97, 97)
    stated = Sample((97, 180))
    table = paper.tables[0]
    moved = paper_of(table.published, stated)
    (answer,) = answers_of(moved, "test_size")
    assert answer.verdict == "unique solution"
    assert "Only 97 positive and 97 negative" in answer.detail
    assert {one.verdict for one in answers_of(moved, "binary_row")} == {"impossible"}


def test_no_size_fits_moved_tables():
    rng = generator(0, "tests", "moved tables")
    published = tuple(
        Published(row, name, round(min(99.99, value + float(rng.uniform(0.03, 0.3))), 4))
        for row, matrix in (("vgg16", (70, 81)), ("vgg19", (66, 90)), ("xception", (83, 61)))
        for name, value in values_of(matrix[0], 97, matrix[1], 97).items()
    )
    (answer,) = answers_of(paper_of(published, Sample((97, 97))), "test_size")
    assert answer.verdict == "impossible"


@pytest.mark.parametrize("metric", ["macro_f1", "weighted_precision", "kappa", "precision", "f1"])
def test_metrics_are_those_of_scikit_learn(metric):
    matrices = all_matrices(5, 4)
    above, below = matrices.metric(metric)
    for i in range(len(matrices)):
        tp, tn = int(matrices.tp[i]), int(matrices.tn[i])
        expected = values_of(tp, 5, tn, 4)[metric]
        scale = 1 if metric == "kappa" else 100
        assert abs(above[i] / below[i] * scale - expected) < 0.0051


def test_a_matrix_without_predictions_of_a_class_has_a_precision_of_0():
    one = Matrices(*(np.array([value]) for value in (5, 4, 0, 4)))
    assert len(one.fitting({"precision": PrintedNumber(0, 2, True)}, "rounded")) == 1


def test_a_search_that_is_too_large_is_undecidable():
    rows = ("vgg16", "vgg19", "xception")
    published = tuple(
        Published(row, metric, 90.0 + i)
        for i, row in enumerate(rows)
        for metric in ("accuracy", "precision", "recall")
    )
    (answer,) = answers_of(paper_of(published, Sample((900, 1900))), "test_size")
    assert answer.verdict == "undecidable"
    huge = paper_of(published[:3], Sample((9000, 19000)))
    (answer,) = answers_of(huge, "binary_row")
    assert answer.verdict == "undecidable"


def test_control_counts_moved_rows():
    precise = paper_of_matrices([(80, 90)], 120, 100)
    (answer,) = answers_of(precise, "binary_row")
    assert answer.certainty.startswith("exact; 0 of 50 sets of values moved by .03 to .3")
    # Two values without decimals are possible however they are moved.
    coarse = (Published("vgg16", "accuracy", 77.0), Published("vgg16", "recall", 80.0))
    (answer,) = answers_of(paper_of(coarse, Sample((120, 100))), "binary_row")
    assert "; 50 of 50 sets of values moved by .03 to .3, or one unit of the last digit" in answer.certainty
