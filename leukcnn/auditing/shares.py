"""Checks whether a whole number of images gives a percentage, rounded or truncated.

Values of a claim, which can be stated for any printed value:

    {"value": 95.94, "decimals": 2, "n": 2415}

"percent" says whether the value is in percent; by default it is above 1. "runs" is the number of runs that
the mean is over, "sizes" are the sizes of the folds that it is over. "at_most": True means that the number of
images isn't known, but no more than n, and at least "at_least" (by default 1); the values in "together" are
of the same images. "cross_validated": True means that a mean over an unknown number of folds may be, too.
"covers" names the printed values.
`{"table": "table3"}` asks whether all percentages of a table are printed in the same way.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from leukcnn import spec
from leukcnn.auditing.answers import CONSISTENT, IMPOSSIBLE, UNDECIDABLE, Answer, AuditKind
from leukcnn.auditing.printed import PrintedNumber, name_of, name_of_cell, printed_number, where_of
from leukcnn.auditing.two_classes import class_sizes, printed_for, value_rows
from leukcnn.spec.metrics import METRICS
from leukcnn.spec.printed import own_decimals

_OF_ALL = ("accuracy", "error_rate", "weighted_recall")
_OF_POSITIVES = ("recall", "sensitivity")
_FEW = 3
# Numbers of folds that cross-validations use.
_USUAL_FOLDS = range(2, 11)
_EACH_ONCE = "exact if each image counts once; a mean over several runs has more room"
_MODES = ("rounded", "truncated")


@dataclass(frozen=True)
class Counts:
    """Whole numbers of images that print like a value.

    Attributes:
        n: Number of images of all runs together.
        fitting: "rounded" and "truncated" -> the numbers that print so.
    """

    n: int
    fitting: Mapping[str, tuple[int, ...]]

    @property
    def all(self) -> tuple[int, ...]:
        """The numbers that print like the value in either way."""
        return tuple(sorted({k for counts in self.fitting.values() for k in counts}))

    @property
    def modes(self) -> tuple[str, ...]:
        """The ways of printing for which there is one."""
        return tuple(mode for mode, counts in self.fitting.items() if counts)


def counts_of(number: PrintedNumber, n: int, runs: int = 1, sizes: tuple[int, ...] = ()) -> Counts:
    """Returns the numbers of images whose mean fraction over runs or folds prints like a number.

    Args:
        number: The printed value.
        n: Number of images of a run.
        runs: Number of runs.
        sizes: Number of images of each fold of a run; empty if the folds are pooled, or there are none.
    """
    total = n * runs
    if len(set(sizes)) < 2:
        k = np.arange(total + 1)
        fits = {mode: tuple(k[number.is_printed_for(k, total, mode)].tolist()) for mode in _MODES}
        return Counts(total, fits)
    small, large = min(sizes), max(sizes)
    if set(sizes) != {small, large}:
        raise ValueError(f"sizes = {sizes} of more than two kinds")
    folds, in_small = len(sizes) * runs, small * sizes.count(small) * runs
    low, high = number.bounds()
    found: dict[str, list[int]] = {mode: [] for mode in _MODES}
    # A mean over folds of sizes a and b is between k / (b folds) and k / (a folds).
    first, last = int(low * small * folds), min(total, int(high * large * folds) + 1)
    for right in range(first, last + 1):
        split = np.arange(max(0, right - (total - in_small)), min(right, in_small) + 1)
        above = split * large + (right - split) * small
        for mode in _MODES:
            if number.is_printed_for(above, folds * small * large, mode).any():
                found[mode].append(right)
    return Counts(total, {mode: tuple(counts) for mode, counts in found.items()})


def number_of(values: Mapping[str, Any]) -> PrintedNumber:
    """Returns the printed number that a claim states by "value", "decimals" and "percent"."""
    value = values["value"]
    percent = values.get("percent", value > 1)
    return printed_number(value, values.get("decimals", own_decimals(value)), percent=percent)


def _exactly(number: PrintedNumber, k: int, n: int) -> str:
    """Returns k / n in the unit of a printed number, with one decimal more."""
    finer = PrintedNumber(0, number.decimals + 1, number.percent)
    return str(printed_for(finer, k, n, "rounded"))


def nearest(number: PrintedNumber, n: int) -> str:
    """Names the two numbers of images whose fractions are nearest, and what they would print."""
    low, high = number.bounds()
    below = min(int((low + high) / 2 * n), n - 1)
    first, second = (f"{k} of {n} is {_exactly(number, k, n)}" for k in (below, below + 1))
    return f"{first}, {second.replace(f' of {n}', '')}"


def _listed(counts: tuple[int, ...]) -> str:
    """Returns a few numbers, or how many there are from which to which."""
    if len(counts) <= _FEW:
        return ", ".join(map(str, counts))
    return f"{len(counts)} counts from {counts[0]} to {counts[-1]}"


def _fit_by_chance(number: PrintedNumber, n: int) -> str:
    """Returns how many of all values with these decimals are a whole number of images, in words."""
    per_one = number.per_one
    k = np.arange(n + 1, dtype=np.int64)
    printed = np.union1d(k * per_one // n, (2 * k * per_one + n) // (2 * n))
    return f"{100 * len(printed) / (per_one + 1):.1f} % of all values with as many decimals would fit"


def _check(claim: spec.Claim, paper: spec.Paper) -> Answer:
    if "table" in claim.values:
        return _check_table(claim, paper)
    if claim.values.get("at_most"):
        return _check_sizes(claim)
    values = claim.values
    number, n, runs = number_of(values), values["n"], values.get("runs", 1)
    sizes = tuple(values.get("sizes", ()))
    counts = counts_of(number, n, runs, sizes)
    of = values.get("of", "images")
    searched = f"0 to {counts.n} of {counts.n} {of}" + (f" ({runs} runs of {n})" if runs > 1 else "")
    if len(set(sizes)) > 1:
        searched += f", a mean over folds of {min(sizes)} or {max(sizes)}"
    if len(counts.all) == 1:
        exact = _exactly(number, counts.all[0], counts.n)
        detail = f"{counts.all[0]} of {counts.n} is {exact} ({' and '.join(counts.modes)})."
    elif counts.all:
        ways = {mode: _listed(counts.fitting[mode]) for mode in counts.modes}
        what = " or ".join(f"{text} ({mode})" for mode, text in ways.items())
        if len(ways) == 2 and len(set(ways.values())) == 1:
            what = f"{ways['rounded']} (rounded and truncated)"
        detail = f"{what} of {counts.n} print {number}."
    else:
        detail = f"No whole number: {nearest(number, counts.n)}."
    certainty, folds = "exact", []
    shorter = None if counts.all else _without_zeros(number)
    if shorter and (others := counts_of(shorter, n, runs, sizes).all):
        detail += f" As {shorter} it could be {_listed(others)} of {counts.n}."
        certainty = f"exact if {number} has no zero added at its end"
    if not counts.all and values.get("cross_validated"):
        searched += f", and means over {_USUAL_FOLDS[0]} to {_USUAL_FOLDS[-1]} stratified folds"
        folds = [k for k in _USUAL_FOLDS if k <= n and counts_of(number, n, sizes=fold_sizes(n, k)).all]
        if folds:
            some = " or ".join(filter(None, (", ".join(map(str, folds[:-1])), str(folds[-1]))))
            detail += f" A mean over {some} folds can print it."
            certainty = "exact, but with the number of folds open it proves little"
    return Answer(
        claim=claim,
        verdict=CONSISTENT if counts.all or folds else IMPOSSIBLE,
        detail=detail,
        searched=searched,
        certainty=f"{certainty}; {_fit_by_chance(number, counts.n)}",
        covers=tuple(values.get("covers", ())),
    )


def _without_zeros(number: PrintedNumber) -> PrintedNumber | None:
    """Returns a number without the zeros at its end, which may have been added to a rounded one."""
    digits, decimals = number.value, number.decimals
    while decimals and digits % 10 == 0:
        digits, decimals = digits // 10, decimals - 1
    return PrintedNumber(digits, decimals, number.percent) if decimals < number.decimals else None


def _check_sizes(claim: spec.Claim) -> Answer:
    """Checks values whose number of tested images isn't known, but between two numbers."""
    values = claim.values
    least, most = values.get("at_least", 1), values["n"]
    if not 1 <= least <= most:
        raise ValueError(f"at_least = {least}, n = {most}")
    numbers = [
        number_of({**values, "value": value}) for value in (values["value"], *values.get("together", ()))
    ]
    sizes = [n for n in range(least, most + 1) if all(counts_of(number, n).all for number in numbers)]
    which = "them together" if len(numbers) > 1 else "it"
    detail = f"No number of images from {least} to {most} gives {which}."
    if sizes:
        n = sizes[0]
        right = ", ".join(str(counts_of(number, n).all[0]) for number in numbers)
        detail = (
            f"{len(sizes)} of {most - least + 1} numbers of images give {which}, the smallest with "
            f"{right} of {n} images. The number isn't stated."
        )
        if most not in sizes and len(numbers) == 1:
            detail += f" Of all {most}, none: {nearest(numbers[0], most)}."
    certainty = "exact, but with the number of images open it proves little" if sizes else _EACH_ONCE
    shorter = _without_zeros(numbers[0]) if len(numbers) == 1 and not sizes else None
    for n in range(least, most + 1) if shorter else ():
        if shorter and (others := counts_of(shorter, n).all):
            detail += f" As {shorter} it could be {others[0]} of {n}."
            certainty += f"; and if {numbers[0]} has no zero added at its end"
            break
    return Answer(
        claim=claim,
        verdict=CONSISTENT if sizes else IMPOSSIBLE,
        detail=detail,
        searched=f"sets of {least} to {most} images",
        certainty=certainty,
        covers=tuple(values.get("covers", ())),
    )


def _check_table(claim: spec.Claim, paper: spec.Paper) -> Answer:
    """Checks whether all values of a table are printed in the same way."""
    values = [other for other in _of_values(paper) if other.values["in"] == claim.values["table"]]
    modes = []
    for other in values:
        sizes = tuple(other.values.get("sizes", ()))
        modes.append(counts_of(number_of(other.values), other.values["n"], other.values["runs"], sizes).modes)
    rounded, truncated = modes.count(("rounded",)), modes.count(("truncated",))
    if rounded and truncated:
        verdict, follows = IMPOSSIBLE, "it prints in both ways"
    elif rounded or truncated:
        verdict, follows = CONSISTENT, f"it {'rounds' if rounded else 'truncates'}"
    else:
        verdict, follows = UNDECIDABLE, "both ways fit"
    return Answer(
        claim=claim,
        verdict=verdict,
        detail=(
            f"Of {len(values)} values, {rounded} fit only if rounded, {truncated} only if truncated and "
            f"{modes.count(_MODES)} either way; no whole number of images gives {modes.count(()) or 'none'} "
            f"of them: {follows}."
        ),
        searched=f"every whole number of images for {len(values)} values",
        certainty="exact for the stated numbers of images",
    )


def fold_sizes(n: int, folds: int) -> tuple[int, ...]:
    """Returns the numbers of images of stratified folds, of all images or of a class."""
    return tuple(n // folds + (fold < n % folds) for fold in range(folds))


def _of_values(paper: spec.Paper) -> Iterator[spec.Claim]:
    """Yields a claim for each value of a table that is a fraction of known images."""
    for row in value_rows(paper):
        sample, two = row.sample, class_sizes(paper, row.sample)
        for value in row.values:
            if value.metric in _OF_ALL:
                n, of = sample.n, "images"
            elif two and value.metric in (*_OF_POSITIVES, "specificity"):
                positive = value.metric in _OF_POSITIVES
                n, of = two[not positive], f"{'' if positive else 'not '}{paper.positive_class} images"
            else:
                continue
            if not n:
                continue
            name = name_of(row.table, value)
            sizes = fold_sizes(n, sample.folds) if sample.folds > 1 else ()
            number = printed_number(value.value, row.table.decimals(value))
            text = f"{METRICS[value.metric].title} {number} is a number of {n} {of}"
            text += f", mean of {sample.runs} runs" if sample.runs > 1 else ""
            text += f", mean of {sample.folds} folds" if sample.folds > 1 else ""
            yield spec.Claim(
                f"shares-{name.replace('/', '-')}",
                "shares",
                text,
                row.where,
                {
                    **{"value": value.value, "decimals": number.decimals, "percent": True, "n": n, "of": of},
                    **{"runs": sample.runs, "sizes": sizes, "covers": (name,), "in": row.table.id},
                },
            )


def _column(table: spec.Table, word: str) -> int | None:
    """Returns the first column whose heading has a word."""
    return next((i for i, heading in enumerate(table.columns) if word in heading.lower()), None)


def _of_reference(paper: spec.Paper) -> Iterator[spec.Claim]:
    """Yields a claim for each line of a table as printed that has a number of images and an accuracy."""
    for table in paper.tables:
        images, accuracy = _column(table, "images"), _column(table, "accuracy")
        validation = _column(table, "validation")
        if table.kind != "reference" or images is None or accuracy is None:
            continue
        own = [first for first, _, _ in table.measured]
        cells = [line[accuracy] for line in table.reference if isinstance(line[accuracy], int | float)]
        decimals = max(map(own_decimals, cells), default=0)
        for number, line in enumerate(table.reference):
            n, value = line[images], line[accuracy]
            if not isinstance(n, int) or not isinstance(value, int | float):
                continue
            # Cross-validation tests all images, a hold-out test only some of them.
            folds = validation is not None and "fold" in str(line[validation]).lower()
            all_tested = folds or line[0] in own
            printed = printed_number(value, decimals)
            yield spec.Claim(
                f"shares-{table.id}-line{number}",
                "shares",
                f"{line[0]}: {printed} is a number of {'' if all_tested else 'at most '}{n} images",
                where_of(table),
                {
                    **{"value": value, "decimals": decimals, "percent": True, "n": n},
                    **{"at_most": not all_tested, "cross_validated": folds},
                    "covers": (name_of_cell(table, number, images), name_of_cell(table, number, accuracy)),
                },
            )


def _find(paper: spec.Paper) -> Iterator[spec.Claim]:
    claims = [*_of_values(paper)]
    yield from claims
    by_table = [claim.values["in"] for claim in claims]
    for table in paper.tables:
        if by_table.count(table.id) > 1:
            yield spec.Claim(
                f"shares-{table.id}-printing",
                "shares",
                "All percentages are printed in the same way, rounded or truncated",
                where_of(table),
                {"table": table.id},
            )
    yield from _of_reference(paper)


KINDS: dict[str, AuditKind] = {"shares": AuditKind(check=_check, find=_find)}
