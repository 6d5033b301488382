"""Tables that say on their face what they rest on, for the terminal, text, CSV, Markdown and LaTeX.

A table is data: columns with a format each, rows of raw values, marks and notes. A mark (say, "NOT COMPARABLE
WITH THE PAPER: drawn data") stands in every rendering where nobody can miss it; notes stand below.
"""

import csv
import io
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from leukcnn.errors import ArgumentError
from leukcnn.runs import replace_file

if TYPE_CHECKING:
    import rich.table

Cell = str | int | float | tuple[float, float] | None

NO_VALUE = "–"
UNDEFINED = "undefined"


def _format_points(value: float) -> str:
    points = round(100 * value, 2)
    return f"{points:+.2f}" if points else "0.00"


def _format_interval(value: tuple[float, float]) -> str:
    return f"{100 * value[0]:.2f} to {100 * value[1]:.2f} %"


def _format_quantity(value: int | float) -> str:
    if isinstance(value, int):
        return f"{value:,d}"
    digits = 2 if abs(value) >= 10 else 4
    # Adding 0 turns a rounded -0.0 into 0.0.
    return f"{round(value, digits) + 0.0:.{digits}f}"


FORMATS = {
    "text": str,
    "integer": lambda value: f"{value:d}",
    "number": lambda value: f"{value:g}",
    "percent": lambda value: f"{100 * value:.2f} %",
    "points": _format_points,
    "interval": _format_interval,
    "quantity": _format_quantity,
    "range": lambda value: " to ".join(map(_format_quantity, value)),
}
"""How a column's values are shown. Percent, points (a difference in percentage points) and interval, two
bounds, take fractions; quantity and range, two bounds, take values in the unit that the row names; every
column takes None, 'there is no value', and NaN, 'undefined'."""

_TYPES = {
    "text": (str,),
    "integer": (int,),
    "number": (int, float),
    "percent": (int, float),
    "points": (int, float),
    "interval": (tuple,),
    "quantity": (int, float),
    "range": (tuple,),
}
_BOUNDS = ("interval", "range")
_CSV_UNITS = {"percent": " (fraction)", "points": " (fraction)", "interval": " (fraction)"}


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        title: What stands above it.
        format: A key of `FORMATS`.
    """

    title: str
    format: str = "text"

    def __post_init__(self):
        if self.format not in FORMATS:
            raise ArgumentError(
                f"The column {self.title!r} has the format {self.format!r}.",
                expected=f"one of {', '.join(FORMATS)}",
            )

    def show(self, value: Cell) -> str:
        """Returns a value as text for human eyes, on one line."""
        if value is None:
            return NO_VALUE
        if _undefined(value):
            return UNDEFINED
        return _one_line(FORMATS[self.format](value))


@dataclass(frozen=True)
class Table:
    """A table, checked when it is made.

    Attributes:
        id: Name of its files, of lower-case letters, digits, "_" and "-": "table2", "table2_balanced".
        title: What it shows.
        columns: The columns; a plain string is a column of text.
        rows: One tuple a row, one raw value a column: fractions, not percent.
        notes: Lines that stand below it: assumptions, methods, sources.
        marks: Lines that stand on its face: why it isn't comparable with the paper.

    Raises:
        ArgumentError: The id is no file name, or a row doesn't fit the columns.
    """

    id: str
    title: str
    columns: Sequence[Column | str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()
    marks: Sequence[str] = ()

    def __post_init__(self):
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", self.id):
            raise ArgumentError(
                f"The table's id is {self.id!r}.",
                expected="lower-case letters, digits, '_' and '-', since files are named after it",
            )
        columns = tuple(Column(c) if isinstance(c, str) else c for c in self.columns)
        titles = [column.title for column in columns]
        if len(set(titles)) != len(titles) or not titles:
            raise ArgumentError(
                f"The columns of {self.id} are {titles}.", expected="at least one, no title twice"
            )
        rows = tuple(tuple(map(_plain, row)) for row in self.rows)
        for row in rows:
            _check_row(row, columns, table=self.id)
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "notes", tuple(self.notes))
        object.__setattr__(self, "marks", tuple(self.marks))

    @property
    def comparable(self) -> bool:
        """Whether its figures may be read beside the paper's: it bears no mark."""
        return not self.marks


def _plain(value: Cell) -> Cell:
    """Turns NumPy's scalars into Python's, whose repr is a plain number."""
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return value.item() if hasattr(value, "item") else value


def _check_row(row: Sequence[Cell], columns: Sequence[Column], *, table: str) -> None:
    if len(row) != len(columns):
        raise ArgumentError(
            f"A row of {table} has {len(row)} cells: {tuple(row)!r}.",
            expected=f"{len(columns)}, one a column",
        )
    for value, column in zip(row, columns, strict=True):
        if value is not None and (
            isinstance(value, bool)
            or not (isinstance(value, _TYPES[column.format]) or _undefined(value))
            or (column.format in _BOUNDS and not _undefined(value) and len(value) != 2)
        ):
            raise ArgumentError(
                f"The column {column.title!r} of {table} holds {value!r}.",
                expected=f"a value of the format {column.format!r}, or None",
            )


def _undefined(value: Cell) -> bool:
    """Whether a cell is NaN, or an interval with such a bound."""
    parts = value if isinstance(value, tuple) else (value,)
    return any(isinstance(part, float) and math.isnan(part) for part in parts)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def to_rich(table: Table) -> "rich.table.Table":
    """Returns the table for the terminal; marks stand in red above the title, notes below."""
    # rich costs a tenth of a second, and files are written without it.
    from rich.table import Table as RichTable
    from rich.text import Text

    # Text objects, because rich would read square brackets in plain strings as markup.
    title = Text(justify="left")
    for mark in table.marks:
        title.append(f"{_one_line(mark)}\n", style="bold red")
    title.append(_one_line(table.title), style="bold")
    notes = Text("\n".join(_one_line(note) for note in table.notes), justify="left")
    rendered = RichTable(title=title, title_justify="left", caption=notes if table.notes else None)
    rendered.caption_justify = "left"
    for column in table.columns:
        rendered.add_column(Text(_one_line(column.title)), justify=_justify(column), overflow="fold")
    for row in _shown(table):
        rendered.add_row(*map(Text, row))
    return rendered


def to_text(table: Table) -> str:
    """Returns the table as plain text with aligned columns; marks are its first lines."""
    header = [_one_line(column.title) for column in table.columns]
    body = _shown(table)
    widths = [max(map(len, cells)) for cells in zip(header, *body, strict=True)]

    def line(cells: Sequence[str]) -> str:
        return "  ".join(
            cell.ljust(width) if _justify(column) == "left" else cell.rjust(width)
            for cell, width, column in zip(cells, widths, table.columns, strict=True)
        ).rstrip()

    rule = "  ".join("-" * width for width in widths)
    lines = [*map(_one_line, table.marks), _one_line(table.title), "", line(header), rule, *map(line, body)]
    if table.notes:
        lines += ["", *map(_one_line, table.notes)]
    return "\n".join(lines) + "\n"


def to_csv(table: Table) -> str:
    """Returns the table as CSV with raw values at full precision, for programs.

    The first two columns, `comparable` (yes or no) and `mark`, say in every row whether and why it must not
    be read beside the paper. Percent and points are fractions, as the header says; an interval takes two
    columns; a missing value is empty, an undefined one `nan`. Notes are left to the other forms.
    """
    header = ["comparable", "mark"]
    for column in table.columns:
        title = _one_line(column.title)
        unit = _CSV_UNITS.get(column.format, "")
        if column.format in _BOUNDS:
            header += [f"{title} low{unit}", f"{title} high{unit}"]
        else:
            header.append(title + unit)
    face = ["yes" if table.comparable else "no", "; ".join(map(_one_line, table.marks))]
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(header)
    for row in table.rows:
        cells = list(face)
        for value, column in zip(row, table.columns, strict=True):
            if column.format in _BOUNDS:
                cells += [_raw(bound) for bound in (value if isinstance(value, tuple) else (value, value))]
            else:
                cells.append(_raw(value))
        writer.writerow(cells)
    return target.getvalue()


def _raw(value: str | int | float | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else repr(value)


def to_markdown(table: Table) -> str:
    """Returns the table as Markdown with pipes; marks are its first lines, in bold."""
    parts = [f"**{_escape_markdown(mark)}**" for mark in table.marks]
    parts.append(f"### {_escape_markdown(table.title)}")
    rules = [":---" if _justify(column) == "left" else "---:" for column in table.columns]
    header = [_escape_markdown(column.title) for column in table.columns]
    body = [[_escape_markdown(cell) for cell in row] for row in _shown(table)]
    parts.append("\n".join(f"| {' | '.join(cells)} |" for cells in (header, rules, *body)))
    if table.notes:
        parts.append("\n".join(f"- {_escape_markdown(note)}" for note in table.notes))
    return "\n\n".join(parts) + "\n"


def _escape_markdown(text: str) -> str:
    entities = _one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#~$])", r"\\\1", entities)


_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "[": "{[}",
    "]": "{]}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "–": "--",
    "…": r"\ldots{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": r"$-$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "λ": r"$\lambda$",
    "°": r"$^\circ$",
}


def to_latex(table: Table) -> str:
    r"""Returns the table as a LaTeX `table`, for a document with `\usepackage{booktabs}` and T1 fonts.

    Marks stand in bold in the caption, and in comments at the top.
    """
    comments = [*table.marks, r"Needs \usepackage{booktabs} and \usepackage[T1]{fontenc}."]
    title = " ".join([rf"\textbf{{{_escape_latex(mark)}.}}" for mark in table.marks])
    caption = f"{title} {_escape_latex(table.title)}".strip()
    shown = _shown(table)
    specification = [
        _latex_alignment(column, [row[i] for row in shown]) for i, column in enumerate(table.columns)
    ]
    header = " & ".join(_escape_latex(column.title) for column in table.columns)
    body = [
        " & ".join(_latex_cell(cell, column) for cell, column in zip(row, table.columns, strict=True))
        for row in shown
    ]
    lines = [
        *(f"% {_one_line(comment)}" for comment in comments),
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{caption}}}",
        rf"\label{{tab:{table.id}}}",
        rf"\begin{{tabular}}{{{''.join(specification)}}}",
        r"\toprule",
        rf"{header} \\",
        r"\midrule",
        *(rf"{row} \\" for row in body),
        r"\bottomrule",
        r"\end{tabular}",
        *(rf"\par\smallskip{{\footnotesize {_escape_latex(note)}}}" for note in table.notes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _escape_latex(text: str) -> str:
    return "".join(_LATEX.get(sign, sign) for sign in _one_line(text))


def _latex_alignment(column: Column, cells: Sequence[str]) -> str:
    if _justify(column) == "right":
        return "r"
    # A column of sentences is set as a paragraph, or the table would leave the page.
    return "l" if max(map(len, cells), default=0) <= 40 else r"p{.4\linewidth}"


def _latex_cell(shown: str, column: Column) -> str:
    escaped = _escape_latex(shown)
    negative = column.format != "text" and escaped.startswith("-")
    return f"$-${escaped[1:]}" if negative and shown != NO_VALUE else escaped


def _shown(table: Table) -> list[list[str]]:
    return [
        [column.show(value) for value, column in zip(row, table.columns, strict=True)] for row in table.rows
    ]


def _justify(column: Column) -> str:
    return "left" if column.format == "text" else "right"


WRITERS = {"csv": to_csv, "md": to_markdown, "tex": to_latex, "txt": to_text}
"""The forms that `write` leaves on disk, by the ending of the file."""


def write(table: Table, folder: str | os.PathLike) -> list[Path]:
    """Writes a table as <id>.csv, .md, .tex and .txt in UTF-8, each atomically.

    Returns:
        The four paths.

    Raises:
        StoreError: The folder can't be written, or the disk is full.
    """
    paths = []
    for ending, render in WRITERS.items():
        path = Path(folder) / f"{table.id}.{ending}"
        with replace_file(path) as draft:
            draft.write_text(render(table), encoding="utf-8", newline="\n")
        paths.append(path)
    return paths
