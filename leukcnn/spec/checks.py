"""How specifications check themselves: types by their annotations, values by the names that are known."""

import re
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from leukcnn.errors import SpecError
from leukcnn.fields import did_you_mean
from leukcnn.spec.kinds import Kind, not_taken

_CHANGE = "change this value of the paper or of --assume"
_WORDS = {
    **{str: "a string", int: "a whole number", float: "a number", bool: "True or False"},
    **{types.NoneType: "None", Any: "anything"},
}


def require(condition: bool, found: str, expected: str) -> None:
    """Makes sure that a value of a specification is allowed.

    Raises:
        SpecError: It isn't.
    """
    if not condition:
        raise SpecError(found, expected=expected, remedy=_CHANGE)


def require_known(owner: str, name: str, value: Any, allowed: Iterable[Any]) -> None:
    """Makes sure that a value is one of those that are known.

    Args:
        owner: What has the value: "Table 'table1'".
        name: Its field.
        value: The value, or a tuple of which each must be known.
        allowed: What is known, strings as a rule.

    Raises:
        SpecError: It isn't; the message names the nearest.
    """
    allowed = tuple(allowed)
    for one in value if isinstance(value, tuple) else (value,):
        if one not in allowed:
            raise SpecError(
                f"{owner}: {name} = {one!r}.",
                expected=", ".join(repr(choice) if choice == "" else str(choice) for choice in allowed)
                or "nothing, for there is none",
                remedy=did_you_mean(str(one), map(str, allowed)) or _CHANGE,
            )


def require_once(owner: str, name: str, values: Iterable[Any]) -> None:
    """Makes sure that nothing occurs twice.

    Raises:
        SpecError: Something does.
    """
    values = tuple(values)
    twice = sorted({value for value in values if values.count(value) > 1})
    require(not twice, f"{owner}: {name} has {', '.join(map(repr, twice))} twice.", "each once")


def check_id(owner: str, name: str, value: str) -> None:
    """Makes sure that a name can be one of a file, as `leukcnn.rendering.tables.Table` takes it.

    Raises:
        SpecError: It can't.
    """
    require(
        re.fullmatch(r"[a-z0-9][a-z0-9_-]*", value) is not None,
        f"{owner}: {name} = {value!r}.",
        "lower-case letters, digits, '_' and '-', since files are named after it",
    )


def check_kind(item: Any, registry: Mapping[str, Kind]) -> None:
    """Makes sure that a table or figure has the fields that its kind requires, and none that it refuses.

    Raises:
        SpecError: It lacks one, has too few or many items in one, or has one of other kinds.
    """
    kind, owner = registry[item.kind], f"{name_of(item)} of kind {item.kind!r}"
    for name, what in kind.requires.items():
        require(bool(getattr(item, name)), f"{owner}: {name} is empty.", f"{name} with {what}")
    for name, n in kind.lengths.items():
        found = len(getattr(item, name))
        require(found == n, f"{owner}: {name} has {found} items.", f"{n}")
    for name in not_taken(item.kind, registry):
        if getattr(item, name) != getattr(type(item), name):
            able = (of for of in registry if name not in not_taken(of, registry))
            require(False, f"{owner}: it has no {name}.", f"{name} in tables or figures of {', '.join(able)}")


def name_of(specification: Any) -> str:
    """Returns what messages call a specification: its class, and its id where it has one."""
    kind = type(specification).__name__
    named = (getattr(specification, name, None) for name in ("id", "key", "name", "row"))
    name = next((name for name in named if isinstance(name, str) and name), "")
    return f"{kind} {name!r}" if name else kind


def check_types(specification: Any) -> None:
    """Makes sure that every field of a specification is of the type that stands beside it.

    Raises:
        SpecError: One isn't; a string in the place of a tuple is the usual slip.
    """
    for field in fields(specification):
        value, hint = getattr(specification, field.name), _hints(type(specification))[field.name]
        if _fits(value, hint):
            continue
        slip = isinstance(value, str) and typing.get_origin(hint) is tuple
        raise SpecError(
            f"{name_of(specification)}: {field.name} = {value!r}.",
            expected=_in_words(hint),
            remedy=f"write ({value!r},)" if slip else _CHANGE,
        )


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _fits(value: Any, hint: Any) -> bool:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin in (types.UnionType, typing.Union):
        return any(_fits(value, one) for one in inner)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if inner[-1] is Ellipsis:
            return all(_fits(item, inner[0]) for item in value)
        return len(value) == len(inner) and all(map(_fits, value, inner))
    if origin is Mapping:
        return isinstance(value, Mapping) and all(
            _fits(key, inner[0]) and _fits(item, inner[1]) for key, item in value.items()
        )
    if hint in (int, float) and isinstance(value, bool):
        return False
    return isinstance(value, (int, float) if hint is float else hint)


def _in_words(hint: Any) -> str:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(map(_in_words, inner))
    if origin is tuple and inner[-1] is Ellipsis:
        return f"a tuple, each of its items {_in_words(inner[0])}"
    if origin is tuple:
        return f"a tuple of {len(inner)}: {', '.join(map(_in_words, inner))}"
    if origin is Mapping:
        return f"a mapping of {_in_words(inner[0])} to {_in_words(inner[1])}"
    return f"a {hint.__name__}" if is_dataclass(hint) else _WORDS.get(hint, str(hint))
