"""Tables of Student's t-test of the accuracy of two rows, over folds or over runs."""

import math
from collections.abc import Sequence
from functools import partial

from leukcnn import spec
from leukcnn.outputs.kind import Kept, TableKind
from leukcnn.outputs.titles import dataset_title, make_table, not_measured, why_no_runs
from leukcnn.rendering.formats import UNDEFINED, Cell
from leukcnn.rendering.tables import Column, Table
from leukcnn.results import t_tests
from leukcnn.results.measure import fold_size_ratio, measure
from leukcnn.results.results import Results

_SIGNIFICANCE = 0.05
_LINE_OVER_RUNS = 6
_COLUMNS = (
    *("Test", "Rows", Column("Mean difference", "points"), Column("t", "quantity")),
    *(Column("Degrees of freedom", "integer"), Column("p", "p")),
    *(f"At {100 * _SIGNIFICANCE:g} %", "Published"),
)


def build(table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns t-tests of two rows: over the folds in cross-validation, else over runs."""
    results = results.under(table.split)
    labels = " - ".join(results.paper.row(row).label for row in table.rows)
    return (_over_folds if results.split_kind in spec.KFOLD_KINDS else _over_runs)(results, table, labels)


def _over_folds(results: Results, table: spec.Table, labels: str) -> Table:
    """Returns Student's t-tests and the corrected one of two rows' accuracy over the folds."""
    found = [measure(results, row, "accuracy", over="folds") for row in table.rows]
    pair = [of_row.values if of_row else [] for of_row in found]
    published = " ".join(str(cell) for cell in table.reference[0]) if table.reference else ""
    if min(map(len, pair)) < 2:
        untrained = (results.why_missing(row, "test") for row in table.rows)
        why = next(filter(None, untrained), "one fold only")
        return make_table(results, table, _COLUMNS, [("all", labels, *not_measured(why, 5), published)])
    ratio = fold_size_ratio(results, table.rows[0])
    corrected = partial(t_tests.corrected_resampled_t_test, test_train_ratio=ratio)
    tests = [test(*pair) for test in (t_tests.paired_t_test, t_tests.unpaired_t_test, corrected)]
    rows = [_cells(test, labels, published) for test in tests]
    note = (
        "The training sets of the folds overlap, so Student's test finds a difference too often; the "
        "corrected test (Nadeau and Bengio, 2003) allows for this. 'No difference shown' doesn't prove "
        "equality."
    )
    return make_table(results, table, _COLUMNS, rows, notes=(note,))


def _over_runs(results: Results, table: spec.Table, labels: str) -> Table:
    """Returns Student's t-tests of two rows' accuracy over the runs, printed and measured.

    Each row of `table.reference` holds the key of a tested dataset, the paper's verdict in words, and mean
    and standard deviation of the first and of the second row in percent. Without such rows, only the measured
    runs of each tested dataset are compared.
    """
    n, rows = results.paper.runs, []
    # Other lines belong to a test over folds.
    lines = [line for line in table.reference if len(line) == _LINE_OVER_RUNS]
    for dataset, published, *printed in lines or [(name, "") for name in results.tested or ("",)]:
        name = dataset_title(results, dataset)
        if printed:
            mean, std, other_mean, other_std = (percent / 100 for percent in printed)
            test = t_tests.t_test_from_statistics(mean, std, n, other_mean, other_std, n)
            rows.append((name, *_cells(test, labels, published, on=f" on the {n} runs as printed")))
        pair = _paired_runs(results, table.rows, dataset)
        if len(pair[0]) < 2:
            untested = [row for row in table.rows if not results.runs(row, dataset=dataset)]
            why = why_no_runs(results, untested[0], dataset=dataset) if untested else "one run only"
            rows.append((name, "all on measured runs", labels, *not_measured(why, 5), published))
            continue
        on = f" on {len(pair[0])} measured runs"
        for test in (t_tests.unpaired_t_test(*pair), t_tests.paired_t_test(*pair)):
            rows.append((name, *_cells(test, labels, published, on=on)))
    notes = (
        "As printed: from the published means and standard deviations over the paper's runs. Paired: the two "
        "rows' runs with the same seed are compared. 'No difference shown' doesn't prove equality.",
        "All runs use the same images, with different seeds. The tests ask whether another seed would change "
        "the order of the two rows, not whether other images would.",
    )
    return make_table(results, table, ("Dataset", *_COLUMNS), rows, notes=notes)


def _paired_runs(results: Results, rows: Sequence[str], dataset: str) -> list[list[float]]:
    """Returns the accuracy of each row in the runs that both rows have, in the same order."""
    by_seed = []
    for row in rows:
        found = measure(results, row, "accuracy", dataset=dataset, over="runs")
        seeds = [seed for seed, _ in results.testing(dataset).predictions[row]]
        by_seed.append(dict(zip(seeds, found.values if found else [], strict=False)))
    first, second = by_seed
    return [[values[seed] for seed in first if seed in second] for values in by_seed]


def _cells(test: t_tests.TTest, labels: str, published: str, *, on: str = "") -> tuple[Cell, ...]:
    values = (test.mean_difference, test.statistic, test.degrees_of_freedom, test.p_value)
    conclusion = "different" if test.p_value < _SIGNIFICANCE else "no difference shown"
    conclusion = UNDEFINED if math.isnan(test.p_value) else conclusion
    return (test.method + on, labels, *values, conclusion, published)


KIND = TableKind(build=build, by_task=True)
