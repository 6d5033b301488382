"""A paper's figures, from an experiment's record, its sketches and the store."""

from collections.abc import Callable, Mapping
from pathlib import Path

from leukcnn import spec
from leukcnn.evaluation.metrics import confusion_matrix
from leukcnn.reporting.figures import (
    TrainingCurve,
    draw_confusion,
    draw_history,
    draw_overlays,
    draw_samples,
)
from leukcnn.reporting.results import Results
from leukcnn.reporting.sketches import ActivationMaps, Sketches
from leukcnn.reporting.topology_figure import draw_topology


def paper_figures(results: Results, folder: Path, *, only: str | None = None) -> list[Path]:
    """Draws the paper's figures; those of rows that aren't trained are left out.

    Args:
        results: The experiment.
        folder: Its folder, with the sketches; the PNG files go into `figures` below it.
        only: Id of the one figure to draw; None or the id of a row for all.

    Raises:
        StoreError: The folder can't be written to.
    """
    paths = []
    for figure in results.paper.figures:
        if only in (None, figure.id, *results.paper.row_ids):
            paths += _DRAWERS[figure.kind](results, figure, folder, folder / "figures")
    return paths


def _face(results: Results, figure: spec.Figure) -> dict[str, str]:
    reason = results.record.not_comparable
    return {
        "mark": f"Not comparable with the paper: {reason}" if reason else "",
        "caption": f"{figure.where}: {figure.title}" if figure.where else figure.title,
    }


def _pictures(results: Results, figure: spec.Figure, folder: Path, target: Path) -> list[Path]:
    titles, pictures = zip(*getattr(Sketches.load(folder), figure.kind), strict=True)
    return [draw_samples(pictures, titles, target / f"{figure.id}.png", **_face(results, figure))]


def _topology(results: Results, figure: spec.Figure, folder: Path, target: Path) -> list[Path]:
    caption = _face(results, figure)["caption"]
    columns = Sketches.load(folder).topology[figure.id]
    return [draw_topology(columns, target / f"{figure.id}.png", caption=caption)]


def _activation_maps(results: Results, figure: spec.Figure, folder: Path, target: Path) -> list[Path]:
    if not ActivationMaps.exist(folder, figure.id):
        return []
    maps = ActivationMaps.load(folder, figure.id)
    rows = list(zip(maps.titles, maps.pictures, maps.mean, maps.grad_cam, strict=True))
    face = _face(results, figure)
    face["caption"] += f" (layer {maps.layer})"
    return [draw_overlays(rows, target / f"{figure.id}.png", **face)]


def _history(results: Results, figure: spec.Figure, folder: Path, target: Path) -> list[Path]:
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
                    chosen_epoch=trial.result["best_epochs"].get(trial.result["checkpoint"]),
                )
            )
    if not curves:
        return []
    return [draw_history(curves, target / f"{figure.id}.png", **_face(results, figure))]


def _confusion(results: Results, figure: spec.Figure, folder: Path, target: Path) -> list[Path]:
    paths = []
    for row in results.paper.rows:
        for predictions in results.part(row.id, "test")[:1]:
            names = predictions.class_names
            matrix = confusion_matrix(predictions.label, predictions.predicted, n_classes=len(names))
            path = target / f"confusion_{row.id}.png"
            paths.append(draw_confusion(matrix, names, path, title=row.label, **_face(results, figure)))
    return paths


_DRAWERS: Mapping[str, Callable[[Results, spec.Figure, Path, Path], list[Path]]] = {
    "samples": _pictures,
    "augmentations": _pictures,
    "topology": _topology,
    "networks": _topology,
    "activation_maps": _activation_maps,
    "history": _history,
    "confusion": _confusion,
}
