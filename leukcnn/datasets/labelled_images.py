"""The images of a user's own folder that a CSV file labels: their classes and groups."""

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import NamedTuple

from leukcnn.datasets.headers import EXTENSIONS, BrokenImage, counted, printable
from leukcnn.datasets.labels_file import LARGEST_LABELS, SEPARATORS, Line, decoded, lines_of, plain_column
from leukcnn.datasets.read import read_regular
from leukcnn.datasets.walk import files_below, listed, natural
from leukcnn.errors import DataError
from leukcnn.fields import did_you_mean, did_you_mean_file

_IMAGE = ("path", "image", "file", "filename", "imagepath", "filepath", "imagename", "imagefile", "imageid")
_LABEL = ("label", "class", "classname", "classlabel", "diagnosis", "category", "celltype", "target")
_GROUP = (
    *("patient", "patientid", "subject", "subjectid", "case", "caseid", "group", "groupid", "slide"),
    *("slideid", "smear", "smearid"),
)
"""Names of columns in plain letters, see `plain_column`; the first that is there is used."""
_FIRST = 3
_EXPECTED = (
    "a CSV file with a line for each image: its path, its label and perhaps its group (patient, slide)"
)


@dataclass
class LabelledImages:
    """What a file of labels says about the images of a folder.

    Attributes:
        images: Class -> its images, in the order of the class names, each by its path.
        groups: Image -> its group, "" where the file leaves it out; empty without a column of groups.
        column: Name of the column of groups, "" if there is none.
        unreadable: Folders that can't be read, with the reason.
        faults: What is wrong, one text each.
        notes: What a reader of results should know.
    """

    images: dict[str, list[Path]] = field(default_factory=dict)
    groups: dict[Path, str] = field(default_factory=dict)
    column: str = ""
    unreadable: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class _Columns(NamedTuple):
    """Names of the columns, and their places in a line; the place of the group is None if there is none."""

    names: list[str]
    image: int
    label: int
    group: int | None


class _Labelled(NamedTuple):
    line: int
    label: str
    group: str


def is_column(labels: Path, name: str) -> bool:
    """Returns whether a file of labels has a column of that name, in any case and without punctuation.

    Raises:
        DataError: The file can't be read.
    """
    header, _ = _table(labels)
    return plain_column(name) in [plain_column(field) for field in header.fields]


def labelled_images(labels: Path, folder: Path, *, group_column: str = "") -> LabelledImages:
    """Returns the images below a folder that a CSV file labels.

    The file may have commas, semicolons, tabs or bars between its fields, any encoding of Unicode, and its
    columns in any order and case. Its columns are known by their names: path, image, file or filename;
    label, class or diagnosis; patient, subject, case, group or slide. An image is found by its path from the
    folder, or else by as many of the last parts of its path as there are in the folder, with or without
    the extension.

    Args:
        labels: The file.
        folder: Absolute path of the folder.
        group_column: Name of the column of groups; "" for one that is named after them, if there is one.

    Raises:
        DataError: The file can't be read, or lacks a column.
    """
    header, lines = _table(labels)
    columns = _columns(labels, header, group_column)
    found = LabelledImages(column="" if columns.group is None else header.fields[columns.group])
    files = sorted(
        (path for path in files_below(folder, found.unreadable) if path.suffix.lower() in EXTENSIONS),
        key=lambda path: natural(str(path)),
    )
    labelled = _labelled(found, columns, lines, _Finder(folder, labels, files))
    spelled: dict[str, str] = {}
    for path in (path for path in files if path in labelled):
        entry = labelled[path]
        first = spelled.setdefault(entry.label.casefold(), entry.label)
        if first != entry.label:
            found.faults.append(f"classes that differ by case alone: {first} and {entry.label}")
        found.images.setdefault(entry.label, []).append(path)
        if columns.group is not None:
            found.groups[path] = entry.group
    found.faults = list(dict.fromkeys(found.faults))
    found.images = dict(sorted(found.images.items(), key=lambda item: (natural(item[0]), item[0])))
    without = [path.relative_to(folder).as_posix() for path in files if path not in labelled]
    if without:
        verb = "has" if len(without) == 1 else "have"
        found.notes.append(
            f"{counted(len(without), 'images')} in the folder {verb} no label in {labels.name} and "
            f"{'is' if len(without) == 1 else 'are'} left out: {_shown(without)}"
        )
    if found.column and not group_column:
        found.notes.append(f"the groups are those of the column {found.column} in {labels.name}")
    return found


def _table(labels: Path) -> tuple[Line, list[Line]]:
    """Returns the first line of a file and the others."""
    remedy = "save it as CSV in UTF-8, with the names of the columns in the first line"
    if not labels.is_file():
        state = "is a folder" if labels.is_dir() else "isn't there"
        near = did_you_mean_file(labels, (".csv", ".tsv", ".txt"))
        raise DataError(f"labels (--labels): {labels} {state}.", expected=_EXPECTED, remedy=near)
    try:
        text = decoded(read_regular(labels, LARGEST_LABELS))
        head = next((line for line in text.splitlines() if line.strip(' "')), "")
        separator = max(SEPARATORS, key=head.count)
        header, *lines = lines_of(text, separator)
    except (BrokenImage, ValueError) as error:
        raise DataError(
            f"labels (--labels): {labels} can't be read: {error}.", expected=_EXPECTED, remedy=remedy
        ) from error
    return header, lines


def _columns(labels: Path, header: Line, group_column: str) -> _Columns:
    names = [plain_column(name) for name in header.fields]
    image, label = (_place(names, known) for known in (_IMAGE, _LABEL))
    if image is None or label is None:
        lacking = "of paths" if image is None else "of labels"
        known = "path, image, file or filename" if image is None else "label, class or diagnosis"
        raise DataError(
            f"labels (--labels): {labels} has no column {lacking}. Its columns: "
            f"{', '.join(map(printable, header.fields))}.",
            expected=f"a column named {known}",
            remedy="name the columns in the first line, as in: path,label,group",
        )
    if not group_column:
        return _Columns(header.fields, image, label, _place(names, _GROUP))
    if plain_column(group_column) not in names:
        raise DataError(
            f"groups (--groups) got {group_column!r}, which is no column of {labels}.",
            expected=f"one of {', '.join(map(printable, header.fields))}",
            remedy=did_you_mean(group_column, header.fields),
        )
    return _Columns(header.fields, image, label, names.index(plain_column(group_column)))


def _place(names: Sequence[str], known: Iterable[str]) -> int | None:
    return next((names.index(plain_column(name)) for name in known if plain_column(name) in names), None)


class _Finder:
    """Finds images by their paths, from the folder or the file of labels, or by the last parts of them."""

    def __init__(self, folder: Path, labels: Path, files: Sequence[Path]):
        self._files, self._bases = {*map(str, files)}, (folder, labels.parent)
        self._by_ending: Mapping[tuple[str, ...], list[Path]] = defaultdict(list)
        for path in files:
            for parts in {_parts(path.relative_to(folder)), _parts(path.relative_to(folder).with_suffix(""))}:
                for start in range(len(parts)):
                    self._by_ending[parts[start:]].append(path)

    def find(self, written: str) -> list[Path]:
        """Returns the image at a path, or those that have the most of its last parts; none if none fits."""
        for base in self._bases:
            exact = os.path.normpath(base / written.replace("\\", "/"))
            if exact in self._files:
                return [Path(exact)]
        parts = _parts(PureWindowsPath(written))
        for start in range(len(parts)):
            if found := self._by_ending.get(parts[start:]):
                return found
        return []


def _parts(path: Path | PureWindowsPath) -> tuple[str, ...]:
    anchor = path.anchor
    return tuple(part.casefold() for part in path.parts if part not in (anchor, ".", ".."))


def _labelled(
    found: LabelledImages, columns: _Columns, lines: Sequence[Line], finder: _Finder
) -> dict[Path, _Labelled]:
    """Returns the label and the group of each image; what is wrong goes into `found.faults`."""
    labelled: dict[Path, _Labelled] = {}
    absent: list[str] = []
    several: list[str] = []
    twice: list[str] = []
    unlabelled: list[str] = []
    for line in lines:
        written, label = (_at(line, place) for place in (columns.image, columns.label))
        # Spreadsheets and pandas write whole numbers as 1.0 or 1,0.
        label = re.sub(r"^(\d+)[.,]0*$", r"\1", label)
        entry = _Labelled(line.line, label, "" if columns.group is None else _at(line, columns.group))
        paths = finder.find(written) if written else []
        if not label:
            unlabelled.append(written or f"line {line.line}")
        elif not paths:
            absent.append(f"{written or 'no path'} (line {line.line})")
        elif len(paths) > 1:
            several.append(f"{written} (line {line.line}): {_shown([path.as_posix() for path in paths])}")
        elif labelled.setdefault(paths[0], entry)[1:] != entry[1:]:
            earlier = labelled[paths[0]].line
            twice.append(f"{written} (line {line.line}): another label or group than in line {earlier}")
    for what, cases in (
        ("labels without an image in the folder", absent),
        ("labels that fit several images", several),
        ("images with two labels or groups", twice),
    ):
        if cases:
            found.faults.append(f"{what}, {len(cases):,} of them:\n{listed(cases)}")
    if unlabelled:
        found.notes.append(f"{counted(len(unlabelled), 'lines')} without a label: {_shown(unlabelled)}")
    return labelled


def _at(line: Line, place: int) -> str:
    return line.fields[place] if place < len(line.fields) else ""


def _shown(names: Sequence[str]) -> str:
    shown = ", ".join(map(printable, names[:_FIRST]))
    return shown + (f" and {len(names) - _FIRST:,} more" if len(names) > _FIRST else "")
