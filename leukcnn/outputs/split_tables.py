"""Tables of one experiment's accuracy under each kind of split, and with parts of the pictures blanked."""

from leukcnn import spec
from leukcnn.evaluation.controls import CONTROLS
from leukcnn.outputs.titles import SPLIT_TITLES, framed, table_lines
from leukcnn.rendering.tables import Cell, Column, Table
from leukcnn.results.class_figures import measured_under
from leukcnn.results.comparison import MeanMetric, Spread, not_trained
from leukcnn.results.results import Results

_ACCURACY = MeanMetric.percent("accuracy", "Accuracy")
_METRICS = (_ACCURACY, MeanMetric.percent("macro_f1", "F1-score, macro"))


def splits_table(results: Results, table: spec.Table) -> Table:
    """Returns accuracy and macro F1-score under each kind of split of the experiment, the main one first.

    Published figures stand under the paper's own split.
    """
    main = results.record.split
    planned = {trial.split for trial in results.record.trials}
    kinds = [kind for kind in dict.fromkeys((main, *results.paper.splits)) if kind in planned]
    lines = table_lines(results, table.rows)
    # Without a finished run anywhere a row stands here only for the sake of its published figures.
    trained = {row for row, _ in lines if any(results.under(kind).predictions[row] for kind in kinds)}
    rows, methods, with_lines = [], {}, set()
    for kind in kinds:
        shown = results.under(kind)
        held = {
            trial.row for trial in (*results.record.trials, *results.record.controls) if trial.split == kind
        }
        for row, label in lines:
            for metric in _METRICS:
                own = kind == results.paper.splits[0]
                printed = table.printed(row, metric.name) if own else None
                if row not in held or (row not in trained and printed is None):
                    continue
                cells = _cells(shown, row, metric, methods)
                published = printed and (float(printed.value), printed.sd)
                rows.append((SPLIT_TITLES[kind], label, metric.title, published, *cells))
                with_lines.add(row)
    left_out = {
        label: results.record.missing.get(row, "")
        for row, label in lines
        if row not in with_lines and row not in CONTROLS
    }
    impossible = [
        f"{SPLIT_TITLES[kind]} is left out: {results.record.missing[kind]}."
        for kind in results.paper.splits
        if kind in results.record.missing
    ]
    columns = (
        "Split",
        "Network",
        "Metric",
        Column("Published", "spread"),
        Column("Measured", "spread"),
        Column("95 % interval", "range"),
        "State",
    )
    notes = (*_intervals(methods), *not_trained(left_out), *impossible)
    return framed(results, table, columns, rows, notes=notes)


def masks_table(results: Results, table: spec.Table) -> Table:
    """Returns the accuracy with nothing blanked, then with each part of the pictures blanked."""
    under = {mask: results.masked(mask) for mask in ("", *spec.MASKS)}
    rows, methods, left_out = [], {}, {}
    for row, label in table_lines(results, table.rows):
        if row not in CONTROLS and not any(shown and shown.predictions[row] for shown in under.values()):
            left_out[label] = results.record.missing.get(row, "")
            continue
        unmasked = None
        for mask, shown in under.items():
            if shown is None or not shown.predictions[row]:
                lacking = f"not run; add --mask {mask}" if mask else "not run without --mask"
                cells: tuple[Cell, ...] = (None, None, f"not measured: {lacking}")
            else:
                cells = _cells(shown, row, _ACCURACY, methods)
            measured, interval, state = cells
            unmasked = unmasked or (None if mask else measured)
            change = measured[0] - unmasked[0] if mask and measured and unmasked else None
            rows.append((label, mask or "nothing", _ACCURACY.title, measured, interval, change, state))
    columns = (
        "Network",
        "Blanked",
        "Metric",
        Column("Measured", "spread"),
        Column("95 % interval", "range"),
        Column("Change by blanking (points)", "change"),
        "State",
    )
    notes = (
        *_intervals(methods),
        *not_trained(left_out),
        "Trained and tested with that part of every picture black. Border: a frame along its edges; cells: "
        "what stands out by its stain; background: all but the cells.",
        "The outline of what is blanked stays visible: with the cells blanked, their number, size and shape "
        "can still be seen, and so they can with the background blanked.",
    )
    return framed(results, table, columns, rows, notes=notes)


def _cells(
    results: Results, row: str, metric: MeanMetric, methods: dict[str, None]
) -> tuple[Spread | None, tuple[float, float] | None, str]:
    """Returns the measured mean and sd, its interval and the state; notes how the interval came about."""
    found = measured_under(results, row, metric.name)
    if found is None:
        return None, None, f"not measured: {results.why_missing(row, 'test')}"
    methods[found.interval.describe()] = None
    return metric.in_unit(found.spread), metric.bounds(found.interval), "measured"


def _intervals(methods: dict[str, None]) -> list[str]:
    if not methods:
        return []
    return [
        "Mean and sd (n - 1) over runs, in k-fold over folds. Intervals, as the split has them: "
        f"{'; '.join(methods)}."
    ]
