"""GIF files written byte by byte: the first image as stored, or refused by name."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from leukcnn.datasets.headers import BrokenImage
from leukcnn.datasets.read import decode_image, read_header

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
# Clear, 0, 1, 2, 3, End: codes of 3 bits, and of 4 bits after the fourth entry would be made.
CODES = [(4, 3), (0, 3), (1, 3), (2, 3), (3, 4), (5, 4)]


def packed(codes):
    """Returns codes of given widths, the first one in the lowest bits."""
    number = shift = 0
    for code, width in codes:
        number, shift = number | code << shift, shift + width
    return number.to_bytes(-(-shift // 8), "little")


def frame(codes=CODES, *, place=(0, 0, 2, 2), flags=0, palette=b"", code_size=2):
    data = packed(codes)
    head = b"\x2c" + struct.pack("<HHHHB", *place, flags) + palette
    return head + bytes([code_size, len(data)]) + data + b"\0"


def gif(*frames, palette=(RED, GREEN, BLUE, WHITE), extension=b"", size=(2, 2), end=b"\x3b"):
    flags = 0x80 | (len(palette).bit_length() - 2) if palette else 0
    head = b"GIF89a" + struct.pack("<HHBBB", *size, flags, 0, 0)
    return head + bytes(value for entry in palette for value in entry) + extension + b"".join(frames) + end


def test_four_pixels_by_hand():
    image, note = decode_image(gif(frame()))
    assert image.tolist() == [[list(RED), list(GREEN)], [list(BLUE), list(WHITE)]]
    assert note is None


def test_repeated_string_by_hand():
    # Code 6 is made by the code itself: "00" after "0"; then 0 again.
    codes = [(4, 3), (1, 3), (6, 3), (1, 3), (5, 4)]
    image, _ = decode_image(gif(frame(codes)))
    assert image.tolist() == [[list(GREEN)] * 2] * 2


def test_rows_of_an_interlaced_image_are_in_order():
    codes = [(4, 3), (0, 3), (2, 3), (1, 3), (3, 4), (5, 4)]
    content = gif(frame(codes, place=(0, 0, 1, 4), flags=0x40), size=(1, 4))
    assert decode_image(content)[0][:, 0].tolist() == [list(RED), list(GREEN), list(BLUE), list(WHITE)]


def test_own_palette_of_the_image_is_used():
    own = bytes([1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4])
    content = gif(frame(flags=0x81, palette=own))
    assert read_header(content).channels == 1
    image, note = decode_image(content)
    assert image[..., 0].tolist() == [[1, 2], [3, 4]]
    assert note == "grey repeated in three channels"


def test_first_of_several_images_is_read_and_said():
    second = frame([(4, 3), (0, 3), (0, 3), (0, 3), (0, 4), (5, 4)])
    image, note = decode_image(gif(frame(), second))
    assert image[1, 1].tolist() == list(WHITE)
    assert note == "the first of several images in the file"


def test_transparent_colour_is_alpha_that_is_dropped():
    control = b"\x21\xf9\x04\x01\0\0\x03\0"
    image, note = decode_image(gif(frame(), extension=control))
    assert image[1, 1].tolist() == list(WHITE)
    assert note == "alpha channel dropped"


@given(
    height=st.integers(1, 70), width=st.integers(1, 90), colours=st.integers(2, 256), interlaced=st.booleans()
)
def test_files_of_pillow_are_read_as_pillow_reads_them(height, width, colours, interlaced):
    pixels = np.random.default_rng(height * width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    target = io.BytesIO()
    Image.fromarray(pixels).quantize(colours).save(target, "GIF", interlace=interlaced)
    image, _ = decode_image(target.getvalue())
    np.testing.assert_array_equal(image, np.asarray(Image.open(target).convert("RGB")))


def test_a_full_table_goes_on_without_new_entries():
    pixels = np.random.default_rng(0).integers(0, 256, 6000).tolist()
    codes, entries, width = [(256, 9)], 258, 9
    for number, value in enumerate(pixels):
        codes.append((value, width))
        if number and entries < 4096:
            entries += 1
            width += entries == 1 << width and width < 12
    palette = [(i, i, 0) for i in range(256)]
    place = (0, 0, 60, 100)
    data = packed([*codes, (257, width)])
    blocks = b"".join(
        bytes([len(part)]) + part for part in (data[i : i + 255] for i in range(0, len(data), 255))
    )
    content = gif(
        b"\x2c" + struct.pack("<HHHHB", *place, 0) + b"\x08" + blocks + b"\0", palette=palette, size=(60, 100)
    )
    assert decode_image(content)[0][..., 0].ravel().tolist() == pixels


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (gif(frame(), end=b""), "truncated", "end marker"),
        (gif(frame())[:-4], "truncated", "header|end marker"),
        (gif(), "undecodable", "no image"),
        (gif(frame(), palette=()), "undecodable", "no palette"),
        (gif(frame(place=(1, 0, 1, 2))), "undecodable", "doesn't fill its 2x2"),
        (gif(frame(code_size=9)), "undecodable", "9 bits"),
        (gif(frame(), end=b"\x99\x3b"), "undecodable", "unknown kind 153"),
        (gif(frame([*CODES[:3], (5, 3)])), "truncated", "2 of 4 pixels"),
        (gif(frame([*CODES[:-1], (0, 4), (5, 4)])), "undecodable", "goes on after 4 pixels"),
        (gif(frame([(4, 3), (0, 3), (7, 3)])), "undecodable", "isn't defined yet"),
        (gif(frame(), palette=(RED, GREEN)), "undecodable", "colour 3, but its palette has 2"),
        (gif(frame(place=(0, 0, 0, 2)), size=(0, 2)), "undecodable", "no pixels"),
        (gif(frame(place=(0, 0, 65535, 65535)), size=(65535, 65535)), "too large", "65,535x65,535"),
        (b"GIF89a", "truncated", "header"),
    ],
)  # fmt: skip
def test_other_files_are_refused_by_name(content, kind, said):
    with pytest.raises(BrokenImage, match=said) as caught:
        decode_image(content)
    assert caught.value.kind == kind


def test_many_blocks_are_refused():
    with pytest.raises(BrokenImage, match="1,000,000 blocks"):
        read_header(gif(b"\x21\xfe" + b"\x01a" * 1_000_001 + b"\0", frame()))
