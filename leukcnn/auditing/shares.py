"""Checks whether a whole number of images gives a percentage, rounded or truncated."""

from leukcnn.auditing.answers import AuditKind

KINDS: dict[str, AuditKind] = {}
