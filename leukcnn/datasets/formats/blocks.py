"""Convert large images in blocks of rows, to save memory."""

from collections.abc import Iterator

import numpy as np

from leukcnn.datasets.headers import BrokenImage

_PIXELS = 1 << 20


def row_blocks(height: int, width: int) -> Iterator[slice]:
    """Yields slices of rows that together are the whole image, each of about a million pixels."""
    rows = max(_PIXELS // width, 1)
    for first in range(0, height, rows):
        yield slice(first, min(first + rows, height))


def palette_colours(indices: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Returns the colours of pixels that are positions in a palette.

    Args:
        indices: (H, W), whole numbers.
        palette: (N, C), the colours.

    Returns:
        (H, W, C), of the palette's dtype.

    Raises:
        BrokenImage: A position is outside the palette.
    """
    if (highest := indices.max()) >= len(palette):
        raise BrokenImage(
            "undecodable", f"has pixels of the colour {highest}, but its palette has {len(palette)} colours"
        )
    return palette[indices]
