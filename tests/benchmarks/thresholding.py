"""Measures the speed of thresholding and cropping white cells: `python tests/benchmarks/thresholding.py`.

The goal is masks of 500 images of 224x224 per second on one core, by either rule. The images are those of
Taleghani below LEUKCNN_DATA, or synthetic smears. Rates are medians over the images and count processor time
only, so that other work on the machine hardly matters. The run takes a few seconds.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

CORE = min(os.sched_getaffinity(0))
os.sched_setaffinity(0, {CORE})

import cv2  # noqa: E402
import numpy as np  # noqa: E402

from leukcnn import synthetic  # noqa: E402
from leukcnn.datasets import load, read_image  # noqa: E402
from leukcnn.preprocessing import cell_crops, hsv_segment, resize, wbc_mask  # noqa: E402

IMAGES, IMAGE_SIZE, ROUNDS, MASKS_GOAL = 100, 224, 5, 500


def read_smears() -> tuple[list[np.ndarray], str]:
    """Returns images of 224x224, spread evenly over a dataset, and the name of the source."""
    root = os.environ.get("LEUKCNN_DATA")
    if root and (Path(root) / "taleghani").is_dir():
        return read_evenly(Path(root)), "Taleghani"
    with tempfile.TemporaryDirectory() as folder:
        return read_evenly(synthetic.write_many(("taleghani",), folder, seed=0)), "synthetic"


def read_evenly(root: Path) -> list[np.ndarray]:
    """Reads images of the Taleghani dataset below a folder, evenly spread over it."""
    paths = load("taleghani", root).paths
    rows = np.linspace(0, len(paths) - 1, min(IMAGES, len(paths))).astype(int)
    return [resize(read_image(paths[row])[0], IMAGE_SIZE) for row in rows]


def rate(work: Callable[[np.ndarray], object], images: list[np.ndarray]) -> float:
    """Returns images per second of processor time, the median over all images and rounds."""
    seconds = []
    for image in images * ROUNDS:
        start = time.process_time()
        work(image)
        seconds.append(time.process_time() - start)
    return 1 / statistics.median(seconds)


def main() -> None:
    """Prints a line for each function."""
    cv2.setNumThreads(1)
    images, source = read_smears()
    print(f"{len(images)} images ({source}) of {IMAGE_SIZE}x{IMAGE_SIZE}, one core, OpenCV {cv2.__version__}")
    for rule in ("darkest", "least_frequent"):
        measured = rate(lambda image, rule=rule: wbc_mask(image, rule=rule), images)
        print(f"wbc_mask, {rule:15} {measured:6.0f} per second (goal: {MASKS_GOAL})")
    print(f"hsv_segment               {rate(hsv_segment, images):6.0f} per second")
    print(f"cell_crops of wbc_mask    {rate(lambda i: cell_crops(i, wbc_mask(i)), images):6.0f} per second")
    print(
        f"cell_crops of hsv_segment {rate(lambda i: cell_crops(i, hsv_segment(i)), images):6.0f} per second"
    )


if __name__ == "__main__":
    main()
