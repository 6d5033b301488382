"""A paper of one's own: a file with a `PAPER`, written as the five in this package are."""

import importlib.util
import os
import re
import sys
import traceback
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType

from leukcnn import spec
from leukcnn.errors import LeukCNNError, SpecError
from leukcnn.fields import did_you_mean, did_you_mean_file

_EXPECTED = "a Python file that ends in PAPER = leukcnn.spec.Paper(...), as docs/examples/densenet_cnmc.py"


def is_file_name(name: str) -> bool:
    """Says whether a word names a file, not a paper of leukcnn: it ends in .py or has a folder in it."""
    return name.endswith(".py") or "/" in name or os.sep in name


def read(name: str | Path, *, taken: tuple[str, ...] = ()) -> spec.Paper:
    """Reads a paper from a file.

    The file becomes a module of its own name without ".py", so that `my_paper.build` names a function in it,
    and its folder is on Python's path from then on.

    Args:
        name: Path of the file.
        taken: Keys that it must not have.

    Raises:
        SpecError: It isn't such a file, or what it says isn't allowed; the message names the file and, where
            there is one, the line.
    """
    path = Path(name).expanduser()
    if path.is_dir() or not path.exists():
        what = "is a folder" if path.is_dir() else "isn't there"
        remedy = did_you_mean_file(path) if not path.exists() else ""
        remedy = remedy or "pass the path of the paper's file"
        raise SpecError(f"{path} {what}.", expected=_EXPECTED, remedy=remedy)
    module = _run(path)
    paper = getattr(module, "PAPER", None)
    if not isinstance(paper, spec.Paper):
        has = f"PAPER = {type(paper).__name__} {paper!r:.80}" if hasattr(module, "PAPER") else "no PAPER"
        named = [key for key, value in vars(module).items() if isinstance(value, spec.Paper)]
        remedy = f"name it PAPER instead of {named[0]}" if named else "begin with a copy of that example"
        raise SpecError(f"{path} has {has}.", expected=_EXPECTED, remedy=remedy)
    if paper.key in taken:
        raise SpecError(
            f"{path}: key = {paper.key!r}, which is a paper of leukcnn's own.",
            expected=f"another key than {', '.join(taken)}",
            remedy="give your paper a key of its own: its runs are kept under it",
        )
    return paper


def _run(path: Path) -> ModuleType:
    """Runs a file as a module of its own name."""
    path = path.resolve()
    name = path.stem
    known = sys.modules.get(name)
    another = known is not None and getattr(known, "__file__", None) != str(path)
    if not name.isidentifier() or name in sys.stdlib_module_names or another:
        raise SpecError(
            f"{path} can't be a module named {name!r}.",
            expected="a name of letters, digits and _, which no other module has",
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
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise _explained(path, error) from error
    # While it is read, its neighbours go before all; from then on nothing of theirs hides another's module.
    sys.path.append(sys.path.pop(sys.path.index(folder)))
    return module


def _explained(path: Path, error: BaseException) -> SpecError:
    """Returns what was wrong with a file, and in which line."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        lines, said = [error.lineno], error.msg
    else:
        said = str(error)
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    place = f"{path}, line {lines[-1]}" if lines else str(path)
    if isinstance(error, LeukCNNError):
        return SpecError(f"{place}: {error.found}", expected=error.expected, remedy=error.remedy)
    if isinstance(error, TypeError) and (known := _signature(str(error))):
        return known(place)
    return SpecError(
        f"{place}: {type(error).__name__}: {said}",
        expected=_EXPECTED,
        remedy="mend that line; `python FILE` shows where it comes from",
    )


def _signature(message: str):
    """Returns what explains a specification that was called with a field too few or too many."""
    called = re.match(r"(\w+)\.__init__\(\) (.*)", message, re.DOTALL)
    kind = getattr(spec, called[1], None) if called else None
    if not is_dataclass(kind):
        return None
    names = [field.name for field in fields(kind)]
    unknown = re.search(r"unexpected keyword argument '(\w+)'", message)
    remedy = did_you_mean(unknown[1], names) if unknown else f"see leukcnn.spec.{called[1]}"
    return lambda place: SpecError(
        f"{place}: {called[1]} {called[2]}.", expected=f"{called[1]}({', '.join(names)})", remedy=remedy
    )
