"""What the header of an image file says, and what is wrong with a file that isn't a complete image."""

import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from leukcnn.errors import ArgumentError, DataError

EXTENSIONS = (
    *(".bmp", ".dib", ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".jpg_large", ".tif", ".tiff"),
    *(".gif", ".ppm", ".pgm", ".pnm"),
)
"""Endings of image files, in lower case. What a file holds is known by its first bytes, not by its ending."""
FORMATS = "BMP, PNG, JPEG, TIFF, GIF or PNM"
"""The formats that are read, for messages."""

# Formats that lose values, or that are too rare: damage in them can't be seen, or nothing reads them exactly.
# Then those of cameras, and of microscopes, slide scanners and radiology.
_PLURAL = re.compile(r"s\b")
_OTHER_ENDING = re.compile(
    r"\.(?:webp|jp2|j2[ck]|jp[fmx]|jxl|jxr|wdp|hei[cf]|hif|avif|p[abf]m|apng|mng|mpo|tga|pcx|sgi|ras|xbm|xpm"
    r"|ico|exr|hdr|ps[bd]|xcf"
    r"|raw|dng|cr[23]|nef|arw|orf|rw2|raf"
    r"|svs|ndpi|mrxs|scn|bif|vsi|vms|czi|zvi|lif|nd2|oi[bf]|lsm|stk|dcm|dicom|nii|nrrd|mh[ad]|fits|np[yz])"
)
# First bytes of the formats that are read, and of others.
_FIRST_BYTES = re.compile(
    rb"BM....\0\0\0\0|\x89PNG\r\n|\xff\xd8\xff|II[*+]\0|MM\0[*+]|GIF8[79]a|RIFF....WEBP|P[1-6]\s|"
    rb"\0\0\0\x0cjP  |....ftyp(?:heic|heif|mif1|avif)|8BPS",
    re.DOTALL,
)
_NAMED = 3
_ENDING = re.compile(r"\.[a-z][a-z0-9]{0,4}")

MAX_PIXELS = 100_000_000
"""Pixels that an image may have, unless LEUKCNN_MAX_PIXELS gives another number."""

_MAX_PIXELS, _OPENCV_MAX_PIXELS = "LEUKCNN_MAX_PIXELS", "OPENCV_IO_MAX_IMAGE_PIXELS"
# Decoders refuse longer ones too.
_LONGEST = 1_000_000
# Control characters, halves of characters (bytes that aren't UTF-8) and separators of lines and paragraphs.
_UNUSABLE = ("Cc", "Cs", "Zl", "Zp")


class BrokenImage(DataError):
    """A file isn't a complete image.

    Args:
        kind: "unreadable", "empty", "undecodable", "truncated" or "too large".
        detail: What is wrong with it, as the end of the sentence 'FILE ...'.
    """

    def __init__(self, kind: str, detail: str):
        super().__init__(detail)
        self.kind, self.detail = kind, detail


@dataclass(frozen=True)
class Header:
    """What the header of an image file says.

    Attributes:
        format: "BMP", "PNG", "JPEG", "TIFF", "GIF" or "PNM".
        height: Rows, in pixels.
        width: Columns, in pixels.
        channels: 1 grey, 2 grey and alpha, 3 colour (palettes too), 4 colour and a fourth channel.
        bits: Bits per channel.
        images: Images in the file; the first one is read.
    """

    format: str
    height: int
    width: int
    channels: int
    bits: int
    images: int = 1


def conversion(channels: int, bits: int, images: int = 1) -> str | None:
    """Describes in words how an image is converted to 8-bit RGB; returns None if no conversion is needed."""
    steps = []
    if images > 1:
        steps.append("the first of several images in the file")
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


def max_pixels() -> int:
    """Returns the number of pixels that an image may have: LEUKCNN_MAX_PIXELS, or `MAX_PIXELS`.

    Raises:
        ArgumentError: The variable isn't a whole number above 0.
    """
    value = os.environ.get(_MAX_PIXELS, "").strip() or str(MAX_PIXELS)
    if not (value.isascii() and value.isdigit() and len(value) < 16 and int(value)):
        raise ArgumentError(
            f"The environment variable {_MAX_PIXELS} is {value!r}.",
            expected="a whole number of pixels above 0 and below 10**15",
            remedy=f"unset it for the default, {MAX_PIXELS:,}",
        )
    return int(value)


def bound_decoder() -> None:
    """Bounds OpenCV's own decoders by `max_pixels`, too. They read the variable when OpenCV is loaded.

    Raises:
        ArgumentError: LEUKCNN_MAX_PIXELS isn't a whole number above 0.
    """
    most = str(max_pixels())
    if "cv2" not in sys.modules:
        os.environ.setdefault(_OPENCV_MAX_PIXELS, most)


def is_beyond_decoder(header: Header) -> bool:
    """Says whether OpenCV refuses an image since LEUKCNN_MAX_PIXELS was raised after it was loaded."""
    bound = os.environ.get(_OPENCV_MAX_PIXELS, "")
    return bound.isdigit() and header.height * header.width > int(bound)


def unread_images(paths: Iterable[Path]) -> list[Path]:
    """Returns the files that aren't read although they look like images, in the given order.

    These are the files with the ending of another image format, e.g. `.webp` or `.svs`, and files that begin
    like an image and have no ending, or an image's ending before another one: `cell`, `cell.bmp.bak`. Only
    the first bytes of the latter are read.

    Args:
        paths: Files of a folder, whatever they are.
    """
    return [path for path in paths if path.suffix.lower() not in EXTENSIONS and _looks_like_image(path)]


def unread_notes(paths: Sequence[Path], folder: Path) -> list[str]:
    """Returns a line with the number and first names of files that `unread_images` found; none without any.

    Args:
        paths: The files.
        folder: The folder that holds them, whose path is left out.
    """
    if not paths:
        return []
    names = [printable(path.relative_to(folder).as_posix()) for path in paths[:_NAMED]]
    are = "files look like images and aren't" if len(paths) > 1 else "file looks like an image and isn't"
    shown = ", ".join(names) + (", ..." if len(paths) > _NAMED else "")
    return [f"{len(paths):,} {are} read: {shown}; save {'them' if len(paths) > 1 else 'it'} as PNG"]


def _looks_like_image(path: Path) -> bool:
    endings = [ending.lower() for ending in path.suffixes]
    if endings and (_OTHER_ENDING.fullmatch(endings[-1]) or endings[-2:] == [".nii", ".gz"]):
        return True
    plain = bool(endings) and _ENDING.fullmatch(endings[-1])
    if plain and not any(ending in EXTENSIONS or _OTHER_ENDING.fullmatch(ending) for ending in endings):
        return False
    try:
        # A pipe would wait for a writer.
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return bool(_FIRST_BYTES.match(file.read(16)))
    except OSError:
        return False


def expect_size(height: int, width: int) -> None:
    """Checks the size of an image before it is decoded.

    Raises:
        BrokenImage: It has no pixels, or more than `max_pixels`.
    """
    if height < 1 or width < 1:
        raise BrokenImage("undecodable", f"has no pixels: its size is {width:,}x{height:,}")
    if height * width > max_pixels() or max(height, width) > _LONGEST:
        raise BrokenImage(
            "too large",
            f"is too large: its size is {width:,}x{height:,} pixels, and at most {max_pixels():,} pixels and "
            f"{_LONGEST:,} in a row or column are read. {_MAX_PIXELS} sets the number of pixels",
        )


def name_fault(name: str) -> str:
    """Returns what is wrong with a file's name, as the end of the sentence 'FILE ...', or "".

    The ids of images are their names. They are hashed and written to text files, one row each.

    Args:
        name: The name, or a path.
    """
    if any(unicodedata.category(character) in _UNUSABLE for character in name):
        return "has a name that isn't UTF-8 text or has line breaks or other control characters; rename it"
    return ""


def printable(text: str) -> str:
    """Returns a text in which each character that `name_fault` refuses is replaced by its escape sequence."""
    return "".join(
        _escaped(character) if unicodedata.category(character) in _UNUSABLE else character
        for character in text
    )


def _escaped(character: str) -> str:
    # Python reads a byte that isn't UTF-8 as one of these characters.
    is_byte = "\udc80" <= character <= "\udcff"
    return f"\\x{ord(character) & 0xFF:02x}" if is_byte else repr(character)[1:-1]


def counted(number: int, things: str) -> str:
    """Returns a number and what is counted, e.g. "1 image" and "2,000 images".

    Args:
        number: The number.
        things: Their name in the plural, with an "s" at the end of its first such word.
    """
    return f"{number:,} {_PLURAL.sub('', things, count=1) if number == 1 else things}"
