"""What changes grey levels and not geometry: Gaussian blur, salt and pepper."""

import cv2
import numpy as np

from leukcnn.augmentation.arguments import check_blur, check_fraction
from leukcnn.augmentation.checks import as_opencv, check_image, output_like


def gaussian_blur(image: np.ndarray, size: int, *, out: np.ndarray | None = None) -> np.ndarray:
    """Blurs an image with a Gaussian kernel whose sigma follows from its side, as in OpenCV.

    sigma = 0.3 ((size - 1) / 2 - 1) + 0.8 pixels (1.1 for a side of 5); up to a side of 7, OpenCV's tabulated
    kernels. Beyond its edge the image is mirrored about the outermost pixels.

    Args:
        image: (H, W, C), uint8 or float32 of any range, 1 to 4 channels.
        size: Side of the kernel, pixels, odd.
        out: Where to write, of the image's shape and dtype; it may be the image itself.

    Returns:
        (H, W, C) of the input's dtype: `out`, or a new array.

    Raises:
        ArgumentError: The image or `out` isn't as described, or the side isn't odd and at least 1.
    """
    check_image(image)
    check_blur("size", size)
    out = output_like(image, out, in_place=True)
    cv2.GaussianBlur(as_opencv(image), (size, size), 0, dst=as_opencv(out))
    return out


def salt_and_pepper(
    image: np.ndarray,
    amount: float,
    rng: np.random.Generator,
    *,
    salt: float = 255.0,
    pepper: float = 0.0,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Turns some pixels white and as many black, in all channels.

    Exactly round(amount H W) different pixels change, every set of them equally likely; one half (rounded
    down) becomes salt, the rest pepper.

    Args:
        image: (H, W, C), uint8 or float32, 1 to 4 channels.
        amount: Fraction of the pixels that change, 0 to 1.
        rng: Where the positions are drawn from; a seed that `numpy.random.default_rng` takes will do.
        salt: Grey level of the white pixels. leukcnn's images are on 0..255; pass 1.0 for those on 0..1.
        pepper: Grey level of the black pixels.
        out: Where to write, of the image's shape and dtype; it may be the image itself.

    Returns:
        (H, W, C) of the input's dtype: `out`, or a new array.

    Raises:
        ArgumentError: The image or `out` isn't as described, or the amount isn't a fraction.
    """
    check_image(image)
    check_fraction("amount", amount)
    out = output_like(image, out, in_place=True)
    if out is not image:
        np.copyto(out, image)
    height, width, channels = image.shape
    count = round(amount * height * width)
    positions = np.random.default_rng(rng).choice(height * width, count, replace=False)
    white, black = positions[: count // 2], positions[count // 2 :]
    pixels = out.reshape(-1, channels)
    # One channel after the other: three times as fast as assigning whole pixels.
    for channel in range(channels):
        pixels[:, channel][white] = salt
        pixels[:, channel][black] = pepper
    return out
