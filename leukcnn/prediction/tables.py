"""Tables of predicted classes as CSV or JSON."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from leukcnn.argument_types import user_path
from leukcnn.errors import ArgumentError
from leukcnn.files import replace_file
from leukcnn.paths import PREDICTION_COLUMNS, PREDICTION_FORMAT, check_predictions_file
from leukcnn.pipeline import check_probabilities
from leukcnn.prediction.saved import NOTICE, fault_of_names


def write_classes(
    path: str | Path,
    images: Sequence[Path],
    probabilities: np.ndarray,
    class_names: Sequence[str],
    *,
    of_image: Sequence[Mapping[str, Any]] = (),
    of_all: Mapping[str, Any] | None = None,
) -> None:
    """Writes predicted classes as CSV or JSON, by the ending of the file.

    A CSV file has the columns image, class, p_<class> ... A JSON file is an object with "format", "notice",
    "classes", and "images": a list of objects with "image", "class" and "probabilities" (class ->
    probability).

    Args:
        path: The file; it ends in .csv or .json.
        images: N image files.
        probabilities: (N, classes), 0..1.
        class_names: Names of the classes.
        of_image: For JSON, further entries of each image; empty for none.
        of_all: For JSON, further entries of the file.

    Raises:
        StoreError: The folder can't be written to, the file has another ending, is one of the images or holds
            something else than an earlier table of this function.
        ArgumentError: The names aren't distinct strings, or aren't as many as the columns.
        WeightsError: A value isn't finite or no probability.
    """
    table = classes_table(images, probabilities, class_names, of_image=of_image, of_all=of_all)
    path = user_path(path)
    check_predictions_file(path, images)
    if path.suffix.lower() == ".csv":
        text = _csv(images, [image["class"] for image in table["images"]], probabilities, class_names)
    else:
        text = json.dumps(table, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    with replace_file(path) as draft:
        draft.write_bytes(text.encode())


def classes_table(
    images: Sequence[Path],
    probabilities: np.ndarray,
    class_names: Sequence[str],
    *,
    of_image: Sequence[Mapping[str, Any]] = (),
    of_all: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Returns predicted classes as plain JSON values; arguments and errors as in `write_classes`."""
    if fault := fault_of_names(class_names):
        raise ArgumentError(f"The table can't be written: {fault}.", expected="distinct names of the classes")
    shape = (len(images), len(class_names))
    if probabilities.shape != shape:
        raise ArgumentError(
            f"The probabilities have the shape {probabilities.shape}.",
            expected=f"{shape}: a row for each image and a column for each class",
        )
    check_probabilities(probabilities, images, of="The network", add_up=False)
    classes = [class_names[int(row.argmax())] for row in probabilities]
    rows = zip(images, classes, probabilities.tolist(), of_image or [{}] * len(images), strict=True)
    return {
        "format": PREDICTION_FORMAT,
        "notice": NOTICE,
        "classes": list(class_names),
        **(of_all or {}),
        "images": [
            {
                "image": str(image),
                "class": name,
                "probabilities": dict(zip(class_names, values, strict=True)),
                **more,
            }
            for image, name, values, more in rows
        ],
    }


def _csv(
    images: Sequence[Path], classes: Sequence[str], probabilities: np.ndarray, class_names: Sequence[str]
) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*PREDICTION_COLUMNS, *(f"p_{name}" for name in class_names)])
    for image, name, row in zip(images, classes, probabilities, strict=True):
        writer.writerow([image, name, *(f"{p:.9g}" for p in row)])
    return file.getvalue()
