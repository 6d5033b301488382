"""Images that are prepared while their files are read for another purpose, so that they are decoded once."""

import contextlib
import itertools
import math
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from leukcnn.errors import DataError
from leukcnn.files import made_folder
from leukcnn.image_cache import cache_folder, prepare
from leukcnn.spec import Preprocessing


class FreshImages:
    """Prepared images that wait in a file until the order of their cache is known.

    Args:
        preprocessing: How they are prepared.
        file: The file; None keeps nothing.
    """

    def __init__(self, preprocessing: Preprocessing, file: IO[bytes] | None):
        self._preprocessing, self._file = preprocessing, file
        self._shape = (preprocessing.image_size, preprocessing.image_size, 3)
        self._places: dict[str, tuple[int, str | None]] = {}
        self._numbers = itertools.count()

    def take(self, sha256: str, image: np.ndarray, note: str | None) -> None:
        """Prepares and keeps an image; may be called in several threads.

        Args:
            sha256: Hexadecimal SHA-256 of its file.
            image: RGB, uint8 (H, W, 3), as it was decoded.
            note: Its conversion, as `decode_image` describes it.
        """
        if self._file is None or sha256 in self._places:
            return
        # The disk is full, or the image is too small. Both are faults only when the cache is made.
        with contextlib.suppress(OSError, DataError):
            content, place = prepare(image, self._preprocessing).tobytes(), next(self._numbers)
            if os.pwrite(self._file.fileno(), content, place * len(content)) == len(content):
                self._places[sha256] = place, note

    def get(self, sha256: str) -> tuple[np.ndarray, str | None] | None:
        """Returns the image of a file, uint8 (S, S, 3), and its conversion; None if it isn't kept."""
        if self._file is None or sha256 not in self._places:
            return None
        (place, note), size = self._places[sha256], math.prod(self._shape)
        content = os.pread(self._file.fileno(), size, place * size)
        return np.frombuffer(content, np.uint8).reshape(self._shape), note


@contextlib.contextmanager
def fresh_images(preprocessing: Preprocessing, *, folder: Path | None = None) -> Iterator[FreshImages]:
    """Yields a place for images; its file has no name and is gone at the end, also if the process is killed.

    Args:
        preprocessing: How they are prepared.
        folder: Folder of the caches; `cache_folder()` if None. If it can't be written to, nothing is kept.
    """
    with contextlib.ExitStack() as stack:
        file, place = None, folder or cache_folder()
        with contextlib.suppress(OSError):
            stack.enter_context(made_folder(place))
            file = stack.enter_context(tempfile.TemporaryFile(dir=place))
        yield FreshImages(preprocessing, file)
