"""Features of the tested images in the plane, with the line that a linear SVM draws there."""

from pathlib import Path

import numpy as np

from leukcnn import spec
from leukcnn.datasets import card
from leukcnn.errors import ArgumentError
from leukcnn.evaluation.feature_space import Projection, project
from leukcnn.outputs.kind import FigureKind, Kept
from leukcnn.outputs.titles import dataset_title, face, why_no_runs
from leukcnn.rendering.feature_space import plot_feature_space
from leukcnn.results.results import Results
from leukcnn.seeding import generator

_MOST_POINTS = 1000


def _build(figure: spec.Figure, results: Results, kept: Kept, folder: Path) -> list[Path]:
    paths = []
    for dataset, path in _places(figure, results, folder).items():
        planes = [_plane(results, row, dataset) for row in figure.rows]
        shown = [len(plane.labels) for plane in planes if not isinstance(plane, str)]
        if not shown:
            continue
        more = ""
        if dataset != figure.dataset:
            more += f", here of {dataset_title(results, dataset)} in place of {card(figure.dataset).name}"
        if max(shown) == _MOST_POINTS:
            more += f" (at most {_MOST_POINTS:,} images, sampled at random)"
        panels = list(zip((results.paper.row(row).label for row in figure.rows), planes, strict=True))
        paths.append(plot_feature_space(panels, results.paper.classes, path, **face(results, figure, more)))
    return paths


def _places(figure: spec.Figure, results: Results, folder: Path) -> dict[str, Path]:
    """Returns its own dataset and file; where no figure's dataset is tested, the first has all that are."""
    own = [other.dataset for other in results.paper.figures if other.kind == figure.kind]
    if figure.dataset in results.tested:
        return {figure.dataset: folder / f"{figure.id}.png"}
    if figure.dataset == own[0] and not set(own) & set(results.tested):
        return {dataset: folder / f"{figure.id}_{dataset}.png" for dataset in results.tested}
    return {}


def _plane(results: Results, row: str, dataset: str) -> Projection | str:
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
            return f"Not plotted: {error.found}"
    return f"Not measured: {why_no_runs(results, row, dataset=dataset) or 'not tested by this row'}"


KIND = FigureKind(build=_build)
