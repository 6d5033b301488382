"""BMP files: their header, and their stored values."""

import struct

import numpy as np

from leukcnn.datasets.headers import Header, expect_length


def read_header(content: bytes) -> Header:
    """Reads the header of a BMP file and checks that the file is complete."""
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
    expect_length(content, offset + (row_bytes * abs(height) if uncompressed else image_bytes))
    channels = {32: 4}.get(depth, 3)
    if depth <= 8:
        start, count = 14 + header_size, min(colours or 2**depth, 256)
        palette = [content[i : i + 3] for i in range(start, start + count * entry, entry)]
        channels = 1 if all(len(set(colour)) == 1 for colour in palette) else 3
    return Header("BMP", abs(height), width, channels, 8)


def decode(content: bytes, header: Header) -> np.ndarray:
    """Returns the stored values of a complete file, (H, W, C) uint8 or uint16, in the order R, G, B, A."""
    # An index of a folder reads headers alone and doesn't need OpenCV.
    from leukcnn.datasets.formats.opencv import stored_values

    return stored_values(content, header)
