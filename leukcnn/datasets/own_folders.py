"""A user's own folders as datasets of a paper: their cards and their images."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from leukcnn.argument_types import user_path
from leukcnn.datasets.cards import DatasetCard, Layout, Subset
from leukcnn.datasets.catalog import register
from leukcnn.datasets.class_folders import SUBSET
from leukcnn.datasets.duplicates import joined_groups
from leukcnn.datasets.fault_report import Report
from leukcnn.datasets.index import ImageIndex
from leukcnn.datasets.verification import count_rows
from leukcnn.datasets.walk import Progress, natural
from leukcnn.errors import DataError
from leukcnn.spec import Folder

_YOURS = "a folder of your own"


def register_folders(folders: Sequence[Folder]) -> None:
    """Makes the cards of a paper's own folders known to `leukcnn.datasets.card`.

    Raises:
        DataError: One has the key of a published dataset.
    """
    for folder in folders:
        register(card_of(folder))


def card_of(folder: Folder) -> DatasetCard:
    """Returns the card of a user's own folder. Nothing about it is published, so it has no counts."""
    return DatasetCard(
        key=folder.key,
        name=folder.title or folder.key,
        classes=folder.classes,
        class_words={},
        subsets=(Subset(SUBSET, "all images", {}),),
        layouts=(Layout.by_class(SUBSET, {name: name for name in folder.classes}),),
        folder_names=(folder.key,),
        images_are="images",
        link=_YOURS,
        availability=_YOURS,
        licence="that of its owner",
        citation=_YOURS,
        how_to_get="Ask its owner",
        groups_are="groups",
    )


def places_of(folders: Sequence[Folder], names: Sequence[str], data: str) -> dict[str, Path]:
    """Returns where the user's own folders among some datasets are, by their keys.

    Args:
        folders: The folders of a paper.
        names: Keys of the datasets that are wanted, published ones too.
        data: Value of --data, "" for none. If it isn't "", a folder that is wanted alone is there, and
            several are in it, named by their keys. Next to published datasets, which are in it too, the
            folders' own paths come first.

    Raises:
        DataError: Neither `data` nor the folder has a path.
    """
    own = [folder for folder in folders if folder.key in names]
    places = {}
    for folder in own:
        if folder.path and (not data or len(own) < len(names)):
            places[folder.key] = user_path(folder.path)
        elif data:
            places[folder.key] = user_path(data) / ("" if len(names) == 1 else folder.key)
        else:
            raise DataError(
                f"The paper doesn't say where the dataset {folder.key!r} is.",
                expected="a path in the paper's file, or --data",
                remedy="pass --data DIR" + f", in which it is {folder.key}" * (len(names) > 1),
            )
    return places


def load_folder(folder: Folder, place: Path, *, progress: Progress | None = None) -> ImageIndex:
    """Indexes a user's own folder as a dataset of a paper.

    Args:
        folder: The folder.
        place: Where it is.
        progress: Called after each file with the number done and the number of all files.

    Returns:
        The images as `ImageIndex.from_folder` returns them, with the key as `dataset` and the classes in the
        order of `folder.classes`.

    Raises:
        DataError: As for `ImageIndex.from_folder`, or its classes are others than those of `folder`.
        ArgumentError: As for `ImageIndex.from_folder`.
    """
    index = ImageIndex.from_folder(
        place,
        folder.groups or None,
        labels=folder.labels or None,
        one_class=len(folder.classes) == 1,
        progress=progress,
    )
    if {*index.class_names} != {*folder.classes}:
        raise DataError(
            f"{place} has the classes {', '.join(index.class_names)}.",
            expected=f"those of the dataset {folder.key!r}: {', '.join(folder.classes)}",
            remedy="correct the names of the folders or labels, or the classes in the paper's file",
        )
    order = np.array([folder.classes.index(name) for name in index.class_names], dtype=np.int64)
    return replace(
        index,
        labels=order[index.labels],
        class_names=folder.classes,
        dataset=np.full(len(index), folder.key),
        # A group with a slash would count as the same subject in other datasets.
        group=np.array([f"{folder.key}/{name}" if "/" in name else name for name in index.group.tolist()]),
    )


def verify_folder(folder: Folder, place: Path, *, progress: Progress | None = None) -> Report:
    """Reads every image of a user's own folder and reports what is there, as `verify` does.

    Nothing is published to compare it with. A folder with a fault is refused.

    Args:
        folder: The folder.
        place: Where it is.
        progress: Called after each file with the number done and the number of all files.

    Raises:
        DataError: As for `load_folder`.
        ArgumentError: As for `load_folder`.
    """
    index = load_folder(folder, place, progress=progress)
    joined = {name for name in joined_groups(index)[index.group != ""].tolist() if "+" in name}
    return Report(
        card=card_of(folder),
        folder=place,
        synthetic=index.synthetic,
        index=index,
        images_here=len(index),
        compared=None,
        counts=count_rows(index),
        faults=(),
        known_duplicates=(),
        joined_subjects=tuple(sorted(joined, key=natural)),
        notes=index.notes,
    )
