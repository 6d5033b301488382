"""Fields of nested dataclasses, read and replaced by their dotted path, and items found by their name."""

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from leukcnn.errors import SpecError


def value_at(setup: Any, path: str) -> Any:
    """Returns the value of a field by its dotted path, e.g. `training.batch_size`.

    Raises:
        SpecError: The path names no field.
    """
    value = setup
    for name in path.split("."):
        names = [f.name for f in fields(value)] if is_dataclass(value) else []
        if isinstance(value, Mapping) and name in value:
            value = value[name]
        elif name in names:
            value = getattr(value, name)
        else:
            names = ", ".join(value if isinstance(value, Mapping) else names) or "none"
            raise SpecError(
                f"There is no field {path!r} in a setup.",
                expected=f"a dotted path of field names, with one of {names} for {name!r}",
                remedy=did_you_mean(name, names.split(", ")),
            )
    return value


def replace_at(setup: Any, path: str, value: Any) -> Any:
    """Returns a copy of a dataclass in which the field of a dotted path has another value.

    Raises:
        SpecError: The path names no field, or the value isn't allowed there.
    """
    value_at(setup, path)
    head, _, rest = path.partition(".")
    inner = replace_at(value_at(setup, head), rest, value) if rest else value
    return {**setup, head: inner} if isinstance(setup, Mapping) else replace(setup, **{head: inner})


def to_plain(value: Any) -> Any:
    """Returns a specification as what JSON knows: dicts, lists, strings, numbers, None."""
    if is_dataclass(value):
        return {f.name: to_plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    return value


def read_like(word: str, example: Any, name: str) -> Any:
    """Reads a word as a value of the type that an example has.

    Args:
        word: Text, or a value as JSON writes it.
        example: A value of that type.
        name: What the value is for, for the error.

    Raises:
        SpecError: The word is of another type.
    """
    if isinstance(example, str):
        return word
    try:
        plain = word.lower() if word.lower() in ("true", "false") else word
        # JSON has no NaN and no infinity, though Python reads them.
        value = json.loads(plain, parse_constant=lambda constant: None)
    except ValueError:
        value = None
    if isinstance(example, tuple) and isinstance(value, list):
        return tuple(value)
    if isinstance(example, float) and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if type(value) is type(example):
        return value
    raise SpecError(
        f"--assume {name} got {word!r}.", expected=f"a value like {json.dumps(example)}, as JSON writes it"
    )


def find_named(items: Iterable[Any], wanted: str, attribute: str, what: str) -> Any:
    """Returns the item that bears a name.

    Args:
        items: Where to look.
        wanted: The name.
        attribute: Attribute of the items that holds it.
        what: What the items are, for the error.

    Raises:
        SpecError: No item bears that name; the message lists them and the nearest.
    """
    by_name = {getattr(item, attribute): item for item in items}
    if wanted not in by_name:
        raise SpecError(
            f"There is no {what} named {wanted!r}.",
            expected=", ".join(by_name),
            remedy=did_you_mean(wanted, by_name),
        )
    return by_name[wanted]


def did_you_mean(wanted: str, names: Iterable[str]) -> str:
    """Returns a question with the name nearest to a word, "" where none is near."""
    near = difflib.get_close_matches(wanted, list(names), n=1)
    return f"did you mean {near[0]!r}?" if near else ""


def did_you_mean_file(path: Path) -> str:
    """Returns a question with what has the nearest name in a file's folder, "" where nothing is near."""
    try:
        names = {entry.name: str(entry) for entry in path.parent.iterdir()}
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"did you mean {names[near[0]]!r}?" if near else ""
