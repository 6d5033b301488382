"""Find the folder of a dataset."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from leukcnn.argument_types import user_path
from leukcnn.datasets.cards import DatasetCard
from leukcnn.errors import DataError

# The deepest known layout has 4 levels of folders. A deeper search could go through a whole home directory.
DEEPEST = 6


class Advice(TypedDict):
    """The keyword arguments of an error that say what was expected and what to do."""

    expected: str
    remedy: str


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
    while len(folders) <= DEEPEST:
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
