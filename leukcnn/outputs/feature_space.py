"""Features of the tested images, projected to two dimensions, with the boundary of a linear SVM."""

from pathlib import Path

import numpy as np

from leukcnn import spec
from leukcnn.datasets import card
from leukcnn.errors import ArgumentError
from leukcnn.evaluation.feature_space import Projection, project
from leukcnn.outputs.kind import FigureKind, Kept
from leukcnn.outputs.titles import dataset_title, mark_and_caption, why_no_runs
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
        paths.append(
            plot_feature_space(panels, results.paper.classes, path, **mark_and_caption(results, figure, more))
        )
    return paths


def _places(figure: spec.Figure, results: Results, folder: Path) -> dict[str, Path]:
    """Returns the datasets that a figure shows, each with its file.

    A figure shows its own dataset. If no figure of this kind has a tested one, the first shows all others.
    """
    own = [other.dataset for other in results.paper.figures if other.kind == figure.kind]
    if figure.dataset in results.tested:
        return {figure.dataset: folder / f"{figure.id}.png"}
    if figure.dataset == own[0] and not set(own) & set(results.tested):
        return {dataset: folder / f"{figure.id}_{dataset}.png" for dataset in results.tested}
    return {}


def _plane(results: Results, row: str, dataset: str) -> Projection | str:
    """Projects the features of a row's first trial that tests a dataset; or says why there are none."""
    for _, _, trial in results.trials[row]:
        columns = trial.features()
        rows = np.flatnonzero(np.char.startswith(columns["image"], f"{dataset}/"))
        if not len(rows):
            continue
        if len(rows) > _MOST_POINTS:
            # More points would hide each other, and take minutes.
            rng = generator(results.record.seed, "feature space", dataset)
            rows = np.sort(rng.choice(rows, _MOST_POINTS, replace=False))
        try:
            return project(columns["features"][rows], columns["label"][rows], seed=results.record.seed)
        except ArgumentError as error:
            return f"Not plotted: {error.found}"
    tested_others = dataset in results.tested and results.has_values(row)
    why = "not tested by this row" if tested_others else why_no_runs(results, row, dataset=dataset)
    return f"Not measured: {why}"


KIND = FigureKind(build=_build)
