"""Read a user's own folder of images, with one folder per class, as the columns of an index."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

import numpy as np

from leukcnn.argument_types import user_path
from leukcnn.datasets.class_words import split_notes, split_of
from leukcnn.datasets.headers import EXTENSIONS, printable, unread_images, unread_notes
from leukcnn.datasets.masks import masks_by_content, masks_by_name, masks_note
from leukcnn.datasets.name_patterns import copies_note, originals, with_originals_groups
from leukcnn.datasets.walk import (
    SYNTHETIC_MARKER,
    Progress,
    conversion_notes,
    files_below,
    is_ignored,
    listed,
    named_badly,
    natural,
    read_content,
    read_files,
)
from leukcnn.errors import ArgumentError, DataError

Group = str | int
Groups = Mapping[str, Group] | Callable[[str], Group] | str | re.Pattern[str]
"""The groups of images by id: a mapping, a function, or a regular expression with one group in brackets."""

_SUBSET = "all"
# Folders that a message lists.
_NAMED = 20
_GROUPS_ARE = (
    "a mapping id -> group, a function id -> group, or a regular expression with one group in brackets, e.g. "
    r"r'patient_(\d+)'"
)


class Columns(TypedDict):
    """The arguments of an `ImageIndex`."""

    paths: list[Path]
    ids: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    dataset: np.ndarray
    group: np.ndarray
    subset: np.ndarray
    fold: np.ndarray
    sha256: np.ndarray
    given: np.ndarray
    notes: tuple[str, ...]
    synthetic: bool


@dataclass
class _Content:
    """What a folder holds.

    Attributes:
        images: Images of each class.
        folders: Names of its folders.
        outside: Images outside the class folders.
        mixed: Names of folders of a split next to other folders.
        unread: Files that look like images and aren't read.
        unreadable: Folders that can't be read, with the reason.
        masks: Masks of the images.
    """

    images: dict[str, list[Path]] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    masks: set[Path] = field(default_factory=set)
    outside: list[Path] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)
    unread: list[Path] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def read_class_folders(
    root: str | Path, groups: Groups | None = None, *, progress: Progress | None = None
) -> Columns:
    """Returns the columns of the index of a folder; see `ImageIndex.from_folder`.

    Args:
        root: The folder that holds a folder for each class.
        groups: See `ImageIndex.from_folder`.
        progress: Called after each file with the number done and the number of all files.

    Raises:
        DataError: The folder doesn't exist or has faults; one message lists all of them.
        ArgumentError: `groups` has the wrong form or doesn't give every image a group.
    """
    _check_form(groups)
    # `resolve` would replace the name of a link by that of its target. `normpath` only removes "..".
    folder = Path(os.path.normpath(user_path(root).absolute()))
    content = _content(folder)
    class_names = tuple(content.images)
    paths = [path for inside in content.images.values() for path in inside]
    results = read_files(read_content, paths, progress=progress)
    broken = [
        f"{path.relative_to(folder).as_posix()} {what}"
        for path, (digest, what) in zip(paths, results, strict=True)
        if not digest
    ]
    if faults := list(_faults(folder, content, broken)):
        raise _refusal(folder, faults, folders=content.folders)
    ids = [path.relative_to(folder).as_posix() for path in paths]
    given = [_given(path.relative_to(folder)) for path in paths]
    sizes = [len(inside) for inside in content.images.values()]
    labels = np.repeat(np.arange(len(class_names), dtype=np.int64), sizes)
    original = originals(paths, ids, labels.tolist(), [folder.name] * len(ids))
    return Columns(
        paths=paths,
        ids=np.array(ids, dtype=np.str_),
        labels=labels,
        class_names=class_names,
        dataset=np.full(len(ids), folder.name),
        group=np.array(with_originals_groups(_groups_of(ids, groups), original), dtype=np.str_),
        subset=np.full(len(ids), _SUBSET),
        fold=np.full(len(ids), -1, dtype=np.int64),
        sha256=np.array([digest for digest, _ in results], dtype=np.str_),
        given=np.array(given, dtype=np.str_),
        notes=(
            *split_notes(given),
            *unread_notes(content.unread, folder),
            *([masks_note(content.masks, folder)] if content.masks else []),
            *conversion_notes(results),
            *copies_note(original),
        ),
        synthetic=any((above / SYNTHETIC_MARKER).is_file() for above in (folder, *folder.parents)),
    )


def _content(folder: Path) -> _Content:
    if not folder.is_dir():
        state = "is a file, not a folder" if folder.exists() else "doesn't exist"
        raise _refusal(folder, [], found=f"The data folder {folder} {state}.")
    content = _Content()
    folders = _entries(folder, content)
    content.folders = [entry.name for entry in folders]
    splits = [entry for entry in folders if split_of(entry.name)]
    if splits and len(splits) < len(folders):
        content.mixed = [entry.name for entry in splits]
    elif splits:
        folders = [inside for entry in splits for inside in _entries(entry, content)]
    real = {entry: os.path.realpath(entry) for entry in folders}
    above = {os.path.realpath(place) for place in (folder, *splits)}
    names: dict[str, str] = {}
    for entry in folders:
        # Through a link to the root or to another class folder, images of other classes would get this class.
        excluded = above.union(real.values()) - {real[entry]}
        files = list(files_below(entry, content.unreadable, excluded=excluded))
        # One class may be spelled differently in two folders of a split.
        name = names.setdefault(entry.name.casefold() if entry.parent != folder else entry.name, entry.name)
        content.images.setdefault(name, []).extend(filter(_is_image, files))
        content.unread += unread_images(files)
    images = sorted(content.images.items(), key=lambda item: _order(item[0]))
    content.images = {name: sorted(inside, key=lambda path: _order(str(path))) for name, inside in images}
    return _without_masks(folder, content)


def _entries(folder: Path, content: _Content) -> list[Path]:
    """Returns the folders inside one; the images next to them are noted as outside the class folders."""
    try:
        entries = [entry for entry in folder.iterdir() if not is_ignored(entry.name)]
    except OSError as error:
        content.unreadable.append(f"{folder}: {error.strerror}")
        return []
    files = [entry for entry in entries if not entry.is_dir()]
    content.outside += filter(_is_image, files)
    content.unread += unread_images(files)
    return sorted((entry for entry in entries if entry.is_dir()), key=lambda entry: _order(entry.name))


def _without_masks(folder: Path, content: _Content) -> _Content:
    """Sorts out the masks; a folder that holds nothing else is no class."""
    every = [*content.outside, *(path for inside in content.images.values() for path in inside)]
    content.masks = masks_by_name(folder, every)
    content.masks |= masks_by_content(path for path in every if path not in content.masks)
    if content.masks:
        content.outside = [path for path in content.outside if path not in content.masks]
        left = {
            name: [p for p in inside if p not in content.masks] for name, inside in content.images.items()
        }
        content.images = {name: paths for name, paths in left.items() if paths or not content.images[name]}
    return content


def _given(path: Path) -> str:
    """Returns the split that one of the first two folders of a path names, "" if there is none."""
    return next((given for name in path.parts[:2][: len(path.parts) - 1] if (given := split_of(name))), "")


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in EXTENSIONS


def _order(name: str) -> tuple[list[str | int], str]:
    return natural(name), name


def _faults(folder: Path, content: _Content, broken: Sequence[str]) -> Iterator[str]:
    def fault(what: str, cases: Sequence[str]) -> Iterator[str]:
        if cases:
            yield f"{what}, {len(cases):,} of them:\n{listed(cases)}"

    yield from fault("folders that can't be read", content.unreadable)
    yield from fault("folders named after a split next to others", content.mixed)
    if not content.images and not content.unreadable:
        yield "no folder that could be a class"
    if len(content.images) == 1:
        yield f"one class only: {next(iter(content.images))}"
    yield from fault(
        "class folders without images", [name for name, inside in content.images.items() if not inside]
    )
    yield from fault(
        "images outside the class folders",
        sorted((path.relative_to(folder).as_posix() for path in content.outside), key=_order),
    )
    yield from fault("images that are in two classes through links", list(_in_two_classes(folder, content)))
    yield from fault("a name of its own that can't be used", named_badly(folder.parent, [folder]))
    paths = [*content.outside, *(path for inside in content.images.values() for path in inside)]
    yield from fault("files whose names can't be used", named_badly(folder, paths))
    yield from fault("files that aren't complete images", broken)


def _in_two_classes(folder: Path, content: _Content) -> Iterator[str]:
    first: dict[str, tuple[str, Path]] = {}
    for name, inside in content.images.items():
        for path in inside:
            other, twin = first.setdefault(os.path.realpath(path), (name, path))
            if other != name:
                yield f"{path.relative_to(folder).as_posix()} is {twin.relative_to(folder).as_posix()}"


def _refusal(
    folder: Path, faults: Sequence[str], *, folders: Sequence[str] = (), found: str = ""
) -> DataError:
    named = ", ".join(map(printable, folders[:_NAMED])) + (", ..." if len(folders) > _NAMED else "")
    return DataError(
        found
        or f"{folder} can't be used as a dataset (found: {named or 'no folder'}). It holds:\n"
        + "\n".join(faults),
        expected=f"a folder with two or more folders, one per class, with complete images "
        f"({', '.join(EXTENSIONS)}) in each and none outside them",
        remedy="pass the folder right above the class folders, or above train, val and test; move or remove "
        "what doesn't belong there, and copy damaged files again",
    )


def _check_form(groups: object) -> None:
    """Checks that `groups` is a mapping, a function or an expression, before any file is read."""
    if groups is None or isinstance(groups, Mapping) or callable(groups):
        return
    if not isinstance(groups, str | re.Pattern):
        raise ArgumentError(
            f"groups is of the type {type(groups).__name__}.",
            expected=_GROUPS_ARE,
            remedy="make a dictionary of ids and groups, e.g. with `to_dict()` of a pandas Series",
        )
    try:
        count = re.compile(groups).groups
    except re.error as error:
        raise ArgumentError(
            f"groups is {groups!r}, which isn't a regular expression: {error}.", expected=_GROUPS_ARE
        ) from error
    if count != 1:
        raise ArgumentError(
            f"The expression {groups!r} has {count} groups in brackets.",
            expected="exactly one",
            remedy="write (?:...) for brackets that aren't the group",
        )


def _groups_of(ids: Sequence[str], groups: Groups | None) -> list[str]:
    """Returns the group of each image, "" without groups."""
    if groups is None:
        return [""] * len(ids)
    if isinstance(groups, Mapping):
        return _checked(ids, [groups.get(name) for name in ids], "the mapping has no valid group for")
    if isinstance(groups, str | re.Pattern):
        matches = [re.search(groups, name) for name in ids]
        found = [match.group(1) or None if match else None for match in matches]
        return _checked(ids, found, f"{re.compile(groups).pattern!r} finds no group in")
    return _checked(ids, [groups(name) for name in ids], "the function returns no valid group for")


def _checked(ids: Sequence[str], found: Sequence[Group | None], reason: str) -> list[str]:
    lost = [
        name for name, group in zip(ids, found, strict=True) if not isinstance(group, str | int | np.integer)
    ]
    if lost:
        raise ArgumentError(
            f"{len(lost):,} of {len(ids):,} images have no group: {reason} these ids:\n{listed(lost)}",
            expected="a text or a whole number as the group of each image",
            remedy='change the groups; a mapping or a function may give "" for unknown',
        )
    return [str(group) for group in found]
