"""Searches sets of runs with given sums and standard deviations of right answers of two classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import factorial
from typing import NamedTuple

import numpy as np

from leukcnn.auditing.multisets import multisets, orders, sums_of_squares
from leukcnn.auditing.printed import PrintedNumber
from leukcnn.auditing.shares import counts_of

MOST_PAIRS, MOST_SAMPLED = 40_000_000, 2_000_000
"""Most joined orders of which all are tried. Of more, evenly spaced ones are tried, at most so many."""


class Figures(NamedTuple):
    """Mean and standard deviation as printed; None where one isn't printed or is left out."""

    mean: PrintedNumber | None
    std: PrintedNumber | None


Row = Mapping[str, Figures]


@dataclass(frozen=True)
class Found:
    """The sets of runs that give a row.

    Attributes:
        sets: Some or all of them: a (TP, TN) pair for each run, sorted.
        ddof: 1 if standard deviations are over n - 1, else 0.
        tried: Number of joined orders that were tried.
        complete: Whether these were all.
    """

    sets: tuple[tuple[tuple[int, int], ...], ...]
    ddof: int
    tried: int
    complete: bool


@dataclass(frozen=True)
class RunSearch:
    """Searches sets of runs on the same images.

    Attributes:
        positives: Number of positive images.
        negatives: Number of negative images.
        runs: Number of runs.
    """

    positives: int
    negatives: int
    runs: int

    def totals(self, row: Row) -> list[tuple[int, int]]:
        """Returns the sums of true positives and of true negatives that the means allow."""
        sums = {
            name: set(counts_of(mean, n, self.runs).all) if (mean := row[name].mean) else None
            for name, n in self.sizes.items()
        }
        right, tp, tn = sums["accuracy"], sums["recall"], sums["specificity"]
        if tp is None:
            pairs = {(a - k, k) for a in right or () for k in tn or ()}
        elif tn is None:
            pairs = {(k, a - k) for a in right or () for k in tp}
        else:
            pairs = {(a, b) for a in tp for b in tn if right is None or a + b in right}
        return sorted(
            (a, b)
            for a, b in pairs
            if 0 <= a <= self.positives * self.runs and 0 <= b <= self.negatives * self.runs
        )

    @property
    def sizes(self) -> dict[str, int]:
        """Metric -> number of images that it is a fraction of."""
        return {
            "accuracy": self.positives + self.negatives,
            "recall": self.positives,
            "specificity": self.negatives,
        }

    def find(self, row: Row, ddof: int, most: int = MOST_PAIRS) -> Found:
        """Returns the sets of runs that give a row."""
        sets: set[tuple[tuple[int, int], ...]] = set()
        tried, complete = 0, True
        for tp_total, tn_total in self.totals(row):
            tp = self._counts(row["recall"].std, tp_total, self.positives, ddof)
            if tp is not None and not len(tp):
                continue
            tn = self._counts(row["specificity"].std, tn_total, self.negatives, ddof)
            if tp is None or tn is None:
                complete = False
                continue
            pairs = len(tp) * len(tn) * factorial(self.runs)
            if pairs > most:
                complete = False
                # A sample is enough to show that there are sets; they can't be counted.
                step = int((pairs / MOST_SAMPLED) ** 0.5) + 1
                tp, tn = tp[::step], tn[::step]
            found, n = self._joined(row, tp, orders(tn), ddof)
            sets |= found
            tried += n
        return Found(tuple(sorted(sets)), ddof, tried, complete)

    def _counts(self, std: PrintedNumber | None, total: int, n: int, ddof: int) -> np.ndarray | None:
        if std is None:
            return None
        return multisets(n, self.runs, total, sums_of_squares(std, total, n, self.runs, ddof))

    def _joined(
        self, row: Row, tp: np.ndarray, tn: np.ndarray, ddof: int
    ) -> tuple[set[tuple[tuple[int, int], ...]], int]:
        """Joins true positives with true negatives in every order; also returns how many were tried."""
        found: set[tuple[tuple[int, int], ...]] = set()
        accuracy, of_tn = row["accuracy"].std, (tn**2).sum(axis=1)
        n = self.positives + self.negatives
        for hits in tp:
            fits = tn
            if accuracy is not None and len(tn):
                total = int(hits.sum() + tn[0].sum())
                squares = sums_of_squares(accuracy, total, n, self.runs, ddof)
                joined = int((hits**2).sum()) + of_tn + 2 * (tn @ hits)
                fits = tn[(joined >= squares.start) & (joined < squares.stop)]
            fits = fits[self._precise(row["precision"], hits, fits, ddof)]
            found |= {tuple(sorted(zip(hits.tolist(), other.tolist(), strict=True))) for other in fits}
        exact = {one for one in found if self._is_printed(row["precision"], one, ddof)}
        return exact, len(tp) * len(tn)

    def _precise(self, figures: Figures, tp: np.ndarray, tn: np.ndarray, ddof: int) -> np.ndarray:
        """Returns for each order whether its precisions fit, but for errors of floating point."""
        precision = tp / np.maximum(tp + self.negatives - tn, 1)
        fits = np.ones(len(tn), dtype=bool)
        if figures.mean is not None and len(tn):
            low, high = map(float, figures.mean.bounds())
            fits &= np.abs(precision.mean(axis=1) - (low + high) / 2) <= (high - low) / 2 + 1e-9
        if figures.std is not None and len(tn):
            low, high = map(float, figures.std.bounds())
            fits &= np.abs(precision.std(axis=1, ddof=ddof) - (low + high) / 2) <= (high - low) / 2 + 1e-9
        return fits

    def _is_printed(self, figures: Figures, pairs: tuple[tuple[int, int], ...], ddof: int) -> bool:
        """Returns whether the precisions of a set of runs fit, exactly."""
        values = [Fraction(tp, max(tp + self.negatives - tn, 1)) for tp, tn in pairs]
        mean = sum(values, Fraction(0)) / self.runs
        if figures.mean is not None:
            low, high = figures.mean.bounds()
            if not low <= mean < high:
                return False
        if figures.std is None:
            return True
        low, high = (max(bound, Fraction(0)) ** 2 for bound in figures.std.bounds())
        return low <= sum((value - mean) ** 2 for value in values) / (self.runs - ddof) < high
