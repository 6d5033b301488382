"""What the path of an image says: which published image it is, its class, subject, fold and split."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path, PurePath, PurePosixPath

from leukcnn.datasets.cards import ANY_FOLDER, ANY_NAME, DatasetCard, Layout
from leukcnn.datasets.claims import Claim, fits
from leukcnn.datasets.class_words import class_of, normalised, split_of
from leukcnn.datasets.manifest import manifest
from leukcnn.datasets.name_patterns import published_name

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
        release: What it is where it isn't one of the published files, see `Layout.release`; "" otherwise.
        given: The split whose folder holds it, "train", "validation" or "test"; "" if there is none.
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
    release: str = ""
    given: str = ""


def place(dataset: DatasetCard, path: PurePath, *, depth: int) -> Found | None:
    """Derives an image's class, subject, fold and id from its path; returns None if no layout fits.

    Args:
        dataset: The dataset.
        path: Path of the image, absolute or in the authors' archive.
        depth: Number of folders between the dataset's own folder and the image.
    """
    flat = [layout for layout in dataset.layouts if layout.folder == ANY_FOLDER and layout.deepest is None]
    others = [layout for layout in dataset.layouts if layout not in flat]
    found = _in_layout(dataset, others, path, depth)
    if found:
        return found
    # Folders of a split, right above or right inside the class folders, are passed over.
    for level in (2, 3):
        name = path.parts[-level] if level <= depth + 1 else ""
        if given := split_of(name):
            without = PurePath(*path.parts[:-level], *path.parts[-level + 1 :])
            found = _in_layout(dataset, others, without, depth - 1)
            if found:
                published = found.id in manifest(dataset.key)
                identity = found.id if published else f"{name.lower()}/{found.id}"
                return replace(found, path=Path(path), id=identity, given=given)
    return _in_layout(dataset, flat, path, depth)


def placed(claim: Claim, dataset: DatasetCard, folder: Path, path: Path, release: str) -> Found | None:
    """Returns an image of a folder that a layout fits; None if the file isn't one of the layout's images."""
    layout = claim.layout
    if layout.extensions and path.suffix.lower() not in layout.extensions:
        return None
    if layout.names_only and not _has_published_name(layout, path):
        return None
    image = _describe(dataset, layout, path, claim.words)
    image = replace(image, given=split_of(claim.split) or _given(folder, image))
    if image.id in manifest(dataset.key):
        return image
    # Parts of a split may hold files of the same names.
    identity = f"{claim.split}/{image.id}" if claim.split and not layout.identity else image.id
    return replace(image, id=identity, release=release)


def unplaced(dataset: DatasetCard, folder: Path, path: Path) -> Found:
    """Returns an image that fits no layout; only its content may show which published image it is."""
    inner = path.relative_to(folder)
    return Found(
        path=path,
        id=inner.as_posix(),
        label=UNLABELLED,
        group="",
        subset=dataset.subsets[0].key,
        fold=-1,
        published_name=path.stem,
        given=_split_in(inner.parts[:-1]),
    )


def _given(folder: Path, image: Found) -> str:
    """Returns the split of the uppermost folder of a split between a dataset's own folder and an image.

    The folders of the published path, such as `training_data`, are the authors' parts of the dataset.
    """
    published = {normalised(part) for part in PurePosixPath(image.id).parts[:-1]}
    parts = image.path.relative_to(folder).parts[:-1]
    names = [part for part in parts if normalised(part) not in published]
    return _split_in(names)


def _split_in(names: Iterable[str]) -> str:
    return next(filter(None, map(split_of, names)), "")


def _in_layout(dataset: DatasetCard, layouts: Sequence[Layout], path: PurePath, depth: int) -> Found | None:
    for layout in layouts:
        fitting = fits(dataset, layout, path.parent)
        if fitting and (layout.deepest is None or depth <= layout.deepest):
            if layout.names_only and not _has_published_name(layout, path):
                continue
            if layout.extensions and path.suffix.lower() not in layout.extensions:
                return None
            return _describe(dataset, layout, path, fitting[0])
    return None


def _has_published_name(layout: Layout, path: PurePath) -> bool:
    return bool(re.fullmatch(layout.stem, path.stem, re.IGNORECASE))


def _describe(dataset: DatasetCard, layout: Layout, path: PurePath, where: Mapping[str, str | None]) -> Found:
    name = published_name(layout.stem, path.stem)
    words = (name.groupdict() if name else {}) | {"stem": path.stem}
    whole = name is not None and name.group() == path.stem
    folder = (where.get("folder") or "").lower()
    claimed = class_of(words.get("named") or "", dataset.class_words)
    class_name = layout.class_name or class_of(folder, dataset.class_words) or claimed
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
        contradictory=_NAME_AND_FOLDER if claimed and claimed != class_name else "",
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
