"""`leukcnn export`: a trained network becomes a file for other programs, which is run before it is kept."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from types import NoneType
from typing import Any

from leukcnn.argument_types import require_types, user_path
from leukcnn.backend import start_backend
from leukcnn.errors import ArgumentError, DependencyError, StoreError, WeightsError
from leukcnn.exporting.endings import ENDINGS
from leukcnn.fields import did_you_mean
from leukcnn.files import check_writable, explaining
from leukcnn.paths import NETWORK_FILE, list_images, network_file

__all__ = ["Exported", "export"]

# Format -> the packages that it needs in addition to leukcnn's own, and the extra that installs them.
_NEEDS = {
    "onnx": (("onnx", "onnxruntime", "tf2onnx"), "onnx"),
    "litert": (("ai_edge_litert",), "litert"),
}
_PLACE = (str, os.PathLike)
_TYPES: Mapping[str, tuple[type | tuple[type, ...], str]] = {
    "model": (_PLACE, "the file of a network"),
    "format": (str, f"one of {', '.join(ENDINGS)}"),
    "out": ((*_PLACE, NoneType), "a file or None"),
    "images": ((*_PLACE, NoneType), "a folder or None"),
    "force": (bool, "True or False"),
}


def __dir__() -> list[str]:
    return sorted(__all__)


@dataclass(frozen=True)
class Exported:
    """An exported network.

    Attributes:
        file: The file, or the folder of a SavedModel.
        description: The JSON file next to it: the classes, the input, and what must be done before.
        model_card: The model card next to it; "" if the network isn't in the folder of a run that has one.
        format: One of `ENDINGS`.
        program: The program that ran the file, with its version.
        images: Number of images that it was run on.
        given: What these images are: "given" or "synthetic".
        largest_difference: Largest difference between its probabilities and leukcnn's for these images, as
            they were decoded.
        largest_difference_resized: The same for images that leukcnn had cropped and resized before; None if
            the file can't take such images.
    """

    file: str
    description: str
    model_card: str
    format: str
    program: str
    images: int
    given: str
    largest_difference: float
    largest_difference_resized: float | None

    def to_json(self) -> dict[str, Any]:
        """Returns the attributes, for JSON."""
        return asdict(self)


def export(
    model: str | os.PathLike[str],
    *,
    format: str = "onnx",
    out: str | os.PathLike[str] | None = None,
    images: str | os.PathLike[str] | None = None,
    force: bool = False,
) -> Exported:
    """Writes a trained network with its preprocessing as a file that other programs run without leukcnn.

    The file takes decoded images, uint8 (N, H, W, 3), RGB, and returns one probability per class. It is run
    on 32 images and kept only if its probabilities are those of leukcnn. A JSON file next to it has the names
    of the classes in order, and what the file expects.

    Args:
        model: The file of a trial's network.
        format: "onnx", "litert", "savedmodel" or "keras".
        out: The file to write, or the folder of a SavedModel; by default the network's name with the
            format's ending, in the current folder.
        images: A folder of images, or an image, to check the file with; synthetic ones by default.
        force: Whether to replace an earlier export.

    Raises:
        ArgumentError: An argument has another type or value.
        DataError: No image can be used.
        DependencyError: The format's packages aren't installed.
        DeviceError: The format needs the TensorFlow backend.
        StoreError: The output exists, or can't be written.
        WeightsError: The file is no network, or the exported file gives other probabilities.
    """
    require_types(locals(), _TYPES)
    if format not in ENDINGS:
        raise ArgumentError(
            f"format (--format) got {format!r}.",
            expected=", ".join(ENDINGS),
            remedy=did_you_mean(format, ENDINGS),
        )
    source = _network(user_path(model))
    place = _output(source, format, out, force=force)
    files = list_images(user_path(images, "images (--images)")).paths if images is not None else []
    _require_packages(format)
    start_backend()

    from leukcnn.exporting.writing import write

    return write(source, place, format, files)


def _network(path: Path) -> Path:
    if path.is_dir():
        trial = (path / "done.json").exists() and not (path / "model.keras").exists()
        raise WeightsError(
            f"{path} is a folder" + (" of a trial without a network." if trial else "."),
            expected=NETWORK_FILE,
            remedy="a support vector machine or a control can't be exported" if trial else "name the file",
        )
    return network_file(path)


def _output(source: Path, name: str, out: str | os.PathLike[str] | None, *, force: bool) -> Path:
    """Returns the place to write to, after checking that nothing of the user's is lost there.

    Raises:
        StoreError: It exists and may not be replaced, or the folder can't be written to.
    """
    ending = ENDINGS[name]
    added = ending if source.suffix != ending else f"_exported{ending}"
    place = user_path(out, "out (--out)") if out is not None else Path(source.stem + (added or "_savedmodel"))
    with explaining(place):
        fault = ""
        if place.suffix != ending and ending:
            fault = f"ends in {place.suffix!r}" if place.suffix else "has no ending"
            expected = f"a name that ends in {ending}"
        elif place.exists() and place.samefile(source):
            fault, expected = "is the network that is exported", "another file"
        elif os.path.lexists(place) or described(place).exists():
            fault, expected = "exists", "a new file, or --force to replace an earlier export"
            if force:
                fault = _why_kept(place, name)
                expected = "a new file, or an earlier export in this format"
    if fault:
        raise StoreError(f"--out {place} {fault}.", expected=expected, remedy="name another file with --out")
    check_writable(place.parent)
    return place


def _why_kept(place: Path, name: str) -> str:
    """Returns why what is at a place isn't replaced; "" if it is an earlier export."""
    if place.is_symlink():
        return "is a link"
    if os.path.lexists(place) and not described(place).exists():
        return f"exists without {described(place).name}: `leukcnn export` didn't write it"
    if place.exists() and (name == "savedmodel") != place.is_dir():
        return "is " + ("a folder" if place.is_dir() else "a file")
    return ""


def described(place: Path) -> Path:
    """Returns the path of the JSON file next to an exported file."""
    return place.with_name(f"{place.name}.json")


def _require_packages(name: str) -> None:
    needed, extra = _NEEDS.get(name, ((), ""))
    lacking = [package for package in needed if find_spec(package) is None]
    if lacking:
        raise DependencyError(
            f"The format {name} needs {', '.join(lacking)}, which can't be found.",
            expected=f"the packages of the extra {extra!r}",
            remedy=f"pip install 'leukcnn[{extra}]'",
        )
