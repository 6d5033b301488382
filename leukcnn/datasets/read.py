"""Read an image file of any supported format as RGB with 8 bits per channel."""

import os
import stat
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np

from leukcnn.datasets.formats import bmp, gif, jpeg, png, pnm, tiff
from leukcnn.datasets.formats.blocks import row_blocks
from leukcnn.datasets.headers import (
    FORMATS,
    BrokenImage,
    Header,
    conversion,
    expect_size,
    max_pixels,
    printable,
    truncated,
)
from leukcnn.errors import DataError
from leukcnn.files import content_sha256

# First bytes of a file -> the module of its format.
_FORMATS = {
    b"BM": bmp,
    b"\x89PNG\r\n\x1a\n": png,
    b"\xff\xd8": jpeg,
    **dict.fromkeys((b"GIF87a", b"GIF89a"), gif),
    **dict.fromkeys((b"P5", b"P6"), pnm),
    **dict.fromkeys((b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"), tiff),
}

# Bytes of a pixel of four channels of 16 bits, and bytes of tags, profiles and thumbnails.
_LARGEST_PIXEL, _SLACK = 8, 1 << 24
_HEAD = max(map(len, _FORMATS))
# Bytes that one call of the system reads; no system reads more than 2 GiB.
_AT_ONCE = 1 << 30
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_COARSEST_CLOCK_SECONDS = 3
# Path -> the file's state when it was read, and what was read.
_FACTS: dict[Path, tuple[tuple[int, ...], "FileFacts"]] = {}


class FileFacts(NamedTuple):
    """What is known of an image file without decoding it: its hexadecimal SHA-256 and its header."""

    sha256: str
    header: Header


def read_image(path: str | Path) -> tuple[np.ndarray, str | None]:
    """Reads a BMP, PNG, JPEG, TIFF, GIF or PNM image as RGB.

    The pixels are the values that are stored, or the file is refused. Images of another form are converted:
    16-bit values are divided by 257 and rounded, values of fewer than 8 bits are multiplied to reach 255,
    grey is repeated in three channels, and alpha is dropped. (In many 32-bit BMP files alpha is 0 everywhere,
    and blending with black would give a black image.) Of several images in a GIF, the first is read.
    Orientation, gamma and colour profiles are ignored.

    Nothing is decoded if the file isn't a regular one or its header gives more pixels than 100 million, or
    than the environment variable LEUKCNN_MAX_PIXELS.

    Args:
        path: The file.

    Returns:
        The image, (H, W, 3) uint8, 0..255, and a description of the conversion, None if there was none.

    Raises:
        DataError: The file can't be read, is empty, isn't an image, or is truncated; the message names it.
    """
    with _named(path):
        return decode_image(image_bytes(path))


def image_header(path: str | Path) -> Header:
    """Returns the header of an image file after checking that the file is complete; no pixel is decoded.

    Raises:
        DataError: As for `read_image`.
    """
    with _named(path):
        return file_facts(path).header


def file_facts(path: str | Path) -> FileFacts:
    """Reads an image file and checks that it is complete, once per process unless it is changed.

    Raises:
        BrokenImage: As for `image_bytes` and `read_header`.
    """
    path = Path(path).absolute()
    before = _state(path)
    known = _FACTS.get(path)
    if known and known[0] == before:
        # The limit may have changed.
        expect_size(known[1].header.height, known[1].header.width)
        return known[1]
    content, sha256 = hashed_bytes(path)
    facts = FileFacts(sha256, read_header(content))
    # Clocks of file systems are coarse: a change right after the last one may not show in the times.
    settled = before and time.time() - max(before[-2:]) / 1e9 > _COARSEST_CLOCK_SECONDS
    if settled and _state(path) == before:
        _FACTS[path] = before, facts
    return facts


def _state(path: Path) -> tuple[int, ...]:
    """Returns what changes with a file's content; empty if there is no such file."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def image_bytes(path: str | Path) -> bytes:
    """Reads an image file that isn't larger than an image of `max_pixels` can be.

    Args:
        path: The file.

    Raises:
        BrokenImage: It isn't a regular file, can't be read, begins like no image, or is too large.
    """
    most = max_pixels() * _LARGEST_PIXEL + _SLACK
    return read_regular(path, most, check_head=_format)


def hashed_bytes(path: str | Path) -> tuple[bytes, str]:
    """Reads an image file once: its content, and the hexadecimal SHA-256 by which it is known.

    Raises:
        BrokenImage: As for `image_bytes`.
    """
    content = image_bytes(path)
    return content, content_sha256(content)


def read_regular(
    path: str | Path, most: int, *, check_head: Callable[[bytes], object] = lambda head: None
) -> bytes:
    """Reads a regular file; a pipe or a device could make reading last forever.

    Args:
        path: The file.
        most: Bytes that it may have.
        check_head: Called with its first bytes before the others are read.

    Raises:
        BrokenImage: It isn't a regular file, can't be read, is larger, or changes while it is read.
    """
    # Without a file object: for small files it takes longer than reading them.
    with _opened(path) as (file, size):
        if size > most:
            raise BrokenImage("too large", f"is too large: it has {size:,} bytes, more than {most:,}")
        check_head(os.pread(file, _HEAD, 0))
        content = _read(file, size + 1)
    if len(content) != size:
        raise BrokenImage("unreadable", "can't be read: it changed at the same time")
    return content


def read_header(content: bytes) -> Header:
    """Returns the header of an image after checking that the file is complete.

    Decoders fill the missing rows of a truncated file with grey or black, some without a warning. Here a file
    is complete only if it is as long as its header says, or ends as its format requires.

    Args:
        content: The whole file.

    Raises:
        BrokenImage: The file is empty, isn't an image of one of the `FORMATS`, ends too early, or has more
            than `max_pixels`.
    """
    try:
        header = _format(content).read_header(content)
    except (struct.error, IndexError) as error:
        raise truncated("it ends within its own header") from error
    except MemoryError as error:
        raise BrokenImage("too large", "is too large for the memory") from error
    expect_size(header.height, header.width)
    return header


def decode_image(content: bytes, header: Header | None = None) -> tuple[np.ndarray, str | None]:
    """Decodes the content of an image file; see `read_image`.

    Args:
        content: The whole file.
        header: What `read_header` has returned for it; None reads it here.

    Returns:
        The image, (H, W, 3) uint8, 0..255, and a description of the conversion, None if there was none.

    Raises:
        BrokenImage: The content is empty, isn't an image, or is truncated.
    """
    header = header or read_header(content)
    try:
        values = _format(content).decode(content, header)
        colours = 1 if header.channels in (1, 2) else 3
        found = values.shape[:2], 8 * values.dtype.itemsize
        if found != ((header.height, header.width), header.bits) or values.shape[2] < colours:
            raise BrokenImage("undecodable", f"can't be decoded as {header.format}: the decoder misreads it")
        image = _as_rgb(values[..., :colours])
    except MemoryError as error:
        raise BrokenImage("too large", "is too large for the memory") from error
    return image, conversion(header.channels, header.bits, header.images)


def _as_rgb(values: np.ndarray) -> np.ndarray:
    height, width, channels = values.shape
    if values.dtype == np.uint8 and channels == 3 and values.flags.c_contiguous:
        return values
    image = np.empty((height, width, 3), np.uint8)
    for block in row_blocks(height, width):
        part = values[block]
        image[block] = part if part.dtype == np.uint8 else (part.astype(np.uint32) + 128) // 257
    return image


@contextmanager
def _named(path: str | Path) -> Iterator[None]:
    """Names the file in the error of one that isn't a complete image."""
    try:
        yield
    except BrokenImage as error:
        raise DataError(
            f"{printable(str(path))} {error.detail}.",
            expected=f"a regular file with a complete {FORMATS} image",
            remedy="check the path, copy or download the file again, or save the image in another form; "
            "'leukcnn check' lists all faults of a folder",
        ) from error


def _read(file: int, most: int) -> bytes:
    """Reads a file from its start to its end, but no more than `most` bytes."""
    parts: list[bytes] = []
    while most > 0 and (part := os.read(file, min(most, _AT_ONCE))):
        parts.append(part)
        most -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


@contextmanager
def _opened(path: str | Path) -> Iterator[tuple[int, int]]:
    """Opens a regular file and turns errors of opening and reading it into `BrokenImage`.

    Yields:
        Its descriptor, and its size in bytes.
    """
    try:
        # Opening a device can change its state, so it is not opened at all.
        _expect_regular(Path(path).stat())
        # Another file may be there by now, and opening a pipe without O_NONBLOCK would wait for a writer.
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            state = os.fstat(file)
            _expect_regular(state)
            yield file, state.st_size
        finally:
            os.close(file)
    except MemoryError as error:
        raise BrokenImage("too large", "is too large for the memory") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BrokenImage("unreadable", f"can't be read: {reason}") from error


def _expect_regular(state: os.stat_result) -> None:
    if not stat.S_ISREG(state.st_mode):
        kind = _KINDS.get(stat.S_IFMT(state.st_mode), "something else")
        raise BrokenImage("unreadable", f"can't be read: it is {kind}, not a regular file")


def _format(content: bytes) -> ModuleType:
    if not content:
        raise BrokenImage("empty", "is empty (0 bytes)")
    for magic, module in _FORMATS.items():
        if content.startswith(magic):
            return module
    raise BrokenImage("undecodable", f"is no {FORMATS} image: it begins with {content[:8]!r}")
