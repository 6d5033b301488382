"""Read the labels and subjects of images from a CSV file."""

import csv
import io
import re
from pathlib import Path, PurePosixPath

from leukcnn.datasets.cards import DatasetCard, LabelsFile
from leukcnn.datasets.headers import BrokenImage
from leukcnn.datasets.read import read_regular
from leukcnn.errors import DataError

_LARGEST_LABELS = 1 << 26  # bytes


def read_labels(dataset: DatasetCard, labels: LabelsFile, path: Path) -> dict[str, tuple[int, str]]:
    """Returns the label and the subject of each image in a file of labels.

    Args:
        dataset: The dataset.
        labels: Its file of labels.
        path: The file.

    Returns:
        The image's file name without its extension, in lower case -> its position in the card's classes and
        its subject.

    Raises:
        DataError: The file or one of its lines can't be read.
    """
    try:
        text = read_regular(path, _LARGEST_LABELS).decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
    except (BrokenImage, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"The labels {path} can't be read: {error}",
            expected=f"a CSV file with the columns {labels.image}, {labels.label} and {labels.subject}",
            remedy="unpack the archive's own file again",
        ) from error
    table = {}
    for line, row in enumerate(rows, start=2):
        image, value, origin = (row.get(key) for key in (labels.image, labels.label, labels.subject))
        subject = re.search(labels.subject_pattern, origin or "", re.IGNORECASE)
        if not image or value is None or value.strip() not in labels.classes or subject is None:
            raise DataError(
                f"Line {line} of {path} can't be understood: {row}.",
                expected=f"{labels.image}: a file name; {labels.label}: one of {list(labels.classes)}; "
                f"{labels.subject}: a name with the subject, such as UID_57_29_1_all.bmp",
                remedy="unpack the archive's own file again",
            )
        label = dataset.classes.index(labels.classes[value.strip()])
        table[PurePosixPath(image.strip()).stem.lower()] = label, subject["subject"].upper()
    return table
