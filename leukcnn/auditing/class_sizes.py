"""Checks sizes of the test set for which all rows of a table are possible.

Values of a claim: "table", "dataset" and "subset" name rows of a table that are computed from the same
images. All class sizes up to the stated ones are tried.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

import numpy as np

from leukcnn import spec
from leukcnn.auditing.answers import CONSISTENT, IMPOSSIBLE, UNDECIDABLE, UNIQUE, Answer, AuditKind, all_of
from leukcnn.auditing.binary import (
    Numbers,
    exchanged,
    readings,
    rows_of_two_classes,
    slips,
    text_of_matrices,
    text_of_slip,
)
from leukcnn.auditing.printed import PrintedNumber, where_of
from leukcnn.auditing.two_classes import Matrices, ValueRow, class_sizes, how_moved, moved

Sizes = set[tuple[int, int]]
CONTROLS = 50
MOST = 10_000_000
"""Most cases of one search that are tried."""
_FEW = 3


class TooManyError(ArithmeticError):
    """A search has too many cases to try."""


def _limit(n: int) -> None:
    """Checks that so many cases can be tried.

    Raises:
        TooManyError: There are too many.
    """
    if n > MOST:
        raise TooManyError(f"{n} cases")


def _joined(first: tuple[np.ndarray, ...], second: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Returns all combinations of the entries of two groups of arrays."""
    _limit(len(first[0]) * len(second[0]))
    left = np.repeat(np.arange(len(first[0])), len(second[0]))
    right = np.tile(np.arange(len(second[0])), len(first[0]))
    return (*(array[left] for array in first), *(array[right] for array in second))


def _parts(number: PrintedNumber | None, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the class sizes up to `most` and the right answers that print like a recall."""
    sizes = np.arange(1, most + 1, dtype=np.int64)
    low, high = number.bounds() if number is not None else (Fraction(0), Fraction(1))
    # Rounding errors are far below 1; the exact comparison follows.
    first = np.maximum(np.floor(float(low) * sizes).astype(np.int64) - 1, 0)
    last = np.minimum(np.ceil(float(high) * sizes).astype(np.int64) + 1, sizes)
    counts = np.maximum(last - first + 1, 0)
    _limit(int(counts.sum()))
    size = np.repeat(sizes, counts)
    right = np.arange(len(size)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(first, counts)
    fits = number.is_printed_for(right, size) if number is not None else np.ones(len(size), dtype=bool)
    return size[fits], right[fits]


@dataclass(frozen=True)
class SizeSearch:
    """Searches class sizes up to the stated ones.

    Attributes:
        positives: Largest number of positive images.
        negatives: Largest number of negative images.
    """

    positives: int
    negatives: int

    @property
    def n(self) -> int:
        """Number of pairs of sizes."""
        return self.positives * self.negatives

    def fitting(self, numbers: Numbers) -> Matrices:
        """Returns all matrices of these sizes whose metrics print like the given numbers."""
        recall = numbers.get("recall", numbers.get("sensitivity"))
        parts = _parts(recall, self.positives), _parts(numbers.get("specificity"), self.negatives)
        if "precision" in numbers:
            matrices = _by_precision(numbers["precision"], *parts)
        else:
            positives, tp, negatives, tn = _joined(*parts)
            matrices = Matrices(positives, negatives, tp, tn)
        return matrices.fitting(numbers)

    def sizes(self, numbers: Numbers) -> Sizes:
        """Returns the class sizes for which some matrix gives the numbers."""
        matrices = self.fitting(numbers)
        return set(zip(matrices.positives.tolist(), matrices.negatives.tolist(), strict=True))

    def sizes_with_slip(self, numbers: Numbers) -> Sizes:
        """Returns the class sizes for which some matrix gives all numbers but one, or with two exchanged."""
        others: list[Numbers] = [
            {name: number for name, number in numbers.items() if name != left_out}
            for left_out in numbers
            if searchable({*numbers} - {left_out})
        ]
        others += [swapped for pair in combinations(numbers, 2) if (swapped := exchanged(numbers, *pair))]
        return set().union(*map(self.sizes, others))


def searchable(metrics: set[str]) -> bool:
    """Returns whether values limit the class sizes enough for a search over all of them."""
    both = bool(metrics & {"recall", "sensitivity"}), "specificity" in metrics
    return len(metrics) > 2 and (("precision" in metrics and any(both)) or all(both))


def _by_precision(
    precision: PrintedNumber,
    positive: tuple[np.ndarray, np.ndarray],
    negative: tuple[np.ndarray, np.ndarray],
) -> Matrices:
    """Returns the matrices with a precision, from class sizes and right answers of each class."""
    wrong = negative[0] - negative[1]
    _limit((int(positive[1].max(initial=0)) + 1) * (int(wrong.max(initial=0)) + 1))
    hits, false = np.divmod(
        np.arange((positive[1].max(initial=0) + 1) * (wrong.max(initial=0) + 1), dtype=np.int64),
        wrong.max(initial=0) + 1,
    )
    fits = precision.is_printed_for(hits, np.maximum(hits + false, 1))
    by_hits = {int(k): np.flatnonzero(positive[1] == k) for k in np.unique(hits[fits])}
    by_wrong = {int(k): np.flatnonzero(wrong == k) for k in np.unique(false[fits])}
    _limit(
        sum(
            len(by_hits[k]) * len(by_wrong[errors])
            for k, errors in zip(hits[fits].tolist(), false[fits].tolist(), strict=True)
        )
    )
    found = []
    for k, errors in zip(hits[fits].tolist(), false[fits].tolist(), strict=True):
        left, right = by_hits[k], by_wrong[errors]
        found.append(
            _joined((positive[0][left], positive[1][left]), (negative[0][right], negative[1][right]))
        )
    empty = (np.zeros(0, dtype=np.int64),) * 4
    positives, tp, negatives, tn = map(np.concatenate, zip(empty, *found, strict=True))
    return Matrices(positives, negatives, tp, tn)


def _common(search: SizeSearch, rows: list[list[Numbers]]) -> tuple[Sizes, tuple[int, ...]]:
    """Returns the sizes that fit all rows, with as few rows with a slip as possible, and these rows.

    Args:
        search: The sizes to try.
        rows: For each row the ways to read its values; the first is as printed.
    """
    full: list[Sizes] = [set().union(*map(search.sizes, ways)) for ways in rows]
    if common := set.intersection(*full):
        return common, ()
    slipped = [search.sizes_with_slip(ways[0]) for ways in rows]
    for n in range(1, len(rows)):
        options: dict[tuple[int, ...], Sizes] = {}
        for wrong in combinations(range(len(rows)), n):
            common = set.intersection(*(slipped[i] if i in wrong else full[i] for i in range(len(rows))))
            if common:
                options[wrong] = common
        if options:
            return set().union(*options.values()), min(options)
    return set(), ()


def _check(claim: spec.Claim, paper: spec.Paper) -> Answer:
    rows = [row for row in rows_of_two_classes(paper) if _group(row) == tuple(claim.values.values())]
    positives, negatives = class_sizes(paper, rows[0].sample) or (0, 0)
    search = SizeSearch(positives, negatives)
    numbers = [[way.numbers for way in readings(row) if not way.other_average] for row in rows]
    covers = tuple(name for row in rows for name in row.covers)
    searched = (
        f"{search.n} pairs of class sizes up to {positives} + {negatives}, all confusion matrices of each"
    )
    try:
        sizes, wrong = _common(search, numbers)
    except TooManyError:
        detail = "Too many sizes and matrices to try: the values have few digits, or the test set is large."
        return Answer(claim, UNDECIDABLE, detail, "nothing", "open", covers=covers)
    stated = f"the stated {positives} + {negatives}"
    where = "is not" if (positives, negatives) not in sizes else "is"
    if not sizes:
        verdict, detail = IMPOSSIBLE, "No size fits all rows, even with one wrong value in all but one row"
    elif len(sizes) == 1:
        (size,) = sizes
        verdict = UNIQUE
        detail = f"Only {size[0]} positive and {size[1]} negative images fit {all_of(len(rows), 'rows')}"
        if size != (positives, negatives):
            detail += f", not {stated}"
        detail += "; " + "; ".join(
            _at_size(search, row, values, size) for row, values in zip(rows, numbers, strict=True)
        )
    else:
        verdict = CONSISTENT
        some = ", ".join(f"{p} + {n}" for p, n in sorted(sizes)[:_FEW])
        detail = (
            f"{len(sizes)} sizes fit {all_of(len(rows), 'rows')}, such as {some}; {stated} {where} among them"
        )
    return Answer(
        claim=claim,
        verdict=verdict,
        detail=f"{detail}.",
        searched=searched,
        certainty=_control(search, numbers, len(wrong), claim.id) if sizes else "exact",
        covers=covers,
    )


def _at_size(search: SizeSearch, row: ValueRow, ways: list[Numbers], size: tuple[int, int]) -> str:
    """Returns what a row is at the only size that fits."""

    def fitting(values: Numbers) -> Matrices:
        # A value without which the search is too large can't be shown to be wrong.
        matrices = search.fitting(values if searchable({*values}) else ways[0])
        return matrices[(matrices.positives == size[0]) & (matrices.negatives == size[1])]

    name = row.values[0].row
    for numbers in ways:
        if len(matrices := fitting(numbers)):
            return f"{name}: {text_of_matrices(matrices)}"
    wrong = slips(ways[0], fitting)
    return f"{name}: " + " or ".join(text_of_slip(slip, ways[0]) for slip in wrong)


def _control(search: SizeSearch, rows: list[list[Numbers]], n_wrong: int, key: str) -> str:
    """Says how often rows with moved values have a size in common, with as many slips."""
    sets = [list(moved(ways[0], CONTROLS, "test_size", key, str(i))) for i, ways in enumerate(rows)]
    solved = [_has_common_size(search, values, n_wrong) for values in zip(*sets, strict=True)]
    slip = f", with a slip in {n_wrong} of {len(rows)} rows allowed," if n_wrong else ""
    tables = f"{CONTROLS} tables with values moved by {how_moved(rows[0][0])}"
    return f"exact; {sum(solved)} of {tables}{slip} have a size in common"


def _has_common_size(search: SizeSearch, rows: tuple[Numbers, ...], n_wrong: int) -> bool:
    """Returns whether rows have a size in common, with at most so many slips."""
    try:
        full = [search.sizes(numbers) for numbers in rows]
        # Most controls end early: too many rows are possible for no size.
        if sum(not sizes for sizes in full) > n_wrong:
            return False
        common, wrong = _common(search, [[numbers] for numbers in rows])
    except TooManyError:
        return True
    return bool(common) and len(wrong) <= n_wrong


def _group(row: ValueRow) -> tuple[str, str, str]:
    return row.table.id, row.values[0].dataset, row.values[0].subset


def _find(paper: spec.Paper) -> Iterator[spec.Claim]:
    groups: dict[tuple[str, str, str], list[ValueRow]] = {}
    for row in rows_of_two_classes(paper):
        if row.sample.folds == 1 and searchable({value.metric for value in row.values}):
            groups.setdefault(_group(row), []).append(row)
    for (table, dataset, subset), rows in groups.items():
        if len(rows) < 2 or len({row.sample for row in rows}) > 1:
            continue
        names = [name for name in (table, dataset, "" if subset == "test" else subset) if name]
        positives, negatives = class_sizes(paper, rows[0].sample) or (0, 0)
        yield spec.Claim(
            "-".join(("test-size", *names)),
            "test_size",
            f"{all_of(len(rows), 'rows').capitalize()} come from one test set, stated as {positives} + "
            f"{negatives} images",
            ", ".join(filter(None, (where_of(rows[0].table), dataset))),
            {"table": table, "dataset": dataset, "subset": subset},
        )


KINDS: dict[str, AuditKind] = {"test_size": AuditKind(check=_check, find=_find)}
