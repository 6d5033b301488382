"""Checks kappa, macro and weighted averages of several classes, against accuracy."""

from leukcnn.auditing.answers import AuditKind

KINDS: dict[str, AuditKind] = {}
