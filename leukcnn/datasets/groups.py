"""The groups (subjects) of a user's own images: by a mapping, a function or a regular expression."""

import re
import warnings
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from leukcnn.datasets.walk import listed
from leukcnn.errors import ArgumentError

Group = str | int
Groups = Mapping[str, Group] | Callable[[str], Group] | str | re.Pattern[str]
"""The groups of images by id: a mapping, a function, or a regular expression with one group in brackets."""

_GROUPS_ARE = (
    "a mapping id -> group, a function id -> group, or a regular expression with one group in brackets, e.g. "
    r"r'patient_(\d+)'"
)
_UNKNOWN = 'change the groups; a mapping or a function may give "" for unknown'
_EXPRESSION = "change the expression: it is searched in each of these paths, with the group in brackets"


def check_form(groups: object, *, labelled: bool = False) -> None:
    """Checks that `groups` is a mapping, a function or an expression, before any file is read.

    With a file of labels, a text may be one of its columns.
    """
    if groups is None or isinstance(groups, Mapping) or callable(groups):
        return
    if labelled and isinstance(groups, str):
        return
    if not isinstance(groups, str | re.Pattern):
        raise ArgumentError(
            f"groups is of the type {type(groups).__name__}.",
            expected=_GROUPS_ARE,
            remedy="make a dictionary of ids and groups, e.g. with `to_dict()` of a pandas Series",
        )
    try:
        # Python warns of brackets that may mean something else in future.
        with warnings.catch_warnings(action="ignore"):
            count = re.compile(groups).groups
    except (re.error, RecursionError, OverflowError) as error:
        raise ArgumentError(
            f"groups is {groups!r:.80}, which isn't a regular expression: {error}.", expected=_GROUPS_ARE
        ) from error
    if count != 1:
        raise ArgumentError(
            f"The expression {groups!r:.80} has {count} groups in brackets.",
            expected="exactly one",
            remedy="write (?:...) for brackets that aren't the group",
        )


def groups_of(ids: Sequence[str], groups: Groups | None) -> list[str]:
    """Returns the group of each image, "" without groups."""
    if groups is None:
        return [""] * len(ids)
    if isinstance(groups, Mapping):
        return _checked(ids, [groups.get(name) for name in ids], "the mapping has no valid group for")
    if isinstance(groups, str | re.Pattern):
        matches = [re.search(groups, name) for name in ids]
        found = [match.group(1) or None if match else None for match in matches]
        return _checked(ids, found, f"{re.compile(groups).pattern!r} finds no group in", remedy=_EXPRESSION)
    return _checked(ids, [groups(name) for name in ids], "the function returns no valid group for")


def _checked(
    ids: Sequence[str], found: Sequence[Group | None], reason: str, *, remedy: str = _UNKNOWN
) -> list[str]:
    lost = [
        name for name, group in zip(ids, found, strict=True) if not isinstance(group, str | int | np.integer)
    ]
    if lost:
        raise ArgumentError(
            f"{len(lost):,} of {len(ids):,} images have no group: {reason} these ids:\n{listed(lost)}",
            expected="a text or a whole number as the group of each image",
            remedy=remedy,
        )
    return [str(group) for group in found]
