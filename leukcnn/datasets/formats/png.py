"""PNG files: their header, and their stored values."""

import struct
import zlib

import numpy as np

from leukcnn.datasets.headers import BrokenImage, Header, expect_length


def read_header(content: bytes) -> Header:
    """Reads the header of a PNG file and checks that the file is complete."""
    width, height, bits, colour = struct.unpack_from(">IIBB", content, 16)
    position, kind, transparent = 8, b"", False
    while kind != b"IEND":
        size, kind = struct.unpack_from(">I4s", content, position)
        end = position + 8 + size
        expect_length(content, end + 4)
        if struct.unpack_from(">I", content, end)[0] != zlib.crc32(memoryview(content)[position + 4 : end]):
            raise BrokenImage("undecodable", f"is damaged: the checksum of its chunk {kind!r} is wrong")
        transparent |= kind == b"tRNS"
        position = end + 4
    channels = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}.get(colour, 3) + transparent
    return Header("PNG", height, width, channels, 16 if bits == 16 else 8)


def decode(content: bytes, header: Header) -> np.ndarray:
    """Returns the stored values of a complete file, (H, W, C) uint8 or uint16, in the order R, G, B, A."""
    # An index of a folder reads headers alone and doesn't need OpenCV.
    from leukcnn.datasets.formats.opencv import stored_values

    return stored_values(content, header)
