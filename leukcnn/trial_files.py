"""The content of a trial's files: predictions, history, features and result, and what each must satisfy.

The functions `parse_...` and `check_...` raise a ValueError, or another error of a parser, that says what is
wrong; `parsed` adds the file's name and the remedy.
"""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from leukcnn.errors import StoreError
from leukcnn.files import replace_file
from leukcnn.spec.checks import fits

AS_WRITTEN = "the files as leukcnn wrote them"
REMEDY = "remove the trial's folder and run `leukcnn reproduce` again"
"""What was expected, and what to do, where a file of a trial is damaged."""

# The columns of predictions before those of the probabilities.
_COLUMNS = ("image", "subset", "checkpoint", "group", "label")
KEPT = ("trial.json", "history.csv", "predictions.csv", "features.npz", "model.keras", "environment.json")
"""Files of a finished trial."""

_Value = TypeVar("_Value")
_SUBSETS = ("test", "external", "final", "within")
# The sum of half-precision probabilities differs from 1 by less.
_SUM_TOLERANCE = 0.01
_RANGE_TOLERANCE = 1e-6

# Field of a trial's result -> its type. The first two are in each result.
_RESULT: Mapping[str, Any] = {
    "checkpoint": str,
    "files": dict[str, str],
    "best_epochs": dict[str, int],
    "parameters": int,
    "file_bytes": dict[str, int],
    "features": int,
    "images": dict[str, int],
    "seconds": dict[str, float],
    "epochs_run_here": int,
}


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions of a trial's networks, one row per image and checkpoint.

    Attributes:
        image: (N,) str, ids of the images.
        subset: (N,) str, "test", "external" or "final".
        checkpoint: (N,) str, which weights were used: those of the best "val_accuracy" or "val_loss", or
            those of the "last" epoch; "control" or "svm" if no network was trained.
        group: (N,) str, subject; "" if unknown.
        label: (N,) int64, true class; -1 if unknown.
        probabilities: (N, C) float64, in 0..1.
        class_names: C names.
    """

    image: np.ndarray
    subset: np.ndarray
    checkpoint: np.ndarray
    group: np.ndarray
    label: np.ndarray
    probabilities: np.ndarray
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.image)

    @cached_property
    def predicted(self) -> np.ndarray:
        """(N,) int64, the class with the highest probability."""
        return self.probabilities.argmax(axis=1)

    @cached_property
    def dataset(self) -> np.ndarray:
        """(N,) str, the first folder of each image's id: its dataset, if the run has several."""
        return np.array([image.partition("/")[0] for image in self.image.tolist()], dtype=np.str_)

    @cached_property
    def by_image(self) -> tuple[np.ndarray, np.ndarray]:
        """The images' ids in order, each once, and the first row of each: (M,) str and (M,) int64."""
        return np.unique(self.image, return_index=True)

    def select(self, mask: np.ndarray) -> "Predictions":
        """Returns the rows where `mask`, (N,) bool, is True, or the rows at its positions, (M,) int."""
        columns = {name: getattr(self, name)[mask] for name in _COLUMNS}
        return Predictions(**columns, probabilities=self.probabilities[mask], class_names=self.class_names)

    @staticmethod
    def join(several: "Sequence[Predictions]") -> "Predictions":
        """Returns the rows of several predictions, one after another; at least one."""
        columns = {
            name: np.concatenate([getattr(p, name) for p in several]) for name in (*_COLUMNS, "probabilities")
        }
        return Predictions(**columns, class_names=several[0].class_names)


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Writes predictions as CSV: image, subset, checkpoint, group, label, p_<class> ...

    Raises:
        StoreError: The folder can't be written to, or these can't be a network's predictions: probabilities
            outside 0..1, or whose sum isn't 1, or an image that occurs twice.
    """
    try:
        _check_predictions(predictions)
    except ValueError as error:
        raise StoreError(
            f"The predictions for {path} aren't stored: {error}",
            expected="for each image, subset and checkpoint, one row of probabilities with the sum 1",
            remedy="give the network an output of one sigmoid unit or of a softmax over the classes",
        ) from error
    target = io.StringIO(newline="")
    writer = csv.writer(target, lineterminator="\n")
    # Before Python 3.13, a writer doesn't quote a carriage return unless it quotes everything.
    quoting = csv.writer(target, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow([*_COLUMNS, *(f"p_{name}" for name in predictions.class_names)])
    columns = [getattr(predictions, name) for name in _COLUMNS]
    for *row, probabilities in zip(*columns, predictions.probabilities, strict=True):
        suited = quoting if any("\r" in value for value in row[:-1]) else writer
        suited.writerow([*row, *(f"{p:.9g}" for p in probabilities)])
    with replace_file(path) as draft:
        draft.write_bytes(target.getvalue().encode("utf-8", "surrogateescape"))


def parsed(path: Path, what: str, parse: Callable[[bytes], _Value], content: bytes) -> _Value:
    """Returns the values in the content of a trial's file.

    Raises:
        StoreError: It has another form; the message says that the file holds no `what`.
    """
    try:
        return parse(content)
    except (ValueError, IndexError, KeyError, EOFError, csv.Error, zipfile.BadZipFile, zlib.error) as error:
        raise StoreError(f"{path} holds no {what}: {error}", expected=AS_WRITTEN, remedy=REMEDY) from error


def parse_predictions(content: bytes) -> Predictions:
    """Returns the predictions in the content of a file that `write_predictions` wrote."""
    header, *rows = _csv_rows(content)
    n = len(_COLUMNS)
    if tuple(header[:n]) != _COLUMNS or not all(name.startswith("p_") for name in header[n:]):
        raise ValueError(f"its columns are {', '.join(header):.200}")
    if not rows:
        raise ValueError("it has no rows")
    columns = list(zip(header, *rows, strict=True))
    values = {name: np.array(column[1:]) for name, column in zip(_COLUMNS, columns, strict=False)}
    predictions = Predictions(
        **{**values, "label": values["label"].astype(np.int64)},
        probabilities=np.array([column[1:] for column in columns[n:]], dtype=np.float64).T.copy(),
        class_names=tuple(name.removeprefix("p_") for name in header[n:]),
    )
    _check_predictions(predictions)
    return predictions


def _check_predictions(predictions: Predictions) -> None:
    """Checks that each row is possible and occurs once."""
    probabilities, names, images = predictions.probabilities, predictions.class_names, predictions.image
    if not len(images):
        raise ValueError("it has no rows")
    if len({*names}) < len(names):
        raise ValueError(f"its classes are {', '.join(names)}")
    if probabilities.shape != (len(images), len(names)):
        raise ValueError(f"its probabilities have the shape {probabilities.shape}")
    # NaN is in no range.
    in_range = (probabilities >= -_RANGE_TOLERANCE) & (probabilities <= 1 + _RANGE_TOLERANCE)
    wrong_sum = np.abs(probabilities.sum(axis=1) - 1) > _SUM_TOLERANCE
    for wrong, what in (
        (~in_range.all(axis=1), "a probability outside 0..1"),
        (wrong_sum, "probabilities whose sum isn't 1"),
        ((predictions.label < -1) | (predictions.label >= len(names)), "the label of no class"),
        (~np.isin(predictions.subset, _SUBSETS), "an unknown subset"),
    ):
        if wrong.any():
            n, first = np.count_nonzero(wrong), str(images[wrong.argmax()])
            raise ValueError(f"{n:,} of {len(images):,} rows have {what}, the first that of {first:.200}")
    keys = [column.tolist() for column in (images, predictions.subset, predictions.checkpoint)]
    if len({*zip(*keys, strict=True)}) < len(images):
        raise ValueError("it predicts an image twice with the same weights")


def write_features(path: Path, *, image: np.ndarray, label: np.ndarray, features: np.ndarray) -> None:
    """Writes features of images.

    Args:
        path: The NPZ file.
        image: (N,) str, ids of the images.
        label: (N,) int64, true classes.
        features: (N, D) float32.

    Raises:
        StoreError: The folder can't be written to.
    """
    with replace_file(path) as draft, draft.open("wb") as file:
        np.savez(file, image=image, label=label, features=features)


def parse_features(content: bytes) -> dict[str, np.ndarray]:
    """Returns the arrays that `write_features` wrote."""
    with np.load(io.BytesIO(content)) as stored:
        return {name: stored[name] for name in ("image", "label", "features")}


def parse_history(content: bytes) -> dict[str, np.ndarray]:
    """Returns the columns of a history: name -> (epochs,) float64."""
    header, *rows = _csv_rows(content)
    if len({*header}) < len(header):
        raise ValueError(f"its columns are {', '.join(header):.200}")
    values = np.array(rows, dtype=np.float64)
    if values.shape != (len(rows), len(header)) or not rows:
        raise ValueError("it has no rows")
    return dict(zip(header, values.T, strict=True))


def check_result(result: Mapping[str, Any]) -> None:
    """Checks the fields of a trial's result and the names and hashes of its files."""
    for name, kind in _RESULT.items():
        if name in result and not fits(result[name], kind):
            raise ValueError(f"{name} = {result[name]!r:.80}")
    if lacking := [name for name in ("checkpoint", "files") if name not in result]:
        raise ValueError(f"it lacks {' and '.join(lacking)}")
    files = result["files"]
    if unknown := [name for name in files if name not in KEPT]:
        raise ValueError(f"it lists {unknown[0]!r:.80}, which is no file of a trial")
    if lacking := [name for name in ("trial.json", "predictions.csv") if name not in files]:
        raise ValueError(f"it doesn't list {' and '.join(lacking)}")
    check_hashes(files)


def check_hashes(files: Mapping[str, Any]) -> None:
    """Checks the SHA-256 of each file by its name."""
    for name, value in files.items():
        if not isinstance(value, str) or not re.fullmatch("[0-9a-f]{64}", value):
            raise ValueError(f"the SHA-256 of {name!r:.80} is {value!r:.80}")


def _csv_rows(content: bytes) -> Sequence[list[str]]:
    # Names of images may have bytes that aren't UTF-8, which Python keeps as surrogates.
    text = content.decode("utf-8", "surrogateescape")
    if "\0" in text:
        raise ValueError("it has NUL bytes")
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    if not rows:
        raise ValueError("it is empty")
    return rows
