import numpy as np
import pytest

from leukcnn.datasets.formats.blocks import palette_colours, row_blocks
from leukcnn.datasets.headers import BrokenImage
from leukcnn.datasets.read import decode_image
from tests.image_files_bmp_png import bmp, png


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5000, 1000), (3, 5_000_000), (2, 2**19)])
def test_blocks_are_the_whole_image_in_order(height, width):
    blocks = list(row_blocks(height, width))
    assert [row for block in blocks for row in range(height)[block]] == list(range(height))
    assert max(width * (block.stop - block.start) for block in blocks) <= max(2**20, width)


def test_positions_outside_the_palette_are_refused():
    palette = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    assert palette_colours(np.array([[1, 0]], np.uint8), palette).tolist() == [[[4, 5, 6], [1, 2, 3]]]
    with pytest.raises(BrokenImage, match="the colour 2, but its palette has 2 colours"):
        palette_colours(np.array([[2]], np.uint8), palette)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("colour", [0, 2, 3, 6])
def test_images_of_several_blocks_are_whole(monkeypatch, colour, bits):
    if (colour, bits) == (3, 16):
        pytest.skip("PNG has no such kind")
    samples = np.random.default_rng(0).integers(0, 2**bits, (11, 7, {0: 1, 3: 1, 2: 3, 6: 4}[colour]))
    palette = [(i, 255 - i, 7) for i in range(256)] if colour == 3 else None
    content = png(samples, bits=bits, colour=colour, palette=palette)
    whole = decode_image(content)[0]
    monkeypatch.setattr("leukcnn.datasets.formats.blocks._PIXELS", 21)
    np.testing.assert_array_equal(decode_image(content)[0], whole)
    if colour == 3:
        for depth in (4, 8):
            pixels = samples[..., 0] % 2**depth
            image = decode_image(bmp(pixels, depth=depth, palette=palette[: 2**depth]))[0]
            np.testing.assert_array_equal(image, np.array(palette)[pixels])
