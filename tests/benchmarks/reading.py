"""Compares the reading of image files with OpenCV's: `python tests/benchmarks/reading.py`.

Images of 360x360 pixels are written in several formats. `leukcnn.datasets.read_image` checks that each file
is complete and sound, `cv2.imread` doesn't. The images are those of PBC below LEUKCNN_DATA, or synthetic
smears. The readers take turns in several rounds, and a ratio is that of their medians. Rates count
processor time only. The run takes less than a minute.
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

from leukcnn import synthetic  # noqa: E402
from leukcnn.datasets import read_image  # noqa: E402
from leukcnn.preprocessing import resize, square_crop  # noqa: E402

IMAGES, IMAGE_SIZE, ROUNDS = 40, 360, 7
FORMATS = {
    "BMP": (".bmp", ()),
    "PNG": (".png", ()),
    "JPEG": (".jpg", ()),
    "TIFF, uncompressed": (".tif", (cv2.IMWRITE_TIFF_COMPRESSION, 1)),
    "TIFF, LZW": (".tif", (cv2.IMWRITE_TIFF_COMPRESSION, 5)),
    "TIFF, Deflate": (".tif", (cv2.IMWRITE_TIFF_COMPRESSION, 8)),
}


def some_images(folder: Path) -> tuple[list[Path], str]:
    """Returns paths of images and the name of their source."""
    root = os.environ.get("LEUKCNN_DATA")
    if root and (Path(root) / "pbc").is_dir():
        paths, source = sorted((Path(root) / "pbc").rglob("*.jpg")), "PBC"
    else:
        paths, source = (
            sorted(synthetic.write_many(("taleghani",), folder, seed=0).rglob("*.jpg")),
            "synthetic",
        )
    return paths[:: max(1, len(paths) // IMAGES)][:IMAGES], source


def seconds(read: Callable[[str], object], paths: list[str]) -> float:
    """Returns the processor time of reading all files once."""
    start = time.process_time()
    for path in paths:
        read(path)
    return time.process_time() - start


def main() -> None:
    """Prints a line for each format."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        originals, source = some_images(folder)
        images = [resize(square_crop(read_image(path)[0]), IMAGE_SIZE) for path in originals]
        print(
            f"{len(images)} images ({source}), {IMAGE_SIZE}x{IMAGE_SIZE}, one core, OpenCV {cv2.__version__}"
        )
        for label, (extension, options) in FORMATS.items():
            paths = [str(folder / f"{i}{extension}") for i in range(len(images))]
            for path, image in zip(paths, images, strict=True):
                cv2.imwrite(path, image[..., ::-1], options)
            rounds = [(seconds(read_image, paths), seconds(cv2.imread, paths)) for _ in range(ROUNDS)]
            ours, peer = (len(images) / statistics.median(times) for times in zip(*rounds, strict=True))
            print(f"{label:20} {ours:6.0f} images/s, OpenCV {peer:6.0f}, ratio {ours / peer:.2f}")


if __name__ == "__main__":
    main()
