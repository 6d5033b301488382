"""Training curves of some rows: accuracy and loss by epoch, with panels for each run and fold."""

from pathlib import Path

from leukcnn import spec
from leukcnn.outputs.kind import FigureKind, Kept
from leukcnn.outputs.titles import face
from leukcnn.rendering.history import plot_history
from leukcnn.results.results import Results


def _build(figure: spec.Figure, results: Results, kept: Kept, folder: Path) -> list[Path]:
    trainings = []
    for row in figure.rows:
        for run, _, trial in results.trials[row]:
            title = results.paper.row(row).label
            curves = {name: values.tolist() for name, values in trial.history().items()}
            if len(results.trials[row]) > 1:
                fold = trial.identity["fold"]
                title += f", run {run + 1}" + (f", fold {fold}" if fold >= 0 else "")
            best_epoch = trial.result["best_epochs"].get(trial.result["checkpoint"])
            trainings.append((title, curves, best_epoch))
    if not trainings:
        return []
    return [plot_history(trainings, folder / f"{figure.id}.png", **face(results, figure))]


KIND = FigureKind(build=_build)
