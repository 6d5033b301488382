"""Measures what a trial adds to Keras' own `fit`: `python tests/benchmarks/training_step.py`.

Without augmentation, three contestants train the same network on the same images in each round: Keras' `fit`
on scaled float32 arrays in memory, `fit` on uint8 arrays through the same scaling in the compiled step, and a
trial's training with all its callbacks, files and validation. With augmentation, a trial is compared with its
own batches alone (feed) and with `fit` on batches that are ready (step); the network then has one thread, in
place of a device of its own, and the batches have the other cores.

Rounds are interleaved; a ratio is that of two contestants in the same round, as median (minimum to maximum).
Each backend runs in a process of its own. The run takes four minutes on two cores.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

BACKENDS = ("tensorflow", "jax")
ONE_THREAD = {
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}
CLASSES = 4
PAPERS_AUGMENTATION = {
    "rotation_range": 40,
    "width_shift_range": 0.2,
    "height_shift_range": 0.2,
    "shear_range": 10,
    "zoom_range": 0.2,
    "horizontal_flip": True,
    "vertical_flip": True,
    "fill_mode": "reflect",
}


def measure(options: argparse.Namespace) -> None:
    """Measures and prints, in a process whose backend is set."""
    import leukcnn  # isort: skip  # noqa: F401  before Keras, for oneDNN in TensorFlow

    import keras
    import numpy as np

    from leukcnn import spec
    from leukcnn.augmentation import ImageAugmenter
    from leukcnn.callbacks import ReportProgress
    from leukcnn.counting import uncounted
    from leukcnn.distribution import find_devices
    from leukcnn.pipeline import ImageSequence, multiplied, originals, scaled
    from leukcnn.training import build_network, train

    class Silent:
        """A progress display that shows nothing."""

        def batch(self, **step):
            """Ignores a step."""

        def end_epoch(self, **epoch):
            """Ignores an epoch."""

        def message(self, text):
            """Ignores a message."""

        def counting(self, what):
            """Ignores a stage."""
            return uncounted(what)

    class Ready(keras.utils.PyDataset):
        """Batches that were made before."""

        def __init__(self, batches):
            super().__init__(workers=1)
            self.batches = batches

        def __len__(self):
            return len(self.batches)

        def __getitem__(self, number):
            return self.batches[number]

    size, n, epochs, batch_size = options.image_size, options.images, options.epochs, options.batch_size
    rng, devices = np.random.default_rng(0), find_devices()
    images = rng.integers(0, 256, (n, size, size, 3), dtype=np.uint8)
    labels = rng.integers(0, CLASSES, n)
    targets = np.eye(CLASSES, dtype=np.float32)[labels]
    held = slice(0, n // 8)
    preprocessing = spec.Preprocessing(resize=size)
    training = spec.Training(epochs=epochs, batch_size=batch_size, initial_learning_rate=1e-4)
    arguments = {"weights": None} if options.network.startswith(("Fine", "Leuk", "Tale")) else {}
    built = build_network(
        spec.Model(options.network, arguments),
        preprocessing=preprocessing,
        classes=CLASSES,
        training=training,
        seed=0,
        devices=devices,
    )
    network, learner = built.network, built.learner
    network.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    common = {"classes": CLASSES, "batch_size": batch_size, "seed": 0, "ids": [str(i) for i in range(n)]}

    def fit_on_arrays(model, inputs):
        model.fit(
            inputs,
            targets,
            batch_size=batch_size,
            epochs=epochs,
            validation_data=(inputs[held], targets[held]),
            verbose=0,
        )

    def batches(entries, **more):
        return ImageSequence(images, entries, labels=labels, workers=options.workers, **common, **more)

    def train_as_in_a_trial(**more):
        rows = np.arange(n)
        entries = multiplied(rows, variants=1) if more else originals(rows)
        with tempfile.TemporaryDirectory() as folder:
            train(
                learner,
                training,
                train_data=batches(entries, shuffle=True, **more),
                validation_data=batches(originals(rows[held])),
                folder=Path(folder),
                devices=devices,
                callbacks=[ReportProgress(Silent())],
            )

    if options.augmented:
        augmented = {"augmenter": ImageAugmenter(**PAPERS_AUGMENTATION), "fresh": True}
        data = batches(multiplied(np.arange(n), variants=1), shuffle=True, **augmented)
        ready, checked = Ready([data[i] for i in range(len(data))]), batches(originals(np.arange(n)[held]))
        checked = Ready([checked[i] for i in range(len(checked))])

        def feed():
            for epoch in range(epochs):
                data.epoch = epoch
                for i in range(len(data)):
                    _ = data[i]

        contestants = {
            "feed: batches alone": feed,
            "step: fit on ready batches": lambda: learner.fit(
                ready, epochs=epochs, validation_data=checked, verbose=0, shuffle=False
            ),
            "trial": lambda: train_as_in_a_trial(**augmented),
        }
    else:
        floats = scaled(images, preprocessing)
        contestants = {
            "fit on float32 arrays": lambda: fit_on_arrays(network, floats),
            "fit on uint8 arrays": lambda: fit_on_arrays(learner, images),
            "trial": train_as_in_a_trial,
        }
    seconds = timed(contestants, options.rounds)
    what = "paper's augmentation" if options.augmented else "no augmentation"
    of = f"{options.network} {size}x{size}, {n} images, batch {batch_size}"
    print(f"\n{keras.backend.backend()}, {of}, {what}")
    report(seconds, images=n * epochs, augmented=options.augmented)


def timed(contestants: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Returns the seconds of each contestant in each round, of the clock and of this process' processors."""
    for run in contestants.values():
        run()
    seconds = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            clock, processor = time.perf_counter(), time.process_time()
            run()
            seconds[name].append((time.perf_counter() - clock, time.process_time() - processor))
    return seconds


def report(seconds: dict[str, list[tuple[float, float]]], *, images: int, augmented: bool) -> None:
    """Prints each contestant's rate, and the trial's relative to the others."""
    for name, times in seconds.items():
        rates = sorted(images / clock for clock, _ in times)
        print(f"  {name:<28}{spread(rates, '{:,.0f}')} images/s")
    *others, _ = seconds
    for kind, place in (("clock", 0), ("processor time", 1)):
        own = [times[place] for times in seconds["trial"]]
        of = {name: [times[place] for times in seconds[name]] for name in others}
        if augmented:
            slower = [max(both) for both in zip(*of.values(), strict=True)]
            of = {"min(feed, step)": slower} if place == 0 else {}
        for name, times in of.items():
            ratios = sorted(other / mine for other, mine in zip(times, own, strict=True))
            print(f"  trial / {name:<28}{spread(ratios, '{:.3f}')}  ({kind})")


def spread(values: list[float], form: str) -> str:
    """Returns median, minimum and maximum in words."""
    median, low, high = (form.format(v) for v in (statistics.median(values), min(values), max(values)))
    return f"{median} ({low} to {high})"


def main() -> None:
    """Runs a process for each backend, without and with augmentation."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backend", choices=BACKENDS, help="default: both, one after the other")
    parser.add_argument("--network", default="LightweightCNN")
    parser.add_argument("--image-size", type=int, default=64, help="pixels (default: 64)")
    parser.add_argument("--images", type=int, default=512, help="default: 512")
    parser.add_argument("--batch-size", type=int, default=32, help="default: 32")
    parser.add_argument("--epochs", type=int, default=2, help="epochs of each measurement (default: 2)")
    parser.add_argument("--rounds", type=int, default=7, help="default: 7")
    parser.add_argument("--workers", type=int, default=1, help="threads that make batches (default: 1)")
    parser.add_argument("--augmented", action=argparse.BooleanOptionalAction, help="default: both")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        measure(options)
        return
    given = [word for word in sys.argv[1:] if word not in ("--augmented", "--no-augmented")]
    for backend in [options.backend] if options.backend else BACKENDS:
        for augmented in [False, True] if options.augmented is None else [options.augmented]:
            environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
            flag = "--augmented" if augmented else "--no-augmented"
            subprocess.run(
                [sys.executable, __file__, *given, flag, "--child"],
                env=environment | (ONE_THREAD if augmented else {}),
                check=True,
            )


if __name__ == "__main__":
    main()
