"""Checks class sizes and confusion matrices that give a weighted F1-score.

For a number P of images of one class and s = P + predictions of it, the weighted F1-score grows linearly with
the number t of right predictions of it: n w / 2 = P t / s + (n - P) (n - s + t) / (2 n - s). So each pair
of P and s is tried once, and the few integers t around the solution are compared exactly. Swapping the
classes changes nothing: if the class sizes aren't known, P is the smaller one.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

import numpy as np

from leukcnn import spec
from leukcnn.auditing.answers import (
    CONSISTENT,
    IMPOSSIBLE,
    SLIP,
    UNDECIDABLE,
    UNIQUE,
    Answer,
    AuditKind,
)
from leukcnn.auditing.printed import PrintedNumber, name_of, printed_number, where_of

CONTROLS = 1000
LISTED = 20_000
"""More matrices than this are only counted: such a score proves nothing."""


class Matrix(NamedTuple):
    """A confusion matrix of two classes: size of the first class, its hits and the second class's hits."""

    size: int
    hits: int
    other_hits: int

    def score(self, n: int) -> Fraction:
        """Returns the weighted F1-score as scikit-learn computes it, 0 for a class without hits."""
        misses, false = self.size - self.hits, n - self.size - self.other_hits
        total = Fraction(0)
        for size, hits in ((self.size, self.hits), (n - self.size, self.other_hits)):
            total += Fraction(2 * size * hits, 2 * hits + misses + false) if hits else 0
        return total / n


def _cells(n: int, size: int, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns the hits of both classes for which the score is about within [low, high)."""
    predicted = np.arange(n + 1)
    s = size + predicted
    first, second = size / np.maximum(s, 1), (n - size) / np.maximum(2 * n - s, 1)
    fixed, slope = second * (n - s), first + second
    # Errors of rounding are below 1e-9 hits. The candidates are compared exactly afterwards.
    least = np.ceil((low * n / 2 - fixed) / slope - 1e-7).astype(np.int64)
    most = np.floor((high * n / 2 - fixed) / slope + 1e-7).astype(np.int64)
    least = np.maximum(least, np.maximum(0, s - n))
    most = np.minimum(most, np.minimum(size, predicted))
    counts = np.maximum(most - least + 1, 0)
    of_cell = np.repeat(np.arange(n + 1), counts)
    place = np.arange(len(of_cell)) - np.repeat(np.cumsum(counts) - counts, counts)
    hits = least[of_cell] + place
    return hits, n - s[of_cell] + hits


def _matrices(n: int, sizes: tuple[int, ...], low: Fraction, high: Fraction) -> Iterator[Matrix]:
    """Yields the matrices with a score within [low, high)."""
    for size in sizes[:1] or range(n // 2 + 1):
        for hits, other in zip(*_cells(n, size, float(low), float(high)), strict=True):
            matrix = Matrix(size, int(hits), int(other))
            if low <= matrix.score(n) < high:
                yield matrix


class Solutions(NamedTuple):
    """The matrices that give a score.

    Attributes:
        matrices: All of them, or the first `LISTED` + 1.
        moved: Of `CONTROLS` scores moved in their last digits, how many have a solution.
        at_size: Size of the first class -> how many of them have a solution with it.
    """

    matrices: tuple[Matrix, ...]
    moved: int
    at_size: Mapping[int, int]

    @property
    def many(self) -> bool:
        """Whether there are too many matrices to list."""
        return len(self.matrices) > LISTED

    @property
    def sizes(self) -> set[int]:
        """Sizes of the first class for which there is a matrix."""
        return {matrix.size for matrix in self.matrices}


def step_of(score: PrintedNumber) -> Fraction:
    """Returns one unit of a score's last digit, as a fraction of 1."""
    return Fraction(1, score.per_one)


def reach_of(score: PrintedNumber) -> int:
    """Returns by how many units of its last digit the control moves a score: half of its digits."""
    return 10 ** (len(str(score.value)) // 2)


@lru_cache(maxsize=256)
def solutions(score: PrintedNumber, n: int, sizes: tuple[int, ...] = ()) -> Solutions:
    """Returns the matrices that give a score, and how many scores moved a little have one, too.

    Args:
        score: The printed score, rounded or truncated.
        n: Number of images.
        sizes: Number of images of both classes; empty if it isn't known.
    """
    found = tuple(islice(_matrices(n, sizes, *score.bounds()), LISTED + 1))
    rng = np.random.default_rng(score.value)
    moves = rng.integers(1, reach_of(score) + 1, CONTROLS) * rng.choice([-1, 1], CONTROLS)
    unit, (low, high) = step_of(score), score.bounds()
    if len(found) > LISTED:
        ends = [(low + int(move) * unit, high + int(move) * unit) for move in moves]
        return Solutions(found, sum(any(_matrices(n, sizes, *end)) for end in ends), {})
    scores, of_size = _window(n, sizes, float(score.value * unit), float((reach_of(score) + 2) * unit))
    first = np.searchsorted(scores, float(low) + moves * float(unit))
    last = np.searchsorted(scores, float(high) + moves * float(unit))
    at_size: Counter[int] = Counter()
    for start, stop in zip(first, last, strict=True):
        at_size.update({int(size) for size in of_size[start:stop]})
    return Solutions(found, int((last > first).sum()), at_size)


def _window(n: int, sizes: tuple[int, ...], middle: float, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns all scores around a value, sorted, and the size of the first class that has each."""
    scores, of_size = [], []
    for size in sizes[:1] or range(n // 2 + 1):
        hits, other = _cells(n, size, middle - reach, middle + reach)
        wrong = n - hits - other
        value = size * hits / np.maximum(2 * hits + wrong, 1)
        value = value + (n - size) * other / np.maximum(2 * other + wrong, 1)
        scores.append(2 * value / n)
        of_size.append(np.full(len(hits), size))
    every, owners = np.concatenate(scores), np.concatenate(of_size)
    order = np.argsort(every)
    return every[order], owners[order]


def one_digit_changed(score: PrintedNumber) -> Iterator[PrintedNumber]:
    """Yields the numbers that differ from a printed one in one digit, or in two neighbours swapped."""
    digits = str(score.value)
    texts = {digits[:i] + new + digits[i + 1 :] for i in range(len(digits)) for new in "0123456789"}
    texts |= {digits[:i] + digits[i + 1] + digits[i] + digits[i + 2 :] for i in range(len(digits) - 1)}
    for text in sorted(texts - {digits}):
        yield PrintedNumber(int(text), score.decimals, score.percent)


def find(paper: spec.Paper) -> Iterator[spec.Claim]:
    """Yields a claim for each published weighted F1-score of a paper with two classes."""
    if len(paper.classes) != 2:
        return
    for table in paper.tables:
        published = [(p, table.sample(p)) for p in table.published if p.metric == "weighted_f1"]
        known = [(p, sample) for p, sample in published if sample and sample.runs == sample.folds == 1]
        for own, sample in known:
            together = [p for p, other in known if other == sample]
            yield spec.Claim(
                id="-".join(filter(None, (table.id, own.row, "weighted_f1", own.dataset, own.subset))),
                kind="weighted_f1",
                text=f"{paper.row(own.row).label}: a weighted F1-score of {_printed(table, own)} %",
                where=where_of(table),
                values={
                    "scores": {name_of(table, p): (p.value, table.decimals(p), True) for p in together},
                    "checked": (name_of(table, own),),
                    "n": sample.n,
                    "sizes": sample.sizes,
                },
            )


def _printed(table: spec.Table, published: spec.Published) -> PrintedNumber:
    return printed_number(published.value, table.decimals(published), percent=True)


def check(claim: spec.Claim, paper: spec.Paper) -> Answer:
    """Returns which matrices give the scores of a claim.

    Its `values`:
        scores: Name of a printed value -> (value, decimals, whether it is in percent), for all scores on the
            same images.
        checked: Names of the scores that the claim is about; all if it isn't given.
        n: Number of images.
        sizes: Number of images of each class; empty or not given if it isn't known.
    """
    n, sizes = claim.values["n"], tuple(claim.values.get("sizes", ()))
    scores = {
        name: printed_number(value, decimals, percent=percent)
        for name, (value, decimals, percent) in claim.values["scores"].items()
    }
    checked = tuple(claim.values.get("checked", scores))
    found = {name: solutions(score, n, sizes) for name, score in scores.items()}
    if any(found[name].many for name in checked):
        verdict = _undecidable(found, checked)
    elif len(checked) == 1 and not found[checked[0]].matrices:
        verdict = _impossible(scores[checked[0]], n, _common_sizes(found))
    else:
        verdict = _possible(found, checked, n)
    searched = f"{n + 1:,} numbers of predictions of a class"
    if not sizes:
        searched = f"{(n // 2 + 1) * (n + 1):,} pairs of a class size and a number of predictions"
    return Answer(claim, searched=searched, covers=checked, **verdict)


def _common_sizes(found: Mapping[str, Solutions]) -> dict[int, int]:
    """Returns the sizes of the first class that most scores allow, with the number of the scores."""
    counts = Counter(size for solved in found.values() if not solved.many for size in solved.sizes)
    most = max(counts.values(), default=0)
    return {size: count for size, count in counts.items() if count == most}


def _undecidable(found: Mapping[str, Solutions], checked: tuple[str, ...]) -> dict[str, str]:
    least = min(found[name].moved for name in checked)
    scores = "The score has" if len(checked) == 1 else f"The {len(checked)} scores have each"
    return {
        "verdict": UNDECIDABLE,
        "detail": f"{scores} more than {LISTED:,} confusion matrices: too few digits to prove anything.",
        "certainty": f"{least:,} of {CONTROLS:,} scores moved in their last digits have a solution too",
    }


def _impossible(score: PrintedNumber, n: int, common: Mapping[int, int]) -> dict[str, str]:
    """Returns the answer for a score without a matrix: a slip if one other digit gives one."""
    detail = f"No confusion matrix of {n:,} images gives {score}, whatever the class sizes."
    if len(common) != 1 or max(common.values()) < 2:
        return {"verdict": IMPOSSIBLE, "detail": detail, "certainty": "exact"}
    (size,) = common
    sizes = (size, n - size)
    others = {new: solved for new in one_digit_changed(score) if (solved := _solve(new, n, sizes))}
    if len(others) != 1:
        return {
            "verdict": IMPOSSIBLE,
            "detail": f"{detail} With the {size:,} + {n - size:,} images that the other scores allow, "
            f"{len(others)} scores with one other digit have one.",
            "certainty": "exact",
        }
    ((new, matrices),) = others.items()
    tried = len(list(one_digit_changed(score)))
    return {
        "verdict": SLIP,
        "detail": f"{detail} With the {size:,} + {n - size:,} images that alone give the other scores, {new} "
        f"is the only score with one other digit that has one: {_words(matrices[0], n)}.",
        "certainty": "exact that the printed score is impossible; the correction is likely: "
        f"{_rate(score, n, sizes):.2g} of the {tried} scores with one other digit would fit by chance",
        "corrected": str(new),
    }


def _solve(score: PrintedNumber, n: int, sizes: tuple[int, ...]) -> tuple[Matrix, ...]:
    return tuple(islice(_matrices(n, sizes, *score.bounds()), 2))


def _rate(score: PrintedNumber, n: int, sizes: tuple[int, ...]) -> float:
    """Returns how many of the scores with one other digit are expected to have a solution by chance."""
    reach = 1000 * reach_of(score) * float(step_of(score))
    scores, _ = _window(n, sizes, float(score.value * step_of(score)), reach)
    low, high = score.bounds()
    return len(scores) / (2 * reach) * float(high - low) * len(list(one_digit_changed(score)))


def _possible(found: Mapping[str, Solutions], checked: tuple[str, ...], n: int) -> dict[str, str]:
    """Returns the answer for scores with a few matrices, with the sizes that most scores allow."""
    common = _common_sizes(found)
    support = max(common.values(), default=0)
    matrices = {
        name: [m for m in found[name].matrices if m.size in common] or list(found[name].matrices)
        for name in checked
    }
    none = [name for name in checked if not matrices[name]]
    unique = not none and all(len(each) == 1 for each in matrices.values())
    least = min(max((found[name].at_size.get(size, 0) for size in common), default=0) for name in checked)
    moved = max(found[name].moved for name in checked)
    sizes = ", ".join(f"{size:,} + {n - size:,}" for size in sorted(common)[:5])
    words = "; ".join(_words(each[0], n) for each in matrices.values() if len(each) == 1)
    detail = f"{support} of {len(found)} scores on these images fit class sizes of {sizes}"
    detail += f", and no other sizes fit {support}." if len(common) == 1 else f" ({len(common)} in total)."
    return {
        "verdict": IMPOSSIBLE if none else UNIQUE if unique else CONSISTENT,
        "detail": f"{detail} {words[:1].upper()}{words[1:]}." if words else detail,
        "certainty": f"exact; of {CONTROLS:,} scores moved in their last digits, {moved:,} have a solution "
        f"with some class sizes and {least:,} with these",
    }


def _words(matrix: Matrix, n: int) -> str:
    """Returns a matrix in words."""
    return (
        f"{matrix.hits:,} of {matrix.size:,} images of one class and {matrix.other_hits:,} of "
        f"{n - matrix.size:,} of the other are right"
    )


KINDS: dict[str, AuditKind] = {"weighted_f1": AuditKind(check, find)}
