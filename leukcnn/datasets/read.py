"""Read an image file of any supported format as RGB with 8 bits per channel."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np

from leukcnn.datasets.headers import BrokenImage, conversion, read_header
from leukcnn.errors import DataError


def read_image(path: str | Path) -> tuple[np.ndarray, str | None]:
    """Reads a BMP, PNG, JPEG or TIFF image as RGB.

    Images of another form are converted: 16-bit values are divided by 257 and rounded, grey is repeated in
    three channels, and alpha is dropped, as other readers do. (In many 32-bit BMP files alpha is 0
    everywhere, and blending with black would give a black image.) Orientation tags are ignored: the pixels
    are returned as they are stored.

    Args:
        path: The file.

    Returns:
        The image, (H, W, 3) uint8, 0..255, and a description of the conversion, None if there was none.

    Raises:
        DataError: The file can't be read, is empty, isn't an image, or is truncated; the message names it.
    """
    try:
        return decode_image(Path(path).read_bytes())
    except OSError as error:
        raise DataError(
            f"{path} can't be read: {error.strerror or error}.",
            expected="a readable BMP, PNG, JPEG or TIFF image",
            remedy="check the path and its permissions",
        ) from error
    except BrokenImage as error:
        raise DataError(
            f"{path} {error.detail}.",
            expected="a complete BMP, PNG, JPEG or TIFF image",
            remedy="copy or download the file again; 'leukcnn check' lists all faults of a folder",
        ) from error


def decode_image(content: bytes) -> tuple[np.ndarray, str | None]:
    """Decodes the content of an image file; see `read_image`.

    Args:
        content: The whole file.

    Returns:
        The image, (H, W, 3) uint8, 0..255, and a description of the conversion, None if there was none.

    Raises:
        BrokenImage: The content is empty, isn't an image, or is truncated.
    """
    header = read_header(content)
    _silence_decoder()
    try:
        # If asked for RGB, OpenCV 5.0 mixes up the colours of 16-bit TIFF. It is asked for the stored values.
        stored = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        stored = None
    if stored is None:
        raise BrokenImage("undecodable", f"can't be decoded as {header.format}")
    if stored.dtype not in (np.uint8, np.uint16):
        raise BrokenImage(
            "undecodable", f"holds values of type {stored.dtype}, not whole numbers of 8 or 16 bits"
        )
    channels = 1 if stored.ndim == 2 else stored.shape[2]
    note = conversion(channels, 8 * stored.dtype.itemsize)
    if stored.dtype == np.uint16:
        stored = ((stored.astype(np.uint32) + 128) // 257).astype(np.uint8)
    to_rgb = {1: cv2.COLOR_GRAY2RGB, 3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGB}
    if channels not in to_rgb:
        raise BrokenImage("undecodable", f"has {channels} channels, not 1, 3 or 4")
    return cv2.cvtColor(stored, to_rgb[channels]), note


@cache
def _silence_decoder() -> None:
    # OpenCV prints every fault of a file on stderr, in the middle of the progress bar. Our error reports it.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
