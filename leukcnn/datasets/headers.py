"""What the header of an image file says, and what is wrong with a file that isn't a complete image."""

from dataclasses import dataclass

from leukcnn.errors import DataError

EXTENSIONS = (".bmp", ".png", ".jpg", ".jpeg", ".tif", ".tiff")


class BrokenImage(DataError):
    """A file isn't a complete image.

    Args:
        kind: "empty", "undecodable" or "truncated".
        detail: What is wrong with it, as the end of the sentence 'FILE ...'.
    """

    def __init__(self, kind: str, detail: str):
        super().__init__(detail)
        self.kind, self.detail = kind, detail


@dataclass(frozen=True)
class Header:
    """What the header of an image file says.

    Attributes:
        format: "BMP", "PNG", "JPEG" or "TIFF".
        height: Rows, in pixels.
        width: Columns, in pixels.
        channels: 1 grey, 2 grey and alpha, 3 colour (palettes too), 4 colour and a fourth channel.
        bits: Bits per channel.
    """

    format: str
    height: int
    width: int
    channels: int
    bits: int


def conversion(channels: int, bits: int) -> str | None:
    """Describes in words how an image is converted to 8-bit RGB; returns None if no conversion is needed."""
    steps = []
    if bits == 16:
        steps.append("16 bits a channel scaled to 8")
    if channels in (1, 2):
        steps.append("grey repeated in three channels")
    if channels in (2, 4):
        steps.append("alpha channel dropped")
    return ", ".join(steps) or None


def truncated(detail: str) -> BrokenImage:
    """Returns the error for a file that ends too early."""
    return BrokenImage("truncated", f"is truncated: {detail}")


def expect_length(content: bytes, expected: int) -> None:
    """Checks that a file has at least `expected` bytes.

    Raises:
        BrokenImage: It is shorter.
    """
    if len(content) < expected:
        raise truncated(f"{len(content):,} of {expected:,} bytes are there")
