"""A trial that trains no network: a linear SVM on what networks' penultimate layers give."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from leukcnn.callbacks import ProgressObserver
from leukcnn.datasets import ImageIndex
from leukcnn.distribution import Devices
from leukcnn.evaluation.feature_space import cross_validated_probabilities, svm_probabilities
from leukcnn.features import FORWARD, forward, kept_features
from leukcnn.fields import to_plain
from leukcnn.files import digest, write_json
from leukcnn.models import build
from leukcnn.models.bases import penultimate
from leukcnn.picture_cache import prepared_pictures
from leukcnn.pipeline import Entries, scaled
from leukcnn.prediction import SavedNetwork
from leukcnn.runs import Predictions, Trial, write_features, write_predictions
from leukcnn.seeding import child_seed
from leukcnn.spec import Model, Setup
from leukcnn.splits.partition import Parts
from leukcnn.trials.outcome import environment, picture_predictions

SVM = "svm"
"""Value of `Predictions.checkpoint` where a support vector machine spoke."""


class FeatureNetworks:
    """Keeps the networks of the last row and seed, which all folds share; they take long to build."""

    def __init__(self):
        self._key, self._bases = None, []

    def get(self, setup: Setup, *, seed: int, devices: Devices) -> list[tuple[Model, keras.Model]]:
        """Returns the networks of a setup, each cut behind its penultimate layer.

        Raises:
            WeightsError: The weights of one can't be had.
        """
        models = (setup.model, *setup.features.beside)
        key = (to_plain(models), setup.preprocessing.side, seed, devices.names)
        if key != self._key:
            self._key, self._bases = None, []
            keras.utils.clear_session()
            self._bases = [
                penultimate(feature_network(model, setup, seed=seed, devices=devices)) for model in models
            ]
            self._key = key
        return list(zip(models, self._bases, strict=True))


def run_feature_trial(
    trial: Trial,
    setup: Setup,
    index: ImageIndex,
    parts: Parts,
    *,
    seed: int,
    devices: Devices,
    observer: ProgressObserver,
    source: Trial | None = None,
    cache: Path | None = None,
    networks: FeatureNetworks | None = None,
) -> None:
    """Fits an SVM on features of a trial's training pictures and applies it; a finished trial stays.

    The set "test" is predicted by the SVM of the training part; where the setup has `within_splits`, the set
    "within" holds each tested dataset's pictures again, predicted by the SVMs of a cross-validation within
    that dataset, unless it is too small, and `features.npz` their features.

    Args:
        trial: Its folder.
        setup: What it does; its `features` are given.
        index: The pictures.
        parts: Who trains and is predicted.
        seed: Root seed of this trial.
        devices: Where networks run.
        observer: Told what is computed.
        source: The finished trial whose network gives the features; None for published networks.
        cache: Folder of the decoded pictures and of features; the user's own cache if None.
        networks: Where published networks come from; trials that share it don't build the same ones twice.

    Raises:
        DataError: Pictures can't be used.
        StoreError: The folder can't be written to, or another process works on the trial.
        WeightsError: Published weights can't be had.
    """
    with trial.locked():
        if trial.finished:
            return
        started = time.perf_counter()
        tested = parts.predicted["test"]
        rows = np.concatenate([parts.train, tested])
        options = {"devices": devices, "cache": cache}
        if source is not None:
            features = _of_trained(source, index, rows, **options)
        else:
            built = (networks or FeatureNetworks()).get(setup, seed=seed, devices=devices)
            options["observer"] = observer
            each = [_of_published(model, base, setup, index, rows, **options) for model, base in built]
            features = np.concatenate(each, axis=1)
        extracted = time.perf_counter()
        labels = index.labels[rows]
        first_tested = len(parts.train)
        choice = {name: getattr(setup.features, name) for name in ("n_components", "n_selected", "penalty")}
        probabilities = svm_probabilities(
            features,
            labels,
            train=np.arange(first_tested),
            predict=np.arange(first_tested, len(rows)),
            seed=seed,
            **choice,
        )
        predictions = [picture_predictions(index, tested, probabilities, part="test", checkpoint=SVM)]
        if setup.features.within_splits:
            of_tested = features[first_tested:]
            predictions += _within(index, tested, of_tested, setup, seed=seed, observer=observer, **choice)
            write_features(
                trial.path / "features.npz",
                image=index.ids[tested],
                label=index.labels[tested],
                features=of_tested,
            )
        write_predictions(trial.path / "predictions.csv", Predictions.join(predictions))
        write_json(trial.path / "environment.json", environment(devices))
        trial.finish(
            {
                "checkpoint": SVM,
                "features": features.shape[1],
                "pictures": {"train": len(parts.train)},
                "seconds": {
                    "features": round(extracted - started, 3),
                    "svm": round(time.perf_counter() - extracted, 3),
                },
            }
        )


def feature_network(model: Model, setup: Setup, *, seed: int, devices: Devices) -> keras.Model:
    """Builds a network whose penultimate layer gives features: with its own top, and not compiled.

    Args:
        model: Builder and arguments; where they have no `input_shape`, the setup's size is taken.
        setup: Size of the pictures.
        seed: Seed of weights that aren't published.
        devices: Where it runs.

    Raises:
        WeightsError: Its weights can't be had.
    """
    side = setup.preprocessing.side
    keras.utils.set_random_seed(child_seed(seed, "network", model.name) % 2**32)
    with devices.scope():
        return build(model.name, **{"input_shape": (side, side, 3), **model.arguments})


def _of_published(
    model: Model,
    base: keras.Model,
    setup: Setup,
    index: ImageIndex,
    rows: np.ndarray,
    *,
    devices: Devices,
    observer: ProgressObserver,
    cache: Path | None,
) -> np.ndarray:
    preprocessing = replace(setup.preprocessing, resize=base.input_shape[1])
    pictures = prepared_pictures(index, preprocessing, folder=cache)

    def inputs_of(entries: Entries) -> np.ndarray:
        return scaled(pictures[entries.rows], preprocessing)

    features = kept_features(
        base,
        inputs_of,
        rows,
        pictures=len(index),
        variants=1,
        key={
            "model": to_plain(model),
            "preprocessing": to_plain(preprocessing),
            "pictures": digest([index.ids.tolist(), index.sha256.tolist()]),
            "backend": keras.backend.backend(),
        },
        devices=devices,
        folder=cache,
        on_start=lambda n: observer.message(f"Computing {model.name}'s features of {n:,} pictures once."),
    )
    return features[rows, 0]


def _of_trained(
    source: Trial, index: ImageIndex, rows: np.ndarray, *, devices: Devices, cache: Path | None
) -> np.ndarray:
    keras.utils.clear_session()
    with devices.scope():
        saved = SavedNetwork.load(source.path / "model.keras")
        base = penultimate(saved.network)
    pictures = prepared_pictures(index, saved.preprocessing, folder=cache)
    blocks = [rows[start : start + FORWARD] for start in range(0, len(rows), FORWARD)]
    outputs = [forward(base, scaled(pictures[block], saved.preprocessing), devices) for block in blocks]
    return np.concatenate(outputs)


def _within(
    index: ImageIndex,
    tested: np.ndarray,
    features: np.ndarray,
    setup: Setup,
    *,
    seed: int,
    observer: ProgressObserver,
    **choice: Any,
) -> list[Predictions]:
    found, n_splits = [], setup.features.within_splits
    for name in dict.fromkeys(index.dataset[tested].tolist()):
        of_dataset = index.dataset[tested] == name
        rows = tested[of_dataset]
        counts = np.bincount(index.labels[rows], minlength=len(index.class_names))
        if counts.min() < n_splits:
            held = ", ".join(f"{n} {label}" for n, label in zip(counts, index.class_names, strict=True))
            observer.message(f"{name} is too small for {n_splits} folds within it: it holds {held} pictures.")
            continue
        probabilities = cross_validated_probabilities(
            features[of_dataset],
            index.labels[rows],
            n_splits=n_splits,
            seed=seed,
            ids=index.ids[rows],
            **choice,
        )
        found.append(picture_predictions(index, rows, probabilities, part="within", checkpoint=SVM))
    return found
