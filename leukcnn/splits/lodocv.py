"""Leave-one-dataset-out cross-validation (LODOCV): each dataset is tested after training on the others.

The published protocol trains on all other datasets, including datasets that show the tested cells. The strict
protocol leaves these datasets out of training.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from leukcnn.argument_types import require_type
from leukcnn.datasets import CATALOG, UNLABELLED, ImageIndex, duplicate_pairs, joined_groups
from leukcnn.errors import ArgumentError, DataError


@dataclass(frozen=True, eq=False)
class DatasetSplit:
    """One tested dataset and its training rows: positions in the index, ascending and disjoint.

    Attributes:
        dataset: Key of the tested dataset.
        train: (M,) int64.
        test: (K,) int64, the labelled images of the tested dataset.
    """

    dataset: str
    train: np.ndarray
    test: np.ndarray


def leave_one_dataset_out(
    index: ImageIndex,
    *,
    strict: bool = False,
    pairs: np.ndarray | None = None,
    single_class: bool = False,
    never_trained_on: Sequence[str] = (),
) -> list[DatasetSplit]:
    """Splits an index once for each dataset with both classes: it is tested after training on the others.

    Images without a label are left out.

    Args:
        index: Images of two or more datasets.
        strict: Whether the datasets that are related to the tested one are left out of training; see
            `related_datasets`. If False, all other datasets are trained on, as in the paper leuknet_lodocv.
        pairs: (P, 2) int, positions of identical or nearly identical images: those of `duplicate_pairs` and
            `copy_pairs`. None uses those of `duplicate_pairs` only.
        single_class: Whether to test the datasets with a single class instead. Accuracy means little for
            them, but the rate of false positives or negatives is meaningful.
        never_trained_on: Names of datasets that are left out of every training.

    Returns:
        One split for each tested dataset, in the index's order.

    Raises:
        ArgumentError: `pairs` has another shape, or has positions outside the index.
        DataError: No dataset can be tested, or no image of a class is left to train on.
    """
    require_type(ImageIndex, "an ImageIndex", index=index)
    labelled = index.labels != UNLABELLED
    datasets = _names(index.dataset[labelled])
    if len(datasets) < 2:
        found = f"All labelled images are of {datasets[0]}" if datasets else "No image has a label"
        raise DataError(
            f"{found}: nothing is left to train on.",
            expected="labelled images of at least 2 datasets",
            remedy="copy more of the datasets (`leukcnn datasets`), or use another kind of split",
        )
    held = {name: np.unique(index.labels[labelled & (index.dataset == name)]) for name in datasets}
    tested = [name for name in datasets if (len(held[name]) == 1) == single_class]
    if not tested:
        wanted = "a single class" if single_class else "both classes"
        raise DataError(
            f"None of the {len(datasets)} datasets has {wanted}: {', '.join(datasets)}.",
            expected="at least one dataset that can be tested",
            remedy="copy more of the datasets (`leukcnn datasets`), or use another kind of split",
        )
    related = related_datasets(index, pairs) if strict else dict.fromkeys(datasets, ())
    splits = []
    for name in tested:
        left_out = np.isin(index.dataset, [name, *related[name], *never_trained_on])
        split = DatasetSplit(
            name,
            train=np.flatnonzero(labelled & ~left_out),
            test=np.flatnonzero(labelled & (index.dataset == name)),
        )
        _require_all_classes(split, index, related[name], never_trained_on)
        splits.append(split)
    return splits


def related_datasets(index: ImageIndex, pairs: np.ndarray | None = None) -> dict[str, tuple[str, ...]]:
    """Returns the related datasets of each dataset: those that show some of its images, cells or subjects.

    Two datasets are related if the card of one declares that they share cells. They are also related if a
    unit has images in both, or in one of them and in a third that shares cells with the other.

    Identical images, nearly identical images and images of one group are one unit, and units are transitive:
    an image, its near copy in another dataset, and that dataset's other images of the copy's subject are all
    one unit.

    Args:
        index: The images, including those without a label.
        pairs: As for `leave_one_dataset_out`.

    Returns:
        Dataset -> related datasets, both in the index's order.

    Raises:
        ArgumentError: `pairs` has another shape, or has positions outside the index.
    """
    # Datasets that share cells form a family. A dataset that is related to one member is related to all.
    family = {name: {name, *others} for name, others in declared_relatives(index).items()}
    related = {name: set(members) for name, members in family.items()}
    unit = _units(index, duplicate_pairs(index) if pairs is None else pairs)
    order = np.argsort(unit, kind="stable")
    for members in np.split(index.dataset[order], np.flatnonzero(np.diff(unit[order])) + 1):
        united = set().union(*(family[name] for name in set(members.tolist())))
        for name in united:
            related[name] |= united
    return {
        name: tuple(other for other in related if other in related[name] and other != name)
        for name in related
    }


def declared_relatives(index: ImageIndex) -> dict[str, tuple[str, ...]]:
    """Returns the declared relatives of each dataset: its card or theirs says that they share cells.

    Args:
        index: The images. A dataset that isn't in the catalog has no relatives.

    Returns:
        Dataset -> declared relatives, both in the index's order.
    """
    require_type(ImageIndex, "an ImageIndex", index=index)
    names = _names(index.dataset)
    declared = {
        frozenset({name, other})
        for name in names
        if name in CATALOG
        for other in CATALOG[name].shares_cells_with
    }
    return {name: tuple(other for other in names if frozenset({name, other}) in declared) for name in names}


def _units(index: ImageIndex, pairs: np.ndarray) -> np.ndarray:
    """Returns the number of each image's unit."""
    n, pairs = len(index), np.asarray(pairs)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or (pairs.size and not (0 <= pairs.min() <= pairs.max() < n)):
        raise ArgumentError(
            f"pairs has the shape {pairs.shape}"
            + (f" and values from {pairs.min()} to {pairs.max()}." if pairs.size else "."),
            expected=f"(P, 2), positions in the index from 0 to {n - 1}",
        )
    groups, group = np.unique(joined_groups(index), return_inverse=True)
    first, second = group[pairs].T
    links = coo_array((np.ones(len(first)), (first, second)), shape=(len(groups), len(groups)))
    _, unit = connected_components(links, directed=False)
    return unit[group]


def _names(datasets: np.ndarray) -> list[str]:
    return list(dict.fromkeys(datasets.tolist()))


def _require_all_classes(
    split: DatasetSplit, index: ImageIndex, related: tuple[str, ...], never_trained_on: Sequence[str]
) -> None:
    counts = np.bincount(index.labels[split.train], minlength=len(index.class_names))
    if lacking := [name for name, n in zip(index.class_names, counts, strict=True) if not n]:
        without = f", without its relatives {', '.join(related)}" if related else ""
        without += f", without {', '.join(never_trained_on)}" if never_trained_on else ""
        raise DataError(
            f"To test {split.dataset}, no {' and no '.join(lacking)} image is left to train on{without}.",
            expected=f"images of every class in the other datasets: {', '.join(index.class_names)}",
            remedy="copy more of the datasets (`leukcnn datasets`)"
            + (", or use the split that isn't strict" if related else "")
            + (", or train on all others" if never_trained_on else ""),
        )
