"""Find and check the files that a user names, without heavy imports."""

import os
import zipfile
from collections.abc import Iterable
from pathlib import Path

from leukcnn.argument_types import user_path
from leukcnn.datasets.headers import EXTENSIONS, name_fault
from leukcnn.datasets.masks import masks_by_content, masks_by_name
from leukcnn.datasets.walk import files_below, listed, read_content, read_files
from leukcnn.errors import DataError, StoreError, WeightsError
from leukcnn.fields import did_you_mean_file, did_you_mean_folder
from leukcnn.files import check_writable, explained

NETWORK_FILE = "a model.keras from a finished trial of `leukcnn reproduce`"
"""What the file of a network is, for error messages."""

_HDF5, _ZIP = (0, b"\x89HDF\r\n\x1a\n"), (0, b"PK\x03\x04")
# Suffix of a weights file -> pairs of a position and the bytes there; one of them is in each such file.
_WEIGHTS: dict[str, tuple[tuple[int, bytes], ...]] = {
    ".h5": (_HDF5,),
    ".hdf5": (_HDF5,),
    ".keras": (_ZIP,),
    ".mat": ((0, b"MATLAB"),),
    # PyTorch writes a zip archive, and before version 1.6 it wrote a pickle.
    **dict.fromkeys((".pyth", ".pth", ".pt", ".bin"), (_ZIP, (0, b"\x80"))),
    # After the length of the header, which is JSON.
    ".safetensors": ((8, b"{"),),
}

PREDICTION_COLUMNS = ("image", "class")
"""First columns of the table that `leukcnn predict --out` writes; the others start with `p_`."""

RECORD = "leukcnn.json"
"""The member of a saved network with its preprocessing and the names of its classes."""

_MIB = 2**20
_MEMBERS = ("metadata.json", "config.json", "model.weights.h5", RECORD)


def network_file(path: str | Path) -> Path:
    """Returns the path of a saved network after checking that the file has its parts, which aren't read.

    Raises:
        WeightsError: There is no such file, it isn't a zip archive, as a `.keras` file is,
            or a part is missing.
    """
    path = user_path(path)
    if not path.is_file():
        remedy = did_you_mean_file(path, (".keras",)) if not path.exists() else ""
        raise WeightsError(
            f"There is no file {path}.", expected=NETWORK_FILE, remedy=remedy or "check the path"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        fault = next((f"it has no {name}" for name in _MEMBERS if name not in names), "")
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        fault = f"it isn't a .keras file ({error})"
    if fault:
        raise WeightsError(
            f"{path} is not a network that leukcnn saved: {fault}.",
            expected=NETWORK_FILE,
            remedy="for another Keras model, use keras.models.load_model and its own preprocessing",
        )
    return path


def check_predictions_file(path: Path, inputs: Iterable[str | Path]) -> None:
    """Checks that a table of predictions can be written to a path, and that nothing else is lost by it.

    An earlier table of predictions may be replaced, and so may an empty file.

    Args:
        path: The file to write.
        inputs: Files that are read: the images and the network.

    Raises:
        StoreError: It is one of the inputs, also by another name or link, it isn't a file, it is a file with
            something else, or the folder can't be written to.
    """
    try:
        fault = _kept_content(path, inputs)
    except OSError as error:
        raise explained(error, path) from error
    if fault:
        raise StoreError(
            f"--out {path} {fault}.",
            expected="a new file, or an earlier table of predictions",
            remedy="name another file",
        )
    check_writable(path.parent)


def _kept_content(path: Path, inputs: Iterable[str | Path]) -> str:
    """Returns what `path` is that may not be replaced, for a sentence about it; "" if it may be replaced."""
    if not path.exists() and not path.is_symlink():
        # On a disk that ignores case the path exists if an input has the same name in another case.
        return ""
    for place in inputs:
        if path.exists() and Path(place).exists() and path.samefile(place):
            return f"is the input {place}" + ("" if path == Path(place) else ", by another name")
    if path.is_symlink():
        return "is a link, which would be replaced by the table"
    if not path.is_file():
        return "is a folder" if path.is_dir() else "is neither a file nor a new name"
    if path.stat().st_size == 0:
        return ""
    with path.open("rb") as file:
        first = file.readline(_MIB).decode(errors="replace").rstrip("\r\n").split(",")
    n = len(PREDICTION_COLUMNS)
    is_table = tuple(first[:n]) == PREDICTION_COLUMNS and len(first) > n
    if is_table and first[n].lstrip('"').startswith("p_"):
        return ""
    return "exists and is no table of predictions"


def check_weights_file(path: Path) -> None:
    """Checks that a file can be one with weights, by its suffix and its first bytes.

    Raises:
        WeightsError: It can't be.
    """
    suffix = path.suffix.lower()
    if suffix not in _WEIGHTS:
        raise WeightsError(
            f"{path} is no weights file.",
            expected=f"a file that ends in {', '.join(_WEIGHTS)}",
            remedy="check the path",
        )
    if not path.is_file():
        what = "isn't a regular file" if path.exists() else "doesn't exist"
        raise WeightsError(f"The weights file {path} {what}.", expected="a file", remedy="check the path")
    with path.open("rb") as file:
        head = file.read(16)
    if not any(head[place:].startswith(begin) for place, begin in _WEIGHTS[suffix]):
        raise WeightsError(
            f"{path} is no weights file: its content isn't that of a {suffix} file.",
            expected=f"a file in the format of {suffix} files",
            remedy="copy or download it again",
        )


def did_you_mean_weights(path: Path) -> str:
    """Returns "did you mean ...?" with the most similar name of a weights file, or of a folder; or ""."""
    return did_you_mean_file(path, _WEIGHTS) or did_you_mean_folder(path)


def find_images(places: str | Path | Iterable[str | Path]) -> list[Path]:
    """Lists image files: paths of files are returned as they are, folders are searched at any depth.

    In folders, hidden files and masks of other images are left out, and links are followed, as in the folder
    of a dataset. Each file is read once, to check that it is complete. None is decoded, unless another file
    with the same name could be its mask.

    Args:
        places: Paths of image files and of folders, or one such path.

    Returns:
        The files in the order of `places`; the files of a folder are sorted by path.

    Raises:
        DataError: A path doesn't exist, a folder holds no image or can't be listed, or some files aren't
            complete images or have names that can't be written to a table; one message lists these.
    """
    found: list[Path] = []
    faults: list[str] = []
    for place in map(Path, [places] if isinstance(places, str | Path) else places):
        if place.is_dir():
            inside = sorted(path for path in files_below(place, faults) if path.suffix.lower() in EXTENSIONS)
            masks = masks_by_name(place, inside)
            masks |= masks_by_content(path for path in inside if path not in masks)
            inside = [path for path in inside if path not in masks]
        else:
            inside = [place] if os.path.lexists(place) else []
        if not inside and not faults:
            raise DataError(
                f"{place} holds no image." if place.is_dir() else f"{place} doesn't exist.",
                expected=f"an image or a folder with images ({', '.join(sorted(EXTENSIONS))})",
                remedy=("" if place.exists() else _did_you_mean_images(place)) or "check the path",
            )
        found += inside
    faults += [f"{path} {fault}" for path in found if (fault := name_fault(str(path)))]
    contents = zip(found, read_files(read_content, found), strict=True)
    faults += [f"{path} {what}" for path, (digest, what) in contents if not digest]
    if faults:
        raise DataError(
            f"{len(faults):,} files or folders can't be used:\n{listed(faults)}",
            expected="complete BMP, PNG, JPEG or TIFF images, with names in UTF-8",
            remedy="copy, rename or leave them out",
        )
    return found


def _did_you_mean_images(place: Path) -> str:
    return did_you_mean_file(place, EXTENSIONS) or did_you_mean_folder(place)
