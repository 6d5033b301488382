"""Checks t-tests from printed means and deviations, with equal variances (Student) and without (Welch)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from leukcnn import spec
from leukcnn.auditing.answers import CONSISTENT, IMPOSSIBLE, UNDECIDABLE, Answer, AuditKind
from leukcnn.auditing.printed import name_of, name_of_cell, name_of_std, printed_number
from leukcnn.spec.printed import own_decimals

SIGNIFICANCE = 0.05
_STEPS = 10_001


class Scores(NamedTuple):
    """What is known of one sample of scores.

    Attributes:
        mean: Mean.
        std: Standard deviation with n - 1, in the same unit; None if it isn't printed.
        n: Number of scores.
        rounding: How far the mean may be from its printed value; 0 if it is exact.
    """

    mean: float
    std: float | None
    n: int
    rounding: float = 0.005


class PRange(NamedTuple):
    """The least and the largest p of a test, over what isn't known."""

    least: float
    most: float


def p_values(first: Scores, second: Scores, *, equal_variances: bool, largest_std: float) -> PRange:
    """Returns p of Student's or Welch's test, two-sided; a range if one standard deviation isn't known.

    Args:
        first: The first sample.
        second: The second sample.
        equal_variances: True for Student's test, False for Welch's.
        largest_std: The largest value that an unknown standard deviation can have.

    Returns:
        The range of p. Samples that don't vary have p = 0 if the means differ, else 1.
    """
    unknown = np.linspace(0.0, largest_std, _STEPS)
    stds = np.broadcast_arrays(*(unknown if one.std is None else one.std for one in (first, second)))
    with np.errstate(divide="ignore", invalid="ignore"):
        p = stats.ttest_ind_from_stats(
            *(first.mean, stds[0], first.n, second.mean, stds[1], second.n), equal_var=equal_variances
        ).pvalue
    p = np.where(np.isnan(p), float(first.mean == second.mean), p)
    return PRange(float(p.min()), float(p.max()))


def _find(paper: spec.Paper) -> Iterator[spec.Claim]:
    """Yields the tests of tables of the kind "t_test": one for each line, over runs or over folds."""
    for table in paper.tables:
        if table.kind != "t_test":
            continue
        labels = " and ".join(paper.row(row).label for row in table.rows)
        for line, cells in enumerate(table.reference):
            values: dict[str, Any] = {"table": table.id, "line": line}
            if len(cells) == 6:
                dataset, says, *printed = cells
                pairs = ((printed[0], printed[1]), (printed[2], printed[3]))
                values |= {"first": (*pairs[0], paper.runs), "second": (*pairs[1], paper.runs), "says": says}
                named = f"{labels} on {dataset} are {says}"
                yield spec.Claim(f"{table.id}-{dataset}", "t_test", named, table.where, values)
            elif found := _from_rows(paper, table):
                values |= {"first": found[0], "second": found[1], "says": cells[0], "covers": found[2]}
                yield spec.Claim(
                    f"{table.id}-{line}", "t_test", f"{labels} are {cells[0]}", table.where, values
                )


def _from_rows(paper: spec.Paper, test: spec.Table) -> tuple[Any, ...] | None:
    """Returns mean, std and n of both rows' accuracy and the names of these values; None if not printed."""
    samples, covers = [], []
    for row in test.rows:
        printed = [
            (table, one)
            for table in paper.tables
            for one in table.published
            if one.row == row and one.metric == "accuracy" and table.split == test.split and table.where
        ]
        if not printed:
            return None
        # The one with a standard deviation, if there is one.
        table, one = min(printed, key=lambda pair: pair[1].std is None)
        split, known = paper.row(row).setup.split, table.sample(one)
        n = known.folds * known.runs if known else split.n_splits * paper.runs
        exact = _exact_mean(table, one, known)
        decimals = table.decimals(one)
        mean, rounding = (one.value, 0.5 * 10.0**-decimals) if exact is None else (exact, 0.0)
        samples.append((mean, one.std, n, rounding))
        covers += [name_of(table, one), *([name_of_std(table, one)] if one.std is not None else [])]
    return (*samples, tuple(covers))


def _exact_mean(table: spec.Table, published: spec.Published, sample: spec.Sample | None) -> float | None:
    """Returns the share in percent of the only whole number of images that prints like a mean, else None."""
    if sample is None:
        return None
    n = sample.n * sample.runs
    number = printed_number(published.value, table.decimals(published), percent=True)
    counts = np.flatnonzero(number.is_printed_for(np.arange(n + 1), n))
    return 100 * float(counts[0]) / n if len(counts) == 1 else None


def _check(claim: spec.Claim, paper: spec.Paper) -> Answer:
    """Checks the conclusion of a t-test at 5 %.

    The claim's values are "first" and "second": mean, standard deviation (None if it isn't printed) and
    number of scores, and if the mean isn't printed with two decimals, how far it may be from its printed
    value; and "says", a text with "equivalent" or "different". Scores are in percent. A claim of a table adds
    its id ("table") and the number of its line ("line").
    """
    first, second = (Scores(*claim.values[name]) for name in ("first", "second"))
    says = str(claim.values["says"])
    equal = "different" not in says
    # Scores in percent vary most if they are 0 and 100, at the printed mean.
    largest = max(_largest_std(one) for one in (first, second))
    tests = {
        name: p_values(first, second, equal_variances=name == "Student", largest_std=largest)
        for name in ("Student", "Welch")
    }
    different = [p.most < SIGNIFICANCE for p in tests.values()]
    alike = [p.least >= SIGNIFICANCE for p in tests.values()]
    fits, contradicts = (alike, different) if equal else (different, alike)
    verdict = CONSISTENT if all(fits) else IMPOSSIBLE if all(contradicts) else UNDECIDABLE
    unknown = None in (first.std, second.std)
    detail = "; ".join(f"{name}'s test gives {_shown(p)}" for name, p in tests.items())
    if unknown:
        detail += ", whatever the standard deviation is that isn't printed"
    detail += f"; at 5 % the rows are {_conclusion(different, alike)}, and the paper says {says}"
    if equal and verdict == CONSISTENT:
        detail += "; a test that finds no difference doesn't show equivalence"
        if unknown:
            detail += ", and here none could have found one"
    searched = f"{_STEPS:,} standard deviations from 0 to {largest:.2f}" if unknown else "two t-tests"
    return Answer(claim, verdict, detail, searched, _certainty(first, second), covers=_covers(claim, paper))


def _conclusion(different: Sequence[bool], alike: Sequence[bool]) -> str:
    if all(different):
        return "different"
    return "not shown to differ" if all(alike) else "different in one test or for some values"


def _largest_std(scores: Scores) -> float:
    """Returns the largest standard deviation of scores in 0..100 with this mean."""
    share = scores.mean / 100
    return 100 * float(np.sqrt(max(0.0, share * (1 - share)) * scores.n / (scores.n - 1)))


def _shown(p: PRange) -> str:
    return f"p = {_short(p.least)}" if p.least == p.most else f"p >= {_short(p.least)}"


def _short(p: float) -> str:
    return f"{p:.4f}" if p >= 0.001 else f"{p:.6f}"


def _certainty(first: Scores, second: Scores) -> str:
    """Returns how far p moves if the printed values are rounded."""
    ends = [
        p_values(one, other, equal_variances=True, largest_std=0.0)
        for one in _moved(first)
        for other in _moved(second)
    ]
    least, most = min(p.least for p in ends), max(p.most for p in ends)
    return f"with values anywhere within their rounding, Student's p is {_short(least)} to {_short(most)}"


def _moved(scores: Scores) -> Iterator[Scores]:
    """Yields a sample with its mean and standard deviation at the ends of their rounding."""
    # A final 0 is lost in a number: 0.60 is moved as 0.6, by more than its rounding.
    half_std = 0.5 * 10.0 ** -own_decimals(scores.std or 0.0)
    for mean in (scores.mean - scores.rounding, scores.mean + scores.rounding):
        if scores.std is None:
            yield scores._replace(mean=mean)
            continue
        for std in (max(0.0, scores.std - half_std), scores.std + half_std):
            yield scores._replace(mean=mean, std=std)


def _covers(claim: spec.Claim, paper: spec.Paper) -> tuple[str, ...]:
    """Returns the names of the printed values of a claim, or of the cells of its line."""
    values: Mapping[str, Any] = claim.values
    names = tuple(values.get("covers", ()))
    table = next((table for table in paper.tables if table.id == values.get("table")), None)
    if table is None:
        return names
    line = int(values["line"])
    cells = enumerate(table.reference[line])
    return names + tuple(name_of_cell(table, line, i) for i, cell in cells if isinstance(cell, int | float))


KINDS: dict[str, AuditKind] = {"t_test": AuditKind(check=_check, find=_find)}
