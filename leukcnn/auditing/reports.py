"""Checks confusion matrices that give a scikit-learn classification report with two decimals.

All printed values follow from the hits and the predictions of each class: precision is hits / predictions,
and so on. For each class only a few pairs print like its line. Their combinations must also give the
accuracy, the averages and a sum of predictions that is the number of images.
"""

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
from leukcnn.auditing.printed import PrintedNumber, name_of, name_of_cell, printed_number, where_of
from leukcnn.spec.printed import own_decimals

MAX_COMBINATIONS = 3_000_000
AVERAGES = ("macro avg", "weighted avg")
CONTROLS = 200


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
    def n(self) -> int:
        """Number of images."""
        return int(self.supports.sum())

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
    n = report.n
    hits = np.arange(support + 1)
    hits = hits[report.prints(hits / max(support, 1), recall)]
    h, q = (each.ravel() for each in np.meshgrid(hits, np.arange(n + 1), indexing="ij"))
    fits = (q >= h) & (q - h <= n - support) & report.prints(h / np.maximum(q, 1), precision)
    fits &= report.prints(2 * h / np.maximum(support + q, 1), f1)
    return np.stack([h[fits], q[fits]], axis=1)


@lru_cache(maxsize=512)
def solve(report: Report) -> Solved:
    """Returns the confusion matrices that give a report."""
    supports, n = report.supports, report.n
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
    supports, n = report.supports, report.n
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
            yield spec.Claim(f"{table.id}-report", "report", text, where_of(table), {"tables": (table.id,)})


def check(claim: spec.Claim, paper: spec.Paper) -> Answer:
    """Returns which confusion matrices give reports, and what follows for a printed accuracy.

    The claim's `values`:
        tables: Ids of the tables that hold the reports.
        accuracy: (value, decimals, whether it is in percent): an accuracy printed elsewhere. It is checked
            against each report.
        better: True if the second report is claimed to have more right images than the first.
    """
    tables = [table for table in paper.tables if table.id in claim.values["tables"]]
    reports = [report for table in tables if (report := report_of(table))]
    solved = [solve(report) for report in reports]
    names: tuple[str, ...] = ()
    if any(not each.right for each in solved) and len(claim.values) > 1:
        answer = {"verdict": UNDECIDABLE, "detail": "A report is impossible by itself.", "certainty": "exact"}
    elif "accuracy" in claim.values:
        value, decimals, percent = claim.values["accuracy"]
        number = printed_number(value, decimals, percent=percent)
        answer = _elsewhere(number, [table.title for table in tables], solved, reports[0].n)
    elif claim.values.get("better"):
        answer = _better(*solved)
    else:
        answer = _one(reports[0], solved[0], paper.classes)
        names = tuple(_names(tables[0]))
    sizes = " and ".join(f"{math.prod(each.of_class):,}" for each in solved)
    searched = f"{sizes} combinations of hits and predictions that the lines of the classes allow"
    return Answer(claim, searched=searched, covers=names, **answer)


def _names(table: spec.Table) -> Iterator[str]:
    """Yields the names of a report's values."""
    for line, cells in enumerate(table.reference):
        for column, cell in enumerate(cells):
            if isinstance(cell, int | float):
                yield name_of_cell(table, line, column)
    for published in table.published:
        if published.metric == "accuracy":
            yield name_of(table, published)


def _total_in_words(solved: Solved, n: int) -> str:
    """Returns the possible numbers of right images in words."""
    ends = sorted({solved.right[0], solved.right[-1]})
    between = " or " if len(solved.right) < 3 else " to "
    percent = between.join(f"{100 * total / n:.2f}" for total in ends)
    return f"{between.join(f'{total:,}' for total in ends)} of {n:,} images are right ({percent} %)"


def _one(report: Report, solved: Solved, classes: Sequence[str]) -> dict[str, Any]:
    """Returns the answer for one report."""
    count = len(solved.hits)
    if not solved.complete:
        detail = f"{math.prod(solved.of_class):,} combinations are too many to try."
        return {"verdict": UNDECIDABLE, "detail": detail, "certainty": "not searched"}
    if not count:
        none = [name for name, pairs in zip(classes, solved.of_class, strict=True) if not pairs]
        detail = f"No hits and predictions print like the line of {', '.join(none)}."
        if not none:
            detail = "Each line is possible by itself, but not with the accuracy and the averages."
        return {"verdict": IMPOSSIBLE, "detail": detail, "certainty": "exact"}
    low, high = solved.totals
    hits = ", ".join(f"{name} {_few(solved.hits[:, place])}" for place, name in enumerate(classes))
    detail = (
        f"{_total_in_words(solved, report.n)}: {hits}. {count:,} combinations give all values; the recalls "
        f"alone would allow {low:,} to {high:,}."
    )
    moved = f"{_control(report)} of {CONTROLS} reports with one value moved by a unit are possible too"
    return {"verdict": UNIQUE if count == 1 else CONSISTENT, "detail": detail, "certainty": f"exact; {moved}"}


def _few(values: np.ndarray) -> str:
    """Returns the different values, or their range if there are many."""
    found = sorted({int(value) for value in values})
    return " or ".join(map(str, found)) if len(found) < 4 else f"{found[0]} to {found[-1]}"


def _control(report: Report) -> int:
    """Returns how many reports with one value moved by one unit of its last decimal have a solution."""
    rng = np.random.default_rng(0)
    possible, unit = 0, 10.0**-report.decimals
    for _ in range(CONTROLS):
        lines: list[list[Any]] = [list(line) for line in report.classes]
        means: list[list[Any]] = [list(values) for _, values in report.averages]
        line = (lines + means)[int(rng.integers(len(lines) + len(means)))]
        column, step = int(rng.integers(3)), float(rng.choice([-unit, unit]))
        line[column] += -step if line[column] + step > 1 else step
        classes: Any = tuple(map(tuple, lines))
        averages: Any = tuple(
            (name, tuple(new)) for (name, _), new in zip(report.averages, means, strict=True)
        )
        possible += len(solve(report._replace(classes=classes, averages=averages)).hits) > 0
    return possible


def _elsewhere(
    accuracy: PrintedNumber, titles: Sequence[str], solved: Sequence[Solved], n: int
) -> dict[str, Any]:
    """Returns the answer for an accuracy that is printed elsewhere."""
    totals = np.arange(n + 1)
    rounded = totals[accuracy.is_printed_for(totals, n, "rounded")].tolist()
    either = totals[accuracy.is_printed_for(totals, n)].tolist()
    texts = [f"{title}: {_total_in_words(each, n)}" for title, each in zip(titles, solved, strict=True)]
    possible = any(set(either).intersection(each.right) for each in solved)
    return {
        "verdict": CONSISTENT if possible else IMPOSSIBLE,
        "detail": f"{accuracy} % are {rounded[0]:,} to {rounded[-1]:,} of {n:,} images, or up to "
        f"{either[-1]:,} if it is truncated. {'. '.join(texts)}.",
        "certainty": "exact",
    }


def _better(first: Solved, second: Solved) -> dict[str, Any]:
    """Returns the answer to the claim that the second report has more right images than the first."""
    low, high = second.right[0] - first.right[-1], second.right[-1] - first.right[0]
    by_class = [
        f"{_few(before)}, then {_few(after)}"
        for before, after in zip(first.hits.T, second.hits.T, strict=True)
    ]
    return {
        "verdict": CONSISTENT if high > 0 else IMPOSSIBLE,
        "detail": f"{_few(first.hits.sum(axis=1))} images are right in the first report and "
        f"{_few(second.hits.sum(axis=1))} in the second: a change of {low} to {high}. By class: "
        f"{'; '.join(by_class)}.",
        "certainty": "exact",
    }


KINDS: dict[str, AuditKind] = {"report": AuditKind(check, find)}
