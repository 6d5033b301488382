"""SIGINT (Ctrl-C) and SIGTERM during a command: the first one ends it in order, a second one at once."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

_ENDING = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """A signal that ends the process arrived.

    Like Python's own `KeyboardInterrupt`, it passes through handlers of `Exception`, and removes on its way
    what is half written.

    Args:
        number: Number of the signal.
    """

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number


def exit_code(error: KeyboardInterrupt) -> int:
    """Returns the exit code that shells expect: 128 plus the number of the signal."""
    return 128 + getattr(error, "number", signal.SIGINT)


@contextlib.contextmanager
def raised() -> Iterator[None]:
    """Context in which SIGINT and SIGTERM raise `Interrupted` in the main thread.

    A signal that the caller ignores, as `nohup` does, stays ignored. After the first one, the next one has
    the system's effect: it ends the process at once.

    Raises:
        Interrupted: A signal arrived.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[signal.Signals, Any] = {}
    interrupted, shown = False, sys.unraisablehook

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        for one in before:
            signal.signal(one, signal.SIG_DFL)
        raise Interrupted(number)

    def repeat(dropped: "sys.UnraisableHookArgs") -> None:
        # Python drops what is raised in a finaliser or in a callback of its garbage collector.
        if not isinstance(dropped.exc_value, Interrupted):
            shown(dropped)
            return
        number = dropped.exc_value.number
        signal.signal(number, interrupt)
        threading.Timer(0.01, os.kill, (os.getpid(), number)).start()

    try:
        for one in _ENDING:
            # None is a handler that wasn't set in Python.
            if signal.getsignal(one) not in (signal.SIG_IGN, None):
                before[one] = signal.signal(one, interrupt)
        sys.unraisablehook = repeat
        yield
    finally:
        sys.unraisablehook = shown
        # After the first signal the process ends, and the second one must not wait for that.
        for one, handler in ({} if interrupted else before).items():
            signal.signal(one, handler)
