"""Read and replace fields of nested dataclasses by their dotted path, and find items by their name."""

import difflib
import json
import math
from collections.abc import Callable, Iterable, Mapping
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
            known = [str(key) for key in value] if isinstance(value, Mapping) else names
            listed = ", ".join(known) or "none"
            raise SpecError(
                f"There is no field {path!r} in a setup.",
                expected=f"a dotted path of field names, with one of {listed} for {name!r}",
                remedy=did_you_mean(name, known),
            )
    return value


def replace_at(setup: Any, path: str, value: Any) -> Any:
    """Returns a copy of a dataclass with another value in the field at a dotted path.

    Raises:
        SpecError: The path names no field, or the value isn't allowed there.
    """
    value_at(setup, path)
    head, _, rest = path.partition(".")
    inner = replace_at(value_at(setup, head), rest, value) if rest else value
    return {**setup, head: inner} if isinstance(setup, Mapping) else replace(setup, **{head: inner})


def to_plain(value: Any) -> Any:
    """Returns a specification as JSON values: dicts, lists, strings, numbers, None."""
    if is_dataclass(value):
        return {f.name: to_plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    return value


def read_like(given: Any, example: Any, name: str) -> Any:
    """Returns a value, given as a word or as it is, in the type of an example.

    Args:
        given: If it is a string: plain text if the example is a string, else a JSON value. Anything else is
            the value itself.
        example: A value of the wanted type.
        name: Name of the value, for the error.

    Raises:
        SpecError: It is of another type, or has a number that isn't finite.
    """
    value = _from_json(given) if isinstance(given, str) and not isinstance(example, str) else given
    if is_finite(value):
        if isinstance(example, tuple) and isinstance(value, list | tuple):
            return tuple(value)
        if isinstance(example, float) and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if type(value) is type(example):
            return value
    raise SpecError(
        f"--assume {name} got {given!r}.",
        expected=f"a value like {json.dumps(example)}, as JSON writes it",
    )


def is_finite(value: Any) -> bool:
    """Returns whether a value, or each value in it, is no number or a finite one that a float can hold."""
    if isinstance(value, Mapping):
        return all(map(is_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(is_finite, value))
    if not isinstance(value, int | float):
        return True
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _from_json(word: str) -> Any:
    """Returns the value of a JSON text, None if it isn't one. JSON has no NaN and no infinity."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a key that occurs twice")
        return dict(pairs)

    plain = word.lower() if word.lower() in ("true", "false") else word
    try:
        return json.loads(plain, parse_constant=refuse, object_pairs_hook=once)
    # The second one comes from thousands of nested brackets.
    except (ValueError, RecursionError):
        return None


def find_named(items: Iterable[Any], wanted: str, attribute: str, what: str) -> Any:
    """Returns the item with a given name.

    Args:
        items: The items.
        wanted: The name.
        attribute: Attribute of the items that holds their name.
        what: What the items are, for the error.

    Raises:
        SpecError: No item has that name; the message lists all names and suggests the nearest.
    """
    by_name = {getattr(item, attribute): item for item in items}
    if wanted not in by_name:
        raise SpecError(
            f"There is no {what} named {wanted!r}.",
            expected=", ".join(by_name),
            remedy=did_you_mean(wanted, by_name),
        )
    return by_name[wanted]


def did_you_mean(wanted: object, names: Iterable[str]) -> str:
    """Returns "did you mean ...?" with the name that is most similar to a word, "" if none is similar."""
    near = difflib.get_close_matches(str(wanted), list(names), n=1)
    return f"did you mean {near[0]!r}?" if near else ""


def did_you_mean_file(path: Path, suffixes: Iterable[str]) -> str:
    """Returns "did you mean ...?" with the most similar name of a file in a file's folder.

    Args:
        path: A file that doesn't exist.
        suffixes: The suffixes of the files that are suggested, in lower case.

    Returns:
        "" if no name is similar.
    """
    allowed = {*suffixes}
    return _did_you_mean_path(path, lambda near: near.suffix.lower() in allowed and near.is_file())


def did_you_mean_folder(path: Path) -> str:
    """Returns "did you mean ...?" with the most similar name of a folder next to one that doesn't exist."""
    return _did_you_mean_path(path, Path.is_dir)


def _did_you_mean_path(path: Path, accepts: Callable[[Path], bool]) -> str:
    try:
        names = {entry.name: str(entry) for entry in path.parent.iterdir() if accepts(entry)}
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"did you mean {names[near[0]]!r}?" if near else ""
