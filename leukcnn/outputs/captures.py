"""Captures: what tables and figures need of the data and networks, in files of an experiment's folder."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from leukcnn import spec
from leukcnn.arrays import stored_arrays, write_arrays
from leukcnn.errors import StoreError
from leukcnn.fields import to_plain
from leukcnn.files import digest
from leukcnn.outputs.kind import Capture
from leukcnn.records import check_noted

MISTAKES, COPIES = "page_mistakes", "page_copies"
"""Captures of the HTML report; the name of that of mistakes is followed by "_" and the row."""

_PLAIN = "plain"
"""The member of a file that holds the key and all plain values, as JSON."""

_PRINTED = ("title", "where", "notes", "published", "columns", "reference", "measured", "headings", "shape")
"""Fields of a table or figure with printed text and values, or its shape; captures don't depend on them."""

_REMEDY = "run `leukcnn reproduce` again with the same arguments; finished trials are kept"


def key_of(item: spec.Table | spec.Figure) -> str:
    """Returns a hash of a table's or figure's fields, without those of `_PRINTED`."""
    plain = {name: value for name, value in to_plain(item).items() if name not in _PRINTED}
    return digest([type(item).__name__, plain])


class Captured(Mapping):
    """The captures of an experiment by name; a file is read when its name is looked up.

    Args:
        experiment: The experiment's folder.
        item: The table or figure that reads them; a capture made for another kind or other fields is refused.
    """

    def __init__(self, experiment: Path, item: spec.Table | spec.Figure | None = None):
        self.experiment, self.item = experiment, item
        self.folder = experiment / "captured"

    def seen_by(self, item: spec.Table | spec.Figure) -> "Captured":
        """Returns the captures as one table or figure may read them."""
        return Captured(self.experiment, item)

    def __getitem__(self, name: str) -> dict[str, Any]:
        """Returns the values of a capture, its "key", and "of", the key of its table or figure.

        Raises:
            StoreError: There is no such capture, its file was changed or can't be read, or it was made for
                another kind or other fields.
        """
        path = self._path(name)
        try:
            check_noted(path, self.experiment)
            with stored_arrays(path) as stored:
                values = stored.json(_PLAIN)
                if not {"key", "of"} <= values.keys():
                    raise stored.unusable("it has no key")
                for member in stored:
                    field, of_list, _ = member.partition("/")
                    if of_list:
                        values.setdefault(field, []).append(stored[member])
                    elif member != _PLAIN:
                        values[field] = stored[member]
        except StoreError as error:
            found = error.found if path.exists() else f"{path} is gone."
            raise StoreError(found, expected=error.expected, remedy=_REMEDY) from error
        if self.item and values["of"] not in ("", key_of(self.item)):
            raise StoreError(
                f"The capture {name!r} was made for another {type(self.item).__name__.lower()}.",
                expected=f"one of kind {self.item.kind!r} with the fields that {self.item.id!r} has now",
                remedy=_REMEDY,
            )
        return values

    def __contains__(self, name: object) -> bool:
        return self._path(str(name)).exists()

    def __iter__(self) -> Iterator[str]:
        return (path.stem for path in sorted(self.folder.glob("*.npz")))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def get(self, name: str, default: Any = None) -> Any:
        """Returns the values of a capture; the default if there is none."""
        if name not in self:
            return default
        return self[name]

    def keep(self, capture: Capture, *, of: str = "") -> Path:
        """Writes a capture, unless its file is valid and has the same key and `of`; returns the path."""
        path, keys = self._path(capture.name), {"key": capture.key, "of": of}
        # A damaged file is made again.
        with contextlib.suppress(StoreError):
            stored = self.get(capture.name, {})
            if keys == {name: stored.get(name) for name in keys}:
                return path
        arrays, plain = {}, keys
        for field, value in capture.make().items():
            if isinstance(value, np.ndarray):
                arrays[field] = value
            elif isinstance(value, list) and value and isinstance(value[0], np.ndarray):
                arrays |= {f"{field}/{i}": one for i, one in enumerate(value)}
            else:
                plain[field] = value
        write_arrays(path, **arrays, **{_PLAIN: np.array(json.dumps(plain))})
        return path

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.npz"
