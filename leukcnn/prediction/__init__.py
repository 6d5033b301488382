"""Saved networks with their preprocessing, and their predictions for images.

A `.keras` file is a zip archive. leukcnn adds one member, `leukcnn.json`, with the preprocessing, the names
of the classes, and what is needed to recognise the images of the training set and their colours. Keras
ignores it, so `keras.models.load_model` reads the file like any other. RegNets, AlexNet, CaffeNet and VGG-f
have layers that Keras lacks: import this module before loading them.
"""

from leukcnn.paths import find_images, list_images
from leukcnn.prediction.answers import Answers, apply_networks
from leukcnn.prediction.saved import NOTICE, SavedNetwork
from leukcnn.prediction.tables import write_classes
from leukcnn.prediction.training_set import ColourStatistics, TrainingSet

__all__ = [
    "NOTICE",
    "Answers",
    "ColourStatistics",
    "SavedNetwork",
    "TrainingSet",
    "apply_networks",
    "find_images",
    "list_images",
    "write_classes",
]


def __dir__() -> list[str]:
    return sorted(__all__)
