"""Saved networks with their preprocessing, and their predictions for images.

A `.keras` file is a zip archive. leukcnn adds one member, `leukcnn.json`, with the preprocessing and the
names of the classes. Keras ignores it, so `keras.models.load_model` reads the file like any other. RegNets,
AlexNet, CaffeNet and VGG-f have layers that Keras lacks: import this module before loading them.
"""

import csv
import json
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from leukcnn.datasets import read_image
from leukcnn.errors import DataError, WeightsError
from leukcnn.fields import to_plain
from leukcnn.files import replace_file
from leukcnn.image_cache import prepare, shows_nothing
from leukcnn.models.foreign import clean_archive, reason_of
from leukcnn.models.grouped_convolution import GroupedConv2D
from leukcnn.models.layers import LocalResponseNormalization, MeanSubtraction
from leukcnn.models.weights import load_archive
from leukcnn.paths import NETWORK_FILE, find_images, network_file
from leukcnn.pipeline import ArrayBatches, class_probabilities, scaled
from leukcnn.spec import Preprocessing

__all__ = ["NOTICE", "SavedNetwork", "find_images", "write_classes"]

NOTICE = "Research software, not for diagnosis. Its results hold at most for the images it was tested on."
_MEMBER = "leukcnn.json"
_BATCH = 32
# Keras doesn't find these by itself in a process that has built no network with them.
_OWN_LAYERS = (GroupedConv2D, LocalResponseNormalization, MeanSubtraction)


def __dir__() -> list[str]:
    return sorted(__all__)


@dataclass(frozen=True)
class SavedNetwork:
    """A trained network with everything that is needed to apply it to an image.

    Attributes:
        network: The Keras model.
        preprocessing: The steps from an image to the network's input.
        class_names: Names of the classes.
        origin: The paper, row, profile, seed and trial that the network comes from.
    """

    network: keras.Model
    preprocessing: Preprocessing
    class_names: tuple[str, ...]
    origin: dict[str, Any]

    def save(self, path: Path) -> None:
        """Writes the `.keras` file in one step, without the optimizer.

        Args:
            path: The file.

        Raises:
            StoreError: The folder can't be written to.
        """
        record = {
            "preprocessing": to_plain(self.preprocessing),
            "class_names": list(self.class_names),
            "origin": self.origin,
            "notice": NOTICE,
        }
        # A rebuilt network isn't compiled, unlike a clone. An optimizer makes the file three times as large.
        bare = type(self.network).from_config(self.network.get_config())
        bare.set_weights(self.network.get_weights())
        with replace_file(path) as draft:
            bare.save(draft)
            with zipfile.ZipFile(draft, "a") as archive:
                archive.writestr(_MEMBER, json.dumps(record, indent=1))

    @staticmethod
    def load(path: str | Path) -> "SavedNetwork":
        """Reads a file that `save` wrote.

        Args:
            path: The `.keras` file.

        Raises:
            WeightsError: The file doesn't exist, isn't a Keras model, or lacks its preprocessing.
        """
        path = network_file(path)
        own = {keras.saving.get_registered_name(layer): layer for layer in _OWN_LAYERS}
        try:
            with clean_archive(path) as (copy, parameters):
                with zipfile.ZipFile(copy) as archive:
                    record = json.loads(archive.read(_MEMBER))
                network = load_archive(copy, parameters, own)
            return SavedNetwork(
                network=network,
                preprocessing=Preprocessing(**record["preprocessing"]),
                class_names=tuple(record["class_names"]),
                origin=record["origin"],
            )
        except Exception as error:  # a wrong configuration makes Keras raise errors of any kind
            raise WeightsError(
                f"{path} is not a network that leukcnn saved: {reason_of(error)}",
                expected=NETWORK_FILE,
                remedy="for another Keras model, use keras.models.load_model and its own preprocessing",
            ) from error

    def predict(
        self, paths: Iterable[Path], *, on_note: Callable[[str], None] = lambda note: None
    ) -> np.ndarray:
        """Applies the network to images.

        Args:
            paths: N image files.
            on_note: Called with a sentence for each image that was converted or that thresholding made black.

        Returns:
            float64 (N, classes), probabilities.

        Raises:
            DataError: An image can't be read or is too small.
        """
        files, outputs = list(paths), []
        for start in range(0, len(files), _BATCH):
            images = []
            for path in files[start : start + _BATCH]:
                image, note = read_image(path)
                if note:
                    on_note(f"{path}: {note}")
                try:
                    images.append(prepare(image, self.preprocessing))
                    if self.preprocessing.threshold != "none" and shows_nothing(images[-1]):
                        on_note(f"{path}: thresholding leaves no cell, so the network sees a black image")
                except DataError as error:
                    raise DataError(
                        f"{path}: {error.found}", expected=error.expected, remedy="leave it out"
                    ) from error
            inputs = scaled(np.stack(images), self.preprocessing)
            outputs.append(self.network.predict(ArrayBatches(inputs, _BATCH), verbose=0))
        return class_probabilities(np.concatenate(outputs))


def write_classes(
    path: Path, images: Sequence[Path], probabilities: np.ndarray, class_names: Sequence[str]
) -> None:
    """Writes predicted classes as a CSV file with the columns image, class, p_<class> ...

    Args:
        path: The file.
        images: N image files.
        probabilities: (N, classes), 0..1.
        class_names: Names of the classes.

    Raises:
        StoreError: The folder can't be written to.
    """
    with replace_file(path) as draft, draft.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["image", "class", *(f"p_{name}" for name in class_names)])
        for image, row in zip(images, probabilities, strict=True):
            writer.writerow([image, class_names[int(row.argmax())], *(f"{p:.9g}" for p in row)])
