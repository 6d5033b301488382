"""Tables of two classes, positive and negative, and tables that stand as they are printed."""

from leukcnn import spec
from leukcnn.evaluation.controls import CONTROLS
from leukcnn.outputs.titles import framed, table_lines
from leukcnn.rendering.tables import Cell, Column, Table
from leukcnn.results.comparison import METRIC_TITLES, comparison_columns, comparison_rows
from leukcnn.results.groups import GroupAccuracy, accuracy_per_group
from leukcnn.results.intervals import wilson_interval
from leukcnn.results.metrics import BINARY_METRICS, binary_scores
from leukcnn.results.results import Results

# What is shown of a control; more would hide the networks among them.
CONTROL_METRICS = ("accuracy", "f1")


def counts_table(results: Results, table: spec.Table) -> Table:
    """Returns the pictures of each set before and after augmentation, published beside those here."""
    positive = results.paper.positive_class
    names = [positive, *(set(results.paper.classes) - {positive})]
    rows = []
    for part, printed in zip(("train", "validation", "test"), table.reference, strict=True):
        cells: list[Cell] = [printed[0]]
        for i, (stage, name) in enumerate((s, n) for s in ("before", "after") for n in names):
            cells += [printed[1 + i], results.record.counts[part].get(stage, {}).get(name)]
        rows.append(tuple(cells))
    columns = ["Set"]
    for heading in table.columns[1:]:
        columns += [Column(f"{heading}, published", "integer"), Column(f"{heading}, here", "integer")]
    notes = (f"Split by {results.record.split}; augmentation tops both classes up, the originals stay.",)
    return framed(results, table, columns, rows, notes=notes)


_TEST_SETS = {"test": "full", "balanced": "balanced"}


def scores_table(results: Results, table: spec.Table) -> Table:
    """Returns the figures on the full and the balanced test set, published beside measured."""
    rows, methods = [], {}
    for row, label in table_lines(results):
        metrics = CONTROL_METRICS if row in CONTROLS else BINARY_METRICS
        for part, shown in _TEST_SETS.items():
            scores = results.scores(row, part)
            printed = {name: table.printed(row, name) for name in metrics}
            n = len(results.part(row, part)[0]) if scores else None
            rows += comparison_rows(
                {name: figure and figure.value / 100 for name, figure in printed.items()},
                scores.values if scores else None,
                scores.intervals if scores else {},
                leading=(label, shown, n),
                not_comparable=results.record.main_reason,
                not_measured=results.why_missing(row, part),
            )
            if scores:
                methods[f"Intervals: {scores.method}."] = None
    columns = comparison_columns("Network", "Test set", Column("Cells", "integer"))
    notes = [*methods, "Balanced: so many cells of the larger class are left out, drawn by the seed."]
    if results.record.identical_pairs:
        notes.append(
            f"{results.record.identical_pairs} pairs of byte-identical cells have one cell in the test set "
            "and one in the training or validation set."
        )
    return framed(results, table, columns, rows, notes=tuple(notes))


def confusion_table(results: Results, table: spec.Table) -> Table:
    """Returns the counts of hits and misses on every set and in every run."""
    rows = []
    for row, label in table_lines(results):
        for part in ("test", "balanced", "external"):
            for number, predictions in enumerate(results.part(row, part), start=1):
                s = binary_scores(predictions.label, predictions.predicted, positive=results.positive)
                rows.append((label, part, number, s.tp, s.fn, s.fp, s.tn))
    titles = ("Run", "True positives", "False negatives", "False positives", "True negatives")
    columns = ["Network", "Set", *(Column(title, "integer") for title in titles)]
    return framed(results, table, columns, rows, notes=(f"Positive: {results.paper.positive_class}.",))


def external_table(results: Results, table: spec.Table) -> Table:
    """Returns the test set's figures beside those on subjects that no network knew."""
    rows, methods = [], {}
    for row, label in table_lines(results):
        full, balanced = results.scores(row, "test"), results.scores(row, "balanced")
        outside = results.scores(row, "external")
        reason = results.why_missing(row, "external")
        if reason:
            rows.append((label, "all", *[None] * 6, f"not measured: {reason}"))
            continue
        for name in CONTROL_METRICS if row in CONTROLS else BINARY_METRICS:
            interval, value = outside.intervals[name], outside.values[name]
            rows.append(
                (
                    label,
                    METRIC_TITLES[name],
                    full.values[name],
                    balanced.values[name],
                    value,
                    (interval.low, interval.high) if interval.defined else None,
                    value - full.values[name],
                    value - balanced.values[name],
                    "measured",
                )
            )
        methods[f"Intervals: {outside.method}."] = None
    columns = [
        "Network",
        "Metric",
        Column("Full test set", "percent"),
        Column("Balanced test set", "percent"),
        Column("Other subjects", "percent"),
        Column("95 % interval", "interval"),
        Column("Less full (points)", "points"),
        Column("Less balanced (points)", "points"),
        "State",
    ]
    return framed(results, table, columns, rows, notes=(_SUBJECTS_TESTED[results.record.split], *methods))


# What the difference to other subjects means under each split.
_SUBJECTS_TESTED = {
    "cell": "The test set shares its subjects with the training set, as published; the preliminary phase has "
    "none of them. What is lost from one to the other is what a split by cell hides.",
    "subject": "Neither the test set nor the preliminary phase shares a subject with the training set.",
    "fold": "The test folds are the challenge's own, by subject but for identical cells; the preliminary "
    "phase has other subjects again, and the first fold's networks predict it.",
}


def subjects_table(results: Results, table: spec.Table) -> Table:
    """Returns the accuracy on each subject's pictures."""
    by_subject: dict[tuple[str, str], dict[str, GroupAccuracy]] = {}
    for row, _ in table_lines(results):
        for part in ("test", "external"):
            for predictions in results.part(row, part)[:1]:
                for group in accuracy_per_group(predictions.label, predictions.predicted, predictions.group):
                    by_subject.setdefault((part, group.group), {})[row] = group
    rows = []
    for (part, subject), figures in by_subject.items():
        cells: list[Cell] = [part, subject or "unknown", next(iter(figures.values())).n]
        for row, _ in table_lines(results):
            group = figures.get(row)
            interval = wilson_interval(group.correct, group.n) if group else None
            cells += [group and group.accuracy, interval and (interval.low, interval.high)]
        rows.append(tuple(cells))
    columns = ["Set", "Subject", Column("Cells", "integer")]
    for _, label in table_lines(results):
        columns += [Column(label, "percent"), Column(f"{label}, 95 % interval", "interval")]
    notes = ["Intervals: Wilson, over each subject's cells."]
    if results.record.runs > 1:
        notes.append("Of the first run.")
    return framed(results, table, columns, rows, notes=tuple(notes))


def leaderboard_table(results: Results, table: spec.Table) -> Table:
    """Returns the published scores of the challenge's own leaderboard."""
    rows = []
    for printed in table.published:
        final = results.part(printed.row, "final")
        reason = results.why_missing(printed.row, "final") or "the final phase's labels are not public"
        state = f"not measured: {reason}"
        if final and len(final[0]) == results.record.final_total:
            state += f"; challenge/{printed.row}.zip holds the predictions"
            state += "" if results.record.not_comparable else " for the leaderboard"
        rows.append((results.paper.row(printed.row).label, printed.value / 100, state))
    columns = ["Network", Column("Published weighted F1-score", "percent"), "Measured"]
    return framed(results, table, columns, rows)


def reference_table(results: Results, table: spec.Table) -> Table:
    """Returns a table as printed, with the measured figure beside it where a row of it is measured."""
    columns = [
        Column(title, "number") if isinstance(table.reference[0][i], float) else Column(title)
        for i, title in enumerate(table.columns)
    ]
    rows = [tuple(str(cell) if isinstance(cell, int) else cell for cell in row) for row in table.reference]
    if not table.measured:
        notes = ("As printed in the paper; nothing in it is measured here.",)
        return framed(results, table, columns, rows, notes=notes, measured=False)
    shown, measured = results.under(table.split), {}
    for first, row, metric in table.measured:
        value = shown.measured(row, metric)
        measured[first] = None if value is None else 100 * value
    rows = [(*row, measured.get(row[0])) for row in rows]
    columns.append(Column(f"Measured here (%), {shown.measured_how}", "quantity"))
    return framed(results, table, columns, rows, notes=("The other rows are as printed in the paper.",))
