"""The pages of the papers show what the audit finds."""

import csv
from pathlib import Path

import pytest

from leukcnn import papers

FOLDER = Path(__file__).parents[2] / "docs" / "papers" / "audit"


@pytest.mark.parametrize("key", papers.list_papers())
def test_page_has_the_answers_of_the_audit(key, audits):
    with (FOLDER / f"{key}.csv").open(newline="") as file:
        headings, *lines = csv.reader(file)
    assert headings == ["The paper", "Where", "Verdict", "What follows", "Corrected"]
    stored = {tuple(line) for line in lines}
    made = {(a.claim.text, a.claim.where, a.verdict, a.detail, a.corrected) for a in audits[key].answers}
    assert stored == made, "python docs/papers/audit/write.py writes them again"
