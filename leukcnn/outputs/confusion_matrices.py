"""Confusion matrices of each row's first run: a file for each, or one for all separately tested datasets."""

from pathlib import Path

import numpy as np

from leukcnn import spec
from leukcnn.outputs.kind import FigureKind, Kept
from leukcnn.outputs.misclassified import tasks_of
from leukcnn.outputs.titles import mark_and_caption, tested_title
from leukcnn.rendering.figures import plot_confusion_matrices
from leukcnn.results.metrics import confusion_matrix
from leukcnn.results.results import Results
from leukcnn.trial_files import Predictions


def _build(figure: spec.Figure, results: Results, kept: Kept, folder: Path) -> list[Path]:
    if results.tasks:
        found = {
            (task.row, task.dataset): _panel(results, task.row, task.dataset, task.predictions)
            for task in tasks_of(results, figure)
        }
        rows = [row for row in results.paper.row_ids if any((row, name) in found for name in results.tested)]
        panels = [found.get((row, dataset)) for row in rows for dataset in results.tested]
        if not rows:
            return []
        path, n_columns = folder / f"{figure.id}.png", len(results.tested)
        options = mark_and_caption(results, figure)
        return [plot_confusion_matrices(panels, results.paper.classes, path, n_columns=n_columns, **options)]
    paths, several = [], _several(results, figure)
    for row in figure.rows or results.paper.row_ids:
        for predictions in results.runs(row)[:1]:
            tested = dict.fromkeys(image.split("/")[0] for image in predictions.image.tolist())
            panel = _panel(results, row, "+".join(tested) if results.tested else "", predictions)
            path = folder / f"{figure.id if several else figure.kind}_{row}.png"
            paths.append(
                plot_confusion_matrices(
                    [panel], results.paper.classes, path, **mark_and_caption(results, figure)
                )
            )
    return paths


def _several(results: Results, figure: spec.Figure) -> bool:
    """Whether the paper has other figures of this kind, whose files would get the same names."""
    return sum(other.kind == figure.kind for other in results.paper.figures) > 1


def _panel(results: Results, row: str, dataset: str, predictions: Predictions) -> tuple[str, np.ndarray]:
    """Returns the title and the counts of a confusion matrix."""
    n_classes = len(predictions.class_names)
    matrix = confusion_matrix(predictions.label, predictions.predicted, n_classes=n_classes)
    return tested_title(results, row, dataset), matrix


KIND = FigureKind(build=_build)
