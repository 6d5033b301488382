"""Checks class sizes and confusion matrices behind a weighted F1-score."""

from leukcnn.auditing.answers import AuditKind

KINDS: dict[str, AuditKind] = {}
