"""A trial that trains no network, but a linear SVM on the outputs of networks' penultimate layers."""

import time
from dataclasses import dataclass, replace

import keras
import numpy as np

from leukcnn.errors import WeightsError
from leukcnn.evaluation.feature_space import Svm, cross_validated_probabilities, svm_probabilities
from leukcnn.features import FORWARD_BATCH, Frozen, forward, kept_features
from leukcnn.fields import to_plain
from leukcnn.files import digest, write_json
from leukcnn.image_cache import prepared_images
from leukcnn.models.bases import penultimate
from leukcnn.pipeline import Entries, scaled
from leukcnn.prediction import SavedNetwork
from leukcnn.runs import Predictions, Trial, write_features, write_predictions
from leukcnn.spec import Features, Model, Setup
from leukcnn.splits import SplitRows
from leukcnn.trials.context import TrialContext
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
        work = _FeatureTrial(setup, context, seed)
        started = time.perf_counter()
        tested, index = split_rows.predicted["test"], context.index
        rows, n_trained = np.concatenate([split_rows.train, tested]), len(split_rows.train)
        features = work.of_published(rows) if source is None else work.of_trained(source, rows)
        work.check(features, rows)
        extracted = time.perf_counter()
        probabilities = svm_probabilities(
            features,
            index.labels[rows],
            train=np.arange(n_trained),
            predict=np.arange(n_trained, len(rows)),
            svm=work.svm,
            seed=seed,
        )
        predictions = [image_predictions(index, tested, probabilities, subset="test", checkpoint=SVM)]
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

    @property
    def features(self) -> Features:
        """The setup's specification of features and SVM."""
        assert self.setup.features is not None, "only setups with features make a feature trial"
        return self.setup.features

    @property
    def svm(self) -> Svm:
        """The support vector machine."""
        return Svm(self.features.n_components, self.features.n_selected, self.features.penalty)

    def of_published(self, rows: np.ndarray) -> np.ndarray:
        """Returns the features of n images from published networks, concatenated, float32 (n, D)."""
        networks = self.context.feature_networks
        built = networks.get(self.setup, seed=self.seed, devices=self.context.devices)
        return np.concatenate([self._of_network(model, base, rows) for model, base in built], axis=1)

    def _of_network(self, model: Model, base: keras.Model, rows: np.ndarray) -> np.ndarray:
        context, index = self.context, self.context.index
        preprocessing = replace(self.setup.preprocessing, resize=base.input_shape[1])
        images = prepared_images(index, preprocessing, folder=context.cache)

        def inputs_of(entries: Entries) -> np.ndarray:
            return scaled(images[entries.rows], preprocessing)

        key = {
            "model": to_plain(model),
            "preprocessing": to_plain(preprocessing),
            "images": digest([index.ids.tolist(), index.sha256.tolist()]),
            "backend": keras.backend.backend(),
        }
        features = kept_features(
            Frozen(base, inputs_of, len(index), 1, key, context.devices),
            rows,
            folder=context.cache,
            on_start=lambda n: context.observer.message(
                f"Computing {model.name}'s features of {n:,} images once."
            ),
        )
        return features[rows, 0]

    def of_trained(self, source: Trial, rows: np.ndarray) -> np.ndarray:
        """Returns the features of n images from a finished trial's network, float32 (n, D)."""
        context = self.context
        keras.utils.clear_session()
        with context.devices.scope():
            saved = SavedNetwork.load(source.path / "model.keras")
            base = penultimate(saved.network)
        images = prepared_images(context.index, saved.preprocessing, folder=context.cache)
        blocks = [rows[start : start + FORWARD_BATCH] for start in range(0, len(rows), FORWARD_BATCH)]
        outputs = [
            forward(base, scaled(images[block], saved.preprocessing), context.devices) for block in blocks
        ]
        return np.concatenate(outputs)

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
            found.append(image_predictions(index, rows, probabilities, subset="within", checkpoint=SVM))
        return found
