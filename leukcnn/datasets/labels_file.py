"""Read the labels and subjects of images from a CSV file, as its authors or a spreadsheet wrote it."""

import codecs
import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath
from typing import NamedTuple

from leukcnn.datasets.cards import DatasetCard, LabelsFile
from leukcnn.datasets.class_words import normalised
from leukcnn.datasets.headers import BrokenImage
from leukcnn.datasets.read import read_regular
from leukcnn.datasets.walk import listed
from leukcnn.errors import DataError

_LONGEST_HEAD = 4096  # bytes
LARGEST_LABELS = 1 << 26  # bytes
SEPARATORS = ",;\t|"
# UTF-32 comes first, because its mark begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8-sig",
}


class Line(NamedTuple):
    """A line of a CSV file."""

    line: int  # first line of the row in the file
    fields: list[str]


class _Entry(NamedTuple):
    label: int
    subject: str


def read_labels(dataset: DatasetCard, labels: LabelsFile, path: Path) -> dict[str, tuple[int, str]]:
    """Returns the label and the subject of each image in a file of labels.

    The file may have been saved again by a spreadsheet or a script: with semicolons, tabs or bars between its
    fields, as UTF-8 or UTF-16, with other columns, with an index, with empty lines, or with labels such as
    "1.0" and "hem". The columns are found by name, in any order and case. An image may be named with or
    without its folder and its extension. Repeated rows must agree.

    Args:
        dataset: The dataset.
        labels: Its file of labels.
        path: The file, under any name.

    Returns:
        The image's file name without its extension, in lower case -> its position in the card's classes and
        its subject.

    Raises:
        DataError: The file can't be read, lacks a column, or has lines that can't be understood; the message
            names all of them.
    """
    try:
        names, rows = _table(decoded(read_regular(path, LARGEST_LABELS)), labels)
    except (BrokenImage, ValueError) as error:
        raise DataError(
            f"The labels {path} can't be read: {error}.",
            expected=f"a CSV file with the columns {labels.image}, {labels.label} and {labels.subject}",
            remedy="unpack the archive's own file again",
        ) from error
    columns = [names.index(plain_column(name)) for name in _names(labels)]
    # Some programs write an index and give it no name in the first line.
    shift = bool(rows) and all(len(row.fields) == len(names) + 1 and row.fields[-1] for row in rows)
    first: dict[str, tuple[int, _Entry]] = {}
    faults = []
    for row in rows:
        try:
            image, entry = _entry(dataset, labels, [_at(row.fields, place + shift) for place in columns])
        except ValueError as error:
            faults.append(f"Line {row.line}: {error}")
            continue
        line, earlier = first.setdefault(image, (row.line, entry))
        if earlier != entry:
            faults.append(f"Line {row.line}: {image} has another label or subject than in line {line}")
    if faults:
        lines = "1 line" if len(faults) == 1 else f"{len(faults):,} lines"
        raise DataError(
            f"The labels {path} have {lines} that can't be understood:\n{listed(faults)}",
            expected=f"{labels.image}: a file name; {labels.label}: {', '.join(labels.classes)}, or a word "
            f"for {' or '.join(dataset.classes)}; {labels.subject}: a name with the subject, such as "
            "UID_57_29_1_all.bmp",
            remedy="correct these lines, or unpack the archive's own file again",
        )
    return {image: (entry.label, entry.subject) for image, (_, entry) in first.items()}


def decoded(content: bytes) -> str:
    """Decodes a file.

    Raises:
        ValueError: It is no text.
    """
    if content.startswith(b"PK\x03\x04"):
        raise ValueError("it is a workbook or a zip file: save it as CSV")
    encoding = next((found for mark, found in _MARKS.items() if content.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in content[:2]:
        encoding = "utf-16-be" if content[:1] == b"\0" else "utf-16-le"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise ValueError("it isn't a text file") from error
        # The columns that are read hold ASCII; others may hold letters of an older encoding.
        text = content.decode("latin-1")
    if "\0" in text:
        raise ValueError("it isn't a text file")
    return text


def _table(text: str, labels: LabelsFile) -> tuple[list[str], list[Line]]:
    """Returns the plain names of the columns and the rows that hold something.

    Raises:
        ValueError: A column is missing or there twice, or a quotation mark isn't closed.
    """
    wrong = ""
    for separator in SEPARATORS:
        try:
            header, *rows = lines_of(text, separator)
        except ValueError as error:
            # With another separator, a field may end elsewhere.
            wrong = wrong or str(error)
            continue
        names = [plain_column(name) for name in header.fields]
        if {plain_column(name) for name in _names(labels)} <= {*names}:
            break
        if len(names) > 1 or not wrong:
            wrong = f"line {header.line} has the columns {', '.join(header.fields)}"
    else:
        raise ValueError(wrong)
    for name in _names(labels):
        if names.count(plain_column(name)) > 1:
            raise ValueError(f"line {header.line} has the column {name} twice")
    while not names[-1]:
        del names[-1]
    return names, rows


def lines_of(text: str, separator: str) -> list[Line]:
    """Returns the rows that hold something.

    Raises:
        ValueError: There are none, a quotation mark isn't closed, or a field is too long.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows = []
    while True:
        # A quoted field may go over several lines.
        line = reader.line_num + 1
        try:
            fields = next(reader)
            if len(fields) == 1 and separator in fields[0]:
                # A spreadsheet that kept each line in one cell has put it into quotes.
                fields = next(csv.reader(fields, delimiter=separator, strict=True))
            fields = [field.strip() for field in fields]
        except StopIteration:
            break
        except csv.Error as error:
            raise ValueError(f"line {line}: {error}") from error
        # Excel may write the separator into a line of its own.
        if any(fields) and not (line == 1 and fields[0].lower().startswith("sep=")):
            rows.append(Line(line, fields))
    if not rows:
        raise ValueError("it is empty")
    return rows


def _names(labels: LabelsFile) -> tuple[str, str, str]:
    return labels.image, labels.label, labels.subject


def plain_column(name: str) -> str:
    """Returns a column's name without case, spaces, punctuation and the plural's s."""
    return re.sub(r"[\W_]+", "", name).lower().removesuffix("s")


def _at(fields: Sequence[str], place: int) -> str:
    return fields[place] if place < len(fields) else ""


def _entry(dataset: DatasetCard, labels: LabelsFile, values: Sequence[str]) -> tuple[str, _Entry]:
    """Returns an image's name, and its label and subject.

    Raises:
        ValueError: A value has no meaning, or two contradict each other; the message says which.
    """
    image, value, origin = values
    classes = {**dataset.class_words, **{normalised(word): name for word, name in labels.classes.items()}}
    # Spreadsheets and pandas write whole numbers as 1.0 or 1,0.
    class_name = classes.get(normalised(re.sub(r"^(\d+)[.,]0*$", r"\1", value)))
    subject = re.search(labels.subject_pattern, origin, re.IGNORECASE)
    stem = PureWindowsPath(image).stem.lower()
    wrong = [
        f"{column} is {content!r}" if content else f"{column} is empty"
        for column, content, known in zip(_names(labels), values, (stem, class_name, subject), strict=True)
        if not known
    ]
    if wrong or class_name is None or subject is None:
        raise ValueError(", ".join(wrong))
    named = dataset.class_words.get((subject.groupdict().get("named") or "").lower())
    if named and named != class_name:
        raise ValueError(f"{labels.label} is {value!r}, {class_name}, but {origin!r} is {named}")
    return stem, _Entry(dataset.classes.index(class_name), subject["subject"].upper())


def labels_path(labels_file: LabelsFile, files: Sequence[Path]) -> Path | None:
    """Returns the file of labels, by its name or else by the names of its columns."""
    names = [name.lower() for name in (labels_file.name, *labels_file.other_names)]
    tables = sorted((path for path in files if path.suffix.lower() == ".csv"), key=str)
    by_name = [path for name in names for path in tables if path.name.lower() == name]
    return next(iter(by_name), None) or next((f for f in tables if _has_columns(labels_file, f)), None)


def _has_columns(labels_file: LabelsFile, path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.readline(_LONGEST_HEAD).decode("utf-8-sig", "replace").lower()
    except OSError:
        return False
    return all(name.lower() in head for name in (labels_file.image, labels_file.label, labels_file.subject))
