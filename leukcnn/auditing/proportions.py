"""Checks whether the best row of a table is better than the others, from their numbers of right answers.

Values of a claim: {"first": (107, 108), "second": (104, 108)}, right answers and images of two rows. Claims
from tables have "rows": names and {"lowest", "highest"} numbers of right answers, best first, and "n".
"""

from collections.abc import Iterator

from scipy.stats import fisher_exact

from leukcnn import spec
from leukcnn.auditing.answers import CONSISTENT, UNDECIDABLE, Answer, AuditKind
from leukcnn.auditing.printed import name_of, printed_number, where_of
from leukcnn.auditing.shares import counts_of
from leukcnn.auditing.two_classes import ValueRow, value_rows
from leukcnn.datasets.headers import counted

LEVEL = 0.05
_FEW = 4


def p_value(first: tuple[int, int], second: tuple[int, int]) -> float:
    """Returns the two-sided p of Fisher's exact test between two numbers of right answers of n."""
    table = [[right, n - right] for right, n in (first, second)]
    return float(fisher_exact(table).pvalue)


def least_paired_p(difference: int) -> float:
    """Returns the least p of an exact McNemar test: no image that only the worse row gets right."""
    return min(1.0, 2 * 0.5**difference) if difference > 0 else 1.0


def _text_of(p: float) -> str:
    return f"p = {p:.2g}" if p >= 0.0001 else "p < 0.0001"


def _compared(best: tuple[int, int], other: tuple[int, int], n: tuple[int, int]) -> tuple[float, str]:
    """Returns the least p for the counts that a value may be, and what is compared."""
    # The best row's highest count and the other's lowest differ most.
    p = p_value((best[1], n[0]), (other[0], n[1]))
    text = f"{best[1]} of {n[0]} against {other[0]} of {n[1]}: {_text_of(p)}"
    if p >= LEVEL and n[0] == n[1]:
        least = least_paired_p(best[1] - other[0])
        text += f" (on the same images, McNemar's test gives {_text_of(least)} or more)"
    return p, text


def _check(claim: spec.Claim, paper: spec.Paper) -> Answer:
    values = claim.values
    if "first" in values:
        pairs = [("", (values["first"][0],) * 2, (values["second"][0],) * 2)]
        sizes = (values["first"][1], values["second"][1])
    else:
        (_, best), *others = values["rows"]
        pairs, sizes = [(f"{name}, ", best, counts) for name, counts in others], (values["n"],) * 2
    tests = [(name, *_compared(best, other, sizes)) for name, best, other in pairs]
    open_ = [f"{name}{text}" for name, p, text in tests if p >= LEVEL]
    clear = [f"{name}{text}" for name, p, text in tests if p < LEVEL]
    shown = open_ or clear
    more = f"; and {len(shown) - _FEW} more" if len(shown) > _FEW else ""
    title = "no difference at 5 %" if open_ else "different at 5 %"
    compared = f"{len(shown)} of {counted(len(tests), 'comparisons')}"
    several = "; without a correction for several tests" if len(tests) > 1 else ""
    return Answer(
        claim=claim,
        verdict=UNDECIDABLE if open_ else CONSISTENT,
        detail=f"{compared}, {title}: {'; '.join(shown[:_FEW])}{more}.",
        searched=f"Fisher's exact test, two-sided, {counted(len(tests), 'times')}",
        certainty=f"exact for independent images{several}",
        covers=tuple(values.get("covers", ())),
    )


def _find(paper: spec.Paper) -> Iterator[spec.Claim]:
    groups: dict[tuple[str, str, str], list[ValueRow]] = {}
    for row in value_rows(paper):
        first = row.values[0]
        groups.setdefault((row.table.id, first.dataset, first.subset), []).append(row)
    for (table, dataset, subset), rows in groups.items():
        counts, covers = {}, []
        n = {row.sample.n for row in rows}
        for row in rows:
            accuracy = next((value for value in row.values if value.metric == "accuracy"), None)
            if accuracy is None or row.sample.runs > 1:
                continue
            number = printed_number(accuracy.value, row.table.decimals(accuracy), percent=True)
            # Folds count together: each image is tested once.
            if found := counts_of(number, row.sample.n).all:
                counts[accuracy.row] = found[0], found[-1]
                covers.append(name_of(row.table, accuracy))
        if len(counts) < 2 or len(n) > 1:
            continue
        ordered = sorted(counts.items(), key=lambda item: item[1], reverse=True)
        best = [name for name, found in ordered if found == ordered[0][1]]
        text = f"{best[0]} has more right answers than the other rows"
        if len(best) > 1:
            equal = f"{', '.join(best[:-1])} and {best[-1]}"
            text = f"{equal} are the same as printed; one of them has more right answers than the other rows"
        names = [name for name in (table, dataset, "" if subset == "test" else subset) if name]
        yield spec.Claim(
            "-".join(("proportions", *names)),
            "proportions",
            text,
            ", ".join(filter(None, (where_of(rows[0].table), dataset))),
            {"rows": tuple(ordered), "n": n.pop(), "covers": tuple(covers)},
        )


KINDS: dict[str, AuditKind] = {"proportions": AuditKind(check=_check, find=_find)}
