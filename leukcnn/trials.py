"""One trial, from an index of pictures to stored predictions."""

import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import keras
import numpy as np

from leukcnn.augmentation import ImageAugmenter
from leukcnn.callbacks import ProgressObserver
from leukcnn.datasets import ImageIndex
from leukcnn.distribution import Devices
from leukcnn.picture_cache import prepared_pictures
from leukcnn.pipeline import Entries, PictureSequence, balanced, originals
from leukcnn.prediction import SavedNetwork
from leukcnn.runs import Predictions, Trial, write_json, write_predictions
from leukcnn.seeding import child_seed
from leukcnn.spec import Setup
from leukcnn.training import build_network, predict, train

# What the figures rest on; the prediction file holds the other checkpoint too.
MAIN_CHECKPOINT = "val_accuracy"

_VERSIONED = (
    "leukcnn",
    "keras",
    "tensorflow",
    "jax",
    "numpy",
    "opencv-python-headless",
    "scikit-learn",
    "scipy",
)


@dataclass(frozen=True, eq=False)
class Parts:
    """Positions in an index: who trains, who validates, and the sets that are predicted.

    Attributes:
        train: (n,) int64.
        validation: (n,) int64.
        predicted: Name of a set ("test", "external", "final") -> (n,) int64.
    """

    train: np.ndarray
    validation: np.ndarray
    predicted: dict[str, np.ndarray]


def epoch_entries(index: ImageIndex, setup: Setup, parts: Parts, *, seed: int) -> tuple[Entries, Entries]:
    """Returns what an epoch of training and one of validation show, after balancing by augmentation."""
    both = []
    for name, rows in (("train", parts.train), ("validation", parts.validation)):
        per_class = getattr(setup.augmentation, f"{name}_per_class")
        if per_class is None:
            both.append(originals(rows))
        else:
            key = child_seed(seed, name)
            both.append(balanced(rows, index.labels, index.ids, per_class=per_class, seed=key))
    return both[0], both[1]


def run_trial(
    trial: Trial,
    setup: Setup,
    index: ImageIndex,
    parts: Parts,
    *,
    seed: int,
    devices: Devices,
    observer: ProgressObserver,
    workers: int = 1,
    cache: Path | None = None,
    tensorboard: bool = False,
) -> None:
    """Runs a trial to its end, from where an earlier process left it; a finished one stays as it is.

    Args:
        trial: Its folder.
        setup: What it does.
        index: The pictures.
        parts: Who trains, validates and is predicted.
        seed: Root seed of this trial.
        devices: Where it is trained.
        observer: Told of each step and epoch.
        workers: Threads that prepare batches; they don't change the result.
        cache: Folder of the decoded pictures; the user's own cache if None.
        tensorboard: Whether to write TensorBoard's logs into the trial's folder.

    Raises:
        DataError: Pictures can't be used.
        DeviceError: The batch can't be shared evenly.
        StoreError: The folder can't be written to, or another process works on the trial.
    """
    with trial.locked():
        if trial.finished:
            return
        started = time.perf_counter()
        pictures = prepared_pictures(index, setup.preprocessing, folder=cache)
        prepared = time.perf_counter()
        classes = len(index.class_names)

        def sequence(entries: Entries, **options: Any) -> PictureSequence:
            return PictureSequence(
                pictures,
                entries,
                classes=classes,
                batch_size=setup.training.batch_size,
                preprocessing=setup.preprocessing,
                ids=index.ids,
                seed=seed,
                replicas=devices.replicas,
                workers=workers,
                **options,
            )

        train_entries, validation_entries = epoch_entries(index, setup, parts, seed=seed)
        augmenter = ImageAugmenter(**setup.augmentation.arguments)
        fresh = setup.augmentation.variants == "fresh"
        network = build_network(
            setup.model,
            side=setup.preprocessing.side,
            classes=classes,
            training=setup.training,
            seed=child_seed(seed, "network"),
            devices=devices,
        )
        outcome = train(
            network,
            setup.training,
            train_data=sequence(
                train_entries, labels=index.labels, augmenter=augmenter, fresh=fresh, shuffle=True
            ),
            # The validation part stays the same in every epoch, so that epochs can be compared.
            validation_data=sequence(
                validation_entries, labels=index.labels, augmenter=augmenter, padding_weights="set"
            ),
            folder=trial.path,
            devices=devices,
            observer=observer,
            tensorboard=trial.path / "tensorboard" if tensorboard else None,
        )
        trained = time.perf_counter()
        predictions = []
        for checkpoint, weights in outcome.checkpoints.items():
            with devices.scope():
                network.load_weights(weights)
            if checkpoint == MAIN_CHECKPOINT:
                origin = {key: trial.identity[key] for key in ("paper", "row", "profile", "seed")}
                SavedNetwork(
                    network, setup.preprocessing, index.class_names, {**origin, "trial": trial.path.name}
                ).save(trial.path / "model.keras")
            for part, rows in parts.predicted.items():
                probabilities = predict(network, sequence(originals(rows), labels=None), devices=devices)
                predictions.append(_predictions(index, rows, probabilities, part=part, checkpoint=checkpoint))
        write_predictions(trial.path / "predictions.csv", Predictions.join(predictions))
        write_json(trial.path / "environment.json", environment(devices))
        trial.finish(
            {
                "best_epochs": outcome.best_epochs,
                "parameters": network.count_params(),
                "pictures": {"train": len(train_entries), "validation": len(validation_entries)},
                "seconds": {
                    "pictures": round(prepared - started, 3),
                    "training": round(outcome.seconds, 3),
                    "prediction": round(time.perf_counter() - trained, 3),
                },
                "epochs_run_here": outcome.epochs_run,
            }
        )
        for leftover in (trial.path / "state.npz", *outcome.checkpoints.values()):
            leftover.unlink(missing_ok=True)


def _predictions(
    index: ImageIndex, rows: np.ndarray, probabilities: np.ndarray, *, part: str, checkpoint: str
) -> Predictions:
    return Predictions(
        image=index.ids[rows],
        part=np.full(len(rows), part),
        checkpoint=np.full(len(rows), checkpoint),
        group=index.group[rows],
        label=index.labels[rows],
        probabilities=probabilities,
        class_names=index.class_names,
    )


def environment(devices: Devices) -> dict[str, Any]:
    """Returns what the figures may depend on besides the specification: versions, devices, commit."""
    versions = {}
    for name in _VERSIONED:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "backend": keras.backend.backend(),
        "devices": list(devices.names),
        "versions": versions,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "commit": _commit(),
    }


def _commit() -> str | None:
    checkout = Path(__file__).parent.parent
    if not (checkout / ".git").exists():
        return None
    command = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
