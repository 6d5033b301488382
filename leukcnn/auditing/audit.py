"""Audits a paper: every claim of its tables and of its text, each with its answer."""

import importlib
from collections.abc import Iterator

from leukcnn import spec
from leukcnn.auditing.answers import Answer, AuditKind
from leukcnn.spec.kinds import CLAIMS


def kind_of(name: str) -> AuditKind:
    """Returns a kind of claim by its name in `leukcnn.spec.kinds.CLAIMS`."""
    kinds: dict[str, AuditKind] = importlib.import_module(CLAIMS[name].module).KINDS
    return kinds[name]


def claims_of(paper: spec.Paper) -> Iterator[spec.Claim]:
    """Yields a paper's claims: those that follow from its tables, then those that it states."""
    for name in CLAIMS:
        yield from kind_of(name).find(paper)
    yield from paper.claims


def answers_of(paper: spec.Paper) -> list[Answer]:
    """Returns the answer to every claim of a paper."""
    return [kind_of(claim.kind).check(claim, paper) for claim in claims_of(paper)]
