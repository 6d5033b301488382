"""Checks the totals of a table of counts."""

from leukcnn.auditing.answers import AuditKind

KINDS: dict[str, AuditKind] = {}
