"""What a study's networks are tested on although they know it: copies and subjects, known or unknown."""

from collections.abc import Iterable, Mapping

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from leukcnn import spec
from leukcnn.datasets import CATALOG, ImageIndex, has_unknown_subject, joined_groups
from leukcnn.datasets.manifest import manifest
from leukcnn.records import Overlap, PlannedTrial, SeparatedPairs, UnknownSubjects
from leukcnn.splits import SplitRows

_KEPT_APART = ("external", "final")


def overlaps(
    trials: Iterable[PlannedTrial], split_rows: Mapping[str, SplitRows], index: ImageIndex, pairs: np.ndarray
) -> list[Overlap]:
    """Returns what the sets that the authors keep for testing share with the training and validation images.

    Args:
        trials: The trials and controls.
        split_rows: Name of a trial -> its images.
        index: The images.
        pairs: (P, 2) int64, positions of identical or nearly identical images.
    """
    subjects, known = joined_groups(index, pairs=pairs), index.group != ""
    found: dict[tuple, list[str]] = {}
    # Trials with the same images share what is found.
    seen: dict[bytes, list[tuple]] = {}
    for trial in {trial.name: trial for trial in trials}.values():
        rows = split_rows[trial.name]
        trained = np.union1d(rows.train, rows.validation)
        kept_apart = [rows.predicted[subset] for subset in _KEPT_APART if subset in rows.predicted]
        key = b"|".join(places.tobytes() for places in (trained, *kept_apart))
        if key not in seen:
            seen[key] = [
                (subset, *_shared(rows.predicted[subset], trained, index, pairs, subjects, known))
                for subset in _KEPT_APART
                if subset in rows.predicted
            ]
        for shared in seen[key]:
            if shared[2] or shared[3]:
                found.setdefault(shared, []).append(trial.name)
    return [
        Overlap(subset, total, list(copies), list(of_subject), list(names), trials=of)
        for (subset, total, copies, of_subject, names), of in found.items()
    ]


def _shared(
    tested: np.ndarray,
    trained: np.ndarray,
    index: ImageIndex,
    pairs: np.ndarray,
    subjects: np.ndarray,
    known: np.ndarray,
) -> tuple[int, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Returns the number of images, ids of copies, ids of others of a trained subject, and the subjects."""
    one, other = pairs.T
    copies = np.union1d(one[np.isin(other, trained)], other[np.isin(one, trained)])
    has_copy = np.isin(tested, copies)
    of_trained = known[tested] & np.isin(subjects[tested], np.unique(subjects[trained]))
    of_subject = of_trained & ~has_copy
    names = tuple(np.unique(subjects[tested][of_subject]).tolist())
    ids = index.ids[tested]
    return len(tested), tuple(ids[has_copy].tolist()), tuple(ids[of_subject].tolist()), names


def copies_of_others(index: ImageIndex, pairs: np.ndarray) -> int:
    """Returns how many images are copies of others here. Published files count as originals.

    Args:
        index: The images.
        pairs: (P, 2) int64, positions of identical or nearly identical images.
    """
    graph = coo_array((np.ones(len(pairs)), tuple(pairs.T)), shape=(len(index), len(index)))
    n, component = connected_components(graph, directed=False)
    contents = {
        file.sha256
        for name in np.unique(index.dataset)
        if name in CATALOG
        for file in manifest(name).values()
    }
    published = np.bincount(component[np.isin(index.sha256, list(contents))], minlength=n)
    return int((np.bincount(component, minlength=n) - np.maximum(published, 1)).sum())


def separated_pairs(
    trials: Iterable[PlannedTrial],
    split_rows: Mapping[str, SplitRows],
    index: ImageIndex,
    pairs: np.ndarray,
    *,
    row: str,
) -> dict[str, SeparatedPairs]:
    """Counts, by kind of split, the pairs of copies that a fold of a row's first run separates.

    One image of such a pair is tested, and the network is trained or validated on the other.

    Args:
        trials: The trials.
        split_rows: Name of a trial -> its images.
        index: The images.
        pairs: (P, 2) int64, positions of identical or nearly identical images, each pair once.
        row: Id of the row.
    """
    counted: dict[str, SeparatedPairs] = {}
    sha256 = index.sha256[pairs]
    identical = sha256[:, 0] == sha256[:, 1]
    of_row = [trial for trial in trials if (trial.row, trial.run) == (row, 0)]
    for kind in dict.fromkeys(trial.split for trial in of_row):
        separated = np.zeros(len(pairs), dtype=bool)
        for trial in of_row:
            rows = split_rows[trial.name]
            if trial.split == kind:
                trained = np.isin(pairs, np.union1d(rows.train, rows.validation))
                separated |= (trained[:, ::-1] & np.isin(pairs, rows.predicted["test"])).any(axis=1)
        numbers = SeparatedPairs(int((separated & identical).sum()), int((separated & ~identical).sum()))
        if any(numbers):
            counted[kind] = numbers
    return counted


def unknown_subjects(
    trials: Iterable[PlannedTrial],
    split_rows: Mapping[str, SplitRows],
    index: ImageIndex,
    pairs: np.ndarray,
    *,
    row: str,
    choice: str,
) -> dict[str, UnknownSubjects]:
    """Counts, by kind of split by subject, the images of unknown subject in a row's first run.

    Args:
        trials: The trials.
        split_rows: Name of a trial -> its images.
        index: The images.
        pairs: (P, 2) int64, positions of identical or nearly identical images.
        row: Id of the row.
        choice: Its `leukcnn.spec.Split.unknown_subjects`.
    """
    of_kind: dict[str, list[np.ndarray]] = {}
    for trial in trials:
        if (trial.row, trial.run) == (row, 0) and trial.split in spec.SUBJECT_KINDS:
            rows = split_rows[trial.name]
            of_kind.setdefault(trial.split, []).extend((rows.train, rows.validation, rows.predicted["test"]))
    if not of_kind:
        return {}
    unknown = has_unknown_subject(index, pairs=pairs)
    used = {kind: np.unique(np.concatenate(rows)) for kind, rows in of_kind.items()}
    return {
        kind: UnknownSubjects(
            int(unknown[rows].sum()), len(rows), "one-group" if choice == "one-group" else "each"
        )
        for kind, rows in used.items()
        if unknown[rows].any()
    }


def unknown_group_notes(
    index: ImageIndex, kinds: Iterable[str], counted: Mapping[str, UnknownSubjects]
) -> list[str]:
    """Returns a note for each dataset of which a split by group knows the groups of some images only.

    Args:
        index: The images.
        kinds: Kinds of split.
        counted: As from `unknown_subjects`. If the unknown ones of a dataset are one group, the tables' notes
            say so.
    """
    one_group = {kind for kind, unknown in counted.items() if unknown.choice == "one-group"}
    # A left-out dataset is tested whole, and the authors' folds are as they made them.
    by_group = {*spec.GROUPED_KINDS} - {*spec.LODOCV_KINDS, "fold", *one_group}
    titles = [spec.SPLITS[kind].title for kind in spec.SPLIT_KINDS if kind in by_group.intersection(kinds)]
    notes = []
    for name in dict.fromkeys(index.dataset.tolist()) if titles else ():
        own = (index.dataset == name) & (index.labels >= 0)
        unknown = own & (index.group == "")
        if 0 < unknown.sum() < own.sum():
            counts = np.bincount(index.labels[unknown], minlength=len(index.class_names)).tolist()
            named = zip(counts, index.class_names, strict=True)
            by_class = ", ".join(f"{n:,} {class_name}" for n, class_name in named if n)
            notes.append(
                f"{name}: the group of {unknown.sum():,} of {own.sum():,} images is unknown ({by_class}); "
                f"each is a group of its own in the {' and '.join(titles)}, which can separate images of one "
                "group"
            )
    return notes
