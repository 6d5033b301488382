"""Checks sets of folds that give the means and standard deviations of a row.

A mean accuracy and its standard deviation come from the number of right images in each fold. All multisets of
such numbers are counted, by their sum and their sum of squares. Where kappa is 0, a network most likely
predicted one class for all images of a fold. There are few such sets, and most values have none.
"""

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np

from leukcnn import spec
from leukcnn.auditing.answers import CONSISTENT, IMPOSSIBLE, UNDECIDABLE, UNIQUE, Answer, AuditKind
from leukcnn.auditing.printed import PrintedNumber, name_of, name_of_std, printed_number, where_of
from leukcnn.datasets.headers import counted
from leukcnn.spec.printed import own_decimals

CONTROLS = 1000
MAX_CELLS = 30_000_000
"""Sets of folds are counted if the table of their sums and sums of squares has up to so many cells."""

MOST_LISTED = 5
_ROUNDING = 1e-12


_AVERAGES = {
    "precision": ("weighted_precision", "macro_precision"),
    "weighted_precision": ("weighted_precision",),
    "macro_precision": ("macro_precision",),
}


def fold_sizes(sizes: tuple[int, ...], folds: int) -> np.ndarray:
    """Returns the class sizes of stratified folds, as scikit-learn's `StratifiedKFold` makes them.

    The order of the classes decides which fold gets one image of a class more than another fold.

    Args:
        sizes: Number of images of each class.
        folds: Number of folds.

    Returns:
        int64 of shape (folds, classes).
    """
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return np.stack([np.bincount(labels[fold::folds], minlength=len(sizes)) for fold in range(folds)])


class Spread(NamedTuple):
    """A printed mean over folds with its standard deviation."""

    mean: PrintedNumber
    std: PrintedNumber

    def __str__(self) -> str:
        return f"{self.mean} +- {self.std}"

    def moved(self) -> Iterator["Spread"]:
        """Yields spreads with both values moved a little."""
        rng = np.random.default_rng(abs(self.mean.value) + self.std.value)
        for _ in range(CONTROLS):
            yield Spread(*(moved(number, rng) for number in self))

    def fits(self, values: np.ndarray, *, ddof: int) -> np.ndarray:
        """Returns whether values, in the last axis one for each fold, have this mean and deviation."""
        means, stds = values.mean(axis=-1), values.std(axis=-1, ddof=ddof)
        return _within(self.mean, means) & _within(self.std, stds)


def _step(number: PrintedNumber) -> tuple[int, int]:
    """Returns by how many units of its last decimal a control moves a number, at least and at most.

    They are 3 and 30 hundredths of a percent, or 1 and 3 units if fewer decimals are printed.
    """
    decimals = number.decimals if number.percent else number.decimals - 2
    return (3 * 10 ** (decimals - 2), 30 * 10 ** (decimals - 2)) if decimals > 1 else (1, 3)


def moved(number: PrintedNumber, rng: np.random.Generator) -> PrintedNumber:
    """Returns a printed number moved a little, but not below 0."""
    least, most = _step(number)
    by = int(rng.integers(least, most + 1)) * int(rng.choice([-1, 1]))
    return PrintedNumber(abs(number.value + by), number.decimals, number.percent)


def _reach(number: PrintedNumber) -> float:
    """Returns how far from the middle of a number's bounds a moved number's bounds go."""
    low, high = number.bounds()
    unit = float(high - low) / 1.5
    return float(high - low) / 2 + (_step(number)[1] + 1) * unit


def _within(number: PrintedNumber, values: np.ndarray) -> np.ndarray:
    low, high = (float(bound) for bound in number.bounds())
    return (values >= low - _ROUNDING) & (values < high - _ROUNDING)


class FoldCounts:
    """All multisets of numbers of right images in folds, by their sum and sum of squares.

    Args:
        folds: Number of images of each fold.
        mean: A mean accuracy, as a fraction of 1, that all sets are near to.
        reach: How far the mean of a set may be from it.
        std: The highest standard deviation of a set.
    """

    def __init__(self, folds: tuple[int, ...], *, mean: float, reach: float, std: float) -> None:
        self.n_folds = len(folds)
        self.mean = mean
        groups = sorted(Counter(folds).items())
        squares = self.n_folds * (std**2 + reach**2) * max(folds) ** 2
        # The second centre is up to half an image from the mean.
        self.most = int(squares + 2 * math.sqrt(squares * self.n_folds)) + self.n_folds
        self.groups = [*groups, (1, 0)] if len(groups) == 1 else groups[:2]

    @property
    def cells(self) -> int:
        """Number of cells of the table of sums and sums of squares."""
        return (2 * math.isqrt(self.most * self.n_folds) + 3) * (self.most + 1) * (self.n_folds + 1)

    @cached_property
    def tables(self) -> list[np.ndarray]:
        """The table of each size of folds."""
        return [self._table(n, count) for n, count in self.groups]

    def _centre(self, n: int) -> int:
        return round(self.mean * n)

    def _table(self, n: int, count: int) -> np.ndarray:
        """Returns how many multisets have each sum (first axis) and at most each sum of squares (second)."""
        width = math.isqrt(self.most * max(count, 1)) + 1
        tables = np.zeros((count + 1, 2 * width + 1, self.most + 1))
        tables[0, width, 0] = 1
        furthest = math.isqrt(self.most)
        centre = self._centre(n)
        for d in range(max(-furthest, -centre), min(furthest, n - centre) + 1):
            for used in range(count):
                # A number of right images may occur again: the tables of this round are used.
                of, to = tables[used], tables[used + 1]
                low, high = max(0, -d), min(2 * width + 1, 2 * width + 1 - d)
                to[low + d : high + d, d * d :] += of[low:high, : self.most + 1 - d * d]
        return np.cumsum(tables[count], axis=1)

    def count(self, spread: Spread, ddof: int) -> float:
        """Returns how many multisets of counts have a printed mean and standard deviation."""
        (n1, k1), (n2, k2) = self.groups
        first, second = self.tables
        c1, c2 = self._centre(n1) * (k1 > 0), self._centre(n2) * (k2 > 0)
        half1, half2 = first.shape[0] // 2, second.shape[0] // 2
        sum1, sum2 = np.meshgrid(np.arange(-half1, half1 + 1), np.arange(-half2, half2 + 1), indexing="ij")
        means = ((k1 * c1 + sum1) / n1 + (k2 * c2 + sum2) / n2) / self.n_folds
        low, high = (float(bound) for bound in spread.mean.bounds())
        fits = (means >= low - _ROUNDING) & (means < high - _ROUNDING)
        total = 0.0
        for s1, s2, mean in zip(sum1[fits], sum2[fits], means[fits], strict=True):
            of_first = np.diff(first[s1 + half1], prepend=0)
            used = np.flatnonzero(of_first)
            # Sum of squares about 0 -> sum of squares about the centre, which the tables are for.
            fixed = (k1 * c1**2 + 2 * c1 * s1 + used) / n1**2 + (k2 * c2**2 + 2 * c2 * s2) / n2**2
            ends = []
            for bound in spread.std.bounds():
                squares = (self.n_folds - ddof) * max(0.0, float(bound)) ** 2 + self.n_folds * mean**2
                ends.append(np.ceil((squares - fixed) * n2**2 - 1e-6).astype(np.int64))
            below = np.concatenate([[0.0], second[s2 + half2]])
            last, start = (below[np.clip(end, 0, self.most + 1)] for end in reversed(ends))
            total += float(of_first[used] @ (last - start))
        return total


@lru_cache(maxsize=64)
def count_sets(spread: Spread, folds: tuple[int, ...]) -> tuple[dict[int, float], int] | None:
    """Counts the sets of folds that give a mean accuracy and its standard deviation.

    Args:
        spread: The printed accuracy.
        folds: Number of images of each fold; they differ by at most 1.

    Returns:
        Divisor (0 for n, 1 for n - 1) -> number of sets, and how many of `CONTROLS` moved spreads have a set;
        None if there are too many.
    """
    mean, std = (float(sum(number.bounds()) / 2) for number in spread)
    table = FoldCounts(folds, mean=mean, reach=_reach(spread.mean), std=std + _reach(spread.std))
    if table.cells > MAX_CELLS:
        return None
    found = {ddof: table.count(spread, ddof) for ddof in (1, 0)}
    moved = sum(any(table.count(other, ddof) for ddof in (1, 0)) for other in spread.moved())
    return found, moved


def listed_sets(spread: Spread, folds: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Returns the wrong images in folds of equal size that have a spread (n - 1), if few sets fit."""
    found = count_sets(spread, folds)
    if found is None or not 0 < found[0][1] <= MOST_LISTED or len(set(folds)) > 1:
        return []
    low, high = (float(bound) for bound in spread.mean.bounds())
    furthest = float(spread.std.bounds()[1]) * math.sqrt(len(folds))
    wrong = range(max(0, int((1 - high - furthest) * folds[0])), int((1 - low + furthest) * folds[0]) + 2)
    sets = np.array(list(itertools.combinations_with_replacement(wrong, len(folds))))
    return [tuple(each) for each in sets[spread.fits(1 - sets / folds[0], ddof=1)].tolist()]


class OneClassFolds:
    """All ways to answer one class for all images of a fold.

    Attributes:
        answers: The class that is answered, of shape (ways, folds).
        values: Metric -> its value in each fold, of the same shape. A class that is never answered has a
            precision of 0.

    Args:
        sizes: Class sizes of the folds, of shape (folds, classes).
    """

    def __init__(self, sizes: np.ndarray) -> None:
        n_classes = sizes.shape[1]
        kinds, counts = np.unique(sizes, axis=0, return_counts=True)
        fractions = kinds / kinds.sum(axis=1, keepdims=True)
        choices = [itertools.combinations_with_replacement(range(n_classes), count) for count in counts]
        self.answers = np.array([sum(each, ()) for each in itertools.product(*choices)])
        of_class = fractions[np.repeat(np.arange(len(kinds)), counts), self.answers]
        self.values = {
            "accuracy": of_class,
            "weighted_precision": of_class**2,
            "macro_precision": of_class / n_classes,
        }

    def words(self, way: int, classes: Sequence[str]) -> str:
        """Returns a way in words, such as "4 folds HBS, 1 fold ALL"."""
        counts = Counter(self.answers[way].tolist()).most_common()
        return ", ".join(f"{count} fold{'s' * (count > 1)} {classes[place]}" for place, count in counts)


def find(paper: spec.Paper) -> Iterator[spec.Claim]:
    """Yields a claim for each published accuracy with a standard deviation over folds."""
    for table in paper.tables:
        for own in table.published:
            sample = table.sample(own)
            if own.metric != "accuracy" or own.std is None or not sample or not sample.sizes:
                continue
            if sample.folds > 1 and sample.runs == 1:
                yield from _claims_of_row(paper, table, own, sample)


def _claims_of_row(
    paper: spec.Paper, table: spec.Table, own: spec.Published, sample: spec.Sample
) -> Iterator[spec.Claim]:
    """Yields the claims of a row: its accuracy, and one class a fold if its kappa is 0."""
    of_row = {p.metric: p for p in table.published if _place(p) == _place(own)}
    # Recall averaged with the class sizes as weights is the accuracy.
    recall = None if paper.positive_class else of_row.get("recall")
    same = [own, recall] if recall and (recall.value, recall.std) == (own.value, own.std) else [own]
    names = tuple(name for p in same for name in (name_of(table, p), name_of_std(table, p)))
    name = "-".join(filter(None, (table.id, own.row, own.dataset, own.subset.removeprefix("test"))))
    spread = _spread(table, own, sample)
    common = {"sizes": sample.sizes, "folds": sample.folds, "accuracy": spread, "names": names}
    stated = {"folds": (f"an accuracy of {spread} over the folds", common)}
    kappa = of_row.get("kappa")
    if kappa is not None and kappa.value == 0:
        common = {**common, "one_class": True, "names": (*names, name_of(table, kappa))}
        stated["one_class"] = ("a kappa of 0, all images in one class", common)
        for metric in _AVERAGES:
            precision = of_row.get(metric)
            if precision is not None and precision.std is not None:
                other = _spread(table, precision, sample)
                own_names = (name_of(table, precision), name_of_std(table, precision))
                values = {**common, metric: other, "names": own_names}
                stated[f"one_class-{metric}"] = (f"a precision of {other} and a kappa of 0", values)
    for what, (text, values) in stated.items():
        label = paper.row(own.row).label
        yield spec.Claim(f"{name}-{what}", "folds", f"{label}: {text}", where_of(table), values)


def _place(published: spec.Published) -> tuple[str, str, str]:
    return published.row, published.dataset, published.subset


def _spread(table: spec.Table, published: spec.Published, sample: spec.Sample) -> Spread:
    """Returns a published value in percent with its standard deviation."""
    decimals = table.decimals(published)
    stds = [p.std for p in table.published if p.metric == published.metric and p.std is not None]
    std_decimals = max(own_decimals(std) for std in stds)
    percent = sample.std_unit == "same"
    return Spread(
        printed_number(published.value, decimals, percent=True),
        printed_number(published.std or 0, std_decimals, percent=percent),
    )


def check(claim: spec.Claim, paper: spec.Paper) -> Answer:
    """Returns which sets of folds give a row.

    The claim's `values`:
        sizes: Number of images of each class.
        folds: Number of folds.
        accuracy: The printed accuracy, a `Spread`.
        one_class: True if one class was answered for all images of a fold.
        precision, macro_precision, weighted_precision: The printed precision, a `Spread`, to be checked with
            `one_class`. "precision" is either average.
        names: Names of the printed values that the claim is about.
    """
    values = claim.values
    sizes = fold_sizes(values["sizes"], values["folds"])
    if not values.get("one_class"):
        answer = _counted(values["accuracy"], sizes)
    else:
        answer = _one_class(values, sizes, paper.classes)
    return Answer(claim, covers=tuple(values.get("names", ())), **answer)


def _counted(spread: Spread, sizes: np.ndarray) -> dict[str, Any]:
    """Returns the answer for an accuracy over folds with any number of right images."""
    folds = tuple(sizes.sum(axis=1).tolist())
    found = count_sets(spread, folds)
    searched = f"all multisets of right images in {len(folds)} folds of {_range(folds)} images"
    if found is None:
        detail = "There are too many sets of folds to count."
        return {"verdict": UNDECIDABLE, "detail": detail, "searched": searched, "certainty": "not searched"}
    counts, moved = found
    detail = f"{counts[1]:,.0f} sets of folds give {spread} over n - 1, {counts[0]:,.0f} over n."
    if listed := listed_sets(spread, folds):
        detail += " Wrong images over n - 1: " + "; ".join(", ".join(map(str, each)) for each in listed) + "."
    verdict = UNIQUE if sum(counts.values()) == 1 else CONSISTENT if any(counts.values()) else IMPOSSIBLE
    certainty = f"exact; {moved:,} of {CONTROLS:,} pairs moved a little have a set too"
    return {"verdict": verdict, "detail": detail, "searched": searched, "certainty": certainty}


def _range(numbers: Sequence[int]) -> str:
    return f"{min(numbers):,}" if len(set(numbers)) == 1 else f"{min(numbers):,} to {max(numbers):,}"


def _one_class(values: Any, sizes: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
    """Returns the answer for folds in which one class is answered for all images."""
    searched = f"all choices of one of {len(classes)} classes for each of {len(sizes)} stratified folds"
    if len(classes) ** len(sizes) > MAX_CELLS:
        detail = "There are too many choices to try."
        return {"verdict": UNDECIDABLE, "detail": detail, "searched": searched, "certainty": "not searched"}
    ways = OneClassFolds(sizes)
    accuracy: Spread = values["accuracy"]
    over_n = {ddof: np.flatnonzero(accuracy.fits(ways.values["accuracy"], ddof=ddof)) for ddof in (1, 0)}
    ddof = 1 if len(over_n[1]) or not len(over_n[0]) else 0
    words = {ways.words(int(way), classes): int(way) for way in over_n[ddof]}
    detail = f"No choice of one class a fold gives an accuracy of {accuracy}."
    for name, way in words.items():
        of_way = _mean_and_std(ways.values["accuracy"][way], ddof)
        detail = f"{name}: an accuracy of {of_way} over {('n', 'n - 1')[ddof]}"
    if words:
        detail += "; no other choice of one class a fold gives it." if len(words) == 1 else "; others, too."
    always = ", ".join(f"{100 * share:.2f}" for share in sizes.sum(axis=0) / sizes.sum())
    detail += f" The same class in all folds would give {always}."
    verdict = (UNIQUE if len(words) == 1 else CONSISTENT) if words else IMPOSSIBLE
    printed = next((name for name in _AVERAGES if name in values), "accuracy")
    averages = _AVERAGES.get(printed, ("accuracy",))
    if printed != "accuracy":
        fitting = [values[printed].fits(ways.values[name], ddof=ddof) for name in averages]
        both = [name for name, fits in zip(averages, fitting, strict=True) if fits[over_n[ddof]].any()]
        verdict = CONSISTENT if both else IMPOSSIBLE
        for name in averages if words else ():
            of_way = _mean_and_std(ways.values[name][way], ddof)
            detail += f" Its {name.replace('_', ' ')} is {of_way}."
        count = int(sum(fits.sum() for fits in fitting))
        give = f"{counted(count, 'choices') if count else 'No choice'} of one class a fold "
        give += "gives" if count < 2 else "give"
        detail += f" {give} a precision of {values[printed]}."
    moved = sum(_fits_any(other, ways, averages) for other in values[printed].moved())
    return {
        "verdict": verdict,
        "detail": detail,
        "searched": f"{searched}, {len(ways.answers):,} different ones",
        "certainty": "exact for stratified folds, each with one answer for all its images; "
        f"{moved:,} of {CONTROLS:,} pairs moved a little have a choice too",
    }


def _fits_any(spread: Spread, ways: OneClassFolds, averages: Sequence[str]) -> bool:
    """Returns whether any choice of one class a fold gives a spread of any average."""
    return any(spread.fits(ways.values[name], ddof=ddof).any() for name in averages for ddof in (1, 0))


def _mean_and_std(values: np.ndarray, ddof: int) -> str:
    return f"{100 * values.mean():.4f} +- {100 * values.std(ddof=ddof):.4f}"


KINDS: dict[str, AuditKind] = {"folds": AuditKind(check, find)}
