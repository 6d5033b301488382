"""A user's own folder of images as a dataset of a paper."""

from dataclasses import dataclass

from leukcnn.spec.checks import check_id, check_types, name_of, require, require_once
from leukcnn.spec.names import DATASETS, allow_dataset

RESERVED_KEYS = ("open", "synthetic")
"""Words that options take in place of a dataset's key."""

UNPUBLISHED = "leukcnn evaluate"
"""In place of authors: the paper is a study of folders that `leukcnn evaluate` made; nobody published it."""


@dataclass(frozen=True)
class Folder:
    r"""A user's own folder of images, which `Paper.datasets` and splits may name by its key.

    Attributes:
        key: Name of the dataset in the paper: lower-case letters, digits, "_" and "-"; none of leukcnn's own
            datasets has it.
        classes: Names of its classes, as its class folders or its file of labels name them, in the order of
            the networks' outputs if the paper has no `class_of`.
        path: The folder. `--data` names another place; "" leaves the place to `--data`.
        labels: CSV file with a path, a label and perhaps a group for each image; "" if the folder holds one
            folder for each class. See `leukcnn.datasets.ImageIndex.from_folder`.
        groups: The subject (patient, slide) of each image: a regular expression with one group in brackets,
            which is searched in the image's path below the folder, such as `r"patient_(\d+)"`, or a column of
            the file of labels. "" if the subjects are unknown, or in a column that is named after them.
        title: Its name in tables; "" for the key.
    """

    key: str
    classes: tuple[str, ...]
    path: str = ""
    labels: str = ""
    groups: str = ""
    title: str = ""

    def __post_init__(self) -> None:
        check_types(self)
        owner = name_of(self)
        check_id(owner, "key", self.key)
        require(
            self.key not in (*DATASETS, *RESERVED_KEYS),
            f"{owner}: the key is that of one of leukcnn's own datasets or an option's word.",
            "another key",
        )
        require(bool(self.classes), f"{owner}: classes is empty.", "the names of its classes")
        require(all(self.classes), f"{owner}: classes = {self.classes}.", "a name for each class")
        require_once(owner, "classes", self.classes)
        allow_dataset(self.key)
