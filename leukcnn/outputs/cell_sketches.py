"""Pictures of how cells are cut out, and those that networks get wrong, kept with an experiment."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from leukcnn import spec
from leukcnn.datasets import ImageIndex, card, read_picture
from leukcnn.files import digest, stored_arrays, write_arrays
from leukcnn.outputs.titles import file_stem
from leukcnn.picture_cache import prepare
from leukcnn.preprocessing import resize, wbc_mask
from leukcnn.results.results import Results
from leukcnn.runs import Predictions
from leukcnn.seeding import generator

LONGEST_SIDE = 512
"""Pixels of the longer side of a smear that is kept, at most."""

MOST_MISCLASSIFIED = 120
"""Misclassified pictures of a row and a dataset that are kept, at most."""

_MOST_SMEARS = 4
_PIXELS = ("pictures", "masks", "fed")
_COLUMNS = ("images", "label", "predicted", "score")
_COUNTS = ("n_wrong", "n_tested")


def pick_smears(index: ImageIndex, rows: np.ndarray, *, seed: int) -> list[tuple[str, np.ndarray]]:
    """Picks a picture of each class of each dataset, whole, the last class of a dataset first.

    There are at most four; where they would be more, every class comes before a second dataset of any.

    Args:
        index: The pictures.
        rows: Positions of those that may be picked, all with a label.
        seed: Root seed.

    Returns:
        Title and picture of each: uint8 (H, W, 3), RGB, as it is in its file or, where that is larger, with
        a longer side of `LONGEST_SIDE` pixels.

    Raises:
        DataError: A picture can't be read.
    """
    rng, found = generator(seed, "figures", "smears"), []
    for label in range(len(index.class_names)):
        of_class = rng.permutation(rows[index.labels[rows] == label])
        datasets, first = np.unique(index.dataset[of_class], return_index=True)
        found += [
            (place, dataset, -label, row)
            for place, (dataset, row) in enumerate(zip(datasets.tolist(), of_class[first], strict=True))
        ]
    chosen = sorted(sorted(found)[:_MOST_SMEARS], key=lambda one: one[1:])
    return [(_name(index, row), _reduced(read_picture(index.paths[row])[0])) for *_, row in chosen]


def _name(index: ImageIndex, row: int) -> str:
    dataset = card(str(index.dataset[row])).name
    return f"{index.class_names[index.labels[row]]}, {dataset}, {file_stem(index.ids[row])}"


def _reduced(picture: np.ndarray) -> np.ndarray:
    share = LONGEST_SIDE / max(picture.shape)
    if share >= 1:
        return picture
    return resize(picture, tuple(max(round(share * side), 1) for side in picture.shape[:2]))


@dataclass(frozen=True, eq=False)
class Misclassified:
    """The test pictures that a row's networks take for another class, those they are surest of first.

    Attributes:
        images: n ids, at most `MOST_MISCLASSIFIED`.
        label: (n,) int64, true classes.
        predicted: (n,) int64, classes that they are taken for.
        score: (n,) float64, probabilities of the classes that they are taken for, 0..1.
        class_names: Names of the classes.
        pictures: uint8 (n, S, S, 3), the pictures whole, of the size that the network takes.
        masks: uint8 (n, S, S), 255 where a picture is a white cell; (0, S, S) where nothing is thresholded.
        fed: uint8 (n, S, S, 3), what the network was fed.
        n_wrong: How many are misclassified, those that aren't kept included.
        n_tested: How many were tested.
        key: What the predictions are that they were chosen from, see `Task.key`.
    """

    images: list[str]
    label: np.ndarray
    predicted: np.ndarray
    score: np.ndarray
    class_names: tuple[str, ...]
    pictures: np.ndarray
    masks: np.ndarray
    fed: np.ndarray
    n_wrong: int
    n_tested: int
    key: str

    def __len__(self) -> int:
        return len(self.images)

    @staticmethod
    def exist(folder: Path, name: str, *, key: str) -> bool:
        """Returns whether an experiment's folder holds those of these very predictions.

        Raises:
            StoreError: They can't be read.
        """
        path = folder / f"{name}.npz"
        if not path.exists():
            return False
        with stored_arrays(path) as arrays:
            return str(arrays["key"]) == key

    def save(self, folder: Path, name: str) -> None:
        """Writes them into an experiment's folder.

        Raises:
            StoreError: The folder can't be written to.
        """
        values = {field: np.asarray(getattr(self, field)) for field in (*_PIXELS, *_COLUMNS, *_COUNTS)}
        names = np.array(self.class_names)
        write_arrays(folder / f"{name}.npz", **values, class_names=names, key=np.array(self.key))

    @staticmethod
    def load(folder: Path, name: str) -> "Misclassified":
        """Reads them.

        Raises:
            StoreError: They can't be read.
        """
        with stored_arrays(folder / f"{name}.npz") as arrays:
            columns = {field: arrays[field] for field in (*_PIXELS, *_COLUMNS[1:])}
            return Misclassified(
                **columns,
                **{field: int(arrays[field]) for field in _COUNTS},
                images=arrays["images"].tolist(),
                class_names=tuple(arrays["class_names"].tolist()),
                key=str(arrays["key"]),
            )


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


def keep_misclassified(results: Results, figure: spec.Figure, index: ImageIndex, folder: Path) -> None:
    """Keeps what a figure of misclassified pictures needs, unless that of the same predictions is there.

    Args:
        results: The experiment.
        figure: The figure.
        index: The pictures that the experiment rests on.
        folder: The experiment's folder.

    Raises:
        DataError: A picture can't be read.
        StoreError: The store can't be read or written to.
    """
    for task in tasks_of(results, figure):
        if not Misclassified.exist(folder, task.name, key=task.key):
            preprocessing = results.setup(task.row).preprocessing
            make_misclassified(task, preprocessing, index).save(folder, task.name)


def make_misclassified(task: Task, preprocessing: spec.Preprocessing, index: ImageIndex) -> Misclassified:
    """Picks the misclassified pictures of which the networks are surest, and prepares them.

    Args:
        task: What was tested.
        preprocessing: How the pictures were prepared.
        index: The pictures.

    Raises:
        DataError: A picture can't be read.
    """
    said = task.predictions
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
    return Misclassified(
        images=said.image[kept].tolist(),
        label=said.label[kept],
        predicted=said.predicted[kept],
        score=score[kept],
        class_names=said.class_names,
        pictures=pictures,
        masks=masks,
        fed=fed,
        n_wrong=len(wrong),
        n_tested=len(said),
        key=task.key,
    )
