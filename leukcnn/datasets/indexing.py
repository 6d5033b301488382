"""Index a dataset's folder, or its manifest."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path, PurePosixPath

import numpy as np

from leukcnn.datasets.cards import DatasetCard
from leukcnn.datasets.catalog import card
from leukcnn.datasets.class_words import GivenClasses, class_of, given_classes, normalised
from leukcnn.datasets.genuine import genuineness
from leukcnn.datasets.headers import printable
from leukcnn.datasets.image_paths import Found, place, unplaced
from leukcnn.datasets.index import UNLABELLED, ImageIndex
from leukcnn.datasets.manifest import Published, manifest, published_groups
from leukcnn.datasets.name_patterns import copies_note, originals, with_originals_groups
from leukcnn.datasets.one_class import require_one_class
from leukcnn.datasets.scan import Scan, scan, sort_key, with_images
from leukcnn.datasets.walk import (
    Progress,
    conversion_notes,
    listed,
    named_badly,
    read_content,
    read_files,
)
from leukcnn.errors import ArgumentError, DataError
from leukcnn.fields import did_you_mean

__all__ = ["identified", "index_from_manifest", "load", "make_index", "other_names", "read_index"]


def load(
    name: str,
    root: str | Path,
    *,
    classes: GivenClasses = None,
    progress: Progress | None = None,
) -> ImageIndex:
    """Indexes a dataset's folder.

    Every file is read once, to compute its SHA-256 and to check that it is complete. No image is decoded.
    Published files are known by their SHA-256, whatever their names.

    Args:
        name: Key of the dataset in the catalog, e.g. "cnmc2019".
        root: The dataset's own folder, the one above it, or any other above it.
        classes: Class folder -> the class of its images, where the folder's name doesn't say it for certain,
            e.g. `{"positive": "ALL"}`.
        progress: Called after each file with the number done and the number of all files.

    Returns:
        The images by subset, then by id with numbers in numeric order: 2.bmp before 10.bmp. A partial copy is
        indexed as it is; `notes` says what is there.

    Raises:
        DataError: The folder doesn't exist, can't be read, holds no image of the dataset, or has a folder
            whose name may mean several classes. Or some files aren't complete images, are copies of the same
            image, have the name or the content of one class in the folder of another, are byte-identical in
            two classes, or have a name that isn't UTF-8; one message lists all of them.
        ArgumentError: `classes` names a folder without images, or a class that the dataset lacks.
    """
    found = scan(name, root, classes=classes)
    check_classes(classes, [found])
    return read_index(found, progress=progress)


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


def read_index(found: Scan, *, progress: Progress | None = None) -> ImageIndex:
    """Reads the files of a scan and returns their index; see `load`.

    Args:
        found: The folder.
        progress: Called after each file with the number done and the number of all files.

    Raises:
        DataError: As for `load`.
    """
    read = dict(zip(found.paths, read_files(read_content, found.paths, progress=progress), strict=True))
    published = {} if found.synthetic else manifest(found.card.key)
    found = identified(found, {path: digest for path, (digest, _) in read.items()}, published)
    paths = [image.path for image in found.images]
    contents = [read[path] for path in paths]
    times = Counter(image.id for image in found.images)
    _refuse(
        found,
        {
            "folders that can't be read": found.unreadable,
            "images with the name or the content of one class in the folder of another": [
                f"{image.path}: {image.contradictory}" for image in found.images if image.contradictory
            ],
            "files that are copies of the same image": [
                f"{image.path} ({image.id})" for image in found.images if times[image.id] > 1
            ],
            "files whose names can't be used": named_badly(found.folder, paths),
            "files that aren't complete images": [
                f"{image.path} {result}"
                for image, (digest, result) in zip(found.images, contents, strict=True)
                if not digest
            ],
        },
    )
    index = make_index(
        found.card,
        found.images,
        sha256=[digest for digest, _ in contents],
        synthetic=found.synthetic,
    )
    require_one_class(index)
    notes = (*_what_is_there(found, index), *conversion_notes(contents), *index.notes)
    return replace(index, notes=notes)


def index_from_manifest(name: str) -> ImageIndex:
    """Returns the index of all images in the shipped manifest, without any file of the dataset.

    The paths are those in the authors' archive. Labels that the dataset stores in a separate file are
    unknown. The index covers the whole dataset if the dataset's card says `manifest_whole`.

    Raises:
        DataError: The dataset is unknown or has no manifest.
    """
    dataset, published = card(name), manifest(name)
    if not published:
        raise DataError(f"No manifest is shipped for {dataset.name}.")
    paths = [PurePosixPath(identity) for identity in published]
    places = [place(dataset, path, depth=len(path.parts) - 1) for path in paths]
    images = sorted((image for image in places if image), key=lambda image: sort_key(dataset, image))
    return make_index(dataset, images, sha256=[published[image.id].sha256 for image in images])


def identified(found: Scan, sha256: Mapping[Path, str], published: Mapping[str, Published]) -> Scan:
    """Returns a scan in which published files are known by their content, whatever their names.

    Such a file has the id, subject, fold and subset of the published file, and its class if its folder names
    none. An image that fits no layout is taken if it is such a file and no other file here is. Of several
    published files with that content, it is the one that its name says, else one of its own class, else the
    first. A further copy of a file that is here isn't the published file and keeps its id.

    Args:
        found: The folder.
        sha256: Hexadecimal SHA-256 of each of its `paths`, "" for one that can't be read.
        published: The dataset's manifest by id; empty for synthetic images.
    """
    names: dict[str, list[str]] = defaultdict(list)
    for identity, file in published.items():
        names[file.sha256].append(identity)

    def is_published(image: Found) -> bool:
        return image.id in published and published[image.id].sha256 == sha256[image.path]

    def is_named(image: Found) -> bool:
        # The names that a manifest in part lists needn't be the authors' own.
        partly = not found.card.manifest_whole and image.id not in published
        return partly and image.published_name == image.path.stem

    images = [*found.images, *_taken(found, sha256, names)]
    placed, taken = len(found.images), {image.id for image in images if is_published(image)}
    others = [
        row
        for row, image in enumerate(images)
        if row >= placed or (sha256[image.path] in names and not is_published(image) and not is_named(image))
    ]
    # Files whose names say which of several published ones they are come first, those in no layout last.
    order = {row: (row >= placed, not _named(images[row], names[sha256[images[row].path]])) for row in others}
    for row in sorted(others, key=order.__getitem__):
        same = names[sha256[images[row].path]]
        free = [identity for identity in same if identity not in taken]
        known = _known_as(found, images[row], free or same)
        if free:
            taken.add(known.id)
            images[row] = known
        else:
            images[row] = replace(
                images[row], group=images[row].group or known.group, contradictory=known.contradictory
            )
    return with_images(found, images)


def _taken(found: Scan, sha256: Mapping[Path, str], names: Mapping[str, Sequence[str]]) -> Iterator[Found]:
    """Yields the images that fit no layout but are published files, each as often as it is published."""
    here = Counter(sha256[image.path] for image in found.images)
    for path in sorted(found.perhaps_published):
        if here[sha256[path]] < len(names.get(sha256[path], ())):
            here[sha256[path]] += 1
            yield unplaced(found.card, found.folder, path)


def _named(image: Found, identities: Sequence[str]) -> list[str]:
    """Returns those of some published files that an image's file name says."""
    name = image.published_name.lower()
    return [identity for identity in identities if PurePosixPath(identity).stem.lower() == name]


def _known_as(found: Scan, image: Found, identities: Sequence[str]) -> Found:
    """Returns an image as one of the published files with its content."""
    dataset = found.card
    placed = [(one, place(dataset, PurePosixPath(one), depth=one.count("/"))) for one in identities]
    known = [(identity, published) for identity, published in placed if published]
    if not known:
        return image
    named = _named(image, identities)

    def unlike(one: tuple[str, Found]) -> tuple[bool, bool, bool]:
        identity, published = one
        return identity not in named, published.label != image.label, published.subset != image.subset

    identity, published = min(known, key=unlike)
    # Labels and subjects of some subsets are in a file of their own.
    label, group = found.labels.get(published.subset, {}).get(
        PurePosixPath(identity).stem.lower(), (published.label, published.group)
    )
    contradictory = image.contradictory
    if UNLABELLED not in (label, image.label) and label != image.label:
        contradictory = (
            f"its content is that of {identity}, which is {dataset.classes[label]}, "
            f"not {dataset.classes[image.label]}"
        )
    return replace(
        image,
        id=identity,
        label=label if image.label == UNLABELLED else image.label,
        group=group,
        subset=published.subset,
        fold=published.fold,
        foreign=False,
        contradictory=contradictory,
        renamed=True,
        release="",
    )


def other_names(found: Scan) -> Iterator[str]:
    """Yields notes with the numbers of published files with other names, and of those in other folders."""
    names: list[str] = []
    folders: list[str] = []
    for image in found.images:
        if image.renamed and image.path.name.lower() != PurePosixPath(image.id).name.lower():
            names.append(f"{printable(image.path.name)} is {image.id}")
        elif image.renamed:
            where = printable(image.path.relative_to(found.folder).as_posix())
            folders.append(f"{where} is {image.id}")
    if names:
        are = "file has another name" if len(names) == 1 else "files have other names"
        yield f"{len(names):,} {are} than published, known by SHA-256, e.g. {names[0]}"
    if folders:
        are = "file is" if len(folders) == 1 else "files are"
        yield f"{len(folders):,} {are} in another folder than published, known by SHA-256, e.g. {folders[0]}"


def make_index(
    dataset: DatasetCard,
    images: Sequence[Found],
    *,
    sha256: Sequence[str],
    notes: tuple[str, ...] = (),
    synthetic: bool = False,
) -> ImageIndex:
    """Returns the index of images found in a folder, one row per image, in the given order.

    An image without a known subject has the group of the published image with the same id or the same
    content, or whose name its file name contains, or else that of the image of which it is a copy by its name
    (see `name_patterns`). Synthetic images have no published group.

    Args:
        dataset: Their dataset.
        images: The images.
        sha256: Hexadecimal SHA-256 of each image.
        notes: See `ImageIndex`.
        synthetic: See `ImageIndex`.
    """
    published = {} if synthetic else published_groups(dataset.key)
    by_name = {} if synthetic else _groups_by_name(dataset.key)
    groups = [
        image.group
        or published.get(image.id)
        or published.get(digest)
        or by_name.get(image.published_name.lower(), "")
        for image, digest in zip(images, sha256, strict=True)
    ]
    original = originals(
        [image.path for image in images],
        [image.id for image in images],
        [image.label for image in images],
        [dataset.key] * len(images),
    )
    groups = with_originals_groups(groups, original)
    return ImageIndex(
        paths=[image.path for image in images],
        ids=np.array([image.id for image in images], dtype=np.str_),
        labels=np.array([image.label for image in images], dtype=np.int64),
        class_names=dataset.classes,
        dataset=np.full(len(images), dataset.key),
        group=np.array(groups, dtype=np.str_),
        subset=np.array([image.subset for image in images], dtype=np.str_),
        fold=np.array([image.fold for image in images], dtype=np.int64),
        sha256=np.array(sha256, dtype=np.str_),
        given=np.array([image.given for image in images], dtype=np.str_),
        notes=(*notes, *copies_note(original)),
        synthetic=synthetic,
    )


@cache
def _groups_by_name(name: str) -> dict[str, str]:
    """Returns the group of each published image by its lower-case name without the extension."""
    return {
        PurePosixPath(identity).stem.lower(): file.group
        for identity, file in manifest(name).items()
        if file.group
    }


def _refuse(found: Scan, faults: Mapping[str, Sequence[str]]) -> None:
    lines = [f"{what}, {len(cases):,} of them:\n{listed(cases)}" for what, cases in faults.items() if cases]
    if lines:
        raise DataError(
            f"{found.folder} holds " + "\n".join(lines),
            expected="complete, readable images, each once and in the folder of its class",
            remedy=f"copy, rename or remove them; 'leukcnn check {found.card.key}' lists every fault",
        )


def _what_is_there(found: Scan, index: ImageIndex) -> list[str]:
    cells = found.card.images_are
    if found.synthetic:
        here = Counter(image.subset for image in found.images)
        notes = [f"synthetic data, not {found.card.name}"]
        notes += [f"{n:,} synthetic {subset} {cells}" for subset, n in here.items()]
    else:
        notes = [
            genuineness(found.card, index, subset=subset.key).describe(f"{subset.key} {cells}")
            for subset in found.card.subsets
        ]
    notes += found.notes
    if foreign := [image for image in found.images if image.foreign]:
        notes.append(
            f"{len(foreign):,} {cells} with other names than the authors gave, e.g. {foreign[0].path.name}"
        )
    return [*notes, *other_names(found)]
