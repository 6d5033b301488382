"""A trial that trains a network, from an index of pictures to stored predictions."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from leukcnn.augmentation import ImageAugmenter
from leukcnn.callbacks import ProgressObserver
from leukcnn.datasets import ImageIndex
from leukcnn.distribution import Devices
from leukcnn.features import kept_features
from leukcnn.fields import to_plain
from leukcnn.files import digest, write_json
from leukcnn.models.bases import frozen_border, split_at
from leukcnn.picture_cache import prepared_pictures
from leukcnn.pipeline import (
    BatchSequence,
    Entries,
    FeatureSequence,
    PictureSequence,
    balanced,
    multiplied,
    originals,
)
from leukcnn.prediction import SavedNetwork
from leukcnn.runs import Predictions, Trial, write_predictions
from leukcnn.seeding import child_seed
from leukcnn.spec import Setup
from leukcnn.splits.partition import Parts
from leukcnn.training import Networks, compile_network, predict, train
from leukcnn.trials.outcome import environment, picture_predictions


def epoch_entries(index: ImageIndex, setup: Setup, parts: Parts, *, seed: int) -> tuple[Entries, Entries]:
    """Returns what an epoch of training and one of validation show, after augmentation."""
    both = []
    for name, rows in (("train", parts.train), ("validation", parts.validation)):
        per_class = getattr(setup.augmentation, f"{name}_per_class")
        if per_class is not None:
            key = child_seed(seed, name)
            both.append(balanced(rows, index.labels, index.ids, per_class=per_class, seed=key))
        elif name == "train" and setup.augmentation.variants_per_picture is not None:
            both.append(multiplied(rows, variants=setup.augmentation.variants_per_picture))
        else:
            both.append(originals(rows))
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
    keep_features: bool = True,
    networks: Networks | None = None,
) -> None:
    """Runs a trial to its end, from where an earlier process left it; a finished one stays as it is.

    Where the network's base is frozen and variants are drawn once, the base's features are computed once and
    only what stands behind it is trained on them, to the same end.

    Args:
        trial: Its folder.
        setup: What it does.
        index: The pictures.
        parts: Who trains, validates and is predicted.
        seed: Root seed of this trial.
        devices: Where it is trained.
        observer: Told of each step and epoch.
        workers: Threads that prepare batches; they don't change the result.
        cache: Folder of the decoded pictures and of features; the user's own cache if None.
        tensorboard: Whether to write TensorBoard's logs into the trial's folder.
        keep_features: Whether features of a frozen base are kept; False computes them anew in every epoch.
        networks: Where the network comes from; trials that share it don't build the same one twice.

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
        train_entries, validation_entries = epoch_entries(index, setup, parts, seed=seed)
        augmenter = ImageAugmenter(**setup.augmentation.arguments)
        fresh = setup.augmentation.variants == "fresh"
        network = (networks or Networks()).get(
            setup.model,
            side=setup.preprocessing.side,
            classes=len(index.class_names),
            training=setup.training,
            seed=child_seed(seed, "network"),
            devices=devices,
        )
        shared = {
            "classes": network.output_shape[-1],
            "batch_size": setup.training.batch_size,
            "seed": seed,
            "replicas": devices.replicas,
        }

        def picture_batches(entries: Entries, **options: Any) -> BatchSequence:
            return PictureSequence(
                pictures,
                entries,
                preprocessing=setup.preprocessing,
                ids=index.ids,
                augmenter=augmenter,
                # The validation part stays the same in every epoch, so that epochs can be compared.
                fresh=fresh and options.get("shuffle", False),
                workers=workers,
                **shared,
                **options,
            )

        learner, batches = network, picture_batches
        border = frozen_border(network)
        if border is not None and keep_features and _features_last(setup, train_entries, observer):
            base, learner = split_at(network, border)
            compile_network(learner, setup.training, devices=devices)
            highest = max(e.variants.max(initial=0) for e in (train_entries, validation_entries))
            features = _features(
                base,
                lambda entries: picture_batches(entries, labels=None).inputs(np.arange(len(entries))),
                setup,
                index,
                parts,
                variants=1 + int(highest),
                seed=seed,
                devices=devices,
                observer=observer,
                cache=cache,
            )
            batches = partial(FeatureSequence, features, **shared)
        computed = time.perf_counter()
        outcome = train(
            learner,
            setup.training,
            train_data=batches(train_entries, labels=index.labels, shuffle=True),
            validation_data=batches(validation_entries, labels=index.labels, padding_weights="set")
            if len(validation_entries)
            else None,
            folder=trial.path,
            devices=devices,
            observer=observer,
            tensorboard=trial.path / "tensorboard" if tensorboard else None,
        )
        trained = time.perf_counter()
        predictions = []
        # The network has the last epoch's weights until others are laid in.
        last = {"last": None} if setup.training.checkpoint == "last" else {}
        for checkpoint, weights in {**last, **outcome.checkpoints}.items():
            if weights is not None:
                with devices.scope():
                    learner.load_weights(weights)
            if checkpoint == setup.training.checkpoint:
                origin = {key: trial.identity[key] for key in ("paper", "row", "profile", "seed")}
                SavedNetwork(
                    network, setup.preprocessing, index.class_names, {**origin, "trial": trial.path.name}
                ).save(trial.path / "model.keras")
            for part, rows in parts.predicted.items():
                probabilities = predict(learner, batches(originals(rows), labels=None), devices=devices)
                predictions.append(
                    picture_predictions(index, rows, probabilities, part=part, checkpoint=checkpoint)
                )
        write_predictions(trial.path / "predictions.csv", Predictions.join(predictions))
        write_json(trial.path / "environment.json", environment(devices))
        slots = sum(int(np.prod(v.shape)) * np.dtype(v.dtype).itemsize for v in learner.optimizer.variables)
        size = (trial.path / "model.keras").stat().st_size
        trial.finish(
            {
                "checkpoint": setup.training.checkpoint,
                "best_epochs": outcome.best_epochs,
                "parameters": network.count_params(),
                "file_bytes": {"network": size, "network and optimizer": size + slots},
                "pictures": {"train": len(train_entries), "validation": len(validation_entries)},
                "seconds": {
                    "pictures": round(prepared - started, 3),
                    "features": round(computed - prepared, 3),
                    "training": round(outcome.seconds, 3),
                    "prediction": round(time.perf_counter() - trained, 3),
                },
                "epochs_run_here": outcome.epochs_run,
            }
        )
        for leftover in (trial.path / "state.npz", *outcome.checkpoints.values()):
            leftover.unlink(missing_ok=True)


def _features(
    base: keras.Model,
    inputs_of: Callable[[Entries], np.ndarray],
    setup: Setup,
    index: ImageIndex,
    parts: Parts,
    *,
    variants: int,
    seed: int,
    devices: Devices,
    observer: ProgressObserver,
    cache: Path | None,
) -> np.ndarray:
    """Returns what a frozen base makes of all pictures of a trial, from the cache where it is there."""
    # Without variants nothing is drawn, and trials with other seeds share the features.
    drawn = {"augmentation": to_plain(setup.augmentation.arguments), "seed": seed} if variants > 1 else {}
    return kept_features(
        base,
        inputs_of,
        np.concatenate([parts.train, parts.validation, *parts.predicted.values()]),
        pictures=len(index),
        variants=variants,
        key={
            "model": to_plain(setup.model),
            "preprocessing": to_plain(setup.preprocessing),
            "pictures": digest([index.ids.tolist(), index.sha256.tolist()]),
            "precision": setup.training.precision,
            "backend": keras.backend.backend(),
            **drawn,
        },
        devices=devices,
        folder=cache,
        on_start=lambda n: observer.message(
            f"The base of {setup.model.name} is frozen: computing its features of {n:,} pictures once."
        ),
    )


def _features_last(setup: Setup, entries: Entries, observer: ProgressObserver) -> bool:
    """Whether the features of an epoch serve in the next one too; says so where they don't."""
    if setup.augmentation.variants == "once" or not entries.variants.any():
        return True
    observer.message(
        "Variants are drawn anew in every epoch (augmentation=fresh): the frozen base's features can't be "
        "kept and are computed in every epoch."
    )
    return False
