"""Controls: classifiers without a network that see class frequencies, colours, cell sizes or file headers.

A control that sees the border of the images, or only their mean colours, knows nothing about cells. A control
that gets the number and size of cells doesn't see what is in them. A control that reads the headers of the
files sees no pixel. If a control scores almost as well as a
network, the network's score says little about leukaemia.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from sklearn.ensemble import RandomForestClassifier

from leukcnn.datasets.read import image_header
from leukcnn.datasets.walk import read_files
from leukcnn.errors import ArgumentError
from leukcnn.labels import check_classes
from leukcnn.preprocessing import label_cells, wbc_mask
from leukcnn.seeding import child_seed

Features = Callable[[np.ndarray], np.ndarray]
KnownFeatures = dict[str, dict[int, np.ndarray]]
"""Key of a control -> position of an image -> its features for that control."""

BORDER_PIXELS = 16
"""Width of the border that the control sees, in images of any size.

`leukcnn.preprocessing.blank` blanks a border of a fourteenth of the image size. In images of 224 pixels and
more, the control then sees only black. In smaller images, the blanked border is narrower than the control's.
"""

_FORMATS = ("BMP", "PNG", "JPEG", "TIFF")
_TREES = 300
_WORTH_THREADS = 1000  # with this many images, a second thread saves time
_CHUNK = 256


@dataclass(frozen=True)
class Control:
    """A classifier that doesn't see the inside of cells.

    Attributes:
        label: Its name in tables.
        sees: What it sees, in a sentence: "no better than ...".
        features: Computes what it sees, uint8 (N, S, S, 3) -> (N, F); None if it doesn't see the images.
        of_files: Whether `features` takes the paths of the image files, (N,), instead of prepared images.
    """

    label: str
    sees: str
    features: Features | None
    of_files: bool = False


def border_features(images: np.ndarray, *, width: int = BORDER_PIXELS) -> np.ndarray:
    """Returns mean and standard deviation of each channel of the border of each image.

    Args:
        images: uint8 (N, S, S, 3), RGB.
        width: Width of the border in pixels.

    Returns:
        float64 (N, 6), three means, then three standard deviations (of all pixels, ddof 0), in grey levels.

    Raises:
        ArgumentError: The border is wider than half an image.
    """
    height, image_width = images.shape[1:3]
    if not 0 < width <= min(height, image_width) // 2:
        raise ArgumentError(
            f"The border is {width} pixels wide and the images have {height}x{image_width}.",
            expected="a border of at least 1 pixel and at most half an image",
        )
    mask = np.full((height, image_width), 255, dtype=np.uint8)
    mask[width : height - width, width : image_width - width] = 0
    return _channel_statistics(images, mask)


def colour_features(images: np.ndarray) -> np.ndarray:
    """Returns mean and standard deviation of each channel of each whole image.

    Args:
        images: uint8 (N, S, S, 3), RGB.

    Returns:
        float64 (N, 6), three means, then three standard deviations (of all pixels, ddof 0), in grey levels.
    """
    return _channel_statistics(images, None)


def cell_features(images: np.ndarray) -> np.ndarray:
    """Returns the number and the sizes of the dark cells in each image.

    Cells are the patches of the darkest grey levels that `leukcnn.preprocessing.wbc_mask` finds and
    `label_cells` separates. In images without a white cell they are red cells or specks.

    Args:
        images: uint8 (N, S, S, 3), RGB.

    Returns:
        float64 (N, 5): the number of cells; then, as fractions of the image's area 0..1, the area of the
        mask, and mean, standard deviation (ddof 0) and maximum of the cells' areas. Without cells, all are 0
        but the area of the mask, which may have specks that are too small for cells.
    """
    features = np.zeros((len(images), 5))
    for row, image in zip(features, images, strict=True):
        mask = wbc_mask(image)
        row[1] = mask.mean()
        areas = np.bincount(label_cells(mask).ravel())[1:] / mask.size
        if len(areas):
            row[[0, 2, 3, 4]] = len(areas), areas.mean(), areas.std(), areas.max()
    return features


def file_features(paths: Sequence[Path] | np.ndarray) -> np.ndarray:
    """Returns what the headers of image files say, as they are before any crop or resizing.

    The number of bytes isn't among it, since compression makes it depend on what an image shows.

    Args:
        paths: (N,) the files.

    Returns:
        float64 (N, 9): height and width in pixels, width / height, channels, bits per channel, and whether
        the format is BMP, PNG, JPEG or TIFF (0 or 1 each).

    Raises:
        DataError: A file can't be read or isn't a complete image.
    """
    headers = read_files(image_header, list(paths))
    return np.array(
        [
            (h.height, h.width, h.width / h.height, h.channels, h.bits, *(h.format == f for f in _FORMATS))
            for h in headers
        ],
        dtype=np.float64,
    ).reshape(-1, 5 + len(_FORMATS))


def _channel_statistics(images: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    levels = np.arange(256)
    features = np.empty((len(images), 6))
    for row, image in zip(features, images, strict=True):
        # Integers up to the division: a border of one colour has standard deviation 0, without rounding
        # errors that a tree could split at (cv2.meanStdDev has errors up to 4e-6).
        counts = np.stack([_histogram(image, channel, mask) for channel in range(3)])
        n, total, squares = counts.sum(axis=1), counts @ levels, counts @ levels**2
        row[:3], row[3:] = total / n, np.sqrt(n * squares - total**2) / n
    return features


def _histogram(image: np.ndarray, channel: int, mask: np.ndarray | None) -> np.ndarray:
    counts = cv2.calcHist([np.ascontiguousarray(image)], [channel], mask, [256], [0, 256])
    return counts.ravel().astype(np.int64)


CONTROLS: dict[str, Control] = {
    "majority": Control("Majority class", "the majority class", None),
    "border": Control(
        f"Random forest, {BORDER_PIXELS}-pixel border", "the colour of the border", border_features
    ),
    "colour": Control(
        "Random forest, whole image's colour", "the colour of the whole image", colour_features
    ),
    "size": Control(
        "Random forest, image size and file format",
        "the image size and file format",
        file_features,
        of_files=True,
    ),
    "cells": Control(
        "Random forest, number and size of dark patches",
        "the number and size of dark patches",
        cell_features,
    ),
}
"""The controls in the order of tables. A paper lists those that it uses in `controls`."""


def control_label(name: str) -> str:
    """Returns the name of a control in tables.

    Raises:
        ArgumentError: There is no such control.
    """
    return _control(name).label


def control_probabilities(
    name: str,
    images: np.ndarray,
    *,
    labels: np.ndarray,
    train: np.ndarray,
    predict: np.ndarray,
    n_classes: int,
    seed: int,
    known: KnownFeatures | None = None,
) -> np.ndarray:
    """Fits a control and applies it.

    Args:
        name: Key of `CONTROLS`.
        images: uint8 (N, S, S, 3), RGB; may be mapped from disk: only the images of `train` and `predict`
            are read. For a control that sees files, the paths of the N images.
        labels: (N,) integers, the true classes; from 0 to `n_classes` - 1 for the images of `train`.
        train: (M,) positions of the images that it is fitted on.
        predict: (K,) positions of the images that it predicts.
        n_classes: Number of classes.
        seed: Root seed of the forest.
        known: Features of the same images from other folds or splits; new ones are added. None keeps nothing.

    Returns:
        float64 (K, n_classes), probabilities; 0 for classes that don't occur in `train`. The control
        "majority" predicts the class frequencies of `train`.

    Raises:
        ArgumentError: There is no such control, it needs paths and got images, `train` is empty, or a label
            isn't a class number.
    """
    features = _control(name).features
    if _control(name).of_files and getattr(images, "ndim", 1) != 1:
        raise ArgumentError(
            f"The control {name!r} got images.",
            expected="the paths of their files, (N,)",
            remedy="pass np.array(index.paths)",
        )
    if len(train) == 0:
        raise ArgumentError("There is no image to fit a control on.", expected="at least one")
    train_labels, _ = check_classes(labels[train], labels[train], n_classes=n_classes)
    if features is None:
        return np.tile(np.bincount(train_labels, minlength=n_classes) / len(train), (len(predict), 1))
    of_images = {} if known is None else known.setdefault(name, {})
    forest = RandomForestClassifier(
        _TREES,
        n_jobs=2 if len(train) >= _WORTH_THREADS else 1,
        random_state=child_seed(seed, "control", name) % 2**32,
    ).fit(_features_of(features, images, train, of_images), train_labels)
    # Several threads would add the trees' votes in the order in which they finish.
    forest.set_params(n_jobs=1)
    probabilities = np.zeros((len(predict), n_classes))
    if len(predict):
        probabilities[:, forest.classes_] = forest.predict_proba(
            _features_of(features, images, predict, of_images)
        )
    return probabilities


def _features_of(
    features: Features, images: np.ndarray, rows: np.ndarray, known: dict[int, np.ndarray]
) -> np.ndarray:
    missing = [row for row in rows.tolist() if row not in known]
    # Images may be mapped from disk, and all at once may not fit into memory.
    for i in range(0, len(missing), _CHUNK):
        chunk = missing[i : i + _CHUNK]
        known.update(zip(chunk, features(images[chunk]), strict=True))
    return np.stack([known[row] for row in rows.tolist()])


def _control(name: str) -> Control:
    if name not in CONTROLS:
        raise ArgumentError(f"There is no control {name!r}.", expected=f"one of {', '.join(CONTROLS)}")
    return CONTROLS[name]
