"""Checks numbers in the text against each other, the tables and other papers."""

from leukcnn.auditing.answers import AuditKind

KINDS: dict[str, AuditKind] = {}
