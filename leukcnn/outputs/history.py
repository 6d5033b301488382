"""How the trainings of some rows went: accuracy and loss by epoch, a panel for each run and fold."""

from pathlib import Path

from leukcnn import spec
from leukcnn.outputs.faces import face
from leukcnn.outputs.kind import FigureKind, Kept
from leukcnn.rendering.history import TrainingCurve, draw_history
from leukcnn.results.results import Results


def _build(figure: spec.Figure, results: Results, kept: Kept, folder: Path) -> list[Path]:
    curves = []
    for row in figure.rows:
        for run, _, trial in results.trials[row]:
            history = trial.history()
            title = results.paper.row(row).label
            if len(results.trials[row]) > 1:
                fold = trial.identity["fold"]
                title += f", run {run + 1}" + (f", fold {fold}" if fold >= 0 else "")
            curves.append(
                TrainingCurve(
                    title=title,
                    chosen_epoch=trial.result["best_epochs"].get(trial.result["checkpoint"]),
                    **{name: history[name] for name in ("accuracy", "val_accuracy", "loss", "val_loss")},
                )
            )
    if not curves:
        return []
    return [draw_history(curves, folder / f"{figure.id}.png", **face(results, figure))]


KIND = FigureKind(build=_build)
