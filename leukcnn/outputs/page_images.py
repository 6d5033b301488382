"""Images that a run's HTML report shows: confident mistakes with Grad-CAM, and copies, kept as small JPEG."""

import io
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import keras
import numpy as np
from PIL import Image

from leukcnn import spec
from leukcnn.datasets import read_image
from leukcnn.errors import ArgumentError, DeviceError
from leukcnn.evaluation.activation_maps import grad_cam, largest_maps_layer
from leukcnn.files import digest
from leukcnn.image_cache import prepare
from leukcnn.outputs.build import going_on
from leukcnn.outputs.captures import COPIES, MISTAKES, Captured
from leukcnn.outputs.kind import Capture, Material
from leukcnn.pipeline import scaled
from leukcnn.prediction import SavedNetwork
from leukcnn.records import note_files
from leukcnn.rendering.figures import overlay
from leukcnn.results.results import Results, main_predictions
from leukcnn.runs import Trial
from leukcnn.trial_files import Predictions

_MOST_ROWS = 3
_MOST_MISTAKES, _MOST_PER_CLASS = 24, 4
_MOST_PAIRS, _MOST_PAIRS_SHOWN = 500, 12
_PIXELS, _PIXELS_OF_A_COPY = 160, 128
_QUALITY = 82
_NO_HEAT = np.empty((0, 1, 1))


def capture_copies(material: Material, folder: Path, pairs: np.ndarray) -> None:
    """Keeps the pairs of copies among the images, the first of them with both images.

    Args:
        material: The images.
        folder: The experiment's folder.
        pairs: (P, 2) int64, positions of identical or nearly identical images.
    """
    key = material.key("copies", pairs.tolist())
    made = Capture(COPIES, key, partial(_copies, material, pairs))
    note_files(folder, [Captured(folder).keep(made)])


def _copies(material: Material, pairs: np.ndarray) -> dict[str, Any]:
    """Returns "pairs" (names, classes and whether they are identical), numbers, and "images" of the first."""
    index, labels = material.index, material.index.labels[pairs]
    identical = index.sha256[pairs[:, 0]] == index.sha256[pairs[:, 1]]
    differ = (labels[:, 0] != labels[:, 1]) & (labels >= 0).all(axis=1)
    # Those that readers should see first: two classes, then different files.
    order = np.lexsort((np.arange(len(pairs)), identical, ~differ))[:_MOST_PAIRS]
    names = ["", *index.class_names]
    listed = [
        {
            "images": [str(index.ids[i]) for i in pairs[p]],
            "classes": [names[label + 1] for label in labels[p]],
            "identical": bool(identical[p]),
        }
        for p in order
    ]
    shown = [place for p in order[:_MOST_PAIRS_SHOWN] for place in pairs[p]]
    return {
        "pairs": listed,
        "n_identical": int(identical.sum()),
        "n_near": int((~identical).sum()),
        "n_two_classes": int(differ.sum()),
        "images": [_jpeg(read_image(index.paths[place])[0], _PIXELS_OF_A_COPY) for place in shown],
    }


def capture_mistakes(material: Material, folder: Path, *, faults: list[str]) -> None:
    """Keeps each best row's most confident mistakes with Grad-CAM; args as of `build.capture`."""
    captured = Captured(folder)
    for capture in _mistakes(material):
        with going_on(faults):
            note_files(folder, [captured.keep(capture)])


class _Found(NamedTuple):
    """Mistakes of one trial's network, those of each true class the most confident first."""

    trial: Trial
    fold: int
    predictions: Predictions
    n_wrong: int
    n_tested: int


def best_rows(results: Results, most: int = _MOST_ROWS) -> list[str]:
    """Returns the rows whose finished networks have the highest accuracy, best first."""
    accuracy: dict[str, float] = {}
    for row in results.paper.row_ids:
        tested = [_tested(trial) for _, _, trial in results.trials[row]]
        if n := sum(map(len, tested)):
            accuracy[row] = sum(int((one.predicted == one.label).sum()) for one in tested) / n
    return sorted(accuracy, key=lambda row: -accuracy[row])[:most]


def _tested(trial: Trial) -> Predictions:
    predictions = main_predictions(trial)
    return predictions.select((predictions.subset == "test") & (predictions.label >= 0))


def _mistakes(material: Material) -> Iterator[Capture]:
    results = material.results
    quick = bool(results.paper.profile(results.record.profile).not_comparable)
    for place, row in enumerate(best_rows(results)):
        # One network a row: with all folds, reading the networks would take minutes.
        if (found := _first_mistakes(results, row)) is not None:
            why_not = "in a quick profile, only the best network has it" if quick and place else ""
            images = found.predictions.image.tolist()
            key = digest([found.trial.path.name, images, _PIXELS, _QUALITY, why_not])
            make = partial(_looked_at, found, results.setup(row).preprocessing, material, why_not)
            yield Capture(f"{MISTAKES}_{row}", key, make)


def _first_mistakes(results: Results, row: str) -> _Found | None:
    """Returns the mistakes of the first trial that makes any; None if none does."""
    for _, _, trial in results.trials[row]:
        tested = _tested(trial)
        wrong = np.flatnonzero(tested.predicted != tested.label)
        if len(wrong):
            score = tested.probabilities.max(axis=1)[wrong]
            wrong = wrong[np.lexsort((tested.image[wrong], -score))]
            each = max(1, min(_MOST_PER_CLASS, _MOST_MISTAKES // len(tested.class_names)))
            labels = range(len(tested.class_names))
            chosen = np.concatenate([wrong[tested.label[wrong] == label][:each] for label in labels])
            fold = int(trial.identity.get("fold", -1))
            return _Found(trial, fold, tested.select(chosen), len(wrong), len(tested))
    return None


def _looked_at(
    found: _Found, preprocessing: spec.Preprocessing, material: Material, why_not: str
) -> dict[str, Any]:
    """Returns names, classes and scores of the images, "images" and "heat" as JPEG, and the layer.

    Without heat if `why_not` says why not.
    """
    index, predictions = material.index, found.predictions
    places = {name: place for place, name in enumerate(index.ids.tolist())}
    images = [read_image(index.paths[places[name]])[0] for name in predictions.image.tolist()]
    inputs = np.stack([prepare(image, preprocessing) for image in images])
    maps, layer, why = _NO_HEAT, "", why_not
    if not why_not:
        maps, layer, why = _heat(found, inputs, preprocessing)
    names = predictions.class_names
    return {
        "names": predictions.image.tolist(),
        "true": [names[label] for label in predictions.label],
        "predicted": [names[label] for label in predictions.predicted],
        "scores": [round(float(p), 4) for p in predictions.probabilities.max(axis=1)],
        "fold": found.fold,
        "n_wrong": found.n_wrong,
        "n_tested": found.n_tested,
        "layer": layer,
        "why_no_heat": why,
        "images": [_jpeg(image, _PIXELS) for image in images],
        "heat": [_jpeg(overlay(one, heat), _PIXELS) for one, heat in zip(inputs, maps, strict=False)],
    }


def _heat(
    found: _Found, inputs: np.ndarray, preprocessing: spec.Preprocessing
) -> tuple[np.ndarray, str, str]:
    """Returns Grad-CAM for the predicted classes (N, h, w), its layer, and why there is none."""
    if "model.keras" not in found.trial.result["files"]:
        return _NO_HEAT, "", "this row saves no network"
    network = SavedNetwork.load(found.trial.checked("model.keras")).network
    try:
        layer = largest_maps_layer(network)
        predicted = found.predictions.predicted
        return grad_cam(network, scaled(inputs, preprocessing), class_index=predicted, layer=layer), layer, ""
    except (ArgumentError, DeviceError) as error:
        return _NO_HEAT, "", error.reason
    finally:
        keras.utils.clear_session()


def _jpeg(image: np.ndarray, pixels: int) -> np.ndarray:
    """Returns an image, uint8 (H, W, 3), as the bytes of a JPEG file whose longer side is `pixels`."""
    height, width = image.shape[:2]
    scale = min(1.0, pixels / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
    target = io.BytesIO()
    Image.fromarray(small).save(target, "JPEG", quality=_QUALITY)
    return np.frombuffer(target.getvalue(), np.uint8)
