"""Scan a dataset's folder: find which published image each file is, and what its path says about it.

The only files that are opened here are label files (CSV). `load`, `load_many` and `verify` all start from a
`Scan`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from leukcnn.datasets.cards import DatasetCard, LabelsFile
from leukcnn.datasets.catalog import card
from leukcnn.datasets.claims import Claim
from leukcnn.datasets.class_words import (
    GivenClasses,
    given_classes,
    split_notes,
)
from leukcnn.datasets.finder import Place, find, how_to_get, search, with_given_classes
from leukcnn.datasets.headers import unread_images
from leukcnn.datasets.image_paths import UNLABELLED, Found, placed
from leukcnn.datasets.labels_file import labels_path, read_labels
from leukcnn.datasets.left_out import (
    MASK,
    NEXT_TO,
    OTHER_DATASET,
    OTHER_ENDING,
    expect_certain,
    given_notes,
    left_out_notes,
    no_images,
    not_there,
    release_notes,
)
from leukcnn.datasets.manifest import manifest, of_published_size
from leukcnn.datasets.masks import masks_with_ending
from leukcnn.datasets.walk import SYNTHETIC_MARKER, Tree, natural


@dataclass(frozen=True)
class Scan:
    """What a folder holds.

    Attributes:
        place: Where the dataset is.
        synthetic: Whether the images are synthetic: their folder holds the file `SYNTHETIC_MARKER`.
        images: Images in the order of an index: by subset, then by id with numbers in numeric order.
        strays: Image files in the dataset's folder at places that fit no layout.
        left_out: Other files that aren't read, by kind; the kinds are the constants of `left_out`.
        unreadable: Folders that couldn't be listed, with the reason.
        remarks: Remarks on the classes that the user gives to folders.
        labels: Label and subject of each image of the label files, by subset and lower-case stem.
    """

    place: Place
    synthetic: bool
    images: tuple[Found, ...]
    strays: tuple[Path, ...]
    left_out: Mapping[str, tuple[Path, ...]]
    unreadable: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    labels: Mapping[str, Mapping[str, tuple[int, str]]] = field(default_factory=dict)

    @property
    def card(self) -> DatasetCard:
        """The dataset."""
        return self.place.card

    @property
    def folder(self) -> Path:
        """The dataset's own folder."""
        return self.place.folder

    @cached_property
    def perhaps_published(self) -> tuple[Path, ...]:
        """Images in the dataset's folder that fit no layout, but may be published: as long as one of them."""
        if self.synthetic:
            return ()
        near = [path for path in self.left_out[NEXT_TO] if path.is_relative_to(self.folder)]
        return tuple(of_published_size(self.card.key, [*self.strays, *near]))

    @property
    def paths(self) -> list[Path]:
        """The files that are read: the images, and those that may be published ones."""
        return [*(image.path for image in self.images), *self.perhaps_published]

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks on missing labels, on folders of a split, and on all files that are left out."""
        return (
            *_without_labels(self),
            *split_notes([image.given for image in self.images]),
            *self.remarks,
            *release_notes(self.card, [image.release for image in self.images]),
            *left_out_notes(self.place, self.strays, self.left_out),
            *_absent_from_labels(self),
        )


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
            image = placed(claim, dataset, place.folder, path, releases.get(claim.base, ""))
            if image is None:
                strays.append(path)
            else:
                found.append(image)
    unreadable = [why for path, why in tree.unreadable.items() if path.is_relative_to(place.folder)]
    bases = {place.folder, *(claim.base for claim in place.claims)}
    expect_certain(dataset, place.folder, strays, within=bases)
    if not found and not unreadable and not place.known_by_content:
        raise no_images(dataset, place.search, place)
    labels = _read_labels(dataset, [*files, *_files_above(place)])
    found = [_labelled(image, labels) for image in found]
    remarks = given_notes(dataset, place.folder, [image.path for image in found], given_classes(classes))
    synthetic = any((above / SYNTHETIC_MARKER).is_file() for above in (place.folder, *place.folder.parents))
    if dataset.made_from and not synthetic:
        found = _add_groups(dataset, found)
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
    return Scan(
        place=place,
        synthetic=synthetic,
        images=tuple(sorted(found, key=lambda image: sort_key(dataset, image))),
        strays=tuple(sorted(strays)),
        left_out={kind: tuple(sorted(paths)) for kind, paths in left_out.items()},
        unreadable=tuple(unreadable),
        remarks=tuple(remarks),
        labels=labels,
    )


def with_images(found: Scan, images: Iterable[Found]) -> Scan:
    """Returns a scan with other images; none of them is left out any more."""
    images = tuple(sorted(images, key=lambda image: sort_key(found.card, image)))
    here = {image.path for image in images}
    return replace(
        found,
        images=images,
        strays=tuple(path for path in found.strays if path not in here),
        left_out={
            kind: tuple(path for path in paths if path not in here) for kind, paths in found.left_out.items()
        },
    )


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


def _read_labels(dataset: DatasetCard, files: Sequence[Path]) -> dict[str, Mapping[str, tuple[int, str]]]:
    """Returns the labels and subjects that are stored in separate files; see `Scan.labels`."""
    paths = {
        subset: (labels_file, labels_path(labels_file, files))
        for subset, labels_file in _labels_files(dataset).items()
    }
    return {
        subset: read_labels(dataset, labels_file, path)
        for subset, (labels_file, path) in paths.items()
        if path is not None
    }


def _labelled(image: Found, labels: Mapping[str, Mapping[str, tuple[int, str]]]) -> Found:
    """Returns an image with the label and subject of its subset's file, if there is one."""
    if image.subset not in labels:
        return image
    label, group = labels[image.subset].get(image.path.stem.lower(), (UNLABELLED, ""))
    return replace(image, label=label, group=group)


def _labels_files(dataset: DatasetCard) -> dict[str, LabelsFile]:
    return {layout.subset: layout.labels_file for layout in dataset.layouts if layout.labels_file}


def _without_labels(found: Scan) -> Iterator[str]:
    """Yields a note for each subset that has images but no label file."""
    for subset, labels_file in _labels_files(found.card).items():
        if subset not in found.labels and any(image.subset == subset for image in found.images):
            yield f"the {subset} {found.card.images_are} have no labels: there is no {labels_file.name}"


def _absent_from_labels(found: Scan) -> Iterator[str]:
    """Yields a note for each subset whose label file lacks some of its images."""
    for subset in found.labels:
        missing = sum(image.subset == subset and image.label == UNLABELLED for image in found.images)
        if missing:
            yield f"{missing:,} {subset} {found.card.images_are} aren't in the file of labels"
