"""Convert an augmenter's arguments to Python's own types and to JSON's types, and check configurations."""

from collections.abc import Iterable, Mapping
from numbers import Integral, Real

import numpy as np

from leukcnn.errors import ArgumentError
from leukcnn.fields import did_you_mean


def frozen(value: object) -> object:
    """Returns an argument in Python's own types: numbers, strings and None, in tuples and dictionaries.

    A whole number stays an int and another number a float, because shift ranges distinguish the two.
    """
    if isinstance(value, Mapping):
        return {str(key): frozen(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return tuple(frozen(item) for item in value)
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    return str(value) if isinstance(value, str) else value


def as_json(value: object) -> object:
    """Returns a copy of a frozen argument in the types that JSON has: lists in place of tuples."""
    if isinstance(value, Mapping):
        return {key: as_json(item) for key, item in value.items()}
    return [as_json(item) for item in value] if isinstance(value, tuple) else value


def check_keys(config: object, known: Iterable[str]) -> None:
    """Checks that a configuration is a mapping without unknown keys.

    Raises:
        ArgumentError: It isn't. The message lists the known keys and names the most similar one.
    """
    known = tuple(known)
    if not isinstance(config, Mapping):
        raise ArgumentError(
            f"The configuration is {config!r:.80}.",
            expected="a mapping of argument names to values",
            remedy="pass what `get_config` returns",
        )
    for key in config:
        if key not in known:
            raise ArgumentError(
                f"The configuration has the unknown key {key!r}.",
                expected=", ".join(known),
                remedy=did_you_mean(str(key), known) or "leave it out",
            )
