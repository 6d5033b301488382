"""Tables of cross-validation: means over folds, and how large the networks are."""

import math
from collections.abc import Sequence

import numpy as np

from leukcnn import spec
from leukcnn.evaluation.controls import CONTROLS
from leukcnn.outputs.titles import framed, table_lines
from leukcnn.rendering.tables import Cell, Table
from leukcnn.results.comparison import KAPPA, MEAN_COLUMNS, MeanMetric, mean_cells, not_trained
from leukcnn.results.intervals import Interval, fold_interval
from leukcnn.results.metrics import kappa_word
from leukcnn.results.results import Results

_METRICS = (
    MeanMetric.percent("accuracy", "Accuracy"),
    MeanMetric("loss", "Loss", "loss", 1, (0, math.inf)),
    MeanMetric.percent("weighted_precision", "Precision, weighted", printed="precision"),
    MeanMetric.percent("macro_precision", "Precision, macro", printed="precision"),
    MeanMetric.percent("weighted_recall", "Recall, weighted", printed="recall"),
    MeanMetric.percent("macro_recall", "Recall, macro", printed="recall"),
    KAPPA,
)
_SIZES = (
    ("network", "File, network alone (MiB)"),
    ("network and optimizer", "File, network and optimizer (MiB)"),
)
# What is shown of a control; more would hide the networks among them.
_CONTROL_METRICS = ("accuracy", "macro_recall", "kappa")


def folds_table(results: Results, table: spec.Table) -> Table:
    """Returns mean and sd over the folds of each metric, and the networks' sizes, beside the published."""
    rows, methods, left_out = [], {}, {}
    for row, label in table_lines(results, table.rows):
        n_before = len(rows)
        for metric in _METRICS:
            if row in CONTROLS and metric.name not in _CONTROL_METRICS:
                continue
            values = results.by_fold[row].get(metric.name, [])
            printed = table.printed(row, metric.printed)
            if printed is None and not values:
                continue
            interval = _interval(results, values)
            cells = mean_cells(
                metric,
                printed,
                values,
                interval,
                marked=bool(results.record.not_comparable),
                not_measured=results.why_missing(row, "test"),
            )
            words = _in_words(values) if metric is KAPPA and values else ""
            rows.append((label, *cells[:-1], cells[-1] + words))
            if interval:
                methods[f"{interval.describe()}."] = None
        if row not in CONTROLS:
            rows += [(label, *cells) for cells in _size_rows(results, table, row)]
            if len(rows) == n_before:
                left_out[label] = results.record.missing.get(row, "")
    notes = [
        *methods,
        *not_trained(left_out),
        "Mean and sd (n - 1) over the folds. The paper doesn't say how it averages precision and recall over "
        "the classes: the printed figure stands beside both ways.",
        "Kappa in words: Landis and Koch (1977); in brackets the word that the paper has for it.",
    ]
    if results.record.identical_pairs:
        notes.append(
            f"{results.record.identical_pairs} pairs of byte-identical pictures have one in a test fold and "
            "one in what was learnt from."
        )
    return framed(results, table, ("Network", *MEAN_COLUMNS), rows, notes=tuple(notes))


def _interval(results: Results, values: Sequence[float]) -> Interval | None:
    if len(values) < 2 or results.n_folds < 2:
        return None
    return fold_interval(values, test_share=1 / (results.n_folds - 1))


def _in_words(values: Sequence[float]) -> str:
    mean = float(np.mean(values))
    return f"; {kappa_word(mean)} ({kappa_word(mean, scale='alertnet')})"


def _size_rows(results: Results, table: spec.Table, row: str) -> list[tuple[Cell, ...]]:
    """Returns parameters and file sizes, which are the same in every fold."""
    trials = results.trials[row]
    result = trials[0][2].result if trials else None
    marked = bool(results.record.not_comparable)
    sizes = [("parameters", "Parameters", result and result["parameters"])]
    sizes += [("file_mb", title, result and result["file_bytes"][key] / 2**20) for key, title in _SIZES]
    rows = []
    for metric, title, value in sizes:
        printed = table.printed(row, metric)
        if printed is None and value is None:
            continue
        number = printed and (int(printed.value) if metric == "parameters" else float(printed.value))
        difference = None if None in (number, value) else value - number
        if value is None:
            said = f"not measured: {results.why_missing(row, 'test')}"
        elif number is None:
            said = "not published"
        elif round(difference) == 0:
            said = "equal"
        else:
            said = "not comparable" if marked else "differs"
            difference = None if marked else difference
        shown = [None if figure is None else (figure, None) for figure in (number, value)]
        rows.append((title, *shown, None, difference, said))
    return rows
