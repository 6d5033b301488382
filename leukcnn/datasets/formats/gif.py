"""GIF files: their header, and the stored values of their first image.

The codes are decoded here, since decoders fill what is missing and don't say how many values were there.
"""

import struct
from dataclasses import dataclass, replace

import numpy as np

from leukcnn.datasets.formats.blocks import palette_colours, row_blocks
from leukcnn.datasets.headers import BrokenImage, Header, expect_length, truncated

_IMAGE, _EXTENSION, _TRAILER, _CONTROL = 0x2C, 0x21, 0x3B, 0xF9
_HAS_PALETTE, _INTERLACED, _TRANSPARENT = 0x80, 0x40, 0x01
_PASSES = ((0, 8), (4, 8), (2, 4), (1, 2))
_MAX_BLOCKS = 1_000_000
_CODE_SIZES = range(2, 9)
_LONGEST_CODE = 12


@dataclass(frozen=True)
class _First:
    """The first image of a file.

    Attributes:
        height: Rows, in pixels.
        width: Columns, in pixels.
        palette: (colours, 3) uint8.
        transparent: Whether a colour of the palette means no colour.
        interlaced: Whether its rows are stored in four passes.
        code_size: Bits of a value in its codes.
        data: Where its codes begin.
        images: Images in the file, of which this is the first.
    """

    height: int
    width: int
    palette: np.ndarray
    transparent: bool
    interlaced: bool
    code_size: int
    data: int
    images: int = 1

    @property
    def channels(self) -> int:
        grey = (self.palette == self.palette[:, :1]).all()
        return (1 if grey else 3) + self.transparent


def read_header(content: bytes) -> Header:
    """Reads the header of a GIF file and checks that the file is complete."""
    first = _parse(content)
    return Header("GIF", first.height, first.width, first.channels, 8, first.images)


def decode(content: bytes, header: Header) -> np.ndarray:
    """Returns the colours of the first image of a complete file, (H, W, C) uint8, grey or R, G, B.

    Raises:
        BrokenImage: The codes are damaged, or a pixel's colour isn't in the palette.
    """
    first = _parse(content)
    codes, _ = _sub_blocks(content, first.data, _MAX_BLOCKS)
    values = _values(b"".join(codes), first.code_size, first.height * first.width)
    indices = np.frombuffer(values, np.uint8).reshape(first.height, first.width)
    if first.interlaced:
        order = np.concatenate([np.arange(start, first.height, step) for start, step in _PASSES])
        indices = indices[np.argsort(order)]
    palette = first.palette[:, : 1 if header.channels in (1, 2) else 3]
    image = np.empty((first.height, first.width, palette.shape[1]), np.uint8)
    for block in row_blocks(first.height, first.width):
        image[block] = palette_colours(indices[block], palette)
    return image


def _parse(content: bytes) -> _First:
    size = struct.unpack_from("<HH", content, 6)
    flags, position = content[10], 13
    palette, position = _palette(content, flags, position)
    first, images, transparent, left = None, 0, False, _MAX_BLOCKS
    while (kind := content[position] if position < len(content) else -1) != _TRAILER:
        if kind == _EXTENSION:
            if content[position + 1] == _CONTROL and not images:
                transparent = bool(content[position + 3] & _TRANSPARENT)
            position += 2
        elif kind == _IMAGE:
            place = struct.unpack_from("<HHHH", content, position + 1)
            own = content[position + 9]
            own_palette, position = _palette(content, own, position + 10)
            code_size, position = content[position], position + 1
            if not images:
                colours = _checked(place, size, palette if own_palette is None else own_palette, code_size)
                interlaced = bool(own & _INTERLACED)
                first = _First(place[3], place[2], colours, transparent, interlaced, code_size, position)
            images += 1
        elif position >= len(content):
            raise truncated("its end marker is missing")
        else:
            raise _refusal(f"a block of the unknown kind {kind}")
        blocks, position = _sub_blocks(content, position, left)
        left -= len(blocks) + 1
    if first is None:
        raise _refusal("no image")
    return replace(first, images=images)


def _palette(content: bytes, flags: int, position: int) -> tuple[np.ndarray | None, int]:
    """Returns a palette, None without one, and where it ends."""
    if not flags & _HAS_PALETTE:
        return None, position
    size = 3 << ((flags & 7) + 1)
    expect_length(content, position + size)
    return np.frombuffer(content, np.uint8, size, position).reshape(-1, 3), position + size


def _checked(
    place: tuple[int, ...], size: tuple[int, ...], palette: np.ndarray | None, code_size: int
) -> np.ndarray:
    """Returns the palette of the first image after checking that the image can be read."""
    if place != (0, 0, *size):
        raise _refusal(f"a first image that doesn't fill its {size[0]:,}x{size[1]:,} pixels")
    if palette is None:
        raise _refusal("no palette")
    if code_size not in _CODE_SIZES:
        raise _refusal(f"codes of {code_size} bits a value")
    return palette


def _sub_blocks(content: bytes, position: int, most: int) -> tuple[list[bytes], int]:
    """Returns the parts of a block, and where it ends."""
    blocks: list[bytes] = []
    while length := content[position]:
        if len(blocks) >= most:
            raise _refusal(f"more than {_MAX_BLOCKS:,} blocks")
        blocks.append(content[position + 1 : position + 1 + length])
        position += 1 + length
    return blocks, position + 1


def _values(stream: bytes, code_size: int, size: int) -> bytearray:
    """Returns the values that LZW codes mean, of which there must be `size`."""
    clear = 1 << code_size
    fresh = [*(bytes([value]) for value in range(clear)), b"", b""]
    table, width, previous = fresh.copy(), code_size + 1, b""
    values, buffer, bits = bytearray(), 0, 0
    for byte in stream:
        buffer, bits = buffer | byte << bits, bits + 8
        while bits >= width:
            code, buffer, bits = buffer & ((1 << width) - 1), buffer >> width, bits - width
            if code == clear:
                table, width, previous = fresh.copy(), code_size + 1, b""
                continue
            if code == clear + 1:
                return _whole(values, size)
            growing = bool(previous) and len(table) < 1 << _LONGEST_CODE
            if code >= len(table) + growing:
                raise BrokenImage("undecodable", "is damaged: it holds a code that isn't defined yet")
            entry = table[code] if code < len(table) else previous + previous[:1]
            if growing:
                table.append(previous + entry[:1])
                width += len(table) == 1 << width and width < _LONGEST_CODE
            values += entry
            previous = entry
            if len(values) > size:
                raise BrokenImage("undecodable", f"is damaged: it goes on after {size:,} pixels")
    return _whole(values, size)


def _whole(values: bytearray, size: int) -> bytearray:
    if len(values) < size:
        raise truncated(f"{len(values):,} of {size:,} pixels are there")
    return values


def _refusal(what: str) -> BrokenImage:
    return BrokenImage("undecodable", f"is a GIF with {what}")
