"""A trial that trains a network: from an index of images to stored predictions."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypedDict, cast

import keras
import numpy as np

from leukcnn.augmentation import ImageAugmenter
from leukcnn.augmentation.on_device import OnDevice
from leukcnn.callbacks import ReportProgress
from leukcnn.datasets import ImageIndex
from leukcnn.errors import DivergenceError, WeightsError
from leukcnn.features import Frozen, kept_features
from leukcnn.fields import to_plain
from leukcnn.files import digest, write_json
from leukcnn.models.bases import last_frozen_layer, split_at
from leukcnn.pipeline import (
    BatchSequence,
    Entries,
    FeatureSequence,
    ImageSequence,
    balanced,
    ends_in_softmax,
    fed,
    multiplied,
    originals,
    prediction_batch_size,
)
from leukcnn.prediction import SavedNetwork, TrainingSet
from leukcnn.records import note_divergence, why_diverged
from leukcnn.runs import Trial
from leukcnn.seeding import child_seed
from leukcnn.spec import Setup
from leukcnn.splits import SplitRows
from leukcnn.training import Built, Outcome, compile_network, predict, train
from leukcnn.training_state import load_weights
from leukcnn.trial_files import Predictions, write_predictions
from leukcnn.trials.context import TrialContext
from leukcnn.trials.outcome import environment, image_predictions, tested_accuracy, training_summary

Batches = Callable[..., BatchSequence]


class _BatchOptions(TypedDict):
    """Arguments of `BatchSequence`."""

    classes: int
    batch_size: int
    seed: int
    replicas: int
    host: int
    hosts: int


def epoch_entries(
    index: ImageIndex, setup: Setup, split_rows: SplitRows, *, seed: int
) -> tuple[Entries, Entries]:
    """Returns the entries of a training epoch and of a validation epoch, with augmented variants."""
    both = []
    for name, rows in (("train", split_rows.train), ("validation", split_rows.validation)):
        per_class = getattr(setup.augmentation, f"{name}_per_class")
        if per_class is not None:
            key = child_seed(seed, name)
            both.append(balanced(rows, index.labels, index.ids, per_class=per_class, seed=key))
        elif name == "train" and setup.augmentation.variants_per_image is not None:
            both.append(multiplied(rows, variants=setup.augmentation.variants_per_image))
        else:
            both.append(originals(rows))
    return both[0], both[1]


def run_trial(
    trial: Trial,
    setup: Setup,
    split_rows: SplitRows,
    context: TrialContext,
    *,
    seed: int,
    run: int = 0,
    keep_features: bool = True,
) -> None:
    """Runs or resumes a trial to its end; does nothing if it is finished.

    If the network's base is frozen and variants are sampled once, the features of the base are computed once,
    and the layers after the base are trained on them. The result is the same as that of training the whole
    network.

    Args:
        trial: The trial's folder.
        setup: What the trial does.
        split_rows: Rows to train on, to validate on and to predict.
        context: Images, devices, and what is reused between trials.
        seed: Root seed of this trial.
        run: Number of the repetition, which the saved network carries.
        keep_features: Whether features of a frozen base are kept; False computes them again in every epoch.

    Raises:
        DataError: Images can't be used.
        DeviceError: The batch can't be divided evenly among the devices.
        DivergenceError: The training diverged, now or in an earlier run.
        StoreError: The folder can't be written to, or another process works on the trial.
        WeightsError: The trained weights or the predictions aren't finite; the trial isn't finished then.
    """
    with trial.locked():
        if trial.finished:
            return
        if why := why_diverged(trial.path):
            raise DivergenceError.because(why)
        context.devices.hosts.send({"train": trial.path.name})
        work = _NetworkTrial(trial, setup, split_rows, context, seed, run)
        times = [time.perf_counter()]
        _ = work.images
        times.append(time.perf_counter())
        network = work.network
        learner, batches = work.learner(keep_features=keep_features)
        times.append(time.perf_counter())
        try:
            outcome = work.train(learner, batches)
        except DivergenceError as error:
            note_divergence(trial.path, error.why)
            raise
        times.append(time.perf_counter())
        write_predictions(trial.path / "predictions.csv", work.predict(learner, batches, outcome))
        write_json(trial.path / "environment.json", environment(context.devices))
        optimizer_bytes = sum(
            int(np.prod(v.shape)) * np.dtype(v.dtype).itemsize for v in learner.optimizer.variables
        )
        size = (trial.path / "model.keras").stat().st_size
        train_entries, validation_entries = work.entries
        trial.finish(
            {
                "checkpoint": setup.training.checkpoint,
                "best_epochs": outcome.best_epochs,
                "parameters": network.count_params(),
                "file_bytes": {"network": size, "network and optimizer": size + optimizer_bytes},
                "images": {"train": len(train_entries), "validation": len(validation_entries)},
                "seconds": {
                    "images": round(times[1] - times[0], 3),
                    "features": round(times[2] - times[1], 3),
                    "training": round(outcome.seconds, 3),
                    "prediction": round(time.perf_counter() - times[3], 3),
                },
                "epochs_run_here": outcome.epochs_run,
            }
        )
        for leftover in (trial.path / "state.npz", *outcome.checkpoints.values()):
            leftover.unlink(missing_ok=True)


def take_part(trial: Trial, setup: Setup, split_rows: SplitRows, context: TrialContext, *, seed: int) -> None:
    """Trains and predicts a part of a trial that host 0 runs, and writes nothing; for the other hosts.

    The arguments are those of `run_trial`; the trial's folder need not exist here.
    """
    work = _NetworkTrial(trial, setup, split_rows, context, seed, run=0)
    learner, batches = work.learner(keep_features=True)
    # Host 0 has the same error, and notes it.
    with contextlib.suppress(DivergenceError):
        work.predict(learner, batches, work.train(learner, batches))


@dataclass(frozen=True, eq=False)
class _NetworkTrial:
    """A running trial; its attributes are the arguments of `run_trial`."""

    trial: Trial
    setup: Setup
    split_rows: SplitRows
    context: TrialContext
    seed: int
    run: int

    @cached_property
    def images(self) -> np.ndarray:
        """The images of the index, decoded and prepared."""
        return self.context.prepared(self.setup.preprocessing)

    @cached_property
    def entries(self) -> tuple[Entries, Entries]:
        """The entries of a training epoch and of a validation epoch."""
        return epoch_entries(self.context.index, self.setup, self.split_rows, seed=self.seed)

    @cached_property
    def augmenter(self) -> ImageAugmenter:
        return ImageAugmenter(**self.setup.augmentation.arguments)

    @cached_property
    def on_device(self) -> OnDevice | None:
        """The augmenter in the training step; None if the host augments, or nothing is augmented."""
        augmentation = self.setup.augmentation
        if augmentation.computed_on == "host" or not augmentation.makes_variants:
            return None
        return OnDevice(self.augmenter, self.images.shape[1:])

    @cached_property
    def built(self) -> Built:
        _ = self.images
        # Building it is the first step that the hosts do together.
        self.context.devices.hosts.all()
        return self.context.networks.get(
            self.setup.model,
            preprocessing=self.setup.preprocessing,
            classes=len(self.context.index.class_names),
            training=self.setup.training,
            seed=child_seed(self.seed, "network"),
            devices=self.context.devices,
            augmenter=self.on_device,
        )

    @property
    def network(self) -> keras.Model:
        """The whole network, with its initial weights before the training."""
        return self.built.network

    @cached_property
    def batch_options(self) -> _BatchOptions:
        """The arguments of `BatchSequence` that all batches have in common."""
        return {
            "classes": self.network.output_shape[-1],
            "batch_size": self.setup.training.batch_size,
            "seed": self.seed,
            "replicas": self.context.devices.replicas,
            "host": self.context.devices.hosts.index,
            "hosts": self.context.devices.hosts.count,
        }

    def image_batches(
        self, entries: Entries, *, augmenter: ImageAugmenter | None = None, **options: Any
    ) -> ImageSequence:
        """Returns batches of images, augmented by an augmenter or, if None, where the setup says."""
        fresh = self.setup.augmentation.variants == "fresh"
        return ImageSequence(
            self.images,
            entries,
            ids=self.context.index.ids,
            augmenter=augmenter or self.on_device or self.augmenter,
            # The validation images stay the same, so that epochs can be compared.
            fresh=fresh and options.get("shuffle", False),
            workers=self.context.workers,
            **{**self.batch_options, **options},
        )

    def learner(self, *, keep_features: bool) -> tuple[keras.Model, Batches]:
        """Returns the model to train and a function that makes its batches.

        With a frozen base, the model is the layers after it, and batches hold features of the base. If no
        base is frozen, or its features aren't kept or are larger than the images, the model is the whole
        network, which scales images, and batches hold images.
        """
        boundary = last_frozen_layer(self.network)
        if boundary is None or not keep_features or not self._features_can_be_kept():
            return self.built.learner, self.image_batches
        base, head = split_at(self.network, boundary)
        # The features of the first layers are larger than the images and not worth the space.
        if math.prod(base.output_shape[1:]) > math.prod(base.input_shape[1:]):
            return self.built.learner, self.image_batches
        compile_network(head, self.setup.training, devices=self.context.devices)
        base = fed(base, self.setup.preprocessing)
        features, options = self._features(base), self.batch_options

        def feature_batches(entries: Entries, **others: Any) -> BatchSequence:
            return FeatureSequence(features, entries, **{**options, **others})

        return head, feature_batches

    def _features_can_be_kept(self) -> bool:
        """Returns whether features are the same in every epoch; shows a message if they aren't."""
        if self.setup.augmentation.variants == "once" or not self.entries[0].variants.any():
            return True
        self.context.observer.message(
            "Variants are sampled again in every epoch (augmentation=fresh): the frozen base's features "
            "can't be kept and are computed in every epoch."
        )
        return False

    def _features(self, base: keras.Model) -> np.ndarray:
        """Returns the features of all images of the trial from a frozen base, cached if possible."""
        index, setup, split_rows = self.context.index, self.setup, self.split_rows
        variants = 1 + int(max(entries.variants.max(initial=0) for entries in self.entries))
        sampling = {"augmentation": to_plain(setup.augmentation.arguments), "seed": self.seed}
        key = {
            "model": to_plain(setup.model),
            "preprocessing": to_plain(setup.preprocessing),
            "images": digest([index.ids.tolist(), index.sha256.tolist()]),
            "precision": setup.training.precision,
            "backend": keras.backend.backend(),
            # Without variants nothing is sampled, and trials with other seeds share the features.
            **(sampling if variants > 1 else {}),
            # Its rounding is another than where earlier versions computed it.
            **({"channel_mean": "device"} if setup.preprocessing.subtract_channel_mean else {}),
        }

        def inputs_of(entries: Entries) -> np.ndarray:
            # These are computed once, with predictable grey levels: on the host, as for feature rows.
            batches = self.image_batches(entries, augmenter=self.augmenter, labels=None)
            return cast("np.ndarray", batches.inputs(np.arange(len(entries))))

        return kept_features(
            Frozen(base, inputs_of, len(index), variants, key, self.context.devices, self.context.workers),
            np.concatenate([split_rows.train, split_rows.validation, *split_rows.predicted.values()]),
            folder=self.context.cache,
            on_note=self.context.observer.message,
            counting=self.context.observer.counting,
            on_start=lambda n: self.context.observer.message(
                f"The base of {setup.model.name} is frozen: computing its features of {n:,} images once."
            ),
        )

    def train(self, learner: keras.Model, batches: Batches) -> Outcome:
        """Trains the model that `learner` returned, or resumes its training."""
        (train_entries, validation_entries), labels = self.entries, self.context.index.labels
        callbacks: list[keras.callbacks.Callback] = [ReportProgress(self.context.observer)]
        if on_epoch := self.context.on_epoch:

            def end_epoch(epoch: int, logs: Mapping[str, float] | None) -> None:
                on_epoch(epoch + 1, {name: float(value) for name, value in (logs or {}).items()})

            callbacks.append(keras.callbacks.LambdaCallback(on_epoch_end=end_epoch))
        return train(
            learner,
            self.setup.training,
            train_data=batches(train_entries, labels=labels, shuffle=True),
            validation_data=batches(validation_entries, labels=labels, padding_weights="set")
            if len(validation_entries)
            else None,
            folder=self.trial.path,
            devices=self.context.devices,
            callbacks=callbacks,
        )

    def predict(self, learner: keras.Model, batches: Batches, outcome: Outcome) -> Predictions:
        """Predicts each subset with each checkpoint; saves the network of the setup's checkpoint."""
        index, devices, predictions = self.context.index, self.context.devices, []
        name, add_up = f"Row {self.trial.identity['row']!r}", ends_in_softmax(learner)
        # All subsets together, because each call has a cost of its own.
        rows = np.concatenate(list(self.split_rows.predicted.values()))
        ends = np.cumsum([len(of_subset) for of_subset in self.split_rows.predicted.values()])[:-1]
        size = prediction_batch_size(len(rows), replicas=devices.replicas)
        data = batches(originals(rows), labels=None, batch_size=size)
        # The network has the last epoch's weights until others are loaded.
        last = {"last": None} if self.setup.training.checkpoint == "last" else {}
        probabilities = np.empty(0)
        predicted_epoch: int | None = -1
        for checkpoint, weights in {**last, **outcome.checkpoints}.items():
            # One epoch often has both the best loss and the best accuracy.
            epoch = outcome.best_epochs.get(checkpoint)
            is_new = epoch != predicted_epoch
            if is_new and weights is not None:
                with devices.scope():
                    load_weights(learner, weights, hosts=devices.hosts)
            kept = checkpoint == self.setup.training.checkpoint and devices.hosts.leads
            # Weights that aren't finite are a fault of the network, not of its predictions.
            saved = self._network_to_save(f"{name}, checkpoint {checkpoint!r}") if kept else None
            if is_new:
                probabilities, predicted_epoch = predict(learner, data, devices=devices), epoch
            subsets = zip(self.split_rows.predicted.items(), np.split(probabilities, ends), strict=True)
            of_checkpoint = [
                image_predictions(
                    index, rows, found, subset=subset, checkpoint=checkpoint, of=name, add_up=add_up
                )
                for (subset, rows), found in subsets
            ]
            predictions += of_checkpoint
            if saved is not None:
                own = [one for one in of_checkpoint if len(one)]
                saved.origin["test"] = tested_accuracy([one for one in own if one.subset[0] == "test"])
                with _explained(f"{name}, checkpoint {checkpoint!r}"):
                    saved.save(self.trial.path / "model.keras")
        return Predictions.join(predictions)

    def _network_to_save(self, name: str) -> SavedNetwork:
        identity, index, rows = self.trial.identity, self.context.index, self.split_rows
        origin = {key: identity[key] for key in ("paper", "row", "profile", "seed", "fold")}
        origin |= {
            "split": self.setup.split.kind,
            "tested": list(identity.get("tested", ())),
            "run": self.run,
        }
        origin |= {"trial": self.trial.path.name, "training": training_summary(index, rows)}
        seen = TrainingSet.of(self.images, index.sha256, train=rows.train, validation=rows.validation)
        with _explained(name):
            return SavedNetwork(
                self.network, self.setup.preprocessing, index.class_names, origin, training_set=seen
            )


@contextlib.contextmanager
def _explained(name: str) -> Iterator[None]:
    """Names the network in errors."""
    try:
        yield
    except WeightsError as error:
        raise WeightsError(f"{name}: {error.found}", expected=error.expected, remedy=error.remedy) from error
