"""Image indices without a dataset's folder."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from leukcnn.datasets import ImageIndex


def index_of(
    labels: Sequence[int] | np.ndarray,
    *,
    class_names: tuple[str, ...],
    dataset: str | Sequence[str] | np.ndarray,
    **columns: Any,
) -> ImageIndex:
    """Returns an index of images that need no files.

    Args:
        labels: Label of each image.
        class_names: Names of the classes.
        dataset: Dataset of each image, or one for all.
        **columns: Other columns instead of these: paths 0.png, 1.png ...; ids "<dataset>/0.png" ...; unknown
            groups; the dataset as subset; no folds; a SHA-256 for each image, that of its file if there are
            files.
    """
    n = len(labels)
    dataset = np.array(np.broadcast_to(dataset, n))
    made: dict[str, Any] = {
        "paths": [Path(f"{i}.png") for i in range(n)],
        "ids": np.array([f"{name}/{i}.png" for i, name in enumerate(dataset)]),
        "group": np.full(n, "", dtype=np.str_),
        "subset": dataset,
        "fold": np.full(n, -1),
        "sha256": np.array([f"{i:064x}" for i in range(n)]),
    }
    if "paths" in columns and "sha256" not in columns:
        made["sha256"] = sha256_of(columns["paths"])
    return ImageIndex(labels=np.asarray(labels), class_names=class_names, dataset=dataset, **made | columns)


def index_of_counts(counts: Mapping[str, tuple[int, int]]) -> ImageIndex:
    """Returns an index of non-pathological and pathological images; `counts` has both numbers by dataset."""
    return index_of(
        np.concatenate([np.repeat([0, 1], of_classes) for of_classes in counts.values()]),
        class_names=("non-pathological", "pathological"),
        dataset=np.concatenate([np.repeat(name, sum(of_classes)) for name, of_classes in counts.items()]),
    )


def sha256_of(paths: Sequence[Path]) -> np.ndarray:
    """Returns the hexadecimal SHA-256 of each file."""
    return np.array([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths])
