"""Walk a folder and read its files in threads; all indices of folders use these functions."""

import os
import re
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from leukcnn.datasets.headers import EXTENSIONS, BrokenImage, conversion, counted, name_fault, printable
from leukcnn.datasets.masks import masks_by_name
from leukcnn.datasets.read import file_facts
from leukcnn.threads import in_threads

SYNTHETIC_MARKER = "SYNTHETIC.json"
"""Name of the file that marks a folder of synthetic images."""

MOST_FOLDERS = 10_000
"""Number of folders that a search looks at. The folder that a user names may be a whole home directory."""

_IGNORED = {"thumbs.db", "desktop.ini", "__macosx"}
# Folders of installed software, which hold thousands of folders and no dataset.
_SOFTWARE = {"node_modules", "site-packages", "__pycache__"}
_SHOWN = 10
# `os.walk` calls itself for each level.
_DEEPEST = 100

_T = TypeVar("_T")
Progress = Callable[[int, int], None]


def files_below(
    folder: Path, unreadable: list[str], *, deepest: int | None = None, excluded: Iterable[str] = ()
) -> Iterator[Path]:
    """Yields the files below a folder, except hidden files and files of file managers (Thumbs.db).

    Links to folders are followed, since copies are often made of links to a shared store. A folder that was
    seen before is skipped, which breaks circles of links.

    Args:
        folder: The folder.
        unreadable: Gets a line for each folder that can't be listed or is too deep, with the reason.
        deepest: Number of levels below the folder that are searched, None for all, up to 100.
        excluded: Real paths of folders that are skipped.
    """
    seen = set(excluded)

    def note(error: OSError) -> None:
        unreadable.append(printable(f"{error.filename}: {error.strerror}"))

    for here, folders, names in os.walk(folder, followlinks=True, onerror=note):
        real = os.path.realpath(here)
        depth = len(Path(here).relative_to(folder).parts)
        if folders and depth == _DEEPEST:
            unreadable.append(printable(f"{here}: more than {_DEEPEST} levels of folders"))
        if real in seen or depth in (deepest, _DEEPEST):
            folders.clear()
        if real in seen:
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not is_ignored(name))
        yield from (Path(here, name) for name in names if not is_ignored(name))


@dataclass(frozen=True)
class Listing:
    """What a folder itself holds, by name; hidden files and those of file managers are left out.

    Attributes:
        images: Files with the ending of an image, without masks.
        others: Other files.
        folders: Folders, or links to folders, except those that were seen before.
        masks: Files that are masks of images by their names, see `masks_by_name`.
    """

    images: tuple[str, ...]
    others: tuple[str, ...]
    folders: tuple[str, ...]
    masks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tree:
    """The folders below a root.

    Attributes:
        root: The root.
        folders: Folder -> what it holds; upper folders come first.
        unreadable: Folder that couldn't be listed -> a line with the reason.
        cut: Where the search ended early, as the end of a sentence; "" where it saw all folders.
    """

    root: Path
    folders: Mapping[Path, Listing]
    unreadable: Mapping[Path, str]
    cut: str

    @cached_property
    def holding_images(self) -> list[Path]:
        """The folders that hold images themselves, upper folders first."""
        return [path for path, here in self.folders.items() if here.images]

    @cached_property
    def above_images(self) -> set[Path]:
        """The folders that hold images, themselves or in a folder below."""
        above: set[Path] = set()
        for folder in self.holding_images:
            while folder not in above and folder != self.root.parent:
                above.add(folder)
                folder = folder.parent
        return above

    def count(self, folders: Iterable[Path]) -> int:
        """Returns the number of images that are directly in some folders."""
        return sum(len(self.folders[folder].images) for folder in folders)


def list_tree(root: Path) -> Tree:
    """Lists the folders below a root, level by level.

    Links to folders are followed; a folder that was seen before is skipped, which breaks circles of links.

    Args:
        root: An absolute path of a folder.
    """
    folders: dict[Path, Listing] = {}
    unreadable: dict[Path, str] = {}
    seen: set[str] = set()
    queue, too_deep = deque([(root, 0)]), False
    while queue and len(folders) < MOST_FOLDERS:
        here, depth = queue.popleft()
        try:
            real = os.path.realpath(here)
            if real in seen:
                continue
            seen.add(real)
            with os.scandir(here) as entries:
                kinds = sorted((entry.name, _is_folder(entry)) for entry in entries)
        except OSError as error:
            unreadable[here] = printable(f"{here}: {error.strerror}")
            continue
        names = [(name, inner) for name, inner in kinds if not is_ignored(name)]
        files = [name for name, inner in names if not inner]
        inner = [name for name, inner in names if inner and name.lower() not in _SOFTWARE]
        images = tuple(name for name in files if Path(name).suffix.lower() in EXTENSIONS)
        folders[here] = Listing(images, tuple(sorted({*files} - {*images})), tuple(inner))
        if depth < _DEEPEST:
            queue.extend((here / name, depth + 1) for name in inner)
        else:
            too_deep = too_deep or bool(inner)
    limits = {f"after {MOST_FOLDERS:,} folders": queue, f"at {_DEEPEST} levels of folders": too_deep}
    return Tree(
        root,
        _without_masks(root, folders),
        unreadable,
        cut=next((limit for limit, hit in limits.items() if hit), ""),
    )


def _without_masks(root: Path, folders: dict[Path, Listing]) -> dict[Path, Listing]:
    """Returns the folders with the masks apart from the images."""
    masks: dict[Path, set[str]] = defaultdict(set)
    for path in masks_by_name(root, [path / name for path, here in folders.items() for name in here.images]):
        masks[path.parent].add(path.name)
    for path, names in masks.items():
        images = tuple(name for name in folders[path].images if name not in names)
        folders[path] = replace(folders[path], images=images, masks=tuple(sorted(names)))
    return folders


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def is_ignored(name: str) -> bool:
    """Returns whether a file or folder is hidden or was written by a file manager, e.g. Thumbs.db."""
    return name.startswith(".") or name.lower() in _IGNORED


def natural(text: str) -> list[str | int]:
    """Returns a key that sorts numbers within texts by value: 2.bmp before 10.bmp."""
    return [int(word) if word.isdecimal() else word for word in re.split(r"(\d+)", text.lower())]


def read_files(
    read: Callable[[Path], _T], paths: Sequence[Path], *, progress: Progress | None = None
) -> list[_T]:
    """Applies a reading function to files in a thread per processor and returns the results in order.

    Args:
        read: Called with each path.
        paths: The files.
        progress: Called after each file with the number done and the number of all files.
    """
    results: list[_T] = []
    for result in in_threads(read, paths):
        results.append(result)
        if progress:
            progress(len(results), len(paths))
    return results


def read_content(path: Path) -> tuple[str, str | None]:
    """Reads an image file without decoding it.

    Returns:
        The hexadecimal SHA-256 and a note on the conversion that the image needs, or None. For a file that
        isn't a complete image: "" and what is wrong with it, as the end of the sentence 'FILE ...'.
    """
    try:
        sha256, header = file_facts(path)
    except BrokenImage as error:
        return "", error.detail
    return sha256, conversion(header.channels, header.bits, header.images)


def named_badly(folder: Path, paths: Iterable[Path]) -> list[str]:
    """Returns a line for each file whose name, or that of a folder between, can't be an id; see `name_fault`.

    Args:
        folder: The folder.
        paths: Files below it.
    """
    names = [path.relative_to(folder).as_posix() for path in paths]
    return [f"{printable(name)} {fault}" for name in names if (fault := name_fault(name))]


def conversion_notes(contents: Iterable[tuple[str, str | None]]) -> list[str]:
    """Counts the images that need each conversion; returns one line of text for each conversion.

    Args:
        contents: Results of `read_content`.
    """
    return [
        f"{counted(n, 'images')}: {what}" for what, n in Counter(note for _, note in contents if note).items()
    ]


def listed(cases: Sequence[str]) -> str:
    """Returns the first cases of a fault, one a line and indented, and the number of the others."""
    more = [f"and {len(cases) - _SHOWN:,} more"] if len(cases) > _SHOWN else []
    return "\n".join(f"  {printable(case)}" for case in [*cases[:_SHOWN], *more])
