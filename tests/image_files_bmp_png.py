"""Write BMP and PNG files byte by byte, sound ones and wrong ones, without an image library."""

import struct
import zlib

import numpy as np

PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Colour type of a PNG -> samples per pixel."""

ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column, first row, step between columns and between rows of each pass of an interlaced PNG."""


def bmp(
    pixels,
    *,
    depth,
    header_size=40,
    compression=0,
    palette=(),
    masks=(),
    top_down=False,
    gap=0,
    size=None,
    trailer=b"",
    **fields,
):
    """Returns a BMP file.

    Args:
        pixels: (H, W) whole numbers, a pixel of `depth` bits each; or bytes, the data as they are.
        depth: Bits per pixel.
        header_size: Size of the second header: 12, 16, 40, 52, 56, 64, 108 or 124, or a wrong one.
        compression: Kind of compression.
        palette: (R, G, B) of each colour.
        masks: Bits of red, green, blue and perhaps alpha.
        top_down: Whether the upper row comes first.
        gap: Bytes between palette and pixels.
        size: (width, height) that the header gives, if not those of `pixels`; needed if these are bytes.
        trailer: Bytes after the pixels.
        **fields: Other fields of the header: offset, planes, depth_field, colours, image_bytes.
    """
    if isinstance(pixels, bytes):
        data = pixels
    else:
        rows = np.asarray(pixels)
        size = size or (rows.shape[1], -rows.shape[0] if top_down else rows.shape[0])
        data = b"".join(_bmp_row(row, depth) for row in (rows if top_down else rows[::-1]))
    width, height = size
    planes, depth_field = fields.get("planes", 1), fields.get("depth_field", depth)
    bits = struct.pack(f"<{len(masks)}I", *masks)
    if header_size == 12:
        second = struct.pack("<IHHHH", 12, width, height, planes, depth_field)
        entries = b"".join(bytes((b, g, r)) for r, g, b in palette)
    else:
        colours, image_bytes = fields.get("colours", len(palette)), fields.get("image_bytes", 0)
        second = struct.pack("<IiiHHI", header_size, width, height, planes, depth_field, compression)
        second += struct.pack("<IiiII", image_bytes, 0, 0, colours, 0)
        entries = b"".join(bytes((b, g, r, 0)) for r, g, b in palette)
        # The masks follow the header of 40 bytes, and are within longer ones.
        second = second[:header_size] + bits
        second = second.ljust(min(header_size, 124), b"\0")
    offset = fields.get("offset", 14 + len(second) + len(entries) + gap)
    body = second + entries + bytes(gap) + data + trailer
    return b"BM" + struct.pack("<IHHI", 14 + len(body), 0, 0, offset) + body


def _bmp_row(row, depth):
    if depth < 8:
        bits = ((row[:, None] >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8)
        data = np.packbits(bits.ravel()).tobytes()
    else:
        data = b"".join(int(value).to_bytes(depth // 8, "little") for value in row)
    return data + bytes(-len(data) % 4)


def chunk(kind, body, *, checksum=None):
    """Returns a chunk of a PNG file; with a wrong checksum, if one is given."""
    checksum = zlib.crc32(kind + body) if checksum is None else checksum
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def png(
    samples,
    *,
    bits=8,
    colour=2,
    interlace=0,
    palette=None,
    before=(),
    after=(),
    size=None,
    data=None,
    parts=1,
    filter_kind=0,
    **fields,
):
    """Returns a PNG file.

    Args:
        samples: (H, W, C) whole numbers of `bits` bits, C as the colour type needs.
        bits: Bits per sample.
        colour: Colour type: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha, or a wrong one.
        interlace: 1 for Adam7.
        palette: (R, G, B) of each colour; no PLTE chunk if None.
        before: Chunks (kind, body) between IHDR and IDAT, after PLTE.
        after: Chunks between IDAT and IEND.
        size: (width, height) that the header gives, if not those of `samples`.
        data: The compressed data, if not those of `samples`.
        parts: Number of IDAT chunks.
        filter_kind: Filter of all rows: 0 none, 1 sub, 2 up, or a wrong one, which is written as none.
        **fields: Other fields of the header: compression, filtering; and `first`, chunks before IHDR.
    """
    samples = np.asarray(samples)
    width, height = size or (samples.shape[1], samples.shape[0])
    header = struct.pack(
        ">IIBBBBB",
        width,
        height,
        bits,
        colour,
        fields.get("compression", 0),
        fields.get("filtering", 0),
        interlace,
    )
    if data is None:
        data = zlib.compress(png_rows(samples, bits=bits, interlace=interlace, filter_kind=filter_kind))
    step = max(-(-len(data) // parts), 1)
    pieces = [data[start : start + step] for start in range(0, max(len(data), 1), step)]
    chunks = [*fields.get("first", ()), (b"IHDR", header)]
    if palette is not None:
        chunks.append((b"PLTE", bytes(value for entry in palette for value in entry)))
    chunks += [*before, *((b"IDAT", piece) for piece in pieces), *after, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, body) for kind, body in chunks)


def png_rows(samples, *, bits=8, interlace=0, filter_kind=0):
    """Returns the data of a PNG before compression, (H, W, C) samples row by row with their filters."""
    samples = np.asarray(samples)
    passes = ADAM7 if interlace else ((0, 0, 1, 1),)
    images = [samples[top::down, left::across] for left, top, across, down in passes]
    return b"".join(_png_pass(image, bits, filter_kind) for image in images if image.size)


def _png_pass(samples, bits, filter_kind):
    pixel_bytes = max(bits * samples.shape[2] // 8, 1)
    rows, above = [], None
    for row in samples:
        flat = ((row.reshape(-1, 1) >> np.arange(bits - 1, -1, -1)) & 1).astype(np.uint8)
        raw = np.packbits(flat.ravel())
        stored = raw.copy()
        if filter_kind == 1:
            stored[pixel_bytes:] -= raw[:-pixel_bytes]
        elif filter_kind == 2 and above is not None:
            stored -= above
        rows.append(bytes([filter_kind]) + stored.tobytes())
        above = raw
    return b"".join(rows)
