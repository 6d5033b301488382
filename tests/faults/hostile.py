"""Reads image files that are damaged or forged, and says how each ended.

As a script, so that a crash ends this process alone: hostile.py SEED NUMBER prints a line of JSON.
"""

import io
import json
import random
import resource
import struct
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator

import cv2
import numpy as np
from PIL import Image

from leukcnn.datasets.headers import BrokenImage
from leukcnn.datasets.read import decode_image

_HEIGHT, _WIDTH = 30, 41
_EXTREMES = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
# A hostile file may not take more than these.
SECONDS, MIB = 2.0, 512


def sound_files() -> dict[str, bytes]:
    """Returns files of all formats and of many kinds, written by OpenCV and Pillow."""
    smooth = cv2.GaussianBlur(
        np.random.default_rng(0).integers(0, 256, (_HEIGHT, _WIDTH, 4), np.uint8), (5, 5), 1
    )
    colour, grey = smooth[..., :3], smooth[..., 0]
    files = {}
    for extension in (".bmp", ".png", ".jpg", ".tif"):
        for name, image in (("colour", colour), ("grey", grey), ("alpha", smooth)):
            if (extension, name) != (".jpg", "alpha"):
                files[f"cv2 {name}{extension}"] = cv2.imencode(extension, image)[1].tobytes()
    for extension in (".png", ".tif"):
        deep = colour.astype(np.uint16) * 257
        files[f"cv2 16 bits{extension}"] = cv2.imencode(extension, deep)[1].tobytes()
    rgb, rgba = Image.fromarray(colour), Image.fromarray(smooth)
    kinds = {
        "palette": rgb.quantize(64),
        "one bit": rgb.convert("1"),
        "rgb": rgb,
        "rgba": rgba,
        "grey": rgb.convert("L"),
        "grey alpha": rgba.convert("LA"),
        "cmyk": rgb.convert("CMYK"),
    }
    options = [
        ("BMP", {}),
        ("PNG", {}),
        ("GIF", {}),
        ("PPM", {}),
        ("JPEG", {"progressive": True}),
        ("JPEG", {"subsampling": 2}),
    ]
    options += [
        ("TIFF", {"compression": c}) for c in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
    ]
    for name, image in kinds.items():
        for kind, option in options:
            target = io.BytesIO()
            try:
                image.save(target, kind, **option)
            except (OSError, ValueError, RuntimeError):
                continue
            files[f"Pillow {name} {kind} {option}"] = target.getvalue()
    return files


def hostile_files(seed: int, number: int) -> Iterator[tuple[str, bytes]]:
    """Yields damaged and forged files with their descriptions.

    Args:
        seed: Seed of the random numbers.
        number: Number of files.
    """
    rng, sound = random.Random(seed), sound_files()
    names = sorted(sound)
    for i in range(number):
        name = names[i % len(names)]
        content, damages = bytearray(sound[name]), []
        for _ in range(rng.choice((1, 1, 1, 2, 5))):
            damage = rng.choice(_DAMAGES)
            damage(content, rng)
            damages.append(damage.__name__.strip("_"))
        yield f"{i}: {name}, {', '.join(damages)}", bytes(content)


def _flip(content: bytearray, rng: random.Random) -> None:
    if content:
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def _flip_in_header(content: bytearray, rng: random.Random) -> None:
    if content:
        content[rng.randrange(min(len(content), 200))] ^= 1 << rng.randrange(8)


def _extreme_number(content: bytearray, rng: random.Random) -> None:
    code = rng.choice(("<H", ">H", "<I", ">I"))
    size, span = struct.calcsize(code), min(len(content), 200)
    if span > size:
        value = rng.choice(_EXTREMES) & (256**size - 1)
        struct.pack_into(code, content, rng.randrange(span - size), value)


def _extreme_number_at_end(content: bytearray, rng: random.Random) -> None:
    code = rng.choice(("<H", "<I"))
    size, first = struct.calcsize(code), max(0, len(content) - 250)
    if len(content) - size > first:
        value = rng.choice(_EXTREMES) & (256**size - 1)
        struct.pack_into(code, content, rng.randrange(first, len(content) - size), value)


def _cut(content: bytearray, rng: random.Random) -> None:
    del content[rng.randrange(len(content) + 1) :]


def _remove_span(content: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(content) + 1)
    del content[start : start + rng.randrange(1, 100)]


def _zero_span(content: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(content) + 1)
    size = len(content[start : start + rng.randrange(1, 300)])
    content[start : start + size] = bytes(size)


def _repeat_span(content: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(content) + 1)
    span = content[start : start + rng.randrange(1, 100)]
    content[start:start] = span * rng.randrange(1, 5)


def _append(content: bytearray, rng: random.Random) -> None:
    content += rng.randbytes(rng.randrange(1, 500))


_DAMAGES = (
    _flip,
    _flip_in_header,
    _extreme_number,
    _extreme_number_at_end,
    _cut,
    _remove_span,
    _zero_span,
    _repeat_span,
    _append,
)


def by_pillow(content: bytes) -> np.ndarray | None:
    """Returns a file's pixels read by Pillow, (H, W, 3) uint8; None if it refuses or converts them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            image = Image.open(io.BytesIO(content), formats=("BMP", "PNG", "JPEG", "TIFF", "GIF", "PPM"))
            image.load()
            if image.mode not in ("1", "L", "P", "RGB", "RGBA", "LA", "RGBX"):
                return None
            return np.asarray(image.convert("RGBA"))[..., :3]
    except Exception:
        return None


def main(seed: int, number: int) -> dict:
    """Reads hostile files and returns how they ended."""
    ended: Counter[str] = Counter()
    faults, slowest = [], 0.0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, content in hostile_files(seed, number):
        began = time.perf_counter()
        try:
            image, note = decode_image(content)
            ended["read"] += 1
        except BrokenImage as error:
            image = None
            ended[error.kind] += 1
        except Exception as error:
            image = None
            faults.append(f"{name}: {type(error).__name__}: {error}")
        seconds = time.perf_counter() - began
        slowest = max(slowest, seconds)
        if seconds > SECONDS:
            faults.append(f"{name}: took {seconds:.1f} s")
        expected = by_pillow(content) if image is not None and note_is_exact(note) else None
        if expected is not None and not content.startswith(b"\xff\xd8"):
            ended["compared with Pillow"] += 1
            if not np.array_equal(image, expected):
                faults.append(f"{name}: other pixels than Pillow's")
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    mib = (after - before) / 1024
    if mib > MIB:
        faults.append(f"took {mib:.0f} MiB")
    return {"ended": ended, "faults": faults, "slowest": slowest, "mib": mib}


def note_is_exact(note: str | None) -> bool:
    """Returns whether an image was read without a change of its values' range."""
    return note is None or "16 bits" not in note


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
