"""JPEG files: their header, and their stored values."""

import struct

import numpy as np

from leukcnn.datasets.headers import BrokenImage, Header, truncated


def read_header(content: bytes) -> Header:
    """Reads the header of a JPEG file and checks that the file is complete."""
    frame, position = None, 2
    while True:
        marker, size = struct.unpack_from(">xBH", content, position)
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            frame = struct.unpack_from(">BHHB", content, position + 4)
        position += 2 + size
        if marker == 0xDA:
            break
    # In entropy-coded data, FF is followed by 00 or a restart marker. FF D9 can only be the end.
    if content.find(b"\xff\xd9", position) < 0:
        raise truncated("its end marker is missing")
    if frame is None:
        raise BrokenImage("undecodable", "is a JPEG without a frame header")
    bits, height, width, channels = frame
    return Header("JPEG", height, width, 1 if channels == 1 else 3, bits)


def decode(content: bytes, header: Header) -> np.ndarray:
    """Returns the stored values of a complete file, (H, W, C) uint8 or uint16, in the order R, G, B, A."""
    # An index of a folder reads headers alone and doesn't need OpenCV.
    from leukcnn.datasets.formats.opencv import stored_values

    return stored_values(content, header)
