"""Find the files that a user names, without heavy imports."""

from collections.abc import Iterable
from pathlib import Path

from leukcnn.datasets.headers import EXTENSIONS
from leukcnn.errors import DataError, WeightsError
from leukcnn.fields import did_you_mean_file

NETWORK_FILE = "a model.keras from a finished trial of `leukcnn reproduce`"
"""What the file of a network is, for error messages."""


def network_file(path: str | Path) -> Path:
    """Returns the path of a saved network after checking that the file exists.

    Raises:
        WeightsError: There is no such file.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        remedy = did_you_mean_file(path) if not path.exists() else ""
        raise WeightsError(
            f"There is no file {path}.", expected=NETWORK_FILE, remedy=remedy or "check the path"
        )
    return path


def find_images(places: str | Path | Iterable[str | Path]) -> list[Path]:
    """Lists image files: paths of files are returned as they are, folders are searched at any depth.

    Args:
        places: Paths of image files and of folders, or one such path.

    Returns:
        The files in the order of `places`; the files of a folder are sorted by path.

    Raises:
        DataError: A path doesn't exist, or a folder holds no image.
    """
    found = []
    for place in map(Path, [places] if isinstance(places, str | Path) else places):
        if place.is_dir():
            inside = sorted(p for p in place.rglob("*") if p.suffix.lower() in EXTENSIONS and p.is_file())
        else:
            inside = [place] if place.is_file() else []
        if not inside:
            raise DataError(
                f"{place} holds no image." if place.is_dir() else f"{place} doesn't exist.",
                expected=f"an image or a folder with images ({', '.join(sorted(EXTENSIONS))})",
                remedy=(did_you_mean_file(place) if not place.exists() else "") or "check the path",
            )
        found += inside
    return found
