"""Checks class sizes and confusion matrices that give a weighted F1-score."""

from leukcnn.auditing.answers import AuditKind

KINDS: dict[str, AuditKind] = {}
