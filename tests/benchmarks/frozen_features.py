"""How much time kept features of a frozen base save: python tests/benchmarks/frozen_features.py [--epochs N]

The same fold of Alert Net's shallow fine-tuning (random weights, drawn smears) is trained twice: the plain
way, where every picture goes through the frozen base in every epoch, and with the base's features computed
once. Printed: seconds of both, their ratio, and how far apart the two networks' predictions are.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from leukcnn import papers
from leukcnn.datasets import load_many, synthetic
from leukcnn.distribution import find_devices
from leukcnn.planning import plan
from leukcnn.request import Request
from leukcnn.runs import Store
from leukcnn.trials import run_trial


class Silent:
    """Watches a training and says nothing."""

    def batch(self, **step):
        """Passes over a step."""

    def end_epoch(self, **epoch):
        """Passes over an epoch."""

    def message(self, text):
        """Passes over a sentence."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--row", default="resnet50_sft")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--variants", type=int, default=4)
    parser.add_argument("--side", type=int, default=96)
    options = parser.parse_args()
    paper = papers.get("alertnet")
    request = Request(paper=paper, data="synthetic", only=options.row, weights="none")
    setup = request.setup(options.row)
    setup = replace(
        setup,
        preprocessing=replace(setup.preprocessing, resize=options.side),
        augmentation=replace(setup.augmentation, variants_per_picture=options.variants),
        training=replace(setup.training, epochs=options.epochs),
    )
    with tempfile.TemporaryDirectory() as scratch:
        root = synthetic.write_many(paper.datasets, Path(scratch) / "drawn", seed=0)
        index = load_many(paper.datasets, root, class_names=paper.classes, class_of=paper.class_of)
        planned = plan(request, index)
        first = next(trial for trial in planned.trials if trial.row == options.row)
        seconds, probabilities = {}, {}
        for kept in (False, True):
            trial = Store(Path(scratch) / f"kept-{kept}", paper.key).trial(planned.identities[first.name])
            started = time.perf_counter()
            run_trial(
                trial,
                setup,
                index,
                planned.parts[first.name],
                seed=0,
                devices=find_devices(),
                observer=Silent(),
                workers=2,
                cache=Path(scratch) / "cache",
                keep_features=kept,
            )
            seconds[kept] = time.perf_counter() - started
            probabilities[kept] = trial.predictions().probabilities
    print(f"{options.row}, {options.epochs} epochs, {options.side}x{options.side} pixels")
    print(f"every epoch through the base  {seconds[False]:8.1f} s")
    print(f"features kept                 {seconds[True]:8.1f} s")
    print(f"ratio                         {seconds[False] / seconds[True]:8.2f}")
    print(
        f"largest difference of a probability: {np.abs(probabilities[True] - probabilities[False]).max():.2g}"
    )


if __name__ == "__main__":
    main()
