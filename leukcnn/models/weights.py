"""Weights files: the number of parameters that a file holds, and loading it into a network."""

import io
import json
import warnings
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras

from leukcnn.argument_types import user_path
from leukcnn.errors import WeightsError
from leukcnn.files import replace_file
from leukcnn.models.foreign import clean_weights, parameters_in, reason_of
from leukcnn.models.foreign_reader import WEIGHTS

# A configuration may have this many parameters beyond twice the stored ones: a layer may not store all.
_MOST_UNSTORED = 2**20
_FORMATS = "a .weights.h5, .h5 or .keras file"


def stored_parameters(path: str | Path) -> int:
    """Counts the parameters in a file, without those of an optimizer.

    Args:
        path: A `.weights.h5` file, a `.h5` file as published for Keras 1 and 2, or a saved `.keras` model.

    Raises:
        WeightsError: The file doesn't exist or is none of these.
    """
    return parameters_in(_existing(path))


def _existing(path: str | Path) -> Path:
    path = user_path(path)
    if not path.is_file():
        raise WeightsError(
            f"There is no weights file {path}.",
            expected=_FORMATS,
            remedy="pass its path, or weights=None for random weights",
        )
    return path


def load_whole(model: keras.Model, path: str | Path) -> None:
    """Loads the weights of a whole network from a file.

    Args:
        model: The network. It is changed in place, unless the file holds another number of parameters.
        path: A file of the same network, in a format of `stored_parameters`.

    Raises:
        WeightsError: The file doesn't exist, can't be read, holds the weights of another network, or values
            that aren't finite.
    """
    path = _existing(path)
    with clean_weights(path) as (weights, stored):
        if stored != model.count_params():
            raise misfit(path, stored, {model.name: model.count_params()})
        try:
            with warnings.catch_warnings():
                # Keras only warns if a file lacks a layer, and the layer keeps its random values.
                warnings.simplefilter("error", UserWarning)
                model.load_weights(weights)
        except (ValueError, LookupError, TypeError, AttributeError, OSError, UserWarning) as error:
            raise WeightsError(
                f"The file {path} doesn't hold weights of {model.name}: {reason_of(error)}",
                expected=f"the layers of {model.name} with their {stored:,} parameters",
                remedy="pass a file that this network saved",
            ) from error


def load_archive(copy: Path, parameters: int, custom_objects: Mapping[str, type]) -> keras.Model:
    """Loads the network of a `.keras` archive, without an optimizer. No code from the file is run.

    Args:
        copy: The archive, which `leukcnn.models.foreign.clean_archive` has checked.
        parameters: The number of parameters that it stores.
        custom_objects: Registered name -> class of layers that Keras lacks.

    Raises:
        ValueError: The configuration is that of a much larger network than the weights.
        Exception: What Keras raises for a wrong configuration.
    """
    with zipfile.ZipFile(copy) as archive:
        config = {**json.loads(archive.read("config.json")), "compile_config": None}

    def described() -> int:
        with keras.StatelessScope(initialize_variables=False):
            model = keras.saving.deserialize_keras_object(config, custom_objects=dict(custom_objects))
            return int(model.count_params())

    # A few bytes can describe a network that takes all memory: it is built without values first. A thread of
    # its own has its own state of Keras, in which the network's names and variables are forgotten.
    with ThreadPoolExecutor(1) as thread:
        found = thread.submit(described).result()
    if found > 2 * parameters + _MOST_UNSTORED:
        raise ValueError(f"its configuration has {found:,} parameters, its weights {parameters:,}")
    return keras.models.load_model(copy, custom_objects=dict(custom_objects), compile=False, safe_mode=True)


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
    """Writes a network to a `.keras` file, or its weights to a `.weights.h5` file, in one step.

    The file is made in memory first: HDF5 crashes if the disk fills while one of its files is open.

    Raises:
        StoreError: The folder can't be written to, or the disk is full; an existing file stays as it was.
    """
    made = io.BytesIO()
    # An open file is written to as an archive, whatever `zipped` says.
    keras.saving.save_model(network, made, zipped=False)
    content = made.getbuffer()
    if target.suffix != ".keras":
        with zipfile.ZipFile(made) as archive:
            content = memoryview(archive.read(WEIGHTS))
    with replace_file(target) as draft:
        draft.write_bytes(content)


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
