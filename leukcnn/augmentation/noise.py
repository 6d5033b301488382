"""Augmentation of grey levels: Gaussian blur, salt and pepper."""

import cv2
import numpy as np

from leukcnn.augmentation.arguments import check_blur, check_fraction
from leukcnn.augmentation.checks import as_opencv, check_image, output_like


def gaussian_blur(image: np.ndarray, size: int, *, out: np.ndarray | None = None) -> np.ndarray:
    """Blurs an image with a Gaussian kernel; the kernel's size determines sigma, as in OpenCV.

    sigma = 0.3 ((size - 1) / 2 - 1) + 0.8 pixels (1.1 for a size of 5). Up to a size of 7, OpenCV's tabulated
    kernels are used. At the border, the image is continued by mirroring it about its outermost pixels.

    Args:
        image: (H, W, C), uint8 or float32 of any range, 1 to 4 channels.
        size: Height and width of the kernel, pixels, odd.
        out: Array to write to, of the image's shape and dtype; it may be the image itself.

    Returns:
        (H, W, C) of the input's dtype: `out` if given, otherwise a new array.

    Raises:
        ArgumentError: The image or `out` isn't as described, or the size isn't odd and at least 1.
    """
    check_image(image)
    check_blur("size", size)
    out = output_like(image, out, in_place=True)
    cv2.GaussianBlur(as_opencv(image), (size, size), 0, dst=as_opencv(out))
    return out


def salt_and_pepper(
    image: np.ndarray,
    amount: float,
    rng: int | np.random.Generator,
    *,
    salt: float = 255.0,
    pepper: float = 0.0,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Turns some pixels white (salt) and some black (pepper), in all channels.

    Exactly round(amount * H * W) different pixels change, and every set of this size is equally likely. Half
    of them (rounded down) become salt, the others pepper.

    Args:
        image: (H, W, C), uint8 or float32, 1 to 4 channels.
        amount: Fraction of the pixels that change, 0 to 1.
        rng: Generator that samples the positions, or a seed for `numpy.random.default_rng`.
        salt: Grey level of the white pixels. leukcnn's images are on 0..255; pass 1.0 for images on 0..1.
        pepper: Grey level of the black pixels.
        out: Array to write to, of the image's shape and dtype; it may be the image itself.

    Returns:
        (H, W, C) of the input's dtype: `out` if given, otherwise a new array.

    Raises:
        ArgumentError: The image or `out` isn't as described, or the amount isn't a fraction.
    """
    check_image(image)
    check_fraction("amount", amount)
    out = output_like(image, out, in_place=True)
    if out is not image:
        np.copyto(out, image)
    height, width, channels = image.shape
    white, black = noisy_positions(height, width, amount, rng)
    pixels = out.reshape(-1, channels)
    # One channel after the other: three times as fast as assigning whole pixels.
    for channel in range(channels):
        pixels[:, channel][white] = salt
        pixels[:, channel][black] = pepper
    return out


def noisy_positions(
    height: int, width: int, amount: float, rng: int | np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Samples the pixels that become salt and those that become pepper, see `salt_and_pepper`.

    Returns:
        Two int64 arrays, positions in the image's rows one after the other.
    """
    count = round(amount * height * width)
    positions = np.random.default_rng(rng).choice(height * width, count, replace=False)
    return positions[: count // 2], positions[count // 2 :]
