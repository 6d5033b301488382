"""Read a user's own folder of images, with one folder per class, as the columns of an index."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

import numpy as np

from leukcnn.argument_types import user_path
from leukcnn.datasets.class_words import split_notes, split_of
from leukcnn.datasets.groups import Groups, check_form, groups_of
from leukcnn.datasets.headers import EXTENSIONS, printable, unread_images, unread_notes
from leukcnn.datasets.labelled_images import is_column, labelled_images
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
from leukcnn.errors import DataError
from leukcnn.fields import did_you_mean_folder

SUBSET = "all"
"""Subset of all images of a folder."""
# Folders that a message lists.
_NAMED = 20


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
        groups: Id of each image -> its group in a file of labels; None without such a file or column.
        labelled: Whether a file of labels names the classes, instead of folders.
        faults: Other faults, one text each.
        notes: What a reader of results should know.
    """

    images: dict[str, list[Path]] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    masks: set[Path] = field(default_factory=set)
    outside: list[Path] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)
    unread: list[Path] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    groups: Mapping[str, str] | None = None
    labelled: bool = False
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Listing:
    """What the paths of a folder's images say, without a look into any of them.

    Attributes:
        folder: Absolute path of the folder.
        paths: The images.
        ids: Their paths below the folder.
        labels: (N,) int64, positions in `class_names`.
        class_names: The classes.
        groups: The group of each image, "" where unknown.
        given: The split that a folder of each image names, "" if there is none.
        original: (N,) int64, see `leukcnn.datasets.name_patterns.originals`.
    """

    folder: Path
    paths: list[Path]
    ids: list[str]
    labels: np.ndarray
    class_names: tuple[str, ...]
    groups: list[str]
    given: list[str]
    original: np.ndarray


def read_class_folders(
    root: str | Path,
    groups: Groups | None = None,
    *,
    labels: str | Path | None = None,
    one_class: bool = False,
    progress: Progress | None = None,
) -> Columns:
    """Returns the columns of the index of a folder; see `ImageIndex.from_folder`.

    Args:
        root: The folder that holds a folder for each class, or the images of a file of labels.
        groups: See `ImageIndex.from_folder`.
        labels: See `ImageIndex.from_folder`.
        one_class: See `ImageIndex.from_folder`.
        progress: Called after each file with the number done and the number of all files.

    Raises:
        DataError: The folder doesn't exist or has faults; one message lists all of them.
        ArgumentError: `groups` has the wrong form or doesn't give every image a group.
    """
    folder, content, groups = _opened(root, groups, labels)
    paths = [path for inside in content.images.values() for path in inside]
    results = read_files(read_content, paths, progress=progress)
    broken = [
        f"{path.relative_to(folder).as_posix()} {what}"
        for path, (digest, what) in zip(paths, results, strict=True)
        if not digest
    ]
    if faults := list(_faults(folder, content, broken, one_class=one_class)):
        raise (
            _labels_refusal(folder, faults) if content.labelled else _refusal(folder, faults, content.folders)
        )
    of = _listing(folder, content, groups)
    return Columns(
        paths=of.paths,
        ids=np.array(of.ids, dtype=np.str_),
        labels=of.labels,
        class_names=of.class_names,
        dataset=np.full(len(of.ids), folder.name),
        group=np.array(of.groups, dtype=np.str_),
        subset=np.full(len(of.ids), SUBSET),
        fold=np.full(len(of.ids), -1, dtype=np.int64),
        sha256=np.array([digest for digest, _ in results], dtype=np.str_),
        given=np.array(of.given, dtype=np.str_),
        notes=(
            *content.notes,
            *split_notes(of.given),
            *unread_notes(content.unread, folder),
            *([masks_note(content.masks, folder)] if content.masks else []),
            *conversion_notes(results),
            *copies_note(of.original),
        ),
        synthetic=any((above / SYNTHETIC_MARKER).is_file() for above in (folder, *folder.parents)),
    )


def list_class_folders(
    root: str | Path,
    groups: Groups | None = None,
    *,
    labels: str | Path | None = None,
    one_class: bool = False,
) -> Listing:
    """Returns what the paths of a folder's images say; no image is read if the folder has no fault.

    Args:
        root: As for `read_class_folders`.
        groups: As for `read_class_folders`.
        labels: As for `read_class_folders`.
        one_class: As for `read_class_folders`.

    Raises:
        DataError: As for `read_class_folders`.
        ArgumentError: As for `read_class_folders`.
    """
    folder, content, given = _opened(root, groups, labels)
    if any(_faults(folder, content, [], one_class=one_class)):
        # It finds damaged images too, so that one message has all faults.
        read_class_folders(root, groups, labels=labels, one_class=one_class)
    return _listing(folder, content, given)


def _opened(
    root: str | Path, groups: Groups | None, labels: str | Path | None
) -> tuple[Path, _Content, Groups | None]:
    """Returns the folder, what it holds, and the groups unless they are a column of the labels."""
    check_form(groups, labelled=labels is not None)
    # `resolve` would replace the name of a link by that of its target. `normpath` only removes "..".
    folder = Path(os.path.normpath(user_path(root).absolute()))
    if labels is None:
        return folder, _content(folder), groups
    table = Path(os.path.normpath(user_path(labels, "labels (--labels)").absolute()))
    # A text without brackets can't be an expression: it is a column, or its error names the columns.
    by_name = isinstance(groups, str) and (is_column(table, groups) or "(" not in groups)
    column = groups if isinstance(groups, str) and by_name else ""
    check_form(None if column else groups)
    content = _labelled_content(folder, table, column)
    return folder, content, content.groups if groups is None or column else groups


def _listing(folder: Path, content: _Content, groups: Groups | None) -> Listing:
    paths = [path for inside in content.images.values() for path in inside]
    ids = [path.relative_to(folder).as_posix() for path in paths]
    sizes = [len(inside) for inside in content.images.values()]
    labels = np.repeat(np.arange(len(content.images), dtype=np.int64), sizes)
    original = originals(paths, ids, labels.tolist(), [folder.name] * len(ids))
    return Listing(
        folder=folder,
        paths=paths,
        ids=ids,
        labels=labels,
        class_names=tuple(content.images),
        groups=with_originals_groups(groups_of(ids, groups), original),
        given=[_given(path.relative_to(folder)) for path in paths],
        original=original,
    )


def _labelled_content(folder: Path, labels: Path, column: str) -> _Content:
    _require_folder(folder)
    found = labelled_images(labels, folder, group_column=column)
    return _Content(
        images=found.images,
        unreadable=found.unreadable,
        groups={path.relative_to(folder).as_posix(): name for path, name in found.groups.items()}
        if found.column
        else None,
        labelled=True,
        faults=found.faults,
        notes=found.notes,
    )


def _content(folder: Path) -> _Content:
    _require_folder(folder)
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


def _require_folder(folder: Path) -> None:
    if not folder.is_dir():
        state = "is a file, not a folder" if folder.exists() else "doesn't exist"
        near = did_you_mean_folder(folder) if not folder.exists() else ""
        if folder.suffix.lower() in (".csv", ".tsv", ".txt") and folder.exists():
            near = f"pass the folder of the images, and --labels {folder.name}"
        raise _refusal(folder, [], found=f"The data folder {folder} {state}.", remedy=near)


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


def _faults(folder: Path, content: _Content, broken: Sequence[str], *, one_class: bool) -> Iterator[str]:
    def fault(what: str, cases: Sequence[str]) -> Iterator[str]:
        if cases:
            yield f"{what}, {len(cases):,} of them:\n{listed(cases)}"

    yield from content.faults
    yield from fault("folders that can't be read", content.unreadable)
    yield from fault("folders named after a split next to others", content.mixed)
    if not content.images and not content.unreadable and not content.faults:
        yield "no image with a label" if content.labelled else "no folder that could be a class"
    if len(content.images) == 1 and not one_class:
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
    folder: Path, faults: Sequence[str], folders: Sequence[str] = (), *, found: str = "", remedy: str = ""
) -> DataError:
    named = ", ".join(map(printable, folders[:_NAMED])) + (", ..." if len(folders) > _NAMED else "")
    return DataError(
        found
        or f"{folder} can't be used as a dataset (found: {named or 'no folder'}). It holds:\n"
        + "\n".join(faults),
        expected=f"a folder with two or more folders, one per class, with complete images "
        f"({', '.join(EXTENSIONS)}) in each and none outside them",
        remedy=remedy
        or "pass the folder right above the class folders, or above train, val and test; move or remove "
        "what doesn't belong there, and copy damaged files again",
    )


def _labels_refusal(folder: Path, faults: Sequence[str]) -> DataError:
    return DataError(
        f"The labels don't fit the images in {folder}:\n" + "\n".join(faults),
        expected="one label for each image that the file names, complete images, and two or more classes",
        remedy="correct the file of labels, or pass the folder that holds its images; images without a label "
        "may stay, they are left out",
    )
