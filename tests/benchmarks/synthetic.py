"""Measures how fast cells are drawn on one core: `python tests/benchmarks/synthetic.py`.

To reach: 200 cells of 450x450 a second. The rate of the best round is what the code can do; the median shows
how busy the machine is. It takes some ten seconds.
"""

import os
import statistics
import time

CORES = sorted(os.sched_getaffinity(0))
os.sched_setaffinity(0, CORES[:1])

import cv2  # noqa: E402

from leukcnn.datasets.drawing import draw_cell  # noqa: E402

ROUNDS, CELLS, TO_REACH = 10, 200, 200


def rate(first: int) -> float:
    """Returns cells a second over one round; both classes, ten cells a subject, none drawn before."""
    start = time.process_time()
    for cell in range(first, first + CELLS):
        draw_cell(malignant=cell % 2 == 0, subject=str(cell // 10), seed=0, cell=cell)
    return CELLS / (time.process_time() - start)


def main() -> None:
    """Prints the rates of all rounds in one line."""
    cv2.setNumThreads(1)
    rate(0)
    rates = [rate(number * CELLS) for number in range(1, ROUNDS + 1)]
    print(
        f"{CELLS} cells of 450x450 a round, one core, OpenCV {cv2.__version__}: best {max(rates):.0f}, "
        f"median {statistics.median(rates):.0f} cells a second (to reach: {TO_REACH})"
    )


if __name__ == "__main__":
    main()
