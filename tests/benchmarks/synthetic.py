"""Measures the speed of rendering cells and smears: `python tests/benchmarks/synthetic.py`.

The goals are 200 cells of 450x450 per second on one core, and all datasets of the Alert Net paper, about 280
smears with their files, within 6 seconds on two. The best round is the speed of the code; the median shows
how busy the machine is. The run takes about half a minute.
"""

import os
import statistics
import tempfile
import time

CORES = sorted(os.sched_getaffinity(0))
os.sched_setaffinity(0, CORES[:2])

import cv2  # noqa: E402

from leukcnn.papers import alertnet  # noqa: E402
from leukcnn.synthetic.drawing import draw_cell  # noqa: E402
from leukcnn.synthetic.folders import smear_counts, write_many  # noqa: E402

ROUNDS, CELLS, CELLS_GOAL = 10, 200, 200
SMEAR_ROUNDS, SECONDS_GOAL = 3, 6


def cell_rate(first: int) -> float:
    """Returns cells per second in one round: both classes, ten cells per subject, all of them new."""
    start = time.process_time()
    for cell in range(first, first + CELLS):
        draw_cell(malignant=cell % 2 == 0, subject=str(cell // 10), seed=0, cell=cell)
    return CELLS / (time.process_time() - start)


def smear_seconds(names: tuple[str, ...], seed: int) -> float:
    """Returns the seconds that the smears of some datasets and their files take."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        write_many(names, folder, seed=seed)
        return time.perf_counter() - start


def main() -> None:
    """Prints a line for cells and a line for smears."""
    cv2.setNumThreads(1)
    cell_rate(0)
    rates = [cell_rate(number * CELLS) for number in range(1, ROUNDS + 1)]
    print(
        f"{CELLS} cells of 450x450 per round, one core, OpenCV {cv2.__version__}: best {max(rates):.0f}, "
        f"median {statistics.median(rates):.0f} cells per second (goal: {CELLS_GOAL})"
    )
    names = alertnet.PAPER.datasets
    smears = sum(sum(smear_counts(name).values()) for name in names)
    seconds = [smear_seconds(names, seed) for seed in range(SMEAR_ROUNDS)]
    print(
        f"{smears} smears of {len(names)} datasets per round, {min(len(CORES), 2)} cores: best "
        f"{min(seconds):.1f}, median {statistics.median(seconds):.1f} seconds (goal: {SECONDS_GOAL})"
    )


if __name__ == "__main__":
    main()
