"""The index of a dataset: its images, their classes and their subjects."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from leukcnn.datasets.class_folders import read_class_folders
from leukcnn.datasets.groups import Groups
from leukcnn.datasets.image_paths import UNLABELLED
from leukcnn.datasets.left_out import NEXT_TO, OTHER_ENDING, OUTSIDE, is_about
from leukcnn.datasets.one_class import require_one_class
from leukcnn.datasets.summary import ClassCount, as_html, as_text, count_classes
from leukcnn.datasets.walk import (
    Progress,
)
from leukcnn.errors import ArgumentError, DataError, DependencyError

if TYPE_CHECKING:
    import pandas

__all__ = [
    "UNLABELLED",
    "ImageIndex",
    "group_names",
    "require_classes",
]


# Fields that describe all images together. Every other field has one entry per image.
_OF_ALL = ("class_names", "notes", "synthetic")
NO_ARRAYS = ("paths", *_OF_ALL)
"""Fields of `ImageIndex` that aren't arrays with one entry for each image."""


@dataclass(frozen=True, eq=False)
class ImageIndex:
    """Images of one or several datasets, one row per image. An index never opens an image.

    `load` and `load_many` index published datasets, `ImageIndex.from_folder` indexes a folder of your own. An
    index prints its counts by dataset, subset and class, with the numbers of groups (subjects).

    Attributes:
        paths: (N,) `pathlib.Path`, path of each image on this machine.
        ids: (N,) str, path of each image in the dataset's own layout, the same on every machine
            (`training_data/fold_0/all/UID_1_1_1_all.bmp`); unique.
        labels: (N,) int64, index into `class_names`; -1 where the dataset gives no label.
        class_names: Names of the classes in the order of the networks' outputs.
        dataset: (N,) str, key of the dataset in the catalog.
        group: (N,) str, subject (patient) or other unit whose images must not be split between training and
            test; "" where unknown. The group "H12" belongs to one dataset: another dataset's "H12" is another
            subject. The group "cnmc2019/H12", with a slash, is the same subject in every dataset. The groups
            for the splitters are `leukcnn.datasets.joined_groups(index)`.
        subset: (N,) str, subset of the dataset as its authors publish it ("training", "preliminary",
            "final").
        fold: (N,) int64, the authors' own fold, -1 where there is none.
        sha256: (N,) str, hexadecimal SHA-256 of each file.
        given: (N,) str, the split whose folder holds the image, "train", "validation" or "test"; "" where the
            folders aren't split. The kind of split "given" keeps it, all others pass it over.
        synthetic: Whether the images are synthetic substitutes for the dataset's own.
        notes: Remarks for the readers of results, e.g. how many of the published images are present and how
            many were converted.
    """

    paths: Sequence[Path]
    ids: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    dataset: np.ndarray
    group: np.ndarray
    subset: np.ndarray
    fold: np.ndarray
    sha256: np.ndarray
    notes: tuple[str, ...] = field(default=())
    synthetic: bool = False
    given: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.str_))

    def __post_init__(self) -> None:
        if not len(self.given):
            object.__setattr__(self, "given", np.full(len(self.ids), ""))
        lengths = {f.name: len(getattr(self, f.name)) for f in fields(self) if f.name not in _OF_ALL}
        if len(set(lengths.values())) != 1:
            raise ArgumentError(
                f"The columns of the index have different lengths: {lengths}.",
                expected="one entry per image in every column",
            )
        if len(set(self.ids)) != len(self.ids):
            raise ArgumentError("Some image ids occur twice.", expected="unique ids")

    @classmethod
    def from_folder(
        cls,
        root: str | Path,
        groups: Groups | None = None,
        *,
        labels: str | Path | None = None,
        one_class: bool = False,
        progress: Progress | None = None,
    ) -> "ImageIndex":
        r"""Indexes a folder of your own that holds one folder per class, or that a CSV file labels.

        The images are `root/CLASS/**/*.png` (or another ending of `leukcnn.datasets.headers.EXTENSIONS`).
        Other files and hidden ones are ignored; `notes` names those that look like images. Links are
        followed. Every image is read once, to compute its SHA-256 and to check that it is complete; none is
        decoded.

        Folders named train, val and test (or training, valid, validation, testing), right above the class
        folders or right inside them, are joined: `given` says which of them holds an image.

        Args:
            root: The folder that holds the class folders. Its name becomes `dataset`.
            groups: The subject (patient) of each image, or another unit whose images must not be split
                between training and test. One of:

                - None: unknown, `group` is "" for all images. The splitters refuse it;
                  `leukcnn.datasets.joined_groups(index)` makes each image a group of its own, together with
                  its exact copies and those that their names show.
                - A mapping from id to group, e.g. `{"all/1.png": "patient 7"}`. Ids are paths below the root.
                - A function that takes an id and returns the group.
                - A regular expression with one group in brackets, which is searched in the id, e.g.
                  `r"patient_(\d+)"`. It must match every id.
                - With `labels`, the name of its column of groups. None takes the column that is named after
                  them (patient, subject, case, group or slide), if there is one.

                A group is a text or a whole number, and the same group in two classes is one subject. A
                mapping or a function may give "" for an unknown one, which is treated as above. The copy of
                an image by its name, such as cell_rot90.png of cell.png, then has that image's group.
            labels: CSV file with the class of each image, in place of class folders: a column named path,
                image, file or filename, and one named label, class or diagnosis. A path begins at `root` or
                at the file's own folder. Images without a label are left out, and `notes` counts them.
            one_class: Whether the folder may hold images of a single class, for an index that is joined with
                others.
            progress: Called after each file with the number done and the number of all files.

        Returns:
            The images by class, then by path with numbers in numeric order. Class names are the names of the
            folders, in numeric order too. All images are in the subset "all".

        Raises:
            DataError: The folder doesn't exist, has fewer than two class folders, empty ones, images outside
                them, some folders named after a split next to class folders, or files that aren't complete
                images; or an image is in two classes; or `labels` can't be read, or has a label without an
                image. One message lists all faults.
            ArgumentError: `groups` has the wrong form or doesn't give every image a group.
        """
        index = cls(**read_class_folders(root, groups, labels=labels, one_class=one_class, progress=progress))
        require_one_class(index)
        return index

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return as_text(self._title(), self._counts())

    def _repr_html_(self) -> str:
        return as_html(self._title(), self._counts())

    def counts(self) -> dict[tuple[str, str, str], int]:
        """Returns the number of images by dataset, subset and class.

        Returns:
            The numbers by (dataset, subset, class), e.g. `counts()["cnmc2019", "training", "healthy"]`. The
            class is "" for images without a label. Classes without images are left out.
            `pandas.Series(index.counts()).unstack()` shows them as a table.
        """
        return {(row.dataset, row.subset, row.class_name): row.images for row in self._counts()}

    def to_frame(self) -> "pandas.DataFrame":
        """Returns the index as a table with one row per image.

        Returns:
            A pandas DataFrame with the columns path, id, dataset, subset, class ("" without a label), label
            (-1 without one), group, fold, given and sha256. `ImageIndex` describes their values.

        Raises:
            DependencyError: pandas isn't installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise DependencyError(
                "The package pandas, which makes a table of an index, isn't installed.",
                expected="pandas 2.2 or later",
                remedy="pip install pandas, or use the columns of the index themselves",
            ) from error
        return pandas.DataFrame(
            {
                "path": [str(path) for path in self.paths],
                "id": self.ids,
                "dataset": self.dataset,
                "subset": self.subset,
                "class": np.array([*self.class_names, ""])[self.labels],
                "label": self.labels,
                "group": self.group,
                "fold": self.fold,
                "given": self.given,
                "sha256": self.sha256,
            }
        )

    def _counts(self) -> list[ClassCount]:
        return count_classes(self.dataset, self.subset, self.labels, self.group, class_names=self.class_names)

    def _title(self) -> str:
        kind = "synthetic images" if self.synthetic else "images"
        n_groups = len({*group_names(self).tolist()} - {""})
        groups = f", {n_groups:,} groups" if n_groups else ""
        return f"ImageIndex: {len(self):,} {kind}, {len(self.class_names):,} classes{groups}"

    def select(self, rows: np.ndarray) -> "ImageIndex":
        """Returns an index of some of the rows.

        Args:
            rows: Positions, int (M,), or a mask, bool (N,).
        """
        positions = np.arange(len(self))[rows]
        columns = {
            f.name: np.asarray(getattr(self, f.name))[positions]
            for f in fields(self)
            if f.name not in NO_ARRAYS
        }
        return replace(self, paths=[self.paths[i] for i in positions], **columns)


def group_names(index: ImageIndex) -> np.ndarray:
    """Returns the groups by names that are valid across datasets.

    Args:
        index: The images.

    Returns:
        (N,) str: a group without a slash gets the name of its dataset, "cnmc2019/H12". A group with a slash
        and the empty group stay as they are.
    """
    names = [
        f"{dataset}/{group}" if group and "/" not in group else group
        for dataset, group in zip(index.dataset, index.group, strict=True)
    ]
    return np.array(names, dtype=np.str_)


def require_classes(index: ImageIndex) -> None:
    """Checks that every class has labelled images.

    Raises:
        DataError: A class has none, e.g. because only one class was copied.
    """
    counts = np.bincount(index.labels[index.labels != UNLABELLED], minlength=len(index.class_names))
    if not counts.all():
        shown = ", ".join(f"{n:,} {name}" for name, n in zip(index.class_names, counts, strict=True))
        only = "one class only" if np.count_nonzero(counts) == 1 else "too few classes"
        elsewhere = [note for note in index.notes if is_about(OUTSIDE, note) or is_about(NEXT_TO, note)]
        not_read = [note for note in index.notes if is_about(OTHER_ENDING, note)]
        remedies = []
        if elsewhere:
            what = "rename the folders that aren't read, if they are those classes"
            remedies.append(f"{what}: {'; '.join(elsewhere)}")
        if not_read:
            remedies.append(f"save as PNG the files that aren't read: {'; '.join(not_read)}")
        raise DataError(
            f"The data hold {only}: {shown} images with a label.",
            expected=f"images of every class: {', '.join(index.class_names)}",
            remedy="; or ".join(remedies) or "copy the folders of the other classes too",
        )
