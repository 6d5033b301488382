"""PGM and PPM files written byte by byte: each value as stored, or refused by name."""

import numpy as np
import pytest

from leukcnn.datasets.headers import BrokenImage
from leukcnn.datasets.read import decode_image


@pytest.mark.parametrize(
    ("content", "expected", "note"),
    [
        (b"P6\n1 2\n255\n\x01\x02\x03\x04\x05\x06", [[[1, 2, 3]], [[4, 5, 6]]], None),
        (b"P5 2 1 255\n\x07\x08", [[[7] * 3, [8] * 3]], "grey repeated in three channels"),
        (b"P6 # a comment\n1 # another\n1\n15\n\x00\x01\x0f", [[[0, 17, 255]]], None),
        (b"P6\n1 1\n65535\n\x01\x01\x00\x00\xff\xff", [[[1, 0, 255]]], "16 bits a channel scaled to 8"),
        (b"P6\n1 1\n255\n\n\x20\t\n", [[[10, 32, 9]]], None),
    ],
)
def test_values_by_hand(content, expected, note):
    image, said = decode_image(content)
    assert image.tolist() == expected
    assert image.dtype == np.uint8
    assert said == note


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (b"P6\n2 2\n255\n" + bytes(11), "truncated", "22 of 23 bytes"),
        (b"P6\n2 2\n", "undecodable", "no such header"),
        (b"P5 patient 7", "undecodable", "no such header"),
        (b"P6" + b" " * 100_000 + b"1 1 255 abc", "undecodable", "no such header"),
        (b"P5\n1 1\n100\n\x00", "undecodable", "values up to 100"),
        (b"P5\n2 1\n15\n\x00\x10", "undecodable", "the value 16, above its greatest, 15"),
        (b"P5\n1 1\n255\n\x00P5\n1 1\n255\n\x00", "undecodable", "goes on after its last pixel"),
        (b"P5\n0 1\n255\n", "undecodable", "no pixels"),
        (b"P5\n999999999 999999999\n255\n", "truncated", "of 999,999,998,000,000,0"),
        (b"P3\n1 1\n255\n1 2 3", "undecodable", "is no BMP"),
    ],
)
def test_other_files_are_refused_by_name(content, kind, said):
    with pytest.raises(BrokenImage, match=said) as caught:
        decode_image(content)
    assert caught.value.kind == kind
