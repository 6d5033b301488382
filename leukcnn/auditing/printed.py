"""Printed values: their names, decimals, and the exact numbers that print like them."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import Any

import numpy as np

from leukcnn import spec

MODES = ("either", "rounded", "truncated")
"""How a paper prints: rounded half up, truncated (towards 0), or not known."""


@dataclass(frozen=True)
class PrintedNumber:
    """A number with a fixed number of decimals. Comparisons with counts are exact, in whole numbers.

    Attributes:
        value: The printed value without its decimal point: 9248 for 92.48.
        decimals: Number of decimals.
        percent: Whether it is a fraction in percent.
    """

    value: int
    decimals: int
    percent: bool = False

    @property
    def per_one(self) -> int:
        """The number that is printed for a fraction of 1, without its decimal point: 10000 for 100.00 %."""
        return 10**self.decimals * (100 if self.percent else 1)

    def bounds(self, mode: str = "either") -> tuple[Fraction, Fraction]:
        """Returns the least and the lowest excluded number that print like this one, as fractions of 1.

        For a negative number, the first is excluded and the second isn't.
        """
        size = abs(self.value)
        low = Fraction(2 * size - (mode != "truncated"), 2 * self.per_one)
        high = Fraction(2 * size + (1 if mode == "rounded" else 2), 2 * self.per_one)
        return (-high, -low) if self.value < 0 else (low, high)

    def is_printed_for(self, numerator: Any, denominator: Any, mode: str = "either") -> np.ndarray:
        """Returns whether numerator / denominator prints like this number.

        Args:
            numerator: Integers of any shape.
            denominator: Integers above 0 that fit them in shape.
            mode: One of `MODES`.

        Returns:
            bool of the same shape. It is exact while 2 * 100 * 10^decimals * denominator is below 2^63.
        """
        sign = -1 if self.value < 0 else 1
        twice = 2 * self.per_one * sign * np.asarray(numerator, dtype=np.int64)
        below = np.asarray(denominator, dtype=np.int64)
        size = abs(self.value)
        least = (2 * size - (mode != "truncated")) * below
        most = (2 * size + (1 if mode == "rounded" else 2)) * below
        # 0 is printed for small negative numbers as well.
        small = (-most < twice) if self.value == 0 else (twice >= least)
        return small & (twice < most)

    def __str__(self) -> str:
        return f"{Decimal(self.value).scaleb(-self.decimals)}"


def printed_number(value: float, decimals: int, *, percent: bool = False) -> PrintedNumber:
    """Returns a value of a paper with its decimals, such as 94.1 with two: 94.10."""
    return PrintedNumber(int(Decimal(str(value)).scaleb(decimals).to_integral_value()), decimals, percent)


def where_of(table: spec.Table) -> str:
    """Returns the place of a table in the paper, or its name if the paper has no such table."""
    return table.where or f"table '{table.id}' (additional)"


def name_of(table: spec.Table, published: spec.Published) -> str:
    """Returns the name of a published value, such as "table4/vgg16/accuracy/allidb1"."""
    subset = "" if published.subset == "test" else published.subset
    return "/".join(filter(None, (table.id, published.row, published.metric, published.dataset, subset)))


def name_of_std(table: spec.Table, published: spec.Published) -> str:
    """Returns the name of a published value's standard deviation."""
    return f"{name_of(table, published)}/std"


def name_of_cell(table: spec.Table, line: int, column: int) -> str:
    """Returns the name of a cell of `Table.reference`, counted from 0, such as "table2/3/1"."""
    return f"{table.id}/{line}/{column}"


def numbers_of(table: spec.Table) -> Iterator[tuple[str, int | float]]:
    """Yields the name and the value of every number that a table prints."""
    for published in table.published:
        yield name_of(table, published), published.value
        if published.std is not None:
            yield name_of_std(table, published), published.std
    for line, cells in enumerate(table.reference):
        for column, cell in enumerate(cells):
            if isinstance(cell, int | float):
                yield name_of_cell(table, line, column), cell


def printed_values(paper: spec.Paper) -> dict[str, int | float]:
    """Returns the name and the value of every number that a paper's tables print."""
    return {name: value for table in paper.tables for name, value in numbers_of(table)}


def printed_decimals(paper: spec.Paper) -> dict[str, int]:
    """Returns the name and the number of decimals of every published value; not of cells as printed."""
    return {name_of(table, one): table.decimals(one) for table in paper.tables for one in table.published}


def why_not_audited(table: spec.Table, name: str) -> str:
    """Returns why a value of a table can't be checked, see `Table.not_audited`; "" if nothing says so."""
    own = name.removeprefix(f"{table.id}/")
    return next((why for pattern, why in table.not_audited.items() if fnmatchcase(own, pattern)), "")
