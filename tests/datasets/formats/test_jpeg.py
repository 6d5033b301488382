import itertools
import struct
import time

import cv2
import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st

from leukcnn.datasets.headers import BrokenImage, Header
from leukcnn.datasets.read import decode_image, read_header
from tests.image_files import adobe, jpeg, segment

LEVELS = np.random.default_rng(0).integers(0, 256, (3, 4, 3))
PIXELS = np.kron(LEVELS, np.ones((8, 8, 1), int))
SMOOTH = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (203, 150, 3), np.uint8), (9, 9), 2)
QUALITY = (cv2.IMWRITE_JPEG_QUALITY, 90)
FACTOR = cv2.IMWRITE_JPEG_SAMPLING_FACTOR
KINDS = {
    "4:4:4": (FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
    "4:4:0": (FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440),
    "4:2:2": (FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422),
    "4:2:0": (FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420),
    "4:1:1": (FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411),
    "progressive": (cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "restart": (cv2.IMWRITE_JPEG_RST_INTERVAL, 3),
    "optimised": (cv2.IMWRITE_JPEG_OPTIMIZE, 1),
}
EXIF = segment(0xE1, b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHHI", 0x112, 3, 1, 6, 0, 0))
THUMBNAIL = segment(0xE1, b"Exif\0\0" + jpeg(LEVELS[:1, :1]))


def encode(*options, image=SMOOTH):
    return cv2.imencode(".jpg", image, (*QUALITY, *options))[1].tobytes()


def pixels(content):
    image, note = decode_image(content)
    assert note is None
    return image


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"frame": 0xC1},
        {"frame": 0xC2},
        {"frame": 0xC2, "interleaved": False, "restart": 3},
        {"interleaved": False},
        {"interleaved": False, "restart": 5},
        {"restart": 1},
        {"before": adobe(0) + EXIF},
        {"before": THUMBNAIL + adobe(0) + THUMBNAIL},
        {"before": b"\xff\x01\xff\xff\xff\xd3" + b"\xff\xff" + adobe(0)},
        {"before": b"\xff" * 100 + adobe(0), "between": b"\xff" * 7},
        {"interleaved": False, "between": segment(0xFE, b"between \xff\xd9 scans")},
        {"between": b"\xff\xff" + segment(0xDD, b"\0\0")},
        {"after": b"anything \xff\xd8\xff"},
        {"after": jpeg(LEVELS[:1, :1])},
    ],
)
def test_legal_file_gives_the_levels_that_went_in(options):
    np.testing.assert_array_equal(pixels(jpeg(LEVELS, **options)), PIXELS)


def test_grey_levels_come_back():
    content = jpeg(LEVELS[..., :1], before=b"")
    assert read_header(content) == Header("JPEG", 24, 32, 1, 8)
    image, note = decode_image(content)
    np.testing.assert_array_equal(image, PIXELS[..., :1].repeat(3, axis=2))
    assert note == "grey repeated in three channels"


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
def test_sound_files_have_the_pixels_that_opencv_reads(options):
    for image in (SMOOTH, SMOOTH[:, :, 0], SMOOTH[:1, :1], SMOOTH[:17, :9]):
        content = encode(*options, image=np.ascontiguousarray(image))
        expected = cv2.imdecode(
            np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        )
        np.testing.assert_array_equal(decode_image(content)[0], expected[..., ::-1])


def test_real_images_are_read_as_opencv_reads_them(real_data):
    paths = sorted(real_data.rglob("*.jpg"))[::50]
    assert paths
    for path in paths:
        expected = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        np.testing.assert_array_equal(decode_image(path.read_bytes())[0], expected[..., ::-1])


def test_sampling_is_read_where_the_decoder_reads_it():
    sizes = [16 * across + down for across in range(1, 5) for down in range(1, 5)]
    read = set()
    for factors in itertools.product(sizes, sizes, [0x11, 0x12, 0x21, 0x22, 0x31]):
        content = jpeg(LEVELS, factors=factors, height=1, width=1)
        try:
            read_header(content)
            read.add(factors)
        except BrokenImage as error:
            assert "sampled as" in error.detail or "missing" in error.detail
        try:
            simplejpeg.decode_jpeg(content)
            named = True
        except ValueError as error:
            named = "subsampling" not in str(error)
        assert named == (factors in read), factors


def data_of(content):
    # The longest stretch without a marker, and so the larger part of the pixels.
    start = content.index(b"\xff\xda")
    return start + 2 + struct.unpack_from(">H", content, start + 2)[0]


@pytest.mark.parametrize("name", KINDS)
def test_file_without_half_of_its_data_is_refused(name, capfd):
    rng = np.random.default_rng(0)
    for _ in range(20):
        image = cv2.GaussianBlur(
            rng.integers(0, 256, [*rng.integers(60, 200, 2).tolist(), 3], np.uint8), (5, 5), 1
        )
        content = encode(*KINDS[name], image=image)
        start = data_of(content)
        middle = (start + len(content)) // 2
        for damaged in (
            content[:middle] + b"\xff\xd9",
            content[:middle] + bytes(len(content) - middle - 2) + b"\xff\xd9",
            content[:start] + content[middle:],
        ):
            with pytest.raises(BrokenImage):
                decode_image(damaged)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("count", range(1, 9))
@pytest.mark.parametrize(
    ("options", "marker"),
    [
        ({}, b"\xff\xd9"),
        ({"restart": 5}, b"\xff\xd0"),
        ({"restart": 5}, b"\xff\xd1"),
        ({"restart": 5}, b"\xff\xd9"),
        ({"interleaved": False, "between": segment(0xFE, b"")}, b"\xff\xfe"),
        ({"interleaved": False}, b"\xff\xd9"),
        ({"frame": 0xC2}, b"\xff\xd9"),
    ],
)
def test_bytes_left_over_are_seen(options, marker, count):
    content = jpeg(LEVELS, **options)
    # The first marker FE comes before the pixels.
    place = content.index(marker, content.index(b"\xff\xda"))
    for byte in (b"\0", b"\x55", b"\xff\0"):
        with pytest.raises(BrokenImage):
            decode_image(content[:place] + byte * count + content[place:])


@pytest.mark.parametrize("interleaved", [True, False])
@pytest.mark.parametrize("frame", [0xC0, 0xC2])
def test_file_without_one_of_its_scans_is_refused(interleaved, frame):
    count = (1 if interleaved else 3) + (3 if frame == 0xC2 else 0)
    for last in range(count):
        content = jpeg(LEVELS, frame=frame, interleaved=interleaved, scans=slice(last))
        with pytest.raises(BrokenImage, match=r"some of its scans are missing") as caught:
            read_header(content)
        assert caught.value.kind == "truncated"


def test_progressive_file_that_ends_after_any_scan_is_refused():
    content = encode(*KINDS["progressive"])
    ends = [i for i in range(len(content) - 1) if content[i : i + 2] == b"\xff\xda"][1:]
    assert len(ends) > 5
    for end in ends:
        with pytest.raises(BrokenImage, match="missing"):
            decode_image(content[:end] + b"\xff\xd9")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (jpeg(LEVELS, frame=0xC3), "lossless"),
        (jpeg(LEVELS, frame=0xC9), "arithmetic"),
        (jpeg(LEVELS, frame=0xCA), "arithmetic"),
        (jpeg(LEVELS, frame=0xC5), "hierarchical"),
        (jpeg(LEVELS, before=segment(0xDE, bytes(9))), "hierarchical"),
        (jpeg(LEVELS, bits=12, frame=0xC1), "12 bits"),
        (jpeg(LEVELS, height=0), "32 x 0 pixels"),
        (
            jpeg(LEVELS, height=0).replace(b"\xff\xd9", segment(0xDC, b"\0\x18") + b"\xff\xd9"),
            "32 x 0 pixels",
        ),
        (jpeg(LEVELS, between=segment(0xDC, b"\0\x18")), "says its height after"),
        (jpeg(LEVELS, width=0), "0 x 24 pixels"),
        (jpeg(LEVELS, width=60000, height=60000), "can't hold 60000 x 60000"),
        (jpeg(LEVELS, frame=0xC2, width=8000, height=8000), "several scans"),
        (jpeg(np.dstack([LEVELS, LEVELS[..., :1]]), before=adobe(2)), "4 channels .CMYK"),
        (jpeg(LEVELS[..., :2]), "2 channels"),
        (jpeg(LEVELS, factors=[0x11, 0x05, 0x11]), "sampling factor"),
        (jpeg(LEVELS, before=segment(0xFE, b"")[:2] + b"\0\1"), "1 bytes"),
        (jpeg(LEVELS, before=segment(0xFE, b"")[:2] + b"\0\0"), "0 bytes"),
        (jpeg(LEVELS, before=b"\0"), "should begin a marker"),
        (jpeg(LEVELS, before=b"\xff\0"), "isn't a marker"),
        (jpeg(LEVELS, before=b"\xff\xd8"), "isn't a marker"),
        (jpeg(LEVELS, before=b"\xff\xd9"), "without a frame header"),
        (jpeg(LEVELS, before=b"\xff\x01" * 20_000), "segments"),
        (jpeg(LEVELS, before=segment(0xC0, bytes([8, 0, 8, 0, 8, 1, 1, 17, 0]))), "two frame headers"),
        (jpeg(LEVELS, before=segment(0xC0, bytes([8, 0, 8, 0, 8, 1, 1, 17, 0, 0]))), "wrong length"),
        (jpeg(LEVELS, before=segment(0xDA, bytes([1, 1, 0, 0, 63, 0]))), "without a frame header before"),
        (
            jpeg(LEVELS, between=segment(0xDA, bytes([1, 9, 0, 0, 63, 0]))),
            "channel that its frame doesn't have",
        ),
        (jpeg(LEVELS, between=segment(0xDA, bytes([1, 1, 0, 0, 63, 0]))), "the same coefficients"),
        (jpeg(LEVELS, between=segment(0xDA, bytes([1, 1, 0, 0, 63]))), "scan header has a wrong length"),
        (jpeg(LEVELS, frame=0xC2, between=segment(0xDA, bytes([1, 1, 0, 1, 64, 0]))), "don't exist"),
        (b"\xff\xd8", "truncated"),
        (b"\xff\xd8" + b"\xff" * 99, "truncated"),
    ],
)
def test_what_cannot_be_read_exactly_is_refused_by_name(content, message):
    with pytest.raises(BrokenImage, match=message):
        read_header(content)


def test_end_of_a_thumbnail_is_not_the_end():
    content = jpeg(LEVELS, before=adobe(0) + THUMBNAIL)
    for length in range(len(content) - 1, 2, -7):
        with pytest.raises(BrokenImage) as caught:
            read_header(content[:length])
        assert caught.value.kind == "truncated"


def test_many_scans_and_endless_fill_bytes_are_refused_in_time():
    # Each scan visits all blocks, though a band of zeros costs a few bytes alone.
    refined = [
        segment(0xDA, bytes([1, 1, 0, 1, 63, 16 * high + high - 1])) + b"\0" for high in range(13, 0, -1)
    ]
    scans = segment(0xDA, bytes([1, 1, 0, 1, 63, 13])) + b"\0" + b"".join(refined)
    content = jpeg(LEVELS[..., :1], before=b"", frame=0xC2, height=11_000, width=11_000, scans=slice(1))
    start = time.perf_counter()
    with pytest.raises(BrokenImage, match="too many scans for its size"):
        decode_image(content.replace(b"\xff\xd9", scans + b"\xff\xd9"))
    with pytest.raises(BrokenImage, match="truncated"):
        decode_image(b"\xff\xd8" + b"\xff" * 2_000_000)
    assert time.perf_counter() - start < 2


@settings(deadline=None)
@given(
    content=st.sampled_from(
        [jpeg(LEVELS), jpeg(LEVELS, frame=0xC2), encode(), encode(*KINDS["progressive"])]
    ),
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4
    ),
)
def test_changed_bytes_raise_only_broken_image(content, changes):
    changed = bytearray(content)
    for place, value in changes:
        changed[2 + int(place * (len(changed) - 2))] = value
    try:
        image, _ = decode_image(bytes(changed))
    except BrokenImage:
        return
    header = read_header(bytes(changed))
    assert image.shape == (header.height, header.width, 3)
