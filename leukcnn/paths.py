"""Files that a user names, looked for without loading anything heavy."""

from collections.abc import Iterable
from pathlib import Path

from leukcnn.datasets.headers import EXTENSIONS
from leukcnn.errors import DataError, WeightsError
from leukcnn.fields import did_you_mean_file

NETWORK_FILE = "a model.keras that a finished trial of `leukcnn reproduce` left"
"""What the file of a network is, for errors."""


def network_file(path: str | Path) -> Path:
    """Returns the path of a saved network, which is there.

    Raises:
        WeightsError: It isn't.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        remedy = did_you_mean_file(path) if not path.exists() else ""
        raise WeightsError(
            f"There is no file {path}.", expected=NETWORK_FILE, remedy=remedy or "check the path"
        )
    return path


def find_images(places: Iterable[str | Path]) -> list[Path]:
    """Returns image files: those named, and all below the folders named, in order of their paths.

    Raises:
        DataError: A place isn't there, or there is no image in it.
    """
    found = []
    for place in map(Path, places):
        if place.is_dir():
            inside = sorted(p for p in place.rglob("*") if p.suffix.lower() in EXTENSIONS and p.is_file())
        else:
            inside = [place] if place.is_file() else []
        if not inside:
            raise DataError(
                f"{place} {'holds no image' if place.is_dir() else 'is not there'}.",
                expected=f"an image or a folder with images ({', '.join(sorted(EXTENSIONS))})",
                remedy=(did_you_mean_file(place) if not place.exists() else "") or "check the path",
            )
        found += inside
    return found
