"""Builds, compiles and trains the network of one trial, and predicts with it."""

import contextlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from leukcnn.augmentation.on_device import OnDevice
from leukcnn.callbacks import (
    BestCheckpoint,
    HistoryFile,
    ResumableState,
    StopEarly,
    cosine_schedule,
    exponential_schedule,
    exponential_to_last_schedule,
    state_variables,
)
from leukcnn.distribution import Devices, as_fed, make_deterministic
from leukcnn.errors import DivergenceError, SpecError
from leukcnn.fields import to_plain
from leukcnn.models import build
from leukcnn.pipeline import BatchSequence, class_probabilities, fed
from leukcnn.shared_training import MeanOverEpoch, SameLogs, Waiting, joined_outputs
from leukcnn.spec import Model, Preprocessing, Training

# Logged value -> whether the highest or the lowest is the best.
MONITORED = {"val_accuracy": "max", "val_loss": "min"}

_SECONDS_BETWEEN_STEPS = 0.25  # that callbacks get to know of

_SCHEDULES = {
    "exponential": exponential_schedule,
    "exponential_to_last": exponential_to_last_schedule,
    "cosine": cosine_schedule,
}


@dataclass(frozen=True)
class Outcome:
    """The result of a training.

    Attributes:
        checkpoints: Logged value -> file with the weights of its best epoch; empty without validation.
        best_epochs: Logged value -> its best epoch, counted from 1.
        seconds: Wall-clock time of the epochs run in this process.
        epochs_run: Number of these epochs; lower than in the setup if a run was resumed or stopped early.
    """

    checkpoints: dict[str, Path]
    best_epochs: dict[str, int]
    seconds: float
    epochs_run: int


def network_of(model: Model, *, image_size: int, classes: int) -> keras.Model:
    """Builds a network with one output per class, or a single output for two classes.

    Args:
        model: Builder and its arguments.
        image_size: Height and width of the input, in pixels, unless the arguments have an `input_shape`.
        classes: Number of classes.

    Raises:
        SpecError: The network can't be built, doesn't take such images, or has another number of outputs.
    """
    network = build(
        model.name, **{"input_shape": (image_size, image_size, 3), "classes": classes, **model.arguments}
    )
    allowed = [(None, classes), *([(None, 1)] if classes == 2 else [])]
    if network.output_shape not in allowed:
        raise SpecError(
            f"The network {model.name!r} has outputs {network.output_shape} for {classes} classes.",
            expected=" or ".join(map(str, allowed)),
            remedy="let the builder make `classes` outputs, and don't set `classes` in the model's arguments",
        )
    # A subclass of Model has no list of inputs.
    inputs = [tuple(one.shape) for one in getattr(network, "inputs", [])]
    sizes = (None, image_size)
    if inputs not in [[(None, height, width, 3)] for height in sizes for width in sizes]:
        raise SpecError(
            f"The network {model.name!r} has the inputs {inputs} for images of {image_size} pixels.",
            expected=f"one input, (None, {image_size}, {image_size}, 3), in a functional or Sequential model",
            remedy="let the builder make one input of `input_shape`",
        )
    return network


class Built(NamedTuple):
    """A network, and the model that is trained in its place; they share all variables.

    Attributes:
        network: Takes scaled images, float32. This is what is saved.
        learner: Takes images, uint8, augments them if it is done on the device, scales them and applies the
            network. It is compiled.
    """

    network: keras.Model
    learner: keras.Model


def build_network(
    model: Model,
    *,
    preprocessing: Preprocessing,
    classes: int,
    training: Training,
    seed: int,
    devices: Devices,
    augmenter: OnDevice | None = None,
) -> Built:
    """Builds and compiles a network for a trial.

    Args:
        model: Builder and its arguments.
        preprocessing: Size of the images and scaling of their grey levels.
        classes: Number of classes.
        training: Optimizer, loss and precision.
        seed: Seed of the initial weights and of dropout.
        devices: The devices to train on.
        augmenter: Augments images in the training step, if it isn't done on the host.

    Raises:
        SpecError: As in `network_of`.
    """
    if training.deterministic:
        make_deterministic()
    keras.utils.set_random_seed(seed % 2**32)
    keras.config.set_dtype_policy(training.precision)
    try:
        with devices.scope():
            network = network_of(model, image_size=preprocessing.image_size, classes=classes)
            learner = fed(network, preprocessing, augmenter)
            compile_network(learner, training, devices=devices)
    finally:
        keras.config.set_dtype_policy("float32")
    return Built(network, learner)


class Networks:
    """Builds networks for trials and reuses the last network if the next trial needs the same one.

    A reused network gets its initial weights back, so all folds of a row start from the same weights. It also
    keeps the graph that the backend compiled in the first step. Compiling can take longer than a short
    training.
    """

    def __init__(self) -> None:
        self._key: tuple[Any, ...] | None = None
        self._built: Built | None = None
        self._initial_values: list[np.ndarray] = []

    def get(
        self,
        model: Model,
        *,
        preprocessing: Preprocessing,
        classes: int,
        training: Training,
        seed: int,
        devices: Devices,
        augmenter: OnDevice | None = None,
    ) -> Built:
        """Returns the network that `build_network` returns for these arguments.

        A network that was returned for other arguments must not be used afterwards.
        """
        settings = (to_plain(model), to_plain(preprocessing), to_plain(training))
        key = (settings, classes, seed, devices.names, augmenter and augmenter.augmenter)
        if self._built is not None and key == self._key:
            with devices.scope():
                for variable, value in zip(
                    state_variables(self._built.learner), self._initial_values, strict=True
                ):
                    variable.assign(value)
            return self._built
        self._key, self._built = None, None
        # The previous network's graphs and weights would otherwise stay in memory.
        keras.utils.clear_session()
        built = build_network(
            model,
            preprocessing=preprocessing,
            classes=classes,
            training=training,
            seed=seed,
            devices=devices,
            augmenter=augmenter,
        )
        learner = built.learner
        with devices.scope():
            learner.optimizer.build(learner.trainable_variables)
        self._key, self._built = key, built
        self._initial_values = [keras.ops.convert_to_numpy(v) for v in state_variables(learner)]
        return built


def compile_network(network: keras.Model, training: Training, *, devices: Devices) -> None:
    """Compiles a network with a trial's optimizer and loss."""
    options = {"learning_rate": training.initial_learning_rate, **training.optimizer_arguments}
    optimizer = keras.optimizers.get({"class_name": training.optimizer, "config": options})
    metrics = {"metrics" if devices.replicas == 1 else "weighted_metrics": ["accuracy"]}
    network.compile(optimizer=optimizer, loss=training.loss, **metrics)


class CallbackList(keras.callbacks.CallbackList):
    """Keras' list of callbacks, which passes on the end of a step at most four times in a second.

    Keras converts the loss and the metrics of each step to numbers for its callbacks, and so waits for the
    device after each step: on TensorFlow always, on JAX unless all callbacks are `async_safe`. The steps of
    a validation aren't passed on at all.

    Attributes:
        always: Number of a step, from 0, whose end is always passed on; None for no step.
    """

    always: int | None = None
    _next_step = -math.inf

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Passes the end of a step on, unless one was passed on just before."""
        if (now := time.monotonic()) >= self._next_step or batch == self.always:
            self._next_step = now + _SECONDS_BETWEEN_STEPS
            super().on_train_batch_end(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Does nothing."""


class _FiniteLoss(keras.callbacks.Callback):
    """Ends a training whose loss or validation loss is no longer finite, at the end of that epoch.

    After the last epoch the weights must be finite too: the loss is that of the weights before the last step,
    and an activation can hide NaN.
    """

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Checks the losses of an epoch.

        Raises:
            DivergenceError: One of them is NaN or infinite.
        """
        for name in ("loss", "val_loss"):
            value = float((logs or {}).get(name, 0))
            if not math.isfinite(value):
                rate = float(self.model.optimizer.learning_rate)
                raise DivergenceError.because(
                    f"{name} is {value} after epoch {epoch + 1}, with the learning rate {rate:.3g}"
                )

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        """Checks the weights after the last epoch.

        Raises:
            DivergenceError: One of them is NaN or infinite.
        """
        for weight in self.model.weights:
            if not np.isfinite(keras.ops.convert_to_numpy(weight)).all():
                raise DivergenceError.because(f"{weight.path} isn't finite after the last epoch")


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
    """Trains a network, or resumes the training whose state is in the folder.

    Afterwards the network has the weights of the last epoch. If `training.patience` is set, training stops
    after that many epochs in a row without a lower validation loss.

    Args:
        network: A compiled model, such as the learner that `build_network` returns.
        training: Epochs, schedule and patience.
        train_data: Shuffled batches; their attribute `epoch` is set here.
        validation_data: Batches of the validation split; None if there is none.
        folder: Folder for the state, the checkpoints and the history.
        devices: The devices of `build_network`.
        callbacks: More callbacks, called after the others. A `CallbackList` passes on the ends of some steps.

    Raises:
        DeviceError: The batch can't be divided evenly among the devices.
        DivergenceError: The loss, or the validation loss, wasn't finite at the end of an epoch, or a weight
            after the last one. The folder keeps the state and the checkpoints of earlier epochs.
        StoreError: The folder can't be written to, or its state belongs to another network.
    """
    devices.check_batch_size(training.batch_size)
    history: dict[str, list[float]] = {}
    monitored = {} if validation_data is None else MONITORED
    hosts = devices.hosts
    checkpoints = [
        BestCheckpoint(folder, monitor=name, mode=mode, writes=hosts.leads)
        for name, mode in monitored.items()
    ]
    state = ResumableState(folder / "state.npz", checkpoints=checkpoints, history=history, hosts=hosts)
    stop_early = StopEarly(history=history, patience=training.patience)
    schedule = _SCHEDULES[training.schedule](
        initial=training.initial_learning_rate, final=training.final_learning_rate, epochs=training.epochs
    )
    history_file = HistoryFile(folder / "history.csv", history=history, writes=hosts.leads)
    mean_over_epoch = MeanOverEpoch(train_data)
    every_callback = [
        # Keras also calls `on_epoch_end` of the data before the first epoch, so the data can't count epochs.
        keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: setattr(train_data, "epoch", epoch)),
        keras.callbacks.LearningRateScheduler(schedule),
        mean_over_epoch,
        SameLogs(hosts),
        # Before those that save.
        _FiniteLoss(),
        *checkpoints,
        state,
        stop_early,
        history_file,
        *callbacks,
        Waiting(hosts),
    ]
    shown = CallbackList(every_callback, add_history=True, model=network)
    shown.always = mean_over_epoch.step
    started = time.perf_counter()
    with devices.training(network):
        # Hosts make variables together, which has a time limit, and may have computed features until now.
        hosts.all()
        network.optimizer.build(network.trainable_variables)
        first_epoch = state.restore(network)
        with _made_ahead([train_data, validation_data], first_epoch=first_epoch, epochs=training.epochs):
            network.fit(
                as_fed(train_data),
                validation_data=None if validation_data is None else as_fed(validation_data),
                # A run that was killed after it had stopped early has no epochs left.
                epochs=first_epoch if stop_early.is_due else training.epochs,
                initial_epoch=first_epoch,
                callbacks=shown,
                shuffle=False,
                verbose=0,
            )
    # A run that was killed after its last state was saved, but before the history was written, needs this.
    history_file.write()
    return Outcome(
        checkpoints={c.monitor: c.path for c in checkpoints},
        best_epochs={c.monitor: c.best_epoch + 1 for c in checkpoints if c.best_epoch is not None},
        seconds=time.perf_counter() - started,
        epochs_run=len(history["loss"]) - first_epoch,
    )


@contextlib.contextmanager
def _made_ahead(data: Sequence[BatchSequence | None], *, first_epoch: int, epochs: int) -> Iterator[None]:
    """Context in which batches are made ahead, from an epoch on."""
    with contextlib.ExitStack() as stack:
        for batches in data:
            if batches is not None:
                batches.epoch = first_epoch
                stack.enter_context(batches.ahead(epochs=epochs))
        yield


def predict(network: keras.Model, data: BatchSequence, *, devices: Devices) -> np.ndarray:
    """Predicts the class probabilities of each image, in the order of the entries.

    Args:
        network: A built model, which takes what the batches hold.
        data: Batches without labels, not shuffled.
        devices: The devices on which the network was built.

    Returns:
        float64 (M, classes); two columns for a network with one output.
    """
    devices.hosts.all()
    with data.ahead():
        outputs = devices.outputs(network, data)
    outputs = joined_outputs(devices.hosts, data, outputs)
    # The outputs after the last entry come from padding the last batch.
    return class_probabilities(outputs[: len(data.entries)])
