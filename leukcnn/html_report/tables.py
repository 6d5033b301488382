"""Tables as the page shows them: what each cell is sorted by, headings of groups, and sections."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from leukcnn.rendering.formats import NO_VALUE, UNDEFINED, Cell, undefined
from leukcnn.rendering.tables import Column, Layout, Table, one_line

_LONG_CELL = 45
_NUMBER = re.compile(r"[-+−]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")


class GridCell(NamedTuple):
    """A cell: its lines, what it is sorted by ("" without a value, None for text), and its style classes."""

    lines: list[str]
    key: str | None
    style: str


class Group(NamedTuple):
    """A heading over several columns; "" over columns without one."""

    title: str
    n_columns: int


class Grid(NamedTuple):
    """A table as readers see it.

    Attributes:
        groups: Headings over several columns; empty if there are none.
        columns: The columns.
        parts: Title ("" for none) and rows of each section.
        n_rows: Number of rows.
    """

    groups: list[Group]
    columns: Sequence[Column]
    parts: list[tuple[str, list[list[GridCell]]]]
    n_rows: int


def grid_of(table: Table) -> Grid:
    """Returns the grid of a table, in the paper's own shape if it has one."""
    layout, keys = table.layout, iter(_keys(table))
    parts = [
        (
            one_line(title),
            [
                [
                    _cell(text, column, key)
                    for text, column, key in zip(row, layout.columns, next(keys), strict=True)
                ]
                for row in rows
            ],
        )
        for title, rows in layout.parts
    ]
    groups = [Group(one_line(title), len([*of])) for title, of in groupby(c.group for c in layout.columns)]
    grouped = groups if any(group.title for group in groups) else []
    return Grid(grouped, layout.columns, parts, len(layout.rows))


def _cell(text: str, column: Column, key: str | None) -> GridCell:
    lines = [one_line(line) for line in text.split("\n")]
    style = "text" if column.align == "left" else "right"
    return GridCell(lines, key, style + " long" * (len(text) > _LONG_CELL and style == "text"))


def _keys(table: Table) -> Iterator[list[str | None]]:
    """Yields what the cells of each shown row are sorted by."""
    if table.shape is not None:
        yield from _keys_of_shape(table.shape)
        return
    shown = [place for place, column in enumerate(table.columns) if not column.csv_only]
    yield from ([_key(row[place]) for place in shown] for row in table.rows)


def _key(value: Cell) -> str | None:
    if value is None or undefined(value):
        return ""
    first = value[0] if isinstance(value, tuple) else value
    return None if isinstance(first, str) else repr(first)


def _keys_of_shape(layout: Layout) -> Iterator[list[str | None]]:
    for row in layout.rows:
        yield [
            None if column.align == "left" else _key_of_lines(text.split("\n"))
            for text, column in zip(row, layout.columns, strict=True)
        ]


def _key_of_lines(lines: Sequence[str]) -> str:
    """Returns the measured value of a cell: the line above its interval, else its last line of a number."""
    numbers = []
    for line in lines:
        if line.startswith("["):
            break
        if line in (NO_VALUE, UNDEFINED) or _NUMBER.match(line):
            numbers.append(line)
    found = _NUMBER.match(numbers[-1]) if numbers else None
    return found[0].replace(",", "").replace("−", "-") if found else ""
