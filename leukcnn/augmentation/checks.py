"""Checks of the images that augmentation reads and of the arrays that it writes."""

import numpy as np

from leukcnn.errors import ArgumentError

MAX_CHANNELS = 4
DTYPES = (np.dtype(np.uint8), np.dtype(np.float32))


def check_image(image: np.ndarray, *, batch: bool = False) -> None:
    """Checks that a value is an image (H, W, C), or a batch (N, H, W, C), of uint8 or float32.

    Raises:
        ArgumentError: The value isn't an array, has another rank or dtype, has no channel or more than four,
            or has no pixel.
    """
    layout = "(N, H, W, C)" if batch else "(H, W, C)"
    if not isinstance(image, np.ndarray) or image.ndim != len(layout.split(",")):
        raise ArgumentError(
            f"The {'batch' if batch else 'image'} is {describe(image)}.",
            expected=f"an array {layout}",
            remedy="add the missing axis, e.g. `grey[..., None]`, or take one image of the batch",
        )
    if image.dtype not in DTYPES:
        raise ArgumentError(
            f"The image is {describe(image)}.",
            expected="uint8 or float32",
            remedy="convert it, e.g. `image.astype('float32')`",
        )
    height, width, channels = image.shape[-3:]
    if not 1 <= channels <= MAX_CHANNELS or height == 0 or width == 0:
        raise ArgumentError(
            f"The image is {describe(image)}.",
            expected=f"at least one pixel and 1 to {MAX_CHANNELS} channels on the last axis",
            remedy="move the channels to the end, e.g. `np.moveaxis(image, 0, -1)`",
        )


def output_like(image: np.ndarray, out: np.ndarray | None, *, in_place: bool = False) -> np.ndarray:
    """Returns `out` after checking that it fits the image (or batch), or a new array if it is None.

    Args:
        image: The array that is read.
        out: The array to write, or None.
        in_place: Whether `out` may be `image` itself.

    Raises:
        ArgumentError: `out` has another shape or dtype, isn't C-contiguous or overlaps the image in memory.
    """
    if out is None:
        return np.empty(image.shape, image.dtype)
    if not isinstance(out, np.ndarray) or out.shape != image.shape or out.dtype != image.dtype:
        raise ArgumentError(
            f"out is {describe(out)}.",
            expected=f"{describe(image)}, like the image",
            remedy="pass `np.empty_like(image)`, or leave out `out`",
        )
    if not out.flags.c_contiguous or not out.flags.writeable:
        raise ArgumentError(
            "out isn't C-contiguous or is read-only.",
            expected="a writeable, C-contiguous array",
            remedy="pass `np.empty_like(image, order='C')`, or leave out `out`",
        )
    if not (in_place and out is image) and np.may_share_memory(image, out):
        raise ArgumentError(
            "out shares memory with the image.",
            expected="memory of its own",
            remedy="pass `np.empty_like(image)`, or leave out `out`",
        )
    return out


def as_opencv(image: np.ndarray) -> np.ndarray:
    """Returns a view (H, W) of an image with one channel, and other images unchanged.

    OpenCV drops a channel axis of length one and would then write to a new array instead of the given one.
    """
    return image[..., 0] if image.shape[-1] == 1 else image


def describe(value: object) -> str:
    """Returns a short description of an array, or the repr of anything else."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} of shape {value.shape}"
    return f"{value!r:.80}"
