"""Weights files: the number of parameters that a file holds, and loading it into a network."""

import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import keras
import numpy as np

from leukcnn.argument_types import user_path
from leukcnn.errors import WeightsError

# End of the name of the mean image, which isn't a parameter (see `leukcnn.models.layers`).
_NO_PARAMETERS = "/vars/mean"
_FORMATS = "a .weights.h5, .h5 or .keras file"


def stored_parameters(path: str | Path) -> int:
    """Counts the parameters in a file, without those of an optimizer.

    Args:
        path: A `.weights.h5` file, a `.h5` file as published for Keras 1 and 2, or a saved `.keras` model.

    Raises:
        WeightsError: The file doesn't exist or is none of these.
    """
    path = user_path(path)
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
    """Yields the HDF5 file; that of a `.keras` archive is unpacked, as reading within the archive is slow."""
    if path.suffix != ".keras":
        yield path
        return
    with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
        yield Path(archive.extract("model.weights.h5", folder))


def _parameters(file: h5py.File) -> int:
    sizes: list[int] = []

    def add(name: str, item: h5py.Group | h5py.Dataset) -> None:
        of_optimizer = name.startswith(("optimizer/", "optimizer_weights/"))
        if isinstance(item, h5py.Dataset) and not of_optimizer and not name.endswith(_NO_PARAMETERS):
            sizes.append(int(np.prod(item.shape)))

    file.visititems(add)
    return sum(sizes)


def load_whole(model: keras.Model, path: str | Path) -> None:
    """Loads the weights of a whole network from a file.

    Args:
        model: The network. It is changed in place, unless the file holds another number of parameters.
        path: A file of the same network, in a format of `stored_parameters`.

    Raises:
        WeightsError: The file doesn't exist or holds the weights of another network.
    """
    path = user_path(path)
    stored = stored_parameters(path)
    if stored != model.count_params():
        raise misfit(path, stored, {model.name: model.count_params()})
    try:
        with _weights_of(path) as weights, warnings.catch_warnings():
            # Keras only warns if a file lacks a layer, and the layer keeps its random values.
            warnings.simplefilter("error", UserWarning)
            model.load_weights(weights)
    except (ValueError, OSError, KeyError, zipfile.BadZipFile, UserWarning) as error:
        raise WeightsError(
            f"The file {path} doesn't hold weights of {model.name}: {error}",
            expected=f"the layers of {model.name} with their {stored:,} parameters",
            remedy="pass a file that this network saved",
        ) from error


def converted_file(target: str | Path) -> Path:
    """Returns the path of a weights file to write, after checking its suffix.

    Raises:
        WeightsError: The name doesn't end in .weights.h5 or .keras.
    """
    target = user_path(target)
    if not target.name.endswith((".weights.h5", ".keras")):
        raise WeightsError(f"The target is {target}.", expected="a .weights.h5 or .keras file")
    return target


def save_whole(network: keras.Model, target: Path) -> None:
    """Writes a network to a `.keras` file, or its weights to a `.weights.h5` file."""
    if target.suffix == ".keras":
        network.save(target)
    else:
        network.save_weights(target)


def misfit(path: str | Path, stored: int, fitting: dict[str, int]) -> WeightsError:
    """Returns the error for a file with a wrong number of parameters.

    Args:
        path: The file.
        stored: Its number of parameters.
        fitting: Description of a network that can be loaded -> its number of parameters.
    """
    return WeightsError(
        f"The file {path} holds {stored:,} parameters.",
        expected=" or ".join(f"{count:,} parameters of {what}" for what, count in fitting.items()),
        remedy="pass a file that the same network saved, built with the same arguments",
    )
