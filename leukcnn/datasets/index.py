"""The index of a dataset: which images there are, of which class, of which subject."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path, PurePosixPath

import numpy as np

from leukcnn.datasets.cards import DatasetCard
from leukcnn.datasets.catalog import card
from leukcnn.datasets.headers import BrokenImage, conversion, read_header
from leukcnn.datasets.manifest import manifest, published_groups
from leukcnn.datasets.scan import UNLABELLED, Found, Progress, Scan, place, read_files, scan, sort_key
from leukcnn.errors import ArgumentError, DataError

__all__ = [
    "UNLABELLED",
    "ImageIndex",
    "group_names",
    "index_from_manifest",
    "load",
    "make_index",
    "read_index",
    "require_classes",
]


# What an index says of all its images together; every other field has an entry an image.
_OF_ALL = ("class_names", "notes", "synthetic")


@dataclass(frozen=True, eq=False)
class ImageIndex:
    """Images of one or several datasets, one row an image; it never opens an image.

    Attributes:
        paths: (N,) `pathlib.Path`, where each image lies on this machine.
        ids: (N,) str, name of each image in the dataset's own layout, the same on every machine
            (`training_data/fold_0/all/UID_1_1_1_all.bmp`); unique.
        labels: (N,) int64, index into `class_names`; -1 where the dataset gives no label.
        class_names: Names of the classes in the order of the networks' outputs.
        dataset: (N,) str, key of the dataset in the catalog.
        group: (N,) str, subject (patient) or other unit that must not be parted; "" where unknown. A name
            with a slash ("allidb1/Im001_1.jpg", "cnmc2019/H12") is one unit in all datasets; one without
            ("H12") counts within its dataset alone, since another may use the same number.
        subset: (N,) str, part of the dataset as its authors ship it ("training", "preliminary", "final").
        fold: (N,) int64, the authors' own fold, -1 where there is none.
        sha256: (N,) str, hexadecimal SHA-256 of each file.
        synthetic: Whether the images are drawn and stand in for the dataset's own.
        notes: What a reader of figures made from these images must know: how much of the dataset they are,
            and what was converted.
    """

    paths: Sequence[Path]
    ids: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    dataset: np.ndarray
    group: np.ndarray
    subset: np.ndarray
    fold: np.ndarray
    sha256: np.ndarray
    notes: tuple[str, ...] = field(default=())
    synthetic: bool = False

    def __post_init__(self):
        lengths = {f.name: len(getattr(self, f.name)) for f in fields(self) if f.name not in _OF_ALL}
        if len(set(lengths.values())) != 1:
            raise ArgumentError(
                f"The columns of the index have different lengths: {lengths}.",
                expected="one entry an image in every column",
            )
        if len(set(self.ids)) != len(self.ids):
            raise ArgumentError("Some image ids occur twice.", expected="unique ids")

    def __len__(self) -> int:
        return len(self.ids)

    def select(self, rows: np.ndarray) -> "ImageIndex":
        """Returns the index of some rows, given as positions or as a mask of shape (N,)."""
        positions = np.arange(len(self))[rows]
        columns = {
            f.name: np.asarray(getattr(self, f.name))[positions]
            for f in fields(self)
            if f.name not in ("paths", *_OF_ALL)
        }
        return replace(self, paths=[self.paths[i] for i in positions], **columns)


def load(name: str, root: str | Path, *, progress: Progress | None = None) -> ImageIndex:
    """Indexes a dataset's folder.

    Every file is read once, for its SHA-256 and to make sure that it is complete; nothing is decoded.

    Args:
        name: Key of the dataset in the catalog, e.g. "cnmc2019".
        root: The dataset's own folder or the root above it.
        progress: Called after each file with the number done and the number of all.

    Returns:
        The images by part, then by id with numbers in numeric order, so that the final phase stands in the
        order of the challenge's files. A partial copy is indexed as it is; `notes` says what is there.

    Raises:
        DataError: The folder isn't there, can't be read or holds no image of the dataset, or some files are
            no complete images, stand twice, or claim two classes; one message counts all such files.
    """
    return read_index(scan(name, root), progress=progress)


def read_index(found: Scan, *, progress: Progress | None = None) -> ImageIndex:
    """Reads the files of a scan and returns their index; see `load`.

    Args:
        found: The folder.
        progress: Called after each file with the number done and the number of all.

    Raises:
        DataError: Some files are no complete images, stand twice, or claim two classes.
    """
    _refuse(found, "folders that can't be read", found.unreadable)
    _refuse(
        found,
        "images with the name of one class in the folder of another",
        [str(image.path) for image in found.images if image.contradictory],
    )
    times = Counter(image.id for image in found.images)
    _refuse(
        found,
        "files that stand for the same image",
        [f"{image.path} ({image.id})" for image in found.images if times[image.id] > 1],
    )
    contents = read_files(_content, [image.path for image in found.images], progress=progress)
    _refuse(
        found,
        "files that are no complete images",
        [
            f"{image.path} {result}"
            for image, (digest, result) in zip(found.images, contents, strict=True)
            if not digest
        ],
    )
    conversions = Counter(result for _, result in contents if result)
    return make_index(
        found.card,
        found.images,
        sha256=[digest for digest, _ in contents],
        notes=(*_what_is_there(found), *(f"{n:,} images: {what}" for what, n in conversions.items())),
        synthetic=found.synthetic,
    )


def index_from_manifest(name: str) -> ImageIndex:
    """Returns the index of all that the shipped manifest lists, made from it alone.

    The paths are those in the authors' archive; no file is there. Labels that stand in a file beside the
    images are unknown. It is the whole dataset where its card says `manifest_whole`.

    Raises:
        DataError: The dataset is unknown or has no manifest.
    """
    dataset, published = card(name), manifest(name)
    if not published:
        raise DataError(f"No manifest is shipped for {dataset.name}.")
    paths = [PurePosixPath(identity) for identity in published]
    images = [place(dataset, path, depth=len(path.parts) - 1) for path in paths]
    images.sort(key=lambda image: sort_key(dataset, image))
    return make_index(dataset, images, sha256=[published[image.id].sha256 for image in images])


def make_index(
    dataset: DatasetCard,
    images: Sequence[Found],
    *,
    sha256: Sequence[str],
    notes: tuple[str, ...] = (),
    synthetic: bool = False,
) -> ImageIndex:
    """Returns the index of images found in a folder, one row each in their order.

    Where nothing tells an image's subject, its group is that of the published image with its id or its
    content. Synthetic images stand for no published one and have none.

    Args:
        dataset: Their dataset.
        images: The images.
        sha256: Hexadecimal SHA-256 of each.
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
        notes=notes,
        synthetic=synthetic,
    )


def group_names(index: ImageIndex) -> np.ndarray:
    """Returns the groups by names that hold across datasets.

    Args:
        index: The images.

    Returns:
        (N,) str: a group without a slash is named after its dataset, "cnmc2019/H12"; one with a slash and the
        empty one stay as they are.
    """
    names = [
        f"{dataset}/{group}" if group and "/" not in group else group
        for dataset, group in zip(index.dataset, index.group, strict=True)
    ]
    return np.array(names, dtype=np.str_)


def require_classes(index: ImageIndex) -> None:
    """Makes sure that every class has labelled images.

    Raises:
        DataError: A class has none, as when only one class was copied.
    """
    counts = np.bincount(index.labels[index.labels != UNLABELLED], minlength=len(index.class_names))
    if not counts.all():
        held = ", ".join(f"{n:,} {name}" for name, n in zip(index.class_names, counts, strict=True))
        only = "one class only" if np.count_nonzero(counts) == 1 else "too few classes"
        raise DataError(
            f"The data hold {only}: {held} images with a label.",
            expected=f"images of every class: {', '.join(index.class_names)}",
            remedy="copy the folders of the other classes too",
        )


def _content(path: Path) -> tuple[str, str | None]:
    """Returns SHA-256 and note on conversion of an image, or "" and what is wrong with it."""
    try:
        content = path.read_bytes()
        header = read_header(content)
    except BrokenImage as error:
        return "", error.detail
    except OSError as error:
        return "", f"can't be read: {error.strerror or error}"
    return hashlib.sha256(content).hexdigest(), conversion(header.channels, header.bits)


def _refuse(found: Scan, what: str, cases: Sequence[str]) -> None:
    if cases:
        shown = "\n".join(f"  {case}" for case in cases[:10])
        more = f"\n  and {len(cases) - 10:,} more" if len(cases) > 10 else ""
        raise DataError(
            f"{found.folder} holds {what}, {len(cases):,} of them:\n{shown}{more}",
            expected="complete, readable images, each once and in the folder of its class",
            remedy=f"copy them again or remove them; 'leukcnn check {found.card.key}' lists every fault",
        )


def _what_is_there(found: Scan) -> list[str]:
    cells = found.card.images_are
    here = Counter(image.subset for image in found.images)
    if found.synthetic:
        notes = [f"synthetic data, not {found.card.name}"]
        notes += [f"{n:,} drawn {subset} {cells}" for subset, n in here.items()]
    else:
        notes = [
            f"{here[subset.key]:,} of {subset.total:,} {subset.key} {cells}" for subset in found.card.subsets
        ]
    notes += found.notes
    if foreign := [image for image in found.images if image.foreign]:
        notes.append(
            f"{len(foreign):,} {cells} with other names than the authors', e.g. {foreign[0].path.name}"
        )
    if found.strays:
        where = found.strays[0].relative_to(found.folder)
        notes.append(f"{len(found.strays):,} images outside the layout were left out, e.g. {where}")
    return notes
