"""What a paper is: frozen dataclasses that check themselves.

A paper's module in `leukcnn.papers` holds values of these classes and nothing else. A `Setup` says all that
one trial does; a profile, an assumption or a command-line option changes it by the path of a field
(`training.batch_size`), so that every value stands in one place only.
"""

from leukcnn.spec.contents import Assumption, Figure, Finding, Profile, Published, Row, Table
from leukcnn.spec.metrics import METRICS, SIZES
from leukcnn.spec.paper import DEFAULT_CONTROLS, Paper
from leukcnn.spec.setups import (
    CHECKPOINTS,
    MASKS,
    PRECISIONS,
    SCHEDULES,
    THRESHOLD_RULES,
    Augmentation,
    Features,
    Model,
    Preprocessing,
    Setup,
    Split,
    Training,
)
from leukcnn.spec.splits import (
    COPY_PROOF_KINDS,
    FOLDED_KINDS,
    GROUPED_KINDS,
    HOLDOUT_KINDS,
    KFOLD_KINDS,
    LODOCV_KINDS,
    MAKERS_VALIDATION,
    SPLIT_KINDS,
    SPLITS,
)

__all__ = [
    "CHECKPOINTS",
    "COPY_PROOF_KINDS",
    "DEFAULT_CONTROLS",
    "FOLDED_KINDS",
    "GROUPED_KINDS",
    "HOLDOUT_KINDS",
    "KFOLD_KINDS",
    "LODOCV_KINDS",
    "MAKERS_VALIDATION",
    "MASKS",
    "METRICS",
    "PRECISIONS",
    "SCHEDULES",
    "SIZES",
    "SPLITS",
    "SPLIT_KINDS",
    "THRESHOLD_RULES",
    "Assumption",
    "Augmentation",
    "Features",
    "Figure",
    "Finding",
    "Model",
    "Paper",
    "Preprocessing",
    "Profile",
    "Published",
    "Row",
    "Setup",
    "Split",
    "Table",
    "Training",
]
