"""Trials without a network: controls on a trial's own splits, and the probe that distinguishes datasets."""

import time

import numpy as np

from leukcnn.evaluation.controls import CONTROLS, control_probabilities
from leukcnn.evaluation.shortcuts import dataset_probabilities
from leukcnn.runs import Trial
from leukcnn.spec import Preprocessing
from leukcnn.splits import SplitRows
from leukcnn.trial_files import Predictions, write_predictions
from leukcnn.trials.context import TrialContext
from leukcnn.trials.outcome import image_predictions

CONTROL = "control"
"""Value of `Predictions.checkpoint` where no network was trained."""

PROBE = "dataset_border"
"""Name of the probe that recognizes an image's dataset by the pixels at its border."""


def run_control(
    trial: Trial,
    name: str,
    preprocessing: Preprocessing,
    split_rows: SplitRows,
    context: TrialContext,
    *,
    seed: int,
) -> None:
    """Runs a control on the splits of a trial, to show the score that is possible without a network.

    Args:
        trial: The trial's folder.
        name: Key in `leukcnn.evaluation.controls.CONTROLS`.
        preprocessing: Crop and size of the images that the control uses.
        split_rows: Rows to train on and to predict.
        context: The images, and the features that controls have computed.
        seed: Root seed.

    Raises:
        DataError: Images can't be used.
        StoreError: The folder can't be written to, or another process works on the trial.
    """
    index = context.index
    with trial.locked():
        if trial.finished:
            return
        started = time.perf_counter()
        names, rows = list(split_rows.predicted), list(split_rows.predicted.values())
        probabilities = control_probabilities(
            name,
            _seen_by(name, preprocessing, context),
            labels=index.labels,
            train=split_rows.train,
            predict=np.concatenate(rows),
            n_classes=len(index.class_names),
            seed=seed,
            known=context.control_features.setdefault(preprocessing, {}),
        )
        each = np.split(probabilities, np.cumsum([len(r) for r in rows])[:-1])
        predictions = [
            image_predictions(index, r, values, subset=subset, checkpoint=CONTROL, of=f"The control {name!r}")
            for subset, r, values in zip(names, rows, each, strict=True)
        ]
        write_predictions(trial.path / "predictions.csv", Predictions.join(predictions))
        seconds = round(time.perf_counter() - started, 3)
        trial.finish({"checkpoint": CONTROL, "seconds": {"control": seconds}})


def _seen_by(name: str, preprocessing: Preprocessing, context: TrialContext) -> np.ndarray:
    """Returns what a control computes its features from: the paths of the images, or the prepared images."""
    if name in CONTROLS and CONTROLS[name].of_files:
        return np.array([*context.index.paths], dtype=object)
    return context.prepared(preprocessing)


def run_probe(trial: Trial, preprocessing: Preprocessing, context: TrialContext, *, seed: int) -> None:
    """Runs the probe that recognizes an image's dataset by its border, in a cross-validation over all images.

    The classes of its predictions are the datasets; datasets with too few images are left out.

    Args:
        trial: The trial's folder.
        preprocessing: Crop and size of the images that the probe uses.
        context: The images of several datasets.
        seed: Root seed.

    Raises:
        DataError: Images can't be used.
        StoreError: The folder can't be written to, or another process works on the trial.
    """
    index = context.index
    with trial.locked():
        if trial.finished:
            return
        started = time.perf_counter()
        images = context.prepared(preprocessing)
        probe = dataset_probabilities(images, index.dataset, ids=index.ids, seed=seed)
        predictions = Predictions(
            image=index.ids[probe.rows],
            subset=np.full(len(probe.rows), "test"),
            checkpoint=np.full(len(probe.rows), CONTROL),
            group=index.group[probe.rows],
            label=probe.truth,
            probabilities=probe.probabilities,
            class_names=probe.names,
        )
        write_predictions(trial.path / "predictions.csv", predictions)
        seconds = round(time.perf_counter() - started, 3)
        trial.finish({"checkpoint": CONTROL, "seconds": {"control": seconds}})
