"""The test images that a row's networks take for another class, those they are surest of first."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from skimage.util import montage

from leukcnn import spec
from leukcnn.datasets import ImageIndex, card, read_image
from leukcnn.files import digest
from leukcnn.image_cache import prepare
from leukcnn.outputs.kind import Capture, FigureKind, Kept, Material
from leukcnn.outputs.titles import face, file_stem, tested_title
from leukcnn.preprocessing import wbc_mask
from leukcnn.rendering.figures import plot_images
from leukcnn.results.results import Results
from leukcnn.runs import Predictions

MOST_MISCLASSIFIED = 120
"""Misclassified images of a row and a dataset that are kept, at most."""

_A_SHEET = 12
_GREY = (154, 154, 154)


class Task(NamedTuple):
    """What a row's networks said in its first whole run of the images that are tested together.

    Attributes:
        name: Name of its sheet, of the figure, the row and the datasets.
        row: Id of the row.
        dataset: What is tested, as `Results.tested` gives it; "" for all images together.
        predictions: What the networks said.
    """

    name: str
    row: str
    dataset: str
    predictions: Predictions

    @property
    def key(self) -> str:
        """The hash of the predictions: other networks, or the same trained again, have another."""
        said = self.predictions
        return digest([said.image.tolist(), said.label.tolist(), said.probabilities.tolist()])


def tasks_of(results: Results, figure: spec.Figure) -> Iterator[Task]:
    """Yields what was tested of each row of a figure, or of all rows, whose folds are all finished."""
    for row in figure.rows or results.paper.row_ids:
        for dataset in results.tested or ("",):
            for predictions in results.runs(row, dataset=dataset)[:1]:
                name = "_".join([figure.id, row, *dataset.split("+")]).rstrip("_")
                yield Task(name, row, dataset, predictions)


def _capture(figure: spec.Figure, material: Material) -> Iterator[Capture]:
    for task in tasks_of(material.results, figure):
        preprocessing = material.results.setup(task.row).preprocessing
        yield Capture(task.name, task.key, partial(surest_mistakes, task, preprocessing, material.index))


def surest_mistakes(task: Task, preprocessing: spec.Preprocessing, index: ImageIndex) -> dict[str, Any]:
    """Picks the misclassified images of which the networks are surest.

    Returns:
        "titles" and "images" of at most `MOST_MISCLASSIFIED`, uint8: each whole, of the size that the
        network takes, with what is "shown" on its right: its mask where something is thresholded, and
        what the network was fed where that is another image. And "n_wrong", those that aren't kept
        included, and "n_tested".
    """
    said, whole = task.predictions, replace(preprocessing, threshold="none", mask="")
    thresholded, changed = preprocessing.threshold != "none", preprocessing != whole
    score = said.probabilities.max(axis=1)
    wrong = np.flatnonzero(said.predicted != said.label)
    places = {name: place for place, name in enumerate(index.ids.tolist())}
    titles, images = [], []
    for i in wrong[np.lexsort((said.image[wrong], -score[wrong]))][:MOST_MISCLASSIFIED]:
        image_id = str(said.image[i])
        image, _ = read_image(index.paths[places[image_id]])
        true, taken = said.class_names[said.label[i]], said.class_names[said.predicted[i]]
        # Of one dataset alone, images' ids don't begin with its key.
        of = f"{card(image_id.split('/')[0]).name} " if "+" in task.dataset else ""
        name = of + file_stem(image_id)
        title = f"{name}: true {true}, taken for {taken}, score {score[i]:.2f} for {taken}"
        shown = [prepare(image, whole)]
        if thresholded:
            cells = np.uint8(255) * wbc_mask(image, rule=preprocessing.threshold)
            shown.append(prepare(np.repeat(cells[..., None], 3, axis=2), whole))
            # Kept together by no-break spaces.
            title += f"; mask\u00a0{100 * shown[-1].mean() / 255:.1f}\u00a0%"
        if changed:
            shown.append(prepare(image, preprocessing))
        titles.append(title)
        frame = {"fill": _GREY, "padding_width": max(preprocessing.image_size // 32, 1)}
        images.append(montage(shown, grid_shape=(1, len(shown)), channel_axis=3, **frame))
    shown_next = ["its mask"] * thresholded + ["what the network was fed"] * changed
    counts = {"n_wrong": len(wrong), "n_tested": len(said)}
    return {"titles": titles, "images": images, "shown": shown_next, **counts}


def _build(figure: spec.Figure, results: Results, kept: Kept, folder: Path) -> list[Path]:
    """Draws a sheet or more for each row and dataset; what is kept of other predictions is left out."""
    paths = []
    for task in tasks_of(results, figure):
        mistakes = kept.get(task.name)
        if mistakes is None or mistakes["key"] != task.key:
            continue
        panels = list(zip(mistakes["titles"], mistakes["images"], strict=True))
        n = len(mistakes["shown"]) + 1
        for first in range(0, max(len(panels), 1), _A_SHEET):
            shown = panels[first : first + _A_SHEET]
            more = f". {tested_title(results, task.row, task.dataset)}"
            if shown:
                more += (
                    f": {first + 1:,} to {first + len(shown):,} of {mistakes['n_wrong']:,} misclassified "
                    f"images, of {mistakes['n_tested']:,} tested, the surest mistakes first"
                )
            else:
                more += f": no image of {mistakes['n_tested']:,} misclassified"
                shown = [("", np.full((1, 3), 255, np.uint8))]
            if n > 1 and panels:
                more += f". From left to right the image, {' and '.join(mistakes['shown'])}"
            path = folder / f"{task.name}{f'_{1 + first // _A_SHEET}' if first else ''}.png"
            options = {"n_columns": (4, 3, 2)[n - 1], "panel_inches": (2.1, 2.6, 4.5)[n - 1]}
            paths.append(plot_images(shown, path, **options, **face(results, figure, more)))
    return paths


KIND = FigureKind(build=_build, capture=_capture)
