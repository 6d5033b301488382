"""The strips and tiles of a TIFF image: where they are, how they are stored, and their values."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from leukcnn.datasets.formats import jpeg, lzw
from leukcnn.datasets.headers import BrokenImage, expect_length, truncated

_NONE, _LZW, _JPEG, _PACKBITS = 1, 5, 7, 32773
_DEFLATE = (8, 32946)
# No stream of these methods is decoded into more bytes than this multiple of its own.
_MAX_RATIO = 1_400
# Each takes its time, however small it is.
_MAX_PIECES = 2**15
# JPEG tables are read again with each strip or tile.
_MAX_TABLE_BYTES = 2**23
# Tiles may be larger than the image, within reason: the sum of their pixels has this limit, plus 4 images.
_MAX_PADDING = 2**24
_INFLATED_AT_ONCE = 2**16
_APP0, _APP14 = 0xE0, 0xEE


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How the values of a TIFF image are stored.

    Attributes:
        height: Rows, in pixels.
        width: Columns, in pixels.
        samples: Channels.
        bits: Bits a channel: 1, 2, 4, 8 or 16.
        order: Byte order, "<" or ">".
        planes: 1 if the channels of a pixel are together, else one plane a channel.
        compression: A number of `COMPRESSIONS`.
        predictor: 1 values, 2 differences of neighbours in a row.
        reversed_bits: Whether the first pixel of a byte is in its lowest bit.
        tiled: Tiles, which are padded to one size, or strips, of which the last is shorter.
        piece_height: Rows of a strip or tile.
        piece_width: Columns of a strip or tile.
        offsets: Where each strip or tile begins, (n,) int64, plane by plane.
        sizes: Bytes of each strip or tile, (n,) int64; empty if the file doesn't say it.
        jpeg_tables: Tables for all JPEG streams, empty without.
        jpeg_transform: Whether JPEG streams hold YCbCr values.
    """

    height: int
    width: int
    samples: int
    bits: int
    order: str
    planes: int
    compression: int
    predictor: int
    reversed_bits: bool
    tiled: bool
    piece_height: int
    piece_width: int
    offsets: np.ndarray
    sizes: np.ndarray
    jpeg_tables: bytes
    jpeg_transform: bool

    @property
    def down(self) -> int:
        """Strips or tiles from top to bottom."""
        return -(-self.height // self.piece_height)

    @property
    def across(self) -> int:
        """Strips or tiles from left to right."""
        return -(-self.width // self.piece_width)

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of a strip or tile."""
        return -(-self.piece_width * (self.samples // self.planes) * self.bits // 8)

    def rows(self, index: int) -> int:
        """Returns how many rows a strip or tile has."""
        if self.tiled:
            return self.piece_height
        return min(self.piece_height, self.height - index % self.down * self.piece_height)


def checked(layout: Layout, content: bytes) -> Layout:
    """Checks that the strips or tiles are all there and within reason, before anything is decoded.

    Returns:
        The layout, with the sizes of uncompressed strips if the file doesn't say them.

    Raises:
        BrokenImage: The strips or tiles aren't as the file's size and the image's size ask for.
    """
    word = "tiles" if layout.tiled else "strips"
    count = layout.planes * layout.down * layout.across
    if layout.offsets.size != count:
        raise refused(f"lists {layout.offsets.size:,} {word}, not {count:,}")
    if count > _MAX_PIECES:
        raise refused(f"has {count:,} {word}, more than {_MAX_PIECES:,}")
    padded = layout.down * layout.piece_height * layout.across * layout.piece_width
    if layout.tiled and padded > 4 * layout.height * layout.width + _MAX_PADDING:
        raise refused("has tiles far larger than its image")
    if layout.compression == _JPEG and (layout.bits, layout.planes, layout.predictor) != (8, 1, 1):
        raise refused("holds JPEG streams that aren't of whole pixels with 8 bits a channel")
    if count * len(layout.jpeg_tables) > _MAX_TABLE_BYTES:
        raise refused(f"has JPEG tables too large for {count:,} {word}")
    if layout.predictor != 1 and not (
        layout.predictor == 2 and layout.bits in (8, 16) and layout.compression in (_LZW, *_DEFLATE)
    ):
        raise refused(f"holds differences (predictor {layout.predictor}) of a kind that isn't read")
    expected = np.array([layout.rows(i) for i in range(count)], np.float64) * layout.row_bytes
    if not layout.sizes.size and layout.compression == _NONE:
        layout = replace(layout, sizes=expected.astype(np.int64))
    if layout.sizes.size != count:
        raise refused(f"lists the sizes of {layout.sizes.size:,} {word}, not {count:,}")
    expect_length(content, int((layout.offsets + layout.sizes).max()))
    if layout.sizes.min() == 0 or layout.sizes.sum() > len(content):
        raise refused(f"is damaged: its {word} are empty or overlap")
    ratio = 1 if layout.compression == _NONE else _MAX_RATIO
    if (expected > layout.sizes * ratio).any():
        raise truncated(f"its {word} are too short for {layout.width} x {layout.height} pixels")
    return layout


def read(content: bytes, layout: Layout) -> np.ndarray:
    """Decodes all strips or tiles.

    Args:
        content: The file.
        layout: A checked layout.

    Returns:
        (H, W, samples): uint16 for 16 bits, else uint8 with values below 2^bits.

    Raises:
        BrokenImage: A strip or tile is damaged.
    """
    if layout.offsets.size == 1:
        # A large image isn't copied.
        return _piece(content, layout, 0)[: layout.height, : layout.width]
    shape = (layout.height, layout.width, layout.samples)
    values = np.empty(shape, np.uint16 if layout.bits == 16 else np.uint8)
    channels = layout.samples // layout.planes
    for index in range(layout.offsets.size):
        plane, place = divmod(index, layout.down * layout.across)
        row, column = divmod(place, layout.across)
        top, left = row * layout.piece_height, column * layout.piece_width
        piece = _piece(content, layout, index)
        target = values[top : top + layout.piece_height, left : left + layout.piece_width]
        target[..., plane : plane + channels] = piece[: target.shape[0], : target.shape[1]]
    return values


def refused(detail: str) -> BrokenImage:
    """Returns the error for a file that isn't read."""
    return BrokenImage("undecodable", detail)


def _piece(content: bytes, layout: Layout, index: int) -> np.ndarray:
    start, rows = int(layout.offsets[index]), layout.rows(index)
    stream = content[start : start + int(layout.sizes[index])]
    try:
        return _decoded(stream, layout, rows)
    except (lzw.DamagedStream, BrokenImage) as error:
        name = "tile" if layout.tiled else "strip"
        raise refused(f"is damaged: {name} {index} can't be decoded: {error}") from error


def _decoded(stream: bytes, layout: Layout, rows: int) -> np.ndarray:
    channels = layout.samples // layout.planes
    if layout.compression == _JPEG:
        return _jpeg_piece(stream, layout, rows)
    data = _bytes(stream, layout, rows).reshape(rows, layout.row_bytes)
    if layout.reversed_bits:
        data = np.packbits(np.unpackbits(data, bitorder="little")).reshape(data.shape)
    if layout.bits == 16:
        data = data.view(f"{layout.order}u2").astype(np.uint16)
    elif layout.bits < 8:
        shifts = np.arange(8 - layout.bits, -1, -layout.bits, dtype=np.uint8)
        several = data[..., None] >> shifts
        several &= 2**layout.bits - 1
        data = several.reshape(rows, -1)[:, : layout.piece_width * channels]
    values = data.reshape(rows, layout.piece_width, channels)
    return np.cumsum(values, axis=1, dtype=values.dtype) if layout.predictor == 2 else values


def _bytes(stream: bytes, layout: Layout, rows: int) -> np.ndarray:
    decoder = COMPRESSIONS[layout.compression]
    size = rows * layout.row_bytes
    try:
        return decoder(stream, size)
    except lzw.DamagedStream as damage:
        # Some writers fill the last strip up to the height of the others.
        if layout.tiled or rows == layout.piece_height:
            raise
        try:
            return decoder(stream, layout.piece_height * layout.row_bytes)[:size]
        except lzw.DamagedStream:
            raise damage from None


def _uncompressed(stream: bytes, size: int) -> np.ndarray:
    return np.frombuffer(stream, np.uint8, size).copy()


def _inflate(stream: bytes, size: int) -> np.ndarray:
    decoder, values, done = zlib.decompressobj(), np.empty(size, np.uint8), 0
    for at in range(0, len(stream), _INFLATED_AT_ONCE):
        try:
            part = decoder.decompress(stream[at : at + _INFLATED_AT_ONCE], size - done + 1)
        except zlib.error as error:
            raise lzw.DamagedStream(str(error)) from error
        if len(part) > size - done:
            raise lzw.DamagedStream(f"it goes on after {size:,} bytes")
        values[done : done + len(part)] = np.frombuffer(part, np.uint8)
        done += len(part)
        if decoder.eof:
            break
    if done != size or not decoder.eof:
        raise lzw.DamagedStream(f"it doesn't hold {size:,} bytes and their checksum")
    return values


def _unpack_bits(stream: bytes, size: int) -> np.ndarray:
    values, at = bytearray(), 0
    while at < len(stream) and len(values) <= size:
        count = stream[at]
        if count < 128:
            values += stream[at + 1 : at + 2 + count]
            at += 2 + count
        elif count > 128:
            values += stream[at + 1 : at + 2] * (257 - count)
            at += 2
        else:
            at += 1
    if len(values) != size or at != len(stream):
        raise lzw.DamagedStream(f"it doesn't hold {size:,} bytes")
    return np.frombuffer(values, np.uint8)


def _jpeg_piece(stream: bytes, layout: Layout, rows: int) -> np.ndarray:
    # The TIFF says what the values mean. Markers by which a decoder would guess it are left out.
    adobe = b"\xff\xee" + struct.pack(">H5sHHHB", 14, b"Adobe", 100, 0, 0, layout.jpeg_transform)
    parts = [b"\xff\xd8", adobe]
    for part in (layout.jpeg_tables, stream):
        if not part:
            continue
        if not part.startswith(b"\xff\xd8"):
            raise refused("it isn't a JPEG stream")
        parts += [
            part[place - 4 : end]
            for marker, place, end in jpeg.segments(part)
            if marker not in (_APP0, _APP14)
        ]
    whole = b"".join([*parts, b"\xff\xd9"])
    header = jpeg.read_header(whole)
    size = (header.width, header.channels)
    if size != (layout.piece_width, layout.samples) or header.height not in (rows, layout.piece_height):
        raise refused(
            f"it is a JPEG of {header.width} x {header.height} pixels and {header.channels} channels"
        )
    return jpeg.decode(whole, header)[:rows]


# TIFF's numbers -> a decoder of a stream into so many bytes. JPEG streams are decoded into pixels.
COMPRESSIONS: dict[int, Callable[[bytes, int], np.ndarray]] = {
    _NONE: _uncompressed,
    _LZW: lzw.decode,
    _JPEG: _uncompressed,
    **dict.fromkeys(_DEFLATE, _inflate),
    _PACKBITS: _unpack_bits,
}
