import struct

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leukcnn.datasets.headers import BrokenImage, Header, conversion
from leukcnn.datasets.read import read_header

COLOUR = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (60, 50, 3), np.uint8), (9, 9), 2)
GREY = COLOUR[..., 0]
ALPHA = np.dstack([COLOUR, GREY])


def encode(extension, image, *options):
    return cv2.imencode(extension, image, options)[1].tobytes()


FILES = {
    "bmp": (encode(".bmp", COLOUR), Header("BMP", 60, 50, 3, 8)),
    "bmp grey": (encode(".bmp", GREY), Header("BMP", 60, 50, 1, 8)),
    "bmp 32 bits": (encode(".bmp", ALPHA), Header("BMP", 60, 50, 4, 8)),
    "png": (encode(".png", COLOUR), Header("PNG", 60, 50, 3, 8)),
    "png alpha 16 bits": (encode(".png", ALPHA.astype(np.uint16) * 257), Header("PNG", 60, 50, 4, 16)),
    "png 1 bit": (encode(".png", GREY, cv2.IMWRITE_PNG_BILEVEL, 1), Header("PNG", 60, 50, 1, 8)),
    "jpeg": (encode(".jpg", COLOUR), Header("JPEG", 60, 50, 3, 8)),
    "jpeg grey": (encode(".jpg", GREY), Header("JPEG", 60, 50, 1, 8)),
    "jpeg progressive": (
        encode(".jpg", COLOUR, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        Header("JPEG", 60, 50, 3, 8),
    ),
    "tiff": (encode(".tif", COLOUR), Header("TIFF", 60, 50, 3, 8)),
    "tiff uncompressed": (
        encode(".tif", COLOUR, cv2.IMWRITE_TIFF_COMPRESSION, 1),
        Header("TIFF", 60, 50, 3, 8),
    ),
    "tiff grey 16 bits": (encode(".tif", GREY.astype(np.uint16)), Header("TIFF", 60, 50, 1, 16)),
}


@pytest.mark.parametrize(("content", "header"), FILES.values(), ids=FILES)
def test_header_says_format_size_channels_and_bits(content, header):
    assert read_header(content) == header


@given(name=st.sampled_from(sorted(FILES)), data=st.data())
def test_every_truncation_is_detected_even_of_one_byte(name, data):
    content, _ = FILES[name]
    for length in (len(content) - 1, data.draw(st.integers(20, len(content) - 1))):
        with pytest.raises(BrokenImage, match="truncated") as caught:
            read_header(content[:length])
        assert caught.value.kind == "truncated"


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    channels=st.sampled_from([1, 3, 4]),
    kind=st.sampled_from([(".bmp", 8), (".png", 8), (".png", 16), (".jpg", 8), (".tif", 8), (".tif", 16)]),
)
def test_header_has_the_size_and_format_of_the_written_image(height, width, channels, kind):
    extension, bits = kind
    if (extension, channels) == (".jpg", 4):
        channels = 3
    shape = (height, width) if channels == 1 else (height, width, channels)
    levels = np.random.default_rng(height * width).integers(0, 2**bits, shape)
    header = read_header(encode(extension, levels.astype(f"uint{bits}")))
    assert (header.height, header.width, header.channels, header.bits) == (height, width, channels, bits)


def test_top_down_bmp_and_bmp_with_core_header_are_read():
    rows = bytes(2 * 4)
    top_down = (
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 62, 0, 0, 54, 40, 1, -2, 1, 24, 0, 0, 0, 0, 0, 0) + rows
    )
    assert read_header(top_down) == Header("BMP", 2, 1, 3, 8)
    core = b"BM" + struct.pack("<IHHIIHHHH", 34, 0, 0, 26, 12, 1, 2, 1, 24) + rows
    assert read_header(core) == Header("BMP", 2, 1, 3, 8)
    with pytest.raises(BrokenImage, match=r"33 of 34 bytes"):
        read_header(core[:-1])


def test_bmp_with_a_colour_palette_is_colour():
    grey = bytearray(FILES["bmp grey"][0])
    grey[54 + 4 * 7] ^= 0xFF
    assert read_header(bytes(grey)).channels == 3


def test_a_short_palette_ends_where_the_pixels_begin():
    palette, pixels = bytes(4) + b"\xff\xff\xff\x00", b"\x00\x01\x01\x00"
    start = b"BM" + struct.pack("<IHHIIiiHHIIiiII", 66, 0, 0, 62, 40, 4, 1, 1, 8, 0, 0, 0, 0, 2, 0)
    assert read_header(start + palette + pixels) == Header("BMP", 1, 4, 1, 8)


def test_damaged_png_is_detected_by_its_checksum():
    content = bytearray(FILES["png"][0])
    content[len(content) // 2] ^= 0x55
    with pytest.raises(BrokenImage, match="checksum") as caught:
        read_header(bytes(content))
    assert caught.value.kind == "undecodable"


@pytest.mark.parametrize(
    ("content", "kind"), [(b"", "empty"), (b"no image, a text\n", "undecodable"), (b"BM", "truncated")]
)
def test_file_that_is_no_image_is_refused(content, kind):
    with pytest.raises(BrokenImage) as caught:
        read_header(content)
    assert caught.value.kind == kind


@given(
    magic=st.sampled_from([b"BM", b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"II*\x00", b"MM\x00*", b""]),
    noise=st.binary(max_size=300),
)
def test_noise_after_a_valid_start_raises_only_broken_image(magic, noise):
    try:
        read_header(magic + noise)
    except BrokenImage as error:
        assert error.kind in ("empty", "truncated", "undecodable")


@pytest.mark.parametrize(
    ("channels", "bits", "note"),
    [
        (3, 8, None),
        (1, 8, "grey repeated in three channels"),
        (4, 8, "alpha channel dropped"),
        (2, 16, "16 bits a channel scaled to 8, grey repeated in three channels, alpha channel dropped"),
    ],
)
def test_conversion_is_described_in_words(channels, bits, note):
    assert conversion(channels, bits) == note
