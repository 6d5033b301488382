"""The shortcut probe: can one tell the dataset from an image's border, and how far does that lead?

Where most datasets have images of one class only, to know an image's dataset is to know its class. The
border shows no cell, so that whatever can be read from it says nothing of leukaemia.
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
    """What a random forest that sees nothing but borders takes for the images' datasets.

    Attributes:
        names: The D datasets that it tells apart, in alphabetical order.
        left_out: Those with fewer images than folds, in alphabetical order.
        rows: (M,) int64, ascending positions of the images of `names`.
        truth: (M,) int64, position in `names` of each image's dataset.
        probabilities: (M, D) float64, each image's from the fold that it was left out of.
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
    """Tells the dataset of each image from its border, by a forest that was fitted to other images.

    The forest and what it sees are those of the control "border" in `leukcnn.evaluation.controls`. The folds
    are stratified by dataset. There are fewer of them where otherwise fewer than two datasets would remain.

    Args:
        images: uint8 (N, S, S, 3), RGB; may be mapped from disk.
        datasets: (N,) str, dataset of each image.
        ids: (N,) str, ids of the images; the result doesn't depend on the order in which they are listed.
        seed: Root seed of folds and forests.
        n_splits: Number of folds, at least 2.

    Raises:
        ArgumentError: There are fewer than two datasets of at least two images, arrays differ in length, or
            `n_splits` is below 2.
    """
    datasets, ids = np.asarray(datasets, dtype=np.str_), np.asarray(ids, dtype=np.str_)
    if not datasets.shape == ids.shape == (len(images),):
        raise ArgumentError(
            f"There are {len(images)} images, {datasets.size} datasets and {ids.size} ids.",
            expected="one dataset and one id for every image",
        )
    if n_splits < 2:
        raise ArgumentError(f"n_splits is {n_splits}.", expected="at least 2 folds")
    every, sizes = np.unique(datasets, return_counts=True)
    if np.count_nonzero(sizes >= 2) < 2:
        found = ", ".join(f"{name}: {size}" for name, size in zip(every, sizes, strict=True))
        raise ArgumentError(
            f"There is nothing to tell apart. Images of each dataset: {found or 'none at all'}.",
            expected="two datasets of at least two images each",
        )
    n_splits = min(n_splits, int(np.sort(sizes)[-2]))
    names = every[sizes >= n_splits]
    rows = np.flatnonzero(np.isin(datasets, names))
    truth = np.searchsorted(names, datasets[rows])
    probabilities = np.empty((len(rows), len(names)))
    # A forest draws its images by their positions.
    in_order = np.argsort(ids[rows], kind="stable")
    for train, test in stratified_kfold(truth[in_order], n_splits=n_splits, seed=seed):
        probabilities[in_order[test]] = control_probabilities(
            "border",
            images,
            labels=_spread(truth, rows, len(images)),
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
    """Returns the accuracy of giving each image the majority class of the dataset that was named for it.

    Args:
        truth: (M,) str or int, names or numbers of the true datasets, from which the majorities are counted;
            of classes equally frequent in a dataset the first is taken.
        predicted: (M,) likewise, of the predicted ones.
        labels: (M,) integers >= 0, the classes of the images.

    Returns:
        0..1.

    Raises:
        ArgumentError: There is no image, the arrays differ in length, a dataset is predicted to which no
            image belongs, or a label is no class.
    """
    names, truth, predicted = _numbered(truth, predicted)
    labels = _classes(labels, n=len(truth))
    counts = np.zeros((len(names), int(labels.max()) + 1), dtype=np.int64)
    np.add.at(counts, (truth, labels), 1)
    return float((counts.argmax(axis=1)[predicted] == labels).mean())


def _spread(values: np.ndarray, rows: np.ndarray, n: int) -> np.ndarray:
    spread = np.full(n, -1, dtype=np.int64)
    spread[rows] = values
    return spread


def _numbered(truth: ArrayLike, predicted: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the true datasets, sorted, and the positions of the true and predicted ones among them."""
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    if truth.ndim != 1 or truth.shape != predicted.shape or not len(truth):
        raise ArgumentError(
            f"The datasets have the shapes {truth.shape} and {predicted.shape}.",
            expected="a true and a predicted one for every image, at least one image",
        )
    names, numbers = np.unique(truth, return_inverse=True)
    if unknown := sorted(set(predicted.tolist()) - set(names.tolist())):
        raise ArgumentError(
            f"Images are taken for {unknown}.", expected=f"datasets with images: {names.tolist()}"
        )
    return names, numbers, np.searchsorted(names, predicted)


def _classes(labels: ArrayLike, *, n: int) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.shape != (n,):
        raise ArgumentError(
            f"The labels have the shape {labels.shape} beside {n} datasets.",
            expected="one label for every image",
        )
    return check_classes(labels, labels, n_classes=max(int(labels.max()) + 1, 2))[0]
