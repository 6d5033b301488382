"""Audits a paper: every claim of its tables and of its text, each with its answer."""

import importlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from leukcnn import spec
from leukcnn.auditing.answers import (
    CONSISTENT,
    IMPOSSIBLE,
    SLIP,
    UNDECIDABLE,
    UNIQUE,
    VERDICTS,
    Answer,
    AuditKind,
)
from leukcnn.auditing.printed import numbers_of, where_of, why_not_audited
from leukcnn.errors import LeukCNNError, SpecError
from leukcnn.files import replace_file
from leukcnn.rendering.renderings import to_text, write
from leukcnn.rendering.tables import Column, Table
from leukcnn.spec.kinds import CLAIMS

_FIRST = (SLIP, IMPOSSIBLE, UNIQUE, UNDECIDABLE, CONSISTENT)
# Columns of the table of claims that a terminal shows.
_SHORT = 6
_FAULTS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


@dataclass(frozen=True)
class Value:
    """A printed value, and how the audit covers it.

    Attributes:
        name: Its name, such as "table4/vgg16/accuracy/allidb1".
        value: The value as printed.
        where: The place of its table in the paper.
        claims: Ids of the claims about it.
        why_not: Why no claim is about it; "" if there is one, or if nothing says why.
    """

    name: str
    value: int | float
    where: str
    claims: tuple[str, ...]
    why_not: str


@dataclass(frozen=True)
class Audit:
    """The audit of a paper; a notebook and `print` show its claims as a table.

    Attributes:
        paper: The paper.
        answers: The answer to every claim: first the errors, last what is consistent.
    """

    paper: spec.Paper
    answers: tuple[Answer, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Verdict -> number of claims."""
        found = Counter(answer.verdict for answer in self.answers)
        return {verdict: found[verdict] for verdict in VERDICTS}

    @cached_property
    def values(self) -> tuple[Value, ...]:
        """Every number that the paper's tables print."""
        claims: dict[str, list[str]] = {}
        for answer in self.answers:
            for name in dict.fromkeys(answer.covers):
                claims.setdefault(name, []).append(answer.claim.id)
        return tuple(
            Value(
                name,
                number,
                where_of(table),
                tuple(claims.get(name, ())),
                "" if name in claims else why_not_audited(table, name),
            )
            for table in self.paper.tables
            for name, number in numbers_of(table)
        )

    @property
    def not_covered(self) -> tuple[str, ...]:
        """Names of the printed values that no claim is about and whose table doesn't say why."""
        return tuple(value.name for value in self.values if not value.claims and not value.why_not)

    @property
    def summary(self) -> str:
        """Claims by verdict, and how many printed values they are about, in one line."""
        verdicts = ", ".join(f"{n} {verdict}" for verdict, n in self.counts.items() if n) or "none"
        covered = sum(bool(value.claims) for value in self.values)
        explained = sum(bool(value.why_not) for value in self.values)
        rest = len(self.not_covered)
        return (
            f"{len(self.answers)} claims: {verdicts}. {len(self.values)} printed values: {covered} checked, "
            f"{explained} not checked for a stated reason{f', {rest} not checked' if rest else ''}."
        )

    @property
    def tables(self) -> tuple[Table, Table]:
        """The claims with their answers, and the printed values with the claims about them."""
        return _claim_table(self), _value_table(self)

    @property
    def short_table(self) -> Table:
        """The claims with their verdicts, for a terminal: without what was searched, and how sure it is."""
        whole = self.tables[0]
        notes = (*whole.notes, "What was searched, and how sure each verdict is: --json, --out.")
        return replace(
            whole, columns=whole.columns[:_SHORT], rows=[row[:_SHORT] for row in whole.rows], notes=notes
        )

    def to_json(self) -> dict[str, Any]:
        """Returns the audit as values that JSON can hold.

        Returns:
            "paper": its key. "title". "verdicts": verdict -> number of claims. "claims": for each claim "id",
            "kind", "text", "where", "verdict", "detail", "searched", "certainty", "corrected" (null unless
            the verdict is "slip") and "covers", names of printed values. "values": for each printed value
            "name", "value", "where", "claims" and "why_not". "findings": for each error found in the paper
            "text", "where" and "claims".
        """
        return {
            "paper": self.paper.key,
            "title": self.paper.title,
            "verdicts": self.counts,
            "claims": [
                {
                    **{name: getattr(answer.claim, name) for name in ("id", "kind", "text", "where")},
                    "verdict": answer.verdict,
                    "detail": answer.detail,
                    "searched": answer.searched,
                    "certainty": answer.certainty,
                    "corrected": answer.corrected or None,
                    "covers": list(answer.covers),
                }
                for answer in self.answers
            ],
            "values": [{**vars(value), "claims": list(value.claims)} for value in self.values],
            "findings": [
                {"text": finding.text, "where": finding.where, "claims": list(finding.claims)}
                for finding in self.paper.findings
            ],
        }

    def write(self, folder: str | os.PathLike) -> list[Path]:
        """Writes both tables as CSV, Markdown, LaTeX, text and HTML, and the audit as audit.json.

        Returns:
            The paths.

        Raises:
            StoreError: The folder can't be written to.
        """
        paths = [path for table in self.tables for path in write(table, folder)]
        pages = {f"{table.id}.html": table._repr_html_() for table in self.tables}
        for name, text in {**pages, "audit.json": f"{json.dumps(self.to_json(), indent=1)}\n"}.items():
            paths.append(Path(folder) / name)
            with replace_file(paths[-1]) as draft:
                draft.write_text(text, encoding="utf-8", newline="\n")
        return paths

    def __repr__(self) -> str:
        return to_text(self.tables[0]).rstrip("\n")

    def _repr_html_(self) -> str:
        return self.tables[0]._repr_html_()


def _claim_table(audit: Audit) -> Table:
    rows = [
        (
            *(answer.claim.id, answer.claim.text, answer.claim.where, answer.verdict, answer.detail),
            *(answer.corrected or None, answer.searched, answer.certainty),
        )
        for answer in audit.answers
    ]
    columns = ("Claim", "The paper", "Where", "Verdict", "What follows", "Corrected", "Searched", "Certainty")
    notes = (
        audit.summary,
        "Computed from the printed values alone, without data. Consistent: the values are possible, which "
        "doesn't prove them. Impossible: nothing gives them. Unique solution: only one thing does. Slip: a "
        "value is wrong, and the corrected one is shown. Undecidable: the printed values leave it open.",
    )
    return Table("audit", f"What the printed values of {audit.paper.key} prove", columns, rows, notes=notes)


def _value_table(audit: Audit) -> Table:
    rows = [
        (value.name, value.value, value.where, ", ".join(value.claims) or None, value.why_not or None)
        for value in audit.values
    ]
    columns = ("Value", Column("Printed", "raw"), "Where", "Claims", "Why it isn't checked")
    return Table("audit_values", f"The printed values of {audit.paper.key}", columns, rows)


def kind_of(name: str) -> AuditKind:
    """Returns a kind of claim by its name in `leukcnn.spec.kinds.CLAIMS`."""
    kinds: dict[str, AuditKind] = importlib.import_module(CLAIMS[name].module).KINDS
    return kinds[name]


def claims_of(paper: spec.Paper) -> Iterator[spec.Claim]:
    """Yields a paper's claims: those that follow from its tables, then those that it states."""
    for name in CLAIMS:
        yield from kind_of(name).find(paper)
    yield from paper.claims


def audit(paper: spec.Paper) -> Audit:
    """Answers every claim of a paper.

    Raises:
        SpecError: Two claims have the same id, or a claim's values don't suit its kind.
    """
    claims = list(claims_of(paper))
    ids = Counter(claim.id for claim in claims)
    if twice := [name for name, n in ids.items() if n > 1]:
        raise SpecError(
            f"{paper.key}: the claims {', '.join(twice)} occur twice.",
            expected="ids that differ from those of all claims, also of those found in the tables",
            remedy=f"rename them; `leukcnn audit {paper.key}` lists the others",
        )
    answers = (_answer(claim, paper) for claim in claims)
    return Audit(paper, tuple(sorted(answers, key=lambda answer: _FIRST.index(answer.verdict))))


def _answer(claim: spec.Claim, paper: spec.Paper) -> Answer:
    """Returns the answer to a claim.

    Raises:
        SpecError: The claim's values don't suit its kind.
    """
    try:
        return kind_of(claim.kind).check(claim, paper)
    except LeukCNNError:
        raise
    except _FAULTS as error:
        raise SpecError(
            f"{paper.key}: the claim {claim.id!r} of kind {claim.kind!r} has values = "
            f"{dict(claim.values)!r}: {type(error).__name__}: {error}",
            expected=f"what the kind checks: {CLAIMS[claim.kind].checks}",
            remedy=f"see {CLAIMS[claim.kind].module} and the claims of leukcnn's own papers",
        ) from error
