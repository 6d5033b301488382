"""What tables and figures keep of the data and the networks, in files of an experiment's folder."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from leukcnn.files import stored_arrays, write_arrays
from leukcnn.outputs.kind import Capture

_PLAIN = "plain"
"""The member of a file that holds the key and all plain values, as JSON."""


class Captured(Mapping):
    """Everything that is kept with an experiment, by name; each file is read when it is asked for."""

    def __init__(self, experiment: Path):
        self.folder = experiment / "captured"

    def __getitem__(self, name: str) -> dict[str, Any]:
        """Returns what a capture made, and its "key"; StoreError where there is none."""
        with stored_arrays(self._path(name)) as stored:
            values = json.loads(str(stored[_PLAIN]))
            for member in stored:
                field, of_list, _ = member.partition("/")
                if of_list:
                    values.setdefault(field, []).append(stored[member])
                elif member != _PLAIN:
                    values[field] = stored[member]
        return values

    def __contains__(self, name: object) -> bool:
        return self._path(str(name)).exists()

    def __iter__(self) -> Iterator[str]:
        return (path.stem for path in sorted(self.folder.glob("*.npz")))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def get(self, name: str, default: Any = None) -> Any:
        """Returns what a capture made; a default where there is none."""
        if name not in self:
            return default
        return self[name]

    def keep(self, capture: Capture) -> None:
        """Makes a capture and writes it, unless it is there with the same key."""
        if capture.name in self:
            with stored_arrays(self._path(capture.name)) as stored:
                if json.loads(str(stored[_PLAIN]))["key"] == capture.key:
                    return
        arrays, plain = {}, {"key": capture.key}
        for field, value in capture.make().items():
            if isinstance(value, np.ndarray):
                arrays[field] = value
            elif isinstance(value, list) and value and isinstance(value[0], np.ndarray):
                arrays |= {f"{field}/{i}": one for i, one in enumerate(value)}
            else:
                plain[field] = value
        write_arrays(self._path(capture.name), **arrays, **{_PLAIN: np.array(json.dumps(plain))})

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.npz"
