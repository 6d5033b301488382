"""Errors that papers state with a claim: the audit proves them, and their numbers are its own."""

import re
from decimal import Decimal
from types import SimpleNamespace

import pytest

from leukcnn import papers
from leukcnn.auditing.printed import printed_values
from leukcnn.fields import to_plain
from leukcnn.outputs.assumptions import assumption_table
from leukcnn.spec import Finding

KEYS = papers.list_papers()
# Without signs: "1024-256" names two sizes.
NUMBER = re.compile(r"(?<![\w.])(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)(?!\w)")
# Numbers that are part of a name.
NAMES = re.compile(
    r"(?:Tables?|Figures?|[Ss]ections?|Figs?\.) [\dIVX.]+|ALL-IDB ?\d|\d+-fold|Keras \d|VGG-\d+|\d+-\d+"
)


@pytest.fixture(scope="module")
def answers(audits):
    return {key: {answer.claim.id: answer for answer in audits[key].answers} for key in KEYS}


def numbers_in(text):
    """Returns the numbers in a text, without those in names of tables, datasets and layers."""
    found = NUMBER.findall(NAMES.sub("", text))
    return {Decimal(number.replace(",", "")).normalize() for number in found}


@pytest.mark.parametrize("key", KEYS)
def test_every_linked_claim_exists_and_proves_something(answers, key):
    for finding in papers.get(key).findings:
        for claim in finding.claims:
            assert claim in answers[key], (finding.where, claim)
        verdicts = {answers[key][claim].verdict for claim in finding.claims}
        assert verdicts != {"consistent"} or "unique" in finding.text, finding.text


@pytest.mark.parametrize("key", KEYS)
def test_every_number_of_a_linked_finding_is_the_audits_or_printed(answers, key):
    paper = papers.get(key)
    printed = {abs(Decimal(str(value)).normalize()) for value in printed_values(paper).values()}
    # A fraction and its percentage are one number.
    printed |= {(value * factor).normalize() for value in printed for factor in (100, Decimal("0.01"))}
    stated = numbers_in(str([to_plain(claim) for claim in paper.claims]))
    for finding in paper.findings:
        if not finding.claims:
            continue
        own = [answers[key][claim] for claim in finding.claims]
        text = " ".join(
            f"{one.detail} {one.corrected} {one.searched} {one.certainty} {one.claim.text}" for one in own
        )
        unknown = numbers_in(finding.text) - numbers_in(text) - printed - stated
        assert unknown == set(), (finding.where, finding.claims)


def test_run_names_the_claims_of_its_findings():
    findings = (Finding("Two sums are wrong.", "Table 2", ("sums", "total")), Finding("No time.", "Table 3"))
    table = assumption_table(
        SimpleNamespace(
            paper=SimpleNamespace(assumptions=(), findings=findings, folders=()),
            record=SimpleNamespace(assumed={}),
        )
    )
    assert table.notes[1:] == ("Table 2: Two sums are wrong. (audit: sums, total)", "Table 3: No time.")
