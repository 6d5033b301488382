"""JPEG files: their header, and their stored values.

OpenCV goes on after a damaged part of a JPEG file and returns grey or shifted blocks. simplejpeg wraps the
same libjpeg-turbo, so that the pixels of a sound file are equal, and refuses a file at its first warning.
What it doesn't warn of is checked here: that the scans hold every coefficient of every channel.
"""

import re
import struct
from collections.abc import Iterator

import numpy as np

from leukcnn.datasets.headers import BrokenImage, Header, truncated

_MAX_SEGMENTS = 10_000
# Decoding visits each block once a scan: ten scans of 100 megapixels.
_MAX_SCANNED_PIXELS = 1_000_000_000
# A decoder keeps all blocks of a file with several scans, at two bytes a coefficient: 256 MiB, which are 44
# megapixels in full colour.
_MAX_KEPT_BLOCKS = 2**21
_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_STANDALONE = {0x01, *range(0xD0, 0xD8)}
# In entropy-coded data, FF is followed by 00 or a restart marker, or by another FF that fills.
_MARKER_AFTER_DATA = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_REFUSED_FRAMES = {
    0xC3: "is a lossless JPEG",
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF, 0xDE, 0xDF), "is a hierarchical JPEG"),
    # Decoders fill up what is missing of arithmetic-coded data without a warning.
    **dict.fromkeys((0xC8, 0xC9, 0xCA, 0xCB), "is a JPEG with arithmetic coding, whose damage can't be seen"),
    0xDC: "is a JPEG that says its height after its first scan",
}
# A marker of two bytes that means nothing.
_NEUTRAL = b"\xff\x01"
_BASELINE, _PROGRESSIVE = (0xC0, 0xC1), 0xC2


def read_header(content: bytes) -> Header:
    """Reads the header of a JPEG file and checks that the file is complete.

    Raises:
        BrokenImage: The file is truncated or breaks the format's rules, or it isn't a Huffman-coded file of
            grey or of three colours with 8 bits a channel.
    """
    frame = None
    for marker, place, end in segments(content):
        if marker in _REFUSED_FRAMES:
            raise _refused(f"{_REFUSED_FRAMES[marker]}, which isn't read")
        if marker in (*_BASELINE, _PROGRESSIVE):
            if frame is not None:
                raise _refused("is a JPEG with two frame headers")
            frame = _Frame(marker, content[place:end])
        elif marker == _SCAN:
            if frame is None:
                raise _refused("is a JPEG without a frame header before its pixels")
            frame.add_scan(content, place, end)
    if frame is None:
        raise _refused("is a JPEG without a frame header")
    frame.expect_every_coefficient()
    return Header("JPEG", frame.height, frame.width, len(frame.components), 8)


def decode(content: bytes, header: Header) -> np.ndarray:
    """Returns the stored values of a complete file, (H, W, C) uint8, grey or in the order R, G, B.

    Raises:
        BrokenImage: libjpeg finds damage.
    """
    # An index of a folder reads headers alone and doesn't need a decoder.
    import simplejpeg

    scans = [(place, end) for marker, place, end in segments(content) if marker == _SCAN]
    last = scans[-1][1]
    colours = "GRAY" if header.channels == 1 else "RGB"
    try:
        # libjpeg reports bytes left over before a restart marker only when it looks for a further marker.
        values = simplejpeg.decode_jpeg(content[:last] + _NEUTRAL + content[last:], colours, strict=True)
    except ValueError as error:
        raise _refused(f"is damaged: {error}") from error
    if values.shape != (header.height, header.width, header.channels):
        raise _refused(f"is decoded as an image of shape {values.shape}, not as its header says")
    # It never reports up to 5 bytes left over at the end of a scan. Such a scan decodes without its last byte
    # too, which a sound one doesn't. Progressive files have many scans: the last alone is tried.
    for _, end in scans if len(scans) <= header.channels else scans[-1:]:
        try:
            simplejpeg.decode_jpeg(content[: end - 1] + content[end:], colours, min_factor=8, strict=True)
        except ValueError:
            continue
        raise _refused("is damaged: a scan goes on after its last pixel")
    return values


def segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Walks the marker segments of a JPEG file up to its end marker.

    A thumbnail within a segment has markers of its own, which the walk passes over.

    Args:
        content: The file.

    Yields:
        The marker's second byte, and where the segment's content begins and ends. The content of a scan (DA)
        begins with its header and goes on to the end of its entropy-coded data.

    Raises:
        BrokenImage: The end marker is missing, or a segment breaks the format's rules.
    """
    position = 2
    for _ in range(_MAX_SEGMENTS):
        if content[position : position + 1] not in (b"\xff", b""):
            raise _refused(f"is damaged: byte {position:,} should begin a marker")
        while content[position : position + 1] == b"\xff":
            position += 1
        marker = content[position] if position < len(content) else _END
        if position >= len(content) or (marker != _END and position + 1 >= len(content)):
            raise truncated("its end marker is missing")
        position += 1
        if marker == _END:
            return
        if marker in _STANDALONE:
            continue
        if marker in (0x00, _START):
            raise _refused(f"is damaged: byte {position - 1:,} isn't a marker that may come here")
        (size,) = struct.unpack_from(">H", content, position)
        end = position + size
        if size < 2:
            raise _refused(f"is damaged: its segment FF{marker:02X} is said to have {size} bytes")
        if marker == _SCAN:
            found = _MARKER_AFTER_DATA.search(content, end)
            end = found.start() if found else len(content)
            # Bytes that fill belong to the marker.
            while content[end - 1] == 0xFF:
                end -= 1
        if end >= len(content):
            raise truncated("its end marker is missing")
        yield marker, position + 2, end
        position = end
    raise _refused(f"is a JPEG of more than {_MAX_SEGMENTS:,} segments")


class _Frame:
    """What a frame header says, and what the scans after it have brought."""

    def __init__(self, marker: int, content: bytes):
        bits, self.height, self.width, count = struct.unpack_from(">BHHB", content)
        if bits != 8:
            raise _refused(f"is a JPEG with {bits} bits a channel, not 8")
        if not (self.height and self.width):
            raise _refused(f"is a JPEG of {self.width} x {self.height} pixels")
        if count not in (1, 3):
            kind = " (CMYK colours)" if count == 4 else ""
            raise _refused(f"is a JPEG with {count} channels{kind}, not 1 or 3")
        if len(content) != 6 + 3 * count:
            raise _refused("is damaged: its frame header has a wrong length")
        self.progressive = marker == _PROGRESSIVE
        factors = [divmod(content[i], 16) for i in range(7, len(content), 3)]
        if not all(1 <= factor <= 4 for pair in factors for factor in pair):
            raise _refused("is damaged: a sampling factor isn't from 1 to 4")
        if count == 3 and not _sampling_is_read(*factors):
            sizes = ", ".join(f"{across} x {down}" for across, down in factors)
            raise _refused(f"is a JPEG with channels sampled as {sizes}, which isn't read")
        # Component -> the bits that are still missing of its 64 coefficients, 255 where none have come.
        self.components = {content[i]: [255] * 64 for i in range(6, len(content), 3)}
        if len(self.components) != count:
            raise _refused("is damaged: two of its channels have the same number")
        widest, highest = (max(pair[axis] for pair in factors) for axis in (0, 1))
        self._blocks = sum(
            -(-self.width * across // (8 * widest)) * -(-self.height * down // (8 * highest))
            for across, down in factors
        )
        self._scanned_pixels = self._scan_bytes = 0

    def add_scan(self, content: bytes, place: int, end: int) -> None:
        """Notes what a scan brings."""
        if self._scanned_pixels and self._blocks > _MAX_KEPT_BLOCKS:
            raise _refused(
                f"is a JPEG of {self.width} x {self.height} pixels in several scans, too many to keep"
            )
        self._scanned_pixels += self.height * self.width
        if self._scanned_pixels > max(_MAX_SCANNED_PIXELS, self.height * self.width):
            raise _refused("is a JPEG with too many scans for its size")
        (size,) = struct.unpack_from(">H", content, place - 2)
        count = content[place]
        if size != 6 + 2 * count or count > len(self.components):
            raise _refused("is damaged: a scan header has a wrong length")
        first, last, bits = content[place + 1 + 2 * count : place + 4 + 2 * count]
        before, after = divmod(bits, 16)
        if not self.progressive:
            first, last, before, after = 0, 63, 0, 0
        if not first <= last <= 63:
            raise _refused("is damaged: a scan holds coefficients that don't exist")
        for component in content[place + 1 : place + 1 + 2 * count : 2]:
            missing = self.components.get(component)
            if missing is None:
                raise _refused("is damaged: a scan is of a channel that its frame doesn't have")
            if any(missing[k] != (before or 255) for k in range(first, last + 1)):
                raise _refused("is damaged: two scans hold the same coefficients, or one is left out")
            missing[first : last + 1] = [after] * (last + 1 - first)
        self._scan_bytes += end - place - size + 2

    def expect_every_coefficient(self) -> None:
        """Checks that the scans have brought every bit of every coefficient, as far as their headers say it.

        Raises:
            BrokenImage: A coefficient is missing (decoders take 0 without a warning), or the scans are
                shorter than so many blocks can be.
        """
        if any(any(missing) for missing in self.components.values()):
            raise truncated("some of its scans are missing")
        # A block has at least one Huffman code, and one more for its end unless the file is progressive.
        if 8 * self._scan_bytes < self._blocks * (1 if self.progressive else 2):
            raise truncated(f"{self._scan_bytes:,} bytes can't hold {self.width} x {self.height} pixels")


def _sampling_is_read(first: tuple[int, int], second: tuple[int, int], third: tuple[int, int]) -> bool:
    # What libjpeg-turbo's interface, which simplejpeg uses, has a name for: 4:4:4, 4:2:2, 4:2:0, 4:1:1 and
    # these turned by 90 degrees, with the factors in lowest terms or not.
    if second == (1, 1):
        known = first in ((1, 1), (2, 1), (1, 2), (2, 2), (4, 1), (1, 4))
    else:
        known = first == (2, 2) and second in ((1, 2), (2, 1))
    return second == third and (known or (first == second and first[0] * first[1] <= 3))


def _refused(detail: str) -> BrokenImage:
    return BrokenImage("undecodable", detail)
