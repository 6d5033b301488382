"""Numbers of the text against each other, the tables and other papers."""

from dataclasses import replace

import pytest

from leukcnn import papers
from leukcnn.auditing import statements
from leukcnn.spec import Claim, Table

LEUKNET = papers.get("leuknet_lodocv")


def check(values, paper=LEUKNET):
    return statements.KINDS["statement"].check(Claim("stated", "statement", "", "", values), paper)


def found(paper):
    kind = statements.KINDS["statement"]
    return {claim.id: kind.check(claim, paper) for claim in kind.find(paper)}


@pytest.mark.parametrize(
    ("numbers", "verdict"),
    [
        ((98.28, 98.24), "impossible"),
        ((98.24, "table7/9/3", "table8/leuknet/accuracy"), "consistent"),
        # A number with fewer decimals may be rounded or truncated.
        ((97.04, 97), "consistent"),
        ((97.96, 97), "consistent"),
        ((97.96, 98), "consistent"),
        ((98.0, 97), "impossible"),
        ((2018, 2017), "impossible"),
        ((-0.007, -0.01), "consistent"),
    ],
)
def test_numbers_of_one_quantity(numbers, verdict):
    places = tuple((number, f"place {i}") for i, number in enumerate(numbers))
    assert check({"same": {"quantity": places}}).verdict == verdict


def test_final_zero_of_a_published_value_counts():
    alertnet = papers.get("alertnet")
    recall, accuracy = "table5/xception_sft/recall", "table5/xception_sft/accuracy"
    answer = check({"same": {"recall": ((recall, "V"), (accuracy, "V"))}}, alertnet)
    assert answer.verdict == "impossible"
    assert "72.084 in V, but 72.00 in V" in answer.detail
    assert answer.covers == (recall, accuracy)


def test_difference_between_papers_is_open():
    answer = check({"same": {"images": ((903, "Table I"), (2478, "Table I", "alertnet"))}})
    assert answer.verdict == "undecidable"


@pytest.mark.parametrize(
    ("values", "verdict", "corrected"),
    [
        ({"sum": {"ALL": 49, "healthy": 59}, "total": 108}, "consistent", ""),
        ({"sum": {"ALL": 39, "healthy": 59}, "total": 108, "dataset": "allidb1"}, "slip", "ALL: 49"),
        ({"sum": {"ALL": 39, "healthy": 59}, "total": 108}, "impossible", ""),
        ({"sum": {"ALL": 39, "healthy": 60}, "total": 108, "dataset": "allidb1"}, "impossible", ""),
        ({"product": {"a": 7, "b": 7, "c": 2048}, "total": 100_352}, "consistent", ""),
        ({"product": {"a": 7, "b": 7, "c": 2048}, "total": 100_353}, "impossible", ""),
        ({"ratio": (24_638_339, 8_792_963), "says": 3}, "consistent", ""),
        ({"ratio": (24_638_339, 8_792_963), "says": 4}, "impossible", ""),
        ({"rank": 98, "among": (97, 96), "says": 1}, "consistent", ""),
        # Digits that aren't printed may put it first; not where another is higher, though.
        ({"rank": 98, "among": (98, 96), "says": 1}, "undecidable", ""),
        ({"rank": 98, "among": (98, 99), "says": 1}, "impossible", ""),
        ({"rank": 95, "among": (97, 96), "says": 2}, "impossible", ""),
        ({"together": (98, 99), "among": {"a": (98.2, 98.6), "b": (99, 98)}}, "unique solution", ""),
        ({"together": (98, 99), "among": {"a": (97.2, 98.6), "b": (99.1, 97.9)}}, "impossible", ""),
    ],
)
def test_arithmetic(values, verdict, corrected):
    paper = papers.get("allidb_lightweight")
    answer = check(values, paper)
    assert (answer.verdict, answer.corrected) == (verdict, corrected)


def test_works_that_two_papers_cite_with_other_numbers():
    leuknet, alertnet = found(LEUKNET), found(papers.get("alertnet"))
    for answers in (leuknet, alertnet):
        assert answers["work-ahmed"].verdict == "undecidable"
        assert "2478" in answers["work-ahmed"].detail
        assert "903" in answers["work-ahmed"].detail
        assert answers["work-thanh"].verdict == "undecidable"
        assert answers["work-rehman"].verdict == "consistent"


def test_datasets_that_two_papers_print_with_other_numbers():
    answer = found(LEUKNET)["table2-elsewhere"]
    assert answer.verdict == "undecidable"
    assert "204" in answer.detail
    assert "217" in answer.detail
    assert answer.detail.count(":") == 1


def test_row_with_two_values_in_two_tables_is_found():
    tables = tuple(
        replace(
            table, published=tuple(replace(one, value=97.05) if one.value == 97.04 else one for one in ps)
        )
        if table.id == "table5" and (ps := table.published)
        else table
        for table in LEUKNET.tables
    )
    answer = found(replace(LEUKNET, tables=tables))["repeated-leuknet"]
    assert answer.verdict == "impossible"
    assert "97.04 in Table IV, but 97.05 in Table V" in answer.detail
    # Two copies of a number are no check of it.
    assert found(LEUKNET)["repeated-leuknet"].covers == ()


def test_sixth_paper_is_compared_with_leuknets_five():
    table = Table(
        "table9",
        "Related work",
        "reference",
        where="Table 9",
        columns=("Work", "Images", "Accuracy (%)"),
        reference=(("Ahmed et al.", 904, 88.25), ("Nobody else", 10, 90.0)),
    )
    cnmc = papers.get("cnmc2019")
    answers = found(replace(cnmc, key="sixth", tables=(table,), claims=()))
    assert answers["work-ahmed"].verdict == "undecidable"
    assert "904" in answers["work-ahmed"].detail
    assert "work-nobody" not in answers


def test_condition_of_a_contradiction_is_part_of_its_verdict():
    paper = papers.get("alertnet")
    answer = check(
        {"same": {"recall": ((72.084, "column 1"), (72.01, "column 2"))}, "if": "it is weighted"}, paper
    )
    assert answer.verdict == "impossible"
    assert answer.detail.endswith("; they can't both be right if it is weighted")
    assert answer.certainty == "exact if it is weighted"
