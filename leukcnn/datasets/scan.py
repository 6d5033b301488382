"""Scan a dataset's folder: find which published image each file is, and what its path says about it.

The only files that are opened here are label files (CSV). `load`, `load_many` and `verify` all start from a
`Scan`.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path, PurePath, PurePosixPath
from typing import TypedDict

from leukcnn.argument_types import user_path
from leukcnn.datasets.cards import DatasetCard, LabelsFile, Layout
from leukcnn.datasets.catalog import card
from leukcnn.datasets.headers import EXTENSIONS, BrokenImage
from leukcnn.datasets.manifest import manifest
from leukcnn.datasets.read import read_regular
from leukcnn.datasets.walk import SYNTHETIC_MARKER, files_below, natural
from leukcnn.errors import DataError

UNLABELLED = -1

# The deepest known layout has 4 levels of folders. A deeper search could go through a whole home directory.
_DEEPEST = 6
_LARGEST_LABELS = 1 << 26  # bytes


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
    """

    path: Path
    id: str
    label: int
    group: str
    subset: str
    fold: int
    foreign: bool = False
    contradictory: bool = False


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
    """

    card: DatasetCard
    folder: Path
    synthetic: bool
    images: tuple[Found, ...]
    strays: tuple[Path, ...]
    unreadable: tuple[str, ...]
    notes: tuple[str, ...]


class Advice(TypedDict):
    """The keyword arguments of an error that say what was expected and what to do."""

    expected: str
    remedy: str


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
    files = sorted(files_below(folder, unreadable, deepest=_DEEPEST))
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
    found, notes = _add_labels(dataset, found, files)
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


def how_to_get(dataset: DatasetCard) -> Advice:
    """Returns the expected layouts and how to get the data, as keyword arguments of an error."""
    return {
        "expected": f"the images of {dataset.name} in one of these layouts:\n{dataset.layout_help()}",
        "remedy": f"{dataset.how_to_get}. Licence: {dataset.licence}. "
        "Or use synthetic images: --data synthetic",
    }


def own_folders(dataset: DatasetCard, root: str | Path) -> list[Path]:
    """Returns the folders from the root down to the dataset's own folder, which may be the root itself.

    Raises:
        DataError: There is no such folder.
    """
    root = user_path(root).absolute()
    if not root.is_dir():
        state = "is a file, not a folder" if root.exists() else "doesn't exist"
        raise DataError(f"The data folder {root} {state}.", **how_to_get(dataset))
    folders = [root]
    while len(folders) <= _DEEPEST:
        deeper = _next_folder(dataset, folders[-1])
        if deeper is None:
            break
        folders.append(deeper)
    return folders


def is_named(dataset: DatasetCard, folder: Path) -> bool:
    """Returns whether a folder has one of the names of the dataset's own folder."""
    return any(_ends_in(folder, _words(name)) for name in dataset.folder_names)


def _next_folder(dataset: DatasetCard, folder: Path) -> Path | None:
    for words in map(_words, dataset.folder_names):
        # A name may have two levels, e.g. "segmentation_WBC/Dataset 1", and `folder` may be the upper one.
        for known in range(len(words)):
            if _ends_in(folder, words[:known]) and (deeper := _below(folder, words[known:])):
                return deeper
    return None


def _below(folder: Path, words: Sequence[str]) -> Path | None:
    for word in words:
        try:
            inner = sorted(path for path in folder.iterdir() if path.name.lower() == word and path.is_dir())
        except OSError:
            return None
        if not inner:
            return None
        folder = inner[0]
    return folder


def _words(name: str) -> list[str]:
    return name.lower().split("/")


def _ends_in(folder: Path, words: Sequence[str]) -> bool:
    return [name.lower() for name in folder.parts[len(folder.parts) - len(words) :]] == [*words]


def _image_files(dataset: DatasetCard, files: Sequence[Path]) -> list[Path]:
    images = [path for path in files if path.suffix.lower() in EXTENSIONS]
    masks = dataset.mask_extension
    depicted = {path.with_suffix("") for path in images if path.suffix.lower() != masks}
    return [path for path in images if path.suffix.lower() != masks or path.with_suffix("") not in depicted]


def _describe(dataset: DatasetCard, layout: Layout, path: PurePath, where: Mapping[str, str | None]) -> Found:
    name = re.fullmatch(layout.stem, path.stem, re.IGNORECASE)
    words = (name.groupdict() if name else {}) | {"stem": path.stem}
    folder = (where.get("folder") or "").lower()
    claimed = dataset.class_words.get((words.get("named") or "").lower())
    class_name = layout.class_name or dataset.class_words.get(folder) or claimed
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
        contradictory=claimed is not None and claimed != class_name,
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
        table = _read_labels(dataset, labels_file, paths[0])
        for i in rows:
            label, group = table.get(found[i].path.stem.lower(), (UNLABELLED, ""))
            found[i] = replace(found[i], label=label, group=group)
        missing = sum(found[i].label == UNLABELLED for i in rows)
        if missing:
            notes.append(f"{missing:,} {layout.subset} {dataset.images_are} aren't in {paths[0].name}")
    return found, notes


def _read_labels(dataset: DatasetCard, labels: LabelsFile, path: Path) -> dict[str, tuple[int, str]]:
    try:
        text = read_regular(path, _LARGEST_LABELS).decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
    except (BrokenImage, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"The labels {path} can't be read: {error}",
            expected=f"a CSV file with the columns {labels.image}, {labels.label} and {labels.subject}",
            remedy="unpack the archive's own file again",
        ) from error
    table = {}
    for line, row in enumerate(rows, start=2):
        image, value, origin = (row.get(key) for key in (labels.image, labels.label, labels.subject))
        subject = re.search(labels.subject_pattern, origin or "", re.IGNORECASE)
        if not image or value is None or value.strip() not in labels.classes or subject is None:
            raise DataError(
                f"Line {line} of {path} can't be understood: {row}.",
                expected=f"{labels.image}: a file name; {labels.label}: one of {list(labels.classes)}; "
                f"{labels.subject}: a name with the subject, such as UID_57_29_1_all.bmp",
                remedy="unpack the archive's own file again",
            )
        label = dataset.classes.index(labels.classes[value.strip()])
        table[PurePosixPath(image.strip()).stem.lower()] = label, subject["subject"].upper()
    return table


def _no_images(dataset: DatasetCard, folder: Path, strays: Sequence[Path]) -> DataError:
    if strays:
        found = f"{folder} holds {len(strays):,} images, but none in a layout of {dataset.name}, "
        found += f"e.g. {strays[0].relative_to(folder)}."
    elif any(folder.iterdir()):
        found = f"{folder} holds no images ({', '.join(EXTENSIONS)})."
    else:
        found = f"{folder} is an empty folder."
    return DataError(found, **how_to_get(dataset))
