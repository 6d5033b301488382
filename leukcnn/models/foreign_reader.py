"""The process that reads weights files from elsewhere: it writes a checked copy, or says why not.

`leukcnn.models.foreign` starts it. The libraries that read HDF5, MATLAB's and PyTorch's files can crash, hang
or take all memory if a file is damaged or hostile. Here that ends this process alone. It loads no Keras, has
limits of memory, time and size (`set_limits`), and reports one line of JSON.

What is copied is what networks need: HDF5 groups, plain arrays of numbers, and Keras' attributes with names.
"""

import json
import math
import os
import re
import resource
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from leukcnn.models.foreign_hdf5 import MIB, MOST_OBJECTS, Refused, claim, copy_checked, limit_of

_LINUX = sys.platform == "linux"
WEIGHTS = "model.weights.h5"
"""Name of the HDF5 file in a `.keras` archive."""

# Members of a `.keras` archive that are copied with the weights -> whether Keras needs them.
_JSON_MEMBERS = {"config.json": True, "metadata.json": True, "leukcnn.json": False}
_LARGEST_JSON, _DEEPEST_JSON = 32 * MIB, 64
_MATLAB_PARTS = re.compile(r"(layers/\d+|normalization|meta/normalization)/\w+(/\d+)?")
# Keys under which a checkpoint may hold the state dict: that of pycls, and others in common use.
_WRAPPERS = ("model_state", "state_dict", "model")


def seconds_of(size: int) -> int:
    """Returns the most processor time to read a file of `size` bytes, in seconds."""
    return 2 + size // (20 * MIB)


def set_limits(size: int) -> None:
    """Sets this process' limits for a file of `size` bytes, beyond what it uses; no core is dumped."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() if _LINUX else 0
    times = resource.getrusage(resource.RUSAGE_SELF)
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_AS: used + limit_of(size),
        resource.RLIMIT_CPU: math.ceil(times.ru_utime + times.ru_stime) + seconds_of(size),
        resource.RLIMIT_FSIZE: limit_of(size) + 64 * MIB,
    }
    for limit, value in limits.items():
        if limit == resource.RLIMIT_AS and not _LINUX:
            continue
        _, most = resource.getrlimit(limit)
        value = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(limit, (value, most))


def count_hdf5(source: Path, folder: Path) -> dict[str, Any]:
    """Counts the parameters in an HDF5 file; reads no values."""
    return {"parameters": copy_checked(source, None, limit_of(source.stat().st_size))}


def copy_hdf5(source: Path, folder: Path) -> dict[str, Any]:
    """Copies an HDF5 file to `folder`, under a name whose end names the format for Keras."""
    name = WEIGHTS if source.name.endswith(".weights.h5") else "model.h5"
    return {"parameters": copy_checked(source, folder / name, limit_of(source.stat().st_size)), "file": name}


def count_archive(source: Path, folder: Path) -> dict[str, Any]:
    """Counts the parameters in the weights of a `.keras` archive."""
    with zipfile.ZipFile(source) as archive:
        return count_hdf5(_extracted(archive, source, folder), folder)


def copy_weights(source: Path, folder: Path) -> dict[str, Any]:
    """Copies the weights of a `.keras` archive to an HDF5 file."""
    with zipfile.ZipFile(source) as archive:
        return copy_hdf5(_extracted(archive, source, folder), folder)


def copy_archive(source: Path, folder: Path) -> dict[str, Any]:
    """Copies the configuration, the weights and leukcnn's record of a `.keras` archive, nothing else."""
    with zipfile.ZipFile(source) as archive:
        texts = {}
        for name, is_needed in _JSON_MEMBERS.items():
            if is_needed or name in archive.namelist():
                texts[name] = _json(name, _member(archive, name, _LARGEST_JSON))
        extracted = _extracted(archive, source, folder)
        found = copy_hdf5(extracted, folder)
    extracted.unlink()
    copied = folder / found["file"]
    claim(folder, copied.stat().st_size)
    with zipfile.ZipFile(folder / "model.keras", "w") as target:
        for name, text in texts.items():
            target.writestr(name, text)
        target.write(copied, WEIGHTS)
    copied.unlink()
    return {"parameters": found["parameters"], "file": "model.keras"}


def copy_matlab(source: Path, folder: Path) -> dict[str, Any]:
    """Copies the layers and the normalisation of MatConvNet's networks to named arrays.

    A part of a structure or a cell array is named by its path, such as "layers/0/weights/1". Numbers stay
    as they are stored, texts become arrays of strings.
    """
    from scipy import io as scipy_io

    contents = scipy_io.loadmat(source)
    layers = contents.get("layers")
    if layers is None or layers.dtype != object:
        names = [name for name in contents if not name.startswith("__")]
        return {"variables": ", ".join(names)[:200]}
    parts = _parts({name: contents[name] for name in ("layers", "meta", "normalization") if name in contents})
    return _write_arrays(source, folder, parts, "fiubU")


def copy_safetensors(source: Path, folder: Path) -> dict[str, Any]:
    """Copies the arrays of a `.safetensors` file."""
    from safetensors.numpy import load

    return _write_arrays(source, folder, sorted(load(source.read_bytes()).items()))


def copy_torch(source: Path, folder: Path) -> dict[str, Any]:
    """Copies the tensors of a state dict that PyTorch saved, as float32; no code of the file is run."""
    import torch

    stored = torch.load(source, map_location="cpu", weights_only=True)
    for wrapper in _WRAPPERS:
        if isinstance(stored, Mapping) and isinstance(stored.get(wrapper), Mapping):
            stored = stored[wrapper]
    if not isinstance(stored, Mapping) or not all(map(torch.is_tensor, stored.values())):
        raise Refused("it holds no state dict")
    return _write_arrays(source, folder, ((name, value.float().numpy()) for name, value in stored.items()))


READERS: dict[str, tuple[Callable[[Path, Path], dict[str, Any]], str]] = {
    "count-hdf5": (count_hdf5, "h5py"),
    "copy-hdf5": (copy_hdf5, "h5py"),
    "count-archive": (count_archive, "h5py"),
    "copy-weights": (copy_weights, "h5py"),
    "copy-archive": (copy_archive, "h5py"),
    "copy-matlab": (copy_matlab, "scipy.io"),
    "copy-safetensors": (copy_safetensors, "safetensors.numpy"),
    "copy-torch": (copy_torch, "torch"),
}
"""Name of a reader -> its function, and the module that it needs, which is loaded before limits are set."""


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    with _opened(archive, name, limit) as file:
        return file.read(limit + 1)


def _opened(archive: zipfile.ZipFile, name: str, limit: int) -> Any:
    found = [info for info in archive.infolist() if info.filename == name]
    if len(found) != 1:
        raise Refused(f"it holds {name} {len(found)} times" if found else f"it holds no {name}")
    if found[0].file_size > limit:
        raise Refused(f"{name} has {found[0].file_size / MIB:,.0f} MiB, more than {limit / MIB:,.0f} MiB")
    return archive.open(found[0])


def _extracted(archive: zipfile.ZipFile, source: Path, folder: Path) -> Path:
    limit = limit_of(source.stat().st_size)
    target = folder / "extracted.weights.h5"
    with _opened(archive, WEIGHTS, limit) as file, target.open("wb") as copy:
        claim(folder, archive.getinfo(WEIGHTS).file_size)
        shutil.copyfileobj(file, copy, MIB)
    return target


def _json(name: str, content: bytes) -> bytes:
    """Returns the content of a JSON file after checking that it can be read without deep recursion."""
    try:
        level = [json.loads(content)]
    except (ValueError, RecursionError) as error:
        raise Refused(f"{name} is no JSON: {error}") from error
    for _ in range(_DEEPEST_JSON):
        inner = [value.values() if isinstance(value, dict) else value for value in level]
        level = [part for value in inner if not isinstance(value, _PLAIN) for part in value]
        if not level:
            return content
    raise Refused(f"{name} has more than {_DEEPEST_JSON} brackets within each other")


_PLAIN = (str, int, float, type(None))


def _parts(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, np.ndarray]]:
    """Yields path -> array for the parts of MATLAB's structures and cells that MatConvNet's networks need."""
    if depth > 6:
        return
    inner: Iterable[tuple[str, Any]] = ()
    if isinstance(value, Mapping):
        inner = value.items()
    elif isinstance(value, np.ndarray) and value.dtype.names:
        record = value.ravel()[:1]
        inner = ((name, record[0][name]) for name in value.dtype.names if len(record))
    elif isinstance(value, np.ndarray) and value.dtype == object:
        inner = ((str(number), part) for number, part in enumerate(value.ravel()[:1000]))
    elif isinstance(value, np.ndarray) and value.dtype.kind in "fiubU" and _MATLAB_PARTS.fullmatch(path):
        yield path, value
    for name, part in inner:
        yield from _parts(part, f"{path}/{name}" if path else name, depth + 1)


def _write_arrays(
    source: Path, folder: Path, arrays: Iterable[tuple[str, np.ndarray]], allowed: str = "fiub"
) -> dict[str, Any]:
    """Writes named arrays to a NumPy archive, and reports their number."""
    left, number = limit_of(source.stat().st_size), 0
    claim(folder, min(left, 2 * source.stat().st_size))
    with zipfile.ZipFile(folder / "arrays.npz", "w", allowZip64=True) as target:
        for name, array in arrays:
            left, number = left - array.nbytes, number + 1
            if left < 0 or number > MOST_OBJECTS or array.dtype.kind not in allowed:
                raise Refused(
                    f"{name[:200]!r} is {array.dtype} {array.shape}, or the arrays are too many or large"
                )
            with target.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asarray(array), allow_pickle=False)
    return {"file": "arrays.npz"}


def main(reader: str, source: str, folder: str) -> None:
    """Runs a reader of `READERS` and prints its report, or {"fault": why the file is refused}."""
    read, module = READERS[reader]
    __import__(module)
    set_limits(Path(source).stat().st_size)
    try:
        report = read(Path(source), Path(folder))
    except MemoryError:
        report = {"fault": "it takes more memory than is allowed for a file of its size"}
    except Refused as error:
        report = {"fault": str(error)}
    # Libraries raise errors of any type for a damaged file.
    except Exception as error:
        text = " ".join(str(error).split())
        report = {"fault": f"{text[:300] or 'it is damaged'} ({type(error).__name__})"}
    print(json.dumps(report), flush=True)
    # HDF5 may crash while it closes a damaged file at the end of a process.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
