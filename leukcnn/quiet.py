"""A quiet start of Keras' backends: their errors reach stderr, their notes don't.

TensorFlow, absl, oneDNN and XLA write some lines before they read the variables that set their log level, and
report a missing GPU as an error. The commands and `leukcnn.reproduce` hold stderr while a backend starts.
"""

import contextlib
import faulthandler
import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator

from leukcnn.errors import LeukCNNError

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_ERRORS_ALONE = "2"

# absl marks information with I and warnings with W; cuInit returns 303 where there is no driver.
_NOTE = re.compile(
    r"[IW]\d{4} \d\d:\d\d:\d\d|[IW]0000 00:00:\d|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IW] "
    r"|WARNING: All log messages before absl::InitializeLog\(\)|To enable the following instructions:"
    # LiteRT names its library for processors, and the types of what it quantises.
    r"|INFO: Created TensorFlow Lite XNNPACK delegate|fully_quantize: \d"
    r"|E.*failed call to cuInit: .*\(303\)"
)


def set_log_level() -> None:
    """Sets the environment variable with TensorFlow's log level, unless the user has set it."""
    # Its notes on processor features are of no use here; errors are still shown.
    os.environ.setdefault(_LEVEL, _ERRORS_ALONE)


def drop_warnings() -> None:
    """Drops what TensorFlow logs in Python below an error, unless TF_CPP_MIN_LOG_LEVEL asks for notes (0, 1).

    TensorFlow warns that it traces `predict` again for each network; a run needs several networks.
    """
    if not _wants_notes():
        # A filter and not a level, which TensorFlow's import would set again in a notebook.
        logging.getLogger("tensorflow").addFilter(_is_error)


def _is_error(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR


def _wants_notes() -> bool:
    """Returns whether the user asks for the backends' notes."""
    level = os.environ.get(_LEVEL, _ERRORS_ALONE)
    # The import of JAX, which Keras may do, sets the level to 1 if the user hasn't set it.
    return level == "0" or (level == "1" and "jax" not in sys.modules)


@contextlib.contextmanager
def held_stderr() -> Iterator[None]:
    """Holds what the whole process writes to stderr inside; afterwards shows it without the backends' notes.

    If an error that isn't leukcnn's own is raised inside, such as a failed import, everything is shown.
    Nothing is held if TF_CPP_MIN_LOG_LEVEL asks for notes (0 or 1), or if stderr is closed.
    """
    stderr = None if _wants_notes() else _copy_of_stderr()
    if stderr is None:
        yield
        return
    failed = True
    with os.fdopen(stderr, "wb", buffering=0) as shown, tempfile.TemporaryFile() as caught:
        # A crash leaves no time to write what was caught; Python at least shows where it happened.
        guarded = not faulthandler.is_enabled()
        if guarded:
            faulthandler.enable(shown)
        _point_stderr_to(caught.fileno())
        try:
            yield
            failed = False
        except (LeukCNNError, KeyboardInterrupt):
            failed = False
            raise
        finally:
            _point_stderr_to(shown.fileno())
            if guarded:
                faulthandler.disable()
            caught.seek(0)
            for line in caught:
                if failed or not _NOTE.match(line.decode(errors="replace")):
                    shown.write(line)


def _copy_of_stderr() -> int | None:
    """Returns a new file descriptor of stderr; None if stderr is closed."""
    try:
        return os.dup(2)
    except OSError:
        return None


def _point_stderr_to(descriptor: int) -> None:
    if sys.stderr is not None:
        sys.stderr.flush()
    os.dup2(descriptor, 2)
