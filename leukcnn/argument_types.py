"""Checks of what users pass: types of arguments, and paths before any file is opened."""

import os
from collections.abc import Mapping
from pathlib import Path

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


# Limits in bytes of Linux, macOS and Windows' NTFS, and room for the files of a run below its folder.
_LONGEST_NAME, _LONGEST_PATH = 255, 4096 - 512


def user_path(place: object, what: str = "The path") -> Path:
    """Returns the path that a user names, with "~" expanded. Opens nothing.

    Args:
        place: The path, a string or `os.PathLike`.
        what: What it is the path of, with which the message begins, such as "--out".

    Raises:
        ArgumentError: No file can have this path: it is empty, too long, holds a null
            character or half a surrogate pair, or names the home folder of a user who doesn't exist.
    """
    if not isinstance(place, str | os.PathLike):
        raise ArgumentError(f"{what} is {place!r:.80}.", expected="the path of a file or folder")
    text = os.fsdecode(place)
    try:
        encoded = os.fsencode(text)
    except UnicodeEncodeError:
        encoded = b""
    if "\0" in text:
        wrong = "which holds a null character"
    elif not text:
        wrong = "which is empty"
    elif not encoded:
        wrong = "which holds characters that names of files can't have"
    elif len(encoded) > _LONGEST_PATH or max(map(len, encoded.split(b"/"))) > _LONGEST_NAME:
        wrong = f"which is too long ({len(encoded):,} bytes)"
    else:
        try:
            return Path(text).expanduser()
        except RuntimeError:
            wrong = "whose home folder isn't known"
    raise ArgumentError(
        f"{what} is {text!r}, {wrong}.",
        expected=f"a path of at most {_LONGEST_PATH:,} bytes with names of at most {_LONGEST_NAME}",
        remedy="check the path; a name that begins with ~ is written ./~name",
    )
