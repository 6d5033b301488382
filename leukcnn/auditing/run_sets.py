"""Checks sets of runs that give the means and standard deviations of a row.

Values of a claim: "table", "row", "dataset" and "subset" name a row of a paper's table; "std_unit" is another
unit of its standard deviations than that of its sample ("same" or "fraction").

The means fix the sums of true positives and true negatives over the runs. All counts of each class with this
sum and the printed standard deviation are joined in every order, and accuracy and precision must fit, too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import factorial
from typing import NamedTuple

import numpy as np

from leukcnn import spec
from leukcnn.auditing.answers import CONSISTENT, IMPOSSIBLE, SLIP, UNDECIDABLE, UNIQUE, Answer, AuditKind
from leukcnn.auditing.multisets import least_std, multisets, n_starts, orders, sums_of_squares
from leukcnn.auditing.printed import (
    PrintedNumber,
    decimals_of,
    name_of,
    name_of_std,
    own_decimals,
    printed_number,
)
from leukcnn.auditing.shares import counts_of, nearest
from leukcnn.auditing.two_classes import ValueRow, claim_of, class_sizes, moved, row_of, value_rows

MOST_PAIRS, MOST_SAMPLED = 40_000_000, 2_000_000
"""Most joined orders of which all are tried. Of more, evenly spaced ones are tried, at most so many."""
CONTROLS = 200
_FEW = 3
_ALIASES = {"sensitivity": "recall"}
_METRICS = ("accuracy", "recall", "specificity", "precision")


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


def figures_of(row: ValueRow, std_unit: str) -> dict[str, Figures]:
    """Returns means and standard deviations of a row, by metric."""
    found = {}
    for value in row.values:
        metric = _ALIASES.get(value.metric, value.metric)
        if metric not in _METRICS:
            continue
        mean = printed_number(value.value, decimals_of(row.table, value), percent=True)
        std = None
        if value.std is not None:
            stds = [own_decimals(p.std) for p in row.table.published if p.std is not None]
            decimals = max(own_decimals(value.std), max(stds, key=stds.count))
            std = printed_number(value.std, decimals, percent=std_unit == "same")
        found[metric] = Figures(mean, std)
    return found


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


def _reasons(search: RunSearch, row: Row) -> list[str]:
    """Returns which figures are impossible by themselves, and what the others mean together."""
    found = []
    for name, n in search.sizes.items():
        mean, std = row[name]
        if mean is None:
            continue
        counts = counts_of(mean, n, search.runs).all
        if not counts:
            found.append(f"{name} {mean} is no count: {nearest(mean, n * search.runs)}")
        elif std is not None:
            least = min(least_std(k, n, search.runs) for k in counts)
            if least >= std.bounds()[1]:
                of = f"{counts[0]} of {n * search.runs} right answers"
                found.append(
                    f"{search.runs} runs with {of} have a standard deviation of the {name} of at least "
                    f"{100 * least:.2f} points, {std} is printed"
                )
    recall, specificity, accuracy = (row[name].mean for name in ("recall", "specificity", "accuracy"))
    if recall and specificity and accuracy and not search.totals(row):
        p, q = search.positives, search.negatives
        implied = (recall.bounds("truncated")[0] * p + specificity.bounds("truncated")[0] * q) / (p + q)
        found.append(
            f"recall {recall} and specificity {specificity} mean an accuracy of {100 * float(implied):.2f}, "
            f"{accuracy} is printed"
        )
    return found


def _text_of(pairs: tuple[tuple[int, int], ...]) -> str:
    return " ".join(f"{tp}/{tn}" for tp, tn in pairs)


def _find_either(search: RunSearch, row: Row, most: int = MOST_PAIRS) -> Found:
    """Returns the sets with standard deviations over n - 1, or those over n if there are none."""
    first = search.find(row, 1, most)
    if first.sets:
        return first
    second = search.find(row, 0, most)
    tried, complete = first.tried + second.tried, first.complete and second.complete
    if second.sets:
        return replace(second, complete=complete, tried=tried)
    return replace(first, complete=complete, tried=tried)


def _slips(search: RunSearch, row: Row, ddof: int = 1) -> list[tuple[str, Found]]:
    """Returns the figures without which some set of runs gives the row."""
    found = []
    for name in row:
        for field in Figures._fields:
            # A standard deviation of recall or specificity limits the search.
            if getattr(row[name], field) is None or (field == "std" and name in ("recall", "specificity")):
                continue
            rest = {**row, name: row[name]._replace(**{field: None})}
            if (sets := search.find(rest, ddof)).sets:
                found.append((f"{name}/{field}", sets))
    return found


def _corrected(search: RunSearch, figure: str, row: Row, found: Found) -> str:
    """Returns the left-out figure as all sets give it; "" if they differ or none of it is printed."""
    name, field = figure.split("/")
    printed: PrintedNumber = getattr(row[name], field)
    texts = set()
    for pairs in found.sets:
        tp, tn = np.array(pairs).T
        values = {
            "accuracy": (tp + tn) / (search.positives + search.negatives),
            "recall": tp / search.positives,
            "specificity": tn / search.negatives,
            "precision": tp / np.maximum(tp + search.negatives - tn, 1),
        }[name]
        value = values.mean() if field == "mean" else values.std(ddof=found.ddof)
        texts.add(f"{value * (100 if printed.percent else 1):.{printed.decimals}f}")
    title = name if field == "mean" else f"standard deviation of {name}"
    return f"{title} {texts.pop()}" if len(texts) == 1 and found.complete else ""


def _check(claim: spec.Claim, paper: spec.Paper) -> Answer:
    row = row_of(paper, claim)
    positives, negatives = class_sizes(paper, row.sample) or (0, 0)
    search = RunSearch(positives, negatives, row.sample.runs)
    figures = figures_of(row, claim.values.get("std_unit", row.sample.std_unit))
    none = Figures(None, None)
    figures = {name: figures.get(name, none) for name in _METRICS}
    found = _find_either(search, figures)
    starts = n_starts(positives, search.runs) + n_starts(negatives, search.runs)
    answer = Answer(
        claim=claim,
        verdict=UNDECIDABLE,
        detail="",
        searched=(
            f"counts of {search.runs} runs on {positives} and {negatives} images with the printed sums and "
            f"standard deviations ({starts} starts), joined in {found.tried} orders"
            f"{'' if found.complete else ', not all'}"
        ),
        certainty=_control(search, figures, claim.id, found) if found.sets else "exact",
        covers=_covers(row),
    )
    n = sum((a is not None) + (b is not None) for a, b in figures.values())
    over = "n - 1" if found.ddof else "n"
    of = f"TP/TN of {positives} and {negatives}, std over {over}"
    if found.sets:
        only = len(found.sets) == 1 and found.complete
        some = "; ".join(map(_text_of, found.sets[:_FEW]))
        many = f"{'' if found.complete else 'at least '}{len(found.sets)} sets of runs give"
        text = f"Only {some} ({of}) gives" if only else f"{many} all {n} figures, such as {some} ({of})"
        detail = f"{text} all {n} figures." if only else f"{text}."
        return replace(answer, verdict=UNIQUE if only else CONSISTENT, detail=detail)
    if not found.complete:
        detail = f"No set was found for all {n} figures, but not all were tried."
        return replace(answer, detail=detail, certainty="open")
    reasons = _reasons(search, figures)
    detail = f"No set of {search.runs} runs gives all {n} figures"
    slips = [] if len(reasons) > 2 else _slips(search, figures)
    if len(slips) == 1 and (right := _corrected(search, slips[0][0], figures, slips[0][1])):
        sets = slips[0][1].sets
        some = f"{len(sets)} sets, such as {_text_of(sets[0])}," if len(sets) > 1 else _text_of(sets[0])
        detail += f": {some} gives all others and {right}."
        return replace(answer, verdict=SLIP, detail=detail, corrected=right)
    if slips:
        reasons.append(
            "without one of " + ", ".join(figure.replace("/", " ") for figure, _ in slips) + " some do"
        )
    return replace(answer, verdict=IMPOSSIBLE, detail=f"{': '.join([detail, '; '.join(reasons)])}.")


def _control(search: RunSearch, row: Row, key: str, found: Found) -> str:
    """Says how often moved figures have a set of runs, too: all of them, and standard deviations alone."""
    means = {name: figures.mean for name, figures in row.items() if figures.mean is not None}
    stds = {name: figures.std for name, figures in row.items() if figures.std is not None}
    all_moved = list(moved(means, CONTROLS, "runs", key, "means"))
    spreads = list(moved(stds, CONTROLS, "runs", key, "stds"))
    n_few = CONTROLS // 10 if found.complete else 0
    sets = [*zip(all_moved, spreads, strict=True), *((means, spread) for spread in spreads[:n_few])]
    solved = []
    for new, spread in sets:
        figures = {name: Figures(new.get(name), spread.get(name)) for name in row}
        solved.append(bool(search.find(figures, 1, MOST_PAIRS // 10).sets))
    text = f"{sum(solved[:CONTROLS])} of {CONTROLS} sets of figures moved by .03 to .3 have a solution"
    if n_few:
        text += f", and {sum(solved[CONTROLS:])} of {n_few} with moved standard deviations alone"
    return f"{'exact' if found.complete else 'not all sets were tried'}; {text}"


def _covers(row: ValueRow) -> tuple[str, ...]:
    names: list[str] = []
    for value in row.values:
        if _ALIASES.get(value.metric, value.metric) in _METRICS:
            names.append(name_of(row.table, value))
            if value.std is not None:
                names.append(name_of_std(row.table, value))
    return tuple(names)


def _find(paper: spec.Paper) -> Iterator[spec.Claim]:
    for row in value_rows(paper):
        if row.sample.runs < 2 or not all(class_sizes(paper, row.sample) or (0,)):
            continue
        figures = figures_of(row, row.sample.std_unit)
        if not {"recall", "specificity"} <= figures.keys():
            continue
        text = f"{row.sample.runs} runs give the {len(_covers(row))} figures of {row.values[0].row}"
        fraction = row.sample.std_unit == "fraction"
        yield claim_of("runs", row, text + (", standard deviations read as fractions" if fraction else ""))
        if fraction:
            plain = claim_of(
                "runs", row, f"{text}, standard deviations in points as printed", std_unit="same"
            )
            yield replace(plain, id=f"{plain.id}-in-points")


KINDS: dict[str, AuditKind] = {"runs": AuditKind(check=_check, find=_find)}
