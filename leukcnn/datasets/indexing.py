"""Index a dataset's folder, or its manifest."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from leukcnn.datasets.cards import DatasetCard
from leukcnn.datasets.catalog import card
from leukcnn.datasets.class_words import GivenClasses
from leukcnn.datasets.genuine import genuineness
from leukcnn.datasets.index import ImageIndex
from leukcnn.datasets.manifest import manifest, published_groups
from leukcnn.datasets.one_class import require_one_class
from leukcnn.datasets.scan import Found, Scan, check_classes, place, scan, sort_key
from leukcnn.datasets.walk import (
    Progress,
    conversion_notes,
    listed,
    named_badly,
    read_content,
    read_files,
)
from leukcnn.errors import DataError

__all__ = ["index_from_manifest", "load", "make_index", "read_index"]


def load(
    name: str,
    root: str | Path,
    *,
    classes: GivenClasses = None,
    progress: Progress | None = None,
) -> ImageIndex:
    """Indexes a dataset's folder.

    Every file is read once, to compute its SHA-256 and to check that it is complete. No image is decoded.

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
            whose name may mean several classes. Or some files
            aren't complete images, are copies of the same image, have the name of one class in the folder
            of another, are byte-identical in two classes, or have a name that isn't UTF-8; one message lists
            all of them.
        ArgumentError: `classes` names a folder without images, or a class that the dataset lacks.
    """
    found = scan(name, root, classes=classes)
    check_classes(classes, [found])
    return read_index(found, progress=progress)


def read_index(found: Scan, *, progress: Progress | None = None) -> ImageIndex:
    """Reads the files of a scan and returns their index; see `load`.

    Args:
        found: The folder.
        progress: Called after each file with the number done and the number of all files.

    Raises:
        DataError: As for `load`.
    """
    paths = [image.path for image in found.images]
    contents = read_files(read_content, paths, progress=progress)
    times = Counter(image.id for image in found.images)
    _refuse(
        found,
        {
            "folders that can't be read": found.unreadable,
            "images with the name of one class in the folder of another": [
                str(image.path) for image in found.images if image.contradictory
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
    return replace(index, notes=(*_what_is_there(found, index), *conversion_notes(contents)))


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
    content. Synthetic images have no published group.

    Args:
        dataset: Their dataset.
        images: The images.
        sha256: Hexadecimal SHA-256 of each image.
        notes: See `ImageIndex`.
        synthetic: See `ImageIndex`.
    """
    published = {} if synthetic else published_groups(dataset.key)
    groups = [
        image.group or published.get(image.id) or published.get(digest, "")
        for image, digest in zip(images, sha256, strict=True)
    ]
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
        notes=notes,
        synthetic=synthetic,
    )


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
    return notes
