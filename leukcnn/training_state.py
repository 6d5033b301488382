"""Sealed files of a training: the weights of a network, and the state that a run is resumed from."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from leukcnn.arrays import StoredArrays, stored_arrays, write_quickly
from leukcnn.errors import StoreError
from leukcnn.hosts import Hosts

_RECORD = "record"


@dataclass(frozen=True)
class Record:
    """What a state holds next to a network's variables.

    Attributes:
        next_epoch: Number of epochs that are completed, at least 1.
        history: Logged name -> one value per completed epoch.
        best: For each checkpoint its best value and the epoch of it, counted from 0; None before the first
            epoch with a number.
    """

    next_epoch: int
    history: Mapping[str, Sequence[float]]
    best: Sequence[tuple[float | None, int | None]]


def write_variables(path: Path, variables: Sequence[keras.Variable], record: Record | None = None) -> None:
    """Writes the values of variables, in their order, and the record of a state in one step.

    NumPy's format holds no file open in a native library: HDF5's crashes when the disk gets full.

    Raises:
        StoreError: The folder can't be written to.
    """
    arrays = named_values([keras.ops.convert_to_numpy(variable) for variable in variables])
    if record is not None:
        arrays[_RECORD] = np.array(json.dumps(vars(record)))
    write_quickly(path, **arrays)


def read_record(path: Path) -> Record:
    """Reads the record of a state.

    Raises:
        StoreError: The file was damaged or is no state of this trial.
    """
    with stored_arrays(path, remedy=_remedy(path)) as stored:
        return _record_of(stored)


def read_state(
    path: Path, variables: Sequence[keras.Variable], *, checkpoints: int
) -> tuple[Record, list[np.ndarray]]:
    """Reads a state, and checks that it fits a training.

    Args:
        path: The file.
        variables: The variables of the network.
        checkpoints: Number of the checkpoints.

    Returns:
        The record, and the values of the variables in their order.

    Raises:
        StoreError: The file was damaged, is no state of this trial, or belongs to another network.
    """
    with stored_arrays(path, remedy=_remedy(path)) as stored:
        record, values = _record_of(stored), _values_for(variables, stored, path)
        if len(record.best) != checkpoints:
            raise stored.unusable(f"it has {len(record.best)} best epochs, and this training {checkpoints}")
        return record, values


def load_weights(network: keras.Model, path: Path, *, hosts: Hosts | None = None) -> None:
    """Loads the weights that a `BestCheckpoint` wrote.

    Args:
        network: The network.
        path: The file.
        hosts: The hosts that do this together: host 0 reads the file.

    Raises:
        StoreError: The file was damaged or belongs to another network. The network keeps its weights.
    """

    def read() -> tuple[None, dict[str, np.ndarray]]:
        with stored_arrays(path, remedy=_remedy(path)) as stored:
            return None, named_values(_values_for(network.weights, stored, path))

    _, values = (hosts or Hosts()).shared(read)
    assign(network.weights, values)


def named_values(values: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Returns values by names that keep their order."""
    return {f"v{i}": value for i, value in enumerate(values)}


def assign(variables: Sequence[keras.Variable], values: Mapping[str, np.ndarray]) -> None:
    """Gives variables the values that `named_values` named."""
    for variable, value in zip(variables, values.values(), strict=True):
        variable.assign(value)


def check_weights(path: Path) -> None:
    """Checks that weights which a state refers to are whole.

    Raises:
        StoreError: They aren't.
    """
    with stored_arrays(path, remedy=_remedy(path)):
        pass


def _remedy(path: Path) -> str:
    return f"remove the folder {path.absolute().parent} to start this trial again; finished trials stay"


def _values_for(variables: Sequence[keras.Variable], stored: StoredArrays, path: Path) -> list[np.ndarray]:
    # Backends differ in the integers of their random states.
    expected = [(tuple(v.shape), "float" in keras.backend.standardize_dtype(v.dtype)) for v in variables]
    values = [stored[name] for name in stored if name != _RECORD]
    if expected != [(value.shape, value.dtype.kind == "f") for value in values]:
        raise StoreError(
            f"{path} belongs to another network.",
            expected=f"{len(variables)} arrays with the shapes and types of this network's variables",
            remedy=_remedy(path),
        )
    return values


def _record_of(stored: StoredArrays) -> Record:
    values = stored.json(_RECORD)
    try:
        record = Record(**values)
        epochs = record.next_epoch
        fits = epochs >= 1 and {len(logged) for logged in record.history.values()} <= {epochs}
        fits &= all(epoch is None or 0 <= epoch < epochs for _, epoch in record.best)
    except (TypeError, ValueError, AttributeError) as error:
        raise stored.unusable(f"it is no state of a training ({error})") from error
    if not fits:
        raise stored.unusable("its history has another number of epochs")
    return record
