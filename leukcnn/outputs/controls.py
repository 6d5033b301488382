"""Networks against controls on the same images: a table of all pairs, and notes under other tables."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import NamedTuple

from leukcnn import spec
from leukcnn.evaluation.controls import control_label
from leukcnn.outputs.kind import Kept, TableKind
from leukcnn.outputs.metric_lines import SUBSET_TITLES
from leukcnn.outputs.titles import dataset_title, make_table, mark_rows, not_measured
from leukcnn.rendering.formats import Cell
from leukcnn.rendering.tables import Column, Table
from leukcnn.results.comparisons import COMPARED_SUBSETS, MCNEMAR, Comparison, compare
from leukcnn.results.results import Results
from leukcnn.results.verdicts import holm

_MOST_LINES = 12
_BETTER = (
    "Better, worse: the 95 % interval of the difference excludes 0. No better: it contains 0, which doesn't "
    "show equality. {methods}."
)
_COLUMNS = (
    *("Control", Column("Images", "integer")),
    *(Column("Accuracy", "percent"), Column("Of the control", "percent")),
    *(Column("Difference (points)", "points"), Column("95 % interval", "interval")),
    *(Column("p", "p"), "The network is"),
)


class _Pair(NamedTuple):
    """A row and a control that were tested on the same images."""

    row: str
    dataset: str
    subset: str
    control: str
    comparison: Comparison


def build(table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns a line for each trained row and each control, on each tested dataset and subset."""
    shown = results.under(table.split)
    pairs = [*_pairs(shown, table.rows or shown.paper.row_ids)]
    columns = ("Network", *(("Dataset",) if shown.tested else ()), "Test set", *_COLUMNS)
    if not pairs:
        why = "no row and no control have been tested on the same images"
        return make_table(shown, table, columns, [("all", *not_measured(why, len(columns) - 1))])
    methods = _methods(pair.comparison for pair in pairs)
    better = _BETTER.format(methods=methods[0].upper() + methods[1:])
    subsets = tuple(dict.fromkeys(pair.subset for pair in pairs))
    rows = [_cells(shown, pair) for pair in pairs]
    notes = [better, *_counted([pair.comparison for pair in pairs]), *_on_unmatched(pairs)]
    made = make_table(shown, table, columns, rows, notes=notes, subsets=subsets)
    return mark_rows(made, shown, [(shown.split, pair.dataset) for pair in pairs])


def _pairs(results: Results, rows: Sequence[str]) -> Iterator[_Pair]:
    for row, dataset, subset in product(rows, results.tested or ("",), COMPARED_SUBSETS):
        for control in results.paper.controls:
            comparison = compare(results, row, control, dataset=dataset, subset=subset)
            if comparison is not None:
                yield _Pair(row, dataset, subset, control, comparison)


def _cells(results: Results, pair: _Pair) -> Sequence[Cell]:
    found, test = pair.comparison, pair.comparison.test
    return (
        results.paper.row(pair.row).label,
        *((dataset_title(results, pair.dataset),) if results.tested else ()),
        SUBSET_TITLES[pair.subset],
        *(control_label(pair.control), found.n, found.accuracy, found.other_accuracy, found.difference),
        *((None, None) if found.reason else ((test.low, test.high), test.p_value)),
        found.verdict + f": {found.reason}" * bool(found.reason),
    )


def against_controls(found: Sequence[tuple[str, str, Comparison]]) -> list[str]:
    """Returns notes that say whether networks are better than the best control, one line each.

    Of more than twelve, the notes only say how many are better, no better and worse.

    Args:
        found: Title of the network and where it is tested; what the control sees; the comparison.
    """
    lines = [f"{title}: {comparison.words(sees)}." for title, sees, comparison in found]
    lines = [*(lines if len(lines) <= _MOST_LINES else ()), *_counted([one for *_, one in found])]
    how = _methods(comparison for _, _, comparison in found)
    best = "Accuracy, against the control with the highest one on the same images, a choice that favours it"
    return [*lines, f"{best}: {how}."] if found else []


def _counted(comparisons: Sequence[Comparison]) -> list[str]:
    """Says how many of several comparisons have each verdict, and what Holm's correction leaves."""
    tested = [one for one in comparisons if not one.reason]
    if len(tested) < 2:
        return []
    verdicts = Counter(one.verdict for one in comparisons)
    kept = Counter(
        one.verdict
        for one, keep in zip(tested, holm([one.test.p_value for one in tested]), strict=True)
        if keep
    )
    parts = [
        f"{verdicts[verdict]} {verdict}"
        + f" ({kept[verdict]} after Holm's correction)" * (verdict in ("better", "worse"))
        for verdict in ("better", "no better", "worse", "not tested")
        if verdicts[verdict]
    ]
    return [f"{len(comparisons)} comparisons with controls: {', '.join(parts)}."]


def _methods(comparisons: Iterable[Comparison]) -> str:
    """Returns how networks and controls are compared."""
    named = []
    for one in comparisons:
        exact = f"{one.method} with the interval of Fay and Lumbreras"
        over = f"{one.method} over {one.unit}" + f", means of {one.runs} runs" * (one.runs > 1)
        named.append(exact if one.method == MCNEMAR else over)
    return "; ".join(dict.fromkeys(named))


def _on_unmatched(pairs: Sequence[_Pair]) -> list[str]:
    """Says how many images are left out because only the network or only the control was tested on them."""
    numbers = {pair.comparison.n_unmatched for pair in pairs} - {0}
    if not numbers:
        return []
    few, most = min(numbers), max(numbers)
    n = f"{few:,}" if few == most else f"{few:,} to {most:,}"
    return [f"Left out: {n} images that only the network, or only the control, was tested on."]


KIND = TableKind(build=build)
