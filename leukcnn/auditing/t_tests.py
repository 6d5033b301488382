"""Checks a test from printed means and standard deviations."""

from leukcnn.auditing.answers import AuditKind

KINDS: dict[str, AuditKind] = {}
