"""Tables of Student's t-test: what the difference of two rows means, over folds or over runs."""

from collections.abc import Sequence
from functools import partial

from leukcnn import spec
from leukcnn.outputs.kind import Kept, TableKind
from leukcnn.outputs.titles import dataset_title, framed, not_measured, why_no_runs
from leukcnn.rendering.tables import Cell, Column, Table
from leukcnn.results import t_tests
from leukcnn.results.measure import fold_size_ratio, measure
from leukcnn.results.results import Results

_SIGNIFICANCE = 0.05
_LINE_OVER_RUNS = 6
_COLUMNS = (
    *("Test", "Rows", Column("Mean difference", "points"), Column("t", "quantity")),
    *(Column("Degrees of freedom", "integer"), Column("p", "quantity")),
    *(f"At {100 * _SIGNIFICANCE:g} %", "Published"),
)


def build(table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns what t-tests say of two rows: over the folds of a cross-validation, else over runs."""
    results = results.under(table.split)
    labels = " - ".join(results.paper.row(row).label for row in table.rows)
    return (_over_folds if results.split_kind in spec.KFOLD_KINDS else _over_runs)(results, table, labels)


def _over_folds(results: Results, table: spec.Table, labels: str) -> Table:
    """Returns what Student's t-test and the corrected one say of two rows' accuracy over the folds."""
    found = [measure(results, row, "accuracy", over="folds") for row in table.rows]
    pair = [of_row.values if of_row else [] for of_row in found]
    published = " ".join(str(cell) for cell in table.reference[0]) if table.reference else ""
    if min(map(len, pair)) < 2:
        untrained = (results.why_missing(row, "test") for row in table.rows)
        why = next(filter(None, untrained), "one fold only")
        return framed(results, table, _COLUMNS, [("all", labels, *not_measured(why, 5), published)])
    ratio = fold_size_ratio(results, table.rows[0])
    corrected = partial(t_tests.corrected_resampled_t_test, test_train_ratio=ratio)
    tests = [test(*pair) for test in (t_tests.paired_t_test, t_tests.unpaired_t_test, corrected)]
    rows = [_cells(test, labels, published) for test in tests]
    note = (
        "The folds' training sets overlap, so that Student's test takes differences for real too often; the "
        "corrected test (Nadeau and Bengio, 2003) allows for it. No difference shown doesn't prove equality."
    )
    return framed(results, table, _COLUMNS, rows, notes=(note,))


def _over_runs(results: Results, table: spec.Table, labels: str) -> Table:
    """Returns what Student's t-test says of two rows' accuracy over the runs, as printed and as measured.

    Each row of `table.reference` holds the key of a tested dataset, the paper's verdict in words, and mean
    and std of the first and of the second row in percentage points; without such a line each tested dataset
    has what is measured.
    """
    n, rows = results.paper.runs, []
    # Lines of another form are of a test over folds.
    lines = [line for line in table.reference if len(line) == _LINE_OVER_RUNS]
    for dataset, published, *printed in lines or [(name, "") for name in results.tested or ("",)]:
        name = dataset_title(results, dataset)
        if printed:
            mean, std, other_mean, other_std = (figure / 100 for figure in printed)
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
        "As printed: from the published means and standard deviations, over the paper's runs. Paired: by the "
        "seed that two runs share. No difference shown doesn't prove equality.",
        "Runs with other seeds share their images: the tests ask whether another seed would change the "
        "order of the two, not whether other images would.",
    )
    return framed(results, table, ("Dataset", *_COLUMNS), rows, notes=notes)


def _paired_runs(results: Results, rows: Sequence[str], dataset: str) -> list[list[float]]:
    """Returns both rows' accuracy in the runs that both of them have, in the same order."""
    by_seed = []
    for row in rows:
        found = measure(results, row, "accuracy", dataset=dataset, over="runs")
        seeds = [seed for seed, _ in results.predictions[row]]
        by_seed.append(dict(zip(seeds, found.values if found else [], strict=False)))
    first, second = by_seed
    return [[values[seed] for seed in first if seed in second] for values in by_seed]


def _cells(test: t_tests.TTest, labels: str, published: str, *, on: str = "") -> tuple[Cell, ...]:
    figures = (test.mean_difference, test.statistic, test.degrees_of_freedom, test.p_value)
    said = "different" if test.p_value < _SIGNIFICANCE else "no difference shown"
    return (test.method + on, labels, *figures, said, published)


KIND = TableKind(build=build, by_task=True)
