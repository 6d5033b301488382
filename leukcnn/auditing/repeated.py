"""Numbers that are printed several times: in tables of a paper, and in those of several papers."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from leukcnn import spec
from leukcnn.auditing.printed import name_of, name_of_cell, name_of_std
from leukcnn.auditing.printed_counts import HEALTHY, TOTAL, dataset_lines, other_papers


class Place(NamedTuple):
    """Where a number is printed.

    Attributes:
        number: The number; or the name of a printed value of the paper, see `leukcnn.auditing.printed`.
        where: Its place in the paper.
        paper: Key of the paper, if it is another one.
    """

    number: int | float | str
    where: str
    paper: str = ""


Same = dict[str, tuple[Place, ...]]
"""Quantity -> the places where it is printed."""


def find_repeated(paper: spec.Paper) -> Iterator[spec.Claim]:
    """Yields what a paper's tables repeat: values of rows, other works, datasets and class sizes."""
    yield from _rows(paper)
    yield from _works(paper)
    yield from _datasets(paper)
    yield from _supports(paper)


def _claim(name: str, text: str, where: str, same: Same, *, covers: bool = True) -> Iterator[spec.Claim]:
    """Yields a claim that numbers are the same, without those that are printed once."""
    repeated = {quantity: places for quantity, places in same.items() if len(places) > 1}
    if repeated:
        yield spec.Claim(name, "statement", text, where, {"same": repeated, "covers": covers})


def _rows(paper: spec.Paper) -> Iterator[spec.Claim]:
    """Yields the rows with values that several tables print; additional tables only repeat them."""
    found: dict[str, Same] = {}

    def add(row: str, quantity: str, place: Place) -> None:
        of_row = found.setdefault(row, {})
        of_row[quantity] = (*of_row.get(quantity, ()), place)

    for table in (table for table in paper.tables if table.where.startswith("Table")):
        where = table.where
        for one in table.published:
            quantity = " ".join(filter(None, (one.metric, one.dataset, one.subset, table.split)))
            add(one.row, quantity, Place(name_of(table, one), where))
            if one.std is not None:
                add(one.row, f"{quantity} std", Place(name_of_std(table, one), where))
        for first_cell, row, metric in table.measured:
            for line, cells in enumerate(table.reference):
                subset = "test" if "final" not in table.subsets else "final"
                column = _score_column(table)
                if cells[0] == first_cell and column is not None:
                    quantity = " ".join(filter(None, (metric, subset, table.split)))
                    add(row, quantity, Place(name_of_cell(table, line, column), where))
    for row, same in found.items():
        repeated = [place.where for places in same.values() if len(places) > 1 for place in places]
        text = f"{paper.row(row).label} has the same values in each table"
        yield from _claim(f"repeated-{row}", text, ", ".join(dict.fromkeys(repeated)), same, covers=False)


def _score_column(table: spec.Table) -> int | None:
    """Returns the column of a table as printed that holds a score: the last one in percent."""
    columns = [i for i, title in enumerate(table.columns) if title.endswith("(%)")]
    return columns[-1] if columns else None


def _works(paper: spec.Paper) -> Iterator[spec.Claim]:
    """Yields the works in tables of related work that another line, here or in another paper, has too."""
    own = _lines_of_works(paper)
    others = [(other.key, *line) for other in other_papers(paper) for line in _lines_of_works(other)]
    works: dict[str, list[tuple[spec.Table, int]]] = {}
    for table, line, work in own:
        works.setdefault(work, []).append((table, line))
    for work, lines in works.items():
        same: Same = {}
        for key, table, line in (
            *(("", *one) for one in lines),
            *((key, table, line) for key, table, line, other in others if other == work),
        ):
            for column, title in enumerate(table.columns):
                cell = table.reference[line][column]
                if isinstance(cell, int | float) or str(cell).isdigit():
                    # A year is text.
                    number: Any = int(cell) if isinstance(cell, str) else cell
                    if not key and not isinstance(cell, str):
                        number = name_of_cell(table, line, column)
                    same[title] = (*same.get(title, ()), Place(number, table.where, key))
        first, line = lines[0]
        text = f"what {first.reference[line][0]} used and reached"
        places = ", ".join(dict.fromkeys(table.where for table, _ in lines))
        of_own = {title: places for title, places in same.items() if not all(one.paper for one in places)}
        yield from _claim(f"work-{work}", text, places, of_own)


def _lines_of_works(paper: spec.Paper) -> list[tuple[spec.Table, int, str]]:
    """Returns table, line and first author of every other work in a paper's tables as printed."""
    return [
        (table, line, author)
        for table in paper.tables
        if table.kind == "reference"
        for line, cells in enumerate(table.reference)
        if cells[0] not in {first for first, *_ in table.measured}
        and (author := _first_author(str(cells[0])))
    ]


def _first_author(work: str) -> str:
    """Returns the first word of a work's authors, as part of a claim's id."""
    return "".join(
        letter for letter in work.split(" ")[0].casefold() if letter.isascii() and letter.isalnum()
    )


def _datasets(paper: spec.Paper) -> Iterator[spec.Claim]:
    """Yields each table of datasets that other papers' tables repeat in part."""
    for table in paper.tables:
        if table.kind != "datasets":
            continue
        same: Same = {}
        for line in dataset_lines(table, paper):
            elsewhere = _counts_elsewhere(paper, line.key)
            columns = list(line.counts)
            for name, column in (("all", TOTAL), ("healthy", paper.class_of.get(HEALTHY, HEALTHY))):
                if column in columns and elsewhere.get(name):
                    own = Place(name_of_cell(table, line.line, 1 + columns.index(column)), table.where)
                    same[f"{line.key}, {name}"] = (own, *elsewhere[name])
        text = "the datasets have as many images as in other papers"
        yield from _claim(f"{table.id}-elsewhere", text, table.where, same)


def _counts_elsewhere(paper: spec.Paper, key: str) -> dict[str, tuple[Place, ...]]:
    """Returns how many images of a dataset other papers print: "all", "healthy" and "ill", the others."""
    found: dict[str, tuple[Place, ...]] = {}
    for other in other_papers(paper):
        for table in other.tables:
            for line in dataset_lines(table, other) if table.kind == "datasets" else ():
                healthy = line.counts.get(other.class_of.get(HEALTHY, HEALTHY))
                if line.key != key or healthy is None:
                    continue
                counts = {"all": line.counts[TOTAL], "healthy": healthy, "ill": line.counts[TOTAL] - healthy}
                for name, n in counts.items():
                    found[name] = (*found.get(name, ()), Place(n, table.where, other.key))
    return found


def _supports(paper: spec.Paper) -> Iterator[spec.Claim]:
    """Yields each table of confusion matrices whose class sizes are printed in another place too."""
    tables = [table for table in paper.tables if "support" in table.columns]
    for table in tables:
        if table.kind != "confusion":
            continue
        same: Same = {}
        for line, cells in enumerate(table.reference):
            column, label = table.columns.index("support"), cells[:-1]
            own = Place(name_of_cell(table, line, column), table.where or f"table {table.id!r}")
            places = [
                Place(name_of_cell(other, i, other.columns.index("support")), other.where)
                for other in tables
                if other is not table
                for i, others in enumerate(other.reference)
                if others[0] == label[-1]
            ]
            if "Dataset" in table.columns and len(paper.classes) == 2:
                healthy = label[-1] == paper.class_of.get(HEALTHY, HEALTHY)
                places += _counts_elsewhere(paper, str(label[0])).get("healthy" if healthy else "ill", ())
            same[" ".join(map(str, label))] = (own, *places)
        yield from _claim(f"{table.id}-supports", "the classes' sizes", table.where or table.title, same)
