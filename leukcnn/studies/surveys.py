"""What a user's own folders hold, by the paths and headers of their images."""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leukcnn.argument_types import user_path
from leukcnn.datasets import ImageIndex
from leukcnn.datasets.catalog import CATALOG
from leukcnn.datasets.claims import is_named
from leukcnn.datasets.class_folders import Listing, list_class_folders
from leukcnn.datasets.class_words import normalised
from leukcnn.datasets.read import image_header
from leukcnn.datasets.walk import natural, read_files
from leukcnn.errors import DataError, SpecError
from leukcnn.papers import list_papers
from leukcnn.spec import Folder
from leukcnn.spec.folders import RESERVED_KEYS
from leukcnn.spec.names import DATASETS

SMALL_IMAGE = 64
"""Height and width in pixels of the networks' input by default; smaller images are enlarged."""

_LONGEST_KEY = 40


@dataclass(frozen=True, eq=False)
class Survey:
    """A user's own folder as a dataset, and what the paths and headers of its images say.

    Attributes:
        folder: The dataset.
        listing: Its images.
        sizes: (height, width) in pixels -> number of images.
    """

    folder: Folder
    listing: Listing
    sizes: Mapping[tuple[int, int], int]

    def groups_by_class(self) -> dict[str, int]:
        """Returns the number of groups with images of each class; an image of unknown group is its own."""
        listing = self.listing
        # The copy of an image by its name belongs to it.
        originals = zip(listing.original.tolist(), listing.ids, strict=True)
        own = [listing.ids[at] if at >= 0 else name for at, name in originals]
        names = [group or f"image {name}" for group, name in zip(listing.groups, own, strict=True)]
        every = Counter(label for _, label in {*zip(names, listing.labels.tolist(), strict=True)})
        return {name: every[label] for label, name in enumerate(listing.class_names)}

    @property
    def unknown_groups(self) -> int:
        """Number of images whose group is unknown."""
        return sum(not group for group in self.listing.groups)

    def notes(self) -> list[str]:
        """Returns what a reader of results should know about the folder."""
        notes = []
        if len(self.sizes) > 1:
            least, most = min(self.sizes), max(self.sizes)
            notes.append(
                f"the images have {len(self.sizes):,} sizes, from {least[1]}x{least[0]} to "
                f"{most[1]}x{most[0]} pixels: their middle square is resized, and the control 'size' tests "
                "whether the size gives the class away"
            )
        if self.sizes and min(map(min, self.sizes)) < SMALL_IMAGE:
            least = min(self.sizes, key=min)
            notes.append(f"the smallest image has {least[1]}x{least[0]} pixels: it is enlarged")
        known = [card for card in CATALOG.values() if is_named(card, self.listing.folder)]
        notes += [
            f"the folder is named like {card.name}: `leukcnn check {card.key} --data DIR` compares it with "
            "the published images, whose subjects leukcnn knows"
            for card in known
        ]
        return notes


def survey(
    place: str | os.PathLike[str],
    *,
    key: str = "",
    labels: str | os.PathLike[str] | None = None,
    groups: str | None = None,
    one_class: bool = False,
) -> Survey:
    """Looks at the paths and headers of a folder's images; none is decoded.

    Args:
        place: The folder.
        key: Key of the dataset; "" for one made of the folder's name.
        labels: File of labels; None if the folder has a folder for each class.
        groups: Regular expression for the groups, or a column of the file of labels; None if unknown.
        one_class: Whether it may hold images of a single class.

    Raises:
        DataError: As for `ImageIndex.from_folder`.
        ArgumentError: As for `ImageIndex.from_folder`.
    """
    path = Path(os.path.normpath(user_path(place, "The folder").absolute()))
    table = None if labels is None else _labels_of(path, labels)
    listing = list_class_folders(path, groups, labels=table, one_class=one_class)
    try:
        headers = read_files(image_header, listing.paths)
    except DataError:
        # Its message names all damaged files.
        ImageIndex.from_folder(path, groups, labels=table, one_class=one_class)
        raise
    folder = Folder(
        key=key or key_of(path.name),
        classes=listing.class_names,
        path=str(path),
        labels="" if table is None else str(table),
        groups=groups or "",
        title=key or path.name,
    )
    return Survey(folder, listing, Counter((header.height, header.width) for header in headers))


def _labels_of(folder: Path, labels: str | os.PathLike[str]) -> Path:
    """Returns the file of labels: the path as it is or, if there is none, the one in the folder."""
    path = user_path(labels, "labels (--labels)")
    inside = folder / path
    return (inside if not path.exists() and inside.is_file() else path).absolute()


def key_of(name: str) -> str:
    """Returns a key for a folder's name: none of leukcnn's own papers and datasets has it."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    key = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:_LONGEST_KEY].strip("_") or "images"
    return f"{key}_own" if key in (*list_papers(), *DATASETS, *RESERVED_KEYS) else key


def joined_classes(surveys: list[Survey]) -> tuple[str, ...]:
    """Returns the classes of several folders together, in numeric order.

    Raises:
        DataError: Two names differ by case, spaces or punctuation alone, or a class of one folder is in no
            other, so that no network can learn it while that folder is left out.
    """
    holders: dict[str, list[str]] = {}
    for one in surveys:
        for name in one.folder.classes:
            holders.setdefault(name, []).append(one.folder.key)
    shown = "; ".join(f"{one.folder.key}: {', '.join(one.folder.classes)}" for one in surveys)
    spelled: dict[str, list[str]] = {}
    for name in holders:
        spelled.setdefault(normalised(name), []).append(name)
    if differing := [names for names in spelled.values() if len(names) > 1]:
        raise DataError(
            "Classes of the datasets differ by case, spaces or punctuation alone: "
            f"{'; '.join(' and '.join(names) for names in differing)}.",
            expected="the same name for the same class in each dataset",
            remedy=f"rename the folders or labels. The classes are {shown}",
        )
    if len(surveys) > 1 and not any(len(keys) > 1 for keys in holders.values()):
        raise DataError(
            f"The datasets have no class in common: {shown}.",
            expected="the same name for the same class in each dataset",
            remedy="rename the folders or labels",
        )
    if len(holders) < 2:
        raise DataError(f"The datasets hold one class only: {shown}.", expected="two or more classes")
    return tuple(sorted(holders, key=lambda name: (natural(name), name)))


def refuse_own_key(key: str) -> None:
    """Refuses the name of a dataset that can't be its key.

    Raises:
        SpecError: It is that of a published dataset or has other characters.
    """
    if key in DATASETS or key in RESERVED_KEYS or not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", key):
        raise SpecError(
            f"datasets (--datasets) got the name {key!r}.",
            expected="lower-case letters, digits, '_' and '-', and no published dataset's key",
            remedy=f"name it {key_of(key)}=DIR",
        )


def n_images(surveys: list[Survey]) -> np.ndarray:
    """Returns the number of images of each survey, int64."""
    return np.array([len(one.listing.ids) for one in surveys], dtype=np.int64)
