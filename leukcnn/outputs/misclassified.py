"""The test images that a row's networks misclassify, the most confident mistakes first."""

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
from leukcnn.outputs.titles import file_stem, mark_and_caption, tested_title
from leukcnn.preprocessing import wbc_mask
from leukcnn.rendering.figures import plot_images
from leukcnn.results.results import Results
from leukcnn.trial_files import Predictions

MOST_MISCLASSIFIED = 120
"""Largest number of misclassified images that are kept for a row and a dataset."""

_PER_FILE = 12
_GREY = (154, 154, 154)


class Task(NamedTuple):
    """The predictions of a row's networks, in its first complete run, for images that are tested together.

    Attributes:
        name: Name of its file, made of the figure, the row and the datasets.
        row: Id of the row.
        dataset: Tested dataset as in `Results.tested`; "" for all images together.
        predictions: The predictions.
    """

    name: str
    row: str
    dataset: str
    predictions: Predictions

    @property
    def key(self) -> str:
        """Hash of the predictions; other networks, or the same ones trained again, have another hash."""
        found = self.predictions
        return digest([found.image.tolist(), found.label.tolist(), found.probabilities.tolist()])


def tasks_of(results: Results, figure: spec.Figure) -> Iterator[Task]:
    """Yields the tasks of a figure's rows, or of all rows, as far as all their folds are finished."""
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
    """Picks the misclassified images with the highest scores.

    Returns:
        "titles" and "images", uint8 RGB, of at most `MOST_MISCLASSIFIED`. An image is whole, at the network's
        input size. To its right are its mask if preprocessing thresholds, and the network's input if that
        differs from the image; "shown" lists what is there. "n_wrong" is the number of all misclassified
        images, including those that aren't kept; "n_tested" is the number of tested images.
    """
    predictions, whole = task.predictions, replace(preprocessing, region="image", threshold="none", mask="")
    thresholded, changed = preprocessing.threshold != "none", preprocessing != whole
    score = predictions.probabilities.max(axis=1)
    wrong = np.flatnonzero(predictions.predicted != predictions.label)
    places = {name: place for place, name in enumerate(index.ids.tolist())}
    titles, images = [], []
    for i in wrong[np.lexsort((predictions.image[wrong], -score[wrong]))][:MOST_MISCLASSIFIED]:
        image_id = str(predictions.image[i])
        image, _ = read_image(index.paths[places[image_id]])
        names = predictions.class_names
        true, predicted = names[predictions.label[i]], names[predictions.predicted[i]]
        # In a single dataset, image ids don't begin with its key.
        dataset = f"{card(image_id.split('/')[0]).name} " if "+" in task.dataset else ""
        name = dataset + file_stem(image_id)
        title = f"{name}: true {true}, predicted {predicted}, score {score[i]:.2f} for {predicted}"
        shown = [prepare(image, whole)]
        if thresholded:
            cells = np.uint8(255) * wbc_mask(image, rule=preprocessing.threshold)
            shown.append(prepare(np.repeat(cells[..., None], 3, axis=2), whole))
            # No-break spaces keep this on one line.
            title += f"; mask\u00a0{100 * shown[-1].mean() / 255:.1f}\u00a0%"
        if changed:
            shown.append(prepare(image, preprocessing))
        titles.append(title)
        frame = {"fill": _GREY, "padding_width": max(preprocessing.image_size // 32, 1)}
        images.append(montage(shown, grid_shape=(1, len(shown)), channel_axis=3, **frame))
    shown_next = ["its mask"] * thresholded + ["the network's input"] * changed
    counts = {"n_wrong": len(wrong), "n_tested": len(predictions)}
    return {"titles": titles, "images": images, "shown": shown_next, **counts}


def _build(figure: spec.Figure, results: Results, kept: Kept, folder: Path) -> list[Path]:
    """Plots one or more files for each row and dataset; captures of other predictions are ignored."""
    paths = []
    for task in tasks_of(results, figure):
        mistakes = kept.get(task.name)
        if mistakes is None or mistakes["key"] != task.key:
            continue
        panels = list(zip(mistakes["titles"], mistakes["images"], strict=True))
        n = len(mistakes["shown"]) + 1
        for first in range(0, max(len(panels), 1), _PER_FILE):
            shown = panels[first : first + _PER_FILE]
            more = f". {tested_title(results, task.row, task.dataset)}"
            if shown:
                more += (
                    f": {first + 1:,} to {first + len(shown):,} of {mistakes['n_wrong']:,} misclassified "
                    f"images, of {mistakes['n_tested']:,} tested, the most confident mistakes first"
                )
            else:
                more += f": no image of {mistakes['n_tested']:,} misclassified"
                shown = [("", np.full((1, 3), 255, np.uint8))]
            if n > 1 and panels:
                more += f". From left to right the image, {' and '.join(mistakes['shown'])}"
            path = folder / f"{task.name}{f'_{1 + first // _PER_FILE}' if first else ''}.png"
            n_columns, inches = (4, 3, 2)[n - 1], (2.1, 2.6, 4.5)[n - 1]
            options = mark_and_caption(results, figure, more)
            paths.append(plot_images(shown, path, n_columns=n_columns, panel_inches=inches, **options))
    return paths


KIND = FigureKind(build=_build, capture=_capture)
