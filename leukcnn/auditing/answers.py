"""The answer to a claim: a verdict, what was searched, and how sure it is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from leukcnn import spec

CONSISTENT = "consistent"
IMPOSSIBLE = "impossible"
UNIQUE = "unique solution"
SLIP = "slip"
UNDECIDABLE = "undecidable"
VERDICTS = (CONSISTENT, IMPOSSIBLE, UNIQUE, SLIP, UNDECIDABLE)
"""Verdicts: possible; not possible; possible in one way only; a value is wrong, and which is right; open."""


@dataclass(frozen=True)
class Answer:
    """What arithmetic says about a claim.

    Attributes:
        claim: The claim.
        verdict: One of `VERDICTS`.
        detail: What follows, in a sentence with its numbers, such as "317 of 339 malignant and 304 of 339
            healthy cells are right".
        searched: What was searched, with its size, such as "340 x 340 confusion matrices".
        certainty: How sure the verdict is: "exact" if every case was tried, else what it rests on, such as
            "5 of 1,000 sets of values moved by .03 to .3 have a solution too".
        corrected: The value that should be printed, as text; "" unless the verdict is "slip".
        covers: Names of the printed values that the claim is about, see `leukcnn.auditing.printed`.
    """

    claim: spec.Claim
    verdict: str
    detail: str
    searched: str
    certainty: str
    corrected: str = ""
    covers: tuple[str, ...] = ()


def all_of(n: int, nouns: str) -> str:
    """Returns "both values" for two values, "all 3 values" for three."""
    return f"both {nouns}" if n == 2 else f"all {n} {nouns}"


@dataclass(frozen=True)
class AuditKind:
    """A kind of claim.

    Attributes:
        check: Takes a claim and its paper; returns the answer.
        find: Takes a paper; yields the claims of this kind that follow from its tables.
    """

    check: Callable[[spec.Claim, spec.Paper], Answer]
    find: Callable[[spec.Paper], Iterable[spec.Claim]] = lambda paper: ()
