"""A paper's figures, from an experiment's record, its sketches and the store."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from leukcnn import spec
from leukcnn.datasets import card
from leukcnn.errors import ArgumentError
from leukcnn.evaluation.feature_space import Projection, project
from leukcnn.outputs.cell_sketches import (
    LONGEST_SIDE,
    Misclassified,
    Task,
    tasks_of,
)
from leukcnn.outputs.network_maps import ActivationMaps, FilterSketch
from leukcnn.outputs.sketches import Sketches
from leukcnn.outputs.threshold_figures import (
    draw_extraction,
    draw_histograms,
    draw_misclassified,
    extract,
)
from leukcnn.outputs.titles import SPLIT_TITLES, dataset_title, file_stem, why_no_runs
from leukcnn.rendering.feature_space import draw_feature_space
from leukcnn.rendering.figures import draw_confusion, draw_confusions, draw_overlays, draw_samples
from leukcnn.rendering.filters import FilterPanel, draw_filters
from leukcnn.rendering.history import TrainingCurve, draw_history
from leukcnn.rendering.topology import draw_topology
from leukcnn.results.metrics import confusion_matrix
from leukcnn.results.results import Results
from leukcnn.runs import Predictions
from leukcnn.seeding import generator

_MOST_POINTS = 1000
_A_SHEET = 12  # misclassified pictures


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
    if results.tasks:
        return _confusion_of_each_dataset(results, figure, target)
    paths = []
    for row in results.paper.rows:
        for predictions in results.part(row.id, "test")[:1]:
            tested = ""
            if results.tested:
                tested = "+".join(dict.fromkeys(image.split("/")[0] for image in predictions.image.tolist()))
            path = target / f"confusion_{row.id}.png"
            title, matrix = _matrix(results, row, tested, predictions)
            face = _face(results, figure)
            paths.append(draw_confusion(matrix, predictions.class_names, path, title=title, **face))
    return paths


def _confusion_of_each_dataset(results: Results, figure: spec.Figure, target: Path) -> list[Path]:
    """Draws the matrices of all rows on one sheet, a line for each row and a column for each dataset."""
    found = {(task.row, task.dataset): task.predictions for task in tasks_of(results, figure)}
    grid = []
    for row in results.paper.rows:
        line = [(dataset, found.get((row.id, dataset))) for dataset in results.tested]
        grid.append([said and _matrix(results, row, dataset, said) for dataset, said in line])
    grid = [line for line in grid if any(line)]
    if not grid:
        return []
    path = target / f"{figure.id}.png"
    return [draw_confusions(grid, results.paper.classes, path, **_face(results, figure))]


def _matrix(
    results: Results, row: spec.Row, dataset: str, predictions: Predictions
) -> tuple[str, np.ndarray]:
    """Returns the title and the counts of a confusion matrix."""
    matrix = confusion_matrix(
        predictions.label, predictions.predicted, n_classes=len(predictions.class_names)
    )
    return _tested_title(results, row, dataset), matrix


def _tested_title(results: Results, row: spec.Row, dataset: str) -> str:
    title = row.label
    if dataset:
        names = ", ".join(card(key).name for key in dataset.split("+"))
        title += f", {SPLIT_TITLES[results.split_kind]} on {names}"
    if results.record.runs > 1:
        title += f", one of {results.record.runs} runs"
    return title


def _histograms(results: Results, figure: spec.Figure, folder: Path, target: Path) -> list[Path]:
    smears, path = Sketches.load(folder).smears, target / f"{figure.id}.png"
    preprocessing, face = _thresholding(results, figure, smears)
    return [draw_histograms(smears, path, rule=preprocessing.threshold, **face)] if smears else []


def _extraction(results: Results, figure: spec.Figure, folder: Path, target: Path) -> list[Path]:
    smears, path = Sketches.load(folder).smears, target / f"{figure.id}.png"
    preprocessing, face = _thresholding(results, figure, smears)
    extractions = [extract(title, picture, preprocessing) for title, picture in smears]
    return [draw_extraction(extractions, path, **face)] if smears else []


def _thresholding(
    results: Results, figure: spec.Figure, smears: Sequence[tuple[str, np.ndarray]]
) -> tuple[spec.Preprocessing, dict[str, str]]:
    """Returns how the first row's pictures are thresholded, and a figure's face, which says so."""
    shown = (figure.rows or results.paper.row_ids)[0]
    preprocessing, face = results.setup(shown).preprocessing, _face(results, figure)
    if preprocessing.threshold == "none":
        preprocessing = replace(preprocessing, threshold=spec.THRESHOLD_RULES[0])
        face["caption"] += f' (by the rule "{preprocessing.threshold}"; the networks here see whole pictures)'
    else:
        face["caption"] += f' (by the rule "{preprocessing.threshold}")'
    if any(max(picture.shape) == LONGEST_SIDE for _, picture in smears):
        face["caption"] += (
            f". Larger pictures are reduced to {LONGEST_SIDE} pixels here; for the networks they are "
            "thresholded in full size"
        )
    return preprocessing, face


def _misclassified(results: Results, figure: spec.Figure, folder: Path, target: Path) -> list[Path]:
    """Draws a sheet for each row and dataset; what is kept of other predictions is left out."""
    paths = []
    for task in tasks_of(results, figure):
        if Misclassified.exist(folder, task.name, key=task.key):
            kept = Misclassified.load(folder, task.name)
            paths += [
                _misclassified_sheet(results, figure, task, kept, target, first=first)
                for first in range(0, max(len(kept), 1), _A_SHEET)
            ]
    return paths


def _misclassified_sheet(
    results: Results, figure: spec.Figure, task: Task, kept: Misclassified, target: Path, *, first: int
) -> Path:
    """Draws those kept from the one at position `first` on, as many as a sheet holds."""
    beside = {"its mask": kept.masks, "what the network was fed": kept.fed}
    if np.array_equal(kept.fed, kept.pictures):
        del beside["what the network was fed"]
    if not len(kept.masks):
        del beside["its mask"]
    panels = [
        (_misclassified_title(kept, i, task), [kept.pictures[i], *(of[i] for of in beside.values())])
        for i in range(first, min(first + _A_SHEET, len(kept)))
    ]
    face = _face(results, figure)
    face["caption"] += f". {_tested_title(results, results.paper.row(task.row), task.dataset)}"
    if panels:
        face["caption"] += (
            f": {first + 1:,} to {first + len(panels):,} of {kept.n_wrong:,} misclassified pictures, of "
            f"{kept.n_tested:,} tested, the surest mistakes first"
        )
        if beside:
            face["caption"] += f". From left to right the picture, {' and '.join(beside)}"
    nothing = f"no picture of {kept.n_tested:,} misclassified"
    number = f"_{1 + first // _A_SHEET}" if first else ""
    return draw_misclassified(panels, target / f"{task.name}{number}.png", nothing=nothing, **face)


def _misclassified_title(kept: Misclassified, i: int, task: Task) -> str:
    true, taken = (kept.class_names[labels[i]] for labels in (kept.label, kept.predicted))
    name = file_stem(kept.images[i])
    if "+" in task.dataset:
        name = f"{card(kept.images[i].split('/')[0]).name} {name}"
    title = f"{name}: true {true}, taken for {taken}, score {kept.score[i]:.2f} for {taken}"
    if not len(kept.masks):
        return title
    # Kept together by no-break spaces.
    return f"{title}; mask\u00a0{100 * kept.masks[i].mean() / 255:.1f}\u00a0%"


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
    "histograms": _histograms,
    "extraction": _extraction,
    "misclassified": _misclassified,
}
