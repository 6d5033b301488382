"""A table for the terminal, as text, CSV and Markdown, and its files."""

import csv
import io
import itertools
import os
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tabulate import tabulate

from leukcnn.files import replace_file
from leukcnn.rendering.latex import to_latex
from leukcnn.rendering.tables import Column, Table, one_line

if TYPE_CHECKING:
    import rich.table


def to_rich(table: Table) -> "rich.table.Table":
    """Returns the table for the terminal, with marks in red above the title and notes below."""
    # Importing rich takes a tenth of a second, and files are written without it.
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    # Text objects: rich would read square brackets in plain strings as markup.
    marks = [(f"{one_line(mark)}\n", "bold red") for mark in table.every_mark]
    title = Text.assemble(*marks, (one_line(table.title), "bold"), justify="left")
    notes = Text("\n".join(["", *map(one_line, table.notes)]), justify="left") if table.notes else None
    rendered = RichTable(
        title=title,
        caption=notes,
        title_justify="left",
        caption_justify="left",
        # Vertical lines would take a tenth of the width, which the values need.
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    shown = table.shown
    for i, column in enumerate(table.shown_columns):
        heading = _heading(column, [row[i] for row in shown])
        rendered.add_column(Text(heading), justify=column.align, overflow="fold")
    for row in shown:
        rendered.add_row(*map(Text, row))
    return rendered


def _heading(column: Column, cells: Sequence[str]) -> str:
    """Returns a column's title, wrapped to the width of the values in a column of numbers."""
    title = one_line(column.title)
    if column.align == "left":
        return title
    width = max(map(len, (*cells, *title.split())), default=1)
    return textwrap.fill(title, width, break_on_hyphens=False)


def to_text(table: Table) -> str:
    """Returns the table as plain text with aligned columns. The marks are the first lines."""
    grid = tabulate(
        table.shown,
        headers=[one_line(column.title) for column in table.shown_columns],
        tablefmt="simple",
        colalign=[column.align for column in table.shown_columns],
        disable_numparse=True,
    )
    lines = [*map(one_line, table.every_mark), one_line(table.title), "", grid]
    if table.notes:
        lines += ["", *map(one_line, table.notes)]
    return "\n".join(lines) + "\n"


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
    """Returns the table as Markdown with pipes. The marks are the first lines, in bold."""
    blocks = [f"**{_escape_markdown(mark)}**" for mark in table.every_mark]
    blocks.append(f"### {_escape_markdown(table.title)}")
    # Cells aren't padded to the column's width: one longer cell would change every line.
    rules = [":---" if column.align == "left" else "---:" for column in table.shown_columns]
    lines = [[column.title for column in table.shown_columns], *table.shown]
    header, *body = [[_escape_markdown(cell) for cell in line] for line in lines]
    blocks.append("\n".join(f"| {' | '.join(cells)} |" for cells in (header, rules, *body)))
    if table.notes:
        blocks.append("\n".join(f"- {_escape_markdown(note)}" for note in table.notes))
    return "\n\n".join(blocks) + "\n"


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
