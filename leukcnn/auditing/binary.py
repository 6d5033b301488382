"""Checks confusion matrices of two classes that give all values of a row together.

Values of a claim: "table", "row", "dataset" and "subset" name a row of a paper's table; "sizes" are other
class sizes than those of its sample, in the order of the paper's classes. A row of the text has "values" by
metric and "sizes", such as {"values": {"accuracy": 89.70, "f1": 91.95}, "sizes": (324, 312)}.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations

from leukcnn import spec
from leukcnn.auditing.answers import (
    CONSISTENT,
    IMPOSSIBLE,
    SLIP,
    UNDECIDABLE,
    UNIQUE,
    Answer,
    AuditKind,
    all_of,
)
from leukcnn.auditing.printed import PrintedNumber, printed_number
from leukcnn.auditing.two_classes import (
    Matrices,
    SortedMatrices,
    ValueRow,
    all_matrices,
    claim_of,
    class_sizes,
    how_moved,
    moved,
    numbers_of,
    printed_for,
    row_of,
    text_of,
    value_rows,
)
from leukcnn.spec.printed import own_decimals

CONTROLS = 1000
MOST_MATRICES = 10_000_000
"""Most confusion matrices that are tried."""
_FEW = 3
_WEIGHTED = {
    **{"precision": "weighted_precision", "sensitivity": "weighted_recall", "recall": "weighted_recall"},
    **{"specificity": "weighted_specificity", "f1": "weighted_f1"},
}
_AS_WEIGHTED = "they are averages of both classes weighted by class size"
_AS_POSITIVES = "they are those of the positive class"
_OF_POSITIVES = {weighted: name for name, weighted in _WEIGHTED.items()}
Numbers = Mapping[str, PrintedNumber]


@dataclass(frozen=True)
class Reading:
    """One way to read the values of a row.

    Attributes:
        numbers: The values by metric.
        says: What it supposes; "" if nothing.
        other_average: Whether precision, recall and so on are of another kind than the table says: averages
            weighted by class size instead of values of the positive class, or the other way round.
    """

    numbers: Numbers
    says: str = ""
    other_average: bool = False


def readings(row: ValueRow) -> Iterator[Reading]:
    """Yields the ways to read a row: as printed, without lost zeros, and with weighted averages."""
    as_printed, own = numbers_of(row.table, row.values), numbers_of(row.table, row.values, own=True)
    shortened = [name for name, number in own.items() if number != as_printed[name]]
    plain = [Reading(as_printed)]
    plain += [
        Reading({**as_printed, name: own[name]}, f"{text_of(name, own[name])} has no zero at its end")
        for name in shortened
    ]
    if len(shortened) > 1:
        plain.append(Reading(own, "no value has a zero at its end"))
    for names, says in (({}, ""), (_WEIGHTED, _AS_WEIGHTED), (_OF_POSITIVES, _AS_POSITIVES)):
        if names and not as_printed.keys() & names.keys():
            continue
        for reading in plain:
            numbers = {names.get(name, name): number for name, number in reading.numbers.items()}
            yield Reading(
                numbers, " and ".join(filter(None, (says, reading.says))), other_average=bool(names)
            )


@dataclass(frozen=True)
class Slip:
    """A row that one wrong value, or two exchanged ones, make impossible.

    Attributes:
        wrong: The wrong metrics.
        corrected: What they should print, by metric.
        matrices: The matrices that give all other values.
    """

    wrong: tuple[str, ...]
    corrected: Numbers
    matrices: Matrices


def slips(numbers: Numbers, fitting: Callable[[Numbers], Matrices]) -> list[Slip]:
    """Returns the ways to make a row possible: one value left out, or the digits of two exchanged.

    Args:
        numbers: The values of a row that no matrix gives.
        fitting: Returns the matrices that give values.
    """
    found = []
    for one in numbers:
        rest = {name: number for name, number in numbers.items() if name != one}
        if len(matrices := fitting(rest)):
            mode = "rounded" if len(matrices.fitting(rest, "rounded")) else "truncated"
            should = {
                printed_for(numbers[one], int(above), int(below), mode)
                for above, below in zip(*matrices.metric(one), strict=True)
            }
            # Several printed values leave open what the right one is.
            found.append(Slip((one,), {one: should.pop()} if len(should) == 1 else {}, matrices))
    if not found:
        for one, other in combinations(numbers, 2):
            swapped = exchanged(numbers, one, other)
            if swapped and len(matrices := fitting(swapped)):
                found.append(Slip((one, other), {name: swapped[name] for name in (one, other)}, matrices))
    return found


def exchanged(numbers: Numbers, one: str, other: str) -> Numbers | None:
    """Returns the values with the digits of two exchanged; None if they have other decimals."""
    a, b = numbers[one], numbers[other]
    if a.decimals + 2 * a.percent != b.decimals + 2 * b.percent:
        return None
    return {**numbers, one: replace(a, value=b.value), other: replace(b, value=a.value)}


def text_of_matrices(matrices: Matrices) -> str:
    """Returns the right answers of a few matrices, or how many matrices there are."""
    if len(matrices) > _FEW:
        return f"{len(matrices)} confusion matrices"
    return " or ".join(
        f"{tp} of {positives} positive and {tn} of {negatives} negative images right"
        for tp, positives, tn, negatives in zip(
            matrices.tp, matrices.positives, matrices.tn, matrices.negatives, strict=True
        )
    )


def text_of_slip(slip: Slip, numbers: Numbers) -> str:
    """Returns what is wrong and what is right."""
    wrong = " and ".join(text_of(name, numbers[name]) for name in slip.wrong)
    if not slip.corrected:
        return f"without {wrong}, {text_of_matrices(slip.matrices)} fit"
    right = " and ".join(text_of(name, number) for name, number in slip.corrected.items())
    how = "are exchanged" if len(slip.wrong) > 1 else "is wrong"
    source = _from_rounded(slip, numbers)
    return f"{wrong} {how}: {text_of_matrices(slip.matrices)} give {right}{source}"


def _from_rounded(slip: Slip, numbers: Numbers) -> str:
    """Says whether a wrong F1-score is that of the printed precision and recall."""
    recall = numbers.get("recall", numbers.get("sensitivity"))
    if slip.wrong != ("f1",) or recall is None or "precision" not in numbers:
        return ""
    p, r = (number.bounds("truncated")[0] for number in (numbers["precision"], recall))
    score = 2 * p * r / (p + r)
    for mode in ("rounded", "truncated"):
        if printed_for(numbers["f1"], score.numerator, score.denominator, mode) == numbers["f1"]:
            return f"; {numbers['f1']} follows from the printed precision and recall"
    return ""


def _check(claim: spec.Claim, paper: spec.Paper) -> Answer:
    row = row_of(paper, claim)
    positives, negatives = class_sizes(paper, row.sample) or (0, 0)
    if (positives + 1) * (negatives + 1) > MOST_MATRICES:
        detail = f"Too many confusion matrices of {positives} + {negatives} images to try."
        return Answer(claim, UNDECIDABLE, detail, "nothing", "open", covers=row.covers)
    every = all_matrices(positives, negatives)
    searched = f"{positives + 1} x {negatives + 1} confusion matrices of {positives} + {negatives} images"
    ways = list(readings(row))
    by_first = {first: SortedMatrices(every, first) for first in {next(iter(way.numbers)) for way in ways}}
    fits = [by_first[next(iter(way.numbers))] for way in ways]
    found = [search.fitting(way.numbers) for search, way in zip(fits, ways, strict=True)]
    if possible := [i for i, matrices in enumerate(found) if len(matrices)]:
        first = possible[0]
        answer = _possible(claim, ways[first], found[first], fits[first])
        others = [i for i, way in enumerate(ways) if way.other_average != ways[first].other_average]
        if others:
            says = ways[others[0]].says or "they are as the table names them"
            n = sum(len(found[i]) for i in others)
            implied = _implied(ways[others[0]].numbers, positives, negatives) if not n else ""
            answer = replace(
                answer,
                detail=f"{answer.detail} If {says}, {n or 'none'} {'does' if n == 1 else 'do'}{implied}.",
            )
        ways_tried = f", the values read in {len(ways)} ways" if len(ways) > 1 else ""
        return replace(answer, searched=f"{searched}{ways_tried}", covers=row.covers)
    answer = _impossible(claim, ways[0].numbers, fits[0], (positives, negatives), row.sample.folds)
    return replace(
        answer,
        searched=f"{searched}, also with each value left out and each two exchanged",
        covers=row.covers,
    )


def _impossible(
    claim: spec.Claim, numbers: Numbers, every: SortedMatrices, sizes: tuple[int, int], folds: int
) -> Answer:
    """Returns the answer for a row that no matrix gives: a slip, if there is one way to mend it."""
    found = slips(numbers, every.fitting)
    detail = f"No confusion matrix of {sizes[0]} + {sizes[1]} images gives {all_of(len(numbers), 'values')}"
    if found:
        detail += ": " + "; or ".join(text_of_slip(slip, numbers) for slip in found[:_FEW])
        if len(found) > _FEW:
            detail += f"; or {len(found) - _FEW} others could be wrong"
    if folds > 1:
        verdict, of_folds = _by_fold(numbers, sizes, folds)
        certainty = "exact for stratified folds; others leave more room"
        of_positives = {_OF_POSITIVES.get(name, name): number for name, number in numbers.items()}
        detail += _implied(of_positives, *sizes) + of_folds
        return Answer(claim, verdict, f"{detail}.", "", certainty)
    if len(found) == 1 and found[0].corrected:
        corrected = ", ".join(text_of(name, number) for name, number in found[0].corrected.items())
        certainty = _control(numbers, every.fitting, claim.id, with_slips=True)
        return Answer(claim, SLIP, f"{detail}.", "", certainty, corrected)
    return Answer(claim, IMPOSSIBLE, f"{detail}{_implied(numbers, *sizes)}.", "", "exact")


def _possible(claim: spec.Claim, reading: Reading, matrices: Matrices, every: SortedMatrices) -> Answer:
    """Returns the answer for a row that some matrix gives."""
    modes = [mode for mode in ("rounded", "truncated") if len(every.fitting(reading.numbers, mode))]
    how = f" ({' or '.join(modes)})" if modes else " (partly rounded, partly truncated)"
    supposing = f", if {reading.says}" if reading.says else ""
    if len(matrices) == 1:
        decimals = max(number.decimals + 2 * (not number.percent) for number in reading.numbers.values())
        supposing += f": to more digits {_exact_values(matrices, reading.numbers, min(decimals, 2))}"
    return Answer(
        claim=claim,
        verdict=UNIQUE if len(matrices) == 1 else CONSISTENT,
        detail=f"{text_of_matrices(matrices)} give {all_of(len(reading.numbers), 'values')}{how}{supposing}.",
        searched="",
        certainty=_control(reading.numbers, every.fitting, claim.id),
    )


def _exact_values(matrix: Matrices, numbers: Numbers, decimals: int) -> str:
    """Returns the values of a single matrix: percentages with two decimals, others with four."""
    found = []
    for name, number in numbers.items():
        above, below = (int(part[0]) for part in matrix.metric(name))
        finer = replace(number, decimals=decimals if number.percent else decimals + 2)
        found.append(text_of(name, printed_for(finer, above, below, "rounded")))
    return ", ".join(found)


def _by_fold(numbers: Numbers, sizes: tuple[int, int], folds: int) -> tuple[str, str]:
    """Returns verdict and detail for a row of means over stratified folds.

    Accuracy is the mean of w r + (1 - w) s over the folds, with recall r, specificity s and fraction of
    positives w of each. It differs from that of the mean w by at most the largest |w - mean w| times the mean
    of |r - s|, and |r - s| is at most (1 - r) + (1 - s).
    """
    recall = numbers.get("recall", numbers.get("sensitivity"))
    weighted = numbers.get("weighted_recall", recall)
    same = weighted and "accuracy" in numbers and _print_alike(numbers["accuracy"], weighted)
    as_weighted = ". As averages weighted by class size, recall equals accuracy, as printed" if same else ""
    if recall is None or not {"specificity", "accuracy"} <= numbers.keys():
        return UNDECIDABLE, as_weighted or ". Means over folds may give them"
    parts = [{n // folds, -(-n // folds)} for n in sizes]
    middle = Fraction(sizes[0], sum(sizes))
    spread = max(abs(Fraction(p, p + q) - middle) for p in parts[0] for q in parts[1])
    ends = []
    for i, sign in ((0, -1), (1, 1)):
        r, s = recall.bounds()[i], numbers["specificity"].bounds()[i]
        errors = min(Fraction(1), 2 - sum(number.bounds()[0] for number in (recall, numbers["specificity"])))
        ends.append(middle * r + (1 - middle) * s + sign * spread * errors)
    low, high = numbers["accuracy"].bounds()
    mean = f"{float(100 * ends[0]):.2f} to {float(100 * ends[1]):.2f}"
    detail = f". As means over {folds} stratified folds they mean an accuracy of {mean}"
    if as_weighted:
        return UNDECIDABLE, f"{detail}{as_weighted}"
    if high <= ends[0] or low > ends[1]:
        return IMPOSSIBLE, detail
    return UNDECIDABLE, f"{detail}, as printed; folds may give the other values"


def _print_alike(one: PrintedNumber, other: PrintedNumber) -> bool:
    """Returns whether a number prints like both, but for zeros that may have been added to one of them."""
    (a, b), (c, d) = (
        printed_number(float(str(number)), own_decimals(float(str(number))), percent=True).bounds()
        for number in (one, other)
    )
    return a < d and c < b


def _implied(numbers: Numbers, positives: int, negatives: int) -> str:
    """Says which accuracy the printed recall and specificity mean."""
    recall = numbers.get("recall", numbers.get("sensitivity"))
    if recall is None or "specificity" not in numbers or "accuracy" not in numbers:
        return ""
    n = positives + negatives
    right = recall.value * positives / 10**recall.decimals
    right += numbers["specificity"].value * negatives / 10 ** numbers["specificity"].decimals
    return (
        f". Recall {recall} and specificity {numbers['specificity']} mean an accuracy of {right / n:.2f}, "
        f"{numbers['accuracy']} is printed"
    )


def _control(
    numbers: Numbers,
    fitting: Callable[[Mapping[str, PrintedNumber]], Matrices],
    key: str,
    *,
    with_slips: bool = False,
) -> str:
    """Says how often moved values have a solution, too."""
    sets = list(moved(numbers, CONTROLS, "binary_row", key))
    solved = [values for values in sets if len(fitting(values))]
    text = f"exact; {len(solved)} of {CONTROLS} sets of values moved by {how_moved(numbers)} have a solution"
    if not with_slips:
        return text
    some = [values for values in sets[: CONTROLS // 10] if not len(fitting(values))]
    corrected = sum(len(found := slips(values, fitting)) == 1 and bool(found[0].corrected) for values in some)
    return f"{text}, and {corrected} of {len(some)} others with one correction"


def _find(paper: spec.Paper) -> Iterator[spec.Claim]:
    for row in rows_of_two_classes(paper):
        text = f"The {len(row.covers)} values of {row.values[0].row} come from one confusion matrix"
        yield claim_of("binary_row", row, text)


def rows_of_two_classes(paper: spec.Paper) -> Iterable[ValueRow]:
    """Returns the rows that one confusion matrix of two classes may give: no means over runs."""
    return [
        row
        for row in value_rows(paper)
        if row.sample.runs == 1
        and len(row.covers) > 1
        and all(class_sizes(paper, row.sample) or (0,))
        and all(value.std is None for value in row.values)
    ]


KINDS: dict[str, AuditKind] = {"binary_row": AuditKind(check=_check, find=_find)}
