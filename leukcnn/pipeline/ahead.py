"""Batches that threads make before they are needed."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

Key = tuple[int, int]
"""Number of the epoch and of the batch in it, both from 0."""


class Ahead:
    """Makes batches on threads, in the order in which they are needed.

    A batch depends on its key alone, so the number of threads and their timing change nothing. At most one
    batch for each thread, and two more, are kept. Another batch than the next can be asked for too; those
    after it are made from then on.

    Args:
        make: Makes the batch of a key; called in the threads.
        after: Returns the key after a key, None at the end.
        threads: Number of batches that are made at the same time.

    Attributes:
        fault: What `make` raised first; None if it raised nothing.
    """

    def __init__(
        self, make: Callable[[Key], Any], *, after: Callable[[Key], Key | None], threads: int
    ) -> None:
        self.fault: BaseException | None = None
        self._make, self._after, self._ahead = make, after, threads + 2
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="leukcnn-batches")
        self._batches: dict[Key, Future[Any]] = {}
        self._lock = threading.Lock()

    def __getitem__(self, key: Key) -> Any:
        """Returns the batch of a key, and has the next ones made."""
        with self._lock:
            needed = self._needed(key)
            for known in self._batches.keys() - set(needed):
                self._batches.pop(known).cancel()
            for one in needed:
                if one not in self._batches:
                    self._batches[one] = self._pool.submit(self._made, one)
            batch = self._batches.pop(key)
        return batch.result()

    def close(self) -> None:
        """Ends the threads, after the batches that they are making."""
        self._pool.shutdown(cancel_futures=True)
        self._batches.clear()

    def _needed(self, key: Key) -> list[Key]:
        needed = [key]
        while len(needed) <= self._ahead and (following := self._after(needed[-1])) is not None:
            needed.append(following)
        return needed

    def _made(self, key: Key) -> Any:
        try:
            return self._make(key)
        except BaseException as error:
            self.fault = self.fault or error
            raise
