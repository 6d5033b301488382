"""Scan a dataset's folder: find which published image each file is, and what its path says about it.

The only files that are opened here are label files (CSV). `load`, `load_many` and `verify` all start from a
`Scan`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path, PurePath, PurePosixPath

from leukcnn.datasets.cards import ANY_NAME, DatasetCard, Layout
from leukcnn.datasets.catalog import card
from leukcnn.datasets.finder import DEEPEST, how_to_get, own_folders
from leukcnn.datasets.headers import EXTENSIONS
from leukcnn.datasets.labels_file import read_labels
from leukcnn.datasets.manifest import manifest
from leukcnn.datasets.name_patterns import published_name
from leukcnn.datasets.walk import SYNTHETIC_MARKER, files_below, natural
from leukcnn.errors import DataError

UNLABELLED = -1
_NAME_AND_FOLDER = "its file name names one class and its folder another"


@dataclass(frozen=True)
class Found:
    """An image file whose place fits one of the dataset's layouts.

    Attributes:
        path: Path of the file.
        id: Its path in the authors' archive.
        label: Position in the card's classes, -1 without a label.
        group: Subject, from the image's name or a label file. For an image made from an image of another
            dataset, the group of that image. "" where unknown.
        subset: Key of its subset.
        fold: The authors' fold, -1 where there is none.
        foreign: Whether its file name isn't one that the authors use.
        contradictory: Why its name, folder or content are of different classes; "" if they aren't.
        published_name: The published name that its file name is or contains, without the extension; "" if
            there is none.
        renamed: Whether its id is that of the published file with the same content, under another name.
    """

    path: Path
    id: str
    label: int
    group: str
    subset: str
    fold: int
    foreign: bool = False
    contradictory: str = ""
    published_name: str = ""
    renamed: bool = False


@dataclass(frozen=True)
class Scan:
    """What a folder holds.

    Attributes:
        card: The dataset.
        folder: The dataset's own folder.
        synthetic: Whether the images are synthetic: their folder holds the file `SYNTHETIC_MARKER`.
        images: Images in the order of an index: by subset, then by id with numbers in numeric order.
        strays: Image files at places that fit no layout.
        unreadable: Folders that couldn't be listed, with the reason.
        notes: Remarks on missing labels.
        labels: Label and subject of each image of the label files, by subset and lower-case stem.
    """

    card: DatasetCard
    folder: Path
    synthetic: bool
    images: tuple[Found, ...]
    strays: tuple[Path, ...]
    unreadable: tuple[str, ...]
    notes: tuple[str, ...]
    labels: Mapping[str, Mapping[str, tuple[int, str]]] = field(default_factory=dict)


def scan(name: str, root: str | Path) -> Scan:
    """Finds the images of a dataset below a folder.

    Args:
        name: Key of the dataset in the catalog.
        root: The dataset's own folder or the root above it.

    Raises:
        DataError: The dataset is unknown, the folder doesn't exist or holds no image of the dataset, or a
            label file can't be read.
    """
    dataset = card(name)
    folders = own_folders(dataset, root)
    folder = folders[-1]
    unreadable: list[str] = []
    files = sorted(files_below(folder, unreadable, deepest=DEEPEST))
    found: list[Found] = []
    strays: list[Path] = []
    for path in _image_files(dataset, files):
        image = place(dataset, path, depth=len(path.relative_to(folder).parts) - 1)
        if image is None:
            strays.append(path)
        else:
            found.append(image)
    if not found and not unreadable:
        raise _no_images(dataset, folder, strays)
    labels: dict[str, Mapping[str, tuple[int, str]]] = {}
    found, notes = _add_labels(dataset, found, files, labels)
    synthetic = any((above / SYNTHETIC_MARKER).is_file() for above in folders)
    if dataset.made_from and not synthetic:
        found = _add_groups(dataset, found)
    scanned = Scan(
        card=dataset,
        folder=folder,
        synthetic=synthetic,
        images=tuple(sorted(found, key=lambda image: sort_key(dataset, image))),
        strays=tuple(strays),
        unreadable=tuple(unreadable),
        notes=tuple(notes),
        labels=labels,
    )
    return replace(scanned, notes=(*scanned.notes, *absent_from_labels(scanned)))


def place(dataset: DatasetCard, path: PurePath, *, depth: int) -> Found | None:
    """Derives an image's class, subject, fold and id from its path; returns None if no layout fits.

    Args:
        dataset: The dataset.
        path: Path of the image, absolute or in the authors' archive.
        depth: Number of folders between the dataset's own folder and the image.
    """
    for layout in dataset.layouts:
        where = re.search(rf"(?:^|/)(?:{layout.folder})$", path.parent.as_posix(), re.IGNORECASE)
        if where and (layout.deepest is None or depth <= layout.deepest):
            if layout.extensions and path.suffix.lower() not in layout.extensions:
                return None
            return _describe(dataset, layout, path, where.groupdict())
    return None


def sort_key(dataset: DatasetCard, image: Found) -> tuple:
    """Returns the key that sorts images into the order of an index."""
    order = [subset.key for subset in dataset.subsets]
    return order.index(image.subset), natural(image.id), str(image.path)


def _image_files(dataset: DatasetCard, files: Sequence[Path]) -> list[Path]:
    images = [path for path in files if path.suffix.lower() in EXTENSIONS]
    masks = dataset.mask_extension
    depicted = {path.with_suffix("") for path in images if path.suffix.lower() != masks}
    return [path for path in images if path.suffix.lower() != masks or path.with_suffix("") not in depicted]


def _describe(dataset: DatasetCard, layout: Layout, path: PurePath, where: Mapping[str, str | None]) -> Found:
    name = published_name(layout.stem, path.stem)
    words = (name.groupdict() if name else {}) | {"stem": path.stem}
    whole = name is not None and name.group() == path.stem
    folder = (where.get("folder") or "").lower()
    claimed = dataset.class_words.get((words.get("named") or "").lower())
    class_name = layout.class_name or dataset.class_words.get(folder) or claimed
    fold = where.get("fold")
    if layout.identity:
        suffix = "" if whole else path.suffix
        identity = layout.identity.format(**words, folder=folder, fold=fold) + suffix
        identity = _by_path(dataset.key).get(identity.lower(), identity)
    else:
        unknown = f"{folder}/{path.name}" if folder else path.name
        identity = _by_name(dataset.key, layout.stem).get(path.stem.lower(), unknown)
        published = re.search(r"(?:^|/)fold_(\d+)/", identity)
        fold = published and published.group(1)
    return Found(
        path=Path(path),
        id=identity,
        label=dataset.classes.index(class_name) if class_name else UNLABELLED,
        group=(words.get("subject") or "").upper(),
        subset=layout.subset,
        fold=int(fold) if fold else -1,
        foreign=not whole and not layout.any_name,
        contradictory=_NAME_AND_FOLDER if claimed is not None and claimed != class_name else "",
        published_name=name.group() if name and layout.stem != ANY_NAME else "",
    )


@cache
def _by_path(name: str) -> dict[str, str]:
    return {identity.lower(): identity for identity in manifest(name)}


@cache
def _by_name(name: str, stem: str) -> dict[str, str]:
    stems = {PurePosixPath(identity).stem: identity for identity in manifest(name)}
    return {
        key.lower(): identity for key, identity in stems.items() if re.fullmatch(stem, key, re.IGNORECASE)
    }


def _add_groups(dataset: DatasetCard, found: Sequence[Found]) -> list[Found]:
    """Gives each image the group of the image that it was made from, with the name of that dataset."""
    sources = {
        PurePosixPath(identity).stem.lower(): f"{dataset.made_from}/{source.group}"
        for identity, source in manifest(dataset.made_from).items()
        if source.group
    }
    return [
        replace(image, group=sources.get((image.published_name or image.path.stem).lower(), ""))
        for image in found
    ]


def _add_labels(
    dataset: DatasetCard,
    found: list[Found],
    files: Sequence[Path],
    labels: dict[str, Mapping[str, tuple[int, str]]],
) -> tuple[list[Found], list[str]]:
    """Fills in the labels and subjects that are stored in separate files, and keeps them in `labels`."""
    notes: list[str] = []
    for layout in dataset.layouts:
        labels_file = layout.labels_file
        rows = [i for i, image in enumerate(found) if image.subset == layout.subset]
        if labels_file is None:
            continue
        paths = [path for path in files if path.name.lower() == labels_file.name.lower()]
        if not paths:
            if rows:
                notes.append(
                    f"the {layout.subset} {dataset.images_are} have no labels: there is no {labels_file.name}"
                )
            continue
        table = labels[layout.subset] = read_labels(dataset, labels_file, paths[0])
        for i in rows:
            label, group = table.get(found[i].path.stem.lower(), (UNLABELLED, ""))
            found[i] = replace(found[i], label=label, group=group)
    return found, notes


def absent_from_labels(found: Scan) -> Iterator[str]:
    """Yields a note for each label file that lacks some of its subset's images."""
    dataset = found.card
    for layout in dataset.layouts:
        if layout.labels_file is None or layout.subset not in found.labels:
            continue
        own = [image for image in found.images if image.subset == layout.subset]
        missing = sum(image.label == UNLABELLED for image in own)
        if missing:
            yield f"{missing:,} {layout.subset} {dataset.images_are} aren't in {layout.labels_file.name}"


def _no_images(dataset: DatasetCard, folder: Path, strays: Sequence[Path]) -> DataError:
    if strays:
        found = f"{folder} holds {len(strays):,} images, but none in a layout of {dataset.name}, "
        found += f"e.g. {strays[0].relative_to(folder)}."
    elif any(folder.iterdir()):
        found = f"{folder} holds no images ({', '.join(EXTENSIONS)})."
    else:
        found = f"{folder} is an empty folder."
    return DataError(found, **how_to_get(dataset))
