"""TIFF files: their header, and their stored values."""

import struct

import numpy as np

from leukcnn.datasets.headers import Header, expect_length


def read_header(content: bytes) -> Header:
    """Reads the header of a TIFF file and checks that the file is complete."""
    order = "<" if content.startswith(b"II") else ">"
    (directory,) = struct.unpack_from(f"{order}I", content, 4)
    (entries,) = struct.unpack_from(f"{order}H", content, directory)
    expect_length(content, directory + 2 + 12 * entries + 4)
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
        expect_length(content, max(ends, default=0))
    palette = tags.get(262, (2,))[0] == 3
    return Header("TIFF", height, width, 3 if palette else samples, max(8, *tags.get(258, (8,))))


def decode(content: bytes, header: Header) -> np.ndarray:
    """Returns the stored values of a complete file, (H, W, C) uint8 or uint16, in the order R, G, B, A."""
    # An index of a folder reads headers alone and doesn't need OpenCV.
    from leukcnn.datasets.formats.opencv import stored_values

    return stored_values(content, header)
