"""Trials of a network that is trained already: it is applied to the tested images."""

import time

import numpy as np

from leukcnn.prediction import SavedNetwork
from leukcnn.prediction.training_set import digest_of
from leukcnn.runs import Trial
from leukcnn.spec import Trained
from leukcnn.splits import SplitRows
from leukcnn.trial_files import Predictions, write_predictions
from leukcnn.trials.context import TrialContext
from leukcnn.trials.outcome import image_predictions

APPLIED = "applied"
"""Value of `Predictions.checkpoint` where a trained network was applied."""


def run_applied(trial: Trial, trained: Trained, split_rows: SplitRows, context: TrialContext) -> None:
    """Applies a trained network to the tested images of a trial; nothing is trained.

    Args:
        trial: The trial's folder.
        trained: The network.
        split_rows: Rows to predict.
        context: The images, and the networks that were read.

    Raises:
        DataError: Images can't be used.
        WeightsError: The file is no network that leukcnn saved, or an output is no probability.
        StoreError: The folder can't be written to, or another process works on the trial.
    """
    index = context.index
    with trial.locked():
        if trial.finished:
            return
        started = time.perf_counter()
        network = trained_network(trained, context)
        names = [trained.classes.get(name, name) for name in network.class_names]
        columns = [names.index(name) for name in index.class_names]
        predictions = []
        for subset, rows in split_rows.predicted.items():
            paths = [index.paths[row] for row in rows.tolist()]
            probabilities = network.predict(paths, on_note=context.observer.message)[:, columns]
            predictions.append(
                image_predictions(
                    index,
                    rows,
                    probabilities,
                    subset=subset,
                    checkpoint=APPLIED,
                    of=f"The network {trained.file}",
                )
            )
        write_predictions(trial.path / "predictions.csv", Predictions.join(predictions))
        seconds = round(time.perf_counter() - started, 3)
        trial.finish({"checkpoint": APPLIED, "seconds": {"prediction": seconds}})


def trained_network(trained: Trained, context: TrialContext) -> SavedNetwork:
    """Returns a trained network, which is read once in a run.

    Raises:
        WeightsError: The file is no network that leukcnn saved.
    """
    if trained.file not in context.applied_networks:
        context.applied_networks[trained.file] = SavedNetwork.load(trained.file)
    return context.applied_networks[trained.file]


def seen_in_training(trained: Trained, context: TrialContext) -> int | None:
    """Returns how many of the images a network was trained or validated on; None if it can't be said.

    Only identical files are found.
    """
    known = trained_network(trained, context).training_set
    if known is None:
        return None
    digests = [digest_of(sha256) for sha256 in context.index.sha256.tolist()]
    return int(np.count_nonzero(known.knows(digests)))
