"""Measures how fast `fit` gets augmented images: `python tests/benchmarks/feeding.py --data DIR`.

DIR contains `taleghani/`; without it, synthetic noise is used, which takes as long. Every contestant applies
the augmentation of the Alert Net paper to images of 224x224 pixels, in batches of 32, on one thread and on
two, on two cores:

- the augmentation alone: threads that make whole batches, which nobody takes;
- `fit` of a network that costs nothing, fed as in a trial;
- `fit` of the same network with `tf.data`, which calls the same augmenter for each image;
- `fit` of the same network with `ImageDataGenerator.flow` (one thread).

A rate of `fit` is that of the epochs between the first and the last, so that as many batches are ready at its
beginning as at its end. The fraction of waiting is that of a loop which takes a batch and then sleeps for
30 ms, as if a device computed. Each backend has its own process. Within a round all contestants run one after
the other, but `ImageDataGenerator` runs after all rounds. The medians over the rounds are printed with the
least and the greatest value, and so is the ratio to the augmentation alone in the same round. The run takes
three to four minutes and needs the test extra.
"""

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
CORES = sorted(os.sched_getaffinity(0))[:2]
BATCH, IMAGE_SIZE, STEP_SECONDS = 32, 224, 0.03
STEPS, EPOCHS = 20, 4
ALONE, FIT, TF_DATA, FLOW = "augmentation alone", "fit", "fit, tf.data", "fit, ImageDataGenerator.flow"


def read_images(data: Path | None) -> Any:
    """Returns uint8 (STEPS * BATCH, 224, 224, 3): images spread evenly over the dataset, or noise."""
    import cv2
    import numpy as np

    count = STEPS * BATCH
    if data is None:
        small = np.random.default_rng(0).integers(0, 256, (count, 14, 14, 3), dtype=np.uint8)
        return np.stack([cv2.resize(one, (IMAGE_SIZE, IMAGE_SIZE)) for one in small])
    paths = sorted(path for path in (data / "taleghani").rglob("*.jpg") if "Original" in path.parts)
    if not paths:
        raise SystemExit(f"{data}/taleghani/Original has no image. Name its parent folder with --data.")
    chosen = (paths * count)[:: max(1, len(paths) // count)][:count]
    images = [cv2.imread(str(path), cv2.IMREAD_COLOR_RGB) for path in chosen]
    return np.stack([cv2.resize(image, (IMAGE_SIZE, IMAGE_SIZE)) for image in images])


class Contest:
    """The contestants on one backend; each method returns images a second."""

    def __init__(self, images: Any) -> None:
        import keras
        import numpy as np

        from leukcnn import papers
        from leukcnn.augmentation import ImageAugmenter
        from leukcnn.pipeline import fed

        self.images, self.setup = images, papers.get("alertnet").setup("alertnet")
        self.arguments = dict(self.setup.augmentation.arguments)
        self.augmenter = ImageAugmenter(**self.arguments)
        self.labels = np.arange(len(images)) % 2
        self.targets = np.eye(2, dtype=np.float32)[self.labels]
        inputs = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 3))
        self.network = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(inputs[:, 0, 0]))
        self.learner = fed(self.network, self.setup.preprocessing)
        for model in (self.network, self.learner):
            model.compile("sgd", "categorical_crossentropy")

    def batches(self, threads: int) -> Any:
        """Returns the batches of a trial."""
        from leukcnn.pipeline import ImageSequence, multiplied

        return ImageSequence(
            self.images,
            multiplied(range(len(self.images)), variants=1),
            labels=self.labels,
            classes=2,
            batch_size=BATCH,
            seed=0,
            shuffle=True,
            fresh=True,
            ids=[f"WBC-{number}" for number in range(len(self.images))],
            augmenter=self.augmenter,
            workers=threads,
        )

    def alone(self, threads: int) -> float:
        """Makes batches that nobody takes."""
        from leukcnn.pipeline.memory import BatchMemory

        memory = BatchMemory()

        def make(number: int) -> None:
            first = number % STEPS * BATCH
            seeds = range(number * BATCH, (number + 1) * BATCH)
            images = self.images[first : first + BATCH]
            self.augmenter.apply_batch(images, seeds, out=memory.array(images.shape))

        with ThreadPoolExecutor(threads) as pool:
            started = time.perf_counter()
            list(pool.map(make, range(2 * STEPS)))
        return 2 * len(self.images) / (time.perf_counter() - started)

    def fit(self, threads: int) -> float:
        """Trains as a trial does."""
        import keras

        from leukcnn.distribution import as_fed

        data, clock = self.batches(threads), Clock()
        set_epoch = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: setattr(data, "epoch", epoch)
        )
        with data.ahead(epochs=EPOCHS):
            return self.rate(self.learner, as_fed(data), clock, set_epoch)

    def tf_data(self, threads: int) -> float:
        """Trains on `tf.data`, as the docstring of `ImageAugmenter` shows."""
        import tensorflow as tf

        def augment(i: Any, image: Any) -> Any:
            return self.augmenter(image, seed=0, start=int(i))

        def augment_element(i: Any, element: Any) -> Any:
            image, target = element
            augmented = tf.numpy_function(augment, [i, image], image.dtype)
            return tf.ensure_shape(augmented, image.shape), target

        with tf.device("CPU:0"):
            data = tf.data.Dataset.from_tensor_slices((self.images, self.targets)).enumerate()
            data = data.map(augment_element, num_parallel_calls=threads).batch(BATCH).prefetch(2)
            return self.rate(self.learner, data, Clock())

    def flow(self) -> float:
        """Trains on Keras' old generator; it scales, too."""
        from keras.src.legacy.preprocessing.image import ImageDataGenerator

        generator = ImageDataGenerator(**self.arguments, rescale=1 / 255)
        few = 4 * BATCH
        data = generator.flow(self.images[:few], self.targets[:few], batch_size=BATCH, shuffle=False)
        clock = Clock()
        self.network.fit(data, epochs=3, shuffle=False, verbose=0, callbacks=[clock.callback()])
        return few / (clock.ends[1] - clock.ends[0])

    def rate(self, model: Any, data: Any, clock: "Clock", *callbacks: Any) -> float:
        """Returns the images a second of the epochs between the first and the last."""
        model.fit(data, epochs=EPOCHS, shuffle=False, verbose=0, callbacks=[clock.callback(), *callbacks])
        return (EPOCHS - 2) * len(self.images) / (clock.ends[-2] - clock.ends[0])

    def waiting_fraction(self, threads: int) -> float:
        """Returns the fraction of a step that a loop waits for its batch, 0..1."""
        from leukcnn.distribution import as_fed

        data, waited = self.batches(threads), []
        with data.ahead():
            taken = as_fed(data)
            batches = iter(taken) if taken is not data else (data[i] for i in range(len(data)))
            next(batches)
            for _ in range(STEPS - 1):
                time.sleep(STEP_SECONDS)
                started = time.perf_counter()
                next(batches)
                waited.append(time.perf_counter() - started)
        return sum(waited) / (sum(waited) + STEP_SECONDS * len(waited))


class Clock:
    """When each epoch ended, in seconds."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def callback(self) -> Any:
        """Returns the callback that notes it."""
        import keras

        return keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: self.ends.append(time.perf_counter())
        )


def measure(data: Path | None, rounds: int) -> None:
    """Runs all contestants on the backend of this process, and prints their rates."""
    import cv2
    import keras

    os.sched_setaffinity(0, CORES)
    cv2.setNumThreads(1)
    contest = Contest(read_images(data))
    rates: dict[tuple[str, int], list[float]] = {}
    waits: dict[int, list[float]] = {}
    for number in range(rounds + 1):
        found = {}
        for threads in (1, 2):
            found[ALONE, threads] = contest.alone(threads)
            found[FIT, threads] = contest.fit(threads)
            found[TF_DATA, threads] = contest.tf_data(threads)
        # The first round compiles.
        if number:
            for key, rate in found.items():
                rates.setdefault(key, []).append(rate)
            for threads in (1, 2):
                waits.setdefault(threads, []).append(contest.waiting_fraction(threads))
    # It leaves memory in pieces, which slows down what comes after it.
    rates[FLOW, 1] = [contest.flow() for _ in range(rounds + 1)][1:]
    print(f"{keras.backend.backend()}, {IMAGE_SIZE}x{IMAGE_SIZE}, batches of {BATCH}, {len(CORES)} cores")
    print(f"{'threads':44}{'images/s':>24}{'of augmentation alone':>26}")
    for threads, name in itertools.product((1, 2), (ALONE, FIT, TF_DATA, FLOW)):
        if values := rates.get((name, threads)):
            shares = [one / alone for one, alone in zip(values, rates[ALONE, threads], strict=True)]
            print(f"{threads}  {name:40}{spread(values, ',.0f'):>25}{spread(shares, '.3f'):>26}")
    for name in (ALONE, FIT):
        gains = [two / one for one, two in zip(rates[name, 1], rates[name, 2], strict=True)]
        print(f"{'two threads by one: ' + name:43}{spread(gains, '.2f'):>25}")
    for threads, shares in waits.items():
        print(f"{threads}  {'fraction of a 30 ms step spent waiting':40}{spread(shares, '.4f'):>25}")


def spread(values: list[float], form: str) -> str:
    """Returns the median with the least and the greatest value."""
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def main() -> None:
    """Measures each backend in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = os.environ.get("LEUKCNN_DATA")
    parser.add_argument("--data", type=Path, default=Path(default) if default else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--backend", choices=("tensorflow", "jax"), help="only this one, in this process")
    options = parser.parse_args()
    if options.backend:
        os.environ["KERAS_BACKEND"] = options.backend
        measure(options.data, options.rounds)
        return
    for backend in ("tensorflow", "jax"):
        subprocess.run([sys.executable, *sys.argv, "--backend", backend], check=True)
        print()


if __name__ == "__main__":
    main()
