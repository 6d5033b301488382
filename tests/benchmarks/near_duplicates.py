"""Measures the search for near-duplicates.

    python tests/benchmarks/near_duplicates.py [--images N] [--cells]

The images have 96x96 pixels, as `leukcnn check` and every run compare them. They are the real ones below
LEUKCNN_DATA (Taleghani, C-NMC, PBC, AML-LMU, Leukocytes, JTSC, CellaVision 2), then parts of theirs that
don't overlap (`--cells`: synthetic cells on black, as C-NMC's, the most similar images of all), and at the
end 200 copies of them: mirrored or turned, half of them also cropped by 4 %, encoded as JPEG and brightened.
Without LEUKCNN_DATA, all are synthetic.

The goals for 15,000 images are 60 seconds on two cores, and 1 GiB of anonymous memory. The search runs in a
process of its own, whose memory is sampled every 50 ms; mapped files aren't part of it. The script prints
seconds of the clock and of the processor, the memory, and how many pairs and how many of the copies are
found. `--write FILE.npz` keeps the pairs, and `--compare FILE.npz` compares them with those that another
version of the code wrote. The run takes about two minutes.
"""

import argparse
import multiprocessing
import os
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0))[:2]
os.sched_setaffinity(0, CORES)

import cv2  # noqa: E402
import numpy as np  # noqa: E402

from leukcnn.datasets import read_image  # noqa: E402
from leukcnn.datasets.copies import measured_copies, oriented  # noqa: E402
from leukcnn.preprocessing import resize, square_crop  # noqa: E402
from leukcnn.synthetic.drawing import draw_cell  # noqa: E402

SIZE, COPIES = 96, 200
# Sets of real images whose quarters show something.
SMEARS = ("taleghani", "pbc", "aml_lmu")
SETS = (*SMEARS, "cnmc2019", "leukocytes", "segmentation_wbc")
ENDINGS = {".jpg", ".bmp", ".png", ".tif", ".tiff"}


def real_images(n: int) -> list[np.ndarray]:
    """Returns up to `n` real images, then quarters of images, which show no cell twice."""
    root = os.environ.get("LEUKCNN_DATA")
    if not root:
        return []
    paths = [
        path
        for name in SETS
        for path in sorted((Path(root) / name).rglob("*"))
        if path.suffix.lower() in ENDINGS and not path.name.startswith(".")
    ]

    def read(path: Path) -> tuple[np.ndarray, list[np.ndarray]]:
        square = square_crop(read_image(path)[0])
        half, parts = len(square) // 2, []
        if path.relative_to(root).parts[0] in SMEARS:
            corners = ((0, 0), (0, half), (half, 0), (half, half))
            parts = [resize(square[y : y + half, x : x + half], SIZE) for y, x in corners]
        return resize(square, SIZE), parts

    with ThreadPoolExecutor(len(CORES)) as pool:
        read_images = list(pool.map(read, paths))
    whole = [image for image, _ in read_images]
    return [*whole, *(part for _, parts in read_images for part in parts)][:n]


def synthetic_cells(n: int) -> list[np.ndarray]:
    """Returns cells on black; twenty of each subject."""

    def draw(cell: int) -> np.ndarray:
        image = draw_cell(malignant=cell % 2 == 0, subject=str(cell // 20), seed=0, cell=cell)
        return resize(square_crop(image), SIZE)

    with ThreadPoolExecutor(len(CORES)) as pool:
        return list(pool.map(draw, range(n)))


def copy_of(image: np.ndarray, number: int) -> np.ndarray:
    """Returns a copy in one of the eight orientations; every second one is changed, too."""
    if number % 2:
        edge = round(0.04 * SIZE)
        image = resize(image[edge:-edge, edge:-edge], SIZE)
        encoded = cv2.imencode(".jpg", image[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, 75))[1]
        image = cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1]
        image = np.clip(image * 1.05, 0, 255).astype(np.uint8)
    return oriented(image, number // 2 % 8)


def resident(kind: str) -> int:
    """Returns this process' memory of a kind of /proc/self/status, in bytes."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith(kind + ":"))


def search(path: Path, out: Path) -> None:
    """Searches the images of a file; writes pairs, seconds and memory."""
    images, peak, done = np.load(path, mmap_mode="r"), [0], threading.Event()
    before = resident("RssAnon")

    def sample() -> None:
        while not done.wait(0.05):
            peak[0] = max(peak[0], resident("RssAnon"))

    thread = threading.Thread(target=sample)
    thread.start()
    started, used = time.perf_counter(), time.process_time()
    pairs, distances = measured_copies(images, workers=len(CORES))
    seconds = time.perf_counter() - started, time.process_time() - used
    done.set()
    thread.join()
    np.savez(out, pairs=pairs, distances=distances, seconds=seconds, memory=[before, max(peak[0], before)])


def main() -> None:
    """Makes the images, searches them and prints what was measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=15000)
    parser.add_argument("--cells", action="store_true", help="fill up with synthetic cells on black")
    parser.add_argument("--write", type=Path, help="keep the pairs")
    parser.add_argument("--compare", type=Path, help="pairs that another version wrote")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    n = options.images - COPIES
    images = [] if options.cells else real_images(n)
    n_real = len(images)
    images += synthetic_cells(n - n_real)
    originals = np.linspace(0, n - 1, COPIES).astype(int).tolist()
    images += [copy_of(images[row], number) for number, row in enumerate(originals)]
    with tempfile.TemporaryDirectory() as name:
        path, out = Path(name) / "images.npy", Path(name) / "found.npz"
        np.save(path, np.stack(images))
        del images
        process = multiprocessing.get_context("spawn").Process(target=search, args=(path, out))
        process.start()
        process.join()
        found = dict(np.load(out))
    pairs = {tuple(pair) for pair in found["pairs"].tolist()}
    known = sum((row, n + number) in pairs for number, row in enumerate(originals))
    print(
        f"{options.images:,} images ({n_real:,} real ones and parts of real ones, {n - n_real:,} synthetic "
        f"cells, {COPIES} copies) on {len(CORES)} cores: {found['seconds'][0]:.1f} s, "
        f"{found['seconds'][1]:.1f} s of the processor, {found['memory'][1] / 2**20:,.0f} MiB of anonymous "
        f"memory ({found['memory'][0] / 2**20:,.0f} MiB before); {len(pairs):,} pairs, {known} of the "
        f"{COPIES} copies"
    )
    if options.write:
        np.savez(options.write, pairs=found["pairs"], distances=found["distances"])
    if options.compare:
        others = {tuple(pair) for pair in np.load(options.compare)["pairs"].tolist()}
        print(
            f"compared with {options.compare}: {len(pairs - others)} more pairs, {len(others - pairs)} fewer"
        )


if __name__ == "__main__":
    main()
