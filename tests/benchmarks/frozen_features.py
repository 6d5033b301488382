"""Measures the time that stored features of a frozen base save.

    python tests/benchmarks/frozen_features.py [--row ROW] [--epochs N]
    python tests/benchmarks/frozen_features.py --network taleghani [--images N] [--epochs N]
    python tests/benchmarks/frozen_features.py --network pass [--images N] [--rounds N]

For Alert Net's paper, the same fold of a shallow fine-tuning (random weights, synthetic smears) is trained
twice: with every image going through the frozen base in every epoch, and with the base's features computed
once. The script prints the seconds of both, their ratio, and the distance between their predictions.

For the Taleghani paper, the whole trial (frozen ResNet50, random weights, 224x224 pixels, no augmentation) is
run from an empty cache: decoding, features, training, predictions, saving the network. The script prints its
time, that of one bare forward pass of the base over the same decoded images, and the ratio of the two, in
seconds of the clock and of the processor (the latter is more reliable on a busy machine). The images are
those below LEUKCNN_DATA, or random ones. KERAS_BACKEND chooses the backend.

With `pass`, the script prints what holds the forward pass itself, for both backends: milliseconds per image
by batch size, threads, layout of the images and compilation, each in a process of its own, with the largest
memory.
"""

import argparse
import hashlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import leukcnn  # isort: skip  # noqa: F401  before Keras, for oneDNN in TensorFlow

import cv2
import keras
import numpy as np

from leukcnn import models, papers, spec, synthetic
from leukcnn.counting import uncounted
from leukcnn.datasets import ImageIndex, load, load_many
from leukcnn.distribution import find_devices
from leukcnn.experiment.plan import plan
from leukcnn.experiment.request import Request
from leukcnn.experiment.study import study_of
from leukcnn.image_cache import prepared_images
from leukcnn.models.bases import last_frozen_layer, split_at
from leukcnn.pipeline import FORWARD_BATCH, ArrayBatches, scaled
from leukcnn.runs import Store
from leukcnn.splits import SplitRows
from leukcnn.trials import TrialContext, run_trial

CLASSES = ("benign", "early", "pre", "pro")
BATCH_SIZES = (16, 32, 64, 128, 256)
ONE_THREAD = {
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}
# Name -> environment, layout of the images, jit_compile, batch sizes. XLA compiles on JAX in any case.
PASSES = {
    "as in leukcnn": ({}, "channels_last", "auto", BATCH_SIZES),
    "one thread": (ONE_THREAD, "channels_last", "auto", (FORWARD_BATCH,)),
    "no oneDNN": ({"TF_ENABLE_ONEDNN_OPTS": "0"}, "channels_last", "auto", (FORWARD_BATCH,)),
    "two operations at once": ({"TF_NUM_INTEROP_THREADS": "2"}, "channels_last", "auto", (FORWARD_BATCH,)),
    "jit_compile=True": ({}, "channels_last", True, (FORWARD_BATCH,)),
    "jit_compile=False": ({}, "channels_last", False, (FORWARD_BATCH,)),
    "channels_first": ({}, "channels_first", "auto", (FORWARD_BATCH,)),
}
TENSORFLOW_ALONE = ("no oneDNN", "two operations at once", "jit_compile=True", "jit_compile=False")


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


def every_epoch_against_once(options: argparse.Namespace, scratch: Path) -> None:
    """Trains one fold of a row of Alert Net's paper twice."""
    paper = papers.get("alertnet")
    study = study_of(Request(paper=paper, data="synthetic", only=options.row, weights="none"))
    setup = study.row(options.row).setup
    setup = replace(
        setup,
        preprocessing=replace(setup.preprocessing, resize=options.image_size),
        augmentation=replace(setup.augmentation, variants_per_image=options.variants),
        training=replace(setup.training, epochs=options.epochs),
    )
    root = synthetic.write_many(paper.datasets, scratch / "synthetic", seed=0)
    index = load_many(paper.datasets, root, class_names=paper.classes, class_of=paper.class_of)
    planned = plan(study, index)
    first = next(trial for trial in planned.trials if trial.row == options.row)
    seconds, probabilities = {}, {}
    for kept in (False, True):
        trial = Store(scratch / f"kept-{kept}", paper.key).trial(planned.identities[first.name])
        started = time.perf_counter()
        context = TrialContext(index, find_devices(), Silent(), cache=scratch / "cache", workers=2)
        run_trial(trial, setup, planned.split_rows[first.name], context, seed=0, keep_features=kept)
        seconds[kept] = time.perf_counter() - started
        probabilities[kept] = trial.predictions().probabilities
    print(f"{options.row}, {options.epochs} epochs, {options.image_size}x{options.image_size} pixels")
    print(f"every epoch through the base  {seconds[False]:8.1f} s")
    print(f"features kept                 {seconds[True]:8.1f} s")
    print(f"ratio                         {seconds[False] / seconds[True]:8.2f}")
    print(
        f"largest difference of a probability: {np.abs(probabilities[True] - probabilities[False]).max():.2g}"
    )


def whole_trial_against_one_pass(options: argparse.Namespace, scratch: Path) -> None:
    """Runs one trial of the Taleghani paper, and one forward pass over its images."""
    index = taleghani_images(options.images, scratch)
    setup = spec.Setup(
        model=spec.Model("TaleghaniResNet50", {"weights": None}),
        preprocessing=spec.Preprocessing(resize=224),
        augmentation=spec.Augmentation(),
        split=spec.Split(kind="random", fractions=(0.7, 0.1, 0.2)),
        training=spec.Training(epochs=options.epochs, batch_size=32, initial_learning_rate=1e-3, patience=3),
    )
    images = prepared_images(index, setup.preprocessing, folder=scratch / "decoded")
    base, _ = split_at(network := models.build("TaleghaniResNet50", weights=None), last_frozen_layer(network))
    started = now()
    for start in range(0, len(index), FORWARD_BATCH):
        block = scaled(images[start : start + FORWARD_BATCH], setup.preprocessing)
        base.predict(block, batch_size=FORWARD_BATCH, verbose=0)
    bare = now() - started

    ends = np.round(np.cumsum(setup.split.fractions[:2]) * len(index)).astype(int)
    train, validation, test = np.split(np.random.default_rng(0).permutation(len(index)), ends)
    identity = {"paper": "taleghani_resnet50", "row": "resnet50", "profile": "paper", "seed": 0, "fold": -1}
    trial = Store(scratch / "runs", "taleghani_resnet50").trial(identity)
    started = now()
    context = TrialContext(index, find_devices(), Silent(), cache=scratch / "cache", workers=2)
    run_trial(
        trial, setup, SplitRows(train=train, validation=validation, predicted={"test": test}), context, seed=0
    )
    whole = now() - started
    print(f"TaleghaniResNet50, {len(index):,} images, {options.epochs} epochs, {keras.backend.backend()}")
    print("                      clock  processor")
    for what, seconds in (("one forward pass", bare), ("the whole trial", whole)):
        print(f"{what:16}  {seconds[0]:7.1f} s  {seconds[1]:7.1f} s")
    print(f"{'ratio':16}  {whole[0] / bare[0]:9.2f}  {whole[1] / bare[1]:9.2f}")
    print(f"stages, by the clock: {trial.result['seconds']}")


def passes(options: argparse.Namespace) -> None:
    """Runs a process for each backend and way of computing the forward pass."""
    print(f"ResNet50, 224x224, {options.images} images   ms per image: clock, processor; largest memory")
    for backend in ("tensorflow", "jax"):
        for name, (environment, *_) in PASSES.items():
            if backend == "jax" and name in TENSORFLOW_ALONE:
                continue
            numbers = [f"--images={options.images}", f"--rounds={options.rounds}"]
            subprocess.run(
                [sys.executable, __file__, "--network=pass", f"--way={name}", *numbers],
                env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
                check=True,
            )


def one_pass(options: argparse.Namespace) -> None:
    """Times forward passes of one way in this process."""
    _, layout, jit_compile, batch_sizes = PASSES[options.way]
    keras.config.set_image_data_format(layout)
    shape = (224, 224, 3) if layout == "channels_last" else (3, 224, 224)
    network = keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=shape, pooling="avg", name="base"
    )
    network.compile(jit_compile=jit_compile)
    images = np.random.default_rng(0).random((options.images, *shape), dtype=np.float32)
    for batch_size in (size for size in batch_sizes if size <= options.images):
        batches = ArrayBatches(images, batch_size)
        network.predict(batches, steps=1, verbose=0)
        times = []
        for _ in range(options.rounds):
            began = now()
            network.predict(batches, verbose=0)
            times.append((now() - began) * 1000 / options.images)
        clock, processor = (statistics.median(values) for values in zip(*times, strict=True))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"{keras.backend.backend():10}  {options.way:22}  batch {batch_size:3}"
            f"  {clock:6.1f}  {processor:6.1f}  {memory:5.2f} GiB",
            flush=True,
        )


def now() -> np.ndarray:
    """Returns the time in seconds, of the clock and of this process' processors."""
    return np.array([time.perf_counter(), time.process_time()])


def taleghani_images(count: int, scratch: Path) -> ImageIndex:
    """Returns `count` images, spread evenly over the real ones, or random ones without those."""
    root = os.environ.get("LEUKCNN_DATA")
    if root and (Path(root) / "taleghani").is_dir():
        index = load("taleghani", root)
        return index.select(np.linspace(0, len(index) - 1, min(count, len(index))).astype(int))
    paths = [scratch / f"{i}.png" for i in range(count)]
    for i, path in enumerate(paths):
        cv2.imwrite(str(path), np.random.default_rng(i).integers(0, 256, (224, 224, 3), dtype=np.uint8))
    return ImageIndex(
        paths=paths,
        ids=np.array([path.name for path in paths]),
        labels=np.arange(count) % len(CLASSES),
        class_names=CLASSES,
        dataset=np.full(count, "taleghani"),
        group=np.full(count, ""),
        subset=np.full(count, "taleghani"),
        fold=np.full(count, -1),
        sha256=np.array([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=("alertnet", "taleghani", "pass"), default="alertnet")
    parser.add_argument("--row", default="resnet50_sft", help="for alertnet")
    parser.add_argument("--epochs", type=int, help="10 for alertnet, 3 for taleghani")
    parser.add_argument("--variants", type=int, default=4, help="for alertnet")
    parser.add_argument("--image-size", type=int, default=96, help="for alertnet, in pixels")
    parser.add_argument("--images", type=int, help="320 for taleghani, 256 for pass")
    parser.add_argument("--rounds", type=int, default=1, help="for pass")
    parser.add_argument("--way", choices=PASSES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.images = options.images or (256 if options.network == "pass" else 320)
    if options.network == "pass":
        one_pass(options) if options.way else passes(options)
        return
    is_alertnet = options.network == "alertnet"
    options.epochs = options.epochs or (10 if is_alertnet else 3)
    measure = every_epoch_against_once if is_alertnet else whole_trial_against_one_pass
    with tempfile.TemporaryDirectory() as scratch:
        measure(options, Path(scratch))


if __name__ == "__main__":
    main()
