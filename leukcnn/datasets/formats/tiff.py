"""TIFF files: their header, and their stored values.

OpenCV multiplies colours by alpha, turns images by their orientation tag, mistakes planes and inverted grey,
and goes on after damage. Here the directory is read and checked as a whole, and each strip or tile is decoded
on its own: into as many bytes as its size asks for, or the file is refused.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from leukcnn.datasets.formats import tiff_pieces
from leukcnn.datasets.formats.tiff_pieces import COMPRESSIONS, Layout, refused
from leukcnn.datasets.headers import Header, expect_length

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6
_REFUSED_PHOTOMETRIC = {
    4: "a transparency mask",
    5: "CMYK colours",
    6: "YCbCr colours outside JPEG streams",
    8: "CIELab colours",
    9: "ICCLab colours",
    10: "ITULab colours",
    32803: "a colour filter array",
    32844: "LogL values",
    32845: "LogLuv values",
    34892: "linear raw values",
}
_REFUSED_COMPRESSIONS = {
    2: "CCITT RLE",
    3: "CCITT Group 3",
    4: "CCITT Group 4",
    6: "old-style JPEG",
    34712: "JPEG 2000",
    34925: "LZMA",
    50000: "Zstandard",
    50001: "WebP",
}
_SUBFILE, _OLD_SUBFILE = 254, 255
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 256, 257, 258, 259, 262, 266
_STRIP_OFFSETS, _SAMPLES, _ROWS_PER_STRIP, _STRIP_BYTES, _PLANAR, _PREDICTOR = 273, 277, 278, 279, 284, 317
_COLOUR_MAP, _TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES = 320, 322, 323, 324, 325
_EXTRA_SAMPLES, _SAMPLE_FORMAT, _JPEG_TABLES = 338, 339, 347
_INTEGERS = {1: "u1", 3: "u2", 4: "u4"}
_MAX_DIRECTORIES, _MAX_ENTRIES = 100, 1_000
_ASSOCIATED_ALPHA = 1
_JPEG = 7


@dataclass(frozen=True)
class _Image:
    """How the image of a file is stored, and what its values mean.

    Attributes:
        layout: Where its strips or tiles are, and how they are stored.
        photometric: What a value means: the TIFF tag of that name.
        colours: Entries of the palette, (2^bits, 3) uint8 or uint16, None without one.
        premultiplied: Whether its colours are stored multiplied by alpha.
    """

    layout: Layout
    photometric: int
    colours: np.ndarray | None
    premultiplied: bool

    @property
    def header(self) -> Header:
        layout = self.layout
        channels, bits = layout.samples, max(8, layout.bits)
        if self.colours is not None:
            channels, bits = 3, 8 * self.colours.dtype.itemsize
        return Header("TIFF", layout.height, layout.width, channels, bits)


def read_header(content: bytes) -> Header:
    """Reads the header of a TIFF file and checks that the file is complete.

    The file's one image of full size is read. Reduced copies and transparency masks of it are passed over.

    Raises:
        BrokenImage: The file is truncated or breaks the format's rules, holds several images, or its image is
            of a kind that isn't read.
    """
    return _read_image(content).header


def decode(content: bytes, header: Header) -> np.ndarray:
    """Returns the stored values of a complete file, (H, W, C) uint8 or uint16, in the order R, G, B, A.

    Grey of 1, 2 or 4 bits is scaled to 0..255, inverted grey (WhiteIsZero) is turned to black = 0, and
    palettes are replaced by their colours.

    Raises:
        BrokenImage: A strip or tile is damaged, or colours are stored multiplied by an alpha that isn't full.
    """
    image = _read_image(content)
    values = tiff_pieces.read(content, image.layout)
    highest = 2**image.layout.bits - 1
    if image.premultiplied and (values[..., -1] != highest).any():
        raise refused("holds colours multiplied by alpha, which can't be had back exactly")
    if image.colours is not None:
        return image.colours[values[..., 0]]
    if image.photometric == _WHITE_IS_ZERO:
        np.subtract(highest, values[..., 0], out=values[..., 0])
    return values * np.uint8(255 // highest) if highest < 255 else values


def _read_image(content: bytes) -> _Image:
    order = "<" if content.startswith(b"II") else ">"
    if struct.unpack_from(f"{order}H", content, 2)[0] == 43:
        raise refused("is a BigTIFF, which isn't read")
    full = [tags for tags in _directories(content, order) if not tags.is_copy_or_mask()]
    if len(full) != 1:
        raise refused(f"holds {len(full)} images of full size, not one")
    (tags,) = full
    photometric = tags.one(_PHOTOMETRIC)
    compression = tags.one(_COMPRESSION, 1)
    if compression not in COMPRESSIONS:
        raise refused(f"is compressed by {_REFUSED_COMPRESSIONS.get(compression, f'method {compression}')}")
    layout = _layout(tags, content, photometric, compression)
    extra = tags.several(_EXTRA_SAMPLES, 8)
    _check_channels(layout, photometric, extra)
    colours = _colours(tags, 2**layout.bits) if photometric == _PALETTE else None
    return _Image(layout, photometric, colours, extra[:1] == [_ASSOCIATED_ALPHA])


class _Tags:
    """The entries of one directory.

    Args:
        content: The file.
        order: Its byte order: "<" or ">".
        entries: Tag -> its type, count and the place of its values.
    """

    def __init__(self, content: bytes, order: str, entries: dict[int, tuple[int, int, int]]):
        self._content, self.order, self._entries = content, order, entries

    def __contains__(self, tag: int) -> bool:
        return tag in self._entries

    def array(self, tag: int) -> np.ndarray:
        """Returns the values of an integer tag, (count,) int64; none if it is missing."""
        kind, count, place = self._entries.get(tag, (1, 0, 0))
        if kind not in _INTEGERS:
            raise refused(f"is damaged: the values of its tag {tag} have type {kind}")
        dtype = np.dtype(self.order + _INTEGERS[kind])
        expect_length(self._content, place + count * dtype.itemsize)
        return np.frombuffer(self._content, dtype, count, place).astype(np.int64)

    def several(self, tag: int, most: int) -> list[int]:
        """Returns the values of an integer tag with a limit on their number."""
        if self._entries.get(tag, (1, 0, 0))[1] > most:
            raise refused(f"has {self._entries[tag][1]:,} values in its tag {tag}, not up to {most}")
        return self.array(tag).tolist()

    def one(self, tag: int, default: int | None = None) -> int:
        """Returns the value of an integer tag that has one; without a default the tag is required."""
        values = self.several(tag, 1)
        if values:
            return values[0]
        if default is None:
            raise refused(f"is damaged: its tag {tag} is missing")
        return default

    def raw(self, tag: int) -> bytes:
        """Returns the bytes of a tag, none if it is missing."""
        kind, count, place = self._entries.get(tag, (7, 0, 0))
        if kind != 7:
            raise refused(f"is damaged: the values of its tag {tag} have type {kind}")
        expect_length(self._content, place + count)
        return self._content[place : place + count]

    def is_copy_or_mask(self) -> bool:
        """Says whether the directory is of a reduced copy or a transparency mask of another one's image."""
        # The old tag counts: 1 full size, 2 reduced, 3 a page of several.
        return bool(self.one(_SUBFILE, 0) & 0b101) or self.one(_OLD_SUBFILE, 1) == 2


def _directories(content: bytes, order: str) -> Iterator[_Tags]:
    (place,) = struct.unpack_from(f"{order}I", content, 4)
    seen: set[int] = set()
    while place:
        if place in seen or len(seen) == _MAX_DIRECTORIES:
            raise refused(f"holds a loop of directories, or more than {_MAX_DIRECTORIES}")
        seen.add(place)
        expect_length(content, place + 2)
        (count,) = struct.unpack_from(f"{order}H", content, place)
        if not 0 < count <= _MAX_ENTRIES:
            raise refused(f"is damaged: a directory has {count:,} tags, not 1 to {_MAX_ENTRIES:,}")
        end = place + 2 + 12 * count
        expect_length(content, end + 4)
        entries: dict[int, tuple[int, int, int]] = {}
        for at in range(place + 2, end, 12):
            tag, kind, number, offset = struct.unpack_from(f"{order}HHII", content, at)
            size = {1: 1, 2: 1, 3: 2, 6: 1, 7: 1, 8: 2}.get(kind, 4)
            if tag in entries:
                raise refused(f"is damaged: a directory has tag {tag} twice")
            entries[tag] = (kind, number, at + 8 if number * size <= 4 else offset)
        yield _Tags(content, order, entries)
        (place,) = struct.unpack_from(f"{order}I", content, end)


def _layout(tags: _Tags, content: bytes, photometric: int, compression: int) -> Layout:
    width, height, samples = tags.one(_WIDTH), tags.one(_HEIGHT), tags.one(_SAMPLES, 1)
    if not (width and height):
        raise refused(f"has {width} x {height} pixels")
    bits = _bits(tags, samples)
    planar, fill_order = tags.one(_PLANAR, 1), tags.one(_FILL_ORDER, 1)
    if planar not in (1, 2):
        raise refused(f"is damaged: its planar configuration is {planar}, not 1 or 2")
    # Readers don't agree on what reversed bits mean elsewhere.
    if fill_order != 1 and (fill_order, bits, compression) != (2, 1, 1):
        raise refused(f"is in fill order {fill_order}, which is read for uncompressed values of 1 bit alone")
    tiled = _TILE_WIDTH in tags or _TILE_OFFSETS in tags
    if tiled and _STRIP_OFFSETS in tags:
        raise refused("is damaged: it has both strips and tiles")
    if tiled:
        across, down = tags.one(_TILE_WIDTH), tags.one(_TILE_HEIGHT)
    else:
        across, down = width, min(height, tags.one(_ROWS_PER_STRIP, height))
    if not (across and down):
        raise refused(f"is damaged: its strips or tiles have {across} x {down} pixels")
    layout = Layout(
        height=height,
        width=width,
        samples=samples,
        bits=bits,
        order=tags.order,
        planes=samples if planar == 2 else 1,
        compression=compression,
        predictor=tags.one(_PREDICTOR, 1),
        reversed_bits=fill_order == 2,
        tiled=tiled,
        piece_height=down,
        piece_width=across,
        offsets=tags.array(_TILE_OFFSETS if tiled else _STRIP_OFFSETS),
        sizes=tags.array(_TILE_BYTES if tiled else _STRIP_BYTES),
        jpeg_tables=tags.raw(_JPEG_TABLES),
        jpeg_transform=photometric == _YCBCR,
    )
    return tiff_pieces.checked(layout, content)


def _bits(tags: _Tags, samples: int) -> int:
    if samples not in (1, 2, 3, 4):
        raise refused(f"has {samples} channels, not 1 to 4")
    several = tags.several(_BITS, samples) or [1]
    bits = "/".join(str(number) for number in sorted(set(several)))
    kinds = set(tags.several(_SAMPLE_FORMAT, samples))
    if not kinds <= {1}:
        kind = {2: "int", 3: "float", 5: "complex int", 6: "complex float"}.get(max(kinds), "unknown")
        raise refused(f"holds values of type {kind}{bits}, not whole numbers of up to 16 bits from 0 on")
    if len(several) not in (1, samples) or bits not in ("1", "2", "4", "8", "16"):
        raise refused(f"holds values of {bits} bits a channel, not 1, 2, 4, 8 or 16 in all channels")
    return several[0]


def _check_channels(layout: Layout, photometric: int, extra: list[int]) -> None:
    own = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _PALETTE: 1, _YCBCR: 3}.get(photometric)
    jpeg = layout.compression == _JPEG
    if own is None or (photometric == _YCBCR and not jpeg):
        name = _REFUSED_PHOTOMETRIC.get(photometric, f"values of photometric interpretation {photometric}")
        raise refused(f"holds {name}, which can't be turned into RGB exactly")
    # A fourth channel that the file doesn't explain is read as alpha; OpenCV writes such files.
    more = layout.samples - own
    if more not in (0, 1) or len(extra) > more or (more and (photometric == _PALETTE or jpeg)):
        raise refused(f"has {layout.samples} channels, {len(extra)} of them extra, where {own} are needed")
    if photometric == _PALETTE and (layout.bits > 8 or jpeg):
        raise refused("has a palette of a kind that isn't read")


def _colours(tags: _Tags, count: int) -> np.ndarray:
    values = tags.array(_COLOUR_MAP)
    if values.size != 3 * count or values.max() > 65535:
        raise refused(f"is damaged: its palette has {values.size} values, not {3 * count} of 16 bits")
    colours = values.reshape(3, count).T
    # A colour of 8 bits is stored as c * 257, as TIFF says, or as c * 256. For the first, Pillow, libtiff and
    # tifffile agree with c; for the second, a shift by 8 bits alone gives c.
    if not (colours % 257).any() or not (colours % 256).any():
        return (colours >> 8).astype(np.uint8)
    if colours.max() < 256:
        raise refused("has a palette of 8-bit values, which readers take for black or for colours")
    return colours.astype(np.uint16)
