"""Decode image files with OpenCV."""

from functools import cache

import cv2
import numpy as np

from leukcnn.datasets.formats.blocks import row_blocks
from leukcnn.datasets.headers import BrokenImage, Header, is_beyond_decoder


def stored_values(content: bytes, header: Header) -> np.ndarray:
    """Decodes a file without conversion.

    Args:
        content: The whole file.
        header: Its header.

    Returns:
        (H, W, C) uint8 or uint16, C of 1 (grey) or 3 (R, G, B), without alpha.

    Raises:
        BrokenImage: OpenCV can't decode it, or it holds other values.
    """
    _silence_decoder()
    try:
        # If asked for RGB, OpenCV 5.0 mixes up the colours of 16-bit TIFF. It is asked for the stored values.
        stored = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        stored = None
    if stored is None and is_beyond_decoder(header):
        raise BrokenImage(
            "too large",
            "is too large: LEUKCNN_MAX_PIXELS was raised after OpenCV was loaded; set it before",
        )
    if stored is None:
        raise BrokenImage("undecodable", f"can't be decoded as {header.format}")
    if stored.dtype not in (np.uint8, np.uint16):
        raise BrokenImage(
            "undecodable", f"holds values of type {stored.dtype}, not whole numbers of 8 or 16 bits"
        )
    if stored.ndim == 2:
        return stored[..., None]
    if stored.shape[2] not in (3, 4):
        raise BrokenImage("undecodable", f"has {stored.shape[2]} channels, not 1, 3 or 4")
    if stored.shape[2] == 4:
        return stored[..., 2::-1]
    for block in row_blocks(*stored.shape[:2]):
        stored[block] = cv2.cvtColor(stored[block], cv2.COLOR_BGR2RGB)
    return stored


@cache
def _silence_decoder() -> None:
    # OpenCV prints every fault of a file on stderr, in the middle of the progress bar. Our error reports it.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
