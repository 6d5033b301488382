"""The kinds of split: what tables call them, and what each keeps together."""

from collections.abc import Mapping
from typing import NamedTuple

IMAGES, SUBJECTS, GROUPS = "images", "subjects", "groups of images"
"""What counts as one observation."""


class SplitKind(NamedTuple):
    """A kind of split.

    Attributes:
        title: What tables call it.
        family: "holdout", "kfold" or "lodocv" (leave one dataset out).
        unit: What the split keeps together, and what a bootstrap therefore resamples: `IMAGES` if images are
            split at random and their groups are ignored, otherwise `SUBJECTS` or `GROUPS` (subjects, fields
            of view or near-duplicates). If a dataset is left out, none of its groups is trained on.
        copy_proof: Whether no near-duplicate of a test image is trained on: near-duplicates are kept
            together, or datasets that share images with the tested one are left out of training.
        by_subject: Whether it needs the subject (or field) of every image.
    """

    title: str
    family: str
    unit: str = IMAGES
    copy_proof: bool = False
    by_subject: bool = False


SPLITS: Mapping[str, SplitKind] = {
    "cell": SplitKind("split by cell", "holdout"),
    "random": SplitKind("random split", "holdout"),
    "subject": SplitKind("split by subject", "holdout", SUBJECTS, by_subject=True),
    "grouped": SplitKind("grouped split", "holdout", GROUPS, copy_proof=True, by_subject=True),
    "fold": SplitKind("the authors' folds", "holdout", SUBJECTS, by_subject=True),
    "given": SplitKind("the folders' own split", "holdout", GROUPS, copy_proof=True),
    "kfold": SplitKind("k-fold", "kfold"),
    "grouped_kfold": SplitKind("grouped k-fold", "kfold", GROUPS, copy_proof=True, by_subject=True),
    "block_kfold": SplitKind("k-fold by blocks of numbers", "kfold", GROUPS, copy_proof=True),
    "lodocv": SplitKind("LODOCV", "lodocv", GROUPS),
    "lodocv_strict": SplitKind("strict LODOCV", "lodocv", GROUPS, copy_proof=True),
    "lodocv_single_class": SplitKind("strict LODOCV of single classes", "lodocv", GROUPS, copy_proof=True),
}
"""Every kind of split; `leukcnn.spec.Split` describes them."""

SPLIT_KINDS = tuple(SPLITS)
HOLDOUT_KINDS = tuple(kind for kind, split in SPLITS.items() if split.family == "holdout")
KFOLD_KINDS = tuple(kind for kind, split in SPLITS.items() if split.family == "kfold")
LODOCV_KINDS = tuple(kind for kind, split in SPLITS.items() if split.family == "lodocv")
GROUPED_KINDS = tuple(kind for kind, split in SPLITS.items() if split.unit != IMAGES)
SUBJECT_KINDS = tuple(kind for kind, split in SPLITS.items() if split.by_subject)
UNKNOWN_SUBJECTS = ("refuse", "one-group", "each")
"""What a split by subject does with images of unknown subject; see `leukcnn.spec.Split`."""
FOLDED_KINDS = (*KFOLD_KINDS, "fold")
"""Kinds whose folds have about the same size and are tested once each."""
AUTHORS_VALIDATION_FRACTION = 1 / 3
"""Fraction of the untested images that "fold" holds out for validation."""
EVERY_PAPER_KINDS = ("given",)
"""Kinds that any paper may be run with, also those that its own list doesn't have."""
COPY_PROOF_KINDS = tuple(kind for kind, split in SPLITS.items() if split.copy_proof)
