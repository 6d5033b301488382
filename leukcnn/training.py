"""One trial's training: compile, fit, keep the best, and predict."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from leukcnn.callbacks import (
    BestCheckpoint,
    HistoryFile,
    ResumableState,
    StopEarly,
    cosine_schedule,
    exponential_schedule,
    state_variables,
)
from leukcnn.distribution import Devices, make_deterministic
from leukcnn.errors import LeukCNNError, SpecError
from leukcnn.fields import to_plain
from leukcnn.models import build
from leukcnn.pipeline import BatchSequence, class_probabilities
from leukcnn.spec import Model, Training

# Logged value -> whether its best is the highest or the lowest.
MONITORED = {"val_accuracy": "max", "val_loss": "min"}

_SCHEDULES = {"exponential": exponential_schedule, "cosine": cosine_schedule}


@dataclass(frozen=True)
class Outcome:
    """What a training gave.

    Attributes:
        checkpoints: Logged value -> file with the weights of its best epoch; empty without validation.
        best_epochs: Logged value -> that epoch, counted from 1.
        seconds: Wall-clock time of the epochs run in this process.
        epochs_run: How many these were; fewer than the setup's where a killed run went on or the training
            ended early.
    """

    checkpoints: dict[str, Path]
    best_epochs: dict[str, int]
    seconds: float
    epochs_run: int


def network_of(model: Model, *, image_size: int, classes: int) -> keras.Model:
    """Builds a network that has an output for each class, or one for two classes.

    Args:
        model: Builder and its arguments.
        image_size: Side of the square input, in pixels, unless the arguments say otherwise.
        classes: Number of the classes.

    Raises:
        SpecError: It can't be built, or has other outputs.
    """
    network = build(
        model.name, **{"input_shape": (image_size, image_size, 3), "classes": classes, **model.arguments}
    )
    allowed = [(None, classes), *([(None, 1)] if classes == 2 else [])]
    if network.output_shape not in allowed:
        raise SpecError(
            f"The network {model.name!r} has outputs {network.output_shape} for {classes} classes.",
            expected=" or ".join(map(str, allowed)),
            remedy="let the builder make `classes` outputs, and give the model no other `classes`",
        )
    return network


def build_network(
    model: Model, *, image_size: int, classes: int, training: Training, seed: int, devices: Devices
) -> keras.Model:
    """Builds and compiles a network for a trial.

    Args:
        model: Builder and its arguments.
        image_size: Side of the square input, in pixels.
        classes: Number of outputs.
        training: Optimizer, loss and precision.
        seed: Seed of the initial weights and of dropout.
        devices: Where it is to be trained.

    Raises:
        SpecError: As `network_of`.
    """
    if training.deterministic:
        make_deterministic()
    keras.utils.set_random_seed(seed % 2**32)
    keras.config.set_dtype_policy(training.precision)
    try:
        with devices.scope():
            network = network_of(model, image_size=image_size, classes=classes)
            compile_network(network, training, devices=devices)
    finally:
        keras.config.set_dtype_policy("float32")
    return network


class Networks:
    """Builds networks for trials, and gives the last one again, as it was at first, to the next like trial.

    The folds of a row start from the same weights. What a backend works out when a network is first trained
    (its graph) takes longer than a short training, and is kept so.
    """

    def __init__(self):
        self._key, self._network, self._first_values = None, None, []

    def get(
        self, model: Model, *, image_size: int, classes: int, training: Training, seed: int, devices: Devices
    ) -> keras.Model:
        """Returns what `build_network` returns for the same arguments; the one before it is void then."""
        key = (to_plain(model), image_size, classes, to_plain(training), seed, devices.names)
        if key != self._key:
            self._key, self._network = None, None
            # Graphs and weights of the network before would stay in memory beside the new one's.
            keras.utils.clear_session()
            options = {"image_size": image_size, "classes": classes, "training": training, "seed": seed}
            network = build_network(model, **options, devices=devices)
            with devices.scope():
                network.optimizer.build(network.trainable_variables)
            self._key, self._network = key, network
            self._first_values = [keras.ops.convert_to_numpy(v) for v in state_variables(network)]
        else:
            with devices.scope():
                for variable, value in zip(state_variables(self._network), self._first_values, strict=True):
                    variable.assign(value)
        return self._network


def compile_network(network: keras.Model, training: Training, *, devices: Devices) -> None:
    """Compiles a network with a trial's optimizer and loss."""
    options = {"learning_rate": training.initial_learning_rate, **training.optimizer_arguments}
    optimizer = keras.optimizers.get({"class_name": training.optimizer, "config": options})
    metrics = {"metrics" if devices.replicas == 1 else "weighted_metrics": ["accuracy"]}
    network.compile(optimizer=optimizer, loss=training.loss, **metrics)


def train(
    network: keras.Model,
    training: Training,
    *,
    train_data: BatchSequence,
    validation_data: BatchSequence | None,
    folder: Path,
    devices: Devices,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Outcome:
    """Trains a network, or goes on with the training that a folder holds.

    In the end the network has the weights of the last epoch that was run: where the training has patience,
    the first after which the validation loss didn't sink for so long.

    Args:
        network: Built and compiled by `build_network`.
        training: Epochs, schedule and patience.
        train_data: Shuffled batches, whose epoch is set here.
        validation_data: Batches of the validation part, None where nothing is kept apart.
        folder: Where state, checkpoints and history are kept.
        devices: The devices of `build_network`.
        callbacks: Whoever else watches, called after all others.

    Raises:
        DeviceError: The batch can't be shared evenly.
        LeukCNNError: The training diverged.
        StoreError: The folder can't be written to or its state belongs to another network.
    """
    devices.check_batch_size(training.batch_size)
    history: dict[str, list[float]] = {}
    monitored = {} if validation_data is None else MONITORED
    checkpoints = [BestCheckpoint(folder, monitor=monitor, mode=mode) for monitor, mode in monitored.items()]
    state = ResumableState(folder / "state.npz", checkpoints=checkpoints, history=history)
    stop_early = StopEarly(history=history, patience=training.patience)
    schedule = _SCHEDULES[training.schedule](
        initial=training.initial_learning_rate, final=training.final_learning_rate, epochs=training.epochs
    )
    history_file = HistoryFile(folder / "history.csv", history=history)
    own_callbacks = [
        # Keras ends an epoch of the data before its first, too: the epoch's own number keys the draws.
        keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: setattr(train_data, "epoch", epoch)),
        keras.callbacks.LearningRateScheduler(schedule),
        *checkpoints,
        state,
        stop_early,
        history_file,
    ]
    started = time.perf_counter()
    with devices.scope():
        first_epoch = state.restore(network)
        network.fit(
            train_data,
            validation_data=validation_data,
            # A run killed after it had stopped early has no epoch left.
            epochs=first_epoch if stop_early.is_due else training.epochs,
            initial_epoch=first_epoch,
            callbacks=[*own_callbacks, *callbacks],
            shuffle=False,
            verbose=0,
        )
    # A run killed between its last state and its last line of history goes on here, with no epoch left.
    history_file.write()
    diverged = [c.monitor for c in checkpoints if c.best is None]
    if not checkpoints and math.isnan(history["loss"][-1]):
        diverged = ["loss"]
    if diverged:
        raise LeukCNNError(
            f"{diverged[0]} was no number in {len(history['loss'])} epochs: the training diverged.",
            expected="a loss that stays finite",
            remedy="take a lower learning rate (--assume), or float32 instead of mixed precision",
        )
    return Outcome(
        checkpoints={c.monitor: c.path for c in checkpoints},
        best_epochs={c.monitor: c.best_epoch + 1 for c in checkpoints},
        seconds=time.perf_counter() - started,
        epochs_run=len(history["loss"]) - first_epoch,
    )


def predict(network: keras.Model, data: BatchSequence, *, devices: Devices) -> np.ndarray:
    """Returns each image's probabilities, in the order of the entries, whatever the devices.

    Args:
        network: A built network.
        data: A sequence without labels and not shuffled.
        devices: Where the network was built.

    Returns:
        float64 (M, classes); two columns for a network with one output.
    """
    with devices.scope():
        outputs = network.predict(data, verbose=0)
    # What stands behind the last entry pads the last batch to a multiple of the devices.
    return class_probabilities(outputs[: len(data.entries)])
