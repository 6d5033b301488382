"""Check an HDF5 file from elsewhere and copy what networks need; see `leukcnn.models.foreign_reader`."""

import math
import re
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

MIB = 2**20
MOST_OBJECTS = 20_000
"""Most groups and arrays, or arrays, in a file."""

_DEEPEST = 32
_BLOCK = 32 * MIB
_LARGEST_ATTRIBUTE = 65_536
# HDF5's numbers of Deflate, shuffle, Fletcher's checksum and LZF. Others may be plug-ins.
_FILTERS = (1, 2, 3, 32_000)
_ATTRIBUTE = re.compile(r"(layer_names|weight_names)\d*|backend|keras_version|name|dtype")
_OF_OPTIMIZER = ("optimizer", "optimizer_weights")
# End of the name of the mean image, which isn't a parameter (see `leukcnn.models.layers`).
_NO_PARAMETERS = "/vars/mean"


class Refused(Exception):
    """The file can't be used. The message completes "The file can't be read: "."""


def limit_of(size: int) -> int:
    """Returns the most bytes of values in a file of `size` bytes, and of memory to read it.

    Weights compress little: published files hold at most 1.1 times their size.
    """
    return 256 * MIB + 4 * size


def claim(folder: Path, size: int) -> None:
    """Refuses a file whose copy of `size` bytes has no space in the temporary folder `folder`."""
    free = shutil.disk_usage(folder).free
    if free < size + 16 * MIB:
        raise Refused(
            f"its checked copy takes {size // MIB + 1} MiB in {folder.parent}, where {free // MIB} MiB are "
            "free (the variable TMPDIR names another folder)"
        )


def copy_checked(source: Path, target: Path | None, limit: int) -> int:
    """Checks an HDF5 file, copies it if a target is given, and returns its number of parameters.

    The copy has the same groups and arrays, uncompressed, and the attributes with names that Keras reads. The
    state of an optimizer is left out.

    Args:
        source: The file.
        target: The copy, or None, and then no values are read.
        limit: The most bytes of values.

    Raises:
        Refused: A part of the file isn't a plain group or array, is too large or not finite.
        Exception: What h5py raises for a damaged file.
    """
    import h5py

    with h5py.File(source, "r") as file:
        found = dict(_objects(file))
        arrays = {path: item for path, item in found.items() if isinstance(item, h5py.Dataset)}
        size = sum(map(_bytes, arrays.values()))
        if size > limit:
            raise Refused(
                f"it declares {size / MIB:,.0f} MiB of values, more than {limit / MIB:,.0f} MiB, "
                "the limit for a file of its size"
            )
        _check_places(arrays)
        if target is not None:
            # HDF5 crashes if the disk fills while a file is open.
            claim(target.parent, size)
            faults: list[str] = []
            with h5py.File(target, "w") as copy:
                _copy_attributes(file, copy)
                for path, item in found.items():
                    if path in arrays:
                        faults += _copy_array(path, item, copy)
                    else:
                        _copy_attributes(item, copy.create_group(path))
            if faults:
                more = f" and {len(faults) - 5} more" if len(faults) > 5 else ""
                raise Refused(f"values that are NaN or infinite, in {', '.join(faults[:5])}{more}")
        return sum(item.size for path, item in arrays.items() if not path.endswith(_NO_PARAMETERS))


def _objects(file: Any) -> Iterator[tuple[str, Any]]:
    """Yields path -> group or dataset, a group before its members, without those of an optimizer."""
    import h5py

    seen = {h5py.h5o.get_info(file.id).addr}
    to_do = [("", file)]
    count = 0
    while to_do:
        parent, group = to_do.pop()
        for name in group:
            if not isinstance(name, str) or name in ("", ".", "..") or "/" in name:
                raise Refused(f"{str(name)[:200]!r} is no name of a group or an array")
            path = f"{parent}/{name}" if parent else name
            if path in _OF_OPTIMIZER:
                continue
            count += 1
            if count > MOST_OBJECTS or path.count("/") >= _DEEPEST:
                raise Refused(
                    f"more than {MOST_OBJECTS:,} groups and arrays, or {_DEEPEST} within each other"
                )
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise Refused(f"{path[:200]!r} is a link to another place")
            item = group[name]
            if isinstance(item, h5py.Group):
                address = h5py.h5o.get_info(item.id).addr
                if address in seen:
                    raise Refused(f"the group {path[:200]!r} has two places")
                seen.add(address)
                to_do.append((path, item))
            elif isinstance(item, h5py.Dataset):
                _check_array(path, item)
            else:
                raise Refused(f"{path[:200]!r} is neither a group nor an array")
            yield path, item


def _bytes(dataset: Any) -> int:
    return int(dataset.size) * int(dataset.dtype.itemsize)


def _check_places(arrays: dict[str, Any]) -> None:
    """Refuses arrays that share bytes of the file: an address is damaged, or few bytes claim to be many."""
    places = sorted(
        (dataset.id.get_offset(), _bytes(dataset), path)
        for path, dataset in arrays.items()
        if dataset.id.get_offset() is not None
    )
    for (start, size, path), (following, _, other) in pairwise(places):
        if start + size > following:
            raise Refused(f"{path[:200]!r} and {other[:200]!r} share the same bytes")


def _check_array(path: str, dataset: Any) -> None:
    import h5py

    creation = dataset.id.get_create_plist()
    filters = [creation.get_filter(number)[0] for number in range(creation.get_nfilters())]
    kind, size = dataset.dtype.kind, dataset.dtype.itemsize
    if dataset.is_virtual or dataset.external:
        raise Refused(f"the values of {path[:200]!r} are in another file")
    if not set(filters) <= set(_FILTERS):
        raise Refused(f"{path[:200]!r} is compressed in a way that isn't read: filters {filters}")
    is_number = kind in "fiub" and size <= 8
    if dataset.shape is None or not (is_number or _is_bfloat16(dataset)):
        raise Refused(f"{path[:200]!r} holds no numbers but {dataset.dtype}")
    # One damaged byte of the description of a type changes all values. Keras writes the common types alone.
    stored = dataset.id.get_type()
    if dataset.dtype.byteorder == ">" or not h5py.h5t.py_create(dataset.dtype, logical=True).equal(stored):
        raise Refused(f"{path[:200]!r} holds numbers of an uncommon type, {dataset.dtype} in another layout")


def _is_bfloat16(dataset: Any) -> bool:
    # Keras names the type in an attribute, as NumPy has none; HDF5 sees two bytes.
    return dataset.dtype == np.dtype("V2") and dataset.attrs.get("dtype") == "bfloat16"


def _copy_array(path: str, dataset: Any, copy: Any) -> list[str]:
    """Copies the values of an array. Returns its name if some aren't finite as float32, else nothing."""
    dtype = dataset.dtype.newbyteorder("=")
    target = copy.create_dataset(path, dataset.shape, dtype)
    _copy_attributes(dataset, target)
    rows = dataset.shape[0] if dataset.shape else 1
    step = max(1, _BLOCK * rows // max(1, dataset.size * dtype.itemsize))
    is_finite = True
    for start in range(0, rows, step) if dataset.size else ():
        part = slice(start, start + step) if dataset.shape else ()
        values = np.asarray(dataset[part], dtype)
        target[part] = values
        is_finite = is_finite and _is_finite(values)
    return [] if is_finite else [_named(path, dataset)]


def _is_finite(values: np.ndarray) -> bool:
    if values.dtype.kind == "V":
        # Infinite numbers and NaN have an exponent of ones alone.
        return not np.any(~values.view(np.uint16) & 0x7F80 == 0)
    if values.dtype.kind != "f":
        return True
    # Minimum and maximum are NaN if a value is. They need no second array.
    most = max(abs(float(values.min())), abs(float(values.max())))
    return most <= float(np.finfo(np.float32).max)


def _named(path: str, dataset: Any) -> str:
    """Returns the path of an array, with the name of its layer, which Keras stores in its group."""
    name = dataset.parent.attrs.get("name")
    return f"{path[:200]} ({name[:100]})" if isinstance(name, str) else path[:200]


def _copy_attributes(source: Any, target: Any) -> None:
    import h5py

    for name in source.attrs:
        if not isinstance(name, str) or not _ATTRIBUTE.fullmatch(name):
            continue
        shape = source.attrs.get_id(name).shape
        if shape is None or math.prod(shape) > _LARGEST_ATTRIBUTE:
            raise Refused(f"the attribute {name} isn't a list of names")
        value = source.attrs[name]
        array = np.asarray(value)
        if isinstance(value, str | bytes) or array.dtype.kind == "S":
            target.attrs[name] = value
        elif array.dtype.kind == "O" and all(isinstance(text, str | bytes) for text in array.ravel()):
            target.attrs.create(name, value, dtype=h5py.string_dtype())
        elif array.size:
            raise Refused(f"the attribute {name} isn't a list of names")
        else:
            # Keras writes an empty list of names as an array of floats.
            target.attrs[name] = np.zeros(0)
