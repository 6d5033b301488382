"""How a stage that takes long says how far it is, to whatever shows it: see `leukcnn.progress`."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Count = Callable[[int, int], None]
"""Called with the number that is done and the number of all."""

Counting = Callable[[str], AbstractContextManager[Count]]
"""Begins a stage with a name such as "Decoding images"; the block calls what it gets."""


@contextmanager
def uncounted(what: str) -> Iterator[Count]:
    """Begins a stage that nobody sees."""
    yield lambda done, total: None
