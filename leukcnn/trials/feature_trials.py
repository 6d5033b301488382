"""A trial that trains no network, but a linear SVM on the outputs of networks' penultimate layers."""

import contextlib
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import keras
import numpy as np

from leukcnn.augmentation import ImageAugmenter
from leukcnn.errors import WeightsError
from leukcnn.evaluation.feature_space import Svm, cross_validated_probabilities, svm_probabilities
from leukcnn.features import Frozen, forward, kept_features
from leukcnn.fields import to_plain
from leukcnn.files import digest, write_json
from leukcnn.models.bases import penultimate
from leukcnn.pipeline import FORWARD_BATCH, Entries, ImageSequence, fed, joined, originals
from leukcnn.prediction import SavedNetwork
from leukcnn.runs import Trial
from leukcnn.spec import Features, Model, Setup
from leukcnn.splits import SplitRows
from leukcnn.threads import in_threads
from leukcnn.trial_files import Predictions, write_features, write_predictions
from leukcnn.trials.context import TrialContext
from leukcnn.trials.network_trials import epoch_entries
from leukcnn.trials.outcome import environment, image_predictions

SVM = "svm"
"""Value of `Predictions.checkpoint` for predictions of a support vector machine."""


def run_feature_trial(
    trial: Trial,
    setup: Setup,
    split_rows: SplitRows,
    context: TrialContext,
    *,
    seed: int,
    source: Trial | None = None,
) -> None:
    """Fits an SVM to the features of the training images and predicts; does nothing in a finished trial.

    The predictions of the subset "test" come from the SVM that was fitted to the training images. If the
    setup has `within_splits`, the subset "within" holds further predictions for the same test images, from a
    cross-validation within each dataset. Datasets that are too small for it are left out. `features.npz` then
    holds the features of the test images.

    Args:
        trial: The trial's folder.
        setup: What the trial does; it has `features`.
        split_rows: Rows to train on and to predict.
        context: Images, devices, and what is reused between trials.
        seed: Root seed of this trial.
        source: The finished trial whose network computes the features; None for published networks.

    Raises:
        DataError: Images can't be used.
        StoreError: The folder can't be written to, or another process works on the trial.
        WeightsError: Published weights aren't available.
    """
    with trial.locked():
        if trial.finished:
            return
        work = _FeatureTrial(setup, context, seed, f"Row {trial.identity['row']!r}")
        started = time.perf_counter()
        tested, index = split_rows.predicted["test"], context.index
        entries, n_trained = work.entries(split_rows)
        features = work.of_published(entries) if source is None else work.of_trained(source, entries)
        work.check(features, entries.rows)
        extracted = time.perf_counter()
        probabilities = svm_probabilities(
            features,
            index.labels[entries.rows],
            train=np.arange(n_trained),
            predict=np.arange(n_trained, len(entries)),
            svm=work.svm,
            seed=seed,
        )
        predictions = [
            image_predictions(index, tested, probabilities, subset="test", checkpoint=SVM, of=work.name)
        ]
        if work.features.within_splits:
            of_tested = features[n_trained:]
            predictions += work.within(tested, of_tested)
            write_features(
                trial.path / "features.npz",
                image=index.ids[tested],
                label=index.labels[tested],
                features=of_tested,
            )
        write_predictions(trial.path / "predictions.csv", Predictions.join(predictions))
        write_json(trial.path / "environment.json", environment(context.devices))
        trial.finish(
            {
                "checkpoint": SVM,
                "features": features.shape[1],
                "images": {"train": n_trained},
                "seconds": {
                    "features": round(extracted - started, 3),
                    "svm": round(time.perf_counter() - extracted, 3),
                },
            }
        )


@dataclass(frozen=True, eq=False)
class _FeatureTrial:
    """A running trial; its attributes are the arguments of `run_feature_trial`."""

    setup: Setup
    context: TrialContext
    seed: int
    name: str

    @property
    def features(self) -> Features:
        """The setup's specification of features and SVM."""
        assert self.setup.features is not None, "only setups with features make a feature trial"
        return self.setup.features

    @property
    def svm(self) -> Svm:
        """The support vector machine."""
        return Svm(self.features.n_components, self.features.n_selected, self.features.penalty)

    def entries(self, split_rows: SplitRows) -> tuple[Entries, int]:
        """Returns the training images, augmented or not, and then the tested ones; the number of the former.

        Augmented images are those that networks of the same seed are trained on.
        """
        train = originals(split_rows.train)
        if self.features.augmented:
            train, _ = epoch_entries(self.context.index, self.setup, split_rows, seed=self.seed)
        return joined([train, originals(split_rows.predicted["test"])]), len(train)

    def inputs(self, images: np.ndarray, entries: Entries) -> np.ndarray:
        """Returns the images of M entries, augmented, uint8 (M, height, width, 3)."""
        batches = ImageSequence(
            images,
            entries,
            ids=self.context.index.ids,
            seed=self.seed,
            augmenter=ImageAugmenter(**self.setup.augmentation.arguments),
            workers=self.context.workers,
            labels=None,
            classes=len(self.context.index.class_names),
            batch_size=FORWARD_BATCH,
        )
        return cast("np.ndarray", batches.inputs(np.arange(len(entries))))

    def of_published(self, entries: Entries) -> np.ndarray:
        """Returns the features of n entries from published networks, concatenated, float32 (n, D)."""
        networks = self.context.feature_networks
        built = networks.get(self.setup, seed=self.seed, devices=self.context.devices)
        return np.concatenate([self._of_network(model, base, entries) for model, base in built], axis=1)

    def _of_network(self, model: Model, base: keras.Model, entries: Entries) -> np.ndarray:
        context, index = self.context, self.context.index
        preprocessing = replace(self.setup.preprocessing, resize=base.input_shape[1])
        images = context.prepared(preprocessing)

        def inputs_of(some: Entries) -> np.ndarray:
            return self.inputs(images, some)

        variants = 1 + int(entries.variants.max(initial=0))
        sampling = {"augmentation": to_plain(self.setup.augmentation.arguments), "seed": self.seed}
        key = {
            "model": to_plain(model),
            "preprocessing": to_plain(preprocessing),
            "images": digest([index.ids.tolist(), index.sha256.tolist()]),
            "backend": keras.backend.backend(),
            # Without variants nothing is sampled, and trials with other seeds share the features.
            **(sampling if variants > 1 else {}),
            # Its rounding is another than where earlier versions computed it.
            **({"channel_mean": "device"} if preprocessing.subtract_channel_mean else {}),
        }
        features = kept_features(
            Frozen(base, inputs_of, len(index), variants, key, context.devices, context.workers),
            entries.rows,
            folder=context.cache,
            on_note=context.observer.message,
            counting=context.observer.counting,
            on_start=lambda n: context.observer.message(
                f"Computing {model.name}'s features of {n:,} images once."
            ),
        )
        return features[entries.rows, entries.variants]

    def of_trained(self, source: Trial, entries: Entries) -> np.ndarray:
        """Returns the features of n entries from a finished trial's network, float32 (n, D)."""
        context = self.context
        keras.utils.clear_session()
        with context.devices.scope():
            saved = SavedNetwork.load(source.checked("model.keras"))
            base = fed(penultimate(saved.network), saved.preprocessing)
        images = context.prepared(saved.preprocessing)
        blocks = [
            Entries(
                entries.rows[start : start + FORWARD_BATCH], entries.variants[start : start + FORWARD_BATCH]
            )
            for start in range(0, len(entries), FORWARD_BATCH)
        ]
        images_of = in_threads(partial(self.inputs, images), blocks, threads=context.workers, large=True)
        with contextlib.closing(images_of) as prepared:
            return np.concatenate([forward(base, inputs, context.devices) for inputs in prepared])

    def check(self, features: np.ndarray, rows: np.ndarray) -> None:
        """Checks the features of n images, (n, D).

        Raises:
            WeightsError: Some aren't finite.
        """
        wrong = self.context.index.ids[rows[~np.isfinite(features).all(axis=1)]]
        if len(wrong):
            raise WeightsError(
                f"The features of {len(wrong):,} of {len(rows):,} images by "
                f"{', '.join(model.name for model in self.setup.models)} aren't finite, such as {wrong[0]}.",
                expected="finite numbers",
                remedy="use other weights, or --precision float32",
            )

    def within(self, tested: np.ndarray, features: np.ndarray) -> list[Predictions]:
        """Returns predictions for each tested dataset by a cross-validation within it."""
        found, index, n_splits = [], self.context.index, self.features.within_splits
        for name in dict.fromkeys(index.dataset[tested].tolist()):
            of_dataset = index.dataset[tested] == name
            rows = tested[of_dataset]
            counts = np.bincount(index.labels[rows], minlength=len(index.class_names))
            if counts.min() < n_splits:
                images = ", ".join(f"{n} {label}" for n, label in zip(counts, index.class_names, strict=True))
                self.context.observer.message(
                    f"{name} is too small for {n_splits} folds within it: it has {images} images."
                )
                continue
            probabilities = cross_validated_probabilities(
                features[of_dataset],
                index.labels[rows],
                n_splits=n_splits,
                svm=self.svm,
                seed=self.seed,
                ids=index.ids[rows],
            )
            found.append(
                image_predictions(index, rows, probabilities, subset="within", checkpoint=SVM, of=self.name)
            )
        return found
