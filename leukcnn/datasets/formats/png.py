"""PNG files: their header, and their stored values.

OpenCV decodes the pixels. It gets a file of the header and the compressed data alone, so that no other chunk
(gamma, profiles, animation, transparency, orientation) changes a value. libpng fills the rows that a damaged
file lacks; the compressed data are therefore checked first.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from leukcnn.datasets.formats.blocks import palette_colours, row_blocks
from leukcnn.datasets.headers import BrokenImage, Header, bound_decoder, expect_length, truncated

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGB_ALPHA = 0, 2, 3, 4, 6
# Kind of colours -> (samples per pixel in the file, allowed bits per sample).
_COLOURS = {
    _GREY: (1, (1, 2, 4, 8, 16)),
    _RGB: (3, (8, 16)),
    _PALETTE: (1, (1, 2, 4, 8)),
    _GREY_ALPHA: (2, (8, 16)),
    _RGB_ALPHA: (4, (8, 16)),
}
# Adam7: first column, first row, and the steps between columns and between rows of each pass.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_FILTERS = 5
# A byte of Deflate data gives at most 1,032 bytes.
_DEFLATE_RATIO = 1032
_BLOCK = 1 << 20
# An image of 100 million pixels in the usual chunks of 8 KiB has fewer.
_MAX_CHUNKS = 200_000


@dataclass(frozen=True)
class _Chunks:
    """What the chunks say that matter for the values.

    Attributes:
        header: Content of IHDR.
        palette: (colours, 3) uint8; None if the colours aren't those of a palette.
        transparent: Whether a palette or one colour has transparency.
        data: Contents of the IDAT chunks, which are one stream of compressed data.
    """

    header: bytes
    palette: np.ndarray | None
    transparent: bool
    data: tuple[memoryview, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, in pixels."""
        width, height = struct.unpack_from(">II", self.header)
        return width, height

    @property
    def bits(self) -> int:
        """Bits per sample in the file."""
        return self.header[8]

    @property
    def colours(self) -> int:
        """The kind of colours."""
        return self.header[9]

    def passes(self) -> Iterator[tuple[int, int]]:
        """Yields (rows, bytes of a row with its filter) of each pass; without interlacing there is one."""
        width, height = self.size
        bits = self.bits * _COLOURS[self.colours][0]
        for left, top, across, down in _PASSES if self.header[12] else ((0, 0, 1, 1),):
            columns, rows = -(-(width - left) // across), -(-(height - top) // down)
            if columns > 0 and rows > 0:
                yield rows, 1 + (columns * bits + 7) // 8


def read_header(content: bytes) -> Header:
    """Reads the header of a PNG file and checks that the file is complete."""
    chunks = _read_chunks(content)
    expected = sum(rows * row_bytes for rows, row_bytes in chunks.passes())
    available = sum(map(len, chunks.data))
    if expected > _DEFLATE_RATIO * available:
        raise truncated(f"{available:,} bytes of compressed data can't hold its {expected:,} bytes")
    width, height = chunks.size
    channels = {_GREY: 1, _GREY_ALPHA: 2, _RGB_ALPHA: 4}.get(chunks.colours, 3) + chunks.transparent
    return Header("PNG", height, width, channels, 16 if chunks.bits == 16 else 8)


def decode(content: bytes, header: Header) -> np.ndarray:
    """Returns the stored values of a complete file without alpha, (H, W, C) uint8 or uint16; C is 1 or 3.

    Raises:
        BrokenImage: The compressed data are damaged, or a pixel's colour isn't in the palette.
    """
    bound_decoder()
    # An index of a folder reads headers alone and doesn't need OpenCV.
    from leukcnn.datasets.formats.opencv import stored_values

    chunks = _read_chunks(content)
    _check_data(chunks)
    # The positions in a palette are read as grey levels.
    kind = _GREY if chunks.palette is not None else chunks.colours
    first = _chunk(b"IHDR", chunks.header[:9] + bytes([kind]) + chunks.header[10:])
    bare = [_SIGNATURE, *first, *_chunk(b"IDAT", *chunks.data), *_chunk(b"IEND")]
    values = stored_values(b"".join(bare), header)
    if chunks.palette is None:
        return values[..., :1] if kind in (_GREY, _GREY_ALPHA) else values[..., :3]
    # Grey levels of fewer than 8 bits were scaled to 0..255.
    factor = 255 // (2**chunks.bits - 1)
    colours = np.empty((header.height, header.width, 3), np.uint8)
    for block in row_blocks(header.height, header.width):
        colours[block] = palette_colours(values[block, :, 0] // factor, chunks.palette)
    return colours


def _read_chunks(content: bytes) -> _Chunks:
    header, palette = b"", b""
    data: list[memoryview] = []
    transparent, before = False, b""
    for kind, body in _chunks(content):
        if (kind == b"IHDR") != (not header):
            raise _refusal(f"a chunk {kind!r} where {'another' if header else 'IHDR'} belongs")
        if kind == b"IHDR":
            header = _checked_header(bytes(body))
        elif kind == b"PLTE":
            if palette or data or not body or len(body) % 3 or len(body) > 768:
                raise _refusal(f"a wrong or misplaced palette of {len(body):,} bytes")
            palette = bytes(body)
        elif kind == b"tRNS":
            transparent = header[9] in (_GREY, _RGB, _PALETTE)
        elif kind == b"IDAT":
            if data and before != b"IDAT":
                raise _refusal("other chunks between its IDAT chunks")
            data.append(body)
        elif kind != b"IEND" and not kind[0] & 0x20:
            raise _refusal(f"a chunk of the unknown kind {kind!r}, without which it can't be read")
        before = kind
    if not data:
        raise _refusal("no IDAT chunk")
    if header[9] != _PALETTE:
        return _Chunks(header, None, transparent, tuple(data))
    if not palette:
        raise _refusal("no palette")
    return _Chunks(header, np.frombuffer(palette, np.uint8).reshape(-1, 3), transparent, tuple(data))


def _chunks(content: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yields the kind and the content of each chunk, up to IEND, after checking its checksum."""
    view, position = memoryview(content), len(_SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        size, kind = struct.unpack_from(">I4s", content, position)
        end = position + 8 + size
        expect_length(content, end + 4)
        if struct.unpack_from(">I", content, end)[0] != zlib.crc32(view[position + 4 : end]):
            raise BrokenImage("undecodable", f"is damaged: the checksum of its chunk {kind!r} is wrong")
        yield kind, view[position + 8 : end]
        if kind == b"IEND":
            return
        position = end + 4
    raise _refusal(f"more than {_MAX_CHUNKS:,} chunks")


def _checked_header(header: bytes) -> bytes:
    if len(header) != 13:
        raise _refusal(f"an IHDR of {len(header):,} bytes, not 13")
    width, height, bits, colours, compression, filtering, interlacing = struct.unpack(">IIBBBBB", header)
    if not width or not height:
        raise _refusal(f"a size of {width}x{height} pixels")
    if colours not in _COLOURS or bits not in _COLOURS[colours][1]:
        raise _refusal(f"{bits} bits a sample of the colour type {colours}")
    if compression or filtering or interlacing > 1:
        raise _refusal(
            f"compression {compression}, filter method {filtering} and interlacing {interlacing}, "
            "not 0, 0 and 0 or 1"
        )
    return header


def _check_data(chunks: _Chunks) -> None:
    """Decompresses the data, block by block, and checks their length, checksum and filters."""
    starts = _row_starts(chunks)
    expected = sum(rows * row_bytes for rows, row_bytes in chunks.passes())
    there, (first, last, step) = 0, next(starts)
    for block in _decompressed(chunks.data):
        end = there + len(block)
        if end > expected:
            raise _refusal(f"more data than the {expected:,} bytes that its size needs")
        while first < end:
            inside = block[first - there : min(last, end) - there : step]
            if max(inside) >= _FILTERS:
                raise _refusal(f"a row with the unknown filter {max(inside)}")
            first += len(inside) * step
            if first >= last:
                first, last, step = next(starts, (expected, expected, 1))
                if first == expected:
                    break
        there = end
    if there < expected:
        raise truncated(f"{there:,} of {expected:,} bytes are in its compressed data")


def _row_starts(chunks: _Chunks) -> Iterator[tuple[int, int, int]]:
    """Yields for each pass the positions of the filters of its rows: first, end, step."""
    first = 0
    for rows, row_bytes in chunks.passes():
        yield first, first + rows * row_bytes, row_bytes
        first += rows * row_bytes


def _decompressed(data: tuple[memoryview, ...]) -> Iterator[bytes]:
    """Yields the decompressed data in blocks, so that a small file can't fill the memory."""
    stream = zlib.decompressobj()
    try:
        for part in data:
            for start in range(0, len(part), _BLOCK):
                piece = bytes(part[start : start + _BLOCK])
                while piece and not stream.eof:
                    yield stream.decompress(piece, _BLOCK)
                    piece = stream.unconsumed_tail
                if piece or stream.unused_data:
                    raise _refusal("bytes after the end of its compressed data")
        while not stream.eof and (block := stream.decompress(stream.unconsumed_tail, _BLOCK)):
            yield block
    except zlib.error as error:
        raise BrokenImage("undecodable", f"is damaged: {error} in its compressed data") from error
    if not stream.eof:
        raise truncated("its compressed data end too early")


def _chunk(kind: bytes, *contents: bytes | memoryview) -> list[bytes | memoryview]:
    """Returns the parts of a chunk: its length, kind, contents and checksum."""
    checksum = zlib.crc32(kind)
    for content in contents:
        checksum = zlib.crc32(content, checksum)
    return [struct.pack(">I", sum(map(len, contents))), kind, *contents, struct.pack(">I", checksum)]


def _refusal(what: str) -> BrokenImage:
    return BrokenImage("undecodable", f"is a PNG with {what}")
