"""Answers to a paper's claims about whole numbers of images, computed once for all tests."""

import importlib
from functools import cache

from leukcnn import papers
from leukcnn.spec.kinds import CLAIMS


def claims(paper, kind):
    """Returns the claims of a kind, by id."""
    checks = importlib.import_module(CLAIMS[kind].module).KINDS[kind]
    found = [*checks.find(paper), *(claim for claim in paper.claims if claim.kind == kind)]
    return {claim.id: claim for claim in found}


def check(paper, claim):
    return importlib.import_module(CLAIMS[claim.kind].module).KINDS[claim.kind].check(claim, paper)


@cache
def answers(key, kind):
    """Returns the answers to the claims of a kind in one of leukcnn's papers, by id."""
    paper = papers.get(key)
    return {name: check(paper, claim) for name, claim in claims(paper, kind).items()}
