"""A table on the terminal, as wide as it is."""

import textwrap
from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from leukcnn.rendering.panels import panels
from leukcnn.rendering.tables import Column, Layout, Table, one_line

# A column of text is broken into lines of no less than this.
_NARROW = 16
_GAP = 2
"""Blanks between two columns: the padding, and the divider of the box."""


class TerminalTable:
    """A table that is split into panels where the terminal is narrower than its columns."""

    def __init__(self, table: Table):
        self.table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        table, layout = self.table, self.table.layout
        # Text objects: rich would read square brackets in plain strings as markup.
        marks = [(f"{one_line(mark)}\n", "bold red") for mark in table.every_mark]
        yield Text.assemble(*marks, (one_line(table.title), "bold"))
        least = [_least_width(layout, i) for i in range(len(layout.columns))]
        split = panels(layout.columns, least, n_labels=layout.n_labels, gap=_GAP, available=options.max_width)
        for i, positions in enumerate(split):
            if i:
                yield Text("")
            yield _panel(layout.panel(positions))
        if table.notes:
            yield Text("\n".join(["", *map(one_line, table.notes)]))


def _panel(layout: Layout) -> RichTable:
    """Returns the columns of a panel."""
    rendered = RichTable(
        # Vertical lines would take a tenth of the width, which the values need.
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for i, column in enumerate(layout.columns):
        is_text = column.align == "left"
        heading = Text(_heading(layout, i))
        rendered.add_column(heading, justify=column.align, overflow="fold", no_wrap=not is_text)
    of_lines = any("\n" in cell for row in layout.rows for cell in row)
    for title, part in layout.parts_as_printed:
        if title:
            rendered.add_section()
            rendered.add_row(Text(one_line(title), style="bold"), *[""] * (len(layout.columns) - 1))
        for j, row in enumerate(part):
            if of_lines and j and row[0]:
                rendered.add_row()
            rendered.add_row(*map(Text, row))
    return rendered


def _cell_lines(layout: Layout, i: int) -> list[str]:
    return [line for row in layout.rows for line in row[i].split("\n")]


def _heading(layout: Layout, i: int) -> str:
    """Returns a column's title, wrapped to the width of the values in a column of numbers."""
    column = layout.columns[i]
    if column.align == "left":
        return column.heading
    words = [*column.group.split(), *column.title.split()]
    width = max((cell_len(text) for text in (*_cell_lines(layout, i), *words)), default=1)
    titles = [
        textwrap.fill(one_line(text), width, break_on_hyphens=False) for text in (column.group, column.title)
    ]
    return "\n".join(filter(None, titles))


def _least_width(layout: Layout, i: int) -> int:
    """Returns the least width of a column: numbers aren't broken, and words neither."""
    column: Column = layout.columns[i]
    lines = [*_cell_lines(layout, i), *column.heading.split()]
    if column.align == "left":
        longest = max((cell_len(line) for line in lines), default=1)
        words = max((cell_len(word) for line in lines for word in line.split()), default=1)
        return min(longest, max(words, _NARROW))
    return max((cell_len(line) for line in lines), default=1)
