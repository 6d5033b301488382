"""What a trained network makes of a tested image of each class, for the figures that look into networks."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np

from leukcnn import spec
from leukcnn.outputs.kind import Capture, Material
from leukcnn.outputs.samples import prepared
from leukcnn.outputs.titles import describe
from leukcnn.pipeline import class_probabilities, scaled
from leukcnn.prediction import SavedNetwork
from leukcnn.results.results import main_predictions
from leukcnn.runs import Trial

Look = Callable[[keras.Model, np.ndarray, np.ndarray], Mapping[str, Any]]
"""The network, inputs float32 (C, H, W, 3), and the classes (C,) that it takes them for -> what is kept."""


def capture_look(figure: spec.Figure, material: Material, *, look: Look) -> Iterator[Capture]:
    """Looks into the network of the first trial of a figure's row, once that is finished.

    Args:
        figure: The figure.
        material: The images and the trials.
        look: What is kept beside "titles" (C) and "images", uint8 (C, H, W, 3), RGB.
    """
    results, (row, *_) = material.results, figure.rows
    first = next((planned for planned in results.record.trials if planned.row == row), None)
    trial = first and results.store.finished_trial(first.name)
    if not trial:
        return

    def make():
        network = SavedNetwork.load(trial.path / "model.keras").network
        preprocessing = results.setup(row).preprocessing
        chosen = _one_of_each_class(material, trial)
        images = np.stack([prepared(material, place, preprocessing) for place in chosen])
        inputs = scaled(images, preprocessing)
        said = class_probabilities(network.predict(inputs, verbose=0)).argmax(axis=1)
        titles = [
            f"{describe(material.index, place)}, taken for {material.index.class_names[answer]}"
            for place, answer in zip(chosen, said, strict=True)
        ]
        kept = {"titles": titles, "images": images, **look(network, inputs, said)}
        keras.utils.clear_session()
        return kept

    yield Capture(figure.id, first.name, make)


def _one_of_each_class(material: Material, trial: Trial) -> list[int]:
    """Returns the position of a test image of each class, one that the network knows where there is one."""
    said = main_predictions(trial)
    said = said.select((said.subset == "test") & (said.label >= 0))
    places = {image: place for place, image in enumerate(material.index.ids.tolist())}
    tested = sorted(
        (label, predicted != label, places[image])
        for image, label, predicted in zip(
            said.image.tolist(), said.label.tolist(), said.predicted.tolist(), strict=True
        )
    )
    first = {}
    for label, _, place in tested:
        first.setdefault(label, place)
    return list(first.values())
