"""The folds of a paper's split: in each, the rows of an index for training, validation and prediction."""

from dataclasses import dataclass

import numpy as np

from leukcnn import spec
from leukcnn.argument_types import require_type
from leukcnn.datasets import ImageIndex, has_unknown_subject, joined_groups
from leukcnn.errors import DataError
from leukcnn.seeding import generator
from leukcnn.splits.given import given_split
from leukcnn.splits.kfold import block_kfold, random_kfold, stratified_kfold
from leukcnn.splits.lodocv import leave_one_dataset_out
from leukcnn.splits.splitters import Split, hold_out_validation, holdout, predefined_folds

_SHOWN = 3
_NO_ROWS = np.empty(0, dtype=np.int64)

# Subset that the authors of a dataset keep for testing -> its name in predictions. Never trained on.
_TEST_SUBSETS = {"preliminary": "external", "final": "final"}


@dataclass(frozen=True, eq=False)
class SplitRows:
    """The rows of a fold: positions in an index.

    Attributes:
        train: (n,) int64, the training split.
        validation: (n,) int64, the validation split; empty if there is none.
        predicted: Name of a predicted subset ("test", "external", "final") -> (n,) int64.
    """

    train: np.ndarray
    validation: np.ndarray
    predicted: dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Fold:
    """One fold of a split.

    Attributes:
        number: Its number, -1 if the split has no folds.
        split_rows: The rows for training, validation and prediction.
        tested: Keys of the tested datasets; empty if all datasets are tested together.
    """

    number: int
    split_rows: SplitRows
    tested: tuple[str, ...] = ()


def partition(split: spec.Split, index: ImageIndex, *, seed: int, pairs: np.ndarray) -> list[Fold]:
    """Returns the folds of a split.

    Args:
        split: Description of the split, as in a paper's `Setup`.
        index: The images.
        seed: Root seed.
        pairs: (P, 2) int64, positions of identical or nearly identical images, e.g. those of
            `leukcnn.duplicate_scan.scan_duplicates`. Splits by group or subject keep the images of a pair in
            one split; strict ones leave the datasets that share them with the tested one out of training.

    Raises:
        DataError: There are too few images, classes or datasets for the split. Or it needs the subject of
            each image, and those of some are unknown; see `leukcnn.spec.Split.unknown_subjects`.
    """
    require_type(spec.Split, "a Split", split=split)
    require_type(ImageIndex, "an ImageIndex", index=index)
    if split.kind in spec.LODOCV_KINDS:
        return _by_dataset(split, index, seed=seed, pairs=pairs)
    training = (index.labels >= 0) & ~np.isin(index.subset, list(_TEST_SUBSETS))
    sets = [np.flatnonzero(training)]
    if split.kind == "given":
        sets = [sets[0][index.given[sets[0]] == name] for name in np.unique(index.given[sets[0]])]
    limited = [_limited(rows, index, split.limit_per_class, seed=seed) for rows in sets]
    rows = np.sort(np.concatenate([_NO_ROWS, *limited]))
    predicted = {name: np.flatnonzero(index.subset == subset) for subset, name in _TEST_SUBSETS.items()}
    predicted = {name: positions for name, positions in predicted.items() if len(positions)}
    groups = _groups(split, index, rows, pairs) if split.kind in spec.GROUPED_KINDS else index.ids
    folds: list[Fold] = []
    for tested in _tasks(split, np.unique(index.dataset[rows]).tolist()):
        own = rows[np.isin(index.dataset[rows], tested)] if tested else rows
        if tested:
            _require_two_classes(index, own, tested)
        by_number = _by_image(split, index, own, seed=seed, groups=groups[own])
        folds += [
            Fold(
                number, SplitRows(own[s.train], own[s.validation], {"test": own[s.test], **predicted}), tested
            )
            for number, s in by_number.items()
        ]
    return folds


def _groups(split: spec.Split, index: ImageIndex, rows: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Returns the group of each image, (N,) str, if the subjects of the images in `rows` may be unknown."""
    # Other splits don't need the subjects: for them, an image of unknown subject is a group of its own.
    choice = split.unknown_subjects if split.kind in spec.SUBJECT_KINDS else "each"
    if choice == "refuse" and not index.synthetic:
        unknown = rows[has_unknown_subject(index, pairs=pairs)[rows]]
        if len(unknown):
            blocks = (
                "; block_kfold keeps images with neighbouring numbers together"
                if split.kind in spec.KFOLD_KINDS
                else ""
            )
            raise DataError(
                f"The subject of {len(unknown):,} of {len(rows):,} images is unknown, and "
                f"{spec.SPLITS[split.kind].title} can't do without: "
                f"{', '.join(index.ids[unknown[:_SHOWN]].tolist())}"
                f"{' ...' if len(unknown) > _SHOWN else ''}. "
                f"They are {counts_by_class(index, unknown)}.",
                expected="images whose subject is published, under any name, or names that hold the subject "
                "as the published ones do, such as AugmentedImg_1_UID_H4_1_1_hem.bmp",
                remedy="choose what they are: --unknown-subjects one-group (all those of a dataset count as "
                "one subject, which is safe) or each (each counts as a subject of its own); or choose a "
                f"split that needs no subjects (--split{blocks}); or rename or remove these images",
            )
    return joined_groups(index, pairs=pairs, unknown="one-group" if choice == "one-group" else "each")


def counts_by_class(index: ImageIndex, rows: np.ndarray) -> str:
    """Returns the number of some images of each class, e.g. "1 healthy, 74 ALL".

    Args:
        index: The images.
        rows: Their positions, or a mask, (N,) bool. They have labels.
    """
    counts = np.bincount(index.labels[rows], minlength=len(index.class_names)).tolist()
    named = zip(counts, index.class_names, strict=True)
    return ", ".join(f"{n:,} {class_name}" for n, class_name in named if n)


def _tasks(split: spec.Split, present: list[str]) -> list[tuple[str, ...]]:
    """Returns the datasets of each cross-validation, or () for one over all datasets together."""
    if not split.per_dataset or split.kind not in (*spec.KFOLD_KINDS, "given"):
        return [()]
    rest = tuple(name for name in present if name not in split.per_dataset)
    return [*((name,) for name in split.per_dataset if name in present), *([rest] if rest else [])]


def _require_two_classes(index: ImageIndex, rows: np.ndarray, tested: tuple[str, ...]) -> None:
    held = np.unique(index.labels[rows])
    if len(held) < 2:
        raise DataError(
            f"Tested without the other datasets, {' and '.join(tested)} would only have images of "
            f"{' and '.join(index.class_names[label] for label in held)}.",
            expected="images of two classes to split into folds",
            remedy="leave out these datasets, or add others with another class (--datasets)",
        )


def _by_image(
    split: spec.Split, index: ImageIndex, rows: np.ndarray, *, seed: int, groups: np.ndarray
) -> dict[int, Split]:
    """Returns number -> fold; -1 is the number if there are no folds. Positions are those in `rows`."""
    labels, ids = index.labels[rows], index.ids[rows]
    if split.kind == "fold":
        folds = index.fold[rows]
        if (folds < 0).any():
            raise DataError(
                f"{np.count_nonzero(folds < 0)} training images have no fold.",
                expected="the challenge's own folds fold_0, fold_1, fold_2",
                remedy="pass --split cell or --split subject",
            )
        splits = predefined_folds(folds, labels, groups=groups, seed=seed)
        return dict(zip(np.unique(folds).tolist(), splits, strict=True))
    if split.kind == "given":
        return {-1: given_split(split, index, rows, groups=groups, seed=seed)}
    options = {"seed": seed, "ids": ids, "groups": groups if split.kind in spec.GROUPED_KINDS else None}
    if split.kind not in spec.KFOLD_KINDS:
        stratified = split.kind != "random"
        return {-1: holdout(labels, fractions=split.fractions, stratified=stratified, **options)}
    if split.kind == "block_kfold":
        blocks = {"groups": groups, "within": index.dataset[rows]}
        pairs = block_kfold(labels, n_splits=split.n_splits, ids=ids, **blocks)
    elif split.kind == "kfold" and not split.stratified:
        pairs = random_kfold(labels, n_splits=split.n_splits, seed=seed, ids=ids)
    else:
        pairs = stratified_kfold(labels, n_splits=split.n_splits, **options)
    found = {}
    for number, (train, test) in enumerate(pairs):
        validation = _NO_ROWS
        if split.has_validation:
            fraction = split.validation_fraction
            train, validation = hold_out_validation(labels, train, fraction=fraction, fold=number, **options)
        found[number] = Split(train, validation, test)
    return found


def _by_dataset(split: spec.Split, index: ImageIndex, *, seed: int, pairs: np.ndarray) -> list[Fold]:
    left_out = leave_one_dataset_out(
        index,
        strict=split.kind != "lodocv",
        pairs=pairs,
        single_class=split.kind == "lodocv_single_class",
        never_trained_on=() if split.train_on_performance_sets else split.performance_sets,
    )
    # Datasets with the same training rows share a trial. In a strict split, these are related datasets.
    tested: dict[bytes, list[str]] = {}
    trained: dict[bytes, np.ndarray] = {}
    for one in left_out:
        if one.dataset not in split.never_tested:
            train = _limited(one.train, index, split.limit_per_class, seed=seed)
            tested.setdefault(train.tobytes(), []).append(one.dataset)
            trained[train.tobytes()] = train
    if not tested:
        raise DataError(
            "No dataset can be tested. The paper uses these datasets for training only: "
            f"{', '.join(split.never_tested)}.",
            expected="at least one other dataset to test",
            remedy="name more of the datasets (--datasets), or use synthetic ones (--data synthetic)",
        )
    return [
        Fold(
            number,
            SplitRows(
                train=trained[key],
                validation=_NO_ROWS,
                predicted={"test": np.flatnonzero((index.labels >= 0) & np.isin(index.dataset, names))},
            ),
            tested=tuple(names),
        )
        for number, (key, names) in enumerate(tested.items())
    ]


def _limited(rows: np.ndarray, index: ImageIndex, limit: int | None, *, seed: int) -> np.ndarray:
    """Returns at most `limit` images of each class, spread over the datasets as evenly as possible."""
    if limit is None:
        return rows
    kept = []
    for label in np.unique(index.labels[rows]):
        of_class = np.array(sorted(rows[index.labels[rows] == label], key=lambda row: index.ids[row]))
        mixed = generator(seed, "limit", int(label)).permutation(of_class)
        turn = np.empty(len(mixed), dtype=np.int64)
        for name in np.unique(index.dataset[mixed]):
            of_dataset = index.dataset[mixed] == name
            turn[of_dataset] = np.arange(np.count_nonzero(of_dataset))
        kept.append(mixed[np.argsort(turn, kind="stable")][:limit])
    return np.sort(np.concatenate(kept))
