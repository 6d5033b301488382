"""Sets of whole numbers with a given sum and sum of squares: runs with a printed mean and std."""

import math
from fractions import Fraction
from functools import cache
from itertools import permutations

import numpy as np

from leukcnn.auditing.printed import PrintedNumber

MOST_STARTS = 3_000_000
"""Most combinations of all numbers but the last two that are tried."""


def sums_of_squares(std: PrintedNumber, total: int, n: int, runs: int, ddof: int) -> range:
    """Returns the sums of squares of counts out of n whose std prints like a value.

    Args:
        std: The printed standard deviation of count / n.
        total: Sum of the counts.
        n: Number of images of a run.
        runs: Number of runs.
        ddof: 1 for a standard deviation over n - 1, 0 for one over n.

    Returns:
        Whole numbers as even or odd as the total, since a square is as its root.
    """
    low, high = (max(bound, Fraction(0)) ** 2 * n**2 * runs * (runs - ddof) for bound in std.bounds())
    first = math.ceil((low + total**2) / runs)
    last = math.ceil((high + total**2) / runs) - 1
    return range(first + (first - total) % 2, last + 1, 2)


def least_std(total: int, n: int, runs: int, ddof: int = 1) -> float:
    """Returns the least standard deviation that counts with a sum can have, as a fraction of n."""
    low, extra = divmod(total, runs)
    return float(np.std([low + 1] * extra + [low] * (runs - extra), ddof=ddof)) / n


def n_starts(n: int, runs: int) -> int:
    """Returns the number of combinations that a search tries."""
    return math.comb(n + runs - 2, runs - 2)


@cache
def _starts(n: int, length: int) -> np.ndarray:
    """Returns all ascending sequences of numbers from 0 to n, int64 of shape (k, length)."""
    rows = np.zeros((1, 0), dtype=np.int64)
    least = np.zeros(1, dtype=np.int64)
    for _ in range(length):
        repeats = n + 1 - least
        rows = np.repeat(rows, repeats, axis=0)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        least = np.repeat(least, repeats) + within
        rows = np.column_stack([rows, least])
    return rows


def multisets(n: int, runs: int, total: int, squares: range) -> np.ndarray | None:
    """Returns all ascending sequences of counts with a sum and a sum of squares.

    Args:
        n: Highest count.
        runs: Number of counts, at least 2.
        total: Their sum.
        squares: Allowed sums of their squares.

    Returns:
        int64 of shape (k, runs), or None if there are too many to try.
    """
    if n_starts(n, runs) > MOST_STARTS:
        return None
    starts = _starts(n, runs - 2)
    last = starts[:, -1] if runs > 2 else np.zeros(1, dtype=np.int64)
    rest, of_squares = total - starts.sum(axis=1), (starts**2).sum(axis=1)
    # The last two add up to `rest`, and neither is below the others.
    possible = (rest >= 2 * last) & (rest <= 2 * n)
    starts, last, rest, of_squares = (a[possible] for a in (starts, last, rest, of_squares))
    found = [np.zeros((0, runs), dtype=np.int64)]
    for square in squares:
        discriminant = 2 * (square - of_squares) - rest**2
        root = np.sqrt(np.maximum(discriminant, 0)).round().astype(np.int64)
        first = (rest - root) // 2
        fits = (root**2 == discriminant) & ((rest - root) % 2 == 0) & (first >= last) & (rest - first <= n)
        found.append(np.column_stack([starts[fits], first[fits], (rest - first)[fits]]))
    return np.concatenate(found)


def orders(rows: np.ndarray) -> np.ndarray:
    """Returns all different orders of each row, int64 of shape (k, runs)."""
    if not len(rows):
        return rows
    by_order = [rows[:, order] for order in permutations(range(rows.shape[1]))]
    return np.unique(np.concatenate(by_order), axis=0)
