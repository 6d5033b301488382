"""Measures augmentation in one run: `python tests/benchmarks/augmentation.py --data DIR`.

DIR contains `taleghani/` (224x224) and `cnmc2019/` (450x450) in the datasets' own layouts. Every contestant
does the same to the same images (rotation, shifts, shear, zoom, both flips, bilinear, reflected edge) on one
core, one after the other within a round, over many short rounds. A rate is that of the best round. A multiple
is the median over the rounds of one contestant's speed divided by another's in the same round: a busy machine
changes the rates, but hardly the multiples. For two threads, the multiple of the best rounds is printed too,
because another process on the second core hides the gain in the other rounds. The run takes two to three
minutes and needs the test extra.

`--device` measures only augmentation in the compiled step (`--augment device`) against that on the host, with
the backend that KERAS_BACKEND names, on one core or on the accelerator that the backend finds. It needs no
images and takes a minute.
"""

import argparse
import os
import statistics
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0))
os.sched_setaffinity(0, CORES[:1])
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations  # noqa: E402
import cv2  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from keras.src.legacy.preprocessing.image import ImageDataGenerator  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from leukcnn.augmentation import ImageAugmenter, affine_matrix, gaussian_blur, salt_and_pepper  # noqa: E402
from leukcnn.augmentation.on_device import OnDevice  # noqa: E402

ROTATION_DEGREES, SHIFT, SHEAR_DEGREES, ZOOM = 40, 0.2, 10, 0.2
KERAS_ARGUMENTS = {
    "rotation_range": ROTATION_DEGREES,
    "width_shift_range": SHIFT,
    "height_shift_range": SHIFT,
    "shear_range": SHEAR_DEGREES,
    "zoom_range": ZOOM,
    "horizontal_flip": True,
    "vertical_flip": True,
    "fill_mode": "reflect",
}
CNMC_ARGUMENTS = {
    "rotation_range": (20, 339),
    "flips": "one_of",
    "fill_mode": "constant",
    "one_of": ({}, {"shear_factor": (0.1, 0.35)}, {"salt_and_pepper": 0.02}, {"gaussian_blur": 5}),
}
NOISE_SIZE = 250
Contestants = dict[str, Callable[[], object]]


def read_images(folder: Path, image_size: int, count: int) -> np.ndarray:
    """Reads `count` images spread evenly over a folder, repeatedly if it has fewer.

    Returns:
        (count, image_size, image_size, 3), uint8, RGB.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix in {".jpg", ".bmp", ".png"})
    if not paths:
        raise SystemExit(f"{folder} has no image. Name its parent folder with --data.")
    chosen = (paths * count)[:: max(1, len(paths) // count)][:count]
    images = [cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) for path in chosen]
    return np.stack([image for image in images if image.shape[:2] == (image_size, image_size)])


def warp_loop(images: np.ndarray, out: np.ndarray) -> Callable[[], None]:
    """Returns the floor: a bare loop of one cv2.warpAffine per image, with matrices made before."""
    count, image_size = images.shape[:2]
    augmenter = ImageAugmenter(**KERAS_ARGUMENTS)
    matrices = []
    for seed in range(count):
        params = augmenter.get_random_transform(images.shape[1:], seed)
        geometry = {key: params[key] for key in ("theta", "tx", "ty", "shear", "zx", "zy")}
        matrices.append(affine_matrix((image_size, image_size), **geometry))

    def run():
        for i in range(count):
            cv2.warpAffine(
                images[i],
                matrices[i],
                (image_size, image_size),
                dst=out[i],
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REFLECT,
            )

    return run


def geometric_contestants(images: np.ndarray) -> Contestants:
    """Returns name -> function that warps the whole batch once; the floor comes first."""
    count = len(images)
    out = np.empty_like(images)
    as_float = images.astype(np.float32)
    augmenter = ImageAugmenter(**KERAS_ARGUMENTS)
    params = [augmenter.get_random_transform(images.shape[1:], seed) for seed in range(count)]
    generator = ImageDataGenerator(**KERAS_ARGUMENTS)

    def keras_bare():
        for i in range(count):
            generator.apply_transform(as_float[i], params[i])

    def keras_sampling():
        for i in range(count):
            generator.random_transform(as_float[i], seed=i)

    albumented = albumentations.Compose(
        [
            albumentations.Affine(
                rotate=(-ROTATION_DEGREES, ROTATION_DEGREES),
                translate_percent={"x": (-SHIFT, SHIFT), "y": (-SHIFT, SHIFT)},
                shear={"x": (-SHEAR_DEGREES, SHEAR_DEGREES), "y": (0, 0)},
                scale={"x": (1 - ZOOM, 1 + ZOOM), "y": (1 - ZOOM, 1 + ZOOM)},
                interpolation=cv2.INTER_LINEAR,
                border_mode=cv2.BORDER_REFLECT,
                p=1.0,
            ),
            albumentations.HorizontalFlip(p=0.5),
            albumentations.VerticalFlip(p=0.5),
        ],
        seed=0,
    )

    def albumentations_affine():
        for i in range(count):
            albumented(image=images[i])

    layers = [
        keras.layers.RandomRotation(ROTATION_DEGREES / 360, fill_mode="reflect", seed=0),
        keras.layers.RandomTranslation(SHIFT, SHIFT, fill_mode="reflect", seed=0),
        keras.layers.RandomShear(
            SHEAR_DEGREES / 90, 0.0, fill_mode="reflect", seed=0, data_format="channels_last"
        ),
        keras.layers.RandomZoom(ZOOM, ZOOM, fill_mode="reflect", seed=0),
        keras.layers.RandomFlip(seed=0),
    ]

    @tf.function
    def layered(batch):
        for layer in layers:
            batch = layer(batch, training=True)
        return batch

    tensor = tf.constant(as_float)
    return {
        "floor: one cv2.warpAffine": warp_loop(images, out),
        "leukcnn: apply_batch": lambda: augmenter.apply_batch(images, range(count), out=out),
        "Albumentations: Affine + flips": albumentations_affine,
        "ImageDataGenerator: apply_transform": keras_bare,
        "ImageDataGenerator: random_transform": keras_sampling,
        "keras.layers.Random* in tf.function": lambda: layered(tensor).numpy(),
    }


def noise_contestants(images: np.ndarray) -> Contestants:
    """Returns blur and noise, as functions and in an augmenter; a bare cv2.GaussianBlur comes first."""
    count = len(images)
    out = np.empty_like(images)
    rng = np.random.default_rng(0)
    blurring, salting = ImageAugmenter(gaussian_blur=5), ImageAugmenter(salt_and_pepper=0.02)

    def floor():
        for i in range(count):
            cv2.GaussianBlur(images[i], (5, 5), 0, dst=out[i])

    def blur():
        for i in range(count):
            gaussian_blur(images[i], 5, out=out[i])

    def salt():
        for i in range(count):
            salt_and_pepper(images[i], 0.02, rng, out=out[i])

    return {
        "floor: one cv2.GaussianBlur 5x5": floor,
        "leukcnn: gaussian_blur 5x5": blur,
        "leukcnn: apply_batch, blur 5x5": lambda: blurring.apply_batch(images, range(count), out=out),
        "leukcnn: salt_and_pepper 2 %": salt,
        "leukcnn: apply_batch, noise 2 %": lambda: salting.apply_batch(images, range(count), out=out),
    }


def thread_contestants(images: np.ndarray) -> Contestants:
    """Returns the same batch on one thread and on two, and the same for bare OpenCV."""
    augmenter = ImageAugmenter(**KERAS_ARGUMENTS)
    out, spare = np.empty_like(images), np.empty_like(images)
    count, half = len(images), len(images) // 2
    whole_floor = warp_loop(images, out)
    first_half, second_half = warp_loop(images[:half], out[:half]), warp_loop(images[half:], spare[half:])

    def split_floor():
        other = threading.Thread(target=second_half)
        other.start()
        first_half()
        other.join()

    return {
        "leukcnn: threads=1": lambda: augmenter.apply_batch(images, range(count), out=out),
        "leukcnn: threads=2": lambda: augmenter.apply_batch(images, range(count), out=out, threads=2),
        "bare cv2.warpAffine, one thread": whole_floor,
        "bare cv2.warpAffine, two threads": split_floor,
    }


def device_contestants(arguments: dict[str, object], image_size: int, count: int) -> Contestants:
    """Returns augmentation on the host, sampling for the device, and the compiled step on the device."""
    images = np.random.default_rng(0).integers(0, 256, (count, image_size, image_size, 3), dtype=np.uint8)
    augmenter, out = ImageAugmenter(**arguments), np.empty_like(images)
    on_device = OnDevice(augmenter, images.shape[1:])
    inputs = {"images": images, **on_device.transforms(range(count))}
    if keras.backend.backend() == "jax":
        import jax

        compiled = jax.jit(on_device.apply)
        inputs = jax.device_put(inputs)

        def device():
            compiled(inputs).block_until_ready()
    else:
        compiled = tf.function(on_device.apply, jit_compile=True)
        inputs = {name: tf.constant(array) for name, array in inputs.items()}

        def device():
            compiled(inputs)[0, 0, 0, 0].numpy()

    return {
        "host: apply_batch": lambda: augmenter.apply_batch(images, range(count), out=out),
        "device: apply, compiled": device,
        "device: transforms, on the host": lambda: on_device.transforms(range(count)),
    }


def measure(contestants: Contestants, rounds: int) -> dict[str, list[float]]:
    """Returns the seconds of each contestant in each round, after a warm-up."""
    seconds = {name: [] for name in contestants}
    for run in contestants.values():
        run()
    for _ in range(rounds):
        for name, run in contestants.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def report(console: Console, title: str, seconds: dict[str, list[float]], images: int) -> None:
    """Prints each contestant's rate, and its speed as a multiple of those of the first and the second."""
    first, second = list(seconds)[:2]
    table = Table("", "images/s", f"x {first}", f"x {second}", title=title)
    for name, times in seconds.items():
        multiples = [
            statistics.median(base / own for base, own in zip(seconds[reference], times, strict=True))
            for reference in (first, second)
        ]
        table.add_row(name, f"{images / min(times):,.0f}", *(f"{multiple:.3f}" for multiple in multiples))
    console.print(table)


def main() -> None:
    """Reads the images, measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("LEUKCNN_DATA"), help="default: $LEUKCNN_DATA"
    )
    parser.add_argument("--device", action="store_true", help="augmentation on the device alone")
    parser.add_argument("--rounds", type=int, default=15, help="rounds of each measurement (default: 15)")
    parser.add_argument("--batch", type=int, default=16, help="images per round (default: 16)")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", DeprecationWarning)
    cv2.setNumThreads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    console = Console(width=120)
    console.print(f"OpenCV {cv2.__version__}, NumPy {np.__version__}, Keras {keras.__version__}, one core")
    if arguments.device:
        for image_size, augmentation in ((224, KERAS_ARGUMENTS), (250, CNMC_ARGUMENTS)):
            seconds = measure(device_contestants(augmentation, image_size, arguments.batch), arguments.rounds)
            title = f"{image_size}x{image_size}, {keras.backend.backend()}"
            report(console, title, seconds, arguments.batch)
        return
    if arguments.data is None:
        parser.error("name the folder of real images with --data or LEUKCNN_DATA")
    small = read_images(arguments.data / "taleghani", 224, arguments.batch)
    large = read_images(arguments.data / "cnmc2019", 450, arguments.batch)
    for images in (small, large):
        seconds = measure(geometric_contestants(images), arguments.rounds)
        report(console, "{1}x{2}".format(*images.shape), seconds, len(images))
    margin = (large.shape[1] - NOISE_SIZE) // 2
    cropped = np.ascontiguousarray(large[:, margin:-margin, margin:-margin])
    report(console, "250x250", measure(noise_contestants(cropped), 10 * arguments.rounds), len(cropped))
    if len(CORES) < 2:
        console.print("Two threads can't be measured on one core.")
        return
    os.sched_setaffinity(0, CORES[:2])
    for images in (small, large):
        seconds = measure(thread_contestants(images), 20 * arguments.rounds)
        report(console, "{1}x{2}, two cores".format(*images.shape), seconds, len(images))
        best = [min(times) for times in seconds.values()]
        console.print(f"Best rounds, two threads: leukcnn {best[0] / best[1]:.2f} times, ", end="")
        console.print(f"bare OpenCV {best[2] / best[3]:.2f} times")


if __name__ == "__main__":
    main()
