"""What a figure is worth: how far one gets without any network, from class shares, colour or counts alone.

A classifier that sees the border of the images, or nothing but their mean colours, knows nothing of cells;
one that is told their number and size has never seen what is in them. Where it comes near a network's figure,
that figure says little of leukaemia.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from sklearn.ensemble import RandomForestClassifier

from leukcnn.errors import ArgumentError
from leukcnn.labels import check_classes
from leukcnn.preprocessing import label_cells, wbc_mask
from leukcnn.seeding import child_seed

Features = Callable[[np.ndarray], np.ndarray]
KnownFeatures = dict[str, dict[int, np.ndarray]]
"""Key of a control -> position of an image -> what the control sees of it."""

BORDER_PIXELS = 16
"""Width of the border that the control sees, whatever the image's size.

Where `leukcnn.preprocessing.blank` blanked the border, the control sees a constant in images of 224 pixels
and more; in smaller ones that frame is narrower than this border.
"""

_TREES = 300
_WORTH_THREADS = 1000  # images from which on a second thread saves time
_CHUNK = 256


@dataclass(frozen=True)
class Control:
    """A classifier that knows nothing of what is in cells.

    Attributes:
        label: What tables call it.
        features: What it sees of images, uint8 (N, S, S, 3) -> (N, F); None if it sees nothing of them.
    """

    label: str
    features: Features | None


def border_features(images: np.ndarray, *, width: int = BORDER_PIXELS) -> np.ndarray:
    """Returns mean and standard deviation of each channel in the border of each image.

    Args:
        images: uint8 (N, S, S, 3), RGB.
        width: Width of the border in pixels.

    Returns:
        float64 (N, 6), three means, then three standard deviations (of all pixels, ddof 0), in grey levels.

    Raises:
        ArgumentError: The border is wider than half an image.
    """
    height, breadth = images.shape[1:3]
    if not 0 < width <= min(height, breadth) // 2:
        raise ArgumentError(
            f"The border is {width} pixels wide and the images have {height}x{breadth}.",
            expected="a border of at least 1 pixel and at most half an image",
        )
    mask = np.full((height, breadth), 255, dtype=np.uint8)
    mask[width : height - width, width : breadth - width] = 0
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
    """Returns how many dark cells there are in each image, and how large they are.

    What counts as a cell, `leukcnn.preprocessing.wbc_mask` and `label_cells` say: patches of the darkest grey
    levels, touching ones parted. In images without a white cell these are red ones or specks.

    Args:
        images: uint8 (N, S, S, 3), RGB.

    Returns:
        float64 (N, 5): the number of cells, then as shares of the image's area 0..1 the whole mask and the
        mean, standard deviation (ddof 0) and largest of the cells; 0 where there is none.
    """
    features = np.zeros((len(images), 5))
    for row, image in zip(features, images, strict=True):
        mask = wbc_mask(image)
        row[1] = mask.mean()
        areas = np.bincount(label_cells(mask).ravel())[1:] / mask.size
        if len(areas):
            row[[0, 2, 3, 4]] = len(areas), areas.mean(), areas.std(), areas.max()
    return features


def _channel_statistics(images: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    levels = np.arange(256)
    features = np.empty((len(images), 6))
    for row, image in zip(features, images, strict=True):
        # Whole numbers up to the division: a border of one colour has the standard deviation 0, and no
        # rounding that a tree could split at (cv2.meanStdDev gives up to 4e-6).
        counts = np.stack([_histogram(image, channel, mask) for channel in range(3)])
        n, total, squares = counts.sum(axis=1), counts @ levels, counts @ levels**2
        row[:3], row[3:] = total / n, np.sqrt(n * squares - total**2) / n
    return features


def _histogram(image: np.ndarray, channel: int, mask: np.ndarray | None) -> np.ndarray:
    counts = cv2.calcHist([np.ascontiguousarray(image)], [channel], mask, [256], [0, 256])
    return counts.ravel().astype(np.int64)


CONTROLS: dict[str, Control] = {
    "majority": Control("Majority class", None),
    "border": Control(f"Random forest, {BORDER_PIXELS}-pixel border", border_features),
    "colour": Control("Random forest, whole image's colour", colour_features),
    "cells": Control("Random forest, number and size of dark patches", cell_features),
}
"""The controls, in the order in which tables show them; which of them a paper has, its `controls` says."""


def control_label(name: str) -> str:
    """Returns what tables call a control.

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
        images: uint8 (N, S, S, 3), RGB; may be mapped from disk, only the rows named below are read.
        labels: (N,) integers, the true classes; from 0 to `n_classes` - 1 in the rows of `train`.
        train: (M,) positions of the images that it is fitted on.
        predict: (K,) positions of those that it is applied to.
        n_classes: Number of classes.
        seed: Root seed of the forest.
        known: What controls saw of these same images before, in another fold or split; it takes in what is
            new. None keeps nothing.

    Returns:
        float64 (K, n_classes), probabilities; 0 for classes that don't occur in training. The majority class
        gives the shares of the classes in training.

    Raises:
        ArgumentError: There is no such control, nothing to fit on, or a label is no class.
    """
    features = _control(name).features
    if len(train) == 0:
        raise ArgumentError("There is no image to fit a control on.", expected="at least one")
    learnt, _ = check_classes(labels[train], labels[train], n_classes=n_classes)
    if features is None:
        return np.tile(np.bincount(learnt, minlength=n_classes) / len(train), (len(predict), 1))
    of_images = {} if known is None else known.setdefault(name, {})
    forest = RandomForestClassifier(
        _TREES,
        n_jobs=2 if len(train) >= _WORTH_THREADS else 1,
        random_state=child_seed(seed, "control", name) % 2**32,
    ).fit(_worked_out(features, images, train, of_images), learnt)
    # Several threads would add up the trees' votes in the order in which they finish.
    forest.set_params(n_jobs=1)
    probabilities = np.zeros((len(predict), n_classes))
    if len(predict):
        probabilities[:, forest.classes_] = forest.predict_proba(
            _worked_out(features, images, predict, of_images)
        )
    return probabilities


def _worked_out(
    features: Features, images: np.ndarray, rows: np.ndarray, known: dict[int, np.ndarray]
) -> np.ndarray:
    missing = [row for row in rows.tolist() if row not in known]
    # Images are mapped from disk: all of them at once may not fit into memory.
    for i in range(0, len(missing), _CHUNK):
        chunk = missing[i : i + _CHUNK]
        known.update(zip(chunk, features(images[chunk]), strict=True))
    return np.stack([known[row] for row in rows.tolist()])


def _control(name: str) -> Control:
    if name not in CONTROLS:
        raise ArgumentError(f"There is no control {name!r}.", expected=f"one of {', '.join(CONTROLS)}")
    return CONTROLS[name]
