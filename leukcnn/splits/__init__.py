"""Splits: which pictures train, which validate, which test. Index arrays only; no picture is opened."""

from leukcnn.splits.lodocv import (
    DatasetSplit,
    declared_relatives,
    leave_one_dataset_out,
    related_datasets,
)
from leukcnn.splits.pictures import (
    PARTS,
    Split,
    balanced_subset,
    holdout,
    keep_apart,
    predefined_folds,
    stratified_kfold,
)

__all__ = [
    "PARTS",
    "DatasetSplit",
    "Split",
    "balanced_subset",
    "declared_relatives",
    "holdout",
    "keep_apart",
    "leave_one_dataset_out",
    "predefined_folds",
    "related_datasets",
    "stratified_kfold",
]
