"""Train, validation and test splits as arrays of positions in an index; no image is opened."""

from leukcnn.splits.folds import Fold, SplitRows, partition
from leukcnn.splits.kfold import block_kfold, grouped_kfold, random_kfold, stratified_kfold
from leukcnn.splits.lodocv import (
    DatasetSplit,
    declared_relatives,
    leave_one_dataset_out,
    related_datasets,
)
from leukcnn.splits.splitters import (
    Split,
    hold_out_validation,
    holdout,
    predefined_folds,
)

__all__ = [
    "DatasetSplit",
    "Fold",
    "Split",
    "SplitRows",
    "block_kfold",
    "declared_relatives",
    "grouped_kfold",
    "hold_out_validation",
    "holdout",
    "leave_one_dataset_out",
    "partition",
    "predefined_folds",
    "random_kfold",
    "related_datasets",
    "stratified_kfold",
]


def __dir__() -> list[str]:
    return sorted(__all__)
