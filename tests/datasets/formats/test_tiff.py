import io
import time
import tracemalloc
import zlib

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from leukcnn.datasets.formats import lzw
from leukcnn.datasets.headers import BrokenImage, conversion
from leukcnn.datasets.read import decode_image, read_header
from tests import image_files
from tests.image_files import DEFLATE, JPEG, LZW, NO_COMPRESSION, OLD_DEFLATE, PACKBITS, jpeg, tiff

RGB = np.random.default_rng(0).integers(0, 256, (37, 29, 3))
GREY, RGBA = RGB[..., :1], np.dstack([RGB, RGB[..., 0]])
COMPRESSIONS = [NO_COMPRESSION, LZW, DEFLATE, OLD_DEFLATE, PACKBITS]


def pixels(content):
    image, note = decode_image(content)
    header = read_header(content)
    assert image.shape == (header.height, header.width, 3)
    assert image.flags.writeable
    assert note == conversion(header.channels, header.bits)
    return image


def scaled(values, bits):
    if bits == 16:
        return np.rint(values / 257).astype(np.uint8)
    return (values * 255 // (2**bits - 1)).astype(np.uint8)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_every_layout_gives_the_values_that_went_in(data):
    draw = data.draw
    bits = draw(st.sampled_from([1, 2, 4, 8, 16]), "bits")
    channels = draw(st.integers(1, 4), "channels")
    size = (draw(st.integers(1, 40), "height"), draw(st.integers(1, 40), "width"), channels)
    values = np.random.default_rng(draw(st.integers(0, 99))).integers(0, draw(st.integers(2, 2**bits)), size)
    compression = draw(st.sampled_from(COMPRESSIONS), "compression")
    photometric = draw(st.sampled_from([0, 1] if channels < 3 else [2]), "photometric")
    differences = (
        compression in (LZW, DEFLATE, OLD_DEFLATE) and bits >= 8 and draw(st.booleans(), "predictor")
    )
    options = {
        "tile": draw(st.sampled_from([None, (16, 16), (16, 48)]), "tile"),
        "order": draw(st.sampled_from("<>"), "order"),
        "planar": draw(st.sampled_from([1, 2]), "planar"),
        "orientation": draw(st.integers(1, 8), "orientation"),
        "extra_samples": draw(st.sampled_from([None, 0, 2]), "extra") if channels in (2, 4) else None,
    }
    if options["tile"] is None:
        options["rows_per_strip"] = draw(st.sampled_from([None, 1, 3, 7, 40, 2**32 - 1]), "rows")
    content = tiff(
        values,
        bits=bits,
        compression=compression,
        photometric=photometric,
        predictor=2 if differences else None,
        **options,
    )
    expected = scaled(values, bits)
    if photometric == 0:
        expected = scaled(2**bits - 1 - values, bits)
    colours = expected[..., :3] if channels > 2 else expected[..., :1].repeat(3, axis=2)
    np.testing.assert_array_equal(pixels(content), colours)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize(
    "options", [{}, {"planar": 2}, {"tile": (16, 16)}, {"rows_per_strip": 5}, {"order": ">"}]
)
def test_other_readers_agree_on_the_written_files(compression, options):
    content = tiff(RGB, compression=compression, **options)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(content))), RGB)
    if compression != LZW:
        other = tifffile.imread(io.BytesIO(content))
        np.testing.assert_array_equal(np.moveaxis(other, 0, 2) if "planar" in options else other, RGB)
    np.testing.assert_array_equal(pixels(content), RGB)


@pytest.mark.parametrize("bits", [8, 16])
def test_tifffile_and_this_reader_agree(bits):
    for photometric, values in (("rgb", RGB), ("minisblack", GREY[..., 0]), ("miniswhite", GREY[..., 0])):
        for compression in (None, "zlib"):
            buffer = io.BytesIO()
            values = values.astype(f"uint{bits}")
            tifffile.imwrite(
                buffer, values, photometric=photometric, compression=compression, predictor=bool(compression)
            )
            shown = 2**bits - 1 - values if photometric == "miniswhite" else values
            shown = scaled(shown.reshape(*values.shape[:2], -1).astype(int), bits)
            np.testing.assert_array_equal(pixels(buffer.getvalue()), np.broadcast_to(shown, RGB.shape))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("unit", [256, 257])
def test_palette_of_8_bit_colours_gives_these_colours(bits, unit):
    colours = np.random.default_rng(1).integers(0, 256, (2**bits, 3))
    content = tiff(GREY % 2**bits, bits=bits, photometric=3, colour_map=(colours.T * unit).ravel().tolist())
    np.testing.assert_array_equal(pixels(content), colours[GREY[..., 0] % 2**bits])
    # Pillow agrees.
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(content)).convert("RGB")), pixels(content))


def test_palette_of_16_bit_colours_is_scaled_as_16_bit_values_are():
    colours = np.random.default_rng(1).integers(0, 65536, (256, 3))
    content = tiff(GREY, photometric=3, colour_map=colours.T.ravel().tolist())
    np.testing.assert_array_equal(pixels(content), scaled(colours, 16)[GREY[..., 0]])
    assert decode_image(content)[1] == "16 bits a channel scaled to 8"


def test_alpha_is_dropped_unless_colours_are_multiplied_by_it():
    for extra in (None, 0, 2):
        np.testing.assert_array_equal(pixels(tiff(RGBA, extra_samples=extra)), RGB)
    with pytest.raises(BrokenImage, match="multiplied by alpha"):
        decode_image(tiff(RGBA, extra_samples=1))
    opaque = np.dstack([RGB, np.full_like(GREY, 255)])
    np.testing.assert_array_equal(pixels(tiff(opaque, extra_samples=1)), RGB)


def test_first_pixel_may_be_in_the_lowest_bit():
    content = tiff(GREY % 2, bits=1, fill_order=2)
    np.testing.assert_array_equal(pixels(content)[..., :1], GREY % 2 * 255)


def test_sizes_of_uncompressed_strips_may_be_missing():
    np.testing.assert_array_equal(pixels(tiff(RGB, rows_per_strip=5, strip_bytes=None)), RGB)


def test_last_strip_may_be_filled_up():
    padded = np.concatenate([RGB, RGB[:3]])
    for compression in COMPRESSIONS:
        streams = image_files.encoded(
            padded, 8, "<", None, {"rows_per_strip": 10, "planar": 1, "compression": compression}
        )
        content = tiff(RGB, rows_per_strip=10, compression=compression, streams=streams)
        np.testing.assert_array_equal(pixels(content), RGB)


def test_reduced_copies_and_masks_are_passed_over():
    page = {254: 1, 256: 1, 257: 1}
    np.testing.assert_array_equal(pixels(tiff(RGB, more_pages=[page, {254: 4}, {255: 2}])), RGB)
    with pytest.raises(BrokenImage, match="holds 2 images of full size, not one"):
        read_header(tiff(RGB, more_pages=[{256: 1}]))


@pytest.mark.parametrize("photometric", [1, 2, 6])
def test_jpeg_streams_hold_what_the_tiff_says(photometric):
    # One JPEG a strip; what the streams say of their colours is passed over.
    levels = np.random.default_rng(0).integers(0, 256, (4, 5, 1 if photometric == 1 else 3))
    streams = [jpeg(levels[i : i + 2], before=image_files.adobe(1)) for i in (0, 2)]
    values = np.kron(levels, np.ones((8, 8, 1), int))
    content = tiff(values, compression=JPEG, photometric=photometric, rows_per_strip=16, streams=streams)
    if photometric == 6:
        expected = decode_image(jpeg(levels, before=image_files.adobe(1)))[0]
        np.testing.assert_array_equal(expected, np.asarray(Image.open(io.BytesIO(content)).convert("RGB")))
        assert np.abs(expected.astype(int) - values).max() > 50
    else:
        expected = np.broadcast_to(values, (32, 40, 3))
    np.testing.assert_array_equal(pixels(content), expected)


def test_jpeg_streams_share_tables():
    levels = np.random.default_rng(0).integers(0, 256, (4, 5, 3))
    whole = jpeg(levels)
    frame, scan = whole.index(b"\xff\xc0"), whole.index(b"\xff\xc4")
    tables = (
        b"\xff\xd8"
        + whole[whole.index(b"\xff\xdb") : frame]
        + whole[scan : whole.index(b"\xff\xda")]
        + b"\xff\xd9"
    )
    stream = b"\xff\xd8" + whole[frame:scan] + whole[whole.index(b"\xff\xda") :]
    values = np.kron(levels, np.ones((8, 8, 1), int))
    content = tiff(values, compression=JPEG, streams=[stream], jpeg_tables=tables)
    np.testing.assert_array_equal(pixels(content), values)
    with pytest.raises(BrokenImage, match="strip 0 can't be decoded"):
        decode_image(tiff(values[:8], compression=JPEG, streams=[stream], jpeg_tables=tables))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"photometric": 4}, "a transparency mask"),
        ({"photometric": 5}, "CMYK"),
        ({"photometric": 6}, "YCbCr"),
        ({"photometric": 8}, "CIELab"),
        ({"photometric": 32803}, "colour filter"),
        ({"photometric": 77}, "interpretation 77"),
        ({"photometric": None}, "tag 262 is missing"),
        ({"photometric": 3}, "3 channels"),
        ({"photometric": 1}, "3 channels"),
        ({"width": 0}, "0 x 37 pixels"),
        ({"height": 0}, "29 x 0 pixels"),
        ({"width": None}, "tag 256 is missing"),
        ({"width": [3, 4]}, "2 values in its tag 256"),
        ({"samples": 5}, "5 channels"),
        ({"samples": 0}, "0 channels"),
        ({"tag_258": [5, 6, 5]}, "5/6 bits"),
        ({"tag_258": [8, 8]}, "8 bits"),
        ({"tag_258": 12}, "12 bits"),
        ({"tag_258": None, "samples": 2}, "2 channels"),
        ({"sample_format": 2}, "type int8"),
        ({"sample_format": [1, 1, 3]}, "type float8"),
        ({"sample_format": 6}, "type complex float8"),
        ({"planar": 3}, "planar configuration is 3"),
        ({"fill_order": 2}, "fill order 2"),
        ({"compression": 2}, "CCITT RLE"),
        ({"compression": 4}, "CCITT Group 4"),
        ({"compression": 6}, "old-style JPEG"),
        ({"compression": 50000}, "Zstandard"),
        ({"compression": 99}, "method 99"),
        ({"predictor": 2}, "predictor 2"),
        ({"predictor": 3}, "predictor 3"),
        ({"rows_per_strip": 0}, "29 x 0 pixels"),
        ({"rows_per_strip": 5}, "lists 1 strips, not 8"),
        ({"strip_offsets": None}, "lists 0 strips"),
        ({"strip_bytes": 0}, "empty or overlap"),
        ({"strip_bytes": 3000}, "too short"),
        ({"strip_bytes": 10**6}, "truncated"),
        ({"strip_offsets": 10**9}, "truncated"),
        ({"tile_width": 16}, "both strips and tiles"),
        ({"width": 2**32 - 1, "height": 2**32 - 1, "rows_per_strip": None}, "too short"),
        ({"extra_samples": 2}, "3 channels, 1 of them extra"),
        (
            {"compression": JPEG, "planar": 2, "strip_offsets": [8] * 3, "strip_bytes": [9] * 3},
            "whole pixels",
        ),
        ({"compression": JPEG, "jpeg_tables": bytes(9_000_000)}, "tables too large"),
        ({"compression": JPEG, "jpeg_tables": [1, 2, 3]}, "tag 347 have type 3"),
        ({"width": b"\x1d"}, "tag 256 have type 7"),
    ],
)
def test_what_cannot_be_read_exactly_is_refused_by_name(options, message):
    options = {"streams": [RGB.astype(np.uint8).tobytes()]} | options
    with pytest.raises(BrokenImage, match=message):
        read_header(tiff(RGB, **options))


def test_palettes_that_readers_disagree_on_are_refused():
    for count in (765, 768 * 2):
        with pytest.raises(BrokenImage, match="palette has"):
            read_header(tiff(GREY, photometric=3, colour_map=[257] * count))
    with pytest.raises(BrokenImage, match="8-bit values"):
        decode_image(tiff(GREY, photometric=3, colour_map=[*range(256)] * 3))
    with pytest.raises(BrokenImage, match="2 channels"):
        read_header(tiff(RGB[..., :2], photometric=3, colour_map=[257] * 768))


def test_bigtiff_and_loops_of_directories_are_refused():
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, RGB.astype(np.uint8), bigtiff=True)
    with pytest.raises(BrokenImage, match="BigTIFF"):
        read_header(buffer.getvalue())
    content = bytearray(tiff(RGB))
    place = int.from_bytes(content[4:8], "little")
    following = place + 2 + 12 * int.from_bytes(content[place : place + 2], "little")
    assert content[following : following + 4] == bytes(4)
    content[following : following + 4] = content[4:8]
    with pytest.raises(BrokenImage, match="loop of directories"):
        read_header(bytes(content))


def test_long_strings_of_lzw_take_no_time():
    white = image_files.lzw(bytes([255]) * 30_000)
    content = tiff(
        np.zeros((1, 1, 3), int),
        width=10_000,
        height=1_000,
        compression=LZW,
        rows_per_strip=1,
        streams=[white] * 1000,
    )
    start = time.perf_counter()
    image, _ = decode_image(content)
    assert time.perf_counter() - start < 10
    assert image.min() == 255


def test_many_strips_are_refused():
    with pytest.raises(BrokenImage, match="more than 32,768"):
        read_header(tiff(np.zeros((40_000, 1, 1), int), rows_per_strip=1))


def test_many_tags_of_the_same_strips_take_no_memory_or_time():
    stream = zlib.compress(bytes(2**20)) + bytes(2_000_000)
    tall = np.zeros((1, 1024, 1), int)
    content = tiff(
        tall,
        compression=DEFLATE,
        height=1024 * 4000,
        rows_per_strip=1024,
        streams=[stream],
        strip_offsets=[8] * 4000,
        strip_bytes=[len(stream)] * 4000,
    )
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(BrokenImage, match="overlap"):
        decode_image(content)
    assert time.perf_counter() - start < 1
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


def test_tiles_far_larger_than_the_image_are_refused():
    with pytest.raises(BrokenImage, match="tiles far larger"):
        read_header(tiff(GREY, tile=(60000, 60000), streams=[bytes(10)]))


@pytest.mark.parametrize("compression", [DEFLATE, OLD_DEFLATE, LZW, PACKBITS])
def test_damaged_streams_are_refused(compression):
    smooth = np.add.outer(np.arange(60), np.arange(80))[..., None] + np.arange(3) * 20 + RGB[0, 0] % 3
    content = tiff(smooth, compression=compression)
    size = int.from_bytes(content[4:8], "little") - 8
    # PackBits is nothing but lengths: a part that is repeated can't be seen.
    for half in (bytes(size // 2), content[8 : 8 + size // 2])[: 1 if compression == PACKBITS else 2]:
        start = 8 + size - size // 2
        with pytest.raises(BrokenImage, match="strip 0 can't be decoded"):
            decode_image(content[:start] + half + content[start + len(half) :])


@given(place=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
def test_deflate_sees_each_damaged_byte(place, change):
    content = bytearray(tiff(RGB, compression=DEFLATE))
    content[8 + int(place * (int.from_bytes(content[4:8], "little") - 8))] ^= change
    try:
        # The byte that names the level of compression has other values that mean the same.
        np.testing.assert_array_equal(decode_image(bytes(content))[0], RGB)
    except BrokenImage as error:
        assert error.kind == "undecodable"


@settings(deadline=None)
@given(
    content=st.binary(max_size=300)
    | st.builds(bytes, st.integers(0, 20_000))
    | st.integers(0, 9).map(
        lambda seed: np.random.default_rng(seed).integers(0, 3, 30_000, np.uint8).tobytes()
    ),
    wrong=st.sampled_from([-1, 1]),
)
def test_lzw_gives_the_bytes_that_went_in_and_no_other_number(content, wrong):
    stream = image_files.lzw(content)
    assert lzw.decode(stream, len(content)).tobytes() == content
    if len(content) + wrong >= 0:
        with pytest.raises(lzw.DamagedStream):
            lzw.decode(stream, len(content) + wrong)


@given(noise=st.binary(max_size=2000), size=st.integers(0, 4000))
def test_lzw_refuses_noise_or_gives_the_size_asked_for(noise, size):
    for stream in (noise, b"\x80" + noise):
        try:
            assert lzw.decode(stream, size).shape == (size,)
        except lzw.DamagedStream:
            continue


@settings(deadline=None)
@given(
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4
    ),
    options=st.sampled_from(
        [
            {"compression": LZW, "rows_per_strip": 9},
            {"compression": DEFLATE, "tile": (16, 16)},
            {"compression": PACKBITS, "planar": 2},
            {"rows_per_strip": 1},
        ]
    ),
    in_directory=st.booleans(),
)
def test_changed_bytes_raise_only_broken_image(changes, options, in_directory):
    content = bytearray(tiff(RGB, **options))
    start = int.from_bytes(content[4:8], "little") if in_directory else 0
    for place, value in changes:
        content[start + int(place * (len(content) - start))] = value
    try:
        image, _ = decode_image(bytes(content))
    except BrokenImage:
        return
    header = read_header(bytes(content))
    assert image.shape == (header.height, header.width, 3)
