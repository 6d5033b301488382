"""Images whose folders are named by class: their classes, and the metrics of the answers."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from leukcnn.prediction import Answers
from leukcnn.rendering.tables import Column, Table
from leukcnn.results.measure import Measured, measure_run
from leukcnn.results.metrics import confusion_matrix
from leukcnn.spec import METRICS
from leukcnn.trial_files import Predictions

_UNKNOWN = -1
_INDEPENDENT = (
    "The intervals treat the images as independent. Images of one smear or subject resemble each other: then "
    "the true intervals are wider."
)


@dataclass(frozen=True, eq=False)
class FolderLabels:
    """The classes that the folders of N images name.

    Attributes:
        labels: (N,) int64, positions of the classes; -1 where no folder names one.
        folders: Name of a folder that names a class -> the position of the class, and the number of images.
        doubtful: Number of images whose folders name several classes.
    """

    labels: np.ndarray
    folders: dict[str, tuple[int, int]]
    doubtful: int

    def notes(self, class_names: Sequence[str]) -> list[str]:
        """Returns which folders count as which classes, and how many images have no class."""
        taken = [f"{name} as {class_names[label]} ({n:,})" for name, (label, n) in self.folders.items()]
        lines = [f"Folders that name a class: {', '.join(taken)}."]
        if without := int((self.labels == _UNKNOWN).sum()):
            doubt = f", {self.doubtful:,} of them because their folders name several" * bool(self.doubtful)
            lines.append(
                f"{without:,} images have no class in the name of a folder{doubt}; they aren't counted."
            )
        return lines


def folder_labels(paths: Sequence[Path], places: Sequence[Path], class_names: Sequence[str]) -> FolderLabels:
    """Returns the classes of images by the names of their folders.

    The folders between an image and the place that the user named come first. If none of them names a class,
    the place itself may. Nothing is guessed: if folders of one image name two classes, it has none.

    Args:
        paths: N image files.
        places: For each, the file or folder that the user named.
        class_names: Names of the network's classes.
    """
    labels, doubtful = np.full(len(paths), _UNKNOWN, dtype=np.int64), 0
    counts: Counter[tuple[str, int]] = Counter()
    known: dict[str, int | None] = {}
    for row, (path, place) in enumerate(zip(paths, places, strict=True)):
        inside = path.relative_to(place).parts[:-1] if path != place else ()
        for names in (inside, (place.absolute().parent.name if path == place else place.absolute().name,)):
            for name in names:
                if name not in known:
                    known[name] = class_of_folder(name, class_names)
            named = {name: label for name in names if (label := known[name]) is not None}
            if len({*named.values()}) > 1:
                doubtful += 1
                break
            if named:
                ((name, label),) = [*named.items()][-1:]
                labels[row] = label
                counts[name, label] += 1
                break
    folders = {name: (label, n) for (name, label), n in counts.items()}
    return FolderLabels(labels, folders, doubtful)


def class_of_folder(name: str, class_names: Sequence[str]) -> int | None:
    """Returns the position of the class that a folder's name means, None if no or no certain one."""
    matches = [i for i, known in enumerate(class_names) if _plain(known) == _plain(name)]
    return matches[0] if len(matches) == 1 else None


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


class Score(NamedTuple):
    """A metric of labelled images.

    Attributes:
        metric: A key of `leukcnn.results.metrics.METRICS`.
        class_name: The class that it is about; "" for all.
        measured: Value and interval.
        n_images: Number of images that it is about.
    """

    metric: str
    class_name: str
    measured: Measured
    n_images: int


@dataclass(frozen=True, eq=False)
class Scores:
    """The metrics of labelled images, with 95 % intervals over the images.

    Attributes:
        class_names: C names.
        scores: The metrics.
        confusion: (C, C) int64, numbers of images; true classes in rows.
    """

    class_names: tuple[str, ...]
    scores: list[Score]
    confusion: np.ndarray

    def tables(self) -> list[Table]:
        """Returns the metrics, and the confusion matrix, as tables."""
        rows, methods = [], []
        for metric, class_name, measured, n_images in self.scores:
            title, is_percent, *_ = METRICS[metric]
            factor = 100 if is_percent else 1
            interval = measured.interval
            bounds = (factor * interval.low, factor * interval.high) if interval.defined else None
            shown = title + " (%)" * is_percent
            rows.append((shown, class_name, factor * measured.values[0], bounds, n_images))
            methods.append(f"{title}: {interval.describe(own_units=True)}")
        columns = [
            Column("Metric"),
            Column("Class"),
            Column("Value", "quantity"),
            Column("95 % interval", "range"),
            Column("Images", "integer"),
        ]
        title = f"{self.confusion.sum():,} images in folders named by class"
        counts = zip(self.class_names, self.confusion.tolist(), strict=True)
        return [
            Table("metrics", title, columns, rows, [*dict.fromkeys(methods), _INDEPENDENT]),
            Table(
                "confusion",
                "Confusion matrix: true classes in rows, predicted ones in columns",
                ["True class", *(Column(name, "integer") for name in self.class_names)],
                [(name, *row) for name, row in counts],
            ),
        ]

    def to_plain(self) -> dict[str, Any]:
        """Returns the values for JSON, as fractions; None for what is undefined."""
        metrics = [
            {
                "metric": score.metric,
                "class": score.class_name or None,
                "value": _finite(score.measured.values[0]),
                "interval": [_finite(score.measured.interval.low), _finite(score.measured.interval.high)],
                "images": score.n_images,
            }
            for score in self.scores
        ]
        return {"metrics": metrics, "confusion_matrix": self.confusion.tolist()}


def score(answers: Answers, labels: np.ndarray) -> Scores | None:
    """Returns the metrics of labelled images.

    Args:
        answers: N answers.
        labels: (N,) int64, true classes; images of class -1 or without an answer aren't counted.

    Returns:
        Accuracy, recall of each class, macro F1, AUROC and kappa; None if no image counts.
    """
    rows = np.array([row for row in answers.usable if labels[row] != _UNKNOWN], dtype=np.int64)
    if not len(rows):
        return None
    names, n = answers.class_names, len(rows)
    run = Predictions(
        image=np.array([str(answers.paths[row]) for row in rows]),
        subset=np.full(n, "external"),
        checkpoint=np.full(n, ""),
        group=np.full(n, ""),
        label=labels[rows],
        probabilities=answers.probabilities[rows],
        class_names=names,
    )
    of_classes = [("recall", position) for position in range(len(names))]
    area = ("auroc", 1) if len(names) == 2 else ("macro_auroc", None)
    scores = []
    for metric, of_class in (("accuracy", None), *of_classes, ("macro_f1", None), area, ("kappa", None)):
        measured = measure_run(run, metric, positive=of_class or 0)
        n_images = int((run.label == of_class).sum()) if metric == "recall" else n
        scores.append(Score(metric, "" if of_class is None else names[of_class], measured, n_images))
    return Scores(names, scores, confusion_matrix(run.label, run.predicted, n_classes=len(names)))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
