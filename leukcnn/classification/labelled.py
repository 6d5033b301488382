"""Images whose folders are named by class: their classes, and the metrics of the answers."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from leukcnn.datasets.class_words import class_of, class_words, may_be, normalised, with_classes
from leukcnn.errors import ArgumentError
from leukcnn.fields import did_you_mean
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
        folders: Name of a folder and the class that it names -> number of images.
        doubtful: Number of images whose folders name several classes.
        uncertain: Name of a folder that might mean a class -> the classes that it might mean.
    """

    labels: np.ndarray
    folders: dict[tuple[str, str], int]
    doubtful: int
    uncertain: dict[str, tuple[str, ...]]

    def notes(self) -> list[str]:
        """Returns which folders count as which classes, and which images have no class."""
        lines = [
            f"The folder {folder} may mean {' or '.join(names)}: say which with --classes {folder}=CLASS."
            for folder, names in self.uncertain.items()
        ]
        taken = [f"{folder} as {name} ({n:,})" for (folder, name), n in self.folders.items()]
        if taken:
            lines.append(f"Folders that name a class: {', '.join(taken)}.")
        if self.doubtful:
            lines.append(f"{self.doubtful:,} images are in folders that name several classes.")
        without = int((self.labels == _UNKNOWN).sum())
        if taken and without:
            lines.append(f"{without:,} images without a class aren't in the metrics.")
        return lines


def folder_labels(
    paths: Sequence[Path],
    places: Sequence[Path],
    class_names: Sequence[str],
    *,
    given: Mapping[str, str] | None = None,
) -> FolderLabels:
    """Returns the classes of images by the names of their folders.

    The folders between an image and the place that the user named come first. If none of them names a class,
    the place itself may. Nothing is guessed: if folders of one image name two classes, it has none.

    Args:
        paths: N image files.
        places: For each, the file or folder that the user named.
        class_names: Names of the network's classes.
        given: Folder -> class, which outranks the table of words; the class may be any word for it.

    Raises:
        ArgumentError: `given` names a class that the network doesn't have, or a folder without images.
    """
    words = class_words(*class_names)
    for folder, name in (given or {}).items():
        if name not in class_names and not class_of(name, words):
            raise ArgumentError(
                f"classes (--classes) got {folder}={name}.",
                expected=f"a class of the network: {', '.join(class_names)}",
                remedy=did_you_mean(name, class_names),
            )
    _require_there(given or {}, paths, places)
    words = with_classes(words, given or {}, class_names)
    labels, doubtful = np.full(len(paths), _UNKNOWN, dtype=np.int64), 0
    counts: Counter[tuple[str, str]] = Counter()
    uncertain: dict[str, tuple[str, ...]] = {}
    for row, (path, place) in enumerate(zip(paths, places, strict=True)):
        inside = path.relative_to(place).parts[:-1] if path != place else ()
        outer = place.absolute().parent if path == place else place.absolute()
        for folders in (inside, (outer.name,)):
            named = {folder: name for folder in folders if (name := class_of(folder, words))}
            if named:
                break
        if len({*named.values()}) == 1:
            folder, name = next(iter(named.items()))
            labels[row] = class_names.index(name)
            counts[folder, name] += 1
        doubtful += len({*named.values()}) > 1
        if not named:
            might = {folder: may_be(folder, class_names) for folder in (*inside, outer.name)}
            uncertain |= {folder: of for folder, of in might.items() if of}
    return FolderLabels(labels, dict(counts), doubtful, uncertain)


def _require_there(given: Mapping[str, str], paths: Sequence[Path], places: Sequence[Path]) -> None:
    """Checks that each folder that is given a class is above an image; a slip would change the metrics."""
    names: set[str] = set()
    for path, place in zip(paths, places, strict=True):
        inside = path.relative_to(place).parts[:-1] if path != place else ()
        names |= {*inside, place.absolute().parent.name if path == place else place.absolute().name}
    for folder in given:
        if normalised(folder) not in map(normalised, names):
            raise ArgumentError(
                f"classes (--classes) got the folder {folder!r}, in which no image is.",
                expected=f"one of the folders with images: {', '.join(sorted(names))}",
                remedy=did_you_mean(folder, names),
            )


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
            methods.append(f"{title}: {interval.describe(number='its')}")
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
