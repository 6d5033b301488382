"""Tables as data: columns with a format each, rows of raw values, marks and notes.

Every rendering shows the marks (for example "NOT COMPARABLE WITH THE PAPER: synthetic data") prominently, and
the notes below the table. CSV has no notes.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeVar

from leukcnn.errors import ArgumentError
from leukcnn.rendering.formats import FORMATS, NO_VALUE, PERCENT_UNIT, UNDEFINED, Cell, undefined

_MOST_LABELS = 3
_Scalar = TypeVar("_Scalar", str | int | float | None, float, float | None)


def one_line(text: str) -> str:
    """Returns a text with each run of white space replaced by one space."""
    return " ".join(text.split())


def clean_lines(text: str) -> str:
    """Returns a text whose lines have single spaces alone."""
    return "\n".join(map(one_line, text.split("\n")))


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        title: Its heading.
        format: A key of `leukcnn.rendering.formats.FORMATS`.
        csv_only: Whether it is for programs and only in the CSV file.
        group: A heading that it shares with the columns next to it of the same group; "" for none.
    """

    title: str
    format: str = "text"
    csv_only: bool = False
    group: str = ""

    def show(self, value: Cell, *, in_percent: bool = False) -> str:
        """Returns a value as it is shown to readers, on one line unless it is a cell of several.

        Args:
            value: The value.
            in_percent: Whether the row says that the value is a percentage. The column's title may say so
                as well.

        Raises:
            ArgumentError: The value isn't of the column's format.
        """
        if value is None:
            return NO_VALUE
        if undefined(value):
            return UNDEFINED
        shown = FORMATS[self.format].show(value, in_percent or PERCENT_UNIT in self.title)
        return clean_lines(shown) if self.format == "cell" else one_line(shown)

    @property
    def align(self) -> Literal["left", "center", "right"]:
        """Alignment: "left" for text, "center" for cells of several lines, "right" for numbers."""
        return "left" if self.format == "text" else "center" if self.format == "cell" else "right"

    @property
    def heading(self) -> str:
        """Its title, after that of its group, on one line."""
        return one_line(", ".join(filter(None, (self.group, self.title))))

    @property
    def csv_titles(self) -> list[str]:
        """Titles of the CSV columns for this column."""
        return [one_line(self.title) + added for added in FORMATS[self.format].csv]

    def csv_cells(self, value: Cell) -> list[str]:
        """Returns a value at full precision, one string for each of `csv_titles`."""
        values = value if isinstance(value, tuple) else (value,) * len(FORMATS[self.format].csv)
        return ["" if one is None else one if isinstance(one, str) else repr(one) for one in values]


class Section(NamedTuple):
    """Rows of a layout under a title of their own, with a rule above it.

    Attributes:
        first: Position of its first row.
        title: Its title.
    """

    first: int
    title: str


class Layout(NamedTuple):
    r"""A table as readers see it.

    Attributes:
        columns: The columns.
        rows: One string for each column; its lines are separated by "\n".
        sections: Titled groups of rows, in order; rows before the first have no title.
        n_labels: Number of first columns that name a row. A table that is too wide is split into panels, each
            of which begins with them.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    sections: Sequence[Section] = ()
    n_labels: int = 1

    @property
    def parts(self) -> list[tuple[str, Sequence[Sequence[str]]]]:
        """Title and rows of each section; the rows before the first have the title ""."""
        starts = [Section(0, ""), *self.sections, Section(len(self.rows), "")]
        return [
            (one.title, self.rows[one.first : following.first])
            for one, following in itertools.pairwise(starts)
            if one.title or following.first > one.first
        ]

    def panel(self, positions: Sequence[int]) -> "Layout":
        """Returns some of the columns, without the rows that have nothing but labels in them."""
        if len(positions) == len(self.columns):
            return self
        n_labels = sum(i < self.n_labels for i in positions)
        rows: list[list[str]] = []
        sections: list[Section] = []
        for title, part in self.parts:
            kept = [[row[i] for i in positions] for row in part]
            kept = [row for row in kept if any(row[n_labels:])]
            sections += [Section(len(rows), title)] if title and kept else []
            rows += kept
        return Layout([self.columns[i] for i in positions], rows, sections, n_labels)

    @property
    def parts_as_printed(self) -> list[tuple[str, list[list[str]]]]:
        """Like `parts`, without the labels that a row has in common with the row above it."""
        parts = []
        for title, part in self.parts:
            above: Sequence[str] = ()
            rows = []
            for row in part:
                labels = list(zip(row[: self.n_labels], above, strict=False)) if self.n_labels > 1 else []
                n = next((i for i, (one, other) in enumerate(labels) if one != other), len(labels))
                rows.append([*[""] * n, *row[n:]])
                above = row
            parts.append((title, rows))
        return parts


@dataclass(frozen=True, init=False)
class Table:
    """A table; a notebook shows it as HTML, `print` and a terminal as text.

    Args:
        id: Name of its files, of lower-case letters, digits, "_" and "-": "table2", "table2_balanced".
        title: What it shows.
        columns: The columns; a string is a column of text with that title.
        rows: One sequence per row with one raw value per column: fractions, not percent. NumPy scalars
            become Python numbers.
        notes: Lines below the table: assumptions, methods, sources.
        marks: Warnings at its top: why it isn't comparable with the paper.
        row_marks: The same for single rows, one text per row, "" for none; empty if no row has any.
        shape: How readers see it, where that isn't its columns and rows: in the paper's own shape. CSV has
            the columns and rows.

    Raises:
        ArgumentError: The id can't be a file name.
    """

    id: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str]
    marks: Sequence[str]
    row_marks: Sequence[str]
    shape: Layout | None

    def __init__(
        self,
        id: str,
        title: str,
        columns: Sequence[Column | str],
        rows: Sequence[Sequence[Cell]],
        notes: Sequence[str] = (),
        marks: Sequence[str] = (),
        row_marks: Sequence[str] = (),
        shape: Layout | None = None,
    ):
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", id):
            raise ArgumentError(
                f"The table's id is {id!r}.",
                expected="lower-case letters, digits, '_' and '-', since files are named after it",
            )
        # A frozen dataclass sets its own attributes in this way.
        object.__setattr__(self, "id", id)
        object.__setattr__(self, "title", title)
        object.__setattr__(self, "columns", tuple(Column(c) if isinstance(c, str) else c for c in columns))
        object.__setattr__(self, "rows", tuple(tuple(map(_plain, row)) for row in rows))
        object.__setattr__(self, "notes", tuple(notes))
        object.__setattr__(self, "marks", tuple(marks))
        object.__setattr__(self, "row_marks", tuple(row_marks) if any(row_marks) else ())
        object.__setattr__(self, "shape", shape)

    @property
    def layout(self) -> Layout:
        """The table as readers see it."""
        if self.shape is not None:
            return self.shape
        columns, rows = self.shown_columns, self.shown
        # The fewest first columns that name each row alone: names and numbers such as the epoch, no values.
        # With four, a panel has no room for values.
        names = itertools.takewhile(lambda column: column.format in ("text", "integer"), columns)
        most = min(len([*names]), _MOST_LABELS)
        alone = (n for n in range(1, most + 1) if len({tuple(row[:n]) for row in rows}) == len(rows))
        return Layout(columns, rows, n_labels=next(alone, 1))

    @property
    def shown_columns(self) -> list[Column]:
        """The columns that are shown to readers."""
        return [column for column in self.columns if not column.csv_only]

    @property
    def shown(self) -> list[list[str]]:
        """The rows as they are shown to readers, one string per cell of `shown_columns`."""
        shown = []
        for row in self.rows:
            in_percent = any(isinstance(value, str) and value.endswith(PERCENT_UNIT) for value in row)
            cells = zip(row, self.columns, strict=True)
            shown.append(
                [column.show(value, in_percent=in_percent) for value, column in cells if not column.csv_only]
            )
        return shown

    @property
    def every_mark(self) -> tuple[str, ...]:
        """Its marks and those of its rows, each once: all are shown at its top."""
        return tuple(dict.fromkeys((*self.marks, *filter(None, self.row_marks))))

    @property
    def comparable(self) -> bool:
        """Whether all its values may be compared with the paper's: neither it nor a row has a mark."""
        return not self.every_mark

    def __repr__(self) -> str:
        # Imported here because `renderings` needs this module.
        from leukcnn.rendering.renderings import to_text

        return to_text(self).rstrip("\n")

    def _repr_html_(self) -> str:
        # Imported here because `html` needs this module.
        from leukcnn.rendering.html import to_html

        return to_html(self)


def _plain(value: Cell) -> Cell:
    """Returns NumPy scalars as Python numbers, whose `repr` is a plain number."""
    if isinstance(value, tuple):
        first, second = value
        return _scalar(first), _scalar(second)
    return _scalar(value)


def _scalar(value: _Scalar) -> _Scalar:
    item = getattr(value, "item", None)
    return value if item is None else item()
