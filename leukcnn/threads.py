"""Apply a function to many items in threads, with ordered results and a bounded number of items ahead."""

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

# Handing over a task takes about as long as reading a small file. Few are lost when a run is interrupted.
_ITEMS_PER_TASK = 8
# Tasks that wait or are done for each thread: what they return is held until it is asked for.
_TASKS_AHEAD = 4


def processors() -> int:
    """Returns the number of processors that this process may use."""
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    return len(usable) or os.cpu_count() or 1


def in_threads(
    work: Callable[[_Item], _Result],
    items: Sequence[_Item],
    *,
    threads: int | None = None,
    large: bool = False,
) -> Generator[_Result, None, None]:
    """Yields the results of a function for each item, in order. Closing the iterator ends the threads.

    Args:
        work: Called with each item, in any thread. Threads are of use as far as it releases the interpreter,
            as reading, hashing and decoding do.
        items: The items.
        threads: Number of threads; the number of usable processors if None.
        large: Whether an item is much work, and its result takes much memory: few results wait then.
    """
    threads, stopped = threads or processors(), threading.Event()
    items_per_task, tasks_ahead = (1, 1) if large else (_ITEMS_PER_TASK, _TASKS_AHEAD)

    def some(chunk: Sequence[_Item]) -> list[_Result]:
        return [work(item) for item in chunk if not stopped.is_set()]

    waiting: deque[Future[list[_Result]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for start in range(0, len(items), items_per_task):
                waiting.append(pool.submit(some, items[start : start + items_per_task]))
                if len(waiting) > tasks_ahead * threads:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            # An interruption doesn't wait for the items that are left.
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
