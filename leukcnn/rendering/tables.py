"""Tables that say on their face what they rest on, for the terminal, text, CSV, Markdown and LaTeX.

A table is data: columns with a format each, rows of raw values, marks and notes. A mark (say, "NOT COMPARABLE
WITH THE PAPER: drawn data") stands in every rendering where nobody can miss it; notes stand below.
"""

import csv
import io
import itertools
import os
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from leukcnn.errors import ArgumentError
from leukcnn.files import replace_file
from leukcnn.rendering.formats import FORMATS, NO_VALUE, PERCENT_UNIT, UNDEFINED, Cell, Format, undefined

if TYPE_CHECKING:
    import rich.table


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        title: What stands above it.
        format: A key of `leukcnn.rendering.formats.FORMATS`.
    """

    title: str
    format: str = "text"

    def __post_init__(self):
        if self.format not in FORMATS:
            raise ArgumentError(
                f"The column {self.title!r} has the format {self.format!r}.",
                expected=f"one of {', '.join(FORMATS)}",
            )

    def show(self, value: Cell, *, in_percent: bool = False) -> str:
        """Returns a value as text for human eyes, on one line.

        Args:
            value: The value.
            in_percent: Whether its row names it a percentage; a column's title may do so too.
        """
        if value is None:
            return NO_VALUE
        if undefined(value):
            return UNDEFINED
        return _one_line(self._how.show(value, in_percent or PERCENT_UNIT in self.title))

    @property
    def _how(self) -> Format:
        return FORMATS[self.format]

    def fits(self, value: Cell) -> bool:
        """Whether it can show a value."""
        if isinstance(value, tuple):
            return tuple in self._how.types and len(value) == self._how.n_parts and value[0] is not None
        if value is None or undefined(value):
            return True
        return isinstance(value, self._how.types) and not isinstance(value, bool)

    @property
    def csv_titles(self) -> list[str]:
        """Titles of the columns that it takes in CSV."""
        return [_one_line(self.title) + added for added in self._how.csv]

    def csv_cells(self, value: Cell) -> list[str]:
        """Returns a value at full precision, a text for each of `csv_titles`."""
        parts = value if isinstance(value, tuple) else (value,) * self._how.n_parts
        return ["" if part is None else part if isinstance(part, str) else repr(part) for part in parts]


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
        if not column.fits(value):
            raise ArgumentError(
                f"The column {column.title!r} of {table} holds {value!r}.",
                expected=f"a value of the format {column.format!r}, or None",
            )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def to_rich(table: Table) -> "rich.table.Table":
    """Returns the table for the terminal; marks stand in red above the title, notes below."""
    # rich costs a tenth of a second, and files are written without it.
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    # Text objects, because rich would read square brackets in plain strings as markup.
    title = Text(justify="left")
    for mark in table.marks:
        title.append(f"{_one_line(mark)}\n", style="bold red")
    title.append(_one_line(table.title), style="bold")
    notes = Text("\n".join(["", *map(_one_line, table.notes)]), justify="left")
    rendered = RichTable(
        title=title,
        title_justify="left",
        caption=notes if table.notes else None,
        caption_justify="left",
        # Rules down the page would take a tenth of the width, which figures need.
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    shown = _shown(table)
    for i, column in enumerate(table.columns):
        heading = _heading(column, [row[i] for row in shown])
        rendered.add_column(Text(heading), justify=_justify(column), overflow="fold")
    for row in shown:
        rendered.add_row(*map(Text, row))
    return rendered


def _heading(column: Column, cells: Sequence[str]) -> str:
    """Returns a column's title, broken where it would make a column of figures wider than they are."""
    title = _one_line(column.title)
    if _justify(column) == "left":
        return title
    width = max(map(len, (*cells, *title.split())), default=1)
    return textwrap.fill(title, width, break_on_hyphens=False)


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
    be read beside the paper. Percent and points are fractions, as the header says; an interval, and a mean
    with its standard deviation, take two columns; a missing value is empty, an undefined one `nan`. Notes are
    left to the other forms.
    """
    face = ["yes" if table.comparable else "no", "; ".join(map(_one_line, table.marks))]
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(["comparable", "mark", *(title for c in table.columns for title in c.csv_titles)])
    for row in table.rows:
        cells = [c.csv_cells(value) for value, c in zip(row, table.columns, strict=True)]
        writer.writerow([*face, *itertools.chain.from_iterable(cells)])
    return target.getvalue()


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
    shown = []
    for row in table.rows:
        in_percent = any(isinstance(value, str) and value.endswith(PERCENT_UNIT) for value in row)
        cells = zip(row, table.columns, strict=True)
        shown.append([column.show(value, in_percent=in_percent) for value, column in cells])
    return shown


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
