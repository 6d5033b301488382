"""A table for the terminal, as text, CSV and Markdown, and its files."""

import csv
import io
import itertools
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from tabulate import tabulate

from leukcnn.files import replace_file
from leukcnn.rendering.latex import to_latex
from leukcnn.rendering.tables import Table, clean_lines, one_line

if TYPE_CHECKING:
    import rich.console


def to_rich(table: Table) -> "rich.console.RenderableType":
    """Returns the table for the terminal, with marks in red above the title and notes below.

    It is as wide as the terminal: a wider table is split into panels of columns.
    """
    # Importing rich takes a tenth of a second, and files are written without it.
    from leukcnn.rendering.terminal import TerminalTable

    return TerminalTable(table)


def to_text(table: Table) -> str:
    """Returns the table as plain text with aligned columns. The marks are the first lines."""
    columns, parts = table.layout.columns, table.layout.parts_as_printed
    rows = [row for title, part in parts for row in (*_section(title, len(columns)), *part)]
    grid = tabulate(
        [[clean_lines(cell) for cell in row] for row in rows],
        headers=["\n".join(filter(None, map(one_line, (column.group, column.title)))) for column in columns],
        tablefmt="simple",
        colalign=[column.align for column in columns],
        disable_numparse=True,
        preserve_whitespace=True,
    )
    lines = [*map(one_line, table.every_mark), one_line(table.title), "", grid]
    if table.notes:
        lines += ["", *map(one_line, table.notes)]
    return "\n".join(line.rstrip() for line in "\n".join(lines).split("\n")) + "\n"


def _section(title: str, n_columns: int) -> list[list[str]]:
    """Returns an empty row and the title of a section of a text table; none for rows without a title."""
    blank = [""] * (n_columns - 1)
    return [["", *blank], [f"-- {title}", *blank]] if title else []


def to_csv(table: Table) -> str:
    """Returns the table as CSV with raw values at full precision, for programs.

    The first two columns, `comparable` (yes or no) and `mark`, say in every row whether its values may be
    compared with the paper, and why not: the marks of the table and of the row. Percentages and percentage
    points are written as fractions, as the header says. An interval takes two columns, and so does a mean
    with its standard deviation. A missing value is empty, an undefined one is `nan`. Columns for programs are
    here alone. The notes are left out.
    """
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(["comparable", "mark", *(title for c in table.columns for title in c.csv_titles)])
    for row, mark in zip(table.rows, table.row_marks or [""] * len(table.rows), strict=True):
        cells = [c.csv_cells(value) for value, c in zip(row, table.columns, strict=True)]
        marks = [one_line(text) for text in (*table.marks, mark) if text]
        writer.writerow(["no" if marks else "yes", "; ".join(marks), *itertools.chain.from_iterable(cells)])
    return target.getvalue()


def to_markdown(table: Table) -> str:
    """Returns the table as Markdown with pipes. The marks are the first lines, in bold.

    Lines of a cell are separated by `<br>`, and the title of a section is a row in bold.
    """
    blocks = [f"**{_escape_markdown(mark)}**" for mark in table.every_mark]
    blocks.append(f"### {_escape_markdown(table.title)}")
    columns = table.layout.columns
    # Cells aren't padded to the column's width: one longer cell would change every line.
    lines = [[_escape_markdown(column.heading) for column in columns], [_RULES[c.align] for c in columns]]
    for title, part in table.layout.parts:
        if title:
            lines.append([f"**{_escape_markdown(title)}**", *[""] * (len(columns) - 1)])
        for row in part:
            lines.append(["<br>".join(map(_escape_markdown, cell.split("\n"))) for cell in row])
    blocks.append("\n".join(f"| {' | '.join(cells)} |" for cells in lines))
    if table.notes:
        blocks.append("\n".join(f"- {_escape_markdown(note)}" for note in table.notes))
    return "\n\n".join(blocks) + "\n"


_RULES = {"left": ":---", "center": ":---:", "right": "---:"}


def _escape_markdown(text: str) -> str:
    entities = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#~$])", r"\\\1", entities)


WRITERS = {"csv": to_csv, "md": to_markdown, "tex": to_latex, "txt": to_text}
"""Extension of a file that `write` leaves -> the function that renders it."""


def write(table: Table, folder: str | os.PathLike) -> list[Path]:
    """Writes a table as <id>.csv, .md, .tex and .txt in UTF-8, each atomically.

    Returns:
        The four paths.

    Raises:
        StoreError: The folder can't be written to.
    """
    paths = []
    for ending, render in WRITERS.items():
        path = Path(folder) / f"{table.id}.{ending}"
        with replace_file(path) as draft:
            draft.write_text(render(table), encoding="utf-8", newline="\n")
        paths.append(path)
    return paths
