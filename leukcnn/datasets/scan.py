"""Scan a dataset's folder: find which published image each file is, and what its path says about it.

The only files that are opened here are label files (CSV). `load`, `load_many` and `verify` all start from a
`Scan`.
"""

import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path, PurePath, PurePosixPath

from leukcnn.datasets.cards import DatasetCard, Layout
from leukcnn.datasets.catalog import card
from leukcnn.datasets.class_words import (
    GivenClasses,
    class_of,
    given_classes,
    may_be,
    normalised,
    split_notes,
    split_of,
    with_classes,
)
from leukcnn.datasets.finder import DEEPEST, how_to_get, own_folders
from leukcnn.datasets.headers import EXTENSIONS
from leukcnn.datasets.labels_file import read_labels
from leukcnn.datasets.manifest import manifest
from leukcnn.datasets.walk import SYNTHETIC_MARKER, files_below, natural
from leukcnn.errors import ArgumentError, DataError
from leukcnn.fields import did_you_mean

UNLABELLED = -1


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
        contradictory: Whether its file name belongs to one class and its folder to another.
        given: The split whose folder holds it, "train", "validation" or "test"; "" if there is none.
    """

    path: Path
    id: str
    label: int
    group: str
    subset: str
    fold: int
    foreign: bool = False
    contradictory: bool = False
    given: str = ""


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
        notes: Remarks on missing labels and on folders of a split.
    """

    card: DatasetCard
    folder: Path
    synthetic: bool
    images: tuple[Found, ...]
    strays: tuple[Path, ...]
    unreadable: tuple[str, ...]
    notes: tuple[str, ...]


def scan(name: str, root: str | Path, *, classes: GivenClasses = None) -> Scan:
    """Finds the images of a dataset below a folder.

    Args:
        name: Key of the dataset in the catalog.
        root: The dataset's own folder or the root above it.
        classes: Class folder -> the class of its images, for names that may mean several classes;
            `check_classes` says whether it fits.

    Raises:
        DataError: The dataset is unknown, the folder doesn't exist or holds no image of the dataset, a
            folder's name may mean several classes, or a label file can't be read.
    """
    dataset = card(name)
    if given := given_classes(classes):
        words = with_classes(dataset.class_words, given, dataset.classes)
        dataset = replace(dataset, class_words=words)
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
    _expect_certain(dataset, folder, strays)
    if not found and not unreadable:
        raise _no_images(dataset, folder, strays)
    found, notes = _add_labels(dataset, found, files)
    notes += split_notes([image.given for image in found])
    notes += _given_notes(dataset, folder, found, given)
    synthetic = any((above / SYNTHETIC_MARKER).is_file() for above in folders)
    if dataset.made_from and not synthetic:
        found = _add_groups(dataset, found)
    return Scan(
        card=dataset,
        folder=folder,
        synthetic=synthetic,
        images=tuple(sorted(found, key=lambda image: sort_key(dataset, image))),
        strays=tuple(strays),
        unreadable=tuple(unreadable),
        notes=tuple(notes),
    )


def check_classes(classes: GivenClasses, scans: Sequence[Scan]) -> None:
    """Checks that each folder that is given a class is in one of some scans, and the class in its dataset.

    Args:
        classes: Class folder -> the class of its images.
        scans: All folders that were scanned with them.

    Raises:
        ArgumentError: A folder holds no image, or its dataset doesn't have the class.
    """
    names = [
        {
            part
            for path in (*(image.path for image in found.images), *found.strays)
            for part in path.relative_to(found.folder).parts[:-1]
        }
        for found in scans
    ]
    for folder, name in given_classes(classes).items():
        cards = [
            found.card
            for found, parts in zip(scans, names, strict=True)
            if normalised(folder) in map(normalised, parts)
        ]
        if not cards:
            there = sorted(set().union(*names))
            raise ArgumentError(
                f"classes (--classes) got the folder {folder!r}, in which no image is.",
                expected=f"one of the folders with images: {', '.join(there) or 'there is none'}",
                remedy=did_you_mean(folder, there),
            )
        if not any(name in one.classes or class_of(name, one.class_words) for one in cards):
            known = dict.fromkeys(known for one in cards for known in one.classes)
            raise ArgumentError(
                f"classes (--classes) got {name!r} for the folder {folder!r}.",
                expected=f"a class of the dataset: {', '.join(known)}",
                remedy=did_you_mean(name, known),
            )


def place(dataset: DatasetCard, path: PurePath, *, depth: int) -> Found | None:
    """Derives an image's class, subject, fold and id from its path; returns None if no layout fits.

    Args:
        dataset: The dataset.
        path: Path of the image, absolute or in the authors' archive.
        depth: Number of folders between the dataset's own folder and the image.
    """
    found = _in_layout(dataset, path, depth)
    if found:
        return found
    # Folders of a split, right above or right inside the class folders, are passed over.
    for level in (2, 3):
        name = path.parts[-level] if level <= depth + 1 else ""
        if given := split_of(name):
            found = _in_layout(dataset, PurePath(*path.parts[:-level], *path.parts[-level + 1 :]), depth - 1)
            if found:
                published = found.id in manifest(dataset.key)
                identity = found.id if published else f"{name.lower()}/{found.id}"
                return replace(found, path=Path(path), id=identity, given=given)
    return None


def _in_layout(dataset: DatasetCard, path: PurePath, depth: int) -> Found | None:
    for layout in dataset.layouts:
        where = re.search(rf"(?:^|/)(?:{layout.folder})$", path.parent.as_posix(), re.IGNORECASE)
        if where and (layout.deepest is None or depth <= layout.deepest):
            word = where.groupdict().get("folder")
            if word and not layout.class_name and not class_of(word, dataset.class_words):
                continue
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
    name = re.fullmatch(layout.stem, path.stem, re.IGNORECASE)
    words = (name.groupdict() if name else {}) | {"stem": path.stem}
    folder = (where.get("folder") or "").lower()
    claimed = class_of(words.get("named") or "", dataset.class_words)
    class_name = layout.class_name or class_of(folder, dataset.class_words) or claimed
    fold = where.get("fold")
    if layout.identity:
        suffix = "" if name else path.suffix
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
        foreign=name is None and not layout.any_name,
        contradictory=bool(claimed) and claimed != class_name,
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
    return [replace(image, group=sources.get(image.path.stem.lower(), "")) for image in found]


def _add_labels(
    dataset: DatasetCard, found: list[Found], files: Sequence[Path]
) -> tuple[list[Found], list[str]]:
    """Fills in the labels and subjects that are stored in separate files."""
    notes: list[str] = []
    for layout in dataset.layouts:
        labels_file = layout.labels_file
        rows = [i for i, image in enumerate(found) if image.subset == layout.subset]
        if labels_file is None or not rows:
            continue
        paths = [path for path in files if path.name.lower() == labels_file.name.lower()]
        if not paths:
            notes.append(
                f"the {layout.subset} {dataset.images_are} have no labels: there is no {labels_file.name}"
            )
            continue
        table = read_labels(dataset, labels_file, paths[0])
        for i in rows:
            label, group = table.get(found[i].path.stem.lower(), (UNLABELLED, ""))
            found[i] = replace(found[i], label=label, group=group)
        missing = sum(found[i].label == UNLABELLED for i in rows)
        if missing:
            notes.append(f"{missing:,} {layout.subset} {dataset.images_are} aren't in {paths[0].name}")
    return found, notes


def _expect_certain(dataset: DatasetCard, folder: Path, strays: Sequence[Path]) -> None:
    """Asks for the classes of folders whose names may mean one class or another."""
    inside = [[*path.relative_to(folder).parts[:-1]] for path in strays]
    inside = [[name for name in names if not split_of(name)] for names in inside]
    images = Counter(names[0] for names in inside if len(names) == 1)
    asked = {name: perhaps for name in sorted(images) if (perhaps := may_be(name, dataset.classes))}
    if not asked:
        return
    lines = [
        f"  {name}: {images[name]:,} images, perhaps {' or '.join(perhaps)}"
        for name, perhaps in asked.items()
    ]
    option = ",".join(f"{name}=CLASS" for name in asked)
    raise DataError(
        f"{folder} holds folders whose names don't say for certain which class they are:\n"
        + "\n".join(lines),
        expected=f"folders named after the classes of {dataset.name}: {', '.join(dataset.classes)}",
        remedy=f"say which class each is with --classes {shlex.quote(option)}, in Python with classes="
        '{"FOLDER": "CLASS"}; or move them elsewhere',
    )


def _given_notes(
    dataset: DatasetCard, folder: Path, found: Sequence[Found], given: Mapping[str, str]
) -> list[str]:
    """Returns a line for each folder with images whose class the user says."""
    inside = {normalised(part) for image in found for part in image.path.relative_to(folder).parts[:-1]}
    return [
        f"the folder {name} is read as {class_of(name, dataset.class_words)}, as --classes says"
        for name in given
        if normalised(name) in inside
    ]


def _no_images(dataset: DatasetCard, folder: Path, strays: Sequence[Path]) -> DataError:
    if strays:
        found = f"{folder} holds {len(strays):,} images, but none in a layout of {dataset.name}, "
        found += f"e.g. {strays[0].relative_to(folder)}."
    elif any(folder.iterdir()):
        found = f"{folder} holds no images ({', '.join(EXTENSIONS)})."
    else:
        found = f"{folder} is an empty folder."
    return DataError(found, **how_to_get(dataset))
