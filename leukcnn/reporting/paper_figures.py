"""A paper's figures, from an experiment's record, its sketches and the store."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from leukcnn import spec
from leukcnn.datasets import card
from leukcnn.errors import ArgumentError
from leukcnn.evaluation.feature_space import Projection, project
from leukcnn.evaluation.metrics import confusion_matrix
from leukcnn.reporting.feature_space_figure import draw_feature_space
from leukcnn.reporting.figures import draw_confusion, draw_overlays, draw_samples
from leukcnn.reporting.filter_figure import FilterPanel, draw_filters
from leukcnn.reporting.history_figure import TrainingCurve, draw_history
from leukcnn.reporting.results import Results
from leukcnn.reporting.run_figures import SPLIT_TITLES, dataset_title, why_no_runs
from leukcnn.reporting.sketches import ActivationMaps, FilterSketch, Sketches
from leukcnn.reporting.topology_figure import draw_topology
from leukcnn.seeding import generator

_MOST_POINTS = 1000


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


def _segmentation(results: Results, figure: spec.Figure, folder: Path, target: Path) -> list[Path]:
    panels = Sketches.load(folder).segmentation
    titles, pictures = zip(*panels, strict=True)
    path = target / f"{figure.id}.png"
    # Each picture and what is kept of it are neighbours, two such pairs in a row.
    return [draw_samples(pictures, titles, path, n_columns=4, **_face(results, figure))]


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


def _filters(results: Results, figure: spec.Figure, folder: Path, target: Path) -> list[Path]:
    if not FilterSketch.exist(folder, figure.id):
        return []
    sketch = FilterSketch.load(folder, figure.id)
    panels = [
        FilterPanel(
            title,
            picture,
            [
                (layer, filters[i], maps[i])
                for layer, filters, maps in zip(sketch.layers, sketch.filters, sketch.maps, strict=True)
            ],
        )
        for i, (title, picture) in enumerate(zip(sketch.titles, sketch.pictures, strict=True))
    ]
    face = _face(results, figure)
    face["caption"] += " (of the last convolution before each pooling, the filters that answer most)"
    return [draw_filters(panels, target / f"{figure.id}.png", **face)]


def _feature_space(results: Results, figure: spec.Figure, folder: Path, target: Path) -> list[Path]:
    """Draws a figure of its own dataset; where no figure's dataset is tested, the first of all that are."""
    own = [other.dataset for other in results.paper.figures if other.kind == figure.kind]
    if figure.dataset in results.tested:
        places = {figure.dataset: target / f"{figure.id}.png"}
    elif figure.dataset == own[0] and not set(own) & set(results.tested):
        places = {dataset: target / f"{figure.id}_{dataset}.png" for dataset in results.tested}
    else:
        return []
    paths = []
    for dataset, path in places.items():
        planes = [_feature_plane(results, row, dataset) for row in figure.rows]
        shown = [len(plane.labels) for plane in planes if isinstance(plane, Projection)]
        if not shown:
            continue
        face = _face(results, figure)
        if dataset != figure.dataset:
            face["caption"] += (
                f", here of {dataset_title(results, dataset)} in place of {card(figure.dataset).name}"
            )
        if max(shown) == _MOST_POINTS:
            face["caption"] += f" (at most {_MOST_POINTS:,} pictures, drawn at random)"
        panels = list(zip((results.paper.row(row).label for row in figure.rows), planes, strict=True))
        paths.append(draw_feature_space(panels, results.paper.classes, path, **face))
    return paths


def _feature_plane(results: Results, row: str, dataset: str) -> Projection | str:
    """Lays out what the first trial of a row that tests a dataset gave; or says why there is nothing."""
    for _, _, trial in results.trials[row]:
        columns = trial.features()
        rows = np.flatnonzero(np.char.startswith(columns["image"], f"{dataset}/"))
        if not len(rows):
            continue
        if len(rows) > _MOST_POINTS:
            # More can't be told apart on paper, and would take minutes.
            rng = generator(results.record.seed, "feature space", dataset)
            rows = np.sort(rng.choice(rows, _MOST_POINTS, replace=False))
        try:
            return project(columns["features"][rows], columns["label"][rows], seed=results.record.seed)
        except ArgumentError as error:
            return f"Not drawn: {error.found}"
    return f"Not measured: {why_no_runs(results, row, dataset=dataset) or 'not tested by this row'}"


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
                    loss=history["loss"],
                    val_loss=history["val_loss"],
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
            title = row.label
            if results.tested:
                tested = dict.fromkeys(image.split("/")[0] for image in predictions.image.tolist())
                split = SPLIT_TITLES[results.split_kind]
                title += f", {split} on {', '.join(card(key).name for key in tested)}"
            if results.record.runs > 1:
                title += f", one of {results.record.runs} runs"
            path = target / f"confusion_{row.id}.png"
            paths.append(draw_confusion(matrix, names, path, title=title, **_face(results, figure)))
    return paths


_DRAWERS: Mapping[str, Callable[[Results, spec.Figure, Path, Path], list[Path]]] = {
    "samples": _pictures,
    "augmentations": _pictures,
    "segmentation": _segmentation,
    "topology": _topology,
    "networks": _topology,
    "activation_maps": _activation_maps,
    "filters": _filters,
    "feature_space": _feature_space,
    "history": _history,
    "confusion": _confusion,
}
