"""Measures the memory of a run on many images: `python tests/benchmarks/memory.py [--images N]`.

N small images (20,000) in two class folders are evaluated at 224x224 pixels, 3 GB when decoded: reading,
near-duplicates, controls, one epoch of a small network, predictions and tables. A thread reads RssAnon, the
memory that isn't mapped from files; the script prints its largest value, and when it was reached.
KERAS_BACKEND chooses the backend. Linux only; the run takes four minutes on two cores.
"""

import argparse
import os
import tempfile
import threading
import time
from pathlib import Path

import leukcnn  # isort: skip  # before Keras, for oneDNN in TensorFlow

import cv2
import keras
import numpy as np

CLASSES = ("healthy", "leukaemia")
_PIXELS = 16
_SECONDS_BETWEEN_READINGS = 0.05


def SmallNetwork(*, input_shape=(224, 224, 3), classes=2):
    """A network whose training takes less time than its images."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.AveragePooling2D(8),
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(classes, activation="softmax", dtype="float32"),
        ],
        name="small",
    )


class Watch(threading.Thread):
    """Reads RssAnon again and again.

    Attributes:
        largest: The largest value so far, in bytes.
        at: When it was read, as `time.perf_counter` counts.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.largest, self.at, self._ended = 0, time.perf_counter(), threading.Event()

    def run(self) -> None:
        """Reads until `end` is called."""
        while not self._ended.wait(_SECONDS_BETWEEN_READINGS):
            if (now := anonymous_bytes()) > self.largest:
                self.largest, self.at = now, time.perf_counter()

    def end(self) -> None:
        """Ends the thread."""
        self._ended.set()
        self.join()


def anonymous_bytes() -> int:
    """Returns RssAnon of this process, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return 1024 * int(line.split()[1])
    raise SystemExit("/proc/self/status has no RssAnon.")


def write_images(folder: Path, count: int) -> None:
    """Writes `count` images of noise, half of them in each class folder."""
    rng = np.random.default_rng(0)
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
    for i in range(count):
        image = rng.integers(0, 256, (_PIXELS, _PIXELS, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / CLASSES[i % 2] / f"{i:06}.png"), image)


def main() -> None:
    """Writes the images, evaluates them, and prints the memory."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=20_000, help="default: 20,000")
    parser.add_argument("--image-size", type=int, default=224, help="pixels (default: 224)")
    options = parser.parse_args()
    leukcnn.models.register("SmallNetwork", SmallNetwork)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        os.environ["LEUKCNN_CACHE"] = str(root / "cache")
        write_images(root / "images", options.images)
        watch, began = Watch(), time.perf_counter()
        print(f"before the run {anonymous_bytes() / 2**30:.2f} GiB", flush=True)
        watch.start()
        leukcnn.evaluate(
            root / "images",
            networks="SmallNetwork",
            split="holdout",
            image_size=options.image_size,
            epochs=1,
            out=root / "runs",
        )
        watch.end()
    seconds = time.perf_counter() - began
    print(f"{keras.backend.backend()}, {options.images:,} images, {seconds:.0f} s")
    print(f"largest RssAnon {watch.largest / 2**30:.2f} GiB, after {watch.at - began:.0f} s")


if __name__ == "__main__":
    main()
