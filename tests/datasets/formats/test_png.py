"""PNG files written byte by byte: each pixel as stored, or refused by name."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from leukcnn.datasets.headers import BrokenImage, conversion
from leukcnn.datasets.read import decode_image, read_header
from tests.image_files_bmp_png import PNG_CHANNELS, chunk, png, png_rows

KINDS = [(0, bits) for bits in (1, 2, 4, 8, 16)] + [(3, bits) for bits in (1, 2, 4, 8)]
KINDS += [(colour, bits) for colour in (2, 4, 6) for bits in (8, 16)]
RNG = np.random.default_rng(0)
PALETTE = [tuple(entry) for entry in RNG.integers(0, 256, (256, 3)).tolist()]
RGB = RNG.integers(0, 256, (6, 5, 3))
# Chunks that must not change a value: gamma, significant bits, background, chromaticities, resolution,
# a colour space, a wrong profile, and an orientation.
ANCILLARY = (
    (b"gAMA", struct.pack(">I", 20_000)),
    (b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)),
    (b"sRGB", b"\0"),
    (b"cICP", bytes((9, 16, 0, 1))),
    (b"iCCP", b"x\0\0" + zlib.compress(b"no profile")),
    (b"pHYs", struct.pack(">IIB", 1, 2, 0)),
    (b"eXIf", b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"),
)
KEYS = {0: b"\0\1", 2: b"\0\1\0\2\0\3", 3: b"\0\x80"}


def expected_of(samples, bits, palette=None):
    if palette:
        return np.array(palette)[samples[..., 0]]
    colours = samples[..., :3] if samples.shape[2] > 2 else samples[..., :1].repeat(3, axis=2)
    return (colours + 128) // 257 if bits == 16 else colours * (255 // (2**bits - 1))


@given(
    kind=st.sampled_from(KINDS),
    height=st.integers(1, 12),
    width=st.integers(1, 19),
    interlace=st.integers(0, 1),
    filter_kind=st.integers(0, 2),
    transparent=st.booleans(),
)
def test_every_kind_of_colour_and_depth_gives_the_stored_pixels(
    kind, height, width, interlace, filter_kind, transparent
):
    colour, bits = kind
    shape = height, width, PNG_CHANNELS[colour]
    samples = np.random.default_rng(height * width).integers(0, 2**bits, shape)
    palette = PALETTE[: 2**bits] if colour == 3 else None
    content = png(
        samples,
        bits=bits,
        colour=colour,
        interlace=interlace,
        palette=palette,
        before=[*ANCILLARY, *([(b"tRNS", KEYS[colour])] if transparent and colour in KEYS else [])],
        parts=3,
        filter_kind=filter_kind,
    )
    image, note = decode_image(content)
    np.testing.assert_array_equal(image, expected_of(samples, bits, palette))
    header = read_header(content)
    assert (header.height, header.width) == (height, width)
    assert note == conversion(header.channels, header.bits)
    has_alpha = colour in (4, 6) or (transparent and colour in KEYS)
    assert ("alpha" in (note or "")) == has_alpha
    if bits < 16:
        with Image.open(io.BytesIO(content)) as other:
            np.testing.assert_array_equal(image, np.asarray(other.convert("RGBA"))[..., :3])


@given(
    place=st.integers(8, 300), value=st.integers(0, 255), kind=st.sampled_from(KINDS), repaired=st.booleans()
)
def test_a_changed_byte_gives_an_image_or_a_refusal(place, value, kind, repaired):
    colour, bits = kind
    samples = np.random.default_rng(0).integers(0, 2**bits, (4, 5, PNG_CHANNELS[colour]))
    content = bytearray(png(samples, bits=bits, colour=colour, palette=PALETTE[:7] if colour == 3 else None))
    content[min(place, len(content) - 1)] = value
    if repaired:
        content = with_right_checksums(bytes(content))
    try:
        image, _ = decode_image(bytes(content))
    except BrokenImage:
        return
    assert image.shape == (*struct.unpack_from(">II", content, 16)[::-1], 3)


def with_right_checksums(content):
    start, position = content[:8], 8
    while position + 12 <= len(content):
        (size,) = struct.unpack_from(">I", content, position)
        start += chunk(content[position + 4 : position + 8], content[position + 8 : position + 8 + size])
        position += 12 + size
    return start


def test_first_image_of_an_animation_is_read():
    animated = png(
        RGB,
        before=[
            (b"acTL", struct.pack(">II", 2, 0)),
            (b"fcTL", struct.pack(">IIIIIHHBB", 0, 5, 6, 0, 0, 1, 1, 0, 0)),
        ],
        after=[
            (b"fcTL", struct.pack(">IIIIIHHBB", 1, 5, 6, 0, 0, 1, 1, 0, 0)),
            (b"fdAT", b"\0\0\0\2" + zlib.compress(png_rows(255 - RGB))),
        ],
    )
    np.testing.assert_array_equal(decode_image(animated)[0], RGB)


def test_default_image_is_read_even_if_it_is_not_in_the_animation():
    frame = struct.pack(">IIIIIHHBB", 0, 5, 6, 0, 0, 1, 1, 0, 0)
    animated = png(
        RGB,
        before=[(b"acTL", struct.pack(">II", 1, 0))],
        after=[(b"fcTL", frame), (b"fdAT", b"\0\0\0\1" + zlib.compress(png_rows(255 - RGB)))],
    )
    np.testing.assert_array_equal(decode_image(animated)[0], RGB)


def damaged_stream():
    data = bytearray(zlib.compress(png_rows(RGB)))
    data[-1] ^= 1
    return bytes(data)


ROWS = zlib.compress(png_rows(RGB))
BY_HEADER = {
    "no palette": (png(np.zeros((2, 2, 1), int), colour=3), "no palette"),
    "late palette": (png(np.zeros((2, 2, 1), int), colour=3, after=[(b"PLTE", b"abc")]), "misplaced palette"),
    "palette of 4 bytes": (png(RGB[..., :1], colour=3, before=[(b"PLTE", b"abcd")]), "palette of 4 bytes"),
    "RGB of 4 bits": (png(RGB & 15, bits=4), "4 bits a sample of the colour type 2"),
    "palette of 16 bits": (png(RGB[..., :1], bits=16, colour=3, palette=PALETTE), "16 bits a sample"),
    "3 bits": (png(RGB[..., :1], bits=3, colour=0, data=ROWS), "3 bits a sample"),
    "colour type 5": (png(RGB, colour=5, data=ROWS), "colour type 5"),
    "compression": (png(RGB, compression=1), "compression 1"),
    "filter method": (png(RGB, filtering=64), "filter method 64"),
    "interlacing": (png(RGB, interlace=2), "interlacing 2"),
    "width 0": (png(RGB, size=(0, 6)), "size of 0x6 pixels"),
    "height 0": (png(RGB, size=(5, 0)), "size of 5x0 pixels"),
    "IHDR not first": (png(RGB, first=[(b"gAMA", bytes(4))]), "b'gAMA' where IHDR belongs"),
    "iPhone": (png(RGB, first=[(b"CgBI", bytes(4))]), "b'CgBI' where IHDR belongs"),
    "two IHDR": (png(RGB, before=[(b"IHDR", bytes(13))]), "where another belongs"),
    "long IHDR": (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(14)), "IHDR of 14 bytes"),
    "unknown critical": (png(RGB, before=[(b"ABCD", b"")]), "unknown kind b'ABCD'"),
    "no IDAT": (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
        + chunk(b"IEND", b""),
        "no IDAT chunk",
    ),
    "parted IDAT": (png(RGB, data=ROWS[:9], after=[(b"gAMA", bytes(4)), (b"IDAT", ROWS[9:])]), "between its"),
    "no end": (png(RGB)[:-12], "is truncated"),
    "wrong checksum": (png(RGB).replace(b"IEND\xae", b"IEND\xaf"), "checksum of its chunk b'IEND'"),
    "chunk of 4 GB": (png(RGB)[:33] + b"\xff\xff\xff\xffIDAT", "is truncated"),
    "many chunks": (png(RGB)[:33] + 200_000 * chunk(b"tEXt", b""), "more than 200,000 chunks"),
    "huge": (png(RGB, size=(2**32 - 1, 2**32 - 1)), "can't hold"),
    "100 million pixels in no data": (png(RGB, size=(10_000, 10_000)), "can't hold"),
}
BY_DATA = {
    "too few": (png(RGB, data=zlib.compress(png_rows(RGB)[:-1])), "95 of 96 bytes are in its compressed"),
    "too many": (png(RGB, data=zlib.compress(png_rows(RGB) + b"\0")), "more data than the 96 bytes"),
    "bomb": (png(RGB, data=zlib.compress(bytes(20_000_000))), "more data than the 96 bytes"),
    "cut stream": (png(RGB, data=ROWS[:-1]), "end too early"),
    "cut within": (png(RGB, data=ROWS[: len(ROWS) // 2]), "end too early"),
    "checksum of the stream": (png(RGB, data=damaged_stream()), "incorrect data check"),
    "no stream": (png(RGB, data=bytes(len(ROWS))), "unknown compression method"),
    "rubbish after it": (png(RGB, data=ROWS + b"\0"), "bytes after the end"),
    "filter 5": (png(RGB, filter_kind=5), "unknown filter 5"),
    "filter in a late pass": (
        png(RGB, interlace=1, data=zlib.compress(png_rows(RGB, interlace=1)[:-16] + b"\7" + bytes(15))),
        "unknown filter 7",
    ),
    "colour outside": (
        png(np.full((2, 2, 1), 3), bits=2, colour=3, palette=PALETTE[:3]),
        "the colour 3, but",
    ),
}


@pytest.mark.parametrize(("content", "message"), BY_HEADER.values(), ids=BY_HEADER)
def test_wrong_chunks_are_refused_before_anything_is_decoded(content, message):
    for read in (read_header, decode_image):
        with pytest.raises(BrokenImage) as caught:
            read(content)
        assert message in caught.value.detail


@pytest.mark.parametrize(("content", "message"), BY_DATA.values(), ids=BY_DATA)
def test_damaged_data_with_sound_checksums_are_refused_when_decoded(content, message):
    read_header(content)
    with pytest.raises(BrokenImage) as caught:
        decode_image(content)
    assert message in caught.value.detail


def test_many_blocks_of_data_are_checked(monkeypatch):
    monkeypatch.setattr("leukcnn.datasets.formats.png._BLOCK", 7)
    samples = np.random.default_rng(1).integers(0, 256, (30, 20, 3))
    for interlace in (0, 1):
        content = png(samples, interlace=interlace, parts=5, filter_kind=1)
        np.testing.assert_array_equal(decode_image(content)[0], samples)
        rows = png_rows(samples, interlace=interlace)
        with pytest.raises(BrokenImage, match="unknown filter 9"):
            decode_image(
                png(samples, interlace=interlace, data=zlib.compress(rows[:-61] + b"\x09" + rows[-60:]))
            )
