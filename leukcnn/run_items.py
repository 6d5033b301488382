"""What `Run` holds: tables and figures by name, and a figure that a notebook shows."""

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from leukcnn.errors import UnknownNameError
from leukcnn.fields import did_you_mean

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class FigureFile(os.PathLike[str]):
    """A plotted figure; a notebook shows the image. It can be passed to `open` and other users of paths.

    Attributes:
        path: Its PNG file.
    """

    path: Path

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"<Figure {self.path.stem}: {self.path}>"

    def _repr_png_(self) -> bytes:
        return self.path.read_bytes()


class Items(Mapping[str, _Item]):
    """Tables or figures by name, each made when it is asked for.

    Args:
        what: What they are, in the singular, for messages.
        names: Their names.
        make: Returns one of them by its name.
        ready: Those that are made already.
        unlisted: Other names that `make` accepts: it returns the item, or says why there is none.
    """

    def __init__(
        self,
        what: str,
        names: Sequence[str],
        make: Callable[[str], _Item],
        ready: Mapping[str, _Item] | None = None,
        unlisted: Collection[str] = (),
    ) -> None:
        self._what, self._names, self._make, self._unlisted = what, names, make, unlisted
        self._ready = dict(ready or {})

    def __getitem__(self, name: str) -> _Item:
        if name not in self._names and name not in self._unlisted:
            raise unknown_name(self._what, name, self._names)
        if name not in self._ready:
            self._ready[name] = self._make(name)
        return self._ready[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"<{self._what}s: {', '.join(self._names)}>"

    def _ipython_key_completions_(self) -> list[str]:
        return list(self._names)


def unknown_name(what: str, name: str, known: Sequence[str]) -> UnknownNameError:
    """Returns the error for a name that a run doesn't have, with the names that it has."""
    return UnknownNameError(
        f"There is no {what} named {name!r}.",
        expected=", ".join(known) or f"a run that has a {what}",
        remedy=did_you_mean(str(name), known),
    )
