"""Scan a dataset's folder: find which published image each file is, and what its path says about it.

The only files that are opened here are label files (CSV). `load`, `load_many` and `verify` all start from a
`Scan`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path, PurePath, PurePosixPath

from leukcnn.datasets.cards import ANY_FOLDER, ANY_NAME, DatasetCard, Layout
from leukcnn.datasets.catalog import card
from leukcnn.datasets.claims import Claim, fits
from leukcnn.datasets.class_words import (
    GivenClasses,
    class_of,
    given_classes,
    normalised,
    split_notes,
    split_of,
)
from leukcnn.datasets.finder import Place, find, how_to_get, search, with_given_classes
from leukcnn.datasets.headers import unread_images
from leukcnn.datasets.labels_file import labels_path, read_labels
from leukcnn.datasets.left_out import (
    MASK,
    NEXT_TO,
    OTHER_DATASET,
    OTHER_ENDING,
    expect_certain,
    given_notes,
    left_out_notes,
    names_of,
    no_images,
    not_there,
    release_notes,
)
from leukcnn.datasets.manifest import manifest
from leukcnn.datasets.masks import masks_with_ending
from leukcnn.datasets.name_patterns import published_name
from leukcnn.datasets.walk import SYNTHETIC_MARKER, Tree, natural

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


@dataclass(frozen=True)
class Scan:
    """What a folder holds.

    Attributes:
        card: The dataset.
        folder: The dataset's own folder.
        synthetic: Whether the images are synthetic: their folder holds the file `SYNTHETIC_MARKER`.
        images: Images in the order of an index: by subset, then by id with numbers in numeric order.
        strays: Image files in the dataset's folder at places that fit no layout.
        left_out: Other files that aren't read, by kind; the kinds are the constants of `left_out`.
        unreadable: Folders that couldn't be listed, with the reason.
        notes: Remarks on missing labels, on folders of a split, and on all files that are left out.
        labels: Label and subject of each image of the label files, by subset and lower-case stem.
    """

    card: DatasetCard
    folder: Path
    synthetic: bool
    images: tuple[Found, ...]
    strays: tuple[Path, ...]
    left_out: Mapping[str, tuple[Path, ...]]
    unreadable: tuple[str, ...]
    notes: tuple[str, ...]
    labels: Mapping[str, Mapping[str, tuple[int, str]]] = field(default_factory=dict)

    @property
    def folders_not_read(self) -> tuple[str, ...]:
        """Names of the folders whose images are left out because they fit no layout."""
        return names_of(self.folder, {path.parent for path in (*self.strays, *self.left_out[NEXT_TO])})


def scan(name: str, root: str | Path, *, classes: GivenClasses = None) -> Scan:
    """Finds the images of a dataset below a folder.

    Args:
        name: Key of the dataset in the catalog.
        root: The dataset's own folder, the one above it, or any other above it.
        classes: Class folder -> the class of its images, for names that may mean several classes;
            `check_classes` says whether it fits.

    Raises:
        DataError: The dataset is unknown, the folder doesn't exist or holds no image of the dataset, the
            dataset is there twice, a folder's name may mean several classes, or a label file can't be read.
    """
    dataset = with_given_classes(card(name), classes)
    searched = search(root, how_to_get(dataset))
    places = find([dataset], searched)
    if name not in places:
        raise not_there(dataset, searched)
    return scan_place(places[name], classes=classes)


def scan_place(place: Place, *, classes: GivenClasses = None) -> Scan:
    """Returns the images in a place that `find` has found, and what is left out there.

    Args:
        place: The place, found with the same `classes`.
        classes: As for `scan`.

    Raises:
        DataError: It holds no image of the dataset, a folder's name may mean several classes, or a label file
            can't be read.
    """
    dataset, tree = place.card, place.tree
    claims = {claim.folder: claim for claim in place.claims}
    here = [path for path in tree.folders if path.is_relative_to(place.folder) and path not in place.others]
    files = [folder / name for folder in here for name in tree.folders[folder].others]
    images = {folder: _images_in(dataset, tree, folder) for folder in (*claims, *place.unclaimed)}
    releases = _releases(place.claims)
    found: list[Found] = []
    strays: list[Path] = [path for folder in place.unclaimed for path in images[folder][0]]
    for folder, claim in claims.items():
        for path in images[folder][0]:
            image = _placed(claim, place, path, releases.get(claim.base, ""))
            if image is None:
                strays.append(path)
            else:
                found.append(image)
    unreadable = [why for path, why in tree.unreadable.items() if path.is_relative_to(place.folder)]
    bases = {place.folder, *(claim.base for claim in place.claims)}
    expect_certain(dataset, place.folder, strays, within=bases)
    if not found and not unreadable:
        raise no_images(dataset, place.search, place)
    labels: dict[str, Mapping[str, tuple[int, str]]] = {}
    found, notes = _add_labels(dataset, found, [*files, *_files_above(place)], labels)
    notes += split_notes([image.given for image in found])
    notes += given_notes(dataset, place.folder, [image.path for image in found], given_classes(classes))
    synthetic = any((above / SYNTHETIC_MARKER).is_file() for above in (place.folder, *place.folder.parents))
    if dataset.made_from and not synthetic:
        found = _add_groups(dataset, found)
    releases_here = release_notes(dataset, [image.release for image in found])
    left_out = {
        MASK: [
            *(path for _, masks in images.values() for path in masks),
            *(folder / name for folder in here for name in tree.folders[folder].masks),
        ],
        OTHER_ENDING: unread_images(files),
        OTHER_DATASET: [
            folder / name
            for folder, key in place.others.items()
            if key in dataset.shares_cells_with and folder.is_relative_to(place.folder)
            for name in tree.folders[folder].images
        ],
        NEXT_TO: [folder / name for folder in place.next_to for name in tree.folders[folder].images],
    }
    scanned = Scan(
        card=dataset,
        folder=place.folder,
        synthetic=synthetic,
        images=tuple(sorted(found, key=lambda image: sort_key(dataset, image))),
        strays=tuple(sorted(strays)),
        left_out={kind: tuple(sorted(paths)) for kind, paths in left_out.items()},
        unreadable=tuple(unreadable),
        notes=(*notes, *releases_here, *left_out_notes(place, sorted(strays), left_out)),
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


def _placed(claim: Claim, place: Place, path: Path, release: str) -> Found | None:
    """Returns an image of a folder that a layout fits; None if the file isn't one of the layout's images."""
    dataset, layout = place.card, claim.layout
    if layout.extensions and path.suffix.lower() not in layout.extensions:
        return None
    if layout.names_only and not _has_published_name(layout, path):
        return None
    image = _describe(dataset, layout, path, claim.words)
    image = replace(image, given=split_of(claim.split) or _given(place.folder, image))
    if image.id in manifest(dataset.key):
        return image
    # Parts of a split may hold files of the same names.
    identity = f"{claim.split}/{image.id}" if claim.split and not layout.identity else image.id
    return replace(image, id=identity, release=release)


def _given(folder: Path, image: Found) -> str:
    """Returns the split of the uppermost folder of a split between a dataset's own folder and an image.

    The folders of the published path, such as `training_data`, are the authors' parts of the dataset.
    """
    published = {normalised(part) for part in PurePosixPath(image.id).parts[:-1]}
    parts = image.path.relative_to(folder).parts[:-1]
    names = [part for part in parts if normalised(part) not in published]
    return next(filter(None, map(split_of, names)), "")


def _releases(claims: Iterable[Claim]) -> dict[Path, str]:
    """Returns the release whose class folders are in a folder; it holds for all classes there."""
    return {claim.base: claim.layout.release for claim in claims if claim.layout.release}


def sort_key(dataset: DatasetCard, image: Found) -> tuple:
    """Returns the key that sorts images into the order of an index."""
    order = [subset.key for subset in dataset.subsets]
    return order.index(image.subset), natural(image.id), str(image.path)


def _images_in(dataset: DatasetCard, tree: Tree, folder: Path) -> tuple[list[Path], list[Path]]:
    """Returns the images in a folder, and the masks."""
    paths = [folder / name for name in tree.folders[folder].images]
    masks = masks_with_ending(paths, dataset.mask_extension)
    return [path for path in paths if path not in masks], sorted(masks)


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


def _files_above(place: Place) -> list[Path]:
    """Returns the files in the folders above a dataset's own: a file of labels may be next to its folder."""
    above = [path for path in place.folder.parents if path in place.tree.folders]
    return [path / name for path in above for name in place.tree.folders[path].others]


def _add_labels(
    dataset: DatasetCard,
    found: list[Found],
    files: Sequence[Path],
    labels: dict[str, Mapping[str, tuple[int, str]]],
) -> tuple[list[Found], list[str]]:
    """Fills in the labels and subjects that are stored in separate files, and keeps them in `labels`."""
    notes: list[str] = []
    labels_files = {layout.subset: layout.labels_file for layout in dataset.layouts if layout.labels_file}
    for subset, labels_file in labels_files.items():
        rows = [i for i, image in enumerate(found) if image.subset == subset]
        path = labels_path(labels_file, files)
        if path is None:
            if rows:
                notes.append(
                    f"the {subset} {dataset.images_are} have no labels: there is no {labels_file.name}"
                )
            continue
        table = labels[subset] = read_labels(dataset, labels_file, path)
        for i in rows:
            label, group = table.get(found[i].path.stem.lower(), (UNLABELLED, ""))
            found[i] = replace(found[i], label=label, group=group)
    return found, notes


def absent_from_labels(found: Scan) -> Iterator[str]:
    """Yields a note for each subset whose label file lacks some of its images."""
    for subset in found.labels:
        missing = sum(image.subset == subset and image.label == UNLABELLED for image in found.images)
        if missing:
            yield f"{missing:,} {subset} {found.card.images_are} aren't in the file of labels"
