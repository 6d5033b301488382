"""A start without the notes of Keras' backends: only what is an error, or no note of theirs, reaches stderr.

TensorFlow, absl, oneDNN and XLA write some lines before they read the variables that set their level, and
call it an error that a machine has no GPU. The command line holds stderr while they start; the library never
does.
"""

import contextlib
import faulthandler
import os
import re
import sys
import tempfile
from collections.abc import Iterator

from leukcnn.errors import LeukCNNError

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_ERRORS_ALONE = "2"

# I and W are absl's marks of information and warnings; 303 is what cuInit gives where there is no driver.
_NOTE = re.compile(
    r"[IW]\d{4} \d\d:\d\d:\d\d|[IW]0000 00:00:\d|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IW] "
    r"|WARNING: All log messages before absl::InitializeLog\(\)|To enable the following instructions:"
    r"|E.*failed call to cuInit: .*\(303\)"
)


def set_variables() -> None:
    """Sets the environment variables that TensorFlow reads once, unless the user has set them."""
    # Its notes on processor features say nothing to a user; errors still show.
    os.environ.setdefault(_LEVEL, _ERRORS_ALONE)
    # Off by default on processors without AVX-512, where its convolutions are the faster ones too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


@contextlib.contextmanager
def held_stderr() -> Iterator[None]:
    """Holds what the whole process writes to stderr inside, and writes it behind without backends' notes.

    All of it is written where an error of another kind than leukcnn's own is raised inside, such as a failed
    import. Nothing is held where TF_CPP_MIN_LOG_LEVEL asks for notes (0 or 1), or where nothing can be.
    """
    wants_notes = os.environ.get(_LEVEL, _ERRORS_ALONE) in ("0", "1")
    stderr = None if wants_notes else _copy_of_stderr()
    if stderr is None:
        yield
        return
    failed = True
    with os.fdopen(stderr, "wb", buffering=0) as shown, tempfile.TemporaryFile() as caught:
        # What kills the process leaves no time to write what was caught: Python at least says where it was.
        guarded = not faulthandler.is_enabled()
        if guarded:
            faulthandler.enable(shown)
        _point_stderr_to(caught.fileno())
        try:
            yield
            failed = False
        except LeukCNNError:
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
    """Returns a new descriptor of what stderr is now; None where it is closed."""
    try:
        return os.dup(2)
    except OSError:
        return None


def _point_stderr_to(descriptor: int) -> None:
    if sys.stderr is not None:
        sys.stderr.flush()
    os.dup2(descriptor, 2)
