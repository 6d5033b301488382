"""BMP files written byte by byte: each pixel as stored, or refused by name."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from leukcnn.datasets.headers import BrokenImage
from leukcnn.datasets.read import decode_image, read_header
from tests.image_files_bmp_png import bmp

HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)
RNG = np.random.default_rng(0)
PALETTE = [tuple(entry) for entry in RNG.integers(0, 256, (256, 3)).tolist()]
COLOURS = RNG.integers(0, 2**24, (4, 5))
RGB = np.stack([COLOURS >> 16, COLOURS >> 8 & 255, COLOURS & 255], axis=2)
BGRA = (0x00FF0000, 0x0000FF00, 0x000000FF, 0xFF000000)


@given(
    header_size=st.sampled_from(HEADERS),
    depth=st.sampled_from([1, 2, 4, 8, 24, 32]),
    height=st.integers(1, 9),
    width=st.integers(1, 40),
    gap=st.integers(0, 5),
    top_down=st.booleans(),
)
def test_every_depth_and_header_gives_the_stored_pixels(header_size, depth, height, width, gap, top_down):
    top_down = top_down and header_size != 12
    pixels = np.random.default_rng(height * width).integers(0, 2**depth, (height, width))
    palette = PALETTE[: 2**depth] if depth <= 8 else ()
    expected = np.array(PALETTE)[pixels] if palette else np.stack([pixels >> n & 255 for n in (16, 8, 0)], 2)
    content = bmp(pixels, depth=depth, header_size=header_size, palette=palette, top_down=top_down, gap=gap)
    image, note = decode_image(content)
    np.testing.assert_array_equal(image, expected)
    assert note is None
    if header_size != 16 and depth != 2:
        other = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
        np.testing.assert_array_equal(image, other)


def test_bmp_with_the_12_byte_header_is_in_colour():
    image, _ = decode_image(bmp([[0xFF8000, 0x0080FF]], depth=24, header_size=12))
    assert image.tolist() == [[[255, 128, 0], [0, 128, 255]]]


def test_grey_palette_is_one_channel():
    content = bmp([[0, 200, 255]], depth=8, palette=[(i, i, i) for i in range(256)])
    assert read_header(content).channels == 1
    image, note = decode_image(content)
    assert image[0, :, 1].tolist() == [0, 200, 255]
    assert note == "grey repeated in three channels"


def test_fourth_byte_has_no_meaning_without_masks():
    image, note = decode_image(bmp(COLOURS | 0x7F000000, depth=32))
    np.testing.assert_array_equal(image, RGB)
    assert note is None


@pytest.mark.parametrize("header_size", [40, 52, 56, 108, 124])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_masks_in_any_order_name_the_channels(header_size, order):
    masks = [BGRA[channel] for channel in order]
    image, note = decode_image(bmp(COLOURS, depth=32, header_size=header_size, compression=3, masks=masks))
    np.testing.assert_array_equal(image, RGB[..., list(order)])
    assert note is None


@pytest.mark.parametrize(("header_size", "compression"), [(40, 6), (56, 3), (108, 3), (124, 6)])
def test_alpha_mask_is_a_fourth_channel_which_is_dropped(header_size, compression):
    content = bmp(COLOURS, depth=32, header_size=header_size, compression=compression, masks=BGRA)
    assert read_header(content).channels == 4
    image, note = decode_image(content)
    np.testing.assert_array_equal(image, RGB)
    assert note == "alpha channel dropped"


def test_masks_of_4_bits_are_multiplied_by_17():
    content = bmp([[0x0123, 0x0FED]], depth=16, compression=3, masks=(0xF00, 0x0F0, 0x00F))
    image, _ = decode_image(content)
    assert image.tolist() == [[[17, 34, 51], [255, 238, 221]]]


def test_bytes_after_the_pixels_and_a_wrong_file_size_do_not_matter():
    content = bytearray(bmp(COLOURS, depth=24, trailer=b"profile"))
    content[2:6] = b"\xff\xff\xff\xff"
    np.testing.assert_array_equal(decode_image(bytes(content))[0], RGB)


def palette_of(count, **fields):
    return bmp([[0, 1], [2, 3]], depth=8, palette=PALETTE[:count], **fields)


REFUSED = {
    "RLE8": (bmp(b"\4\1\0\1", depth=8, size=(2, 2), compression=1, palette=PALETTE), "RLE8 compression"),
    "RLE4": (bmp(b"\4\1\0\1", depth=4, size=(2, 2), compression=2, palette=PALETTE[:16]), "RLE4"),
    "RLE24": (bmp(bytes(99), depth=24, header_size=64, size=(2, 2), compression=4), "RLE24"),
    "Huffman": (bmp(bytes(99), depth=1, header_size=64, size=(2, 2), compression=3), "Huffman 1D"),
    "OS/2 masks": (bmp(bytes(99), depth=32, header_size=64, size=(2, 2), compression=6), "unknown kind 6"),
    "JPEG": (bmp(bytes(99), depth=0, size=(2, 2), compression=4), "JPEG compression"),
    "PNG": (bmp(bytes(99), depth=0, size=(2, 2), compression=5), "PNG compression"),
    "compression": (bmp(bytes(99), depth=24, size=(2, 2), compression=11), "unknown kind 11"),
    "masks of 24 bits": (bmp(COLOURS, depth=24, compression=3, masks=BGRA[:3]), "24 bits per pixel and"),
    "depth 0": (bmp(COLOURS, depth=24, depth_field=0), "0 bits per pixel"),
    "depth 64": (bmp(COLOURS, depth=24, depth_field=64), "64 bits per pixel"),
    "555": (bmp([[1]], depth=16), "5 bits a channel"),
    "565": (bmp([[1]], depth=16, compression=3, masks=(0xF800, 0x7E0, 0x1F)), "5 bits a channel"),
    "10 bits": (bmp([[1]], depth=32, compression=3, masks=(0x3FF00000, 0xFFC00, 0x3FF)), "10 bits a ch"),
    "no blue": (bmp([[1]], depth=32, compression=3, masks=(0xFF0000, 0xFF00, 0)), "0 bits a channel"),
    "gap in a mask": (bmp([[1]], depth=32, compression=3, masks=(0xFF0000, 0xF0F000, 0xFF)), "separate"),
    "overlap": (bmp([[1]], depth=32, compression=3, masks=(0xFF0000, 0x1FE00, 0xFF)), "separate runs"),
    "mask beyond": (bmp([[1]], depth=16, compression=3, masks=(0xF0000, 0xF0, 0xF)), "separate runs"),
    "header of 41": (bmp(COLOURS, depth=24, header_size=41), "header of 41 bytes"),
    "header of 4 GB": (bmp(COLOURS, depth=24, header_size=2**32 - 1), "4,294,967,295 bytes"),
    "no planes": (bmp(COLOURS, depth=24, planes=0), "0 planes"),
    "two planes": (bmp(COLOURS, depth=24, planes=2), "2 planes"),
    "width 0": (bmp(bytes(99), depth=24, size=(0, 2)), "size of 0x2 pixels"),
    "height 0": (bmp(bytes(99), depth=24, size=(2, 0)), "size of 2x0 pixels"),
    "negative width": (bmp(bytes(99), depth=24, size=(-2, 2)), "size of -2x2 pixels"),
    "colour outside": (palette_of(3), "the colour 3, but its palette has 3 colours"),
    "offset 0": (palette_of(4, offset=0), "within its header or palette"),
    "offset in header": (bmp(COLOURS, depth=24, offset=53), "within its header or palette"),
    "offset in palette": (palette_of(4, offset=54 + 12), "within its header or palette"),
    "offset in implied palette": (palette_of(4, colours=0), "within its header or palette"),
    "offset in masks": (bmp([[1]], depth=32, compression=3, masks=BGRA[:3], offset=54), "within its header"),
    "huge palette": (palette_of(4, colours=2**32 - 1), "within its header or palette"),
    "offset beyond": (bmp(COLOURS, depth=24, offset=10_000), "is truncated"),
    "offset of 4 GB": (bmp(COLOURS, depth=24, offset=2**32 - 1), "is truncated"),
    "too short": (bmp(COLOURS, depth=24)[:-1], "is truncated"),
    "huge": (bmp(bytes(99), depth=24, size=(2**31 - 1, -(2**31))), "is truncated"),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_exactly_is_refused_by_name(content, message):
    with pytest.raises(BrokenImage) as caught:
        decode_image(content)
    assert message in caught.value.detail


@given(place=st.integers(2, 70), value=st.integers(0, 255), depth=st.sampled_from([1, 4, 8, 24, 32]))
def test_a_changed_byte_of_the_header_gives_an_image_or_a_refusal(place, value, depth):
    pixels = np.zeros((3, 3), int)
    content = bytearray(bmp(pixels, depth=depth, palette=PALETTE[: 2**depth] if depth <= 8 else ()))
    content[min(place, len(content) - 1)] = value
    try:
        image, _ = decode_image(bytes(content))
    except BrokenImage:
        return
    assert image.ndim == 3
