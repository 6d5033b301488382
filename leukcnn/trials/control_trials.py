"""Trials without a network: controls on a trial's own parts, and the probe that tells datasets apart."""

import time

import numpy as np

from leukcnn.evaluation.controls import control_probabilities
from leukcnn.evaluation.shortcuts import dataset_probabilities
from leukcnn.picture_cache import prepared_pictures
from leukcnn.runs import Predictions, Trial, write_predictions
from leukcnn.spec import Preprocessing
from leukcnn.splits.partition import Parts
from leukcnn.trials.context import TrialContext
from leukcnn.trials.outcome import picture_predictions

CONTROL = "control"
"""Value of `Predictions.checkpoint` where no network was trained."""

PROBE = "dataset_border"
"""Name of the probe that tells datasets by their pictures' borders."""


def run_control(
    trial: Trial, name: str, preprocessing: Preprocessing, parts: Parts, context: TrialContext, *, seed: int
) -> None:
    """Runs a control on the parts of a trial: what a figure would be without any network.

    Args:
        trial: Its folder.
        name: Key in `leukcnn.evaluation.controls.CONTROLS`.
        preprocessing: Crop and size of the pictures that it looks at.
        parts: Who trains and who is predicted.
        context: The pictures, and what controls saw of them before.
        seed: Root seed.

    Raises:
        DataError: Pictures can't be used.
        StoreError: The folder can't be written to, or another process works on the trial.
    """
    index = context.index
    with trial.locked():
        if trial.finished:
            return
        started = time.perf_counter()
        names, rows = list(parts.predicted), list(parts.predicted.values())
        probabilities = control_probabilities(
            name,
            prepared_pictures(index, preprocessing, folder=context.cache),
            labels=index.labels,
            train=parts.train,
            predict=np.concatenate(rows),
            n_classes=len(index.class_names),
            seed=seed,
            known=context.seen.setdefault(preprocessing, {}),
        )
        each = np.split(probabilities, np.cumsum([len(r) for r in rows])[:-1])
        predictions = [
            picture_predictions(index, r, values, part=part, checkpoint=CONTROL)
            for part, r, values in zip(names, rows, each, strict=True)
        ]
        write_predictions(trial.path / "predictions.csv", Predictions.join(predictions))
        seconds = round(time.perf_counter() - started, 3)
        trial.finish({"checkpoint": CONTROL, "seconds": {"control": seconds}})


def run_probe(trial: Trial, preprocessing: Preprocessing, context: TrialContext, *, seed: int) -> None:
    """Runs the probe that tells a picture's dataset by its border, in a cross-validation over all pictures.

    Its predictions have the datasets as classes; datasets with too few pictures are left out.

    Args:
        trial: Its folder.
        preprocessing: Crop and size of the pictures that it looks at.
        context: The pictures of several datasets.
        seed: Root seed.

    Raises:
        DataError: Pictures can't be used.
        StoreError: The folder can't be written to, or another process works on the trial.
    """
    index = context.index
    with trial.locked():
        if trial.finished:
            return
        started = time.perf_counter()
        pictures = prepared_pictures(index, preprocessing, folder=context.cache)
        probe = dataset_probabilities(pictures, index.dataset, ids=index.ids, seed=seed)
        predictions = Predictions(
            image=index.ids[probe.rows],
            part=np.full(len(probe.rows), "test"),
            checkpoint=np.full(len(probe.rows), CONTROL),
            group=index.group[probe.rows],
            label=probe.truth,
            probabilities=probe.probabilities,
            class_names=probe.names,
        )
        write_predictions(trial.path / "predictions.csv", predictions)
        seconds = round(time.perf_counter() - started, 3)
        trial.finish({"checkpoint": CONTROL, "seconds": {"control": seconds}})
