"""Checks of specifications: types against their annotations, names against the lists of known names."""

import re
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from leukcnn.errors import SpecError
from leukcnn.fields import did_you_mean, is_finite
from leukcnn.spec.kinds import Kind, fields_not_accepted

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_CHANGE = "change this value of the paper or of --assume"
_WORDS = {
    **{str: "a string", int: "a whole number", float: "a number", bool: "True or False"},
    **{types.NoneType: "None", Any: "anything"},
}


def require(condition: bool, found: str, expected: str) -> None:
    """Checks that a value of a specification is allowed.

    Args:
        condition: Whether the value is allowed.
        found: What was found, for the error message.
        expected: What is allowed, for the error message.

    Raises:
        SpecError: `condition` is False.
    """
    if not condition:
        raise SpecError(found, expected=expected, remedy=_CHANGE)


# More images, epochs or features than any computer handles.
_MOST = 10**9


def require_count(name: str, count: int | None) -> None:
    """Checks that a number is a count from 1, or None.

    Raises:
        SpecError: It is something else.
    """
    require(
        count is None or 0 < count <= _MOST, f"{name} = {count!r}.", f"a whole number from 1 to {_MOST:,}"
    )


def require_known(owner: str, name: str, value: Any, allowed: Iterable[Any]) -> None:
    """Checks that a value is one of the allowed ones.

    Args:
        owner: What has the value, such as "Table 'table1'".
        name: The field that holds it.
        value: The value, or a tuple of values that are all checked.
        allowed: The allowed values, usually strings.

    Raises:
        SpecError: A value isn't allowed; the message suggests the nearest allowed one.
    """
    allowed = tuple(allowed)
    for one in value if isinstance(value, tuple) else (value,):
        if one not in allowed:
            raise SpecError(
                f"{owner}: {name} = {one!r}.",
                expected=", ".join(repr(choice) if choice == "" else str(choice) for choice in allowed)
                or "nothing, since there is none",
                remedy=did_you_mean(str(one), map(str, allowed)) or _CHANGE,
            )


def require_once(owner: str, name: str, values: Iterable[Any]) -> None:
    """Checks that no value occurs twice.

    Raises:
        SpecError: A value occurs twice.
    """
    values = tuple(values)
    twice = sorted({value for value in values if values.count(value) > 1})
    require(not twice, f"{owner}: {name} has {', '.join(map(repr, twice))} twice.", "each once")


def check_id(owner: str, name: str, value: str) -> None:
    """Checks that a name can be used as a file name, as `leukcnn.rendering.tables.Table` requires.

    Raises:
        SpecError: It has other characters than lower-case letters, digits, "_" and "-".
    """
    require(
        re.fullmatch(r"[a-z0-9][a-z0-9_-]*", value) is not None,
        f"{owner}: {name} = {value!r}.",
        "lower-case letters, digits, '_' and '-', since files are named after it",
    )


def check_kind(item: Any, registry: Mapping[str, Kind]) -> None:
    """Checks that a table or figure has the fields that its kind requires, and none that it doesn't accept.

    Raises:
        SpecError: A required field is empty, has the wrong number of items, or a field is set that only
            other kinds accept.
    """
    kind, owner = registry[item.kind], f"{name_of(item)} of kind {item.kind!r}"
    for name, what in kind.requires.items():
        require(bool(getattr(item, name)), f"{owner}: {name} is empty.", f"{name} with {what}")
    for name, n in kind.lengths.items():
        found = len(getattr(item, name))
        require(found == n, f"{owner}: {name} has {found} items.", f"{n}")
    for name in fields_not_accepted(item.kind, registry):
        # A field without a default in its class is a mapping, empty by default.
        if getattr(item, name) != getattr(type(item), name, {}):
            accepting = (other for other in registry if name not in fields_not_accepted(other, registry))
            require(
                False,
                f"{owner}: it doesn't accept {name}.",
                f"{name} in tables or figures of {', '.join(accepting)}",
            )


def name_of(specification: object) -> str:
    """Returns the name of a specification in messages: its class, and its id if it has one."""
    kind = type(specification).__name__
    ids = (getattr(specification, field, None) for field in ("id", "key", "name", "row"))
    name = next((value for value in ids if isinstance(value, str) and value), "")
    return f"{kind} {name!r}" if name else kind


def check_types(specification: "DataclassInstance") -> None:
    """Checks that every field of a specification, or of another dataclass, has the type of its annotation.

    Raises:
        SpecError: A field has another type. The usual mistake is a string where a tuple is expected.
    """
    for name, hint in _hints(type(specification)).items():
        value = getattr(specification, name)
        of_type = fits(value, hint)
        # Thousands of setups are made when papers are read: a message is only made for a fault.
        if of_type and is_finite(value):
            continue
        forgot_tuple = isinstance(value, str) and typing.get_origin(hint) is tuple
        raise SpecError(
            f"{name_of(specification)}: {name} = {value!r}.",
            expected="finite numbers, up to 1.8e308" if of_type else _in_words(hint),
            remedy=f"write ({value!r},)" if forgot_tuple else _CHANGE,
        )


@cache
def _hints(kind: "type[DataclassInstance]") -> dict[str, Any]:
    """Returns the annotations of a dataclass's fields, without its class variables."""
    every = typing.get_type_hints(kind)
    return {field.name: every[field.name] for field in fields(kind)}


def fits(value: Any, hint: Any) -> bool:
    """Returns whether a value, with all that it contains, has the type of an annotation."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin in (types.UnionType, typing.Union):
        return any(fits(value, one) for one in inner)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if inner[-1] is Ellipsis:
            return all(fits(item, inner[0]) for item in value)
        return len(value) == len(inner) and all(map(fits, value, inner))
    if origin is list:
        return isinstance(value, list) and all(fits(item, inner[0]) for item in value)
    if origin in (Mapping, dict):
        return isinstance(value, origin) and all(
            fits(key, inner[0]) and fits(item, inner[1]) for key, item in value.items()
        )
    if hint in (int, float) and isinstance(value, bool):
        return False
    return isinstance(value, (int, float) if hint is float else hint)


def _in_words(hint: Any) -> str:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(map(_in_words, inner))
    if origin is tuple and inner[-1] is Ellipsis:
        return f"a tuple of items that are each {_in_words(inner[0])}"
    if origin is tuple:
        return f"a tuple of {len(inner)}: {', '.join(map(_in_words, inner))}"
    if origin is list:
        return f"a list of items that are each {_in_words(inner[0])}"
    if origin in (Mapping, dict):
        return f"a mapping of {_in_words(inner[0])} to {_in_words(inner[1])}"
    if isinstance(hint, type) and is_dataclass(hint):
        return f"a {hint.__name__}"
    return _WORDS.get(hint, str(hint))
