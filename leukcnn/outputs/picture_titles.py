"""What figures call single pictures."""

from pathlib import PurePosixPath

import numpy as np

from leukcnn.datasets import ImageIndex, card


def describe(index: ImageIndex, row: int) -> str:
    """Returns class and origin of a picture: its subject or file, or its dataset where there are several.

    Args:
        index: The pictures.
        row: Position of one with a label.
    """
    name, dataset = index.class_names[index.labels[row]], card(str(index.dataset[row]))
    if len(np.unique(index.dataset)) > 1:
        return f"{name}, {dataset.name}"
    if dataset.groups_are != "subjects":
        return f"{name}, {file_stem(index.ids[row])}"
    return f"{name}, subject {index.group[row] or 'unknown'}"


def file_stem(image: str) -> str:
    """Returns the name of a picture's file without its ending, from the picture's id."""
    return PurePosixPath(str(image)).stem
