"""Trials without a network: controls on a trial's own parts, and the probe that tells datasets apart."""

import time

import numpy as np

from leukcnn.evaluation.controls import control_probabilities
from leukcnn.evaluation.shortcuts import dataset_probabilities
from leukcnn.image_cache import prepared_images
from leukcnn.runs import Predictions, Trial, write_predictions
from leukcnn.spec import Preprocessing
from leukcnn.splits import SplitRows
from leukcnn.trials.context import TrialContext
from leukcnn.trials.outcome import image_predictions

CONTROL = "control"
"""Value of `Predictions.checkpoint` where no network was trained."""

PROBE = "dataset_border"
"""Name of the probe that tells datasets by their images' borders."""


def run_control(
    trial: Trial,
    name: str,
    preprocessing: Preprocessing,
    split_rows: SplitRows,
    context: TrialContext,
    *,
    seed: int,
) -> None:
    """Runs a control on the parts of a trial: what a figure would be without any network.

    Args:
        trial: Its folder.
        name: Key in `leukcnn.evaluation.controls.CONTROLS`.
        preprocessing: Crop and size of the images that it looks at.
        split_rows: Who trains and who is predicted.
        context: The images, and what controls saw of them before.
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
            prepared_images(index, preprocessing, folder=context.cache),
            labels=index.labels,
            train=split_rows.train,
            predict=np.concatenate(rows),
            n_classes=len(index.class_names),
            seed=seed,
            known=context.seen.setdefault(preprocessing, {}),
        )
        each = np.split(probabilities, np.cumsum([len(r) for r in rows])[:-1])
        predictions = [
            image_predictions(index, r, values, subset=subset, checkpoint=CONTROL)
            for subset, r, values in zip(names, rows, each, strict=True)
        ]
        write_predictions(trial.path / "predictions.csv", Predictions.join(predictions))
        seconds = round(time.perf_counter() - started, 3)
        trial.finish({"checkpoint": CONTROL, "seconds": {"control": seconds}})


def run_probe(trial: Trial, preprocessing: Preprocessing, context: TrialContext, *, seed: int) -> None:
    """Runs the probe that tells an image's dataset by its border, in a cross-validation over all images.

    Its predictions have the datasets as classes; datasets with too few images are left out.

    Args:
        trial: Its folder.
        preprocessing: Crop and size of the images that it looks at.
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
        images = prepared_images(index, preprocessing, folder=context.cache)
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
