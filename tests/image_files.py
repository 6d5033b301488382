"""Write TIFF and JPEG files by hand, with any combination of what the formats know.

The tests compare what is read with the values that went in, and not with another reader.
"""

import struct
import zlib

import numpy as np

# Tags of TIFF by name.
TAGS = {
    "subfile": 254,
    "old_subfile": 255,
    "width": 256,
    "height": 257,
    "bits": 258,
    "compression": 259,
    "photometric": 262,
    "fill_order": 266,
    "strip_offsets": 273,
    "orientation": 274,
    "samples": 277,
    "rows_per_strip": 278,
    "strip_bytes": 279,
    "planar": 284,
    "predictor": 317,
    "colour_map": 320,
    "tile_width": 322,
    "tile_height": 323,
    "tile_offsets": 324,
    "tile_bytes": 325,
    "extra_samples": 338,
    "sample_format": 339,
    "jpeg_tables": 347,
}
NO_COMPRESSION, LZW, JPEG, DEFLATE, OLD_DEFLATE, PACKBITS = 1, 5, 7, 8, 32946, 32773


def tiff(values, *, bits=8, order="<", tile=None, streams=None, more_pages=(), **tags):
    """Writes a TIFF file.

    Args:
        values: The stored values, (H, W, C) integers below 2^bits.
        bits: Bits a channel.
        order: "<" or ">".
        tile: Rows and columns of a tile; None for strips.
        streams: The strips or tiles as they are stored; None to encode the values.
        more_pages: Further directories, each a dictionary of tags.
        **tags: Tags by name (`TAGS`), or `tag_N` (`tag_258` for other bits than those that hold): a number, a
            list, bytes, or None to leave the tag out. They replace those that follow from the values, and say
            how the values are encoded.

    Returns:
        The file.
    """
    height, width, samples = values.shape
    own = {
        "width": width,
        "height": height,
        "bits": [bits] * samples,
        "compression": NO_COMPRESSION,
        "photometric": 1 if samples < 3 else 2,
        "samples": samples,
        "planar": 1,
    }
    if tile:
        own |= {"tile_height": tile[0], "tile_width": tile[1]}
    else:
        own["rows_per_strip"] = height
    own |= tags
    if streams is None:
        streams = encoded(values, bits, order, tile, own)
    place = "tile" if tile else "strip"
    start, offsets = 8, []
    for stream in streams:
        offsets.append(start)
        start += len(stream)
    own = {f"{place}_offsets": offsets, f"{place}_bytes": [len(stream) for stream in streams]} | own
    numbered = {_number(name): value for name, value in own.items()}
    pages = [{tag: value for tag, value in numbered.items() if value is not None}, *more_pages]
    body = b"".join(streams)
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, start)
    return head + body + _directories(pages, order, start)


def encoded(values, bits, order, tile, tags):
    """Returns the strips or tiles of an image, with `compression`, `predictor`, `planar` as in the tags."""
    height, width, samples = values.shape
    down, across = tile or (min(tags.get("rows_per_strip") or height, height), width)
    parts = np.split(values, samples, axis=2) if tags["planar"] == 2 else [values]
    streams = []
    for part in parts:
        for top in range(0, height, down):
            for left in range(0, width, across):
                piece = part[top : top + down, left : left + across].astype(np.int64)
                if tile:
                    # What a tile holds past the edge of the image isn't the image's.
                    room = [(0, down - piece.shape[0]), (0, across - piece.shape[1]), (0, 0)]
                    piece = np.pad(piece, room, constant_values=2**bits - 2)
                if tags.get("predictor") == 2:
                    piece[:, 1:] = (piece[:, 1:] - piece[:, :-1]) % 2**bits
                rows = [_packed(row.ravel(), bits, order, tags.get("fill_order") == 2) for row in piece]
                streams.append(_COMPRESS[tags["compression"]](b"".join(rows)))
    return streams


def lzw(content):
    """Encodes bytes as TIFF's LZW: codes of 9 to 12 bits that grow one entry early."""
    bits, string = [], b""

    def write(code):
        size = len(table) + 258
        bits.append(f"{code:0{9 + (size >= 512) + (size >= 1024) + (size >= 2048)}b}")

    table = {}
    write(256)
    for value in content:
        longer = string + bytes([value])
        if len(longer) == 1 or longer in table:
            string = longer
            continue
        write(table.get(string, string[0]))
        table[longer] = 258 + len(table)
        if len(table) + 258 == 4095:
            write(256)
            table.clear()
        string = longer[-1:]
    if string:
        write(table.get(string, string[0]))
        table[b""] = 0
    write(257)
    whole = "".join(bits)
    return int(whole.ljust(-(-len(whole) // 8) * 8, "0"), 2).to_bytes(-(-len(whole) // 8), "big")


def packbits(content):
    """Encodes bytes as PackBits: runs of equal bytes, others one by one, and now and then a byte to skip."""
    stream, at = bytearray(), 0
    while at < len(content):
        run = 1
        while at + run < len(content) and run < 128 and content[at + run] == content[at]:
            run += 1
        if run > 1:
            stream += bytes([257 - run, content[at]])
        else:
            stream += bytes([128, 0, content[at]])
        at += run
    return bytes(stream)


_COMPRESS = {
    NO_COMPRESSION: bytes,
    LZW: lzw,
    DEFLATE: zlib.compress,
    OLD_DEFLATE: zlib.compress,
    PACKBITS: packbits,
}


def _packed(numbers, bits, order, reversed_bits):
    if bits == 16:
        return numbers.astype(f"{order}u2").tobytes()
    text = "".join(f"{int(number):0{bits}b}" for number in numbers)
    octets = [text[at : at + 8].ljust(8, "0") for at in range(0, len(text), 8)]
    return bytes(int(octet[::-1] if reversed_bits else octet, 2) for octet in octets)


def _number(name):
    return TAGS.get(name) or int(name.removeprefix("tag_"))


def _directories(pages, order, start):
    content = b""
    for page, tags in enumerate(pages):
        entries, beyond = b"", b""
        place = start + len(content) + 2 + 12 * len(tags) + 4
        for tag, value in sorted(tags.items()):
            if isinstance(value, bytes):
                kind, count, data = 7, len(value), value
            else:
                numbers = value if isinstance(value, (list, tuple)) else [value]
                kind = 4 if max(numbers, default=0) > 65535 or tag in (273, 279, 324, 325) else 3
                count = len(numbers)
                data = struct.pack(f"{order}{count}{'HI'[kind - 3]}", *numbers)
            entries += struct.pack(f"{order}HHI", tag, kind, count)
            if len(data) <= 4:
                entries += data.ljust(4, b"\0")
            else:
                entries += struct.pack(f"{order}I", place + len(beyond))
                beyond += data
        following = place + len(beyond) if page + 1 < len(pages) else 0
        content += (
            struct.pack(f"{order}H", len(tags)) + entries + struct.pack(f"{order}I", following) + beyond
        )
    return content


def segment(marker, body):
    """Returns a marker segment of a JPEG file."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def adobe(transform):
    """Returns Adobe's segment: transform 0 for RGB or CMYK, 1 for YCbCr, 2 for YCCK."""
    return segment(0xEE, struct.pack(">5sHHHB", b"Adobe", 100, 0, 0, transform))


def jpeg(
    levels,
    *,
    before=None,
    frame=0xC0,
    interleaved=True,
    restart=0,
    scans=None,
    between=b"",
    after=b"",
    **head,
):
    """Writes a JPEG file of 8 x 8 blocks that have one level each, which decoders give back exactly.

    Args:
        levels: The level of each block, (H, W, C), 0..255: the image has 8 H x 8 W pixels.
        before: Segments before the tables; None for the one that says RGB.
        frame: The marker of the frame: C0, C1 sequential, C2 progressive.
        interleaved: Whether the channels share a scan.
        restart: Blocks (of all channels of a scan) between two restart markers.
        scans: Which scans to write, a slice; None for all.
        between: What comes before each scan, fill bytes for example.
        after: What comes after the end marker.
        **head: `bits`, `height`, `width`, `factors` (a list of bytes) of the frame header, for other values
            than those that hold.

    Returns:
        The file.
    """
    down, across, count = levels.shape
    numbers = list(range(1, count + 1))
    factors = head.get("factors") or [0x11] * count
    size = (head.get("bits", 8), head.get("height", 8 * down), head.get("width", 8 * across), count)
    channels = b"".join(bytes([number, factors[number - 1], 0]) for number in numbers)
    parts = [
        b"\xff\xd8",
        adobe(0) if before is None else before,
        segment(0xDB, b"\0" + bytes([8] * 64)),
        segment(frame, struct.pack(">BHHB", *size) + channels),
        # Twelve sizes of a level's difference in codes of four bits; one code for the end of a block.
        segment(0xC4, b"\0" + bytes([0, 0, 0, 12, *[0] * 12]) + bytes(range(12))),
        segment(0xC4, b"\x10" + bytes([1, *[0] * 15]) + b"\0"),
        segment(0xDD, struct.pack(">H", restart)) if restart else b"",
    ]
    progressive = frame == 0xC2
    groups = [numbers] if interleaved else [[number] for number in numbers]
    written = [
        (
            group,
            (0, 0) if progressive else (0, 63),
            _levels_data(levels[..., group[0] - 1 : group[-1]], restart, progressive),
        )
        for group in groups
    ]
    if progressive:
        blocks = "0" * (down * across)
        runs = [blocks[at : at + restart] for at in range(0, len(blocks), restart)] if restart else [blocks]
        written += [([number], (1, 63), _entropy(runs)) for number in numbers]
    for group, band, data in written[scans or slice(None)]:
        header = bytes([len(group), *[x for number in group for x in (number, 0)], *band, 0])
        parts += [between, segment(0xDA, header), data]
    return b"".join([*parts, between, b"\xff\xd9", after])


def _levels_data(levels, restart, progressive):
    texts, text, last = [], "", [0] * levels.shape[2]
    for number, block in enumerate(levels.reshape(-1, levels.shape[2]).tolist()):
        if restart and number and number % restart == 0:
            texts, text, last = [*texts, text], "", [0] * levels.shape[2]
        for channel, level in enumerate(block):
            step = level - 128 - last[channel]
            last[channel] = level - 128
            size = abs(step).bit_length()
            text += f"{size:04b}"
            if size:
                text += f"{step if step > 0 else step + 2**size - 1:0{size}b}"
            text += "" if progressive else "0"
    return _entropy([*texts, text])


def _entropy(texts):
    parts = []
    for number, text in enumerate(texts):
        padded = text.ljust(-(-len(text) // 8) * 8, "1")
        data = int(padded, 2).to_bytes(len(padded) // 8, "big").replace(b"\xff", b"\xff\x00")
        parts.append((bytes([0xFF, 0xD0 + (number - 1) % 8]) if number else b"") + data)
    return b"".join(parts)
