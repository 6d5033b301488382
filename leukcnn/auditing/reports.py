"""Checks confusion matrices that give a scikit-learn classification report with two decimals.

All printed values follow from the hits h_c and the predictions q_c of each class: precision is h_c / q_c, and so
on. For each class only a few pairs print like its line. Their combinations must also give the accuracy, the
averages and a sum of predictions that is the number of images.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from leukcnn import spec
from leukcnn.auditing.answers import (
    CONSISTENT,
    IMPOSSIBLE,
    UNDECIDABLE,
    UNIQUE,
    Answer,
    AuditKind,
)
from leukcnn.auditing.printed import PrintedNumber, name_of, name_of_cell, own_decimals, printed_number

MAX_COMBINATIONS = 3_000_000
AVERAGES = ("macro avg", "weighted avg")


class Report(NamedTuple):
    """A printed classification report.

    Attributes:
        classes: For each class its precision, recall, F1-score and support.
        averages: "macro avg" and "weighted avg" -> precision, recall and F1-score.
        accuracy: The accuracy; None if it isn't printed.
        decimals: Number of decimals of all values.
    """

    classes: tuple[tuple[float, float, float, int], ...]
    averages: tuple[tuple[str, tuple[float, float, float]], ...]
    accuracy: float | None
    decimals: int = 2

    @property
    def supports(self) -> np.ndarray:
        """Number of images of each class."""
        return np.array([line[3] for line in self.classes])

    def prints(self, values: np.ndarray, printed: float) -> np.ndarray:
        """Returns whether values print like a number; halves may be rounded either way."""
        return np.abs(values - printed) <= 0.5 / 10**self.decimals + 1e-12


def report_of(table: spec.Table) -> Report | None:
    """Returns the report that a table's `reference` holds; None if it holds none."""
    if table.kind != "metrics" or "class" not in table.axes or not table.reference:
        return None
    classes, averages, accuracy = [], [], None
    for name, *values in table.reference:
        if name == "accuracy":
            accuracy = float(values[2])
        elif name in AVERAGES:
            averages.append((name, tuple(values[:3])))
        else:
            classes.append(tuple(values))
    printed = [value for line in table.reference for value in line[1:4] if isinstance(value, float)]
    return Report(tuple(classes), tuple(averages), accuracy, max(2, *map(own_decimals, printed)))


class Solved(NamedTuple):
    """The confusion matrices that give a report.

    Attributes:
        hits: Right images of each class, of shape (solutions, classes).
        predictions: Images that are predicted as each class, of the same shape.
        of_class: Number of pairs of hits and predictions that each class's line allows.
        totals: Possible numbers of right images by the recalls alone.
        complete: Whether all combinations were tried, with the averages.
    """

    hits: np.ndarray
    predictions: np.ndarray
    of_class: tuple[int, ...]
    totals: tuple[int, int]
    complete: bool

    @property
    def right(self) -> list[int]:
        """The possible numbers of right images."""
        return sorted({int(total) for total in self.hits.sum(axis=1)})


def _pairs(report: Report, line: tuple[float, float, float, int]) -> np.ndarray:
    """Returns the pairs of hits and predictions that print like the line of a class."""
    precision, recall, f1, support = line
    n = int(report.supports.sum())
    hits = np.arange(support + 1)
    hits = hits[report.prints(hits / max(support, 1), recall)]
    h, q = (each.ravel() for each in np.meshgrid(hits, np.arange(n + 1), indexing="ij"))
    fits = (q >= h) & (q - h <= n - support) & report.prints(h / np.maximum(q, 1), precision)
    fits &= report.prints(2 * h / np.maximum(support + q, 1), f1)
    return np.stack([h[fits], q[fits]], axis=1)


@lru_cache(maxsize=32)
def solve(report: Report) -> Solved:
    """Returns the confusion matrices that give a report."""
    supports, n = report.supports, int(report.supports.sum())
    pairs = [_pairs(report, line) for line in report.classes]
    of_class = tuple(map(len, pairs))
    ends = [
        np.arange(size + 1)[report.prints(np.arange(size + 1) / size, line[1])]
        for size, line in zip(supports, report.classes, strict=True)
    ]
    totals = (0, 0)
    if all(len(end) for end in ends):
        totals = (int(sum(end[0] for end in ends)), int(sum(end[-1] for end in ends)))
    empty = np.zeros((0, len(supports)), dtype=np.int64)
    if not all(of_class) or math.prod(of_class) > MAX_COMBINATIONS:
        return Solved(empty, empty, of_class, totals, complete=not all(of_class))
    grids = np.indices(of_class).reshape(len(pairs), -1)
    hits = np.stack([each[grid, 0] for each, grid in zip(pairs, grids, strict=True)], axis=1)
    predictions = np.stack([each[grid, 1] for each, grid in zip(pairs, grids, strict=True)], axis=1)
    fits = predictions.sum(axis=1) == n
    hits, predictions = hits[fits], predictions[fits]
    fits = _fits(report, hits, predictions)
    return Solved(hits[fits], predictions[fits], of_class, totals, complete=True)


def _fits(report: Report, hits: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Returns whether hits and predictions give accuracy and averages, and have a confusion matrix."""
    supports, n = report.supports, int(report.supports.sum())
    wrong = n - hits.sum(axis=1)
    # No wrong image is on the diagonal.
    fits = ((supports - hits) + (predictions - hits) <= wrong[:, None]).all(axis=1)
    if report.accuracy is not None:
        fits &= report.prints(hits.sum(axis=1) / n, report.accuracy)
    of_class = (
        hits / np.maximum(predictions, 1),
        hits / np.maximum(supports, 1),
        2 * hits / np.maximum(supports + predictions, 1),
    )
    for name, values in report.averages:
        weights = supports / n if name == "weighted avg" else np.full(len(supports), 1 / len(supports))
        for metric, printed in zip(of_class, values, strict=True):
            fits &= report.prints(metric @ weights, printed)
    return np.asarray(fits)


def find(paper: spec.Paper) -> Iterator[spec.Claim]:
    """Yields a claim for each table that holds a classification report."""
    for table in paper.tables:
        if report_of(table):
            n = sum(line[4] for line in table.reference if line[0] not in ("accuracy", *AVERAGES))
            text = f"{table.title}, {n:,} images"
            yield spec.Claim(f"{table.id}-report", "report", text, table.where, {"tables": (table.id,)})


def check(claim: spec.Claim, paper: spec.Paper) -> Answer:
    """Returns which confusion matrices give reports, and what follows for a printed accuracy.

    The claim's `values`:
        tables: Ids of the tables that hold the reports.
        accuracy: (value, decimals, whether it is in percent): an accuracy printed elsewhere. It is checked
            against each report.
        better: True if the second report is claimed to have more right images than the first.
        names: Names of the printed values that the claim is about, if not those of the reports.
    """
    tables = [table for table in paper.tables if table.id in claim.values["tables"]]
    solved = [solve(report) for table in tables if (report := report_of(table))]
    names = claim.values.get("names", tuple(name for table in tables for name in _names(table)))
    if "accuracy" in claim.values:
        value, decimals, percent = claim.values["accuracy"]
        answer = _elsewhere(printed_number(value, decimals, percent=percent), tables, solved)
        names = claim.values.get("names", ())
    elif claim.values.get("better"):
        answer, names = _better(solved), ()
    else:
        answer = _one(tables[0], solved[0], paper.classes)
    sizes = " x ".join(f"{math.prod(each.of_class):,}" for each in solved)
    searched = f"{sizes} combinations of hits and predictions that the lines of the classes allow"
    return Answer(claim, searched=searched, covers=tuple(names), **answer)


def _names(table: spec.Table) -> Iterator[str]:
    """Yields the names of a report's values."""
    for line, cells in enumerate(table.reference):
        for column, cell in enumerate(cells):
            if isinstance(cell, int | float):
                yield name_of_cell(table, line, column)
    for published in table.published:
        if published.metric == "accuracy":
            yield name_of(table, published)
