"""Checks sets of runs behind the means and standard deviations of a row."""

from leukcnn.auditing.answers import AuditKind

KINDS: dict[str, AuditKind] = {}
