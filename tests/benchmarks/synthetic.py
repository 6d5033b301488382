"""Measures how fast cells and smears are drawn: `python tests/benchmarks/synthetic.py`.

To reach: 200 cells of 450x450 a second on one core; all datasets of the Alert Net paper, about 280 smears and
their files, within 6 seconds on two. The best round is what the code can do; the median shows how busy the
machine is. It takes about half a minute.
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

ROUNDS, CELLS, CELLS_TO_REACH = 10, 200, 200
SMEAR_ROUNDS, SECONDS_TO_REACH = 3, 6


def cell_rate(first: int) -> float:
    """Returns cells a second over one round; both classes, ten cells a subject, none drawn before."""
    start = time.process_time()
    for cell in range(first, first + CELLS):
        draw_cell(malignant=cell % 2 == 0, subject=str(cell // 10), seed=0, cell=cell)
    return CELLS / (time.process_time() - start)


def smear_seconds(names: tuple[str, ...], seed: int) -> float:
    """Returns how long the smears of some datasets and their files take."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        write_many(names, folder, seed=seed)
        return time.perf_counter() - start


def main() -> None:
    """Prints the rates of all rounds, a line each for cells and smears."""
    cv2.setNumThreads(1)
    cell_rate(0)
    rates = [cell_rate(number * CELLS) for number in range(1, ROUNDS + 1)]
    print(
        f"{CELLS} cells of 450x450 a round, one core, OpenCV {cv2.__version__}: best {max(rates):.0f}, "
        f"median {statistics.median(rates):.0f} cells a second (to reach: {CELLS_TO_REACH})"
    )
    names = alertnet.PAPER.datasets
    smears = sum(sum(smear_counts(name).values()) for name in names)
    seconds = [smear_seconds(names, seed) for seed in range(SMEAR_ROUNDS)]
    print(
        f"{smears} smears of {len(names)} datasets a round, {min(len(CORES), 2)} cores: best "
        f"{min(seconds):.1f}, median {statistics.median(seconds):.1f} seconds (to reach: {SECONDS_TO_REACH})"
    )


if __name__ == "__main__":
    main()
