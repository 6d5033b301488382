"""Checks kappa, macro and weighted averages of several classes, against accuracy.

A paper that prints means over classes seldom says which, nor whether folds were pooled. Both averages and
both ways are tried: a row is possible if any of them gives all its values together.
"""

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from leukcnn import spec
from leukcnn.auditing.answers import CONSISTENT, IMPOSSIBLE, UNDECIDABLE, Answer, AuditKind
from leukcnn.auditing.class_counts import AVERAGES, Relaxation, find_counts, ranges
from leukcnn.auditing.fold_sets import fold_sizes, moved
from leukcnn.auditing.printed import PrintedNumber, name_of, name_of_std, printed_number, where_of
from leukcnn.datasets.headers import counted
from leukcnn.spec.printed import own_decimals

CONTROLS = 10
_OF_CLASSES = ("precision", "recall", "f1")
_ENDS = 1e-12
_FOR_STRATIFIED = " for pooled or stratified folds; others leave more room"


class Value(NamedTuple):
    """A printed value with its standard deviation.

    Attributes:
        number: The value.
        std: Its standard deviation; None if none is printed.
        names: Names of both, see `leukcnn.auditing.printed`.
    """

    number: PrintedNumber
    std: PrintedNumber | None = None
    names: tuple[str, ...] = ()


class Row(NamedTuple):
    """The printed values of a row on several classes, and what they are computed from.

    Attributes:
        values: Metric -> its value: "accuracy", "kappa", and "precision", "recall" and "f1", with "macro_" or
            "weighted_" before them if the paper says so.
        sizes: Number of images of each class.
        folds: Number of folds.
        runs: Number of runs over which means are taken.
    """

    values: Mapping[str, Value]
    sizes: tuple[int, ...]
    folds: int = 1
    runs: int = 1

    @property
    def n(self) -> int:
        """Number of images."""
        return sum(self.sizes)

    @property
    def views(self) -> dict[str, np.ndarray]:
        """How means may be taken -> class sizes of each fold."""
        every = np.tile(fold_sizes(self.sizes, self.folds), (self.runs, 1))
        if len(every) == 1:
            return {"on the test set": every}
        if self.runs > 1 or any(value.std for value in self.values.values()):
            return {"over the folds": every}
        return {"pooled": np.array([self.sizes]), "over the folds": every}

    @property
    def combinations(self) -> list[tuple[str, ...]]:
        """Every choice of averages for the metrics of the row that may be either."""
        chosen: list[tuple[str, ...]] = [()]
        for metric in _OF_CLASSES:
            named = [f"{average}_{metric}" for average in AVERAGES]
            if metric in self.values:
                chosen = [(*each, name) for each in chosen for name in named]
            elif given := [name for name in named if name in self.values]:
                chosen = [(*each, *given) for each in chosen]
        return chosen

    def value(self, metric: str) -> Value:
        """Returns the printed value of a metric, such as "macro_recall", or of "recall" if it may be that."""
        return self.values.get(metric) or self.values[metric.split("_")[1]]

    def wrong(self, folds: np.ndarray, metric: str = "accuracy") -> list[int]:
        """Returns the numbers of wrong images, in all folds together, that give the accuracy.

        Args:
            folds: Class sizes of each fold.
            metric: Another metric that is a fraction of all images: "weighted_recall".
        """
        low, high = self.value(metric).number.bounds()
        n, totals = int(folds.sum()), folds.sum(axis=1)
        # A mean over folds of unequal size is between what the smallest and the largest would give.
        small, large = (Fraction(int(total) * len(folds), n) for total in (totals.min(), totals.max()))
        least, most = (1 - high) * n * small, (1 - low) * n * large
        return [e for e in range(math.ceil(least), math.floor(most) + 1) if small < large or e > least]

    def nearest(self, folds: np.ndarray) -> list[int]:
        """Returns the numbers of wrong images that give the accuracy, or the nearest two if none does."""
        exact = float(1 - sum(self.values["accuracy"].number.bounds()) / 2) * int(folds.sum())
        return self.wrong(folds) or [math.floor(exact), math.ceil(exact)]

    def targets(self, metrics: tuple[str, ...], folds: np.ndarray) -> dict[str, Any] | None:
        """Returns ranges of accuracy, kappa, averages and stds; None if no number of images gives them.

        Args:
            metrics: The averages, such as ("macro_precision", "weighted_recall").
            folds: Class sizes of each fold.
        """
        n, wrong = int(folds.sum()), self.nearest(folds)
        if "weighted_recall" in metrics:
            wrong = [e for e in wrong if e in self.wrong(folds, "weighted_recall")]
        if not wrong:
            return None
        found = {name: _range(self.value(name).number) for name in metrics}
        if "kappa" in self.values:
            found["kappa"] = _range(self.values["kappa"].number)
        found["accuracy"] = (1 - max(wrong) / n - _ENDS, 1 - min(wrong) / n + _ENDS)
        if len(set(folds.sum(axis=1).tolist())) > 1 and self.wrong(folds):
            found["accuracy"] = _range(self.values["accuracy"].number)
        for name in tuple(found):
            if std := (self.value(name) if "_" in name else self.values[name]).std:
                found[f"{name}/std"] = _range(std)
        return found


def _range(number: PrintedNumber) -> tuple[float, float]:
    low, high = number.bounds()
    return float(low) - _ENDS, float(high) - _ENDS


class Outcome(NamedTuple):
    """Whether a choice of averages gives a row.

    Attributes:
        view: How the means are taken, see `Row.views`.
        found: Whether counts were found.
        excluded: Whether it is proved that there are none.
        stds: Whether the counts found have the printed standard deviations, too.
        least: Fewest wrong images in the fold that has most of them, if the folds must be uneven; else 0.
    """

    view: str
    found: bool
    excluded: bool
    stds: bool = False
    least: int = 0

    def words(self, metrics: tuple[str, ...]) -> str:
        """Returns the choice in words, with what it needs."""
        kinds = {metric.split("_")[1]: metric.split("_")[0] for metric in metrics}
        text = (
            " and ".join(f"{average} {metric}" for metric, average in kinds.items()) or "accuracy and kappa"
        )
        if self.least:
            text += f" (only if one fold has {self.least} or more of the wrong images)"
        return text


def outcome_of(row: Row, metrics: tuple[str, ...]) -> Outcome:
    """Returns whether a choice of averages gives a row, in any of its views."""
    results = []
    for view, folds in row.views.items():
        targets = row.targets(metrics, folds)
        if targets is None or Relaxation(folds, targets).excludes():
            results.append(Outcome(view, found=False, excluded=True))
            continue
        plain = {name: ends for name, ends in targets.items() if not name.endswith("/std")}
        stds = len(plain) < len(targets) and _found(folds, targets)
        found = stds or _found(folds, plain)
        least = _least_uneven(folds, targets) if len(folds) > 1 else 0
        results.append(Outcome(view, found, excluded=False, stds=stds, least=least))
        if found:
            break
    open_ones = [each for each in results if not each.excluded]
    return open_ones[-1] if open_ones else results[-1]


def _found(folds: np.ndarray, targets: Mapping[str, Any]) -> bool:
    """Returns whether counts are found in one of two searches."""
    return any(find_counts(folds, targets, seed=seed) is not None for seed in range(2))


def _least_uneven(folds: np.ndarray, targets: Mapping[str, Any]) -> int:
    """Returns how many wrong images one fold must have at least; 0 if an even spread isn't excluded."""
    wrong = (1 - targets["accuracy"][0]) * int(folds.sum())
    low, high = math.ceil(wrong / len(folds)) + 1, math.ceil(wrong)
    if not Relaxation(folds, targets, most_wrong=low).excludes():
        return 0
    while high - low > 1:
        middle = (low + high) // 2
        excluded = Relaxation(folds, targets, most_wrong=middle).excludes()
        low, high = (middle, high) if excluded else (low, middle)
    return low + 1


def find(paper: spec.Paper) -> Iterator[spec.Claim]:
    """Yields claims for the rows of a paper with several classes: kappa, and all values together."""
    for table in paper.tables if len(paper.classes) > 2 else ():
        for own in table.published:
            sample = table.sample(own)
            if own.metric != "accuracy" or not sample or not sample.sizes:
                continue
            row = _row(table, own, sample)
            name = "-".join(filter(None, (table.id, own.row, own.dataset, own.subset.removeprefix("test"))))
            label = paper.row(own.row).label
            words = ", ".join(f"{metric} {value.number}" for metric, value in row.values.items())
            if "kappa" in row.values:
                text = (
                    f"{label}: accuracy {row.values['accuracy'].number}, kappa {row.values['kappa'].number}"
                )
                yield spec.Claim(
                    f"{name}-kappa", "agreement", text, where_of(table), {"row": row, "only": "kappa"}
                )
            # One class a fold: the kind "folds" has a claim for it.
            constant = row.folds > 1 and "kappa" in row.values and not row.values["kappa"].number.value
            if any(row.combinations) and not constant:
                yield spec.Claim(
                    f"{name}-averages", "agreement", f"{label}: {words}", where_of(table), {"row": row}
                )


def _row(table: spec.Table, own: spec.Published, sample: spec.Sample) -> Row:
    """Returns the printed values of a row that depend on its confusion matrices."""
    metrics = ("accuracy", "kappa", *_OF_CLASSES)
    known = (*metrics, *(f"{average}_{metric}" for average in AVERAGES for metric in _OF_CLASSES))
    values = {}
    for p in table.published:
        if p.metric in known and (p.row, p.dataset, p.subset) == (own.row, own.dataset, own.subset):
            percent = p.metric != "kappa"
            number = printed_number(p.value, table.decimals(p), percent=percent)
            std = None
            names: tuple[str, ...] = (name_of(table, p),)
            if p.std is not None:
                decimals = own_decimals(p.std)
                std = printed_number(p.std, decimals, percent=percent and sample.std_unit == "same")
                names = (*names, name_of_std(table, p))
            values[p.metric] = Value(number, std, names)
    return Row(values, sample.sizes, sample.folds, sample.runs)


def check(claim: spec.Claim, paper: spec.Paper) -> Answer:
    """Returns whether kappa, or all values of a row together, agree with its accuracy.

    The claim's `values`:
        row: The `Row`.
        only: "kappa" to check it alone; everything together if it isn't given.
    """
    row = claim.values["row"]
    if claim.values.get("only") == "kappa":
        return _check_kappa(claim, row)
    return _check_averages(claim, row)


def _wrong_in_words(row: Row, folds: np.ndarray) -> str:
    """Returns the numbers of wrong images that the accuracy means, in words."""
    wrong = row.nearest(folds)
    if row.wrong(folds):
        return f"{_numbers(wrong)} of {folds.sum():,} images are wrong"
    return (
        f"No number of {folds.sum():,} images gives the accuracy; nearest are {_numbers(wrong, ' or ')} wrong"
    )


def _numbers(wrong: list[int], between: str = " to ") -> str:
    return f"{wrong[0]:,}" if len(wrong) == 1 else f"{wrong[0]:,}{between}{wrong[-1]:,}"


def _check_kappa(claim: spec.Claim, row: Row) -> Answer:
    """Returns whether kappa is within what the accuracy allows."""
    kappa = row.values["kappa"].number
    low, high = _range(kappa)
    texts, possible = [], []
    for view, folds in row.views.items():
        ends = [ranges(folds, e)["kappa"] for e in row.nearest(folds)]
        least, most = min(end[0] for end in ends), max(end[1] for end in ends)
        texts.append(f"{least:.5f} to {most:.5f} {view}")
        possible.append(low <= most and least < high)
    verdict = CONSISTENT if any(possible) else IMPOSSIBLE
    start = _wrong_in_words(row, next(reversed(row.views.values())))
    detail = f"{start}: kappa is {' and '.join(texts)}; {kappa} is printed."
    searched = "bounds over all confusion matrices with these class sizes, their wrong images in any fold"
    names = (*row.values["accuracy"].names[:1], *row.values["kappa"].names[:1])
    certainty = f"exact{_FOR_STRATIFIED if row.folds > 1 else ''}"
    return Answer(claim, verdict, detail, searched, certainty, covers=names)


def _check_averages(claim: spec.Claim, row: Row) -> Answer:
    """Returns with which averages all values of a row are possible together."""
    outcomes = {metrics: outcome_of(row, metrics) for metrics in row.combinations}
    groups = {
        "Possible": [m for m, o in outcomes.items() if o.found],
        "Impossible": [m for m, o in outcomes.items() if o.excluded],
        "Neither found nor excluded": [m for m, o in outcomes.items() if not o.found and not o.excluded],
    }
    detail = " ".join(
        f"{group} together: {'; '.join(outcomes[m].words(m) for m in members)}."
        for group, members in groups.items()
        if members
    )
    detail = f"{_wrong_in_words(row, next(reversed(row.views.values())))}. {detail}"
    verdict = CONSISTENT if groups["Possible"] else UNDECIDABLE
    verdict = IMPOSSIBLE if len(groups["Impossible"]) == len(outcomes) else verdict
    if verdict == IMPOSSIBLE:
        detail += f" {_bounds_in_words(row)}"
    if groups["Possible"] and any(value.std for value in row.values.values()):
        with_stds = [m for m in groups["Possible"] if outcomes[m].stds]
        which = "; ".join(outcomes[m].words(m) for m in with_stds) or "none"
        if len(with_stds) == len(groups["Possible"]):
            which = "all of these"
        detail += f" Found with the printed standard deviations: {which}."
    names = tuple(name for value in row.values.values() for name in value.names)
    return Answer(claim, verdict, detail, _searched(row), _certainty(row, outcomes), covers=names)


def _bounds_in_words(row: Row) -> str:
    """Returns what the accuracy allows for recall and precision."""
    words = []
    for view, folds in row.views.items():
        of_wrong = [ranges(folds, e) for e in row.nearest(folds)]
        least = {name: min(each[name][0] for each in of_wrong) for name in of_wrong[0]}
        most = {name: max(each[name][1] for each in of_wrong) for name in of_wrong[0]}
        words.append(
            f"{view[:1].upper()}{view[1:]}, macro recall is {100 * least['macro_recall']:.2f} to "
            f"{100 * most['macro_recall']:.2f}, macro precision up to {100 * most['macro_precision']:.2f}, "
            f"weighted precision up to {100 * most['weighted_precision']:.2f}."
        )
    return f"{' '.join(words)} Weighted recall is the accuracy."


def _searched(row: Row) -> str:
    """Returns the search space in words."""
    folds = f" ({row.folds}, stratified)" if row.folds > 1 else ""
    return (
        f"{counted(len(row.combinations), 'choices')} of averages, all misses and false predictions of "
        f"{len(row.sizes)} classes {' and '.join(row.views)}{folds}"
    )


def _certainty(row: Row, outcomes: Mapping[tuple[str, ...], Outcome]) -> str:
    """Returns what the verdict rests on, with a control for rows that are possible."""
    found = [metrics for metrics, outcome in outcomes.items() if outcome.found]
    if not found:
        every = all(outcome.excluded for outcome in outcomes.values())
        proof = f"proved by a linear relaxation{_FOR_STRATIFIED if row.folds > 1 else ''}"
        return proof if every else "what isn't found isn't proved impossible"
    view = row.views[outcomes[found[0]].view]
    fits = sum(
        (targets := other.targets(found[0], view)) is not None and not Relaxation(view, targets).excludes()
        for other in _moved(row)
    )
    return (
        f"counts found; of {CONTROLS} rows with the other values moved a little, {fits or 'none'} "
        f"{'is' if fits == 1 else 'are'} possible as far as this proof goes"
    )


def _moved(row: Row) -> Iterator[Row]:
    """Yields rows with all values but the accuracy moved a little."""
    rng = np.random.default_rng(0)
    for _ in range(CONTROLS):
        values = dict(row.values)
        for metric in row.values:
            if metric == "accuracy":
                continue
            values[metric] = values[metric]._replace(number=moved(values[metric].number, rng))
        yield row._replace(values=values)


KINDS: dict[str, AuditKind] = {"agreement": AuditKind(check, find)}
