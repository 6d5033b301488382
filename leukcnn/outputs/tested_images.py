"""A tested image of each class and a trained network's response to it, for figures of network internals."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np

from leukcnn import spec
from leukcnn.outputs.kind import Capture, Material
from leukcnn.outputs.samples import prepared
from leukcnn.outputs.titles import describe
from leukcnn.pipeline import ArrayBatches, class_probabilities, scaled
from leukcnn.prediction import SavedNetwork
from leukcnn.results.results import main_predictions
from leukcnn.runs import Trial

Look = Callable[[keras.Model, np.ndarray, np.ndarray], Mapping[str, Any]]
"""Network, inputs float32 (C, H, W, 3) and predicted classes (C,) -> what is kept."""


def capture_look(figure: spec.Figure, material: Material, *, look: Look) -> Iterator[Capture]:
    """Yields a capture of what `look` returns for a row's first trial; nothing if it isn't finished.

    Args:
        figure: The figure.
        material: The images and the trials.
        look: Returns what is kept in addition to "titles" (C) and "images", uint8 (C, H, W, 3), RGB.
    """
    results, (row, *_) = material.results, figure.rows
    first = next((planned for planned in results.record.trials if planned.row == row), None)
    if first is None or (trial := results.store.finished_trial(first.name)) is None:
        return

    def make() -> dict[str, Any]:
        network = SavedNetwork.load(trial.checked("model.keras")).network
        preprocessing = results.setup(row).preprocessing
        chosen = _one_of_each_class(material, trial)
        images = np.stack([prepared(material, place, preprocessing) for place in chosen])
        inputs = scaled(images, preprocessing)
        outputs = network.predict(ArrayBatches(inputs, len(inputs)), verbose=0)
        predicted = class_probabilities(outputs).argmax(axis=1)
        titles = [
            f"{describe(material.index, place)}, predicted {material.index.class_names[label]}"
            for place, label in zip(chosen, predicted, strict=True)
        ]
        kept = {"titles": titles, "images": images, **look(network, inputs, predicted)}
        keras.utils.clear_session()
        return kept

    yield Capture(figure.id, first.name, make)


def _one_of_each_class(material: Material, trial: Trial) -> list[int]:
    """Returns the position of a test image of each class, a correctly classified one if there is any."""
    predictions = main_predictions(trial)
    predictions = predictions.select((predictions.subset == "test") & (predictions.label >= 0))
    places = {image: place for place, image in enumerate(material.index.ids.tolist())}
    columns = (predictions.image.tolist(), predictions.label.tolist(), predictions.predicted.tolist())
    tested = sorted(
        (label, predicted != label, places[image]) for image, label, predicted in zip(*columns, strict=True)
    )
    first: dict[int, int] = {}
    for label, _, place in tested:
        first.setdefault(label, place)
    return list(first.values())
