"""The kinds of split: what tables call them, and what each keeps apart."""

from collections.abc import Mapping
from typing import NamedTuple

IMAGES, SUBJECTS, GROUPS = "images", "subjects", "groups of images"
"""What counts as one observation."""


class SplitKind(NamedTuple):
    """A kind of split.

    Attributes:
        title: What tables call it.
        family: "holdout", "kfold" or "lodocv" (leave one dataset out).
        unit: What is never parted, and so what a bootstrap draws again: `IMAGES` where they are parted at
            random whatever their groups, else `SUBJECTS` or `GROUPS` (subjects, fields of view or
            near-duplicates). Where a dataset is left out, none of its groups is trained on.
        copy_proof: Whether nearly equal images, or the datasets that share some, are never parted.
    """

    title: str
    family: str
    unit: str = IMAGES
    copy_proof: bool = False


SPLITS: Mapping[str, SplitKind] = {
    "cell": SplitKind("split by cell", "holdout"),
    "random": SplitKind("random split", "holdout"),
    "subject": SplitKind("split by subject", "holdout", SUBJECTS),
    "grouped": SplitKind("grouped split", "holdout", GROUPS, copy_proof=True),
    "fold": SplitKind("the authors' folds", "holdout", SUBJECTS),
    "kfold": SplitKind("k-fold", "kfold"),
    "grouped_kfold": SplitKind("grouped k-fold", "kfold", GROUPS, copy_proof=True),
    "lodocv": SplitKind("LODOCV", "lodocv", GROUPS),
    "lodocv_strict": SplitKind("strict LODOCV", "lodocv", GROUPS, copy_proof=True),
    "lodocv_single_class": SplitKind("strict LODOCV of single classes", "lodocv", GROUPS, copy_proof=True),
}
"""Every kind of split; `leukcnn.spec.Split` says what each does."""

SPLIT_KINDS = tuple(SPLITS)
HOLDOUT_KINDS = tuple(kind for kind, split in SPLITS.items() if split.family == "holdout")
KFOLD_KINDS = tuple(kind for kind, split in SPLITS.items() if split.family == "kfold")
LODOCV_KINDS = tuple(kind for kind, split in SPLITS.items() if split.family == "lodocv")
GROUPED_KINDS = tuple(kind for kind, split in SPLITS.items() if split.unit != IMAGES)
FOLDED_KINDS = (*KFOLD_KINDS, "fold")
"""Those of folds of about one size, each tested once."""
MAKERS_VALIDATION = 1 / 3
"""Share of what isn't tested that "fold" keeps apart for validation."""
COPY_PROOF_KINDS = tuple(kind for kind, split in SPLITS.items() if split.copy_proof)
