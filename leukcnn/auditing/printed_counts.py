"""Counts of images that a table of datasets prints, by line and column."""

from dataclasses import dataclass

from leukcnn import papers, spec

OTHER, TOTAL = "Other", "Total"
HEALTHY = "healthy"
"""The class of datasets that papers call by different names, see `Paper.class_of`."""


@dataclass(frozen=True)
class DatasetLine:
    """A line of a table of datasets.

    Attributes:
        line: Its place in `Table.reference`, counted from 0.
        key: Key of the dataset, or "Total".
        counts: Column -> printed number of images: each class of the paper, "Other" if the table has such a
            column, and "Total".
    """

    line: int
    key: str
    counts: dict[str, int]


def dataset_columns(table: spec.Table, paper: spec.Paper) -> tuple[str, ...]:
    """Returns the names of the columns of counts in a table of datasets."""
    other = (OTHER,) if len(table.reference[0]) > len(paper.classes) + 2 else ()
    return (*paper.classes, *other, TOTAL)


def dataset_lines(table: spec.Table, paper: spec.Paper) -> list[DatasetLine]:
    """Returns the lines of a table of datasets, in the printed order."""
    names = dataset_columns(table, paper)
    return [
        DatasetLine(i, key, dict(zip(names, counts, strict=True)))
        for i, (key, *counts) in enumerate(table.reference)
    ]


def other_papers(paper: spec.Paper) -> list[spec.Paper]:
    """Returns leukcnn's own papers without this one."""
    return [papers.get(key) for key in papers.list_papers() if key != paper.key]


def totals_elsewhere(paper: spec.Paper, key: str) -> dict[str, int]:
    """Returns how many images of a dataset other papers print: "key of the paper, place" -> number."""
    return {
        f"{other.key}, {table.where}": line.counts[TOTAL]
        for other in other_papers(paper)
        for table in other.tables
        if table.kind == "datasets"
        for line in dataset_lines(table, other)
        if line.key == key
    }
