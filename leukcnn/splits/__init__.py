"""Splits: which images train, which validate, which test. Index arrays only; no image is opened."""

from leukcnn.splits.lodocv import (
    DatasetSplit,
    declared_relatives,
    leave_one_dataset_out,
    related_datasets,
)
from leukcnn.splits.splitters import (
    PARTS,
    Split,
    balanced_subset,
    hold_out_validation,
    holdout,
    predefined_folds,
    stratified_kfold,
)

__all__ = [
    "PARTS",
    "DatasetSplit",
    "Split",
    "balanced_subset",
    "declared_relatives",
    "hold_out_validation",
    "holdout",
    "leave_one_dataset_out",
    "predefined_folds",
    "related_datasets",
    "stratified_kfold",
]
