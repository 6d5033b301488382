"""Find and check the files that a user names, without heavy imports."""

import os
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from leukcnn.argument_types import user_path
from leukcnn.datasets.headers import EXTENSIONS, FORMATS, name_fault, printable, unread_images, unread_notes
from leukcnn.datasets.masks import masks_by_content, masks_by_name, masks_note
from leukcnn.datasets.walk import files_below, is_ignored, listed, read_content, read_files
from leukcnn.errors import DataError, StoreError, WeightsError
from leukcnn.fields import did_you_mean_file, did_you_mean_folder
from leukcnn.files import check_writable, explained

NETWORK_FILE = "a model.keras from a finished trial of `leukcnn reproduce` or `leukcnn evaluate`"
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
"""First columns of the CSV table that `leukcnn predict --out` writes; the others start with `p_`."""

PREDICTION_FORMAT = "leukcnn predictions 1"
"""The first value, "format", of the JSON table that `leukcnn predict --out` writes."""

RECORD = "leukcnn.json"
"""The member of a saved network with its preprocessing and the names of its classes."""

_MIB = 2**20
_TABLES = (".csv", ".json")

PAIR_COLUMNS = (
    *("kind", "distance", "dataset_a", "dataset_b", "image_a", "image_b", "class_a", "class_b"),
    *("group_a", "group_b", "same_class", "same_subject"),
)
"""Columns of the file with all pairs of duplicates that `leukcnn check` writes."""

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


def split_models(arguments: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Divides the arguments of `leukcnn predict` into networks and places of images; opens nothing.

    Returns:
        The networks: the first argument, and the arguments right after it that end in `.keras` and aren't
        folders. Then the other arguments.
    """
    n = 1
    while n < len(arguments) and arguments[n].suffix.lower() == ".keras" and not arguments[n].is_dir():
        n += 1
    return list(arguments[:n]), list(arguments[n:])


def network_files(paths: Iterable[Path]) -> list[Path]:
    """Returns the paths of several networks after checking each as `network_file` does.

    Raises:
        WeightsError: A file can't be a network, or is given twice, also by another name or link.
    """
    files: list[Path] = []
    for path in map(network_file, paths):
        if twice := [file for file in files if file.samefile(path)]:
            raise WeightsError(
                f"The network {path} is given twice, also as {twice[0]}.",
                expected="different networks, whose probabilities are averaged",
                remedy="give each network once",
            )
        files.append(path)
    return files


def check_predictions_file(path: Path, inputs: Iterable[str | Path]) -> None:
    """Checks that a table of predictions can be written to a path, and that nothing else is lost by it.

    An earlier table of predictions may be replaced, and so may an empty file.

    Args:
        path: The file to write; its ending is that of the table's format, .csv or .json.
        inputs: Files that are read: the images and the network.

    Raises:
        StoreError: It is one of the inputs, also by another name or link, it isn't a file, it is a file with
            something else, it has another ending, or the folder can't be written to.
    """
    try:
        fault = _kept_content(path, inputs)
    except OSError as error:
        raise explained(error, path) from error
    if not fault and path.suffix.lower() not in _TABLES:
        fault = f"ends in {path.suffix!r}" if path.suffix else "has no ending"
    if fault:
        raise StoreError(
            f"--out {path} {fault}.",
            expected="a new file, or an earlier table of predictions, whose name ends in .csv or .json",
            remedy="name another file",
        )
    check_writable(path.parent)


def check_pairs_file(path: Path) -> None:
    """Checks that the pairs of duplicates can be written to a path, and that nothing else is lost by it.

    Raises:
        StoreError: It isn't a file, it is a file with something else, its name doesn't end in .csv, or the
            folder can't be written to.
    """
    fault = "" if path.suffix.lower() == ".csv" else "doesn't end in .csv"
    try:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            fault = "is a link" if path.is_symlink() else "isn't a file"
        elif path.exists() and path.stat().st_size:
            with path.open("rb") as file:
                first = file.readline(_MIB).decode(errors="replace").rstrip("\r\n")
            fault = fault or ("" if first == ",".join(PAIR_COLUMNS) else "exists and holds something else")
    except OSError as error:
        raise explained(error, path) from error
    if fault:
        raise StoreError(
            f"--pairs {path} {fault}.",
            expected="a new file, or an earlier one with pairs, whose name ends in .csv",
            remedy="name another file",
        )
    check_writable(path.parent)


def check_new_folder(folder: Path, option: str) -> None:
    """Checks that a folder for new files doesn't exist or is empty, so that no file of the user is replaced.

    Args:
        folder: The folder; files of file managers may be in it.
        option: The option that names it.

    Raises:
        StoreError: It is a file or a link, it holds files, or it can't be written to.
    """
    try:
        inside = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        held = [name for name in inside if not is_ignored(name)]
        fault = f"holds {held[0]}" + f" and {len(held) - 1:,} more" * (len(held) > 1) if held else ""
        if os.path.lexists(folder) and not folder.is_dir():
            fault = "is no folder"
    except OSError as error:
        raise explained(error, folder) from error
    if fault:
        raise StoreError(
            f"{option} {folder} {fault}.",
            expected="a new folder or an empty one: no file is replaced",
            remedy="name another folder",
        )
    check_writable(folder)


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
        line = file.readline(_MIB).decode(errors="replace")
        second = file.readline(_MIB).decode(errors="replace")
    if line.strip() == "{" and second.strip() == f'"format": "{PREDICTION_FORMAT}",':
        return ""
    first = line.rstrip("\r\n").split(",")
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


@dataclass
class ImageFiles:
    """The image files at some places.

    Attributes:
        paths: The files, each once.
        places: For each file, the place through which it was found.
        faults: A line for each file whose name can't be written to a table, and each folder that can't be
            listed.
        notes: What was left out, with its number.
    """

    paths: list[Path] = field(default_factory=list)
    places: list[Path] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def list_images(places: str | Path | Iterable[str | Path]) -> ImageFiles:
    """Lists image files: paths of files are returned as they are, folders are searched at any depth.

    In folders, hidden files, those of file managers and masks of other images are left out, and links are
    followed, as in the folder of a dataset. No file is opened, unless it could be a mask: another file in its
    folder has the same name and another ending.

    Args:
        places: Paths of image files and of folders, or one such path.

    Returns:
        The files in the order of `places`; the files of a folder are sorted by path.

    Raises:
        DataError: A path doesn't exist, or a folder holds no image.
    """
    found, twice, litter = ImageFiles(), 0, 0
    known: set[str] = set()
    for place in map(Path, [places] if isinstance(places, str | Path) else places):
        notes: list[str] = []
        faults: list[str] = []
        inside: list[Path] = []
        if place.is_dir():
            inside, notes = _images_of(sorted(files_below(place, faults)), place)
        elif os.path.lexists(place):
            inside = [place]
            if is_ignored(place.name):
                # A shell's `folder/*` names such files, too.
                litter += 1
                continue
        if not inside and not faults:
            raise DataError(
                f"{place} holds no image." if place.is_dir() else f"{place} doesn't exist.",
                expected=f"an image or a folder with images ({', '.join(sorted(EXTENSIONS))})",
                remedy="; ".join(notes)
                or ("" if place.exists() else _did_you_mean_images(place))
                or "check the path",
            )
        found.notes += notes
        found.faults += faults
        for path in inside:
            # `resolve` would follow links, and a linked image is one of its own.
            same = os.path.normpath(path.absolute())
            twice += same in known
            if same in known:
                continue
            known.add(same)
            if fault := name_fault(str(path)):
                found.faults.append(f"{printable(str(path))} {fault}")
            else:
                found.paths.append(path)
                found.places.append(place)
    if twice:
        found.notes.append(f"{twice:,} images that are named twice are taken once")
    if litter:
        found.notes.append(f"{litter:,} hidden files, or files of file managers, are left out")
    if not found.paths:
        raise _refusal(found.faults or found.notes)
    return found


def _images_of(files: Sequence[Path], folder: Path) -> tuple[list[Path], list[str]]:
    """Returns the images among the files of a folder, and notes on masks and on images that aren't read."""
    images = [path for path in files if path.suffix.lower() in EXTENSIONS]
    masks = masks_by_name(folder, images)
    masks |= masks_by_content(path for path in images if path not in masks)
    notes = [f"{folder}: {masks_note(masks, folder)}"] if masks else []
    notes += [f"{folder}: {note}" for note in unread_notes(unread_images(files), folder)]
    return [path for path in images if path not in masks], notes


def find_images(places: str | Path | Iterable[str | Path]) -> list[Path]:
    """Lists image files as `list_images` does, and reads each once, to check that it is complete.

    None is decoded.

    Args:
        places: Paths of image files and of folders, or one such path.

    Returns:
        The files in the order of `places`, each once; the files of a folder are sorted by path.

    Raises:
        DataError: A path doesn't exist, a folder holds no image or can't be listed, or some files aren't
            complete images or have names that can't be written to a table; one message lists these.
    """
    listing = list_images(places)
    contents = zip(listing.paths, read_files(read_content, listing.paths), strict=True)
    faults = [*listing.faults, *(f"{path} {what}" for path, (digest, what) in contents if not digest)]
    if faults:
        raise _refusal(faults)
    return listing.paths


def _refusal(faults: Sequence[str]) -> DataError:
    return DataError(
        f"{len(faults):,} files or folders can't be used:\n{listed(faults)}",
        expected=f"complete {FORMATS} images, with names in UTF-8",
        remedy="copy, rename or leave them out",
    )


def _did_you_mean_images(place: Path) -> str:
    return did_you_mean_file(place, EXTENSIONS) or did_you_mean_folder(place)
