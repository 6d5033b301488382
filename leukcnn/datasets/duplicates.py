"""Find byte-identical images, and join the subjects that share them."""

from collections import Counter
from functools import cache
from pathlib import PurePath
from typing import Literal

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from leukcnn.datasets.catalog import CATALOG
from leukcnn.datasets.index import ImageIndex, group_names
from leukcnn.datasets.indexing import index_from_manifest
from leukcnn.datasets.manifest import manifest
from leukcnn.datasets.name_patterns import originals
from leukcnn.datasets.walk import natural
from leukcnn.errors import ArgumentError


def duplicate_pairs(index: ImageIndex) -> np.ndarray:
    """Returns every pair of byte-identical images.

    Args:
        index: The images; their SHA-256 are compared.

    Returns:
        (P, 2) int64, positions in the index, the lower first. Three identical images give three pairs.
    """
    _, content = np.unique(index.sha256, return_inverse=True)
    order = np.argsort(content, kind="stable")
    runs = np.split(order, np.flatnonzero(np.diff(content[order])) + 1)
    pairs = [
        (run[i], run[j])
        for run in runs
        if len(run) > 1
        for i in range(len(run))
        for j in range(i + 1, len(run))
    ]
    return np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)


def named_copies(index: ImageIndex) -> np.ndarray:
    """Returns every image whose file name says that it is a copy of another, with that image.

    Args:
        index: The images; see `leukcnn.datasets.name_patterns.originals`.

    Returns:
        (P, 2) int64, positions in the index, the lower first, in ascending order.
    """
    original = originals(
        [PurePath(str(path)) for path in index.paths], index.ids, index.labels, index.dataset
    )
    copies = np.flatnonzero(original >= 0)
    return np.unique(np.sort(np.stack([copies, original[copies]], axis=1)), axis=0)


def joined_groups(
    index: ImageIndex,
    *,
    pairs: np.ndarray | None = None,
    unknown: Literal["each", "one-group"] = "each",
) -> np.ndarray:
    """Returns the subject of each image. Subjects that share an image count as one.

    Subjects of a published dataset are also joined if they share an image in the shipped manifest, whether or
    not that image is in the index: a partial copy has the same subjects as the whole dataset. An image that
    is a copy of another by its file name, such as cell_rot90.png of cell.png, is of the same subject.

    The subject of an image is unknown if its own group and those of its copies are "". Nobody knows then
    whether two such images show the same subject. "each" assumes that they never do, which makes results look
    better than they are if they do. "one-group" assumes that they always do, which is safe and leaves fewer
    groups to split. `has_unknown_subject` finds these images.

    Args:
        index: The images.
        pairs: (P, 2) int, positions of identical or nearly identical images, from `duplicate_pairs` and
            `copy_pairs`. None uses those of `duplicate_pairs` only.
        unknown: What the images of unknown subject are: "each" makes each of them a group of its own,
            together with its copies; "one-group" makes all those of a dataset one group.

    Returns:
        (N,) str. The name of joined subjects lists them in numeric order: "20+21". An image without a subject
        has its id as name; the one group of "one-group" is called "unknown subjects of <dataset>". If the
        index has several datasets, the names are "dataset/subject", since two datasets may use the same
        numbers. A group that has a slash in its name is the same group in all datasets and keeps its name.

    Raises:
        ArgumentError: `unknown` is something else.
    """
    if unknown not in ("each", "one-group"):
        raise ArgumentError(f"unknown is {unknown!r}.", expected="'each' or 'one-group'")
    names, name, links = _names_and_links(index, pairs)
    _, component = _components(links, len(names))
    joined = {
        number: "+".join(sorted(names[component == number].tolist(), key=natural))
        for number in np.unique(component)
    }
    groups = np.array([joined[number] for number in component[name]], dtype=object)
    if unknown == "one-group":
        groups = _in_one_group(index, groups, without=_unknown(index, component[name]))
    return groups.astype(np.str_)


def has_unknown_subject(index: ImageIndex, *, pairs: np.ndarray | None = None) -> np.ndarray:
    """Returns whether the subject of each image is unknown, bool (N,); see `joined_groups`.

    Args:
        index: The images.
        pairs: As for `joined_groups`.
    """
    names, name, links = _names_and_links(index, pairs)
    return _unknown(index, _components(links, len(names))[1][name])


def _names_and_links(
    index: ImageIndex, pairs: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the subjects' names, the position of each image's name in them, and links between names."""
    several = len(np.unique(index.dataset)) > 1
    groups = group_names(index) if several else index.group
    names, name = np.unique(np.where(groups == "", index.ids, groups), return_inverse=True)
    copies = duplicate_pairs(index) if pairs is None else pairs
    return (
        names,
        name,
        np.concatenate([name[copies], name[named_copies(index)], _published_links(index, names)]),
    )


def _unknown(index: ImageIndex, component: np.ndarray) -> np.ndarray:
    """Returns whether no image of each image's component, (N,), has a known group."""
    return ~np.isin(component, component[index.group != ""])


def _in_one_group(index: ImageIndex, groups: np.ndarray, *, without: np.ndarray) -> np.ndarray:
    """Returns the groups with those of the images `without` a subject joined within each dataset."""
    datasets = index.dataset[without]
    names, dataset = np.unique(datasets, return_inverse=True)
    _, group = np.unique(groups[without].astype(np.str_), return_inverse=True)
    # Copies in two datasets join these datasets' groups.
    _, component = _components(np.stack([dataset, len(names) + group], axis=1), len(names) + len(groups))
    joined = [
        f"unknown subjects of {' and '.join(names[component[: len(names)] == number])}"
        for number in component[dataset]
    ]
    groups = groups.copy()
    groups[without] = joined
    return groups


def _published_links(index: ImageIndex, subjects: np.ndarray) -> np.ndarray:
    """Returns (L, 2) int64, positions in `subjects` of those that share an image in a shipped manifest."""
    datasets, place = np.unique(index.dataset), {name: at for at, name in enumerate(subjects.tolist())}
    found: list[tuple[int, int]] = []
    # Synthetic images have the names of published subjects, and none of their images.
    for dataset in (name for name in datasets.tolist() if name in CATALOG and not index.synthetic):
        several = len(datasets) > 1
        for sharing in _subjects_that_share(dataset):
            names = [f"{dataset}/{name}" if several and "/" not in name else name for name in sharing]
            here = [place[name] for name in names if name in place]
            found += [(here[0], other) for other in here[1:]]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


@cache
def _subjects_that_share(dataset: str) -> tuple[tuple[str, ...], ...]:
    """Returns the subjects that are joined by identical images of a manifest, joined ones together."""
    times = Counter(file.sha256 for file in manifest(dataset).values())
    if not times or max(times.values()) < 2:
        return ()
    whole = index_from_manifest(dataset)
    known = whole.select(whole.group != "")
    subjects, subject = np.unique(known.group, return_inverse=True)
    n_joined, component = _components(subject[duplicate_pairs(known)], len(subjects))
    sizes = np.bincount(component, minlength=n_joined)
    return tuple(tuple(subjects[component == number].tolist()) for number in np.flatnonzero(sizes > 1))


def pairs_between(pairs: np.ndarray, rows: np.ndarray, other_rows: np.ndarray) -> int:
    """Counts the pairs with one image in each of two sets, e.g. the training and the test split.

    Args:
        pairs: (P, 2) int, positions, as from `duplicate_pairs`.
        rows: (M,) int, positions of one set.
        other_rows: (K,) int, positions of the other set.
    """
    one, other = np.isin(pairs, rows), np.isin(pairs, other_rows)
    return int(np.count_nonzero((one[:, 0] & other[:, 1]) | (other[:, 0] & one[:, 1])))


def _components(links: np.ndarray, count: int) -> tuple[int, np.ndarray]:
    """Returns how many components links, (L, 2), make of `count` subjects, and the component of each."""
    first, second = links.T
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(count, count))
    n_components, component = connected_components(graph, directed=False)
    return n_components, component
