"""Measures how long many trials take to plan and to show: `python tests/benchmarks/many_trials.py`.

The trials are those of the golden tests: their images don't exist and their predictions come from no network.
First come leave-one-dataset-out and k-fold cross-validation with about 500 trials each, then the five papers
as they are frozen in tests/golden. The goals are 10 seconds for a plan and 10 for `leukcnn table`, whose
seconds contain the start of Python and Keras. `--trials N` and `--images N` (of a dataset's class) make other
sizes. The run takes about four minutes.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from leukcnn import papers
from leukcnn.experiment.plan import plan
from leukcnn.experiment.request import Request
from leukcnn.experiment.study import study_of
from tests.golden.cases import CASES, Case, of_datasets
from tests.golden.store import index_of, results_of

ROUNDS, GOAL = 3, 10
_LARGE = {"leuknet_lodocv-full": 97, "alertnet-full": 60, "cnmc2019-full": 9}
"""Case that is enlarged -> its trials in one run."""


def enlarged(name: str, trials: int, images: int) -> Case:
    """Returns a case with about `trials` trials and `images` images of each class of a dataset."""
    case = CASES[name]
    counts: dict[str, list[int]] = {}
    for image in case.images:
        counts.setdefault(image.dataset, [0] * len(case.classes))[max(image.label, 0)] += 1
    of_class = {key: tuple(images * (n > 0) for n in found) for key, found in counts.items()}
    if case.paper == "cnmc2019":
        # As many as in ten datasets: training cells of known folds, a preliminary and a final phase.
        times = -(-20 * images // len(case.images))
        many = tuple(image._replace(id=f"{n}_{image.id}") for image in case.images for n in range(times))
    else:
        many = tuple(of_datasets(of_class))
    runs = max(1, round(trials / _LARGE[name]))
    many = tuple(image._replace(twin=image.id) for image in many)
    finished = Case.__dataclass_fields__["finished"].default
    return replace(case, images=many, options={**case.options, "runs": runs}, finished=finished)


def planned(case: Case) -> tuple[list[float], int]:
    """Returns the processor seconds of planning, without the search for copies, and the number of trials."""
    request = Request(paper=papers.get(case.paper), data="", out=Path("nowhere"), **case.options)
    study, index, seconds = study_of(request), index_of(case), []
    nothing = SimpleNamespace(pairs=np.empty((0, 2), np.int64))
    with mock.patch("leukcnn.experiment.plan.scan_duplicates", lambda index, *_, **__: nothing):
        for _ in range(ROUNDS):
            start = time.process_time()
            found = plan(study, index)
            seconds.append(time.process_time() - start)
    return seconds, len(found.trials)


def shown(case: Case) -> tuple[list[float], list[float]]:
    """Returns the processor and wall-clock seconds of `leukcnn table` in processes of its own."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        results_of(case, out)
        (out / case.paper / "experiments").mkdir()
        (out / "experiment").rename(out / case.paper / "experiments" / "one")
        command = [sys.executable, "-m", "leukcnn", "table", case.paper, "--out", folder, "-q"]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        processor, wall = [], []
        for _ in range(ROUNDS):
            before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            # It ends with 1: the captures of images that don't exist are missing.
            subprocess.run(command, env=environment, capture_output=True, check=False)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            processor.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            wall.append(time.perf_counter() - start)
        return processor, wall


def _spread(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):6.2f} ({min(seconds):.2f} to {max(seconds):.2f})"


def main() -> None:
    """Prints a line for each store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--images", type=int, default=150)
    given = parser.parse_args()
    large = [enlarged(name, given.trials, given.images) for name in _LARGE]
    print(f"Median (least to most) seconds of {ROUNDS} rounds; goal: {GOAL} for a plan and for a table")
    print("paper                trials  images  plan (processor)       table (processor)      table (wall)")
    for case in (*large, *(case for case in CASES.values() if case.name == "full")):
        seconds, trials = planned(case)
        processor, wall = shown(case)
        print(
            f"{case.paper:<20} {trials:>6,} {len(case.images):>7,}  {_spread(seconds):<22} "
            f"{_spread(processor):<22} {_spread(wall)}",
            flush=True,
        )


if __name__ == "__main__":
    main()
