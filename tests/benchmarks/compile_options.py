"""Measures how Keras compiles a training step: `python tests/benchmarks/compile_options.py`.

For networks of the papers, each way of compiling (`jit_compile`, `steps_per_execution`, mixed precision)
trains on the same uint8 images in interleaved rounds. The table has the seconds of the first epoch,
compilation included, images per second as median (minimum to maximum), and the speed relative to leukcnn's
own choice, by the clock and by processor time. Each backend and network has a process of its own. The run
takes five minutes on two cores.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

BACKENDS = ("tensorflow", "jax")
NETWORKS = ("FourBlockCNN", "AlertNet", "CNMCVGG16")
NUMBERS = ("image-size", "images", "batch-size", "rounds")
CLASSES = 2
# Name -> precision and further arguments of `compile`; the first is leukcnn's own choice.
WAYS = {
    "leukcnn": ("float32", {}),
    "jit_compile=True": ("float32", {"jit_compile": True}),
    "jit_compile=False": ("float32", {"jit_compile": False}),
    "steps_per_execution=4": ("float32", {"steps_per_execution": 4}),
    "mixed_bfloat16": ("mixed_bfloat16", {}),
}


def measure(options: argparse.Namespace) -> None:
    """Measures and prints one network, in a process whose backend is set."""
    import leukcnn  # isort: skip  # noqa: F401  before Keras, for oneDNN in TensorFlow

    import keras
    import numpy as np

    from leukcnn import spec
    from leukcnn.distribution import find_devices
    from leukcnn.training import build_network

    size, n, (name,) = options.image_size, options.images, options.networks
    rng, devices = np.random.default_rng(0), find_devices()
    images = rng.integers(0, 256, (n, size, size, 3), dtype=np.uint8)
    targets = np.eye(CLASSES, dtype=np.float32)[rng.integers(0, CLASSES, n)]
    fits, first_steps = {}, {}
    for way, (precision, arguments) in WAYS.items():
        # Without XLA's compiler, JAX runs operation by operation.
        if keras.backend.backend() == "jax" and "jit_compile" in arguments:
            continue
        built = build_network(
            spec.Model(name, {}),
            preprocessing=spec.Preprocessing(resize=size),
            classes=CLASSES,
            training=spec.Training(
                epochs=1, batch_size=options.batch_size, initial_learning_rate=1e-4, precision=precision
            ),
            seed=0,
            devices=devices,
        )
        learner = built.learner
        if arguments:
            learner.compile(
                optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"], **arguments
            )

        def fit(learner=learner):
            learner.fit(images, targets, batch_size=options.batch_size, shuffle=False, verbose=0)

        started = time.perf_counter()
        fit()
        first_steps[way], fits[way] = time.perf_counter() - started, fit
    seconds = {way: [] for way in fits}
    for _ in range(options.rounds):
        for way, fit in fits.items():
            clock, processor = time.perf_counter(), time.process_time()
            fit()
            seconds[way].append((time.perf_counter() - clock, time.process_time() - processor))
    print(f"\n{keras.backend.backend()}, {name} {size}x{size}, batch {options.batch_size}")
    print(f"{'':24}{'first epoch':>12}{'images/s':>24}{'clock':>8}{'processor':>11}")
    own = next(iter(seconds.values()))
    for way, times in seconds.items():
        rates = sorted(n / clock for clock, _ in times)
        rate = f"{statistics.median(rates):.0f} ({rates[0]:.0f} to {rates[-1]:.0f})"
        speeds = [
            statistics.median(mine[kind] / its[kind] for mine, its in zip(own, times, strict=True))
            for kind in (0, 1)
        ]
        print(f"{way:24}{first_steps[way]:>10.1f} s{rate:>24}{speeds[0]:>8.2f}{speeds[1]:>11.2f}", flush=True)


def main() -> None:
    """Runs a process for each backend and network."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backend", choices=BACKENDS, help="default: both, one after the other")
    parser.add_argument("--networks", nargs="+", default=NETWORKS, help=f"default: {' '.join(NETWORKS)}")
    parser.add_argument("--image-size", type=int, default=64, help="pixels (default: 64)")
    parser.add_argument("--images", type=int, default=128, help="in an epoch (default: 128)")
    parser.add_argument("--batch-size", type=int, default=16, help="default: 16")
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        measure(options)
        return
    numbers = [f"--{name}={getattr(options, name.replace('-', '_'))}" for name in NUMBERS]
    for backend in [options.backend] if options.backend else BACKENDS:
        for network in options.networks:
            subprocess.run(
                [sys.executable, __file__, "--child", "--networks", network, *numbers],
                env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
                check=True,
            )


if __name__ == "__main__":
    main()
