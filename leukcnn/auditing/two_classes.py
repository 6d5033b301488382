"""Confusion matrices of two classes: which of them give printed values, compared exactly."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from leukcnn import spec
from leukcnn.auditing.printed import PrintedNumber, name_of, printed_number, where_of
from leukcnn.seeding import generator
from leukcnn.spec.metrics import METRICS
from leukcnn.spec.printed import own_decimals

Fraction_ = tuple[np.ndarray, np.ndarray]
LEAST_MOVE, MOST_MOVE = 0.03, 0.3
"""A control moves printed percentages by so many points, up or down."""


@dataclass(frozen=True)
class Matrices:
    """Confusion matrices of two classes.

    Attributes:
        positives: Number of images of the positive class, integers of shape (n,).
        negatives: Number of the others, of the same shape, like the next two.
        tp: True positives.
        tn: True negatives.
    """

    positives: np.ndarray
    negatives: np.ndarray
    tp: np.ndarray
    tn: np.ndarray

    def metric(self, name: str) -> Fraction_:
        """Returns a metric of each matrix as numerator and denominator, int64 of shape (n,).

        As in scikit-learn, the precision of a class that is never predicted is 0.
        """
        return _METRICS[name](self)

    def __getitem__(self, index: np.ndarray) -> "Matrices":
        return Matrices(self.positives[index], self.negatives[index], self.tp[index], self.tn[index])

    def __len__(self) -> int:
        return len(self.tp)

    @property
    def images(self) -> np.ndarray:
        """Number of images."""
        return self.positives + self.negatives

    @property
    def predicted(self) -> np.ndarray:
        """Number of images predicted as positive, at least 1: the precision of none is 0 of 1."""
        return np.maximum(self.tp + self.negatives - self.tn, 1)

    @property
    def rejected(self) -> np.ndarray:
        """Number of images predicted as negative, at least 1."""
        return np.maximum(self.tn + self.positives - self.tp, 1)

    @property
    def errors(self) -> np.ndarray:
        """Number of wrong predictions."""
        return self.images - self.tp - self.tn

    def fitting(self, numbers: Mapping[str, PrintedNumber], mode: str = "either") -> "Matrices":
        """Returns those whose metrics all print like the given numbers, in one of `printed.MODES`."""
        left = self
        for name, number in numbers.items():
            left = left[number.is_printed_for(*left.metric(name), mode)]
        return left


def _f1_parts(matrices: Matrices) -> tuple[Fraction_, Fraction_]:
    positive, negative = 2 * matrices.tp, 2 * matrices.tn
    below = (np.maximum(hits + matrices.errors, 1) for hits in (positive, negative))
    return (positive, next(below)), (negative, next(below))


def _sum(first: Fraction_, second: Fraction_, weights: tuple[Any, Any] = (1, 1)) -> Fraction_:
    """Returns the weighted mean of two fractions."""
    (a, b), (c, d), (left, right) = first, second, weights
    return left * a * d + right * c * b, (left + right) * b * d


def _kappa(matrices: Matrices) -> Fraction_:
    n, right = matrices.images, matrices.tp + matrices.tn
    predicted = matrices.tp + matrices.negatives - matrices.tn
    chance = predicted * matrices.positives + (n - predicted) * matrices.negatives
    below = n * n - chance
    # Where all images are of one class and predicted so, kappa isn't defined: 0 is as good as any.
    return np.where(below > 0, n * right - chance, 0), np.maximum(below, 1)


def _both(name: str, weighted: bool) -> Callable[[Matrices], Fraction_]:
    """Returns the average over both classes of precision, recall, F1-score or specificity."""

    def average(m: Matrices) -> Fraction_:
        recalls = (m.tp, np.maximum(m.positives, 1)), (m.tn, np.maximum(m.negatives, 1))
        parts = {
            "precision": lambda: ((m.tp, m.predicted), (m.tn, m.rejected)),
            "recall": lambda: recalls,
            "specificity": lambda: recalls[::-1],
            "f1": lambda: _f1_parts(m),
        }[name]()
        return _sum(*parts, weights=(m.positives, m.negatives) if weighted else (1, 1))

    return average


_METRICS: Mapping[str, Callable[[Matrices], Fraction_]] = {
    "accuracy": lambda m: (m.tp + m.tn, m.images),
    "error_rate": lambda m: (m.errors, m.images),
    "precision": lambda m: (m.tp, m.predicted),
    "recall": lambda m: (m.tp, np.maximum(m.positives, 1)),
    "sensitivity": lambda m: (m.tp, np.maximum(m.positives, 1)),
    "specificity": lambda m: (m.tn, np.maximum(m.negatives, 1)),
    "f1": lambda m: _f1_parts(m)[0],
    "kappa": _kappa,
    **{f"macro_{name}": _both(name, False) for name in ("precision", "recall", "f1")},
    **{f"weighted_{name}": _both(name, True) for name in ("precision", "recall", "f1", "specificity")},
}
OF_A_MATRIX = frozenset(_METRICS)
"""Metrics that a confusion matrix gives."""


def all_matrices(positives: int, negatives: int) -> Matrices:
    """Returns all confusion matrices of two class sizes."""
    tp, tn = np.divmod(np.arange((positives + 1) * (negatives + 1), dtype=np.int64), negatives + 1)
    of_class = [np.broadcast_to(np.int64(size), tp.shape) for size in (positives, negatives)]
    return Matrices(of_class[0], of_class[1], tp, tn)


@dataclass(frozen=True)
class SortedMatrices:
    """Matrices sorted by one metric, to search them many times.

    Attributes:
        matrices: The matrices.
        first: The metric.
    """

    matrices: Matrices
    first: str

    @cached_property
    def _order(self) -> tuple[np.ndarray, np.ndarray]:
        above, below = self.matrices.metric(self.first)
        values = above / below
        order = np.argsort(values, kind="stable")
        return values[order], order

    def fitting(self, numbers: Mapping[str, PrintedNumber], mode: str = "either") -> Matrices:
        """Returns those whose metrics all print like the given numbers."""
        if self.first not in numbers:
            return self.matrices.fitting(numbers, mode)
        values, order = self._order
        low, high = numbers[self.first].bounds(mode)
        # Rounding errors are far below this margin; the exact comparison follows.
        start, stop = np.searchsorted(values, (float(low) - 1e-9, float(high) + 1e-9))
        return self.matrices[order[start:stop]].fitting(numbers, mode)


def numbers_of(
    table: spec.Table, published: Iterable[spec.Published], *, own: bool = False
) -> dict[str, PrintedNumber]:
    """Returns the values of a row that a matrix of two classes gives, by metric.

    Args:
        table: Their table.
        published: The values.
        own: Whether zeros at the end of a value aren't printed digits: 74 for "74", not "74.00".
    """
    return {
        value.metric: printed_number(
            value.value,
            own_decimals(value.value) if own else table.decimals(value),
            percent=METRICS[value.metric].percent,
        )
        for value in published
        if of_a_matrix(value)
    }


def of_a_matrix(value: spec.Published) -> bool:
    """Returns whether a matrix gives a value; whole numbers of 64 bits compare up to six decimals."""
    return value.metric in OF_A_MATRIX and own_decimals(value.value) <= 6


def text_of(metric: str, number: PrintedNumber) -> str:
    """Returns a metric and its value, such as "specificity 89.68"."""
    title = METRICS[metric].title if metric in METRICS else metric.replace("_", " ")
    return f"{title if title.startswith(('F1', 'AUROC')) else title[0].lower() + title[1:]} {number}"


def printed_for(number: PrintedNumber, numerator: int, denominator: int, mode: str) -> PrintedNumber:
    """Returns what is printed for a fraction with the decimals of a number, rounded or truncated."""
    size = abs(numerator) * number.per_one
    digits = size // denominator if mode == "truncated" else (2 * size + denominator) // (2 * denominator)
    return PrintedNumber(digits if numerator >= 0 else -digits, number.decimals, number.percent)


def moved(numbers: Mapping[str, PrintedNumber], n: int, *key: str) -> Iterator[dict[str, PrintedNumber]]:
    """Yields sets of the same values, each moved up or down by .03 to .3 points, for a control.

    Values with few decimals move by at least one unit of their last. A value stays within what is possible.

    Args:
        numbers: The printed values, by metric.
        n: Number of sets.
        *key: Key of the random numbers.
    """
    rng = generator(0, "audit", *key)
    shape = (n, len(numbers))
    points = rng.uniform(LEAST_MOVE, MOST_MOVE, shape) * np.where(rng.random(shape) < 0.5, -1, 1)
    for row in points:
        yield {name: _moved(number, by) for (name, number), by in zip(numbers.items(), row, strict=True)}


def how_moved(numbers: Mapping[str, PrintedNumber]) -> str:
    """Returns by how much `moved` moves values, for a sentence."""
    coarse = any(number.decimals < 1 + 2 * (not number.percent) for number in numbers.values())
    return f".03 to .3{', or one unit of the last digit' if coarse else ''}"


def _moved(number: PrintedNumber, points: float) -> PrintedNumber:
    units = points * 10**number.decimals / (1 if number.percent else 100)
    by = int(np.sign(points)) * max(1, round(abs(units)))
    value = number.value + by if abs(number.value + by) <= number.per_one else number.value - by
    return PrintedNumber(value, number.decimals, number.percent)


@dataclass(frozen=True)
class ValueRow:
    """The values of a table that are computed from the same images.

    Attributes:
        table: The table.
        sample: The images.
        values: The values of one row, dataset and subset.
        of_text: Whether they are in the paper's text, and not in a table.
    """

    table: spec.Table
    sample: spec.Sample
    values: tuple[spec.Published, ...]
    of_text: bool = False

    @property
    def id(self) -> str:
        """Name of the row in ids of claims, such as "table4-leuknet-allidb1"."""
        return name_of(self.table, self.values[0]).replace(f"/{self.values[0].metric}", "").replace("/", "-")

    @property
    def where(self) -> str:
        """Its place in the paper, with the row's id."""
        return ", ".join(filter(None, (where_of(self.table), self.values[0].row, self.values[0].dataset)))

    @property
    def covers(self) -> tuple[str, ...]:
        """Names of its values that a confusion matrix gives."""
        if self.of_text:
            return ()
        return tuple(name_of(self.table, value) for value in self.values if of_a_matrix(value))


def value_rows(paper: spec.Paper) -> Iterator[ValueRow]:
    """Yields the rows of a paper's tables whose images are known."""
    for table in paper.tables:
        rows: dict[tuple[str, str, str], list[spec.Published]] = {}
        for value in table.published:
            rows.setdefault((value.row, value.dataset, value.subset), []).append(value)
        for values in rows.values():
            if sample := table.sample(values[0]):
                yield ValueRow(table, sample, tuple(values))


def row_of(paper: spec.Paper, claim: spec.Claim) -> ValueRow:
    """Returns the row that a claim names by "table", "row", "dataset" and "subset", or states by "values"."""
    if "values" in claim.values:
        stated = tuple(spec.Published("text", *item) for item in claim.values["values"].items())
        text = spec.Table("text", claim.text, "metrics", where=claim.where, published=stated)
        return ValueRow(text, spec.Sample(tuple(claim.values["sizes"])), stated, of_text=True)
    wanted = (claim.values["row"], claim.values.get("dataset", ""), claim.values.get("subset", "test"))
    table = next(table for table in paper.tables if table.id == claim.values["table"])
    values = tuple(p for p in table.published if (p.row, p.dataset, p.subset) == wanted)
    sample = table.sample(values[0])
    if sample is None:
        raise LookupError(f"no sample of {table.id} fits {wanted}")
    if "sizes" in claim.values:
        sample = replace(sample, sizes=tuple(claim.values["sizes"]))
    return ValueRow(table, sample, values)


def claim_of(kind: str, row: ValueRow, text: str, **values: Any) -> spec.Claim:
    """Returns a claim about a row of a table."""
    first = row.values[0]
    names = {"table": row.table.id, "row": first.row, "dataset": first.dataset, "subset": first.subset}
    return spec.Claim(f"{kind.replace('_', '-')}-{row.id}", kind, text, row.where, {**names, **values})


def class_sizes(paper: spec.Paper, sample: spec.Sample) -> tuple[int, int] | None:
    """Returns the numbers of positive and negative images; None if there aren't two classes."""
    if len(sample.sizes) != 2 or not paper.positive_class:
        return None
    positive = paper.classes.index(paper.positive_class)
    return sample.sizes[positive], sample.sizes[1 - positive]
