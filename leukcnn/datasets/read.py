"""Read an image file of any supported format as RGB with 8 bits per channel."""

import struct
from pathlib import Path
from types import ModuleType

import numpy as np

from leukcnn.datasets.formats import bmp, jpeg, png, tiff
from leukcnn.datasets.headers import BrokenImage, Header, conversion, truncated
from leukcnn.errors import DataError

# First bytes of a file -> the module of its format.
_FORMATS = {
    b"BM": bmp,
    b"\x89PNG\r\n\x1a\n": png,
    b"\xff\xd8": jpeg,
    **dict.fromkeys((b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"), tiff),
}


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


def read_header(content: bytes) -> Header:
    """Returns the header of an image after checking that the file is complete.

    Decoders fill the missing rows of a truncated file with grey or black, some without a warning. Here a file
    is complete only if it is as long as its header says, or ends as its format requires.

    Args:
        content: The whole file.

    Raises:
        BrokenImage: The file is empty, isn't a BMP, PNG, JPEG or TIFF image, or ends too early.
    """
    try:
        return _format(content).read_header(content)
    except (struct.error, IndexError) as error:
        raise truncated("it ends within its own header") from error


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
    values = _format(content).decode(content, header)
    channels = values.shape[2]
    note = conversion(channels, 8 * values.dtype.itemsize)
    if values.dtype == np.uint16:
        values = ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    colours = values[..., :1].repeat(3, axis=2) if channels in (1, 2) else values[..., :3]
    return np.ascontiguousarray(colours), note


def _format(content: bytes) -> ModuleType:
    if not content:
        raise BrokenImage("empty", "is empty (0 bytes)")
    for magic, module in _FORMATS.items():
        if content.startswith(magic):
            return module
    raise BrokenImage("undecodable", f"is no BMP, PNG, JPEG or TIFF image: it begins with {content[:8]!r}")
