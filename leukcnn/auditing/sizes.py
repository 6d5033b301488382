"""Checks parameters and file sizes of the networks, from their builders."""

from leukcnn.auditing.answers import AuditKind

KINDS: dict[str, AuditKind] = {}
