"""Checks sets of runs that give the means and standard deviations of a row.

Values of a claim: "table", "row", "dataset" and "subset" name a row of a paper's table; "std_unit" is another
unit of its standard deviations than that of its sample ("same" or "fraction").

The means fix the sums of true positives and true negatives over the runs. All counts of each class with this
sum and the printed standard deviation are joined in every order, and accuracy and precision must fit, too.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from leukcnn import spec
from leukcnn.auditing.answers import CONSISTENT, IMPOSSIBLE, SLIP, UNDECIDABLE, UNIQUE, Answer, AuditKind
from leukcnn.auditing.multisets import least_std, multisets, n_starts, sums_of_squares
from leukcnn.auditing.printed import PrintedNumber, name_of, name_of_std, printed_number
from leukcnn.auditing.run_search import MOST_PAIRS, Figures, Found, Row, RunSearch
from leukcnn.auditing.shares import counts_of, nearest
from leukcnn.auditing.two_classes import ValueRow, claim_of, class_sizes, moved, row_of, value_rows
from leukcnn.spec.printed import own_decimals

CONTROLS = 200
_FEW = 3
_ALIASES = {"sensitivity": "recall"}
_METRICS = ("accuracy", "recall", "specificity", "precision")


def figures_of(row: ValueRow, std_unit: str) -> dict[str, Figures]:
    """Returns means and standard deviations of a row, by metric."""
    found = {}
    for value in row.values:
        metric = _ALIASES.get(value.metric, value.metric)
        if metric not in _METRICS:
            continue
        mean = printed_number(value.value, row.table.decimals(value), percent=True)
        std = None
        if value.std is not None:
            stds = [own_decimals(p.std) for p in row.table.published if p.std is not None]
            decimals = max(own_decimals(value.std), max(stds, key=stds.count))
            std = printed_number(value.std, decimals, percent=std_unit == "same")
        found[metric] = Figures(mean, std)
    return found


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
            if (sets := search.find(rest, ddof, MOST_PAIRS // 10)).sets:
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
    std_unit = claim.values.get("std_unit", row.sample.std_unit)
    if not _of_two_classes(paper, row):
        return _check_accuracy(claim, row, figures_of(row, std_unit)["accuracy"])
    positives, negatives = class_sizes(paper, row.sample) or (0, 0)
    search = RunSearch(positives, negatives, row.sample.runs)
    figures = figures_of(row, std_unit)
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
    if not reasons:
        reasons.append("each is possible, but not all together")
    return replace(answer, verdict=IMPOSSIBLE, detail=f"{detail}: {'; '.join(reasons)}.")


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


def _of_two_classes(paper: spec.Paper, row: ValueRow) -> bool:
    """Returns whether a row has what a search over both classes needs."""
    figures = figures_of(row, row.sample.std_unit)
    both = all(name in figures and figures[name].std is not None for name in ("recall", "specificity"))
    return both and all(class_sizes(paper, row.sample) or (0,))


def _check_accuracy(claim: spec.Claim, row: ValueRow, figures: Figures) -> Answer:
    """Checks the mean and standard deviation of the accuracy alone."""
    n, runs = row.sample.n, row.sample.runs
    value = next(value for value in row.values if value.metric == "accuracy")
    covers = (name_of(row.table, value), name_of_std(row.table, value))
    totals = counts_of(figures.mean, n, runs).all if figures.mean else ()
    searched = f"right answers of {runs} runs on {n} images"
    if not totals and figures.mean:
        detail = f"accuracy {figures.mean} is no count: {nearest(figures.mean, n * runs)}."
        return Answer(claim, IMPOSSIBLE, detail, searched, "exact", covers=covers)
    for ddof in (1, 0):
        sets = [
            multisets(n, runs, k, sums_of_squares(figures.std, k, n, runs, ddof)) if figures.std else None
            for k in totals
        ]
        found = [one for one in sets if one is not None]
        if len(found) < len(sets):
            detail = f"{runs} runs on {n} images have too many sets to try."
            return Answer(claim, UNDECIDABLE, detail, searched, "open", covers=covers)
        if many := sum(map(len, found)):
            first = next(one for one in found if len(one))[0].tolist()
            detail = f"{many} sets of right answers give both figures, such as {', '.join(map(str, first))}"
            detail += f" (std over {'n - 1' if ddof else 'n'})."
            verdict = UNIQUE if many == 1 else CONSISTENT
            return Answer(claim, verdict, detail, searched, "exact", covers=covers)
    detail = (
        f"No set of right answers with a mean of {figures.mean} has a standard deviation of {figures.std}."
    )
    return Answer(claim, IMPOSSIBLE, detail, searched, "exact", covers=covers)


def _find(paper: spec.Paper) -> Iterator[spec.Claim]:
    for row in value_rows(paper):
        accuracy = figures_of(row, row.sample.std_unit).get("accuracy", Figures(None, None))
        both = _of_two_classes(paper, row)
        if row.sample.runs < 2 or not (both or accuracy.std):
            continue
        n = len(_covers(row)) if both else 2
        text = f"{row.sample.runs} runs give the {n} figures of {row.values[0].row}"
        fraction = row.sample.std_unit == "fraction"
        yield claim_of("runs", row, text + (", standard deviations read as fractions" if fraction else ""))
        if fraction:
            plain = claim_of(
                "runs", row, f"{text}, standard deviations in points as printed", std_unit="same"
            )
            yield replace(plain, id=f"{plain.id}-in-points")


KINDS: dict[str, AuditKind] = {"runs": AuditKind(check=_check, find=_find)}
