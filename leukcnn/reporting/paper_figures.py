"""A paper's figures, from an experiment's record, its sketches and the store."""

from collections.abc import Callable, Mapping
from pathlib import Path

from leukcnn import spec
from leukcnn.evaluation.metrics import confusion_matrix
from leukcnn.reporting.figures import (
    TrainingCurve,
    draw_augmentations,
    draw_confusion,
    draw_history,
    draw_samples,
    draw_topology,
)
from leukcnn.reporting.paper_tables import Results
from leukcnn.reporting.sketches import Sketches
from leukcnn.trials import MAIN_CHECKPOINT


def paper_figures(
    results: Results, sketches: Sketches, folder: Path, *, only: str | None = None
) -> list[Path]:
    """Draws the paper's figures; those of rows that aren't trained are left out.

    Args:
        results: The experiment.
        sketches: Pictures and topologies kept with it.
        folder: Where the PNG files go.
        only: Id of the one figure to draw; None or the id of a row for all.

    Raises:
        StoreError: The folder can't be written to.
    """
    paths = []
    for figure in results.paper.figures:
        if only in (None, figure.id, *results.paper.row_ids):
            paths += _DRAWERS[figure.kind](results, sketches, figure, folder)
    return paths


def _face(results: Results, figure: spec.Figure) -> dict[str, str]:
    reason = results.record.not_comparable
    return {
        "mark": f"Not comparable with the paper: {reason}" if reason else "",
        "caption": f"{figure.where}: {figure.title}" if figure.where else figure.title,
    }


def _samples(results: Results, sketches: Sketches, figure: spec.Figure, folder: Path) -> list[Path]:
    titles, pictures = zip(*sketches.samples, strict=True)
    return [draw_samples(pictures, titles, folder / f"{figure.id}.png", **_face(results, figure))]


def _augmentations(results: Results, sketches: Sketches, figure: spec.Figure, folder: Path) -> list[Path]:
    titles, pictures = zip(*sketches.augmentations, strict=True)
    return [draw_augmentations(pictures, titles, folder / f"{figure.id}.png", **_face(results, figure))]


def _topology(results: Results, sketches: Sketches, figure: spec.Figure, folder: Path) -> list[Path]:
    caption = _face(results, figure)["caption"]
    return [draw_topology(sketches.topology, folder / f"{figure.id}.png", caption=caption)]


def _history(results: Results, sketches: Sketches, figure: spec.Figure, folder: Path) -> list[Path]:
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
                    accuracy=history["accuracy"],
                    val_accuracy=history["val_accuracy"],
                    chosen_epoch=trial.result["best_epochs"][MAIN_CHECKPOINT],
                )
            )
    if not curves:
        return []
    return [draw_history(curves, folder / f"{figure.id}.png", **_face(results, figure))]


def _confusion(results: Results, sketches: Sketches, figure: spec.Figure, folder: Path) -> list[Path]:
    paths = []
    for row in results.paper.rows:
        for predictions in results.part(row.id, "test")[:1]:
            names = predictions.class_names
            matrix = confusion_matrix(predictions.label, predictions.predicted, n_classes=len(names))
            path = folder / f"confusion_{row.id}.png"
            paths.append(draw_confusion(matrix, names, path, title=row.label, **_face(results, figure)))
    return paths


_DRAWERS: Mapping[str, Callable[[Results, Sketches, spec.Figure, Path], list[Path]]] = {
    "samples": _samples,
    "augmentations": _augmentations,
    "topology": _topology,
    "history": _history,
    "confusion": _confusion,
}
