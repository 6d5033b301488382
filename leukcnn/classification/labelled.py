"""Images whose folders are named by class: their classes, and the metrics of the answers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leukcnn.prediction import Answers
from leukcnn.rendering.tables import Column, Table
from leukcnn.results.measure import measure_run
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


def metric_tables(answers: Answers, labels: np.ndarray) -> list[Table]:
    """Returns the metrics of labelled images with their intervals, and their confusion matrix.

    Args:
        answers: N answers.
        labels: (N,) int64, true classes; images of class -1 or without an answer aren't counted.

    Returns:
        Two tables; none if no image counts.
    """
    rows = np.array([i for i in answers.usable if labels[i] != _UNKNOWN], dtype=np.int64)
    if not len(rows):
        return []
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
    wanted = [("accuracy", None), *(("recall", k) for k in range(len(names))), ("macro_f1", None)]
    wanted += [("auroc", 1) if len(names) == 2 else ("macro_auroc", None), ("kappa", None)]
    lines, methods = [], []
    for metric, of_class in wanted:
        measured = measure_run(run, metric, positive=of_class or 0)
        title = METRICS[metric].title + (" (%)" if METRICS[metric].percent else "")
        factor = 100 if METRICS[metric].percent else 1
        here = n if metric != "recall" else int((run.label == of_class).sum())
        bounds = (factor * measured.interval.low, factor * measured.interval.high)
        shown = bounds if measured.interval.defined else None
        class_name = "" if of_class is None else names[of_class]
        lines.append((title, class_name, factor * measured.values[0], shown, here))
        methods.append(f"{METRICS[metric].title}: {measured.interval.describe(own_units=True)}")
    columns = [
        Column("Metric"),
        Column("Class"),
        Column("Value", "quantity"),
        Column("95 % interval", "range"),
        Column("Images", "integer"),
    ]
    notes = [*dict.fromkeys(methods), _INDEPENDENT]
    matrix = confusion_matrix(run.label, run.predicted, n_classes=len(names))
    counts = [(name, *row) for name, row in zip(names, matrix.tolist(), strict=True)]
    return [
        Table("metrics", f"{n:,} images in folders named by class", columns, lines, notes),
        Table(
            "confusion",
            "Confusion matrix: true classes in rows, predicted ones in columns",
            [Column("True class"), *(Column(name, "integer") for name in names)],
            counts,
        ),
    ]


def as_plain(tables: Sequence[Table]) -> dict[str, Any]:
    """Returns the tables of `metric_tables` for JSON; NaN becomes null."""
    if not tables:
        return {"metrics": None, "confusion_matrix": None}
    metrics, confusion = tables
    keys = ("metric", "class", "value", "interval", "images")
    rows = [dict(zip(keys, map(_finite, row), strict=True)) for row in metrics.rows]
    return {"metrics": rows, "confusion_matrix": [list(row[1:]) for row in confusion.rows]}


def _finite(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and value != value else value
