"""The options of a run as a file, run.yaml: written into the run's folder, and read by `--config`."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from leukcnn.argument_types import user_path
from leukcnn.errors import ArgumentError
from leukcnn.fields import did_you_mean, did_you_mean_file

__all__ = ["FILE_NAME", "as_yaml", "command_in", "read_options"]

FILE_NAME = "run.yaml"
"""Name of the file in an experiment's folder."""

_COMMAND = "command"
_LARGEST_FILE, _DEEPEST = 2**16, 8
_REMEDY = "correct it, or leave it out for the default"


def as_yaml(command: str, options: Mapping[str, Any]) -> str:
    """Returns the options of a run as the text of its file, in their own order.

    Args:
        command: Name of the command, such as "reproduce".
        options: Argument of the command's function in Python -> its value. Paths become texts as they were
            given. Values that YAML doesn't have, such as functions, are named in a comment.
    """
    plain: dict[str, Any] = {_COMMAND: command}
    left_out = []
    for name, value in options.items():
        try:
            plain[name] = _plain(value)
        except TypeError:
            left_out.append(f"# {name}: a {type(value).__name__}, which can't be written here.\n")
    head = f"# The options of this run. To repeat it: leukcnn {command} --config {FILE_NAME}\n"
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=10_000)
    return "".join([head, text, *left_out])


def _plain(value: Any) -> Any:
    """Returns a value as YAML has it.

    Raises:
        TypeError: YAML has nothing like it.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if isinstance(value, re.Pattern):
        return value.pattern
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    raise TypeError(type(value))


def command_in(path: Path) -> str:
    """Returns the command of a run from the file in its folder; "" if the file is missing or unreadable."""
    try:
        return str(_parsed(path.read_text(encoding="utf-8")).get(_COMMAND, ""))
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return ""


def read_options(
    place: str | os.PathLike[str],
    command: str,
    types: Mapping[str, tuple[type | tuple[type, ...], str]],
) -> dict[str, Any]:
    """Reads the options of a run.

    Args:
        place: The file. Options that it lacks have their default. Paths in it are relative to the working
            folder, as on the command line.
        command: Name of the command that the options are for.
        types: Argument -> its types, and what it should be in words.

    Returns:
        Argument -> value.

    Raises:
        ArgumentError: The file can't be read, is for another command, or has an unknown option, an option
            twice or a value of another type.
    """
    path = user_path(place, "config (--config)")
    if not path.is_file():
        what = "is no regular file" if path.exists() else "doesn't exist"
        raise _wrong(f"{path} {what}.", did_you_mean_file(path, (".yaml", ".yml")))
    if path.stat().st_size > _LARGEST_FILE:
        raise _wrong(f"{path} has more than {_LARGEST_FILE:,} bytes.")
    try:
        options = _parsed(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise _wrong(f"{path} can't be read: {why:.300}") from error
    of = options.pop(_COMMAND, command)
    if of != command:
        raise ArgumentError(
            f"{path} has the options of `leukcnn {of!s:.40}`.",
            expected=f"those of `leukcnn {command}`",
            remedy=f"run `leukcnn {of!s:.40} --config {path}`",
        )
    for name, value in options.items():
        if name not in types:
            raise ArgumentError(
                f"{path} has the option {name!r:.80}, which `leukcnn {command}` doesn't have.",
                expected=", ".join(types),
                remedy=did_you_mean(name, types) or "leave it out",
            )
        allowed, words = types[name]
        kinds = allowed if isinstance(allowed, tuple) else (allowed,)
        # For Python, True and False are numbers.
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise ArgumentError(f"{path}: {name} is {value!r:.80}.", expected=words, remedy=_REMEDY)
    return options


def as_words(value: Any) -> Any:
    """Returns a value as the command line takes it: a mapping becomes texts NAME=VALUE."""
    if isinstance(value, Mapping):
        return [f"{key}={item if isinstance(item, str) else _json(item)}" for key, item in value.items()]
    return value


def _json(value: Any) -> str:
    import json

    return json.dumps(value)


def _parsed(text: str) -> dict[str, Any]:
    """Returns the mapping in a YAML text.

    Raises:
        ValueError: It is something else, has a key twice, or refers to another part of itself, so that a few
            lines could be millions of values.
        yaml.YAMLError: It isn't YAML.
    """
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            raise ValueError("it has an alias (*)")
        if depth > _DEEPEST:
            # PyYAML needs minutes for thousands of brackets.
            raise ValueError("its values are nested too deeply")
    node = yaml.compose(text, yaml.SafeLoader)
    keys = [key.value for key, _ in node.value] if isinstance(node, yaml.MappingNode) else None
    if keys is None:
        raise ValueError("it isn't a list of NAME: VALUE")
    if twice := sorted({str(key) for key in keys if keys.count(key) > 1}):
        raise ValueError(f"it has {twice[0]} twice")
    options: dict[str, Any] = yaml.safe_load(text)
    return options


def _wrong(found: str, remedy: str = "") -> ArgumentError:
    return ArgumentError(
        found,
        expected=f"a file as each run writes it ({FILE_NAME}): lines NAME: VALUE",
        remedy=remedy or "check the path, or start from the file in a run's folder",
    )


def __dir__() -> list[str]:
    return sorted(__all__)
