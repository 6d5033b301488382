"""Checks confusion matrices that give a classification report."""

from leukcnn.auditing.answers import AuditKind

KINDS: dict[str, AuditKind] = {}
