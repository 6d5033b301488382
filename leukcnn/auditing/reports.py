"""Checks confusion matrices behind a classification report."""

from leukcnn.auditing.answers import AuditKind

KINDS: dict[str, AuditKind] = {}
