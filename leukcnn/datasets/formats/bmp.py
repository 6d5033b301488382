"""BMP files: their header, and their stored values.

OpenCV misreads some kinds, such as those with old headers. NumPy reads an uncompressed BMP as an array.
"""

import struct
from dataclasses import dataclass

import numpy as np

from leukcnn.datasets.formats.blocks import palette_colours, row_blocks
from leukcnn.datasets.headers import BrokenImage, Header, expect_length

_OS2_HEADERS, _WINDOWS_HEADERS = (12, 16, 64), (40, 52, 56, 108, 124)
_BITFIELDS, _ALPHA_BITFIELDS = 3, 6
_COMPRESSIONS = {1: "RLE8", 2: "RLE4", 4: "JPEG", 5: "PNG"}
_OS2_COMPRESSIONS = {1: "RLE8", 2: "RLE4", 3: "Huffman 1D", 4: "RLE24"}
_PALETTE_DEPTHS = (1, 2, 4, 8)
# A value of so many bits becomes one of 8 bits by a whole factor. Readers scale others differently.
_EXACT_WIDTHS = (1, 2, 4, 8)


@dataclass(frozen=True)
class _Bitmap:
    """What the header says.

    Attributes:
        width: Columns, in pixels.
        height: Rows, in pixels.
        top_down: Whether the upper row comes first.
        depth: Bits per pixel.
        row_bytes: Bytes of a row, a multiple of 4.
        offset: Position of the first row in the file.
        palette: (colours, 3) uint8, R, G, B; None without one.
        masks: The bits of R, G, B and, if there is one, alpha in a pixel of 16 or 32 bits; () otherwise.
    """

    width: int
    height: int
    top_down: bool
    depth: int
    row_bytes: int
    offset: int
    palette: np.ndarray | None
    masks: tuple[int, ...]

    @property
    def channels(self) -> int:
        if self.palette is not None:
            return 1 if (self.palette == self.palette[:, :1]).all() else 3
        return len(self.masks) or 3


def read_header(content: bytes) -> Header:
    """Reads the header of a BMP file and checks that the file is complete."""
    bitmap = _parse(content)
    return Header("BMP", bitmap.height, bitmap.width, bitmap.channels, 8)


def decode(content: bytes, header: Header) -> np.ndarray:
    """Returns the stored values of a complete file, (H, W, C) uint8, in the order R, G, B, A.

    Raises:
        BrokenImage: A pixel's colour isn't in the palette.
    """
    bitmap = _parse(content)
    size = bitmap.height, bitmap.row_bytes
    rows = np.frombuffer(content, np.uint8, size[0] * size[1], bitmap.offset).reshape(size)
    rows = rows if bitmap.top_down else rows[::-1]
    if bitmap.palette is not None:
        palette = bitmap.palette[:, : header.channels]
        values = np.empty((bitmap.height, bitmap.width, header.channels), np.uint8)
        for block in row_blocks(bitmap.height, bitmap.width):
            values[block] = palette_colours(_indices(rows[block], bitmap), palette)
        return values
    if bitmap.masks:
        pixels = np.ascontiguousarray(rows).view(f"<u{bitmap.depth // 8}")[:, : bitmap.width]
        return np.stack([_field(pixels, mask) for mask in bitmap.masks], axis=2)
    # The fourth byte of a pixel has no meaning without masks.
    in_file = rows[:, : bitmap.width * bitmap.depth // 8].reshape(bitmap.height, bitmap.width, -1)
    return in_file[..., 2::-1]


def _parse(content: bytes) -> _Bitmap:
    offset, header_size = struct.unpack_from("<II", content, 10)
    if header_size not in (*_OS2_HEADERS, *_WINDOWS_HEADERS):
        raise _refusal(f"a header of {header_size:,} bytes, which no kind of BMP has")
    compression = colours = 0
    if header_size == 12:
        width, height, planes, depth = struct.unpack_from("<HHHH", content, 18)
    else:
        width, height, planes, depth = struct.unpack_from("<iiHH", content, 18)
    if header_size > 16:
        compression, _, _, _, colours = struct.unpack_from("<IIiiI", content, 30)
    expect_length(content, 14 + header_size)
    if width < 1 or not height:
        raise _refusal(f"a size of {width}x{height} pixels")
    if planes != 1:
        raise _refusal(f"{planes} planes, not 1")
    masks = _masks(content, header_size, depth, compression)
    start = 14 + header_size
    if header_size == 40:
        start += {_BITFIELDS: 12, _ALPHA_BITFIELDS: 16}.get(compression, 0)
    palette = _palette(content, start, offset, depth, colours, entry=3 if header_size == 12 else 4)
    row_bytes = (width * depth + 31) // 32 * 4
    expect_length(content, offset + row_bytes * abs(height))
    return _Bitmap(width, abs(height), height < 0, depth, row_bytes, offset, palette, masks)


def _masks(content: bytes, header_size: int, depth: int, compression: int) -> tuple[int, ...]:
    """Checks the depth and the compression and returns the masks of the channels."""
    os2 = header_size in _OS2_HEADERS
    if name := (_OS2_COMPRESSIONS if os2 else _COMPRESSIONS).get(compression):
        raise _refusal(f"{name} compression, which is not supported; store it uncompressed")
    if compression and (os2 or compression not in (_BITFIELDS, _ALPHA_BITFIELDS)):
        raise _refusal(f"a compression of the unknown kind {compression}")
    if depth not in (*_PALETTE_DEPTHS, 16, 24, 32) or (compression and depth not in (16, 32)):
        raise _refusal(f"{depth} bits per pixel and compression of the kind {compression}")
    if not compression:
        if depth == 16:
            _check_masks((0x7C00, 0x03E0, 0x001F), depth)
        return ()
    with_alpha = header_size >= 56 or (header_size == 40 and compression == _ALPHA_BITFIELDS)
    masks = struct.unpack_from("<IIII" if with_alpha else "<III", content, 54)
    masks = masks if masks[3:] != (0,) else masks[:3]
    _check_masks(masks, depth)
    return masks


def _check_masks(masks: tuple[int, ...], depth: int) -> None:
    used = 0
    for mask in masks:
        width = mask.bit_count()
        if mask >> depth or mask & used or mask >> _lowest(mask) != (1 << width) - 1:
            raise _refusal(f"the masks {', '.join(map(hex, masks))}, which aren't separate runs of bits")
        if width not in _EXACT_WIDTHS:
            raise _refusal(
                f"{width} bits a channel, which have no exact value of 8 bits; store it with 8 bits a channel"
            )
        used |= mask


def _palette(
    content: bytes, start: int, offset: int, depth: int, colours: int, *, entry: int
) -> np.ndarray | None:
    """Returns the palette of an image of up to 8 bits per pixel, after checking where the pixels begin."""
    size = (colours or 2**depth) * entry if depth in _PALETTE_DEPTHS else 0
    if offset < start + size:
        raise _refusal(f"pixels from byte {offset:,} on, within its header or palette")
    if not size:
        return None
    expect_length(content, start + size)
    count = min(size // entry, 2**depth)
    return np.frombuffer(content, np.uint8, count * entry, start).reshape(count, entry)[:, 2::-1]


def _indices(rows: np.ndarray, bitmap: _Bitmap) -> np.ndarray:
    """Returns the position of each pixel in the palette, (H, W) uint8."""
    if bitmap.depth == 8:
        return rows[:, : bitmap.width]
    shifts = np.arange(8 - bitmap.depth, -1, -bitmap.depth, dtype=np.uint8)
    indices = (rows[..., None] >> shifts) & np.uint8(2**bitmap.depth - 1)
    return indices.reshape(len(rows), -1)[:, : bitmap.width]


def _field(pixels: np.ndarray, mask: int) -> np.ndarray:
    """Returns the values of one channel, scaled to 0..255."""
    width = mask.bit_count()
    values = (pixels >> _lowest(mask)) & ((1 << width) - 1)
    return values.astype(np.uint8) * np.uint8(255 // ((1 << width) - 1))


def _lowest(mask: int) -> int:
    """Returns the position of the lowest bit that is set."""
    return max((mask & -mask).bit_length() - 1, 0)


def _refusal(what: str) -> BrokenImage:
    return BrokenImage("undecodable", f"is a BMP with {what}")
