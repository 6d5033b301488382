"""What the report shows of each network: intervals next to controls, curves, confusion and training."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from leukcnn.evaluation.controls import CONTROLS, control_label
from leukcnn.html_report import charts
from leukcnn.html_report.curves import Bin, Curve, curves_of, reliability
from leukcnn.outputs.titles import dataset_title, tested_title
from leukcnn.rendering.formats import Cell
from leukcnn.rendering.tables import Column, Table
from leukcnn.results.comparisons import best_control
from leukcnn.results.measure import measure, unit_of
from leukcnn.results.metrics import confusion_matrix
from leukcnn.results.results import Results
from leukcnn.trial_files import Predictions

MOST_PANELS = 24
"""Largest number of networks and datasets that are shown one by one."""

_MOST_CHARTS, _MOST_TRAININGS = 12, 60
_MOST_CLASS_CURVES = 5
_AGAINST = (
    *("Classifier", "Kind", Column("Accuracy", "percent"), Column("95 % interval", "interval")),
    *(Column("Images", "integer"), "Against the best control"),
)
_BINS = (
    *("Highest probability", Column("Images", "integer"), Column("Mean probability", "percent")),
    *(Column("Fraction right", "percent"), Column("95 % interval", "interval")),
)


class Against(NamedTuple):
    """Networks against controls on the same images: the chart and its table."""

    chart: charts.Chart
    table: Table


class Matrix(NamedTuple):
    """A confusion matrix: class names, counts (K, K), and fractions of the true class, NaN if it is empty."""

    names: Sequence[str]
    counts: list[list[int]]
    fractions: list[list[float]]


@dataclass(frozen=True)
class Panel:
    """One network on the images that are tested together.

    Attributes:
        row: Id of the row.
        title: Its label, with the tested dataset if there are several.
        n: Number of tested images.
        matrix: Its confusion matrix, of the first run.
        curves: ROC and precision-recall curve, and the reliability diagram.
        bins: The bins of the reliability diagram, as a table.
        history: Charts of its trainings.
        left_out: Number of trainings that aren't shown.
        mistakes: What was kept of its mistakes; None if nothing was.
        id: Id of its element.
    """

    row: str
    title: str
    n: int
    matrix: Matrix
    curves: list[charts.Chart]
    bins: Table
    history: list[charts.Chart] = field(default_factory=list)
    left_out: int = 0
    mistakes: Any = None
    id: str = ""


def against_controls(results: Results) -> Iterator[Against]:
    """Yields the accuracy of networks and controls with intervals, for each tested dataset."""
    for dataset in (results.tested or ("",))[:_MOST_CHARTS]:
        rows: list[tuple[Cell, ...]] = []
        estimates = []
        for name, label, kind in _everyone(results):
            found = measure(results, name, "accuracy", dataset=dataset)
            if found is None:
                continue
            value, interval = found.spread[0], found.interval
            bounds = (interval.low, interval.high) if interval.defined else (math.nan, math.nan)
            style = 1 if kind == "control" else 0
            estimates.append(charts.Estimate(label, value, *bounds, style))
            against = None if style else best_control(results, name, dataset=dataset)
            words = against[1].words(CONTROLS[against[0]].sees) if against else None
            rows.append((label, kind, value, bounds if interval.defined else None, found.n, words))
        if not estimates:
            continue
        where = f" on {dataset_title(results, dataset)}" if dataset else ""
        title = f"Accuracy of networks and controls{where}"
        mark = max((one.value for one in estimates if one.style), default=math.nan)
        words = _in_words(estimates)
        chart = charts.dots("With 95 % intervals", words, estimates, unit="Accuracy", mark=mark)
        yield Against(chart, Table("against", title, _AGAINST, rows))


def _everyone(results: Results) -> Iterator[tuple[str, str, str]]:
    yield from ((row.id, row.label, "network") for row in results.paper.rows)
    yield from ((name, control_label(name), "control") for name in results.paper.controls)


def _in_words(estimates: Sequence[charts.Estimate]) -> str:
    kinds = ("network", "control")
    parts = [f"{kinds[one.style]} {one.name} {100 * one.value:.1f} %" for one in estimates]
    return f"Dots with 95 % intervals: {'; '.join(parts)}."


def panels(results: Results) -> tuple[list[Panel], list[str]]:
    """Returns what each trained network shows, and the titles of those that are too many."""
    found: list[Panel] = []
    others: list[str] = []
    for row in results.paper.row_ids:
        for dataset in results.tasks or ("",):
            for predictions in results.runs(row, dataset=dataset)[:1]:
                title = tested_title(results, row, dataset)
                if len(found) < MOST_PANELS:
                    found.append(_panel(results, row, dataset, predictions, title, f"network{len(found)}"))
                else:
                    others.append(title)
    return found, others


def _panel(results: Results, row: str, dataset: str, predictions: Predictions, title: str, id: str) -> Panel:
    shown = results.task(dataset) if dataset in results.tasks else results
    history, left_out = _history(shown, row)
    bins, error = reliability(predictions)
    return Panel(
        row,
        title,
        len(predictions),
        _matrix(predictions),
        [*_curves(results, row, dataset, predictions), _reliability(bins, error)],
        _bins(bins),
        history,
        left_out,
        id=id,
    )


def _matrix(predictions: Predictions) -> Matrix:
    n = len(predictions.class_names)
    counts = confusion_matrix(predictions.label, predictions.predicted, n_classes=n)
    totals = counts.sum(axis=1, keepdims=True)
    fractions = np.divide(counts, totals, out=np.full(counts.shape, math.nan), where=totals > 0)
    return Matrix(predictions.class_names, counts.tolist(), fractions.tolist())


def _curves(results: Results, row: str, dataset: str, predictions: Predictions) -> Iterator[charts.Chart]:
    positive = results.positive if results.paper.positive_class else len(predictions.class_names) - 1
    found = curves_of(predictions, positive=positive, unit=unit_of(results))
    if found is None:
        return
    against = best_control(results, row, dataset=dataset)
    control = against[0] if against else ""
    others = results.runs(control, dataset=dataset)[:1] if control else []
    # The control's curve has no band.
    other = curves_of(others[0], positive=positive, unit=unit_of(results), n_resamples=0) if others else None
    pooled = "; scores of all folds' networks are pooled" if results.n_folds > 1 else ""
    note = found.method + pooled + ". scikit-learn's definitions; several classes: each against the rest."
    for title, of, of_other, chance in (
        ("ROC curve", found.roc, other and other.roc, "area"),
        ("Precision-recall curve", found.recall, other and other.recall, "average precision"),
    ):
        titles = ("False-positive rate", "True-positive rate")
        titles = titles if chance == "area" else ("Recall", "Precision")
        x, y = charts.x_axis(titles[0], 0, 1), charts.y_axis(titles[1], 0, 1)
        named = [(curve, f"{curve.label}, {chance} {curve.area:.3f}") for curve in of]
        # The classes of many would hide each other: the legend lists their areas.
        plotted = named if len(named) <= _MOST_CLASS_CURVES else named[:1]
        lines = [
            charts.line(x, y, (np.array([0.0, 1.0]), np.array([0.0, 1.0])), style=-1)
            if chance == "area"
            else charts.line(x, y, (np.array([0.0, 1.0]), np.full(2, found.prevalence)), style=-1)
        ]
        lines += _lines(x, y, plotted)
        legend = [(-1, text) for _, text in named[len(plotted) :]]
        if of_other and control:
            first = of_other[0]
            label = f"Control: {control_label(control)}, {chance} {first.area:.3f}"
            lines.append(charts.line(x, y, (first.x, first.y), label=label, style=charts.N_STYLES - 1))
        areas = "; ".join(text for _, text in named)
        alt = f"{title}: {areas}."
        yield charts.Chart(title, alt, x, y, lines=lines, legend=legend, note=note)


def _lines(x: charts.Axis, y: charts.Axis, named: Sequence[tuple[Curve, str]]) -> list[charts.Line]:
    lines = []
    for style, (curve, text) in enumerate(named):
        band = (curve.grid, curve.low, curve.high) if not style else None
        lines.append(charts.line(x, y, (curve.x, curve.y), label=text, style=style, band=band))
    return lines


def _reliability(bins: Sequence[Bin], error: float) -> charts.Chart:
    x = charts.x_axis("Highest probability", 0, 1)
    y = charts.y_axis("Fraction right", 0, 1)
    diagonal = charts.line(x, y, (np.array([0.0, 1.0]), np.array([0.0, 1.0])), style=-1)
    most = max(one.n for one in bins)
    bars, whiskers = [], []
    for one in bins:
        left, right = x.at(one.low), x.at(one.high)
        height = round(0.25 * (y.start - y.end) * one.n / most, 1)
        bars.append(charts.Bar(left, round(y.start - height, 1), round(right - left - 1, 1), height))
        at = x.at(one.confidence)
        ends = [y.at(bound) for bound in one.interval]
        whiskers.append(charts.Whisker(at, y.at(one.accuracy), at, ends[0], at, ends[1]))
    alt = f"Reliability diagram: calibration error {100 * error:.1f} %; the table of bins has its numbers."
    note = (
        f"Expected calibration error {100 * error:.1f} %. Dots: fraction right in each of 15 bins with "
        "Wilson's 95 % interval; on the diagonal, probabilities are honest. Bars: number of images, "
        f"at most {most:,}."
    )
    return charts.Chart("Reliability", alt, x, y, lines=[diagonal], bars=bars, whiskers=whiskers, note=note)


def _bins(bins: Sequence[Bin]) -> Table:
    rows = [(f"{b.low:.2f} to {b.high:.2f}", b.n, b.confidence, b.accuracy, b.interval) for b in bins]
    return Table("bins", "Bins of the reliability diagram", _BINS, rows)


def _history(results: Results, row: str) -> tuple[list[charts.Chart], int]:
    """Returns two charts of each training, and the number of those that are too many."""
    shown: list[charts.Chart] = []
    left_out = 0
    for run, _, trial in results.trials[row]:
        if "history.csv" not in trial.result["files"]:
            continue
        if len(shown) >= _MOST_TRAININGS:
            left_out += 1
            continue
        curves, fold = trial.history(), int(trial.identity.get("fold", -1))
        title = f"Run {run + 1}" + (f", fold {fold}" if fold >= 0 else "")
        if tested := trial.identity.get("tested"):
            title += f", tested on {dataset_title(results, '+'.join(tested))}"
        chosen = trial.result.get("best_epochs", {}).get(trial.result["checkpoint"])
        shown += [_training(title, name, curves, chosen) for name in ("accuracy", "loss") if name in curves]
    return shown, left_out


def _training(title: str, name: str, curves: dict[str, np.ndarray], chosen: int | None) -> charts.Chart:
    several = [
        (label, curves[key])
        for label, key in (("training", name), ("validation", f"val_{name}"))
        if key in curves
    ]
    n = max(len(values) for _, values in several)
    finite = np.concatenate([values[np.isfinite(values)] for _, values in several])
    high = 1.0 if name == "accuracy" else float(finite.max(initial=0.0)) or 1.0
    x = charts.x_axis("Epoch", 1, max(n, 2), whole=True)
    y = charts.y_axis(name.capitalize(), 0, high, percent=name == "accuracy")
    lines = [
        charts.line(
            x, y, (np.arange(1, len(v) + 1), v), label=f"{label}, last {v[-1]:.3f}", style=i, markers=True
        )
        for i, (label, v) in enumerate(several)
    ]
    ends = "; ".join(f"{label} from {v[0]:.3f} to {v[-1]:.3f}" for label, v in several)
    kept = f"; chosen epoch {chosen}" if chosen else ""
    marks = [x.at(chosen)] if chosen else []
    alt = f"{title}, {name} over {n} epochs: {ends}{kept}."
    note = f"Vertical line: chosen epoch {chosen}." if chosen else ""
    return charts.Chart(f"{title}: {name}", alt, x, y, lines=lines, marks=marks, note=note)
