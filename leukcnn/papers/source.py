"""Papers as the source of a Python file: written from a `Paper`, and read again without running code.

The file ends in `PAPER = Paper(...)`, like those that users write, and can be edited and run like them.
"""

import ast
import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leukcnn import spec
from leukcnn.errors import ArgumentError, LeukCNNError, SpecError
from leukcnn.files import read_bytes, replace_file

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["STORED", "read_source", "source_of", "write_source"]

STORED = "paper.py"
"""Name of the file in an experiment's folder that holds its paper."""

_WIDTH, _INDENT = 110, "    "

# Class -> how many of its fields are written without their names.
_POSITIONAL = {
    **{spec.Row: 3, spec.Table: 3, spec.Figure: 3, spec.Published: 3, spec.Profile: 2, spec.Finding: 2},
    **{spec.Model: 2, spec.Claim: 4, spec.Sample: 1, spec.Assumption: 2, spec.Split: 1},
}
# The parts of a setup that rows may share.
_SHARED = ("preprocessing", "augmentation", "split", "training")


def source_of(paper: spec.Paper) -> str:
    """Returns a paper as the source of a Python file that ends in `PAPER = Paper(...)`.

    Fields that have their default are left out. Each setup has a name, and so have the parts that several
    setups share. `read_source` gives an equal paper.

    Args:
        paper: The paper. Networks of the user's own are named, not contained.

    Returns:
        The source, in lines of at most 110 characters.

    Raises:
        ArgumentError: The paper contains a value that has no source, such as an array.
    """
    names = _Names()
    constants: list[str] = []

    def define(wanted: str, value: Any) -> None:
        source = _code(value, names, depth=0, before=len(wanted) + 8)
        constants.append(f"{names.add(wanted, value)} = {source}")

    if paper.folders:
        # First, because splits may name them.
        define("FOLDERS", paper.folders)
    for part in _SHARED:
        values = [getattr(row.setup, part) for row in paper.rows]
        for value in _several(values):
            define(part.upper(), value)
    for row in paper.rows:
        if not names.of(row.setup):
            define(row.id.upper().replace("-", "_"), row.setup)
    source = _code(paper, names, depth=0, before=len("PAPER = "))
    body = "\n".join([*constants, "", f"PAPER = {source}"])
    used = _called(body)
    imports = ",\n".join(f"{_INDENT}{name}" for name in used)
    return f"{_docstring(paper)}\n\nfrom leukcnn.spec import (\n{imports},\n)\n\n{body}\n"


def write_source(paper: spec.Paper, path: Path) -> None:
    """Writes the source of a paper in one step.

    Raises:
        ArgumentError: As `source_of`.
        StoreError: The folder can't be written to.
    """
    with replace_file(path) as draft:
        draft.write_bytes(source_of(paper).encode())


def read_source(path: Path) -> spec.Paper:
    """Reads the paper in a file that `write_source` wrote. No code from the file is run.

    Raises:
        StoreError: The file can't be read.
        SpecError: It holds anything else than values of `leukcnn.spec`, or a value isn't allowed.
    """
    values: dict[str, Any] = {}
    try:
        for statement in ast.parse(read_bytes(path)).body:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    values[name] = _evaluated(value, values)
                case ast.ImportFrom(module="leukcnn.spec") | ast.Expr(value=ast.Constant()):
                    pass
                case _:
                    raise _Unexpected(statement)
    except LeukCNNError as error:
        raise SpecError(f"{path}: {error.found}", expected=error.expected, remedy=error.remedy) from error
    except (SyntaxError, ValueError, TypeError, RecursionError) as error:
        raise SpecError(
            f"{path} can't be read as a stored paper: {error}",
            expected="a paper as leukcnn stored it",
            remedy="pass the paper's own file",
        ) from error
    if not isinstance(values.get("PAPER"), spec.Paper):
        raise SpecError(f"{path} has no PAPER.", expected="a paper as leukcnn stored it")
    return values["PAPER"]


class _Unexpected(ValueError):
    """A part of a source that `source_of` doesn't write."""

    def __init__(self, node: ast.AST):
        super().__init__(f"line {getattr(node, 'lineno', '?')} has a {type(node).__name__}")


def _evaluated(node: ast.expr, values: Mapping[str, Any]) -> Any:
    """Returns the value of an expression of literals, earlier names and classes of `leukcnn.spec`."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.Tuple(elts=items):
            return tuple(_evaluated(item, values) for item in items)
        case ast.List(elts=items):
            return [_evaluated(item, values) for item in items]
        case ast.Dict(keys=keys, values=items) if all(key is not None for key in keys):
            pairs = zip(keys, items, strict=True)
            return {_evaluated(key, values): _evaluated(item, values) for key, item in pairs if key}
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.BinOp(left=ast.Constant(value=1), op=ast.Div(), right=ast.Constant(value=255)):
            return 1 / 255
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=keywords) if name in spec.__all__:
            kind = getattr(spec, name)
            if isinstance(kind, type) and is_dataclass(kind) and all(word.arg for word in keywords):
                named = {str(word.arg): _evaluated(word.value, values) for word in keywords}
                return kind(*(_evaluated(one, values) for one in arguments), **named)
    raise _Unexpected(node)


class _Names:
    """The names of values that are written once, at the top of the file."""

    def __init__(self) -> None:
        # Not by ==, for which 1 and 1.0 are equal: the hash of a trial distinguishes them.
        self._names: dict[str, str] = {}
        self._types: set[type] = set()

    def add(self, wanted: str, value: Any) -> str:
        """Gives a value a name that no other has, and returns it."""
        wanted = wanted if wanted.isidentifier() else f"ROW_{wanted}"
        taken = {*self._names.values(), "PAPER"}
        options = (wanted, *(f"{wanted}_{number}" for number in range(2, len(taken) + 3)))
        name = next(name for name in options if name not in taken)
        self._names[repr(value)] = name
        self._types.add(type(value))
        return name

    def of(self, value: Any) -> str:
        """Returns the name of a value; "" if it has none."""
        return self._names.get(repr(value), "") if type(value) in self._types else ""


def _several(values: list[Any]) -> Iterator[Any]:
    """Yields each value that occurs more than once."""
    counts = Counter(map(repr, values))
    yield from ({repr(value): value for value in values if counts[repr(value)] > 1}).values()


def _called(source: str) -> list[str]:
    """Returns the names of all classes that a source makes objects of."""
    calls = (node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return sorted({function.id for function in calls if isinstance(function, ast.Name)})


def _docstring(paper: spec.Paper) -> str:
    title = paper.title.replace("\\", "\\\\").replace('"', "'")
    lines = textwrap.wrap(title, _WIDTH - 4) or [paper.key]
    first = "\n".join(line if line.isprintable() else ascii(line)[1:-1] for line in lines)
    placed = bool(paper.folders) and all(folder.path for folder in paper.folders)
    run = f"Run it:  leukcnn reproduce FILE.py{' --data DIR' * (not placed)}, with the name of this file"
    return f'"""{first.rstrip(".")}.\n\n{run}\n"""'


def _code(value: Any, names: _Names, *, depth: int, before: int, after: int = 0) -> str:
    """Returns the source of a value, on one line if it fits.

    Args:
        value: The value.
        names: Values that have a name.
        depth: Depth of the indentation.
        before: Number of characters before it on its line.
        after: Number of characters that follow it on its last line.
    """
    if name := names.of(value):
        return name
    if isinstance(value, str):
        return _string(value, depth=depth, room=_WIDTH - before - after)
    items, opening, closing = _items(value)
    if items is None:
        return opening
    if not items:
        return opening + closing
    inner = [
        label + _code(item, names, depth=depth + 1, before=len(_INDENT) * (depth + 1) + len(label), after=1)
        for label, item in items
    ]
    comma = "," * (len(items) == 1 and isinstance(value, tuple))
    line = f"{opening}{', '.join(inner)}{comma}{closing}"
    if before + len(line) + after <= _WIDTH and "\n" not in line:
        return line
    indent = _INDENT * (depth + 1)
    return f"{opening}\n" + "".join(f"{indent}{one},\n" for one in inner) + _INDENT * depth + closing


def _items(value: Any) -> tuple[list[tuple[str, Any]] | None, str, str]:
    """Returns the items of a value with the words before each, and its brackets; a number has no items."""
    if value is None or isinstance(value, bool):
        return None, repr(value), ""
    if isinstance(value, int):
        return None, f"{int(value):_}" if abs(value) >= 10_000 else str(int(value)), ""
    if isinstance(value, float):
        return None, "1 / 255" if value == 1 / 255 else repr(float(value)), ""
    if isinstance(value, tuple):
        return [("", item) for item in value], "(", ")"
    if isinstance(value, list):
        return [("", item) for item in value], "[", "]"
    if isinstance(value, Mapping):
        return [(f"{_quoted(str(key))}: ", item) for key, item in value.items()], "{", "}"
    if is_dataclass(value) and not isinstance(value, type) and type(value).__name__ in spec.__all__:
        return list(_arguments(value)), f"{type(value).__name__}(", ")"
    raise ArgumentError(
        f"{value!r:.80} is a {type(value).__name__}, which can't be written into a paper's file.",
        expected="strings, numbers, tuples, lists, dicts and the classes of leukcnn.spec",
    )


def _arguments(value: "DataclassInstance") -> Iterator[tuple[str, Any]]:
    """Yields the fields that don't have their default, each with the words before it."""
    named = False
    for position, field in enumerate(fields(value)):
        given = getattr(value, field.name)
        if _is_default(field, given):
            named = True
        else:
            named = named or position >= _POSITIONAL.get(type(value), 0)
            yield (f"{field.name}=" if named else ""), given


def _is_default(field: "Field[Any]", given: Any) -> bool:
    default = field.default if field.default_factory is MISSING else field.default_factory()
    return default is not MISSING and repr(default) == repr(given)


def _quoted(text: str) -> str:
    """Returns a string's source in double quotes, if it has none itself."""
    source = repr(str(text))
    return source if '"' in text else f'"{source[1:-1]}"'


def _string(text: str, *, depth: int, room: int) -> str:
    """Returns a string's source; one that doesn't fit is written in several pieces, in brackets."""
    if len(_quoted(text)) <= room:
        return _quoted(text)
    indent = _INDENT * (depth + 1)
    pieces, piece = [], ""
    for word in _words(text):
        if piece and len(_quoted(piece + word)) > _WIDTH - len(indent):
            pieces.append(piece)
            piece = ""
        piece += word
    return "\n".join(["(", *(f"{indent}{_quoted(one)}" for one in (*pieces, piece)), f"{_INDENT * depth})"])


def _words(text: str) -> Iterator[str]:
    """Yields the words of a text with the space after each; a very long one in parts."""
    for word in re.findall("[^ ]* ?", text):
        yield from (word[start : start + 40] for start in range(0, len(word), 40))


def __dir__() -> list[str]:
    return sorted(__all__)
