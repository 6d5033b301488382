"""The test pictures that a row's networks take for another class, those they are surest of first."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from leukcnn import spec
from leukcnn.datasets import ImageIndex, card, read_picture
from leukcnn.files import digest
from leukcnn.outputs.faces import face, tested_title
from leukcnn.outputs.kind import Capture, FigureKind, Kept, Material
from leukcnn.outputs.titles import file_stem
from leukcnn.picture_cache import prepare
from leukcnn.preprocessing import wbc_mask
from leukcnn.rendering.figures import draw_misclassified
from leukcnn.results.results import Results
from leukcnn.runs import Predictions

MOST_MISCLASSIFIED = 120
"""Misclassified pictures of a row and a dataset that are kept, at most."""

_A_SHEET = 12


class Task(NamedTuple):
    """What a row's networks said in its first whole run of the pictures that are tested together.

    Attributes:
        name: Name of its sheet, of the figure, the row and the datasets.
        row: Id of the row.
        dataset: What is tested, as `Results.tested` gives it; "" for all pictures together.
        predictions: What the networks said.
    """

    name: str
    row: str
    dataset: str
    predictions: Predictions

    @property
    def key(self) -> str:
        """The hash of the predictions: other networks, or the same trained anew, have another."""
        said = self.predictions
        return digest([said.image.tolist(), said.label.tolist(), said.probabilities.tolist()])


def tasks_of(results: Results, figure: spec.Figure) -> Iterator[Task]:
    """Yields what was tested of each row of a figure whose folds are all finished.

    Args:
        results: The experiment.
        figure: The figure; where it names no rows, all of the paper's count.
    """
    for row in figure.rows or results.paper.row_ids:
        for dataset in results.tested or ("",):
            for predictions in results.runs(row, dataset=dataset)[:1]:
                name = "_".join([figure.id, row, *dataset.split("+")]).rstrip("_")
                yield Task(name, row, dataset, predictions)


def _capture(figure: spec.Figure, material: Material) -> Iterator[Capture]:
    for task in tasks_of(material.results, figure):
        preprocessing = material.results.setup(task.row).preprocessing
        yield Capture(
            task.name, task.key, partial(surest_mistakes, task.predictions, preprocessing, material.index)
        )


def surest_mistakes(
    said: Predictions, preprocessing: spec.Preprocessing, index: ImageIndex
) -> dict[str, Any]:
    """Picks the misclassified pictures of which the networks are surest, and prepares them.

    Args:
        said: What the networks said.
        preprocessing: How the pictures were prepared.
        index: The pictures.

    Returns:
        Of n pictures, at most `MOST_MISCLASSIFIED`: "images", their ids; "label" and "predicted", int64 (n,);
        "score", float64 (n,), probabilities of the classes that they are taken for; "pictures", uint8
        (n, S, S, 3), whole, of the size that the network takes; "masks", uint8 (n, S, S), 255 where a picture
        is a white cell, or (0, S, S) where nothing is thresholded; "fed", uint8 (n, S, S, 3), what the
        network was fed. And "class_names", "n_wrong", those that aren't kept included, and "n_tested".

    Raises:
        DataError: A picture can't be read.
    """
    score = said.probabilities.max(axis=1)
    wrong = np.flatnonzero(said.predicted != said.label)
    kept = wrong[np.lexsort((said.image[wrong], -score[wrong]))][:MOST_MISCLASSIFIED]
    places = {image: place for place, image in enumerate(index.ids.tolist())}
    side, thresholded = preprocessing.side, preprocessing.threshold != "none"
    whole = replace(preprocessing, threshold="none", mask="")
    pictures, fed = np.empty((2, len(kept), side, side, 3), np.uint8)
    masks = np.empty((len(kept) if thresholded else 0, side, side), np.uint8)
    for i, image in enumerate(said.image[kept].tolist()):
        picture, _ = read_picture(index.paths[places[image]])
        pictures[i], fed[i] = prepare(picture, whole), prepare(picture, preprocessing)
        if thresholded:
            cells = wbc_mask(picture, rule=preprocessing.threshold)
            masks[i] = prepare(np.repeat(np.uint8(255) * cells[..., None], 3, axis=2), whole)[..., 0]
    return {
        "images": said.image[kept].tolist(),
        "label": said.label[kept],
        "predicted": said.predicted[kept],
        "score": score[kept],
        "class_names": list(said.class_names),
        "pictures": pictures,
        "masks": masks,
        "fed": fed,
        "n_wrong": len(wrong),
        "n_tested": len(said),
    }


def _build(figure: spec.Figure, results: Results, kept: Kept, folder: Path) -> list[Path]:
    """Draws a sheet or more for each row and dataset; what is kept of other predictions is left out."""
    paths = []
    for task in tasks_of(results, figure):
        mistakes = kept.get(task.name)
        if mistakes is None or mistakes["key"] != task.key:
            continue
        tested = f". {tested_title(results, task.row, task.dataset)}"
        for first in range(0, max(len(mistakes["images"]), 1), _A_SHEET):
            panels, more = _sheet(mistakes, task, first)
            number = f"_{1 + first // _A_SHEET}" if first else ""
            paths.append(
                draw_misclassified(
                    panels,
                    folder / f"{task.name}{number}.png",
                    nothing=f"no picture of {mistakes['n_tested']:,} misclassified",
                    **face(results, figure, tested + more),
                )
            )
    return paths


def _sheet(mistakes: Mapping[str, Any], task: Task, first: int) -> tuple[list, str]:
    """Returns title and pictures of those from position `first` on, and what the caption says of them."""
    beside = {"its mask": mistakes["masks"], "what the network was fed": mistakes["fed"]}
    if np.array_equal(mistakes["fed"], mistakes["pictures"]):
        del beside["what the network was fed"]
    if not len(mistakes["masks"]):
        del beside["its mask"]
    panels = [
        (_title(mistakes, i, task), [mistakes["pictures"][i], *(of[i] for of in beside.values())])
        for i in range(first, min(first + _A_SHEET, len(mistakes["images"])))
    ]
    if not panels:
        return panels, ""
    more = (
        f": {first + 1:,} to {first + len(panels):,} of {mistakes['n_wrong']:,} misclassified pictures, of "
        f"{mistakes['n_tested']:,} tested, the surest mistakes first"
    )
    if beside:
        more += f". From left to right the picture, {' and '.join(beside)}"
    return panels, more


def _title(mistakes: Mapping[str, Any], i: int, task: Task) -> str:
    true, taken = (mistakes["class_names"][mistakes[which][i]] for which in ("label", "predicted"))
    image = mistakes["images"][i]
    name = file_stem(image)
    if "+" in task.dataset:
        name = f"{card(image.split('/')[0]).name} {name}"
    title = f"{name}: true {true}, taken for {taken}, score {mistakes['score'][i]:.2f} for {taken}"
    if not len(mistakes["masks"]):
        return title
    # Kept together by no-break spaces.
    return f"{title}; mask\u00a0{100 * mistakes['masks'][i].mean() / 255:.1f}\u00a0%"


KIND = FigureKind(build=_build, capture=_capture)
