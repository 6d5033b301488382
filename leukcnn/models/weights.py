"""Weights from files: how many a file holds, and laying them into a network that they fit."""

import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import keras
import numpy as np

from leukcnn.errors import WeightsError

# A mean image lies beside the weights that were trained with it (see `leukcnn.models.layers`).
_NO_PARAMETERS = "/vars/mean"
_FORMATS = "a .weights.h5, .h5 or .keras file"


def stored_parameters(path: str | Path) -> int:
    """Counts the parameters that a file holds, those of an optimizer left out.

    Args:
        path: A `.weights.h5` file, a `.h5` file as Keras 1 and 2 published them, or a saved `.keras` model.

    Raises:
        WeightsError: The file isn't there or is none of these.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise WeightsError(
            f"There is no weights file {path}.",
            expected=_FORMATS,
            remedy="pass its path, or weights=None for random weights",
        )
    try:
        with _weights_of(path) as weights, h5py.File(weights) as file:
            return _parameters(file)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise WeightsError(
            f"The file {path} can't be read: {error}", expected=_FORMATS, remedy="copy or save it again"
        ) from error


@contextmanager
def _weights_of(path: Path) -> Iterator[Path]:
    """Gives the HDF5 file, that of a saved model unpacked: within its archive it is read far more slowly."""
    if path.suffix != ".keras":
        yield path
        return
    with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
        yield Path(archive.extract("model.weights.h5", folder))


def _parameters(file: h5py.File) -> int:
    sizes = []

    def add(name, item):
        of_optimizer = name.startswith(("optimizer/", "optimizer_weights/"))
        if isinstance(item, h5py.Dataset) and not of_optimizer and not name.endswith(_NO_PARAMETERS):
            sizes.append(int(np.prod(item.shape)))

    file.visititems(add)
    return sum(sizes)


def load_whole(model: keras.Model, path: str | Path) -> None:
    """Loads weights of a whole network from a file.

    Args:
        model: The network, changed in place; untouched where the file holds another number of parameters.
        path: A file as `stored_parameters` takes, of the same network.

    Raises:
        WeightsError: The file isn't there or holds another network's weights.
    """
    path = Path(path).expanduser()
    held = stored_parameters(path)
    if held != model.count_params():
        raise misfit(path, held, {model.name: model.count_params()})
    try:
        with _weights_of(path) as weights, warnings.catch_warnings():
            # Keras only warns where a file lacks a layer, and leaves the layer random.
            warnings.simplefilter("error", UserWarning)
            model.load_weights(weights)
    except (ValueError, OSError, KeyError, zipfile.BadZipFile, UserWarning) as error:
        raise WeightsError(
            f"The file {path} doesn't hold weights of {model.name}: {error}",
            expected=f"the layers of {model.name} with their {held:,} parameters",
            remedy="pass a file that this network saved",
        ) from error


def converted_file(target: str | Path) -> Path:
    """Returns where weights of another library are to be written in Keras' own form.

    Raises:
        WeightsError: The name ends otherwise than in .weights.h5 or .keras.
    """
    target = Path(target).expanduser()
    if not target.name.endswith((".weights.h5", ".keras")):
        raise WeightsError(f"The target is {target}.", expected="a .weights.h5 or .keras file")
    return target


def save_whole(network: keras.Model, target: Path) -> None:
    """Writes a network, or its weights alone, as `converted_file` named the file."""
    if target.suffix == ".keras":
        network.save(target)
    else:
        network.save_weights(target)


def misfit(path: str | Path, held: int, fitting: dict[str, int]) -> WeightsError:
    """Returns the error for a file whose number of parameters fits nothing that could be loaded.

    Args:
        path: The file.
        held: Its number of parameters.
        fitting: What could be loaded, in words -> its number of parameters.
    """
    return WeightsError(
        f"The file {path} holds {held:,} parameters.",
        expected=" or ".join(f"{count:,} parameters of {what}" for what, count in fitting.items()),
        remedy="pass a file that the same network saved, built with the same arguments",
    )
