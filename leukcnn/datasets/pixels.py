"""Digests of an image's pixels: they recognise a published image that was saved again without loss."""

import hashlib

import numpy as np

_DIGITS = 16
_SIZE_FIELDS = slice(18, 26)  # width and height in the header of a BMP file


def pixel_digest(image: np.ndarray) -> str:
    r"""Returns the digest of an image's pixels, as the manifests list it.

    It is the SHA-256 of the text "HEIGHTxWIDTH", a line feed, and the red, green and blue byte of each pixel,
    row by row from the top left; the first 16 hexadecimal digits of it. With NumPy:
    `hashlib.sha256(b"450x450\n" + image.tobytes()).hexdigest()[:16]`.

    Args:
        image: RGB, uint8 (H, W, 3), 0..255, from `leukcnn.datasets.read_image`.
    """
    height, width = image.shape[:2]
    digest = hashlib.sha256(f"{height}x{width}\n".encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()[:_DIGITS]


def as_bmp(image: np.ndarray, header: bytes) -> bytes:
    """Returns the 24-bit BMP file that has a header and an image's pixels; b"" if they differ in size.

    A BMP file is its header and its pixels. The SHA-256 of the published file can therefore be compared with
    an image that was saved in another format without loss.

    Args:
        image: RGB, uint8 (H, W, 3), 0..255.
        header: Everything before the pixels.
    """
    height, width = image.shape[:2]
    if header[_SIZE_FIELDS] != width.to_bytes(4, "little") + height.to_bytes(4, "little"):
        return b""
    # Rows go from the bottom to the top, and are filled up to a multiple of four bytes.
    rows = np.zeros((height, -(-width * 3 // 4) * 4), np.uint8)
    rows[:, : width * 3] = image[::-1, :, ::-1].reshape(height, -1)
    return header + rows.tobytes()
