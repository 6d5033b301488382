"""Count the images of an index by dataset, subset and class, and show the counts as text or HTML."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np
from tabulate import tabulate

_HEADERS = ("dataset", "subset", "class", "images", "groups")
_ALIGNMENT = ("left", "left", "left", "right", "right")
# A folder may have hundreds of classes; more rows than this don't help in a terminal.
_MOST_ROWS = 40


class ClassCount(NamedTuple):
    """The number of images of one class in one subset of a dataset.

    Attributes:
        dataset: Key of the dataset.
        subset: Subset of the dataset.
        class_name: Class, "" for images without a label.
        images: Number of images.
        groups: Number of known groups (subjects), 0 if none is known.
    """

    dataset: str
    subset: str
    class_name: str
    images: int
    groups: int


def count_classes(
    dataset: np.ndarray,
    subset: np.ndarray,
    labels: np.ndarray,
    group: np.ndarray,
    *,
    class_names: Sequence[str],
) -> list[ClassCount]:
    """Returns the counts of each class in each subset of each dataset.

    Datasets and subsets are in the order of their first images, classes in the order of `class_names`. Images
    without a label come last in their subset. Classes without images are left out.

    Args:
        dataset: (N,) str, dataset of each image.
        subset: (N,) str, subset of each image.
        labels: (N,) int, index into `class_names`; -1 without a label.
        group: (N,) str, group of each image; "" where unknown.
        class_names: Names of the classes.
    """
    images: Counter[tuple[str, str, int]] = Counter()
    groups: dict[tuple[str, str, int], set[str]] = defaultdict(set)
    for *key, name in zip(dataset.tolist(), subset.tolist(), labels.tolist(), group.tolist(), strict=True):
        place = (key[0], key[1], key[2])
        images[place] += 1
        if name:
            groups[place].add(name)
    datasets = {name: rank for rank, name in enumerate(dict.fromkeys(place[0] for place in images))}
    subsets = {name: rank for rank, name in enumerate(dict.fromkeys(place[:2] for place in images))}

    def rank(place: tuple[str, str, int]) -> tuple[int, int, int]:
        label = place[2] if place[2] >= 0 else len(class_names)
        return datasets[place[0]], subsets[place[:2]], label

    names = [*class_names, ""]
    return [
        ClassCount(*place[:2], names[place[2]], images[place], len(groups[place]))
        for place in sorted(images, key=rank)
    ]


def as_text(title: str, counts: Sequence[ClassCount]) -> str:
    """Returns a title and the counts in aligned columns, as plain text."""
    return "\n".join([title, *_table(counts, "plain"), *_more(counts)])


def as_html(title: str, counts: Sequence[ClassCount]) -> str:
    """Returns a title and the counts in a table, as HTML. All texts are escaped."""
    above, below = f"<p>{escape(title)}</p>", [f"<p>{escape(line)}</p>" for line in _more(counts)]
    return "\n".join([above, *_table(counts, "html"), *below])


def _table(counts: Sequence[ClassCount], form: str) -> list[str]:
    rows = [
        (count.dataset, count.subset, count.class_name or "unlabelled", f"{count.images:,}", _groups(count))
        for count in counts[:_MOST_ROWS]
    ]
    if not rows:
        return []
    return tabulate(rows, _HEADERS, form, colalign=_ALIGNMENT, disable_numparse=True).splitlines()


def _groups(count: ClassCount) -> str:
    return f"{count.groups:,}" if count.groups else "unknown"


def _more(counts: Sequence[ClassCount]) -> list[str]:
    return [f"and {len(counts) - _MOST_ROWS:,} more rows: see counts()"] if len(counts) > _MOST_ROWS else []
