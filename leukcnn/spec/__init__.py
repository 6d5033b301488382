"""The classes that describe a paper: frozen dataclasses that check their own values.

A module in `leukcnn.papers` holds only values of these classes. A `Setup` describes everything that one trial
does. Profiles, assumptions and command-line options change it by the path of a field, such as
`training.batch_size`. Each value is therefore written in one place only.
"""

from leukcnn.spec.additional import additional_tables
from leukcnn.spec.augmentations import COMPUTED_ON, Augmentation
from leukcnn.spec.contents import Assumption, Figure, Profile, Row, Table
from leukcnn.spec.folders import Folder
from leukcnn.spec.metrics import METRICS, SIZES
from leukcnn.spec.paper import DEFAULT_CONTROLS, Paper
from leukcnn.spec.printed import Claim, Finding, Published, Sample
from leukcnn.spec.setups import (
    CHECKPOINTS,
    ENLARGING,
    MASKS,
    PRECISIONS,
    SCHEDULES,
    SHRINKING,
    THRESHOLD_RULES,
    Features,
    Model,
    Preprocessing,
    Setup,
    Split,
    Training,
)
from leukcnn.spec.splits import (
    AUTHORS_VALIDATION_FRACTION,
    COPY_PROOF_KINDS,
    EVERY_PAPER_KINDS,
    FOLDED_KINDS,
    GROUPED_KINDS,
    HOLDOUT_KINDS,
    KFOLD_KINDS,
    LODOCV_KINDS,
    SPLIT_KINDS,
    SPLITS,
    SUBJECT_KINDS,
    UNKNOWN_SUBJECTS,
)
from leukcnn.spec.trained import Trained

__all__ = [
    "AUTHORS_VALIDATION_FRACTION",
    "CHECKPOINTS",
    "COMPUTED_ON",
    "COPY_PROOF_KINDS",
    "DEFAULT_CONTROLS",
    "ENLARGING",
    "EVERY_PAPER_KINDS",
    "FOLDED_KINDS",
    "GROUPED_KINDS",
    "HOLDOUT_KINDS",
    "KFOLD_KINDS",
    "LODOCV_KINDS",
    "MASKS",
    "METRICS",
    "PRECISIONS",
    "SCHEDULES",
    "SHRINKING",
    "SIZES",
    "SPLITS",
    "SPLIT_KINDS",
    "SUBJECT_KINDS",
    "THRESHOLD_RULES",
    "UNKNOWN_SUBJECTS",
    "Assumption",
    "Augmentation",
    "Claim",
    "Features",
    "Figure",
    "Finding",
    "Folder",
    "Model",
    "Paper",
    "Preprocessing",
    "Profile",
    "Published",
    "Row",
    "Sample",
    "Setup",
    "Split",
    "Table",
    "Trained",
    "Training",
    "additional_tables",
]


def __dir__() -> list[str]:
    return sorted(__all__)
