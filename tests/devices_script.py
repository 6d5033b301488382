"""Trains a tiny network on devices, and prints its history and outputs: DEVICES [HOSTS INDEX COORDINATOR].

A process of its own, since a running backend can't be split into logical processors. On several hosts the
training is interrupted after its second epoch, and goes on with a new network.
"""

import contextlib
import json
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np

from leukcnn import callbacks
from leukcnn.augmentation import ImageAugmenter
from leukcnn.augmentation.on_device import OnDevice
from leukcnn.distribution import find_devices, stop_hosts
from leukcnn.host_names import read_hosts
from leukcnn.hosts import Hosts
from leukcnn.pipeline import Entries, ImageSequence, fed
from leukcnn.spec import Preprocessing, Training
from leukcnn.training import compile_network, predict, train

TRAINING = Training(epochs=3, batch_size=10, initial_learning_rate=1e-2, final_learning_rate=1e-3)
NOISY = ImageAugmenter(
    rotation_range=40, fill_mode="reflect", one_of=({"salt_and_pepper": 0.2}, {"gaussian_blur": 3})
)
AUGMENTER = OnDevice(NOISY, (8, 8, 3))


class Interruption(keras.callbacks.Callback):
    """Interrupts the training after its second epoch."""

    def on_epoch_end(self, epoch, logs=None):
        """Raises an error."""
        if epoch == 1:
            raise InterruptedError


def built(devices):
    """Returns a compiled network, which takes images and the arrays of their transforms."""
    keras.utils.set_random_seed(3)
    with devices.scope():
        network = keras.Sequential(
            [
                keras.Input((8, 8, 3)),
                # A bias before batch normalization has no gradient but its rounding: Adam would enlarge it.
                keras.layers.Conv2D(4, 3, use_bias=False, kernel_regularizer="l2"),
                keras.layers.BatchNormalization(),
                keras.layers.ReLU(),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dropout(0.5),
                keras.layers.Dense(2, activation="softmax"),
            ]
        )
        network = fed(network, Preprocessing(crop=8), AUGMENTER)
        compile_network(network, TRAINING, devices=devices)
    return network


def trained(devices, folder):
    """Trains a network and prints what it gives."""
    rng, hosts = np.random.default_rng(0), devices.hosts
    images = rng.integers(0, 256, (37, 8, 8, 3), dtype=np.uint8)
    labels = (images[..., 0].mean(axis=(1, 2)) > 127).astype(np.int64)

    def batches(rows, variants, **options):
        return ImageSequence(
            images,
            Entries(rows, np.full(len(rows), variants)),
            ids=[f"p{i}" for i in range(37)],
            augmenter=AUGMENTER,
            batch_size=10,
            classes=2,
            seed=0,
            replicas=devices.replicas,
            host=hosts.index,
            hosts=hosts.count,
            **options,
        )

    def fit(*others):
        network = built(devices)
        train(
            network,
            TRAINING,
            folder=folder,
            devices=devices,
            callbacks=others,
            train_data=batches(np.arange(25), 1, labels=labels, shuffle=True),
            validation_data=batches(np.arange(25, 37), 0, labels=labels, padding_weights="set"),
        )
        return network

    if hosts.count > 1:
        callbacks._MIN_TRAIN_TO_SAVE_RATIO = 0
        with contextlib.suppress(InterruptedError):
            fit(Interruption())
    network = fit()
    outputs = predict(network, batches(np.arange(37), 0, labels=None), devices=devices)
    # Afterwards the layers are Keras' own.
    assert {layer.__module__.split(".")[0] for layer in network.layers[-1].layers} == {"keras"}
    if hosts.leads:
        history = (folder / "history.csv").read_text().split()
        print(json.dumps({"replicas": devices.replicas, "history": history, "outputs": outputs.tolist()}))
    assert hosts.leads or not list(folder.iterdir())


def main(devices="", hosts=None, index="0", coordinator=None):
    """Trains on one host or on several."""
    place = read_hosts(hosts, int(index), coordinator) if hosts else None
    with Hosts(place) as connected, tempfile.TemporaryDirectory() as folder:
        trained(find_devices(devices or None, connected), Path(folder))
        connected.close()
    if place:
        stop_hosts()


if __name__ == "__main__":
    main(*sys.argv[1:])
