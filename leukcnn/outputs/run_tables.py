"""Tables of mean and standard deviation over runs, by tested dataset, under one split and beside another."""

from collections.abc import Mapping, Sequence

from leukcnn import spec
from leukcnn.datasets import card
from leukcnn.evaluation.controls import CONTROLS
from leukcnn.outputs.titles import SPLIT_TITLES, dataset_title, framed, table_lines, why_no_runs
from leukcnn.rendering.tables import Cell, Column, Table
from leukcnn.results.comparison import KAPPA, MEAN_COLUMNS, MeanMetric, mean_and_sd, mean_cells, not_trained
from leukcnn.results.results import Results
from leukcnn.results.run_figures import interval_of_runs

_METRICS = (
    MeanMetric.percent("accuracy", "Accuracy"),
    MeanMetric.percent("precision", "Precision"),
    MeanMetric.percent("sensitivity", "Recall"),
    MeanMetric.percent("specificity", "Specificity"),
    MeanMetric.percent("f1", "F1-score"),
    KAPPA,
    MeanMetric.percent("macro_precision", "Precision, macro"),
    MeanMetric.percent("macro_recall", "Recall, macro"),
    MeanMetric.percent("macro_f1", "F1-score, macro"),
)
# What is shown of a control; more would hide the networks among them.
_CONTROL_METRICS = ("accuracy", "macro_f1")
# Half a unit of a percentage without decimals, as a fraction.
_WHOLE_PERCENT = 0.005
_UP_TO_MEASURED = 1 + [column.title for column in MEAN_COLUMNS].index("Measured")
_PARTS = {"test": "left out", "within": "within"}
_STRICT = ("lodocv_strict", "lodocv_single_class")


def runs_table(results: Results, table: spec.Table) -> Table:
    """Returns mean and sd over runs of each row on each tested dataset, published beside measured.

    Where the table names a split to stand beside, its mean and sd follow, and what it changes. Beside macro
    averages over the classes stand the weighted ones.
    """
    shown, beside = results.under(table.split), results.under(table.beside) if table.beside else None
    wanted = table.rows or tuple(dict.fromkeys(printed.row for printed in table.published))
    parts = tuple(dict.fromkeys(printed.part for printed in table.published)) or ("test",)
    datasets = _datasets(shown, table)
    rows, with_lines = [], set()
    for dataset in datasets:
        for part in parts:
            for row, label in table_lines(shown, wanted):
                if row in CONTROLS and part != "test":
                    continue
                leading = (dataset_title(shown, dataset), *([_PARTS[part]] if len(parts) > 1 else []), label)
                for cells in _lines(shown, beside, table, row, dataset=dataset, part=part):
                    rows.append((*leading, *cells))
                    with_lines.add(row)
    columns = ["Dataset", *(["Test"] if len(parts) > 1 else []), "Network", *MEAN_COLUMNS[:_UP_TO_MEASURED]]
    columns += [Column("Weighted", "spread")] if _with_macro(table) else []
    columns += MEAN_COLUMNS[_UP_TO_MEASURED:]
    if beside:
        columns += _beside_columns(SPLIT_TITLES[beside.split_kind], SPLIT_TITLES[shown.split_kind])
    left_out = {
        label: results.record.missing.get(row, "")
        for row, label in table_lines(shown, wanted)
        if row not in with_lines and row not in CONTROLS and not _trained(row, shown, beside)
    }
    notes = [*not_trained(left_out), *_notes(shown, beside, table, datasets=datasets)]
    if "within" in parts:
        notes.append("Test 'within': the dataset that is left out is cross-validated in itself.")
    return framed(results, table, columns, rows, notes=tuple(notes))


def _datasets(results: Results, table: spec.Table) -> tuple[str, ...]:
    """Returns the keys of the datasets that are shown: those with printed figures, then others tested.

    A table that prints figures of one dataset alone is about that one.
    """
    printed = tuple(dict.fromkeys(figure.dataset for figure in table.published))
    if len(printed) == 1:
        return printed
    return tuple(dict.fromkeys((*printed, *results.tested))) or ("",)


def _lines(
    shown: Results, beside: Results | None, table: spec.Table, row: str, *, dataset: str, part: str
) -> list[tuple[Cell, ...]]:
    """Returns a line a metric that is printed or measured, from its title on."""
    where = {"dataset": dataset, "part": part}
    scores = shown.run_scores(row, **where)
    other_scores = beside.run_scores(row, **where) if beside else {}
    lines = []
    for metric in _shown_metrics(table, row):
        values, other_values = scores.get(metric.name, []), other_scores.get(metric.name, [])
        printed = table.printed(row, metric.printed, **where)
        if printed is None and not values and not other_values:
            continue
        cells = mean_cells(
            metric,
            printed,
            values,
            interval_of_runs(metric.name, shown, row, values, **where) if values else None,
            marked=bool(shown.record.not_comparable),
            not_measured="" if values else why_no_runs(shown, row, **where),
            rounding=_WHOLE_PERCENT if _in_whole_percent(table) else 0.0,
        )
        if _with_macro(table):
            cells = (*cells[:_UP_TO_MEASURED], _weighted(metric, scores), *cells[_UP_TO_MEASURED:])
        if beside:
            cells += _beside_cells(metric, values, other_values)
        lines.append(cells)
    return lines


def _shown_metrics(table: spec.Table, row: str) -> list[MeanMetric]:
    wanted = set(_wanted_metrics(table))
    if row in CONTROLS:
        wanted = {"accuracy", *wanted.intersection(_CONTROL_METRICS)}
    return [metric for metric in _METRICS if metric.name in wanted]


def _wanted_metrics(table: spec.Table) -> tuple[str, ...]:
    return table.metrics or tuple(printed.metric for printed in table.published)


def _is_macro(metric: str) -> bool:
    return metric.startswith("macro_")


def _weighted(metric: MeanMetric, scores: Mapping[str, Sequence[float]]) -> Cell:
    """Returns mean and sd of the weighted average that stands beside a macro one; None beside others."""
    if not _is_macro(metric.name):
        return None
    return metric.in_unit(mean_and_sd(scores.get(metric.name.replace("macro", "weighted"), [])))


def _with_macro(table: spec.Table) -> bool:
    return any(map(_is_macro, _wanted_metrics(table)))


def _in_whole_percent(table: spec.Table) -> bool:
    """Whether the paper prints no decimals: all its figures are integers, 96 and not 96.0."""
    return bool(table.published) and all(isinstance(printed.value, int) for printed in table.published)


def _trained(row: str, *under: Results | None) -> bool:
    return any(results and results.predictions[row] for results in under)


def _beside_columns(beside: str, shown: str) -> tuple[Column, ...]:
    """Returns the columns of `_beside_cells`; of "strict LODOCV" and "LODOCV" "Strict less LODOCV"."""
    difference = f"{beside.removesuffix(shown).rstrip()} less {shown}"
    return tuple(
        Column(title[0].upper() + title[1:], format)
        for title, format in ((beside, "spread"), (difference, "change"))
    )


def _beside_cells(
    metric: MeanMetric, values: Sequence[float], other_values: Sequence[float]
) -> tuple[Cell, ...]:
    """Returns mean and sd under the other split, and that mean less the one under the split shown."""
    spread, other = (metric.in_unit(mean_and_sd(figures)) for figures in (values, other_values))
    return other, None if None in (spread, other) else other[0] - spread[0]


def _notes(
    shown: Results, beside: Results | None, table: spec.Table, *, datasets: Sequence[str]
) -> list[str]:
    notes = [_on_runs(shown, table)]
    here = {planned.split for planned in shown.record.trials}
    if beside and here and beside.split_kind not in here:
        notes.append(f"Nothing was run under {SPLIT_TITLES[beside.split_kind]} here (--split).")
    for results in (shown, beside):
        if results and results.split_kind in _STRICT:
            notes += _removed(results, datasets)
    if shown.record.identical_pairs:
        notes.append(
            f"{shown.record.identical_pairs} pairs of byte-identical pictures have one in a test set and one "
            "in what was learnt from."
        )
    return [*notes, *_on_figures(shown, table)]


def _on_runs(shown: Results, table: spec.Table) -> str:
    """Says what mean, sd and interval rest on."""
    runs, printed = shown.record.runs, shown.paper.runs
    if runs > 1:
        varies = "; a published mean varies less" if printed > 1 else ""
        return (
            f"Mean and sd (n - 1) over {runs} runs with other seeds, {printed} in the paper. 95 % interval: "
            f"where one more run would lie (Student's t prediction){varies}."
        )
    of_folds = f" of {shown.n_folds} folds, whose pictures count together" if shown.tasks else ""
    published = f"; the paper has {printed} runs" if printed > 1 else ""
    one_run = f"One run{of_folds}, so there is no sd{published}. 95 % interval: "
    others = "kappa, F1-scores and averages over classes" if _with_macro(table) else "kappa and F1-scores"
    over_pictures = f"Wilson's over the run's pictures, of {others} the percentile bootstrap's."
    if shown.split_kind not in spec.GROUPED_KINDS:
        return one_run + over_pictures
    over_groups = "the percentile bootstrap's over groups of pictures; where not every picture's is known, "
    return one_run + over_groups + over_pictures


def _on_figures(shown: Results, table: spec.Table) -> list[str]:
    """Says what averages, printed figures and controls stand for."""
    notes = []
    if _with_macro(table):
        notes.append(
            "Macro: the mean over the classes, each counting alike. Weighted: each counts by its pictures, "
            "and so the weighted recall is always the accuracy."
        )
    if any(_is_macro(printed.metric) for printed in table.published):
        notes.append("Which of the two averages the paper prints isn't said.")
    if _in_whole_percent(table):
        notes.append(
            "Printed figures have no decimals: 'within' says that some figure that rounds to the printed one "
            "lies in the interval."
        )
    setups = [shown.setup(row) for row in shown.paper.row_ids]
    if any(setup.preprocessing.threshold != "none" for setup in setups):
        notes.append("Controls see whole pictures; networks see what thresholding leaves of them.")
    return notes


def _removed(results: Results, datasets: Sequence[str]) -> list[str]:
    """Says which datasets strict LODOCV keeps out of what is learnt from, where it tests any."""
    removed = []
    for dataset in [dataset for dataset in datasets if dataset in results.tested]:
        relatives = ", ".join(card(other).name for other in results.record.related.get(dataset, ()))
        removed.append(f"for {card(dataset).name}: {relatives or 'none'}")
    if not removed:
        return []
    return [
        "Strict LODOCV does not learn from datasets that share pictures or cells with the tested one, "
        f"{'; '.join(removed)}."
    ]
