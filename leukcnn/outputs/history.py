"""Training curves of some rows: accuracy and loss by epoch, with panels for each run and fold."""

from pathlib import Path

from leukcnn import spec
from leukcnn.outputs.kind import FigureKind, Kept
from leukcnn.outputs.titles import mark_and_caption
from leukcnn.rendering.history import plot_history
from leukcnn.results.results import Results

MOST_TRAININGS = 6
"""Largest number of trainings in a figure, unless it shows more rows: each of them has one then."""


def _build(figure: spec.Figure, results: Results, kept: Kept, folder: Path) -> list[Path]:
    trainings, more = [], ""
    most = max(1, MOST_TRAININGS // len(figure.rows))
    for row in figure.rows:
        if (n := len(results.trials[row])) > most:
            which = "first" if most == 1 else f"first {most}"
            more = f" (of each network, the {which} of up to {n:,} trainings)"
        for run, _, trial in results.trials[row][:most]:
            title = results.paper.row(row).label
            curves = {name: values.tolist() for name, values in trial.history().items()}
            if len(results.trials[row]) > 1:
                fold = trial.identity["fold"]
                title += f", run {run + 1}" + (f", fold {fold}" if fold >= 0 else "")
            best_epoch = trial.result["best_epochs"].get(trial.result["checkpoint"])
            trainings.append((title, curves, best_epoch))
    if not trainings:
        return []
    path = folder / f"{figure.id}.png"
    return [plot_history(trainings, path, **mark_and_caption(results, figure, more))]


KIND = FigureKind(build=_build)
