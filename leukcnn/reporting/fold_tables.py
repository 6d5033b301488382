"""Tables of cross-validation: means over folds, what two rows' difference means, and the datasets used."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from leukcnn import spec
from leukcnn.datasets import CATALOG, card
from leukcnn.evaluation.comparisons import corrected_resampled_t_test, paired_t_test, unpaired_t_test
from leukcnn.evaluation.controls import CONTROLS
from leukcnn.evaluation.metrics import kappa_word
from leukcnn.evaluation.statistics import Interval, fold_interval
from leukcnn.reporting.comparison import verdict
from leukcnn.reporting.results import Results, framed
from leukcnn.reporting.tables import Cell, Column, Table


class _Metric(NamedTuple):
    """How a metric is shown: title, the published figure beside it, its unit and limits there."""

    name: str
    title: str
    printed: str
    factor: int
    limits: tuple[float, float]


_METRICS = (
    _Metric("accuracy", "Accuracy (%)", "accuracy", 100, (0, 100)),
    _Metric("loss", "Loss", "loss", 1, (0, math.inf)),
    _Metric("weighted_precision", "Precision, weighted (%)", "precision", 100, (0, 100)),
    _Metric("macro_precision", "Precision, macro (%)", "precision", 100, (0, 100)),
    _Metric("weighted_recall", "Recall, weighted (%)", "recall", 100, (0, 100)),
    _Metric("macro_recall", "Recall, macro (%)", "recall", 100, (0, 100)),
    _Metric("kappa", "Kappa", "kappa", 1, (-1, 1)),
)
_SIZES = (
    ("network", "File, network alone (MiB)"),
    ("network and optimizer", "File, network and optimizer (MiB)"),
)
# What is shown of a control; more would hide the networks among them.
_CONTROL_METRICS = ("accuracy", "macro_recall", "kappa")
_SIGNIFICANCE = 0.05


def folds_table(results: Results, table: spec.Table) -> Table:
    """Returns mean and sd over the folds of each metric, and the networks' sizes, beside the published."""
    rows, methods = [], {}
    for row, label in results.lines(table.rows):
        for metric in _METRICS:
            if row in CONTROLS and metric.name not in _CONTROL_METRICS:
                continue
            values = results.by_fold[row].get(metric.name, [])
            interval = _interval(results, values)
            printed = table.printed(row, metric.printed)
            rows.append((label, *_compared(results, row, metric, printed, values, interval)))
            if interval:
                methods[f"{interval.describe()}."] = None
        if row not in CONTROLS:
            rows += [(label, *cells) for cells in _size_rows(results, table, row)]
    columns = (
        "Network",
        "Metric",
        Column("Published", "quantity"),
        Column("Published sd", "quantity"),
        Column("Measured", "quantity"),
        Column("Measured sd", "quantity"),
        Column("95 % interval", "range"),
        Column("Difference", "quantity"),
        "Verdict",
    )
    notes = [
        *methods,
        "Mean and sd (n - 1) over the folds. The paper doesn't say how it averages precision and recall over "
        "the classes: the printed figure stands beside both ways.",
        "Kappa in words: Landis and Koch (1977); in brackets the word that the paper has for it.",
    ]
    if results.record.identical_pairs:
        notes.append(
            f"{results.record.identical_pairs} pairs of byte-identical pictures have one in a test fold and "
            "one in what was learnt from."
        )
    return framed(results, table, columns, rows, notes=tuple(notes))


def _interval(results: Results, values: Sequence[float]) -> Interval | None:
    if len(values) < 2 or results.n_folds < 2:
        return None
    return fold_interval(values, test_share=1 / (results.n_folds - 1))


def _compared(
    results: Results,
    row: str,
    metric: _Metric,
    printed: spec.Published | None,
    values: Sequence[float],
    interval: Interval | None,
) -> tuple[Cell, ...]:
    factor = metric.factor
    mean = float(np.mean(values)) if values else None
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    reason = results.record.main_reason
    said = verdict(
        printed and printed.value / factor,
        mean,
        interval,
        not_comparable=reason,
        not_measured=results.why_missing(row, "test"),
    )
    if metric.name == "kappa" and values:
        said += f"; {kappa_word(mean)} ({kappa_word(mean, scale='alertnet')})"
    comparable = printed is not None and mean is not None and not reason
    return (
        metric.title,
        printed and printed.value,
        printed and printed.sd,
        None if mean is None else factor * mean,
        None if sd is None else factor * sd,
        # An interval by Student's t may pass what a metric can be.
        tuple(np.clip((factor * interval.low, factor * interval.high), *metric.limits).tolist())
        if interval and interval.defined
        else None,
        factor * mean - printed.value if comparable else None,
        said,
    )


def _size_rows(results: Results, table: spec.Table, row: str) -> list[tuple[Cell, ...]]:
    """Returns parameters and file sizes, which are the same in every fold."""
    trials = results.trials[row]
    result = trials[0][2].result if trials else None
    reason = results.record.main_reason
    sizes = [("parameters", "Parameters", result and result["parameters"])]
    sizes += [("file_mb", title, result and result["file_bytes"][key] / 2**20) for key, title in _SIZES]
    rows = []
    for metric, title, value in sizes:
        printed = table.printed(row, metric)
        number = printed and (int(printed.value) if metric == "parameters" else float(printed.value))
        difference = None if None in (number, value) else value - number
        if value is None:
            said = f"not measured: {results.why_missing(row, 'test')}"
        elif number is None:
            said = "not published"
        elif round(difference) == 0:
            said = "equal"
        else:
            said = f"not comparable: {reason}" if reason else "differs"
            difference = None if reason else difference
        rows.append((title, number, None, value, None, None, difference, said))
    return rows


def t_test_table(results: Results, table: spec.Table) -> Table:
    """Returns what Student's t-test and the corrected one say of two rows' accuracy over the folds."""
    first, second = table.rows
    pair = [results.by_fold[row].get("accuracy", []) for row in table.rows]
    labels = " - ".join(results.paper.row(row).label for row in table.rows)
    columns = (
        "Test",
        "Rows",
        Column("Mean difference", "points"),
        Column("t", "quantity"),
        Column("Degrees of freedom", "integer"),
        Column("p", "quantity"),
        f"At {100 * _SIGNIFICANCE:g} %",
        "Published",
    )
    published = " ".join(str(cell) for cell in table.reference[0])
    if min(map(len, pair)) < 2:
        reason = results.why_missing(first, "test") or results.why_missing(second, "test") or "one fold only"
        return framed(
            results, table, columns, [("all", labels, *[None] * 4, f"not measured: {reason}", published)]
        )
    tests = (
        paired_t_test(*pair),
        unpaired_t_test(*pair),
        corrected_resampled_t_test(*pair, test_share=1 / (results.n_folds - 1)),
    )
    rows = [
        (
            test.method,
            labels,
            test.mean_difference,
            float(test.statistic),
            test.degrees_of_freedom,
            float(test.p_value),
            "different" if test.p_value < _SIGNIFICANCE else "no difference shown",
            published,
        )
        for test in tests
    ]
    notes = (
        "The folds' training sets overlap, so that Student's test takes differences for real too often; the "
        "corrected test (Nadeau and Bengio, 2003) allows for it. No difference shown doesn't prove equality.",
    )
    return framed(results, table, columns, rows, notes=notes)


def datasets_table(results: Results, table: spec.Table) -> Table:
    """Returns what each dataset holds by the catalogue, checked against the print, and what is here."""
    classes, here = results.paper.classes, results.record.datasets
    rows, sums = [], np.zeros(len(classes) + 2 + len(classes), dtype=int)
    for key, *printed in table.reference:
        catalogued = _catalogued(results.paper, key)
        found = [here.get(key, {}).get(name, 0) for name in classes]
        agrees = "yes" if catalogued == list(printed) else f"no, printed {' / '.join(map(str, printed))}"
        rows.append((card(key).name, *catalogued, *found, agrees, card(key).availability))
        sums += [*catalogued, *found]
    rows.append(("Total", *sums.tolist(), "", ""))
    for key in here:
        if key not in results.paper.datasets:
            found = [here[key].get(name, 0) for name in classes]
            rows.append((card(key).name, *[None] * (len(classes) + 2), *found, "not in the paper", ""))
    columns = (
        "Dataset",
        *(Column(name, "integer") for name in (*classes, "Other", "Total")),
        *(Column(f"{name} here", "integer") for name in classes),
        "As printed",
        "Availability",
    )
    used, every = int(sums[: len(classes)].sum()), int(sums[len(classes) + 1])
    notes = (
        f"{used:,} pictures of {', '.join(classes)} are used, {every:,} are there in all.",
        "Counts by the catalogue (`leukcnn datasets`); 'here': found in the data of this run.",
    )
    return framed(results, table, columns, rows, notes=notes, measured=False)


def _catalogued(paper: spec.Paper, key: str) -> list[int]:
    """Returns a dataset's published pictures by class of the paper, then of other classes, then of all."""
    pictures = CATALOG[key].parts[0].pictures
    of_class = dict.fromkeys(paper.classes, 0)
    for name, count in pictures.items():
        if name in paper.class_of:
            of_class[paper.class_of[name]] += count
    used = list(of_class.values())
    return [*used, sum(pictures.values()) - sum(used), sum(pictures.values())]
