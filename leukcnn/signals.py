"""SIGINT (Ctrl-C) and SIGTERM during a command: the first one ends it in order, a second one at once."""

import contextlib
import ctypes
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

    def __init__(self, number: int = 0):
        self.number = number or _arrived
        super().__init__(self.number)


# Number of the signal that `raised` has answered; 0 before the first.
_arrived = 0

# Seconds after a signal at which it is raised again, and at which the process ends in any case.
_AGAIN, _AT_LATEST = 3.0, 15.0


@contextlib.contextmanager
def seen() -> Iterator[None]:
    """Context that raises `Interrupted` if an error arises in it after a signal.

    Keras' backends call Python from their own code, and may turn what a signal raises there into another
    error.

    Raises:
        Interrupted: A signal arrived, and an error that it can have caused.
    """
    try:
        yield
    except Exception as error:
        if _arrived:
            raise Interrupted(_arrived) from error
        raise


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
    shown, ended, due = sys.unraisablehook, threading.Event(), False

    def interrupt(number: int, frame: FrameType | None) -> None:
        global _arrived
        _arrived = number
        for one in before:
            signal.signal(one, signal.SIG_DFL)
        threading.Thread(target=_insist, args=(number, ended), daemon=True).start()
        raise Interrupted(number)

    def repeat(dropped: "sys.UnraisableHookArgs") -> None:
        # Python drops what is raised in a finaliser or in a callback of its garbage collector.
        nonlocal due
        if not isinstance(dropped.exc_value, Interrupted):
            shown(dropped)
            return
        signal.signal(signal.SIGALRM, again)
        # More than once: an alarm just before the main thread waits for something doesn't end that wait.
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.05)
        due = True

    def again(number: int, frame: FrameType | None) -> None:
        nonlocal due
        # What is raised in the hook itself would be dropped for good.
        if due:
            due = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise Interrupted

    try:
        for one in _ENDING:
            # None is a handler that wasn't set in Python.
            if signal.getsignal(one) not in (signal.SIG_IGN, None):
                before[one] = signal.signal(one, interrupt)
        sys.unraisablehook = repeat
        with seen():
            yield
    finally:
        ended.set()
        if _arrived:
            due = False
            signal.setitimer(signal.ITIMER_REAL, 0)
        sys.unraisablehook = shown
        # After the first signal the process ends, and the second one must not wait for that.
        for one, handler in ({} if _arrived else before).items():
            signal.signal(one, handler)


def _insist(number: int, ended: threading.Event) -> None:
    """Raises `Interrupted` again in the main thread if it was caught there; ends the process if that fails.

    Args:
        number: Number of the signal.
        ended: Set when the command has ended.
    """
    if ended.wait(_AGAIN):
        return
    thread = ctypes.c_ulong(threading.main_thread().ident or 0)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(Interrupted))
    if not ended.wait(_AT_LATEST - _AGAIN):
        text = "\nInterrupted. What is stored is kept. To go on, run the same command.\n"
        os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, text.encode())
        os._exit(128 + number)
