"""The shortcut probe: can the border of an image identify its dataset, and the dataset the class?

If most datasets have images of one class only, the class of an image follows from its dataset. The border
shows no cell: a prediction from the border says nothing about leukaemia.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from leukcnn.errors import ArgumentError
from leukcnn.evaluation.controls import control_probabilities
from leukcnn.labels import check_classes
from leukcnn.splits import stratified_kfold


@dataclass(frozen=True, eq=False)
class DatasetProbe:
    """Predictions of each image's dataset by a random forest that sees only borders.

    Attributes:
        names: The D datasets that it distinguishes, in alphabetical order.
        left_out: The datasets with fewer images than folds, in alphabetical order.
        rows: (M,) int64, ascending positions of the images of `names`.
        truth: (M,) int64, position in `names` of each image's dataset.
        probabilities: (M, D) float64, from the forest that was fitted without the image's fold.
        n_splits: Number of folds.
    """

    names: tuple[str, ...]
    left_out: tuple[str, ...]
    rows: np.ndarray
    truth: np.ndarray
    probabilities: np.ndarray
    n_splits: int


def dataset_probabilities(
    images: np.ndarray, datasets: ArrayLike, *, ids: ArrayLike, seed: int, n_splits: int = 5
) -> DatasetProbe:
    """Predicts the dataset of each image from its border, by a forest that was fitted to other images.

    The forest and its features are those of the control "border" in `leukcnn.evaluation.controls`. The folds
    are stratified by dataset, and datasets with fewer images than folds are left out. The number of folds is
    reduced if fewer than two datasets would remain.

    Args:
        images: uint8 (N, S, S, 3), RGB; may be mapped from disk.
        datasets: (N,) str, dataset of each image.
        ids: (N,) str, ids of the images; the result doesn't depend on the order of the images.
        seed: Root seed of the folds and the forests.
        n_splits: Number of folds, at least 2.

    Raises:
        ArgumentError: There are fewer than two datasets with at least two images, the arrays differ in
            length, or `n_splits` is below 2.
    """
    datasets, ids = np.asarray(datasets, dtype=np.str_), np.asarray(ids, dtype=np.str_)
    if not datasets.shape == ids.shape == (len(images),):
        raise ArgumentError(
            f"There are {len(images)} images, {datasets.size} datasets and {ids.size} ids.",
            expected="one dataset and one id per image",
        )
    if n_splits < 2:
        raise ArgumentError(f"n_splits is {n_splits}.", expected="at least 2 folds")
    every, sizes = np.unique(datasets, return_counts=True)
    if np.count_nonzero(sizes >= 2) < 2:
        found = ", ".join(f"{name}: {size}" for name, size in zip(every, sizes, strict=True))
        raise ArgumentError(
            f"There are too few datasets to distinguish. Images of each dataset: {found or 'none at all'}.",
            expected="two datasets with at least two images each",
        )
    n_splits = min(n_splits, int(np.sort(sizes)[-2]))
    names = every[sizes >= n_splits]
    rows = np.flatnonzero(np.isin(datasets, names))
    truth = np.searchsorted(names, datasets[rows])
    probabilities = np.empty((len(rows), len(names)))
    # A forest samples its images by position. Images sorted by id have the same positions in any order of the
    # list.
    in_order = np.argsort(ids[rows], kind="stable")
    for train, test in stratified_kfold(truth[in_order], n_splits=n_splits, seed=seed):
        probabilities[in_order[test]] = control_probabilities(
            "border",
            images,
            labels=_at_rows(truth, rows, len(images)),
            train=rows[in_order[train]],
            predict=rows[in_order[test]],
            n_classes=len(names),
            seed=seed,
        )
    return DatasetProbe(
        names=tuple(names.tolist()),
        left_out=tuple(every[sizes < n_splits].tolist()),
        rows=rows,
        truth=truth,
        probabilities=probabilities,
        n_splits=n_splits,
    )


def implied_accuracy(truth: ArrayLike, predicted: ArrayLike, labels: ArrayLike) -> float:
    """Returns the accuracy of predicting for each image the majority class of its predicted dataset.

    Args:
        truth: (M,) str or int, names or numbers of the true datasets, which determine the majority classes.
            If classes are equally frequent in a dataset, the first is taken.
        predicted: (M,) names or numbers of the predicted datasets.
        labels: (M,) integers >= 0, the classes of the images.

    Returns:
        0..1.

    Raises:
        ArgumentError: There are no images, the arrays differ in length, a predicted dataset has no images, or
            a label isn't a class number.
    """
    names, truth, predicted = _numbered(truth, predicted)
    labels = _classes(labels, n=len(truth))
    counts = np.zeros((len(names), int(labels.max()) + 1), dtype=np.int64)
    np.add.at(counts, (truth, labels), 1)
    return float((counts.argmax(axis=1)[predicted] == labels).mean())


def _at_rows(values: np.ndarray, rows: np.ndarray, n: int) -> np.ndarray:
    """Returns (n,) int64 with `values` at `rows`, -1 elsewhere."""
    column = np.full(n, -1, dtype=np.int64)
    column[rows] = values
    return column


def _numbered(truth: ArrayLike, predicted: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the true datasets, sorted, and the positions of the true and predicted ones among them."""
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    if truth.ndim != 1 or truth.shape != predicted.shape or not len(truth):
        raise ArgumentError(
            f"The datasets have the shapes {truth.shape} and {predicted.shape}.",
            expected="a true and a predicted dataset per image, and at least one image",
        )
    names, numbers = np.unique(truth, return_inverse=True)
    if unknown := sorted(set(predicted.tolist()) - set(names.tolist())):
        raise ArgumentError(
            f"Images are predicted to be of {unknown}.", expected=f"datasets with images: {names.tolist()}"
        )
    return names, numbers, np.searchsorted(names, predicted)


def _classes(labels: ArrayLike, *, n: int) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.shape != (n,):
        raise ArgumentError(
            f"The labels have the shape {labels.shape} for {n} datasets.",
            expected="one label per image",
        )
    return check_classes(labels, labels, n_classes=max(int(labels.max()) + 1, 2))[0]
