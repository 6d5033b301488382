"""Tables that say on their face what they rest on.

A table is data: columns with a format each, rows of raw values, marks and notes. A mark (say, "NOT COMPARABLE
WITH THE PAPER: synthetic data") stands in every rendering where nobody can miss it; notes stand below.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from leukcnn.errors import ArgumentError
from leukcnn.rendering.formats import FORMATS, NO_VALUE, PERCENT_UNIT, UNDEFINED, Cell, undefined


def one_line(text: str) -> str:
    """Returns a text with every stretch of white space turned into a single space."""
    return " ".join(text.split())


class Column(NamedTuple):
    """A column of a table: what stands above it, and a key of `leukcnn.rendering.formats.FORMATS`."""

    title: str
    format: str = "text"

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
        return one_line(FORMATS[self.format].show(value, in_percent or PERCENT_UNIT in self.title))

    @property
    def align(self) -> str:
        """Side that it is aligned to: "left" for text, "right" for figures."""
        return "left" if self.format == "text" else "right"

    @property
    def csv_titles(self) -> list[str]:
        """Titles of the columns that it takes in CSV."""
        return [one_line(self.title) + added for added in FORMATS[self.format].csv]

    def csv_cells(self, value: Cell) -> list[str]:
        """Returns a value at full precision, a text for each of `csv_titles`."""
        parts = value if isinstance(value, tuple) else (value,) * len(FORMATS[self.format].csv)
        return ["" if part is None else part if isinstance(part, str) else repr(part) for part in parts]


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        id: Name of its files, of lower-case letters, digits, "_" and "-": "table2", "table2_balanced".
        title: What it shows.
        columns: The columns; a plain string is a column of text.
        rows: One tuple a row, one raw value a column: fractions, not percent.
        notes: Lines that stand below it: assumptions, methods, sources.
        marks: Lines that stand on its face: why it isn't comparable with the paper.

    Raises:
        ArgumentError: The id is no file name.
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
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "rows", tuple(tuple(map(_plain, row)) for row in self.rows))
        object.__setattr__(self, "notes", tuple(self.notes))
        object.__setattr__(self, "marks", tuple(self.marks))

    @property
    def shown(self) -> list[list[str]]:
        """The rows as text for human eyes."""
        shown = []
        for row in self.rows:
            in_percent = any(isinstance(value, str) and value.endswith(PERCENT_UNIT) for value in row)
            cells = zip(row, self.columns, strict=True)
            shown.append([column.show(value, in_percent=in_percent) for value, column in cells])
        return shown

    @property
    def comparable(self) -> bool:
        """Whether its figures may be read beside the paper's: it bears no mark."""
        return not self.marks


def _plain(value: Cell) -> Cell:
    """Turns NumPy's scalars into Python's, whose repr is a plain number."""
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return value.item() if hasattr(value, "item") else value
