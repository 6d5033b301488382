"""Reads a paper from a user's own file, which ends in `PAPER = Paper(...)` like the five in this package."""

import importlib.util
import os
import re
import reprlib
import sys
import traceback
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType

from leukcnn import spec
from leukcnn.argument_types import user_path
from leukcnn.errors import LeukCNNError, SpecError
from leukcnn.fields import did_you_mean, did_you_mean_file

_EXPECTED = "a Python file that ends in PAPER = leukcnn.spec.Paper(...), like docs/examples/densenet_cnmc.py"


def is_file_name(name: str) -> bool:
    """Returns whether a name is that of a file and not of a paper: it ends in .py or contains a folder."""
    return name.endswith(".py") or "/" in name or os.sep in name


def read(name: str | Path, *, taken: tuple[str, ...] = ()) -> spec.Paper:
    """Reads a paper from a file.

    The file is imported as a module named after it, without ".py": `my_paper.build` names a function in
    my_paper.py. Its folder stays on Python's path.

    Args:
        name: Path of the file.
        taken: Keys that the paper must not have.

    Returns:
        The `PAPER` of the file.

    Raises:
        SpecError: The file has no paper, or the paper isn't valid. The message names the file and, if known,
            the line.
    """
    path = user_path(name)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is no regular file" if path.exists() else "isn't there"
        remedy = did_you_mean_file(path, (".py",)) if not path.exists() else ""
        if path.is_dir():
            remedy = f"`leukcnn evaluate {path} --controls-only` checks a folder of images of your own"
        remedy = remedy or "pass the path of the paper's file"
        raise SpecError(f"{path} {what}.", expected=_EXPECTED, remedy=remedy)
    module = _run(path)
    paper = getattr(module, "PAPER", None)
    if not isinstance(paper, spec.Paper):
        # A class of the user's own may have no valid `__repr__`.
        shown = f"PAPER = {type(paper).__name__} {reprlib.repr(paper)}"
        content = shown if hasattr(module, "PAPER") else "no PAPER"
        named = [key for key, value in vars(module).items() if isinstance(value, spec.Paper)]
        remedy = f"rename {named[0]} to PAPER" if named else "start from a copy of that example"
        raise SpecError(f"{path} has {content}.", expected=_EXPECTED, remedy=remedy)
    if paper.key in taken:
        raise SpecError(
            f"{path}: key = {paper.key!r}, which is the key of one of leukcnn's own papers.",
            expected=f"a key other than {', '.join(taken)}",
            remedy="choose another key: the paper's runs are stored under it",
        )
    return paper


def _run(path: Path) -> ModuleType:
    """Imports a file as a module named after it."""
    path = path.resolve()
    name = path.stem
    loaded = sys.modules.get(name)
    taken = loaded is not None and getattr(loaded, "__file__", None) != str(path)
    if not name.isidentifier() or name in sys.stdlib_module_names or taken:
        raise SpecError(
            f"{path} can't be a module named {name!r}.",
            expected="a name of letters, digits and _ that no other module has",
            remedy="rename the file",
        )
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    try:
        source = importlib.util.decode_source(path.read_bytes())
        exec(compile(source, str(path), "exec"), vars(module))
    except BaseException as error:
        # Also what a file raises to end the process. Ctrl-C alone is the user's.
        sys.modules.pop(name, None)
        if isinstance(error, KeyboardInterrupt):
            raise
        raise _explained(path, error) from error
    # Files next to it are found first while it is imported. Later they must not hide other modules, so the
    # folder moves to the end of the path.
    sys.path.append(sys.path.pop(sys.path.index(folder)))
    return module


def _explained(path: Path, error: BaseException) -> SpecError:
    """Returns an error that names the file, the line and what is wrong there."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        lines, message = [error.lineno], error.msg
    else:
        message = str(error)
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    place = f"{path}, line {lines[-1]}" if lines else str(path)
    if isinstance(error, LeukCNNError):
        return SpecError(f"{place}: {error.found}", expected=error.expected, remedy=error.remedy)
    if isinstance(error, TypeError) and (explained := _explained_call(place, str(error))):
        return explained
    return SpecError(
        f"{place}: {type(error).__name__}: {message}",
        expected=_EXPECTED,
        remedy="correct that line; `python FILE` shows the full traceback",
    )


def _explained_call(place: str, message: str) -> SpecError | None:
    """Returns the error of a specification that was called with a wrong field, else None."""
    called = re.match(r"(\w+)\.__init__\(\) (.*)", message, re.DOTALL)
    kind = getattr(spec, called[1], None) if called else None
    if called is None or not is_dataclass(kind):
        return None
    names = [field.name for field in fields(kind)]
    unknown = re.search(r"unexpected keyword argument '(\w+)'", message)
    remedy = did_you_mean(unknown[1], names) if unknown else f"see leukcnn.spec.{called[1]}"
    return SpecError(
        f"{place}: {called[1]} {called[2]}.", expected=f"{called[1]}({', '.join(names)})", remedy=remedy
    )
