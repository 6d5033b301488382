"""Types of the arguments of functions that a notebook calls first."""

from collections.abc import Mapping

from leukcnn.errors import ArgumentError


def require_type(types: type | tuple[type, ...], expected: str, /, **arguments: object) -> None:
    """Checks that arguments, given by their names, have one of some types.

    Raises:
        ArgumentError: An argument has another type; `expected` says in words what it should be.
    """
    for name, value in arguments.items():
        if not isinstance(value, types):
            raise ArgumentError(f"{name} is {value!r:.80}.", expected=expected)


def require_types(
    arguments: Mapping[str, object], allowed: Mapping[str, tuple[type | tuple[type, ...], str]]
) -> None:
    """Checks that arguments have their types.

    Args:
        arguments: Name -> value.
        allowed: Name -> its types, and what it should be in words.

    Raises:
        ArgumentError: An argument has another type.
    """
    for name, (types, expected) in allowed.items():
        require_type(types, expected, **{name: arguments[name]})
