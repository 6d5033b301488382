"""Binary PGM and PPM files: their header, and their stored values."""

import re

import numpy as np

from leukcnn.datasets.headers import BrokenImage, Header, expect_length

_GAP = rb"(?:\s|#[^\r\n]*[\r\n])+"
_HEADER = re.compile(rb"P([56])" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})\s")
# A header with more comments than this isn't read.
_LONGEST_HEADER = 1 << 16
# The greatest value of a sample -> bytes of a sample. Others have no exact value of 8 or 16 bits.
_SAMPLES = {1: 1, 3: 1, 15: 1, 255: 1, 65_535: 2}


def read_header(content: bytes) -> Header:
    """Reads the header of a PGM or PPM file and checks that the file is complete."""
    height, width, channels, greatest, _ = _parse(content)
    return Header("PNM", height, width, channels, 8 * _SAMPLES[greatest])


def decode(content: bytes, header: Header) -> np.ndarray:
    """Returns the stored values of a complete file, (H, W, C) uint8 or uint16, grey or R, G, B.

    Values of fewer than 8 bits are multiplied to reach 255.

    Raises:
        BrokenImage: A value is above the greatest one that the header names.
    """
    height, width, channels, greatest, start = _parse(content)
    kind = np.dtype(">u2" if _SAMPLES[greatest] == 2 else "u1")
    values = np.frombuffer(content, kind, height * width * channels, start).reshape(height, width, channels)
    if greatest >= 255:
        return values
    if (highest := values.max()) > greatest:
        raise BrokenImage("undecodable", f"has the value {highest}, above its greatest, {greatest}")
    return values * np.uint8(255 // greatest)


def _parse(content: bytes) -> tuple[int, int, int, int, int]:
    """Returns the height, width, channels and greatest value, and where the values begin."""
    found = _HEADER.match(content, 0, _LONGEST_HEADER)
    if found is None:
        raise BrokenImage("undecodable", "begins like a PGM or PPM file, but has no such header")
    kind, width, height, greatest = map(int, found.groups())
    channels, start = 1 if kind == 5 else 3, found.end()
    if greatest not in _SAMPLES:
        raise BrokenImage(
            "undecodable", f"is a PNM with values up to {greatest:,}, which have no exact value of 8 bits"
        )
    end = start + height * width * channels * _SAMPLES[greatest]
    expect_length(content, end)
    if content[end : end + _LONGEST_HEADER].strip():
        raise BrokenImage("undecodable", "is a PNM that goes on after its last pixel, as with several images")
    return height, width, channels, greatest, start
