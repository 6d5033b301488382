"""Read the header of an image file and check that the file is complete, without a decoder.

Decoders fill the missing rows of a truncated file with grey or black, some without a warning. Here a file is
complete only if it is as long as its header says, or ends as its format requires.
"""

import struct
import zlib
from dataclasses import dataclass

from leukcnn.errors import DataError

EXTENSIONS = (".bmp", ".png", ".jpg", ".jpeg", ".tif", ".tiff")


class BrokenImage(DataError):
    """A file isn't a complete image.

    Args:
        kind: "empty", "undecodable" or "truncated".
        detail: What is wrong with it, as the end of the sentence 'FILE ...'.
    """

    def __init__(self, kind: str, detail: str):
        super().__init__(detail)
        self.kind, self.detail = kind, detail


@dataclass(frozen=True)
class Header:
    """What the header of an image file says.

    Attributes:
        format: "BMP", "PNG", "JPEG" or "TIFF".
        height: Rows, in pixels.
        width: Columns, in pixels.
        channels: 1 grey, 2 grey and alpha, 3 colour (palettes too), 4 colour and a fourth channel.
        bits: Bits per channel.
    """

    format: str
    height: int
    width: int
    channels: int
    bits: int


def read_header(content: bytes) -> Header:
    """Returns the header of an image after checking that the file is complete.

    Args:
        content: The whole file.

    Raises:
        BrokenImage: The file is empty, isn't a BMP, PNG, JPEG or TIFF image, or ends too early.
    """
    if not content:
        raise BrokenImage("empty", "is empty (0 bytes)")
    for magic, read in _READERS.items():
        if content.startswith(magic):
            try:
                return read(content)
            except (struct.error, IndexError) as error:
                raise _truncated("it ends within its own header") from error
    raise BrokenImage("undecodable", f"is no BMP, PNG, JPEG or TIFF image: it begins with {content[:8]!r}")


def conversion(channels: int, bits: int) -> str | None:
    """Describes in words how an image is converted to 8-bit RGB; returns None if no conversion is needed."""
    steps = []
    if bits == 16:
        steps.append("16 bits a channel scaled to 8")
    if channels in (1, 2):
        steps.append("grey repeated in three channels")
    if channels in (2, 4):
        steps.append("alpha channel dropped")
    return ", ".join(steps) or None


def _truncated(detail: str) -> BrokenImage:
    return BrokenImage("truncated", f"is truncated: {detail}")


def _expect_length(content: bytes, expected: int) -> None:
    if len(content) < expected:
        raise _truncated(f"{len(content):,} of {expected:,} bytes are there")


def _read_bmp(content: bytes) -> Header:
    offset, header_size = struct.unpack_from("<II", content, 10)
    if header_size == 12:
        width, height, _, depth = struct.unpack_from("<HHHH", content, 18)
        compression = image_bytes = colours = 0
        entry = 3
    else:
        width, height, _, depth, compression, image_bytes, _, _, colours = struct.unpack_from(
            "<iiHHIIiiI", content, 18
        )
        entry = 4
    uncompressed = compression in (0, 3, 6)
    row_bytes = (width * depth + 31) // 32 * 4
    _expect_length(content, offset + (row_bytes * abs(height) if uncompressed else image_bytes))
    channels = {32: 4}.get(depth, 3)
    if depth <= 8:
        start, count = 14 + header_size, min(colours or 2**depth, 256)
        palette = [content[i : i + 3] for i in range(start, start + count * entry, entry)]
        channels = 1 if all(len(set(colour)) == 1 for colour in palette) else 3
    return Header("BMP", abs(height), width, channels, 8)


def _read_png(content: bytes) -> Header:
    width, height, bits, colour = struct.unpack_from(">IIBB", content, 16)
    position, kind, transparent = 8, b"", False
    while kind != b"IEND":
        size, kind = struct.unpack_from(">I4s", content, position)
        end = position + 8 + size
        _expect_length(content, end + 4)
        if struct.unpack_from(">I", content, end)[0] != zlib.crc32(memoryview(content)[position + 4 : end]):
            raise BrokenImage("undecodable", f"is damaged: the checksum of its chunk {kind!r} is wrong")
        transparent |= kind == b"tRNS"
        position = end + 4
    channels = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}.get(colour, 3) + transparent
    return Header("PNG", height, width, channels, 16 if bits == 16 else 8)


def _read_jpeg(content: bytes) -> Header:
    frame, position = None, 2
    while True:
        marker, size = struct.unpack_from(">xBH", content, position)
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            frame = struct.unpack_from(">BHHB", content, position + 4)
        position += 2 + size
        if marker == 0xDA:
            break
    # In entropy-coded data, FF is followed by 00 or a restart marker. FF D9 can only be the end.
    if content.find(b"\xff\xd9", position) < 0:
        raise _truncated("its end marker is missing")
    if frame is None:
        raise BrokenImage("undecodable", "is a JPEG without a frame header")
    bits, height, width, channels = frame
    return Header("JPEG", height, width, 1 if channels == 1 else 3, bits)


def _read_tiff(content: bytes) -> Header:
    order = "<" if content.startswith(b"II") else ">"
    (directory,) = struct.unpack_from(f"{order}I", content, 4)
    (entries,) = struct.unpack_from(f"{order}H", content, directory)
    _expect_length(content, directory + 2 + 12 * entries + 4)
    tags = {}
    for position in range(directory + 2, directory + 2 + 12 * entries, 12):
        tag, kind, count = struct.unpack_from(f"{order}HHI", content, position)
        if kind in (3, 4):
            code = "H" if kind == 3 else "I"
            place = position + 8
            if count * struct.calcsize(code) > 4:
                (place,) = struct.unpack_from(f"{order}I", content, place)
            tags[tag] = struct.unpack_from(f"{order}{count}{code}", content, place)
    width, height, samples = (tags.get(tag, (default,))[0] for tag, default in ((256, 0), (257, 0), (277, 1)))
    for offsets, counts in ((273, 279), (324, 325)):
        ends = [at + size for at, size in zip(tags.get(offsets, ()), tags.get(counts, ()), strict=False)]
        _expect_length(content, max(ends, default=0))
    palette = tags.get(262, (2,))[0] == 3
    return Header("TIFF", height, width, 3 if palette else samples, max(8, *tags.get(258, (8,))))


_READERS = {
    b"BM": _read_bmp,
    b"\x89PNG\r\n\x1a\n": _read_png,
    b"\xff\xd8": _read_jpeg,
    b"II*\x00": _read_tiff,
    b"MM\x00*": _read_tiff,
}
