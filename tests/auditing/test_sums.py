"""Totals of tables of counts."""

from dataclasses import replace

import pytest

from leukcnn import papers
from leukcnn.auditing import sums
from leukcnn.spec import Claim

LEUKNET = papers.get("leuknet_lodocv")


def with_cells(paper, table_id, changes):
    """Returns a paper with other numbers in a table: (line, column) -> number."""
    tables = []
    for table in paper.tables:
        if table.id == table_id:
            lines = [list(line) for line in table.reference]
            for (line, column), number in changes.items():
                lines[line][column] = number
            table = replace(table, reference=tuple(map(tuple, lines)))
        tables.append(table)
    return replace(paper, tables=tuple(tables), claims=())


def answers(paper):
    kind = sums.KINDS["sums"]
    return {claim.id: kind.check(claim, paper) for claim in kind.find(paper)}


def check(paper, values):
    return sums.KINDS["sums"].check(Claim("stated", "sums", "", "", values), paper)


def test_bloodlines_217_closes_both_sums_of_leuknets_table():
    answer = answers(LEUKNET)["table2-total"]
    assert (answer.verdict, answer.corrected) == ("slip", "bloodline: 217")
    for number in ("2,089", "2,102", "3,523", "3,536", "204", "217"):
        assert number in answer.detail
    assert "table2/18/2" in answer.covers


def test_corrected_table_is_consistent():
    paper = with_cells(LEUKNET, "table2", {(9, 2): 217, (9, 3): 217})
    assert answers(paper)["table2-total"].verdict == "consistent"


def test_gap_that_no_other_paper_closes_is_impossible_and_has_no_correction():
    paper = with_cells(LEUKNET, "table2", {(9, 2): 210, (9, 3): 210})
    answer = answers(paper)["table2-total"]
    # 13 - 6 are missing; Bloodline's 217 closes it. With another line off too, nothing does.
    assert answer.corrected == "bloodline: 217"
    paper = with_cells(LEUKNET, "table2", {(9, 2): 210, (9, 3): 210, (8, 2): 97, (8, 3): 97})
    answer = answers(paper)["table2-total"]
    assert (answer.verdict, answer.corrected) == ("impossible", "")


def test_gaps_in_two_classes_have_no_single_correction():
    paper = with_cells(LEUKNET, "table2", {(0, 1): 58, (0, 3): 107})
    assert answers(paper)["table2-total"].verdict == "impossible"


def test_line_that_does_not_add_up_is_named():
    paper = with_cells(LEUKNET, "table2", {(0, 1): 60})
    answer = answers(paper)["table2-lines"]
    assert answer.verdict == "impossible"
    assert "allidb1: 109, printed 108" in answer.detail


@pytest.mark.parametrize(
    ("printed", "verdict", "words"),
    [
        ({"non-pathological": 1434}, "consistent", "1,434"),
        ({"non-pathological": 1001, "pathological": 1182}, "unique solution", "lines 1 to 13"),
        ({"non-pathological": 1002, "pathological": 1182}, "impossible", "no block"),
        ({"non-pathological+pathological": 3523}, "consistent", "3,523"),
        ({"Total": "table7/9/1"}, "impossible", "3,536"),
    ],
)
def test_numbers_printed_elsewhere_are_sums_of_the_table_or_of_a_block_of_lines(printed, verdict, words):
    answer = check(LEUKNET, {"table": "table2", "printed": printed})
    assert answer.verdict == verdict
    assert words in answer.detail


def test_sets_of_cnmc_are_all_of_its_cells():
    paper = papers.get("cnmc2019")
    answer = answers(paper)["table1-sets"]
    assert answer.verdict == "consistent"
    assert "7,272" in answer.detail
    assert "3,389" in answer.detail
    assert len(answer.covers) == 10


@pytest.mark.parametrize(
    ("cell", "number", "words"),
    [((2, 1), 726, "7,271"), ((0, 3), 4000, "4,000"), ((1, 4), 5001, "differ")],
)
def test_wrong_set_is_found(cell, number, words):
    paper = with_cells(papers.get("cnmc2019"), "table1", {cell: number})
    answer = answers(paper)["table1-sets"]
    assert answer.verdict == "impossible"
    assert words in answer.detail
