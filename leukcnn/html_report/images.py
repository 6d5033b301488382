"""Images inside a page: data URIs of a limited size."""

import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image

_AS_IT_IS = 250_000
_WIDEST = 1600
_QUALITY = 82


def data_uri(content: bytes, kind: str) -> str:
    """Returns the URI that holds a file; `kind` is "png" or "jpeg"."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def jpeg_uri(content: np.ndarray) -> str:
    """Returns the URI of a JPEG file that is kept as an array of bytes, uint8 (N,)."""
    return data_uri(content.tobytes(), "jpeg")


def figure_uri(path: Path) -> tuple[str, int, int]:
    """Returns the URI of a PNG file, and its width and height in pixels.

    A large file becomes a JPEG of at most 1,600 pixels in width, if that is smaller.
    """
    content = path.read_bytes()
    with Image.open(io.BytesIO(content)) as image:
        width, height = image.size
        if len(content) <= _AS_IT_IS and width <= _WIDEST:
            return data_uri(content, "png"), width, height
        scale = min(1.0, _WIDEST / width)
        size = round(width * scale), max(1, round(height * scale))
        small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    target = io.BytesIO()
    small.save(target, "JPEG", quality=_QUALITY)
    if len(target.getvalue()) < len(content):
        return data_uri(target.getvalue(), "jpeg"), *size
    return data_uri(content, "png"), width, height
