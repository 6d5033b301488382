"""Measures how fast image files are read: `python tests/benchmarks/reading.py [--files N] [--cores N]`.

First, files are hashed as `leukcnn check` and every run do, and found to be complete, on all cores. It is
compared with `sha256sum` of the same files, a process for each core, and with reading the files only. The
files are those of Taleghani (small JPEG) and C-NMC (large BMP) below LEUKCNN_DATA, copied until there are N
or 1 GiB, or BMP files of random pixels. They are read warm, from the page cache, and cold, after
`posix_fadvise` dropped them from it (a virtual disk may have a cache of its own). Then all that `check` does
with a file, on one core and on all.

Second, images of 360x360 pixels are decoded from several formats on one core. `leukcnn.datasets.read_image`
checks that each file is complete and sound, `cv2.imread` doesn't. The images are those of PBC below
LEUKCNN_DATA, or synthetic smears. The readers take turns in several rounds, and a ratio is that of their
medians. Rates of decoding count processor time only.

The run takes about two minutes.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from leukcnn import synthetic
from leukcnn.datasets import read_image
from leukcnn.datasets.matching import examine
from leukcnn.datasets.read import hashed_bytes, read_header
from leukcnn.preprocessing import resize, square_crop
from leukcnn.threads import in_threads, processors

IMAGES, IMAGE_SIZE, ROUNDS, HASH_ROUNDS = 40, 360, 7, 3
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


def copies(folder: Path, name: str, n: int, *, most_bytes: int) -> list[Path]:
    """Returns `n` copies of a dataset's files in a folder, or as many as `most_bytes` allow."""
    root = Path(os.environ.get("LEUKCNN_DATA", ""), name)
    files = [path for path in sorted(root.rglob("*")) if path.suffix.lower() in (".jpg", ".bmp")]
    if not os.environ.get("LEUKCNN_DATA") or not files:
        files = [folder / f"{name}.bmp"]
        pixels = np.random.default_rng(0).integers(0, 256, (450, 450, 3), dtype=np.uint8)
        assert cv2.imwrite(str(files[0]), pixels)
    copied: list[Path] = []
    while len(copied) < n and most_bytes > 0:
        path = folder / f"{name}-{len(copied)}{files[0].suffix}"
        shutil.copyfile(files[len(copied) % len(files)], path)
        most_bytes -= path.stat().st_size
        copied.append(path)
    return copied


def drop(paths: Iterable[Path]) -> None:
    """Drops files from the page cache."""
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _first_time(path: Path) -> object:
    content, sha256 = hashed_bytes(path)
    return sha256, read_header(content)


def hash_all(paths: list[Path], *, cores: int) -> None:
    """Hashes files and checks that they are complete, as `leukcnn` does."""
    for _ in in_threads(_first_time, paths, threads=cores):
        pass


def sha256sum(paths: list[Path], *, cores: int) -> None:
    """Hashes files with the command, in as many processes as there are cores."""
    names = "\0".join(map(str, paths)).encode()
    command = ["xargs", "-0", "-n", str(-(-len(paths) // cores)), "-P", str(cores), "sha256sum", "-b"]
    subprocess.run(command, input=names, stdout=subprocess.DEVNULL, check=True)


def read_all(paths: list[Path], *, cores: int) -> None:
    """Reads files without looking at them."""
    for _ in in_threads(Path.read_bytes, paths, threads=cores):
        pass


def examine_all(paths: list[Path], *, cores: int) -> None:
    """Reads, hashes and decodes files, as `leukcnn check` does."""
    for _ in in_threads(partial(examine, published=set(), headers=[]), paths, threads=cores):
        pass


def hashing(folder: Path, n: int, cores: int) -> None:
    """Prints lines for small and for large files."""
    for name in ("taleghani", "cnmc2019"):
        paths = copies(folder, name, n, most_bytes=1 << 30)
        size = sum(path.stat().st_size for path in paths)
        print(f"{len(paths):,} files of {size / len(paths) / 1000:,.0f} kB ({name}), {cores} cores")
        ways = {"leukcnn": hash_all, "sha256sum": sha256sum, "reading alone": read_all}
        for state in ("warm", "cold"):
            times: dict[str, list[float]] = {way: [] for way in ways}
            read_all(paths, cores=cores)
            for _ in range(HASH_ROUNDS):
                for way, work in ways.items():
                    if state == "cold":
                        drop(paths)
                    started = time.perf_counter()
                    work(paths, cores=cores)
                    times[way].append(time.perf_counter() - started)
            rates = [
                f"{way} {size / statistics.median(one) / 1e6:,.0f} MB/s "
                f"({size / max(one) / 1e6:,.0f} to {size / min(one) / 1e6:,.0f})"
                for way, one in times.items()
            ]
            print(f"  {state}: {', '.join(rates)}")
        some, rounds = paths[:500], []
        for _ in range(3):
            both = []
            for n_threads in (1, cores):
                started = time.perf_counter()
                examine_all(some, cores=n_threads)
                both.append(len(some) / (time.perf_counter() - started))
            rounds.append(both)
        one, every = (statistics.median(rates) for rates in zip(*rounds, strict=True))
        print(f"  check, with decoding: {one:,.0f} images/s on 1 core, {every:,.0f} on {cores}")
        for path in paths:
            path.unlink()


def seconds(read: Callable[[str], object], paths: list[str]) -> float:
    """Returns the processor time of reading all files once."""
    start = time.process_time()
    for path in paths:
        read(path)
    return time.process_time() - start


def decoding(folder: Path) -> None:
    """Prints a line for each format."""
    originals, source = some_images(folder)
    images = [resize(square_crop(read_image(path)[0]), IMAGE_SIZE) for path in originals]
    print(f"{len(images)} images ({source}), {IMAGE_SIZE}x{IMAGE_SIZE}, one core, OpenCV {cv2.__version__}")
    for label, (extension, options) in FORMATS.items():
        paths = [str(folder / f"{i}{extension}") for i in range(len(images))]
        for path, image in zip(paths, images, strict=True):
            cv2.imwrite(path, image[..., ::-1], options)
        rounds = [(seconds(read_image, paths), seconds(cv2.imread, paths)) for _ in range(ROUNDS)]
        ours, peer = (len(images) / statistics.median(times) for times in zip(*rounds, strict=True))
        print(f"{label:20} {ours:6.0f} images/s, OpenCV {peer:6.0f}, ratio {ours / peer:.2f}")


def main() -> None:
    """Prints the rates of hashing, then those of decoding."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--cores", type=int, default=processors())
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        hashing(Path(name), options.files, options.cores)
        # One core for the comparison with OpenCV.
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        decoding(Path(name))


if __name__ == "__main__":
    main()
