"""Batches for Keras: the images of an epoch in their order, augmented; networks that scale them."""

from leukcnn.pipeline.batches import (
    FORWARD_BATCH,
    ArrayBatches,
    BatchSequence,
    FeatureSequence,
    ImageSequence,
    prediction_batch_size,
)
from leukcnn.pipeline.entries import Entries, balanced, joined, multiplied, originals
from leukcnn.pipeline.feeding import fed
from leukcnn.pipeline.probabilities import check_probabilities, class_probabilities, ends_in_softmax
from leukcnn.pipeline.scaling import scaled

__all__ = [
    "FORWARD_BATCH",
    "ArrayBatches",
    "BatchSequence",
    "Entries",
    "FeatureSequence",
    "ImageSequence",
    "balanced",
    "check_probabilities",
    "class_probabilities",
    "ends_in_softmax",
    "fed",
    "joined",
    "multiplied",
    "originals",
    "prediction_batch_size",
    "scaled",
]


def __dir__() -> list[str]:
    return sorted(__all__)
