"""One index over many datasets: those that are present, with the classes of one paper."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from leukcnn.datasets.cards import DatasetCard
from leukcnn.datasets.catalog import card
from leukcnn.datasets.class_words import GivenClasses
from leukcnn.datasets.finder import (
    Advice,
    Place,
    Search,
    existing_folder,
    find,
    how_to_get,
    search,
    with_given_classes,
)
from leukcnn.datasets.headers import counted
from leukcnn.datasets.index import (
    NO_ARRAYS,
    UNLABELLED,
    ImageIndex,
    group_names,
)
from leukcnn.datasets.indexing import check_classes, read_index
from leukcnn.datasets.left_out import not_there, of_others
from leukcnn.datasets.one_class import require_one_class
from leukcnn.datasets.scan import scan_place
from leukcnn.datasets.walk import Progress, listed
from leukcnn.errors import ArgumentError, DataError


def present(names: Sequence[str], root: str | Path) -> dict[str, Path]:
    """Finds the datasets that are below a folder, as `load` and `verify` find them.

    A dataset is known by the name of its own folder, or by the authors' names of folders and files. Most
    datasets have folders with the same class names, which don't show which dataset they are.

    Args:
        names: Keys of datasets in the catalog.
        root: The folder that holds the datasets' own folders, any other above them, or one of those.

    Returns:
        The folder of each dataset that is present, in the order of `names`.

    Raises:
        DataError: A dataset is unknown or is there twice, the root isn't a folder, or a folder could be that
            of two of the datasets.
    """
    return {name: place.folder for name, place in _find(names, root)[1].items()}


def require_root(names: Sequence[str], root: str | Path) -> None:
    """Checks that the folder of some datasets exists, without looking into it.

    Args:
        names: Keys of datasets in the catalog.
        root: The folder that holds the datasets' own folders, or one of those.

    Raises:
        DataError: A dataset is unknown, or the root isn't a folder.
    """
    advice = how_to_get(card(names[0])) if len(names) == 1 else _how_to_get(names)
    existing_folder(root, advice)


def find_present(names: Sequence[str], root: str | Path, *, classes: GivenClasses = None) -> dict[str, Place]:
    """Returns the places of the datasets that are below a folder, one at least.

    Raises:
        DataError: As for `present`, or none of the datasets is there.
    """
    searched, places = _find(names, root, classes)
    if not places and len(names) == 1:
        raise not_there(with_given_classes(card(names[0]), classes), searched)
    if not places:
        tree = searched.tree
        found = f"None of {', '.join(names)} is below {tree.root}."
        others = searched.datasets
        found += of_others(tree, others)
        if holding := [path for path in tree.holding_images if path not in others]:
            shown = [f"{folder} ({tree.count([folder]):,} images)" for folder in holding]
            found += f" Folders with images that have no dataset's name:\n{listed(shown)}"
        raise DataError(f"{found} {searched.limit}".rstrip(), **_how_to_get(names))
    return places


def _find(
    names: Sequence[str], root: str | Path, classes: GivenClasses = None
) -> tuple[Search, dict[str, Place]]:
    cards = [with_given_classes(card(name), classes) for name in names]
    searched = search(root, _how_to_get(names))
    return searched, find(cards, searched)


def load_many(
    names: Sequence[str],
    root: str | Path,
    *,
    class_names: tuple[str, ...],
    class_of: Mapping[str, str],
    classes: GivenClasses = None,
    progress: Progress | None = None,
    own: Sequence[ImageIndex] = (),
) -> ImageIndex:
    """Indexes several datasets together; absent ones are skipped.

    Args:
        names: Keys of datasets in the catalog.
        root: The folder that holds the datasets' own folders, or any other above them.
        class_names: Classes of the index, in the order of the networks' outputs.
        class_of: Class of the index for each class of a dataset; images of other classes, and those without
            a label, are left out.
        classes: As for `load`; a folder of that name in any of the datasets has that class.
        progress: Called after each file with the number done and the number of all files.
        own: Indices of folders of your own, with their own classes, which come after those of `names`.

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
    here = find_present(names, root, classes=classes) if names else {}
    scans = [scan_place(place, classes=classes) for place in here.values()]
    check_classes(classes, scans)
    total, done = sum(len(found.paths) for found in scans), 0
    indices, notes = [], list(_absence(names, here))
    for found in scans:
        indices.append(read_index(found, progress=_shifted(progress, done, total)))
        done += len(found.paths)
    indices += own
    for place, index in enumerate(indices):
        indices[place], left_out = _relabelled(index, class_names, class_of)
        if not index.synthetic:
            notes += [f"{index.dataset[0]}: {note}" for note in (*index.notes, *left_out)]
    if synthetic := [index for index in indices if index.synthetic]:
        names_of = synthetic[0].dataset[0] if len(synthetic) == 1 else f"{len(synthetic)} datasets"
        notes.append(f"{sum(map(len, synthetic)):,} synthetic images replace those of {names_of}")
    together = _joined(indices, class_names, tuple(notes))
    require_one_class(together)
    return together


def _shifted(progress: Progress | None, done: int, total: int) -> Progress | None:
    return progress and (lambda here, _: progress(done + here, total))


def _absence(names: Sequence[str], here: Mapping[str, Place]) -> Iterator[str]:
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
        f"{counted(n, 'images')} of {name} {'is' if n == 1 else 'are'} left out"
        for name, n in Counter(names[~wanted].tolist()).items()
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


def join(
    indices: Sequence[ImageIndex], *, class_names: tuple[str, ...], class_of: Mapping[str, str]
) -> ImageIndex:
    """Joins the indices of several datasets, with the classes of a paper; see `load_many`.

    Args:
        indices: The index of each dataset.
        class_names: Classes of the index, in the order of the networks' outputs.
        class_of: Class of the index for each class of a dataset; other images are left out, and `notes`
            counts them.
    """
    kept, notes = [], []
    for index in indices:
        images, left_out = _relabelled(index, class_names, class_of)
        kept.append(images)
        notes += [f"{index.dataset[0]}: {note}" for note in left_out]
    return _joined(kept, class_names, tuple(notes))
