"""Measures how time and memory grow with the number of images: `python tests/benchmarks/growth.py`.

The images are noise of 16x16 pixels in a folder with two classes; ten images have one subject, one in fifty
is a copy and one in fifty a mirrored copy. Each stage of a run has a process of its own. A line is a stage at
a size: processor seconds of all threads, wall-clock seconds, the largest memory (all, and anonymous above
that after imports), and the exponents of seconds and memory since the size before: 1 is linear. Below are the
stages that grow faster, with the reason. A stage with such a bound isn't run at a size where it would take
more than `--longest` seconds. `--sizes 1000,10000` is quicker; the default takes about eight minutes.
"""

import argparse
import json
import math
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

SIZES = (1_000, 10_000, 100_000)
PIXELS, BATCH = 16, 256
TOLERATED = 1.15
"""Exponent up to which a stage counts as linear: caches and sorting cost a little more with each image."""

BOUNDS = {
    "near-duplicates": "every pair of images is compared by its fingerprints, which is n^2 / 2 bit operations"
}
"""Stage that may grow faster -> why."""


def write_images(folder: Path, n: int) -> None:
    """Writes n images into two class folders."""
    rng = np.random.default_rng(0)
    for name in ("blast", "normal"):
        (folder / name).mkdir(parents=True)
    earlier = rng.integers(0, 256, (PIXELS, PIXELS, 3), dtype=np.uint8)
    for i in range(n):
        if i % 50 == 25:
            image = earlier[:, ::-1]
        elif i % 50 != 15:
            image = earlier = rng.integers(0, 256, (PIXELS, PIXELS, 3), dtype=np.uint8)
        else:
            image = earlier
        name = f"s{i // 10}_{i}.png"
        content = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1]
        (folder / ("blast", "normal")[i // 10 % 2] / name).write_bytes(content.tobytes())


class Work:
    """The folder of one size: the images, and what a stage leaves for the next ones."""

    def __init__(self, place: Path):
        self.place, self.images, self.out = place, place / "images", place / "out"

    def kept(self, name: str) -> Any:
        """Returns what an earlier stage kept."""
        return pickle.loads((self.place / f"{name}.pickle").read_bytes())

    def has(self, name: str) -> bool:
        """Returns whether an earlier stage kept something."""
        return (self.place / f"{name}.pickle").exists()

    def keep(self, name: str, value: Any) -> None:
        """Keeps a value for later stages."""
        (self.place / f"{name}.pickle").write_bytes(pickle.dumps(value))

    def paper(self) -> Any:
        """Returns the folder as a paper with one free network, which is trained for one epoch."""
        from leukcnn import models, spec
        from leukcnn.start import find_paper
        from leukcnn.studies.evaluation import surveys_of
        from leukcnn.studies.study import Choices, study_paper

        models.register("FreeNetwork", free_network)
        choices = Choices(image_size=PIXELS, epochs=1, batch_size=BATCH)
        paper = study_paper(surveys_of(self.images, groups=r"(s\d+)_"), choices)
        row = replace(paper.rows[0], setup=replace(paper.rows[0].setup, model=spec.Model("FreeNetwork", {})))
        # The other networks of a study are in the tables' rows.
        tables = tuple(replace(table, rows=()) for table in paper.tables)
        return find_paper(replace(paper, rows=(row,), tables=tables, figures=()))

    def study(self) -> Any:
        """Returns the study of the paper."""
        from leukcnn.experiment.request import Request
        from leukcnn.experiment.study import study_of

        return study_of(Request(paper=self.paper(), data="", out=self.out))


def free_network(*, input_shape, classes=2):
    """Returns a network that costs nothing."""
    import keras

    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(classes, "softmax"),
        ]
    )


# A stage is a function of the work that prepares it and returns what is measured.
Measured = Callable[[], Any]


def load(work: Work) -> Measured:
    """Lists, reads and hashes all files."""
    from leukcnn.datasets import ImageIndex

    return lambda: work.keep("index", ImageIndex.from_folder(work.images, r"(s\d+)_"))


def check(work: Work) -> Measured:
    """Verifies all files, as `leukcnn check` does before its search for copies."""
    from leukcnn.datasets.own_folders import verify_folder

    folder = work.paper().folders[0]
    return lambda: verify_folder(folder, work.images)


def near_duplicates(work: Work) -> Measured:
    """Searches copies among all images, whose decoding is part of it."""
    from leukcnn.duplicate_scan import scan_duplicates

    index = work.kept("index")
    return lambda: work.keep("pairs", scan_duplicates(index).pairs)


def plan(work: Work) -> Measured:
    """Splits the images and plans all trials; the copies are those that were found, or the identical ones."""
    from leukcnn.datasets import duplicate_pairs
    from leukcnn.datasets.own_folders import load_folder
    from leukcnn.experiment.plan import plan as plan_of
    from leukcnn.experiment.record import make_record

    study = work.study()
    index = load_folder(study.paper.folders[0], work.images)
    found = SimpleNamespace(pairs=work.kept("pairs") if work.has("pairs") else duplicate_pairs(index))

    def measured() -> None:
        with mock.patch("leukcnn.experiment.plan.scan_duplicates", lambda *_, **__: found):
            planned = plan_of(study, index)
        record = make_record(study, index, planned)
        work.keep("planned", (index, planned, record))

    return measured


def cache(work: Work) -> Measured:
    """Decodes all images into the cache that training reads."""
    from leukcnn.image_cache import prepared_images
    from leukcnn.spec import Preprocessing

    index = work.kept("index")
    return lambda: prepared_images(index, Preprocessing(resize=PIXELS)).shape


def one_epoch(work: Work) -> Measured:
    """Trains one epoch, predicts, and writes the trial."""
    from leukcnn.distribution import find_devices
    from leukcnn.runs import Store
    from leukcnn.trials import TrialContext, run_trial
    from tests.tiny import Progress

    study, (index, planned, _) = work.study(), work.kept("planned")
    trial = planned.trials[0]
    context = TrialContext(index, find_devices(None), Progress())
    stored = Store(work.out, study.paper.key).trial(planned.identities[trial.name])
    setup = study.row(trial.row).setup
    return lambda: run_trial(stored, setup, planned.split_rows[trial.name], context, seed=trial.seed)


def table(work: Work) -> Measured:
    """Builds all tables, figures and the page from predictions of all trials and controls."""
    from leukcnn.experiment.report import report
    from leukcnn.runs import Store
    from leukcnn.trial_files import write_predictions
    from leukcnn.trials.outcome import image_predictions

    study, (index, planned, record) = work.study(), work.kept("planned")
    store, rng = Store(work.out, study.paper.key), np.random.default_rng(0)
    folder = store.experiment("growth")
    record.save(folder)
    for trial in (*planned.trials, *planned.controls):
        stored, rows = (
            store.trial(planned.identities[trial.name]),
            planned.split_rows[trial.name].predicted["test"],
        )
        if not stored.finished:
            outputs = rng.dirichlet((1, 1), len(rows))
            of = {"subset": "test", "checkpoint": "last", "of": trial.row, "add_up": True}
            write_predictions(stored.path / "predictions.csv", image_predictions(index, rows, outputs, **of))
            stored.finish({"checkpoint": "last", "seconds": {"training": 1.0}})
    return lambda: report(Store(work.out, study.paper.key), folder, study.paper)


STAGES = {
    "load": load,
    "check": check,
    "near-duplicates": near_duplicates,
    "plan": plan,
    "cache": cache,
    "one epoch": one_epoch,
    "table": table,
}


class _Anonymous(threading.Thread):
    """Looks at the anonymous memory of this process every 20 ms."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.first, self.most, self.ended = self.now(), 0, threading.Event()

    @staticmethod
    def now() -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) * 1024

    def run(self) -> None:
        while not self.ended.wait(0.02):
            self.most = max(self.most, self.now())


def measure(name: str, place: Path) -> dict[str, float]:
    """Runs a stage in this process."""
    measured = STAGES[name](Work(place))
    memory = _Anonymous()
    memory.start()
    before, start = _processor(), time.perf_counter()
    measured()
    wall, processor = time.perf_counter() - start, _processor() - before
    memory.ended.set()
    most = max(memory.most, memory.now())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"processor": processor, "wall": wall, "peak": peak, "anonymous": most - memory.first}


def _processor() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _child(name: str, place: Path) -> dict[str, float]:
    environment = {
        **os.environ,
        "LEUKCNN_CACHE": str(place / "cache"),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    command = [sys.executable, __file__, "--stage", name, "--place", str(place)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name}: {done.stderr[-3000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _exponent(now: float, before: float, ratio: float) -> float:
    return math.log(max(now, 1e-9) / max(before, 1e-9)) / math.log(ratio)


def _expected(walls: list[tuple[int, float]], n: int) -> float:
    """Returns the seconds that a n + b n^2 through the last two sizes gives, or b n^2 through one."""
    size, seconds = walls[-1]
    if len(walls) < 2:
        return seconds * (n / size) ** 2
    other, others = walls[-2]
    square = max((seconds / size - others / other) / (size - other), 0.0)
    return (seconds / size - square * size) * n + square * n**2


def main() -> None:
    """Prints a line for each stage and size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--stages", default=",".join(STAGES))
    parser.add_argument("--longest", type=float, default=400, metavar="SECONDS")
    parser.add_argument("--stage")
    parser.add_argument("--place", type=Path)
    given = parser.parse_args()
    if given.stage:
        print(json.dumps(measure(given.stage, given.place)))
        return
    sizes = [int(size) for size in given.sizes.split(",")]
    earlier: dict[str, dict[str, float]] = {}
    walls: dict[str, list[tuple[int, float]]] = {}
    faster: set[str] = set()
    print(f"{'stage':<16} {'images':>8}  processor s   wall s  peak MiB  anon MiB  exponents: s, memory")
    for at, n in enumerate(sizes):
        with tempfile.TemporaryDirectory(dir=given.place) as folder:
            place = Path(folder)
            start = time.perf_counter()
            write_images(place / "images", n)
            print(f"{'(images written)':<16} {n:>8,} {'':12} {time.perf_counter() - start:8.2f}", flush=True)
            for name in given.stages.split(","):
                expected = _expected(walls[name], n) if name in BOUNDS and name in walls else 0
                if expected > given.longest:
                    print(f"{name:<16} {n:>8,} not run: up to {expected:,.0f} s are expected", flush=True)
                    faster.add(name)
                    continue
                found = _child(name, place)
                shown = ""
                if name in earlier:
                    ratio = n / sizes[at - 1]
                    grown = [
                        _exponent(found[key], earlier[name][key], ratio) for key in ("processor", "anonymous")
                    ]
                    shown = "  ".join(f"{one:5.2f}" for one in grown)
                    faster |= {name} if max(grown) > TOLERATED else set()
                earlier[name] = found
                walls.setdefault(name, []).append((n, found["wall"]))
                print(
                    f"{name:<16} {n:>8,} {found['processor']:12.2f} {found['wall']:8.2f} "
                    f"{found['peak'] / 2**20:9.0f} {found['anonymous'] / 2**20:9.0f}  {shown}",
                    flush=True,
                )
    for name in sorted(faster):
        print(f"{name} grows faster than linearly: {BOUNDS.get(name, 'no bound is known')}.")


if __name__ == "__main__":
    main()
