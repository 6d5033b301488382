"""One index over many datasets: those that are present, with the classes of one paper."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from leukcnn.argument_types import user_path
from leukcnn.datasets.cards import DatasetCard
from leukcnn.datasets.catalog import card
from leukcnn.datasets.class_words import GivenClasses
from leukcnn.datasets.finder import Advice, is_named, own_folders
from leukcnn.datasets.index import (
    NO_ARRAYS,
    UNLABELLED,
    ImageIndex,
    group_names,
)
from leukcnn.datasets.indexing import read_index
from leukcnn.datasets.one_class import require_one_class
from leukcnn.datasets.scan import check_classes, scan
from leukcnn.datasets.walk import Progress
from leukcnn.errors import ArgumentError, DataError


def present(names: Sequence[str], root: str | Path) -> dict[str, Path]:
    """Finds the datasets that have a folder of their own below a root.

    A folder must have one of the names in the dataset's card. Its content isn't checked, because most
    datasets have folders with the same class names; `load` and `verify` check it.

    Args:
        names: Keys of datasets in the catalog.
        root: The folder that holds the datasets' own folders, or one of those.

    Returns:
        The folder of each dataset that is present, in the order of `names`.

    Raises:
        DataError: A dataset is unknown, or the root isn't a folder.
    """
    root = user_path(root).absolute()
    if not root.is_dir():
        state = "is a file, not a folder" if root.exists() else "doesn't exist"
        raise DataError(f"The data folder {root} {state}.", **_how_to_get(names))
    own = {name: own_folders(card(name), root)[-1] for name in names}
    return {name: folder for name, folder in own.items() if is_named(card(name), folder)}


def require_root(names: Sequence[str], root: str | Path) -> None:
    """Checks that the folder of some datasets exists, without looking into it.

    Args:
        names: Keys of datasets in the catalog.
        root: The folder that holds the datasets' own folders, or one of those.

    Raises:
        DataError: A dataset is unknown, or the root isn't a folder.
    """
    if len(names) == 1:
        own_folders(card(names[0]), root)
    else:
        present(names, root)


def require_present(names: Sequence[str], root: str | Path) -> dict[str, Path]:
    """Returns what `present` does, and makes sure that there is one dataset at least.

    Raises:
        DataError: A dataset is unknown, the root is no folder, or none of the datasets is below it.
    """
    here = present(names, root)
    if not here:
        raise DataError(f"None of {', '.join(names)} is below {Path(root).absolute()}.", **_how_to_get(names))
    return here


def load_many(
    names: Sequence[str],
    root: str | Path,
    *,
    class_names: tuple[str, ...],
    class_of: Mapping[str, str],
    classes: GivenClasses = None,
    progress: Progress | None = None,
) -> ImageIndex:
    """Indexes several datasets together; absent ones are skipped.

    Args:
        names: Keys of datasets in the catalog.
        root: The folder that holds the datasets' own folders.
        class_names: Classes of the index, in the order of the networks' outputs.
        class_of: Class of the index for each class of a dataset; images of other classes, and those without
            a label, are left out.
        classes: As for `load`; a folder of that name in any of the datasets has that class.
        progress: Called after each file with the number done and the number of all files.

    Returns:
        The images in the order of `names`, then in that of `load`. Ids begin with the dataset's key
        ("jtsc/Dataset 1/001.bmp"). Groups do too, except groups that are shared across datasets: a crop of
        ALL-IDB 2 is in the group of the ALL-IDB 1 field from which it was cut. `notes` lists the absent
        datasets and, for each real dataset, the notes of `load` and the images that were left out. For
        synthetic datasets it only counts the images.

    Raises:
        ArgumentError: `class_of` names a class that isn't in `class_names`, or `classes` as for `load`.
        DataError: None of the datasets is present, one of them can't be indexed (see `load`), or an image is
            in two classes, in one dataset or in two.
    """
    if unknown := set(class_of.values()) - set(class_names):
        raise ArgumentError(
            f"class_of maps to the classes {sorted(unknown)}.",
            expected=f"classes out of {list(class_names)}",
        )
    here = require_present(names, root)
    scans = [scan(name, root, classes=classes) for name in here]
    check_classes(classes, scans)
    total, done = sum(len(found.images) for found in scans), 0
    indices, notes = [], list(_absence(names, here))
    for found in scans:
        index = read_index(found, progress=_shifted(progress, done, total))
        done += len(index)
        kept, left_out = _relabelled(index, class_names, class_of)
        indices.append(kept)
        if not index.synthetic:
            notes += [f"{found.card.key}: {note}" for note in (*index.notes, *left_out)]
    if synthetic := [index for index in indices if index.synthetic]:
        names_of = synthetic[0].dataset[0] if len(synthetic) == 1 else f"{len(synthetic)} datasets"
        notes.append(f"{sum(map(len, synthetic)):,} synthetic images replace those of {names_of}")
    together = _joined(indices, class_names, tuple(notes))
    require_one_class(together)
    return together


def _shifted(progress: Progress | None, done: int, total: int) -> Progress | None:
    return progress and (lambda here, _: progress(done + here, total))


def _absence(names: Sequence[str], here: Mapping[str, Path]) -> Iterator[str]:
    absent = [name for name in names if name not in here]
    if absent:
        yield f"{len(here)} of {len(names)} datasets are present; absent: {', '.join(absent)}"


def _relabelled(
    index: ImageIndex, class_names: tuple[str, ...], class_of: Mapping[str, str]
) -> tuple[ImageIndex, list[str]]:
    """Returns the images of the wanted classes with new labels, and notes on the other images."""
    positions = [
        class_names.index(class_of[name]) if name in class_of else UNLABELLED for name in index.class_names
    ]
    # Images without a label have -1, which indexes the last position.
    labels = np.array([*positions, UNLABELLED], dtype=np.int64)[index.labels]
    names = np.array([*index.class_names, "no class"])[index.labels]
    wanted = labels != UNLABELLED
    left_out = [
        f"{n:,} images of {name} are left out" for name, n in Counter(names[~wanted].tolist()).items()
    ]
    columns = {f.name: getattr(index, f.name) for f in fields(index)} | {
        "labels": labels,
        "class_names": class_names,
        "group": group_names(index),
        "ids": np.array([f"{key}/{name}" for key, name in zip(index.dataset, index.ids, strict=True)]),
    }
    return ImageIndex(**columns).select(wanted), left_out


def _joined(
    indices: Sequence[ImageIndex], class_names: tuple[str, ...], notes: tuple[str, ...]
) -> ImageIndex:
    columns = {
        f.name: np.concatenate([getattr(index, f.name) for index in indices])
        for f in fields(ImageIndex)
        if f.name not in NO_ARRAYS
    }
    return ImageIndex(
        paths=[path for index in indices for path in index.paths],
        class_names=class_names,
        notes=notes,
        synthetic=any(index.synthetic for index in indices),
        **columns,
    )


def _how_to_get(names: Sequence[str]) -> Advice:
    def line(dataset: DatasetCard) -> str:
        return f"  {dataset.folder_names[0]:<16} {dataset.name}: {dataset.availability}"

    folders = "\n".join(line(card(name)) for name in names)
    return {
        "expected": f"a folder for each dataset, each with a folder for each class in it:\n{folders}",
        "remedy": "'leukcnn datasets NAME' says how to get one. Or use synthetic images: --data synthetic",
    }
