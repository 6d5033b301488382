"""Checks sizes of the test set for which all rows of a table are possible."""

from leukcnn.auditing.answers import AuditKind

KINDS: dict[str, AuditKind] = {}
