"""Checks numbers in the text against each other, the tables and other papers."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

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
from leukcnn.auditing.printed import printed_decimals, printed_number, printed_values
from leukcnn.auditing.printed_counts import dataset_lines, other_papers
from leukcnn.auditing.repeated import Place, find_repeated
from leukcnn.datasets.headers import counted
from leukcnn.spec.printed import own_decimals


def _check(claim: spec.Claim, paper: spec.Paper) -> Answer:
    """Checks a statement.

    The claim's values are one of:

    - "same": quantity -> the places that print it, each as (number, where) or (number, where, key of another
      paper). A name of a printed value of this paper may replace the number. With "covers": False, the
      claim doesn't count as a check of these values, since both may be copies of one wrong number. With
      "if": a condition, they are one quantity only under that condition.
    - "sum": the numbers that are added, by name, "total": what they should give, and optionally "dataset":
      its key, whose counts in other papers show which number is wrong.
    - "product": numbers that are multiplied, and "total".
    - "ratio": two numbers or names of printed values, and "says": their printed ratio.
    - "rank": a number or name, "among": the others, and "says": its printed rank, 1 for the highest.
    - "together": numbers that are printed for one thing, and "among": the things, by name, with their
      numbers in the same order, such as the epochs of a log.
    """
    for name, check in _CHECKS.items():
        if name in claim.values:
            return check(claim, paper)
    raise KeyError(f"one of {', '.join(_CHECKS)}")


def _check_same(claim: spec.Claim, paper: spec.Paper) -> Answer:
    """Compares the places that print a quantity; a number with fewer decimals may be a rounded one."""
    printed, decimals = printed_values(paper), printed_decimals(paper)
    different: list[str] = []
    own, n, covers = False, 0, []
    for quantity, given in claim.values["same"].items():
        places = [Place(*place) for place in given]
        covers += [place.number for place in places if isinstance(place.number, str)]
        numbers = [printed[p.number] if isinstance(p.number, str) else p.number for p in places]
        n += len(places)
        known = [decimals.get(str(p.number), own_decimals(x)) for x, p in zip(numbers, places, strict=True)]
        if not _agree(numbers, known):
            shown = [str(printed_number(x, n)) for x, n in zip(numbers, known, strict=True)]
            different.append(f"{quantity}: {_by_number(shown, places)}")
            mine = [i for i, place in enumerate(places) if not place.paper]
            own = own or not _agree([numbers[i] for i in mine], [known[i] for i in mine])
    searched, named = f"{n} printed numbers", tuple(covers) if claim.values.get("covers", True) else ()
    if not different:
        detail = f"{all_of(n, 'places')} agree"
        return Answer(claim, CONSISTENT, detail, searched, "exact for a copied number", covers=named)
    detail = "; ".join(different)
    if own:
        condition = f" if {claim.values['if']}" if "if" in claim.values else ""
        detail += f"; they can't both be right{condition}"
        return Answer(claim, IMPOSSIBLE, detail, searched, f"exact{condition}", covers=named)
    return Answer(claim, UNDECIDABLE, f"{detail}; which is right is open", searched, "exact", covers=named)


def _by_number(numbers: Sequence[str], places: Sequence[Place]) -> str:
    """Returns the numbers, each with the places that print it."""
    where: dict[str, list[str]] = {}
    for number, place in zip(numbers, places, strict=True):
        where.setdefault(number, []).append(_place(place))
    return ", but ".join(f"{number} in {' and '.join(of_number)}" for number, of_number in where.items())


def _place(place: Place) -> str:
    return f"{place.paper}, {place.where}" if place.paper else place.where


def _agree(numbers: Sequence[int | float], decimals: Sequence[int]) -> bool:
    """Returns whether all numbers print like the one with the fewest decimals, rounded or truncated."""
    if not numbers:
        return True
    shortest = min(range(len(numbers)), key=decimals.__getitem__)
    return all(_prints_like(number, numbers[shortest], decimals[shortest]) for number in numbers)


def _prints_like(number: int | float, shorter: int | float, decimals: int) -> bool:
    low, high = printed_number(shorter, decimals).bounds()
    # Without the error of its binary form.
    exact = Fraction(str(number))
    return low < exact <= high if shorter < 0 else low <= exact < high


def _check_sum(claim: spec.Claim, paper: spec.Paper) -> Answer:
    terms, total = _numbers(claim.values["sum"], paper), _number(claim.values["total"], paper)
    added = sum(terms.values())
    shown = " + ".join(f"{n:,}" for n in terms.values())
    if added == total:
        return Answer(claim, CONSISTENT, f"{shown} = {total:,}", "one sum", "exact", covers=_names(claim))
    detail = f"{shown} = {added:,}, but {total:,} is printed"
    changes = [(name, n + total - added) for name, n in terms.items()] + [("total", added)]
    elsewhere = _elsewhere(paper, str(claim.values.get("dataset", "")))
    fitting = [(name, int(n)) for name, n in changes if n in elsewhere]
    searched = f"{counted(len(changes), 'changes')} of one number, and the dataset in other papers"
    if len(fitting) != 1:
        return Answer(claim, IMPOSSIBLE, detail, searched, "exact", covers=_names(claim))
    ((name, corrected),) = fitting
    named = f"the {name}" if name == "total" else name
    detail += f"; with {corrected:,} for {named}, as in {' and '.join(elsewhere[corrected])}, it is right"
    certainty = f"the sum is exact; of {len(changes)} corrections, other papers print this one alone"
    return Answer(claim, SLIP, detail, searched, certainty, f"{name}: {corrected:,}", _names(claim))


def _elsewhere(paper: spec.Paper, dataset: str) -> dict[float, list[str]]:
    """Returns the counts of a dataset that other papers print, and where."""
    found: dict[float, list[str]] = {}
    for other in other_papers(paper):
        for table in other.tables:
            for line in dataset_lines(table, other) if table.kind == "datasets" else ():
                for n in set(line.counts.values()) if line.key == dataset else ():
                    found.setdefault(n, []).append(f"{other.key}, {table.where}")
    return found


def _check_product(claim: spec.Claim, paper: spec.Paper) -> Answer:
    factors, total = _numbers(claim.values["product"], paper), _number(claim.values["total"], paper)
    product = math.prod(factors.values())
    shown = " x ".join(f"{n:,}" for n in factors.values())
    equal = product == total
    detail = f"{shown} = {product:,}" + ("" if equal else f", but {total:,} is printed")
    verdict = CONSISTENT if equal else IMPOSSIBLE
    return Answer(claim, verdict, detail, "one product", "exact", covers=_names(claim))


def _check_ratio(claim: spec.Claim, paper: spec.Paper) -> Answer:
    above, below = (_number(one, paper) for one in claim.values["ratio"])
    says = claim.values["says"]
    low, high = printed_number(says, own_decimals(says)).bounds()
    fits = low <= above / below < high
    detail = f"{above:,} / {below:,} = {above / below:.3f}, printed {says:,}"
    verdict = CONSISTENT if fits else IMPOSSIBLE
    return Answer(claim, verdict, detail, "one ratio", "exact", covers=_names(claim))


def _check_rank(claim: spec.Claim, paper: spec.Paper) -> Answer:
    own, says = _number(claim.values["rank"], paper), claim.values["says"]
    others = [_number(one, paper) for one in claim.values["among"]]
    higher, equal = sum(one > own for one in others), sum(one == own for one in others)
    detail = f"{higher or 'none'} of {counted(len(others), 'others')} {'is' if higher == 1 else 'are'} higher"
    verdict = CONSISTENT if higher + 1 == says else IMPOSSIBLE
    if equal:
        # Digits that aren't printed may put it first or last among its equals.
        detail += f", and {equal} {'is' if equal == 1 else 'are'} the same as printed"
        verdict = UNDECIDABLE if higher + 1 <= says <= higher + equal + 1 else IMPOSSIBLE
    return Answer(claim, verdict, detail, f"{len(others) + 1} numbers", "exact", covers=_names(claim))


def _check_together(claim: spec.Claim, paper: spec.Paper) -> Answer:
    says = [_number(one, paper) for one in claim.values["together"]]
    fitting, shown = [], []
    for name, given in claim.values["among"].items():
        numbers = [_number(one, paper) for one in given]
        pairs = zip(numbers, says, strict=True)
        fits = [_prints_like(number, one, own_decimals(one)) for number, one in pairs]
        shown.append(f"{name} {' and '.join(map(str, numbers))}")
        if all(fits):
            fitting.append(name)
    printed = " and ".join(map(str, says))
    detail = (
        f"{printed} are those of {' and '.join(fitting)}" if fitting else f"nothing has {printed} together"
    )
    verdict = UNIQUE if len(fitting) == 1 else CONSISTENT if fitting else IMPOSSIBLE
    detail += f": {'; '.join(shown)}"
    return Answer(claim, verdict, detail, f"{len(shown)} pairs", "exact", covers=_names(claim))


def _numbers(given: Mapping[str, int | float | str], paper: spec.Paper) -> dict[str, int | float]:
    return {name: _number(one, paper) for name, one in given.items()}


def _number(given: int | float | str, paper: spec.Paper) -> int | float:
    return printed_values(paper)[given] if isinstance(given, str) else given


def _names(claim: spec.Claim) -> tuple[str, ...]:
    """Returns the names of printed values among a claim's numbers."""

    def flat(value: Any) -> Iterator[str]:
        if isinstance(value, Mapping):
            value = tuple(value.values())
        if isinstance(value, str):
            yield value
        elif isinstance(value, Sequence):
            for one in value:
                yield from flat(one)

    numbers = (claim.values.get(name, ()) for name in _WITH_NAMES)
    return tuple(name for one in numbers for name in flat(one))


_CHECKS: Mapping[str, Callable[[spec.Claim, spec.Paper], Answer]] = {
    "same": _check_same,
    "sum": _check_sum,
    "product": _check_product,
    "ratio": _check_ratio,
    "rank": _check_rank,
    "together": _check_together,
}
_WITH_NAMES = ("sum", "product", "ratio", "rank", "together", "among", "total")

KINDS: dict[str, AuditKind] = {"statement": AuditKind(check=_check, find=find_repeated)}
