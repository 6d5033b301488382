"""The check that no image is in two classes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from leukcnn.datasets.catalog import CATALOG
from leukcnn.datasets.manifest import manifest
from leukcnn.datasets.walk import listed
from leukcnn.errors import DataError


class Images(Protocol):
    """The columns of an `ImageIndex` that are checked, as it describes them."""

    @property
    def paths(self) -> Sequence[Path]:
        """(N,) paths."""

    @property
    def ids(self) -> np.ndarray:
        """(N,) str."""

    @property
    def labels(self) -> np.ndarray:
        """(N,) int64, -1 without a label."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes."""

    @property
    def dataset(self) -> np.ndarray:
        """(N,) str."""

    @property
    def sha256(self) -> np.ndarray:
        """(N,) str."""

    @property
    def synthetic(self) -> bool:
        """Whether the images are synthetic."""


def require_one_class(index: Images) -> None:
    """Checks that no image is in two classes: byte-identical files have one label.

    Images that the authors themselves publish in two classes are allowed; `leukcnn check` names them.

    Args:
        index: The images, an `ImageIndex`.

    Raises:
        DataError: Some images are in two classes; the message lists them.
    """
    labelled = np.flatnonzero(index.labels >= 0)
    order = labelled[np.argsort(index.sha256[labelled], kind="stable")]
    content = index.sha256[order]
    cases = []
    for same in np.split(order, np.flatnonzero(content[1:] != content[:-1]) + 1):
        if len(np.unique(index.labels[same])) < 2 or all(_is_as_published(index, row) for row in same):
            continue
        named = (f"{index.paths[row]} ({index.class_names[index.labels[row]]})" for row in same)
        cases.append(" = ".join(named))
    if cases:
        raise DataError(
            f"{len(cases):,} images are in two classes each:\n{listed(cases)}",
            expected="byte-identical files in one class only",
            remedy="remove the copies in the wrong class; only their source can say which class is wrong",
        )


def _is_as_published(index: Images, row: int) -> bool:
    """Returns whether an image is in its published place with its published content."""
    dataset, identity = str(index.dataset[row]), str(index.ids[row])
    if index.synthetic or dataset not in CATALOG:
        return False
    # In an index of several datasets, the ids begin with the dataset.
    file = manifest(dataset).get(identity) or manifest(dataset).get(identity.removeprefix(f"{dataset}/"))
    return file is not None and file.sha256 == index.sha256[row]
